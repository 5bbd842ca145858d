"""Numbers of a result as rows: endpoints, observed beside simulated, what each model rests on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from antalgic.evidence.matching import Compared, compared, matching
from antalgic.evidence.validate import FOLD, explanations
from antalgic.model.shelf import Covariate, Parameter, PKModel, SharedSpread
from antalgic.population.people import typical_person
from antalgic.report import words
from antalgic.report.content import nothing
from antalgic.report.window import words_of
from antalgic.result import Arm, Result
from antalgic.simulation import simulate
from antalgic.sources import Source, Variability

Metric = Literal["cmax", "tmax", "auc", "thalf"]

METRICS: tuple[Metric, ...] = ("cmax", "tmax", "auc", "thalf")
UNITS: dict[Metric, str] = {"cmax": "ng/mL", "tmax": "h", "auc": "ng·h/mL", "thalf": "h"}
NAMES: dict[Metric, str] = {"cmax": "Cmax", "tmax": "tmax", "auc": "AUC", "thalf": "t½"}
_METRIC_NAMES: dict[str, str] = {
    "cmax": "Cmax", "tmax": "tmax", "auc": "AUC", "thalf": "t½", "concentration": "C",
    "css": "Css", "cl": "CL", "vss": "Vss",
}  # fmt: skip


@dataclass(frozen=True)
class Endpoint:
    """One endpoint of one analyte in one arm: over people, and in the typical person.

    Values in ``unit``; NaN where an endpoint does not exist.  low and high are the 5th and 95th
    percentile; for a single person they are the value itself.
    """

    arm: str
    analyte: str
    metric: Metric
    unit: str
    typical: float
    median: float
    low: float
    high: float
    people: int


@dataclass(frozen=True)
class Observed:
    """A published value beside the simulated one, as text in the same unit.

    fold is simulated over observed; why explains a known miss; standing says whether the model was
    fitted to the value.
    """

    arm: str
    cohort: str
    cohort_arm: str
    id: str
    analyte: str
    what: str
    unit: str
    observed: str
    spread: str
    simulated: str
    fold: float | None
    standing: str
    why: str
    citation: str
    doi: str | None

    @property
    def beyond(self) -> bool:
        """Whether simulated and observed differ more than two-fold."""
        return self.fold is not None and not 1 / FOLD <= self.fold <= FOLD


@dataclass(frozen=True)
class ParameterRow:
    """A parameter with its passport, as text.  source is the key of a source of its model."""

    name: str
    value: str
    variability: str
    covariates: str
    how: str
    grade: str
    source: str
    locator: str
    uncertainty: str
    note: str


@dataclass(frozen=True)
class ModelCard:
    """A model in use: what it is, why it was chosen, and what it rests on."""

    name: str
    title: str
    sampling: str
    arms: tuple[str, ...]
    why: str
    grades: tuple[str, ...]
    population: str
    doses: tuple[str, ...]
    defects: tuple[str, ...]
    parameters: tuple[ParameterRow, ...]
    sources: dict[str, Source]


def endpoints(result: Result) -> tuple[Endpoint, ...]:
    """Cmax, tmax, AUC from 0 to the end and terminal half-life of every arm and analyte."""
    return tuple(row for arm in result.blood for row in _endpoints(result, arm))


def _endpoints(result: Result, arm: Arm) -> Iterator[Endpoint]:
    if arm.simulation is None or arm.model is None:
        return
    table = result.patients[result.patients["ARM"] == arm.name]
    typical = simulate(
        arm.model, arm.regimen, typical_person(result.people), arm.simulation.times,
        analytes=arm.simulation.analytes, seed=result.study.seed, typical=True, threads=1,
    )  # fmt: skip
    own = {
        "cmax": typical.cmax, "tmax": typical.tmax, "auc": typical.auc, "thalf": typical.half_life,
    }  # fmt: skip
    for column, analyte in enumerate(arm.simulation.analytes):
        if not (table[f"{analyte}.cmax"] > 0).any():
            continue
        for metric in METRICS:
            low, median, high = table[f"{analyte}.{metric}"].quantile([0.05, 0.5, 0.95])
            yield Endpoint(
                arm.label, analyte, metric, UNITS[metric], float(own[metric][0, column]),
                float(median), float(low), float(high), len(table),
            )  # fmt: skip


# --- observed beside simulated -----------------------------------------------------------------


def observed(result: Result) -> tuple[Observed, ...]:
    """Every published value of the library that belongs beside an arm, with its fold error."""
    return tuple(
        _observed(arm, row)
        for arm in result.blood
        for match in matching(arm)
        for row in compared(
            arm, match, seed=result.study.seed, typical=result.study.population.typical
        )
    )


def _observed(arm: Arm, row: Compared) -> Observed:
    o, cohort = row.observation, row.match.cohort
    what = _METRIC_NAMES.get(o.metric, o.metric)
    if o.time is not None:
        what += f" at {words_of(o.time)}"
    elif o.window is not None:
        end = "infinity" if math.isinf(o.window[1]) else words_of(o.window[1])
        start = words_of(o.window[0]) if o.window[0] else "0"
        what += f", {start} to {end}"
    unit = o.kind.unit.replace("*", "·") + (f"/{o.per}" if o.per else "")
    model = arm.model.name if arm.model is not None else ""
    return Observed(
        arm=arm.label,
        cohort=cohort.title,
        cohort_arm=row.match.arm,
        id=o.id,
        analyte=words.analyte(o.analyte),
        what=what + ("" if o.statistic == "not stated" else f" ({o.statistic})"),
        unit=unit,
        observed=words.digits(o.value),
        spread=f"{o.spread_kind} {o.spread_text}" if o.spread_text else "",
        simulated="" if row.simulated is None else words.digits(row.simulated),
        fold=row.fold,
        standing=o.standing(model),
        why=_why(cohort.name, o.id, model),
        citation=o.source.citation,
        doi=o.source.doi,
    )


def _why(cohort: str, observation: str, model: str) -> str:
    """What is on file about a known miss of a model."""
    return " ".join(
        entry.why
        for entry in explanations()
        if (entry.cohort, entry.model) == (cohort, model) and observation in entry.observations
    )


# --- what it rests on --------------------------------------------------------------------------


def model_cards(result: Result) -> tuple[ModelCard, ...]:
    """The models of a result, each once, in the order of its arms."""
    found: dict[str, list[Arm]] = {}
    for arm in result.blood:
        if arm.model is not None:
            found.setdefault(arm.model.name, []).append(arm)
    return tuple(_card(arms) for arms in found.values())


def _card(arms: list[Arm]) -> ModelCard:
    model = arms[0].model
    assert model is not None
    routes = sorted({route for arm in arms for route in arm.regimen.routes})
    return ModelCard(
        name=model.name,
        title=model.title,
        sampling=model.file.sampling,
        arms=tuple(arm.label for arm in arms),
        why="; ".join(dict.fromkeys(arm.why for arm in arms)),
        grades=tuple(f"{words.route(route)}: {model.grade(route)}" for route in routes),
        population=model.file.population.text,
        doses=tuple(f"{words.route(route)}: {text}" for route, text in model.file.doses.items()),
        defects=model.file.defects,
        parameters=parameters(model),
        sources=dict(model.file.sources),
    )


def parameters(model: PKModel) -> tuple[ParameterRow, ...]:
    """Every parameter of a model with value, variability, source and grade."""
    return tuple(_parameter(p) for p in model.parameters.values())


def _parameter(parameter: Parameter) -> ParameterRow:
    entry, known = parameter.entry, parameter.known
    return ParameterRow(
        name=parameter.name,
        value=f"as {entry.same_as}: {known.text}" if entry.same_as else known.text,
        variability=_variability(parameter),
        covariates=", ".join(map(_covariate, entry.covariates)),
        how=known.how,
        grade=known.grade,
        source=known.source,
        locator=known.locator or "",
        uncertainty=known.uncertainty or "",
        note=known.note or "",
    )


def _variability(parameter: Parameter) -> str:
    parts = []
    between = parameter.entry.between
    if isinstance(between, SharedSpread):
        parts.append(f"as {between.same_as}")
    elif between is not None:
        parts.append(spread(between))
    if parameter.entry.occasion is not None:
        parts.append(f"{spread(parameter.entry.occasion)} between occasions")
    return "; ".join(parts)


def spread(found: Variability) -> str:
    """Such as "CV 16 % (ω² 0.0260)": as a coefficient of variation, and as printed."""
    if found.kind == "CV%":
        return f"CV {words.digits(found.value)} %"
    printed = f"{'ω²' if found.kind == 'omega^2' else found.kind} {words.digits(found.value)}"
    if found.scale == "logit":
        return f"{printed} (logit)"
    return f"CV {words.digits(100 * found.cv)} % ({printed})"


def _covariate(effect: Covariate) -> str:
    """Such as "weight^0.75" or "× FRn_Japanese in japanese"."""
    if effect.per == "kg":
        return "per kg"
    if effect.power is not None:
        return f"(weight/{effect.reference or 70:g} kg)^{effect.power:g}"
    if effect.factor is not None:
        return f"× {effect.factor} in {', '.join(effect.is_ or ())}"
    if effect.value is not None:
        return f"{effect.value} below {effect.below:g} years"
    if effect.on == "time":
        return f"× (1 + {effect.slope} × time)"
    return f"+ {effect.slope} per year above {effect.above or 0:g}"


# --- one sentence ------------------------------------------------------------------------------


def summary(result: Result) -> str:
    """What came out, in one sentence made from the endpoints."""
    rows = endpoints(result)
    if not rows:
        return nothing(result)
    if result.study.compared:
        return _disagreement(rows)
    people = rows[0].people
    who = words.count(people, "simulated person", "simulated people")
    start = "In one typical person" if people == 1 else f"In the median of {who}"
    given = {drug for arm in result.arms for drug in arm.regimen.drugs}
    peaks = sorted((r for r in rows if r.metric == "cmax"), key=lambda r: r.analyte not in given)
    main = peaks[0].analyte
    if len({row.arm for row in rows}) == 1:
        half = next(r for r in rows if (r.analyte, r.metric) == (main, "thalf"))
        parts = [f"{words.drug(r.analyte)} {_peak(r)}" for r in peaks]
        last = f"; the last half-life of {words.drug(main)} is {words.digits(half.median)} h"
        return f"{start}, {_once(parts)}{last}."
    own = [r for r in peaks if r.analyte == main]
    areas = [r for r in rows if (r.analyte, r.metric) == (main, "auc")]
    parts = [f"{_peak(r)} under “{r.arm}”" for r in own]
    sizes = words.listed([words.digits(r.median) for r in areas])
    also = f"; its AUC is {sizes} {areas[0].unit}" + ("" if len(own) < 3 else " in turn")
    return f"{start}, {words.drug(main)} {_once(parts)}{also}."


def _once(parts: list[str]) -> str:
    """A list in which the verb, and what the interval is, are said the first time only."""
    later = (p.replace(" peaks at ", " at ").removeprefix("peaks ") for p in parts[1:])
    return words.listed([parts[0], *(part.replace(f"({words.BAND}: ", "(") for part in later)])


def _peak(row: Endpoint) -> str:
    """Such as "peaks at 215 ng/mL (5–95 %: 162–286)"."""
    between = interval(row)
    return f"peaks at {words.digits(row.median)} ng/mL" + (
        f" ({words.BAND}: {between})" if between else ""
    )


def _disagreement(rows: tuple[Endpoint, ...]) -> str:
    parts = []
    for analyte in dict.fromkeys(row.analyte for row in rows):
        peaks = [r for r in rows if r.analyte == analyte and r.metric == "cmax"]
        areas = [r for r in rows if r.analyte == analyte and r.metric == "auc"]
        if len(peaks) < 2:
            continue
        parts.append(
            f"{_range(peaks, 'median Cmax', analyte)}, and {_range(areas, 'median AUC', '')}"
        )
    models = words.sentence(words.spelled(len({row.arm for row in rows})) + " models").rstrip(".")
    return " ".join(f"{models} put {part}." for part in parts)


def _range(rows: list[Endpoint], what: str, analyte: str) -> str:
    low, high = min(rows, key=lambda r: r.median), max(rows, key=lambda r: r.median)
    of = f" of {words.drug(analyte)}" if analyte else ""
    return (
        f"the {what}{of} between {words.digits(low.median)} ({low.arm}) and "
        f"{words.digits(high.median)} {low.unit} ({high.arm}), "
        f"{words.digits(high.median / low.median, 2)}-fold"
    )


def interval(row: Endpoint) -> str:
    """The 5th and 95th percentile as text: "160–335"; empty where they are one number."""
    low, high = words.digits(row.low), words.digits(row.high)
    if row.people == 1 or not math.isfinite(row.low) or low == high:
        return ""
    return f"{low}–{high}"
