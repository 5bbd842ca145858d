"""Which published observations belong beside a simulated arm, and what the arm gives for them.

An observation matches when drug, route, dose, times and lengths of everything given up to its end
are those of the arm within 1 %, the first doses being laid on each other, and when the people are
of the same sort.  Doses are compared as the mass that a person of the cohort's weight gets, so
"20 mg/h per 70 kg" and "0.286 mg/kg/h" are one dose.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from antalgic.dosing import Regimen, Segment, expand, read_item
from antalgic.evidence import cohorts
from antalgic.evidence.cohorts import Cohort, Observation
from antalgic.evidence.validate import dose_share
from antalgic.population import People, PopulationSpec
from antalgic.result import Arm
from antalgic.simulation import Simulation, simulate
from antalgic.simulation.plan import dose_mass

Array = NDArray[np.float64]

#: Relative difference up to which doses, and lengths of infusions, are the same.
TOLERANCE = 0.01
#: How far beyond the ages and weights simulated those of a cohort may be.
NEAR = 1.25
#: People of the arm that are simulated again to compare; an average needs no more.
_MOST_PEOPLE = 2000
#: Half-lives after which a dose is gone, for areas to infinity.
_GONE = 12.0
_POINTS = 400
_ADULT = 18.0


class Match(NamedTuple):
    """Observations of one arm of a cohort that belong to a simulated arm.

    shift: time (h) in the simulated arm of the cohort's time 0.
    """

    cohort: Cohort
    arm: str
    observations: tuple[Observation, ...]
    shift: float


@dataclass(frozen=True)
class Compared:
    """An observation beside the simulated value, in the observation's canonical unit.

    simulated is the mean of the simulated people where a mean was published, else their median;
    None where this metric cannot be had from one simulated arm.
    """

    match: Match
    observation: Observation
    simulated: float | None

    @property
    def fold(self) -> float | None:
        """Simulated over observed."""
        return None if self.simulated is None else self.simulated / self.observation.value


def matching(arm: Arm) -> list[Match]:
    """Observations of the library that belong beside an arm of a result, by cohort and arm."""
    if arm.simulation is None or not arm.regimen.doses or _altered(arm.regimen):
        return []
    found = []
    for name in cohorts.names():
        cohort = cohorts.load(name)
        for theirs in cohort.arms:
            match = _match(arm.regimen, arm.simulation, cohort, theirs)
            found += [match] if match.observations else []
    return found


def compared(arm: Arm, match: Match, *, seed: int, typical: bool) -> list[Compared]:
    """Each observation of a match beside what the arm's model and people give for it."""
    if arm.model is None or arm.simulation is None:
        return []
    run = _Run(arm, match, seed, typical)
    return [Compared(match, o, _simulated(run, o)) for o in match.observations]


# --- matching ----------------------------------------------------------------------------------


def _altered(regimen: Regimen) -> bool:
    """Whether something besides the doses acts, so that no plain cohort stands beside the arm."""
    return bool(regimen.changes or regimen.perpetrators or regimen.steady_state is not None)


def _match(regimen: Regimen, simulation: Simulation, cohort: Cohort, theirs: str) -> Match:
    items = [read_item(item) for item in cohort.arms[theirs]]
    given = expand(theirs, items, cohort.horizon or 0.0)
    nothing = Match(cohort, theirs, (), 0.0)
    if not given.doses or _altered(given):
        return nothing
    spec = PopulationSpec.model_validate({**cohort.people_of(theirs), "typical": True})
    person = spec.people(0)
    if not _alike(simulation.people, person):
        return nothing
    shift = regimen.doses[0].time - given.doses[0].time
    own = _masses(regimen.segments(), person)
    other = [_moved(s, shift) for s in _masses(given.segments(), person)]
    kept = tuple(
        o
        for o in cohort.observations
        if o.arm == theirs
        and o.over is None
        and o.analyte in simulation.analytes
        and _same(own, other, _end(o, cohort) + shift, whole=_goes_on(o))
        and _reached(o, shift, simulation)
    )
    return Match(cohort, theirs, kept, shift)


def _alike(people: People, person: People) -> bool:
    """Adults beside adults, children beside children, and near the ages and weights simulated."""
    adult = bool(person.age[0] >= _ADULT)
    if adult != bool(np.median(people.age) >= _ADULT):
        return False
    kinds, numbers = np.unique(people.race, return_counts=True)
    if kinds[numbers.argmax()] != person.race[0]:
        return False
    if len(people) == 1:
        return adult or abs(people.age[0] - person.age[0]) <= 1
    return all(
        np.min(values) / NEAR <= value[0] <= np.max(values) * NEAR
        for values, value in ((people.age, person.age), (people.weight, person.weight))
    )


def _masses(segments: Sequence[Segment], person: People) -> list[Segment]:
    """The segments with rate or amount for one person, in mg/h or mg."""
    weight = float(person.weight[0])
    found = []
    for s in segments:
        scale = {"": 1.0, "kg": weight, "70 kg": weight / 70.0}[s.per]
        rate = None if s.rate is None else min(s.rate * scale, s.at_most)
        amount = None if s.amount is None else min(s.amount * scale, s.at_most)
        found.append(replace(s, rate=rate, amount=amount, per="", at_most=math.inf))
    return found


def _moved(segment: Segment, shift: float) -> Segment:
    return replace(segment, start=segment.start + shift, end=segment.end + shift)


def _end(observation: Observation, cohort: Cohort) -> float:
    """Time (h) up to which what is given bears on an observation."""
    if observation.time is not None:
        return observation.time
    end = observation.window[1] if observation.window else math.inf
    return min(end, cohort.horizon or math.inf)


def _goes_on(observation: Observation) -> bool:
    """Whether what is measured lies partly after the last sample, as an area to infinity does."""
    return observation.time is None and (
        observation.window is None or math.isinf(observation.window[1])
    )


def _same(own: Sequence[Segment], other: Sequence[Segment], end: float, *, whole: bool) -> bool:
    """Whether both courses are one up to a time (h); `whole` infusions go to their own end."""
    a, b = ([s for s in course if s.start < end - 1e-9] for course in (own, other))
    if not whole:
        a, b = ([replace(s, end=min(s.end, end)) for s in course] for course in (a, b))
    return len(a) == len(b) and all(map(_equal, a, b))


def _equal(a: Segment, b: Segment) -> bool:
    if (a.drug, a.route) != (b.drug, b.route) or (a.rate is None) != (b.rate is None):
        return False
    sizes = (a.rate, b.rate) if a.rate is not None else (a.amount, b.amount)
    pairs = ((*sizes, 0.0), (a.start, b.start, 1e-6), (a.end - a.start, b.end - b.start, 1e-6))
    return all(
        math.isclose(x or 0.0, y or 0.0, rel_tol=TOLERANCE, abs_tol=near) for x, y, near in pairs
    )


def _reached(observation: Observation, shift: float, simulation: Simulation) -> bool:
    """Whether the simulated arm goes on as long as the observation needs."""
    last = float(simulation.times[-1])
    if observation.time is not None:
        return observation.time + shift <= last
    if observation.metric in ("cmax", "tmax") and observation.window is not None:
        return observation.window[1] + shift <= last
    return True


# --- the simulated side ------------------------------------------------------------------------


class _Run:
    """An arm simulated again at other times: same model, people and random numbers.

    Doses after the end of the cohort are left out; ``end`` (h) is where peaks are looked for.
    """

    def __init__(self, arm: Arm, match: Match, seed: int, typical: bool) -> None:
        assert arm.model is not None and arm.simulation is not None
        self.model, self.done, self.shift = arm.model, arm.simulation, match.shift
        self.seed, self.typical = seed, typical
        over = (match.cohort.horizon or math.inf) + match.shift
        self.end = min(over, float(self.done.times[-1]))
        self.doses = tuple(d for d in arm.regimen.doses if d.time < over)
        self.regimen = replace(arm.regimen, doses=self.doses)
        self.people = self.done.people.part(0, min(len(self.done.people), _MOST_PEOPLE))

    def at(self, times: Array, analyte: str, *, trajectories: bool = False) -> Simulation:
        """The simulation of one analyte at some times (h)."""
        return simulate(
            self.model, self.regimen, self.people, times, analytes=[analyte], seed=self.seed,
            typical=self.typical, trajectories=trajectories,
        )  # fmt: skip

    def values(self, times: Array, analyte: str) -> Array:
        """Concentrations (times, people) in ng/mL."""
        kept = self.at(times, analyte, trajectories=True).values
        assert kept is not None
        values: Array = kept[0]
        return values

    def area(self, analyte: str, start: float, end: float) -> Array:
        """Area from start to end (h), which may be infinite, in ng h/mL for each person."""
        if math.isinf(end):
            slowest = float(np.max(self.at(np.array([1.0]), analyte).half_life))
            end = max(d.end for d in self.doses) + _GONE * slowest
        area: Array = self.at(np.array([end]), analyte).auc[:, 0]
        return area - self.at(np.array([start]), analyte).auc[:, 0] if start > 0 else area


def _simulated(run: _Run, o: Observation) -> float | None:
    values = _values(run, o)
    if values is None:
        return None
    return float(np.mean(values) if o.statistic == "mean" else np.median(values))


def _values(run: _Run, o: Observation) -> Array | None:
    """What an observation measured, for each person, in its canonical unit."""
    if o.kind.name == "MOLAR_CONCENTRATION":
        return None
    if o.time is not None:
        return np.ravel(run.values(np.array([o.time + run.shift]), o.analyte))
    start, end = (w + run.shift for w in o.window or (0.0, math.inf))
    if o.metric == "auc":
        return run.area(o.analyte, start, end)
    if o.metric in ("cmax", "tmax"):
        times = _fine(run, start, min(end, run.end))
        curves = run.values(times, o.analyte)
        peaks: Array = curves.max(axis=0)
        return peaks if o.metric == "cmax" else times[curves.argmax(axis=0)] - start
    if o.metric == "thalf":
        return np.ravel(run.at(np.array([1.0]), o.analyte).half_life)
    return _clearance(run, o) if o.metric == "cl" else None


def _fine(run: _Run, start: float, end: float) -> Array:
    """Times (h) at which peaks are looked for: close after doses and at the end of infusions."""
    marks = [t for d in run.doses for t in (d.time, d.end) if start <= t < end]
    offsets = np.geomspace(1 / 120, 12.0, 60)
    near = np.concatenate([m + np.append(0.0, offsets) for m in marks[:20]] or [np.zeros(0)])
    grid = np.concatenate([np.linspace(start, end, _POINTS), near])
    grid = np.round(grid[(grid >= start) & (grid <= end)], 7)
    return np.unique(grid)


def _clearance(run: _Run, o: Observation) -> Array | None:
    """Dose over area to infinity (L/h), of one enantiomer half the racemate; as scaled in print."""
    given = {d.drug for d in run.doses}
    if any(d.route != "iv" for d in run.doses) or given not in ({o.analyte}, {"ketamine"}):
        return None
    weight = run.people.weight
    scale = {"": np.ones_like(weight), "kg": weight, "70 kg": weight / 70.0}
    mass = dose_share(run.regimen, o.analyte) * sum(dose_mass(d, run.people) for d in run.doses)
    cl = 1000.0 * mass / run.area(o.analyte, 0.0, math.inf)
    found: Array = cl / scale[o.per]
    return found
