"""Numbers of receptors and mechanisms from library files and from users, by a step's units.

Entries are read by the unit that a step declares for them.  Voltages are the one unit that `units`
does not have: the library writes "-51 mV", and inside they are floats in mV.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from antalgic import sources, units, yamlfile
from antalgic.errors import InputError, did_you_mean, shown
from antalgic.sources import Value, Variability, read_variability
from antalgic.units import Kind

#: Unit of a step's parameter or input, and the kind of quantity that is read for it.
_KINDS = {
    "1": Kind.EXTENT,
    "1/spike": Kind.EXTENT,
    "spike": Kind.EXTENT,
    "g/mol": Kind.MOLAR_MASS,
    "h": Kind.TIME,
    "1/h": Kind.RATE_CONSTANT,
    "ng/mL": Kind.CONCENTRATION,
    "umol/L": Kind.MOLAR_CONCENTRATION,
    "mL/ng": Kind.EXTENT,
    "mV": Kind.COEFFICIENT,
}
_MILLIVOLT = re.compile(r"\s*([+-]?[0-9.]+)\s*mV\s*")


def read(
    path: str, unit: str, *place: str, signed: bool = False, extra: Collection[str] = ()
) -> Value:
    """The entry at a place of a library file as a value in a unit; InputError says where not.

    signed allows a value below zero; extra names further fields that the caller reads itself.
    """
    found = yamlfile.library(path)
    entry: Any = found.data
    for key in place:
        entry = entry[key]
    with found.at(*place):
        return _value(entry, unit, _cited(path), signed, extra)


@dataclass(frozen=True)
class Parameter:
    """A value with its passport, and its spread between people (None: the same for all)."""

    known: Value
    between: Variability | None


def parameter(path: str, unit: str, *place: str) -> Parameter:
    """The entry at a place of a library file, with its spread between people."""
    known = read(path, unit, *place, signed=True, extra=("between", "prior"))
    document = yamlfile.library(path)
    entry = document.data
    for step in place:
        entry = entry[step]
    if "between" not in entry:
        return Parameter(known, None)
    with document.at(*place, "between"):
        return Parameter(known, read_variability(entry["between"]))


def quantity(written: ArrayLike | str, unit: str, name: str) -> NDArray[np.float64]:
    """A user's number, array of people or text as floats in a unit; negative only in mV."""
    try:
        if isinstance(written, str):
            return np.asarray(_number(written, unit))
        values = np.asarray(written, dtype=np.float64)
    except InputError as error:
        raise error.at(field=name) from error
    except (TypeError, ValueError):
        raise InputError(f"{shown(written)} is not a number or an array", field=name) from None
    bad = ~np.isfinite(values) | ((values < 0) & (unit != "mV"))
    if bad.any():
        first = shown(float(values[bad].flat[0]))
        low = "" if unit == "mV" else ", 0 or more"
        raise InputError(f"{first} is refused, expected a finite number{low}", field=name)
    return values


def changed(
    known: Mapping[str, Value],
    changes: Mapping[str, ArrayLike | str],
    declared: Mapping[str, str],
    zero: Collection[str] = (),
) -> dict[str, NDArray[np.float64]]:
    """Parameters of a step as arrays, some replaced by the user.

    Unknown names are refused, and zero for all but those named in zero.
    """
    values = {name: np.asarray(value.value) for name, value in known.items()}
    for name, written in changes.items():
        if name not in known:
            raise InputError(f"unknown parameter {shown(name)}{did_you_mean(name, known)}")
        values[name] = quantity(written, declared[name], name)
        if name not in zero and (values[name] == 0).any():
            raise InputError("0 is refused, expected more than 0", field=name)
    return values


def together(arrays: Mapping[str, NDArray[np.float64]]) -> tuple[int, ...]:
    """The common shape of what is given per person; InputError where the shapes do not fit."""
    try:
        return np.broadcast_shapes(*(a.shape for a in arrays.values()))
    except ValueError:
        sizes = ", ".join(f"{name} {a.shape}" for name, a in arrays.items() if a.ndim)
        raise InputError(f"the shapes do not fit together: {sizes}") from None


@cache
def _cited(path: str) -> dict[str, sources.Source]:
    with yamlfile.library(path).at("sources"):
        return sources.read_sources(yamlfile.library(path).data["sources"])


def _value(
    entry: Any,
    unit: str,
    cited: Mapping[str, sources.Source],
    signed: bool,
    extra: Collection[str],
) -> Value:
    if unit != "mV":
        return sources.read_value(entry, _KINDS[unit], cited, signed=signed, extra=extra)
    text = str(entry["value"])
    bare = {**entry, "value": str(_number(text, unit))}
    value = sources.read_value(bare, _KINDS[unit], cited, signed=True)
    return replace(value, unit="mV", text=text)


def _number(text: str, unit: str) -> float:
    if unit != "mV":
        return units.parse(text, _KINDS[unit])
    found = _MILLIVOLT.fullmatch(text.replace("\u2212", "-"))
    if found is None:
        raise InputError(f"{shown(text)} is refused, expected a voltage such as '-51 mV'")
    return units.parse(found.group(1), Kind.COEFFICIENT)
