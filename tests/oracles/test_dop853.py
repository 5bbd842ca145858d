"""Every runnable model, drug and route against SciPy's DOP853 on the written equations.

The reference integrates `Circuit.evaluate` from event to event and works out for itself which dose
goes where; it shares with the package the equations and each person's parameters, but neither the
matrices, nor the schedule, nor the engine.
"""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import sympy
from scipy.integrate import DOP853, solve_ivp
from scipy.optimize import brentq

from antalgic.dosing.regimen import DoseEvent, ParameterChange, Regimen
from antalgic.model import shelf
from antalgic.population.people import People
from antalgic.simulation import simulate
from antalgic.simulation.individual import Draw, Sets, individual

HORIZON = 11.0
TOLERANCE = 1e-8
SOLVER = {"method": "DOP853", "rtol": 1e-10, "atol": 1e-13}
CASES = [
    (name, drug, route)
    for name in shelf.names(runnable=True)
    for drug, routes in shelf.record(name).routes.items()
    for route in routes
]


@cache
def right_hand_side(name):
    """f(states, rates, parameters) -> derivatives and concentrations (mg/L), from the equations."""
    circuit = shelf.load(name).circuit
    states = sympy.symbols(f"x:{len(circuit.states)}")
    rates = sympy.symbols(f"u:{len(circuit.doses)}")
    parameters = sympy.symbols(f"p:{len(circuit.parameters)}")
    derivatives, outputs = circuit.evaluate(
        dict(zip(circuit.states, states, strict=True)),
        dict(zip(circuit.doses, rates, strict=True)),
        dict(zip(circuit.parameters, parameters, strict=True)),
    )
    readouts = [sum(outputs[o] for o in read) for read in circuit.readouts.values()]
    flow = [*(derivatives[s] for s in circuit.states), *readouts]
    return sympy.lambdify((states, rates, parameters), flow, "math", cse=True)


def some_people(rng, model, n):
    child = model.file.ages == "child" or (model.file.ages == "all" and rng.random() < 0.3)
    age = rng.uniform(2, 17, n) if child else rng.uniform(19, 80, n)
    weight = 2.5 * age + 8 if child else rng.uniform(45, 120, n)
    return People(
        np.arange(1, n + 1), weight, age, 100 + 3.5 * np.minimum(age, 20), rng.random(n) < 0.5,
        rng.choice(["other", "asian", "japanese"], n),
    )  # fmt: skip


def some_regimen(rng, model, drug, route):
    """Boluses, overlapping and touching infusions, a second route, and a change of a parameter."""
    start = rng.uniform(0.0, 1.0)
    length = rng.uniform(0.3, 2.0)

    def dose(item, time, amount, duration, by=route, per=""):
        return DoseEvent(drug, by, time, amount, duration, per, 0.0, item)

    doses = [
        dose(0, start, rng.uniform(0.1, 1.0), 0.0, per="kg"),
        dose(1, start + rng.uniform(1.0, 6.0), rng.uniform(30.0, 120.0), 0.0, per="70 kg"),
    ]
    infused = "iv" if model.covers(drug, "iv") else route
    doses += [
        dose(2, start + 0.7, 20.0, length, by=infused),
        dose(3, start + 0.7 + length / 2, 10.0, length, by=infused),
        dose(4, start + 0.7 + length, 5.0, 1.0, by=infused),
        dose(5, 8.0, 4.0, 0.0, by=infused),
    ]
    changed = str(rng.choice(model.circuit.parameters))
    begin = start + float(rng.integers(2, 5))
    change = ParameterChange(changed, rng.uniform(0.5, 0.95), begin, begin + 3.0)
    ordered = tuple(sorted(doses, key=lambda d: (d.time, d.item)))
    return Regimen("random", ordered, changes=(change,))


def sets_of(model, regimen):
    """When parameters change, written anew: the change, and steps of those that drift with time."""
    (change,) = regimen.changes
    first = regimen.doses[0].time
    steps = [
        effect.step
        for parameter in model.parameters.values()
        for effect in parameter.entry.covariates
        if effect.on == "time"
    ]
    starts = {first, change.start, change.end}
    if steps:
        starts |= {first + k * steps[0] for k in range(int((HORIZON - first) / steps[0]) + 1)}
    # times that differ by rounding only are one
    start = np.array(sorted({round(t, 9): t for t in starts}.values()))
    inside = (start >= change.start - 1e-9) & (start < change.end - 1e-9)
    factors = {change.parameter: np.where(inside, change.factor, 1.0)}
    return Sets(start, np.zeros(len(start), dtype=np.int64), start - first, factors)


def amount_into(path, dose, mass, value):
    """mg that a dose brings by one path, as the library's format defines it."""
    share = path.share
    fraction = value(path.fraction or path.rest_of) if path.fraction or path.rest_of else 1.0
    if path.devices and mass > path.devices.each:
        later = value(path.devices.later) * (mass - path.devices.each)
        fraction *= (path.devices.each + later) / mass
    if path.rest_of:
        fraction = 1.0 - fraction
    if path.times:
        fraction *= value(path.times)
    return mass * share * fraction


def pieces(model, regimen, people, person, parameters, sets):
    """(start, end, input, mg) of every dose and path of one person; end is start for a bolus."""
    scale = {"": 1.0, "kg": people.weight[person], "70 kg": people.weight[person] / 70.0}
    found = []
    for dose in regimen.doses:
        at = int(np.searchsorted(sets.start, dose.time, side="right")) - 1

        def value(name, at=at):
            return np.broadcast_to(parameters[name], (len(people), len(sets)))[person, at]

        for path in model.file.routes[dose.drug][dose.route]:
            amount = amount_into(path, dose, dose.amount * scale[dose.per], value)
            start = dose.time + (value(path.lag) if path.lag else 0.0)
            length = dose.duration or (value(path.duration) if path.duration else 0.0)
            found.append((start, start + length, model.circuit.doses.index(path.into), amount))
    return found


def summit(f, t0, y0, t1, column):
    """Highest value of a readout inside a step whose slope turns from rising to falling."""

    def state(t):
        return solve_ivp(f.flow, (t0, t), y0, **SOLVER).y[:, -1] if t > t0 else y0

    when = brentq(lambda t: f.slope(state(t))[column], t0, t1, xtol=1e-9)
    return f.concentrations(state(when))[column]


class Piece:
    """The equations of one person while nothing happens."""

    def __init__(self, function, n, rates, parameters):
        self.function, self.n, self.rates, self.parameters = function, n, rates, parameters
        self.unit = 1000.0  # mg/L to ng/mL

    def flow(self, _, y):
        found = np.array(self.function(y[: self.n], self.rates, self.parameters))
        found[self.n :] *= self.unit  # the areas' states
        return found

    def concentrations(self, y):
        return self.flow(0.0, y)[self.n :]

    def slope(self, y):
        # readouts are linear in the state, and rates do not enter them
        return self.concentrations(self.flow(0.0, y))


def reference(model, people, person, parameters, sets, regimen, times):
    """Concentrations (readouts, times), AUC and Cmax (readouts,) of one person by DOP853."""
    circuit = model.circuit
    function, n, k = right_hand_side(model.name), len(circuit.states), len(circuit.readouts)
    given = pieces(model, regimen, people, person, parameters, sets)
    stops = {t for start, end, _, _ in given for t in (start, end)} | set(sets.start) | set(times)
    grid = np.array(sorted(t for t in {0.0, HORIZON, *stops} if 0.0 <= t <= HORIZON))
    y, cmax = np.zeros(n + k), np.zeros(k)
    values = np.zeros((k, len(times)))
    for t0, t1 in pairwise(grid):
        current = max(int(np.searchsorted(sets.start, t0, side="right")) - 1, 0)
        own = [
            np.broadcast_to(parameters[p], (len(people), len(sets)))[person, current]
            for p in circuit.parameters
        ]
        rates = np.zeros(len(circuit.doses))
        for start, end, into, amount in given:
            if start == end == t0:
                unit = np.eye(len(rates))[into]
                y[:n] += amount * np.array(function(np.zeros(n), unit, own))[:n]
            elif start <= t0 < end:
                rates[into] += amount / (end - start)
        f = Piece(function, n, rates, own)
        cmax = np.maximum(cmax, f.concentrations(y))
        solver = DOP853(f.flow, t0, y, t1, rtol=SOLVER["rtol"], atol=SOLVER["atol"])
        while solver.status == "running":
            before, y_before = solver.t, solver.y.copy()
            solver.step()
            rising, falling = f.slope(y_before) > 0, f.slope(solver.y) < 0
            for column in np.flatnonzero(rising & falling):
                top = summit(f, before, y_before, solver.t, column)
                cmax[column] = max(cmax[column], top)
        y = solver.y.copy()
        cmax = np.maximum(cmax, f.concentrations(y))
        values[:, np.flatnonzero(times == t1)] = f.concentrations(y)[:, None]
    return values, y[n:], cmax


@pytest.mark.parametrize(("name", "drug", "route"), CASES)
def test_agrees_with_dop853(name, drug, route):
    rng = np.random.default_rng(abs(hash_of(name, drug, route)))
    model = shelf.load(name)
    people = some_people(rng, model, 2)
    regimen = some_regimen(rng, model, drug, route)
    observed = rng.uniform(0.0, HORIZON, 8)
    times = np.unique([0.0, *observed, regimen.doses[2].time, 8.0, HORIZON])
    found = simulate(model, regimen, people, times, seed=5, trajectories=True)
    sets = sets_of(model, regimen)
    parameters = individual(model, people, sets, Draw(5))
    for person in range(len(people)):
        values, auc, cmax = reference(model, people, person, parameters, sets, regimen, times)
        scale = np.where(cmax > 0, cmax, 1.0)
        error = np.abs(found.values[:, :, person] - values) / scale[:, None]
        assert error.max() < TOLERANCE
        np.testing.assert_allclose(found.auc[person], auc, rtol=TOLERANCE)
        assert (np.abs(found.cmax[person] - cmax) / scale).max() < TOLERANCE


def hash_of(*words):
    """A seed from words, the same on every run."""
    return int.from_bytes(" ".join(words).encode()[-7:], "little")


def test_the_cases_are_the_whole_shelf():
    assert len(CASES) >= 33
    assert {name for name, _, _ in CASES} == set(shelf.names(runnable=True))
