"""From items to a regimen: exact times, half-open ends, what is dropped and what is noted."""

import math

import pytest

from antalgic.dosing import (
    DoseEvent,
    ItemError,
    ParameterChange,
    Perpetrator,
    Regimen,
    expand,
    read_item,
)

DAY = 24.0
BOLUS = {"drug": "ketamine", "route": "iv", "amount": "20 mg"}
INFUSION = {"drug": "ketamine", "route": "iv", "rate": "20 mg/h", "for": "4 h"}


def regimen(*items, horizon=7 * DAY):
    return expand("arm", [read_item(item) for item in items], horizon)


def times(*items, horizon=7 * DAY):
    return [dose.time for dose in regimen(*items, horizon=horizon).doses]


def test_a_bolus_and_an_infusion():
    found = regimen(BOLUS, INFUSION | {"at": "1 h"})
    assert found.doses == (
        DoseEvent("ketamine", "iv", 0.0, 20.0, 0.0, "", 0.0, 0),
        DoseEvent("ketamine", "iv", 1.0, 80.0, 4.0, "", 0.0, 1),
    )
    assert (found.drugs, found.routes, found.notes) == (("ketamine",), ("iv",), ())


def test_an_amount_over_a_time_is_an_infusion_and_over_no_time_a_bolus():
    (slow,) = regimen(BOLUS | {"for": "40 min"}).doses
    (fast,) = regimen(BOLUS | {"for": "0 h"}).doses
    assert (slow.amount, slow.duration) == (20.0, 40 / 60)
    assert (fast.amount, fast.duration) == (20.0, 0.0)


def test_a_rate_until_a_time_ends_then():
    item = {name: value for name, value in INFUSION.items() if name != "for"}
    (dose,) = regimen(item | {"at": "2 h", "until": "5 h"}).doses
    assert (dose.time, dose.duration, dose.end, dose.amount) == (2.0, 3.0, 5.0, 60.0)


def test_a_dose_at_the_horizon_is_outside():
    assert times(BOLUS | {"every": "1 day"}) == [k * DAY for k in range(7)]


def test_repetition_stops_before_until():
    assert times(BOLUS | {"every": "8 h", "until": "24 h"}) == [0, 8, 16]
    assert times(BOLUS | {"every": "8 h", "until": "24.5 h"}) == [0, 8, 16, 24]


def test_repetition_stops_after_so_many_times():
    assert times(BOLUS | {"every": "8 h", "times": 4, "at": "1 h"}) == [1, 9, 17, 25]


def test_several_starts_are_each_repeated():
    found = times(BOLUS | {"at": ["8 h", "20 h", "14 h"], "every": "1 day", "times": 2})
    assert found == [8, 14, 20, 32, 38, 44]


def test_times_are_multiples_and_not_sums():
    found = times(BOLUS | {"every": "0.1 h"}, horizon=1000.0)
    assert len(found) == 10_000
    assert found == [k / 10 for k in range(10_000)]


def test_times_are_whole_nanoseconds():
    (dose,) = regimen(BOLUS | {"at": "0.12345678901234567 h"}).doses
    assert dose.time == round(0.12345678901234567 * 3.6e12) / 3.6e12
    assert dose.time != 0.12345678901234567


def test_doses_at_or_after_the_horizon_are_dropped_with_a_note():
    found = regimen(BOLUS | {"every": "1 day", "times": 10})
    assert len(found.doses) == 7
    assert found.notes == (
        "ketamine iv (item 1): dropped 3 doses at or after the horizon (1 week)",
    )


def test_a_single_dose_after_the_horizon_is_not_dropped_in_silence():
    for more in ({}, {"every": "1 day"}):
        found = regimen(BOLUS | {"at": "7 days"} | more)
        assert found.doses == ()
        assert found.notes == (
            "ketamine iv (item 1): dropped 1 dose at or after the horizon (1 week)",
        )


def test_repetition_to_the_horizon_drops_nothing():
    assert regimen(BOLUS | {"every": "5 h"}).notes == ()


def test_an_infusion_that_crosses_the_horizon_is_kept_whole():
    (dose,) = regimen(INFUSION | {"at": "22 h"}, horizon=DAY).doses
    assert (dose.duration, dose.amount) == (4.0, 80.0)


def test_doses_stand_in_order_of_time_and_then_of_item():
    found = regimen(BOLUS | {"every": "8 h", "amount": "1 mg"}, BOLUS | {"every": "4 h"}, horizon=9)
    assert [(dose.time, dose.item) for dose in found.doses] == [
        (0, 0), (0, 1), (4, 1), (8, 0), (8, 1),
    ]  # fmt: skip


def test_a_zero_dose_is_no_event_but_a_note():
    for item in (
        BOLUS | {"amount": "0 mg"},
        INFUSION | {"rate": "0 mg/h"},
        INFUSION | {"for": "0 h"},
    ):
        found = regimen(item)
        assert found.doses == ()
        assert found.notes == ("ketamine iv (item 1): a zero dose is no event",)


def test_a_placebo_is_a_note():
    found = regimen({"drug": "placebo", "route": "iv", "rate": "5 mg/h", "for": "100 h"})
    assert found.doses == ()
    assert found.notes == ("placebo iv (item 1): no drug is given",)


def test_an_arm_without_items_says_so():
    assert regimen().notes == ("no dose and nothing else is given",)


def test_a_titration_goes_up_in_steps_and_stays():
    found = regimen(
        INFUSION
        | {"rate": "5 mg/h", "for": "100 h", "scale": "per 70 kg"}
        | {"titrate": {"every": "8 h", "up": "5 mg/h", "max": "20 mg/h"}}
    )
    rates = [(dose.time, dose.end, dose.amount / dose.duration) for dose in found.doses]
    assert rates == [(0, 8, 5), (8, 16, 10), (16, 24, 15), (24, 100, 20)]
    assert {dose.per for dose in found.doses} == {"70 kg"}


@pytest.mark.parametrize(
    ("rate", "up", "most", "length", "rates"),
    [
        ("5 mg/h", "10 mg/h", "20 mg/h", "40 h", [5, 15, 20]),  # the last rise is cut short
        ("5 mg/h", "10 mg/h", "20 mg/h", "16 h", [5, 15]),  # ends before the top
        ("5 mg/h", "10 mg/h", "20 mg/h", "9 h", [5, 15]),
        ("20 mg/h", "10 mg/h", "20 mg/h", "9 h", [20]),
        ("0.1 mg/h", "0.1 mg/h", "0.4 mg/h", "40 h", [0.1, 0.2, 0.3, 0.4]),  # no fifth by rounding
    ],
)
def test_a_titration_ends_at_its_top_or_with_the_infusion(rate, up, most, length, rates):
    found = regimen(
        INFUSION | {"rate": rate, "for": length, "titrate": {"every": "8 h", "up": up, "max": most}}
    )
    assert [dose.amount / dose.duration for dose in found.doses] == pytest.approx(rates)
    assert found.doses[-1].end == float(length.removesuffix(" h"))


def test_a_titration_from_nothing_leaves_out_the_first_step():
    found = regimen(
        INFUSION | {"rate": "0 mg/h", "titrate": {"every": "1 h", "up": "5 mg/h", "max": "10 mg/h"}}
    )
    assert [dose.time for dose in found.doses] == [1, 2]
    assert found.notes == ("ketamine iv (item 1): a zero dose is no event",)


def test_an_infusion_under_a_rule_is_cut_wherever_somebody_looks():
    item = INFUSION | {"pause_if": ["pain < 3", "block > 0.2"], "check": "90 min", "every": "1 day"}
    found = regimen(item, horizon=25)
    spans = [(d.time, d.end, d.amount / d.duration) for d in found.doses]
    assert spans == [(0, 1.5, 20), (1.5, 3, 20), (3, 4, 20), (24, 25.5, 20)]
    (decision,) = found.decisions
    assert decision.courses == ((0, 1.5, 3), (24,))
    assert decision.lengths == (1.5, 1.5, 1)
    assert [rule.text for rule in decision.pause] == ["pain < 3", "block > 0.2"]
    assert found.notes[-1] == (
        "ketamine iv (item 1): paused while pain < 3 or block > 0.2, looked at every 1.5 h; "
        "shown for a person for whom no rule holds"
    )
    (first, second) = found.segments()
    assert (first.start, first.end, first.rate, second.start) == (0, 4, 20, 24)


def test_an_amount_over_a_time_keeps_its_sum_and_bound_when_it_is_cut():
    item = BOLUS | {"amount": "1 mg/kg", "for": "1 h", "at_most": "60 mg"}
    found = regimen(item | {"stop_if": "pain < 3", "check": "24 min"})
    assert [d.amount for d in found.doses] == pytest.approx([0.4, 0.4, 0.2])
    assert [d.cap for d in found.doses] == pytest.approx([24, 24, 12])


def test_a_titration_under_a_rule_is_cut_at_looks_and_at_its_rises():
    found = regimen(
        INFUSION
        | {"titrate": {"every": "1 h", "up": "5 mg/h", "max": "30 mg/h"}}
        | {"pause_if": "pain < 3", "check": "40 min"}
    )
    (decision,) = found.decisions
    assert decision.courses[0] == pytest.approx((0, 2 / 3, 1, 4 / 3, 2, 8 / 3, 3, 10 / 3))
    assert decision.rises == (2, 4, 6)  # goes on past the top: who was paused rises later
    rates = [d.amount / d.duration for d in found.doses]
    assert rates == pytest.approx([20, 20, 25, 25, 30, 30, 30, 30])


def test_doses_as_needed_are_looked_at_one_by_one():
    found = regimen(
        BOLUS | {"give_if": "pain > 5", "every": "2 h", "until": "5 h", "at": "1 h", "most": 2}
    )
    (decision,) = found.decisions
    assert decision.courses == ((1,), (3,))
    assert (decision.most, decision.give[0].text) == (2, "pain > 5")
    assert found.notes == (
        "ketamine iv (item 1): given only if pain > 5, at most 2 for each; "
        "all that can be given is shown",
    )


def test_a_placebo_is_given_by_no_rule():
    assert regimen(INFUSION | {"drug": "placebo", "pause_if": "pain < 3"}).decisions == ()


def test_steps_follow_each_other_to_the_end():
    found = regimen(
        {
            "drug": "ketamine",
            "route": "iv",
            "at": "2 h",
            "for": "48 h",
            "steps": [
                {"at": "0 h", "rate": "5 mg/h"},
                {"at": "24 h", "rate": "10 mg/h", "for": "6 h"},
                {"at": "36 h", "rate": "1 mg/h"},
            ],
        }
    )
    spans = [(dose.time, dose.end, dose.amount / dose.duration) for dose in found.doses]
    assert spans == [(2, 26, 5), (26, 32, 10), (38, 50, 1)]


def test_steps_of_amounts_are_boluses_or_short_infusions():
    found = regimen(
        {
            "drug": "s-ketamine",
            "route": "iv",
            "steps": [
                {"at": "0 h", "amount": "1 mg"},
                {"at": "20 min", "amount": "2 mg", "for": "5 min"},
            ],
        }
    )
    assert [(dose.amount, dose.duration) for dose in found.doses] == [(1, 0), (2, 5 / 60)]


def test_a_course_of_steps_can_be_repeated():
    item = {
        "drug": "ketamine",
        "route": "iv",
        "for": "2 h",
        "every": "1 day",
        "times": 2,
        "steps": [{"at": "0 h", "rate": "5 mg/h"}, {"at": "1 h", "rate": "10 mg/h"}],
    }
    assert times(item) == [0, 1, 24, 25]
    found = regimen(item, horizon=24.5)
    assert found.notes == ("ketamine iv (item 1): dropped 1 dose at or after the horizon (24.5 h)",)


def test_a_bound_is_carried_as_an_amount_of_the_event():
    (slow,) = regimen(INFUSION | {"rate": "0.35 mg/kg/h", "at_most": "25 mg/h"}).doses
    (fast,) = regimen(BOLUS | {"amount": "0.5 mg/kg", "at_most": "40 mg"}).doses
    (free,) = regimen(BOLUS).doses
    assert (slow.amount, slow.per, slow.cap) == (pytest.approx(1.4), "kg", 100.0)
    assert (fast.amount, fast.per, fast.cap) == (0.5, "kg", 40.0)
    assert free.cap == math.inf


def test_missed_doses_are_left_to_the_simulation():
    found = regimen(BOLUS | {"every": "8 h", "missed": "10 %"})
    assert {dose.missed for dose in found.doses} == {0.1}


def test_changes_and_interacting_drugs_are_spans():
    found = regimen(
        {"change": "CL", "factor": 0.5, "from": "1 day", "until": "2 days"},
        {"change": "V1", "factor": 2},
        {"drug": "clarithromycin", "from": "3 days"},
    )
    assert found.changes == (
        ParameterChange("CL", 0.5, 24.0, 48.0),
        ParameterChange("V1", 2.0, 0.0, math.inf),
    )
    assert found.perpetrators == (Perpetrator("clarithromycin", 72.0, math.inf),)


def test_a_span_that_begins_after_the_horizon_is_dropped_with_a_note():
    found = regimen(
        {"change": "CL", "factor": 2, "from": "7 days"},
        {"drug": "rifampicin", "from": "8 days"},
    )
    assert (found.changes, found.perpetrators) == ((), ())
    assert found.notes == (
        "change of CL (item 1): dropped, begins at or after the horizon (1 week)",
        "rifampicin (item 2): dropped, begins at or after the horizon (1 week)",
    )


def test_a_steady_state_has_one_period_and_names_its_items():
    found = regimen(
        BOLUS,
        BOLUS | {"every": "8 h", "steady_state": True},
        BOLUS | {"every": "480 min", "at": "2 h", "steady_state": True, "missed": 0.1},
    )
    assert (found.steady_state, found.steady_items) == (8.0, (1, 2))
    assert found.notes == (
        "ketamine iv (item 3): no dose is missed before time 0, in the steady state",
    )
    assert regimen(BOLUS).steady_state is None


def test_two_periods_are_no_steady_state():
    with pytest.raises(ItemError, match="has a period of 12 h, another item of this arm 8 h") as e:
        regimen(*(BOLUS | {"every": every, "steady_state": True} for every in ("8 h", "12 h")))
    assert e.value.where == (1, "steady_state")
    assert e.value.field == "[1].steady_state"


@pytest.mark.parametrize(
    ("items", "field"),
    [
        ([BOLUS | {"every": "0.001 s"}], "[0].every"),
        ([BOLUS | {"every": "1.2096 s"}, BOLUS | {"every": "1.2096 s"}, BOLUS], "[2].at"),
        (
            [INFUSION | {"titrate": {"every": "0.001 s", "up": "1e-9 mg/h", "max": "90 mg/h"}}],
            "[0].titrate",
        ),
        ([INFUSION | {"pause_if": "pain < 3", "check": "0.001 s"}], "[0].check"),
        (
            [INFUSION | {"pause_if": "pain < 3", "check": "0.5 s", "every": "4 h", "times": 99}],
            "[0].check",
        ),
    ],
)
def test_more_than_a_million_doses_are_refused_before_they_are_made(items, field):
    with pytest.raises(ItemError, match=r"more than 1000000 (doses|steps|times)") as caught:
        regimen(*items)
    assert caught.value.field == field


def test_a_named_regimen_is_unfolded_from_its_start():
    found = regimen(BOLUS, {"regimen": "outpatient-10x4h", "at": "12 h"}, horizon=12 * DAY)
    named = [dose for dose in found.doses if dose.item == 1]
    days = [0, 1, 2, 3, 4, 7, 8, 9, 10, 11]
    assert [dose.time for dose in named] == [12 + day * DAY for day in days]


def test_an_unknown_regimen_is_named():
    with pytest.raises(ItemError, match="'crps' is not a regimen of the library") as caught:
        regimen(BOLUS, {"regimen": "crps"})
    assert caught.value.where == (1, "regimen")


def test_segments_join_what_touches_at_one_rate():
    found = regimen(
        INFUSION | {"every": "4 h", "times": 3},
        INFUSION | {"every": "5 h", "times": 2, "rate": "1 mg/kg/h", "at_most": "30 mg/h"},
        BOLUS | {"at": "1 h"},
    )
    drawn = [(s.item, s.start, s.end, s.rate, s.amount, s.per) for s in found.segments()]
    assert drawn == [
        (0, 0, 12, 20, None, ""),
        (1, 0, 4, 1, None, "kg"),
        (2, 1, 1, None, 20, ""),
        (1, 5, 9, 1, None, "kg"),
    ]
    assert [s.at_most for s in found.segments()] == [math.inf, 30, math.inf, 30]


def test_segments_keep_steps_of_other_rates_apart():
    found = regimen(
        INFUSION | {"titrate": {"every": "2 h", "up": "5 mg/h", "max": "25 mg/h"}},
    )
    assert [(s.start, s.end, s.rate) for s in found.segments()] == [(0, 2, 20), (2, 4, 25)]


def test_a_regimen_can_be_made_by_hand():
    dose = DoseEvent("ketamine", "oral", 0.0, 25.0, 0.0, "", 0.0, 0)
    assert Regimen("mine", (dose,)).routes == ("oral",)


@pytest.mark.parametrize(
    ("items", "serial"),
    [
        ([], False),
        ([INFUSION], False),
        ([BOLUS, INFUSION], False),
        ([INFUSION | {"titrate": {"every": "1 h", "up": "5 mg/h", "max": "30 mg/h"}}], False),
        ([INFUSION, INFUSION | {"at": "8 h"}], False),
        ([INFUSION, INFUSION | {"at": "9 h"}], True),
        ([BOLUS | {"every": "1 day"}], True),
    ],
)
def test_a_treatment_is_serial_if_it_is_given_again_after_a_pause(items, serial):
    assert regimen(*items).serial is serial
