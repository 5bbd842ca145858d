"""The gallery of reproduced studies: tables for a terminal, and a page with a figure for each."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from antalgic import __version__
from antalgic.evidence import experiments, findings, gallery, validate
from antalgic.evidence.gallery import KINDS, Entry, Gallery, Line
from antalgic.report import listings, page, style, svg, words
from antalgic.report.listings import Listing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FILE = "gallery.html"
#: A quantity seen at so many times is drawn against time.
_TIMES = 3
#: Columns of the table of misses.
_COLUMNS = 4
_WIDTHS = {"wide": 7.6, "narrow": 3.9}
_ROW, _MORE, _HEAD, _FOOT, _CURVE = 0.27, 0.11, 0.32, 0.5, 1.9
_BAND: Any = {"color": "#00508f", "alpha": 0.28, "linewidth": 0}


def show(found: Gallery) -> None:
    """Print the tables, misses first, and the scores of the models of blood."""
    for listing in tables(found):
        listing.show()
    if found.blood is not None:
        listings.validation(found.blood)[1].show()


def tables(found: Gallery) -> list[Listing]:
    """One table a kind of study, misses first; beneath it why a miss is one."""
    shown = [_table(kind, [e for e in found.entries if e.kind == kind]) for kind in KINDS]
    return [listing for listing in shown if listing.rows]


def to_json(found: Gallery) -> dict[str, Any]:
    """The rows as plain data: of blood, of the chain, of receptor and wind-up."""
    blood = {} if found.blood is None else validate.to_json(found.blood)
    rows = findings.to_json(list(found.clinical))
    for row in rows:
        row["interval"] = found.intervals.get((row["trial"], row["finding"]))
    return blood | {"clinical": rows, "experiments": experiments.to_json(found.bench)}


def verdict(line: Line) -> str:
    """Hit or miss; for a number without tolerance whether it was fitted."""
    if line.hit is None:
        return "fitted" if line.fitted else ""
    return "hit" if line.hit else "MISS"


def cells(line: Line) -> tuple[str, str]:
    """Observed with its spread, and simulated with its interval, as text."""
    spread = f" [{_span(line.spread)}]" if line.spread else ""
    interval = f" [{_span(line.interval)}]" if line.interval else ""
    unit = f" {line.unit}" if line.unit else ""
    return (
        f"{words.digits(line.observed)}{spread}{unit}",
        f"{words.digits(line.simulated)}{interval}{unit}",
    )


def score(lines: Sequence[Line]) -> str:
    """Such as "8 of 9 within tolerance"."""
    judged = [line.hit for line in lines if line.hit is not None]
    return f"{sum(judged)} of {len(judged)} within tolerance"


def ordered(entries: Sequence[Entry]) -> list[tuple[Entry, Line]]:
    """Every line with its study, misses first."""
    pairs = [(entry, line) for entry in entries for line in entry.lines]
    return sorted(pairs, key=lambda pair: pair[1].hit is not False)


def tolerance(line: Line) -> str:
    """Where a hit lies."""
    return _to(line.within) if line.within else ""


def _span(ends: tuple[float, float]) -> str:
    return f"{words.digits(ends[0])}, {words.digits(ends[1])}"


def _table(kind: str, entries: Sequence[Entry]) -> Listing:
    pairs = ordered(entries)
    return Listing(
        f"{KINDS[kind]}: {score([line for _, line in pairs])}",
        ("study", "what", "observed", "simulated", "tolerance", "verdict"),
        [_row(e, line) for e, line in pairs],
        [
            f"{e.name}, {line.what}: {line.why or 'no explanation on file'}"
            for e, line in pairs
            if line.hit is False
        ],
    )


def _row(entry: Entry, line: Line) -> tuple[str, ...]:
    """A line for a terminal, which is narrow: the unit stands once, ends beneath their number."""
    observed, simulated = (
        words.digits(value) + (f"\n{_to(ends)}" if ends else "")
        for value, ends in ((line.observed, line.spread), (line.simulated, line.interval))
    )
    unit = f" ({line.unit})" if line.unit else ""
    what = f"{line.what}{unit}"
    return entry.name, what, observed, simulated, tolerance(line), verdict(line)


def _to(ends: tuple[float, float]) -> str:
    low, high = map(words.digits, ends)
    return f"{low} to {high}"


# --- page --------------------------------------------------------------------------------------


def method(found: Gallery) -> list[str]:
    """How the numbers were come by, in words made from the settings."""
    low, high = gallery.INTERVAL
    share = f"{100 * (high - low):.0f} %"
    return [
        f"Blood: {validate.PEOPLE} virtual people a cohort, in the model that is the default for "
        f"its doses. The interval holds {share} of {validate.STUDIES} studies of as many people as "
        "the published one, drawn from them; there is none for a typical person, nor "
        "where people do not differ or their number is not printed. "
        f"A hit is within {validate.FOLD:g}-fold.",
        f"Volunteers and patients: the mechanism '{found.mechanism}'. The interval holds {share} "
        f"of {gallery.DRAWS} posterior draws of what was calibrated, each tried in the same "
        f"{gallery.PEOPLE} people, as a shift of the number in all people. Numbers that nothing "
        "calibrated moves have no interval. It does not hold the chance of a small trial.",
        "Receptor and wind-up: the laws as they are; the interval is over the ends of what is "
        "stated as unknown.",
        "The spread of an observed number is the published one, of the sort printed beside it; "
        "a tolerance stands in the study's file. Numbers marked fitted were seen in calibration.",
    ]


def write(found: Gallery, folder: Path, name: str = FILE) -> Path:
    """Write the page into a folder, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(html(found), encoding="utf-8")
    return path


def html(found: Gallery) -> str:
    """The page as text.  It loads nothing from elsewhere and runs no script."""
    sections = [
        (title, score([line for e in own for line in e.lines]), own)
        for kind, title in KINDS.items()
        if (own := [e for e in found.entries if e.kind == kind])
    ]
    missed = [pair for pair in ordered(found.entries) if pair[1].hit is False]
    return page.rendered(
        "gallery.html.j2", version=__version__, research=words.RESEARCH,
        score=score([line for e in found.entries for line in e.lines]), missed=missed,
        columns=_COLUMNS,
        sections=sections, method=method(found), cells=cells, verdict=verdict,
        tolerance=tolerance, drawn=_drawn, lines=lambda e: [line for _, line in ordered([e])],
    )  # fmt: skip


def save(entry: Entry, path: Path) -> None:
    """The figure of a study as a file of its own, narrow enough for a telephone."""
    with style.context():
        figure(entry, "narrow").savefig(path, metadata={"Date": None})


def _drawn(entry: Entry) -> list[Markup]:
    """The figure of a study for a page and for a telephone."""
    return [
        Markup(svg.inline(figure(entry, layout), f"{entry.name}-{layout}", alt(entry), css=layout))
        for layout in _WIDTHS
        if entry.lines
    ]


def alt(entry: Entry) -> str:
    """The figure in words."""
    return f"{entry.title}: published numbers over simulated; {score(entry.lines)}."


# --- figure ------------------------------------------------------------------------------------


def figure(entry: Entry, layout: str = "wide") -> Figure:
    """Published points with their spread over the simulated number and its band, by quantity."""
    from matplotlib.figure import Figure

    groups = list(_groups(entry))
    heights = [_HEAD + _FOOT + _tall(own, layout) for _, own in groups]
    width, total = _WIDTHS[layout], sum(heights)
    with style.context():
        drawn = Figure(figsize=(width, total))
        top = total
        for (quantity, own), height in zip(groups, heights, strict=True):
            left = 0.62 if _curve(own) else 0.42 * width
            place = (
                left / width, (top - height + _FOOT) / total,
                (width - left - 0.2) / width, (height - _HEAD - _FOOT) / total,
            )  # fmt: skip
            axes = drawn.add_axes(place)
            (_over_time if _curve(own) else _beside)(axes, own, layout)
            drawn.text(0.06 / width, (top - 0.12) / total, quantity, va="center", fontsize=8.5)
            top -= height
    return drawn


def _tall(lines: Sequence[Line], layout: str) -> float:
    """Height (in) of a panel's axes."""
    if _curve(lines):
        return _CURVE
    most = max(_short(line.what, layout).count("\n") for line in lines)
    return len(lines) * (_ROW + _MORE * most)


def _groups(entry: Entry) -> Iterator[tuple[str, list[Line]]]:
    """Lines that share a quantity and a unit, as one panel."""
    found: dict[tuple[str, str], list[Line]] = {}
    for line in entry.lines:
        found.setdefault((line.quantity, line.unit), []).append(line)
    for (quantity, unit), own in found.items():
        yield quantity + (f" ({unit})" if unit else ""), own


def _curve(lines: Sequence[Line]) -> bool:
    times = [line.time for line in lines]
    return None not in times and len(set(times)) == len(times) >= _TIMES


def _over_time(axes: Axes, lines: Sequence[Line], layout: str) -> None:
    own = sorted(lines, key=lambda line: line.time or 0.0)
    hours = [line.time or 0.0 for line in own]
    per, unit = (1.0, "h") if hours[-1] < 72 else (24.0, "days")
    x = [hour / per for hour in hours]
    ends = [line.interval or (line.simulated, line.simulated) for line in own]
    axes.fill_between(x, [low for low, _ in ends], [high for _, high in ends], **_BAND)
    axes.plot(x, [line.simulated for line in own], color="#00508f")
    for at, line in zip(x, own, strict=True):
        if line.spread:
            axes.plot([at, at], line.spread, color=style.INK, linewidth=0.8)
        axes.plot([at], [line.observed], **_mark(line))
    axes.set_xlabel(f"time ({unit})")
    axes.margins(0.06)


def _beside(axes: Axes, lines: Sequence[Line], layout: str) -> None:
    for row, line in enumerate(lines):
        if line.within:
            axes.plot(line.within, [row, row], color="#d9d9d9", linewidth=5, zorder=0)
        if line.interval:
            axes.fill_betweenx([row - 0.3, row + 0.3], *line.interval, **_BAND)
        axes.plot([line.simulated] * 2, [row - 0.36, row + 0.36], color="#00508f", linewidth=1.6)
        if line.spread:
            axes.plot(line.spread, [row, row], color=style.INK, linewidth=0.8)
        axes.plot([line.observed], [row], **_mark(line))
    axes.set_yticks(range(len(lines)), [_short(line.what, layout) for line in lines])
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.locator_params(axis="x", nbins=4)
    axes.margins(x=0.06)


def _mark(line: Line) -> dict[str, Any]:
    """An open circle; a miss is filled."""
    look = style.mark("o")
    return look | {"markerfacecolor": style.INK} if line.hit is False else look


def _short(text: str, layout: str) -> str:
    """A label on lines that fit beside the axes."""
    return textwrap.fill(text, 50 if layout == "wide" else 27)
