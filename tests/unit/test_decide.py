"""Rates that a rule decides on: the states are carried from decision to decision."""

import numpy as np
import pytest

from antalgic.errors import InputError
from antalgic.study import loads

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
