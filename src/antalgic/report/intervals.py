"""Intervals of shares, of their differences, and of the number needed to treat or to harm."""

from __future__ import annotations

import math

from scipy.special import betaincinv, ndtri

from antalgic.report import words

LEVEL = 0.95


def clopper_pearson(had: int, people: int) -> tuple[float, float]:
    """Exact 95 % interval of a share of ``people`` (Clopper and Pearson 1934)."""
    tail = (1 - LEVEL) / 2
    low = float(betaincinv(had, people - had + 1, tail)) if had else 0.0
    high = float(betaincinv(had + 1, people - had, 1 - tail)) if had < people else 1.0
    return low, high


def wilson(share: float, people: int) -> tuple[float, float]:
    """95 % interval of a share of ``people`` (Wilson 1927); the share need not be of whole ones."""
    z = float(ndtri(0.5 + LEVEL / 2))
    middle = share + z * z / (2 * people)
    half = z * math.sqrt(share * (1 - share) / people + z * z / (4 * people * people))
    size = 1 + z * z / people
    return (middle - half) / size, (middle + half) / size


def newcombe(a: float, n: int, b: float, m: int) -> tuple[float, float]:
    """95 % interval of share a of n people less share b of m others (Newcombe 1998, method 10)."""
    (a_low, a_high), (b_low, b_high) = wilson(a, n), wilson(b, m)
    gap = a - b
    return gap - math.hypot(a - a_low, b_high - b), gap + math.hypot(a_high - a, b - b_low)


def needed(gap: float, *, good: bool) -> str:
    """One over a difference of shares: "NNT 2.1", "NNH 17"; "∞" where there is none.

    ``good`` says that more is better, so that a positive difference is a number needed to treat.
    """
    if gap == 0:
        return "∞"
    return f"{'NNT' if (gap > 0) == good else 'NNH'} {_number(gap)}"


def needed_interval(low: float, high: float, *, good: bool) -> str:
    """Interval of the number needed: "1.8 to 3.0", or through infinity where 0 lies within.

    As Altman 1998 writes it: "NNT 8.0 to ∞ to NNH 20".
    """
    if low > 0 or high < 0:
        return f"{_number(high if low > 0 else low)} to {_number(low if low > 0 else high)}"
    best, worst = (high, low) if good else (low, high)
    return f"{needed(best, good=good)} to ∞ to {needed(worst, good=good)}".replace("∞ to ∞", "∞")


def _number(gap: float) -> str:
    return words.digits(1 / abs(gap), 2 if abs(gap) > 0.01 else 1)
