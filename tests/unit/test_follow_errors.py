"""Bad input to `follow` is answered in one line that says what would be right."""

import numpy as np
import pytest

from antalgic.dosing import expand, read_item
from antalgic.errors import InputError
from antalgic.model import shelf
from antalgic.population import conditions
from antalgic.population.people import People
from antalgic.simulation.chain import follow

HOURS = np.array([0.0, 24.0, 168.0])
ORAL = {"drug": "s-ketamine", "route": "iv", "amount": "20 mg", "every": "8 h"}


def person(**extra):
    columns = {name: np.array([value]) for name, value in extra.items()}
    return People(
        np.array([1]), np.array([70.0]), np.array([40.0]), np.array([170.0]),
        np.array([False]), np.array(["other"]), extra=columns,
    )  # fmt: skip


def message(
    *items, kind="sensitization", model=None, condition="crps", people=None, hours=HOURS, **more
):
    """The one line that a wrong call gets."""
    arm = expand("arm", [read_item(item) for item in items], 168.0)
    with pytest.raises(InputError) as caught:
        follow(
            kind, model, arm, conditions.load(condition), people or person(), hours, **more
        )  # fmt: skip
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 900
    return text


def test_an_output_that_nobody_predicts():
    assert message(outputs=["pian"]) == (
        "mechanism 'sensitization' does not predict 'pian', expected some of pain, unpleasantness, "
        "sensitization, mood, plasticity, block, expectation"
    )
    assert "does not predict 'sensitization'" in message(kind="block", outputs=["sensitization"])


def test_a_parameter_that_is_none():
    text = message(changes={"taur": 10.0, "g_N": 3.0})
    assert text.startswith("unknown parameter taur, expected some of ")
    assert "tau_r" in text


def test_a_condition_without_pain():
    assert message(condition="healthy") == (
        "condition: condition 'healthy' has no pain to follow; for pain in volunteers take "
        "'experimental-pain'"
    )


def test_a_regimen_without_a_beginning():
    text = message(ORAL | {"steady_state": True}, model=shelf.load("fanta2015+otto2021"))
    assert text == (
        "pain before a treatment without a beginning is not known: leave out steady_state"
    )


@pytest.mark.parametrize("pain", [12.0, 10.0, 0.0, -1.0, np.nan])
def test_a_pain_off_the_scale(pain):
    assert message(people=person(NRS0=pain)) == (
        f"NRS0: found {pain:g}, expected pain before treatment above 0 and below 10"
    )


def test_an_unknown_mechanism():
    text = message(kind="sensitisation")
    assert text.startswith("unknown mechanism 'sensitisation'; did you mean 'sensitization'?")


def test_a_blood_model_without_a_blocker():
    """Doses without a model of blood cannot be followed, and are not left out in silence."""
    assert "no model of blood" in message(ORAL)
