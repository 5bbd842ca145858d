"""The figure of a claim: how an output goes in each arm, and numbers beside what is expected."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from antalgic.evidence import claims
from antalgic.evidence.claims import Expected, Number, Outcome
from antalgic.evidence.claims_run import Course, Told
from antalgic.model.mechanism import OUTPUTS
from antalgic.report import claim_words, curves, pain_panels, style, words
from antalgic.report.window import axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LayoutName = Literal["wide", "narrow"]
#: Width (in) of the figure, and the room left and right of the curves.
_WIDTH = {"wide": 7.2, "narrow": 3.9}
_LEFT, _RIGHT = 0.62, {"wide": 1.25, "narrow": 0.12}
_CURVES, _ROW, _LINE = 1.9, 0.2, 0.155
#: Characters to an inch of the small text.
_CHARS = 16.8
#: How far beyond its ends a row of what is expected reaches, in its own length.
_BEYOND = 0.6


@dataclass(frozen=True)
class Row:
    """A number beside what the evidence lets one expect."""

    number: Number
    expected: Expected
    value: float

    @property
    def place(self) -> float:
        """Where the value lies: 0 and 1 are the ends of what is expected."""
        low, high = self.expected.within
        if claims.never(self.value):
            return 1 + _BEYOND
        return float(np.clip((self.value - low) / (high - low), -_BEYOND, 1 + _BEYOND))


def rows(outcome: Outcome) -> list[Row]:
    """The numbers that are compared."""
    told = outcome.claim.simulated
    if told is None:
        return []
    return [Row(told.numbers[r.of], r, outcome.values[r.of]) for r in told.compare]


def alt(told: Told) -> str:
    """The figure in words."""
    said = [
        f"{claim_words.what(row.number)}: {claim_words.value(row.number, row.value)}, expected "
        f"{claim_words.expected(row.number, row.expected)}"
        for row in rows(told.outcome)
    ]
    drawn = [
        f"{pain_panels.title(output)} over time for {words.listed(list(arms))}"
        for (_, output), arms in _first(told).items()
    ]
    return ". ".join([*drawn, *said])


def draw(told: Told, layout: LayoutName) -> Figure | None:
    """The figure of a claim; None where there is nothing to draw."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    compared, drawn = rows(told.outcome), _first(told)
    if not compared and not drawn:
        return None
    width = _WIDTH[layout]
    texts = [_said(row, width) for row in compared]
    below = sum(_LINE * (t.count("\n") + 1) + _ROW + 0.12 for t in texts)
    names = _named(drawn, layout)
    above = (_CURVES + 0.75 + 0.16 * len(names)) if drawn else 0.0
    height = above + (below + 0.42 if compared else 0.0) + 0.06
    with style.context():
        figure = Figure(figsize=(width, height), facecolor=style.PAPER)
        FigureCanvasAgg(figure)
        for (study, output), arms in drawn.items():
            place = (
                _LEFT / width, 1 - (0.32 + 0.16 * len(names) + _CURVES) / height,
                (width - _LEFT - _RIGHT[layout]) / width, _CURVES / height,
            )  # fmt: skip
            axes = figure.add_axes(place)
            _curves(axes, told, output, arms, layout)
            axes.set_title(_title(told, study, output), loc="left", fontweight="bold", pad=5)
            _key(figure, names, arms, width, height)
        if compared:
            axes = figure.add_axes((0.0, 0.0, 1.0, (below + 0.42) / height))
            _compare(axes, compared, texts, width, below + 0.42)
    return figure


def _first(told: Told) -> Mapping[tuple[str, str], Mapping[str, Course]]:
    """The first of the courses, which the claim's first number is of."""
    return dict(list(told.courses.items())[:1])


def _hues(arms: Mapping[str, Course]) -> dict[str, style.Stroke]:
    """A stroke an arm; placebo comes last, as in other figures."""
    ordered = sorted(arms, key=lambda name: name in ("placebo", "nothing", "usual-care"))
    return {name: style.stroke(place) for place, name in enumerate(ordered)}


def _named(drawn: Mapping[tuple[str, str], Mapping[str, Course]], layout: LayoutName) -> list[str]:
    """Arms named in a key, where there is no room for names at the curves."""
    if layout == "wide":
        return []
    return [name for arms in drawn.values() for name in _hues(arms)]


def _curves(
    axes: Axes, told: Told, output: str, arms: Mapping[str, Course], layout: LayoutName
) -> None:
    end = max(float(course.times[-1]) for course in arms.values())
    window = axis(end, end)
    top = 0.0
    hues = _hues(arms)
    for name, hue in hues.items():
        course = arms[name]
        x = window.scaled(course.times)
        if len(arms) <= 2:
            axes.fill_between(x, course.low, course.high, color=hue.colour, alpha=0.15, linewidth=0)
            top = max(top, float(course.high.max()))
        axes.plot(x, course.mean, color=hue.colour, linestyle=hue.dash, linewidth=1.6)
        top = max(top, float(course.mean.max()))
    for hour in _looked_at(told, output):
        axes.axvline(float(window.scaled(hour)), color="#b5b5b5", linewidth=0.8, zorder=0)
    axes.set_ylim(0, _top(output, top))
    pain_panels.frame(axes, pain_panels.label(output))
    pain_panels.time_axis(axes, window, labelled=True)
    if layout == "wide":
        _labels(axes, arms, hues)


def _title(told: Told, study: str, output: str) -> str:
    """Such as "Pain, mean: fibromyalgia"."""
    simulated = told.outcome.claim.simulated
    assert simulated is not None
    mark = " (exploratory)" if told.outcome.exploratory else ""
    where = claim_words.condition(claims.study_of(simulated.studies[study]))
    return f"{pain_panels.title(output)}, mean: {where}{mark}"


def _top(output: str, top: float) -> float:
    known = OUTPUTS.get(output)
    return 10.0 if known is not None and known.unit == "0-10" else 1.08 * top or 1.0


def _looked_at(told: Told, output: str) -> list[float]:
    """Times (h) of the numbers that are about this output."""
    told_of = told.outcome.claim.simulated
    assert told_of is not None
    numbers = told_of.numbers.values()
    return sorted({n.at for n in numbers if n.at is not None and n.output == output})


def _labels(axes: Axes, arms: Mapping[str, Course], hues: Mapping[str, style.Stroke]) -> None:
    low, high = axes.get_ylim()
    wanted = [(float(arms[name].mean[-1]) - low) / (high - low) for name in hues]
    texts = [textwrap.fill(textwrap.shorten(n, 34, placeholder=" …"), 16) for n in hues]
    apart = 0.15 * max(t.count("\n") + 1 for t in texts) / _CURVES
    placed = curves.spread(wanted, apart, 0.04, 0.96)
    for (_, hue), text, place in zip(hues.items(), texts, placed, strict=True):
        axes.annotate(
            text, (1.0, place), xycoords="axes fraction", xytext=(5, 0),
            textcoords="offset points", va="center", fontsize=8, color=hue.colour,
            fontweight="bold", linespacing=1.1, annotation_clip=False,
        )  # fmt: skip


def _key(
    figure: Figure, names: Sequence[str], arms: Mapping[str, Course], width: float, height: float
) -> None:
    """Arms with a sample of their stroke, above the curves."""
    from matplotlib.lines import Line2D

    hues = _hues(arms)
    for number, name in enumerate(names):
        y = 1 - (0.12 + 0.16 * number) / height
        ends = [_LEFT / width, (_LEFT + 0.36) / width]
        figure.add_artist(
            Line2D(ends, [y, y], color=hues[name].colour, linestyle=hues[name].dash, linewidth=1.6)
        )
        text = textwrap.shorten(name, 44, placeholder=" …")
        figure.text((_LEFT + 0.45) / width, y, text, va="center", fontsize=7.8)


def _said(row: Row, width: float) -> str:
    """What is compared, in lines that fit."""
    text = (
        f"{words.sentence(claim_words.what(row.number)).rstrip('.')}: "
        f"{claim_words.value(row.number, row.value)} (expected "
        f"{claim_words.expected(row.number, row.expected)})"
    )
    return textwrap.fill(text, int((width - 0.2) * _CHARS))


def _compare(
    axes: Axes, compared: Sequence[Row], texts: Sequence[str], width: float, height: float
) -> None:
    """One line a number: a grey bar for what is expected, a mark for what was simulated."""
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(-height, 0)
    axes.set_gid("compared")
    axes.text(
        0.08, -0.06, "Simulated (mark), and what the evidence lets one expect (bar)", va="top",
        fontsize=8.5, fontweight="bold",
    )  # fmt: skip
    y = -0.32
    left, right = 0.3, width - 0.3
    span = (right - left) / (1 + 2 * _BEYOND)
    start = left + _BEYOND * span
    for row, text in zip(compared, texts, strict=True):
        axes.text(0.08, y, text, va="top", fontsize=7.8, linespacing=1.25)
        y -= _LINE * (text.count("\n") + 1) + 0.5 * _ROW
        axes.plot([left, right], [y, y], color="#d5d5d5", linewidth=0.7, zorder=1)
        axes.plot(
            [start, start + span], [y, y], color="#9a9a9a", linewidth=7, zorder=2,
            solid_capstyle="butt",
        )  # fmt: skip
        met = row.expected.met(row.value)
        axes.plot(
            [start + row.place * span], [y], marker="o" if met else "X", markersize=7.5,
            color=style.INK, markerfacecolor=style.INK if met else style.PAPER,
            markeredgewidth=1.2, zorder=3,
        )  # fmt: skip
        y -= 0.5 * _ROW + 0.12
