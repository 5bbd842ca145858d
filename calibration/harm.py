"""Fit the harm of ketamine to published scores and incidences; write library/harm/fitted.yaml.

    python calibration/harm.py

Levels come from the default blood models; everything behind them is the steps of model/harm.py
themselves, applied to arrays.  Each number is fitted to one printed number, by its root, so that
what is left over can serve as a check (library/studies).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri

from antalgic.dosing import Regimen, expand, read_item
from antalgic.evidence.findings import model_of
from antalgic.model import harm
from antalgic.model import mechanism as mechanisms
from antalgic.model.receptor import enantiomers, share_of_s
from antalgic.population import PopulationSpec
from antalgic.simulation import simulate
from antalgic.simulation.individual import Array, Draw
from antalgic.simulation.persons import moved

PEOPLE = PopulationSpec.model_validate(
    {"size": 2000, "weight": {"mean": "79 kg", "sd": "19 kg"}, "female": 0.6}
).people(1)
DRAW = Draw(1)
TARGET = Path(__file__).parents[1] / "src" / "antalgic" / "library" / harm.FITTED

NASAL: dict[str, Any] = {"drug": "s-ketamine", "route": "nasal"}
SESSIONS: Mapping[str, tuple[dict[str, Any], float]] = {
    "56 mg": ({**NASAL, "amount": "56 mg"}, 4.0),
    "84 mg": ({**NASAL, "amount": "84 mg"}, 4.0),
    "0.4 mg/kg": (
        {"drug": "ketamine", "route": "iv", "amount": "0.4 mg/kg", "for": "10 min"}, 2.0,
    ),
    "0.5 mg/kg": (
        {"drug": "ketamine", "route": "iv", "amount": "0.5 mg/kg", "for": "40 min"}, 4.0,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Levels:
    """S- and R-ketamine at the fast site (people, times), ng/mL."""

    S: Array
    R: Array

    def like_s(self) -> Array:
        """What acts like S-ketamine."""
        return self.S + typical("s_R") * self.R


def typical(name: str) -> float:
    """The library's typical value."""
    shared = mechanisms.parameters()
    return (shared[name] if name in shared else harm.parameters()[name]).known.value


def spread(name: str) -> Array:
    """Everyone's value as the simulator draws it."""
    known = harm.parameters()[name]
    assert known.between is not None
    return moved(known.known.value, known.between, DRAW.normal(f"eta.{name}", len(PEOPLE)))


def levels(name: str) -> Levels:
    """A session's levels at the site, people by people, with their own rate constants."""
    item, hours = SESSIONS[name]
    regimen: Regimen = expand(name, [read_item(item)], hours)
    times = np.linspace(0.0, hours, max(241, int(hours * 12) + 1))
    model = model_of(regimen)
    assert model is not None
    found = simulate(model, regimen, PEOPLE, times, seed=1, trajectories=True)
    assert found.values is not None
    curves = dict(zip(found.analytes, np.moveaxis(found.values, 2, 1), strict=True))
    if "ketamine" in curves and "s-ketamine" not in curves:
        _, parts = enantiomers(curves["ketamine"], share_of_s())
        curves |= dict(zip(("s-ketamine", "r-ketamine"), parts, strict=True))
    none = np.zeros_like(curves["s-ketamine"])
    return Levels(_site(curves["s-ketamine"], times), _site(curves.get("r-ketamine", none), times))


def _site(plasma: Array, times: Array) -> Array:
    """Exact for a level that is straight between readouts."""
    keep = np.exp(-spread("ke0_h") * (times[1] - times[0]))
    share = (1 - keep) / -np.log(keep)
    site = np.zeros_like(plasma)
    for k in range(1, plasma.shape[1]):
        new = (1 - share) * plasma[:, k] + (share - keep) * plasma[:, k - 1]
        site[:, k] = keep * site[:, k - 1] + new
    return site


def _complaint(name: str, peak: Array, share: float) -> float:
    """The slope b at which this share has the complaint at the peak."""
    a = typical(f"a_{name}")
    return float(brentq(lambda b: np.mean(1 / (1 + np.exp(-(a + b * peak)))) - share, 0.0, 1.0))


#: Complaints and their shares on 84 mg, with the patients they are of.
ON_84: Mapping[str, float] = {
    "nausea": 0.269, "vomit": 0.115, "dizzy": 0.383, "sleepy": 0.207, "psych": 0.339,
}  # fmt: skip
TREATED = 227


def complaints(peak: Array) -> dict[str, dict[str, Any]]:
    """b of every complaint, with the interval that the printed share's own error gives."""
    rows = {}
    for name, share in ON_84.items():
        error = 1.96 * np.sqrt(share * (1 - share) / TREATED)
        low, best, high = (_complaint(name, peak, share + e) for e in (-error, 0.0, error))
        rows[f"b_{name}"] = row(best, f"{100 * share:.1f} % on 84 mg", "aspire2021", (low, high))
    return rows


def dissociation(found: Mapping[str, Levels]) -> dict[str, dict[str, Any]]:
    """Median and spread of x_1: the mean after 0.4 mg/kg, and the share above 4 on nasal doses."""
    x_0, z = spread("x_0"), DRAW.normal("eta.x_1", len(PEOPLE))
    sessions = {n: found[n].like_s() for n in ("0.4 mg/kg", "56 mg", "84 mg")}
    high = {n: (C / (typical("C_high") + C)).max(axis=1) for n, C in sessions.items()}

    def score(name: str, x_1: Array) -> Array:
        x = x_0 + x_1 * high[name] ** 3
        return harm.CADSS * x / (1 + x)

    start = harm.CADSS * x_0 / (1 + x_0)

    def median(sd: float) -> float:
        shape = np.exp(sd * z)
        after = "0.4 mg/kg"
        return float(brentq(lambda m: score(after, m * shape).mean() - 24.9, 1e-3, 1e3))

    def above(sd: float) -> float:
        x_1 = median(sd) * np.exp(sd * z)
        hits = [(score(n, x_1) > 4) & (start <= 4) for n in ("56 mg", "84 mg")]
        return float(np.mean(hits))

    grid = np.linspace(0.2, 2.0, 91)
    sd = float(min(grid, key=lambda s: abs(above(s) - 0.68)))
    text = (
        f"CADSS 24.9 after 0.4 mg/kg; {100 * above(sd):.0f} % rise above 4 on 56 or 84 mg, printed "
        "61 to 75"
    )
    return {"x_1": row(median(sd), text, "goldway2025", sd=sd)}


def sedation(found: Mapping[str, Levels]) -> dict[str, dict[str, Any]]:
    """Median and spread of y_1: 54.5 % score 4 or less on nasal doses, 0.35 % 1 or less."""
    peak = np.concatenate([found[n].like_s().max(axis=1) for n in ("56 mg", "84 mg")])
    level = float(np.median(peak))
    own = float(np.std(np.log(peak)))  # spread of the levels themselves
    low, deep = ndtri(0.545), ndtri(0.0035)
    total = (np.log(4.0) - np.log(0.25)) / (low - deep)
    sd = float(np.sqrt(max(total**2 - own**2, 0.0)))
    y_1 = float(0.25 * np.exp(low * total) / level)
    text = "54.5 % (48 to 61) at 4 or less and 0.35 % at 1 or less on 56 or 84 mg"
    return {"y_1": row(y_1, text, "spravato", sd=sd)}


def circulation(found: Mapping[str, Levels]) -> dict[str, dict[str, Any]]:
    """Slopes from the mean rises of 741 infusions."""
    top = float((spread("h")[:, None] * found["0.5 mg/kg"].S).mean(axis=0).max())
    printed = {"s_SBP": 7.4, "s_DBP": 6.0, "s_HR": 1.9}
    return {
        name: row(rise / top, f"a mean rise of {rise:g} in 741 infusions", "infusions741")
        for name, rise in printed.items()
    }


def row(
    value: float,
    target: str,
    source: str,
    interval: tuple[float, float] | None = None,
    sd: float | None = None,
) -> dict[str, Any]:
    """An entry of the library file."""
    made: dict[str, Any] = {"value": f"{value:.4g}"}
    if interval is not None:
        made["uncertainty"] = f"{interval[0]:.3g} to {interval[1]:.3g}"
    made |= {"source": source, "how": "fitted here", "grade": "C" if interval else "D"}
    made["note"] = f"fitted to: {target}"
    if sd is not None:
        made["between"] = {"kind": "SD", "value": round(sd, 3)}
    return made


def main() -> None:
    """Fit everything and write the file."""
    from ruamel.yaml import YAML

    found = {name: levels(name) for name in SESSIONS}
    peak = found["84 mg"].like_s().max(axis=1)
    rows = {
        **dissociation(found), **sedation(found), **complaints(peak), **circulation(found),
    }  # fmt: skip
    for name, entry in rows.items():
        print(name, entry)
    cited = harm_sources({str(entry["source"]) for entry in rows.values()})
    yaml = YAML()
    yaml.width = 10_000
    text = "# Written by calibration/harm.py. Do not edit by hand.\n"
    with TARGET.open("w", encoding="utf-8") as file:
        file.write(text)
        yaml.dump({"sources": cited, "parameters": rows}, file)


def harm_sources(keys: set[str]) -> dict[str, Any]:
    """The sources of library/harm/acute.yaml that are cited."""
    from antalgic import yamlfile

    known = yamlfile.library(harm.LIBRARY).data["sources"]
    return {key: dict(known[key]) for key in sorted(keys)}


if __name__ == "__main__":
    main()
