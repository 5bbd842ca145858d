"""Why each treatment falls short: relief over placebo from hours to weeks, a panel a treatment."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from antalgic.errors import InputError
from antalgic.model import comparators
from antalgic.population import conditions
from antalgic.report import relief, style
from antalgic.result import Arm, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: What each class does and does not, in a line under the name of the arm.
WHY = {
    "opioid": "at once, then tolerance; pain comes back higher when it stops",
    "nsaid": "nothing to act on without an inflamed joint",
    "gabapentinoid": "within days, in part: the source stays",
    "antidepressant": "over weeks, in part: the source stays",
    "local-anaesthetic": "nearly complete, for hours",
    "nmda-antagonist": "overstated here: trials found little or nothing",
    "sedative": "none: an active placebo",
    "alpha2-agonist": "none here",
    "antiemetic": "none here",
}
KETAMINE = "fast, fades over weeks; half do not respond"
BOTH = "both together"
_TICKS = {24.0: "1 d", 168.0: "1 wk", 672.0: "4", 1344.0: "8", 2016.0: "12 wk"}
#: Power of time on the axis: hours and weeks both have room.
_POWER = 0.4
_ACROSS = 5
_HEAD, _WIDTH, _HEIGHT = 0.75, 2.05, 1.5


def draw(result: Result, path: str | Path | None = None, *, joint: Result | None = None) -> Figure:
    """Mean relief of each arm over its placebo (points of 0 to 10), hours and weeks on one axis.

    ``joint`` is a second study in another condition: its curve is added, dashed, to the panel of
    the arm of the same name.  InputError where no arm gives a drug beside placebo.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    pairs = relief.pairs(result)
    if not pairs:
        raise InputError("there is no arm with a drug and one with placebo to compare it with")
    with style.context():
        rows = -(-len(pairs) // _ACROSS)
        across = min(len(pairs), _ACROSS)
        size = (across * _WIDTH + 0.55, rows * (_HEIGHT + _HEAD) + 0.4)
        figure = Figure(figsize=size, facecolor=style.PAPER)
        FigureCanvasAgg(figure)
        top = max(float(_gain(result, arm, other).max()) for arm, other in pairs)
        low = min(float(_gain(result, arm, other).min()) for arm, other in pairs)
        for place, (arm, other) in enumerate(pairs):
            row, column = divmod(place, _ACROSS)
            left = 0.5 + column * _WIDTH
            bottom = size[1] - (row + 1) * (_HEIGHT + _HEAD) + 0.15
            axes = figure.add_axes(
                (left / size[0], bottom / size[1], (_WIDTH - 0.22) / size[0], _HEIGHT / size[1])
            )
            _panel(axes, result, arm, other, joint)
            axes.set_ylim(low - 0.15, 1.06 * top)
            axes.tick_params(labelleft=column == 0)
            if column == 0:
                axes.set_ylabel("relief over placebo, points")
        figure.text(
            0.5, 0.1 / size[1],
            "The axis of time is compressed towards the end. Mean of the people simulated; shaded: "
            "while the drug is given." + _dashed(joint),
            ha="center", fontsize=7.5, color=style.SOFT,
        )  # fmt: skip
        if path is not None:
            figure.savefig(path, dpi=200)
    return figure


def _dashed(joint: Result | None) -> str:
    if joint is None or joint.study.condition is None:
        return ""
    title = conditions.load(joint.study.condition).title
    return f" Orange, dashed: in {title[:1].lower()}{title[1:]}."


def why(arm: Arm) -> str:
    """What the drugs of an arm do and do not, in a line."""
    sorts = [comparators.load(name).sort for name in arm.regimen.beside]
    if arm.model is not None:
        return BOTH if sorts else KETAMINE
    return "; ".join(dict.fromkeys(WHY[sort] for sort in sorts))


def _gain(result: Result, arm: Arm, other: Arm) -> np.ndarray:
    pain = result.mean.sel(output="pain")
    found: np.ndarray = (pain.sel(arm=other.name) - pain.sel(arm=arm.name)).values
    return found


def _panel(axes: Axes, result: Result, arm: Arm, other: Arm, joint: Result | None) -> None:
    times = result.mean.time.values
    for start, end in _given(arm):
        axes.axvspan(start, max(end, start + times[1]), color="#ececec", linewidth=0)
    axes.axhline(0, color=style.SOFT, linewidth=0.6)
    hue = style.stroke(0).colour
    axes.plot(times, _gain(result, arm, other), color=hue, linewidth=1.0)
    for there, control in relief.pairs(joint) if joint is not None else ():
        if there.name == arm.name and joint is not None:
            own = joint.mean.time.values
            axes.plot(
                own, _gain(joint, there, control), linewidth=1.0, color=style.stroke(1).colour,
                linestyle=(0, (4, 1.6)),
            )  # fmt: skip
    axes.set_xscale(
        "function", functions=(lambda t: np.abs(t) ** _POWER, lambda x: np.abs(x) ** (1 / _POWER))
    )
    axes.set_xlim(0, times[-1])
    ticks = {t: name for t, name in _TICKS.items() if t <= times[-1]}
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.minorticks_off()
    axes.grid(axis="y", color="#e3e3e3", linewidth=0.5)
    axes.set_axisbelow(True)
    lines = [*textwrap.wrap(why(arm), 33), ""][:2]
    axes.set_title(
        arm.label[:1].upper() + arm.label[1:], loc="left", fontweight="bold",
        pad=6 + 9.5 * len(lines),
    )  # fmt: skip
    axes.annotate(
        "\n".join(lines), (0, 1), xycoords="axes fraction", xytext=(0, 4),
        textcoords="offset points", fontsize=7.2, color=style.SOFT, va="bottom", linespacing=1.2,
    )  # fmt: skip


def _given(arm: Arm) -> Sequence[tuple[float, float]]:
    """When the drugs of an arm are given (h): from the first to the end of the last dose."""
    doses = arm.regimen.comparators or arm.regimen.doses
    period = doses[1].time - doses[0].time if len(doses) > 1 else 0.0
    return [(doses[0].time, max(d.end for d in doses) + period)]
