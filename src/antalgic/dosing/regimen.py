"""A regimen: every dose of an arm at its exact time, and what else happens to its patients.

Times are h from the start of the study.  An infusion is active on [start, end).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from antalgic import units

_NANOSECONDS = 3.6e12  # in an hour
#: Doses that follow within this time (h) of the end of those before are one treatment.
_PAUSE = 4.0


@dataclass(frozen=True)
class DoseEvent:
    """One dose: a bolus, or an infusion at a steady rate over `duration`.

    time and duration h; amount mg of base for a person, a kg or 70 kg as `per` says; missed is the
    probability that it is not taken; cap is the upper bound of the amount in mg for one person
    after scaling by weight, infinite where there is none.  item numbers the arm's items from 0,
    after named regimens have been unfolded.
    """

    drug: str
    route: str
    time: float
    amount: float
    duration: float
    per: units.Per
    missed: float
    item: int
    cap: float = math.inf

    @property
    def end(self) -> float:
        """End of the infusion in h; the time itself for a bolus."""
        return from_ticks(ticks(self.time + self.duration))


@dataclass(frozen=True)
class ParameterChange:
    """A parameter of the model times `factor` on [start, end) h; end may be infinite."""

    parameter: str
    factor: float
    start: float
    end: float


@dataclass(frozen=True)
class Perpetrator:
    """An interacting drug present on [start, end) h; end may be infinite."""

    name: str
    start: float
    end: float


@dataclass(frozen=True)
class Exercise:
    """Activity held up by extent, a share of its start, on [start, end) h; end may be infinite."""

    extent: float
    start: float
    end: float


@dataclass(frozen=True)
class Rule:
    """Holds while an output is above (or below) a bound; text is as written."""

    output: str
    above: bool
    bound: float
    text: str


#: Rules any of which suffices; none of them never holds.
Rules = tuple[Rule, ...]


@dataclass(frozen=True)
class Decision:
    """Doses of an item that are decided on the way, at the times (h) in each of its `courses`.

    Without `give` a course is an infusion in pieces of `lengths` (h), the first of them fixed.
    Where a later one begins, a person for whom `stop` holds gets nothing more of the course, one
    for whom `pause` holds nothing in this piece; before the pieces numbered in `rises` the rate of
    others goes up by a step unless `hold` holds.  With `give` each course is one dose, given to
    those for whom it holds, up to `most` for each.  The item's doses in the regimen are those of a
    person for whom `hold`, `pause` and `stop` never hold, and all that `give` can lead to.
    """

    item: int
    courses: tuple[tuple[float, ...], ...]
    lengths: tuple[float, ...]
    rises: tuple[int, ...] = ()
    hold: Rules = ()
    pause: Rules = ()
    stop: Rules = ()
    give: Rules = ()
    most: float = math.inf

    @property
    def rules(self) -> dict[str, Rules]:
        """The rules by the field of the study file that they are written in."""
        named = {
            "hold_if": self.hold,
            "pause_if": self.pause,
            "stop_if": self.stop,
            "give_if": self.give,
        }
        return {field: rules for field, rules in named.items() if rules}


@dataclass(frozen=True)
class Segment:
    """A stretch of a regimen as one draws it: a steady rate (mg/h), or an amount (mg) at a time.

    at_most is the bound of that rate or amount for one person, infinite where there is none.
    """

    drug: str
    route: str
    start: float
    end: float
    rate: float | None
    amount: float | None
    per: units.Per
    item: int
    at_most: float = math.inf


@dataclass(frozen=True)
class Regimen:
    """What one arm is given: doses in order of time and item, changes, interacting drugs.

    doses are those of ketamine, comparators those of the treatments beside it.
    steady_state is the period in h of the doses of `steady_items`: at time 0 these have been
    repeated since ever, at the times modulo the period at which they go on.  treated is when
    treatment begins and ends in h, whether drug or placebo is given; None where neither is.
    decisions are the items whose doses depend on how the patient fares.  exercise is physical
    therapy, which is treatment too.
    """

    name: str
    doses: tuple[DoseEvent, ...]
    changes: tuple[ParameterChange, ...] = ()
    perpetrators: tuple[Perpetrator, ...] = ()
    steady_state: float | None = None
    notes: tuple[str, ...] = ()
    steady_items: tuple[int, ...] = ()
    treated: tuple[float, float] | None = None
    decisions: tuple[Decision, ...] = ()
    exercise: tuple[Exercise, ...] = ()
    comparators: tuple[DoseEvent, ...] = ()

    @property
    def beside(self) -> dict[str, tuple[str, ...]]:
        """Treatments beside ketamine and their routes, sorted."""
        given = sorted({(dose.drug, dose.route) for dose in self.comparators})
        return {drug: tuple(r for d, r in given if d == drug) for drug, _ in given}

    @property
    def drugs(self) -> tuple[str, ...]:
        """Forms of ketamine that are given, sorted."""
        return tuple(sorted({dose.drug for dose in self.doses}))

    @property
    def routes(self) -> tuple[str, ...]:
        """Routes of ketamine, sorted."""
        return tuple(sorted({dose.route for dose in self.doses}))

    @property
    def serial(self) -> bool:
        """Whether a drug is given again after a pause, rather than in one treatment."""
        return self.again_after(_PAUSE) or self.steady_state is not None

    def again_after(self, pause: float) -> bool:
        """Whether more ketamine is given when none was given for longer than a pause (h)."""
        end = self.doses[0].end if self.doses else 0.0
        for dose in self.doses:
            if dose.time - end > pause:
                return True
            end = max(end, dose.end)
        return False

    def segments(self) -> tuple[Segment, ...]:
        """Ketamine for drawing: touching infusions of one item at one rate are one segment."""
        return _segments(self.doses)

    def segments_beside(self) -> tuple[Segment, ...]:
        """The treatments beside ketamine for drawing, as `segments`."""
        return _segments(self.comparators)


def ticks(hours: float) -> int:
    """Time in whole nanoseconds, from h."""
    return round(hours * _NANOSECONDS)


def from_ticks(nanoseconds: int) -> float:
    """Time in h, from whole nanoseconds."""
    return nanoseconds / _NANOSECONDS


def _segments(doses: Sequence[DoseEvent]) -> tuple[Segment, ...]:
    found: list[Segment] = []
    latest: dict[int, int] = {}
    for dose in doses:
        new = _segment(dose)
        position = latest.get(dose.item)
        if position is not None and _continues(found[position], new):
            found[position] = replace(found[position], end=new.end)
            continue
        latest[dose.item] = len(found)
        found.append(new)
    return tuple(found)


def _segment(dose: DoseEvent) -> Segment:
    infused = dose.duration > 0
    return Segment(
        drug=dose.drug,
        route=dose.route,
        start=dose.time,
        end=dose.end,
        rate=dose.amount / dose.duration if infused else None,
        amount=None if infused else dose.amount,
        per=dose.per,
        item=dose.item,
        at_most=dose.cap / dose.duration if infused else dose.cap,
    )


def _continues(before: Segment, after: Segment) -> bool:
    """Whether two infusions of one item touch and have one rate."""
    if before.rate is None or after.rate is None:
        return False
    return math.isclose(before.end, after.start, abs_tol=1e-9) and math.isclose(
        before.rate, after.rate
    )
