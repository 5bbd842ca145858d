"""From the items of an arm to its regimen.

Times are rounded to a nanosecond and found by multiplication, so that the hundredth dose is as
exact as the first.  Doses at or after the horizon are dropped with a note; an infusion that
crosses it is kept whole.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from antalgic import units
from antalgic.dosing import shelf
from antalgic.dosing.fields import COMPARATORS, MAX_EVENTS
from antalgic.dosing.items import (
    ChangeItem,
    DoseItem,
    Item,
    PerpetratorItem,
    RegimenItem,
    Step,
    TherapyItem,
    Titration,
)
from antalgic.dosing.regimen import (
    Decision,
    DoseEvent,
    Exercise,
    ParameterChange,
    Perpetrator,
    Regimen,
    Rules,
    from_ticks,
    ticks,
)
from antalgic.errors import InputError
from antalgic.units import Kind


class ItemError(InputError):
    """A fault of one item: `where` is its index in the arm, then the field."""

    def __init__(self, message: str, *where: int | str) -> None:
        first, *rest = where
        super().__init__(message, field=f"[{first}]" + "".join(f".{part}" for part in rest))
        self.where = where


@dataclass(frozen=True)
class _Piece:
    """Part of a course: offset and length in ns, mg (or mg/h where `rate`) for that long.

    share: of the dose as written, where an amount is cut into pieces.
    """

    offset: int
    length: int
    value: float
    rate: bool
    share: float = 1.0

    @property
    def hours(self) -> float:
        return from_ticks(self.length)

    @property
    def amount(self) -> float:
        return self.value * self.hours if self.rate else self.value


@dataclass(frozen=True)
class _Part:
    """An item with its place in the arm as written and its number after unfolding."""

    item: DoseItem | PerpetratorItem | ChangeItem | TherapyItem
    place: int
    number: int

    @property
    def name(self) -> str:
        item = self.item
        if isinstance(item, DoseItem):
            words = f"{item.drug} {item.route}" if item.route else item.drug
        elif isinstance(item, PerpetratorItem):
            words = item.drug
        elif isinstance(item, TherapyItem):
            words = item.therapy
        else:
            words = f"change of {item.change}"
        return f"{words} (item {self.place + 1})"


@dataclass(frozen=True)
class _Course:
    """The doses of one item: pieces that begin at every start (ns) and are repeated.

    counts: repetitions of each start before the horizon; asked: doses with those beyond it.
    """

    part: _Part
    item: DoseItem
    pieces: tuple[_Piece, ...]
    starts: tuple[int, ...]
    counts: tuple[int, ...]
    asked: int

    @property
    def size(self) -> int:
        """Doses that are made at most."""
        return sum(self.counts) * len(self.pieces)


def check(items: Sequence[Item], horizon: float) -> None:
    """Raise the ItemError that `expand` would raise, without making any dose."""
    parts = tuple(_unfold(items))
    _courses(parts, horizon)
    _steady_state(parts)


def expand(name: str, items: Sequence[Item], horizon: float) -> Regimen:
    """Regimen of an arm's items up to `horizon` h; ItemError where an item cannot be expanded."""
    parts = tuple(_unfold(items))
    doses: list[DoseEvent] = []
    notes = [] if items else ["no dose and nothing else is given"]
    courses = _courses(parts, horizon)
    for course in courses:
        new = _doses(course, ticks(horizon))
        doses += new
        notes += [f"{course.part.name}: {note}" for note in _notes(course, len(new), horizon)]
    changes, perpetrators, exercise = _spans(parts, horizon, notes)
    period, steady = _steady_state(parts)
    ordered = sorted(doses, key=lambda dose: (dose.time, dose.item))
    return Regimen(
        name=name,
        doses=tuple(dose for dose in ordered if dose.drug not in COMPARATORS),
        changes=changes,
        perpetrators=perpetrators,
        steady_state=period,
        notes=tuple(notes),
        steady_items=steady,
        treated=_treated(courses, exercise, horizon),
        decisions=tuple(d for course in courses if (d := _decision(course, ticks(horizon)))),
        exercise=exercise,
        comparators=tuple(dose for dose in ordered if dose.drug in COMPARATORS),
    )


def _decision(course: _Course, end: int) -> Decision | None:
    """The decisions that the rules of an item need, for each of its courses."""
    item = course.item
    if not item.decided or not course.pieces:
        return None
    every = ticks(item.every or 0)
    begins = [
        start + k * every
        for start, count in zip(course.starts, course.counts, strict=True)
        for k in range(count)
    ]
    times = [
        tuple(from_ticks(b + p.offset) for p in course.pieces if b + p.offset < end) for b in begins
    ]
    step = 0 if item.titrate is None else ticks(item.titrate.every)
    return Decision(
        item=course.part.number,
        courses=tuple(times),
        lengths=tuple(piece.hours for piece in course.pieces),
        rises=tuple(i for i, p in enumerate(course.pieces) if i and step and p.offset % step == 0),
        hold=(item.titrate and item.titrate.hold_if) or (),
        pause=item.pause_if or (),
        stop=item.stop_if or (),
        give=item.give_if or (),
        most=math.inf if item.most is None else item.most,
    )


def _treated(
    courses: Iterable[_Course], exercise: Sequence[Exercise], horizon: float
) -> tuple[float, float] | None:
    """First contact and end of the last one in h, whatever is given, within the horizon."""
    starts, ends = [e.start for e in exercise], [e.end for e in exercise]
    for course in courses:
        for start, count in zip(course.starts, course.counts, strict=True):
            if count:
                last = start + (count - 1) * ticks(course.item.every or 0)
                starts.append(from_ticks(start))
                ends.append(from_ticks(last) + course.item.length)
    return (min(starts), min(max(ends), horizon)) if starts else None


def _unfold(items: Iterable[Item]) -> Iterator[_Part]:
    number = 0
    for place, item in enumerate(items):
        for part in _named(item, place) if isinstance(item, RegimenItem) else (item,):
            yield _Part(part, place, number)
            number += 1


def _named(item: RegimenItem, place: int) -> tuple[shelf.LibraryItem, ...]:
    try:
        regimen = shelf.load(item.regimen)
    except InputError as error:
        raise ItemError(error.message, place, "regimen") from error
    return tuple(_later(part, item.at) for part in regimen.items)


def _later(item: shelf.LibraryItem, hours: float) -> shelf.LibraryItem:
    until = None if item.until is None else item.until + hours
    if isinstance(item, DoseItem):
        return item.model_copy(
            update={"at": tuple(start + hours for start in item.at), "until": until}
        )
    return item.model_copy(update={"from_": item.from_ + hours, "until": until})


def _courses(parts: Iterable[_Part], horizon: float) -> list[_Course]:
    """The courses of all dose items; ItemError where they make too many doses."""
    courses: list[_Course] = []
    total = 0
    for part in parts:
        if not isinstance(part.item, DoseItem):
            continue
        course = _course(part, part.item, ticks(horizon))
        courses.append(course)
        total += course.size
        if total > MAX_EVENTS:
            raise ItemError(
                f"gives more than {MAX_EVENTS} doses in one arm: give fewer",
                part.place,
                _cause(part.item),
            )
    return courses


def _course(part: _Part, item: DoseItem, end: int) -> _Course:
    starts = tuple(ticks(start) for start in item.at)
    asked = tuple(_repetitions(item, start, end) for start in starts)
    counts = tuple(
        min(wanted, _count(start, item.every, end))
        for start, wanted in zip(starts, asked, strict=True)
    )
    pieces = () if item.drug == "placebo" else _pieces(part, item)
    given = sum(piece.amount > 0 for piece in pieces)
    return _Course(part, item, pieces, starts, counts, sum(asked) * given)


def _doses(course: _Course, end: int) -> list[DoseEvent]:
    every = ticks(course.item.every or 0)
    given = [piece for piece in course.pieces if piece.amount > 0]
    return [
        _event(course.part, course.item, piece, time)
        for start, count in zip(course.starts, course.counts, strict=True)
        for k in range(count)
        for piece in given
        if (time := start + k * every + piece.offset) < end
    ]


def _notes(course: _Course, made: int, horizon: float) -> Iterator[str]:
    if course.item.drug == "placebo":
        yield "no drug is given"
    if any(piece.amount == 0 for piece in course.pieces):
        yield "a zero dose is no event"
    if dropped := course.asked - made:
        doses = "1 dose" if dropped == 1 else f"{dropped} doses"
        yield f"dropped {doses} {_beyond(horizon)}"
    if course.item.decided and course.pieces:
        yield _ruled(course.item)
    if course.item.steady_state and course.item.missed:
        yield "no dose is missed before time 0, in the steady state"


def _ruled(item: DoseItem) -> str:
    """The rules of an item in words, and whose doses the regimen then shows."""
    if item.give_if:
        most = "" if item.most is None else f", at most {item.most} for each"
        return f"given only if {_any_of(item.give_if)}{most}; all that can be given is shown"
    said = []
    if item.titrate is not None and item.titrate.hold_if:
        said.append(f"not raised while {_any_of(item.titrate.hold_if)}")
    if item.pause_if:
        said.append(f"paused while {_any_of(item.pause_if)}")
    if item.stop_if:
        said.append(f"stopped if {_any_of(item.stop_if)}")
    if item.check is not None:
        said.append(f"looked at every {units.format(item.check, Kind.TIME)}")
    return f"{', '.join(said)}; shown for a person for whom no rule holds"


def _any_of(rules: Rules) -> str:
    return " or ".join(rule.text for rule in rules)


def _beyond(horizon: float) -> str:
    return f"at or after the horizon ({units.format(horizon, Kind.TIME)})"


def _pieces(part: _Part, item: DoseItem) -> tuple[_Piece, ...]:
    if item.steps is not None:
        return _stepped(item, item.steps)
    if item.titrate is not None and item.rate is not None:
        return _looked_at(part, item, _titrated(part, item, item.rate.value, item.titrate))
    (dose,) = item.doses.values()
    whole = _Piece(0, ticks(item.length), dose.value, item.rate is not None)
    return _looked_at(part, item, (whole,))


def _looked_at(part: _Part, item: DoseItem, pieces: tuple[_Piece, ...]) -> tuple[_Piece, ...]:
    """The pieces cut wherever somebody looks, at every `check` from the start of the course."""
    if item.check is None:
        return pieces
    check = ticks(item.check)
    if pieces[-1].offset + pieces[-1].length > MAX_EVENTS * check:
        raise ItemError(f"looks more than {MAX_EVENTS} times: look less often", part.place, "check")
    return tuple(cut for piece in pieces for cut in _cut(piece, check))


def _cut(piece: _Piece, check: int) -> Iterator[_Piece]:
    end = piece.offset + piece.length
    edges = [piece.offset, *range((piece.offset // check + 1) * check, end, check), end]
    for begin, stop in pairwise(edges):
        share = (stop - begin) / piece.length
        value = piece.value if piece.rate else piece.value * share
        yield _Piece(begin, stop - begin, value, piece.rate, share)


def _stepped(item: DoseItem, steps: tuple[Step, ...]) -> tuple[_Piece, ...]:
    ends = (*(step.at for step in steps[1:]), item.length)
    return tuple(
        _Piece(
            offset=ticks(step.at),
            length=_step_length(step, end),
            value=step.dose.value,
            rate=step.rate is not None,
        )
        for step, end in zip(steps, ends, strict=True)
    )


def _step_length(step: Step, end: float) -> int:
    if step.for_ is not None:
        return ticks(step.for_)
    return 0 if step.rate is None else ticks(end) - ticks(step.at)


def _titrated(part: _Part, item: DoseItem, start: float, rule: Titration) -> tuple[_Piece, ...]:
    every, total = ticks(rule.every), ticks(item.length)
    top = rule.max.value
    room = max(1, -(-total // every))
    # A hair below a whole number is rounding: 0.3 is reached from 0 in three rises of 0.1.
    rises = (top - start) / rule.up.value * (1 - 1e-12)
    count = room if rises >= room or item.decided else min(room, math.ceil(rises) + 1)
    if count > MAX_EVENTS:
        raise ItemError(f"gives more than {MAX_EVENTS} steps: give fewer", part.place, "titrate")
    rates = [start + k * rule.up.value if k < rises else top for k in range(count)]
    ends = [*range(every, count * every, every), total]
    return tuple(
        _Piece(k * every, end - k * every, rate, rate=True)
        for k, (end, rate) in enumerate(zip(ends, rates, strict=True))
    )


def _repetitions(item: DoseItem, start: int, horizon: int) -> int:
    """Doses (courses) asked for from one start, whether or not the study lasts that long."""
    if item.every is None:
        return 1
    if item.times is not None:
        return item.times
    if item.until is not None:
        return _count(start, item.every, ticks(item.until))
    return max(1, _count(start, item.every, horizon))


def _count(start: int, every: float | None, limit: int) -> int:
    """How many of start, start + every, ... are before the limit."""
    if start >= limit:
        return 0
    return 1 if every is None else -((start - limit) // ticks(every))


def _event(part: _Part, item: DoseItem, piece: _Piece, time: int) -> DoseEvent:
    assert item.route is not None
    return DoseEvent(
        drug=item.drug,
        route=item.route,
        time=from_ticks(time),
        amount=piece.amount,
        duration=piece.hours,
        per=item.per,
        missed=item.missed,
        item=part.number,
        cap=_cap(item, piece),
    )


def _cap(item: DoseItem, piece: _Piece) -> float:
    if item.at_most is None:
        return math.inf
    bound = item.at_most.dose.value
    return bound * (piece.hours if item.at_most.rate else piece.share)


def _cause(item: DoseItem) -> str:
    """The field to blame where an item gives too many doses."""
    if item.check is not None:
        return "check"
    return "times" if item.times is not None else "every" if item.every is not None else "at"


def _spans(
    parts: Sequence[_Part], horizon: float, notes: list[str]
) -> tuple[tuple[ParameterChange, ...], tuple[Perpetrator, ...], tuple[Exercise, ...]]:
    """Changes, interacting drugs and exercise begun before the horizon; a note on each other."""
    changes: list[ParameterChange] = []
    perpetrators: list[Perpetrator] = []
    exercise: list[Exercise] = []
    for part in parts:
        item = part.item
        if isinstance(item, DoseItem):
            continue
        start = from_ticks(ticks(item.from_))
        end = math.inf if item.until is None else from_ticks(ticks(item.until))
        if start >= horizon:
            notes.append(f"{part.name}: dropped, begins {_beyond(horizon)}")
        elif isinstance(item, ChangeItem):
            changes.append(ParameterChange(item.change, item.factor, start, end))
        elif isinstance(item, TherapyItem):
            exercise.append(Exercise(item.extent, start, end))
        else:
            perpetrators.append(Perpetrator(item.drug, start, end))
    return tuple(changes), tuple(perpetrators), tuple(exercise)


def _steady_state(parts: Sequence[_Part]) -> tuple[float | None, tuple[int, ...]]:
    """Period in h shared by all items in steady state, and their numbers."""
    period: float | None = None
    steady: list[int] = []
    for part in parts:
        item = part.item
        if not isinstance(item, DoseItem) or not item.steady_state or item.drug == "placebo":
            continue
        assert item.every is not None
        every = from_ticks(ticks(item.every))
        if period is not None and every != period:
            raise ItemError(
                f"has a period of {units.format(every, Kind.TIME)}, another item of this arm "
                f"{units.format(period, Kind.TIME)}: one arm has one steady state",
                part.place,
                "steady_state",
            )
        period = every
        steady.append(part.number)
    return period, tuple(steady)
