"""The curve of one typical person in each of several models, each named beside its end.

One pair of axes is linear and ends when little is left, the other logarithmic over the whole time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from antalgic.evidence.compare import Compared
from antalgic.report import curves, panels, style, words
from antalgic.report.figures import LayoutName
from antalgic.report.style import LAYOUTS, Layout
from antalgic.report.window import MEASURABLE, Window, axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]
#: Share of the highest peak at which the linear axis ends, where that is early enough to help.
_LITTLE, _EARLY = 0.05, 0.6
_HEAD, _FOOT, _GAP, _LINE = 0.34, 0.46, 0.5, 0.17
_LABELS, _SAMPLE = 1.5, 0.3


def draw(found: Compared, analyte: str, layout: LayoutName) -> Figure:
    """The figure of an analyte, for a page ("wide") or a telephone ("narrow")."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with style.context():
        figure = Figure(facecolor=style.PAPER)
        FigureCanvasAgg(figure)
        _lay_out(figure, found, analyte, LAYOUTS[layout])
    return figure


def alt(found: Compared, analyte: str) -> str:
    """The figure in words, for those who do not see it."""
    names = words.listed([name for name, _ in _lines(found, analyte)])
    return (
        f"Concentration of {words.analyte(analyte)} in ng/mL over time in one typical person, on a "
        f"linear and a logarithmic axis, as {names} predict it. The numbers are in the table."
    )


def _lines(found: Compared, analyte: str) -> list[tuple[str, Array]]:
    drawn = [(name, found.curve(name, analyte)) for name in found.models]
    return [(name, curve) for name, curve in drawn if curve is not None]


def _lay_out(figure: Figure, found: Compared, analyte: str, layout: Layout) -> None:
    lines = _lines(found, analyte)
    strokes = {name: style.stroke(place) for place, name in enumerate(found.models)}
    stacked = layout.columns == 1
    key = _LINE * len(lines) + 0.1 if stacked else 0.0
    rows = 2 if stacked else 1
    height = 0.1 + key + rows * (_HEAD + layout.panel) + (rows - 1) * _GAP + _FOOT
    figure.set_size_inches(layout.width, height)
    labels = 0.0 if stacked else _LABELS
    free = layout.width - layout.left - layout.right - labels
    width = free if stacked else (free - layout.between) / 2
    for column, log in enumerate((False, True)):
        left = layout.left + (0.0 if stacked else column * (width + layout.between))
        top = height - 0.1 - key - _HEAD
        top -= column * (layout.panel + _GAP + _HEAD) if stacked else 0.0
        axes = figure.add_axes(
            (left / layout.width, (top - layout.panel) / height, width / layout.width,
             layout.panel / height)
        )  # fmt: skip
        _panel(axes, found.times, lines, strokes, log=log)
        title = f"{words.analyte(analyte)}, {'logarithmic' if log else 'linear'} axis"
        axes.set_title(title, loc="left", pad=5, fontweight="normal" if log else "bold")
        style.place_label(axes)
        if log and not stacked:
            _names(axes, lines, strokes, width, layout.panel)
    if stacked:
        _key(figure, [name for name, _ in lines], strokes, layout, height)


def _panel(
    axes: Axes, times: Array, lines: list[tuple[str, Array]], strokes: Any, *, log: bool
) -> None:
    top = max(float(curve.max()) for _, curve in lines)
    seen = _window(times, lines, top, log=log)
    low = MEASURABLE * top if log else 0.0
    if log:
        axes.set_yscale("log")
    axes.set_ylim(low, top * (1.35 if log else 1.06))
    inside = times <= seen.end * (1 + 1e-9)
    for name, curve in lines:
        hue = strokes[name]
        y = np.maximum(curve[inside], low / 30 if log else 0.0)
        axes.plot(seen.scaled(times[inside]), y, color=hue.colour, linestyle=hue.dash)
    panels.ticks(axes, low, top, log=log)
    axes.grid(axis="y", color="#e9e9e9", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_ylabel("concentration (ng/mL)")
    panels.time_axis(axes, seen, labelled=True)


def _window(times: Array, lines: list[tuple[str, Array]], top: float, *, log: bool) -> Window:
    """To where nothing is measurable; on a linear axis to where little is left, if early."""
    horizon = float(times[-1])
    end = _until(times, lines, MEASURABLE * top)
    if not log:
        early = _until(times, lines, _LITTLE * top)
        end = early if early < _EARLY * end else end
    return axis(end, horizon, quiet=end) if end < horizon else axis(horizon, horizon)


def _until(times: Array, lines: list[tuple[str, Array]], level: float) -> float:
    """Time (h) from which every curve stays below a level."""
    above = np.flatnonzero(np.max([curve for _, curve in lines], axis=0) > level)
    return float(times[min(above[-1] + 1, len(times) - 1)])


def _names(
    axes: Axes, lines: list[tuple[str, Array]], strokes: Any, width: float, panel: float
) -> None:
    """The name of each curve right of its end, with a sample of its stroke and a leader to it."""
    low, high = axes.get_ylim()
    drawn = [np.asarray(line.get_ydata(), dtype=np.float64) for line in axes.get_lines()]
    last = [float(np.clip(y[-1], low, high)) for y in drawn]
    ends = axes.transData.transform([(axes.get_xlim()[1], value) for value in last])
    wanted = [float(y) for y in axes.transAxes.inverted().transform(ends)[:, 1]]
    inch = 1.0 / width
    places = curves.spread(wanted, 0.125 / panel + 0.03, 0.03, 0.97)
    for (name, _), start, place in zip(lines, wanted, places, strict=True):
        hue = strokes[name]
        across: dict[str, Any] = {"transform": axes.transAxes, "clip_on": False}
        begin, end = 1.0 + 0.1 * inch, 1.0 + (0.1 + _SAMPLE) * inch
        if start > 0:  # a curve that left the axis before its end has no leader
            axes.plot([1.0, begin], [start, place], color=hue.colour, linewidth=0.5, **across)
        axes.plot([begin, end], [place] * 2, color=hue.colour, linestyle=hue.dash, **across)
        axes.text(end + 0.05 * inch, place, name, fontsize=7, va="center", **across)


def _key(figure: Figure, names: list[str], strokes: Any, layout: Layout, height: float) -> None:
    """A line a model above the axes, where there is no room beside them."""
    for place, name in enumerate(names):
        y = (height - 0.1 - _LINE * (place + 0.5)) / height
        left, right = layout.left / layout.width, (layout.left + _SAMPLE) / layout.width
        hue = strokes[name]
        figure.add_artist(_sample(left, right, y, hue))
        figure.text(right + 0.08 / layout.width, y, name, fontsize=7.5, va="center_baseline")


def _sample(left: float, right: float, y: float, hue: style.Stroke) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([left, right], [y, y], color=hue.colour, linestyle=hue.dash)
