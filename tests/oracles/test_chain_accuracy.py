"""The chain from dose to felt pain keeps the rtol asked for, against DOP853 at 1e-10.

Random patients on random regimens in every condition that has pain.  An output may err by rtol of
its own largest true value.  ``ANTALGIC_LONG=1`` takes 200 patients per condition.
"""

import os
from functools import lru_cache

import numpy as np
import pytest
import sympy
from scipy.integrate import solve_ivp

from antalgic.dosing import expand, read_item
from antalgic.engine.linear import TICKS_PER_HOUR
from antalgic.model import mechanism as mechanisms
from antalgic.model import shelf
from antalgic.population import conditions
from antalgic.population.spec import PopulationSpec
from antalgic.simulation import chain

LONG = os.environ.get("ANTALGIC_LONG") == "1"
#: Regimens per condition, and patients under each.
REGIMENS, TOGETHER = (50, 4) if LONG else (2, 3)
TOLERANCES = (1e-4, 1e-6)
HEALTHY = "healthy"
WITH_PAIN = [name for name in conditions.names() if name != HEALTHY]
#: `follow` uses dp54 only; what bs32 does is looked at in one condition.
PAIRS = {name: ("bs32", "dp54") if LONG or name == "crps" else ("dp54",) for name in WITH_PAIN}
#: Models by what is given, and the routes that every regimen of each has.
GIVEN = (
    ("fanta2015+otto2021", "s-ketamine", ("iv",)),
    ("kamp2020", "ketamine", ("iv", "nasal")),
    ("ashraf2018", "s-ketamine", ("oral", "iv")),
    ("perezruixo2021", "s-ketamine", ("nasal",)),
)


def regimen(rng, drug, routes, horizon):
    """Boluses, infusions and repeated doses at odd times, and a placebo now and then."""
    items = []
    for route in (*routes, *rng.choice(routes, rng.integers(0, 3))):
        start = {"drug": drug, "route": str(route), "at": f"{rng.uniform(0, 0.5 * horizon):.4f} h"}
        if route == "iv" and rng.random() < 0.6:
            hours = rng.uniform(0.5, 30.0)
            item = start | {"rate": f"{rng.uniform(2, 25):.3f} mg/h", "for": f"{hours:.4f} h"}
            gap = hours + rng.uniform(1, 48)
        else:
            most = 60 if route == "iv" else 120
            item = start | {"amount": f"{rng.uniform(5, most):.3f} mg"}
            gap = rng.uniform(4, 72)
        if rng.random() < 0.5:
            item |= {"every": f"{gap:.4f} h", "times": int(rng.integers(2, 6))}
        items.append(item)
    if rng.random() < 0.3:
        items.append({"drug": "placebo", "for": f"{rng.uniform(1, horizon):.3f} h"})
    return expand("arm", [read_item(item) for item in items], horizon)


def hours(rng, arm, horizon):
    """Output times: some at random, some soon after a dose, when most happens."""
    doses = [arm.doses[i] for i in rng.integers(0, len(arm.doses), 20)]
    soon = [d.time + rng.uniform(0, d.duration + 3) for d in doses]
    times = np.concatenate([[0.0, horizon], rng.uniform(0, horizon, 15), soon])
    return np.unique(np.round(times[times <= horizon], 3))


@lru_cache
def written(circuit, states, doses, parameters):
    """The written equations of a circuit as a function, and its outputs."""
    x = [sympy.Symbol(f"x{i}") for i in range(len(states))]
    u = [sympy.Symbol(f"u{i}") for i in range(len(doses))]
    p = [sympy.Symbol(f"p{i}") for i in range(len(parameters))]
    rates, results = circuit.evaluate(
        dict(zip(states, x, strict=True)), dict(zip(doses, u, strict=True)),
        dict(zip(parameters, p, strict=True)),
    )  # fmt: skip
    read = [sum(results[r] for r in names) for names in circuit.readouts.values()]
    field = sympy.lambdify((x, u, p), [rates[s] for s in states], "math", cse=True)
    return field, sympy.lambdify((x, u, p), read, "math", cse=True)


def truth(circuit, model, parameters, doses, x0, times):
    """Outputs (k, T) of one patient: DOP853 from event to event and output to output.

    Unlike the reference of the benchmark it lets states be negative: logits and pain memory are.
    """
    field, outputs = written(circuit, model.states, model.doses, model.parameters)
    p = parameters.tolist()
    begin, length = doses.start / TICKS_PER_HOUR, doses.duration / TICKS_PER_HOUR
    amount = doses.amount[:, 0]
    stops = np.unique(np.concatenate([times, begin, begin + length]))
    stops = stops[stops <= times[-1]]
    state, rest = np.array(x0, dtype=float), np.zeros(len(model.doses))
    found = np.empty((len(model.outputs), len(times)))
    for i, now in enumerate(stops):
        found[:, times == now] = np.array(outputs(state, rest, p))[:, None]
        held = rest.copy()
        for d, target in enumerate(doses.target):
            if length[d] == 0 and begin[d] == now:
                unit = np.arange(len(rest)) == target
                slope = np.subtract(field(state, unit.astype(float), p), field(state, rest, p))
                state = state + slope * amount[d]
            elif begin[d] <= now < begin[d] + length[d]:
                held[target] += amount[d] / length[d]
        if i + 1 < len(stops):
            state = solve_ivp(
                lambda _, y, h=held: field(y, h, p), (now, stops[i + 1]), state,
                method="DOP853", rtol=1e-10, atol=1e-12,
            ).y[:, -1]  # fmt: skip
    return found


def column(doses, i):
    """What one person is given."""
    own = {
        name: value[:, min(i, value.shape[1] - 1)] if value.ndim == 2 else value
        for name, value in (("start", doses.start), ("duration", doses.duration))
    }
    amount = doses.amount[:, [min(i, doses.amount.shape[1] - 1)]]
    return chain.Doses(own["start"], own["duration"], amount, doses.target)


def errors(name, group, seed=0):
    """Largest error over rtol (pairs, tolerances, people, outputs) of some people and a regimen.

    What `follow` hands to the engine is caught on the way, so that the truth is of just that.
    """
    rng = np.random.default_rng([seed, WITH_PAIN.index(name), group])
    model_name, drug, routes = GIVEN[group % len(GIVEN)]
    horizon = float(rng.choice([48.0, 168.0, 12 * 168.0], p=[0.5, 0.4, 0.1]))
    arm = regimen(rng, drug, routes, horizon)
    times = hours(rng, arm, horizon)
    people = PopulationSpec(size=TOGETHER).people(int(rng.integers(1 << 30)))
    mechanism = mechanisms.load(mechanisms.DEFAULT)
    caught = {}
    inner, kernel = chain.solve, chain._kernel

    def listening(kernel, parameters, doses, times, **more):
        caught["call"] = (parameters, doses, times, more)
        return inner(kernel, parameters, doses, times, **more)

    def known(circuit, pair):
        caught["circuit"], caught["compiled"] = circuit, kernel(circuit, pair)
        return caught["compiled"]

    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chain, "solve", listening)
        patch.setattr(chain, "_kernel", known)
        for pair in PAIRS[name]:
            patch.setattr(chain, "PAIR", pair)
            for rtol in TOLERANCES:
                found[pair, rtol] = chain.follow(
                    mechanism, shelf.load(model_name), arm, conditions.load(name), people, times,
                    seed=int(group), rtol=rtol, trajectories=True, threads=1,
                )  # fmt: skip
    parameters, doses, _, more = caught["call"]
    assert parameters.ndim == 2, "a model whose parameters change needs another reference"
    result = np.empty(
        (len(PAIRS[name]), len(TOLERANCES), TOGETHER, len(caught["compiled"].outputs))
    )
    exact = [
        truth(
            caught["circuit"], caught["compiled"], parameters[:, i], column(doses, i),
            more["initial"][:, i], times,
        )
        for i in range(TOGETHER)
    ]  # fmt: skip
    places = [
        caught["compiled"].outputs.index(o) for o in found[PAIRS[name][0], TOLERANCES[0]].outputs
    ]
    for a, pair in enumerate(PAIRS[name]):
        for b, rtol in enumerate(TOLERANCES):
            for i, real in enumerate(exact):
                values = found[pair, rtol].values[:, :, i]
                gap = abs(values - real[places]).max(axis=1)
                size = abs(real[places]).max(axis=1)
                # what is nothing throughout, as sensitization in health, must be just that
                result[a, b, i] = gap / np.where(size > 0, size, 1e-300) / rtol
    return (
        found[PAIRS[name][0], TOLERANCES[0]].outputs,
        result,
        (mechanism.name, model_name, horizon),
    )


@pytest.mark.parametrize("name", WITH_PAIN)
def test_the_tolerance_is_kept(name):
    """By the pair that `follow` uses for every output, and by bs32 for all but mood.

    Mood magnifies errors of its trigger K, which are held to the largest K there has been and count
    most where little of it is left: asked for 1e-4, bs32 erred by up to 1.5 rtol there in four of
    2020 people.  dp54 was at most 0.05 rtol off, in anything.
    """
    assert chain.PAIR == "dp54"
    for group in range(REGIMENS):
        outputs, ratio, what = errors(name, group)
        assert np.isfinite(ratio).all(), what
        for place in (i for i, pair in enumerate(PAIRS[name]) if pair == "bs32"):
            ratio[place, :, :, outputs.index("mood")] = 0
        worst = dict(zip(outputs, ratio.max(axis=(0, 1, 2)).round(3), strict=True))
        assert ratio.max() <= 1, f"{what}: errors in units of rtol {worst}"
