"""What goes into a figure: analytes, time window, curves, regimens, published values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from antalgic import __version__
from antalgic.errors import InputError
from antalgic.evidence.matching import Match, matching
from antalgic.report import panels, regimen_panel, style, words
from antalgic.report.panels import Drawn, Track
from antalgic.report.style import Stroke
from antalgic.report.window import Window, window, words_of
from antalgic.result import Arm, Result

_DRAWN_METRICS = ("concentration", "css", "cmax", "tmax")


@dataclass(frozen=True)
class Content:
    """Everything that goes on the sheet; ``thin`` bands where many curves lie over each other."""

    result: Result
    window: Window
    tracks: Mapping[str, list[Track]]
    regimens: list[regimen_panel.Panel]
    drawn: list[Drawn]
    thin: bool
    log: bool


def gather(result: Result, output: str | Sequence[str] | None, *, thin: bool, log: bool) -> Content:
    """What there is to draw of a result."""
    outputs = shown_outputs(result, output)
    seen = window(result, outputs)
    hues = strokes(result)
    tracks = {name: panels.tracks(result, name, hues, seen) for name in outputs}
    given = [(arm, hues[arm.name]) for arm in drugged(result)]
    return Content(
        result, seen, {name: found for name, found in tracks.items() if found},
        regimen_panel.panels(given), _published(result, outputs, seen), thin, log,
    )  # fmt: skip


def drugged(result: Result) -> list[Arm]:
    """The arms that are given a drug."""
    return list(result.blood)


def shown_outputs(result: Result, output: str | Sequence[str] | None = None) -> list[str]:
    """Analytes worth drawing: asked for, present, and not the very same curve as an earlier one."""
    if output is not None:
        wanted = [output] if isinstance(output, str) else list(output)
        for name in wanted:
            if name not in result.analytes:
                known = ", ".join(result.analytes)
                raise InputError(f"no output '{name}', expected one of {known}")
        return wanted
    kept: list[str] = []
    for name in result.analytes:
        values = result.quantiles.sel(output=name).values
        same = [k for k in kept if np.array_equal(result.quantiles.sel(output=k), values, True)]
        if np.nan_to_num(values).max(initial=0.0) > 0 and (result.study.outputs or not same):
            kept.append(name)
    return kept


def strokes(result: Result) -> dict[str, Stroke]:
    """The stroke of each arm that is given drug, the same in every figure."""
    return {arm.name: style.stroke(place) for place, arm in enumerate(drugged(result))}


def metadata(result: Result, command: str | None = None) -> dict[str, str]:
    """What a figure says of itself: version, study, seed, models, command."""
    used = dict.fromkeys(arm.model.name for arm in result.arms if arm.model is not None)
    written = f"antalgic run {result.study.path}" if result.study.path else "antalgic, in Python"
    return {
        "Software": f"antalgic {__version__}",
        "Title": result.study.study,
        "Seed": str(result.study.seed),
        "Models": ", ".join(used) or "none",
        "Command": command or written,
        "Description": words.RESEARCH,
    }


def alt(result: Result, output: str | Sequence[str] | None = None) -> str:
    """The figure in words, for those who do not see it."""
    names = words.listed([words.analyte(name) for name in shown_outputs(result, output)])
    arms = words.listed([arm.label for arm in (*result.blood, *result.bare)])
    if not names:
        return nothing(result)
    seen = window(result, shown_outputs(result, output))
    return (
        f"Doses over time, and below them concentration of {names} in ng/mL from 0 to "
        f"{words_of(seen.end)} on a linear and a logarithmic axis, for {arms}: "
        "median and bands between people. The numbers are in the table of endpoints."
    )


def nothing(result: Result) -> str:
    """What to say where all that was asked for stays at zero."""
    names = words.listed([words.analyte(name) for name in result.analytes])
    if not names:
        return ""
    return f"{names}: zero in every arm, as nothing given turns into it."


def _published(result: Result, outputs: Sequence[str], seen: Window) -> list[Drawn]:
    """Cohorts with something to draw, each once though several arms may match."""
    found: dict[tuple[str, str], Drawn] = {}
    for arm in drugged(result):
        for match in matching(arm):
            if _can_be_drawn(match, outputs, seen):
                found.setdefault((match.cohort.name, match.arm), Drawn(match, arm.name))
    return list(found.values())


def _can_be_drawn(match: Match, outputs: Sequence[str], seen: Window) -> bool:
    return any(
        o.analyte in outputs
        and o.metric in _DRAWN_METRICS
        and (o.time or 0.0) + match.shift <= seen.end
        for o in match.observations
    )
