"""Rates that are decided on the way: the chain is solved from one decision to the next.

At each decision the states are carried over, and every person's rate goes up by its next step
unless that person's rule holds it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from antalgic.dosing.regimen import Decision, DoseEvent, Hold
from antalgic.engine.lanes import Doses, Solution, Ticks
from antalgic.engine.linear import ticks
from antalgic.errors import InputError
from antalgic.simulation.individual import Array

#: Solves from a start (ticks) and states (None: the first ones) to the given times (ticks).
Solve = Callable[[Doses, Ticks, int, Array | None], Solution]


@dataclass(frozen=True)
class _Course:
    """The pieces of one course by one path: rows of the doses, and times (h) of the pieces."""

    hold: Hold
    rows: tuple[int, ...]
    times: tuple[float, ...]


def solve(
    go: Solve,
    doses: Doses,
    events: Sequence[DoseEvent],
    first: int,
    decisions: Sequence[Decision],
    outputs: Sequence[str],
    times: Ticks,
    start: int,
) -> tuple[Array, Doses]:
    """Values (people, outputs, times), and the doses that were given.

    ``events`` are the regimen's doses in the rows of ``doses`` from ``first`` on, with the amounts
    of a person who is never held.  Raises InputError where a rule names an unknown output.
    """
    courses = _courses(decisions, events, first)
    for course in courses:
        if course.hold.output not in outputs:
            raise InputError(
                f"hold_if: '{course.hold.output}' is not predicted, expected one of "
                f"{', '.join(outputs)}"
            )
    amount = np.array(np.broadcast_to(doses.amount, (len(doses.amount), _people(doses))))
    planned = amount.copy()
    level = np.zeros((len(courses), amount.shape[1]), dtype=np.int64)
    stops = sorted({t for c in courses for t in c.times[1:] if ticks(np.array(t)) < times[-1]})
    values: list[Array] = []
    state, begin = None, start
    for stop in [*ticks(np.array(stops)), times[-1]]:
        inside = times[(times > begin) & (times <= stop)] if values else times[times <= stop]
        asked = inside if len(inside) and inside[-1] == stop else np.append(inside, stop)
        found = go(replace(doses, amount=amount.copy()), asked, begin, state)
        values.append(found.values[:, :, : len(inside)])
        state, begin = found.final, int(stop)
        now = dict(zip(outputs, np.moveaxis(found.values[:, :, -1], 1, 0), strict=True))
        for number, course in enumerate(courses):
            level[number] = _decided(course, int(stop), now, level[number], planned, amount, doses)
    return np.concatenate(values, axis=2), replace(doses, amount=amount)


def _people(doses: Doses) -> int:
    return int(doses.amount.shape[1])


def _courses(
    decisions: Sequence[Decision], events: Sequence[DoseEvent], first: int
) -> list[_Course]:
    """The pieces of every course; a dose that takes several paths has one course for each."""
    found = []
    for decision in decisions:
        for times in decision.courses:
            rows = [
                [first + i for i, e in enumerate(events)
                 if e.item == decision.item and e.time == time]
                for time in times
            ]  # fmt: skip
            found += [_Course(decision.hold, path, times) for path in zip(*rows, strict=True)]
    return found


def _decided(
    course: _Course,
    stop: int,
    now: Mapping[str, Array],
    level: Array,
    planned: Array,
    amount: Array,
    doses: Doses,
) -> Array:
    """Levels after a time; where a piece of the course begins then, its amount is set."""
    begins = [int(t) for t in ticks(np.array(course.times))]
    if stop not in begins[1:]:
        return level
    piece = begins.index(stop)
    value = now[course.hold.output]
    held = value > course.hold.bound if course.hold.above else value < course.hold.bound
    raised = np.where(held, level, np.minimum(level + 1, len(course.rows) - 1))
    rows = np.array(course.rows)
    lasts = doses.duration[rows] if doses.duration.ndim == 1 else doses.duration[rows][:, 0]
    rate = planned[rows] / lasts[:, None]
    person = np.arange(amount.shape[1])
    amount[rows[piece]] = rate[raised, person] * lasts[piece]
    return raised
