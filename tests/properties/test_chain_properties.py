"""What must hold for every person and every arm on the way from dose to felt pain."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antalgic.dosing import expand, read_item
from antalgic.model import shelf
from antalgic.population import conditions
from antalgic.population.people import People
from antalgic.population.spec import PopulationSpec
from antalgic.simulation.chain import CHUNK, follow

WEEK = 168.0
HOURS = np.unique([0.0, 1.0, 6.0, 30.0, *np.linspace(0, 4 * WEEK, 29)])
MODEL = shelf.load("fanta2015+otto2021")
WITH_PAIN = [name for name in conditions.names() if name != "healthy"]
PLACEBO = {"drug": "placebo", "for": "100 h"}
INFUSION = {"drug": "s-ketamine", "route": "iv", "rate": "20 mg/h", "for": "100 h"}
EVERYBODY = PopulationSpec(size=200).people(5)


def arm(*items):
    return expand("arm", [read_item(item) for item in items], HOURS[-1])


def run(*items, people=EVERYBODY, condition="crps", model=MODEL, hours=HOURS, **more):
    """An arm followed, people's trajectories kept; without doses there is no blood model."""
    regimen = arm(*items)
    return follow(
        "sensitization", model if regimen.doses else None, regimen, conditions.load(condition),
        people, hours, trajectories=True, **more,
    )  # fmt: skip


def output(found, name):
    """(T, people) of one output."""
    return found.values[found.outputs.index(name)]


def infusions(rows):
    """Items from (start h, hours, mg/h)."""
    same = {"drug": "s-ketamine", "route": "iv"}
    return [
        same | {"at": f"{at:.3f} h", "for": f"{hours:.3f} h", "rate": f"{rate:.3f} mg/h"}
        for at, hours, rate in rows
    ]


INFUSIONS = st.lists(
    st.tuples(st.floats(0, 300), st.floats(0.5, 100), st.floats(0, 25)), max_size=3
).map(infusions)


@pytest.mark.parametrize("items", [[INFUSION], [PLACEBO], []], ids=["drug", "placebo", "nothing"])
def test_same_bits_for_any_number_of_threads(items):
    one, two = (run(*items, threads=n) for n in (1, 2))
    assert one.values.tobytes() == two.values.tobytes()
    assert one.quantiles.tobytes() == two.quantiles.tobytes()
    assert one.mean.tobytes() == two.mean.tobytes()
    for name, value in one.endpoints.items():
        assert value.tobytes() == two.endpoints[name].tobytes()


@pytest.mark.parametrize("items", [[INFUSION], [PLACEBO]], ids=["drug", "placebo"])
@pytest.mark.parametrize("first", [CHUNK, 100, 16, 1])
def test_the_first_people_are_the_same_whoever_comes_after(items, first):
    some = run(*items, people=EVERYBODY.part(0, first))
    everybody = run(*items)
    # the last block of 16 takes steps that suit all who are in it
    whole = first if first == len(EVERYBODY) else first // 16 * 16
    assert (some.values[..., :whole] == everybody.values[..., :whole]).all()
    np.testing.assert_allclose(some.values, everybody.values[..., :first], rtol=1e-3, atol=1e-6)
    assert (some.parameters["x"] == everybody.parameters["x"][:first]).all()


def test_people_draw_the_same_numbers_in_every_arm():
    drug, placebo = run(INFUSION), run(PLACEBO)
    assert (output(drug, "pain")[0] == output(placebo, "pain")[0]).all()
    for name in ("x", "k_x", "g_N", "tau_r"):
        assert (drug.parameters[name] == placebo.parameters[name]).all()
    again = run(PLACEBO)
    assert again.values.tobytes() == placebo.values.tobytes()


@settings(max_examples=25)
@given(items=INFUSIONS, condition=st.sampled_from(WITH_PAIN), seed=st.integers(0, 2**31))
def test_outputs_stay_on_their_scales(items, condition, seed):
    found = run(*items, condition=condition, seed=seed, people=EVERYBODY.part(0, 32))
    assert np.isfinite(found.values).all()
    tops = {"pain": 10, "unpleasantness": 10, "sensitization": 1, "mood": 60, "plasticity": 1,
            "block": 1, "expectation": 1}  # fmt: skip
    for name, top in tops.items():
        values = output(found, name)
        assert values.min() >= -1e-9, name
        assert values.max() <= top * (1 + 1e-9), name
    for name, value in found.endpoints.items():
        assert np.isfinite(value).all(), name


@settings(max_examples=25)
@given(items=INFUSIONS.filter(bool), more=st.floats(1.01, 4))
def test_more_drug_never_blocks_less(items, more):
    greater = [i | {"rate": f"{float(i['rate'][:-5]) * more:.6f} mg/h"} for i in items]
    people = EVERYBODY.part(0, 32)
    low, high = (run(*each, people=people) for each in (items, greater))
    assert (output(high, "block") >= output(low, "block") - 1e-12).all()
    # and block is all there is to relief behind it: plasticity and sensitization follow
    assert (output(high, "plasticity") >= output(low, "plasticity") - 1e-4).all()
    assert (output(high, "sensitization") <= output(low, "sensitization") + 1e-4).all()


def test_an_infusion_of_nothing_is_a_placebo():
    nothing = run(INFUSION | {"rate": "0 mg/h"})
    placebo = run(PLACEBO)
    np.testing.assert_allclose(nothing.values, placebo.values, rtol=1e-4, atol=1e-5)
    untreated = run()
    np.testing.assert_allclose(
        output(nothing, "sensitization"), output(untreated, "sensitization"), rtol=1e-6
    )
    assert (output(nothing, "block") == 0).all()
    assert (output(untreated, "expectation") == 0).all()
    assert (output(nothing, "expectation")[1:10] > 0).all()


def test_without_a_response_to_treatment_nothing_given_does_nothing():
    changes = {"X_mean": 0.0, "X_sd": 0.0}
    nothing = run(INFUSION | {"rate": "0 mg/h"}, changes=changes)
    untreated = run(changes=changes)
    np.testing.assert_allclose(
        output(nothing, "pain"), output(untreated, "pain"), rtol=1e-6, atol=1e-9
    )


@given(
    own=st.lists(st.floats(0.2, 9.8), min_size=16, max_size=16),
    condition=st.sampled_from(WITH_PAIN),
)
@settings(max_examples=25)
def test_people_with_a_pain_of_their_own_start_at_it(own, condition):
    people = _with_pain(own)
    for items in ([INFUSION], [PLACEBO], []):
        found = run(*items, people=people, condition=condition, hours=np.array([0.0, 1.0]))
        np.testing.assert_allclose(output(found, "pain")[0], own, rtol=1e-12)
        np.testing.assert_allclose(found.endpoints["pain.baseline"], own, rtol=1e-12)


def _with_pain(own):
    n = len(own)
    return People(
        np.arange(n) + 1, np.full(n, 70.0), np.full(n, 40.0), np.full(n, 170.0),
        np.zeros(n, dtype=bool), np.full(n, "other"), extra={"NRS0": np.array(own)},
    )  # fmt: skip
