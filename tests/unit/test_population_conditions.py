"""The library's conditions: what they hold, and that every number has its passport."""

import pytest

from antalgic import yamlfile
from antalgic.errors import InputError
from antalgic.population import PopulationSpec, conditions
from antalgic.population.conditions import read_condition

NAMES = [
    "crps", "fibromyalgia", "healthy", "migraine", "neuropathic", "osteoarthritis", "post-surgical",
]  # fmt: skip


def test_names():
    assert conditions.names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_numbers_have_a_source_or_a_reason(name):
    condition = conditions.load(name)
    assert condition.name == name
    assert condition.evidence
    for place, value in condition.values.items():
        assert value.source or (value.how == "assumed" and value.note), place
    for statement in condition.evidence + condition.facts:
        assert statement.source is None or statement.source in condition.sources


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_known_is_said(name):
    condition = conditions.load(name)
    said = " ".join(condition.holes)
    for value, word in (
        (condition.age, "age"),
        (condition.weight, "weight"),
        (condition.pain_mean, "pain"),
        (condition.pain_sd, "spread of baseline pain" if condition.pain_mean else "pain"),
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
    assert crps.pain_sd is None


def test_osteoarthritis_has_no_evidence_and_no_baseline():
    condition = conditions.load("osteoarthritis")
    assert condition.pain_mean is None
    assert "exploratory" in condition.evidence[0].says


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("crsp", "unknown condition 'crsp'; did you mean 'crps'?"),
        ("Fibromyalga", "unknown condition 'Fibromyalga'; did you mean 'fibromyalgia'?"),
        (
            "x",
            "unknown condition 'x'; known are crps, fibromyalgia, healthy, migraine, "
            "neuropathic, osteoarthritis, post-surgical",
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
