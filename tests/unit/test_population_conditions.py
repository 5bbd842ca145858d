"""The library's conditions: what they hold, and that every number has its passport."""

import pytest

from antalgic import yamlfile
from antalgic.errors import InputError
from antalgic.population import PopulationSpec, conditions
from antalgic.population.conditions import read_condition
from antalgic.report import listings

NAMES = [
    "crps", "diabetic-neuropathy", "experimental-pain", "fibromyalgia", "healthy", "migraine",
    "nerve-compression", "neuropathic", "osteoarthritis", "post-surgical", "postherpetic-neuralgia",
    "spinal-cord-injury", "surgery", "thoracic-surgery",
]  # fmt: skip
INJURED = ["surgery", "thoracic-surgery"]
CIRCUIT = ["I_n", "I_e", "I_J", "S_max", "D", "M0", "e_c"]


def test_names():
    assert conditions.names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_numbers_have_a_source_or_a_reason(name):
    condition = conditions.load(name)
    assert condition.name == name
    assert condition.evidence
    for place, value in condition.values.items():
        assert value.source or (value.how in ("assumed", "fitted here") and value.note), place
    for statement in condition.evidence + condition.facts:
        assert statement.source is None or statement.source in condition.sources


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_known_is_said(name):
    condition = conditions.load(name)
    said = " ".join(condition.holes)
    for value, word in (
        (condition.age, "age"),
        (condition.weight, "weight"),
        (condition.female, "women"),
        (condition.depression, "depression"),
    ):
        assert value is not None or word in said, word


def test_crps_is_as_published():
    crps = conditions.load("CRPS ")
    assert crps.female.value == pytest.approx(3.4 / 4.4, abs=5e-4)
    assert crps.sources[crps.female.source].doi == "10.1016/j.pain.2006.09.008"
    assert (crps.age.mean.value, crps.weight.mean.value) == (46, 79)
    assert crps.weight.sd.how == "assumed"
    assert crps.depression.value == pytest.approx(0.156)


def test_an_unknown_spread_of_pain_is_assumed_and_still_said_to_be_a_hole():
    crps = conditions.load("crps")
    assert (crps.pain_sd.value, crps.pain_sd.how, crps.pain_sd.grade) == (1.8, "assumed", "D")
    assert "spread of baseline pain in the trials was not found" in crps.holes[0]


def test_osteoarthritis_has_no_evidence():
    assert "exploratory" in conditions.load("osteoarthritis").evidence[0].says


@pytest.mark.parametrize("name", NAMES)
def test_everyone_can_start_at_a_baseline_of_their_own(name):
    condition = conditions.load(name)
    assert condition.pain_mean is not None
    assert condition.pain_sd is not None
    assert (condition.pain_mean.value > 0) == (condition.pain_sd.value > 0) == (name != "healthy")


@pytest.mark.parametrize("name", NAMES)
def test_circuit_is_complete_and_every_value_has_its_reason(name):
    condition = conditions.load(name)
    assert list(condition.circuit) == CIRCUIT
    for key, value in condition.circuit.items():
        fitted = (name, key) == ("thoracic-surgery", "I_e")
        assert (value.how, value.grade) == ("fitted here" if fitted else "assumed", "D"), key
        assert value.note, key
        assert condition.values[f"circuit.{key}"] is value
    drive = sum(condition.circuit[key].value for key in ("I_n", "I_e", "I_J"))
    assert drive > 0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("healthy", (0.001, 0, 0, 0, 0, 0.05, 1)),
        ("crps", (0, 0.015, 0, 1, 0, 0.25, 0.5)),
        ("neuropathic", (0, 0.03, 0, 0.75, 0, 0.25, 0.5)),
        ("fibromyalgia", (0.03, 0.02, 0, 0.6, -0.7, 0.3, 0.35)),
        ("osteoarthritis", (0.02, 0, 0.4, 0.25, 0, 0.2, 0.5)),
        ("post-surgical", (0.02, 0.02, 0, 0.6, 0, 0.2, 0.5)),
        ("migraine", (0.5, 0, 0, 0.4, -0.1, 0.25, 0.5)),
    ],
)
def test_circuit_is_that_of_the_mechanism(name, expected):
    circuit = conditions.load(name).circuit
    assert tuple(circuit[key].value for key in CIRCUIT) == expected


def test_experimental_pain_is_all_stimulus():
    condition = conditions.load("experimental-pain")
    circuit = {key: value.value for key, value in condition.circuit.items()}
    mean = condition.pain_mean.value
    assert circuit["I_n"] == pytest.approx(mean / (10 - mean), abs=0.005)
    assert circuit["I_e"] == circuit["I_J"] == circuit["S_max"] == 0


def test_sensitization_is_ordered_among_nerve_pains():
    s_max = {name: conditions.load(name).circuit["S_max"].value for name in NAMES}
    assert s_max["nerve-compression"] < s_max["diabetic-neuropathy"] < s_max["neuropathic"]
    assert s_max["neuropathic"] < s_max["postherpetic-neuralgia"] <= max(s_max.values())
    assert max(s_max, key=s_max.__getitem__) == "crps"


@pytest.mark.parametrize(
    ("name", "key", "value", "uncertainty", "source"),
    [
        ("diabetic-neuropathy", "fall", 1.45, "1.35-1.55", "cepeda2012"),
        ("diabetic-neuropathy", "responders_50", 0.20, "14.6-25.8", "cepeda2012"),
        ("postherpetic-neuralgia", "fall", 1.16, "1.03-1.29", "cepeda2012"),
        ("postherpetic-neuralgia", "responders_50", 0.115, "8.4-14.5", "cepeda2012"),
        ("spinal-cord-injury", "fall", 0.44, "-0.41-1.30", "cepeda2012"),
        ("spinal-cord-injury", "responders_50", 0.072, "2.1-12.3", "cepeda2012"),
        ("neuropathic", "responders_50", 0.23, "21-26", "arakawa2015"),
        ("neuropathic", "responders_30", 0.38, "34-42", "duarte2022"),
        ("fibromyalgia", "fall", 2.31, "0.42-4.21", "koechlin2021"),
        ("fibromyalgia", "responders_50", 0.188, "17.5-20.1", "hauser2011"),
        ("fibromyalgia", "responders_30", 0.308, "29.4-32.3", "hauser2011"),
        ("post-surgical", "responders_50", 0.15, "10-20", "arakawa2015"),
        ("osteoarthritis", "responders_50", 95 / 282, "28-39", "berenbaum2020"),
        ("crps", "week1_fall", 6.96 - 5.45, "SE 0.48", "sigtermans2009"),
    ],
)
def test_placebo_response_is_as_published(name, key, value, uncertainty, source):
    found = conditions.load(name).placebo[key]
    assert found.value == pytest.approx(value, abs=0.002)
    assert uncertainty in found.uncertainty
    assert found.source == source


@pytest.mark.parametrize("name", [name for name in NAMES if name not in (*INJURED, "healthy")])
def test_placebo_response_lasts_except_in_crps(name):
    placebo = conditions.load(name).placebo
    assert placebo["lasting"].value == (0 if name == "crps" else 1)
    assert (placebo["fall"].value == 0) == (name == "crps")


def test_healthy_people_have_no_pain_to_relieve():
    healthy = conditions.load("healthy")
    assert healthy.placebo == {}
    assert not [place for place in healthy.values if place.startswith("placebo")]


def test_migraine_says_which_state_it_describes():
    migraine = conditions.load("migraine")
    assert any(fact.item == "state described" for fact in migraine.facts)
    assert "attack" in migraine.circuit["I_n"].note


def test_a_condition_in_full_shows_circuit_and_placebo_with_their_reasons():
    parts = listings.condition("crps").parts
    assert list(parts["circuit"]) == CIRCUIT
    assert parts["circuit"]["I_e"].startswith("0.015 (assumed, grade D): little drive is left")
    assert parts["placebo"]["week1_fall"].startswith("1.51 (SE 0.48")
    assert "sigtermans2009" in parts["placebo"]["week1_fall"]
    assert not [place for place in parts["numbers"] if place.startswith(("circuit", "placebo"))]
    assert not listings.condition("healthy").parts["placebo"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("crsp", "unknown condition 'crsp'; did you mean 'crps'?"),
        ("Fibromyalga", "unknown condition 'Fibromyalga'; did you mean 'fibromyalgia'?"),
        (
            "x",
            "unknown condition 'x'; known are crps, diabetic-neuropathy, experimental-pain, "
            "fibromyalgia, healthy, migraine, nerve-compression, neuropathic, osteoarthritis, "
            "post-surgical, postherpetic-neuralgia, spinal-cord-injury, surgery, thoracic-surgery",
        ),
    ],
)
def test_unknown_conditions_name_the_nearest(name, message):
    with pytest.raises(InputError) as caught:
        conditions.load(name)
    assert str(caught.value) == message


def test_people_of_a_condition():
    people = PopulationSpec(size=20_000).people(1, conditions.load("crps"))
    assert people.weight.mean() == pytest.approx(79, abs=0.6)
    assert people.weight.std() == pytest.approx(19, abs=0.6)
    assert people.age.mean() == pytest.approx(46, abs=0.4)
    assert people.female.mean() == pytest.approx(0.773, abs=0.012)
    assert people.notes == (
        "share of women: 0.773, from 'Complex regional pain syndrome'",
        "age: mean 46 years, sd 13 years (assumed), from 'Complex regional pain syndrome'",
        "weight: mean 79 kg, sd 19 kg (assumed), from 'Complex regional pain syndrome'",
    )


def test_the_study_s_own_words_win_over_the_condition():
    spec = PopulationSpec(size=50, weight="60 kg", female=0)
    people = spec.people(1, conditions.load("crps"))
    assert set(people.weight) == {60}
    assert not people.female.any()
    assert len(people.notes) == 1


def test_typical_patient_of_a_condition():
    person = PopulationSpec(typical=True).people(1, conditions.load("crps"))
    assert (person.weight[0], person.age[0], person.female[0]) == (70, 46, True)


@pytest.mark.parametrize("name", NAMES)
def test_every_condition_can_be_drawn(name):
    assert len(PopulationSpec(size=3).people(1, conditions.load(name))) == 3


GOOD = """
condition: sore
title: Soreness
mechanism: none
sources: {me2020: {citation: Me 2020}}
population:
  female: {value: 0.5, source: me2020, how: read, grade: A}
"""


def test_a_small_file_is_read():
    condition = read_condition(yamlfile.read_text(GOOD, "sore.yaml"), "sore")
    assert condition.female.value == 0.5
    assert condition.age is None
    assert condition.holes == ()
    assert condition.circuit == condition.placebo == {}


def _value(text):
    return f"{{value: {text}, how: assumed, grade: D, note: why not}}"


SECTIONS = f"""{GOOD}circuit:
  I_n: {_value(0.1)}
  I_e: {_value(0)}
  I_J: {_value(0)}
  S_max: {_value(0.5)}
  D: {_value(-0.7)}
  M0: {_value("25 %")}
  e_c: {_value(0.5)}
placebo:
  fall: {_value(1.5)}
  responders_50: {_value("20 %")}
  responders_30: {_value("40 %")}
"""


def test_circuit_and_placebo_are_read():
    condition = read_condition(yamlfile.read_text(SECTIONS, "sore.yaml"), "sore")
    assert [value.value for value in condition.circuit.values()] == [
        0.1,
        0,
        0,
        0.5,
        -0.7,
        0.25,
        0.5,
    ]
    assert {k: v.value for k, v in condition.placebo.items()} == {
        "fall": 1.5, "responders_50": 0.2, "responders_30": 0.4,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "  I_J:",
            "  I_j:",
            "sore.yaml:11 circuit.I_j: unknown field 'I_j', expected one of I_n, I_e, I_J, S_max",
        ),
        (f"  I_J: {_value(0)}\n", "", "sore.yaml:8 circuit: missing field 'I_J'"),
        ("value: 0.1", "value: -0.1", "sore.yaml:9 circuit.I_n.value: -0.1 must not be negative"),
        ("value: 0.1", "value: 0.1 mg", "sore.yaml:9 circuit.I_n.value: '0.1 mg' is an amount"),
        ("value: 25 %", "value: 15", "sore.yaml:14 circuit.M0.value: 15 is more than 1"),
        (
            "value: 1.5, how: assumed, grade: D, note: why not",
            "value: 1.5, how: assumed, grade: D",
            "sore.yaml:17 placebo.fall: missing field 'note'",
        ),
        ("value: 1.5", "value: 15", "sore.yaml:17 placebo.fall: 15 is not on the scale of 0 to 10"),
        ("responders_30:", "lasting_on:", "sore.yaml:19 placebo.lasting_on: unknown field"),
        (
            "value: 40 %",
            "value: 10 %",
            "sore.yaml:18 placebo.responders_50: 20 % is more than responders_30, 10 %",
        ),
        ("placebo:\n", "placebo: 3\nfacts:\n", "sore.yaml:16 placebo: 3 is a number, expected"),
    ],
)
def test_faulty_circuits_and_placebo_responses_are_refused(old, new, message):
    assert SECTIONS.count(old) == 1
    with pytest.raises(InputError) as caught:
        read_condition(yamlfile.read_text(SECTIONS.replace(old, new), "sore.yaml"), "sore")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title:", "tittle:", "sore.yaml:3 tittle: unknown field 'tittle'"),
        ("title: Soreness", "title: 3", "sore.yaml:3 title: 3 is a number, expected text"),
        ("condition: sore", "condition: sour", "'sour' is not the file's name"),
        ("value: 0.5", "value: 1.5", "sore.yaml:7 population.female.value: 1.5 is more than 1"),
        ("source: me2020", "source: you", "'you' is not among the sources"),
        ("how: read", "how: guessed", "'guessed' is not known"),
        ("how: read", "how: assumed", "owes a reason"),
        (
            "population:",
            "pain: {mean: {value: 12, source: me2020, how: read, grade: A}}\npopulation:",
            "sore.yaml:6 pain.mean: 12 is not on the scale of 0 to 10",
        ),
        (
            "population:",
            "population:\n  age: {mean: {value: 40 years, source: me2020, how: read, grade: A}}",
            "has only one of 'mean' and 'sd'",
        ),
        ("population:", "holes: nothing\npopulation:", "expected a list of texts"),
        ("population:", "evidence: [{source: me2020}]\npopulation:", "expected a statement"),
        (
            "population:",
            "facts: [{says: a, source: you}]\npopulation:",
            "sore.yaml:6 facts[0].source: 'you' is not among the sources",
        ),
        ("population:", "facts: [{says: a, sauce: you}]\npopulation:", "unknown field 'sauce'"),
        ("population:", "depression: 3\npopulation:", "sore.yaml:6 depression: 3 is a number"),
    ],
)
def test_faulty_files_are_refused(old, new, message):
    assert old in GOOD
    doc = yamlfile.read_text(GOOD.replace(old, new, 1), "sore.yaml")
    with pytest.raises(InputError) as caught:
        read_condition(doc, "sore")
    assert message in str(caught.value)


def test_a_file_without_fields_is_refused():
    with pytest.raises(InputError, match="expected the fields of a condition"):
        read_condition(yamlfile.read_text("- a", "sore.yaml"), "sore")
