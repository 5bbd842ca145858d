"""What trials of the same design found of pain: points to draw over it, shares, and their size."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from antalgic.arms import Arm
from antalgic.dosing import DoseEvent, Regimen
from antalgic.evidence import findings
from antalgic.evidence.findings import Finding, Trial
from antalgic.result import Result
from antalgic.simulation.session import heaviest

#: Kinds of finding that are a level of an output and can be drawn over it.
_LEVELS = ("mean", "relief", "change")
#: Kinds of finding that are the share of people who had an event in a session.
_EVENTS: tuple[str, ...] = ("incidence",)
#: How far apart (h) courses of placebo may begin and end and be the same.
_NEAR = 1e-6


@dataclass(frozen=True)
class Point:
    """A published value of an output at a time (h), of an arm of the study or of it less another.

    se is None where none was printed; ``relative`` says that only a change was printed, which is
    laid on the simulated start.
    """

    arm: str
    over: str | None
    time_h: float
    output: str
    value: float
    se: float | None
    label: str
    relative: bool = False


@dataclass(frozen=True)
class Share:
    """A published share of people with at least so much relief, at a time (h)."""

    arm: str
    time_h: float
    relief: float
    value: float
    se: float | None
    label: str


@dataclass(frozen=True)
class Incidence:
    """A published share of people who had an event, of an arm of the study given the same session.

    se is None where none was printed.
    """

    arm: str
    event: str
    value: float
    se: float | None
    label: str


@dataclass(frozen=True)
class Published:
    """What is on file for a study.

    ``sizes`` holds people by arm, in the first trial that fits; ``remarks`` say what a reader must
    know of a value, such as that it was derived.
    """

    points: tuple[Point, ...]
    shares: tuple[Share, ...]
    sizes: Mapping[str, int]
    titles: tuple[str, ...]
    remarks: tuple[str, ...]


def published(result: Result) -> Published:
    """Findings of the trials whose condition and arms are those of a study."""
    points: list[Point] = []
    shares: list[Share] = []
    sizes: dict[str, int] = {}
    titles: list[str] = []
    remarks: list[str] = []
    for name in findings.names():
        trial = findings.load(name)
        arms = _arms(result, trial)
        own = [f for f in trial.findings if _usable(f, arms, result)]
        if not own:
            continue
        titles.append(trial.title)
        remarks += [f"{f.id}: {f.note}" for f in own if f.note]
        if not sizes:
            sizes = {arms[a]: n for a, n in trial.people.items() if a in arms}
        label = _label(trial)
        points += [p for f in own if (p := _point(f, arms, label, result)) is not None]
        shares += [
            Share(arms[f.arm], f.at or 0.0, f.relief or 0.0, f.value, f.se, label)
            for f in own
            if f.measure == "responders" and f.over is None and f.output == "pain"
        ]
    return Published(tuple(points), tuple(shares), sizes, tuple(titles), tuple(remarks))


def incidences(result: Result) -> list[Incidence]:
    """Events that trials of the same doses counted: harm depends on the session, not on the pain.

    Arms without drug stand beside those without in a study that has one of the trial's sessions.
    """
    found = []
    for name in findings.names():
        trial = findings.load(name)
        own = [f for f in trial.findings if f.measure in _EVENTS and f.over is None]
        if not own or trial.design is None or trial.changes:
            continue
        arms = _attended(result, trial.design.regimens())
        found += [
            Incidence(arm, f.output, f.value, f.se, trial.title)
            for f in own
            for arm in arms.get(f.arm, ())
        ]
    return found


def _attended(result: Result, theirs: Mapping[str, Regimen]) -> dict[str, list[str]]:
    """Names of the arms with the session of each arm of a trial."""
    own = {arm.name: _doses(arm.regimen) for arm in result.arms if arm.session is not None}
    known = {label: _doses(regimen) for label, regimen in theirs.items()}
    if not any(doses and doses in own.values() for doses in known.values()):
        return {}
    return {
        label: [name for name, doses in own.items() if doses == given]
        for label, given in known.items()
    }


def _doses(regimen: Regimen) -> list[tuple[Hashable, ...]]:
    """The doses of the session with the most ketamine from its beginning on, and all of the others.

    None without any drug.
    """
    hours = heaviest(regimen)
    beside = [_dose(d, 0.0) for d in regimen.comparators]
    if hours is None:
        return beside
    own = [
        _dose(d, hours.begin)
        for d in regimen.doses
        if hours.begin - _NEAR <= d.time <= hours.end + _NEAR
    ]
    return own + beside


def _dose(d: DoseEvent, begin: float) -> tuple[Hashable, ...]:
    amount, start = round(d.amount, 6), round(d.time - begin, 6)
    return d.drug, d.route, start, amount, round(d.duration, 6), d.per


def _arms(result: Result, trial: Trial) -> dict[str, str]:
    """The study's arm for each arm of a trial; empty where conditions differ or numbers are set."""
    design = trial.design
    if design is None or design.condition != result.study.condition or trial.changes:
        return {}
    own = {arm.regimen.name: arm for arm in result.arms if arm.chain is not None}
    found = {}
    for theirs, regimen in design.regimens().items():
        same = [name for name, arm in own.items() if _same(arm, regimen)]
        if same:
            found[theirs] = same[0]
    given = {arm.regimen.name for arm in result.arms if arm.gives_a_drug}
    return found if given & set(found.values()) else {}


def _same(arm: Arm, other: Regimen) -> bool:
    own = arm.regimen
    if own.changes or own.perpetrators or own.segments() != other.segments():
        return False
    if own.segments_beside() != other.segments_beside():
        return False
    if own.treated is None or other.treated is None:
        return False
    return all(abs(a - b) <= _NEAR for a, b in zip(own.treated, other.treated, strict=True))


def _usable(finding: Finding, arms: Mapping[str, str], result: Result) -> bool:
    within = finding.at is not None and finding.at <= float(result.quantiles.time.values[-1])
    known = finding.arm in arms and (finding.over is None or finding.over in arms)
    shown = finding.measure in (*_LEVELS, "responders")
    return within and known and shown and not finding.changes


def _point(finding: Finding, arms: Mapping[str, str], label: str, result: Result) -> Point | None:
    arm, over = arms[finding.arm], None if finding.over is None else arms[finding.over]
    if finding.measure not in _LEVELS or finding.output not in result.outputs:
        return None
    value, se, relative = finding.value, finding.se, finding.measure != "mean"
    if relative and over is None:
        name = next(a.name for a in result.arms if a.regimen.name == arm and a.chain is not None)
        start = float(result.mean.sel(arm=name, output=finding.output)[0])
        size = start if finding.measure == "relief" else 1.0
        value = start - start * value if finding.measure == "relief" else start + value
        se = None if se is None else se * size
    elif finding.measure == "relief":
        return None
    return Point(arm, over, finding.at or 0.0, finding.output, value, se, label, relative)


def _label(trial: Trial) -> str:
    """Author and year as people call a trial, from the parentheses of its title."""
    inside = trial.title.rpartition("(")[2].rstrip(")")
    return inside if inside != trial.title else trial.name
