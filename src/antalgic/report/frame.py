"""A sheet of small panels under a key: heading, samples and texts, blocks of axes, footer."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from antalgic.report import pain_panels, style, words
from antalgic.report.content import metadata
from antalgic.report.style import Layout
from antalgic.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINE = 0.17
#: Draws the sample of a line of the key on its axes: sort, and place (in) from the left and below.
Sample = Callable[["Axes", str, float, float], None]
#: Length (in) of a sample.
LONG = 0.34


@dataclass(frozen=True)
class Panel:
    """One pair of axes: place and size in inches, ``drop`` below the top of its block."""

    name: str
    left: float
    drop: float
    width: float
    height: float
    draw: Callable[[Axes], None]


@dataclass(frozen=True)
class Block:
    """Panels that stand together, and the height (in) they take."""

    panels: list[Panel]
    height: float


def lay_out(
    figure: Figure, result: Result, layout: Layout, blocks: Sequence[Block],
    lines: Sequence[tuple[str, str]], sample: Sample, *, heading: bool, rivals: Sequence[str],
) -> None:  # fmt: skip
    """Draw key and blocks and give the figure its size; ``lines`` are sorts of sample with texts.

    ``heading`` adds study, question and, beneath, where it comes from.
    """
    head = _heading(result, layout) if heading else []
    columns = 1 if layout.columns == 1 else 2
    chars = int((layout.width - layout.left - layout.right) / columns / 0.066) - 8
    texts = [(kind, textwrap.fill(text, chars)) for kind, text in lines]
    tall = _key_height(texts, columns)
    foot = 0.42 if heading else 0.12
    above = 0.16 + sum(0.24 if bold else _LINE for _, bold in head) + tall + 0.34
    total = above + sum(block.height for block in blocks) + foot
    figure.set_size_inches(layout.width, total)
    y = total - 0.16
    for text, bold in head:
        figure.text(
            layout.left / layout.width, y / total, text, va="top", fontsize=11 if bold else 8.5,
            fontweight="bold" if bold else "normal",
        )  # fmt: skip
        y -= 0.24 if bold else _LINE
    y -= 0.04
    width = layout.width - layout.left - layout.right
    axes = figure.add_axes(
        (layout.left / layout.width, (y - tall) / total, width / layout.width, tall / total)
    )
    _draw_key(axes, texts, columns, width, tall, sample)
    y -= tall + 0.3
    for block in blocks:
        for panel in block.panels:
            bottom = y - panel.drop - panel.height
            place = (
                panel.left / layout.width, bottom / total, panel.width / layout.width,
                panel.height / total,
            )  # fmt: skip
            axes = figure.add_axes(place)
            axes.set_gid(panel.name)
            panel.draw(axes)
        y -= block.height
    if heading:
        _footer(figure, result, layout, total, rivals)


def band(axes: Axes, x: float, y: float, *, wide: bool) -> None:
    """A sample of bands: the middle half, with ``wide`` also the lines at 5 and 95 %."""
    ends = [x, x + LONG]
    axes.fill_between(
        ends, y - 0.04, y + 0.04, color=style.SOFT, alpha=pain_panels.BAND, linewidth=0
    )
    if wide:
        for edge in (y - 0.06, y + 0.06):
            axes.plot(ends, [edge, edge], color=style.SOFT, linewidth=0.6)


def _key_height(texts: Sequence[tuple[str, str]], columns: int) -> float:
    rows = [texts[i : i + columns] for i in range(0, len(texts), columns)]
    return sum(_LINE * (1 + max(text.count("\n") for _, text in row)) for row in rows)


def _draw_key(
    axes: Axes, texts: Sequence[tuple[str, str]], columns: int, width: float, tall: float,
    sample: Sample,
) -> None:  # fmt: skip
    axes.set_gid("key")
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(-tall, 0)
    down = -0.02
    for i in range(0, len(texts), columns):
        row = texts[i : i + columns]
        for column, (kind, text) in enumerate(row):
            x = column * width / columns
            sample(axes, kind, x, down - 0.05)
            axes.text(x + LONG + 0.1, down, text, fontsize=7.8, va="top", linespacing=1.2)
        down -= _LINE * (1 + max(text.count("\n") for _, text in row))


def _heading(result: Result, layout: Layout) -> list[tuple[str, bool]]:
    study = result.study
    chars = int((layout.width - layout.left - layout.right) / 0.072)
    lines = [(line, True) for line in textwrap.wrap(study.study, int(chars * 0.7))]
    return lines + [(line, False) for line in textwrap.wrap(study.question or "", chars)]


def _footer(
    figure: Figure, result: Result, layout: Layout, total: float, rivals: Sequence[str]
) -> None:
    about = metadata(result)
    chars = int((layout.width - layout.left - layout.right) / 0.052)
    text = (
        f"{about['Software']} · seed {about['Seed']} · {about['Models']} · mechanism: "
        f"{', '.join(rivals)}. {words.RESEARCH}"
    )
    figure.text(
        layout.left / layout.width, 0.1 / total, "\n".join(textwrap.wrap(text, chars)),
        fontsize=6.3, color=style.SOFT, va="bottom", linespacing=1.25,
    )  # fmt: skip
