"""What unit is this?  Parse, check and convert at the edge; plain floats inside.

Inside the package time is h, mass mg, volume L, concentration ng/mL, body weight kg, age year,
height cm.  Unit names are those of `_UNITS` and no others, and case counts:

* "M" and its relatives (mM, uM, nM, pM) are molar concentrations;
* "m" is a metre, never a minute or a month: "5 m" as a time is refused;
* "d" is a day and "y" a year, and prefixes are only those spelt out;
* a year is 365.25 days and a month a twelfth of it;
* "/kg" and "per 70 kg" mean body weight, and are never cancelled against milligrams.
"""

from __future__ import annotations

import functools
import math
import numbers
import re
import sys
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from antalgic.errors import InputError, did_you_mean, shown, sort_of

if TYPE_CHECKING:
    from pint import UnitRegistry

Per = Literal["", "kg", "70 kg"]
Salt = Literal["base", "hydrochloride"]

#: Milligrams of ketamine base in a milligram of its hydrochloride: molecular weights 237.725 and
#: 274.186 g/mol (NCATS GSRS, record L8P1H35P2Z).
BASE_PER_HYDROCHLORIDE = 237.725 / 274.186


class Kind(StrEnum):
    """What a quantity is, its unit inside the package ("" if none), and what messages ask for."""

    unit: str
    expected: str

    TIME = "time", "h", "a time such as '12 h'"
    MASS = "amount", "mg", "an amount such as '20 mg'"
    MASS_RATE = "rate", "mg/h", "a rate such as '20 mg/h'"
    VOLUME = "volume", "L", "a volume such as '90 L'"
    FLOW = "flow", "L/h", "a flow such as '70 L/h'"
    RATE_CONSTANT = "rate constant", "1/h", "a rate constant such as '0.5 1/h'"
    CONCENTRATION = "concentration", "ng/mL", "a concentration such as '100 ng/mL'"
    MOLAR_CONCENTRATION = (
        "molar concentration",
        "umol/L",
        "a molar concentration such as '1 umol/L'",
    )
    FRACTION = "fraction", "", "a fraction such as 0.75 or '75 %'"
    WEIGHT = "body weight", "kg", "a body weight such as '70 kg'"
    AGE = "age", "year", "an age such as '40 years'"
    HEIGHT = "height", "cm", "a height such as '170 cm'"
    MOLAR_MASS = "molar mass", "g/mol", "a molar mass such as '237.7 g/mol'"
    AUC = "area under the curve", "ng*h/mL", "an area under the curve such as '500 ng*h/mL'"
    EXTENT = "number", "", "a plain number such as 1.5"
    COEFFICIENT = "coefficient", "", "a plain number such as -0.25"

    def __new__(cls, name: str, unit: str, expected: str) -> Kind:
        """A text, so that kinds can be named in data files."""
        kind = str.__new__(cls, name)
        kind._value_ = name
        kind.unit = unit
        kind.expected = expected
        return kind


@dataclass(frozen=True)
class Dose:
    """A dose of base in mg, or in mg/h where a rate was asked for; per body weight if so written.

    salt is what was written; value is base already.
    """

    value: float
    per: Per
    salt: Salt


#: Name of a unit, its definition for pint, and every spelling that is read.
_UNITS: dict[str, tuple[str, tuple[str, ...]]] = {
    "milligram": ("[mass]", ("mg", "milligram", "milligrams")),
    "gram": ("1000 * milligram", ("g", "gram", "grams")),
    "kilogram": ("1000 * gram", ("kg", "kilogram", "kilograms")),
    "microgram": ("milligram / 1000", ("ug", "mcg", "microgram", "micrograms")),
    "nanogram": ("microgram / 1000", ("ng", "nanogram", "nanograms")),
    "picogram": ("nanogram / 1000", ("pg", "picogram", "picograms")),
    "hour": ("[time]", ("h", "hr", "hrs", "hour", "hours")),
    "minute": ("hour / 60", ("min", "mins", "minute", "minutes")),
    "second": ("minute / 60", ("s", "sec", "secs", "second", "seconds")),
    "day": ("24 * hour", ("d", "day", "days")),
    "week": ("7 * day", ("wk", "wks", "week", "weeks")),
    "year": ("1461 * day / 4", ("y", "yr", "yrs", "year", "years")),
    "month": ("year / 12", ("month", "months")),
    "centimeter": ("[length]", ("cm", "centimeter", "centimeters", "centimetre", "centimetres")),
    "meter": ("100 * centimeter", ("m", "meter", "meters", "metre", "metres")),
    "liter": ("1000 * centimeter ** 3", ("L", "l", "liter", "liters", "litre", "litres")),
    "deciliter": ("liter / 10", ("dL", "dl", "deciliter", "decilitre")),
    "milliliter": ("liter / 1000", ("mL", "ml", "milliliter", "millilitre")),
    "microliter": ("milliliter / 1000", ("uL", "ul", "microliter", "microlitre")),
    "micromole": ("[substance]", ("umol", "micromole", "micromoles")),
    "nanomole": ("micromole / 1000", ("nmol", "nanomole", "nanomoles")),
    "picomole": ("nanomole / 1000", ("pmol", "picomole", "picomoles")),
    "millimole": ("1000 * micromole", ("mmol", "millimole", "millimoles")),
    "mole": ("1000 * millimole", ("mol", "mole", "moles")),
    "molar": ("mole / liter", ("M", "molar")),
    "millimolar": ("molar / 1000", ("mM", "millimolar")),
    "micromolar": ("millimolar / 1000", ("uM", "micromolar")),
    "nanomolar": ("micromolar / 1000", ("nM", "nanomolar")),
    "picomolar": ("nanomolar / 1000", ("pM", "picomolar")),
    "percent": ("1 / 100", ("%", "percent")),
}
_SPELLINGS = {spelling: name for name, (_, spellings) in _UNITS.items() for spelling in spellings}

#: Powers of "[mass]", "[time]", "[length]" and "[substance]", sorted by name.
_Dimension = tuple[tuple[str, Fraction], ...]

#: The base units, by dimension.
_BASES = {
    "[mass]": "milligram",
    "[time]": "hour",
    "[length]": "centimeter",
    "[substance]": "micromole",
}
#: What a quantity in this unit is called.
_NAMES = {
    "": "a plain number",
    "mg": "an amount",
    "mg/h": "a rate",
    "umol": "a molar amount",
    "umol/h": "a molar rate",
    "h": "a time",
    "cm": "a length",
    "L": "a volume",
    "L/h": "a flow",
    "1/h": "a rate constant",
    "ng/mL": "a concentration",
    "umol/L": "a molar concentration",
    "g/mol": "a molar mass",
    "ng*h/mL": "an area under the curve",
    "umol*h/L": "a molar area under the curve",
}

_LONGEST_TEXT = 200
_LOOKALIKES = str.maketrans(
    {"\u00b5": "u", "\u03bc": "u", "\u2212": "-", "\u00a0": " ", "\u2009": " ", "\u202f": " "}
    | dict.fromkeys("·⋅×", "*")
)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[+-]?\.?(?:nan|inf|infinity)\b", re.IGNORECASE)
_SALT = re.compile(r"\b(hydrochloride|hcl|(?:free )?base)\b", re.IGNORECASE)
_BODY_WEIGHT = re.compile(r"(?:/|\bper\b)\s*(?:([0-9.]+)\s*)?(?:kg|kilograms?)(?!\w|\^|\*\*)")
_LETTERS = re.compile(r"[A-Za-z%]+")
_TERM = r"[A-Za-z%]+(?:\^-?[1-9])?"
_UNIT = re.compile(rf"(?:1?/)?{_TERM}(?:[*/]{_TERM})*")


@dataclass(frozen=True)
class _Quantity:
    """What was written: the amount in base units (mg, h, cm, umol), and what was said beside it."""

    written: object
    amount: Fraction
    dimension: _Dimension
    bare: bool
    per: Per = ""
    salt: Salt | None = None


def parse(value: object, kind: Kind, *, signed: bool = False) -> float:
    """A text such as "2 weeks", or a pint quantity, as a float in kind.unit.

    Plain numbers are read where the kind has no unit.  signed lets it be below zero, as a slope may
    be.  Raises InputError, and nothing else; so do the other parsers.
    """
    quantity = _read(value, kind)
    _refuse_salt(quantity, kind)
    if quantity.per:
        _fail(quantity.written, f"is per {quantity.per} of body weight", kind)
    return _convert(quantity, kind, signed=signed)


def parse_per(value: object, kind: Kind, *, signed: bool = False) -> tuple[float, Per]:
    """A quantity that may be per body weight: "0.063 L/kg" as a volume is (0.063, "kg")."""
    quantity = _read(value, kind)
    _refuse_salt(quantity, kind)
    return _convert(quantity, kind, signed=signed), quantity.per


def parse_dose(value: object, *, rate: bool) -> Dose:
    """An amount (mg), or a rate (mg/h), of ketamine base; hydrochloride is converted to base."""
    kind = Kind.MASS_RATE if rate else Kind.MASS
    quantity = _read(value, kind)
    mass = _convert(quantity, kind)
    if quantity.salt == "hydrochloride":
        return Dose(mass * BASE_PER_HYDROCHLORIDE, quantity.per, "hydrochloride")
    return Dose(mass, quantity.per, "base")


def unit_of(value: object) -> str:
    """What follows the number in a text, as written: "L/kg" of "0.063 L/kg"."""
    text = str(value).strip()
    found = _NUMBER.match(text.translate(_LOOKALIKES))
    return text[found.end() :].strip() if found else ""


def _read(value: object, kind: Kind) -> _Quantity:
    if isinstance(value, str):
        return _read_text(value, kind)
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return _Quantity(value, _finite(value, value, kind), (), bare=True)
    # Whoever passes a pint quantity has imported pint already.
    pint = sys.modules.get("pint")
    if pint is not None and isinstance(value, pint.Quantity):
        return _read_pint(value, kind)
    if value is None:
        raise InputError(f"nothing is given, expected {kind.expected}")
    _fail(value, f"is {sort_of(value)}", kind)


@functools.lru_cache(maxsize=4096)
def _read_text(value: str, kind: Kind) -> _Quantity:
    text = value.translate(_LOOKALIKES).strip()
    if not text:
        _fail(value, "is empty", kind)
    if len(text) > _LONGEST_TEXT:
        _fail(value, "is too long", kind)
    found = _NUMBER.match(text)
    if found is None:
        finite = _NOT_FINITE.match(text) is None
        _fail(value, "does not start with a number" if finite else "is not a finite number", kind)
    rest = text[found.end() :]
    if re.match(",[0-9]", rest):
        _fail(value, "has a comma", kind, "; write a decimal point, and nothing between thousands")
    unit, salt = _without_salt(rest, value)
    unit, per = _without_body_weight(unit, value)
    amount = _exact(found.group(), value, kind)
    if not unit:
        return _Quantity(value, amount, (), bare=True, per=per, salt=salt)
    factor, dimension = _unit(_expression(unit, value, kind))
    return _Quantity(value, amount * factor, dimension, bare=False, per=per, salt=salt)


def _exact(text: str, value: object, kind: Kind) -> Fraction:
    # Fraction("1e-999999999") would fill the memory, so the size is tried as a float first.
    size = _finite(float(text), value, kind)
    return Fraction(text) if size else size


def _finite(number: Any, value: object, kind: Kind) -> Fraction:
    try:
        size = float(number)
    except OverflowError:
        size = math.inf
    if not math.isfinite(size):
        _fail(value, "is not a finite number", kind)
    return Fraction(size)


def _without_salt(text: str, value: object) -> tuple[str, Salt | None]:
    words = _SALT.findall(text)
    if not words:
        return text, None
    if len(words) > 1:
        raise InputError(f"{shown(value)} names salt or base twice, say it once")
    return _SALT.sub(" ", text), "base" if words[0].lower().endswith("base") else "hydrochloride"


def _without_body_weight(text: str, value: object) -> tuple[str, Per]:
    found = _BODY_WEIGHT.findall(text)
    unit = _BODY_WEIGHT.sub(" ", text).strip()
    if not found:
        return unit, ""
    if len(found) > 1:
        raise InputError(f"{shown(value)} names body weight twice, say it once")
    if found[0] in ("", "1"):
        return unit, "kg"
    if found[0] == "70":
        return unit, "70 kg"
    raise InputError(f"{shown(value)} is per {found[0]} kg, expected '/kg' or 'per 70 kg'")


def _expression(unit: str, value: object, kind: Kind) -> str:
    """The unit in pint's words, of known names only."""
    text = re.sub(r"\bper\b", "/", unit).replace("**", "^")
    text = re.sub(r"\s*([*/])\s*", r"\1", text)
    text = re.sub(r"\s+", "*", text.strip())
    if _UNIT.fullmatch(text) is None:
        _fail_unit(unit, text, value, kind)
    for name in _LETTERS.findall(text):
        if name not in _SPELLINGS:
            hint = did_you_mean(name, _SPELLINGS)
            _fail(value, f"has the unknown unit {shown(name)}", kind, hint)
    text = _LETTERS.sub(lambda match: _SPELLINGS[match.group()], text)
    if "kilogram^" in text:
        _fail(value, "has a power of kg, write '/kg' for body weight", kind)
    return (f"1{text}" if text.startswith("/") else text).replace("^", "**")


def _fail_unit(unit: str, text: str, value: object, kind: Kind) -> NoReturn:
    if re.search(r"/[0-9]", text):
        of_drug = kind in (Kind.MASS, Kind.MASS_RATE)
        hint = "; write the amount, and its duration under `for`" if of_drug else ""
        _fail(value, "divides by a number", kind, hint)
    if re.search(r"(?<!\^)(?<!\^-)[0-9]", text):
        _fail(value, "has more than one number", kind)
    _fail(value, f"has a unit that cannot be read, {shown(unit)}", kind)


def _read_pint(value: Any, kind: Kind) -> _Quantity:
    from pint.errors import PintError

    written, magnitude = str(value), value.magnitude
    if not isinstance(magnitude, numbers.Real) or isinstance(magnitude, bool):
        _fail(written, "is not one number", kind)
    _finite(magnitude, written, kind)
    try:
        per_kg = dict(value.unit_items()).get("kilogram") == -1
        quantity = value * type(value)(1, "kilogram") if per_kg else value
        dimension = _dimension(quantity)
        base = " * ".join(f"{_BASES[name]} ** {power}" for name, power in dimension)
        amount = quantity.to(base or "dimensionless").magnitude
    except (PintError, KeyError):
        _fail(written, "is another kind of quantity", kind)
    exact = _finite(amount, written, kind)
    return _Quantity(written, exact, dimension, bare=False, per="kg" if per_kg else "")


def _dimension(quantity: Any) -> _Dimension:
    return tuple(sorted((name, Fraction(power)) for name, power in quantity.dimensionality.items()))


def _refuse_salt(quantity: _Quantity, kind: Kind) -> None:
    if quantity.salt:
        _fail(quantity.written, "names salt or base, which only doses may", kind)


def _convert(quantity: _Quantity, kind: Kind, *, signed: bool = False) -> float:
    """The quantity in kind.unit, its dimension, sign and range checked."""
    if quantity.bare and kind.unit:
        _fail(quantity.written, "has no unit", kind)
    factor, dimension = _unit_of_kind(kind)
    if quantity.dimension != dimension:
        _fail(quantity.written, _found(quantity), kind, _moles(quantity.dimension, dimension))
    if quantity.amount < 0 and not signed and kind is not Kind.COEFFICIENT:
        _fail(quantity.written, "must not be negative", kind)
    if kind is Kind.FRACTION and quantity.amount > 1:
        _fail(quantity.written, "is more than 1", kind)
    try:
        return float(quantity.amount / factor)
    except OverflowError:
        _fail(quantity.written, "is too large", kind)


def _found(quantity: _Quantity) -> str:
    name = _dimension_names().get(quantity.dimension, "another kind of quantity")
    return f"is {name} per {quantity.per} of body weight" if quantity.per else f"is {name}"


def _moles(found: _Dimension, expected: _Dimension) -> str:
    if "[substance]" in dict(found) and "[substance]" not in dict(expected):
        return "; give mass, not moles"
    if "[substance]" in dict(expected) and "[mass]" in dict(found):
        return "; give moles, not mass"
    return ""


def _fail(value: object, found: str, kind: Kind, hint: str = "") -> NoReturn:
    raise InputError(f"{shown(value)} {found}, expected {kind.expected}{hint}")


@functools.cache
def _registry() -> UnitRegistry[Any]:
    """Pint with the units of `_UNITS` only, in exact rational arithmetic."""
    from pint import UnitRegistry

    registry: UnitRegistry[Any] = UnitRegistry(None, non_int_type=Fraction)
    for name, (definition, _) in _UNITS.items():
        registry.define(f"{name} = {definition}")
    return registry


@functools.lru_cache(maxsize=1024)
def _unit(expression: str) -> tuple[Fraction, _Dimension]:
    """Size of a unit in base units (mg, h, cm, umol), and its dimension."""
    registry = _registry()
    quantity = registry.Quantity(Fraction(1), registry.parse_units(expression)).to_base_units()
    return Fraction(quantity.magnitude), _dimension(quantity)


@functools.cache
def _unit_of_kind(kind: Kind) -> tuple[Fraction, _Dimension]:
    if not kind.unit:
        return Fraction(1), ()
    return _unit(_expression(kind.unit, kind.unit, kind))


@functools.cache
def _dimension_names() -> dict[_Dimension, str]:
    named = {unit: _expression(unit, unit, Kind.EXTENT) for unit in _NAMES if unit}
    names = {_unit(expression)[1]: _NAMES[unit] for unit, expression in named.items()}
    return names | {(): _NAMES[""]}


def format(value: float, kind: Kind) -> str:
    """A short text of a canonical value, to four significant digits, that `parse` reads again.

    What is not a finite number is "n/a", which `parse` refuses.
    """
    if not math.isfinite(value):
        return "n/a"
    if kind is Kind.FRACTION:
        return f"{_digits(100 * value)} %"
    if kind is Kind.TIME:
        return _format_time(value)
    if kind is Kind.AGE:
        return _counted(value, "year")
    if kind in (Kind.MASS, Kind.MASS_RATE) and 0 < value < 0.1:
        return f"{_digits(1000 * value)} µg{kind.unit.removeprefix('mg')}"
    unit = kind.unit.replace("*", "·").replace("umol", "µmol")
    return f"{_digits(value)} {unit}".rstrip()


def _format_time(hours: float) -> str:
    """Whole weeks and days as such, else hours: 100 h stays "100 h" and 336 h is "2 weeks"."""
    if hours >= 168 and hours % 168 == 0:
        return _counted(hours / 168, "week")
    if hours > 72 and (hours % 24 == 0 or hours >= 1000):
        return _counted(hours / 24, "day")
    if hours >= 1 or hours == 0:
        return f"{_digits(hours)} h"
    if hours >= 1 / 60:
        return f"{_digits(60 * hours)} min"
    return f"{_digits(3600 * hours)} s"


def _counted(count: float, noun: str) -> str:
    digits = _digits(count)
    return f"{digits} {noun}" if digits == "1" else f"{digits} {noun}s"


def _digits(value: float) -> str:
    # Twice through text: "12000" rather than "1.2e+04".
    return f"{float(f'{value:.4g}'):.15g}"
