"""How far may a library value be off?  A distribution for each, from what is known of it.

What counts, in this order: joint draws of a calibration, an interval or standard error that was
published with the value, and else a coefficient of variation by its grade
(library/uncertainty.yaml).  It is what is not known of a typical value, not how people differ.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, ndtr, ndtri

from antalgic import units, yamlfile
from antalgic.errors import InputError
from antalgic.sources import Grade, How, Value
from antalgic.units import Kind

Array = NDArray[np.float64]
Scale = Literal["log", "logit", "draws"]

LIBRARY = "uncertainty.yaml"
GRADES: tuple[Grade, ...] = ("A", "B", "C", "D")
#: Normal scores of the ends of an interval that covers so many percent.
_REACH = {"90": float(ndtri(0.95)), "95": float(ndtri(0.975))}
_NUMBER = r"-?[0-9.]+(?:e[+-]?[0-9]+)?"
_RELATIVE = re.compile(rf"(?:RSE|SEE?) ({_NUMBER}) ?%")
_ERROR = re.compile(rf"SEE? ({_NUMBER})(?=$|,|;| of )")
_INTERVAL = re.compile(
    rf"(?:(9[05]) ?% (?:CI|posterior) |prior )?({_NUMBER})(?: to |-)({_NUMBER})( [^\s,;]+)?"
)


@dataclass(frozen=True)
class Uncertain:
    """A parameter that is not known for sure.

    ``middle`` and ``sd`` are on ``scale``, of the size of the value, which keeps its sign; with
    "draws" the distribution is that of ``draws``.
    ``value`` is the library's, in the package's unit, and ``written`` the number as it stands in
    the library in ``unit``; ``basis`` says where the spread is from.
    """

    name: str
    says: str
    value: float
    written: float
    unit: str
    grade: Grade
    how: How
    basis: str
    scale: Scale
    middle: float = 0.0
    sd: float = 0.0
    draws: Array | None = None

    def at(self, z: ArrayLike) -> Array:
        """Values at normal scores z: 0 is the median, ±1.645 are the 5th and 95th percentile."""
        z = np.asarray(z, dtype=np.float64)
        if self.draws is not None:
            ladder = (np.arange(len(self.draws)) + 0.5) / len(self.draws)
            found: Array = np.interp(ndtr(z), ladder, np.sort(self.draws))
            return found
        sign = np.sign(self.value)
        score = self.middle + sign * self.sd * z
        size = np.exp(score) if self.scale == "log" else expit(score)
        return np.asarray(sign * size, dtype=np.float64)


def published(name: str, known: Value, *, share: bool = False) -> Uncertain | None:
    """A library value as what was printed with it, or its grade, says; None where it is held.

    A ``share`` stays between 0 and 1.  A value of zero is a choice of structure and
    is held, as is what library/uncertainty.yaml names.
    """
    if known.value == 0 or name in held():
        return None
    scale: Scale = "logit" if share and 0 < known.value < 1 else "log"
    one = Uncertain(
        name, says(name), known.value, _first(known.text), known.unit, known.grade, known.how,
        "", scale,
    )  # fmt: skip
    return _printed(one, known) or _by_grade(one)


def calibrated(name: str, known: Value, draws: Sequence[float]) -> Uncertain:
    """A parameter with draws of a calibration."""
    return Uncertain(
        name, says(name), known.value, _first(known.text), known.unit, known.grade, known.how,
        "draws of the calibration", "draws", draws=np.asarray(draws, dtype=np.float64),
    )  # fmt: skip


@cache
def held() -> dict[str, str]:
    """Values that are not varied, and why."""
    return dict(yamlfile.library(LIBRARY).data["held"])


def is_share(name: str) -> bool:
    """Whether a parameter of a mechanism, a receptor, a condition or a drug is a share."""
    named: list[str] = yamlfile.library(LIBRARY).data["shares"]
    _, _, own = name.partition(".")
    return name in named or own == "fu" or own.startswith("F.")


def says(name: str) -> str:
    """A parameter in a few words; its name where there are none."""
    known: dict[str, str] = yamlfile.library(LIBRARY).data["names"]
    return known.get(name, name)


def placebo() -> tuple[str, ...]:
    """Numbers of a condition that its response to placebo goes by, the first that is there."""
    return tuple(yamlfile.library(LIBRARY).data["placebo"])


@cache
def reference_level() -> float:
    """The level (ng/mL of S-ketamine) at which the calibration has seen block."""
    text = yamlfile.library(LIBRARY).data["level"]["value"]
    return units.parse(text, Kind.CONCENTRATION)


@cache
def cv(grade: Grade) -> float:
    """Coefficient of variation of a value of which only the grade is known."""
    return units.parse(yamlfile.library(LIBRARY).data["grades"][grade]["value"], Kind.FRACTION)


def _by_grade(one: Uncertain) -> Uncertain:
    share = cv(one.grade)
    return _spread(one, share, f"CV {100 * share:.0f} % by grade")


def _printed(one: Uncertain, known: Value) -> Uncertain | None:
    """From the text that stands with a value, where it is one of the usual ones."""
    text = known.uncertainty or ""
    if found := _RELATIVE.match(text):
        return _spread(one, float(found[1]) / 100, f"published: {text}")
    if found := _ERROR.match(text):
        return _spread(one, float(found[1]) / abs(_first(known.text)), f"published: {text}")
    if found := _INTERVAL.match(text):
        return _between(one, known, found, text)
    return None


def _spread(one: Uncertain, share: float, basis: str) -> Uncertain:
    """A coefficient of variation around the value, on its scale."""
    middle, sd = float(np.log(abs(one.value))), float(np.sqrt(np.log1p(share**2)))
    if one.scale == "logit":
        middle, sd = float(logit(one.value)), share / (1 - one.value)
    return replace(one, basis=basis, middle=middle, sd=sd)


def _between(one: Uncertain, known: Value, found: re.Match[str], text: str) -> Uncertain | None:
    """An interval, of 90 % unless it says so.

    None where its unit is another quantity's, or the value is not in it: what others found under
    other circumstances.
    """
    factor = _factor(known, (found[4] or "").strip())
    if factor is None:
        return None
    low, high = factor * float(found[2]), factor * float(found[3])
    holds = low <= known.value * (1 + _NEAR) and known.value * (1 - _NEAR) <= high
    size = np.sort(np.abs([low, high]))
    if not holds or low * high <= 0 or low >= high or (one.scale == "logit" and size[1] >= 1):
        return None
    a, b = (logit if one.scale == "logit" else np.log)(size)
    basis = text if text.startswith("prior") else f"published: {text}"
    reach = _REACH[found[1] or "90"]
    return replace(one, basis=basis, middle=float(a + b) / 2, sd=float(b - a) / 2 / reach)


#: Printed numbers are rounded: an end may miss the value by so much of it.
_NEAR = 0.01


def _factor(known: Value, unit: str) -> float | None:
    """What makes a number in this unit one in the package's; None where that is not possible."""
    written = known.value / _first(known.text)
    if unit in ("", known.unit):
        return written
    for kind in Kind:
        try:
            ratio = units.parse(f"1 {unit}", kind) / units.parse(f"1 {known.unit}".strip(), kind)
        except InputError:
            continue
        return written * ratio
    # what follows the interval is not a unit: "17 to 27 between studies"
    return written if unit.isalpha() and not known.unit else None


def _first(text: str) -> float:
    found = re.search(_NUMBER, text.replace("\u2212", "-"))
    assert found is not None
    return float(found[0])
