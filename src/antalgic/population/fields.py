"""What one field of the `population:` block may hold: words of a study file become plain numbers.

Every reader raises an InputError of one line that says what was found and what would be right.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import PlainValidator, WithJsonSchema

from antalgic import units
from antalgic.errors import InputError, shown, sort_of
from antalgic.population import guidelines
from antalgic.population.covariates import correlation_matrices
from antalgic.population.margins import Distribution
from antalgic.population.people import RACES
from antalgic.population.reference import PAIRS
from antalgic.population.table import MOST_PATIENTS
from antalgic.units import Kind

_PARTS = ("mean", "sd", "low", "high")
#: Beyond these nobody is alive, or a unit was mistaken.
_POSSIBLE = {Kind.WEIGHT: (0.3, 400.0), Kind.AGE: (0.0, 120.0), Kind.HEIGHT: (30.0, 260.0)}
_EXAMPLE = {Kind.WEIGHT: "79 kg", Kind.AGE: "46 years", Kind.HEIGHT: "172 cm"}
_SD = {Kind.WEIGHT: "19 kg", Kind.AGE: "13 years", Kind.HEIGHT: "9 cm"}


@dataclass(frozen=True)
class Asked:
    """A covariate as a study file asks for it, in its canonical unit; None is what was left out."""

    mean: float | None = None
    sd: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def fixed(self) -> bool:
        """Whether everybody has the same value."""
        return self.sd == 0

    def between(self, low: float, high: float) -> Distribution:
        """The distribution, with these limits where it has none of its own."""
        return Distribution(
            mean=self.mean,
            sd=self.sd,
            low=low if self.low is None else self.low,
            high=high if self.high is None else self.high,
        )


@contextmanager
def under(field: str) -> Iterator[None]:
    """Names the field of an InputError raised within."""
    try:
        yield
    except InputError as error:
        raise error.at(field=field) from None


def read_size(value: object) -> int:
    """Number of patients drawn."""
    number = _number(value)
    if number is None or number % 1 != 0:
        raise InputError(f"{shown(value)} is not a whole number, expected such as 2000")
    if not 1 <= number <= MOST_PATIENTS:
        raise InputError(f"{shown(value)} is out of range, expected from 1 to {MOST_PATIENTS:,}")
    return int(number)


def _number(value: object) -> float | None:
    """A finite plain number, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def read_yes(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise InputError(f"{shown(value)} is {sort_of(value)}, expected true or false")
    return value


def read_file(value: object) -> str:
    """Name of a file of patients."""
    if not isinstance(value, (str, Path)) or not str(value).strip():
        raise InputError(
            f"{shown(value)} is {sort_of(value)}, expected a file such as patients.csv"
        )
    return str(value)


def read_guideline(value: object) -> str:
    """Name of a guideline of the library."""
    if not isinstance(value, str):
        message = f"{shown(value)} is {sort_of(value)}, expected a guideline such as"
        raise InputError(f"{message} {guidelines.DEFAULT!r}")
    return guidelines.load(value).guideline


def read_share(value: object) -> float:
    """A fraction of the people."""
    return units.parse(value, Kind.FRACTION)


def read_race(value: object) -> dict[str, float]:
    """Shares of races, "other" being what is left."""
    if not isinstance(value, Mapping):
        message = f"{shown(value)} is {sort_of(value)}, expected shares such as {{asian: 0.1}}"
        raise InputError(message)
    shares = {}
    for race, share in value.items():
        if race not in RACES:
            message = f"unknown race {shown(race)}, expected {', '.join(RACES)}"
            raise InputError(message, field=str(race))
        with under(str(race)):
            shares[str(race)] = read_share(share)
    total = sum(shares.values())
    if total > 1 + 1e-9 or ("other" in shares and abs(total - 1) > 1e-9):
        raise InputError(f"the shares add up to {total:g}, expected 1, or less with other left out")
    return shares


def read_correlations(value: object) -> dict[str, float]:
    """Correlations by pair, the names of a pair in either order."""
    if not isinstance(value, Mapping):
        message = f"{shown(value)} is {sort_of(value)}, expected such as {{height-weight: 0.4}}"
        raise InputError(message)
    found: dict[str, float] = {}
    for name, r in value.items():
        with under(str(name)):
            pair = _pair(str(name))
            if pair in found:
                raise InputError(f"{pair} is given twice")
            number = _number(r)
            if number is None or not -1 < number < 1:
                raise InputError(
                    f"{shown(r)} is not a correlation, expected a number between -1 and 1"
                )
            found[pair] = number
    correlation_matrices(found)
    return found


def _pair(name: str) -> str:
    pair = "-".join(sorted(name.lower().split("-")))
    if pair in PAIRS:
        return pair
    near = get_close_matches(pair, PAIRS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(PAIRS)}"
    raise InputError(f"unknown pair {shown(name)}{hint}")


def read_asked(value: object, kind: Kind) -> Asked:
    """Such as "70 kg", or {mean: 79 kg, sd: 19 kg}, with low and high if wished."""
    if isinstance(value, Asked):
        return value
    if not isinstance(value, Mapping):
        return Asked(mean=_possible(value, kind), sd=0.0)
    asked = {}
    for part, quantity in value.items():
        with under(str(part)):
            if part not in _PARTS:
                near = get_close_matches(str(part), _PARTS, n=1)
                hint = (
                    f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(_PARTS)}"
                )
                raise InputError(f"unknown field {shown(part)}{hint}")
            asked[part] = units.parse(quantity, kind) if part == "sd" else _possible(quantity, kind)
    return _sound(Asked(**asked), kind)


def read_weight(value: object) -> Asked:
    """Body weight in kg."""
    return read_asked(value, Kind.WEIGHT)


def read_age(value: object) -> Asked:
    """Age in years."""
    return read_asked(value, Kind.AGE)


def read_height(value: object) -> Asked:
    """Height in cm."""
    return read_asked(value, Kind.HEIGHT)


def _possible(value: object, kind: Kind) -> float:
    quantity = units.parse(value, kind)
    low, high = _POSSIBLE[kind]
    if not low <= quantity <= high:
        unit = "years" if kind is Kind.AGE else kind.unit
        raise InputError(
            f"{shown(value)} is out of range, expected from {low:g} to {high:g} {unit}"
        )
    return quantity


def _sound(asked: Asked, kind: Kind) -> Asked:
    """What goes together: mean and sd, or for ages low and high alone; low < high."""
    bounded = asked.low is not None and asked.high is not None
    if asked.low is not None and asked.high is not None and asked.low >= asked.high:
        raise InputError(f"{asked.low:g} is not below high, {asked.high:g}", field="low")
    if kind is Kind.AGE and bounded and asked.mean is None and asked.sd is None:
        return asked
    for part in ("mean", "sd"):
        if getattr(asked, part) is None:
            example = f"{{mean: {_EXAMPLE[kind]}, sd: {_SD[kind]}}}"
            also = ", or low and high alone for ages spread evenly" if kind is Kind.AGE else ""
            raise InputError(f"missing field {part!r}, expected such as {example}{also}")
    return asked


def _asked_schema(kind: Kind) -> dict[str, Any]:
    text = {"type": "string", "examples": [_EXAMPLE[kind]]}
    parts = {part: {"type": "string"} for part in _PARTS}
    return {"anyOf": [text, {"type": "object", "properties": parts, "additionalProperties": False}]}


_SHARE: dict[str, Any] = {
    "anyOf": [
        {"type": "number", "minimum": 0, "maximum": 1},
        {"type": "string", "examples": ["75 %"]},
    ]
}
_RACE: dict[str, Any] = {
    "type": "object",
    "properties": dict.fromkeys(RACES, _SHARE),
    "additionalProperties": False,
}
_CORRELATIONS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": {"type": "number", "exclusiveMinimum": -1, "exclusiveMaximum": 1},
}

Size = Annotated[
    int,
    PlainValidator(read_size),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST_PATIENTS}),
]
YesNo = Annotated[bool, PlainValidator(read_yes), WithJsonSchema({"type": "boolean"})]
File = Annotated[str, PlainValidator(read_file), WithJsonSchema({"type": "string"})]
Guideline = Annotated[
    str,
    PlainValidator(read_guideline),
    WithJsonSchema({"type": "string", "enum": guidelines.names()}),
]
Share = Annotated[float, PlainValidator(read_share), WithJsonSchema(_SHARE)]
Race = Annotated[dict[str, float], PlainValidator(read_race), WithJsonSchema(_RACE)]
Correlations = Annotated[
    dict[str, float], PlainValidator(read_correlations), WithJsonSchema(_CORRELATIONS)
]
Weight = Annotated[Asked, PlainValidator(read_weight), WithJsonSchema(_asked_schema(Kind.WEIGHT))]
Age = Annotated[Asked, PlainValidator(read_age), WithJsonSchema(_asked_schema(Kind.AGE))]
Height = Annotated[Asked, PlainValidator(read_height), WithJsonSchema(_asked_schema(Kind.HEIGHT))]
