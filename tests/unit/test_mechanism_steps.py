"""Laws of the steps from receptor to felt pain and mood, whatever their calibrated numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.special import expit, logit, ndtr
from scipy.stats import truncnorm

from antalgic.dosing import expand, read_item
from antalgic.errors import InputError
from antalgic.model import harm
from antalgic.model import mechanism as mechanisms
from antalgic.model.mood import mood, pain_memory, plasticity
from antalgic.model.pain import descending, drive, expectation, nociception, rating, unblinding
from antalgic.model.receptor import block, channel_block, half_block
from antalgic.model.sensitization import (
    central_sensitization,
    maintenance_block,
    metabolite_loss,
)
from antalgic.population import conditions
from antalgic.population.pain import HIGHEST, LOWEST, ratings
from antalgic.population.people import People
from antalgic.simulation.chain import follow

DAY, WEEK = 24.0, 168.0
TAU_R = 15.7 * DAY
WITH_PAIN = [name for name in conditions.names() if name != "healthy"]
INJURED = [name for name in WITH_PAIN if conditions.load(name).injury]


def ode(rates, start, hours, rtol=1e-11, atol=1e-15, method="DOP853"):
    """States (n, T) of dx/dt = rates(t, x)."""
    found = solve_ivp(
        rates, (0, hours[-1]), np.atleast_1d(start), t_eval=hours, method=method,
        rtol=rtol, atol=atol,
    )  # fmt: skip
    assert found.success
    return found.y


def sensitization(S, loss=0.0, B=0.0, S_max=1.0, tau_r=TAU_R, S_U=-3.0, k_LTP=0.0, I=0.0):
    (rate,), _ = central_sensitization(S, I, loss, B, S_max, tau_r, S_U, k_LTP)
    return rate


def course(start, hours, **more):
    """Sensitization over time from a start."""
    return ode(lambda _, s: [sensitization(s[0], **more)], start, hours)[0]


def nobody_in_particular(n):
    return People(
        np.arange(n) + 1, np.full(n, 70.0), np.full(n, 40.0), np.full(n, 170.0),
        np.zeros(n, dtype=bool), np.full(n, "other"),
    )  # fmt: skip


def arm(*items, horizon=12 * WEEK):
    return expand("arm", [read_item(item) for item in items], horizon)


# Sensitization


@pytest.mark.parametrize("S_U", [-1e6, -3.0, -0.2, 0.15, 0.4, 0.9])
@pytest.mark.parametrize("S_max", [0.25, 1.0])
def test_the_slope_at_the_chronic_state_is_one_over_tau_r_whatever_the_unstable_state(S_U, S_max):
    h = 1e-6 * S_max
    up, down = (sensitization(S_max + d, S_max=S_max, S_U=S_U) for d in (h, -h))
    assert (up - down) / (2 * h) == pytest.approx(-1 / TAU_R, rel=1e-6)
    assert sensitization(S_max, S_max=S_max, S_U=S_U) == 0


@pytest.mark.parametrize("S_max", [0.25, 1.0])
def test_far_below_zero_the_odds_of_health_decay_exponentially(S_max):
    hours = np.linspace(0, 8 * TAU_R, 60)
    q = course(0.5 * S_max, hours, S_max=S_max, S_U=-1e6) / S_max
    np.testing.assert_allclose((1 - q) / q, np.exp(-hours / TAU_R), rtol=1e-6)


@pytest.mark.parametrize("loss", [0.001, 0.02])
def test_far_below_zero_loss_feeds_the_odds_of_health(loss):
    hours = np.linspace(0, 10 * DAY, 30)
    q = course(1.0, hours, S_U=-1e6, loss=loss)
    Q = ode(lambda _, Q: [loss * (1 + Q[0]) - Q[0] / TAU_R], 0.0, hours)[0]
    np.testing.assert_allclose((1 - q) / q, Q, rtol=2e-6, atol=1e-12)


@pytest.mark.parametrize("S_U", [-3.0, 0.3])
def test_health_stays_health_without_drive(S_U):
    assert (course(0.0, np.array([0.0, 100 * WEEK]), S_U=S_U) == 0).all()


def test_with_two_stable_states_the_unstable_one_parts_healing_from_return():
    hours = np.array([0.0, 300 * WEEK])
    for S_max in (0.5, 1.0):
        low, high = (
            course(near * 0.3 * S_max, hours, S_max=S_max, S_U=0.3)[-1] for near in (0.99, 1.01)
        )
        assert low < 1e-6
        assert high == pytest.approx(S_max, rel=1e-6)


@pytest.mark.parametrize("S_U", [0.1, 0.3, 0.6])
@pytest.mark.parametrize("S_max", [0.4, 1.0])
def test_a_drive_above_the_threshold_brings_sensitization_back(S_U, S_max):
    threshold = S_U**2 / (4 * TAU_R * (1 - S_U))
    hours = np.array([0.0, 2000 * WEEK])
    more = {"S_max": S_max, "S_U": S_U, "I": 1.0}
    assert course(0.0, hours, k_LTP=0.97 * threshold, **more)[-1] < S_U * S_max / 2
    assert course(0.0, hours, k_LTP=1.03 * threshold, **more)[-1] > 0.999 * S_max


def test_phasic_block_prevents_induction_and_does_not_undo_it():
    free, blocked = (sensitization(0.0, B=B, k_LTP=0.01, I=1.0) for B in (0.0, 0.5))
    assert blocked == pytest.approx(free / 4)
    assert sensitization(0.0, B=1.0, k_LTP=0.01, I=1.0) == 0
    assert sensitization(1.0, B=0.5, k_LTP=0.01, I=1.0) == 0


def test_loss_by_block_is_quadratic_far_below_its_threshold_and_linear_above():
    def loss(B):
        return maintenance_block(B, 0.07, 0.05)[1][0]

    assert loss(2e-6) / loss(1e-6) == pytest.approx(4, rel=1e-4)
    assert maintenance_block(1.0, 0.07, 1e-9)[1][0] == pytest.approx(0.07)
    wide = [maintenance_block(B, 0.07, 1e-5)[1][0] for B in (0.2, 0.4)]
    assert wide[1] / wide[0] == pytest.approx(2, rel=1e-4)
    assert maintenance_block(0.0, 0.07, 0.05)[1][0] == 0


def test_loss_by_metabolite_is_half_at_its_concentration():
    assert metabolite_loss(60.0, 40.0, 0.02, 100.0)[1][0] == pytest.approx(0.01)


# Block


@pytest.mark.parametrize("changes", [{}, {"phi": 4.0}, {"Mg": 2000.0}, {"phi": 2.5, "Mg": 400.0}])
@given(c=st.lists(st.floats(0, 2000), min_size=4, max_size=4))
def test_the_block_of_a_channel_is_that_of_the_receptor(changes, c):
    names = ("s-ketamine", "r-ketamine", "s-norketamine", "r-norketamine")
    whole = block(dict(zip(names, c, strict=True)), **changes)
    potency = half_block(**changes)
    _, (phasic, tonic) = channel_block(
        *c, 0.0, 0.0, *(potency[p] for p in channel_block.parameters)
    )
    assert phasic == pytest.approx(float(whole.phasic), rel=1e-9, abs=1e-15)
    # p is the phasic potency of a ligand; that at tonic sites must not differ
    assert tonic == pytest.approx(float(whole.tonic), rel=1e-9, abs=1e-15)


def test_half_block_is_for_one_binding_site():
    with pytest.raises(InputError, match=r"^n: .*one site"):
        half_block(n=2.0)


# Pain


ACUTE = "experimental-pain"


def untreated(kind, name):
    """Outputs (k, T, people) without treatment, over twelve weeks."""
    hours = np.array([0.0, 1.0, DAY, 4 * WEEK, 12 * WEEK])
    found = follow(
        kind, None, arm(), conditions.load(name), nobody_in_particular(20), hours,
        trajectories=True,
    )  # fmt: skip
    return found.outputs, found.values


def still(values):
    np.testing.assert_allclose(
        values, np.broadcast_to(values[:, :1], values.shape), rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize(
    "name", [name for name in WITH_PAIN if name != ACUTE and name not in INJURED]
)
@pytest.mark.parametrize("kind", mechanisms.names())
def test_nothing_moves_without_treatment(kind, name):
    outputs, values = untreated(kind, name)
    still(values)
    assert (values[outputs.index("expectation")] == 0).all()


@pytest.mark.parametrize("kind", mechanisms.names())
def test_a_volunteer_in_experimental_pain_stays_as_he_is(kind):
    still(untreated(kind, ACUTE)[1])


@given(L_0=st.floats(-4, 4), x=st.floats(-1, 3), w_e=st.floats(0, 0.9), tau_e=st.floats(24, 2000))
def test_expectation_makes_a_held_response_grow_by_its_weight(L_0, x, w_e, tau_e):
    hours = np.array([0.0, 0.3, 1.0, 3.0, 200 / (1 - w_e)]) * tau_e
    E = ode(lambda _, e: expectation(e[0], L_0, 1.0, w_e, tau_e, x)[0], L_0, hours, 1e-9)[0]
    L = np.array([expectation(e, L_0, 1.0, w_e, tau_e, x)[1][0] for e in E])
    relief = x / (1 - w_e) * (1 - w_e * np.exp(-(1 - w_e) * hours / tau_e))
    np.testing.assert_allclose(L_0 - L, relief, rtol=1e-6, atol=1e-7)
    assert L_0 - L[0] == pytest.approx(x, abs=1e-12)
    assert L_0 - L[-1] == pytest.approx(x / (1 - w_e), abs=1e-6)


def test_a_lasting_response_to_placebo_grows_and_another_fades():
    given_placebo = arm({"drug": "placebo", "for": "12 weeks"})
    hours = np.linspace(0, 12 * WEEK, 43)
    n, w_e, tau_e, tau_x = 30, 0.4, 500.0, 170.0
    own = {"g_M": 0.0, "w_e": w_e, "tau_e": tau_e, "tau_x": tau_x}

    def run(lasting):
        found = follow(
            "block", None, given_placebo, conditions.load("crps"), nobody_in_particular(n), hours,
            changes={**own, "lasting": lasting}, trajectories=True, rtol=1e-7,
        )  # fmt: skip
        values = dict(zip(found.outputs, found.values, strict=True))
        return values["expectation"], logit(values["pain"] / 10), found.parameters["x"]

    X, L, x = run(1.0)
    np.testing.assert_allclose(X[1:], 1.0, rtol=1e-9)
    growth = (1 - w_e * np.exp(-(1 - w_e) * hours[1:] / tau_e)) / (1 - w_e)
    np.testing.assert_allclose(L[0] - L[1:], growth[:, None] * x, atol=1e-5)
    X, L, x = run(0.0)
    np.testing.assert_allclose(X[1:], np.exp(-hours[1:] / tau_x)[:, None].repeat(n, 1), rtol=1e-6)
    assert (abs(L[0] - L[-1]) < abs(x)).all()


@given(L=st.floats(-700, 700), C=st.floats(0, 1000), M=st.floats(0, 1), M0=st.floats(0, 1))
def test_ratings_stay_on_their_scale(L, C, M, M0):
    _, (pain, unpleasant) = rating(L, C, M, 0.0, 0.002, 1.0, M0)
    assert 0 <= pain <= 10
    assert 0 <= unpleasant <= 10
    assert pain == pytest.approx(10 * expit(L), rel=1e-12)


def test_what_raises_and_what_lowers_pain():
    base = {
        "I": 0.02, "S": 0.5, "B_phasic": 0.2, "D": 0.3, "M": 0.25, "C_SN": 0.0, "C_RN": 0.0,
        "relief": 0.0,
        "a_0": 1.0, "I_0": 0.001, "g_S": 5.0, "g_N": 10.0, "g_NK": 0.0, "g_M": 1.0, "M0": 0.25,
    }  # fmt: skip

    def L(**change):
        return nociception(*(base | change).values())[1][0]

    assert L(S=0.6) - L() == pytest.approx(0.5)
    assert L(B_phasic=0.3) - L() == pytest.approx(-1.0)
    assert L(D=1.3) - L() == pytest.approx(-1.0)
    assert L(M=0.35) - L() == pytest.approx(0.1)
    assert L(C_SN=100.0) == L()
    assert L(C_SN=60.0, C_RN=40.0, g_NK=0.01) - L() == pytest.approx(1.0)
    assert L(I=0.041) - L() == pytest.approx(np.log(2))
    assert L(relief=0.7) - L() == pytest.approx(-0.7)
    assert descending(0.5, 0.0, 0.1, 0.5, 4.0, 2.0)[1][0] == pytest.approx(1.3)
    assert descending(0.5, 0.4, 0.1, 0.5, 4.0, 2.0)[1][0] == pytest.approx(1.7)


def test_what_each_treatment_takes_off_the_drive():
    base = {
        "W": 0.0, "J": 0.0, "E_ns": 0.0, "E_al": 0.0, "b": 0.0, "I_n": 0.02, "I_e": 0.03,
        "I_J": 0.4,
    }  # fmt: skip

    def reaches(**change):
        return drive(*(base | change).values())[1][0]

    assert reaches() == pytest.approx(0.45)
    assert reaches(W=0.5) == pytest.approx(0.95)
    assert reaches(J=-0.25) == pytest.approx(0.35)
    assert reaches(E_ns=0.5) == pytest.approx(0.25)
    assert reaches(E_ns=0.5, I_J=0.0) == reaches(I_J=0.0)
    assert reaches(E_al=0.5) == pytest.approx(0.435)
    assert reaches(b=1.0) == 0.0


def test_another_blocker_shares_the_channel():
    _, (alone, _) = channel_block(0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 800.0, 700.0, 0.2, 0.2, 0.02)
    assert alone == pytest.approx(0.5 / 1.5)
    _, (both, _) = channel_block(800.0, 0.0, 0.0, 0.0, 0.5, 0.0, 800.0, 700.0, 0.2, 0.2, 0.02)
    assert both == pytest.approx(1.5 / 2.5)


def test_noticing_the_drug_saturates():
    assert unblinding(71.0, 0.0, 0.02, 71.0, 0.25)[1][0] == pytest.approx(0.01)
    assert unblinding(0.0, 4 * 71.0, 0.02, 71.0, 0.25)[1][0] == pytest.approx(0.01)
    assert unblinding(1e9, 0.0, 0.02, 71.0, 0.25)[1][0] == pytest.approx(0.02)


# Mood and plasticity

SHARE = st.floats(0, 1)


@given(
    P=st.floats(-1, 1), K=st.floats(0, 1e3), R=st.floats(0, 1, exclude_max=True),
    M0=st.floats(0, 0.5), c_PM=SHARE, c_K=SHARE, c_R=SHARE, K_50=st.floats(0.01, 10),
)  # fmt: skip
def test_mood_stays_on_its_scale(P, K, R, M0, c_PM, c_K, c_R, K_50):
    _, (M, madrs) = mood(P, K, R, M0, c_PM, c_K, c_R, K_50)
    assert 0 <= madrs <= 60
    assert madrs == 60 * M
    assert mood(0.0, 0.0, 0.0, M0, c_PM, c_K, c_R, K_50)[1][0] == M0


@given(
    B=st.just(0.0) | st.floats(1e-6, 1), k_K=st.floats(0.1, 10), tau_K=st.floats(1, 48),
    k_R=st.floats(0.001, 1), tau_R=st.floats(100, 3000),
)  # fmt: skip
def test_plasticity_fills_and_never_overflows(B, k_K, tau_K, k_R, tau_R):
    hours = np.array([0.0, 2.0, DAY, WEEK, 12 * WEEK])
    K, R = ode(
        lambda _, y: plasticity(*y, B, k_K, tau_K, k_R, 0.3, tau_R)[0], [0.0, 0.0], hours,
        1e-8, 1e-13, "LSODA",
    )  # fmt: skip
    assert (K >= 0).all()
    assert ((R >= 0) & (R < 1)).all()
    np.testing.assert_allclose(
        K, B * k_K * tau_K * (1 - np.exp(-hours / tau_K)), rtol=1e-4, atol=1e-9
    )


def test_plasticity_fades_when_its_trigger_is_gone():
    (_, fall), _ = plasticity(0.0, 0.6, 0.0, 2.0, 8.0, 0.04, 0.3, 500.0)
    assert fall == pytest.approx(-0.6 / 500)


def test_pain_memory_follows_the_pain_in_tenths():
    (rate,), _ = pain_memory(0.0, 4.0, 72.0, 7.0)
    assert rate == pytest.approx(-0.3 / 72)
    assert pain_memory(-0.3, 4.0, 72.0, 7.0)[0][0] == pytest.approx(0.0)


# Baseline


@pytest.mark.parametrize(("mean", "sd"), [(7.1, 1.8), (5.0, 2.5), (9.0, 1.5), (2.0, 0.4)])
def test_ratings_are_a_truncated_normal(mean, sd):
    known = truncnorm((LOWEST - mean) / sd, (HIGHEST - mean) / sd, mean, sd)
    rng = np.random.default_rng(3)
    found = ratings(mean, sd, rng.standard_normal(200_000))
    assert LOWEST < found.min() < found.max() < HIGHEST
    assert found.mean() == pytest.approx(known.mean(), abs=5 * known.std() / np.sqrt(len(found)))
    assert found.std() == pytest.approx(known.std(), rel=0.01)
    z = np.array([-2.0, -0.5, 0.0, 1.0, 2.5])
    np.testing.assert_allclose(ratings(mean, sd, z), known.ppf(ndtr(z)), rtol=1e-9)


def test_extreme_scores_stay_on_the_scale():
    found = ratings(7.0, 2.0, np.array([-40.0, -9.0, 9.0, 40.0]))
    assert ((found >= LOWEST) & (found <= HIGHEST)).all()


def test_ratings_without_spread_are_the_mean_on_the_scale():
    assert (ratings(7.0, 0.0, np.zeros(3)) == 7.0).all()
    assert ratings(10.0, 0.0, np.zeros(1))[0] == HIGHEST


# When treatment begins and ends

INFUSION = {"drug": "s-ketamine", "route": "iv", "rate": "20 mg/h", "for": "4 h"}


@pytest.mark.parametrize(
    ("items", "treated"),
    [
        ([], None),
        ([INFUSION], (0.0, 4.0)),
        ([INFUSION | {"at": "2 days"}], (48.0, 52.0)),
        ([INFUSION | {"every": "1 day", "times": 10}], (0.0, 9 * 24 + 4.0)),
        ([{"drug": "ketamine", "route": "iv", "amount": "20 mg", "at": "5 h"}], (5.0, 5.0)),
        ([{"drug": "placebo", "for": "100 h"}], (0.0, 100.0)),
        ([{"drug": "placebo", "at": "1 day"}], (24.0, 24.0)),
        ([INFUSION, {"drug": "placebo", "at": "1 week", "for": "2 h"}], (0.0, 170.0)),
        ([{"drug": "placebo", "every": "1 day"}], (0.0, 83 * 24.0)),
        ([{"drug": "placebo", "for": "99 weeks"}], (0.0, 12 * WEEK)),
        (
            [{"drug": "s-ketamine", "route": "iv", "rate": "5 mg/h", "for": "100 h",
              "titrate": {"every": "8 h", "up": "5 mg/h", "max": "20 mg/h"}}],
            (0.0, 100.0),
        ),
    ],
)  # fmt: skip
def test_treatment_lasts_from_first_contact_to_the_end_of_the_last(items, treated):
    assert arm(*items).treated == treated


def test_treatment_after_the_horizon_is_none():
    assert arm(INFUSION | {"at": "20 weeks"}).treated is None


def test_no_two_parameters_of_the_chain_share_a_name():
    channel = set(half_block())
    for name in mechanisms.names():
        for used in mechanisms.load(name).circuit(None).uses:
            assert used.name == "channel" or channel.isdisjoint(used.parameters.values())
    assert channel.isdisjoint(harm.UNITS)
    assert harm.UNITS.keys().isdisjoint(mechanisms.UNITS)
