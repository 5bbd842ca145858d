"""Does it reproduce what was published?  Every cohort simulated as designed, beside its data.

Each observation is simulated in the model that is the stated default for its purpose, and in every
other runnable model that covers it.  Fold error is simulated over observed; a hit is within
two-fold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from antalgic import yamlfile
from antalgic.dosing import Regimen, expand, read_item
from antalgic.errors import InputError
from antalgic.evidence.cohorts import Cohort, Observation, load, names
from antalgic.model import defaults, shelf
from antalgic.model.defaults import Age, Sampling
from antalgic.model.substances import molar_mass
from antalgic.population import People, PopulationSpec
from antalgic.simulation import Simulation, simulate
from antalgic.simulation.individual import Array
from antalgic.simulation.plan import dose_mass
from antalgic.units import Kind

PEOPLE = 500
SEED = 1
#: Studies of the published size that are drawn from those people, and the share between the ends.
STUDIES = 2000
INTERVAL = (0.05, 0.95)
#: People whose values differ by less than this do not differ but by rounding.
_SAME = 1e-3
#: A hit is a fold error between 1/FOLD and FOLD.
FOLD = 2.0
#: "To infinity" is this many terminal half-lives after the horizon: 2^-16 is left.
_TAIL = 16.0


@dataclass(frozen=True)
class Row:
    """One observation beside one model; ``simulated`` is None where it gives none: see ``why``.

    interval: where 90 % of studies of as many people would find it, None where all people agree.
    """

    cohort: str
    observation: Observation
    model: str
    chosen: bool
    purpose: str
    standing: str
    simulated: float | None
    why: str
    interval: tuple[float, float] | None = None

    @property
    def fold(self) -> float | None:
        """Simulated over observed."""
        return None if self.simulated is None else self.simulated / self.observation.value

    @property
    def hit(self) -> bool | None:
        """Whether it is within two-fold; None where nothing was simulated."""
        fold = self.fold
        return None if fold is None else 1 / FOLD <= fold <= FOLD


@dataclass(frozen=True)
class Score:
    """A model at one purpose: rows, hits, geometric mean fold error, and its mean size."""

    model: str
    purpose: str
    chosen: bool
    n: int
    hits: int
    afe: float
    aafe: float


@dataclass(frozen=True)
class Outcome:
    """Everything that was compared, and what could not be."""

    rows: tuple[Row, ...]
    cohorts: tuple[Cohort, ...]

    @property
    def scores(self) -> tuple[Score, ...]:
        """Models by purpose, the chosen one first."""
        groups: dict[tuple[str, str], list[Row]] = {}
        for row in self.rows:
            if row.fold is not None:
                groups.setdefault((row.purpose, row.model), []).append(row)
        scores = [_score(model, purpose, rows) for (purpose, model), rows in groups.items()]
        return tuple(sorted(scores, key=lambda s: (s.purpose, not s.chosen, s.model)))

    @property
    def misses(self) -> tuple[Row, ...]:
        """Rows of chosen models outside two-fold."""
        return tuple(row for row in self.rows if row.chosen and row.hit is False)


class Explanation(BaseModel):
    """Why observations are missed, in words."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    cohort: str
    observations: tuple[str, ...]
    model: str
    why: str


class _Explanations(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    misses: tuple[Explanation, ...]


@cache
def explanations() -> tuple[Explanation, ...]:
    """What library/misses.yaml says about known misses."""
    return yamlfile.validate(_Explanations, yamlfile.library("misses.yaml")).misses


def explain(row: Row) -> str | None:
    """The explanation of a miss, if there is one on file."""
    for entry in explanations():
        if (entry.cohort, entry.model) == (row.cohort, row.model) and (
            row.observation.id in entry.observations
        ):
            return entry.why
    return None


def run(cohorts: Sequence[str] | None = None) -> Outcome:
    """Simulate cohorts (all where none are named).  Raises InputError for an unknown name."""
    chosen = tuple(load(name) for name in cohorts or names())
    return Outcome(tuple(row for cohort in chosen for row in _rows(cohort)), chosen)


def to_json(outcome: Outcome) -> dict[str, Any]:
    """Rows, scores and what was not simulated, as plain data."""
    return {
        "rows": [
            {
                "cohort": r.cohort,
                "observation": r.observation.id,
                "arm": r.observation.arm,
                "analyte": r.observation.analyte,
                "what": describe(r.observation),
                "observed": r.observation.value,
                "simulated": r.simulated,
                "interval": r.interval,
                "unit": r.observation.kind.unit,
                "per": r.observation.per,
                "fold_error": r.fold,
                "hit": r.hit,
                "model": r.model,
                "chosen": r.chosen,
                "purpose": r.purpose,
                "standing": r.standing,
                "why": r.why or explain(r) or "",
            }
            for r in outcome.rows
        ],
        "scores": [vars(score) for score in outcome.scores],
        "not_simulated": [
            {"cohort": c.name, "ids": list(n.ids), "what": n.what, "reason": n.reason}
            for c in outcome.cohorts
            for n in c.not_simulated
        ],
    }


def describe(seen: Observation) -> str:
    """What was measured, in words: "cmax", "concentration at 2 h", "auc 0 to 6 h"."""
    words = seen.metric if seen.of is None else f"{seen.of} ratio"
    if seen.relative_to:
        words += f" over {seen.relative_to}"
    if seen.time is not None:
        return f"{words} at {seen.time:g} h"
    if seen.window is not None and seen.metric == "auc":
        low, high = seen.window
        return f"{words} {low:g} to {high:g} h"
    return words


def _rows(cohort: Cohort) -> Iterator[Row]:
    for seen in cohort.observations:
        arms = [_regimen(cohort, arm) for arm in (seen.arm, seen.over) if arm]
        pairs = sorted({(d.drug, d.route) for arm in arms for d in arm.doses})
        age: Age = "child" if cohort.people_of(seen.arm).get("children") else "adult"
        given = " and ".join(f"{drug} {route}" for drug, route in pairs)
        parent = (
            "ketamine"
            if seen.analyte.endswith("-ketamine") or seen.analyte == "ketamine"
            else "metabolite"
        )
        site = cohort.sampling if cohort.sampling in ("arterial", "venous") else "any"
        kind = "interaction" if any(arm.perpetrators for arm in arms) else parent
        purpose = f"{given}, {age}, {kind}" + ("" if site == "any" else f", {site}")
        perpetrators = [p.name for arm in arms for p in arm.perpetrators]
        default, why = _default(pairs, age, site, perpetrators)
        others = [
            n for n in shelf.names(runnable=True) if n != default and defaults.covers(n, pairs, age)
        ]
        for name in ([default] if default else []) + others:
            simulated, interval, why_not = _try(cohort, seen, name)
            if simulated is None and name != default:
                continue
            yield Row(
                cohort.name, seen, name, name == default, purpose,
                seen.standing(name, *perpetrators), simulated, why_not, interval,
            )  # fmt: skip
        if not default:
            yield Row(cohort.name, seen, "", True, purpose, "external", None, why)


def _default(
    pairs: list[tuple[str, str]], age: Age, site: Sampling, perpetrators: Sequence[str]
) -> tuple[str, str]:
    """The model that answers, or why none does; a site that no model covers is left open."""
    why = ""
    for wanted in dict.fromkeys((site, "any")):
        try:
            found = defaults.choose(pairs, age=age, sampling=wanted, perpetrators=perpetrators)
        except InputError as error:
            why = error.message
        else:
            return found.model, ""
    return "", why


def _try(
    cohort: Cohort, seen: Observation, model: str
) -> tuple[float | None, tuple[float, float] | None, str]:
    """The statistic, its interval, and why there is none."""
    try:
        values = _of_people(cohort, seen, model)
    except InputError as error:
        return None, None, error.message
    found = float(np.mean(values) if seen.statistic == "mean" else np.median(values))
    if not np.isfinite(found):
        return None, None, f"model '{model}' gives no finite {seen.metric} of {seen.analyte}"
    return found, _interval(values, cohort.n, seen), ""


def _interval(values: Array, n: int | None, seen: Observation) -> tuple[float, float] | None:
    """Of studies of n of these people each, the middle 90 % of the statistic; None if all agree."""
    if n is None or np.ptp(values) <= _SAME * np.max(np.abs(values)):
        return None
    rng = np.random.default_rng(SEED)
    studies = values[rng.integers(0, len(values), (STUDIES, n))]
    found = np.mean(studies, axis=1) if seen.statistic == "mean" else np.median(studies, axis=1)
    low, high = np.quantile(found, INTERVAL)
    return float(low), float(high)


def _of_people(cohort: Cohort, seen: Observation, model: str) -> Array:
    """What was observed, of each simulated person (people,), in its own unit."""
    values = _metric(cohort, seen, seen.arm, model)
    if seen.over is not None:
        values = values / _metric(cohort, seen, seen.over, model)
    if seen.kind is Kind.MOLAR_CONCENTRATION and seen.substance:
        values = values / molar_mass(seen.substance)
    return values


def _metric(cohort: Cohort, seen: Observation, arm: str, model: str) -> Array:
    """The metric of each person of an arm (people,); relative to another analyte where asked."""
    metric = seen.of or ("auc" if seen.metric == "f" else seen.metric)
    values = _one(cohort, seen, arm, model, seen.analyte, metric)
    if seen.relative_to:
        values = values / _one(cohort, seen, arm, model, seen.relative_to, metric)
    if seen.metric == "f":
        people = _people(cohort.name, arm, seen.statistic == "typical")
        regimen = _regimen(cohort, arm)
        values = values / sum(dose_mass(dose, people) for dose in regimen.doses)
    return values


def _one(
    cohort: Cohort, seen: Observation, arm: str, model: str, analyte: str, metric: str
) -> Array:
    analytes = shelf.load(model).analytes
    if analyte not in analytes:
        raise InputError(f"no model gives this: '{model}' does not predict {analyte}")
    column = analytes.index(analyte)
    horizon = cohort.horizon or 24.0
    typical = seen.statistic == "typical"

    def until(end: float) -> Simulation:
        return _simulation(cohort.name, arm, model, typical, end)

    if metric in ("concentration", "css"):
        kept = until(horizon if seen.time is None else seen.time).values
        assert kept is not None
        values: Array = kept[column, -1]
        return values
    low, high = seen.window or (0.0, horizon if metric in ("cmax", "tmax") else np.inf)
    if metric == "auc":
        area = until(_end(until(horizon), horizon) if np.isinf(high) else high).auc[:, column]
        return area if low == 0 else area - until(low).auc[:, column]
    curve = until(min(high, horizon))
    if metric == "cmax":
        return curve.cmax[:, column]
    if metric == "tmax":
        return curve.tmax[:, column] - curve.regimen.doses[0].time
    if metric == "thalf":
        return curve.half_life[:, column]
    long = until(_end(curve, horizon))
    mass = dose_share(long.regimen, analyte) * sum(
        dose_mass(dose, long.people) for dose in long.regimen.doses
    )
    clearance = 1000.0 * mass / long.auc[:, column]
    if metric == "vss":
        end = float(long.times[-1])
        clearance = clearance * _residence(
            _simulation(cohort.name, arm, model, typical, end, 20_000), column
        )
    return clearance / long.people.weight if seen.per == "kg" else clearance


@cache
def _simulation(
    cohort: str, arm: str, model: str, typical: bool, end: float, steps: int = 100
) -> Simulation:
    """An arm of a cohort in a model, with every curve kept, up to a time (h)."""
    found = load(cohort)
    times = np.linspace(0.0, end, steps + 1)
    return simulate(
        model, _regimen(found, arm), _people(cohort, arm, typical), times, seed=SEED,
        typical=typical, trajectories=True,
    )  # fmt: skip


def _end(found: Simulation, horizon: float) -> float:
    """A time (h) so late that nothing measurable is left."""
    return horizon + _TAIL * float(np.nanmax(found.half_life))


def dose_share(regimen: Regimen, analyte: str) -> float:
    """Share of the doses that is the analyte itself: half of a racemate for one enantiomer."""
    racemate = all(dose.drug == "ketamine" for dose in regimen.doses)
    return 0.5 if racemate and analyte in ("s-ketamine", "r-ketamine") else 1.0


def _residence(curve: Simulation, column: int) -> Array:
    """Mean residence time (h) after one intravenous dose: AUMC/AUC less half its length."""
    assert curve.values is not None
    values, times = curve.values[column], curve.times[:, None]
    area = np.trapezoid(values, times, axis=0)
    moment = np.trapezoid(values * times, times, axis=0)
    dose = curve.regimen.doses[0]
    residence: Array = moment / area - dose.time - dose.duration / 2
    return residence


def _regimen(cohort: Cohort, arm: str) -> Regimen:
    items = [read_item(item) for item in cohort.arms[arm]]
    found = expand(arm, items, cohort.horizon or 24.0)
    return replace(found, name=arm)


@cache
def _people(cohort: str, arm: str, typical: bool) -> People:
    size = {"typical": True} if typical else {"size": PEOPLE}
    fields = load(cohort).people_of(arm)
    return PopulationSpec.model_validate({**fields, **size}).people(SEED)


def _score(model: str, purpose: str, rows: Sequence[Row]) -> Score:
    logs = np.log([row.fold for row in rows if row.fold is not None])
    return Score(
        model, purpose, rows[0].chosen, len(rows), sum(bool(row.hit) for row in rows),
        float(np.exp(np.mean(logs))), float(np.exp(np.mean(np.abs(logs)))),
    )  # fmt: skip
