"""From regimen, people and model to concentrations: what each rule does, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from antalgic.dosing.regimen import DoseEvent, ParameterChange, Perpetrator, Regimen
from antalgic.errors import InputError
from antalgic.model import shelf
from antalgic.population.people import People
from antalgic.simulation import QUANTILES, bands, reference_person, run, simulate
from antalgic.simulation.individual import Draw, Sets, individual, single_set
from antalgic.simulation.plan import OCCASION_GAP, plan
from antalgic.simulation.residual import additive_sd, molar_mass

FANTA, SIMONS, PEREZ, KAMP, ASHRAF, FLINT = (
    "fanta2015+otto2021", "simons2022", "perezruixo2021", "kamp2020", "ashraf2018", "flint2017",
)  # fmt: skip
HOURS = np.array([0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 12.0])


def dose(time=0.0, amount=20.0, duration=0.0, **more):
    more = {"drug": "s-ketamine", "route": "iv", "per": "", "missed": 0.0, "item": 0} | more
    return DoseEvent(time=time, amount=amount, duration=duration, **more)


def arm(*doses, **more):
    return Regimen("arm", tuple(doses), **more)


def people(n, weight=70.0, age=40.0, race="other", female=False):
    def column(value, kind):
        return np.broadcast_to(np.asarray(value, dtype=kind), n).copy()

    return People(
        np.arange(1, n + 1), column(weight, float), column(age, float), column(170.0, float),
        column(female, bool), column(race, str),
    )  # fmt: skip


def crowd(n, seed=4):
    """People of many weights and ages: the first of them are the same for any n."""
    rng = np.random.default_rng(seed)
    weight, age = rng.uniform(45, 120, 5000)[:n], rng.uniform(18, 85, 5000)[:n]
    return people(n, weight=weight, age=age)


def typical(model, regimen, times=HOURS, who=None, **more):
    """Readouts (analytes, times, people) of typical people."""
    who = reference_person() if who is None else who
    found = simulate(model, regimen, who, np.array(times), typical=True, trajectories=True, **more)
    return found.values


def message(call, *given, **named):
    with pytest.raises(InputError) as caught:
        call(*given, **named)
    text = str(caught.value)
    assert "\n" not in text
    return text


# What comes out


def test_shapes_and_names():
    found = simulate(FANTA, arm(dose()), crowd(7), HOURS, trajectories=True)
    assert found.analytes == ("s-ketamine", "s-norketamine")
    assert found.values.shape == (2, 7, 7)
    assert found.quantiles.shape == (2, 7, len(QUANTILES))
    assert found.mean.shape == (2, 7)
    assert (
        found.cmax.shape == found.tmax.shape == found.auc.shape == found.half_life.shape == (7, 2)
    )
    assert set(found.parameters) == set(shelf.load(FANTA).parameters)
    assert all(column.shape == (7,) for column in found.parameters.values())


def test_quantiles_and_mean_are_those_of_the_people():
    found = simulate(FANTA, arm(dose()), crowd(101), HOURS, trajectories=True)
    wanted = np.moveaxis(np.quantile(found.values, QUANTILES, axis=2), 0, -1)
    np.testing.assert_allclose(found.quantiles, wanted, rtol=1e-14)
    np.testing.assert_allclose(found.mean, found.values.mean(axis=2), rtol=1e-13)


def test_trajectories_are_kept_only_when_asked_for():
    assert simulate(FANTA, arm(dose()), crowd(2), HOURS).values is None


def test_analytes_asked_for_are_given_in_that_order():
    both = simulate(SIMONS, arm(dose()), crowd(3), HOURS, trajectories=True)
    wanted = ("s-hydroxynorketamine", "s-ketamine")
    some = simulate(SIMONS, arm(dose()), crowd(3), HOURS, analytes=wanted, trajectories=True)
    assert some.analytes == wanted
    for row, name in enumerate(wanted):
        whole = both.values[both.analytes.index(name)]
        np.testing.assert_allclose(some.values[row], whole, rtol=1e-11)


def test_no_dose_gives_zeros():
    found = simulate(FANTA, arm(), crowd(3), HOURS, trajectories=True)
    assert not found.values.any()
    assert not found.quantiles.any()
    assert not found.cmax.any()
    assert not found.auc.any()


def test_an_enantiomer_that_is_not_given_stays_at_zero():
    found = simulate(KAMP, arm(dose(drug="r-ketamine")), crowd(3), HOURS, trajectories=True)
    s, r, both = found.values
    assert not s.any()
    np.testing.assert_array_equal(r, both)
    assert np.isnan(found.half_life[:, 0]).all()
    np.testing.assert_array_equal(found.half_life[:, 1], found.half_life[:, 2])


@pytest.mark.parametrize("model", [FANTA, SIMONS, PEREZ, ASHRAF])
def test_half_life_is_the_slope_of_the_tail(model):
    # so late that only the slowest exponential is left: 1e-60 of the peak is still exact
    late = np.array([0.0, 1500.0, 1501.0])
    found = simulate(model, arm(dose()), people(1), late, typical=True, trajectories=True)
    slope = np.log(found.values[:, 1] / found.values[:, 2])
    np.testing.assert_allclose(found.half_life.T, np.log(2) / slope, rtol=1e-6)


def test_auc_is_to_the_last_time():
    ends = [2.0, 24.0, 1000.0]
    areas = [simulate(FANTA, arm(dose()), people(1), np.array([0.0, t])).auc[0, 0] for t in ends]
    found = simulate(FANTA, arm(dose()), people(1), np.array([0.0, 1000.0]))
    assert areas[0] < areas[1] < areas[2]
    assert areas[2] == pytest.approx(1000 * 20 / found.parameters["CL"][0], rel=1e-9)


# What is refused


@pytest.mark.parametrize("times", [[], [1.0, 0.5], [0.0, 0.0], [-1.0, 2.0]])
def test_times_must_ascend_from_zero(times):
    text = message(simulate, FANTA, arm(dose()), people(1), np.array(times))
    assert "ascending" in text


def test_unknown_analyte_names_those_there_are():
    text = message(simulate, FANTA, arm(dose()), people(1), HOURS, analytes=["norketamine"])
    assert "does not predict 'norketamine'" in text
    assert "s-ketamine, s-norketamine" in text


def test_unknown_model_suggests_the_nearest():
    text = message(simulate, "simons2020", arm(dose()), people(1), HOURS)
    assert text == "unknown model 'simons2020'; did you mean 'simons2022'?"


def test_reference_model_says_what_is_missing():
    text = message(simulate, "dahan2011", arm(dose()), people(1), HOURS)
    assert text.startswith("model 'dahan2011' is filed as reference only and cannot be run: ")


@pytest.mark.parametrize(("drug", "route"), [("s-ketamine", "nasal"), ("ketamine", "iv")])
def test_drug_or_route_that_a_model_does_not_have(drug, route):
    text = message(simulate, FANTA, arm(dose(drug=drug, route=route)), people(1), HOURS)
    assert text == f"model '{FANTA}' has no {drug} by route {route}"


def test_residual_error_that_no_one_published():
    text = message(
        simulate, KAMP, arm(dose()), people(1), HOURS, analytes=["s-ketamine"], residual_error=True
    )
    assert "gives no residual error for 's-ketamine'" in text


def test_change_of_a_parameter_that_is_not_there():
    change = ParameterChange("CLx", 0.5, 0.0, 9.0)
    text = message(simulate, FANTA, arm(dose(), changes=(change,)), people(1), HOURS)
    assert text.startswith(
        f"model '{FANTA}' has no parameter 'CLx' that can change, expected one of "
    )


@pytest.mark.parametrize(
    ("model", "coefficient"),
    [(PEREZ, "Japanese_on_FRn"), (PEREZ, "age_on_Qh"), (KAMP, "F_im_child")],
)
def test_change_of_a_coefficient_is_refused_rather_than_ignored(model, coefficient):
    change = ParameterChange(coefficient, 0.5, 0.0, 9.0)
    text = message(simulate, model, arm(dose(), changes=(change,)), people(1), HOURS)
    assert f"'{coefficient}'" in text


@pytest.mark.parametrize(
    ("model", "route", "parameter"), [(FANTA, "oral", "F"), (PEREZ, "nasal", "FRn")]
)
def test_a_fraction_changed_to_above_one_is_refused(model, route, parameter):
    # more would arrive than was given, and less than nothing on the other way
    change = ParameterChange(parameter, 20.0, 0.0, 9.0)
    given = arm(dose(route=route, amount=28.0), changes=(change,))
    assert "out of its range" in message(simulate, model, given, people(1), HOURS)


@pytest.mark.parametrize(
    ("n", "more", "said"),
    [
        (0, {}, "there are no people to simulate"),
        (1, {"analytes": []}, "no analyte is named, expected some of s-ketamine"),
        (1, {"threads": 0}, "0 threads cannot work"),
    ],
)
def test_nothing_to_do_and_nothing_to_do_it_with(n, more, said):
    assert said in message(simulate, FANTA, arm(dose()), people(n), HOURS, **more)


def test_trajectories_that_are_too_large(monkeypatch):
    monkeypatch.setattr(bands, "IN_MEMORY", 10)
    text = message(simulate, FANTA, arm(dose()), people(1), HOURS, trajectories=True)
    assert "too large to keep" in text


def test_interacting_drugs_that_are_unknown_or_act_elsewhere():
    def given(name):
        return arm(dose(), perpetrators=(Perpetrator(name, 0.0, 9.0),))

    assert "did you mean 'ticlopidine'?" in message(
        simulate, ASHRAF, given("ticlopidin"), people(1), HOURS
    )
    assert "only in model ashraf2018" in message(
        simulate, FANTA, given("ticlopidine"), people(1), HOURS
    )
    assert "in no model" in message(simulate, ASHRAF, given("grapefruit-juice"), people(1), HOURS)


# Doses


def test_scaled_doses_are_what_each_person_would_be_given():
    who = people(3, weight=[45.0, 70.0, 110.0])
    for per, amounts in (("kg", 0.3 * who.weight), ("70 kg", 21.0 * who.weight / 70.0)):
        scaled = typical(FANTA, arm(dose(amount={"kg": 0.3, "70 kg": 21.0}[per], per=per)), who=who)
        for person, amount in enumerate(amounts):
            alone = typical(FANTA, arm(dose(amount=amount)), who=who.part(person, person + 1))
            np.testing.assert_allclose(scaled[:, :, person], alone[:, :, 0], rtol=1e-13)


def test_a_cap_bounds_the_amount_of_one_person():
    who = people(2, weight=[60.0, 120.0])
    capped = arm(dose(amount=0.5, per="kg", cap=40.0))
    found = typical(FANTA, capped, who=who)
    np.testing.assert_array_equal(
        found[:, :, 0], typical(FANTA, arm(dose(amount=30.0)), who=who)[:, :, 0]
    )
    np.testing.assert_array_equal(
        found[:, :, 1], typical(FANTA, arm(dose(amount=40.0)), who=who)[:, :, 1]
    )


def test_each_missed_dose_is_missed_by_its_share_of_people():
    times = np.array([0.0, 0.01, 23.99, 24.01])
    given = arm(dose(0.0, missed=0.3), dose(24.0, missed=0.3))
    found = simulate(FANTA, given, people(2000), times, seed=2, trajectories=True).values[0]
    first, second = found[1] == 0.0, found[3] < 20.0
    # three standard errors of a share among 2000 are 0.031
    assert first.mean() == pytest.approx(0.3, abs=0.031)
    assert second.mean() == pytest.approx(0.3, abs=0.031)
    assert (first & second).mean() == pytest.approx(0.09, abs=0.02)


def test_who_misses_a_dose_misses_all_of_it():
    given = arm(dose(0.0, amount=50.0, route="film", missed=0.5))
    found = simulate(SIMONS, given, people(400), np.array([0.0, 1.0, 6.0]), trajectories=True)
    missed = found.values[0, 1] == 0.0
    assert 0.4 < missed.mean() < 0.6
    np.testing.assert_array_equal(found.values[2, 1] == 0.0, missed)
    assert not found.auc[missed].any()
    assert found.auc[~missed].all()


def test_missing_one_dose_leaves_the_others_as_they_were():
    certain = arm(dose(0.0), dose(5.0, missed=0.999999))
    found = simulate(FANTA, certain, people(5), HOURS, trajectories=True).values
    wanted = simulate(FANTA, arm(dose(0.0)), people(5), HOURS, trajectories=True).values
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_typical_people_miss_nothing():
    given = arm(dose(missed=0.9))
    np.testing.assert_array_equal(typical(FANTA, given), typical(FANTA, arm(dose())))


def test_no_dose_before_time_zero_is_missed_in_a_steady_state():
    steady = {"steady_state": 12.0, "steady_items": (0,)}
    times = np.array([0.0, 3.0])
    missed = arm(dose(6.0, missed=0.999999), **steady)
    found = simulate(FANTA, missed, people(5), times, trajectories=True).values
    wanted = simulate(FANTA, arm(dose(6.0), **steady), people(5), times, trajectories=True).values
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("amount", "fraction"),
    [
        (14.0, 0.54),
        (28.0, 0.54),
        (42.0, 0.54 * (28 + 0.62 * 14) / 42),
        (56.0, 0.4374),
        (84.0, 0.4032),
    ],
)
def test_later_nasal_devices_count_less(amount, fraction):
    # nothing of the nasal part passes the gut: without it (Fgut 0) the AUC is that of the nose
    only_nose = ParameterChange("Fgut", 1e-12, 0.0, 4000.0)
    times = np.array([0.0, 3000.0])

    def area(*doses):
        given = arm(*doses, changes=(only_nose,))
        return simulate(PEREZ, given, people(1), times, typical=True).auc[0, 0]

    nasal, iv = area(dose(amount=amount, route="nasal")), area(dose(amount=amount))
    assert nasal / iv == pytest.approx(fraction, rel=1e-6)


def test_a_nasal_fraction_stops_at_one():
    values = individual(
        shelf.load(PEREZ), people(2000, race="japanese"), single_set(), Draw(1)
    )["FRn"]  # fmt: skip
    assert values.max() == 1.0
    assert 0.02 < (values == 1.0).mean() < 0.25
    others = individual(shelf.load(PEREZ), people(2000), single_set(), Draw(1))["FRn"]
    assert others.max() < 1.0
    below = values < 1.0
    np.testing.assert_allclose(values[below], 1.34 * others[below], rtol=1e-12)


def test_both_paths_of_a_film_begin_together_and_end_apart():
    # swallowed drug is seen in norketamine only
    found = typical(SIMONS, arm(dose(amount=50.0, route="film")), [0.0, 0.1, 1.0, 300.0])
    assert np.all(found[0, 1:3, 0] > 0)
    wanted = simulate(
        SIMONS,
        arm(dose(amount=50.0, route="film")),
        people(1),
        np.array([0.0, 2000.0]),
        typical=True,
    )
    assert wanted.auc[0, 0] == pytest.approx(1000 * 50 * 0.263 / (1.48 * 60), rel=1e-9)
    formed = (0.263 + 1.16) * 50 * 0.8 * 0.940983
    assert wanted.auc[0, 1] == pytest.approx(1000 * formed / 60.0, rel=1e-9)


def delayed(lag):
    """The Fanta model with its oral route delayed: a lag is no part of any model on file yet."""
    model = shelf.load(FANTA)
    file = model.file.model_copy(deep=True)
    (path,) = file.routes["s-ketamine"]["oral"]
    routes = {"s-ketamine": {"oral": (path.model_copy(update={"lag": "tlag"}),)}}
    ka = model.parameters["ka"]
    known = replace(ka.known, value=lag)
    return replace(
        model,
        file=file.model_copy(update={"routes": routes}),
        parameters={**model.parameters, "tlag": replace(ka, name="tlag", known=known)},
    )


def test_a_lag_longer_than_the_interval_between_doses():
    doses = [dose(6.0 * k, route="oral") for k in range(4)]
    times = np.arange(0.0, 49.0)
    found = typical(delayed(8.5), arm(*doses), times)
    later = [replace(d, time=d.time + 8.5) for d in doses]
    np.testing.assert_allclose(found, typical(FANTA, arm(*later), times), rtol=1e-12)
    assert not found[:, times <= 8.5].any()


def test_order_of_doses_in_a_regimen_is_nothing():
    doses = [dose(0.0, 10.0, 3.0), dose(1.0, 5.0, 4.0, item=1), dose(2.0, 7.0, item=2)]
    found = typical(FANTA, arm(*reversed(doses)))
    np.testing.assert_allclose(found, typical(FANTA, arm(*doses)), rtol=1e-13)


def test_a_dose_after_the_last_time_is_not_seen():
    with_it = arm(dose(), dose(12.0, 99.0, item=1), dose(40.0, 99.0, item=2))
    found = simulate(FANTA, with_it, people(3), HOURS, trajectories=True)
    wanted = simulate(FANTA, arm(dose()), people(3), HOURS, trajectories=True)
    np.testing.assert_array_equal(found.values, wanted.values)
    np.testing.assert_array_equal(found.cmax, wanted.cmax)
    np.testing.assert_array_equal(found.auc, wanted.auc)


# Steady state


def repeated(model, doses, period, times, periods):
    """The same doses given so many periods before, seen from the last of them on."""
    shift = periods * period
    many = [replace(d, time=d.time + k * period) for k in range(periods + 3) for d in doses]
    found = typical(model, arm(*sorted(many, key=lambda d: d.time)), shift + times)
    return found


@pytest.mark.parametrize(
    ("model", "doses", "period"),
    [
        (FANTA, [dose(0.0)], 12.0),
        (FANTA, [dose(3.3, 20.0, 2.0)], 12.0),
        (FANTA, [dose(0.0, 20.0, 30.0)], 12.0),
        (ASHRAF, [dose(1.0, route="oral"), dose(5.0, 5.0, 1.0)], 8.0),
        (PEREZ, [dose(0.0, 56.0, route="nasal")], 24.0),
    ],
)
def test_steady_state_is_what_long_repetition_comes_to(model, doses, period):
    times = np.array([0.5, 2.0, 6.0, period, 1.7 * period])
    going_on = [replace(d, time=d.time + k * period) for k in range(3) for d in doses]
    steady = arm(*going_on, steady_state=period, steady_items=(0,))
    wanted = repeated(model, doses, period, times, periods=int(1500 / period))
    np.testing.assert_allclose(typical(model, steady, times), wanted, rtol=1e-10)


def test_steady_state_holds_for_people_who_clear_slowly():
    who = crowd(60)
    steady = arm(*(dose(12.0 * k) for k in range(3)), steady_state=12.0, steady_items=(0,))
    found = simulate(FANTA, steady, who, np.array([1.0, 13.0, 25.0]), trajectories=True).values
    np.testing.assert_allclose(found[:, 0], found[:, 1], rtol=1e-10)
    np.testing.assert_allclose(found[:, 1], found[:, 2], rtol=1e-10)


def test_area_of_a_period_in_steady_state_is_that_of_a_dose():
    steady = arm(dose(0.0), steady_state=12.0, steady_items=(0,))
    found = simulate(FANTA, steady, people(1), np.array([0.0, 12.0]), typical=True)
    assert found.auc[0, 0] == pytest.approx(1000 * 20 / 95.2, rel=1e-10)


def test_area_and_peak_where_only_time_zero_is_asked_for():
    steady = arm(dose(6.0), steady_state=12.0, steady_items=(0,))
    found = simulate(FANTA, steady, people(1), np.array([0.0]), typical=True, trajectories=True)
    np.testing.assert_array_equal(found.auc, 0.0)
    np.testing.assert_array_equal(found.cmax[0], found.values[:, 0, 0])


# Changes, occasions, interactions


def test_a_change_acts_from_its_start_and_to_its_end():
    change = ParameterChange("CL", 0.25, 4.0, 8.0)
    times = np.array([0.0, 2.0, 4.0, 6.0, 8.0, 40.0, 60.0])
    rate = arm(dose(0.0, 6000.0, 600.0))
    found, plain = (
        typical(FANTA, arm(*rate.doses, changes=changes), times)[0, :, 0]
        for changes in ((change,), ())
    )
    np.testing.assert_allclose(found[:3], plain[:3], rtol=1e-12)
    assert np.all(found[3:5] > plain[3:5])
    assert found[-1] == pytest.approx(plain[-1], rel=0.03)


def test_changes_of_one_parameter_multiply():
    two = (ParameterChange("CL", 0.5, 0.0, 99.0), ParameterChange("CL", 0.4, 0.0, 99.0))
    one = (ParameterChange("CL", 0.2, 0.0, 99.0),)
    found, wanted = (typical(FANTA, arm(dose(), changes=c)) for c in (two, one))
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.parametrize("model", [FANTA, SIMONS, FLINT])
def test_a_change_by_a_factor_of_one_changes_nothing(model):
    # also where a parameter drifts in steps of its own, which the change must not shift
    change = ParameterChange("CLK1" if model == SIMONS else "CL", 1.0, 3.4, 9.0)
    times = np.array([3.2, 3.45, 3.6, 3.9, 4.5, 9.5])
    who = people(2, weight=12.0, age=3.0) if model == FLINT else people(2)
    plain = arm(dose(0.0, 20.0, 10.0))
    found, wanted = (
        simulate(model, replace(plain, changes=c), who, times, trajectories=True).values
        for c in ((change,), ())
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_a_dose_is_absorbed_by_the_fraction_at_its_time():
    change = ParameterChange("F1", 0.5, 20.0, 30.0)
    doses = [dose(24.0 * k, 50.0, route="film", item=k) for k in range(2)]
    times = np.array([0.0, 1.0, 25.0])
    found, plain = (
        typical(SIMONS, arm(*doses, changes=c), times)[0, :, 0] for c in ((change,), ())
    )
    tail = typical(SIMONS, arm(doses[0]), times)[0, 2, 0]
    assert found[1] == pytest.approx(plain[1], rel=1e-12)
    assert found[2] - tail == pytest.approx((plain[2] - tail) / 2, rel=1e-9)


def test_occasions_begin_a_while_after_all_doses_before():
    model = shelf.load(SIMONS)
    doses = [
        dose(0.0, 50.0, route="film"), dose(6.0, 20.0, 1 / 3),  # one day, as in the study
        dose(6.4 + OCCASION_GAP, 50.0, route="film"), dose(48.0, 50.0, route="film"),
    ]  # fmt: skip
    sets = plan(model, arm(*doses), 72.0).sets
    assert list(sets.start) == [0.0, 6.4 + OCCASION_GAP, 48.0]
    assert list(sets.occasion) == [0, 1, 2]


def test_deviations_between_occasions_have_the_published_spread():
    sets = Sets(np.array([0.0, 24.0]), np.array([0, 1]), np.array([0.0, 24.0]))
    model = shelf.load(SIMONS)
    values = individual(model, people(20000), sets, Draw(3))
    logs = np.log(values["D2"])
    assert logs.shape == (20000, 2)
    assert np.corrcoef(logs.T)[0, 1] == pytest.approx(0.0, abs=0.02)
    assert logs.var(axis=0) == pytest.approx([0.611] * 2, rel=0.03)
    # between people and between occasions: half-shared
    logs = np.log(values["MTT_K_NK"])
    assert logs.var(axis=0) == pytest.approx([0.021 + 0.751] * 2, rel=0.03)
    assert np.cov(logs.T)[0, 1] == pytest.approx(0.021, abs=0.018)
    # and none where none is published
    assert values["CLK1"].shape[1] == 1 or np.ptp(values["CLK1"], axis=1).max() == 0.0


def test_one_person_differs_from_day_to_day_only_where_occasions_do():
    doses = [dose(48.0 * k, 50.0, route="film", item=k) for k in range(2)]
    times = np.array([0.0, 1.0, 47.99, 49.0])
    found = simulate(SIMONS, arm(*doses), people(5), times, trajectories=True).values[0]
    assert np.all(np.abs(found[3] / found[1] - 1) > 1e-3)
    again = typical(SIMONS, arm(*doses), times)[0, :, 0]
    assert again[3] / again[1] == pytest.approx(1.0, abs=0.01)


def test_clearance_of_flint_rises_hour_by_hour():
    who = people(1, weight=12.0, age=3.0)
    infusion = arm(dose(0.0, 20.0 * 141, 141.0))
    times = np.array([50.25, 50.75, 100.5, 140.5])
    k, nk = typical(FLINT, infusion, times, who=who)[:, :, 0]
    # norketamine of 1 L follows its formation at once: CL C = CLnk Cnk in each hour
    hours = np.floor(times) + 0.5
    wanted = k * 112 / (53.2 * (1 + 0.0087 * hours))
    np.testing.assert_allclose(nk[[1, 2, 3]], wanted[[1, 2, 3]], rtol=2e-3)
    later = typical(FLINT, arm(dose(30.0, 20.0 * 141, 141.0)), times + 30.0, who=who)[:, :, 0]
    np.testing.assert_allclose(later, [k, nk], rtol=1e-9)


def test_ticlopidine_slows_the_liver_while_present_and_for_days_after():
    present = Perpetrator("ticlopidine", 0.0, 48.0)
    model = shelf.load(ASHRAF)
    sets = plan(model, arm(dose(), perpetrators=(present,)), 24.0 * 14).sets
    factor = dict(zip(sets.start, sets.factors["CLintH"], strict=True))
    assert factor[0.0] == 0.3717
    for hours in (6.0, 24.0, 96.0):  # after the end: (1 - f) exp(-k t) short of normal
        left = (1 - 0.3717) * np.exp(-0.017 * (hours + 3.0))
        assert factor[48.0 + hours] == pytest.approx(1 - left, rel=1e-12)
    assert sets.factors["CLintH"][-1] > 0.99
    assert np.all(np.diff(sets.factors["CLintH"]) > 0)


def factor_of_liver(*spans):
    """Factor on CLintH by the hour while ticlopidine is present on some spans (h)."""
    present = tuple(Perpetrator("ticlopidine", start, end) for start, end in spans)
    sets = plan(shelf.load(ASHRAF), arm(dose(), perpetrators=present), 24.0 * 14).sets
    at = np.searchsorted(sets.start, np.arange(0.0, 24 * 14, 1.0), side="right") - 1
    return sets.factors["CLintH"][at]


def test_one_interacting_drug_in_two_spans_acts_once():
    whole = factor_of_liver((0.0, 144.0))
    np.testing.assert_allclose(factor_of_liver((0.0, 72.0), (72.0, 144.0)), whole, rtol=1e-12)
    np.testing.assert_allclose(factor_of_liver((0.0, 90.0), (48.0, 144.0)), whole, rtol=1e-12)
    np.testing.assert_allclose(factor_of_liver((48.0, 144.0), (0.0, 90.0)), whole, rtol=1e-12)
    twice = factor_of_liver((0.0, 48.0), (96.0, 144.0))
    np.testing.assert_allclose(twice[:48], 0.3717)
    assert np.all(twice[48:96] > 0.3717)
    np.testing.assert_allclose(twice[96:144], 0.3717)
    np.testing.assert_allclose(twice[144:], whole[144:], rtol=1e-12)


def test_different_interacting_drugs_multiply():
    both = (Perpetrator("ticlopidine", 0.0, 900.0), Perpetrator("clarithromycin", 0.0, 900.0))
    sets = plan(shelf.load(ASHRAF), arm(dose(), perpetrators=both), 100.0).sets
    np.testing.assert_allclose(sets.factors["CLintH"], 0.3717 * 0.3846)


def test_ticlopidine_raises_the_oral_exposure_as_published():
    def area(*perpetrators):
        given = arm(dose(route="oral"), perpetrators=perpetrators)
        return simulate(ASHRAF, given, people(1), np.array([0.0, 900.0]), typical=True).auc[0, 0]

    present = Perpetrator("ticlopidine", 0.0, 900.0)
    assert area(present) / area() == pytest.approx(1 / 0.3717, rel=1e-6)
    assert area(Perpetrator("itraconazole", 0.0, 900.0)) == pytest.approx(area(), rel=1e-12)


def test_a_perpetrator_that_comes_before_the_dose_is_there_at_the_dose():
    present = Perpetrator("clarithromycin", 0.0, 900.0)
    early = simulate(
        ASHRAF, arm(dose(100.0, route="oral"), perpetrators=(present,)), people(1),
        np.array([0.0, 900.0]), typical=True,
    )  # fmt: skip
    assert early.parameters["CLintH"][0] == pytest.approx(301 * 0.3846)


# Deviations and covariates


def test_deviations_have_the_published_covariance():
    model = shelf.load(FANTA)
    values = individual(model, people(20000), single_set(), Draw(1))
    logs = np.array([np.log(values[n][:, 0] / model.parameters[n].value) for n in model.deviations])
    wanted = {("V1", "V1"): 0.084177, ("CL", "CL"): 0.026048, ("V1", "CL"): 0.02261,
              ("CLnk", "Vnk"): 0.04456, ("V1", "Vnk"): 0.0}  # fmt: skip
    found = np.cov(logs)
    for (a, b), value in wanted.items():
        i, j = model.deviations.index(a), model.deviations.index(b)
        assert found[i, j] == pytest.approx(value, abs=0.003), (a, b)
    assert np.abs(logs.mean(axis=1)).max() < 0.01


def test_aliases_and_shared_deviations_are_one_persons():
    values = individual(shelf.load(SIMONS), crowd(50), single_set(), Draw(1))
    np.testing.assert_array_equal(values["VN1"], values["VK1"])
    values = individual(shelf.load(KAMP), crowd(50), single_set(), Draw(1))
    np.testing.assert_allclose(values["CL_R"] / values["CL_S"], 0.87, rtol=1e-5)


def test_covariates_act_as_published():
    model, none = shelf.load(PEREZ), Draw(typical=True)
    who = people(4, age=[40.0, 60.0, 80.0, 40.0], race=["other", "other", "asian", "japanese"])
    values = individual(model, who, single_set(), none)
    np.testing.assert_allclose(values["Qh"][:, 0], [151, 151, 151 - 2.19 * 20, 151])
    np.testing.assert_allclose(values["kel"][:, 0], [1.11, 1.11, 1.11 * 0.36, 1.11 * 0.36])
    np.testing.assert_allclose(values["FRn"][:, 0], [0.54, 0.54, 0.54, 0.54 * 1.34])
    who = people(2, weight=[35.0, 70.0], age=[10.0, 40.0])
    values = individual(shelf.load(KAMP), who, single_set(), none)
    np.testing.assert_allclose(values["V1"][:, 0], [12.5, 25.0])
    np.testing.assert_allclose(values["Q2"][:, 0], [161 * 0.5**0.75, 161.0])
    np.testing.assert_allclose(values["F_im"][:, 0], [0.41, 0.93])
    values = individual(shelf.load("domino1984"), who, single_set(), none)
    np.testing.assert_allclose(values["V1"][:, 0], [0.063 * 35, 0.063 * 70])


def test_typical_people_are_the_same_for_any_seed():
    found = [simulate(FANTA, arm(dose()), crowd(3), HOURS, seed=s, typical=True) for s in (1, 2)]
    np.testing.assert_array_equal(found[0].quantiles, found[1].quantiles)


def test_seeds_and_replicates_give_other_people():
    settings = [{"seed": 1}, {"seed": 2}, {"seed": 1, "replicate": 1}]
    found = [simulate(FANTA, arm(dose()), people(3), HOURS, **s).cmax[:, 0] for s in settings]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert not np.isclose(found[i], found[j]).any()


# The same numbers, whatever the machine does


def bits(found):
    parameters = [found.parameters[name] for name in sorted(found.parameters)]
    return [found.values, found.cmax.T, found.tmax.T, found.auc.T, found.half_life.T, *parameters]


CROWDED = [
    (FANTA, arm(dose(0.0, 20.0, 2.0), dose(3.0, route="oral", item=1))),
    (
        SIMONS,
        arm(dose(0.0, 50.0, route="film"), dose(24.0, 50.0, route="film", missed=0.3, item=1)),
    ),
    (PEREZ, arm(dose(0.0, 56.0, route="nasal"))),
    (KAMP, arm(dose(0.0, 0.5, drug="ketamine", route="im", per="kg"))),
    (ASHRAF, arm(dose(route="oral"), perpetrators=(Perpetrator("rifampicin", 1.0, 9.0),))),
]


@pytest.mark.parametrize(("model", "given"), CROWDED, ids=[model for model, _ in CROWDED])
def test_same_bits_for_any_number_of_threads_people_and_tiles(monkeypatch, model, given):
    times = np.array([0.0, 0.3, 1.0, 2.0, 3.0, 4.5, 6.0, 12.0, 30.0])

    def found(n, threads=None):
        return simulate(
            model, given, crowd(n), times, seed=7, trajectories=True, threads=threads
        )  # fmt: skip

    most = found(300, threads=1)
    for n, threads in ((300, 2), (257, 5), (64, 1), (2, 1), (1, 1)):
        for all_of_them, some in zip(bits(most), bits(found(n, threads)), strict=True):
            np.testing.assert_array_equal(all_of_them[..., :n], some)
    np.testing.assert_array_equal(found(300, threads=2).quantiles, most.quantiles)
    np.testing.assert_array_equal(found(300, threads=2).mean, most.mean)
    for tile in (37, 100):
        monkeypatch.setattr(run, "_LARGEST_TILE", tile)
        again = found(300, threads=2)
        for a, b in zip(bits(most), bits(again), strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(again.quantiles, most.quantiles)
        np.testing.assert_array_equal(again.mean, most.mean)


@pytest.mark.parametrize("residual_error", [False, True])
def test_streamed_quantiles_are_near_the_exact_ones(monkeypatch, residual_error):
    given = arm(dose(0.0, 56.0, route="nasal"), dose(8.0, 56.0, route="nasal", item=1))
    times = np.array([0.0, 0.1, 0.5, 2.0, 8.0, 12.0, 72.0])
    more = {"seed": 3, "residual_error": residual_error}
    exact = simulate(PEREZ, given, crowd(4000), times, **more)
    monkeypatch.setattr(bands, "IN_MEMORY", 0)
    streamed = simulate(PEREZ, given, crowd(4000), times, **more)
    np.testing.assert_allclose(streamed.quantiles, exact.quantiles, rtol=0.01)
    np.testing.assert_array_equal(streamed.mean, exact.mean)
    np.testing.assert_array_equal(streamed.cmax, exact.cmax)
    assert not streamed.quantiles[:, 0].any()
    one_thread = simulate(PEREZ, given, crowd(4000), times, threads=1, **more)
    np.testing.assert_array_equal(one_thread.quantiles, streamed.quantiles)


def test_streamed_quantiles_of_one_person(monkeypatch):
    monkeypatch.setattr(bands, "IN_MEMORY", 0)
    found = simulate(FANTA, arm(dose()), people(1), HOURS)
    np.testing.assert_allclose(found.quantiles[..., 0], found.mean, rtol=0.016)


def test_streamed_quantiles_take_in_very_high_and_very_low_values(monkeypatch):
    monkeypatch.setattr(bands, "IN_MEMORY", 0)
    # 50 g, and what is left of it after a month
    found = simulate(FANTA, arm(dose(0.0, 5e4)), people(50), np.array([0.1, 200.0, 720.0]))
    np.testing.assert_allclose(found.quantiles[:, :2, 2], found.mean[:, :2], rtol=0.9)
    assert np.all(np.diff(found.quantiles, axis=-1) >= 0)
    assert not found.quantiles[:, 2].any()


# Residual error


def observed(model, given, time, n=6000):
    """Readouts of typical people with and without the assay's error (analytes, people)."""
    common = {"seed": 11, "trajectories": True}
    # one person many times over: the same true value, other errors
    plain = simulate(model, given, people(n), np.array([time]), **common)
    noisy = simulate(model, given, people(n), np.array([time]), residual_error=True, **common)
    np.testing.assert_array_equal(plain.cmax, noisy.cmax)
    np.testing.assert_array_equal(plain.auc, noisy.auc)
    return plain.values[:, 0], noisy.values[:, 0]


def test_log_residual_error():
    true, seen = observed(PEREZ, arm(dose(0.0, 56.0, route="nasal")), 2.0)
    for row, sd in enumerate((0.276, 0.422)):
        ratio = np.log(seen[row] / true[row])
        assert ratio.std() == pytest.approx(sd, rel=0.03)
        assert ratio.mean() == pytest.approx(0.0, abs=0.02)


def test_proportional_residual_error():
    true, seen = observed(FANTA, arm(dose()), 2.0)
    for row, variance in enumerate((0.055736, 0.020338)):
        error = seen[row] / true[row] - 1
        assert error.var() == pytest.approx(variance, rel=0.06)
        assert error.mean() == pytest.approx(0.0, abs=0.01)


def test_additive_residual_error_in_molar_units():
    # 0.058 umol/L of norketamine (223.70 g/mol) are 13.0 ng/mL
    model = shelf.load(SIMONS)
    assert additive_sd(model, "s-norketamine", "0.058 umol/L") == pytest.approx(12.97, abs=0.01)
    assert additive_sd(model, "s-norketamine", "2 ng/mL") == 2.0
    assert molar_mass("ketamine") == pytest.approx(237.73, abs=0.01)
    true, seen = observed(SIMONS, arm(dose(0.0, 200.0)), 1.0)
    wanted = (0.102 * true[1]) ** 2 + 12.97**2
    assert np.mean((seen[1] - true[1]) ** 2 / wanted) == pytest.approx(1.0, abs=0.06)


def test_what_an_assay_reports_is_not_negative():
    _, seen = observed(SIMONS, arm(dose()), 0.0, n=500)
    assert np.all(seen >= 0)
    assert 0.4 < (seen[1] == 0).mean() < 0.6
    assert not seen[0].any()


def test_errors_at_different_times_are_independent():
    found = [
        simulate(
            FANTA, arm(dose()), people(5000), np.array([1.0, 2.0]), seed=1, trajectories=True,
            residual_error=error,
        ).values[0]
        for error in (False, True)
    ]  # fmt: skip
    errors = found[1] / found[0] - 1
    assert np.corrcoef(errors)[0, 1] == pytest.approx(0.0, abs=0.05)
