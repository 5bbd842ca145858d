"""Benefit beside harm: shares with drug and without, and how many people that makes one more of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from antalgic.model import harm
from antalgic.report import clinic, intervals, relief, trials
from antalgic.report.pain_page import Cell
from antalgic.report.relief import RESPONSES, Visit, percent
from antalgic.report.trials import Published
from antalgic.result import Arm, Result
from antalgic.simulation.chain import WEEKS

#: Visits (h) of the table: early, a month, a quarter.
_VISITS = (WEEKS[1], WEEKS[4], WEEKS[12], WEEKS[26])
#: What stands before the names of events in the table of patients.
HAD = "had."


@dataclass(frozen=True)
class Line:
    """One benefit or harm of a drug over its control: shares, and their difference in a trial.

    low and high bound the difference, 95 % (Newcombe), as a trial of `Pair.sizes` would find it.
    """

    what: str
    name: str
    good: bool
    drug: float
    control: float
    low: float
    high: float

    @property
    def gap(self) -> float:
        """Share with the drug less share without."""
        return self.drug - self.control

    @property
    def needed(self) -> str:
        """People for one more: "NNT 2.1" or "NNH 17"."""
        return intervals.needed(self.gap, good=self.good)

    @property
    def needed_interval(self) -> str:
        """95 % interval of that."""
        return intervals.needed_interval(self.low, self.high, good=self.good)


@dataclass(frozen=True)
class Pair:
    """An arm with drug against its control, in trials of ``sizes`` people."""

    arm: Arm
    control: Arm
    sizes: tuple[int, int]
    published: bool
    lines: tuple[Line, ...]


#: Shares below this have a decimal.
_FEW = 0.0995


def events() -> Mapping[str, str]:
    """Events of a session by name, as a reader calls them."""
    limit = {name: f"{harm.limit(name):g}" for name in _LIMITS}
    return {
        "psychomimetic": "Odd perceptions",
        "dissociated": f"Dissociation, CADSS above {limit['dissociated']}",
        "sedated": f"Sedation, MOAA/S {limit['sedated']} or less",
        "unresponsive": f"No response, MOAA/S {limit['unresponsive']} or less",
        "dizziness": "Dizziness",
        "somnolence": "Sleepiness",
        "nausea": "Nausea",
        "vomiting": "Vomiting",
        "hypertension": f"Pressure up by {limit['systolic-rise']}/{limit['diastolic-rise']} mmHg",
        "desaturation": "Low oxygen saturation",
    }


_LIMITS = ("dissociated", "sedated", "unresponsive", "systolic-rise", "diastolic-rise")


def incidence(arm: Arm, event: str) -> float:
    """Share of an arm's people who had an event in the session."""
    assert arm.session is not None
    return float(np.mean(arm.session.chain.endpoints[HAD + event]))


def pairs(result: Result) -> list[Pair]:
    """What is compared: benefit under each mechanism, harm under the first."""
    found = trials.published(result)
    attended = {arm.name for arm in relief.attended(result)}
    return [
        _pair(result, arm, control, found, harms={arm.name, control.name} <= attended)
        for arm, control in relief.pairs(result)
    ]


def _pair(result: Result, arm: Arm, control: Arm, found: Published, *, harms: bool) -> Pair:
    sizes = [found.sizes.get(a.regimen.name) for a in (arm, control)]
    published = all(sizes)
    usual = round(clinic.known("1", "trial", "people").value)
    n, m = (size or usual for size in sizes) if published else (usual, usual)

    def line(what: str, name: str, good: bool, a: float, b: float) -> Line:
        return Line(what, name, good, a, b, *intervals.newcombe(a, n, b, m))

    lines = _stays(result, arm, control, line) or [
        line(
            f"At least {percent(least)} relief, {visit.name}",
            f"relief_{round(100 * least)}_{visit.name.replace(' ', '_')}",
            True,
            *(relief.share(result, a, visit, least) for a in (arm, control)),
        )
        for least in reversed(RESPONSES)
        for visit in _visits(result)
    ]
    if harms:
        lines += [
            line(what, name, False, incidence(arm, name), incidence(control, name))
            for name, what in events().items()
        ]
    return Pair(arm, control, (n, m), published, tuple(lines))


def _stays(
    result: Result, arm: Arm, control: Arm, line: Callable[[str, str, bool, float, float], Line]
) -> list[Line]:
    """After an injury, benefit is pain that does not stay; none where relief is what is asked."""
    chronic = relief.chronic(result)
    if chronic is None:
        return []
    return [
        line(
            f"Pain below {chronic:g}, {visit.name}",
            f"below_{chronic:g}_{visit.name.replace(' ', '_')}",
            True,
            *(1 - relief.persistent(result, a, visit, chronic) for a in (arm, control)),
        )
        for visit in _visits(result)
    ]


def _visits(result: Result) -> list[Visit]:
    found = [v for v in relief.visits(result) if v.relief]
    return [v for v in found if v.hour in _VISITS] or found[-1:]


# --- for a reader ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Group:
    """The lines of one comparison: its title, what its intervals are, names with cells."""

    title: str
    size: str
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


@dataclass(frozen=True)
class Page:
    """Benefit and harm by comparison."""

    heads: tuple[tuple[str, str], ...]
    groups: tuple[Group, ...]


def gather(result: Result) -> Page | None:
    """The table of benefit and harm; None where nothing is compared, or one person is simulated."""
    if len(result.people) == 1 or not relief.followed(result):
        return None
    found = [pair for pair in pairs(result) if pair.lines]
    if not found:
        return None
    heads = (
        ("With drug", "share"),
        ("Without", "share"),
        ("Difference", "points, 95 % interval"),
        ("Needed for one more", "people, 95 % interval"),
    )
    return Page(heads, tuple(_group(result, pair) for pair in found))


def _group(result: Result, pair: Pair) -> Group:
    under = f", {pair.arm.mechanism}" if len(relief.rivals(result)) > 1 else ""
    mark = relief.mark(result, pair.arm)
    return Group(
        f"{pair.arm.label} against {pair.control.label}{under}",
        said_size(pair),
        tuple((line.what + mark * line.good, _cells(line)) for line in pair.lines),
    )


def said_size(pair: Pair) -> str:
    """What trial the intervals are of: "30 and 30 people, like the published one,"."""
    n, m = pair.sizes
    return f"{n} and {m} people" + (", like the published one," if pair.published else "")


def _cells(line: Line) -> tuple[Cell, ...]:
    low, high = (_points(value) for value in (line.low, line.high))
    return (
        Cell(share(line.drug)),
        Cell(share(line.control)),
        Cell(_points(line.gap, fine=True), (f"{low} to {high}",)),
        Cell(line.needed, (line.needed_interval,)),
    )


def share(value: float) -> str:
    """A share in percent: "64 %", and "0.4 %" where it is small."""
    return f"{100 * value:.1f} %" if 0 < value < _FEW else percent(value)


def _points(value: float, *, fine: bool = False) -> str:
    """Percentage points; with ``fine`` one decimal where they are few."""
    text = f"{100 * abs(value):.{int(fine and 0 < abs(value) < _FEW)}f}"
    return f"\u2212{text}" if value < 0 and text != "0" else text


def rows(result: Result) -> list[dict[str, Any]]:
    """The table as plain data."""
    if not relief.followed(result):
        return []
    return [
        {
            "arm": pair.arm.name,
            "control": pair.control.name,
            "trial_sizes": list(pair.sizes),
            "lines": [
                {
                    "what": line.name,
                    "benefit": line.good,
                    "exploratory": line.good and bool(relief.mark(result, pair.arm)),
                    "drug": line.drug,
                    "control": line.control,
                    "difference": {"value": line.gap, "low": line.low, "high": line.high},
                    "needed": line.needed,
                    "needed_interval": line.needed_interval,
                }
                for line in pair.lines
            ],
        }
        for pair in pairs(result)
    ]


def spoken(result: Result) -> list[str]:
    """One line a comparison: relief at the first visit, the commonest harm, when to leave."""
    if len(result.people) == 1 or not relief.followed(result):
        return []
    waits = {seat.arm.name: seat for seat in clinic.seats(result)}
    said = []
    for pair in pairs(result):
        benefits = [line for line in pair.lines if line.good]
        harms = [line for line in pair.lines if not line.good]
        first = benefits[0] if relief.chronic(result) is None else benefits[-1]
        parts = [_brief(first) + relief.mark(result, pair.arm)]
        if harms:
            parts.append(_brief(max(harms, key=lambda line: line.gap)))
        if pair.arm.model is not None and pair.arm.name in waits:
            seat = waits[pair.arm.name]
            parts.append(f"half fit to leave {clinic.after(seat)} h after the last dose")
        said.append(f"{pair.arm.name} against {pair.control.name}: {'; '.join(parts)}")
    return said


def _brief(line: Line) -> str:
    what = line.what[:1].lower() + line.what[1:]
    return (
        f"{what} in {share(line.drug)} against {share(line.control)}, {line.needed} "
        f"(95 %: {line.needed_interval})"
    )
