"""Pain and what lies behind it over time: one pair of axes for one output, arms over each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from antalgic.model.harm import AWAKE
from antalgic.report import curves, panels, relief, style, words
from antalgic.report.style import Stroke
from antalgic.report.trials import Point
from antalgic.report.window import Window
from antalgic.result import Arm, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
#: The scale of pain, and how much of an axis a curve may be off when it is drawn with few points.
SCALE = 10.0
_TOLERANCE = 0.0004
SHADE = "#ececec"
#: Opacity of the middle half, and of the lines at 5 and 95 %: two arms lie over each other.
BAND, EDGE = 0.22, 0.75
_MEAN = (0, (1.0, 1.6))
_TITLES = {
    "pain": "Pain", "unpleasantness": "Unpleasantness", "sensitization": "Central sensitization",
    "mood": "Mood: burden of depression", "plasticity": "Supraspinal plasticity",
    "block": "NMDA receptors blocked", "expectation": "Effect of being treated",
    "dissociation": "Dissociation", "sedation": "Alertness", "nausea": "Nausea",
    "vomiting": "Vomiting", "dizziness": "Dizziness", "somnolence": "Sleepiness",
    "psychomimetic": "Odd perceptions", "systolic": "Systolic pressure",
    "diastolic": "Diastolic pressure", "arterial-pressure": "Mean arterial pressure",
    "heart-rate": "Heart rate", "cardiac-output": "Cardiac output",
    "ventilation": "Breathing at a fixed CO₂", "desaturation": "Low oxygen saturation",
    "withdrawal": "Tolerance that no drug meets",
    "activity": "Activity", "inflammation": "Inflammation of the joint",
}  # fmt: skip
_RISK = "risk"
_AXES = {
    "pain": "pain (0–10)", "unpleasantness": "0–10", "sensitization": "0 in health",
    "mood": "MADRS (0–60)", "plasticity": "0–1", "block": "share", "expectation": "of the first",
    "dissociation": "CADSS (0–92)", "sedation": "MOAA/S (5–0)", "nausea": _RISK, "vomiting": _RISK,
    "dizziness": _RISK, "somnolence": _RISK, "psychomimetic": _RISK, "systolic": "mmHg",
    "diastolic": "mmHg", "arterial-pressure": "mmHg", "heart-rate": "per min",
    "cardiac-output": "1 as before", "ventilation": "1 as before", "desaturation": _RISK,
    "withdrawal": "0–1",
    "activity": "1 as before", "inflammation": "1 as before",
}  # fmt: skip
#: Outputs that are never near nothing: their axis does not begin at 0.
_FLOATING = (
    "systolic", "diastolic", "arterial-pressure", "heart-rate", "cardiac-output", "ventilation",
)  # fmt: skip


@dataclass(frozen=True)
class Course:
    """One arm's output over time (T,) h: rows (5, T) from 5 to 95 % of the people, mean (T,)."""

    arm: Arm
    stroke: Stroke
    times: Array
    rows: Array
    mean: Array


def courses(
    result: Result, output: str, arms: Sequence[Arm], hues: Mapping[str, Stroke], window: Window
) -> list[Course]:
    """What there is to draw of an output in some arms, up to the end of the window."""
    times = result.quantiles.time.values
    inside = times <= window.end * (1 + 1e-9)
    found = []
    for arm in arms:
        rows = result.quantiles.sel(arm=arm.name, output=output).values.T
        if np.isfinite(rows).all():
            mean = result.mean.sel(arm=arm.name, output=output).values
            hue = hues[arm.regimen.name if arm.label == arm.regimen.name else arm.label]
            found.append(Course(arm, hue, times[inside], rows[:, inside], mean[inside]))
    return found


def title(output: str) -> str:
    """An output as a title."""
    return _TITLES.get(output, f"{words.analyte(output)} in blood")


def label(output: str) -> str:
    """What stands beside the axis of an output: that of a drug beside ketamine is its level."""
    return _AXES.get(output, "ng/mL")


def draw(
    axes: Axes, output: str, found: Sequence[Course], window: Window, *, thin: bool, means: bool
) -> None:
    """Bands, medians and, where asked for, means; bands of the middle half only with ``thin``."""
    low, top = _ends(output, found, thin=thin)
    axes.set_ylim(low, top)
    for course in found:
        _bands(axes, course, window, top, thin=thin)
    for course in found:
        x, (median, mean) = _reduced(course.times, np.array([course.rows[2], course.mean]), top)
        hue = course.stroke
        axes.plot(window.scaled(x), median, color=hue.colour, linestyle=hue.dash, linewidth=1.7)
        if means:
            axes.plot(
                window.scaled(x), mean, color=hue.colour, linestyle=_MEAN, linewidth=1.0,
                gid=f"{axes.get_gid()}-mean-{course.arm.name}",
            )  # fmt: skip
    frame(axes, label(output))


def difference(
    axes: Axes, result: Result, pairs: Sequence[tuple[Arm, Arm]], points: Sequence[Point],
    hues: Mapping[str, Stroke], window: Window,
) -> None:  # fmt: skip
    """Mean pain of arms with drug less that of their control, with the published differences."""
    times = result.quantiles.time.values
    inside = times <= window.end * (1 + 1e-9)
    lowest, highest = 0.0, 0.0
    for arm, other in pairs:
        hue = hues[arm.label]
        values = relief.curve(result, arm, other)[inside]
        x, (line,) = _reduced(times[inside], values[None], SCALE)
        axes.plot(window.scaled(x), line, color=hue.colour, linestyle=hue.dash, linewidth=1.7)
        lowest, highest = min(lowest, values.min()), max(highest, values.max())
    for p in points:
        lowest, highest = min(lowest, p.value - (p.se or 0)), max(highest, p.value + (p.se or 0))
    room = 0.08 * (highest - lowest + 0.5)
    axes.set_ylim(lowest - room, highest + room)
    axes.axhline(0, color=style.SOFT, linewidth=0.7)
    frame(axes, "points")


def mark(
    axes: Axes, points: Sequence[Point], shapes: Mapping[str, str], hues: Mapping[str, Stroke],
    window: Window,
) -> None:  # fmt: skip
    """Published values with one standard error to each side, one marker a trial."""
    for number, p in enumerate(points):
        if p.time_h > window.end * (1 + 1e-9):
            continue
        x, colour = float(window.scaled(p.time_h)), hues[p.arm].colour
        if p.se:
            axes.errorbar(
                [x], [p.value], yerr=[p.se], color=colour, linewidth=1.1, capsize=2.4, capthick=1.1,
                zorder=6, clip_on=False,
            )  # fmt: skip
        look: dict[str, Any] = {**style.mark(shapes[p.label], colour), "markersize": 6.0}
        look |= {"markeredgewidth": 1.4, "zorder": 7, "clip_on": False}
        axes.plot([x], [p.value], gid=f"{axes.get_gid()}-published-{number + 1}", **look)


def shade(axes: Axes, arms: Sequence[Arm], window: Window) -> None:
    """The time under treatment as a grey ground, of all arms together."""
    spans = [arm.regimen.treated for arm in arms if arm.regimen.treated is not None]
    if not spans:
        return
    shaded(axes, min(a for a, _ in spans), max(b for _, b in spans), window)


def shaded(axes: Axes, start: float, end: float, window: Window) -> None:
    """A span (h) as a grey ground, up to the end of the window; a moment as a grey line."""
    end = min(end, window.end)
    a, b = float(window.scaled(start)), float(window.scaled(end))
    if end > start:
        axes.axvspan(a, b, color=SHADE, linewidth=0, zorder=0, gid=f"{axes.get_gid()}-treated")
    else:
        axes.axvline(a, color="#c4c4c4", linewidth=1.0, zorder=0, gid=f"{axes.get_gid()}-treated")


def concentration(
    axes: Axes, result: Result, arms: Sequence[Arm], hues: Mapping[str, Stroke], window: Window
) -> str:
    """Median and middle half of what is given, in blood (ng/mL); its name."""
    name, top = "", 0.0
    for arm in arms:
        blood = arm.simulation
        if blood is None:
            continue
        given = [a for a in blood.analytes if a in arm.regimen.drugs] or list(blood.analytes)
        name = given[0]
        at = blood.analytes.index(name)
        inside = blood.times <= window.end * (1 + 1e-9)
        rows = blood.quantiles[at][inside].T
        top = max(top, float(rows[3].max()))
        x, kept = _reduced(blood.times[inside], rows, max(top, 1e-9))
        hue = hues[arm.label]
        ends = (window.scaled(x), kept[1], kept[3])
        axes.fill_between(*ends, color=hue.colour, alpha=style.NARROW_BAND, linewidth=0)
        axes.plot(window.scaled(x), kept[2], color=hue.colour, linestyle=hue.dash)
    axes.set_ylim(0, 1.08 * top or 1.0)
    frame(axes, "ng/mL")
    return name


def frame(axes: Axes, beside: str) -> None:
    """Ticks, label and grid of the vertical axis."""
    from matplotlib.ticker import MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.set_ylabel(beside)
    style.place_label(axes)
    axes.grid(axis="y", color="#e3e3e3", linewidth=0.5)
    axes.set_axisbelow(True)


def time_axis(axes: Axes, window: Window, *, labelled: bool) -> None:
    """The time axis of a panel."""
    panels.time_axis(axes, window, labelled=labelled)


def _ends(output: str, found: Sequence[Course], *, thin: bool) -> tuple[float, float]:
    """Lowest and highest value of the axis of an output."""
    if output in ("pain", "unpleasantness"):
        return 0.0, SCALE
    if output == "sedation":
        return 0.0, AWAKE * 1.04
    used = slice(1, 4) if thin else slice(None)
    top = max((float(course.rows[used].max()) for course in found), default=1.0)
    if output in _FLOATING:
        low = min((float(course.rows[used].min()) for course in found), default=0.0)
        room = 0.08 * (top - low) or 0.05 * top
        return low - room, top + room
    return 0.0, 1.06 * top or 1.0


def _bands(axes: Axes, course: Course, window: Window, top: float, *, thin: bool) -> None:
    if np.array_equal(course.rows[0], course.rows[4]):
        return
    x, rows = _reduced(course.times, course.rows, top)
    x = window.scaled(x)
    colour = course.stroke.colour
    if not thin:
        for edge in (rows[0], rows[4]):
            dash = course.stroke.dash
            axes.plot(x, edge, color=colour, linewidth=0.7, linestyle=dash, alpha=EDGE)
    axes.fill_between(x, rows[1], rows[3], color=colour, alpha=BAND, linewidth=0)


def _reduced(times: Array, rows: Array, top: float) -> tuple[Array, Array]:
    """Times and rows with as few points as the eye needs."""
    kept = curves.thinned(times, rows / top, _TOLERANCE)
    return times[kept], rows[:, kept]
