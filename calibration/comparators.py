"""Fit the strength of each treatment beside ketamine to its published response.

Run as ``python calibration/comparators.py DRUG ...``; without names, all of them.  One number a
drug (``gain``, for an NSAID ``E_max``) is searched in one dimension, on the default mechanism, for
the least squared misses of the findings marked `use: fit`, each over its SE.  Drugs without such
a finding take the value of another of their class.  Writes results/comparators.json and
library/comparators/fitted.yaml.
"""

import json
import sys
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from scipy.optimize import minimize_scalar

from antalgic.evidence import findings
from antalgic.model import comparators, mechanism

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "comparators.json"
LIBRARY = ROOT / "src" / "antalgic" / "library" / comparators.FITTED
#: Trials whose findings fit a drug, and drugs that take another's value.
TRIALS = {
    "morphine": ("finnerup2015-morphine",),
    "oxycodone": ("finnerup2015-oxycodone",),
    "pregabalin": ("finnerup2015-pregabalin",),
    "gabapentin": ("finnerup2015-gabapentin",),
    "amitriptyline": ("finnerup2015-amitriptyline",),
    "duloxetine": ("finnerup2015-duloxetine", "uchio2018"),
    "diclofenac": ("dacosta2021",),
}
ALIKE = {"remifentanil": "morphine", "naproxen": "diclofenac", "celecoxib": "diclofenac"}
#: Where a strength is looked for: logits, and shares of the joint's drive.
BOUNDS = {"gain": (0.05, 12.0), "E_max": (0.05, 0.99)}
RTOL = 1e-3
_HEAD = "# Written by calibration/comparators.py. Do not edit by hand.\n"


def main(names: list[str]) -> None:
    """Fit, and write the results."""
    done = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for drug in names or TRIALS:
        done[drug] = fitted(drug)
        print(drug, json.dumps(done[drug]), flush=True)
        RESULTS.write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")
    LIBRARY.write_text(library_text(done), encoding="utf-8")


def fitted(drug: str) -> dict[str, Any]:
    """The best value of a drug's strength, and what it gives for each finding."""
    symbol = comparators.STRENGTH[comparators.load(drug).sort]

    def outcomes(value: float) -> list[findings.Outcome]:
        changes = {f"{drug}.{symbol}": value}
        return findings.run(TRIALS[drug], uses=("fit",), changes=changes, rtol=RTOL)

    def missed(value: float) -> float:
        return sum(
            ((o.simulated - o.finding.value) / (o.finding.se or 1.0)) ** 2 for o in outcomes(value)
        )

    best = minimize_scalar(
        missed, bounds=BOUNDS[symbol], method="bounded", options={"xatol": 0.02, "maxiter": 14}
    )
    rows = [
        {"trial": o.trial.name, "finding": o.finding.id, "observed": o.finding.value,
         "simulated": round(o.simulated, 4)}
        for o in outcomes(round(float(best.x), 3))
    ]  # fmt: skip
    return {"symbol": symbol, "value": round(float(best.x), 3), "findings": rows}


def library_text(done: dict[str, Any]) -> str:
    """The text of library/comparators/fitted.yaml."""
    drugs = {drug: _entry(result) for drug, result in done.items()}
    for drug, other in ALIKE.items():
        if other in done:
            drugs[drug] = _entry(done[other], of=other)
    fitted = {"sources": {}, "drugs": dict(sorted(drugs.items()))}
    yaml = YAML()
    yaml.width = 4096
    yaml.default_flow_style = None
    text = StringIO()
    yaml.dump(fitted, text)
    return _HEAD + text.getvalue()


def _entry(result: dict[str, Any], of: str = "") -> dict[str, Any]:
    met = "; ".join(
        f"{row['trial']}, {row['finding']}: {row['simulated']:.3g} for {row['observed']:.3g}"
        for row in result["findings"]
    )
    note = f"on mechanism '{mechanism.DEFAULT}'; {met}"
    if of:
        note = f"as {of}, of the same class, since no finding fits it; {note}"
    return {
        result["symbol"]: {
            "value": f"{result['value']:g}", "how": "fitted here", "grade": "C" if not of else "D",
            "note": note,
        }
    }  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
