"""The layout of the figure of pain: pain and its difference, then what lies behind them.

Several mechanisms stand side by side, each with pain and difference, under the same points.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from antalgic.arms import is_behind
from antalgic.model import mechanism as mechanisms
from antalgic.report import curves, frame, pain_panels, relief, style, trials, words
from antalgic.report.frame import Block, Panel
from antalgic.report.style import Layout, Stroke
from antalgic.report.trials import Point, Published
from antalgic.report.window import Window, axis
from antalgic.result import Arm, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: The beginning that is also drawn by itself (h).
BEGINNING = 336.0
#: With more curves than this on one pair of axes, bands are thin.
_FULL_BANDS = 2
_GAP = 0.5
_LABELS = 1.15


@dataclass(frozen=True)
class Scene:
    """Everything that goes on the sheet."""

    result: Result
    arms: list[Arm]
    rivals: list[str]
    hues: Mapping[str, Stroke]
    published: Published
    shapes: Mapping[str, str]
    window: Window

    def of(self, rival: str) -> list[Arm]:
        """The arms under one mechanism."""
        return [arm for arm in self.arms if arm.mechanism == rival]

    def pairs(self, rival: str) -> list[tuple[Arm, Arm]]:
        """What is compared under one mechanism."""
        return [(a, b) for a, b in relief.pairs(self.result) if a.mechanism == rival]

    def points(self, *, over: bool, output: str = "pain") -> list[Point]:
        """Published values of arms, or of differences."""
        return [
            p for p in self.published.points if (p.over is not None) == over and p.output == output
        ]


def scene(result: Result) -> Scene:
    """What there is to draw of pain."""
    arms = relief.followed(result)
    found = trials.published(result)
    labels = list(dict.fromkeys(p.label for p in found.points))
    horizon = float(result.quantiles.time.values[-1])
    return Scene(
        result, arms, relief.rivals(result), strokes(arms), found,
        {label: style.marker(i) for i, label in enumerate(labels)}, axis(horizon, horizon),
    )  # fmt: skip


def alt(result: Result) -> str:
    """The figure in words, for those who do not see it."""
    arms = words.listed(list(dict.fromkeys(arm.label for arm in relief.followed(result))))
    rivals = relief.rivals(result)
    under = f" under {words.spelled(len(rivals))} mechanisms" if len(rivals) > 1 else ""
    return (
        f"Pain from 0 to 10 over time{under} for {arms}: median and bands between people, with "
        "published means over them; below, the difference from the arm without drug. The numbers "
        "are in the table of pain by week."
    )


def strokes(arms: Sequence[Arm]) -> dict[str, Stroke]:
    """The stroke of each arm by its label, those with drug first, as in the figure of blood."""
    ordered = sorted(arms, key=lambda arm: not arm.gives_a_drug)
    labels = dict.fromkeys(arm.label for arm in ordered)
    found = {label: style.stroke(place) for place, label in enumerate(labels)}
    # a comparison of blood models has no arm of the plain name: points take the first one's hue
    for arm in ordered:
        found.setdefault(arm.regimen.name, found[arm.label])
    return found


def lay_out(figure: Figure, given: Scene, layout: Layout, *, heading: bool) -> None:
    """Draw everything and give the figure its size."""
    blocks = _rival_blocks(given, layout) if len(given.rivals) > 1 else _blocks(given, layout)
    named = layout.labels == 0 or len(given.rivals) > 1
    lines = _key(given, named=named)
    frame.lay_out(
        figure, given.result, layout, blocks, lines, partial(_sample, given),
        heading=heading, rivals=given.rivals,
    )  # fmt: skip


# --- one mechanism -----------------------------------------------------------------------------


def _blocks(given: Scene, layout: Layout) -> list[Block]:
    """Pain and difference over the whole width, then small panels in columns."""
    wide = layout.labels > 0
    labels = _LABELS if wide else 0.0
    width = layout.width - layout.left - layout.right - labels
    rival = given.rivals[0]
    pairs = given.pairs(rival)
    tall, low = (2.9, 1.15) if wide else (2.3, 1.0)
    found = [Panel("pain", layout.left, 0.0, width, tall, _pain(given, rival, wide, bool(pairs)))]
    height = tall
    if pairs:
        drawn = _difference(given, rival, wide, titled=True)
        found.append(Panel("difference", layout.left, height + 0.3, width, low, drawn))
        height += low + 0.3
    return [Block(found, height + _GAP + 0.16), *_small(given, layout)]


def _small(given: Scene, layout: Layout) -> list[Block]:
    """The beginning beside the blood, and what lies behind pain."""
    gap = 0.74
    columns = layout.columns
    width = (layout.width - layout.left - layout.right - (columns - 1) * gap) / columns
    drawings = _drawings(given, columns)
    rows = [drawings[i : i + columns] for i in range(0, len(drawings), columns)]
    height = 1.35
    return [
        Block(
            [
                Panel(name, layout.left + i * (width + gap), 0.0, width, height, draw)
                for i, (name, draw) in enumerate(row)
            ],
            height + _GAP + (0.0 if number == len(rows) - 1 else 0.08),
        )
        for number, row in enumerate(rows)
    ]


def _drawings(given: Scene, columns: int) -> list[tuple[str, Callable[[Axes], None]]]:
    """Small panels in reading order: in two columns the beginning stands left, the rest right."""
    outputs = [o for o in given.result.outputs if is_behind(o) and o != "pain"]
    order = ("sensitization", "mood")
    outputs.sort(key=lambda o: order.index(o) if o in order else len(order))
    behind = [(o, _behind(given, o)) for o in outputs]
    begun = axis(min(BEGINNING, given.window.end), given.window.end)
    start: list[tuple[str, Callable[[Axes], None]]] = []
    if given.window.end > BEGINNING:
        start.append(("beginning", _beginning(given, begun)))
    if any(arm.simulation is not None for arm in given.arms):
        start.append(("blood", _blood(given, begun)))
    if columns == 1:
        return start + behind
    found = []
    while start or behind:
        found += [column.pop(0) for column in (start, behind) if column]
    return found


def _pain(given: Scene, rival: str, wide: bool, shared: bool) -> Callable[[Axes], None]:
    def drawn(axes: Axes) -> None:
        arms = given.of(rival)
        found = pain_panels.courses(given.result, "pain", arms, given.hues, given.window)
        pain_panels.shade(axes, arms, given.window)
        points = given.points(over=False)
        pain_panels.draw(
            axes, "pain", found, given.window, thin=len(arms) > _FULL_BANDS, means=bool(points)
        )
        pain_panels.mark(axes, points, given.shapes, given.hues, given.window)
        pain_panels.time_axis(axes, given.window, labelled=not shared)
        axes.tick_params(labelbottom=not shared)
        title = f"Pain{relief.mark(given.result, *arms)}"
        axes.set_title(title, loc="left", fontweight="bold", pad=5, fontsize=10)
        if wide:
            ends = [(c.stroke, float(c.rows[2][-1]), c.arm.label) for c in found]
            _labels(axes, ends)

    return drawn


def _difference(given: Scene, rival: str, wide: bool, *, titled: bool) -> Callable[[Axes], None]:
    def drawn(axes: Axes) -> None:
        pairs = given.pairs(rival)
        pain_panels.shade(axes, given.of(rival), given.window)
        points = given.points(over=True)
        pain_panels.difference(axes, given.result, pairs, points, given.hues, given.window)
        pain_panels.mark(axes, points, given.shapes, given.hues, given.window)
        pain_panels.time_axis(axes, given.window, labelled=True)
        if titled:
            title = _against(pairs) + relief.mark(given.result, *(a for a, _ in pairs))
            axes.set_title(title, loc="left", fontweight="bold", pad=5)
        if wide and len(pairs) > 1:
            curve = [relief.curve(given.result, a, b)[-1] for a, b in pairs]
            _labels(axes, [
                (given.hues[a.label], float(v), a.label)
                for (a, _), v in zip(pairs, curve, strict=True)
            ])  # fmt: skip

    return drawn


def _against(pairs: Sequence[tuple[Arm, Arm]]) -> str:
    others = list(dict.fromkeys(b.label for _, b in pairs))
    first = pairs[0][0].label if len(pairs) == 1 else "Each arm"
    return f"Mean pain: {first} less {words.listed(others)}"


def _behind(given: Scene, output: str) -> Callable[[Axes], None]:
    def drawn(axes: Axes) -> None:
        arms = given.arms
        found = pain_panels.courses(given.result, output, arms, given.hues, given.window)
        pain_panels.shade(axes, arms, given.window)
        points = given.points(over=False, output=output)
        pain_panels.draw(axes, output, found, given.window, thin=True, means=bool(points))
        pain_panels.mark(axes, points, given.shapes, given.hues, given.window)
        pain_panels.time_axis(axes, given.window, labelled=True)
        title = pain_panels.title(output) + relief.mark(given.result, *arms, output=output)
        axes.set_title(title, loc="left", fontweight="bold", pad=5)

    return drawn


def _beginning(given: Scene, begun: Window) -> Callable[[Axes], None]:
    def drawn(axes: Axes) -> None:
        found = pain_panels.courses(given.result, "pain", given.arms, given.hues, begun)
        pain_panels.shade(axes, given.arms, begun)
        points = given.points(over=False)
        pain_panels.draw(axes, "pain", found, begun, thin=True, means=bool(points))
        pain_panels.mark(axes, points, given.shapes, given.hues, begun)
        pain_panels.time_axis(axes, begun, labelled=True)
        title = f"Pain at the beginning{relief.mark(given.result, *given.arms)}"
        axes.set_title(title, loc="left", fontweight="bold", pad=5)

    return drawn


def _blood(given: Scene, begun: Window) -> Callable[[Axes], None]:
    def drawn(axes: Axes) -> None:
        pain_panels.shade(axes, given.arms, begun)
        name = pain_panels.concentration(axes, given.result, given.arms, given.hues, begun)
        pain_panels.time_axis(axes, begun, labelled=True)
        axes.set_title(f"{words.analyte(name)} in blood", loc="left", fontweight="bold", pad=5)

    return drawn


def _labels(axes: Axes, ends: Sequence[tuple[Stroke, float, str]]) -> None:
    """The name of each curve right of its end, in its hue, kept apart from the others."""
    low, high = axes.get_ylim()
    wanted = [float(np.clip((value - low) / (high - low), 0, 1)) for _, value, _ in ends]
    texts = [textwrap.fill(textwrap.shorten(n, 40, placeholder=" …"), 15) for _, _, n in ends]
    figure = axes.get_figure(root=True)
    assert figure is not None
    height = axes.get_position().height * float(figure.get_size_inches()[1])
    apart = 0.15 * max(t.count("\n") + 1 for t in texts) / height
    placed = curves.spread(wanted, apart, 0.04, 0.96)
    for (hue, _, _), text, place in zip(ends, texts, placed, strict=True):
        axes.annotate(
            text, (1.0, place), xycoords="axes fraction", xytext=(6, 0),
            textcoords="offset points", va="center", fontsize=8.5, color=hue.colour,
            fontweight="bold", linespacing=1.1, annotation_clip=False,
        )  # fmt: skip


# --- several mechanisms ------------------------------------------------------------------------


def _rival_blocks(given: Scene, layout: Layout) -> list[Block]:
    """Small multiples: a column for each mechanism, pain above its difference."""
    across = min(len(given.rivals), 5 if layout.columns == 2 else 2)
    gap = 0.26
    width = (layout.width - layout.left - layout.right - (across - 1) * gap) / across
    rows = [given.rivals[i : i + across] for i in range(0, len(given.rivals), across)]
    tall, low = 1.75, 0.9
    blocks = []
    for row in rows:
        found = []
        head = 0.13 * max(_name(rival).count("\n") for rival in row) + 0.06
        for i, rival in enumerate(row):
            left = layout.left + i * (width + gap)
            pain = _rival_pain(given, rival, first=i == 0)
            found.append(Panel(f"pain-{rival}", left, head, width, tall, pain))
            if given.pairs(rival):
                drawn = _rival_difference(given, rival, first=i == 0)
                found.append(
                    Panel(f"difference-{rival}", left, head + tall + 0.2, width, low, drawn)
                )
        blocks.append(Block(found, head + tall + 0.2 + low + _GAP))
    return blocks


def _rival_pain(given: Scene, rival: str, *, first: bool) -> Callable[[Axes], None]:
    whole = _pain(given, rival, wide=False, shared=True)

    def drawn(axes: Axes) -> None:
        whole(axes)
        axes.set_title(_name(rival), loc="left", fontweight="bold", pad=5, fontsize=8)
        _side(axes, given.window, first=first)

    return drawn


def _name(rival: str) -> str:
    """A mechanism in at most three short lines."""
    return "\n".join(textwrap.wrap(mechanisms.load(rival).title, 20)[:3])


def _rival_difference(given: Scene, rival: str, *, first: bool) -> Callable[[Axes], None]:
    whole = _difference(given, rival, wide=False, titled=False)

    def drawn(axes: Axes) -> None:
        whole(axes)
        axes.set_ylim(_common(given))
        axes.set_ylabel("difference")
        style.place_label(axes)
        _side(axes, given.window, first=first)

    return drawn


def _side(axes: Axes, window: Window, *, first: bool) -> None:
    """Fewer marks of time; the numbers of the vertical axis in the first column only."""
    few = window.ticks[:: max(1, len(window.ticks) // 3)]
    axes.set_xticks(few)
    axes.set_xticklabels([f"{t:g}" for t in few])
    if not first:
        axes.tick_params(labelleft=False)
        axes.set_ylabel("")


def _common(given: Scene) -> tuple[float, float]:
    """One vertical axis for the differences under all mechanisms."""
    values = [relief.curve(given.result, a, b) for r in given.rivals for a, b in given.pairs(r)]
    ends = [p.value + s * (p.se or 0.0) for p in given.points(over=True) for s in (-1, 1)]
    low = min(0.0, *(float(v.min()) for v in values), *ends)
    high = max(0.0, *(float(v.max()) for v in values), *ends)
    room = 0.08 * (high - low + 0.5)
    return low - room, high + room


# --- words -------------------------------------------------------------------------------------


def _key(given: Scene, *, named: bool) -> list[tuple[str, str]]:
    """Lines of the key: sort of sample and text."""
    people = len(given.result.people)
    who = words.count(people, "person", "people")
    labels = list(dict.fromkeys(arm.label for arm in given.arms))
    found = [(f"arm:{label}", label) for label in labels] if named else []
    thin = len(labels) > _FULL_BANDS
    if people == 1:
        found.append(("line", "one typical person"))
    else:
        bands = words.MIDDLE if thin else f"{words.MIDDLE} and {words.BAND}"
        found.append(("thin" if thin else "band", f"median, {bands} of {who}"))
    if any(arm.regimen.treated for arm in given.arms):
        found.append(("treated", "under treatment"))
    if given.points(over=False):
        found.append(("mean", f"mean of the {'person' if people == 1 else 'people'}, "
                      "which the published means belong to"))  # fmt: skip
    found += [("said", said) for said in _exploratory(given)]
    sizes = words.listed([str(n) for n in given.published.sizes.values()])
    for place, label in enumerate(given.shapes):
        size = f", {sizes} patients" if sizes and place == 0 else ""
        found.append((f"point:{label}", f"{label}{size}: published, ± standard error"))
    return found


def _exploratory(given: Scene) -> list[str]:
    """The arms in which pain is exploratory, in words."""
    marked = {a.label: None for a in given.arms if relief.mark(given.result, a)}
    return [f"exploratory: pain of {words.listed(list(marked))}"] if marked else []


def _sample(given: Scene, axes: Axes, kind: str, x: float, y: float) -> None:
    sort, _, name = kind.partition(":")
    ends = [x, x + 0.34]
    if sort == "said":
        return
    if sort == "arm":
        hue = given.hues[name]
        axes.plot(ends, [y, y], color=hue.colour, linestyle=hue.dash, linewidth=1.7)
        return
    if sort == "point":
        axes.plot([x + 0.17] * 2, [y - 0.07, y + 0.07], color=style.SOFT, linewidth=1.1)
        axes.plot([x + 0.17], [y], **style.mark(given.shapes[name], style.SOFT))
        return
    if sort == "treated":
        axes.fill_between(ends, y - 0.06, y + 0.06, color=pain_panels.SHADE, linewidth=0)
        return
    if sort in ("band", "thin"):
        frame.band(axes, x, y, wide=sort == "band")
    dash = (0, (1.0, 1.6)) if sort == "mean" else "solid"
    axes.plot(
        ends, [y, y], color=style.SOFT, linestyle=dash, linewidth=1.0 + 0.5 * (sort != "mean")
    )
