"""The regimen as a drawing: rates as steps, single doses as stems."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from antalgic.dosing import Segment
from antalgic.report import curves, style, words
from antalgic.report.style import Stroke
from antalgic.report.window import Window
from antalgic.result import Arm

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Course:
    """What one arm (or several with the same regimen) is given by one route, in one unit."""

    drug: str
    route: str
    segments: tuple[Segment, ...]
    stroke: Stroke

    @property
    def label(self) -> str:
        """Such as "S-ketamine IV"."""
        return f"{words.analyte(self.drug)} {words.route(self.route)}"


@dataclass(frozen=True)
class Panel:
    """Courses that share a unit: rates or amounts, per kg, per 70 kg or per person."""

    rates: bool
    per: str
    courses: tuple[Course, ...]

    @property
    def unit(self) -> str:
        """Such as "mg/h per 70 kg"."""
        unit = "mg/h" if self.rates else "mg"
        return f"{unit} per {self.per}" if self.per else unit

    @property
    def title(self) -> str:
        """Drugs and routes, and the bound for one person where there is one."""
        labels = list(dict.fromkeys(course.label for course in self.courses))
        caps = {s.at_most for c in self.courses for s in c.segments if math.isfinite(s.at_most)}
        unit = "mg/h" if self.rates else "mg"
        cap = f", at most {max(caps):.4g} {unit}" if caps else ""
        return words.listed(labels) + cap


def panels(arms: Sequence[tuple[Arm, Stroke]]) -> list[Panel]:
    """Panels for the arms that are given drug, ketamine or another; equal ones are drawn once."""
    both = [((*a.regimen.segments(), *a.regimen.segments_beside()), s) for a, s in arms]
    given = [(segments, stroke) for segments, stroke in both if segments]
    if len(given) > 1 and all(segments == given[0][0] for segments, _ in given):
        given = [(given[0][0], Stroke(style.INK, "solid"))]
    courses: dict[tuple[bool, str], list[Course]] = {}
    for segments, stroke in given:
        for key, part in groupby(sorted(segments, key=_sort), key=_sort):
            rates, per, drug, route = key
            own = tuple(sorted(part, key=lambda s: s.start))
            courses.setdefault((rates, per), []).append(Course(drug, route, own, stroke))
    return [Panel(rates, per, tuple(found)) for (rates, per), found in courses.items()]


def draw(axes: Axes, panel: Panel, window: Window) -> None:
    """Draw one panel up to the end of the window."""
    for course in panel.courses:
        (_steps if panel.rates else _stems)(axes, course, window)
    top = max((_size(s) for c in panel.courses for s in c.segments), default=1.0)
    axes.set_ylim(0, 1.18 * top)
    axes.set_yticks([0, _round_below(top)])
    axes.set_yticklabels(["0", f"{_round_below(top):g}"])
    axes.set_ylabel(_two_lines(("rate " if panel.rates else "dose ") + f"({panel.unit})"))
    style.place_label(axes)
    axes.set_title(panel.title, loc="left", fontweight="bold", pad=5)
    if len({course.label for course in panel.courses}) > 1:
        _name(axes, panel.courses, window, 1.18 * top)


def _sort(segment: Segment) -> tuple[bool, str, str, str]:
    return (segment.rate is not None, segment.per, segment.drug, segment.route)


def _size(segment: Segment) -> float:
    return segment.rate if segment.rate is not None else segment.amount or 0.0


def _steps(axes: Axes, course: Course, window: Window) -> None:
    """The sum of the rates as steps, filled beneath."""
    edges = sorted({0.0, window.end, *(t for s in course.segments for t in (s.start, s.end))})
    edges = [t for t in edges if t <= window.end]
    levels = [sum(_size(s) for s in course.segments if s.start <= t < s.end) for t in edges]
    x, y = window.scaled(np.array(edges)), np.array(levels)
    colour = course.stroke.colour
    axes.fill_between(x, y, step="post", color=colour, alpha=style.WIDE_BAND, linewidth=0)
    axes.step(x, y, where="post", color=colour, linestyle=course.stroke.dash, linewidth=1.1)


def _stems(axes: Axes, course: Course, window: Window) -> None:
    shown = [s for s in course.segments if s.start <= window.end]
    x = window.scaled(np.array([s.start for s in shown]))
    y = np.array([_size(s) for s in shown])
    crowded = len(shown) > 40
    axes.vlines(x, 0, y, color=course.stroke.colour, linewidth=0.6 if crowded else 1.1)
    axes.plot(
        x, y, linestyle="none", marker="o", markersize=1.6 if crowded else 3.2,
        color=course.stroke.colour, clip_on=False,
    )  # fmt: skip


def _name(axes: Axes, courses: Sequence[Course], window: Window, top: float) -> None:
    """Each drug and route named once, right of its last dose, where a panel holds several."""
    named = {course.label: course for course in reversed(courses)}
    shown = [course for course in named.values() if course.segments[0].start <= window.end]
    last = [[s for s in course.segments if s.start <= window.end][-1] for course in shown]
    heights = curves.spread([_size(segment) / top for segment in last], 0.2, 0.08, 0.95)
    for course, segment, height in zip(shown, last, heights, strict=True):
        x = min(segment.end, window.end)
        late = x > 0.6 * window.end
        axes.annotate(
            course.label, (float(window.scaled(x)), height), xytext=(-5 if late else 5, 0),
            xycoords=axes.get_xaxis_transform(), textcoords="offset points", fontsize=7,
            ha="right" if late else "left", va="center", color=style.INK,
        )  # fmt: skip


def _round_below(value: float) -> float:
    """The value itself where it is short to write, else the next round number below it."""
    if len(f"{value:g}") <= 5:
        return value
    size = 10.0 ** (math.floor(math.log10(value)) - 1)
    return round(math.floor(value / size + 1e-9) * size, 10)


def _two_lines(text: str) -> str:
    head, _, tail = text.partition(" per ")
    return f"{head}\nper {tail}" if tail else text
