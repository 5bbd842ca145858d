"""The session in numbers: hours until fit to leave, chairs and nurses, for one session and all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from antalgic.model.values import read
from antalgic.population import guidelines
from antalgic.report import relief, words
from antalgic.report.pain_page import Cell
from antalgic.report.relief import percent
from antalgic.result import Arm, Result
from antalgic.simulation.session import sessions
from antalgic.sources import Value

LIBRARY = "harm/clinic.yaml"
#: Guidelines whose least times of observation are applied, side by side.
RULES = ("spravato", "anzca2021")
#: Guidelines whose number of nurses is taken, in a chair and on a ward.
_CHAIR, _WARD = "spravato", "anzca2021"
#: Ranks of the people whose time until fit to leave is stated.
_RANKS = (0.5, 0.9)


@dataclass(frozen=True)
class Seat:
    """What one arm takes of a clinic, h.

    ready: hours after the last dose until half and until nine in ten are fit to leave, infinite
    where they are not within ``followed``; late is the share who are not.  chair: mean hours in the
    chair a session under each rule of observation; course: the same over all sessions; nurse: hours
    of nurses over all sessions, at so many nurses a chair.
    """

    arm: Arm
    dosing: float
    followed: float
    ready: tuple[float, ...]
    late: float
    sessions: int
    chair: Mapping[str, float]
    course: Mapping[str, float]
    nurses: Value
    nurse: Mapping[str, float]


@dataclass(frozen=True)
class Table:
    """Columns with their units, and a row of cells for each arm."""

    heads: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


@cache
def known(unit: str, *place: str) -> Value:
    """A value of library/harm/clinic.yaml."""
    return read(LIBRARY, unit, *place)


def stated(guideline: str, name: str) -> Value:
    """A value that a guideline states of a session, times in h."""
    return guidelines.session_values(guidelines.load(guideline))[name]


def seats(result: Result) -> list[Seat]:
    """The arms whose session was followed, under the first of the mechanisms."""
    return [_seat(arm) for arm in relief.attended(result)]


def _seat(arm: Arm) -> Seat:
    assert arm.session is not None
    hours, after = arm.session.hours, arm.session.chain.endpoints["session.ready"]
    followed = float(hours.times[-1] - hours.end)
    dosing = hours.end - hours.begin
    spans = [max(d.end for d in doses) - doses[0].time for doses in sessions(arm.regimen)]
    spans = spans or [dosing]  # without a drug: one session like that of the drug
    stay = {rule: _stay(after, followed, rule) for rule in RULES}
    ward = dosing > known("h", "staffing", "overnight").value
    nurses = stated(_WARD if ward else _CHAIR, "nurses_per_patient")
    course = {rule: sum(spans) + len(spans) * stay[rule] for rule in RULES}
    return Seat(
        arm, dosing, followed, tuple(rank(after, r) for r in _RANKS),
        float(np.mean(np.isinf(after))), len(spans),
        {rule: dosing + stay[rule] for rule in RULES}, course, nurses,
        {rule: nurses.value * hour for rule, hour in course.items()},
    )  # fmt: skip


def rank(after: NDArray[np.float64], share: float) -> float:
    """The time by which this share of the people are fit to leave; infinite if they never are."""
    return float(np.sort(after)[int(np.ceil(share * len(after) - 1e-9)) - 1])


def _stay(after: NDArray[np.float64], followed: float, rule: str) -> float:
    """Mean hours from the last dose to leaving; who is never fit is counted as long as followed."""
    least = stated(rule, "observation").value
    return float(np.mean(np.maximum(np.minimum(after, followed), least)))


# --- for a reader ------------------------------------------------------------------------------


def table(found: list[Seat]) -> Table:
    """Staffing by arm."""
    single = len(_people(found)) == 1
    least = " / ".join(words.digits(stated(r, "observation").value, 1) for r in RULES)
    heads = (
        ("Doses are given for", "h"),
        ("Fit to leave after the last dose", "h" if single else "h, median and 90th percentile"),
        ("In the chair", f"h a session, observed at least {least} h"),
        ("Sessions", "number"),
        ("In the chair, all sessions", "h"),
        ("Nurses, all sessions", "h"),
    )
    return Table(heads, tuple((s.arm.label, _cells(s, single)) for s in found))


def _people(found: list[Seat]) -> NDArray[np.float64]:
    assert found[0].arm.session is not None
    return found[0].arm.session.chain.endpoints["session.ready"]


def _cells(seat: Seat, single: bool) -> tuple[Cell, ...]:
    middle, most = (_hours(hour, seat.followed) for hour in seat.ready)
    more = "≥ " if seat.late else ""
    ratio = f"{seat.nurses.text} a chair"
    return (
        Cell(words.digits(seat.dosing, 2)),
        Cell(middle, () if single or most == middle else (most,)),
        Cell(more + _both(seat.chair)),
        Cell(words.grouped(str(seat.sessions))),
        Cell(more + _both(seat.course)),
        Cell(more + _both(seat.nurse), (ratio,)),
    )


def _both(hours: Mapping[str, float]) -> str:
    texts = list(dict.fromkeys(_plain(hours[rule]) for rule in RULES))
    return " / ".join(texts)


def _plain(hours: float) -> str:
    return words.digits(hours, 2 if hours < 100 else 3)


def _hours(after: float, followed: float) -> str:
    if np.isinf(after):
        return f"more than {words.digits(followed, 1)}"
    return f"{after:.1f}"


def after(seat: Seat) -> str:
    """Hours after the last dose until half of the people are fit to leave, as text."""
    return _hours(seat.ready[0], seat.followed)


def remarks(found: list[Seat]) -> list[str]:
    """What must be said of the table: who is not fit to leave, and what was assumed."""
    said = [
        f"Under “{s.arm.label}”, {percent(s.late)} of the people are not fit to leave within "
        f"{words.digits(s.followed, 1)} h after the last dose, for as long as they are followed; "
        "their hours in the chair are counted up to then, so that the true means are higher."
        for s in found
        if s.late
    ]
    rules = [
        f"{words.digits(stated(r, 'observation').value, 1)} h ({guidelines.load(r).title})"
        for r in RULES
    ]
    said.append(
        "Nobody leaves before the least time of observation that was published: "
        f"{words.listed(rules)}. Numbers for both stand in this order."
    )
    notes = dict.fromkeys(s.nurses.note or "" for s in found)
    said += [f"Nurses are assumed: {note}." for note in notes]
    said.append(
        "The hours after the last dose are those of the session with the most drug and are taken "
        "for every session; as if each were given under supervision."
    )
    return said


def rows(result: Result) -> list[dict[str, Any]]:
    """The same as plain data; None where half or nine in ten are not fit to leave in time."""
    return [
        {
            "arm": s.arm.name,
            "dosing_h": s.dosing,
            "ready_after_h": {
                f"q{round(100 * r)}": None if np.isinf(h) else h
                for r, h in zip(_RANKS, s.ready, strict=True)
            },
            "followed_after_h": s.followed,
            "share_not_ready": s.late,
            "sessions": s.sessions,
            "chair_h": dict(s.chair),
            "course_chair_h": dict(s.course),
            "nurses_per_chair": s.nurses.value,
            "course_nurse_h": dict(s.nurse),
        }
        for s in seats(result)
    ]
