"""The cohorts of library/cohorts: what was given in published studies, and what was measured.

One YAML file each: the arms as in a study file, the people to simulate, and the published values.
Times count from the start of the arm, in h.  What cannot be simulated is kept with the reason, so
that nothing published drops out of sight.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from antalgic import units, yamlfile
from antalgic.dosing import AnyItem, ItemError, expand
from antalgic.dosing.fields import Hours, Prose, Strict, Words, close_to, problem
from antalgic.errors import InputError, shown
from antalgic.population import PopulationSpec
from antalgic.sources import Source, read_sources
from antalgic.units import Kind, Per
from antalgic.yamlfile import Document

FOLDER = Path(__file__).parents[1] / "library" / "cohorts"

Metric = Literal["cmax", "tmax", "auc", "concentration", "css", "cl", "vss", "thalf", "f", "ratio"]
Sampling = Literal["arterial", "venous", "both", "not stated"]
Statistic = Literal["mean", "median", "typical", "not stated"]
How = Literal["read", "transcribed", "digitised", "derived"]
Seen = Literal["primary", "secondary"]
SpreadKind = Literal[
    "SD", "SE", "CV between people", "90 % CI", "95 % CI", "range", "reading error", "not stated"
]
Standing = Literal["seen in fitting", "perhaps seen in fitting", "external"]

_KINDS: Mapping[Metric, Kind] = {
    "cmax": Kind.CONCENTRATION,
    "tmax": Kind.TIME,
    "auc": Kind.AUC,
    "concentration": Kind.CONCENTRATION,
    "css": Kind.CONCENTRATION,
    "cl": Kind.FLOW,
    "vss": Kind.VOLUME,
    "thalf": Kind.TIME,
    "f": Kind.FRACTION,
    "ratio": Kind.EXTENT,
}
_AT_A_TIME = ("concentration", "css")
_OVER_A_WINDOW = ("auc",)
_MAY_HAVE_A_WINDOW = ("cmax", "tmax")
_COMPARED = ("f", "ratio")
_PER_WEIGHT = ("cl", "vss")
_RELATIVE_SPREADS = ("CV between people", "reading error")

Span = tuple[float, float]


@dataclass(frozen=True)
class Observation:
    """One published value, and what of a simulated arm it stands beside.

    arm: where it was measured; over: the arm it is relative to (`f` and `ratio` only).
    relative_to: the analyte whose metric divides this one's before arms are compared, as in
    metabolite to parent.
    metric: cmax, tmax (h from the start of its window, or of the arm), auc over window, which may
    end at infinity, concentration and css at `time`, cl = dose / AUC to infinity, vss = cl x mean
    residence time in the body, thalf (terminal), f = AUC to infinity per dose relative to `over`,
    and ratio = `of` in arm / `of` in over.
    value: in kind.unit, of a person, or of a kg or 70 kg as per says; a molar value has the
    substance whose molar mass converts it.  spread: none, one number (such as an SD) or two ends,
    in the unit of value, or as fractions of it (CV, reading error).
    fitted_by, perhaps_fitted_by: models and interactions whose numbers were estimated from it.
    """

    id: str
    arm: str
    over: str | None
    analyte: str
    relative_to: str | None
    metric: Metric
    of: Metric | None
    time: float | None
    window: Span | None
    value: float
    kind: Kind
    per: Per
    text: str
    substance: str | None
    spread: tuple[float, ...]
    spread_text: str | None
    spread_kind: SpreadKind | None
    statistic: Statistic
    how: How
    seen: Seen
    source: Source
    fitted_by: tuple[str, ...]
    perhaps_fitted_by: tuple[str, ...]
    note: str | None

    def standing(self, model: str, *perpetrators: str) -> Standing:
        """Whether a model, or an interaction it is run with, was fitted to this value."""
        names = {model, *perpetrators}
        if names & set(self.fitted_by):
            return "seen in fitting"
        return "perhaps seen in fitting" if names & set(self.perhaps_fitted_by) else "external"


@dataclass(frozen=True)
class NotSimulated:
    """Published findings that no simulation stands beside; found is None where it is withheld."""

    ids: tuple[str, ...]
    what: str
    found: str | None
    reason: str
    source: Source


@dataclass(frozen=True)
class Cohort:
    """The people of a published study, what they were given and what was found.

    arms: items as written in a study file; people: the fields of a study file's population except
    its size, of which an arm may have its own (`people_of`); assumed: why a field of people, or an
    arm, is as it is where the source does not say.  n: number of people; horizon: h, None where
    there are no arms.
    """

    name: str
    title: str
    sources: Mapping[str, Source]
    fitted_by: tuple[str, ...]
    perhaps_fitted_by: tuple[str, ...]
    fitted_note: str | None
    sampling: Sampling
    population: str
    n: int | None
    people: Mapping[str, Any]
    arm_people: Mapping[str, Mapping[str, Any]]
    assumed: Mapping[str, str]
    notes: tuple[str, ...]
    horizon: float | None
    arms: Mapping[str, list[dict[str, Any]]]
    observations: tuple[Observation, ...]
    not_simulated: tuple[NotSimulated, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """Every published row, simulated or not."""
        left = (id_ for entry in self.not_simulated for id_ in entry.ids)
        return (*(observed.id for observed in self.observations), *left)

    def people_of(self, arm: str) -> dict[str, Any]:
        """The population of one arm in the words of a study file, without its size."""
        return {**self.people, **self.arm_people.get(arm, {})}


def names() -> list[str]:
    """Names of all cohorts in the library, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


@cache
def load(name: str) -> Cohort:
    """A cohort of the library by name; InputError where there is none or its file is unsound."""
    known = names()
    if name not in known:
        hint = close_to(name, known) or f"; known are {', '.join(known)}"
        raise InputError(f"{shown(name)} is not a cohort of the library{hint}")
    return load_file(FOLDER / f"{name}.yaml")


def load_file(path: str | Path) -> Cohort:
    """A cohort from a file; InputError with file, line and field where something is wrong."""
    document = yamlfile.read(path)
    written = yamlfile.validate(_Written, document)
    if written.cohort != Path(path).stem:
        raise document.error(f"{shown(written.cohort)} is not the name of the file", "cohort")
    _check_arms(written, document)
    _check_ids(written, document)
    raw = document.data.get("arms", {})
    return Cohort(
        name=written.cohort,
        title=written.title,
        sources=written.sources,
        fitted_by=written.fitted_by,
        perhaps_fitted_by=written.perhaps_fitted_by,
        fitted_note=written.fitted_note,
        sampling=written.sampling,
        population=written.population.text,
        n=written.population.n,
        people=document.data.get("people", {}),
        arm_people={name: arm["people"] for name, arm in raw.items() if "people" in arm},
        assumed=written.assumed,
        notes=written.notes,
        horizon=written.horizon,
        arms={name: arm["items"] for name, arm in raw.items()},
        observations=tuple(_observations(written, document)),
        not_simulated=tuple(_not_simulated(written, document)),
    )


# --- as written --------------------------------------------------------------------------------


def _one_person(data: Any) -> Any:
    """The fields of a population that are given here; whoever simulates decides on its size."""
    return {**data, "typical": True} if isinstance(data, Mapping) else data


_People = Annotated[PopulationSpec, BeforeValidator(_one_person)]
_Sources = Annotated[dict[str, Source], BeforeValidator(read_sources)]
_Names = tuple[Words, ...]


class _Group(Strict):
    text: Prose
    n: Annotated[int, Field(strict=True, ge=1)] | None = None


class _Arm(Strict):
    people: _People | None = None
    items: Annotated[tuple[AnyItem, ...], Field(min_length=1)]


class _Row(Strict):
    id: Words
    arm: Words
    over: Words | None = None
    analyte: Words
    relative_to: Words | None = None
    metric: Metric
    of: Metric | None = None
    at: Words | None = None
    value: Any
    substance: Words | None = None
    spread: Words | None = None
    spread_kind: SpreadKind | None = None
    statistic: Statistic
    how: How
    source: Words | None = None
    fitted_by: _Names | None = None
    perhaps_fitted_by: _Names | None = None
    note: Prose | None = None

    @property
    def quantity(self) -> Metric:
        """What is taken from a simulated curve: of a ratio, the metric that is compared."""
        return self.of or self.metric

    @property
    def kind(self) -> Kind:
        """What the value is; a substance says that it is molar."""
        return _KINDS[self.metric] if self.substance is None else Kind.MOLAR_CONCENTRATION

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        self._has("over", self.metric in _COMPARED)
        self._has("of", self.metric == "ratio")
        if (self.spread is None) != (self.spread_kind is None):
            raise problem((), "'spread' and 'spread_kind' go together, but only one is given")
        if self.of in _COMPARED:
            raise problem(("of",), f"{self.of!r} is a comparison itself, expected such as 'auc'")
        if self.relative_to is not None and self.metric != "ratio":
            raise problem(("relative_to",), "is for the metric 'ratio' only")
        if self.over == self.arm:
            raise problem(("over",), f"{shown(self.arm)} is compared with itself")
        if self.substance is not None and _KINDS[self.metric] is not Kind.CONCENTRATION:
            raise problem(("substance",), "is for molar concentrations only")
        return self

    def _has(self, field: str, needed: bool) -> None:
        if needed != (getattr(self, field) is not None):
            raise problem(
                (), f"the metric {self.metric!r} {'needs' if needed else 'has no'} {field!r}"
            )


class _Left(Strict):
    ids: Annotated[_Names, Field(min_length=1)]
    what: Prose
    found: Prose | None = None
    reason: Prose
    source: Words | None = None


class _Written(Strict):
    cohort: Words
    title: Prose
    sources: _Sources
    default_source: Words
    fitted_by: _Names = ()
    perhaps_fitted_by: _Names = ()
    fitted_note: Prose | None = None
    sampling: Sampling
    population: _Group
    people: _People | None = None
    assumed: Annotated[dict[Words, Prose], Field(default_factory=dict)]
    notes: tuple[Prose, ...] = ()
    horizon: Hours | None = None
    arms: Annotated[dict[Words, _Arm], Field(default_factory=dict)]
    observations: tuple[_Row, ...] = ()
    not_simulated: tuple[_Left, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for field in ("horizon", "people"):
            given = getattr(self, field) is not None
            if given != bool(self.arms):
                raise problem((), f"'arms' and {field!r} go together, but only one is given")
        if self.default_source not in self.sources:
            message = f"{shown(self.default_source)} is not among the sources of this file"
            raise problem(("default_source",), message)
        for key in self.assumed:
            if key not in PopulationSpec.model_fields and key not in self.arms:
                raise problem(("assumed", key), f"{shown(key)} is neither of people nor an arm")
        return self


# --- checks across the file --------------------------------------------------------------------


def _check_arms(written: _Written, document: Document) -> None:
    for name, arm in written.arms.items():
        place = ("arms", name, "items")
        try:
            regimen = expand(name, arm.items, written.horizon or math.inf)
        except ItemError as error:
            raise document.error(error.message, *place, *error.where) from error
        if regimen.notes:
            raise document.error(regimen.notes[0], *place)


def _check_ids(written: _Written, document: Document) -> None:
    given: list[tuple[str, tuple[str | int, ...]]] = [
        (row.id, ("observations", i, "id")) for i, row in enumerate(written.observations)
    ]
    for i, entry in enumerate(written.not_simulated):
        given += [(id_, ("not_simulated", i, "ids", j)) for j, id_ in enumerate(entry.ids)]
    seen: set[str] = set()
    for id_, place in given:
        if id_ in seen:
            raise document.error(f"{shown(id_)} is given twice", *place)
        seen.add(id_)


# --- rows --------------------------------------------------------------------------------------


def _observations(written: _Written, document: Document) -> Iterator[Observation]:
    for number, row in enumerate(written.observations):
        with document.at("observations", number):
            yield _observation(row, written)


def _not_simulated(written: _Written, document: Document) -> Iterator[NotSimulated]:
    for number, entry in enumerate(written.not_simulated):
        with document.at("not_simulated", number):
            source = _source(entry.source, written)
        yield NotSimulated(entry.ids, entry.what, entry.found, entry.reason, source)


def _observation(row: _Row, written: _Written) -> Observation:
    _check_names(row, written.arms)
    source = _source(row.source, written)
    value, per = _value(row)
    time, window = _at(row, written.horizon or math.inf)
    perhaps = row.perhaps_fitted_by
    return Observation(
        id=row.id,
        arm=row.arm,
        over=row.over,
        analyte=row.analyte,
        relative_to=row.relative_to,
        metric=row.metric,
        of=row.of,
        time=time,
        window=window,
        value=value,
        kind=row.kind,
        per=per,
        text=str(row.value),
        substance=row.substance,
        spread=_spread(row, per),
        spread_text=row.spread,
        spread_kind=row.spread_kind,
        statistic=row.statistic,
        how=row.how,
        seen=_seen(source),
        source=source,
        fitted_by=written.fitted_by if row.fitted_by is None else row.fitted_by,
        perhaps_fitted_by=written.perhaps_fitted_by if perhaps is None else perhaps,
        note=row.note,
    )


def _source(key: str | None, written: _Written) -> Source:
    wanted = written.default_source if key is None else key
    if wanted not in written.sources:
        hint = close_to(wanted, list(written.sources))
        message = f"{shown(wanted)} is not among the sources of this file{hint}"
        raise InputError(message, field="source")
    return written.sources[wanted]


def _seen(source: Source) -> Seen:
    if source.seen == "primary" or source.seen == "secondary":
        return source.seen
    raise InputError(f"{source.key} was not read, and what was not read is no observation")


def _check_names(row: _Row, arms: Mapping[str, _Arm]) -> None:
    for field, name in (("arm", row.arm), ("over", row.over)):
        if name is not None and name not in arms:
            message = f"{shown(name)} is not an arm, expected one of {', '.join(arms) or 'none'}"
            raise InputError(message, field=field)


def _value(row: _Row) -> tuple[float, Per]:
    """The published value in the unit of its kind, and whether it is per body weight."""
    try:
        value, per = _parse(row.value, row, row.kind)
    except InputError as error:
        raise error.at(field="value") from error
    if value == 0:
        raise InputError(f"{shown(row.value)} is nothing to compare with", field="value")
    return value, per


def _parse(text: object, row: _Row, kind: Kind) -> tuple[float, Per]:
    if row.metric in _PER_WEIGHT and kind is row.kind:
        return units.parse_per(text, kind)
    return units.parse(text, kind), ""


def _spread(row: _Row, per: Per) -> tuple[float, ...]:
    """One number, or the two ends, in the unit of the value or as fractions of it."""
    if row.spread is None:
        return ()
    relative = row.spread_kind in _RELATIVE_SPREADS
    try:
        found = [
            _parse(part, row, Kind.FRACTION if relative else row.kind)
            for part in row.spread.split(" to ")
        ]
    except InputError as error:
        raise error.at(field="spread") from error
    if len(found) > 2 or not (relative or all(its == per for _, its in found)):
        message = f"{shown(row.spread)} is no spread of {shown(row.value)}, expected such as its SD"
        raise InputError(message, field="spread")
    return tuple(value for value, _ in found)


def _at(row: _Row, horizon: float) -> tuple[float | None, Span | None]:
    """Time and window in h, as the metric has them."""
    timed, windowed = row.quantity in _AT_A_TIME, row.quantity in _OVER_A_WINDOW
    if row.at is None:
        if timed or windowed:
            raise InputError(f"missing field 'at' with {row.quantity!r}")
        return None, None
    if not (timed or windowed or row.quantity in _MAY_HAVE_A_WINDOW):
        raise InputError(f"{row.quantity!r} has no time", field="at")
    try:
        if timed:
            return _hours(row.at, horizon), None
        return None, _window(row.at, horizon, to_infinity=windowed)
    except InputError as error:
        raise error.at(field="at") from error


def _window(text: str, horizon: float, *, to_infinity: bool) -> Span:
    start, between, end = text.partition(" to ")
    if not between:
        raise InputError(f"{shown(text)} is not a window, expected such as '0 h to 6 h'")
    first = _hours(start, horizon)
    last = math.inf if to_infinity and end == "infinity" else _hours(end, horizon)
    if last <= first:
        raise InputError(f"{shown(text)} ends before it starts")
    return first, last


def _hours(text: str, horizon: float) -> float:
    hours = units.parse(text, Kind.TIME)
    if hours > horizon:
        raise InputError(f"{shown(text)} is after the horizon, {units.format(horizon, Kind.TIME)}")
    return hours
