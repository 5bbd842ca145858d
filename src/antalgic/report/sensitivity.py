"""What moves one number of a study: a table, a tornado and a spider."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from antalgic import __version__
from antalgic.evidence.sensitivity import LEVELS, Bar, Sensitivity
from antalgic.model.uncertain import Uncertain
from antalgic.report import curves, figures, pain_panels, relief, style, words
from antalgic.report.listings import Listing
from antalgic.result import unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HOURS_OF_WEEK = 168.0
#: Bars of a tornado, and rows of a printed table; all are in the JSON.
BARS = 14
ROWS = 20
_WIDTH = 9.2
_LEFT, _RIGHT = 3.05, 1.25
_ROW = 0.3


def listing(found: Sensitivity) -> Listing:
    """One row a parameter, the one that moves the number most first."""
    rows = [
        (
            bar.doubt.name, bar.doubt.known.grade, *(value(bar.doubt.known, v) for v in bar.values),
            *(words.digits(float(n)) for n in bar.numbers), share(bar),
        )
        for bar in found.bars[:ROWS]
    ]  # fmt: skip
    meant = [f"{b.doubt.name}: {b.doubt.known.says}" for b in found.bars[:ROWS] if _says(b)]
    left = len(found.bars) - len(rows)
    doubts = [f"exploratory: {why}" for why in found.exploratory]
    below = [
        *stated(found),
        *doubts,
        *([f"{left} more move it less; see --json"] if left else []),
        *meant,
    ]
    return Listing(
        f"{found.study.study}: {number(found)}",
        ("parameter", "grade", "low", "high", "at low", "at high", "share"), rows, below,
        [_plain(bar) for bar in found.bars],
    )  # fmt: skip


def to_json(found: Sensitivity) -> dict[str, Any]:
    """Everything as plain data; shares are null where none are given."""
    shares = found.shares
    return {
        "study": found.study.study,
        "output": found.endpoint.output,
        "unit": unit(found.endpoint.output),
        "arm": found.arm,
        "over": found.over,
        "time_h": found.endpoint.hour,
        "people": found.people,
        "draws": found.draws,
        "usual": found.usual,
        "q05": found.low,
        "q50": found.middle,
        "q95": found.high,
        "grades": None if shares is None else dict(shares.grades),
        "assumed": None if shares is None else shares.assumed,
        "surrogate_q2": None if shares is None else shares.quality,
        "why_no_shares": found.why or None,
        "exploratory": list(found.exploratory),
        "parameters": [_plain(bar) for bar in found.bars],
    }


def _plain(bar: Bar) -> dict[str, Any]:
    known = bar.doubt.known
    return {
        "parameter": bar.doubt.name, "says": known.says, "grade": known.grade, "how": known.how,
        "basis": known.basis, "value": known.value, "low": float(bar.values[0]),
        "high": float(bar.values[-1]), "at_low": float(bar.numbers[0]),
        "at_high": float(bar.numbers[-1]), "share": bar.share,
    }  # fmt: skip


def number(found: Sensitivity) -> str:
    """What is looked at: "mean pain at week 12, ketamine less placebo"."""
    arm = found.arm if found.over is None else f"{found.arm} less {found.over}"
    arm += " (exploratory)" if found.exploratory else ""
    return f"mean {output(found.endpoint.output)} at {when(found.endpoint.hour)}, {arm}"


def when(hour: float) -> str:
    """A time as a place in the study: "week 12", "day 9", "4.2 h"."""
    weeks = hour / HOURS_OF_WEEK
    return f"week {weeks:.0f}" if weeks >= 1 and weeks == round(weeks) else relief.when(hour)


def output(name: str) -> str:
    """An output within a sentence."""
    text = pain_panels.title(name).rpartition(": ")[2]
    return text if text[1:2] in "-A" or text[:2] == "R-" else text[:1].lower() + text[1:]


def stated(found: Sensitivity) -> list[str]:
    """The number with its interval, and what the shares rest on."""
    said = [
        f"{words.digits(found.usual)} {unit_of(found.endpoint.output)} under the library's values; "
        f"{words.digits(found.low)} to {words.digits(found.high)} in 90 % of {found.draws} joint "
        f"draws of all parameters, each in the same {words.count(found.people, 'person', 'people')}"
    ]
    if found.shares is None:
        return [*said, found.why]
    graded = ", ".join(f"{g} {relief.percent(s)}" for g, s in found.shares.grades.items())
    return [
        *said,
        f"share of the variance by grade: {graded}; assumed {relief.percent(found.shares.assumed)} "
        f"(surrogate Q² {found.shares.quality:.2f})",
    ]


def unit_of(name: str) -> str:
    """The unit of an output as it stands behind a number; nothing for a plain one."""
    found = unit(name)
    return {"1": "", "0-10": "points"}.get(found, found)


def value(known: Uncertain, number: float) -> str:
    """A value of a parameter with its unit, in the unit of the library file."""
    scale = known.written / known.value if known.value else 1.0
    return f"{words.digits(number * scale)} {known.unit}".strip()


def share(bar: Bar) -> str:
    """A share of the variance as a reader sees it."""
    if bar.share is None:
        return ""
    return "< 1 %" if bar.share < 0.005 else relief.percent(bar.share)


def _says(bar: Bar) -> bool:
    return bar.doubt.known.says != bar.doubt.name


# --- figures -----------------------------------------------------------------------------------


def write(found: Sensitivity, folder: Path) -> list[Path]:
    """Tornado and spider as SVG and PNG; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, draw in (("tornado", tornado), ("spider", spider)):
        for kind in ("svg", "png"):
            draw(found, folder / f"{name}.{kind}")
            written.append(folder / f"{name}.{kind}")
    return written


def tornado(found: Sensitivity, path: Path | None = None) -> Figure:
    """Bars from the number at the low to that at the high end of each parameter."""
    bars = found.bars[:BARS]
    tall = _ROW * len(bars)

    def drawn(figure: Figure) -> None:
        total = tall + 2.1
        axes = _axes(figure, total, tall)
        for place, bar in enumerate(bars):
            _bar(axes, place, bar, found.usual)
        axes.axvline(found.usual, color=style.INK, linewidth=1.0)
        axes.set_ylim(len(bars) - 0.4, -0.6)
        axes.set_yticks(range(len(bars)))
        axes.set_yticklabels([_label(bar) for bar in bars])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.margins(x=0.16)
        axes.set_xlabel(_axis(found))
        axes.grid(axis="x", color="#e3e3e3", linewidth=0.5)
        axes.set_axisbelow(True)
        if found.shares is not None:
            for place, bar in enumerate(bars):
                axes.annotate(
                    share(bar), (1.0, place), xycoords=("axes fraction", "data"), xytext=(46, 0),
                    textcoords="offset points", va="center", ha="right", fontsize=7.5,
                )  # fmt: skip
            axes.annotate(
                "share of\nvariance", (1.0, 1.0), xycoords="axes fraction", xytext=(46, 3),
                textcoords="offset points", va="bottom", ha="right", fontsize=7.2,
                color=style.SOFT,
            )  # fmt: skip
        _tornado_key(axes)
        _words(figure, found, "What moves", total)

    return _made(drawn, found, path, "Tornado")


def spider(found: Sensitivity, path: Path | None = None) -> Figure:
    """The number along what is known of each of the parameters that move it most."""

    def drawn(figure: Figure) -> None:
        total = 5.0
        figure.set_size_inches(_WIDTH, total)
        axes = figure.add_axes((0.75 / _WIDTH, 0.95 / total, 5.2 / _WIDTH, 2.95 / total))
        axes.set_gid("spider")
        for place, leg in enumerate(found.legs):
            hue = style.stroke(place)
            axes.plot(
                LEVELS, leg.numbers, color=hue.colour, linestyle=hue.dash, linewidth=1.6,
                marker=style.marker(place), markersize=4.2, markerfacecolor=style.PAPER,
                clip_on=False,
            )  # fmt: skip
        axes.axhline(found.usual, color=style.SOFT, linewidth=0.7)
        axes.set_xlim(LEVELS[0], LEVELS[-1])
        axes.set_xticks(LEVELS)
        axes.set_xticklabels([f"{level} %" for level in LEVELS])
        axes.set_xlabel("percentile of what is known of the parameter, the others kept")
        axes.set_ylabel(_axis(found))
        axes.grid(axis="y", color="#e3e3e3", linewidth=0.5)
        _ends(axes, found)
        _words(figure, found, "Along each parameter:", total)

    return _made(drawn, found, path, "Spider")


def _axes(figure: Figure, total: float, tall: float) -> Axes:
    figure.set_size_inches(_WIDTH, total)
    axes = figure.add_axes(
        (_LEFT / _WIDTH, 0.85 / total, (_WIDTH - _LEFT - _RIGHT) / _WIDTH, tall / total)
    )
    axes.set_gid("tornado")
    return axes


def _bar(axes: Axes, place: int, bar: Bar, usual: float) -> None:
    """The low end hollow, the high end filled, each with the parameter's value there."""
    known = bar.doubt.known
    ends = (float(bar.numbers[0]), float(bar.numbers[-1]))
    looks: tuple[dict[str, Any], dict[str, Any]] = (
        {"facecolor": style.PAPER, "hatch": "////"}, {"facecolor": style.STROKES[0].colour},
    )  # fmt: skip
    same = (ends[0] - usual) * (ends[1] - usual) > 0
    for side, (end, look) in enumerate(zip(ends, looks, strict=True)):
        half = 0.17 if same else 0.3
        middle = place + ((-0.17, 0.17)[side] if same else 0.0)
        axes.barh(
            middle, end - usual, left=usual, height=2 * half, edgecolor=style.STROKES[0].colour,
            linewidth=0.8, **look,
        )  # fmt: skip
        right = end > usual or (end == usual and side == 1)
        axes.annotate(
            value(known, float(bar.values[0 if side == 0 else -1])), (end, middle),
            xytext=(4 if right else -4, 0), textcoords="offset points", va="center",
            ha="left" if right else "right", fontsize=6.6 if not same else 5.6, color=style.SOFT,
        )  # fmt: skip


def _tornado_key(axes: Axes) -> None:
    from matplotlib.patches import Patch

    hue = style.STROKES[0].colour
    axes.legend(
        handles=[
            Patch(facecolor=style.PAPER, edgecolor=hue, hatch="////", label="its 5th percentile"),
            Patch(facecolor=hue, edgecolor=hue, label="its 95th percentile"),
        ],
        loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, frameon=False, fontsize=7.5,
        borderaxespad=0.2, handlelength=1.6,
    )  # fmt: skip


def _ends(axes: Axes, found: Sensitivity) -> None:
    """The name of each line right of its end, kept apart from the others."""
    low, high = axes.get_ylim()
    wanted = [float((leg.numbers[-1] - low) / (high - low)) for leg in found.legs]
    texts = [textwrap.fill(_named(leg), 42) for leg in found.legs]
    placed = curves.spread(wanted, 0.115, 0.03, 0.97)
    for number, (text, place) in enumerate(zip(texts, placed, strict=True)):
        axes.annotate(
            text, (1.0, place), xycoords="axes fraction", xytext=(9, 0),
            textcoords="offset points", va="center", fontsize=7.5, linespacing=1.1,
            color=style.stroke(number).colour, annotation_clip=False,
        )  # fmt: skip


def _named(bar: Bar) -> str:
    known = bar.doubt.known
    sign = f"({bar.doubt.name},\u00a0{known.grade})"
    return f"{known.says} {sign}" if _says(bar) else sign.strip("()")


def _label(bar: Bar) -> str:
    return textwrap.fill(_named(bar), 46)


def _axis(found: Sensitivity) -> str:
    of = found.endpoint.output
    return ", ".join(filter(None, (f"mean {output(of)}", unit_of(of))))


def _words(figure: Figure, found: Sensitivity, lead: str, total: float) -> None:
    """Title above, what it rests on beneath."""
    title = textwrap.shorten(f"{lead} {number(found)}", 100, placeholder=" …")
    figure.text(0.012, 1 - 0.2 / total, title, va="top", fontsize=10.5, fontweight="bold")
    said = textwrap.fill(words.sentence("; ".join(stated(found))), 165)
    figure.text(
        0.012, 1 - 0.45 / total, said, va="top", fontsize=7.2, color=style.SOFT, linespacing=1.3
    )
    figure.text(0.012, 0.1 / total, f"{found.study.study}, seed {found.study.seed}. "
                f"{words.RESEARCH}", fontsize=6.3, color=style.SOFT, va="bottom")  # fmt: skip


def _made(
    drawn: Callable[[Figure], None], found: Sensitivity, path: Path | None, kind: str
) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with style.context():
        figure = Figure(facecolor=style.PAPER)
        FigureCanvasAgg(figure)
        drawn(figure)
        if path is not None:
            about = {
                "Title": f"{kind}: {number(found)}", "Software": f"antalgic {__version__}",
                "Description": "; ".join(stated(found)),
            }  # fmt: skip
            figures.save(figure, path, about)
    return figure
