"""Harm: the steps by themselves, in the chain, and in the hours of a session."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antalgic.dosing import expand, read_item
from antalgic.evidence.findings import model_of
from antalgic.model import harm
from antalgic.model.harm import breathing, circulation, complaints, dissociation, sedation
from antalgic.population import PopulationSpec, conditions
from antalgic.simulation.chain import follow
from antalgic.simulation.session import WATCHED, Session, Watch, heaviest, spanning

LEVEL = st.floats(0, 5000)


def values(step):
    shared = {"s_R": 0.25, "C_high": 71.0}
    known = {n: p.known.value for n, p in harm.parameters().items()} | shared
    return [known[name] for name in step.parameters]


@given(S=LEVEL, R=LEVEL, calm=st.floats(0, 100))
def test_scores_stay_on_their_scales(S, R, calm):
    (score,) = dissociation(S, R, calm, *values(dissociation))[1]
    assert 0 <= score <= harm.CADSS
    (alert,) = sedation(S, R, calm, *values(sedation))[1]
    assert 0 <= alert <= harm.AWAKE
    for risk in complaints(S, R, calm, calm, 0.0, 0.0, *values(complaints))[1]:
        assert 0 <= risk <= 1


@given(S=LEVEL, more=st.floats(0.1, 1000))
def test_more_drug_is_never_less_harm(S, more):
    low = complaints(S, 0.0, 0.0, 0.0, 0.0, 0.0, *values(complaints))[1]
    high = complaints(S + more, 0.0, 0.0, 0.0, 0.0, 0.0, *values(complaints))[1]
    assert all(a <= b for a, b in zip(low, high, strict=True))
    assert dissociation(S + more, 0.0, 0.0, *values(dissociation)) >= dissociation(
        S, 0.0, 0.0, *values(dissociation)
    )


def test_a_benzodiazepine_takes_off_dissociation_and_adds_sedation():
    plain = dissociation(150.0, 0.0, 0.0, *values(dissociation))[1][0]
    assert dissociation(150.0, 0.0, 1.0, *values(dissociation))[1][0] < 0.7 * plain
    assert sedation(0.0, 0.0, 1.0, *values(sedation))[1][0] == pytest.approx(2.5)


def test_cardiac_output_follows_the_s_form_alone():
    *_, output = circulation(320.0, 0.0, *values(circulation))[1]
    assert output == pytest.approx(1.45, abs=0.01)
    SBP, DBP, MAP, *_ = circulation(0.0, 0.0, *values(circulation))[1]
    assert pytest.approx(DBP + (SBP - DBP) / 3) == MAP
    relaxed = circulation(0.0, 0.1, *values(circulation))[1][0]
    assert relaxed == pytest.approx(0.9 * SBP)


def test_s_ketamine_gives_back_a_part_of_the_breath_an_opioid_takes():
    def V(S, R, opioid):
        return breathing(S, R, opioid, 0.0, *values(breathing))[1][0]

    assert V(0.0, 0.0, 0.0) == 1
    assert V(0.0, 0.0, 1.0) == pytest.approx(0.5)
    assert V(127.0, 0.0, 1.0) > V(0.0, 0.0, 1.0)
    # at the level of anaesthesia ketamine takes breath by itself (Bourke 1987)
    assert V(1000.0, 1000.0, 0.0) < 0.65
    assert V(127.0, 0.0, 0.0) > 0.95


# In the chain


def arm(*items, hours=24.0):
    return expand("arm", [read_item(i) for i in items], hours)


INFUSION = {"drug": "s-ketamine", "route": "iv", "rate": "20 mg/h", "for": "2 h"}
PEOPLE = PopulationSpec.model_validate({"size": 200}).people(1)
CRPS = conditions.load("crps")


def attend(regimen, people=PEOPLE, threads=None, session=None):
    session = session or heaviest(regimen)
    return follow(
        "sensitization", model_of(regimen), regimen, CRPS, people, session.times,
        outputs=WATCHED, also=Watch(session), threads=threads, seed=3, trajectories=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def infused():
    return attend(arm(INFUSION))


def test_dissociation_is_highest_when_the_infusion_ends_and_fades(infused):
    session = heaviest(arm(INFUSION))
    mean = infused.mean[infused.outputs.index("dissociation")]
    assert abs(session.times[np.argmax(mean)] - 2.0) < 0.25
    assert mean[-1] < 0.3 * mean.max()


def test_the_mean_risk_is_the_share_of_those_who_have_it(infused):
    risk = infused.values[infused.outputs.index("nausea")]
    had = infused.endpoints["had.nausea"].mean()
    assert had == pytest.approx(risk.max(axis=0).mean(), abs=0.1)


def test_whoever_vomits_is_nauseous(infused):
    assert np.all(infused.endpoints["had.vomiting"] <= infused.endpoints["had.nausea"])


def test_the_same_bits_for_any_number_of_threads(infused):
    again = attend(arm(INFUSION), threads=1)
    for name, column in infused.endpoints.items():
        np.testing.assert_array_equal(column, again.endpoints[name])
    np.testing.assert_array_equal(infused.quantiles, again.quantiles)


def test_everyone_is_fit_at_once_where_nothing_was_given():
    nothing = attend(arm({"drug": "placebo", "route": "iv"}), session=spanning(0.0, 2.0))
    assert nothing.endpoints["session.ready"].max() == 0
    assert nothing.endpoints["session.sedation"].min() == 5
    assert nothing.endpoints["had.dissociated"].max() == 0


def test_fit_to_leave_is_after_the_last_unfit_readout(infused):
    session = heaviest(arm(INFUSION))
    ready = infused.endpoints["session.ready"]
    alert = infused.values[infused.outputs.index("sedation")]
    finite = np.isfinite(ready)
    assert finite.mean() > 0.5
    for person in np.flatnonzero(finite)[:20]:
        after = session.times >= session.end + ready[person] - 1e-9
        assert (alert[after, person] > harm.limit("leave-sedation")).all()


def test_a_table_of_patients_may_give_their_pressure_at_rest():
    people = PopulationSpec.model_validate({"size": 4}).people(1)
    people.extra["SBP0"] = np.array([100.0, 120.0, 140.0, 160.0])
    found = attend(arm({"drug": "placebo", "route": "iv"}), people, session=spanning(0.0, 1.0))
    np.testing.assert_allclose(found.endpoints["session.systolic"], people.extra["SBP0"])


def test_a_rule_may_look_at_dissociation():
    rule = {"every": "30 min", "up": "10 mg/h", "max": "40 mg/h"}
    free = attend(arm({**INFUSION, "titrate": rule}))
    planned = sum(dose.amount for dose in arm({**INFUSION, "titrate": rule}).doses)
    held = attend(arm({**INFUSION, "titrate": {**rule, "hold_if": "dissociation > 10"}}))
    assert held.endpoints["dose.total"].mean() < 0.95 * planned
    peak = "session.dissociation"
    assert held.endpoints[peak].mean() < free.endpoints[peak].mean()


# Which session


def test_the_session_with_the_most_drug_is_followed():
    small = {"drug": "ketamine", "route": "nasal", "amount": "20 mg"}
    large = {**small, "amount": "50 mg", "at": ["10 h", "20 h"]}
    found = heaviest(arm(small, large))
    assert (found.begin, found.end) == (10.0, 10.0)
    assert found.times[0] == 0
    assert found.times[-1] >= 16.0


def test_doses_close_together_are_one_session():
    doses = {"drug": "ketamine", "route": "nasal", "amount": "20 mg", "at": ["0 h", "1 h", "2 h"]}
    found = heaviest(arm(doses))
    assert (found.begin, found.end) == (0.0, 2.0)


def test_no_drug_no_session():
    assert heaviest(arm({"drug": "placebo", "route": "iv"})) is None


@given(begin=st.floats(0, 500), length=st.floats(0, 120))
def test_a_session_is_read_from_its_first_dose_to_hours_after_its_last(begin, length):
    found = spanning(begin, begin + length)
    assert isinstance(found, Session)
    assert found.times[found.inside][0] == pytest.approx(begin)
    assert found.end in found.times
    assert found.times[-1] >= found.end + 6 - 1e-9
    assert (np.diff(found.times) > 0).all()
    assert len(found.times) <= 245
