"""Doses that a rule decides on: the states are carried from look to look."""

import numpy as np
import pytest

from antalgic.errors import InputError
from antalgic.population import conditions
from antalgic.simulation.chain import follow
from antalgic.study import load, loads

STUDY = """
study: titrated
condition: crps
population: {{size: {size}}}
horizon: 60 h
arms:
  decided:
    - {{drug: {drug}, route: iv, rate: 5 mg/h, for: 40 h,
       titrate: {{every: 8 h, up: 5 mg/h, max: 20 mg/h{rule}}}}}
outputs: [pain, {drug}]
seed: 1
"""


def run(rule="", size=40, drug="s-ketamine", threads=2):
    text = STUDY.format(rule=f', hold_if: "{rule}"' if rule else "", size=size, drug=drug)
    return loads(text).run(threads=threads)


@pytest.mark.parametrize("drug", ["s-ketamine", "ketamine"])
def test_a_rule_that_never_holds_changes_nothing(drug):
    plain, ruled = run(drug=drug), run("pain > 10", drug=drug)
    np.testing.assert_allclose(ruled.quantiles, plain.quantiles, rtol=1e-12, atol=1e-12)
    dose = 8 * 5 + 8 * 10 + 8 * 15 + 16 * 20
    np.testing.assert_allclose(ruled.patients["dose.total"], dose)


def test_a_rule_that_always_holds_keeps_the_first_rate():
    held = run("pain < 10")
    np.testing.assert_allclose(held.patients["dose.total"], 40 * 5.0)
    flat = loads(
        STUDY.format(rule="", size=40, drug="s-ketamine").replace("max: 20", "max: 5")
    ).run()
    np.testing.assert_allclose(held.quantiles, flat.quantiles, rtol=1e-4, atol=1e-4)


def test_each_person_is_decided_on_alone():
    ruled = run("pain < 4")
    total = ruled.patients["dose.total"]
    assert total.min() < total.max()
    assert set(np.unique(total)) <= {float(8 * sum(rates)) for rates in _ladders()}
    # those with less pain were held more
    least = ruled.patients["pain.least"]
    assert np.corrcoef(total, least)[0, 1] > 0.3


def _ladders():
    """All rates over five intervals that start at 5 and rise by 5 or stay, to 20 at most."""
    ladders = [(5,)]
    for _ in range(4):
        ladders = [(*r, n) for r in ladders for n in {r[-1], min(r[-1] + 5, 20)}]
    return ladders


def test_same_bits_for_any_number_of_threads_and_people():
    one, two = run("pain < 4", threads=1), run("pain < 4", threads=2)
    np.testing.assert_array_equal(one.quantiles, two.quantiles)
    more = run("pain < 4", size=100)
    np.testing.assert_array_equal(more.patients["dose.total"][:40], one.patients["dose.total"][:40])


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("hunger > 40", "hold_if: 'hunger' is not predicted, expected one of pain, "),
        ("dizzyness > 1", "hold_if: 'dizzyness' is not predicted; did you mean 'dizziness'?"),
        ("pain is low", "'pain is low' is no rule, expected an output, < or >, and a number"),
        ("pain < ", "is no rule"),
    ],
)
def test_a_wrong_rule_is_named(rule, said):
    with pytest.raises(InputError) as caught:
        run(rule)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_rule_needs_pain():
    text = STUDY.format(rule=', hold_if: "pain < 3"', size=5, drug="s-ketamine")
    with pytest.raises(InputError, match="hold_if needs pain to be followed"):
        loads(text.replace("condition: crps\n", "").replace("[pain, s-k", "[s-k")).run()


# --- rules that pause, stop and give -----------------------------------------------------------

SESSION = """
study: session
condition: crps
population: {{size: {size}}}
horizon: 8 h
output_every: 1 h
arms:
  ruled:
    - {{drug: {drug}, route: iv, rate: 20 mg/h, for: 4 h{rule}}}
{more}
outputs: [pain, block, {drug}]
seed: 1
"""
BOLUS = "    - {drug: s-ketamine, route: iv, amount: 5 mg, every: 1 h, until: 6 h%s}"


def session(rule="", more="", size=40, drug="s-ketamine", threads=2):
    text = SESSION.format(rule=f", {rule}" if rule else "", more=more, size=size, drug=drug)
    return loads(text).run(threads=threads)


@pytest.mark.parametrize("drug", ["s-ketamine", "ketamine"])
@pytest.mark.parametrize("rule", ["pause_if", "stop_if"])
def test_an_infusion_whose_rule_never_holds_runs_on(rule, drug):
    plain = session(drug=drug)
    ruled = session(f'{rule}: "pain > 10", check: 15 min', drug=drug)
    np.testing.assert_allclose(ruled.quantiles, plain.quantiles, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ruled.patients["dose.total"], 80, rtol=1e-12)
    assert (ruled.patients[f"session.{'pauses' if rule == 'pause_if' else 'stopped'}"] == 0).all()


@pytest.mark.parametrize("rule", ["pause_if", "stop_if"])
def test_an_infusion_whose_rule_always_holds_ends_with_its_first_piece(rule):
    ruled = session(f'{rule}: ["pain > 10", "pain < 10"], check: 15 min')
    short = loads(SESSION.format(rule="", more="", size=40, drug="s-ketamine")
                  .replace("for: 4 h", "for: 15 min")).run()  # fmt: skip
    np.testing.assert_allclose(ruled.patients["dose.total"], 5.0)
    np.testing.assert_allclose(
        ruled.quantiles.sel(output=["block", "s-ketamine"]),
        short.quantiles.sel(output=["block", "s-ketamine"]), rtol=1e-4, atol=1e-6,
    )  # fmt: skip
    counted = ruled.patients["session.pauses" if rule == "pause_if" else "session.stopped"]
    assert (counted == 1).all()


def test_a_paused_infusion_goes_on_and_a_stopped_one_does_not():
    rule, check = '"block > 0.12"', "check: 15 min"
    paused = session(f"pause_if: {rule}, {check}").patients
    stopped = session(f"stop_if: {rule}, {check}").patients
    held = paused["session.pauses"] > 0
    assert held.any()
    assert ((stopped["session.stopped"] == 1) == held).all()
    assert (paused["dose.total"] >= stopped["dose.total"]).all()
    assert (paused["dose.total"] > stopped["dose.total"]).any()
    assert (paused["dose.total"][held] < 80).all()
    assert set(np.unique(paused["dose.total"] / 5 % 1)) == {0.0}


def test_a_course_begins_anew_after_one_that_was_stopped():
    once = session('stop_if: "pain < 10", check: 15 min')
    twice = session('stop_if: "pain < 10", check: 15 min, every: 4 h, times: 2')
    np.testing.assert_allclose(once.patients["dose.total"], 5)
    np.testing.assert_allclose(twice.patients["dose.total"], 10)
    assert (twice.patients["session.stopped"] == 1).all()


def test_a_paused_titration_is_not_raised():
    titrate = "titrate: {every: 1 h, up: 10 mg/h, max: 50 mg/h}"
    free = session(titrate).quantiles
    never = session(f'{titrate}, pause_if: "pain > 10", check: 30 min')
    np.testing.assert_allclose(never.quantiles, free, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(never.patients["dose.total"], 20 + 30 + 40 + 50)
    # held at the first rate and never paused; then paused at every look
    held = session('titrate: {every: 1 h, up: 10 mg/h, max: 50 mg/h, hold_if: "pain < 10"}, '
                   'stop_if: "pain > 10", check: 30 min')  # fmt: skip
    np.testing.assert_allclose(held.patients["dose.total"], 80)
    always = session(f'{titrate}, pause_if: "pain < 10", check: 30 min')
    np.testing.assert_allclose(always.patients["dose.total"], 10)


def test_a_titration_from_nothing_can_be_held():
    text = STUDY.format(rule=', hold_if: "pain < 10"', size=8, drug="s-ketamine")
    held = loads(text.replace("rate: 5 mg/h", "rate: 0 mg/h")).run()
    np.testing.assert_array_equal(held.patients["dose.total"], 0)


def test_doses_as_needed_are_given_where_the_rule_holds_and_not_too_often():
    always = session(more=BOLUS % ', give_if: "pain < 10"')
    scheduled = session(more=BOLUS % "")
    np.testing.assert_allclose(always.quantiles, scheduled.quantiles, rtol=1e-12, atol=1e-12)
    assert (always.patients["rescue.doses"] == 6).all()
    never = session(more=BOLUS % ', give_if: "pain > 10"')
    plain = session()
    np.testing.assert_allclose(never.quantiles, plain.quantiles, rtol=1e-4, atol=1e-5)
    assert (never.patients["rescue.doses"] == 0).all()
    few = session(more=BOLUS % ', give_if: "pain < 10", most: 2')
    np.testing.assert_allclose(few.patients["dose.total"], 80 + 2 * 5)
    some = session(more=BOLUS % ', give_if: "pain > 4"').patients
    assert 0 < some["rescue.doses"].mean() < 6
    np.testing.assert_allclose(some["dose.total"], 80 + 5 * some["rescue.doses"])


def test_a_look_at_the_start_sees_the_state_before_treatment():
    found = session(more=BOLUS.replace("until: 6 h", "times: 1") % ', give_if: "pain > 5"').patients
    assert ((found["rescue.doses"] == 1) == (found["pain.baseline"] > 5)).all()
    assert 0 < found["rescue.doses"].sum() < len(found)


def test_what_rules_decide_has_units():
    rule = 'pause_if: "pain > 9", stop_if: "pain > 9.5", check: 1 h'
    units = session(rule, BOLUS % ', give_if: "pain > 9"').patients.attrs["units"]
    assert units["dose.total"] == "mg"
    assert [units[c] for c in ("session.pauses", "session.stopped", "rescue.doses")] == ["1"] * 3


def test_rules_give_the_same_bits_for_any_number_of_threads_and_people():
    rule = 'pause_if: ["block > 0.12", "pain < 2"], stop_if: "block > 0.17", check: 15 min'
    more = BOLUS % ', give_if: "pain > 4", most: 3'
    one, two = (session(rule, more, size=300, threads=n) for n in (1, 2))
    np.testing.assert_array_equal(one.quantiles, two.quantiles)
    columns = ["dose.total", "session.pauses", "session.stopped", "rescue.doses", "pain.least"]
    np.testing.assert_array_equal(one.patients[columns], two.patients[columns])
    some = session(rule, more, size=144)  # whole blocks of sixteen, and another chunk
    np.testing.assert_array_equal(some.patients[columns], one.patients[columns][:144])


@pytest.mark.parametrize("field", ["pause_if", "stop_if", "give_if"])
def test_a_rule_on_what_is_not_predicted_is_named_with_its_line(field, tmp_path):
    rule = f'{field}: ["pain > 5", "sleep > 3"]'
    if field == "give_if":
        text = SESSION.format(rule="", more=BOLUS % f", {rule}", size=4, drug="s-ketamine")
    else:
        text = SESSION.format(rule=f", {rule}, check: 1 h", more="", size=4, drug="s-ketamine")
    path = tmp_path / "study.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load(path).run()
    said = str(caught.value)
    assert f"{field}: 'sleep' is not predicted, expected one of pain, " in said
    assert "study.yaml:8 arms.ruled" in said
    assert "\n" not in said


def test_what_was_decided_can_be_followed_again_on_other_times():
    rule = ', pause_if: "block > 0.12", check: 15 min'
    study = loads(SESSION.format(rule=rule, more="", size=20, drug="s-ketamine"))
    first = study.run(trajectories=True).arms[0]
    again = follow(
        first.mechanism, first.model, first.regimen, conditions.load("crps"), study.people(),
        np.linspace(0, 8, 97), seed=1, given=first.chain.given, trajectories=True,
        outputs=first.chain.outputs,
    )  # fmt: skip
    assert (first.chain.endpoints["session.pauses"] > 0).any()
    np.testing.assert_allclose(again.values[:, ::12], first.chain.values, rtol=1e-3, atol=1e-4)
