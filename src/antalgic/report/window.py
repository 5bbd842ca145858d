"""Which part of a study is worth showing, and on what time axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from antalgic.dosing import Regimen
from antalgic.report import words
from antalgic.result import Result

#: Share of the peak below which drug counts as no longer measurable: three decades.
MEASURABLE = 1e-3
#: A quiet end shorter than this share of the horizon is shown all the same.
_WORTH_CUTTING = 0.2
_MOST_TICKS = 7
#: With more doses than this, an arm that repeats itself is drawn until it is steady within 3 %.
_CROWDED = 24
_STEADY = 0.03
_BLOCKS = (24.0, 168.0)


@dataclass(frozen=True)
class Unit:
    """A unit of time for an axis: its size in h, the spans (h) it is for, and round steps in it."""

    name: str
    one: str
    hours: float
    longest: float
    steps: tuple[float, ...]


UNITS = (
    Unit("min", "minute", 1 / 60, 3.0, (5, 10, 15, 20, 30, 60)),
    Unit("h", "hour", 1.0, 72.0, (0.5, 1, 2, 3, 4, 6, 12, 24)),
    Unit("days", "day", 24.0, 35 * 24.0, (0.5, 1, 2, 3, 4, 7, 14)),
    Unit("weeks", "week", 168.0, math.inf, (1, 2, 4, 8, 13, 26, 52, 104, 208, 520)),
)


@dataclass(frozen=True)
class Window:
    """The time axis: 0 to ``end`` (h) of a study up to ``horizon`` (h), ticks every ``step`` (h).

    ``quiet`` is the time (h) from which no analyte is measurable, ``block`` the length (h) of what
    repeats itself after the end; each is there where the axis was cut for it.
    """

    end: float
    horizon: float
    unit: Unit
    step: float
    quiet: float | None = None
    block: float | None = None

    def scaled(self, hours: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Times (h) in the unit of the axis."""
        return np.asarray(hours, dtype=np.float64) / self.unit.hours

    @property
    def ticks(self) -> list[float]:
        """Places of the ticks in the unit of the axis."""
        return [float(t) for t in self.scaled(np.arange(0.0, self.end * (1 + 1e-9), self.step))]

    @property
    def said(self) -> str | None:
        """The cut in words, or None where the whole study is shown."""
        if self.block is not None:
            each = "daily" if self.block == _BLOCKS[0] else "weekly"
            return (
                f"Drawn to {words_of(self.end)}; the study runs to {words_of(self.horizon)}, and "
                f"its {each} peaks stay within {100 * _STEADY:g} % of the last one drawn."
            )
        if self.quiet is None:
            return None
        after = f"{_up(self.quiet / self.unit.hours):g}"
        when = f"{self.unit.one} {after}" if self.unit.name in ("days", "weeks") else ""
        return (
            f"No measurable drug after {when or f'{after} {self.unit.name}'} "
            f"(below 0.1 % of the peak); the study runs to {words_of(self.horizon)}."
        )


def window(result: Result, outputs: Sequence[str]) -> Window:
    """The part of a study that shows all there is to see.

    It ends where all analytes have fallen below 0.1 % of their peak in 19 of 20 people; or, under
    many equal doses, where each day or week has become like the one before.
    """
    times = result.quantiles.time.values
    horizon = float(times[-1])
    block, steady = _repeats(result, outputs, horizon)
    if block is not None:
        return axis(steady, horizon, block=block)
    last = max((_last_measurable(result, output) for output in outputs), default=horizon)
    cut = last < (1 - _WORTH_CUTTING) * horizon
    return axis(last * 1.02, horizon, quiet=last) if cut else axis(horizon, horizon)


def axis(
    shown: float, horizon: float, *, quiet: float | None = None, block: float | None = None
) -> Window:
    """The time axis from 0 to what is shown (h), in the unit and steps that suit it."""
    unit = next(u for u in UNITS if shown <= u.longest)
    few = (s for s in unit.steps if shown / (s * unit.hours) <= _MOST_TICKS)
    step = next(few, unit.steps[-1]) * unit.hours
    end = shown
    if quiet is not None:
        end = min(math.ceil(shown / step - 1e-9) * step, horizon)
    return Window(end, horizon, unit, step, quiet, block)


def _repeats(result: Result, outputs: Sequence[str], horizon: float) -> tuple[float | None, float]:
    """Block (h) in which many doses repeat, and the time (h) from which all blocks are alike."""
    regimens = [arm.regimen for arm in result.arms if arm.simulation is not None]
    if max((len(r.doses) for r in regimens), default=0) <= _CROWDED:
        return None, 0.0
    for block in _BLOCKS:
        if horizon < 6 * block or not all(_periodic(r, block, horizon) for r in regimens):
            continue
        peaks = _block_peaks(result, outputs, block)
        for k in range(2, peaks.shape[1] - 1):
            later = peaks[:, k:]
            if np.all(np.abs(later - later[:, :1]) <= _STEADY * later[:, :1]):
                return block, (k + 1) * block
    return None, 0.0


def _periodic(regimen: Regimen, block: float, horizon: float) -> bool:
    """Whether every dose comes again one block later, and none is new after the first block."""
    given = {
        (d.drug, d.route, round(d.time, 6), d.amount, round(d.duration, 6)) for d in regimen.doses
    }
    moved = {(a, b, round(t + block, 6), m, n) for a, b, t, m, n in given}
    return {g for g in given if g[2] >= block} == {m for m in moved if m[2] < horizon - 1e-6}


def _block_peaks(result: Result, outputs: Sequence[str], block: float) -> NDArray[np.float64]:
    """Highest median and 95th percentile of each block, (curves, blocks), without zero curves."""
    times = result.quantiles.time.values
    rows = result.quantiles.sel(output=list(outputs), quantile=[0.5, 0.95])
    curves = np.moveaxis(rows.values, 2, -1).reshape(-1, len(times))
    curves = curves[np.nan_to_num(curves).max(axis=1) > 0]
    edges = np.searchsorted(times, np.arange(0.0, times[-1] + 1e-9, block))
    return np.array([curves[:, a + 1 : b + 1].max(axis=1) for a, b in pairwise(edges)]).T


def words_of(hours: float) -> str:
    """A time in the unit that suits it: "30 min", "100 h", "24.1 days", "12 weeks"."""
    if hours < 1:
        unit = UNITS[0]
    elif hours < 101:
        unit = UNITS[1]
    else:
        unit = UNITS[3] if hours % UNITS[3].hours == 0 else UNITS[2]
    value = hours / unit.hours
    whole = abs(value - round(value)) < 1e-9
    name = unit.one if value == 1 and unit.hours >= 24 else unit.name
    return f"{words.grouped(f'{value:.0f}') if whole else words.digits(value)} {name}"


def _last_measurable(result: Result, output: str) -> float:
    """Time (h) after which the 95th percentile stays below 0.1 % of its peak, in every arm."""
    times = result.quantiles.time.values
    last = 0.0
    for row in result.quantiles.sel(output=output, quantile=0.95).values:
        row = np.nan_to_num(row)
        above = np.flatnonzero(row > MEASURABLE * row.max())
        if len(above):
            last = max(last, float(times[min(above[-1] + 1, len(times) - 1)]))
    return last or float(times[-1])


def _up(value: float) -> float:
    """Rounded up to two significant digits."""
    size = 10.0 ** (math.floor(math.log10(value)) - 1)
    return round(math.ceil(value / size - 1e-9) * size, 10)
