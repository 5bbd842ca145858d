"""What else people have: resting circulation and other illnesses, drawn for each person.

The numbers are in library/comorbidities.yaml.  Every draw belongs to a person (see `streams`): it
depends on neither the number of people nor on what else is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from antalgic import yamlfile
from antalgic.errors import InputError, did_you_mean, shown
from antalgic.population import streams
from antalgic.population.conditions import Condition
from antalgic.population.people import People
from antalgic.sources import Grade, How, Source, read_sources

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Resting circulation of a person: systolic and diastolic pressure (mmHg), heart rate (1/min).
VITALS = {"SBP0": "mmHg", "DBP0": "mmHg", "HR0": "1/min"}
DEPRESSION = "depression"

_FILE = "comorbidities.yaml"
_PAIRS = ("SBP0-DBP0", "SBP0-HR0", "DBP0-HR0")
_SEXES = ("male", "female")
_WIDTHS = {"resting": 7, "shares": 3}
ADULT = 18.0


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Row = tuple[float, ...]
Probability = Annotated[float, Field(ge=0, le=1)]


class Passport(_Strict):
    """Where numbers come from, and how sure they are."""

    source: str | None = None
    how: How
    grade: Grade
    uncertainty: str | None = None
    note: str | None = None

    def check(self, sources: Mapping[str, Source], place: str) -> None:
        """InputError where a source is missing or unknown, or an assumption has no reason."""
        ours = self.how in ("assumed", "fitted here")
        if ours and self.note is None:
            raise InputError(f"missing field 'note': what is {self.how} owes a reason", field=place)
        if self.source is None and not ours:
            raise InputError("missing field 'source'", field=place)
        if self.source is not None and self.source not in sources:
            known = ", ".join(sources) or "none"
            message = f"{shown(self.source)} is not among the sources of this file, expected "
            hint = did_you_mean(self.source, sources)
            raise InputError(f"{message}one of {known}{hint}", field=f"{place}.source")


class Known(Passport):
    """The share of those who have it that a screening interview finds."""

    value: Probability


class InCondition(Passport):
    """Shares within a painful condition: rows of their own, or odds against the general ones."""

    shares: tuple[Row, ...] | None = None
    odds: Annotated[float, Field(gt=0)] | None = None


class Comorbidity(Passport):
    """An illness: rows of [from this age in years, share of men, share of women].

    of: another one that it is part of; unless: another one that rules it out; or_measured: resting
    values at or above which a person has it whatever is drawn.  consequence: what is known, or not,
    of how ketamine would go with it.  known None: everybody who has it
    says so, or a test of everybody finds it.
    """

    title: str
    consequence: str | None = None
    shares: tuple[Row, ...]
    of: str | None = None
    unless: str | None = None
    or_measured: dict[str, float] = Field(default_factory=dict)
    known: Known | None = None
    conditions: dict[str, InCondition] = Field(default_factory=dict)


class Limits(_Strict):
    """Lowest and highest resting values, and the narrowest pulse pressure (mmHg)."""

    SBP0: tuple[float, float]
    DBP0: tuple[float, float]
    HR0: tuple[float, float]
    pulse: float


class Resting(Passport):
    """Resting circulation by sex: rows of age, then centre and spread of each of `VITALS`."""

    male: tuple[Row, ...]
    female: tuple[Row, ...]
    correlations: dict[str, Annotated[float, Field(gt=-1, lt=1)]]
    limits: Limits


class ComorbidityFile(_Strict):
    """The whole of library/comorbidities.yaml."""

    sources: Annotated[dict[str, Source], BeforeValidator(read_sources)]
    resting: Resting
    comorbidities: dict[str, Comorbidity]
    unknown: dict[str, str] = Field(default_factory=dict)
    holes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _sound(self) -> Self:
        self.resting.check(self.sources, "resting")
        for sex in _SEXES:
            _check_rows(getattr(self.resting, sex), _WIDTHS["resting"], f"resting.{sex}")
        if set(self.resting.correlations) != set(_PAIRS):
            raise InputError(f"expected {', '.join(_PAIRS)}", field="resting.correlations")
        seen: list[str] = []
        for name, entry in self.comorbidities.items():
            self._check(name, entry, seen)
            seen.append(name)
        return self

    def _check(self, name: str, entry: Comorbidity, before: list[str]) -> None:
        place = f"comorbidities.{name}"
        entry.check(self.sources, place)
        _check_shares(entry.shares, f"{place}.shares")
        if entry.known is not None:
            entry.known.check(self.sources, f"{place}.known")
        for field in ("of", "unless"):
            other = getattr(entry, field)
            if other is not None and other not in before:
                message = f"{shown(other)} is not among the comorbidities above it"
                raise InputError(message, field=f"{place}.{field}")
        for vital in entry.or_measured:
            if vital not in VITALS:
                message = f"unknown resting value {shown(vital)}, expected {', '.join(VITALS)}"
                raise InputError(message, field=f"{place}.or_measured")
        for condition, own in entry.conditions.items():
            where = f"{place}.conditions.{condition}"
            own.check(self.sources, where)
            if (own.shares is None) == (own.odds is None):
                raise InputError("expected either 'shares' or 'odds'", field=where)
            if own.shares is not None:
                _check_shares(own.shares, f"{where}.shares")


@dataclass(frozen=True, eq=False)
class Health:
    """What people have besides their pain, each of shape (n,).

    vitals: `VITALS` by name.  has: by comorbidity.  known: the same, as far as a screening
    interview or a test of everybody finds it.
    """

    vitals: Mapping[str, Floats]
    has: Mapping[str, Bools]
    known: Mapping[str, Bools]


@cache
def library() -> ComorbidityFile:
    """The library's file, checked."""
    return yamlfile.validate(ComorbidityFile, yamlfile.library(_FILE))


def names() -> list[str]:
    """Names of the comorbidities, in the order of the file."""
    return list(library().comorbidities)


def passport(name: str, condition: Condition | None = None) -> Passport:
    """Where the share of a comorbidity comes from in a condition."""
    entry = library().comorbidities[name]
    if name == DEPRESSION and condition is not None and condition.depression is not None:
        known = condition.depression
        return Passport(
            source=known.source or None, how=known.how, grade=known.grade,
            uncertainty=known.uncertainty, note=known.note,
        )  # fmt: skip
    own = None if condition is None else entry.conditions.get(condition.name)
    return own or entry


def share(name: str, people: People, condition: Condition | None = None) -> Floats:
    """Each person's probability of a comorbidity (n,); where it is part of another, given that."""
    entry = library().comorbidities[name]
    if name == DEPRESSION and condition is not None and condition.depression is not None:
        return np.full(len(people), condition.depression.value)
    own = None if condition is None else entry.conditions.get(condition.name)
    rows = entry.shares if own is None or own.shares is None else own.shares
    general = _stepwise(rows, people)
    if own is None or own.odds is None:
        return general
    odds = own.odds * general / (1 - general)
    return odds / (1 + odds)


def draw(
    people: People, seed: int, condition: Condition | None = None, *, replicate: int = 0
) -> Health:
    """Resting circulation and comorbidities of adults; a table's SBP0, DBP0, HR0 are kept.

    Raises InputError where somebody is younger than 18 years: the numbers are those of adults.
    """
    young = np.flatnonzero(people.age < ADULT)
    if len(young):
        raise InputError(
            f"{people.age[young[0]]:.3g} years is too young: comorbidities are those of adults, "
            f"from {ADULT:g} years",
            field="population",
        )
    vitals = resting(people, seed, replicate=replicate)
    has: dict[str, Bools] = {}
    known: dict[str, Bools] = {}
    for name, entry in library().comorbidities.items():

        def uniform(what: str, name: str = name) -> Floats:
            stream = f"comorbidity.{name}.{what}"
            return streams.uniform(seed, stream, len(people), replicate=replicate)

        ill = uniform("has") < share(name, people, condition)
        if entry.of is not None:
            ill &= has[entry.of]
        if entry.unless is not None:
            ill &= ~has[entry.unless]
        for vital, bound in entry.or_measured.items():
            ill |= vitals[vital] >= bound
        has[name] = ill
        known[name] = ill if entry.known is None else ill & (uniform("known") < entry.known.value)
    return Health(vitals, has, known)


def resting(people: People, seed: int, *, replicate: int = 0) -> dict[str, Floats]:
    """Resting `VITALS` of adults by name, (n,) each; a column of that name in a table is kept."""
    library_ = library().resting
    n = len(people)
    raw = np.array(
        [streams.normal(seed, f"resting.{vital}", n, replicate=replicate) for vital in VITALS]
    )
    scores = np.linalg.cholesky(_correlations(library_.correlations)) @ raw
    centres = [_between(library_, column, people) for column in range(1, _WIDTHS["resting"])]
    found = {
        "SBP0": centres[0] * np.exp(centres[1] * scores[0]),
        "DBP0": centres[2] + centres[3] * scores[1],
        "HR0": centres[4] * np.exp(centres[5] * scores[2]),
    }
    limits = library_.limits
    found = {vital: np.clip(value, *getattr(limits, vital)) for vital, value in found.items()}
    found |= {vital: people.extra[vital] for vital in VITALS if vital in people.extra}
    if "DBP0" not in people.extra:
        found["DBP0"] = np.minimum(found["DBP0"], found["SBP0"] - limits.pulse)
    return found


def carrying(people: People, vitals: Mapping[str, Floats]) -> People:
    """The people with their resting circulation as columns of the table."""
    return replace(people, extra={**people.extra, **vitals})


def _check_rows(rows: tuple[Row, ...], width: int, place: str) -> None:
    table = [list(row) for row in rows]
    ages = [row[0] for row in table if row]
    if not table or any(len(row) != width for row in table):
        raise InputError(f"expected rows of {width} numbers", field=place)
    if any(later <= earlier for earlier, later in pairwise(ages)):
        raise InputError("expected rows in order of age", field=place)


def _check_shares(rows: tuple[Row, ...], place: str) -> None:
    _check_rows(rows, _WIDTHS["shares"], place)
    if rows[0][0] > ADULT:
        raise InputError(f"expected a first row from {ADULT:g} years", field=place)
    if any(not 0 <= value <= 1 for row in rows for value in row[1:]):
        raise InputError("expected shares from 0 to 1", field=place)


def _stepwise(rows: tuple[Row, ...], people: People) -> Floats:
    table = np.array(rows)
    row = np.searchsorted(table[:, 0], people.age, side="right") - 1
    found: Floats = np.where(people.female, table[row, 2], table[row, 1])
    return found


def _between(rows: Resting, column: int, people: People) -> Floats:
    male, female = (
        np.interp(people.age, table[:, 0], table[:, column])
        for table in (np.array(rows.male), np.array(rows.female))
    )
    found: Floats = np.where(people.female, female, male)
    return found


def _correlations(pairs: Mapping[str, float]) -> Floats:
    matrix = np.eye(len(VITALS))
    order = list(VITALS)
    for pair, r in pairs.items():
        i, j = (order.index(name) for name in pair.split("-"))
        matrix[i, j] = matrix[j, i] = r
    return matrix
