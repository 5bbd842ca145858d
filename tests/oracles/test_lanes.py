"""The nonlinear engine against SciPy's DOP853 at 1e-10 and against the linear engine."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
import sympy
from scipy.integrate import solve_ivp

from antalgic.engine import linear
from antalgic.engine.lanes import Doses, StepLimitError, solve
from antalgic.engine.linear import ticks
from antalgic.engine.pairs import METHODS, PAIRS, RODAS4
from antalgic.model.compose import Circuit, Use
from antalgic.model.pk import first_order_depot, three_compartment, two_compartment
from antalgic.model.step import step
from antalgic.model.trace import trace
from antalgic.simulation.compile import compiled

SPEC = importlib.util.spec_from_file_location("w1", Path(__file__).parents[2] / "bench" / "w1.py")
w1 = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(w1)


@step(
    states={"A": "mg"},
    inputs={"rate": "mg/h"},
    parameters={"Vmax": "mg/h", "Km": "mg/L", "V": "L"},
    outputs={"C": "mg/L"},
)
def saturable(A, rate, Vmax, Km, V):
    """One compartment with saturable elimination."""
    return (rate - Vmax * (A / V) / (Km + A / V),), (A / V,)


@step(states={"x": "1"}, inputs={}, parameters={"speed": "1/h"}, outputs={"x": "1"})
def growth(x, speed):
    """Grows with its square, to infinity at a finite time."""
    return (speed * x * x,), (x,)


@step(states={"X": "1"}, inputs={}, parameters={"kin": "1/h", "kout": "1/h"}, outputs={"X": "1"})
def turnover(X, kin, kout):
    """Formed at a constant rate, so that the block has a constant column."""
    return (kin - kout * X,), (X,)


@step(
    states={"E": "1"},
    inputs={"X": "1"},
    parameters={"gamma": "1", "half": "1", "k": "1/h"},
    outputs={"E": "1", "root": "1"},
)
def hill(E, X, gamma, half, k):
    """Powers of every sort: a parameter, a third, halves, whole and negative ones."""
    effect = X**gamma / (half**gamma + X**gamma)
    return (k * (effect - E**3) + 0.01 * X**0.3 - 0.01 * E / (1 + X) ** 2.5,), (E, (1 + E) ** -0.5)


@step(
    states={"A": "1", "B": "1", "C": "1"},
    inputs={},
    parameters={"k1": "1/h", "k2": "1/h", "k3": "1/h"},
    outputs={"A": "1", "B": "1", "C": "1"},
)
def robertson(A, B, C, k1, k2, k3):
    """Robertson's reaction: rates of three chemical species that differ by nine orders."""
    return (-k1 * A + k3 * B * C, k1 * A - k3 * B * C - k2 * B**2, k2 * B**2), (A, B, C)


@step(states={"x": "1", "v": "1"}, inputs={}, parameters={"mu": "1"}, outputs={"x": "1", "v": "1"})
def van_der_pol(x, v, mu):
    """An oscillator that rests for long and jumps fast."""
    return (v, mu * (1 - x * x) * v - x), (x, v)


LINEAR = Circuit(
    (
        Use(first_order_depot, "gut", {"rate": ("dose.oral",)}, {"ka": "ka"}),
        Use(
            three_compartment, "ket", {"rate": ("dose.iv", "gut.out")},
            {p: p for p in ("CL", "V1", "Q2", "V2", "Q3", "V3")},
        ),
        Use(
            two_compartment, "nor", {"rate": ("ket.eliminated",)},
            {"CL": "n.CL", "V1": "n.V1", "Q2": "n.Q2", "V2": "n.V2"},
        ),
    ),
    {"ket": ("ket.C",), "nor": ("nor.C",)},
)  # fmt: skip
SATURABLE = Circuit(
    (Use(saturable, "blood", {"rate": ("dose.iv",)}, {p: p for p in ("Vmax", "Km", "V")}),),
    {"C": ("blood.C",)},
)
GROWTH = Circuit((Use(growth, "g", {}, {"speed": "speed"}),), {"x": ("g.x",)})


ROBERTSON = Circuit(
    (Use(robertson, "r", {}, {p: p for p in ("k1", "k2", "k3")}),),
    {s: (f"r.{s}",) for s in "ABC"},
)
VAN_DER_POL = Circuit((Use(van_der_pol, "o", {}, {"mu": "mu"}),), {"x": ("o.x",), "v": ("o.v",)})

TURNOVER = Circuit(
    (
        Use(turnover, "t", {}, {"kin": "kin", "kout": "kout"}),
        Use(hill, "h", {"X": ("t.X",)}, {p: p for p in ("gamma", "half", "k")}),
    ),
    {"X": ("t.X",), "E": ("h.E",), "root": ("h.root",)},
)


NONE = Doses(*np.zeros((2, 0), dtype=np.int64), np.zeros((0, 1)), np.zeros(0, dtype=np.int64))


def regimen(rng, model, horizon, people):
    """Boluses and overlapping infusions at odd times, other amounts for every person."""
    d = 8
    start = rng.uniform(0, 0.8 * horizon, d)
    duration = np.where(rng.random(d) < 0.5, rng.uniform(0.3, 9.0, d), 0.0)
    target = rng.integers(0, len(model.doses), d)
    amount = rng.uniform(5.0, 80.0, (d, people)) * (rng.random((d, people)) < 0.8)
    return Doses(ticks(start), ticks(duration), amount, target)


def one(doses, i):
    own = [a if a.ndim == 1 else a[:, i] for a in (doses.start, doses.duration)]
    return Doses(*own, doses.amount[:, i : i + 1], doses.target)


def spread_out(rng, doses, people):
    """The same regimen with a lag and a length of every dose that differ from person to person."""
    lag = ticks(rng.uniform(0, 2, (len(doses.start), people)))
    start = np.where(
        rng.random((len(lag), 1)) < 0.7, doses.start[:, None] + lag, doses.start[:, None]
    )
    duration = doses.duration[:, None] + np.where(doses.duration[:, None] > 0, lag // 3, 0)
    return Doses(start, duration, doses.amount, doses.target)


@pytest.mark.parametrize("pair", METHODS)
@pytest.mark.parametrize("rtol", [1e-4, 1e-6])
def test_w1_keeps_the_tolerance_on_random_patients_and_regimens(pair, rtol):
    model = w1.compiled(w1.circuit(), pair)
    rng = np.random.default_rng(7)
    horizon, x0 = 14 * 24.0, w1.initial(model)
    for _ in range(4):
        parameters = w1.patients(model, 20, int(rng.integers(1000)))
        given = regimen(rng, model, horizon, 20)
        hours = np.sort(ticks(rng.uniform(0, horizon, 60)))
        found = solve(model.kernel, parameters, given, hours, rtol=rtol, initial=x0).values
        for i in rng.integers(0, 20, 2):
            truth = w1.reference(
                w1.circuit(), model, parameters[:, i], one(given, i), x0[:, 0],
                hours / linear.TICKS_PER_HOUR,
            )  # fmt: skip
            assert w1.deviation(found[i], truth) < rtol


@pytest.mark.parametrize("pair", METHODS)
def test_own_times_and_changing_parameters_keep_the_tolerance(pair):
    model, rtol = w1.compiled(w1.circuit(), pair), 1e-5
    rng = np.random.default_rng(9)
    horizon, x0, people = 7 * 24.0, w1.initial(model), 21
    for _ in range(2):
        sets = np.array([w1.patients(model, people, int(rng.integers(1000))) for _ in range(3)])
        given = spread_out(rng, regimen(rng, model, horizon, people), people)
        hours = np.sort(ticks(rng.uniform(0, horizon, 40)))
        # one change while infusions run, one at the very time of an output and a dose
        given.start[1] = hours[20]
        given.duration[1] = 0
        changes = np.array([np.median(given.start[0]) + ticks(0.2), hours[20]], dtype=np.int64)
        changes = np.unique(changes)
        sets = sets[: len(changes) + 1]
        found = solve(
            model.kernel, sets, given, hours, rtol=rtol, initial=x0, changes=changes
        ).values
        for i in rng.integers(0, people, 3):
            truth = w1.reference(
                w1.circuit(), model, sets[:, :, i], one(given, i), x0[:, 0],
                hours / linear.TICKS_PER_HOUR, changes / linear.TICKS_PER_HOUR,
            )  # fmt: skip
            assert w1.deviation(found[i], truth) < rtol


@pytest.mark.slow
@pytest.mark.parametrize(("pair", "rtol"), [("bs32", 1e-4), ("dp54", 1e-4), ("dp54", 1e-6)])
def test_w1_keeps_the_tolerance_over_twelve_weeks(pair, rtol):
    model = w1.compiled(w1.circuit(), pair)
    parameters, given, x0 = w1.patients(model, 32, 3), w1.doses(model), w1.initial(model)
    hours = np.arange(w1.HOURS + 1.0)
    found = solve(model.kernel, parameters, given, ticks(hours), rtol=rtol, initial=x0).values
    for i in (5, 30):
        truth = w1.reference(w1.circuit(), model, parameters[:, i], given, x0[:, 0], hours)
        assert w1.deviation(found[i], truth) < rtol


def test_a_linear_circuit_equals_the_linear_engine():
    model = compiled(LINEAR, "dp54")
    assert model.linear == len(model.states) == len(LINEAR.states)
    rng = np.random.default_rng(1)
    people, times = 21, ticks(np.sort(rng.uniform(0, 72, 40)))
    names = {name: rng.uniform(0.5, 30, people) for name in model.parameters}
    given = regimen(rng, model, 72.0, people)
    flows, readouts = LINEAR.columns(names, (people,))
    n, inputs, k = len(LINEAR.states), len(LINEAR.doses), len(LINEAR.readouts)
    total = n + inputs + k
    mt = np.zeros((people, 1, total, linear.padded(total)))
    mt[:, 0, : n + inputs, :n] = flows
    mt[:, 0, : n + inputs, n + inputs : total] = np.swapaxes(readouts, 1, 2)
    readout = np.zeros((people, 1, k, linear.padded(total)))
    readout[:, 0, :, : n + inputs] = readouts
    schedule = linear.Schedule(
        given.start[None], given.duration[None], given.amount.T.copy(), given.target,
        np.zeros(0, dtype=np.int64),
    )  # fmt: skip
    truth = linear.solve(linear.System(mt, readout, n, inputs), schedule, times)[0]
    found = solve(model.kernel, np.array(list(names.values())), given, times, rtol=1e-4).values
    np.testing.assert_allclose(found, truth, rtol=1e-11, atol=1e-13 * truth.max())


@pytest.mark.parametrize("rtol", [1e-4, 1e-6, 1e-8])
def test_a_fully_nonlinear_circuit_keeps_the_tolerance(rtol):
    model = compiled(SATURABLE, "dp54")
    assert model.linear == 0
    rng = np.random.default_rng(5)
    values = {"Vmax": (5.0, 20.0), "Km": (0.05, 2.0), "V": (5.0, 50.0)}
    parameters = np.array([rng.uniform(*values[p], 19) for p in model.parameters])
    given = regimen(rng, model, 48.0, 19)
    hours = np.sort(ticks(rng.uniform(0, 48, 30)))
    found = solve(model.kernel, parameters, given, hours, rtol=rtol).values
    for i in (0, 15, 18):
        truth = w1.reference(
            SATURABLE, model, parameters[:, i], one(given, i), np.zeros(1),
            hours / linear.TICKS_PER_HOUR,
        )  # fmt: skip
        assert w1.deviation(found[i], truth) < rtol


def test_constant_inflow_and_powers_of_every_sort():
    model = compiled(TURNOVER, "dp54")
    assert model.linear == 1
    rng = np.random.default_rng(2)
    parameters = rng.uniform(0.3, 3.0, (len(model.parameters), 5))
    none = Doses(*np.zeros((2, 0), dtype=np.int64), np.zeros((0, 1)), np.zeros(0, dtype=np.int64))
    hours = np.array([0.0, 0.7, 3.0, 11.0])
    x0 = np.array([[0.2], [0.1]])
    found = solve(model.kernel, parameters, none, ticks(hours), rtol=1e-6, initial=x0).values
    for i in range(5):
        truth = w1.reference(TURNOVER, model, parameters[:, i], one(none, 0), x0[:, 0], hours)
        assert w1.deviation(found[i], truth) < 1e-6


@step(
    states={"E": "1", "M": "1"},
    inputs={"X": "1"},
    parameters={"gain": "1", "gamma": "1"},
    outputs={"E": "1", "M": "1", "level": "1"},
)
def logistic(E, M, X, gain, gamma):
    """Every function that generated code computes by itself, in rates and outputs."""
    on = 1 / (1 + math.e ** (-gain * (X - E)))
    return (on - E + 0.1 * sympy.tanh(M), X**gamma / (1 + X**gamma) - M * sympy.exp(-E)), (
        E, M, sympy.log(1 + E) + on,
    )  # fmt: skip


@pytest.mark.parametrize("pair", METHODS)
def test_logistic_and_other_functions_keep_the_tolerance(pair):
    circuit = Circuit(
        (
            Use(turnover, "t", {}, {"kin": "kin", "kout": "kout"}),
            Use(logistic, "l", {"X": ("t.X",)}, {p: p for p in ("gain", "gamma")}),
        ),
        {"E": ("l.E",), "M": ("l.M",), "level": ("l.level",)},
    )
    model = compiled(circuit, pair)
    parameters = np.random.default_rng(8).uniform(0.3, 5.0, (len(model.parameters), 18))
    hours, x0 = np.array([0.0, 0.4, 2.0, 9.0, 30.0]), np.array([[0.0], [0.1], [0.2]])
    found = solve(model.kernel, parameters, NONE, ticks(hours), rtol=1e-6, initial=x0).values
    for i in (0, 7, 17):
        truth = w1.reference(circuit, model, parameters[:, i], one(NONE, 0), x0[:, 0], hours)
        assert w1.deviation(found[i], truth) < 1e-6


def test_two_models_have_two_codes_and_one_model_has_one():
    codes = {compiled(c, "dp54").kernel.owner for c in (LINEAR, SATURABLE, GROWTH)}
    assert len(codes) == 3
    assert compiled(GROWTH, "bs32").kernel.owner not in codes
    assert compiled(GROWTH, "dp54").kernel.owner in codes


def test_the_linear_block_of_w1_is_all_but_response_and_sensitization():
    traced = trace(w1.circuit())
    assert traced.slow == ("drug.R", "cord.S")
    assert traced.signals == ("site.Ce", "drug.T")
    blood = ("gut.A", "ket.A1", "ket.A2", "ket.A3")
    assert traced.linear == (*blood, "site.Ce", "drug.T")  # nothing reads norketamine


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_pairs_satisfy_the_order_conditions(pair):
    for row, c in zip(pair.a, pair.c, strict=True):
        assert sum(row) == pytest.approx(c, abs=1e-14)
    b, c = np.array([*pair.a[-1], 0.0]), np.array(pair.c)
    weaker = b - np.array(pair.error)
    for q in range(1, pair.order + 1):
        assert b @ c ** (q - 1) == pytest.approx(1 / q, abs=1e-13)
    for q in range(1, pair.order):
        assert weaker @ c ** (q - 1) == pytest.approx(1 / q, abs=1e-13)
    assert abs(weaker @ c ** (pair.order - 1) - 1 / pair.order) > 1e-4
    lengths = [
        sum(pair.chains[chain] / 2**halvings for chain, halvings in (r[:2], r[2:]) if chain >= 0)
        for r in pair.recipe
    ]
    np.testing.assert_allclose(lengths, [1.0, *pair.inner], rtol=1e-15)


def test_the_rosenbrock_pair_satisfies_its_order_conditions_and_is_l_stable():
    n, m = len(RODAS4.c), RODAS4
    square = [np.zeros((n, n)), np.zeros((n, n))]
    for table, rows in zip(square, (m.a, m.mix), strict=True):
        for i, row in enumerate(rows):
            table[i, : len(row)] = row
    a, mix = square
    gammas = np.linalg.inv(np.eye(n) / m.gamma - mix)
    alpha, weaker, b = a @ gammas, a[-1] @ gammas, (a[-1] + np.eye(n)[-1]) @ gammas
    beta = alpha + gammas
    c, slope = alpha.sum(1), beta.sum(1)
    np.testing.assert_allclose(c, m.c, atol=1e-13)
    np.testing.assert_allclose(gammas.sum(1), m.drift, atol=1e-13)
    for weights, order in ((b, 4), (weaker, 3)):
        conditions = [
            (1, weights.sum(), 1), (2, weights @ slope, 1 / 2), (3, weights @ c**2, 1 / 3),
            (3, weights @ beta @ slope, 1 / 6), (4, weights @ c**3, 1 / 4),
            (4, weights @ (c * (alpha @ slope)), 1 / 8), (4, weights @ beta @ c**2, 1 / 12),
            (4, weights @ beta @ beta @ slope, 1 / 24),
        ]  # fmt: skip
        misses = [abs(found - wanted) for q, found, wanted in conditions if q <= order]
        assert max(misses) < 1e-12
    assert max(abs(f - w) for q, f, w in conditions if q == 4) > 1e-4
    for weights in (b, weaker):  # R(z) = 1 + z b (I - z beta)^-1 1 vanishes at infinity
        assert 1 - weights @ np.linalg.solve(beta, np.ones(n)) == pytest.approx(0, abs=1e-11)


def radau(field, x0, hours, jacobian):
    return solve_ivp(
        field, (0, hours[-1]), x0, t_eval=hours, method="Radau", rtol=1e-11, atol=1e-15,
        jac=jacobian,
    ).y  # fmt: skip


@pytest.mark.parametrize("rtol", [1e-4, 1e-6])
def test_stiff_reactions_keep_the_tolerance(rtol):
    model = compiled(ROBERTSON, "rodas4")
    rng = np.random.default_rng(3)
    values = {
        "k1": 0.04 * rng.uniform(0.5, 2, 17), "k2": 3e7 * rng.uniform(0.5, 2, 17),
        "k3": 1e4 * rng.uniform(0.5, 2, 17),
    }  # fmt: skip
    parameters, hours = np.array([values[p] for p in model.parameters]), np.logspace(-5, 6, 23)
    hours = np.concatenate([[0.0], hours])
    found = solve(
        model.kernel, parameters, NONE, ticks(hours), rtol=rtol, floor=1e-6,
        initial=np.array([[1.0], [0.0], [0.0]]),
    )  # fmt: skip
    assert found.steps[:, 0].max() < 3000
    for i in (0, 9, 16):
        k1, k2, k3 = (values[k][i] for k in ("k1", "k2", "k3"))
        truth = radau(
            lambda _, y, k1=k1, k2=k2, k3=k3: robertson(*y, k1, k2, k3)[0], [1.0, 0.0, 0.0], hours,
            lambda _, y, k1=k1, k2=k2, k3=k3: [
                [-k1, k3 * y[2], k3 * y[1]],
                [k1, -k3 * y[2] - 2 * k2 * y[1], -k3 * y[1]],
                [0, 2 * k2 * y[1], 0],
            ],
        )  # fmt: skip
        assert w1.deviation(found.values[i], truth) < rtol
        assert found.values[i].sum(0) == pytest.approx(1, abs=1e-9)


def test_a_relaxation_oscillator_keeps_the_tolerance_and_needs_the_stiff_pair():
    model, hours = compiled(VAN_DER_POL, "rodas4"), np.arange(0.0, 1900.0, 100.0)
    parameters = np.array([[1000.0, 800.0, 1200.0]])
    arguments = {"rtol": 1e-6, "initial": np.array([[2.0], [0.0]]), "start": 0}
    found = solve(model.kernel, parameters, NONE, ticks(hours), **arguments)
    assert found.steps[0, 0] < 10_000
    for i, mu in enumerate(parameters[0]):
        truth = radau(
            lambda _, y, mu=mu: van_der_pol(*y, mu)[0], [2.0, 0.0], hours,
            lambda _, y, mu=mu: [[0, 1], [-2 * mu * y[0] * y[1] - 1, mu * (1 - y[0] ** 2)]],
        )  # fmt: skip
        assert w1.deviation(found.values[i, :1], truth[:1]) < 1e-5
    explicit = compiled(VAN_DER_POL, "dp54").kernel
    with pytest.raises(
        StepLimitError, match=r'stiff there \(compile it for the pair "rodas4" then\)'
    ):
        solve(explicit, parameters, NONE, ticks(hours), **arguments, most_steps=20_000)


def test_a_fast_response_to_the_linear_block_keeps_the_tolerance_with_long_steps():
    model = w1.compiled(w1.circuit(), "rodas4")
    parameters, x0 = w1.patients(model, 3, 5), w1.initial(model)
    parameters[model.parameters.index("kout")] = 2000.0
    given = Doses(
        ticks(np.array([0.0, 9.0])), ticks(np.array([4.0, 0.0])), np.array([[100.0], [20.0]]),
        np.array([model.doses.index(r) for r in ("iv", "oral")]),
    )  # fmt: skip
    hours = np.arange(0.0, 25.0)
    found = solve(model.kernel, parameters, given, ticks(hours), rtol=1e-5, initial=x0)
    assert found.steps[0, 0] < 2000  # stability alone would ask an explicit pair for 15000
    for i in range(3):
        truth = w1.reference(w1.circuit(), model, parameters[:, i], given, x0[:, 0], hours)
        assert w1.deviation(found.values[i], truth) < 1e-5


def test_no_solution_is_a_clear_error_and_not_an_endless_loop():
    model = compiled(GROWTH, "dp54")
    none = Doses(*np.zeros((2, 0), dtype=np.int64), np.zeros((0, 1)), np.zeros(0, dtype=np.int64))
    arguments = (model.kernel, np.array([[1.0]]), none, ticks(np.array([0.0, 0.5, 3.0])))
    with pytest.raises(StepLimitError, match=r"people 0 to 0 .* span from 0\.5 h"):
        solve(*arguments, rtol=1e-6, initial=np.array([[1.0]]), start=0)
    with pytest.raises(StepLimitError, match="more than 10 steps"):
        solve(*arguments, rtol=1e-6, initial=np.array([[1.0]]), start=0, most_steps=10)
    half = solve(*arguments, rtol=1e-6, initial=np.array([[0.2]]), start=0).values[0, 0]
    np.testing.assert_allclose(half, 1 / (5 - np.array([0.0, 0.5, 3.0])), rtol=1e-6)
