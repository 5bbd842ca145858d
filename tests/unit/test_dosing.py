"""Items of an arm: what is read, and what each broken rule says."""

import pint
import pytest
from pydantic import ValidationError

from antalgic.dosing import (
    ChangeItem,
    DoseItem,
    PerpetratorItem,
    RegimenItem,
    read_item,
)
from antalgic.errors import InputError
from antalgic.units import BASE_PER_HYDROCHLORIDE

INFUSION = {"drug": "ketamine", "route": "iv", "rate": "20 mg/h", "for": "4 h"}
BOLUS = {"drug": "ketamine", "route": "iv", "amount": "20 mg"}
STEPS = {
    "drug": "ketamine",
    "route": "iv",
    "steps": [{"at": "0 h", "rate": "5 mg/h"}, {"at": "24 h", "rate": "10 mg/h"}],
    "for": "48 h",
}
TITRATED = INFUSION | {"titrate": {"every": "1 h", "up": "5 mg/h", "max": "30 mg/h"}}


def complaint(item):
    """Place and message of the one complaint about an item."""
    with pytest.raises(ValidationError) as caught:
        read_item(item)
    (error,) = caught.value.errors()
    cause = error.get("ctx", {}).get("error")
    return error["loc"], str(cause) if isinstance(cause, InputError) else error["msg"]


def without(item, *names):
    return {name: value for name, value in item.items() if name not in names}


@pytest.mark.parametrize(
    ("item", "sort"),
    [
        (INFUSION, DoseItem),
        (BOLUS, DoseItem),
        ({"drug": "placebo"}, DoseItem),
        ({"drug": "clarithromycin", "from": "3 days", "until": "10 days"}, PerpetratorItem),
        ({"change": "CL", "factor": 0.5}, ChangeItem),
        ({"regimen": "crps-100h"}, RegimenItem),
    ],
)
def test_the_keys_say_which_sort_an_item_is(item, sort):
    assert type(read_item(item)) is sort


def test_an_item_that_is_one_already_is_taken_as_it_is():
    item = DoseItem(drug="ketamine", route="iv", rate="20 mg/h", for_="4 h")
    assert read_item(item) is item


@pytest.mark.parametrize(
    ("written", "drug"),
    [
        ("s-ketamine", "s-ketamine"),
        ("Esketamine", "s-ketamine"),
        ("arketamine", "r-ketamine"),
        ("racemate", "ketamine"),
        ("racemic  ketamine", "ketamine"),
        ("Placebo", "placebo"),
    ],
)
def test_a_drug_may_have_another_name(written, drug):
    assert read_item(BOLUS | {"drug": written}).drug == drug


def test_amounts_and_times_are_read_in_canonical_units():
    item = read_item(
        BOLUS | {"amount": "7 mg hydrochloride", "every": "1 day", "at": ["120 min", "1 h"]}
    )
    assert item.amount.value == pytest.approx(7 * BASE_PER_HYDROCHLORIDE)
    assert item.every == 24
    assert item.at == (1, 2)


def test_pint_quantities_are_read():
    registry = pint.UnitRegistry()
    item = DoseItem(
        drug="ketamine",
        route="iv",
        rate=registry.Quantity(20, "mg/hour"),
        for_=registry.Quantity(90, "min"),
    )
    assert item.rate.value == pytest.approx(20)
    assert item.for_ == 1.5


def test_a_scale_says_for_which_body_weight_all_doses_of_an_item_are():
    assert read_item(TITRATED | {"scale": "per 70 kg"}).per == "70 kg"
    assert read_item(INFUSION | {"rate": "0.3 mg/kg/h"}).per == "kg"
    assert read_item(INFUSION).per == ""


RULES = [
    # route
    (without(BOLUS, "route"), (), "missing field 'route', expected one of iv, im, "),
    (BOLUS | {"route": "nsal"}, ("route",), "'nsal' is not a route"),
    (BOLUS | {"route": "nsal"}, ("route",), "did you mean 'nasal'?"),
    (BOLUS | {"route": "intravenous"}, ("route",), "did you mean 'iv'?"),
    (INFUSION | {"route": "oral"}, ("rate",), "route oral takes amounts at times, not an infusion"),
    (BOLUS | {"route": "nasal", "for": "1 h"}, ("for",), "infusions go by iv, sc, inhaled"),
    # drug
    (BOLUS | {"drug": "s-ketamin"}, ("drug",), "'s-ketamin' is not a drug"),
    (BOLUS | {"drug": "s-ketamin"}, ("drug",), "did you mean 's-ketamine'?"),
    (BOLUS | {"drug": "lorazepam"}, ("drug",), "expected one of s-ketamine, r-ketamine, ketamine"),
    (BOLUS | {"drug": 3}, ("drug",), "3 is not a drug"),
    # how much
    (without(BOLUS, "amount"), (), "a dose needs one of 'amount', 'rate' and 'steps'"),
    (INFUSION | {"amount": "5 mg"}, ("rate",), "'rate' beside 'amount', expected only one"),
    (STEPS | {"rate": "5 mg/h"}, ("steps",), "'steps' beside 'rate', expected only one"),
    (
        INFUSION | {"rate": "20 mg"},
        ("rate",),
        "'20 mg' is an amount, expected a rate such as '20 mg/h'",
    ),
    (BOLUS | {"amount": "20 mg/h"}, ("amount",), "'20 mg/h' is a rate, expected an amount"),
    (BOLUS | {"amount": 20}, ("amount",), "20 has no unit, expected an amount such as '20 mg'"),
    (BOLUS | {"amount": "-1 mg"}, ("amount",), "'-1 mg' must not be negative"),
    (BOLUS | {"amount": "2 kg"}, ("amount",), "'2 kg' is out of range"),
    (BOLUS | {"amount": None}, ("amount",), "is empty: give a value or remove the field"),
    # body weight
    (
        BOLUS | {"amount": "0.5 mg/kg", "scale": "per kg"},
        ("amount",),
        "0.5 mg per kg needs no 'scale': leave it out",
    ),
    (BOLUS | {"scale": "per 80 kg"}, ("scale",), "'per 80 kg' is not a scale, expected 'per kg'"),
    (
        INFUSION | {"titrate": {"every": "1 h", "up": "1 mg/kg/h", "max": "90 mg/kg/h"}},
        ("titrate", "up"),
        "1 mg/h per kg beside 20 mg/h, expected all doses of an item for the same body weight",
    ),
    # the end
    (without(INFUSION, "for"), (), "a rate needs an end: 'for' (such as '4 h') or 'until'"),
    (INFUSION | {"until": "9 h"}, ("until",), "'until' beside 'for', expected only one"),
    (BOLUS | {"until": "9 h"}, ("until",), "needs 'every', the time between doses, or 'rate'"),
    (
        without(INFUSION, "for") | {"until": "9 h", "at": "10 h"},
        ("until",),
        "9 h is not after the start, 10 h",
    ),
    (
        without(INFUSION, "for") | {"until": "9 h", "at": ["0 h", "4 h"]},
        ("until",),
        "several starts need 'for'",
    ),
    # repetition
    (BOLUS | {"times": 3}, ("times",), "needs 'every', the time between doses"),
    (
        BOLUS | {"every": "8 h", "times": 3, "until": "2 days"},
        ("until",),
        "'until' beside 'times', expected only one of them",
    ),
    (BOLUS | {"every": "8 h", "times": 0}, ("times",), "0 is out of range, expected from 1 to"),
    (BOLUS | {"every": "8 h", "times": 2.0}, ("times",), "2.0 is a number, expected a whole"),
    (BOLUS | {"every": "8 h", "times": True}, ("times",), "true is a yes/no value, expected"),
    (BOLUS | {"every": "0 h"}, ("every",), "'0 h' is too short, expected a time above 0"),
    (BOLUS | {"every": "1e-10 s"}, ("every",), "'1e-10 s' is too short"),
    (INFUSION | {"every": "3 h"}, ("for",), "lasts 4 h, longer than the 3 h to the next start"),
    (INFUSION | {"at": ["0 h", "3 h"]}, ("for",), "lasts 4 h, longer than the 3 h"),
    (
        without(INFUSION, "for") | {"every": "8 h", "until": "2 days"},
        (),
        "a repeated rate needs 'for'",
    ),
    (BOLUS | {"at": []}, ("at",), "the list is empty"),
    (BOLUS | {"at": ["1 h", "60 min"]}, ("at",), "1 h is listed twice"),
    (BOLUS | {"at": ["0 h", "9 h"], "every": "8 h"}, ("at",), "spans 8 h or more"),
    (BOLUS | {"at": "-1 h"}, ("at",), "'-1 h' must not be negative"),
    (BOLUS | {"at": "101 years"}, ("at",), "'101 years' is too long, expected at most 100 years"),
    # steps
    (STEPS | {"steps": []}, ("steps",), "is empty, expected at least one entry"),
    (
        STEPS | {"steps": [{"at": "0 h"}]},
        ("steps", 0),
        "a step needs either 'rate' or 'amount'",
    ),
    (
        STEPS | {"steps": [*STEPS["steps"], {"at": "24 h", "rate": "1 mg/h"}]},
        ("steps", 2, "at"),
        "24 h is not after the step before it, 24 h",
    ),
    (
        STEPS | {"steps": [STEPS["steps"][0] | {"for": "25 h"}, STEPS["steps"][1]]},
        ("steps", 0, "for"),
        "overlaps the next step, which starts at 24 h",
    ),
    (STEPS | {"for": "20 h"}, ("steps", 1), "reaches past the end of the item's 'for', 20 h"),
    (without(STEPS, "for"), (), "steps of rates need 'for'"),
    (
        STEPS | {"steps": [*STEPS["steps"], {"at": "30 h", "amount": "1 mg"}]},
        ("steps", 2),
        "steps are either all rates or all amounts",
    ),
    (
        STEPS | {"steps": [{"at": "0 h", "amount": "1 mg"}]},
        ("for",),
        "give a step of an amount its own 'for'",
    ),
    # titration
    (
        BOLUS | {"titrate": TITRATED["titrate"]},
        ("titrate",),
        "needs 'rate', the rate to start with",
    ),
    (
        TITRATED | {"rate": "40 mg/h"},
        ("titrate", "max"),
        "30 mg/h is below the rate to start with, 40 mg/h",
    ),
    (
        TITRATED | {"titrate": TITRATED["titrate"] | {"up": "0 mg/h"}},
        ("titrate", "up"),
        "expected a rate above 0 mg/h",
    ),
    (
        TITRATED | {"titrate": TITRATED["titrate"] | {"hold_if": "dissociation 40"}},
        ("titrate", "hold_if"),
        "'dissociation 40' is no rule, expected an output, < or >, and a number",
    ),
    # rules on the way
    (
        INFUSION | {"pause_if": "pain < 3"},
        ("pause_if",),
        "needs 'check', how often somebody looks, such as '15 min'",
    ),
    (
        INFUSION | {"check": "15 min"},
        ("check",),
        "is how often 'pause_if' or 'stop_if' is looked at: add one",
    ),
    (
        BOLUS | {"stop_if": "pain < 3", "check": "15 min"},
        ("stop_if",),
        "needs an infusion: 'rate', or 'amount' with 'for'",
    ),
    (
        STEPS | {"pause_if": "pain < 3", "check": "15 min"},
        ("pause_if",),
        "needs an infusion: 'rate', or 'amount' with 'for'",
    ),
    (
        INFUSION | {"stop_if": "pain < 3", "check": "4 h"},
        ("check",),
        "4 h is not below the length of the infusion, 4 h: nobody would look",
    ),
    (
        INFUSION | {"pause_if": ["pain < 3", "block is high"], "check": "15 min"},
        ("pause_if",),
        "'block is high' is no rule, expected an output, < or >, and a number",
    ),
    (INFUSION | {"pause_if": [], "check": "15 min"}, ("pause_if",), "is empty, expected at least"),
    (INFUSION | {"pause_if": 3, "check": "15 min"}, ("pause_if",), "3 is a number, expected text"),
    (INFUSION | {"give_if": "pain > 5"}, ("give_if",), "needs 'amount', the dose that is given"),
    (
        BOLUS | {"give_if": "pain > 5", "every": "1 h"},
        ("give_if",),
        "needs an end of the looks: 'until' or 'times'",
    ),
    (
        BOLUS | {"for": "1 h", "give_if": "pain > 5", "pause_if": "pain < 3", "check": "15 min"},
        ("give_if",),
        "expected rules of only one sort",
    ),
    (BOLUS | {"most": 3}, ("most",), "bounds the doses given by 'give_if': add it, or use 'times'"),
    (BOLUS | {"give_if": "pain > 5", "most": 0}, ("most",), "0 is out of range, expected from 1"),
    (
        BOLUS | {"give_if": "pain > 5", "missed": 0.1},
        ("missed",),
        "is for doses on a schedule, not for doses that a rule decides",
    ),
    (
        BOLUS | {"give_if": "pain > 5", "every": "8 h", "times": 3, "steady_state": True},
        ("steady_state",),
        "is for doses on a schedule, not for those under a rule",
    ),
    # a bound
    (
        INFUSION | {"rate": "1 mg/kg/h", "at_most": "25 mg"},
        ("at_most",),
        "25 mg is an amount, expected a rate such as '25 mg/h'",
    ),
    (
        BOLUS | {"amount": "1 mg/kg", "at_most": "25 mg/h"},
        ("at_most",),
        "25 mg/h is a rate, expected an amount such as '50 mg'",
    ),
    (
        INFUSION | {"rate": "1 mg/kg/h", "at_most": "1 mg/kg/h"},
        ("at_most",),
        "expected a bound per person",
    ),
    (INFUSION | {"at_most": "25 mg/h"}, ("at_most",), "bounds a dose that no body weight"),
    (BOLUS | {"at_most": "many"}, ("at_most",), "'many' is no bound, expected a rate such as"),
    # missed doses
    (BOLUS | {"missed": 1}, ("missed",), "1 is every dose, expected a share below 1"),
    (BOLUS | {"missed": 1.5}, ("missed",), "1.5 is more than 1"),
    (BOLUS | {"missed": -0.1}, ("missed",), "-0.1 must not be negative"),
    (STEPS | {"missed": 0.1}, ("missed",), "is for repeated single doses"),
    (TITRATED | {"missed": 0.1}, ("missed",), "is for repeated single doses"),
    # steady state
    (BOLUS | {"steady_state": True}, ("steady_state",), "needs 'every'"),
    (BOLUS | {"steady_state": "yes"}, ("steady_state",), "expected true or false"),
    (
        BOLUS | {"steady_state": True, "every": "8 h", "at": "8 h"},
        ("at",),
        "must be before 'every', 8 h",
    ),
    # unknown fields
    (BOLUS | {"amont": "3 h"}, ("amont",), "unknown field 'amont'; did you mean 'amount'?"),
    (BOLUS | {"duration": "3 h"}, ("duration",), "unknown field 'duration'; did you mean 'for'?"),
    (BOLUS | {"from": "3 h"}, ("from",), "unknown field 'from'; did you mean 'at'?"),
    (BOLUS | {"zzz": 1}, ("zzz",), "unknown field 'zzz'; known are drug, route, amount"),
    (BOLUS | {"a\nb": 1}, (), "unknown field 'a\\nb'"),
    # the other sorts
    ({"drug": "rifampicin", "from": "3 h", "until": "3 h"}, ("until",), "is not after 'from', 3 h"),
    (
        {"drug": "rifampicin", "from": "3 h", "dose": "1 g"},
        ("dose",),
        "known are drug, from, until",
    ),
    ({"drug": "rifampicin", "from": "-3 h"}, ("from",), "must not be negative"),
    ({"change": "CL", "factor": 0}, ("factor",), "0 is out of range, expected a factor above 0"),
    ({"change": "CL", "factor": "half"}, ("factor",), "'half' does not start with a number"),
    ({"change": " ", "factor": 2}, ("change",), "the text is empty"),
    ({"change": 5, "factor": 2}, ("change",), "5 is a number, expected text"),
]


@pytest.mark.parametrize(("item", "place", "message"), RULES)
def test_a_broken_rule_names_the_field_and_what_would_be_right(item, place, message):
    found_place, found = complaint(item)
    assert found_place == place
    assert message in found
    assert "\n" not in found


@pytest.mark.parametrize("item", ["hello", 3, None, ["drug", "ketamine"]])
def test_what_is_no_mapping_is_no_item(item):
    with pytest.raises(InputError, match=r"expected an item such as \{drug: ketamine"):
        read_item(item)


@pytest.mark.parametrize(
    ("item", "missing"),
    [
        ({"drug": "clarithromycin"}, "from"),
        ({"change": "CL"}, "factor"),
        ({}, "drug"),
    ],
)
def test_a_missing_field_is_named_for_the_sort_that_was_meant(item, missing):
    place, message = complaint(item)
    assert (place, message) == ((missing,), "Field required")


def test_the_rules_of_a_dose_do_not_bind_a_placebo():
    assert read_item({"drug": "placebo", "route": "iv", "for": "100 h"}).for_ == 100


def test_items_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        read_item(BOLUS).amount = None
