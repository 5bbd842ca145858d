"""Claims simulated: each small study once, and the numbers that its claims ask of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from antalgic import screen, standing
from antalgic.arms import Arm, Attended, attended, is_behind, planned, setting, simulated
from antalgic.errors import InputError, shown
from antalgic.evidence import claims, findings, measures
from antalgic.evidence.claims import AGAINST, OF_BLOOD, OF_TRAIN, Claim, Number, OfTrial, Outcome
from antalgic.model import mechanism as mechanisms
from antalgic.model import spinal
from antalgic.population.conditions import Condition
from antalgic.simulation import Simulation
from antalgic.simulation.individual import Array
from antalgic.study import Models, Study

Progress = Callable[[str], None]
#: Readouts of a study that does not say how often.
_READOUTS = 168
#: A session's effect has faded when so much of its largest change is left.
_FADED = 0.1
#: From the begin and the end of treatment, readouts this early (h) and so many of them to the end:
#: close together at first, so that a relief of hours is seen in a study of weeks.
_SOON, _CLOSE = 1 / 12, 200


@dataclass(frozen=True)
class Course:
    """The mean of an output of one arm over time (h), and the middle half of the people."""

    times: Array
    mean: Array
    low: Array
    high: Array


@dataclass(frozen=True)
class Ran:
    """A study as simulated for claims: its arms by the names of the study, and their readouts."""

    study: Study
    condition: Condition | None
    times: Array
    arms: Mapping[str, Arm]

    def outputs(self, arm: str) -> dict[str, Array]:
        """Everyone's readouts of an arm (times, people) by output."""
        found = self.arms[arm]
        kept: dict[str, Array] = {}
        for names, part in _parts(found):
            kept |= dict(zip(names, part, strict=True))
        return kept

    def course(self, arm: str, output: str) -> Course:
        """An output of an arm over time."""
        values = self.outputs(arm)[output]
        low, high = np.quantile(values, (0.25, 0.75), axis=1)
        return Course(self.times, values.mean(axis=1), low, high)


@dataclass(frozen=True)
class Told:
    """A claim's outcome, and the courses that a figure draws: by study, output and arm."""

    outcome: Outcome
    courses: Mapping[tuple[str, str], Mapping[str, Course]] = field(default_factory=dict)


def run(
    asked: Sequence[Claim],
    mechanism: str = mechanisms.DEFAULT,
    *,
    changes: Mapping[str, float] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> list[Told]:
    """Claims simulated where they can be; studies that they share run once.

    ``changes`` replaces typical parameters of the chain by name.  Raises InputError for an unknown
    mechanism, or a study that cannot be run.
    """
    mechanisms.load(mechanism)
    wanted: dict[str, _Wanted] = {}
    for claim in asked:
        for number in _numbers(claim):
            if number.of_study is not None:
                run_ = _key(claim, number, mechanism, changes)
                wanted.setdefault(run_.key, run_).add(number)
    done: dict[str, Ran] = {}
    told = []
    for claim in asked:
        if progress:
            progress(claim.claim)
        told.append(_tell(claim, mechanism, changes or {}, wanted, done, threads))
        _forget(done, asked[len(told) :], mechanism, changes)
    return told


def _numbers(claim: Claim) -> list[Number]:
    return [] if claim.simulated is None else list(claim.simulated.numbers.values())


@dataclass
class _Wanted:
    """A study under one mechanism and one set of changes, and all that is asked of it."""

    key: str
    study: Study
    changes: dict[str, float]
    outputs: dict[str, None] = field(default_factory=dict)
    hours: set[float] = field(default_factory=set)
    sessions: bool = False
    lasting: bool = False

    def add(self, number: Number) -> None:
        if number.measure in ("screened", *OF_TRAIN):
            return
        if number.measure in (*measures.OF_SESSION, "fades", "nnh"):
            self.sessions = True
        elif number.measure not in OF_BLOOD:
            self.outputs |= dict.fromkeys([number.output, *filter(None, [number.other])])
        if number.measure in measures.OF_LEVEL or number.level is not None:
            self.outputs["block"] = None
        if number.at is not None:
            self.hours.add(number.at)
        self.lasting |= number.measure in ("lasts", "first")


def _key(
    claim: Claim, number: Number, mechanism: str, changes: Mapping[str, float] | None
) -> _Wanted:
    assert claim.simulated is not None and number.of_study is not None
    small = claim.simulated.studies[number.of_study]
    study = claims.study_of(small)
    own = dict(findings.load(small.trial).changes) if isinstance(small, OfTrial) else {}
    own |= {**(changes or {}), **number.changes}
    if study.condition is not None:
        chosen = {"mechanism": number.mechanism or mechanism}
        models = (study.models or Models()).model_copy(update=chosen)
        study = study.model_copy(update={"models": models})
    same = study.model_copy(update={"study": "", "question": None})
    return _Wanted(f"{same!r} {sorted(own.items())}", study, own)


def _tell(
    claim: Claim, mechanism: str, changes: Mapping[str, float], wanted: Mapping[str, _Wanted],
    done: dict[str, Ran], threads: int | None,
) -> Told:  # fmt: skip
    told = claim.simulated
    if told is None:
        return Told(Outcome(claim, {}))
    values: dict[str, float] = {}
    reasons: dict[str, None] = dict.fromkeys(filter(None, [told.exploratory]))
    courses: dict[tuple[str, str], dict[str, Course]] = {}
    for name, number in told.numbers.items():
        if number.of_study is None:
            values[name] = _of_train(number, changes)
            continue
        want = wanted[_key(claim, number, mechanism, changes).key]
        if number.measure == "screened":
            assert number.guideline is not None
            excluded = screen.run(want.study, number.guideline).screening.excluded
            values[name] = float(excluded.mean())
            continue
        if want.key not in done:
            done[want.key] = _simulate(want, threads)
        ran = done[want.key]
        values[name] = _value(number, ran)
        reasons |= dict.fromkeys(_doubts(number, ran))
        if not number.changes and number.mechanism is None and number.measure in _DRAWN:
            drawn = courses.setdefault((number.of_study, number.output), {})
            for arm in ran.arms:
                if arm not in drawn and number.output in ran.outputs(arm):
                    drawn[arm] = ran.course(arm, number.output)
    return Told(Outcome(claim, values, tuple(reasons)), courses)


#: Measures that a curve over time shows.
_DRAWN = ("mean", "relief", "change", "responders", "persistent", "nnt", "lasts", "first")


def _forget(
    done: dict[str, Ran], later: Sequence[Claim], mechanism: str,
    changes: Mapping[str, float] | None,
) -> None:  # fmt: skip
    """Drop the studies that no later claim asks for: everyone's readouts take room."""
    kept = {
        _key(claim, number, mechanism, changes).key
        for claim in later
        for number in _numbers(claim)
        if number.of_study is not None
    }
    for key in [key for key in done if key not in kept]:
        del done[key]


def _doubts(number: Number, ran: Ran) -> list[str]:
    """Why a number is exploratory by the rules that hold for every result."""
    arms = [ran.arms[name] for name in (number.arm, number.over) if name is not None]
    return [
        says
        for arm in arms
        for says in standing.exploratory(arm, ran.condition).get(number.output, ())
    ]


# --- running -----------------------------------------------------------------------------------


def _simulate(want: _Wanted, threads: int | None) -> Ran:
    study = want.study
    if want.outputs or study.outputs is None:
        study = study.model_copy(update={"outputs": _outputs(want)})
    every = study.output_every or study.horizon / _READOUTS
    grid = np.arange(0.0, study.horizon * (1 + 1e-9), every)
    hours = [*want.hours, *(_near_treatment(study) if want.lasting else ())]
    times = np.union1d(grid, [h for h in hours if h <= study.horizon])
    given = setting(study, study.people(), times, trajectories=True, threads=threads)
    given = replace(given, changes=want.changes)
    arms: list[Arm] = []
    for arm in planned(given):
        done = {a.label: a.simulation for a in arms if a.simulation is not None}
        arms.append(simulated(given, arm, done))
    if want.sessions:
        arms = attended(given, arms)
    return Ran(study, given.condition, times, {arm.label: arm for arm in arms})


def _near_treatment(study: Study) -> list[float]:
    """Readouts (h) after the begin and the end of treatment in each arm, ever further apart."""
    after = np.append(0.0, np.geomspace(_SOON, study.horizon, _CLOSE))
    marks = {h for r in study.regimens().values() for h in r.treated or ()}
    return [float(mark + hour) for mark in marks for hour in after]


def _outputs(want: _Wanted) -> tuple[str, ...] | None:
    """What to follow: as asked for; of a study of blood alone, all that its models predict."""
    behind = [name for name in want.outputs if is_behind(name)]
    if not behind:
        return want.study.outputs
    return tuple(dict.fromkeys([*want.outputs, *(want.study.outputs or ())]))


def _parts(arm: Arm) -> list[tuple[tuple[str, ...], Array]]:
    found = []
    if arm.simulation is not None and arm.simulation.values is not None:
        found.append((arm.simulation.analytes, arm.simulation.values))
    if arm.chain is not None and arm.chain.values is not None:
        found.append((arm.chain.outputs, arm.chain.values))
    return found


# --- measuring ---------------------------------------------------------------------------------


def _value(number: Number, ran: Ran) -> float:
    assert number.arm is not None
    if number.measure in AGAINST:
        assert number.over is not None
        return _against(number, ran, number.arm, number.over)
    found = _one(number, ran, number.arm)
    if number.over is None:
        return found
    other = _one(number, ran, number.over)
    return found / other if number.ratio else found - other


def _one(number: Number, ran: Ran, arm: str) -> float:
    if number.measure in OF_BLOOD:
        return _in_blood(number, ran.arms[arm].simulation)
    if number.measure == "fades":
        return _fades(number, ran, arm)
    if number.measure in measures.OF_SESSION:
        return measures.in_session(number, _session(ran, arm).chain)
    outputs = ran.outputs(arm)
    if number.output not in outputs:
        if not any(number.output in ran.outputs(other) for other in ran.arms):
            raise InputError(f"no arm predicts {shown(number.output)}", field=number.measure)
        return 0.0  # of a drug that this arm does not give
    if number.measure == "together":
        return _together(number, outputs, ran.times)
    return measures.at_readout(number, outputs, ran.times)


def _in_blood(number: Number, blood: Simulation | None) -> float:
    """The median over people of an endpoint of a concentration."""
    if blood is None or number.output not in blood.analytes:
        raise InputError(f"no model of arm '{number.arm}' predicts {number.output}")
    kept = {
        "cmax": blood.cmax, "tmax": blood.tmax, "auc": blood.auc,
        "half-life-blood": blood.half_life,
    }  # fmt: skip
    return float(np.median(kept[number.measure][:, blood.analytes.index(number.output)]))


def _session(ran: Ran, arm: str) -> Attended:
    found = ran.arms[arm].session
    if found is None:
        raise InputError(f"arm '{arm}' has no session with ketamine to look at")
    return found


def _fades(number: Number, ran: Ran, arm: str) -> float:
    """Hours after the last dose until the mean is within a tenth of its largest change."""
    session = _session(ran, arm)
    mean = session.chain.mean[session.chain.outputs.index(number.output)]
    change = np.abs(mean - mean[0])
    away = np.flatnonzero(change > _FADED * change.max())
    times = session.hours.times
    if not len(away) or away[-1] + 1 == len(times):
        return math.inf if len(away) else 0.0
    return max(0.0, float(times[away[-1] + 1] - session.hours.end))


def _together(number: Number, outputs: Mapping[str, Array], times: Array) -> float:
    """The correlation over people of the changes of two outputs from the start."""
    assert number.at is not None and number.other is not None
    at = int(np.searchsorted(times, number.at))
    a, b = (outputs[name][at] - outputs[name][0] for name in (number.output, number.other))
    return float(np.corrcoef(a, b)[0, 1])


def _against(number: Number, ran: Ran, arm: str, over: str) -> float:
    if number.measure in ("nnt", "nnh"):
        measure = "responders" if number.measure == "nnt" else "incidence"
        share = number.model_copy(update={"measure": measure})
        gap = _one(share, ran, arm) - _one(share, ran, over)
        return 1 / gap if gap > 0 else math.inf
    assert number.least is not None
    means = [ran.outputs(name)[number.output].mean(axis=1) for name in (arm, over)]
    spare = means[1] - means[0] - number.least
    if number.measure == "first":
        return _reached(ran.times, spare)
    treated = ran.arms[arm].regimen.treated
    return _kept(ran.times, spare, treated[1] if treated else 0.0)


def _reached(times: Array, values: Array) -> float:
    """When values are first 0 or more, between readouts; infinite if never."""
    found = np.flatnonzero(values >= 0)
    if not len(found):
        return math.inf
    place = int(found[0])
    if place == 0:
        return float(times[0])
    here = slice(place - 1, place + 1)
    return float(np.interp(0.0, values[here], times[here]))


def _kept(times: Array, values: Array, start: float) -> float:
    """How long values are 0 or more after a readout; infinite where they are so at the last.

    A bolus has to act before it relieves: what is not yet there at the end of treatment counts too.
    """
    if values[-1] >= 0:
        return math.inf
    after = times >= start - 1e-9
    times, values = times[after], values[after]
    above, below = np.maximum(values, 0.0), np.maximum(-values, 0.0)
    high, low = above[:-1] + above[1:], below[:-1] + below[1:]
    share = np.where(high > 0, high / np.where(high > 0, high + low, 1.0), 0.0)
    return float(np.sum(np.diff(times) * share))


def _of_train(number: Number, changes: Mapping[str, float]) -> float:
    """Wind-up in the spinal cord of one typical person; no study is needed."""
    known = {*spinal.wind_up.parameters, *spinal.evoked.parameters}
    own = {name: value for name, value in changes.items() if name in known} | number.changes
    found = spinal.temporal_summation(
        rate_hz=number.rate_hz, n=number.pulses, sensitization=number.sensitization,
        concentrations=dict(number.concentrations) or None, **own,
    )  # fmt: skip
    return float(found.wur if number.measure == "wind-up" else found.responses.ravel()[0])
