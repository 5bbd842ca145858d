"""Writes the tables of the calibration page, from the results that the library was made from."""

import json
from pathlib import Path
from typing import Any

from shelf_page import markdown

RESULTS = Path(__file__).parents[1] / "calibration" / "results"
ORDER = ("sensitization", "plasticity", "metabolite", "block", "expectation", "mood")


def write(folder: Path) -> None:
    """Write compared.md, fitted.md and findings.md to ``folder``."""
    results = {
        name: json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")) for name in ORDER
    }
    folder.mkdir(parents=True, exist_ok=True)
    pages = {
        "compared": compared({n: r for n, r in results.items() if n != "mood"}),
        "findings": findings({n: r for n, r in results.items() if n != "mood"}),
        "fitted": "\n\n".join(
            f"**{name}**\n\n{fitted(results[name])}" for name in ("sensitization", "mood")
        ),
    }
    for name, text in pages.items():
        (folder / f"calibration-{name}.md").write_text(text + "\n", encoding="utf-8")


def compared(results: dict[str, Any]) -> str:
    """One row a mechanism: how far it is from the findings, and what it left open."""
    rows: list[Any] = [("mechanism", "squared misses", "from the prior", "findings", "parameters")]
    for name, r in results.items():
        rows.append(
            (name, f"{r['chi2']:.1f}", f"{r['prior_cost']:.1f}", str(len(r["findings"])),
             str(len(r["parameters"])))
        )  # fmt: skip
    return markdown(rows)


def fitted(result: dict[str, Any]) -> str:
    """One row a parameter: best value, interval, and whether the data said anything about it."""
    from antalgic.model.mechanism import UNITS  # here: only building the pages needs the package

    rows: list[Any] = [("parameter", "value", "90 % posterior", "of the prior's SD")]
    for name, p in result["parameters"].items():
        span = f"{p['low']:.3g} to {p['high']:.3g}"
        unit = "" if UNITS[name] == "1" else f" ({UNITS[name]})"
        rows.append((f"{name}{unit}", f"{p['value']:.3g}", span, f"{p['of_prior_sd']:.2f}"))
    pairs = [f"{a} and {b} ({r:+.2f})" for a, b, r in result["correlations"]]
    tied = f"\n\nTied together in the posterior: {', '.join(pairs)}." if pairs else ""
    return markdown(rows) + tied


def findings(results: dict[str, Any]) -> str:
    """One row a finding, one column a mechanism."""
    first = results["sensitization"]["findings"]
    rows: list[Any] = [("finding", "observed (SE)", *results)]
    for i, row in enumerate(first):
        values = [f"{r['findings'][i]['simulated']:.2f}" for r in results.values()]
        observed = f"{row['observed']:.3g} ({row['se']:.2g})"
        rows.append((f"{row['trial']}, {row['finding']}", observed, *values))
    return markdown(rows)
