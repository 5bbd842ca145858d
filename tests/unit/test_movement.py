"""The loop of pain, movement and a joint; exercise; and what a study says of them."""

import numpy as np
import pytest

from antalgic.dosing import expand, read_item
from antalgic.errors import InputError
from antalgic.model import mechanism as mechanisms
from antalgic.model.movement import movement
from antalgic.population import conditions
from antalgic.population.spec import PopulationSpec
from antalgic.simulation.chain import follow
from antalgic.study import loads

DAY, WEEK = 24.0, 168.0
HOURS = np.array([0.0, DAY, WEEK, 4 * WEEK, 8 * WEEK, 12 * WEEK, 24 * WEEK])
PEOPLE = PopulationSpec(size=100).people(3)
PLACEBO = {"drug": "placebo", "route": "oral", "every": "24 h"}
EXERCISE = {"therapy": "exercise", "extent": 0.2, "from": "0 days", "until": "84 days"}
OUTPUTS = ["pain", "activity", "inflammation"]
STUDY = """\
study: moving
condition: osteoarthritis
population: {size: 4}
horizon: 12 weeks
arms:
  exercise:
    - {therapy: exercise, extent: 0.2, from: 0 days, until: 84 days}
seed: 1
"""


def run(*items, condition="osteoarthritis", kind="sensitization", **more):
    """(T, people) by output."""
    regimen = expand("arm", [read_item(item) for item in items], HOURS[-1])
    found = follow(
        kind, None, regimen, conditions.load(condition), PEOPLE, HOURS,
        **{"outputs": OUTPUTS, "trajectories": True, **more},
    )  # fmt: skip
    return dict(zip(found.outputs, found.values, strict=True))


def test_less_pain_moves_people_and_movement_calms_the_joint():
    (more, rest), _ = movement(0.0, 0.0, 4.0, 0.0, 0.6, 168.0, 0.8, 504.0, 6.0)
    assert more == pytest.approx(0.6 * 0.2 / 168)
    assert rest == 0
    (_, calmer), (activity, inflammation) = movement(
        0.2, 0.0, 6.0, 0.0, 0.6, 168.0, 0.8, 504.0, 6.0
    )
    assert calmer == pytest.approx((np.exp(-0.16) - 1) / 504)
    assert (activity, inflammation) == (1.2, 1.0)


@pytest.mark.parametrize("A", [-1.0, -0.3, 0.0, 0.5, 5.0])
def test_inflammation_rests_above_nothing_whatever_the_activity(A):
    resting = np.exp(-0.8 * A) - 1
    assert movement(A, resting, 5.0, 0.0, 0.6, 168.0, 0.8, 504.0, 5.0)[0][1] == 0
    assert 1 + resting > 0


def test_exercise_raises_activity_lowers_inflammation_and_wears_off():
    alone, moving = run(PLACEBO), run(PLACEBO, EXERCISE)
    week4, week12, end = 3, 5, 6
    assert (moving["activity"][week12] - alone["activity"][week12] > 0.2).all()
    assert (moving["inflammation"][week12] < alone["inflammation"][week12]).all()
    assert (moving["pain"][week4:] < alone["pain"][week4:]).all()
    left = np.abs(moving["pain"] - alone["pain"]).mean(axis=1)
    assert left[end] < 0.25 * left[week12]


def test_exercise_alone_holds_activity_at_its_extent():
    found = run(EXERCISE, changes={"a_P": 0.0})
    np.testing.assert_allclose(found["activity"][5], 1.2, rtol=1e-3)
    started = run(EXERCISE | {"from": "4 weeks"}, changes={"a_P": 0.0})
    assert (started["activity"][:4] == 1).all()


def test_the_gain_of_the_loop_is_below_one_and_small():
    known = {n: p.known.value for n, p in mechanisms.parameters().items()}
    circuit = conditions.load("osteoarthritis").circuit
    joint = circuit["I_J"].value / (circuit["I_J"].value + circuit["I_n"].value + known["I_0"])
    gain = known["a_P"] * known["j_A"] / 10 * joint * 2.5  # 2.5 is the steepest of 10/(1 + e^-L)
    assert gain < 0.15
    gap = run(PLACEBO, changes={"a_P": 0.0})["pain"] - run(PLACEBO)["pain"]
    assert 0.05 < gap[4].mean() < 0.2
    # a loop of gain g adds g/(1 - g) of what relief there would be
    relief = gap[0].mean() + run(PLACEBO)["pain"][0].mean() - run(PLACEBO)["pain"][5].mean()
    assert gap[5].mean() < gain / (1 - gain) * relief


def test_in_crps_activity_follows_exercise_only_and_pain_takes_no_notice():
    hurts = run(PLACEBO, condition="crps")
    assert np.ptp(hurts["pain"], axis=0).max() > 1
    np.testing.assert_allclose(hurts["activity"], 1, atol=1e-12)
    moving = run(PLACEBO, EXERCISE, condition="crps")
    np.testing.assert_allclose(moving["activity"][5], 1.2, rtol=1e-3)
    np.testing.assert_allclose(moving["pain"], hurts["pain"], rtol=1e-3)


def test_no_movement_where_no_joint_hurts_and_nobody_asks():
    found = follow(
        "sensitization", None, expand("arm", [], WEEK), conditions.load("crps"), PEOPLE,
        np.array([0.0, WEEK]),
    )  # fmt: skip
    assert not {"activity", "inflammation"} & set(found.outputs)


@pytest.mark.parametrize("kind", mechanisms.names())
def test_same_bits_for_any_number_of_threads(kind):
    regimen = expand("arm", [read_item(EXERCISE)], HOURS[-1])
    one, two = (
        follow(
            kind, None, regimen, conditions.load("osteoarthritis"),
            PopulationSpec(size=300).people(1), HOURS, trajectories=True, threads=n,
        ).values.tobytes()
        for n in (1, 2)
    )  # fmt: skip
    assert one == two


def test_exercise_counts_as_treatment_and_ends_with_the_horizon():
    endless = expand("arm", [read_item(EXERCISE | {"until": "99 weeks"})], WEEK)
    assert endless.treated == (0.0, WEEK)
    late = expand("arm", [read_item(EXERCISE | {"from": "30 days"})], WEEK)
    assert (late.treated, late.exercise) == (None, ())
    assert "dropped" in late.notes[0]


def test_a_result_says_what_speaks_against_exercise():
    notes = " ".join(loads(STUDY).run().notes)
    assert "exploratory" in notes
    assert "no effect of ketamine on physical function" in notes
    assert "without functional improvement" in notes
    assert "no trial of ketamine combined with rehabilitation" in notes


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("extent: 0.2", "extent: 0"), "extent: 0 is no exercise, expected a share above 0"),
        (("extent: 0.2", "extent: 20"), "extent: "),
        (("therapy: exercise", "therapy: yoga"), "therapy: "),
        (("until: 84 days", "until: 0 h"), "until: 0 h is not after 'from'"),
        (("extent: 0.2, ", ""), "extent"),
        (("extent: 0.2", "dose: 0.2"), "unknown field 'dose'"),
    ],
)
def test_bad_exercise_is_one_line_with_its_place(change, said):
    with pytest.raises(InputError) as caught:
        loads(STUDY.replace(*change), "mine.yaml")
    text = str(caught.value)
    assert text.startswith("mine.yaml:7 ")
    assert said in text
    assert "\n" not in text


def test_exercise_without_pain_to_follow_is_refused():
    bare = STUDY.replace("condition: osteoarthritis\n", "").replace(
        "    - {therapy", "    - {drug: ketamine, route: iv, amount: 10 mg}\n    - {therapy"
    )
    with pytest.raises(InputError, match="exercise acts on movement and pain"):
        loads(bare, "mine.yaml").run()
