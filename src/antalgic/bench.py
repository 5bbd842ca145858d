"""How fast is it?  Workloads timed in one run, with the ratio to SciPy on the same problem."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from antalgic.dosing import DoseEvent, Regimen, expand, read_item
from antalgic.model import shelf
from antalgic.model.harm import READOUTS
from antalgic.population import PopulationSpec, conditions
from antalgic.population.people import People
from antalgic.simulation import Simulation, reference_person, simulate
from antalgic.simulation.chain import Chain, follow
from antalgic.simulation.individual import Draw, individual, single_set
from antalgic.simulation.session import WATCHED, spanning

MODEL = "fanta2015+otto2021"
HORIZON = 84 * 24
REPEATS = 3
#: The chain is slower than exposure alone; so many are enough to time it.
PEOPLE_IN_PAIN = 2_000
#: Length (h) of the infusion of a session.
SESSION = 4.0


@dataclass(frozen=True)
class Timing:
    """A workload: seconds (best of a few), people per second, and what it was."""

    name: str
    seconds: float
    people_per_second: float
    what: str


def run(people: int = 10_000, threads: int | None = None) -> list[Timing]:
    """Time the exposure workload: ten 4-hour infusions, then tablets three times a day, 84 days.

    232 doses, hourly output of parent and metabolite, quantiles and endpoints included; and SciPy's
    DOP853 at rtol 1e-6 on one person of the same problem, stopped and restarted at each dose.  Then
    the whole chain from the same doses to pain and mood, with harm too; and one session, with rules
    that act inside it and without.
    """
    regimen = workload()
    crowd = PopulationSpec(size=people).people(1)
    times = np.arange(0.0, HORIZON + 1.0)

    def ours() -> Simulation:
        return simulate(MODEL, regimen, crowd, times, seed=1, threads=threads)

    simulate(MODEL, regimen, reference_person(), times[:3])  # compile
    seconds = _best(ours)
    scipy_seconds = _best(lambda: _scipy(regimen, reference_person(), times), 1)
    some = crowd.part(0, min(people, PEOPLE_IN_PAIN))
    treated = replace(regimen, treated=(0.0, float(HORIZON)))

    def pain() -> Chain:
        return follow(
            "sensitization", shelf.load(MODEL), treated, conditions.load("crps"), some, times,
            outputs=("pain", "sensitization", "mood", "block"), seed=1, threads=threads,
        )  # fmt: skip

    def harm() -> Chain:
        return follow(
            "sensitization", shelf.load(MODEL), treated, conditions.load("crps"), some, times,
            outputs=("pain", "sensitization", "mood", "block", *READOUTS), seed=1, threads=threads,
        )  # fmt: skip

    def session(*, ruled: bool) -> Chain:
        hours = spanning(0.0, SESSION)
        return follow(
            "sensitization", shelf.load(MODEL), _infusion(ruled=ruled), conditions.load("crps"),
            some, hours.times, outputs=WATCHED, seed=1, threads=threads,
        )  # fmt: skip

    for work in (pain, harm, partial(session, ruled=True)):
        work()  # compile
    pain_seconds, harm_seconds = _best(pain), _best(harm)
    fixed_seconds, ruled_seconds = (_best(partial(session, ruled=r)) for r in (False, True))
    cores = threads or os.cpu_count() or 1
    return [
        Timing(
            "exposure", seconds, people / seconds,
            f"{people} people x {len(regimen.doses)} doses x {len(times)} times x 2 analytes, "
            f"{cores} threads",
        ),
        Timing("exposure, SciPy DOP853", scipy_seconds, 1 / scipy_seconds, "1 person, rtol 1e-6"),
        Timing(
            "pain", pain_seconds, len(some) / pain_seconds,
            f"{len(some)} people, the same doses and times, whole chain to pain and mood, "
            f"4 outputs, {cores} threads",
        ),
        Timing(
            "pain and harm", harm_seconds, len(some) / harm_seconds,
            f"the same with {len(READOUTS)} outputs of harm",
        ),
        Timing(
            "session", fixed_seconds, len(some) / fixed_seconds,
            f"{len(some)} people, an infusion of {SESSION:g} h and the hours after it, all outputs",
        ),
        Timing(
            "session by rules", ruled_seconds, len(some) / ruled_seconds,
            "the same, looked at every 15 min, paused by dissociation and stopped by pressure",
        ),
    ]  # fmt: skip


def to_json(timings: list[Timing]) -> dict[str, Any]:
    """Timings, and how many times SciPy's speed ours is."""
    ours, theirs = timings[:2]
    ratio = ours.people_per_second / theirs.people_per_second
    return {"timings": [asdict(t) for t in timings], "times_scipy": ratio}


def _infusion(*, ruled: bool) -> Regimen:
    """One infusion of a session, with rules or without."""
    rules = {
        "check": "15 min", "pause_if": "dissociation > 40", "stop_if": "systolic > 180",
    }  # fmt: skip
    item = {"drug": "s-ketamine", "route": "iv", "rate": "20 mg/h", "for": f"{SESSION:g} h"}
    return expand("session", [read_item(item | (rules if ruled else {}))], SESSION)


def workload() -> Regimen:
    """Ten daily 4-hour infusions of 25 mg/h, then 20 mg by mouth three times a day to day 84."""
    infusions = [DoseEvent("s-ketamine", "iv", 24.0 * d, 100.0, 4.0, "", 0.0, 0) for d in range(10)]
    tablets = [
        DoseEvent("s-ketamine", "oral", 240.0 + 8.0 * k, 20.0, 0.0, "", 0.0, 1) for k in range(222)
    ]
    return Regimen("bench", (*infusions, *tablets))


def _best(work: Callable[[], Any], repeats: int = REPEATS) -> float:
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _scipy(regimen: Regimen, person: People, times: np.ndarray[Any, Any]) -> None:
    """The same curve for one person by numerical integration between the events."""
    from scipy.integrate import solve_ivp

    model = shelf.load(MODEL)
    values = {
        name: float(value[0, 0])
        for name, value in individual(model, person, single_set(), Draw(typical=True)).items()
    }
    flows, _ = model.circuit.columns({n: np.array(v) for n, v in values.items()}, ())
    n = len(model.circuit.states)
    matrix, inputs = flows[:n].T, flows[n:]
    state = np.zeros(n)
    ends = {d.time + d.duration for d in regimen.doses}
    breaks = sorted({d.time for d in regimen.doses} | ends | {float(times[-1])})
    for start, stop in pairwise(breaks):
        rate = np.zeros(n)
        for dose in regimen.doses:
            path = model.paths(dose.drug, dose.route)[0]
            column = inputs[model.circuit.doses.index(path.into)]
            if dose.duration == 0 and dose.time == start:
                state = state + column * dose.amount
            elif dose.duration and dose.time <= start < dose.time + dose.duration:
                rate += column * dose.amount / dose.duration

        def flow(_: float, y: Any, rate: Any = rate) -> Any:
            return matrix @ y + rate

        wanted = times[(times > start) & (times < stop)]
        solution = solve_ivp(
            flow, (start, stop), state, method="DOP853", rtol=1e-6, atol=1e-9,
            t_eval=np.append(wanted, stop),
        )  # fmt: skip
        state = solution.y[:, -1]
