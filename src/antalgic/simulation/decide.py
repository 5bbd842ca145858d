"""Doses that are decided on the way: the solver stops at every look, and goes on with new amounts.

At each look everybody's outputs are read, before the doses of that time: an infusion is raised,
held, paused or stopped by them, and a dose as needed is given or not.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from antalgic.dosing.regimen import Decision, DoseEvent, Rules
from antalgic.engine.lanes import Decide, Doses, Solution, Ticks
from antalgic.engine.linear import ticks
from antalgic.errors import InputError, did_you_mean
from antalgic.simulation.individual import Array

#: Solves, and calls what decides at each of the stops (ticks).
Solve = Callable[[Doses, Ticks, Decide], Solution]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Decided:
    """Values (people, outputs, times), the doses that were given, and a few numbers per person.

    ``counts`` (people,) are there as far as the rules can make a difference: ``session.pauses``,
    ``session.stopped`` (1 where some infusion was), ``rescue.doses`` (doses as needed).
    """

    values: Array
    doses: Doses
    counts: dict[str, Array]


def check(decisions: Sequence[Decision], outputs: Sequence[str]) -> None:
    """Raise InputError where a rule names an output that is not among those predicted."""
    for decision in decisions:
        for field, rules in decision.rules.items():
            for rule in rules:
                if rule.output not in outputs:
                    hint = did_you_mean(rule.output, outputs)
                    hint = hint or f", expected one of {', '.join(outputs)}"
                    raise InputError(f"{field}: '{rule.output}' is not predicted{hint}")


def solve(
    go: Solve,
    doses: Doses,
    events: Sequence[DoseEvent],
    first: int,
    decisions: Sequence[Decision],
    outputs: Sequence[str],
    end: int,
) -> Decided:
    """Follow people from look to look, up to the last output at ``end`` (ticks).

    ``events`` are the regimen's doses in the rows of ``doses`` from ``first`` on, a row for each
    path into the model, with the amounts of a person for whom no rule holds.
    """
    planned = np.array(np.broadcast_to(doses.amount, (len(doses.target), doses.amount.shape[1])))
    amount = planned.copy()
    items = [_item(d, events, first, amount.shape[1]) for d in decisions]
    looks: dict[int, list[tuple[_Item, _Course, int]]] = {}
    for item in items:
        for course, piece, when in item.looks():
            looks.setdefault(when, []).append((item, course, piece))
            if item.decision.give:
                amount[course.rows[piece]] = 0.0
    stops = np.array(sorted(t for t in looks if t < end), dtype=np.int64)

    def decide(stop: int, values: Array) -> None:
        now = dict(zip(outputs, values.T, strict=True))
        for item, course, piece in looks[int(stops[stop])]:
            item.look(course, piece, now, planned, amount)

    given = replace(doses, amount=amount)
    return Decided(go(given, stops, decide).values, given, _counts(items))


class _Course:
    """One course of an item: the rows of its pieces, when they begin, and how it stands.

    rows (pieces, paths) of the dose table, -1 for a piece that gives nothing even as planned;
    level (people,) how often the rate was raised.
    """

    def __init__(self, rows: NDArray[np.int64], times: Sequence[float], people: int) -> None:
        self.rows = rows
        self.begins = [int(t) for t in ticks(np.array(times))]
        self.level = np.zeros(people, dtype=np.int64)
        self.paused = np.zeros(people, dtype=bool)
        self.stopped = np.zeros(people, dtype=bool)


class _Item:
    """The courses of one item, and how often each person was paused, or given a dose as needed."""

    def __init__(self, decision: Decision, courses: list[_Course], people: int) -> None:
        self.decision = decision
        self.courses = courses
        self.pauses = np.zeros(people)
        self.given = np.zeros(people)
        self.lengths = np.array(decision.lengths)
        #: The pieces in which each level of the rate is first given as planned.
        self.ladder = np.array([0, *decision.rises])

    def looks(self) -> Iterator[tuple[_Course, int, int]]:
        """Courses, pieces and when (ticks) they are decided; an infusion's first needs no look."""
        for course in self.courses:
            for piece, when in enumerate(course.begins):
                if piece or self.decision.give:
                    yield course, piece, when

    def look(
        self,
        course: _Course,
        piece: int,
        now: Mapping[str, Array],
        planned: Array,
        amount: Array,
    ) -> None:
        """Set the amounts of the piece that begins now by the outputs (people,)."""
        rules, rows = self.decision, course.rows[piece]
        if rules.give:
            wanted = _met(rules.give, now) & (self.given < rules.most)
            self.given += wanted
            amount[rows] = planned[rows] * wanted
            return
        course.stopped |= _met(rules.stop, now)
        paused = _met(rules.pause, now) & ~course.stopped
        self.pauses += paused & ~course.paused
        course.paused = paused
        runs = ~(paused | course.stopped)
        if piece in rules.rises:
            course.level += runs & ~_met(rules.hold, now)
        if rows[0] >= 0:
            raised = self._raised(course, piece, planned) if rules.rises else planned[rows]
            amount[rows] = raised * runs

    def _raised(self, course: _Course, piece: int, planned: Array) -> Array:
        """Amounts (paths, people) of a piece at the rate that each person has come to."""
        source = self.ladder[course.level]
        rows = course.rows[source].T
        share = np.where(rows >= 0, self.lengths[piece] / self.lengths[source], 0.0)
        raised: Array = planned[rows, np.arange(planned.shape[1])] * share
        return raised


def _met(rules: Rules, now: Mapping[str, Array]) -> Flags:
    """For whom any of the rules holds (people,)."""
    found = np.zeros(len(next(iter(now.values()))), dtype=bool)
    for rule in rules:
        value = now[rule.output]
        found |= value > rule.bound if rule.above else value < rule.bound
    return found


def _item(decision: Decision, events: Sequence[DoseEvent], first: int, people: int) -> _Item:
    """The courses of a decision with their rows, found by the item's number and the time."""
    rows: dict[float, list[int]] = {}
    for row, event in enumerate(events, first):
        if event.item == decision.item:
            rows.setdefault(event.time, []).append(row)
    if not rows:  # a zero dose is no event, and there is nothing to decide
        return _Item(decision, [], people)
    nothing = [-1] * len(next(iter(rows.values())))
    return _Item(
        decision,
        [
            _Course(np.array([rows.get(t, nothing) for t in times]), times, people)
            for times in decision.courses
        ],
        people,
    )


def _counts(items: Sequence[_Item]) -> dict[str, Array]:
    """Each person's pauses, whether stopped, doses as needed: summed over items with such rules."""
    found: dict[str, Array] = {}
    pausing = [i.pauses for i in items if i.decision.pause]
    stopping = [c.stopped for i in items if i.decision.stop for c in i.courses]
    giving = [i.given for i in items if i.decision.give]
    if pausing:
        found["session.pauses"] = np.sum(pausing, axis=0)
    if stopping:
        found["session.stopped"] = np.any(stopping, axis=0).astype(float)
    if giving:
        found["rescue.doses"] = np.sum(giving, axis=0)
    return found
