"""How far the means hold, in words, rows and one figure: not how people differ.

Every sentence is made of numbers of the draws; none stands in a template.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from antalgic.arms import is_behind
from antalgic.errors import InputError
from antalgic.evidence.certainty import Certainty, Endpoint, Shares
from antalgic.model.uncertain import GRADES
from antalgic.report import frame, pain_panels, relief, sensitivity, style, words
from antalgic.report.frame import Block, Panel
from antalgic.report.style import Layout
from antalgic.report.window import Window, axis
from antalgic.result import Result, unit
from antalgic.simulation import QUANTILES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]
#: Parameters that a sentence names: those with the largest shares, until they have most of it.
_NAMED = 4
#: A number that varies by less than this share of its size is not worth a row.
_STILL = 1e-3
#: What lies between the 5th and the 95th percentile, as a reader sees it.
LEVEL = "90 %"
_HATCH, _FILL = "/////", "#cfdfec"


@dataclass(frozen=True)
class Row:
    """One number: its value with the 90 % interval over draws, and shares of its variance.

    ``why`` says why there are no shares, where that is so.
    """

    endpoint: Endpoint
    says: str
    usual: float
    low: float
    high: float
    shares: Shares | None
    why: str


#: What was simulated under draws, and its rows.
Said = tuple[Certainty, list[Row]]


@dataclass(frozen=True)
class Page:
    """What the report says of certainty: sentences, table rows, and how it was reached."""

    said: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    grades: tuple[str, ...]
    level: str
    draws: int
    people: str
    parameters: int
    named: tuple[tuple[str, str, str, str], ...]


def rows(result: Result, found: Certainty) -> list[Row]:
    """Every endpoint that varies, around the means of all people of the study."""
    made = []
    for one in found.endpoints():
        y = found.number(one)
        usual = _mean(result, found, one)
        if float(y.std()) <= _STILL * max(abs(usual), float(np.abs(y).max())):
            continue
        moved = y - found.usual(one) + usual
        low, high = (float(q) for q in np.quantile(moved, (0.05, 0.95)))
        try:
            shares, why = found.shares(one), ""
        except InputError as error:
            shares, why = None, error.message
        arms = [found.arms[row] for row in (one.arm, one.over) if row is not None]
        says = _says(found, one) + relief.mark(result, *arms, output=one.output)
        made.append(Row(one, says, usual, low, high, shares, why))
    return made


def _mean(result: Result, found: Certainty, one: Endpoint) -> float:
    means = result.mean.sel(output=one.output, time=one.hour)
    value = float(means.sel(arm=found.arms[one.arm].name))
    return value if one.over is None else value - float(means.sel(arm=found.arms[one.over].name))


def _says(found: Certainty, one: Endpoint) -> str:
    arm = found.arms[one.arm].name
    arm = arm if one.over is None else f"{arm} less {found.arms[one.over].name}"
    return f"{sensitivity.output(one.output)} at {sensitivity.when(one.hour)}, {arm}"


def gather(found: Certainty, given: list[Row]) -> Page:
    """What the page says."""
    return Page(
        said=tuple(sentence(found, row) for row in given),
        rows=tuple(_cells(row) for row in given),
        grades=GRADES,
        level=LEVEL,
        draws=len(found.means),
        people=words.count(found.people, "person", "people"),
        parameters=len(found.doubts),
        named=tuple(_weightiest(found, given)),
    )


def sentence(found: Certainty, row: Row) -> str:
    """What one number rests on: "67 % of this spread rests on values of grade D, …: …"."""
    lead = words.sentence(
        f"mean {row.says}, is {_number(row, row.usual)}, and from "
        f"{_digits(row.low)} to {_number(row, row.high)} in {LEVEL} of the draws"
    )
    shares = row.shares
    if shares is None:
        return f"{lead} {words.sentence(row.why)}"
    grade = max(shares.grades, key=lambda g: shares.grades[g])
    own = {d.name: d.known.says for d in found.doubts if d.known.grade == grade}
    ranked = sorted(own, key=lambda name: -shares.parameters[name])
    told = [name for name in ranked[:_NAMED] if shares.parameters[name] >= _LEAST]
    names = [own[n] if own[n] == n else f"{own[n]} ({n})" for n in told]
    said = (
        f"{relief.percent(shares.grades[grade])} of this spread rests on values of grade {grade}, "
        f"{_GRADES[grade]}: {', '.join(names)}"
    )
    if _LEAST <= shares.assumed < shares.grades[grade]:
        said += f"; {relief.percent(shares.assumed)} on values that are plainly assumed"
    return f"{lead} {words.sentence(said)}"


#: Share of the variance from which a parameter is named.
_LEAST = 0.01
_GRADES = {
    "A": "well known",
    "B": "published",
    "C": "published or fitted on weak grounds",
    "D": "assumed or not told by data",
}


def _number(row: Row, value: float) -> str:
    return f"{_digits(value)} {sensitivity.unit_of(row.endpoint.output)}".strip()


def _digits(value: float) -> str:
    return words.digits(value, 2 if abs(value) < 1 else 3)


def _cells(row: Row) -> tuple[str, ...]:
    shares = row.shares
    graded = [_share(shares.grades[g]) for g in GRADES] if shares else ["–"] * len(GRADES)
    quality = f"{shares.quality:.2f}" if shares else "low"
    assumed = _share(shares.assumed) if shares else "–"
    spread = f"{_digits(row.low)} to {_digits(row.high)}"
    return (words.sentence(row.says).rstrip("."), _digits(row.usual), spread, *graded,
            assumed, quality)  # fmt: skip


def _share(value: float) -> str:
    return "< 1 %" if 0 < value < 0.005 else relief.percent(max(value, 0.0))


def _weightiest(found: Certainty, given: list[Row]) -> list[tuple[str, str, str, str]]:
    """The parameters with the largest share of the first number: name, words, basis, share."""
    first = next((row.shares for row in given if row.shares is not None), None)
    if first is None:
        return []
    ranked = sorted(found.doubts, key=lambda d: -first.parameters[d.name])
    return [
        (
            d.name,
            d.known.says,
            f"{d.known.grade}, {d.known.basis}",
            _share(first.parameters[d.name]),
        )
        for d in ranked[:_TABLE]
        if first.parameters[d.name] >= _LEAST
    ]


_TABLE = 10


def to_json(found: Certainty, given: list[Row]) -> list[dict[str, Any]]:
    """The rows as plain data; shares are null where none are given."""
    return [
        {
            "output": row.endpoint.output,
            "unit": unit(row.endpoint.output),
            "arm": found.arms[row.endpoint.arm].name,
            "over": None if row.endpoint.over is None else found.arms[row.endpoint.over].name,
            "time_h": row.endpoint.hour,
            "mean": row.usual,
            "q05": row.low,
            "q95": row.high,
            "grades": None if row.shares is None else dict(row.shares.grades),
            "assumed": None if row.shares is None else row.shares.assumed,
            "surrogate_q2": None if row.shares is None else row.shares.quality,
            "says": sentence(found, row),
        }
        for row in given
    ]


def bands(result: Result, found: Certainty) -> Array:
    """Quantiles of the means over draws (arms, outputs, times, levels)."""
    means = result.mean.sel(
        arm=[a.name for a in found.arms], output=list(found.outputs), time=found.times
    )
    return found.bands(means.values)


def table(result: Result, found: Certainty) -> pd.DataFrame:
    """Long table of the mean over people under joint draws: arm, time_h, output, unit, q05 to q95.

    It is what is not known; how people differ stands in quantiles.parquet.
    """
    import pandas as pd

    levels = bands(result, found)
    tables = []
    for row, arm in enumerate(found.arms):
        for place, name in enumerate(found.outputs):
            if np.isnan(levels[row, place]).any():
                continue
            made = {"arm": arm.name, "time_h": found.times, "output": name, "unit": unit(name)}
            own = {f"q{round(100 * q):02d}": levels[row, place, :, k]
                   for k, q in enumerate(QUANTILES)}  # fmt: skip
            tables.append(pd.DataFrame({**made, **own}))
    return pd.concat(tables, ignore_index=True)


# --- figure ------------------------------------------------------------------------------------


def alt(found: Certainty) -> str:
    """The figure in words, for those who do not see it."""
    shown = words.listed([sensitivity.output(o) for o in found.outputs])
    return (
        f"For each arm, {shown} over time: between two thin lines 5 to 95 % of the people, and in "
        "a hatched band with firm edges 5 to 95 % of what the mean may be, as parameters are not "
        "known for sure. The numbers at the end are in the table."
    )


def lay_out(
    figure: Figure, result: Result, found: Certainty, layout: Layout, *, heading: bool
) -> None:
    """Panels of outputs by arm: two bands that are not mixed."""
    levels = bands(result, found)
    drawings = _drawings(found, levels)
    gap, height, columns = 0.74, 1.45, layout.columns
    width = (layout.width - layout.left - layout.right - (columns - 1) * gap) / columns
    blocks = []
    for line in (drawings[i : i + columns] for i in range(0, len(drawings), columns)):
        panels = [
            Panel(
                f"certainty-{one.output}-{one.arm}-{one.over}", layout.left + i * (width + gap),
                0.0, width, height,
                partial(_panel, result=result, found=found, levels=levels, one=one,
                        window=_window(found, one.output)),
            )
            for i, one in enumerate(line)
        ]  # fmt: skip
        blocks.append(Block(panels, height + 0.62))
    lines = [
        ("people", f"5–95 % of {words.count(len(result.people), 'person', 'people')}"),
        ("mean", "what their mean may be: 5–95 % over draws of all parameters"),
        ("line", "mean under the library's values"),
    ]
    frame.lay_out(
        figure, result, layout, blocks, lines, _sample, heading=heading,
        rivals=relief.rivals(result),
    )  # fmt: skip


@dataclass(frozen=True)
class _Drawing:
    """One panel: an output in an arm, or less that in another."""

    output: str
    arm: int
    over: int | None


def _drawings(found: Certainty, levels: Array) -> list[_Drawing]:
    """Every output of every arm in which it moves; pain also as the difference from the control."""
    ordered = sorted(found.outputs, key=lambda o: (not is_behind(o), o != "pain"))
    drawings = [
        _Drawing(output, row, None)
        for output in ordered
        for row in range(len(found.arms))
        if np.nan_to_num(np.ptp(levels[row, found.outputs.index(output)])) > _FLAT
    ]
    less = [
        _Drawing(one.output, one.arm, one.over) for one in found.endpoints() if one.over is not None
    ]
    pain = [one for one in drawings if one.output == "pain"]
    return [*pain, *less, *(one for one in drawings if one.output != "pain")]


def _window(found: Certainty, output: str) -> Window:
    """The whole study; for a level in blood as long as there is some."""
    end = float(found.times[-1])
    if is_behind(output):
        return axis(end, end)
    usual = np.nanmax(found.typical[:, found.outputs.index(output)], axis=0)
    there = found.times[usual > _GONE * usual.max()]
    return axis(min(end, 1.2 * float(there[-1])), end)


#: An output that moves less than this in an arm, over time and draws, is not drawn.
_FLAT = 1e-6
#: Share of the highest level below which nothing is drawn.
_GONE = 0.01


def _panel(
    axes: Axes, *, result: Result, found: Certainty, levels: Array, one: _Drawing, window: Window
) -> None:
    inside = found.times <= window.end * (1 + 1e-9)
    times = found.times[inside]
    x = window.scaled(times)
    means = result.mean.sel(output=one.output, time=times)
    mean = means.sel(arm=found.arms[one.arm].name).values
    title = f"{pain_panels.title(one.output)}: {found.arms[one.arm].name}"
    if one.over is None:
        here = result.quantiles.sel(
            arm=found.arms[one.arm].name, output=one.output, time=times
        ).values
        for edge in (here[:, 0], here[:, -1]):
            axes.plot(x, edge, color=style.SOFT, linewidth=0.8, linestyle=(0, (4, 2)))
        low, high = levels[one.arm, found.outputs.index(one.output)][inside][:, [0, -1]].T
        axes.set_ylim(*_span(levels, found, one.output, here))
        pain_panels.frame(axes, pain_panels.label(one.output))
    else:
        control = found.arms[one.over].name
        mean = mean - means.sel(arm=control).values
        moved = found.course(one.output, one.arm, one.over)
        place = found.outputs.index(one.output)
        moved = moved - (found.typical[one.arm, place] - found.typical[one.over, place])
        low, high = np.quantile(moved[:, inside], (0.05, 0.95), axis=0) + mean
        axes.axhline(0, color=style.SOFT, linewidth=0.7)
        pain_panels.frame(axes, "points")
        title += f" less {control}"
    hue = style.STROKES[0].colour
    axes.fill_between(x, low, high, facecolor=_FILL, edgecolor=hue, hatch=_HATCH, linewidth=0.0)
    for edge in (low, high):
        axes.plot(x, edge, color=hue, linewidth=0.9)
    axes.plot(x, mean, color=style.INK, linewidth=1.5)
    pain_panels.time_axis(axes, window, labelled=True)
    axes.set_title(textwrap.shorten(title, 52, placeholder=" …"), loc="left", fontweight="bold",
                   pad=5)  # fmt: skip


def _span(levels: Array, found: Certainty, output: str, here: Array) -> tuple[float, float]:
    """Ends of the axis of one panel: from nothing unless the output is never near it."""
    own = levels[:, found.outputs.index(output)]
    top = pain_panels.SCALE if output in ("pain", "unpleasantness") else 0.0
    high = top or 1.06 * max(float(np.nanmax(own)), float(here.max())) or 1.0
    low = min(float(np.nanmin(own)), float(here.min()))
    return (0.0 if low < 0.5 * high else 0.95 * low), high


def _sample(axes: Axes, kind: str, x: float, y: float) -> None:
    ends = [x, x + frame.LONG]
    if kind == "people":
        for edge in (y - 0.05, y + 0.05):
            axes.plot(ends, [edge, edge], color=style.SOFT, linewidth=0.8, linestyle=(0, (4, 2)))
        return
    if kind == "mean":
        hue = style.STROKES[0].colour
        axes.fill_between(
            ends, y - 0.05, y + 0.05, facecolor=_FILL, edgecolor=hue, hatch=_HATCH, linewidth=0
        )
        for edge in (y - 0.05, y + 0.05):
            axes.plot(ends, [edge, edge], color=hue, linewidth=0.9)
        return
    axes.plot(ends, [y, y], color=style.INK, linewidth=1.5)
