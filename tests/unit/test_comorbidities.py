"""Comorbidities and resting circulation: as published, each person's own, each with a source."""

import numpy as np
import pytest

from antalgic import yamlfile
from antalgic.errors import InputError
from antalgic.population import PopulationSpec, comorbidities, conditions
from antalgic.population.comorbidities import ComorbidityFile, draw
from antalgic.population.people import People

N = 40_000


@pytest.fixture(scope="module")
def adults() -> People:
    return PopulationSpec(size=N, age={"mean": "46.1 years", "sd": "17.3 years"}).people(1)


@pytest.fixture(scope="module")
def health(adults):
    return draw(adults, 1)


def people_of(age: float, female: bool, n: int = N) -> People:
    one = np.ones(n)
    return People(
        np.arange(1, n + 1), 70 * one, age * one, 170 * one, np.full(n, female),
        np.full(n, "other"),
    )  # fmt: skip


def test_adults_have_the_mean_resting_circulation_of_the_survey(health):
    # 11,294 adults of NHANES 2009-2012, weighted
    for vital, mean, within in (("SBP0", 120.6, 0.5), ("DBP0", 70.4, 0.3), ("HR0", 72.7, 0.3)):
        assert health.vitals[vital].mean() == pytest.approx(mean, abs=within)
    assert health.vitals["SBP0"].std() == pytest.approx(17.1, rel=0.05)


def test_hypertension_is_as_frequent_as_published(adults, health):
    """NCHS Data Brief 289: 29.0 % in all, and by age and sex; 48.3 % of them below 140/90."""
    has, (sbp, dbp) = health.has["hypertension"], (health.vitals["SBP0"], health.vitals["DBP0"])
    assert has.mean() == pytest.approx(0.29, abs=0.015)
    high = (sbp >= 140) | (dbp >= 90)
    assert (has | ~high).all()
    assert (~high)[has].mean() == pytest.approx(0.483, abs=0.03)
    published = {(18, 40): (0.092, 0.056), (40, 60): (0.372, 0.294), (60, 91): (0.585, 0.668)}
    for (low, top), shares in published.items():
        for sex, share in enumerate(shares):
            group = (adults.age >= low) & (adults.age < top) & (adults.female == bool(sex))
            assert has[group].mean() == pytest.approx(share, abs=0.02), (low, sex)
    assert sbp[has].mean() > sbp[~has].mean() + 10


def test_flat_shares_are_met_and_known_ones_are_part_of_them(health):
    for name, entry in comorbidities.library().comorbidities.items():
        has, known = health.has[name], health.known[name]
        assert not (known & ~has).any()
        if entry.known is None:
            assert (known == has).all()
    p = 0.097
    assert health.has["substance-use-disorder"].mean() == pytest.approx(
        p, abs=4 * np.sqrt(p * (1 - p) / N)
    )


def test_parts_lie_within_the_whole_and_exclude_each_other(health):
    has = health.has
    assert not (has["frequent-angina"] & ~has["ischaemic-heart-disease"]).any()
    assert not (has["severe-liver-disease"] & ~has["cirrhosis"]).any()
    assert not (has["severe-liver-disease"] & has["moderate-liver-disease"]).any()
    assert has["frequent-angina"].sum() > 50


def test_only_women_of_child_bearing_age_are_pregnant(adults, health):
    pregnant = health.has["pregnancy"]
    assert adults.female[pregnant].all()
    assert adults.age[pregnant].max() < 45
    group = adults.female & (adults.age >= 20) & (adults.age < 45)
    assert pregnant[group].mean() == pytest.approx(0.048, abs=0.008)


def test_shares_of_a_condition_come_before_those_of_adults_in_general():
    woman = people_of(64, True)
    general, diabetic = draw(woman, 1), draw(woman, 1, conditions.load("diabetic-neuropathy"))
    assert diabetic.has["hypertension"].mean() > general.has["hypertension"].mean() + 0.1
    assert diabetic.has["ischaemic-heart-disease"].mean() == pytest.approx(0.212, abs=0.01)
    assert diabetic.has["psychosis"].tolist() == general.has["psychosis"].tolist()


def test_odds_of_a_condition_multiply_odds_and_not_shares():
    woman = people_of(50, True, 2)
    found = comorbidities.share("substance-use-disorder", woman, conditions.load("fibromyalgia"))
    odds = 1.40 * 0.097 / (1 - 0.097)
    assert found == pytest.approx(odds / (1 + odds))


def test_depression_is_that_of_the_condition():
    crps = conditions.load("crps")
    woman = people_of(50, True)
    assert draw(woman, 1, crps).has["depression"].mean() == pytest.approx(0.156, abs=0.01)
    assert draw(woman, 1).has["depression"].mean() == pytest.approx(0.104, abs=0.01)
    assert comorbidities.passport("depression", crps).source == "magdeburg2018"
    assert comorbidities.passport("depression").source == "brody2018"


def test_a_table_of_patients_keeps_its_own_pressures():
    own = people_of(50, True, 3)
    own.extra["SBP0"] = np.array([120.0, 150.0, 180.0])
    health = draw(own, 1)
    assert health.vitals["SBP0"].tolist() == [120.0, 150.0, 180.0]
    assert health.has["hypertension"].tolist()[1:] == [True, True]
    assert comorbidities.carrying(own, health.vitals).extra["HR0"].shape == (3,)


def test_nobody_has_a_pulse_pressure_that_nobody_has(health):
    assert (health.vitals["SBP0"] - health.vitals["DBP0"]).min() >= 15


def test_children_are_refused():
    with pytest.raises(InputError, match="adults, from 18 years"):
        draw(PopulationSpec(size=3, children=True).people(1), 1)


def test_every_share_has_a_source_or_a_reason():
    library = comorbidities.library()
    for name, entry in library.comorbidities.items():
        for part in (entry, *entry.conditions.values(), *([entry.known] if entry.known else [])):
            assert part.source in library.sources or part.note, name
        for condition in entry.conditions:
            assert condition in conditions.names()


FILE = """\
sources:
  a: {citation: "A 2020"}
resting:
  source: a
  how: read
  grade: B
  male: [[20, 120, 0.1, 75, 10, 70, 0.1]]
  female: [[20, 115, 0.1, 70, 10, 75, 0.1]]
  correlations: {SBP0-DBP0: 0.5, SBP0-HR0: 0.1, DBP0-HR0: 0.1}
  limits: {SBP0: [70, 230], DBP0: [30, 130], HR0: [36, 170], pulse: 15}
comorbidities:
  gout: {title: gout, shares: [[18, 0.04, 0.01]], source: a, how: read, grade: B}
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("source: a, how", "source: b, how", "'b' is not among the sources"),
        ("how: read, grade: B}", "how: assumed, grade: D}", "missing field 'note'"),
        ("0.04, 0.01", "4, 1", "expected shares from 0 to 1"),
        ("[[18, 0.04", "[[30, 0.04", "expected a first row from 18 years"),
        ("[[18, 0.04, 0.01]]", "[[18, 0.04]]", "expected rows of 3 numbers"),
        ("title: gout", "title: gout, of: hyperuricaemia", "not among the comorbidities above it"),
        ("title: gout", "title: gout, or_measured: {BMI: 30}", "unknown resting value 'BMI'"),
        ("title: gout", "title: gout, knwon: 1", "did you mean 'known'"),
    ],
)
def test_a_bad_library_file_is_refused_in_one_line(old, new, message):
    yamlfile.validate(ComorbidityFile, yamlfile.read_text(FILE, "x.yaml"))
    assert old in FILE
    with pytest.raises(InputError) as refused:
        yamlfile.validate(ComorbidityFile, yamlfile.read_text(FILE.replace(old, new), "x.yaml"))
    assert message in str(refused.value)
    assert str(refused.value).startswith("x.yaml:")
