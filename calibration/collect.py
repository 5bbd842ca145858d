"""Put the results of calibrate.py into the library.

Writes library/mechanism/fitted.yaml (best values, intervals, placebo responses) and
library/mechanism/posterior/MECHANISM.csv (draws of all parameters that are not known, those that
are not fitted from their priors).
"""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from calibrate import OPEN, RESULTS, at_score
from placebo import all_responses
from ruamel.yaml import YAML

from antalgic import yamlfile
from antalgic.model import mechanism as mechanisms

LIBRARY = Path(__file__).parents[1] / "src" / "antalgic" / "library" / "mechanism"
_HEAD = "# Written by calibration/collect.py from calibration/results. Do not edit by hand.\n"
#: Below this share of the prior's SD the data have said something about a parameter.
_TOLD = 0.8


def main() -> None:
    """Write the files."""
    results = read()
    (LIBRARY / "fitted.yaml").write_text(fitted_text(results), encoding="utf-8")
    (LIBRARY / "posterior").mkdir(exist_ok=True)
    for name in mechanisms.names():
        if name in results:
            text = draws_text(name, [results[r] for r in ("mood", name) if r in results])
            (LIBRARY / "posterior" / f"{name}.csv").write_text(text, encoding="utf-8")


def read() -> dict[str, Any]:
    """The results of every calibration that has been run, by name."""
    return {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name in OPEN
        if (path := RESULTS / f"{name}.json").exists()
    }


def fitted_text(results: dict[str, Any]) -> str:
    """The text of fitted.yaml."""
    fitted: dict[str, Any] = {"sources": {}, "mechanisms": {}, "placebo": {}}
    for name in mechanisms.names():
        own = [results[r] for r in ("mood", name) if r in results]
        fitted["mechanisms"][name] = {
            symbol: _entry(symbol, found, result)
            for result in own
            for symbol, found in result["parameters"].items()
        }
        fitted["placebo"][name] = _placebo(fitted["mechanisms"][name])
    yaml = YAML()
    yaml.width = 4096
    yaml.default_flow_style = None
    text = StringIO()
    yaml.dump(fitted, text)
    return _HEAD + text.getvalue()


def _entry(symbol: str, found: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    unit = mechanisms.UNITS[symbol]
    suffix = f" {unit}" if unit in ("1/h", "h", "ng/mL") else ""
    told = found["of_prior_sd"] < _TOLD
    words = (
        "narrower than its prior" if told else "not identifiable, hardly narrower than its prior"
    )
    share = f"{found['of_prior_sd']:.2f} of its SD"
    library = yamlfile.library(mechanisms.LIBRARY).data["parameters"][symbol]
    entry = {
        "value": f"{found['value']:.4g}{suffix}",
        "uncertainty": f"90 % posterior {found['low']:.3g} to {found['high']:.3g}{suffix}",
        "how": "fitted here",
        "grade": "C" if told else "D",
        "note": f"calibration of '{result['mechanism']}'; {words} ({share})",
    }
    if "between" in library:
        entry["between"] = dict(library["between"])
    return entry


def _placebo(entries: dict[str, Any]) -> dict[str, Any]:
    values = []
    for name in ("w_e", "tau_e", "tau_x"):
        written = entries.get(name, {}).get("value")
        values.append(float(str(written).split()[0]) if written else mechanisms.library_value(name))
    return {
        condition: {k: f"{v:.4g}" for k, v in response.items()}
        for condition, response in all_responses(*values).items()
    }


def draws_text(name: str, own: list[dict[str, Any]]) -> str:
    """Draws side by side as CSV: each result's own, and the rest from their priors."""
    entries = yamlfile.library(mechanisms.LIBRARY).data["parameters"]
    open_here = [symbol for result in own for symbol in result["parameters"]]
    used = mechanisms.used(name)
    rest = [s for s, e in entries.items() if "prior" in e and s not in open_here and s in used]
    count = len(own[-1]["draws"])
    rng = np.random.default_rng(1)
    columns: dict[str, list[float]] = {}
    for result in own:
        for symbol in result["parameters"]:
            columns[symbol] = [draw[symbol] for draw in result["draws"]]
    for symbol in rest:
        columns[symbol] = [at_score(symbol, z) for z in rng.standard_normal(count)]
    expectation = np.array(
        [columns.get(s, [mechanisms.library_value(s)] * count) for s in ("w_e", "tau_e", "tau_x")]
    )
    for k in range(count):
        for condition, response in all_responses(*expectation[:, k]).items():
            for symbol, value in response.items():
                columns.setdefault(f"{symbol}.{condition}", []).append(value)
    lines = [",".join(columns)]
    lines += [",".join(f"{columns[c][k]:.5g}" for c in columns) for k in range(count)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
