"""The key of a figure: what line, bands and marks are, and what is not drawn."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from antalgic.evidence.matching import Match
from antalgic.report import style, words
from antalgic.report.content import Content, drugged
from antalgic.report.panels import Track
from antalgic.report.style import Stroke
from antalgic.report.window import words_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE = 0.17  # in, of small text
#: A peak so many times higher than what is drawn is worth a remark.
_MISSED = 1.5
_LONGEST_NAME = 54

Lines = list[tuple[str, str]]


def lines(content: Content, chars: int, *, named: bool) -> Lines:
    """Lines of the key: (sort of sample, text of at most so many characters a line).

    ``named`` adds the name of each arm, where curves are not labelled themselves.
    """
    people = len(content.result.people)
    who = words.count(people, "person", "people")
    found: Lines = []
    if people == 1:
        found.append(("median", "one typical person"))
    elif content.thin:
        found.append(("band", f"median and {words.MIDDLE} of {who}"))
    else:
        found.append(("band", f"median, {words.MIDDLE} and {words.BAND} of {who}"))
    if named:
        tracks = {t.arm.name: t for found in content.tracks.values() for t in found}
        found += [
            (f"arm:{n}", ", ".join([t.arm.label, *own_site(t, content)])) for n, t in tracks.items()
        ]
    found += [(f"match:{i}", _cohort(drawn.match)) for i, drawn in enumerate(content.drawn)]
    found += [("", text) for text in _remarks(content)]
    return [(sort, textwrap.fill(text, chars - 8 if sort else chars)) for sort, text in found]


def height(found: Lines) -> float:
    """Height (in) that the lines take."""
    return LINE * sum(text.count("\n") + 1 for _, text in found) + 0.1


def draw(axes: Axes, content: Content, found: Lines, width: float) -> None:
    """Draw the lines on axes of a width (in) and the lines' own height."""
    axes.set_gid("key")
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(-height(found), 0)
    y = -0.06
    hues = {t.arm.name: t.stroke for part in content.tracks.values() for t in part}
    for sort, text in found:
        _sample(axes, sort, y - 0.045, hues, content.thin)
        axes.text(0.46 if sort else 0.0, y, text, fontsize=7.8, va="top", linespacing=1.25)
        y -= LINE * (text.count("\n") + 1)


def name(track: Track, content: Content) -> str:
    """Arm or model in short lines, with its sampling site where sites differ."""
    short = textwrap.shorten(track.arm.label, _LONGEST_NAME, placeholder=" …")
    return "\n".join([*textwrap.wrap(short, 20), *own_site(track, content)])


def own_site(track: Track, content: Content) -> list[str]:
    """The sampling site of one curve, where not all have the same."""
    models = [t.arm.model for found in content.tracks.values() for t in found if t.arm.model]
    if len({model.file.sampling for model in models}) < 2 or track.arm.model is None:
        return []
    site = track.arm.model.file.sampling
    return ["site not stated" if site == "not stated" else site]


def _cohort(match: Match) -> str:
    cohort = match.cohort
    kinds = sorted({o.statistic for o in match.observations} - {"not stated"})
    number = f", n = {cohort.n}" if cohort.n else ""
    stated = f"{cohort.sampling} samples" if cohort.sampling != "not stated" else "site not stated"
    return f"{cohort.title}, {match.arm}{number} ({', '.join([*kinds, stated])})"


def _remarks(content: Content) -> list[str]:
    result = content.result
    found = []
    for lacking, gives in (("ketamine", True), ("drug", False)):
        bare = [arm.label for arm in result.bare if arm.gives_a_drug is gives]
        if bare:
            found.append(f"{words.listed(bare)}: no {lacking}, nothing to draw.")
    for arm in drugged(result):
        missed = sorted({d.missed for d in arm.regimen.doses if d.missed})
        if missed:
            found.append(
                f"{arm.label}: each dose is missed with a chance of {100 * missed[-1]:g} %."
            )
    if content.window.said:
        found.append(content.window.said)
    return found + _coarse(content)


def _coarse(content: Content) -> list[str]:
    """A remark where peaks fall between readouts, so that the curve does not show them."""
    worst = 1.0
    for output, found in content.tracks.items():
        for track in found:
            table = content.result.patients
            peak = table.loc[table["ARM"] == track.arm.name, f"{output}.cmax"].median()
            worst = max(worst, float(peak) / float(track.median.max()))
    if worst < _MISSED:
        return []
    times = content.result.quantiles.time.values
    step = words_of(float(np.min(np.diff(times))))
    return [
        f"Readouts every {step} miss peaks: Cmax in the table is up to {words.digits(worst, 2)} "
        "times the highest point drawn."
    ]


def _sample(axes: Axes, sort: str, y: float, hues: Mapping[str, Stroke], thin: bool) -> None:
    kind, _, name = sort.partition(":")
    hue = next(iter(hues.values())) if len(hues) == 1 else Stroke(style.SOFT, "solid")
    if kind == "band":
        bands = [(0.033, style.THIN_BAND if thin else style.NARROW_BAND)]
        if not thin:
            bands = [(0.065, style.WIDE_BAND), *bands]
        for half, opacity in bands:
            axes.fill_between(
                [0, 0.34], y - half, y + half, color=hue.colour, alpha=opacity, linewidth=0
            )
    if kind in ("band", "median"):
        axes.plot([0, 0.34], [y, y], color=hue.colour)
    if kind == "arm":
        axes.plot([0, 0.34], [y, y], color=hues[name].colour, linestyle=hues[name].dash)
    if kind == "match":
        axes.plot([0.17], [y], **style.mark(style.marker(int(name))))
