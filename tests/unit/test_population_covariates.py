"""People drawn at random: means, spreads and what hangs together."""

import numpy as np
import pytest
from scipy import stats

from antalgic.errors import InputError
from antalgic.population import Distribution, People, PopulationSpec
from antalgic.population.covariates import correlation_matrices
from antalgic.population.growth import Chart
from antalgic.population.margins import Margin
from antalgic.population.reference import reference
from antalgic.sources import Value
from antalgic.units import Kind

N = 40_000


def draw(n=N, seed=1, **block):
    return PopulationSpec(size=n, **block).people(seed)


def near(values, mean, sd):
    """Within four standard errors; the spread's error is generous for a skewed curve."""
    error = sd / np.sqrt(len(values))
    assert abs(values.mean() - mean) < 4 * error
    assert values.std() == pytest.approx(sd, rel=0.03)


@pytest.mark.parametrize("female", [0.0, 0.3, 0.75, 1.0])
@pytest.mark.parametrize(("mean", "sd"), [(79, 19), (70, 1), (55, 20)])
def test_weight_has_the_mean_and_sd_that_were_asked(mean, sd, female):
    people = draw(weight={"mean": f"{mean} kg", "sd": f"{sd} kg"}, female=female)
    near(people.weight, mean, sd)


def test_limits_cut_without_shifting_mean_and_sd():
    block = {"mean": "79 kg", "sd": "19 kg", "low": "50 kg", "high": "120 kg"}
    weight = draw(weight=block).weight
    near(weight, 79, 19)
    assert 50 <= weight.min() < 50.5
    assert 119.5 < weight.max() <= 120


def test_default_limits_of_weight_hardly_cut():
    free = Margin(log=True, centre=(0, 0), spread=(1, 1), low=1e-9, high=1e9)
    cut = Distribution(79, 19, reference().weight.low, reference().weight.high)
    fitted = free.fitted(cut, 0.5, Kind.WEIGHT)
    mean, sd = Margin(True, fitted.centre, fitted.spread, 1e-9, 1e9).moments(0.5)
    assert mean == pytest.approx(79, rel=0.01)
    assert sd == pytest.approx(19, rel=0.01)


def test_weight_is_log_normal_in_each_sex():
    people = draw(weight={"mean": "79 kg", "sd": "19 kg"})
    for sex in (True, False):
        logs = np.log(people.weight[people.female == sex])
        assert abs(stats.skew(logs)) < 0.1
        assert abs(stats.kurtosis(logs)) < 0.15


def test_age_has_the_mean_and_sd_that_were_asked_within_its_limits():
    people = draw(age={"mean": "30 years", "sd": "9 years"})
    near(people.age, 30, 9)
    assert people.age.min() >= 18


def test_ages_between_two_limits_are_spread_evenly():
    age = draw(age={"low": "20 years", "high": "60 years"}).age
    assert stats.kstest(age, stats.uniform(20, 40).cdf).pvalue > 0.01


def test_height_is_that_of_the_sex_and_may_be_asked():
    people = draw()
    near(people.height[people.female], 162.0, 7.2)
    near(people.height[~people.female], 175.9, 7.6)
    asked = draw(height={"mean": "180 cm", "sd": "8 cm"})
    near(asked.height, 180, 8)
    assert asked.height[~asked.female].mean() - asked.height[asked.female].mean() > 8


def test_share_of_women_and_races():
    people = draw(female=0.75, race={"asian": 0.1, "japanese": 0.05})
    assert people.female.mean() == pytest.approx(0.75, abs=0.01)
    assert (people.race == "asian").mean() == pytest.approx(0.1, abs=0.01)
    assert (people.race == "japanese").mean() == pytest.approx(0.05, abs=0.01)
    assert (people.race == "other").mean() == pytest.approx(0.85, abs=0.01)
    assert set(draw(n=50).race) == {"other"}
    assert set(draw(n=50, race={"japanese": 1}).race) == {"japanese"}


def test_men_are_heavier_and_the_tall_are_heavier():
    people = draw(weight={"mean": "79 kg", "sd": "19 kg"}, female=0.6)
    men, women = people.weight[~people.female], people.weight[people.female]
    # The library's medians, 86.3 and 73.1 kg.
    assert np.median(men) / np.median(women) == pytest.approx(86.3 / 73.1, rel=0.03)
    for sex, r in ((False, 0.413), (True, 0.296)):
        mine = people.female == sex
        found = np.corrcoef(np.log(people.weight[mine]), people.height[mine])[0, 1]
        assert found == pytest.approx(r, abs=0.02)


def test_sexes_do_not_differ_more_than_a_small_sd_allows():
    people = draw(weight={"mean": "70 kg", "sd": "0.5 kg"})
    assert people.weight.min() > 66
    assert people.weight[~people.female].mean() - people.weight[people.female].mean() < 0.6


@pytest.mark.parametrize("r", [-0.6, 0.0, 0.9])
def test_correlations_that_were_asked_are_there(r):
    # Spearman's coefficient of a Gaussian copula is 6/pi asin(r/2), whatever the curves.
    people = draw(correlations={"weight-age": r}, age={"mean": "50 years", "sd": "14 years"})
    for sex in (True, False):
        mine = people.female == sex
        found = stats.spearmanr(people.weight[mine], people.age[mine]).statistic
        assert found == pytest.approx(6 / np.pi * np.arcsin(r / 2), abs=0.02)


def test_other_correlations_stay_those_of_adults_in_general():
    men, women = correlation_matrices({})
    # Order height, weight, age.
    assert men[np.triu_indices(3, 1)].tolist() == [0.413, -0.129, 0.067]
    assert women[np.triu_indices(3, 1)].tolist() == [0.296, -0.207, 0.025]
    asked, _ = correlation_matrices({"age-weight": 0.9})
    assert asked[0, 1] == 0.413
    again, _ = correlation_matrices({"age-weight": 0.067})
    assert again == pytest.approx(men)


def test_correlations_that_cannot_hold_together_are_refused():
    pairs = {"height-weight": 0.9, "age-weight": 0.9, "age-height": -0.9}
    with pytest.raises(InputError, match=r"age-height -0\.9 cannot hold together.*-0\.8"):
        correlation_matrices(pairs)


def test_asking_for_other_ages_or_races_leaves_weights_alone():
    one, other = draw(n=300), draw(n=300, age="40 years", race={"asian": 0.5})
    assert np.array_equal(one.weight, other.weight)
    assert np.array_equal(one.female, other.female)


def test_a_patient_does_not_depend_on_the_size_of_the_population():
    few, many = draw(n=10), draw(n=1000)
    for name in ("ids", "weight", "age", "height", "female", "race"):
        assert np.array_equal(getattr(few, name), getattr(many, name)[:10])


def test_seeds_and_replicates_give_other_people():
    spec = PopulationSpec(size=100)
    one = spec.people(1)
    assert np.array_equal(one.weight, spec.people(1).weight)
    assert not np.any(one.weight == spec.people(2).weight)
    assert not np.any(one.weight == spec.people(1, replicate=1).weight)


def test_fixed_values_are_the_same_for_all():
    people = draw(n=50, weight="70 kg", age="40 years", height="1.75 m")
    assert set(people.weight) == {70}
    assert set(people.age) == {40}
    assert set(people.height) == {175}


@pytest.mark.parametrize(
    ("mean", "sd", "low", "high"), [(79, 80, 30, 100), (20, 9, 18, 90), (18.01, 5, 18, 90)]
)
def test_a_spread_that_no_curve_has_is_refused(mean, sd, low, high):
    margin = Margin(log=False, centre=(0, 0), spread=(1, 1), low=low, high=high)
    with pytest.raises(InputError, match="does not fit between the limits"):
        margin.fitted(Distribution(mean, sd, low, high), 0.5, Kind.AGE)


def test_moments_agree_with_scipy_truncated_normal():
    margin = Margin(log=False, centre=(50, 50), spread=(20, 20), low=18, high=65)
    exact = stats.truncnorm((18 - 50) / 20, (65 - 50) / 20, loc=50, scale=20)
    assert margin.moments(0.4) == pytest.approx((exact.mean(), exact.std()), rel=1e-10)
    z = np.linspace(-3, 3, 50)
    values = margin.values(z, np.zeros(50, dtype=bool))
    assert values == pytest.approx(exact.ppf(stats.norm.cdf(z)), rel=1e-9)


def test_values_far_in_a_tail_keep_their_order():
    # The limits lie 10 to 12 spreads above the centre, where 1 - u has lost all digits.
    margin = Margin(log=False, centre=(0, 0), spread=(1, 1), low=10, high=12)
    values = margin.values(np.linspace(-4, 4, 201), np.ones(201, dtype=bool))
    assert np.all(np.diff(values) > 0)
    assert values.min() >= 10
    assert values.max() <= 12
    assert values[100] == pytest.approx(stats.truncnorm(10, 12).median(), rel=1e-9)


def children(n=N, **block):
    return draw(n=n, children=True, **block)


def test_children_grow_along_the_charts():
    for age, boys, girls in ((4, 16.3, 15.9), (10, 32.0, 33.0), (16, 61.0, 53.9)):
        people = children(n=4000, age=f"{age} years")
        assert np.median(people.weight[~people.female]) == pytest.approx(boys, rel=0.02)
        assert np.median(people.weight[people.female]) == pytest.approx(girls, rel=0.02)


def test_children_s_ages_and_what_hangs_together():
    people = children(age={"low": "4 years", "high": "10 years"})
    assert 4 <= people.age.min() < 4.01
    assert 9.99 < people.age.max() <= 10
    assert stats.spearmanr(people.age, people.weight).statistic > 0.8
    same = children(n=20_000, age="8 years")
    boys = ~same.female
    found = np.corrcoef(same.height[boys], np.log(same.weight[boys]))[0, 1]
    assert found == pytest.approx(0.71, abs=0.03)
    assert same.notes == (
        "share of women: 0.517, as among adults in general",
        "height: from the CDC growth charts of 2000, at each child's age",
        "weight: from the CDC growth charts of 2000, at each child's age",
    )


def test_children_s_weights_end_where_the_charts_do():
    people = children(n=20_000, age="17 years", female=1)
    assert people.weight.max() < 120
    assert np.all(np.isfinite(people.weight))


def test_a_chart_with_L_zero_is_log_normal():
    one = np.ones(1)
    chart = Chart(np.array([1.0, 2.0]), np.zeros(2), np.full(2, 10.0), np.full(2, 0.2))
    assert chart.values(one, one) == pytest.approx(10 * np.exp(0.2), rel=1e-7)


def test_charts_give_the_percentiles_that_cdc_prints():
    # Columns P5, P50 and P95 of the files wtage and statage.
    z = stats.norm.ppf([0.05, 0.5, 0.95])
    boy, girl = np.full(3, 120.5 / 12), np.full(3, 180.5 / 12)
    boys, girls = reference().growth.weight
    assert boys.values(z, boy) == pytest.approx([24.944, 32.088, 46.158], abs=0.01)
    assert girls.values(z, girl) == pytest.approx([40.768, 52.136, 75.828], abs=0.01)
    boys, girls = reference().growth.height
    assert boys.values(z, boy) == pytest.approx([128.162, 138.823, 149.905], abs=0.01)
    assert girls.values(z, girl) == pytest.approx([151.261, 161.898, 172.608], abs=0.01)


def test_charts_hold_between_their_rows():
    # Boys of 114.5 and girls of 186.5 months, halfway between rows, from the monthly files.
    boys, girls = reference().growth.weight
    one = np.zeros(1)
    assert boys.values(one, one + 114.5 / 12)[0] == pytest.approx(30.318, rel=0.007)
    assert girls.values(one, one + 186.5 / 12)[0] == pytest.approx(53.133, rel=0.007)


def test_typical_person_and_what_is_said_of_it():
    person = PopulationSpec(typical=True).people(1)
    assert person.to_frame().to_dict("list") == {
        "ID": [1], "WT": [70.0], "AGE": [46.1], "HT": [162.0], "SEX": [1], "RACE": ["other"],
    }  # fmt: skip
    assert person.notes == ("the typical person weighs 70 kg, to which published models refer",)


def test_typical_person_has_means_and_majorities():
    block = {
        "weight": {"mean": "79 kg", "sd": "19 kg"}, "age": {"low": "20 years", "high": "60 years"},
        "female": 0.5, "race": {"asian": 0.2, "japanese": 0.7},
    }  # fmt: skip
    person = PopulationSpec(typical=True, **block).people(1)
    assert person.weight.tolist() == [79]
    assert person.age.tolist() == [40]
    assert person.female.tolist() == [False]
    assert person.height.tolist() == [175.9]
    assert person.race.tolist() == ["japanese"]


def test_typical_child_is_the_median_of_its_age():
    child = PopulationSpec(typical=True, children=True, age="10 years", female=0).people(1)
    assert child.weight[0] == pytest.approx(32.0, rel=0.01)
    assert child.height[0] == pytest.approx(138.6, rel=0.01)


def test_notes_say_what_was_not_given():
    assert draw(n=5).notes == (
        "share of women: 0.517, as among adults in general",
        "age: as in adults in general (NHANES 2009-2012)",
        "weight: as in adults in general (NHANES 2009-2012)",
    )
    assert draw(n=5, female=0.5, age="40 years", weight="70 kg").notes == ()


def test_parts_and_frames_of_people():
    people = draw(n=10, race={"asian": 0.5})
    part = people.part(3, 7)
    assert part.ids.tolist() == [4, 5, 6, 7]
    assert part.notes == people.notes
    frame = people.to_frame()
    assert list(frame) == ["ID", "WT", "AGE", "HT", "SEX", "RACE"]
    assert frame["SEX"].tolist() == people.female.astype(int).tolist()
    assert part.to_frame()["WT"].tolist() == frame["WT"].tolist()[3:7]


def test_people_of_unequal_columns_are_refused():
    one, two = np.ones(1), np.ones(2)
    with pytest.raises(ValueError, match="weight has shape"):
        People(np.arange(1), two, one, one, one.astype(bool), np.array(["other"]))


def test_every_number_of_the_library_has_its_passport():
    library = reference()
    assert len(library.values) > 20
    for place, value in library.values.items():
        assert isinstance(value, Value), place
        assert value.source in library.sources or value.how == "assumed", place
