"""From a regimen to felt pain: the whole chain solved for people, in parallel, in flat memory."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from antalgic.dosing.regimen import Regimen
from antalgic.engine.lanes import Decide, Doses, Solution, StepLimitError, Ticks, solve
from antalgic.engine.linear import ticks
from antalgic.errors import InputError
from antalgic.model import comparators
from antalgic.model import mechanism as mechanisms
from antalgic.model.compose import Circuit
from antalgic.model.harm import READOUTS
from antalgic.model.mechanism import COURSE, EXERCISE, OUTPUTS, Mechanism
from antalgic.model.shelf import PKModel
from antalgic.population.conditions import Condition
from antalgic.population.people import People
from antalgic.simulation import decide, others
from antalgic.simulation.bands import Bands, crew, in_order
from antalgic.simulation.beside import MOVEMENT, beside
from antalgic.simulation.compile import Compiled, compiled
from antalgic.simulation.individual import Array, Draw, individual
from antalgic.simulation.persons import Persons, persons
from antalgic.simulation.plan import Plan, plan

#: People who share their time steps, and people solved at once: whole blocks, so that no result
#: depends on where the cuts are.
BLOCK = 16
CHUNK = 8 * BLOCK
RTOL = 1e-4
PAIR = "dp54"
#: States of the chain are of order 1; errors are relative to at least this.
_FLOOR = 0.1
#: Endpoints (people,) by name, from values (people, times) by output and the draw of those people.
Endpoints = Callable[[Mapping[str, Array], Draw], dict[str, Array]]
#: Weeks (h) at which each person's pain is kept, within the horizon.
WEEKS = {w: 168.0 * w for w in (1, 2, 4, 8, 12, 26)}


@dataclass(frozen=True)
class Chain:
    """What one arm gives behind the blood: bands over people and each person's endpoints.

    ``quantiles`` (outputs, times, levels), ``mean`` (outputs, times), ``values`` (outputs, times,
    people) where asked for.  ``endpoints`` and ``parameters`` are (people,) by name: pain before
    treatment, its least and mean, pain and relief at the end and at whole weeks, mg given of other
    treatments.  ``given`` (people, doses) is there where a rule decided on doses: what each person
    got, mg, ketamine first; the endpoints then hold its sum of ketamine (``dose.total``) and the
    counts of `decide.Decided`.
    """

    mechanism: Mechanism
    outputs: tuple[str, ...]
    quantiles: Array
    mean: Array
    endpoints: dict[str, Array]
    parameters: dict[str, Array]
    values: Array | None
    given: Array | None = None


@dataclass(frozen=True)
class _Job:
    """What is the same for all people of an arm."""

    mechanism: Mechanism
    circuit: Circuit
    compiled: Compiled
    model: PKModel | None
    plan: Plan | None
    regimen: Regimen
    condition: Condition
    changes: Mapping[str, float]
    times: Array
    rtol: float


def follow(
    mechanism: Mechanism | str,
    model: PKModel | None,
    regimen: Regimen,
    condition: Condition,
    people: People,
    times: Array,
    *,
    outputs: Sequence[str] | None = None,
    changes: Mapping[str, float] | None = None,
    seed: int = 0,
    replicate: int = 0,
    offset: int = 0,
    typical: bool = False,
    rtol: float = RTOL,
    trajectories: bool = False,
    threads: int | None = None,
    also: Endpoints | None = None,
    given: Array | None = None,
) -> Chain:
    """Pain, mood and sensitization of people under a regimen at ``times`` (h, ascending, from 0).

    ``model`` is the pharmacokinetic model, None for an arm that is given no drug.  ``changes``
    replaces typical parameters by name.  ``given`` are the amounts that a rule decided on before
    (`Chain.given` of the same arm and people): nothing is then decided anew.  ``also`` takes
    further endpoints from everyone's values.  ``offset`` is the place of the first of these people
    in a whole population: whole `BLOCK`s of it give the same bits by themselves.  Treatments beside
    ketamine (`Regimen.comparators`) need no model; their concentrations are outputs by the drug's
    name.  The same seed gives the same bits for any ``threads``.  Raises InputError where the chain
    cannot be followed.
    """
    chosen = mechanisms.load(mechanism) if isinstance(mechanism, str) else mechanism
    if regimen.steady_state is not None:
        raise InputError(
            "pain before a treatment without a beginning is not known: leave out steady_state"
        )
    if regimen.doses and model is None:
        raise InputError(f"there is no model of blood for {', '.join(regimen.drugs)}")
    asked = {*(outputs or ()), *_looked_at(regimen)}
    job = _job(chosen, model, regimen, condition, dict(changes or {}), times, rtol, asked)
    known = dict.fromkeys((*job.compiled.outputs, *READOUTS, *MOVEMENT))
    decide.check(regimen.decisions, tuple(known))
    wanted = _wanted(job, outputs)
    places = [job.compiled.outputs.index(name) for name in wanted]
    draw = Draw(seed, replicate, offset, typical)
    bands = Bands(len(people), len(wanted), len(times), trajectories)
    kept: dict[str, dict[str, Array]] = {"endpoints": {}, "parameters": {}, "given": {}}
    bounds = [(a, min(a + CHUNK, len(people))) for a in range(0, len(people), CHUNK)]
    workers = threads or os.cpu_count() or 1

    def tile(place: tuple[int, int]) -> tuple[int, Array, dict[str, dict[str, Array]]]:
        start, stop = place
        own = Draw(draw.seed, draw.replicate, draw.offset + start, draw.typical)
        before = None if given is None else given[start:stop]
        found = _solved(job, people.part(start, stop), own, before)
        pain = found.values[:, job.compiled.outputs.index("pain")]
        columns = {
            "endpoints": {
                **_endpoints(pain, times),
                **_more(job, also, found.values, own),
                **found.counts,
                **found.totals,
            },
            "parameters": found.parameters,
            "given": {} if found.given is None else {"amount": found.given},
        }
        return start, found.values[:, places], columns

    with crew(workers) as pool:
        for start, values, columns in in_order(pool, tile, bounds, workers):
            bands.add(start, values)
            for kind, named in columns.items():
                for name, column in named.items():
                    shape = (len(people), *column.shape[1:])
                    whole = kept[kind].setdefault(name, np.empty(shape))
                    whole[start : start + len(column)] = column
        quantiles, mean = bands.summarise(pool, workers)
    got = kept["given"].get("amount")
    if got is not None and job.plan is not None:
        kept["endpoints"]["dose.total"] = got[:, : len(job.plan.doses)].sum(axis=1)
    return Chain(
        chosen, wanted, quantiles, mean, kept["endpoints"], kept["parameters"], bands.kept(), got
    )


def _job(
    mechanism: Mechanism,
    model: PKModel | None,
    regimen: Regimen,
    condition: Condition,
    changes: Mapping[str, float],
    times: Array,
    rtol: float,
    asked: Collection[str],
) -> _Job:
    planned, blood = None, None
    if model is not None and regimen.doses:
        planned = plan(model, regimen, float(times[-1]))
        blood = model.circuit.fed_by(planned.inputs)
    around = [*beside(condition, regimen, asked), *comparators.beside(regimen.beside, mechanism)]
    circuit = mechanism.circuit(blood, around, harms=not READOUTS.keys().isdisjoint(asked))
    return _Job(
        mechanism, circuit, _kernel(circuit, PAIR), model, planned, regimen, condition, changes,
        np.asarray(times, dtype=np.float64), rtol,
    )  # fmt: skip


#: Kernels of the circuits followed last, a user's own among them: by wiring, not by name.
_kernel = lru_cache(maxsize=64)(compiled)


def _looked_at(regimen: Regimen) -> set[str]:
    """The outputs that rules of a regimen look at."""
    rules = [rule for d in regimen.decisions for named in d.rules.values() for rule in named]
    return {rule.output for rule in rules}


def _more(job: _Job, also: Endpoints | None, values: Array, draw: Draw) -> dict[str, Array]:
    if also is None:
        return {}
    return also(dict(zip(job.compiled.outputs, np.moveaxis(values, 1, 0), strict=True)), draw)


def _wanted(job: _Job, outputs: Sequence[str] | None) -> tuple[str, ...]:
    there = [name for name in (*OUTPUTS, *job.regimen.beside) if name in job.compiled.outputs]
    for name in outputs or ():
        if name not in there:
            raise InputError(
                f"mechanism '{job.mechanism.name}' does not predict '{name}', "
                f"expected some of {', '.join(there)}"
            )
    return tuple(outputs or there)


@dataclass(frozen=True)
class _Solved:
    """Values (people, outputs, times), parameters, and what rules decided on, with its counts.

    ``totals`` (people,) are what was given of treatments beside ketamine, by name of the endpoint.
    """

    values: Array
    parameters: dict[str, Array]
    given: Array | None
    counts: dict[str, Array]
    totals: dict[str, Array]


def _solved(job: _Job, people: People, draw: Draw, before: Array | None) -> _Solved:
    of_drugs = comparators.taken(job.changes)
    changed = {name: value for name, value in job.changes.items() if name not in of_drugs}
    own = others.parameters(job.regimen, len(people), draw, job.changes)
    who = persons(job.mechanism, job.circuit, job.condition, people, draw, changed, own)
    values = dict(who.parameters)
    doses = [_joined([_treatment(job, who), _exercise(job, who)])]
    changes = np.zeros(0, dtype=np.int64)
    sets = 1
    if job.plan is not None and job.model is not None:
        blood = individual(job.model, people, job.plan.sets, draw)
        doses.append(_drug(job, job.plan, people, blood, draw))
        changes = ticks(job.plan.sets.start[1:])
        sets = len(job.plan.sets)
        values |= {f"{mechanisms.BLOOD}{name}": value for name, value in blood.items()}
    drugs = job.regimen.comparators
    besides = others.given(drugs, people, values, job.compiled.doses, draw)
    doses += [besides.doses] if drugs else []
    table = np.empty((sets, len(job.compiled.parameters), len(people)))
    for row, name in enumerate(job.compiled.parameters):
        value = values[name]
        table[:, row] = value.T if value.ndim == 2 else value
    start = np.zeros((len(job.compiled.states), len(people)))
    for state, value in who.start.items():
        start[job.compiled.states.index(state)] = value
    more: dict[str, Any] = {} if sets == 1 else {"changes": changes}

    def go(given: Doses, stops: Ticks | None = None, decided: Decide | None = None) -> Solution:
        return solve(
            job.compiled.kernel, table[0] if sets == 1 else table, given, times, rtol=job.rtol,
            initial=start, floor=_FLOOR, start=_beginning(doses), stops=stops, decide=decided,
            **more,
        )  # fmt: skip

    every, times = _joined(doses), ticks(job.times)
    events, first = () if job.plan is None else job.plan.doses, len(doses[0].start)
    if before is not None:
        every = replace(every, amount=np.concatenate([every.amount[:first], before.T]))
    drug, counts = None, {}
    try:
        if not job.regimen.decisions or before is not None:
            found = go(every).values
        else:
            ruled = decide.solve(
                go, every, (*events, *drugs), first, job.regimen.decisions, job.compiled.outputs,
                int(times[-1]),
            )  # fmt: skip
            found, counts, every = ruled.values, ruled.counts, ruled.doses
            drug = every.amount[first:].T
    except StepLimitError as error:
        raise InputError(str(error)) from error
    shown = {name: v[:, 0] if v.ndim == 2 else v for name, v in values.items()}
    taken = np.broadcast_to(every.amount, (len(every.amount), len(people)))
    totals = others.totals(drugs, taken[first + len(events) :], besides.share)
    kept = {name: shown[name] for name in _SHOWN if name in shown}
    return _Solved(found, kept, drug, counts, totals)


#: Parameters of the chain that are worth a column in the table of patients.
_SHOWN = ("x", "k_x", "k_m", "g_N", "tau_r", "k_R", "ke0")


def _beginning(doses: Sequence[Doses]) -> int:
    return min([0, *(int(d.start.min()) for d in doses if d.start.size)])


_NONE = np.zeros(0, dtype=np.int64)
_NOTHING = Doses(_NONE, _NONE, np.zeros((0, 1)), _NONE)


def _treatment(job: _Job, who: Persons) -> Doses:
    """Being treated: a bolus of 1 at first contact, then what keeps it up while treatment lasts."""
    if job.regimen.treated is None or COURSE not in job.compiled.doses:
        return _NOTHING
    begin, end = job.regimen.treated
    n = len(who.parameters["x"])
    target = job.compiled.doses.index(COURSE)
    amounts = [np.ones(n)]
    if end > begin:
        amounts.append(who.parameters["lasting"] * (end - begin) / who.parameters["tau_x"])
    count = len(amounts)
    return Doses(
        ticks(np.full(count, begin)), ticks(np.array([0.0, end - begin][:count])),
        np.array(amounts), np.full(count, target, dtype=np.int64),
    )  # fmt: skip


def _exercise(job: _Job, who: Persons) -> Doses:
    """What holds activity up: the extent of each course of exercise over tau_A, while it lasts."""
    courses = job.regimen.exercise
    if not courses:
        return _NOTHING
    begin = np.array([c.start for c in courses])
    length = np.array([min(c.end, float(job.times[-1])) - c.start for c in courses])
    amounts = [c.extent * h / who.parameters["tau_A"] for c, h in zip(courses, length, strict=True)]
    target = np.full(len(courses), job.compiled.doses.index(EXERCISE), dtype=np.int64)
    return Doses(ticks(begin), ticks(length), np.array(amounts), target)


def _drug(
    job: _Job, planned: Plan, people: People, blood: Mapping[str, Array], draw: Draw
) -> Doses:
    schedule = planned.schedule(people, blood, draw)
    target = np.array(
        [job.compiled.doses.index(planned.inputs[t]) for t in schedule.target], dtype=np.int64
    )
    starts, durations = schedule.start.T, schedule.duration.T
    if starts.shape[1] == 1:
        starts, durations = starts[:, 0], durations[:, 0]
    return Doses(
        np.ascontiguousarray(starts), np.ascontiguousarray(durations),
        np.ascontiguousarray(schedule.amount.T), target,
    )  # fmt: skip


def _joined(doses: Sequence[Doses]) -> Doses:
    """Several lists of doses as one, with as many columns of amounts as the widest has."""
    n = max(d.amount.shape[1] for d in doses)
    own = any(d.start.ndim == 2 for d in doses)

    def wide(times: Ticks) -> Ticks:
        return np.repeat(times[:, None], n, axis=1) if own and times.ndim == 1 else times

    return Doses(
        np.concatenate([wide(d.start) for d in doses]),
        np.concatenate([wide(d.duration) for d in doses]),
        np.concatenate([np.broadcast_to(d.amount, (len(d.amount), n)) for d in doses]),
        np.concatenate([d.target for d in doses]),
    )


def _endpoints(pain: Array, times: Array) -> dict[str, Array]:
    """Each person's pain (people, times) in a few numbers."""
    first, last = pain[:, 0], pain[:, -1]
    span = float(times[-1] - times[0])
    mean = np.trapezoid(pain, times, axis=1) / span if span else first
    found = {
        "pain.baseline": first,
        "pain.least": pain.min(axis=1),
        "pain.mean": mean,
        "pain.end": last,
        "relief.end": 1 - last / first,
    }
    for week, hour in WEEKS.items():
        if hour <= times[-1]:
            at = _at(pain, times, hour)
            found |= {f"pain.week{week}": at, f"relief.week{week}": 1 - at / first}
    return found


def _at(pain: Array, times: Array, hour: float) -> Array:
    """Pain (people,) at an hour that may fall between two readouts: on the line between them."""
    after = int(np.searchsorted(times, hour))
    if times[after] == hour or after == 0:
        exact: Array = pain[:, after]
        return exact
    part = (hour - times[after - 1]) / (times[after] - times[after - 1])
    between: Array = pain[:, after - 1] + part * (pain[:, after] - pain[:, after - 1])
    return between
