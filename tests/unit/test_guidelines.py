"""Guidelines as data: read as published, applied rule by rule."""

import numpy as np
import pytest

from antalgic import yamlfile
from antalgic.errors import InputError
from antalgic.population import PopulationSpec, comorbidities, guidelines
from antalgic.population.comorbidities import Health
from antalgic.population.guidelines import Guideline, session_values
from antalgic.population.people import People
from antalgic.population.screening import screen

ILLNESSES = comorbidities.names()


def someone(n: int = 1, **extra: float) -> People:
    one = np.ones(n)
    return People(
        np.arange(1, n + 1), 70 * one, extra.get("age", 50.0) * one, 170 * one,
        np.full(n, True), np.full(n, "other"),
    )  # fmt: skip


def well(n: int = 1, *, has: str = "", known: bool = True, **vitals: float) -> Health:
    values = {"SBP0": 120.0, "DBP0": 75.0, "HR0": 70.0} | vitals
    no, yes = np.zeros(n, dtype=bool), np.ones(n, dtype=bool)
    return Health(
        {name: np.full(n, value) for name, value in values.items()},
        {name: yes if name == has else no for name in ILLNESSES},
        {name: yes if name == has and known else no for name in ILLNESSES},
    )


def left_out(guideline: str, health: Health, *, serial: bool = False, **extra: float) -> str:
    """Id of the rule that leaves one person out, or ""."""
    found = screen(someone(**extra), health, guidelines.load(guideline), serial=serial)
    return next((v.rule.id for v in found.verdicts if v.first.any()), "")


@pytest.mark.parametrize("name", guidelines.names())
def test_every_statement_has_a_source_and_says_whether_it_was_read(name):
    guideline = guidelines.load(name)
    for statement in (*guideline.rules, *guideline.tests, *guideline.monitoring):
        assert statement.source in guideline.sources
        assert statement.seen in ("read", "recalled")
    for rule in guideline.rules:
        assert rule.who and rule.grade
    for value in session_values(guideline).values():
        assert value.source or value.note


@pytest.mark.parametrize("name", guidelines.names())
def test_whoever_is_well_is_left_out_by_nobody(name):
    assert left_out(name, well(), serial=True) == ""


def test_asra_is_as_published():
    rules = {rule.id: rule for rule in guidelines.load("asra2018").rules}
    for name in ("cardiovascular", "psychosis", "pregnancy"):
        assert (rules[name].advice, rules[name].grade) == ("avoid", "B, low certainty")
    for name in ("severe-liver", "raised-pressure"):
        assert (rules[name].advice, rules[name].grade) == ("avoid", "C, low certainty")
    assert rules["moderate-liver"].advice == "caution"


@pytest.mark.parametrize(
    ("has", "rule"),
    [
        ("frequent-angina", "cardiovascular"), ("psychosis", "psychosis"),
        ("pregnancy", "pregnancy"), ("severe-liver-disease", "severe-liver"),
        ("glaucoma", "raised-pressure"), ("raised-intracranial-pressure", "raised-pressure"),
        ("moderate-liver-disease", ""), ("depression", ""),
    ],
)  # fmt: skip
def test_asra_leaves_out_whom_it_names(has, rule):
    assert left_out("asra2018", well(has=has)) == rule


def test_a_substance_use_disorder_forbids_a_series_and_not_one_infusion():
    health = well(has="substance-use-disorder")
    assert left_out("asra2018", health, serial=False) == ""
    assert left_out("asra2018", health, serial=True) == "substance-use"


@pytest.mark.parametrize(
    ("age", "vitals", "rule"),
    [
        (50, {"SBP0": 140.0}, ""), (50, {"SBP0": 140.1}, "pressure"),
        (65, {"SBP0": 145.0}, "pressure"), (65.1, {"SBP0": 145.0}, ""),
        (65.1, {"SBP0": 150.1}, "pressure"), (50, {"DBP0": 90.0}, ""),
        (50, {"DBP0": 90.1}, "pressure"), (80, {"DBP0": 90.1}, "pressure"),
    ],
)  # fmt: skip
def test_spravato_bounds_the_pressure_before_a_dose_by_age(age, vitals, rule):
    assert left_out("spravato", well(**vitals), age=age) == rule


@pytest.mark.parametrize(("value", "rule"), [(159.9, ""), (160.0, "cardiovascular")])
def test_asra_is_taken_to_begin_at_160(value, rule):
    assert left_out("asra2018", well(SBP0=value)) == rule


def test_what_nobody_knows_of_leaves_nobody_out_and_is_counted():
    found = screen(
        someone(), well(has="glaucoma", known=False), guidelines.load("asra2018"), serial=False
    )
    verdict = next(v for v in found.verdicts if v.rule.id == "raised-pressure")
    assert (verdict.hidden.sum(), verdict.meets.sum(), found.excluded.sum()) == (1, 0, 0)


def test_what_was_not_found_is_said_and_leaves_nobody_out():
    rule = guidelines.load("spravato").rule("hypersensitivity")
    assert "was not found" in rule.unknown[0]
    assert not rule.meets(someone(), well()).any()


def test_the_first_rule_counts_and_counts_add_up():
    people = PopulationSpec(size=3000, age="60 years").people(3)
    health = comorbidities.draw(people, 3)
    found = screen(people, health, guidelines.load("spravato"), serial=True)
    first = np.array([verdict.first for verdict in found.verdicts])
    assert (first.sum(axis=0) == found.excluded).all()
    for verdict in found.verdicts:
        assert not (verdict.first & ~verdict.meets).any()
        assert verdict.excludes or not verdict.first.any()
    together = np.any([v.meets for v in found.verdicts if v.excludes], axis=0)
    assert (together == found.excluded).all()


def test_sessions_have_their_published_times():
    hours = {name: session_values(guidelines.load(name)) for name in guidelines.names()}
    assert hours["spravato"]["observation"].value == 2
    assert hours["spravato"]["pressure_after"].value == pytest.approx(40 / 60)
    assert hours["anzca2021"]["observation"].value == 4
    assert hours["asra2018"]["observation"].how == "assumed"


def test_an_unknown_guideline_names_the_nearest():
    with pytest.raises(InputError, match="did you mean 'asra2018'"):
        guidelines.load("asra2019")


FILE = """\
guideline: house
title: House rules
body: a clinic
year: 2024
standing: local
grading: none
sources:
  a: {citation: "A 2024"}
rules:
  - {id: eyes, what: glaucoma, advice: avoid, grade: none, source: a, seen: read, who: [glaucoma]}
session:
  observation: {value: 2 h, source: a, how: read, grade: C}
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("who: [glaucoma]", "who: [glaukoma]", "unknown comorbidity 'glaukoma'; did you mean"),
        ("who: [glaucoma]", "who: [{measured: SBP0}]", "expected 'above' or 'at_least'"),
        ("who: [glaucoma]", "who: [{measured: BMI, above: 30}]", "'BMI' is not known"),
        ("who: [glaucoma]", "who: [{above: 30}]", "either a comorbidity or 'measured'"),
        ("advice: avoid", "advice: forbid", "'forbid' is not known"),
        ("source: a, seen", "source: b, seen", "'b' is not among the sources"),
        ("seen: read", "seen: heard", "'heard' is not known"),
        ("value: 2 h", "value: 2 mg", "expected a time"),
        ("observation:", "observe:", "unknown value 'observe'"),
        ("title: House rules", "no_rules: none", "missing field 'title'"),
        ("rules:\n", "no_rules: none were found\nrules:\n", "expected rules, or 'no_rules'"),
    ],
)
def test_a_bad_guideline_is_refused_in_one_line(old, new, message):
    yamlfile.validate(Guideline, yamlfile.read_text(FILE, "x.yaml"))
    assert old in FILE
    with pytest.raises(InputError) as refused:
        yamlfile.validate(Guideline, yamlfile.read_text(FILE.replace(old, new), "x.yaml"))
    assert message in str(refused.value)
    assert str(refused.value).startswith("x.yaml:")
