"""The layout of a figure: where each pair of axes stands, and the words around them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from antalgic.report import curves, key, panels, regimen_panel, style, words
from antalgic.report.content import Content, alt, metadata
from antalgic.report.panels import Track
from antalgic.report.style import Layout

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_UNDER_KEY = 0.3
_UNDER_DOSE = 0.42


@dataclass
class Sheet:
    """A figure being laid out from top to bottom; lengths in inches."""

    figure: Figure
    layout: Layout
    height: float
    labelled: bool
    y: float

    def axes(self, column: int, height: float) -> Axes:
        """Axes of a column whose top is at the present height."""
        wide = self.layout.column_width(self.labelled)
        x = self.layout.left + column * (wide + self.layout.between)
        width, total = self.layout.width, self.height
        return self.figure.add_axes(
            (x / width, (self.y - height) / total, wide / width, height / total)
        )

    def text(self, x: float, text: str, size: float, **options: Any) -> None:
        """Text whose top left corner is at x and the present height."""
        self.figure.text(
            x / self.layout.width, self.y / self.height, text, fontsize=size, va="top", **options
        )


@dataclass(frozen=True)
class _Plan:
    """Heights (in) of the parts of a figure, from the top."""

    head: list[tuple[str, bool]]
    key: key.Lines
    regimen: float
    doses: float
    row: float
    total: float


def lay_out(figure: Figure, content: Content, layout: Layout, *, heading: bool) -> None:
    """Draw everything and give the figure its size."""
    if not content.tracks:
        _empty(figure, content, layout)
        return
    layout = layout if content.log else replace(layout, columns=1)
    rows = len(content.tracks) * (2 if content.log and layout.columns == 1 else 1)
    layout = replace(layout, panel=layout.panel * (1.3 if rows == 1 else 1.0))
    several = max(len(found) for found in content.tracks.values()) > 1
    labelled = several and layout.labels > 0
    plan = _plan(content, layout, rows, heading=heading, several=several)
    figure.set_size_inches(layout.width, plan.total)
    sheet = Sheet(figure, layout, plan.total, labelled, plan.total - 0.2)
    for text, bold in plan.head:
        sheet.text(layout.left, text, 11 if bold else 8.5, fontweight="bold" if bold else "normal")
        sheet.y -= _line(bold)
    _doses(sheet, content, plan)
    _analytes(sheet, content, plan.row)
    if heading:
        _footer(sheet, content)


def _plan(content: Content, layout: Layout, rows: int, *, heading: bool, several: bool) -> _Plan:
    labelled = several and layout.labels > 0
    head = _heading(content, layout) if heading else []
    chars = int(layout.column_width(labelled) / 0.064)
    lines = key.lines(content, chars, named=several and not labelled)
    count = len(content.regimens)
    doses = count * (layout.regimen + _UNDER_DOSE)
    if layout.columns == 2:
        doses = max(doses, key.height(lines) + _UNDER_DOSE)
    regimen = min(doses / count - _UNDER_DOSE, 1.5 * layout.regimen)
    row = layout.panel + 0.52
    above = 0.28 + sum(_line(bold) for _, bold in head)
    beside = 0.22 if layout.columns == 2 else key.height(lines) + _UNDER_KEY
    below = 0.18 + (0.34 if heading else 0.0)
    return _Plan(head, lines, regimen, doses, row, above + beside + doses + rows * row + below)


def _line(bold: bool) -> float:
    """Height (in) of a line of the heading."""
    return 0.24 if bold else 0.17


def _doses(sheet: Sheet, content: Content, plan: _Plan) -> None:
    """Regimens in the first column, the key beside or above them."""
    stacked = sheet.layout.columns == 1
    sheet.y -= 0.08 if stacked else 0.3
    start, tall = sheet.y, key.height(plan.key)
    place = sheet.axes(0 if stacked else 1, tall)
    key.draw(place, content, plan.key, sheet.layout.column_width(sheet.labelled))
    if stacked:
        start -= tall + _UNDER_KEY
    sheet.y = start
    for number, panel in enumerate(content.regimens, start=1):
        axes = sheet.axes(0, plan.regimen)
        axes.set_gid(f"regimen-{number}")
        regimen_panel.draw(axes, panel, content.window)
        panels.time_axis(axes, content.window, labelled=False)
        sheet.y -= plan.regimen + _UNDER_DOSE
    sheet.y = start - plan.doses - 0.08


def _analytes(sheet: Sheet, content: Content, row: float) -> None:
    """One row an analyte, or two where linear and logarithmic axes are stacked."""
    scales = (False, True) if content.log else (False,)
    stacked = sheet.layout.columns == 1
    for output, found in content.tracks.items():
        for number, log in enumerate(scales):
            axes = sheet.axes(0 if stacked else number, sheet.layout.panel)
            _concentration(sheet, axes, content, output, found, log=log)
            last = output == list(content.tracks)[-1] and (not stacked or log == scales[-1])
            panels.time_axis(axes, content.window, labelled=last)
            if stacked or number == len(scales) - 1:
                sheet.y -= row


def _concentration(
    sheet: Sheet, axes: Axes, content: Content, output: str, found: list[Track], *, log: bool
) -> None:
    """One analyte on one pair of axes with its title and labels."""
    axes.set_gid(f"{output}-{'log' if log else 'linear'}")
    panels.draw(axes, found, content.window, log=log, thin=content.thin)
    panels.observed(axes, content.drawn, output, found, content.window)
    axes.set_ylabel("concentration (ng/mL)")
    style.place_label(axes)
    axes.set_title(words.analyte(output), loc="left", fontweight="bold", pad=5)
    right = "logarithmic axis" if log else _site(found)
    axes.set_title(right, loc="right", fontsize=7.5, color=style.SOFT, pad=5)
    if sheet.labelled and (log or not content.log):
        _direct_labels(axes, found, content, sheet)


def _site(found: Sequence[Track]) -> str:
    sites = dict.fromkeys(t.arm.model.file.sampling for t in found if t.arm.model is not None)
    if len(sites) > 1:
        return "sampling sites differ"
    site = next(iter(sites), "not stated")
    return "sampling site not stated" if site == "not stated" else f"{site} sampling"


def _direct_labels(axes: Axes, found: list[Track], content: Content, sheet: Sheet) -> None:
    """The name of each curve right of its end, with a sample of its stroke."""
    low, high = axes.get_ylim()
    ends = axes.transData.transform([(0.0, np.clip(t.median[-1], low, high)) for t in found])
    wanted = [float(y) for y in axes.transAxes.inverted().transform(ends)[:, 1]]
    names = [key.name(track, content) for track in found]
    apart = max(name.count("\n") + 1 for name in names) * 0.125 / sheet.layout.panel + 0.03
    inch = 1.0 / sheet.layout.column_width(True)
    for number, place in enumerate(curves.spread(wanted, apart, 0.03, 0.97)):
        hue = found[number].stroke
        across: dict[str, Any] = {"transform": axes.transAxes, "clip_on": False}
        leader, sample = [1.0, 1.0 + 0.08 * inch], [1.0 + 0.08 * inch, 1.0 + 0.3 * inch]
        if found[number].median[-1] >= low:  # a curve that left the axis before its end has none
            axes.plot(leader, [wanted[number], place], color=hue.colour, linewidth=0.5, **across)
        axes.plot(sample, [place, place], color=hue.colour, linestyle=hue.dash, **across)
        axes.text(
            1.0 + 0.34 * inch, place, names[number], fontsize=7, va="center", linespacing=1.1,
            gid=f"{axes.get_gid()}-label-{number + 1}", **across,
        )  # fmt: skip


def _heading(content: Content, layout: Layout) -> list[tuple[str, bool]]:
    study_ = content.result.study
    chars = int((layout.width - layout.left - layout.right) / 0.072)
    lines = [(line, True) for line in textwrap.wrap(study_.study, int(chars * 0.7))]
    return lines + [(line, False) for line in textwrap.wrap(study_.question or "", chars)]


def _footer(sheet: Sheet, content: Content) -> None:
    about = metadata(content.result)
    chars = int((sheet.layout.width - sheet.layout.left - sheet.layout.right) / 0.052)
    text = f"{about['Software']} · seed {about['Seed']} · {about['Models']}. {words.RESEARCH}"
    lines = textwrap.wrap(text, chars)
    sheet.figure.text(
        sheet.layout.left / sheet.layout.width, 0.1 / sheet.height, "\n".join(lines), fontsize=6.3,
        color=style.SOFT, va="bottom", linespacing=1.25,
    )  # fmt: skip


def _empty(figure: Figure, content: Content, layout: Layout) -> None:
    """A study in which nobody is given a drug."""
    figure.set_size_inches(layout.width, 0.8)
    figure.text(0.5, 0.5, alt(content.result), ha="center", va="center", fontsize=9)
