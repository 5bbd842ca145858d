"""Numbers and names as a reader sees them, in figures, tables and pages alike."""

from __future__ import annotations

import math

from antalgic.simulation import QUANTILES

#: Between groups of three digits, as SI asks: a thin space that does not break.
THIN = "\u202f"
MISSING = "n/a"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_ROUTES = {
    "iv": "IV",
    "im": "IM",
    "sc": "SC",
    "film": "film in the mouth",
    "sublingual": "under the tongue",
}
_SPELLED = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
#: The bands of a result in words: between the outermost quantiles, and of the middle half.
BAND = f"{100 * QUANTILES[0]:g}–{100 * QUANTILES[-1]:g} %"
MIDDLE = f"{100 * QUANTILES[1]:g}–{100 * QUANTILES[-2]:g} %"
RESEARCH = (
    "Research software: it simulates populations and hypothetical typical patients. "
    "It is not a dose for a person."
)


def digits(value: float, figures: int = 3) -> str:
    """A number to so many significant digits: "0.0123", "1.20", "23 400", "1.23 × 10⁷".

    What is not finite is "n/a".
    """
    if not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    mantissa, _, exponent = f"{abs(value):.{figures - 1}e}".partition("e")
    power = int(exponent)
    sign = "\u2212" if value < 0 else ""
    if not -4 <= power < 6:
        return f"{sign}{mantissa} × 10{str(power).translate(_SUPERSCRIPTS)}"
    text = f"{float(f'{mantissa}e{power}'):.{max(0, figures - 1 - power)}f}"
    return sign + grouped(text)


def grouped(text: str) -> str:
    """Digits before the decimal point in groups of three, from five digits up."""
    whole, point, rest = text.partition(".")
    if len(whole) < 5:
        return text
    head = len(whole) % 3
    parts = [whole[:head]] * (head > 0) + [whole[i : i + 3] for i in range(head, len(whole), 3)]
    return THIN.join(parts) + point + rest


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Such as "1 model" or "2 000 people" (plural given)."""
    return f"{grouped(str(number))} {noun if number == 1 else plural or noun + 's'}"


def spelled(number: int) -> str:
    """Small numbers as words: "five"."""
    return _SPELLED[number] if number < len(_SPELLED) else str(number)


def analyte(name: str) -> str:
    """Analyte or drug as written in prose: "S-ketamine", "Norketamine"."""
    return name[:1].upper() + name[1:]


def drug(name: str) -> str:
    """Drug within a sentence: "S-ketamine", "ketamine"."""
    return analyte(name) if name[:2] in ("s-", "r-") else name


def route(name: str) -> str:
    """Route as a label: "IV", "oral", "under the tongue"."""
    return _ROUTES.get(name, name)


def listed(names: list[str]) -> str:
    """Such as "a", "a and b", "a, b and c"."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def sentence(text: str) -> str:
    """Text with a capital first letter and a full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text[-1:] in ".!?" else ".")
