"""Where does this number come from?  Sources, and library values with their passport.

A library file has a map of sources and entries such as

    sources:
      fanta2015: {citation: "Fanta S et al. Eur J Clin Pharmacol 2015;71:441", doi: 10.1007/...}
    CL:
      value: 63.4 L/h
      source: fanta2015
      locator: Table 3
      how: transcribed
      grade: B
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from antalgic import units
from antalgic.errors import InputError, did_you_mean, shown, sort_of
from antalgic.units import Kind, Per

How = Literal["read", "transcribed", "digitised", "derived", "fitted here", "assumed"]
Seen = Literal["primary", "secondary", "recalled", "not found"]
Grade = Literal["A", "B", "C", "D"]
VariabilityKind = Literal["omega^2", "CV%", "SD"]
Scale = Literal["log", "logit"]

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_DOI = re.compile(r"10\.[0-9]{4,9}/\S+")
_URL = re.compile(r"https?://[^\s/]+\.\S+")
#: What comes from ourselves has no publication to name, and owes a reason instead.
_OURS = ("fitted here", "assumed")


@dataclass(frozen=True)
class Source:
    """A publication, label or data set that library values cite by key.

    seen: what the numbers were taken from, the text itself (primary) or what others made of it.
    """

    key: str
    citation: str
    doi: str | None = None
    url: str | None = None
    seen: Seen | None = None
    note: str | None = None


@dataclass(frozen=True)
class Variability:
    """Between-patient spread of a parameter: normal on the log or logit scale.

    omega^2 is the variance and SD the standard deviation on that scale; CV% is the coefficient of
    variation of a log-normal parameter, in percent.
    """

    kind: VariabilityKind
    value: float
    scale: Scale = "log"

    @property
    def variance(self) -> float:
        """Variance on the scale (omega^2); for a log-normal, ln(1 + CV^2)."""
        if self.kind == "CV%":
            return math.log1p((self.value / 100) ** 2)
        return self.value if self.kind == "omega^2" else self.value**2

    @property
    def cv(self) -> float:
        """Coefficient of variation of a log-normal, as a fraction: sqrt(exp(omega^2) - 1)."""
        if self.scale != "log":
            raise ValueError("only a log-normal has a CV that does not depend on its median")
        return math.sqrt(math.expm1(self.variance))

    @property
    def text(self) -> str:
        """Such as "omega^2 0.026 (CV 16%)": as published, and then as a CV."""
        if self.kind == "CV%":
            return f"CV {self.value:.3g}%"
        if self.scale == "logit":
            return f"{self.kind} {self.value:.3g} (logit)"
        percent = 100 * self.cv
        shown_cv = f"{percent:.0f}" if percent >= 10 else f"{percent:.2g}"
        return f"{self.kind} {self.value:.3g} (CV {shown_cv}%)"


@dataclass(frozen=True)
class Value:
    """A library value: canonical number, text as written, and where it comes from.

    per is "kg" or "70 kg" where the text said so.  What was assumed or fitted here always has a
    note, and source "" unless it names one.
    """

    value: float
    unit: str
    text: str
    uncertainty: str | None
    source: str
    locator: str | None
    how: How
    grade: Grade
    note: str | None
    per: Per = ""


def read_sources(entries: object) -> dict[str, Source]:
    """The `sources:` map of a library file, every entry checked."""
    found = {}
    for key, entry in _mapping(entries, "sources by their keys").items():
        try:
            found[key] = _read_source(key, entry)
        except InputError as error:
            field = f"{key}.{error.field}" if error.field else key
            raise InputError(error.message, field=field) from error
    return found


def read_value(
    entry: object,
    kind: Kind,
    sources: Mapping[str, Source],
    *,
    default: Mapping[str, str] | None = None,
    per: bool = False,
    signed: bool = False,
    extra: Collection[str] = (),
) -> Value:
    """A library entry, its unit and its passport checked.

    default gives source, how, grade or locator for entries that do not; what is assumed or fitted
    here does not inherit the source and the locator.  per allows "/kg" and "per 70 kg", signed a
    value below zero.  extra names further fields that the caller reads itself.
    """
    fields = _mapping(entry, "a value with its source")
    _known(fields, (*_VALUE_FIELDS, *extra))
    if "value" not in fields:
        raise InputError("missing field 'value'")
    value, scaling = _number(fields["value"], kind, per=per, signed=signed)
    inherited = _inherited(fields, default or {})
    how = cast(How, _one_of(inherited, "how", get_args(How)))
    note = _text(fields, "note")
    if how in _OURS and note is None:
        raise InputError(f"missing field 'note': what is {how} owes a reason")
    return Value(
        value=value,
        unit=units.unit_of(fields["value"]),
        text=str(fields["value"]),
        uncertainty=_text(fields, "uncertainty"),
        source=_source(inherited, sources, required=how not in _OURS),
        locator=_text(inherited, "locator"),
        how=how,
        grade=cast(Grade, _one_of(inherited, "grade", get_args(Grade))),
        note=note,
        per=scaling,
    )


def read_variability(entry: object) -> Variability:
    """Such as {kind: omega^2, value: 0.026}; scale is log unless it says logit."""
    fields = _mapping(entry, "such as {kind: CV%, value: 22}")
    _known(fields, ("kind", "value", "scale"))
    kind = cast(VariabilityKind, _one_of(fields, "kind", get_args(VariabilityKind)))
    scale = cast(Scale, _one_of({"scale": "log"} | dict(fields), "scale", get_args(Scale)))
    if kind == "CV%" and scale == "logit":
        raise InputError("CV% is for the log scale, expected omega^2 or SD", field="kind")
    if "value" not in fields:
        raise InputError("missing field 'value'")
    value, _ = _number(fields["value"], Kind.EXTENT, per=False, signed=False)
    return Variability(kind, value, scale)


_SOURCE_FIELDS = ("citation", "doi", "url", "seen", "note")
_VALUE_FIELDS = ("value", "uncertainty", "source", "locator", "how", "grade", "note")


def _read_source(key: str, entry: object) -> Source:
    if _KEY.fullmatch(key) is None:
        raise InputError(f"{shown(key)} is not a key, expected such as 'fanta2015'")
    fields = _mapping(entry, "a citation, and a doi or url")
    _known(fields, _SOURCE_FIELDS)
    citation = _text(fields, "citation")
    if citation is None:
        raise InputError("missing field 'citation'")
    return Source(
        key=key,
        citation=citation,
        doi=_matching(fields, "doi", _DOI, "10.1002/psp4.12346"),
        url=_matching(fields, "url", _URL, "https://example.org/paper"),
        seen=None if "seen" not in fields else cast(Seen, _one_of(fields, "seen", get_args(Seen))),
        note=_text(fields, "note"),
    )


def _inherited(fields: Mapping[str, Any], default: Mapping[str, str]) -> dict[str, Any]:
    # An assumption in a file about a paper is not that paper's.
    ours = fields.get("how") in _OURS
    own = ("source", "locator") if ours else ("locator",) if "source" in fields else ()
    return {name: text for name, text in default.items() if name not in own} | dict(fields)


def _source(fields: Mapping[str, Any], sources: Mapping[str, Source], *, required: bool) -> str:
    key = _text(fields, "source")
    if key is None:
        if required:
            raise InputError("missing field 'source'")
        return ""
    if key not in sources:
        known = ", ".join(sources) or "none"
        message = f"{shown(key)} is not among the sources of this file, expected one of {known}"
        raise InputError(message + did_you_mean(key, sources), field="source")
    return key


def _number(value: object, kind: Kind, *, per: bool, signed: bool) -> tuple[float, Per]:
    try:
        if per:
            return units.parse_per(value, kind, signed=signed)
        return units.parse(value, kind, signed=signed), ""
    except InputError as error:
        raise error.at(field="value") from error


def _mapping(entry: object, expected: str) -> dict[str, Any]:
    if not isinstance(entry, Mapping):
        raise InputError(f"{shown(entry)} is {sort_of(entry)}, expected {expected}")
    return {str(key): value for key, value in entry.items()}


def _known(fields: Mapping[str, Any], names: Collection[str]) -> None:
    for name in fields:
        if name not in names:
            raise InputError(f"unknown field {shown(name)}{did_you_mean(name, names)}")


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    """A text that may be absent, but neither empty nor of several lines."""
    if name not in fields:
        return None
    value = fields[name]
    if not isinstance(value, str):
        message = f"{shown(value)} is {sort_of(value)}, expected text"
        raise InputError(message, field=name)
    if not value.strip() or not value.isprintable():
        raise InputError(f"{shown(value)} is not a line of text", field=name)
    return value.strip()


def _one_of(fields: Mapping[str, Any], name: str, words: Sequence[str]) -> str:
    if name not in fields:
        raise InputError(f"missing field {shown(name)}")
    value = fields[name]
    if value in words:
        return str(value)
    message = f"{shown(value)} is not known, expected one of {', '.join(words)}"
    raise InputError(message + did_you_mean(str(value), words), field=name)


def _matching(
    fields: Mapping[str, Any], name: str, pattern: re.Pattern[str], example: str
) -> str | None:
    text = _text(fields, name)
    if text is not None and pattern.fullmatch(text) is None:
        raise InputError(f"{shown(text)} is not a {name}, expected such as {example}", field=name)
    return text
