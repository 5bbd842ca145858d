"""The reference workload W1: twelve weeks, 232 doses, hourly output of four quantities.

``python bench/w1.py`` prints compile times, accuracy and patients per second, and libroadrunner's
in the same run.  S-ketamine infused
for ten days, then swallowed three times a day, drives norketamine, an effect site, a receptor
response with tolerance, and sensitization.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from math import log
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from antalgic.engine.lanes import Doses, solve
from antalgic.engine.linear import TICKS_PER_HOUR, ticks
from antalgic.model.compose import Circuit, Use
from antalgic.model.pk import first_order_depot, split, three_compartment, two_compartment
from antalgic.model.step import step
from antalgic.simulation.compile import Compiled, compiled

Floats = NDArray[np.float64]
Values = tuple[tuple[Any, ...], tuple[Any, ...]]

HOURS = 84 * 24
#: Typical values; the first ten vary between patients.
TYPICAL = {
    "V1": 20.0, "V2": 70.0, "V3": 120.0, "CL": 95.0, "Q2": 150.0, "Q3": 40.0,
    "nor.V1": 60.0, "nor.V2": 80.0, "nor.CL": 60.0, "nor.Q2": 70.0,
    "ka": 1.5, "F": 0.10, "ke0": 6.0, "kout": log(2) / (10.9 * 24), "EC": 10.5,
    "ktol": log(2) / 48, "T50": 50.0, "tau": 5 * 24.0,
}  # fmt: skip
VARYING = 10
#: True errors at which speeds are compared.
BARS = (1e-4, 1e-6)


@step(
    states={"Ce": "ng/mL"}, inputs={"C": "mg/L"}, parameters={"ke0": "1/h"}, outputs={"Ce": "ng/mL"}
)
def effect_site(Ce: Any, C: Any, ke0: Any) -> Values:
    """A site that follows the plasma concentration with rate constant ke0."""
    return (ke0 * (1000 * C - Ce),), (Ce,)


@step(
    states={"R": "1", "T": "ng/mL"},
    inputs={"Ce": "ng/mL"},
    parameters={"kout": "1/h", "EC": "ng/mL", "ktol": "1/h", "T50": "ng/mL"},
    outputs={"R": "1"},
)
def tolerant_response(R: Any, T: Any, Ce: Any, kout: Any, EC: Any, ktol: Any, T50: Any) -> Values:
    """Response R with a half-effect concentration that grows with a slow copy T of exposure."""
    half = EC * (1 + T / T50)
    effect = Ce**1.5 / (half**1.5 + Ce**1.5)
    return (kout * (effect - R), ktol * (Ce - T)), (R,)


@step(states={"S": "1"}, inputs={"R": "1"}, parameters={"tau": "h"}, outputs={"S": "1"})
def sensitization(S: Any, R: Any, tau: Any) -> Values:
    """Self-sustaining sensitization that response R dissolves."""
    return ((S**4 / (0.5**4 + S**4) - S * (0.5 + R) + 0.05) / tau,), (S,)


def same(*names: str) -> dict[str, str]:
    """Parameters that keep their own names."""
    return {name: name for name in names}


def circuit() -> Circuit:
    """W1 as a circuit: six states in its linear block, two slow ones, and norketamine unread."""
    nor = {name: f"nor.{name}" for name in ("CL", "V1", "Q2", "V2")}
    return Circuit(
        (
            Use(split, "bio", {"rate": ("dose.oral",)}, {"fraction": "F"}),
            Use(first_order_depot, "gut", {"rate": ("bio.kept",)}, same("ka")),
            Use(
                three_compartment, "ket", {"rate": ("dose.iv", "gut.out")},
                same("CL", "V1", "Q2", "V2", "Q3", "V3"),
            ),
            Use(two_compartment, "nor", {"rate": ("ket.eliminated",)}, nor),
            Use(effect_site, "site", {"C": ("ket.C",)}, same("ke0")),
            Use(tolerant_response, "drug", {"Ce": ("site.Ce",)}, same("kout", "EC", "ktol", "T50")),
            Use(sensitization, "cord", {"R": ("drug.R",)}, same("tau")),
        ),
        {"C": ("ket.C",), "Ce": ("site.Ce",), "R": ("drug.R",), "S": ("cord.S",)},
    )  # fmt: skip


def patients(model: Compiled, number: int, seed: int) -> Floats:
    """Parameters (p, P) with 30% log-normal variation of volumes and clearances."""
    rng = np.random.default_rng(seed)
    spread = np.sqrt(np.log(1 + 0.3**2)) * rng.standard_normal((VARYING, number))
    values = np.repeat(np.array(list(TYPICAL.values()))[:, None], number, axis=1)
    values[:VARYING] *= np.exp(spread)
    names = list(TYPICAL)
    return np.ascontiguousarray(values[[names.index(p) for p in model.parameters]])


def doses(model: Compiled) -> Doses:
    """Ten daily infusions of 4 h at 25 mg/h, then 20 mg by mouth every 8 h from day 10 to 83."""
    infused, oral = 24.0 * np.arange(10), np.arange(240.0, HOURS, 8.0)
    start = np.concatenate([infused, oral])
    duration = np.concatenate([np.full(10, 4.0), np.zeros(len(oral))])
    amount = np.concatenate([np.full(10, 100.0), np.full(len(oral), 20.0)])
    route = ["iv"] * 10 + ["oral"] * len(oral)
    target = np.array([model.doses.index(r) for r in route])
    return Doses(ticks(start), ticks(duration), amount[:, None], target)


def initial(model: Compiled) -> Floats:
    """States (n, 1) at the start: everything empty but full sensitization."""
    return np.array([[float(s == "cord.S")] for s in model.states])


def reference(
    wiring: Circuit,
    model: Compiled,
    parameters: Floats,
    given: Doses,
    x0: Floats,
    times: Floats,
    changes: Sequence[float] = (),
) -> Floats:
    """Outputs (k, T) of one patient by DOP853 at 1e-10 on the written equations, event to event.

    ``parameters`` (p,), or (S, p) sets that follow each other at ``changes`` (S-1) h; amounts of
    ``given`` (D,), states ``x0`` (n,), ``times`` (T,) h; every event and output ends a call of the
    solver.
    """
    from scipy.integrate import solve_ivp  # here, as it is no part of what start-up is timed for

    sets = [_functions(wiring, model, values) for values in np.atleast_2d(parameters)]
    given_state = dict(zip(model.states, x0, strict=True))
    begin, hours = given.start / TICKS_PER_HOUR, given.duration / TICKS_PER_HOUR
    amount = given.amount.reshape(len(begin))
    stops = np.unique(np.concatenate([times, begin, begin + hours, changes]))
    stops = stops[stops <= times[-1]]
    state = np.array([float(given_state.get(s, 0.0)) for s in wiring.states])
    inputs = len(model.doses)
    held = np.zeros(inputs)
    field, outputs = sets[0]
    out = np.empty((len(model.outputs), len(times)))
    for i, now in enumerate(stops):
        out[:, times == now] = np.array(outputs(state, held))[:, None]
        field, outputs = sets[np.searchsorted(changes, now, side="right")]
        held = np.zeros(inputs)
        for d, target in enumerate(given.target):
            if hours[d] == 0 and begin[d] == now:
                unit = np.arange(inputs) == target
                jump = np.subtract(field(state, unit.astype(float)), field(state, 0.0 * unit))
                state = state + jump * amount[d]
            elif begin[d] <= now < begin[d] + hours[d]:
                held[target] += amount[d] / hours[d]
        if i + 1 < len(stops):
            state = solve_ivp(
                # rounding may take an empty state below zero, where powers have no value
                lambda _, y, f=field, h=held: f(np.maximum(y, 0.0), h), (now, stops[i + 1]), state,
                method="DOP853", rtol=1e-10, atol=1e-13,
            ).y[:, -1]  # fmt: skip
            state = np.maximum(state, 0.0)
    return out


def _functions(wiring: Circuit, model: Compiled, parameters: Floats) -> tuple[Any, Any]:
    """Derivatives and outputs of (states, dose rates) for one patient, in the math module."""
    import sympy  # here, as a start from the cache does without

    x = sympy.symbols(f"x:{len(wiring.states)}")
    u = sympy.symbols(f"u:{len(model.doses)}")
    rates, results = wiring.evaluate(
        dict(zip(wiring.states, x, strict=True)),
        dict(zip(model.doses, u, strict=True)),
        dict(zip(model.parameters, parameters.tolist(), strict=True)),
    )
    read = [sum(results[r] for r in names) for names in wiring.readouts.values()]
    field = sympy.lambdify((x, u), [rates[s] for s in wiring.states], "math", cse=True)
    return field, sympy.lambdify((x, u), read, "math", cse=True)


def deviation(found: Floats, truth: Floats) -> float:
    """Largest difference of (k, T) outputs as a share of each output's peak."""
    return float((abs(found - truth).max(axis=-1) / abs(truth).max(axis=-1)).max())


def fastest(
    model: Compiled, parameters: Floats, rtol: float, threads: int, out: Floats, runs: int = 5
) -> tuple[Floats, float]:
    """Seconds of some solves with reused memory, and the least processor time of one."""
    times, given, x0 = ticks(np.arange(HOURS + 1.0)), doses(model), initial(model)
    seconds, busy = [], []
    for _ in range(runs):
        begin, spent = time.perf_counter(), time.process_time()
        solve(
            model.kernel, parameters, given, times, rtol=rtol, initial=x0, threads=threads, out=out
        )
        seconds.append(time.perf_counter() - begin)
        busy.append(time.process_time() - spent)
    return np.array(seconds), min(busy)


def fine(number: int, checked: int) -> tuple[Floats, float]:
    """Outputs (P, k, T) at rtol 1e-9, and how far DOP853 at 1e-10 is from some of them."""
    model = compiled(circuit(), "dp54")
    parameters, given, x0 = patients(model, number, 1), doses(model), initial(model)
    hours = np.arange(HOURS + 1.0)
    found = solve(model.kernel, parameters, given, ticks(hours), rtol=1e-9, initial=x0).values
    others = (
        reference(circuit(), model, parameters[:, i], given, x0[:, 0], hours)
        for i in range(checked)
    )
    return found, max(deviation(found[i], other) for i, other in enumerate(others))


def compile_seconds() -> tuple[float, float]:
    """Seconds from import to the first solution in a new process: empty cache, then filled."""
    program = (
        "import sys, time; begin = time.perf_counter(); sys.path.insert(0, sys.argv[1]); import w1;"
        "m = w1.compiled(w1.circuit(), 'ss43'); p = w1.patients(m, 1, 0);"
        "w1.solve(m.kernel, p, w1.doses(m), w1.ticks(w1.np.arange(w1.HOURS + 1.0)), rtol=1e-4,"
        "initial=w1.initial(m)); print(time.perf_counter() - begin)"
    )
    with tempfile.TemporaryDirectory() as empty:
        places = {"XDG_CACHE_HOME": empty, "NUMBA_CACHE_DIR": empty}
        seconds = [
            float(
                subprocess.run(
                    [sys.executable, "-c", program, str(Path(__file__).parent)],
                    env=os.environ | places, check=True, capture_output=True, text=True,
                ).stdout
            )
            for _ in range(2)
        ]  # fmt: skip
    return seconds[0], seconds[1]


def main() -> None:
    """Print accuracy and speed for the explicit pairs and a range of tolerances."""
    parser = argparse.ArgumentParser(description="The reference workload W1.")
    parser.add_argument("--patients", type=int, default=1024)
    parser.add_argument("--compared", type=int, default=64, help="patients in the true error")
    parser.add_argument("--checked", type=int, default=2, help="patients compared with DOP853")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    cold, warm = compile_seconds()
    print(f"import, compile and solve one patient: {cold:.1f} s cold, {warm:.2f} s with a cache")
    truth, apart = fine(options.compared, options.checked)
    print(f"rtol 1e-9 and DOP853 at 1e-10 are {apart:.1e} apart")
    best: dict[float, tuple[float, str, float]] = {}
    for pair in ("bs32", "ss43", "dp54"):
        model = compiled(circuit(), pair)
        parameters = patients(model, options.patients, 1)
        # the first patients are those of the truth: parameters come patient by patient
        parameters[:, : options.compared] = patients(model, options.compared, 1)
        out = np.empty((options.patients, len(model.outputs), HOURS + 1))
        fastest(model, parameters, 1e-3, options.threads, out, 1)  # memory is touched, code loaded
        for rtol in (1e-2, 1e-3, 2e-4, 1e-4, 1e-5, 2e-6, 1e-6, 1e-7):
            seconds, busy = fastest(model, parameters, rtol, options.threads, out)
            error = max(deviation(out[i], truth[i]) for i in range(options.compared))
            rate = options.patients / seconds
            print(
                f"{pair} rtol {rtol:.0e}: true error {error:.1e}, {rate.max():.0f} patients/s "
                f"on {options.threads} threads (five runs from {rate.min():.0f}), "
                f"{options.patients / busy:.0f} per second of processor time"
            )
            for bar in BARS:
                if error <= bar and options.patients / busy > best.get(bar, (0.0, "", 0.0))[0]:
                    best[bar] = (options.patients / busy, pair, rtol)
    for bar, (rate, pair, rtol) in best.items():
        print(
            f"true error of {bar:.0e}: {rate:.0f} patients per second of processor time by {pair} "
            f"at rtol {rtol:.0e}"
        )
        compare(bar, pair, rtol, truth, options.patients)


def compare(bar: float, pair: str, rtol: float, truth: Floats, number: int) -> None:
    """Print one thread's speed beside libroadrunner's fastest setting at the same true error.

    Both by processor time, which a busy machine distorts less.
    """
    import against_roadrunner

    model = compiled(circuit(), pair)
    parameters = patients(model, number, 1)
    out = np.empty((number, len(model.outputs), HOURS + 1))
    own = number / fastest(model, parameters, rtol, 1, out)[1]
    some = patients(model, len(truth), 1)[:, :8]
    other, error, setting = against_roadrunner.fastest(
        circuit(), [dict(zip(model.parameters, p.tolist(), strict=True)) for p in some.T],
        dict(zip(model.states, initial(model)[:, 0].tolist(), strict=True)),
        model.doses, doses(model), list(truth[:8]), bar,
    )  # fmt: skip
    print(
        f"  on one thread {own:.0f}; libroadrunner {other:.1f} ({setting}, true error {error:.1e}):"
        f" {own / other:.0f} times"
    )


if __name__ == "__main__":
    main()
