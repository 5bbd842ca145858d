"""What holds for every rule: no one is given more than planned, and counts add up."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from antalgic.dosing import expand, read_item
from antalgic.model import shelf
from antalgic.population import conditions
from antalgic.population.spec import PopulationSpec
from antalgic.simulation.chain import follow

MODEL = shelf.load("fanta2015+otto2021")
PEOPLE = PopulationSpec(size=32).people(5)
HOURS = np.linspace(0, 6, 13)

rules = st.one_of(
    st.floats(2, 8).map(lambda x: f"pain < {x:.3f}"),
    st.floats(0.02, 0.2).map(lambda x: f"block > {x:.4f}"),
)
any_of = st.lists(rules, min_size=1, max_size=3)
minutes = st.sampled_from([10, 15, 25, 60])


@st.composite
def sessions(draw):
    """An infusion that may be titrated, paused and stopped; often a dose as needed beside it."""
    check = draw(minutes)
    item = {
        "drug": "s-ketamine", "route": "iv", "rate": "20 mg/h", "for": "4 h",
        "check": f"{check} min",
        draw(st.sampled_from(["pause_if", "stop_if"])): draw(any_of),
    }  # fmt: skip
    if draw(st.booleans()):
        item["titrate"] = {"every": "50 min", "up": "5 mg/h", "max": "30 mg/h"}
        if draw(st.booleans()):
            item["titrate"]["hold_if"] = draw(any_of)
    needed = {
        "drug": "s-ketamine", "route": "iv", "amount": "4 mg", "for": "5 min",
        "every": f"{draw(minutes)} min", "until": "5 h", "give_if": draw(any_of),
        "most": draw(st.integers(1, 9)),
    }  # fmt: skip
    return [item, needed] if draw(st.booleans()) else [item]


def run(items, hours=HOURS, **more):
    regimen = expand("arm", [read_item(item) for item in items], hours[-1])
    return regimen, follow(
        "sensitization", MODEL, regimen, conditions.load("crps"), PEOPLE, hours,
        trajectories=True, **more,
    )  # fmt: skip


@settings(max_examples=25)
@given(sessions())
def test_nobody_is_given_more_than_planned_and_the_counts_add_up(items):
    regimen, found = run(items)
    planned = np.array([dose.amount for dose in regimen.doses])
    number = np.array([dose.item for dose in regimen.doses])
    assert np.isfinite(found.values).all()
    assert (found.given >= 0).all()
    assert (found.given <= planned * (1 + 1e-9)).all()
    np.testing.assert_allclose(found.endpoints["dose.total"], found.given.sum(axis=1))
    infusion = found.given[:, number == 0]
    assert (infusion[:, 0] == planned[number == 0][0]).all()  # the first piece is never decided
    off = infusion == 0
    begins = (off[:, 1:] & ~off[:, :-1]).sum(axis=1)
    if "stop_if" in items[0]:
        assert ((found.endpoints["session.stopped"] == 1) == off.any(axis=1)).all()
        assert (off[:, 1:] >= off[:, :-1]).all()
    else:
        assert (found.endpoints["session.pauses"] == begins).all()
    if len(items) > 1:
        needed = found.given[:, number == 1]
        assert (found.endpoints["rescue.doses"] == (needed > 0).sum(axis=1)).all()
        assert found.endpoints["rescue.doses"].max() <= items[1]["most"]


@settings(max_examples=10)
@given(sessions())
def test_what_was_decided_is_what_the_rules_say_of_the_outputs(items):
    """At each look the outputs that people are seen with agree with what they were given."""
    regimen, _ = run(items)
    course = regimen.decisions[0].courses[0]
    looks = np.unique([*HOURS, *course])
    _, found = run(items, looks)
    number = np.array([dose.item for dose in regimen.doses])
    got = found.given[:, number == 0] > 0
    decision = regimen.decisions[0]
    for piece, time in enumerate(course[1:], 1):
        now = found.values[:, np.searchsorted(looks, time)]
        met = np.zeros(len(PEOPLE), dtype=bool)
        for rule in (*decision.pause, *decision.stop):
            value = now[found.outputs.index(rule.output)]
            met |= value > rule.bound if rule.above else value < rule.bound
        expected = ~met & (got[:, piece - 1] | bool(decision.pause))
        assert (got[:, piece] == expected).all()


@settings(max_examples=10)
@given(sessions())
def test_amounts_known_before_give_what_deciding_them_gave(items):
    _, found = run(items)
    _, again = run(items, given=found.given)
    np.testing.assert_allclose(again.values, found.values, rtol=2e-3, atol=2e-4)
