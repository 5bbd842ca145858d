"""Published PK models side by side on one regimen, and which data each was built on.

Every model of the shelf that can take the regimen answers for the same people; how far the models
disagree stands beside how far people differ within one of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from antalgic.dosing import Regimen
from antalgic.dosing.fields import KETAMINE
from antalgic.errors import InputError, did_you_mean, shown
from antalgic.model import defaults, shelf
from antalgic.model.shelf import ModelFile, PKModel
from antalgic.population.people import People, typical_person
from antalgic.result import UNIT, beyond, readout_times
from antalgic.simulation import Simulation, simulate
from antalgic.simulation.bands import QUANTILES
from antalgic.study import Study

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

#: Endpoints and their units, as a Simulation names them.
METRICS = {"cmax": "ng/mL", "tmax": "h", "auc": "ng*h/mL", "half_life": "h"}
#: Endpoints that are compared as ratios; a time of the peak may be zero.
RATIOS = ("cmax", "auc", "half_life")
#: The outermost quantiles of the band and the median.
_OUTER = (QUANTILES[0], 0.5, QUANTILES[-1])


@dataclass(frozen=True)
class Estimate:
    """An endpoint over people: 5th percentile, median, 95th.

    ratio is the median over that of all models, within the geometric coefficient of variation
    between people; both only of endpoints in RATIOS, within only of several people in a model that
    has them vary.
    """

    low: float
    median: float
    high: float
    ratio: float | None
    within: float | None


@dataclass(frozen=True)
class Answer:
    """What one model says of one analyte, ``estimates`` by endpoint (see METRICS)."""

    model: str
    analyte: str
    estimates: dict[str, Estimate]


@dataclass(frozen=True)
class Spread:
    """How far models disagree on an endpoint of an analyte: of their medians over people.

    fold is the largest over the smallest, between the geometric coefficient of variation;
    within the least, middle and highest such coefficient between people, over the models that
    have people vary.
    """

    analyte: str
    metric: str
    models: int
    fold: float
    smallest: str
    largest: str
    between: float
    within: tuple[float, float, float] | None


@dataclass(frozen=True)
class Compared:
    """A regimen in every model that can take it.

    runs are the simulations by model, with the curve of a person without random deviations in
    ``typical``; left are the models that cannot be used, each with the reason.
    """

    study: Study
    people: People
    arm: str
    regimen: Regimen
    models: dict[str, PKModel]
    runs: dict[str, Simulation]
    typical: dict[str, Simulation]
    answers: tuple[Answer, ...]
    spreads: tuple[Spread, ...]
    left: dict[str, str]
    notes: tuple[str, ...]

    @property
    def analytes(self) -> tuple[str, ...]:
        """What is compared: what was given first, then its metabolites."""
        return tuple(dict.fromkeys(answer.analyte for answer in self.answers))

    def curve(self, model: str, analyte: str) -> Array | None:
        """Concentration (times,) ng/mL in the typical person; None where a model has none of it."""
        run = self.typical[model]
        if analyte not in run.analytes:
            return None
        return run.quantiles[run.analytes.index(analyte), :, 2]

    @property
    def times(self) -> Array:
        """Readout times, h."""
        return next(iter(self.typical.values())).times

    def curves(self) -> pd.DataFrame:
        """Long table: model, time_h, output, unit, typical, q05, q25, q50, q75, q95, mean."""
        import pandas as pd

        tables = []
        for answer in self.answers:
            run = self.runs[answer.model]
            at = run.analytes.index(answer.analyte)
            columns: dict[str, Any] = {
                "model": answer.model, "time_h": run.times, "output": answer.analyte,
                "unit": UNIT, "typical": self.curve(answer.model, answer.analyte),
            }  # fmt: skip
            for column, level in enumerate(QUANTILES):
                columns[f"q{round(100 * level):02d}"] = run.quantiles[at, :, column]
            tables.append(pd.DataFrame({**columns, "mean": run.mean[at]}))
        return pd.concat(tables, ignore_index=True)


def run(
    study: Study,
    arm: str | None = None,
    names: Sequence[str] | None = None,
    *,
    threads: int | None = None,
) -> Compared:
    """Run an arm in every model of the shelf that can take it, or in the models named.

    Without an arm it is the only one with ketamine.  Raises InputError for an unknown arm or model,
    a named model that cannot take the regimen, and a regimen that none can.
    """
    label, regimen = _arm(study, arm)
    people = study.people()
    asked = _asked(names)
    models, left = _able(regimen, people, asked)
    times = readout_times(study.horizon, study.output_every)
    runs: dict[str, Simulation] = {}
    failed: dict[str, str] = {}
    for name, model in models.items():
        try:
            runs[name] = simulate(
                model, regimen, people, times, seed=study.seed,
                typical=study.population.typical, threads=threads,
            )  # fmt: skip
        except InputError as error:
            failed[name] = error.message
    left |= failed
    if asked is not None and left:
        name, why = next(iter(left.items()))
        raise InputError(f"model '{name}' cannot be used here: {why}", field="--models")
    if not runs:
        pairs = sorted({(dose.drug, dose.route) for dose in regimen.doses})
        near = f"nearest are {defaults.nearest(pairs)}"
        why = "; ".join(f"{name}: {why}" for name, why in failed.items()) or near
        raise study.error(
            f"no published model can take this arm in these people: {why}", "arms", label
        )
    models = {name: models[name] for name in runs}
    middle = typical_person(people)
    typical = {
        name: simulate(model, regimen, middle, times, typical=True, threads=1)
        for name, model in models.items()
    }
    compared = _compared(runs, regimen)
    answers = _answers(runs, compared)
    return Compared(
        study, people, label, regimen, models, runs, typical, answers,
        _spreads(answers), left, _notes(regimen, models, people),
    )  # fmt: skip


def _arm(study: Study, asked: str | None) -> tuple[str, Regimen]:
    regimens = study.regimens()
    given = {name: regimen for name, regimen in regimens.items() if regimen.doses}
    if asked is None:
        if not given:
            raise study.error("no arm gives ketamine before the horizon", "arms")
        if len(given) > 1:
            listed = ", ".join(shown(name) for name in given)
            raise InputError(f"several arms give ketamine: choose one of {listed}", field="--arm")
        asked = next(iter(given))
    if asked not in regimens:
        hint = did_you_mean(asked, regimens) or f", expected one of {', '.join(regimens)}"
        raise InputError(f"{shown(asked)} is no arm of this study{hint}", field="--arm")
    if asked not in given:
        raise InputError(f"arm {shown(asked)} gives no ketamine before the horizon", field="--arm")
    return asked, given[asked]


def _asked(names: Sequence[str] | None) -> tuple[str, ...] | None:
    """Names of models that there are, each once."""
    if names is None:
        return None
    for name in names:
        try:
            shelf.load(name)
        except InputError as error:
            raise InputError(error.message, field="--models") from error
        if names.count(name) > 1:
            raise InputError(f"{shown(name)} is listed twice", field="--models")
    return tuple(names)


def _able(
    regimen: Regimen, people: People, asked: Sequence[str] | None
) -> tuple[dict[str, PKModel], dict[str, str]]:
    """Models that may take a regimen, and the others with the reason; all where none are asked."""
    able: dict[str, PKModel] = {}
    left: dict[str, str] = {}
    for name in asked or shelf.names():
        file = shelf.record(name)
        why = _obstacle(file, regimen, people, chosen=asked is not None)
        if why is None:
            able[name] = shelf.load(name)
        else:
            left[name] = why
    return able, left


def _obstacle(file: ModelFile, regimen: Regimen, people: People, *, chosen: bool) -> str | None:
    """Why a model cannot be used; a model that was chosen by name may be of another age."""
    if file.status != "runnable":
        missing = file.missing if isinstance(file.missing, str) else "; ".join(file.missing or ())
        return f"filed as reference only, missing: {missing}"
    model = shelf.load(file.model)
    for drug, route in sorted({(dose.drug, dose.route) for dose in regimen.doses}):
        if not model.covers(drug, route):
            return f"has no {drug} by route {route}"
    child = float(np.median(people.age)) < 18
    if not chosen and file.ages != "all" and (file.ages == "child") != child:
        built, here = ("children", "adults") if file.ages == "child" else ("adults", "children")
        return f"built on {built}, the people here are {here}"
    return None


def _compared(runs: dict[str, Simulation], regimen: Regimen) -> tuple[str, ...]:
    """What was given, as far as models predict it, and metabolites that at least two predict."""
    counts: dict[str, int] = {}
    for run in runs.values():
        for column, analyte in enumerate(run.analytes):
            if (run.cmax[:, column] > 0).any():
                counts[analyte] = counts.get(analyte, 0) + 1
    least = min(2, len(runs))
    given = [drug for drug in regimen.drugs if drug in counts]
    rest = [a for a, n in counts.items() if n >= least and a not in KETAMINE]
    return tuple([*given, *rest])


def _answers(runs: dict[str, Simulation], analytes: Sequence[str]) -> tuple[Answer, ...]:
    found = []
    for analyte in analytes:
        values = {
            name: {m: getattr(run, m)[:, run.analytes.index(analyte)] for m in METRICS}
            for name, run in runs.items()
            if analyte in run.analytes
        }
        middles = {
            m: float(np.median([np.median(own[m]) for own in values.values()])) for m in METRICS
        }
        found += [
            Answer(
                name,
                analyte,
                {m: _estimate(m, own[m], middles[m], _varies(runs[name])) for m in METRICS},
            )
            for name, own in values.items()
        ]
    return tuple(found)


def _estimate(metric: str, values: Array, middle: float, varies: bool) -> Estimate:
    low, median, high = (float(q) for q in np.quantile(values, _OUTER))
    if metric not in RATIOS:
        return Estimate(low, median, high, None, None)
    within = geometric_cv(values) if varies else None
    return Estimate(low, median, high, median / middle, within)


def _varies(run: Simulation) -> bool:
    """Whether a model has people vary beyond what their weight and the like explain."""
    return len(run.people) > 1 and bool(run.model.deviations)


def geometric_cv(values: Array) -> float:
    """Coefficient of variation of a log-normal distribution with the same SD of logarithms.

    values (n,), positive; of one value it is 0.
    """
    if len(values) < 2:
        return 0.0
    return math.sqrt(math.expm1(float(np.var(np.log(values), ddof=1))))


def _spreads(answers: Sequence[Answer]) -> tuple[Spread, ...]:
    """How far the models disagree, where there are at least two."""
    found = []
    for analyte in dict.fromkeys(answer.analyte for answer in answers):
        own = {a.model: a.estimates for a in answers if a.analyte == analyte}
        if len(own) < 2:
            continue
        for metric in RATIOS:
            medians = {name: e[metric].median for name, e in own.items()}
            small, large = (f(medians, key=lambda n: medians[n]) for f in (min, max))
            within = [w for e in own.values() if (w := e[metric].within) is not None]
            found.append(
                Spread(
                    analyte, metric, len(own), medians[large] / medians[small], small, large,
                    geometric_cv(np.array(list(medians.values()))),
                    (min(within), float(np.median(within)), max(within)) if within else None,
                )
            )  # fmt: skip
    return tuple(found)


def _notes(regimen: Regimen, models: dict[str, PKModel], people: People) -> tuple[str, ...]:
    notes = list(dict.fromkeys((*people.notes, *regimen.notes)))
    if regimen.decisions:
        fields = ", ".join(sorted({f for d in regimen.decisions for f in d.rules}))
        notes.append(f"doses are those of a person in whom the rules ({fields}) never hold")
    if regimen.beside:
        notes.append(f"{', '.join(regimen.beside)} beside ketamine is left out: blood only")
    sites = {name: model.file.sampling for name, model in models.items()}
    if len(set(sites.values())) > 1:
        listed = ", ".join(f"{name} {site}" for name, site in sites.items())
        notes.append(f"part of the difference is where blood was drawn: {listed}")
    for name, model in models.items():
        if len(people) > 1 and not model.deviations:
            notes.append(f"{name} has no variability between people: its band is of the dose only")
        notes += beyond(model, people)
        notes += [
            f"route {route} in {name} carries grade {model.grade(route)}"
            for route in regimen.routes
            if model.grade(route) in "CD"
        ]
    return tuple(notes)
