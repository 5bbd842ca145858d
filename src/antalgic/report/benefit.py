"""Who benefits, as tables, plain data and one figure."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from antalgic import __version__
from antalgic.errors import InputError
from antalgic.evidence.responders import Found, Measurement, Responders, Share, curve, published
from antalgic.population import conditions
from antalgic.report import figures, style, words
from antalgic.report.listings import Listing
from antalgic.report.relief import percent
from antalgic.report.window import words_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def listings(found: Found) -> list[Listing]:
    """Tables of a study: shares of responders, then what each measurement tells, by arm."""
    return [_shares(found), *(t for arm in found.arms for t in (_told(found, arm), _carried(arm)))]


def by_condition(shares: Mapping[str, Sequence[Share]], relief: float, at: float) -> Listing:
    """One row a condition and arm with drug, and what was published of classes of pain."""
    rows, data = [], []
    for name, own in shares.items():
        for share in own:
            if share.control is None:
                continue
            assert share.difference is not None
            control = share.share - share.difference
            rows.append(
                (name, share.arm, percent(share.share), percent(control), _gain(share.difference))
            )
            data.append(
                {
                    "condition": name, "arm": share.arm, "responders": share.share,
                    "control": control, "difference": share.difference,
                    "exploratory": list(conditions.load(name).exploratory),
                }
            )  # fmt: skip
    notes = [
        f"{name}: {says}"
        for name in shares
        for says in conditions.load(name).exploratory
    ]  # fmt: skip
    return Listing(
        f"Share with at least {percent(relief)} relief at {words_of(at)}, by condition",
        ("condition", "arm", "drug", "placebo", "difference"), rows,
        [
            "Conditions differ by drives, sensitization and response to placebo, nearly all "
            "assumed (antalgic conditions NAME): the order of the rows is no finding.",
            *notes, *_said("condition"),
        ],
        data,
    )  # fmt: skip


def to_json(found: Found) -> dict[str, Any]:
    """Everything in the tables as plain data; areas are null where all or none respond."""
    return {
        "study": found.study.study,
        "condition": found.study.condition,
        "relief": found.relief,
        "time_h": found.at,
        "people": found.people,
        "interval": {"level": 0.95, "over": "posterior draws", "draws": found.draws},
        "responders": [
            {"arm": s.arm, "share": s.share, "control": s.control, "difference": s.difference}
            for s in found.shares
        ],
        "arms": [
            {
                "arm": arm.arm,
                "share": arm.share,
                "measurements": [_plain(m) for m in arm.measurements],
            }
            for arm in found.arms
        ],
    }


def _plain(m: Measurement) -> dict[str, Any]:
    return {
        "measurement": m.key, "name": m.name, "sort": m.sort, "auc": m.auc, "low": m.low,
        "high": m.high, "points": m.points, "cut": m.cut, "unit": m.unit, "ppv": m.ppv,
        "npv": m.npv, "auc_without_assumption": m.bare, "assumed_share": m.assumed,
        "carried": m.carried, "grade": m.grade,
        "alternatives": [{"says": a.says, "auc": a.auc} for a in m.alternatives],
        "published": [dict(p) for p in m.published],
    }  # fmt: skip


# --- tables ------------------------------------------------------------------------------------


def _shares(found: Found) -> Listing:
    rows = [
        (
            s.arm, percent(s.share),
            "" if s.difference is None else f"{_gain(s.difference)} over {s.control}",
        )
        for s in found.shares
    ]  # fmt: skip
    return Listing(
        f"{found.study.study}: share with at least {percent(found.relief)} relief at "
        f"{words_of(found.at)}, {found.people} people an arm",
        ("arm", "responders", "difference"), rows,
    )  # fmt: skip


def _told(found: Found, arm: Responders) -> Listing:
    rows = [
        (
            m.name, m.sort, _area(m), _cut(m), _share(m.ppv), _share(m.npv),
            "" if m.assumed is None else percent(m.assumed), _read(m),
        )
        for m in arm.measurements
    ]  # fmt: skip
    below = [
        "AUC: chance that a responder reads further to the side named than another person; "
        f"beneath it 95 % over {found.draws} posterior draws of the mechanism, what is assumed of "
        f"the measurement held. Chance among so many people adds ± {_chance(found, arm):.2f}.",
        "PPV, NPV: share of responders beyond the cut, of the others short of it, where "
        f"{percent(arm.share)} respond. assumed: share of AUC − 0.5 that is gone without what is "
        "assumed about the measurement. printed: AUC that published numbers come to.",
    ]
    below += [f"{m.name}: {line}" for m in arm.measurements for line in _said(m.key)]
    return Listing(
        f"{arm.arm}: what would tell responders from others",
        ("measurement", "sort", "AUC", "cut", "PPV", "NPV", "assumed", "printed"), rows, below,
    )  # fmt: skip


def _chance(found: Found, arm: Responders) -> float:
    """Half of the 95 % interval of an area of 0.5 in so many people."""
    n = max(1.0, arm.share * found.people)
    m = max(1.0, found.people - n)
    return float(1.96 * np.sqrt((n + m + 1) / (12 * n * m)))


def _carried(arm: Responders) -> Listing:
    rows = []
    for m in arm.measurements:
        if m.sort != "not modelled":
            rows.append((m.name, m.carried, _number(m.auc)))
        rows += [("", f"if {a.says}", _number(a.auc)) for a in m.alternatives]
    return Listing(
        f"{arm.arm}: what carries it, and the AUC under another assumption",
        ("measurement", "carried by", "AUC"), rows,
    )  # fmt: skip


def _said(key: str) -> list[str]:
    """What was published of a measurement, a line each."""
    return [f"published: {p['says']} ({_short(p['source'])})" for p in published(key)]


def _short(citation: str) -> str:
    """First author of a citation with the journal and year that follow the title."""
    author = citation.split(" ", 1)[0].rstrip(",")
    year = next((w.strip(".();") for w in citation.split() if w[:2] == "20"), "")
    return f"{author} {year[:4]}"


def _area(m: Measurement) -> str:
    if m.auc is None:
        return "none: all or nobody respond"
    if m.low is None or m.high is None:
        return f"{m.auc:.2f}"
    return f"{m.auc:.2f}\n{m.low:.2f}–{m.high:.2f}"


def _cut(m: Measurement) -> str:
    if m.cut is None:
        return ""
    sign = "≤" if m.points == "lower" else "≥"
    return f"{sign} {words.digits(m.cut, 2)} {m.unit}".rstrip()


def _share(value: float | None) -> str:
    return "" if value is None else percent(value)


def _read(m: Measurement) -> str:
    known = [p["auc"] for p in m.published if p["auc"] is not None]
    return "" if not known else f"{known[0]:.2f}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"


def _gain(value: float) -> str:
    """A difference of shares in points with its sign: "+55 points"."""
    return f"{'−' if value < 0 else '+'}{abs(100 * value):.0f} points"


# --- figure ------------------------------------------------------------------------------------

#: What is drawn, in this order, where it was judged.
_DRAWN = ("k_x", "responsive", "summation", "pain", "sensitization", "mood")
_INDENT = 9 * " "
_WIDTH, _HEIGHT = 9.2, 4.1


def check_figure(path: Path) -> None:
    """Refuse, before any work, a figure that could not be written."""
    figures.suffix(path)
    if not path.resolve().parent.is_dir():
        raise InputError(f"there is no folder '{path.parent}'", field="--figure")


def draw(found: Found, path: Path) -> Figure:
    """Curves of sensitivity for the first arm with drug, and how temporal summation spreads."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    arm = found.arms[0]
    with style.context():
        figure = Figure(figsize=(_WIDTH, _HEIGHT), facecolor=style.PAPER)
        FigureCanvasAgg(figure)
        left = figure.add_axes((0.06, 0.2, 0.33, 0.58))
        right = figure.add_axes((0.66, 0.2, 0.325, 0.58))
        _receiver(left, arm)
        _readings(right, arm)
        title = f"Who responds: {found.study.study}, {arm.arm}"
        figure.text(0.06, 0.93, title, fontsize=11, weight="bold")
        figure.text(
            0.06, 0.88,
            f"at least {percent(found.relief)} relief at {words_of(found.at)}: "
            f"{percent(arm.share)} of {found.people} simulated people",
            color=style.SOFT,
        )  # fmt: skip
        figure.text(0.06, 0.03, words.RESEARCH, color=style.SOFT, fontsize=6.5)
        figures.save(
            figure, path,
            {
                "Title": title, "Software": f"antalgic {__version__}",
                "Description": f"AUC, and readings of temporal summation; seed {found.study.seed}",
            },
        )  # fmt: skip
    return figure


def _receiver(axes: Axes, arm: Responders) -> None:
    axes.plot((0, 1), (0, 1), color=style.SOFT, linewidth=0.6)
    known = {m.key: m for m in arm.measurements}
    for position, key in enumerate(k for k in _DRAWN if k in known):
        m = known[key]
        if m.curve is None or m.auc is None:
            continue
        readings = -m.curve.readings if m.points == "lower" else m.curve.readings
        alarms, hits, _ = curve(readings, m.curve.responded)
        stroke = style.stroke(position)
        label = textwrap.fill(f"{m.auc:.2f}  {m.name}", 28, subsequent_indent=_INDENT)
        axes.plot(alarms, hits, color=stroke.colour, linestyle=stroke.dash, label=label)
    axes.set(
        xlim=(0, 1), ylim=(0, 1), xlabel="others beyond the cut (1 − specificity)",
        ylabel="responders beyond the cut (sensitivity)",
    )  # fmt: skip
    axes.set_title("What would tell them apart", loc="left")
    axes.legend(
        title="AUC", loc="lower left", bbox_to_anchor=(0.98, 0.0), frameon=False, fontsize=6.5,
        title_fontsize=6.5, alignment="left",
    )  # fmt: skip


def _readings(axes: Axes, arm: Responders) -> None:
    """How many of either side read what, as shares of that side."""
    m = next(m for m in arm.measurements if m.key == "summation")
    assert m.curve is not None
    bins = np.linspace(-3.5, 3.5, 29)
    for position, (name, who) in enumerate(
        (("responders", m.curve.responded), ("others", ~m.curve.responded))
    ):
        if not who.any():
            continue
        counts, _ = np.histogram(m.curve.readings[who], bins)
        stroke = style.stroke(position)
        axes.stairs(
            100 * counts / who.sum(), bins, color=stroke.colour, linestyle=stroke.dash, label=name,
            linewidth=1.4,
        )  # fmt: skip
    axes.set(
        xlabel="temporal summation, SD from the mean", ylabel="% of each side", xlim=(-3.5, 3.5)
    )
    axes.set_ylim(bottom=0)
    axes.set_title(
        f"Temporal summation: AUC {_number(m.auc)}, and {_number(m.alternatives[0].auc)}\n"
        "without the link that is assumed", loc="left",
    )  # fmt: skip
    axes.legend(frameon=False, loc="upper left", fontsize=7)
