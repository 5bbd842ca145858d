"""The population block of a study file: what is read, and what is said when it cannot be."""

import json
from dataclasses import replace

import pytest
from pydantic import BaseModel

from antalgic import yamlfile
from antalgic.errors import InputError
from antalgic.population import PopulationSpec, conditions
from antalgic.population.fields import Asked


class Holder(BaseModel):
    population: PopulationSpec


def parse(block):
    doc = yamlfile.read_text(f"\npopulation: {block}\n", "study.yaml")
    return yamlfile.validate(Holder, doc).population


@pytest.mark.parametrize(
    ("block", "field", "expected"),
    [
        ("{size: 2000}", "size", 2000),
        ("{size: 1e4}", "size", 10_000),
        ("{size: 10000000}", "size", 10_000_000),
        ("{typical: true}", "typical", True),
        ("{file: patients.csv}", "file", "patients.csv"),
        ("{size: 1, female: 75 %}", "female", 0.75),
        ("{size: 1, female: 0}", "female", 0.0),
        ("{size: 1, weight: 70 kg}", "weight", Asked(mean=70, sd=0)),
        ("{size: 1, weight: {mean: 79 kg, sd: 19000 g}}", "weight", Asked(mean=79, sd=19)),
        ("{size: 1, height: 1.7 m}", "height", Asked(mean=170, sd=0)),
        (
            "{size: 1, age: {low: 18 years, high: 65 years}}",
            "age",
            Asked(low=18, high=65),
        ),
        ("{size: 1, race: {asian: 0.1, japanese: 5 %}}", "race", {"asian": 0.1, "japanese": 0.05}),
        ("{size: 1, correlations: {weight-age: 0.9}}", "correlations", {"age-weight": 0.9}),
        ("{size: 1, children: true, age: 6 years, weight: 20 kg}", "children", True),
    ],
)
def test_blocks_that_are_read(block, field, expected):
    assert getattr(parse(block), field) == expected


#: Blocks, and what is said of them after "study.yaml:2 population".
BAD = [
    (
        "{size: 3, weight: 5 kg}",
        ".weight: 5 kg is a child's weight; for children say `children: true`",
    ),
    ("{}", ": none of size, typical and file is given, expected exactly one"),
    (
        "{size: 3, typical: true}",
        ": more than one of size, typical and file is given, expected exactly one",
    ),
    ("{typical: false}", ": none of size, typical and file is given, expected exactly one"),
    ("{size: 2.5}", ".size: 2.5 is not a whole number, expected such as 2000"),
    ("{size: many}", ".size: 'many' is not a whole number, expected such as 2000"),
    ("{size: true}", ".size: true is not a whole number, expected such as 2000"),
    ("{size: .nan}", ".size: nan is not a whole number, expected such as 2000"),
    ("{size: 0}", ".size: 0 is out of range, expected from 1 to 10,000,000"),
    ("{size: 10000001}", ".size: 10000001 is out of range, expected from 1 to 10,000,000"),
    ("{typical: 1}", ".typical: 1 is a number, expected true or false"),
    ("{file: 3}", ".file: 3 is a number, expected a file such as patients.csv"),
    (
        "{file: p.csv, female: 0}",
        ".female: cannot go with a file of patients, whose columns say it: remove it",
    ),
    ("{size: 3, femal: 0.5}", ": unknown field 'femal'; did you mean 'female'?"),
    (
        "{size: 3, female: 1.5}",
        ".female: 1.5 is more than 1, expected a fraction such as 0.75 or '75 %'",
    ),
    ("{size: 3, weight: 70}", ".weight: 70 has no unit, expected a body weight such as '70 kg'"),
    (
        "{size: 3, weight: 70 mg/h}",
        ".weight: '70 mg/h' is a rate, expected a body weight such as '70 kg'",
    ),
    (
        "{size: 3, weight: 7000 kg}",
        ".weight: '7000 kg' is out of range, expected from 0.3 to 400 kg",
    ),
    (
        "{size: 3, weight: {mean: 0 kg, sd: 1 kg}}",
        ".weight.mean: '0 kg' is out of range, expected from 0.3 to 400 kg",
    ),
    (
        "{size: 3, weight: {mean: 79 kg}}",
        ".weight: missing field 'sd', expected such as {mean: 79 kg, sd: 19 kg}",
    ),
    (
        "{size: 3, weight: {low: 60 kg, high: 80 kg}}",
        ".weight: missing field 'mean', expected such as {mean: 79 kg, sd: 19 kg}",
    ),
    (
        "{size: 3, weight: {mean: 79 kg, sdd: 1 kg}}",
        ".weight.sdd: unknown field 'sdd'; did you mean 'sd'?",
    ),
    (
        "{size: 3, weight: {mean: 79 kg, sd: -1 kg}}",
        ".weight.sd: '-1 kg' must not be negative, expected a body weight such as '70 kg'",
    ),
    (
        "{size: 3, weight: {mean: 79 kg, sd: 1 kg, low: 90 kg, high: 80 kg}}",
        ".weight.low: 90 is not below high, 80",
    ),
    (
        "{size: 3, weight: {mean: 79 kg, sd: 1 kg, low: 90 kg}}",
        ".weight: a mean of 79 with an sd of 1 kg does not fit between the limits 90 and 250 "
        "kg, expected a smaller sd or wider limits",
    ),
    (
        "{size: 3, weight: {mean: 79 kg, sd: 150 kg}}",
        ".weight: a mean of 79 with an sd of 150 kg does not fit between the limits 30 and "
        "250 kg, expected a smaller sd or wider limits",
    ),
    (
        "{size: 3, age: 12 years}",
        ".age: 12 years is out of range for adults, from 18 to 120; for children say "
        "`children: true`",
    ),
    (
        "{size: 3, age: {low: 20 years}}",
        ".age: missing field 'mean', expected such as {mean: 46 years, sd: 13 years}, or low "
        "and high alone for ages spread evenly",
    ),
    (
        "{size: 3, children: true, age: 18 years}",
        ".age: 18 years is out of range for children, from 2 to 18",
    ),
    (
        "{size: 3, children: true, age: 1 year}",
        ".age: 1 years is out of range for children, from 2 to 18",
    ),
    (
        "{size: 3, children: true, weight: {mean: 30 kg, sd: 4 kg}}",
        ".weight: follows growth charts in children: leave it out, or give one weight",
    ),
    (
        "{size: 3, children: true, correlations: {weight-age: 0.5}}",
        ".correlations: cannot be set for children, whose height and weight follow growth charts",
    ),
    ("{size: 3, race: asian}", ".race: 'asian' is text, expected shares such as {asian: 0.1}"),
    (
        "{size: 3, race: {asain: 1}}",
        ".race.asain: unknown race 'asain', expected other, asian, japanese",
    ),
    (
        "{size: 3, race: {asian: 0.9, japanese: 0.3}}",
        ".race: the shares add up to 1.2, expected 1, or less with other left out",
    ),
    (
        "{size: 3, race: {other: 0.9}}",
        ".race: the shares add up to 0.9, expected 1, or less with other left out",
    ),
    (
        "{size: 3, correlations: 0.9}",
        ".correlations: 0.9 is a number, expected such as {height-weight: 0.4}",
    ),
    (
        "{size: 3, correlations: {weight-agee: 0.5}}",
        ".correlations.weight-agee: unknown pair 'weight-agee'; did you mean 'age-weight'?",
    ),
    (
        "{size: 3, correlations: {weight-age: 1}}",
        ".correlations.weight-age: 1 is not a correlation, expected a number between -1 and 1",
    ),
    (
        "{size: 3, correlations: {weight-age: 0.5, age-weight: 0.5}}",
        ".correlations.age-weight: age-weight is given twice",
    ),
    (
        "{size: 3, weight: 70 kg, correlations: {weight-age: 0.9}}",
        ".correlations: age-weight: weight is the same for all, so it has no correlation",
    ),
    (
        "{size: 3, correlations: {weight-age: 0.9, weight-height: 0.9, age-height: -0.9}}",
        ".correlations: height-weight 0.9, age-weight 0.9, age-height -0.9 cannot hold "
        "together, expected a positive definite matrix (its smallest eigenvalue is -0.8)",
    ),
]


@pytest.mark.parametrize(("block", "message"), BAD)
def test_what_is_wrong_is_said_in_one_line(block, message):
    with pytest.raises(InputError) as caught:
        parse(block)
    assert str(caught.value) == "study.yaml:2 population" + message


def test_a_misfit_that_only_the_condition_shows_has_its_field():
    # Nearly even between the limits: of men and women together that can be had, of men alone not.
    spec = PopulationSpec(size=3, weight={"mean": "150 kg", "sd": "62 kg"})
    assert len(spec.people(1)) == 3
    men = replace(conditions.load("crps"), female=replace(conditions.load("crps").female, value=0))
    with pytest.raises(InputError, match="does not fit between the limits 30 and 250 kg") as caught:
        spec.people(1, men)
    assert caught.value.field == "weight"


def test_schema_is_json_and_names_the_fields():
    schema = json.loads(json.dumps(PopulationSpec.model_json_schema()))
    assert set(schema["properties"]) == set(PopulationSpec.model_fields)
    assert schema["additionalProperties"] is False


def test_screening_leaves_as_many_people_as_were_asked_and_says_how_many_it_left_out():
    spec = PopulationSpec(size=300, screened="asra2018")
    once, again = (
        spec.people(1, conditions.load("crps")),
        spec.people(1, conditions.load("crps"), serial=True),
    )
    for people in (once, again):
        assert len(people) == 300
        assert set(people.extra) == {"SBP0", "DBP0", "HR0"}
    left = [int(people.notes[-1].split()[0]) for people in (once, again)]
    assert 0 < left[0] < left[1]
    assert again.notes[-1].endswith("candidates were left out by asra2018")
    everyone = spec.people(1, conditions.load("crps"), candidates=True)
    assert everyone.extra == {}
    assert set(once.weight[:200]) <= set(everyone.weight)


def test_without_rules_screening_leaves_everybody():
    spec = PopulationSpec(size=50, screened="anzca2021")
    assert spec.people(1).weight.tolist() == PopulationSpec(size=50).people(1).weight.tolist()


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("{size: 9, screened: asra2019}", "did you mean 'asra2018'"),
        ("{size: 9, screened: true}", "true is a yes/no value, expected a guideline"),
        ("{typical: true, screened: asra2018}", "cannot be asked of one typical person"),
        ("{size: 9, children: true, screened: asra2018}", "cannot be asked of children"),
        ("{file: a.csv, screened: asra2018}", "cannot go with a file of patients"),
    ],
)
def test_screening_that_cannot_be_is_refused(block, message):
    with pytest.raises(InputError) as refused:
        parse(block)
    assert message in str(refused.value)
    assert "population.screened" in str(refused.value)
