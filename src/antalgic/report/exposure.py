"""How much an arm gives in all, and what is known of harm that comes with much of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from antalgic import yamlfile
from antalgic.dosing import Regimen
from antalgic.model.values import read
from antalgic.population import People
from antalgic.report import intervals, words
from antalgic.report.clinic import Table
from antalgic.report.pain_page import Cell
from antalgic.report.relief import percent
from antalgic.report.window import MEASURABLE, words_of
from antalgic.result import Arm, Result
from antalgic.simulation.plan import dose_mass
from antalgic.simulation.session import sessions
from antalgic.sources import Source, read_sources

LIBRARY = "harm/exposure.yaml"
#: Share of a session in which an infusion runs, for it to count as continuous.
_CONTINUOUS = 0.9


@dataclass(frozen=True)
class Exposure:
    """What one arm gives over the whole study.

    drug is its parent drug; mg and area (ng·h/mL) are medians over people; hours those with
    measurable drug in the median person's blood; courses the spans (h) of continuous infusions that
    count as courses; repeated says whether two follow each other as in the trial that was stopped.
    """

    arm: Arm
    drug: str
    mg: float
    sessions: int
    hours: float
    area: float
    courses: tuple[tuple[float, float], ...]
    repeated: bool


@dataclass(frozen=True)
class Known:
    """One thing that is known: who had it, with an exact 95 % interval where it was counted."""

    what: str
    text: str
    source: Source


def exposures(result: Result) -> list[Exposure]:
    """The arms with drug, each once."""
    return [_exposure(result, arm) for arm in result.blood if arm.regimen.steady_state is None]


def _exposure(result: Result, arm: Arm) -> Exposure:
    blood = arm.simulation
    assert blood is not None
    given = [a for a in blood.analytes if a in arm.regimen.drugs] or list(blood.analytes)
    at = blood.analytes.index(given[0])
    middle = blood.quantiles[at][:, 2]
    above = middle > MEASURABLE * middle.max()
    steps = np.diff(blood.times, append=blood.times[-1])
    courses = tuple(_courses(arm.regimen))
    return Exposure(
        arm, given[0], _milligrams(arm, result.people),
        sum(1 for _ in sessions(arm.regimen)), float(steps[above].sum()),
        float(np.median(blood.auc[:, at])), courses, _repeated(courses),
    )  # fmt: skip


def _milligrams(arm: Arm, people: People) -> float:
    """Median total dose, mg; of a dose that may be missed, what is taken on average."""
    chain = arm.chain
    if chain is not None and chain.given is not None:
        return float(np.median(chain.endpoints["dose.total"]))
    taken = [dose_mass(dose, people) * (1 - dose.missed) for dose in arm.regimen.doses]
    return float(np.median(np.sum(taken, axis=0)))


def _courses(regimen: Regimen) -> list[tuple[float, float]]:
    """Sessions that are one continuous infusion of at least the length that counts."""
    least = read(LIBRARY, "h", "repeated", "course").value
    found = []
    for doses in sessions(regimen):
        begin, end = doses[0].time, max(d.end for d in doses)
        running = sum(d.duration for d in doses)
        if end - begin >= least and running >= _CONTINUOUS * (end - begin):
            found.append((begin, end))
    return found


def _repeated(courses: Sequence[tuple[float, float]]) -> bool:
    within = read(LIBRARY, "h", "repeated", "within").value
    return any(b[0] - a[1] <= within for a, b in pairwise(courses))


# --- for a reader ------------------------------------------------------------------------------


def table(found: Sequence[Exposure]) -> Table:
    """Counters by arm."""
    heads = (
        ("Total dose", "mg, median"),
        ("Sessions", "number"),
        ("Drug measurable in blood", f"h, above {100 * MEASURABLE:g} % of its peak"),
        ("AUC of what is given", "ng·h/mL, median"),
    )
    return Table(heads, tuple((e.arm.label, _cells(e)) for e in found))


def _cells(e: Exposure) -> tuple[Cell, ...]:
    return (
        Cell(words.digits(e.mg), (words.drug(e.drug),)),
        Cell(words.grouped(str(e.sessions))),
        Cell(words.digits(e.hours)),
        Cell(words.digits(e.area)),
    )


@cache
def known() -> tuple[Known, ...]:
    """What is on file of liver, bladder and misuse; InputError names a wrong entry."""
    document = yamlfile.library(LIBRARY)
    with document.at("sources"):
        cited = read_sources(document.data["sources"])
    return tuple(
        Known(entry["what"], _text(entry), cited[entry["source"]])
        for entry in document.data["findings"].values()
    )


def _text(entry: Mapping[str, Any]) -> str:
    people = int(entry["of"])
    if "had" not in entry:
        return f"{entry['percent']} % {entry['says']}"
    had = int(entry["had"])
    low, high = intervals.clopper_pearson(had, people)
    share = f"{had} of {words.grouped(str(people))}, {percent(had / people)}"
    return f"{share} (exact 95 % interval {100 * low:.0f} to {percent(high)}): {entry['says']}"


def said(found: Sequence[Exposure]) -> list[str]:
    """How each arm compares with what was seen, in words: no risk is made up."""
    return [_said(e) for e in found]


def _said(e: Exposure) -> str:
    least = words_of(read(LIBRARY, "h", "repeated", "course").value)
    within = words_of(read(LIBRARY, "h", "repeated", "within").value)
    if e.repeated:
        near = (
            f"gives two or more continuous courses of {least} or more within {within}, as the "
            "trial did that was stopped: the risk to the liver is that of its people, known no "
            "better than its interval says"
        )
    elif e.courses:
        near = (
            f"gives {words.count(len(e.courses), 'continuous course')} of {least} or more, not "
            f"repeated within {within}: no number is known of its risk to the liver"
        )
    else:
        near = (
            f"gives no continuous course of {least} or more: no number is known of its risk to "
            "the liver"
        )
    return (
        f"“{e.arm.label}” {near}. No number is known either of its risk to the bladder and of "
        "misuse: those above are of people who take it without a doctor. That can mean a small "
        "risk or one that nobody has counted."
    )


def rows(result: Result) -> list[dict[str, Any]]:
    """Counters as plain data."""
    return [
        {
            "arm": e.arm.label,
            "drug": e.drug,
            "total_mg": e.mg,
            "sessions": e.sessions,
            "measurable_h": e.hours,
            "auc_ng_h_mL": e.area,
            "continuous_courses": len(e.courses),
            "repeated_as_studied": e.repeated,
        }
        for e in exposures(result)
    ]
