"""From a regimen and a model to the engine's schedule: which dose enters where, when, for whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from antalgic.dosing.regimen import DoseEvent, ParameterChange, Perpetrator, Regimen
from antalgic.engine.linear import Schedule, ticks
from antalgic.errors import InputError
from antalgic.model import interactions
from antalgic.model.shelf import Path, PKModel
from antalgic.population import streams
from antalgic.population.people import People
from antalgic.simulation.individual import (
    Array,
    Draw,
    Sets,
    individual,
    reference_person,
    single_set,
)
from antalgic.simulation.matrices import slowest_rate

#: A new occasion begins with a dose at least this long (h) after the end of all doses before it.
OCCASION_GAP = 12.0
#: An enzyme's recovery is followed in steps of this length (h).
RECOVERY_STEP = 6.0


@dataclass(frozen=True)
class Plan:
    """A regimen in a model: one row per dose and path into the model."""

    model: PKModel
    doses: tuple[DoseEvent, ...]
    paths: tuple[Path, ...]
    sets: Sets
    inputs: tuple[str, ...]

    def schedule(
        self,
        people: People,
        parameters: Mapping[str, Array],
        draw: Draw,
        decided: Array | None = None,
    ) -> Schedule:
        """The engine's schedule for some people; ``decided`` are amounts (people, doses) in mg.

        Raises InputError where a changed parameter makes the share of a path negative.
        """
        start = np.array([d.time for d in self.doses])
        at = np.clip(np.searchsorted(self.sets.start, start, side="right") - 1, 0, None)
        amount = self._masses(people)
        timed = any(path.lag or path.duration for path in self.paths)
        rows = len(people) if timed else 1
        starts = np.tile(start, (rows, 1))
        durations = np.tile([d.duration for d in self.doses], (rows, 1))
        for (path, set_), columns in self._groups(at).items():
            amount[:, columns] *= path.share * _fraction(path, parameters, set_, amount[:, columns])
            if path.lag:
                starts[:, columns] += _column(parameters[path.lag], set_)
            if path.duration:
                stated = durations[:, columns]
                taken = _column(parameters[path.duration], set_)
                durations[:, columns] = np.where(stated > 0, stated, taken)
        if (amount < 0).any():
            raise InputError(
                f"model '{self.model.name}' gets a share of a dose below zero: "
                "a changed parameter is out of its range"
            )
        self._miss(amount, draw)
        if decided is not None:
            amount = decided
        target = np.array([self.inputs.index(path.into) for path in self.paths], dtype=np.int64)
        return Schedule(ticks(starts), ticks(durations), amount, target, ticks(self.sets.start[1:]))

    def _masses(self, people: People) -> Array:
        """Amount of each dose for each person before any path takes its share (people, doses)."""
        amount = np.empty((len(people), len(self.doses)))
        seen: dict[tuple[float, str, float], Array] = {}
        for d, dose in enumerate(self.doses):
            key = (dose.amount, dose.per, dose.cap)
            if key not in seen:
                seen[key] = dose_mass(dose, people)
            amount[:, d] = seen[key]
        return amount

    def _groups(self, at: NDArray[np.int64]) -> dict[tuple[Path, int], list[int]]:
        """Columns of the doses that take the same path in the same parameter set."""
        groups: dict[tuple[Path, int], list[int]] = {}
        for column, (path, set_) in enumerate(zip(self.paths, at, strict=True)):
            groups.setdefault((path, int(set_)), []).append(column)
        return groups

    def _miss(self, amount: Array, draw: Draw) -> None:
        """Set doses that are missed to zero, the same for every path of a dose."""
        for d, dose in enumerate(self.doses):
            amount[missed(dose, len(amount), draw), d] = 0.0


def plan(model: PKModel, regimen: Regimen, horizon: float) -> Plan:
    """Doses, paths and parameter sets of a regimen in a model up to ``horizon`` (h).

    Raises InputError where the model has no such drug, route or parameter.
    """
    given = [*_history(model, regimen), *regimen.doses]
    doses: list[DoseEvent] = []
    paths: list[Path] = []
    for dose in given:
        ways = model.paths(dose.drug, dose.route)
        if not ways:
            raise InputError(f"model '{model.name}' has no {dose.drug} by route {dose.route}")
        doses += [dose] * len(ways)
        paths += ways
    spans = _spans(regimen.perpetrators)
    changes = [c for name in spans for c in _interaction(model, name, spans[name], horizon)]
    sets = _sets(model, given, [*regimen.changes, *changes], horizon)
    inputs = tuple(dict.fromkeys(path.into for path in paths))
    return Plan(model, tuple(doses), tuple(paths), sets, inputs)


def dose_mass(dose: DoseEvent, people: People) -> Array:
    """Amount of a dose for each person (mg base), scaled by weight and capped."""
    scale = {"": np.ones(len(people)), "kg": people.weight, "70 kg": people.weight / 70.0}
    return np.minimum(dose.amount * scale[dose.per], dose.cap)


def missed(dose: DoseEvent, n: int, draw: Draw) -> NDArray[np.bool_]:
    """Which of n people do not take a dose; the typical person takes them all."""
    if not dose.missed or draw.typical:
        return np.zeros(n, dtype=np.bool_)
    chance = streams.uniform(
        draw.seed, f"missed.{dose.item}.{dose.time:.6f}", n,
        replicate=draw.replicate, offset=draw.offset,
    )  # fmt: skip
    return chance < dose.missed


def _spans(given: Sequence[Perpetrator]) -> dict[str, list[tuple[float, float]]]:
    """When each other drug is present: sorted spans (h), those that touch joined."""
    spans: dict[str, list[tuple[float, float]]] = {}
    for one in sorted(given, key=lambda p: (p.name, p.start)):
        before = spans.setdefault(one.name, [])
        if before and one.start <= before[-1][1]:
            before[-1] = (before[-1][0], max(before[-1][1], one.end))
        else:
            before.append((one.start, one.end))
    return spans


def _interaction(
    model: PKModel, name: str, spans: Sequence[tuple[float, float]], horizon: float
) -> list[ParameterChange]:
    """Changes that another drug makes: its factors while present, then the return to normal.

    Recovery by turnover at rate k is (1 - f) exp(-k t) short of normal; it is followed in steps of
    RECOVERY_STEP at the middle of each, until less than 1 % of it is left or the drug is back.
    """
    interaction = interactions.load(name)
    found: list[ParameterChange] = []
    for effect in interaction.on(model.name):
        for number, (start, end) in enumerate(spans):
            found.append(ParameterChange(effect.parameter, effect.factor, start, end))
            if interaction.recovery == "none":
                continue
            k = interaction.recovery.per_hour
            back = spans[number + 1][0] if number + 1 < len(spans) else horizon
            for n in range(int(np.ceil(np.log(100) / k / RECOVERY_STEP))):
                begin = end + n * RECOVERY_STEP
                left = (1.0 - effect.factor) * np.exp(-k * (n + 0.5) * RECOVERY_STEP)
                stop = min(begin + RECOVERY_STEP, back)
                if begin < stop:
                    found.append(ParameterChange(effect.parameter, 1.0 - left, begin, stop))
    return found


def _column(values: Array, at: int) -> Array:
    """A parameter's values in one set, as a column (people, 1)."""
    return values[:, [min(at, values.shape[1] - 1)]]


def _fraction(path: Path, parameters: Mapping[str, Array], at: int, mass: Array) -> Array:
    """Share of doses (people, doses) that takes a path; several devices count by their mean."""
    name = path.fraction or path.rest_of
    fraction = np.ones((len(mass), 1)) if name is None else _column(parameters[name], at)
    if path.devices is not None:
        first = np.minimum(mass, path.devices.each)
        later = _column(parameters[path.devices.later], at) * (mass - first)
        fraction = fraction * np.divide(first + later, mass, out=np.ones_like(mass), where=mass > 0)
    if path.rest_of is not None:
        fraction = 1.0 - fraction
    return fraction * _column(parameters[path.times], at) if path.times else fraction


def _history(model: PKModel, regimen: Regimen) -> list[DoseEvent]:
    """Doses before time zero that make a steady state: repeated until nothing of the first is left.

    The span is 160 time constants of the slowest loss of the typical person, so that even people
    four times slower keep less than e^-40 of the first dose.
    """
    period = regimen.steady_state
    if period is None:
        return []
    drifting = [
        n for n, p in model.parameters.items() if any(c.on == "time" for c in p.entry.covariates)
    ]
    if drifting:
        raise InputError(
            f"model '{model.name}' has no steady state: {', '.join(drifting)} drifts with time",
        )
    typical = individual(model, reference_person(), single_set(), Draw(typical=True))
    repeats = int(np.ceil(160.0 / slowest_rate(model, typical) / period))
    first = [d for d in regimen.doses if d.item in regimen.steady_items and d.time < period]
    return [
        replace(dose, time=dose.time - k * period, missed=0.0)
        for k in range(repeats, 0, -1)
        for dose in first
    ]


def _sets(
    model: PKModel, doses: Sequence[DoseEvent], changes: Sequence[ParameterChange], horizon: float
) -> Sets:
    """Parameter sets: they begin where an occasion, a change or a time step begins or ends."""
    entries = [p.entry for p in model.parameters.values()]
    begins = _occasions(doses) if any(e.occasion for e in entries) else []
    steps = [c.step for e in entries for c in e.covariates if c.on == "time" and c.step]
    first = min((d.time for d in doses), default=0.0)
    starts = {first, *begins, *(c.start for c in changes), *(c.end for c in changes)}
    if steps:
        starts |= set(first + min(steps) * np.arange(int(np.ceil((horizon - first) / min(steps)))))
    start = np.array(sorted(t for t in starts if first <= t < horizon) or [0.0])
    known = _changeable(model)
    for change in changes:
        if change.parameter not in known:
            raise InputError(
                f"model '{model.name}' has no parameter '{change.parameter}' that can change, "
                f"expected one of {', '.join(known)}"
            )
    factors: dict[str, Array] = {}
    for change in changes:
        active = (start >= change.start) & (start < change.end)
        old = factors.get(change.parameter, np.ones(len(start)))
        factors[change.parameter] = old * np.where(active, change.factor, 1.0)
    occasion = np.searchsorted(np.array(begins), start, side="right")
    return Sets(start, occasion, start - first, factors)


def _changeable(model: PKModel) -> list[str]:
    """Parameters that the equations or the paths use; coefficients of covariates are not."""
    used = set(model.circuit.parameters)
    for routes in model.file.routes.values():
        for path in (p for paths in routes.values() for p in paths):
            used |= {path.fraction or "", path.rest_of or "", path.times or ""}
            used |= {path.duration or "", path.lag or ""}
            used |= {path.devices.later} if path.devices else set()
    return [name for name in model.parameters if name in used]


def _occasions(doses: Sequence[DoseEvent]) -> list[float]:
    """Times (h) at which the second and later occasions begin."""
    begins: list[float] = []
    end = -np.inf
    for dose in sorted(doses, key=lambda d: d.time):
        if np.isfinite(end) and dose.time >= end + OCCASION_GAP:
            begins.append(dose.time)
        end = max(end, dose.time + dose.duration)
    return begins
