"""Wind-up: exact between volleys, ordered in everything it depends on, honest to the user."""

import doctest
from pathlib import Path

import numba
import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from antalgic import yamlfile
from antalgic.errors import InputError
from antalgic.model import receptor, spinal
from antalgic.model.spinal import evoked, parameters, runs, temporal_summation, wind_up

DOCS = Path(__file__).parents[2] / "docs"
share = st.floats(0, 1)
rates = st.floats(0.05, 3)
stimuli = st.integers(2, 40)


def own(step):
    known = parameters()
    return [known[name].value for name in step.parameters]


# --- the equations --------------------------------------------------------------------------------


def test_volleys_and_decay_agree_with_an_integrator():
    """The step's own derivative between volleys, its own `w_after` at each, by SciPy."""
    rate, B, S = 0.7, 0.3, 0.4
    found = temporal_summation(rate_hz=rate, n=12, block=B, sensitization=S)
    w = 0.0
    for k in range(12):
        _, (r, after) = wind_up(w, B, S, *own(wind_up))
        assert found.w[k] == pytest.approx(w, rel=1e-8, abs=1e-12)
        assert found.responses[k] == pytest.approx(r, rel=1e-8)
        w = solve_ivp(
            lambda t, y: [wind_up(y[0], B, S, *own(wind_up))[0][0]],
            (0, 1 / rate / 3600), [after], method="DOP853", rtol=1e-11, atol=1e-13,
        ).y[0, -1]  # fmt: skip


def test_first_response_is_unprimed_and_rated_five():
    found = temporal_summation(block=np.linspace(0, 1, 5), sensitization=[[0.0], [1.0]])
    assert (found.responses[..., 0] == parameters()["r0"].value).all()
    assert found.rating[..., 0] == pytest.approx(5, abs=0.01)


def test_no_growth_without_nmda_current():
    found = temporal_summation(rate_hz=2.0, block=1.0)
    assert (found.responses == found.responses[0]).all()
    assert found.wur == 1


def test_long_trains_reach_the_fixed_point():
    """At the plateau a volley adds what decays until the next."""
    tau, kappa = (parameters()[name].value for name in ("tau_w", "kappa"))
    found = temporal_summation(rate_hz=1.0, n=200)
    w, r = found.w[-1], found.responses[-1]
    assert w == pytest.approx((w + kappa * r) * np.exp(-1 / 3600 / tau), rel=1e-9)
    assert w == pytest.approx(1.3, abs=0.1)


@given(share, rates, stimuli, st.floats(0, 1))
def test_wind_up_grows_towards_a_plateau(B, rate, n, S):
    found = temporal_summation(rate_hz=rate, n=n, block=B, sensitization=S)
    steps = np.diff(found.responses)
    assert (steps >= -1e-12).all()
    assert np.isfinite(found.rating).all()
    limit = parameters()["r0"].value + parameters()["G"].value * (1 + parameters()["g_w"].value * S)
    assert (found.responses < limit).all()


@given(share, st.floats(0.01, 1), rates, stimuli)
def test_more_block_never_gives_more_wind_up(B, more, rate, n):
    less = temporal_summation(rate_hz=rate, n=n, block=B)
    most = temporal_summation(rate_hz=rate, n=n, block=min(1.0, B + more))
    assert (most.responses <= less.responses + 1e-12).all()
    assert (most.rating <= less.rating + 1e-12).all()


@given(share, rates, st.floats(1.01, 3), stimuli)
def test_faster_volleys_never_give_less_wind_up(B, rate, times, n):
    slow, fast = (temporal_summation(rate_hz=r, n=n, block=B) for r in (rate, rate * times))
    assert (fast.responses >= slow.responses - 1e-12).all()


@given(st.floats(0, 1), st.floats(0.01, 1), rates)
def test_sensitization_adds_wind_up(S, more, rate):
    less, most = (temporal_summation(rate_hz=rate, sensitization=s) for s in (S, S + more))
    assert most.increment > less.increment


@given(st.floats(0.01, 20), st.floats(1.01, 5))
def test_rating_rises_with_intensity_and_stays_on_its_scale(intensity, times):
    weak, strong = (temporal_summation(i) for i in (intensity, intensity * times))
    assert (strong.rating > weak.rating).all()
    assert ((weak.rating > 0) & (strong.rating < 10)).all()
    assert (strong.responses == weak.responses).all()


# --- people and drugs -----------------------------------------------------------------------------


def test_people_at_once_are_people_one_by_one():
    block, rate, S = np.array([0.0, 0.2, 0.9]), np.array([0.3, 1.0, 2.0]), [0.0, 0.5, 1.0]
    intensity, tau = np.array([0.5, 1.0, 2.0]), np.array([2.0, 3.0, 4.0]) / 3600
    together = temporal_summation(intensity, rate, 9, block=block, sensitization=S, tau_w=tau)
    assert together.rating.shape == together.times.shape == (3, 9)
    assert together.block.shape == together.wur.shape == (3,)
    for i in range(3):
        alone = temporal_summation(
            intensity[i], rate[i], 9, block=block[i], sensitization=S[i], tau_w=tau[i]
        )
        for field in ("times", "responses", "w", "rating"):
            assert (getattr(together, field)[i] == getattr(alone, field)).all()


def test_concentrations_act_through_phasic_block():
    plasma = {"s-ketamine": np.array([0.0, 100.0, 300.0]), "memantine": 20.0}
    blocked = receptor.block(plasma)
    by_concentration = temporal_summation(concentrations=plasma)
    assert (by_concentration.block == blocked.phasic).all()
    assert (by_concentration.responses == temporal_summation(block=blocked).responses).all()
    assert (np.diff(by_concentration.increment) < 0).all()


def test_steps_give_the_same_compiled_and_in_symbols():
    for step, inputs in ((wind_up, [0.8, 0.2, 0.5]), (evoked, [12.0, 1.5])):
        numbers = [*inputs, *own(step)]
        names = sympy.symbols([*step.states, *step.inputs, *step.parameters])
        plain = np.concatenate([np.ravel(part) for part in step(*numbers)])
        compiled = np.concatenate([np.ravel(p) for p in numba.njit(step.function)(*numbers)])
        traced = sympy.lambdify(names, [*step(*names)[0], *step(*names)[1]], "math")(*numbers)
        assert compiled == pytest.approx(plain, rel=1e-13)
        assert traced == pytest.approx(plain, rel=1e-13)


def test_examples_in_the_docstrings():
    assert doctest.testmod(spinal).failed == 0


# --- the library ----------------------------------------------------------------------------------


def test_what_was_fitted_or_assumed_says_why():
    for value in parameters().values():
        assert value.how in ("fitted here", "assumed")
        assert value.note
    assert parameters()["tau_w"].value == pytest.approx(3.29 / 3600)


def test_runs_of_the_cell_are_complete():
    counts = {group: len(runs(group)) for group in ("fitted", "held_out", "other_receptors")}
    assert counts == {"fitted": 32, "held_out": 9, "other_receptors": 6}
    for run in (*runs("fitted"), *runs("held_out"), *runs("other_receptors")):
        assert run.spikes.shape == (16,)
        assert 0 <= run.NMDA <= 1
        assert 0.3 < run.period <= 10
    assert sum(run.spikes.size for run in runs()) == 512
    assert (
        yamlfile.library(spinal.RUNS).data["source"]
        in yamlfile.library(spinal.RUNS).data["sources"]
    )


# --- what the user is told ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"n": 0}, "n: 0 is refused, expected 1 to 100000 stimuli"),
        ({"n": 2.5}, "n: 2.5 is refused, expected 1 to 100000 stimuli"),
        ({"n": True}, "n: true is refused, expected 1 to 100000 stimuli"),
        ({"rate_hz": 0}, "rate_hz: 0 is refused, expected stimuli per second above 0"),
        ({"rate_hz": [1, np.nan]}, "rate_hz: nan is refused, expected a finite number, 0 or more"),
        ({"intensity": "high"}, "intensity: 'high' does not start with a number"),
        ({"block": 1.2}, "block: 1.2 is more than 1"),
        ({"sensitization": -1}, "sensitization: -1.0 is refused"),
        (
            {"block": 0.1, "concentrations": {}},
            "block and concentrations are both given, give one of them",
        ),
        (
            {"block": [0.1, 0.2], "rate_hz": [1, 2, 3]},
            "the shapes do not fit together: rate_hz (3,), block (2,)",
        ),
        ({"tau": 3}, "unknown parameter 'tau'; did you mean 'tau_w'?"),
        ({"tau_w": "3 mg"}, "tau_w: '3 mg' is an amount, expected a time such as '12 h'"),
        ({"r0": 0}, "r0: 0 is refused, expected more than 0"),
    ],
)
def test_bad_input_is_one_line(settings, told):
    with pytest.raises(InputError) as caught:
        temporal_summation(**settings)
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)


def test_unknown_group_of_runs():
    with pytest.raises(InputError, match="unknown group 'all', expected one of fitted, held_out"):
        runs("all")


@pytest.mark.parametrize(("rate", "noted"), [(0.05, True), (0.1, False), (2.0, False), (3.0, True)])
def test_rates_beyond_the_comparison_are_marked(rate, noted):
    notes = temporal_summation(rate_hz=[1.0, rate]).notes
    assert bool(notes) is noted
    assert all(note.startswith("extrapolated") for note in notes)


@pytest.mark.parametrize("page", ["receptor.md", "wind-up.md"])
def test_examples_in_the_documentation(page):
    found = doctest.testfile(str(DOCS / page), module_relative=False)
    assert found.attempted > 2
    assert found.failed == 0
