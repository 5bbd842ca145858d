"""Concentration over time: median, bands and observed values of one analyte on one pair of axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from antalgic.evidence.cohorts import Observation
from antalgic.evidence.matching import Match
from antalgic.report import curves, style, words
from antalgic.report.style import Stroke
from antalgic.report.window import MEASURABLE, Window
from antalgic.result import Arm, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
_TOLERANCE = 0.0015


@dataclass(frozen=True)
class Track:
    """One arm's quantiles of one analyte: times (T,) h and rows (5, T) ng/mL, from 5 to 95 %."""

    arm: Arm
    stroke: Stroke
    times: Array
    rows: Array

    @property
    def median(self) -> Array:
        """The middle row."""
        middle: Array = self.rows[2]
        return middle


class Drawn(NamedTuple):
    """Published values and the name of the arm that they stand beside."""

    match: Match
    arm: str


def tracks(result: Result, output: str, strokes: dict[str, Stroke], window: Window) -> list[Track]:
    """What there is to draw of an analyte: arms that have it in measurable amounts."""
    times = result.quantiles.time.values
    inside = times <= window.end * (1 + 1e-9)
    found = []
    for arm in result.arms:
        rows = result.quantiles.sel(arm=arm.name, output=output).values.T
        if arm.name in strokes and np.isfinite(rows).all() and rows.max() > 0:
            found.append(Track(arm, strokes[arm.name], times[inside], rows[:, inside]))
    return found


def draw(axes: Axes, found: Sequence[Track], window: Window, *, log: bool, thin: bool) -> None:
    """Bands and medians; with ``thin`` only the middle half, lightly."""
    used = slice(1, 4) if thin else slice(None)
    top = max(float(track.rows[used].max()) for track in found)
    low = _floor(found, top, used) if log else 0.0
    if log:
        axes.set_yscale("log")
    axes.set_ylim(low, top * (1.35 if log else 1.06))
    for track in found:
        x, rows = _reduced(track, low, top, log=log)
        x = window.scaled(x)
        for lower, upper, opacity in _bands(track, thin=thin):
            axes.fill_between(
                x, rows[lower], rows[upper], color=track.stroke.colour, alpha=opacity, linewidth=0
            )
        axes.plot(x, rows[2], color=track.stroke.colour, linestyle=track.stroke.dash)
    ticks(axes, low, top, log=log)
    axes.grid(axis="y", color="#e9e9e9", linewidth=0.5)
    axes.set_axisbelow(True)


def time_axis(axes: Axes, window: Window, *, labelled: bool) -> None:
    """The common time axis; its unit where ``labelled``, numbers everywhere."""
    axes.set_xlim(0, float(window.scaled(window.end)))
    axes.set_xticks(window.ticks)
    axes.set_xticklabels([f"{t:g}" for t in window.ticks])
    if labelled:
        axes.set_xlabel(f"time ({window.unit.name})", labelpad=2)


def observed(
    axes: Axes, drawn: Sequence[Drawn], output: str, found: Sequence[Track], window: Window
) -> list[str]:
    """Draw published values of an analyte, one marker a cohort; the ids of those drawn.

    Cmax goes to its own tmax, or, where none was published, to that of the simulated median.  A
    tmax alone is a mark on the time axis.  Marks have the hue of their arm where there are several.
    """
    ids = []
    for place, (match, arm) in enumerate(drawn):
        own = [o for o in match.observations if o.analyte == output]
        track = next((track for track in found if track.arm.name == arm), None)
        if track is None:
            continue
        colour = track.stroke.colour if len(found) > 1 else style.INK
        for o in own:
            point = _point(o, own, match, track)
            if point is None or not 0 <= point[0] <= window.end:
                continue
            _mark(axes, o, point, style.marker(place), colour, window)
            ids.append(o.id)
    return ids


def _bands(track: Track, *, thin: bool) -> list[tuple[int, int, float]]:
    """Rows and opacity of the bands; none for a single person."""
    if np.array_equal(track.rows[0], track.rows[4]):
        return []
    if thin:
        return [(1, 3, style.THIN_BAND)]
    return [(0, 4, style.WIDE_BAND), (1, 3, style.NARROW_BAND)]


def _floor(found: Sequence[Track], top: float, used: slice) -> float:
    """Bottom of a logarithmic axis: three decades below the peak, or what falling curves need."""
    falling = (t.rows[used][0][int(t.median.argmax()) :] for t in found)
    return max(MEASURABLE * top, 0.6 * min(float(rows.min()) for rows in falling))


def _reduced(track: Track, low: float, top: float, *, log: bool) -> tuple[Array, Array]:
    """Times and rows with as few points as the eye needs."""
    floor = low / 30 if log else 0.0
    rows = np.maximum(track.rows, floor)
    heights = np.log(np.maximum(rows, low)) / math.log(top / low) if log else rows / top
    kept = curves.thinned(track.times, heights, _TOLERANCE)
    return track.times[kept], rows[:, kept]


def ticks(axes: Axes, low: float, top: float, *, log: bool) -> None:
    """Ticks of concentration on an axis from low to top, with plain numbers."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter

    plain = FuncFormatter(lambda value, _: words.grouped(f"{value:.12g}"))
    axes.yaxis.set_major_formatter(plain)
    if not log:
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
        return
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(top)) + 1)
    few = top / low < 60
    majors = [m * 10.0**d for d in decades for m in ((1, 2, 5) if few else (1,))]
    minors = [m * 10.0**d for d in decades for m in range(2, 10)]
    axes.yaxis.set_major_locator(FixedLocator([m for m in majors if low <= m <= 1.35 * top]))
    axes.yaxis.set_minor_locator(FixedLocator([m for m in minors if low <= m <= 1.35 * top]))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _point(
    o: Observation, own: Sequence[Observation], match: Match, track: Track
) -> tuple[float, float | None] | None:
    """Time (h) and value (ng/mL); no value for a tmax alone; None for what is not drawn."""
    if o.kind.name == "MOLAR_CONCENTRATION":
        return None
    if o.time is not None:
        return o.time + match.shift, o.value
    if o.metric not in ("cmax", "tmax"):
        return None
    start, end = o.window or (0.0, match.cohort.horizon or math.inf)
    partner = "tmax" if o.metric == "cmax" else "cmax"
    other = [p for p in own if p.metric == partner and p.window == o.window]
    if o.metric == "tmax":
        return None if other else (match.shift + start + o.value, None)
    if other:
        return match.shift + start + other[0].value, o.value
    inside = (track.times >= match.shift + start) & (track.times <= match.shift + end)
    return float(track.times[inside][track.median[inside].argmax()]), o.value


def _mark(
    axes: Axes,
    o: Observation,
    point: tuple[float, float | None],
    marker: str,
    colour: str,
    window: Window,
) -> None:
    time, value = float(window.scaled(point[0])), point[1]
    look: dict[str, Any] = {**style.mark(marker, colour), "zorder": 5, "clip_on": False}
    look["gid"] = f"{axes.get_gid()}-observed-{o.id}"
    if value is None:
        axes.plot([time], [0.0], transform=axes.get_xaxis_transform(), **look)
        return
    low, high = axes.get_ylim()
    below, above = _whisker(o, value)
    bottom = min(low, value / 1.6) if low > 0 else low
    axes.set_ylim(bottom, max(high, 1.08 * (value + above)))
    if below or above:
        axes.vlines(time, max(value - below, low / 10), value + above, color=colour, linewidth=0.8)
    axes.plot([time], [value], **look)


def _whisker(o: Observation, value: float) -> tuple[float, float]:
    """Length of the whisker below and above the value, in ng/mL; zero where no spread is known."""
    if not o.spread:
        return 0.0, 0.0
    if len(o.spread) == 2:
        return max(value - o.spread[0], 0.0), max(o.spread[1] - value, 0.0)
    relative = o.spread_kind in ("CV between people", "reading error")
    size = o.spread[0] * (value if relative else 1.0)
    return min(size, value), size
