"""What one field of an arm's item may hold: words of a study file become plain numbers.

Every reader raises an `InputError` of one line that says what was found and what would be right.
Canonical units inside: h, mg, mg/h.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import InitErrorDetails

from antalgic import units, yamlfile
from antalgic.dosing.regimen import Rule, Rules, ticks
from antalgic.errors import InputError, shown, sort_of
from antalgic.units import Kind

MAX_EVENTS = 1_000_000
MAX_YEARS = 100
HOURS_IN_YEAR = 365.25 * 24
MAX_DOSE = 1e6  # mg, or mg/h; a kilogram is a slip of the pen
LONGEST_WORDS = 200

#: Treatments beside ketamine, of library/comparators.
COMPARATORS = yamlfile.shelf("comparators", but=("fitted",))
KETAMINE = ("s-ketamine", "r-ketamine", "ketamine")
DRUGS = (*KETAMINE, "placebo", *COMPARATORS)
# The same drug under another name; `ketamine` is the racemate.
DRUG_ALIASES: Mapping[str, str] = {
    "esketamine": "s-ketamine",
    "arketamine": "r-ketamine",
    "racemate": "ketamine",
    "racemic ketamine": "ketamine",
}

ROUTES = (
    "iv", "im", "sc", "oral", "film", "sublingual", "nasal", "rectal", "inhaled", "perineural",
)  # fmt: skip
# Routes that can take a drug at a steady rate.
INFUSION_ROUTES = ("iv", "sc", "inhaled")
# Only hints for the message: a study file uses the words above.
_ROUTE_HINTS: Mapping[str, str] = {
    "intravenous": "iv",
    "intramuscular": "im",
    "subcutaneous": "sc",
    "po": "oral",
    "by mouth": "oral",
    "buccal": "film",
    "oral thin film": "film",
    "wafer": "sublingual",
    "intranasal": "nasal",
    "in": "nasal",
    "pr": "rectal",
    "inhalation": "inhaled",
    "nebulised": "inhaled",
    "nebulized": "inhaled",
    "nerve block": "perineural",
    "block": "perineural",
}

SCALES: Mapping[str, units.Per] = {"per kg": "kg", "per 70 kg": "70 kg"}


def problem(where: tuple[str | int, ...], message: str, value: object = None) -> ValidationError:
    """A broken rule between fields, placed on the field at `where` below the validated object."""
    details = InitErrorDetails(
        type="value_error", loc=where, input=value, ctx={"error": InputError(message)}
    )
    return ValidationError.from_exception_data("item", [details])


# What people and other tools call our fields; only hints for the message.
_FIELD_HINTS: Mapping[str, tuple[str, ...]] = {
    "from": ("at",),
    "start": ("at", "from"),
    "time": ("at",),
    "dose": ("amount",),
    "amt": ("amount",),
    "infusion": ("rate",),
    "duration": ("for", "horizon"),
    "dur": ("for",),
    "length": ("for",),
    "interval": ("every",),
    "ii": ("every",),
    "repeat": ("times",),
    "repeats": ("times",),
    "doses": ("times",),
    "addl": ("times",),
    "end": ("until", "horizon"),
    "to": ("until",),
    "max": ("at_most",),
    "cap": ("at_most",),
    "adherence": ("missed",),
    "ss": ("steady_state",),
    "name": ("study", "regimen"),
    "model": ("models",),
    "pk": ("pharmacokinetics",),
}


class Strict(BaseModel):
    """A frozen part of a study file: unknown fields are errors, and so are fields left empty.

    Both come before missing fields, since a misspelt field is often also a missing one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _known_and_filled(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        known = [info.alias or name for name, info in cls.model_fields.items()]
        for key, value in data.items():
            name = str(key)
            place = (name,) if name.isprintable() else ()
            if name not in known and name not in cls.model_fields:
                raise problem(place, f"unknown field {shown(name)}{_likely(name, known)}")
            if value is None:
                raise problem(place, "is empty: give a value or remove the field")
        return data


def _likely(name: str, known: Sequence[str]) -> str:
    hints = [hint for hint in _FIELD_HINTS.get(name.lower(), ()) if hint in known]
    if hints:
        return f"; did you mean {hints[0]!r}?"
    return close_to(name, known) or f"; known are {', '.join(known)}"


def close_to(word: str, words: Sequence[str]) -> str:
    """Hint for a misspelt word: "; did you mean 'oral'?" or nothing."""
    found = difflib.get_close_matches(word.lower(), words, n=1)
    return f"; did you mean {found[0]!r}?" if found else ""


def known_drug(value: object) -> str | None:
    """Name of a drug that can be dosed, aliases resolved, or None."""
    if not isinstance(value, str):
        return None
    word = " ".join(value.lower().split())
    word = DRUG_ALIASES.get(word, word)
    return word if word in DRUGS else None


def _drug(value: object) -> str:
    found = known_drug(value)
    if found is not None:
        return found
    hint = close_to(value, (*DRUGS, *DRUG_ALIASES)) if isinstance(value, str) else ""
    raise InputError(f"{shown(value)} is not a drug, expected one of {', '.join(DRUGS)}{hint}")


def _route(value: object) -> str:
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in ROUTES:
        return word
    hint = _ROUTE_HINTS.get(word)
    ending = f"; did you mean {hint!r}?" if hint else close_to(word, ROUTES)
    raise InputError(f"{shown(value)} is not a route, expected one of {', '.join(ROUTES)}{ending}")


def _scale(value: object) -> units.Per:
    word = " ".join(value.split()) if isinstance(value, str) else ""
    if word in SCALES:
        return SCALES[word]
    raise InputError(f"{shown(value)} is not a scale, expected 'per kg' or 'per 70 kg'")


def read_hours(value: object) -> float:
    """Time or duration in h, from 0 to a hundred years."""
    hours = units.parse(value, Kind.TIME)
    if hours > MAX_YEARS * HOURS_IN_YEAR:
        raise InputError(f"{shown(value)} is too long, expected at most {MAX_YEARS} years")
    return hours


def _interval(value: object) -> float:
    hours = read_hours(value)
    if ticks(hours) == 0:
        raise InputError(f"{shown(value)} is too short, expected a time above 0 such as '8 h'")
    return hours


def _several_hours(value: object) -> tuple[float, ...]:
    if not isinstance(value, list | tuple):
        return (read_hours(value),)
    if not value:
        raise InputError("the list is empty, expected a time such as '8 h' or a list of times")
    times = tuple(sorted(read_hours(entry) for entry in value))
    for before, after in pairwise(times):
        if before == after:
            raise InputError(f"{units.format(after, Kind.TIME)} is listed twice")
    return times


def _quantity(value: object, *, rate: bool) -> units.Dose:
    dose = value if isinstance(value, units.Dose) else units.parse_dose(value, rate=rate)
    if not 0 <= dose.value <= MAX_DOSE:
        most = units.format(MAX_DOSE, Kind.MASS_RATE if rate else Kind.MASS)
        raise InputError(f"{shown(value)} is out of range, expected from 0 to {most}")
    return dose


def _amount(value: object) -> units.Dose:
    return _quantity(value, rate=False)


def _rate(value: object) -> units.Dose:
    return _quantity(value, rate=True)


@dataclass(frozen=True)
class Limit:
    """Upper bound of a dose per person: mg, or mg/h where `rate` is true."""

    dose: units.Dose
    rate: bool


def _limit(value: object) -> Limit:
    if isinstance(value, Limit):
        return value
    for rate in (True, False):
        try:
            return Limit(_quantity(value, rate=rate), rate)
        except InputError:
            continue
    raise InputError(
        f"{shown(value)} is no bound, expected a rate such as '25 mg/h' "
        "or an amount such as '50 mg'"
    )


def _missed(value: object) -> float:
    share = units.parse(value, Kind.FRACTION)
    if share == 1:
        raise InputError(f"{shown(value)} is every dose, expected a share below 1 such as 0.1")
    return share


def _times(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"{shown(value)} is {sort_of(value)}, expected a whole number such as 10")
    if not 1 <= value <= MAX_EVENTS:
        raise InputError(f"{shown(value)} is out of range, expected from 1 to {MAX_EVENTS}")
    return value


def _factor(value: object) -> float:
    factor = units.parse(value, Kind.EXTENT)
    if factor <= 0:
        raise InputError(f"{shown(value)} is out of range, expected a factor above 0 such as 0.5")
    return factor


def _extent(value: object) -> float:
    extent = units.parse(value, Kind.FRACTION)
    if extent == 0:
        raise InputError(f"{shown(value)} is no exercise, expected a share above 0 such as 0.2")
    return extent


def read_prose(value: object) -> str:
    """Printable text on one line, without spaces around it."""
    if not isinstance(value, str):
        raise InputError(f"{shown(value)} is {sort_of(value)}, expected text")
    words = value.strip()
    if not words:
        raise InputError("the text is empty")
    if not words.isprintable():
        raise InputError(f"{shown(words)} is not printable text on one line")
    return words


def read_words(value: object) -> str:
    """A name or another short text."""
    words = read_prose(value)
    if len(words) > LONGEST_WORDS:
        raise InputError(f"{shown(words)} is too long, expected at most {LONGEST_WORDS} letters")
    return words


def not_empty(value: object) -> object:
    """The value itself, unless it is a list or mapping without entries."""
    if isinstance(value, list | tuple | Mapping) and not value:
        raise InputError("is empty, expected at least one entry")
    return value


def _yes_or_no(value: object) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"{shown(value)} is {sort_of(value)}, expected true or false")
    return value


def _schema(kind: str, *examples: object, **more: Any) -> WithJsonSchema:
    shown_values = {"examples": list(examples)} if examples else {}
    return WithJsonSchema({"type": kind, **shown_values, **more})


Drug = Annotated[
    str,
    PlainValidator(_drug),
    WithJsonSchema({"type": "string", "enum": [*DRUGS, *DRUG_ALIASES]}),
]
Route = Annotated[str, PlainValidator(_route), WithJsonSchema({"enum": list(ROUTES)})]
Scale = Annotated[units.Per, PlainValidator(_scale), WithJsonSchema({"enum": list(SCALES)})]
Hours = Annotated[float, PlainValidator(read_hours), _schema("string", "8 h", "10 days")]
_RULE = re.compile(r"\s*([a-z][a-z-]*)\s*([<>])\s*([0-9]+(?:\.[0-9]+)?)\s*")


def _rule(value: object) -> Rule:
    text = read_words(value)
    found = _RULE.fullmatch(text)
    if found is None:
        raise InputError(
            f"{shown(text)} is no rule, expected an output, < or >, and a number, such as "
            "'pain < 3'"
        )
    return Rule(found[1], found[2] == ">", float(found[3]), text)


def _rules(value: object) -> Rules:
    if not isinstance(value, list | tuple):
        return (_rule(value),)
    not_empty(value)
    return tuple(_rule(entry) for entry in value)


# A time that something is divided by: at least a nanosecond.
Interval = Annotated[float, PlainValidator(_interval), _schema("string", "8 h", "10 days")]
SeveralHours = Annotated[
    tuple[float, ...],
    PlainValidator(_several_hours),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "examples": ["0 h"]},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
            ]
        }
    ),
]
Amount = Annotated[
    units.Dose,
    PlainValidator(_amount),
    _schema("string", "25 mg", "0.5 mg/kg", "7 mg hydrochloride"),
]
Rate = Annotated[
    units.Dose,
    PlainValidator(_rate),
    _schema("string", "5 mg/h", "0.35 mg/kg/h", "20 mg/h per 70 kg"),
]
AnyRule = Annotated[
    Rules,
    PlainValidator(_rules),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "examples": ["pain < 3", "block > 0.2"]},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
            ]
        }
    ),
]
AtMost = Annotated[Limit, PlainValidator(_limit), _schema("string", "25 mg/h", "50 mg")]
Missed = Annotated[
    float,
    PlainValidator(_missed),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 0, "exclusiveMaximum": 1}, {"type": "string"}]}
    ),
]
Times = Annotated[
    int,
    PlainValidator(_times),
    _schema("integer", 10, minimum=1, maximum=MAX_EVENTS),
]
Factor = Annotated[float, PlainValidator(_factor), _schema("number", 0.5, exclusiveMinimum=0)]
Extent = Annotated[
    float,
    PlainValidator(_extent),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": 1}, {"type": "string"}]}
    ),
]
Prose = Annotated[str, PlainValidator(read_prose), _schema("string", minLength=1)]
Words = Annotated[
    str,
    PlainValidator(read_words),
    _schema("string", minLength=1, maxLength=LONGEST_WORDS),
]
YesNo = Annotated[bool, PlainValidator(_yes_or_no), WithJsonSchema({"type": "boolean"})]
