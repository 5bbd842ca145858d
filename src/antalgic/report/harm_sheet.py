"""The figure of harm: the share of each arm's people who had an event in the session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from antalgic.report import balance, frame, pain_sheet, relief, style, trials, words
from antalgic.report.frame import Block, Panel
from antalgic.report.style import Layout, Stroke
from antalgic.report.trials import Incidence
from antalgic.result import Arm, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Height (in) of the line of one arm, of published values beneath it, and between events.
_LINE, _PUBLISHED, _BETWEEN = 0.15, 0.1, 0.14
#: Room (in) for the names of the events, beside the axes on a page, above the lines on a telephone.
_NAMES, _ABOVE = 2.2, 0.16
#: Filled marks of the arms, one after the other.
_SHAPES = ("o", "s", "D", "^", "v", "P", "X")


@dataclass(frozen=True)
class Scene:
    """Everything that goes on the sheet."""

    result: Result
    arms: list[Arm]
    hues: Mapping[str, Stroke]
    published: list[Incidence]
    shapes: Mapping[str, str]


def scene(result: Result) -> Scene:
    """What there is to draw of harm, under the first of the mechanisms."""
    arms = relief.attended(result)
    known = [p for p in trials.incidences(result) if p.event in balance.events()]
    labels = dict.fromkeys(p.label for p in known)
    shapes = {label: style.marker(place + 1) for place, label in enumerate(labels)}
    return Scene(result, arms, pain_sheet.strokes(arms), known, shapes)


def alt(given: Scene) -> str:
    """The figure in words, for those who do not see it."""
    arms = words.listed([arm.label for arm in given.arms])
    return (
        f"Share of the people with each harm in the session, a line for each of {arms}, from 0 to "
        "100 %. The numbers are in the table of benefit and harm."
    )


def lay_out(figure: Figure, given: Scene, layout: Layout, *, heading: bool) -> None:
    """Draw everything and give the figure its size."""
    wide = layout.labels > 0
    names = _NAMES if wide else 0.0
    left = layout.left - 0.5 + names
    above = 0.0 if wide else _ABOVE
    height = len(balance.events()) * (_step(given, above))
    width = layout.width - left - layout.right - 0.15
    draw = partial(_draw, given=given, height=height, above=above)
    blocks = [Block([Panel("harm", left, 0.0, width, height, draw)], height + 0.45)]
    frame.lay_out(
        figure, given.result, layout, blocks, _key(given), partial(_sample, given),
        heading=heading, rivals=relief.rivals(given.result)[:1],
    )  # fmt: skip


def _step(given: Scene, above: float) -> float:
    return len(given.arms) * _each(given) + _BETWEEN + above


def _each(given: Scene) -> float:
    return _LINE + (_PUBLISHED if given.published else 0.0)


def _draw(axes: Axes, *, given: Scene, height: float, above: float) -> None:
    """Lines from above to below; heights in inches, shares in percent."""
    axes.set_xlim(0, 100)
    axes.set_ylim(-height, 0)
    down = 0.0
    for event, name in balance.events().items():
        if down:
            axes.axhline(-down, color="#e3e3e3", linewidth=0.5, zorder=0)
        middle = -(down + above + (_step(given, above) - above) / 2)
        if above:
            axes.text(0.0, -(down + 0.05), name, fontsize=8, va="top")
        else:
            axes.annotate(
                name, (0.0, middle), xycoords=axes.get_yaxis_transform(), xytext=(-7, 0),
                textcoords="offset points", ha="right", va="center", fontsize=8.5,
            )  # fmt: skip
        for place, arm in enumerate(given.arms):
            y = -(down + above + _BETWEEN / 2 + place * _each(given) + 0.5 * _LINE)
            _line(axes, given, arm, event, y)
        down += _step(given, above)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color="#e3e3e3", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel("% of the people", labelpad=2)


def _line(axes: Axes, given: Scene, arm: Arm, event: str, y: float) -> None:
    hue, share = given.hues[arm.label], 100 * balance.incidence(arm, event)
    axes.plot([0, share], [y, y], color=hue.colour, linestyle=hue.dash, linewidth=1.1)
    axes.plot(
        [share], [y], marker=_shape(given, arm), markersize=4.6, color=hue.colour,
        linestyle="none", clip_on=False, gid=f"{event}-{arm.name}",
    )  # fmt: skip
    for p in given.published:
        if (p.arm, p.event) != (arm.name, event):
            continue
        below = y - _PUBLISHED
        if p.se:
            ends = [max(100 * (p.value - p.se), 0), min(100 * (p.value + p.se), 100)]
            axes.plot(ends, [below, below], color=hue.colour, linewidth=1.1, zorder=6)
        look = {**style.mark(given.shapes[p.label], hue.colour), "zorder": 7, "clip_on": False}
        axes.plot([100 * p.value], [below], gid=f"published-{event}-{arm.name}", **look)


def _shape(given: Scene, arm: Arm) -> str:
    return _SHAPES[given.arms.index(arm) % len(_SHAPES)]


def _key(given: Scene) -> list[tuple[str, str]]:
    people = words.count(len(given.result.people), "person", "people")
    found = [(f"arm:{arm.label}", f"{arm.label}: {people} simulated") for arm in given.arms]
    for label in given.shapes:
        known = any(p.se for p in given.published if p.label == label)
        found.append((f"point:{label}", f"{label}{', ± standard error' if known else ''}"))
    return found


def _sample(given: Scene, axes: Axes, kind: str, x: float, y: float) -> None:
    sort, _, name = kind.partition(":")
    if sort == "point":
        if any(p.se for p in given.published if p.label == name):
            axes.plot([x, x + frame.LONG], [y, y], color=style.SOFT, linewidth=1.1)
        axes.plot([x + frame.LONG / 2], [y], **style.mark(given.shapes[name], style.SOFT))
        return
    arm = next(arm for arm in given.arms if arm.label == name)
    hue = given.hues[name]
    axes.plot([x, x + frame.LONG], [y, y], color=hue.colour, linestyle=hue.dash, linewidth=1.1)
    axes.plot([x + frame.LONG], [y], marker=_shape(given, arm), markersize=4.6, color=hue.colour)
