"""What holds for every regimen: amounts are conserved, times are exact, order does not matter."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from antalgic.dosing import check, expand, read_item

HORIZON = 28 * 24.0

minutes = st.integers(0, 40 * 24 * 60)
intervals = st.integers(1, 3 * 24 * 60)
amounts = st.floats(0.001, 500, allow_subnormal=False).map(lambda x: float(f"{x:.6g}"))


def written(value, unit):
    return f"{value!r} {unit}"


@st.composite
def boluses(draw):
    item = {
        "drug": draw(st.sampled_from(["ketamine", "s-ketamine", "r-ketamine"])),
        "route": draw(st.sampled_from(["iv", "oral", "im"])),
        "amount": written(draw(amounts), "mg"),
        "at": written(draw(minutes), "min"),
    }
    if draw(st.booleans()):
        item["every"] = written(draw(intervals), "min")
        ending = draw(st.sampled_from(["times", "until", None]))
        if ending == "times":
            item["times"] = draw(st.integers(1, 50))
        elif ending == "until":
            start = int(item["at"].split()[0])
            item["until"] = written(start + draw(st.integers(1, 30 * 24 * 60)), "min")
    return item


@st.composite
def infusions(draw):
    length = draw(st.integers(1, 10 * 24 * 60))
    item = {
        "drug": "ketamine",
        "route": "iv",
        "rate": written(draw(amounts), "mg/h"),
        "for": written(length, "min"),
        "at": written(draw(minutes), "min"),
    }
    if draw(st.booleans()):
        item["every"] = written(length + draw(st.integers(0, 3 * 24 * 60)), "min")
    return item


@st.composite
def titrations(draw):
    start, up, top = draw(amounts), draw(amounts), draw(amounts)
    return {
        "drug": "ketamine",
        "route": "iv",
        "rate": written(start, "mg/h"),
        "for": written(draw(st.integers(1, 10 * 24 * 60)), "min"),
        "titrate": {
            "every": written(draw(st.integers(10, 24 * 60)), "min"),
            "up": written(up, "mg/h"),
            "max": written(start + top, "mg/h"),
        },
    }


anything = boluses() | infusions() | titrations()


def regimen(*items, horizon=HORIZON):
    return expand("arm", [read_item(item) for item in items], horizon)


@given(st.lists(anything, max_size=4))
def test_doses_are_in_order_before_the_horizon_and_more_than_nothing(items):
    found = regimen(*items)
    keys = [(dose.time, dose.item) for dose in found.doses]
    assert keys == sorted(keys)
    assert all(0 <= dose.time < HORIZON for dose in found.doses)
    assert all(dose.amount > 0 and dose.duration >= 0 for dose in found.doses)


@given(st.lists(anything, max_size=4))
def test_times_are_whole_nanoseconds(items):
    for dose in regimen(*items).doses:
        assert dose.time == round(dose.time * 3.6e12) / 3.6e12


@given(st.lists(anything, max_size=4))
def test_checking_says_what_expanding_says(items):
    check([read_item(item) for item in items], HORIZON)
    regimen(*items)


@given(boluses(), st.floats(1, HORIZON))
def test_a_longer_study_keeps_the_doses_of_a_shorter_one(item, horizon):
    short, long = regimen(item, horizon=horizon), regimen(item)
    assert long.doses[: len(short.doses)] == short.doses
    assert all(dose.time >= horizon for dose in long.doses[len(short.doses) :])


@given(boluses())
def test_what_was_asked_for_is_either_given_or_noted(item):
    if "times" not in item:
        item = item | {"every": "1 h", "times": 30}
        item.pop("until", None)
    found = regimen(item)
    noted = 0
    for note in found.notes:
        assert " dropped " in note
        noted += int(note.split(" dropped ")[1].split()[0])
    assert len(found.doses) + noted == item["times"]


@given(boluses())
def test_the_kth_dose_stands_k_intervals_after_the_first(item):
    every = float(item.get("every", "0 min").split()[0]) / 60
    first = float(item["at"].split()[0]) / 60
    for k, dose in enumerate(regimen(item).doses):
        assert math.isclose(dose.time, first + k * every, rel_tol=1e-15, abs_tol=2e-13)


@given(infusions())
def test_an_infusion_gives_its_rate_times_its_length(item):
    rate, length = float(item["rate"].split()[0]), float(item["for"].split()[0]) / 60
    for dose in regimen(item).doses:
        assert math.isclose(dose.amount, rate * length, rel_tol=1e-12)
        assert math.isclose(dose.duration, length, rel_tol=1e-12)


@given(infusions())
def test_infusions_of_one_item_never_overlap(item):
    doses = regimen(item).doses
    for before, after in pairwise(doses):
        assert before.end <= after.time + 1e-12


@given(titrations())
def test_a_titration_rises_within_its_bounds_and_fills_its_time(item):
    doses = regimen(item, horizon=1e4).doses
    rates = [dose.amount / dose.duration for dose in doses]
    most = float(item["titrate"]["max"].split()[0])
    up = float(item["titrate"]["up"].split()[0])
    start = float(item["rate"].split()[0])
    assert all(rate <= most * (1 + 1e-12) for rate in rates)
    for k, rate in enumerate(rates):
        assert math.isclose(rate, min(start + k * up, most), rel_tol=1e-9)
    for before, after in pairwise(doses):
        assert math.isclose(before.end, after.time, abs_tol=1e-12)
    assert math.isclose(doses[-1].end, float(item["for"].split()[0]) / 60, rel_tol=1e-12)


@given(infusions() | titrations())
def test_segments_give_the_same_drug_as_the_doses(item):
    found = regimen(item)
    drawn = sum(s.rate * (s.end - s.start) for s in found.segments())
    assert math.isclose(drawn, sum(dose.amount for dose in found.doses), rel_tol=1e-9)
    assert len(found.segments()) <= len(found.doses)


@given(infusions(), st.integers(1, 6))
def test_steps_of_one_rate_are_the_infusion_itself(item, parts):
    item = {key: value for key, value in item.items() if key != "every"}
    length = int(item["for"].split()[0])
    cuts = sorted({length * k // parts for k in range(parts)})
    steps = [{"at": written(cut, "min"), "rate": item["rate"]} for cut in cuts]
    stepped = {key: value for key, value in item.items() if key != "rate"} | {"steps": steps}
    whole, cut = regimen(item), regimen(stepped)
    if len(cut.doses) == len(cuts):  # all of them before the horizon
        assert math.isclose(
            sum(dose.amount for dose in whole.doses),
            sum(dose.amount for dose in cut.doses),
            rel_tol=1e-12,
        )
        (drawn,) = cut.segments()
        assert math.isclose(drawn.rate, float(item["rate"].split()[0]), rel_tol=1e-12)


@given(st.lists(anything, min_size=2, max_size=3))
def test_items_add_up(items):
    together = regimen(*items)
    apart = [dose.amount for item in items for dose in regimen(item).doses]
    assert math.isclose(sum(dose.amount for dose in together.doses), math.fsum(apart))
    assert len(together.doses) == len(apart)
