"""Composition of steps: loops, what is refused, altered circuits, a user's own mechanism."""

import doctest
from pathlib import Path

import numpy as np
import pytest

from antalgic.dosing import expand, read_item
from antalgic.errors import InputError
from antalgic.model import mechanism as mechanisms
from antalgic.model import shelf
from antalgic.model.compose import Circuit, checked, use
from antalgic.model.mood import mood, pain_memory
from antalgic.model.pain import rating
from antalgic.model.pk import one_compartment
from antalgic.model.receptor import effect_site
from antalgic.model.sensitization import maintenance_block
from antalgic.model.step import step
from antalgic.population import conditions
from antalgic.simulation import reference_person
from antalgic.simulation.chain import follow


@step(states={}, inputs={"M": "1"}, parameters={"gain": "1"}, outputs={"L": "1"})
def of_mood(M, gain):
    """Log-odds of pain in proportion to mood."""
    return (), (gain * M,)


@step(states={}, inputs={"a": "1"}, parameters={}, outputs={"twice": "1", "half": "1"})
def both(a):
    """Two outputs of one input."""
    return (), (2 * a, a / 2)


def message(call, *given, **named):
    with pytest.raises(InputError) as caught:
        call(*given, **named)
    text = str(caught.value)
    assert "\n" not in text
    return text


def loop(*, mood_sees="memory.P"):
    """Mood moves pain, pain moves mood: through the memory of pain, or at once."""
    return Circuit(
        (
            use(mood, "mood", {"P": mood_sees}),
            use(of_mood, "cord", {"M": "mood.M"}),
            use(rating, "rating", {"L": "cord.L", "M": "mood.M"}),
            use(pain_memory, "memory", {"pain": "rating.pain"}),
        ),
        {"pain": ("rating.pain",)},
    )


def blood():
    return Circuit(
        (
            use(one_compartment, "ket", {"rate": ("dose.iv", "dose.oral")}),
            use(effect_site, "site", {"C": "ket.C"}),
            use(one_compartment, "other", {"rate": "dose.other"}, CL="CL2", V="V2"),
        ),
        {"Ce": ("site.Ce",), "both": ("ket.C", "other.C"), "other": ("other.C",)},
    )


# A use


def test_a_use_wires_names_and_leaves_the_rest_at_nothing():
    found = use(effect_site, "site", {"C": ("a.C", "b.C")}, ke0="k")
    assert (found.inputs, found.parameters) == ({"C": ("a.C", "b.C")}, {"ke0": "k"})
    assert use(effect_site, "site", {}).inputs == {"C": ()}


@pytest.mark.parametrize(
    ("inputs", "renamed", "wrong"),
    [({"c": "ket.C"}, {}, "c"), ({}, {"ke": "k"}, "ke"), ({"c": "x"}, {"ke": "k"}, "c, ke")],
)
def test_a_use_of_what_a_step_does_not_have(inputs, renamed, wrong):
    assert message(use, effect_site, "site", inputs, **renamed) == (
        f"step effect_site has no input or parameter {wrong}; it takes C, ke0"
    )


# Loops and wiring


def test_a_loop_closes_through_a_state():
    circuit = checked(loop())
    states = {"memory.P": -0.2}
    values = dict.fromkeys(circuit.parameters, 0.5) | {"gain": 2.0, "NRS0": 6.0, "tau_P": 72.0}
    rates, outputs = circuit.evaluate(states, {}, values)
    M = 0.5 * (1 + 0.5 * -0.2)
    assert outputs["mood.M"] == pytest.approx(M)
    assert outputs["rating.pain"] == pytest.approx(10 / (1 + np.exp(-2 * M)))
    assert rates["memory.P"] == pytest.approx(((outputs["rating.pain"] - 6) / 10 + 0.2) / 72)


def test_a_loop_without_a_state_is_refused_where_it_begins():
    assert message(checked, loop(mood_sees="rating.pain")) == (
        "structure[0].inputs.P: 'rating.pain' is an output of this or a later step: a loop without "
        "a state in it; take a state, or change the order"
    )


def test_a_step_that_feeds_itself_is_refused():
    circuit = Circuit((use(both, "b", {"a": "b.half"}),), {})
    assert message(checked, circuit).startswith("structure[0].inputs.a: 'b.half' is an output of")


def test_units_must_match_states_too():
    circuit = Circuit((use(mood, "mood", {"P": "site.Ce"}), use(effect_site, "site", {})), {})
    assert message(checked, circuit) == ("structure[0].inputs.P: 'site.Ce' is in ng/mL, expected 1")


def test_one_dose_cannot_have_two_units():
    @step(states={"X": "1"}, inputs={"course": "1/h"}, parameters={}, outputs={})
    def treated(X, course):
        """Counts what comes in."""
        return (course,), ()

    circuit = Circuit(
        (
            use(one_compartment, "ket", {"rate": "dose.iv"}),
            use(treated, "t", {"course": "dose.iv"}),
        ),
        {},
    )
    assert message(checked, circuit) == (
        "structure[1].inputs.course: 'dose.iv' is in mg/h, expected 1/h"
    )


def test_an_unknown_reference():
    text = message(checked, Circuit((use(of_mood, "cord", {"M": "mood.M"}),), {}))
    assert text.startswith("structure[0].inputs.M: 'mood.M' is no dose and no output of an earlier")
    circuit = Circuit((use(both, "b", {}),), {"out": ("b.third",)})
    assert message(checked, circuit) == (
        "outputs.out: 'b.third' is not an output of a step, expected an output of a step"
    )


def test_one_name_for_two_steps():
    circuit = Circuit((use(both, "b", {}), use(both, "b", {})), {})
    assert message(checked, circuit) == "structure[1].name: 'b' is used twice"


# Other circuits from one


def test_a_prefix_leaves_doses_alone_and_changes_no_value():
    plain = blood()
    named = plain.prefixed("pk.")
    assert named.states == tuple(f"pk.{s}" for s in plain.states)
    assert named.parameters == tuple(f"pk.{p}" for p in plain.parameters)
    assert (named.doses, list(named.readouts)) == (plain.doses, list(plain.readouts))
    states = dict(zip(plain.states, (1.0, 2.0, 3.0), strict=True))
    doses, values = {"iv": 1.0, "oral": 0.5, "other": 2.0}, {"ke0": 3.0, "CL": 5.0, "V": 9.0}
    values |= {"CL2": 1.0, "V2": 2.0}
    rates, _ = plain.evaluate(states, doses, values)
    prefixed, _ = named.evaluate(
        {f"pk.{s}": v for s, v in states.items()}, doses, {f"pk.{p}": v for p, v in values.items()}
    )
    assert list(prefixed.values()) == list(rates.values())


def test_what_no_dose_reaches_is_left_out():
    found = blood().fed_by(["iv"])
    assert [u.name for u in found.uses] == ["ket", "site"]
    assert found.uses[0].inputs == {"rate": ("dose.iv",)}
    assert found.readouts == {"Ce": ("site.Ce",), "both": ("ket.C",)}
    assert blood().fed_by(["other"]).readouts == {"both": ("other.C",), "other": ("other.C",)}
    assert blood().fed_by(["iv", "oral", "other"]) == blood()


def test_a_step_is_swapped():
    new = use(of_mood, "cord", {"M": "mood.M"}, gain="other_gain")
    found = loop().swapped("cord", new)
    assert [u.name for u in found.uses] == [u.name for u in loop().uses]
    assert "other_gain" in found.parameters
    assert "gain" not in found.parameters
    assert loop().swapped("cord", use(of_mood, "cord", {"M": "mood.M"})) == loop()


def test_a_swap_is_checked():
    assert message(loop().swapped, "brain", use(both, "brain", {})) == (
        "there is no step 'brain', expected one of mood, cord, rating, memory"
    )
    assert "'cord.L' is no dose" in message(loop().swapped, "cord", use(both, "cord", {}))


def test_a_step_is_inserted_and_added_to_what_was_there():
    found = loop().inserted("rating", use(both, "b", {"a": "mood.M"}), {"half": "rating.L"})
    assert [u.name for u in found.uses] == ["mood", "cord", "b", "rating", "memory"]
    assert found.uses[3].inputs["L"] == ("cord.L", "b.half")
    values = dict.fromkeys(found.parameters, 0.5)
    outputs = found.evaluate({"memory.P": 0.0}, {}, values)[1]
    # log-odds 0.5 * 0.5 of mood, and half of mood again
    assert outputs["rating.pain"] == pytest.approx(10 / (1 + np.exp(-0.5)))


@pytest.mark.parametrize("target", ["rating.x", "brain.L", "L"])
def test_an_insertion_that_feeds_nothing(target):
    new = use(both, "b", {"a": "mood.M"})
    assert message(loop().inserted, "rating", new, {"half": target}) == (
        f"feeds: there is no input '{target}' to feed"
    )


def test_an_insertion_of_an_unknown_output_or_too_late():
    new = use(both, "b", {"a": "mood.M"})
    assert "'b.third' is no dose" in message(loop().inserted, "rating", new, {"third": "rating.L"})
    late = message(loop().inserted, "memory", new, {"half": "rating.L"})
    assert "a loop without a state" in late


def test_a_printed_circuit_shows_every_step_and_where_it_is_wired():
    assert str(loop()).splitlines() == [
        "step    states  takes                            gives",
        "mood            P = memory.P; K = 0; R = 0       M, MADRS",
        "cord            M = mood.M                       L",
        "rating          L = cord.L; C_S = 0; M = mood.M  pain, unpleasantness",
        "memory  P       pain = rating.pain",
        "outputs: pain = rating.pain",
    ]


def test_equal_circuits_are_one_key_and_other_steps_are_another():
    assert hash(loop()) == hash(loop())
    assert {loop(): 1}[loop()] == 1
    assert loop() != loop().swapped("cord", use(of_mood, "cord", {"M": "mood.M"}, gain="g"))


# A user's own mechanism


HOURS = np.arange(0.0, 29.0) * 24
INFUSION = {"drug": "s-ketamine", "route": "iv", "rate": "20 mg/h", "for": "100 h"}
PLACEBO = {"drug": "placebo", "for": "100 h"}


def pain(mechanism, *items, **more):
    """Pain of one typical person with CRPS over four weeks."""
    arm = expand("arm", [read_item(item) for item in items], HOURS[-1])
    model = shelf.load("fanta2015+otto2021") if arm.doses else None
    found = follow(
        mechanism, model, arm, conditions.load("crps"), reference_person(), HOURS,
        outputs=["pain"], typical=True, **more,
    )  # fmt: skip
    return found.mean[0]


def test_a_step_of_ones_own_in_ten_lines_changes_pain():
    @step(
        states={"T": "1"}, inputs={"B": "1"},
        parameters={"tau_T": "h", "g_T": "1"}, outputs={"more": "1"},
    )  # fmt: skip
    def rebound(T, B, tau_T, g_T):
        """Block calls up an opposing process T, which hurts when the block is gone."""
        return ((B - T) / tau_T,), (g_T * T,)

    own = mechanisms.load("sensitization").altered(
        "rebound",
        lambda circuit: circuit.inserted(
            "mind", use(rebound, "rebound", {"B": "channel.B_phasic"}), {"more": "mind.L_n"}
        ),
        tau_T=72.0, g_T=8.0,
    )  # fmt: skip
    known, found = pain("sensitization", INFUSION), pain(own, INFUSION)
    assert found[0] == pytest.approx(known[0])
    assert (found[1:] > known[1:] + 1e-3).all()
    np.testing.assert_allclose(pain(own, INFUSION, changes={"g_T": 0.0}), known, rtol=2e-4)
    # an untreated person is as before: the opposing process starts at nothing
    np.testing.assert_allclose(pain(own), pain("sensitization"), rtol=1e-6)


def test_two_steps_of_one_name_are_two_mechanisms():
    def mine(strength):
        @step(states={}, inputs={"X": "1"}, parameters={}, outputs={"less": "1"})
        def belief(X):
            """Being treated changes what the cord sends up."""
            return (), (-strength * X,)

        return mechanisms.load("block").altered(
            "mine",
            lambda c: c.inserted(
                "mind", use(belief, "b", {"X": "context.X"}), {"less": "mind.L_n"}
            ),
        )

    weak, strong = pain(mine(0.1), PLACEBO), pain(mine(1.0), PLACEBO)
    assert (strong[1:5] < weak[1:5]).all()
    np.testing.assert_array_equal(pain(mine(0.1), PLACEBO), weak)


def test_the_same_law_written_anew_gives_the_same_pain():
    @step(states={}, inputs={"B_tonic": "1"}, parameters={"k_x": "1/h", "B_th": "1"},
          outputs={"loss": "1/h"})  # fmt: skip
    def again(B_tonic, k_x, B_th):
        """The default's law."""
        return maintenance_block(B_tonic, k_x, B_th)

    own = mechanisms.load("sensitization").altered(
        "again",
        lambda c: c.swapped(
            "maintenance", use(again, "maintenance", {"B_tonic": "channel.B_tonic"})
        ),
    )
    np.testing.assert_array_equal(pain(own, INFUSION), pain("sensitization", INFUSION))


def test_a_step_takes_the_concentrations_it_names():
    @step(states={}, inputs={"C_S": "ng/mL"}, parameters={"g": "mL/ng"}, outputs={"less": "1"})
    def relief(C_S, g):
        """Relief in proportion to S-ketamine at the effect site."""
        return (), (-g * C_S,)

    own = mechanisms.load("block").altered(
        "direct",
        lambda c: c.inserted("mind", use(relief, "relief", {}), {"less": "mind.L_n"}),
        g=0.01,
    )

    def taken(model):
        circuit = own.circuit(model)
        return circuit.uses[circuit.position("relief")].inputs["C_S"]

    assert taken(shelf.load("fanta2015+otto2021").circuit) == ("site.C_S.Ce",)
    assert taken(None) == ()


def test_a_number_that_is_not_given_is_asked_for():
    own = mechanisms.load("block").altered(
        "direct",
        lambda c: c.inserted("mind", use(of_mood, "more", {"M": "mood.M"}), {"L": "mind.L_n"}),
    )
    assert message(pain, own) == (
        "mechanism 'direct' has no value for gain: give it beside the step, altered(..., "
        "name=value)"
    )


def test_altering_twice_keeps_both():
    first = mechanisms.load("block").altered(
        "one",
        lambda c: c.inserted("mind", use(of_mood, "a", {"M": "mood.M"}), {"L": "mind.L_n"}),
        gain=0.1,
    )
    second = first.altered(
        "two",
        lambda c: c.inserted(
            "mind", use(of_mood, "b", {"M": "mood.M"}, gain="gain2"), {"L": "mind.L_n"}
        ),
        gain2=0.2,
    )
    assert second.circuit(None).uses[-3].inputs["L_n"] == ("nociception.L", "a.L", "b.L")
    assert (second.values, second.known_as) == ({"gain": 0.1, "gain2": 0.2}, "block")
    assert mechanisms.load("block").changes == ()


@pytest.mark.parametrize("page", ["docs/mechanism.md", "CONTRIBUTING.md"])
def test_examples_in_the_documentation(page):
    found = doctest.testfile(str(Path(__file__).parents[2] / page), module_relative=False)
    assert found.attempted > 4
    assert found.failed == 0
