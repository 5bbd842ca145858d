"""An injury: pain that fades, pain that stays, and what treatment at its time does."""

import numpy as np
import pytest

from antalgic import yamlfile
from antalgic.dosing import expand, read_item
from antalgic.errors import InputError
from antalgic.model import shelf
from antalgic.population import conditions
from antalgic.population.conditions import read_condition
from antalgic.population.spec import PopulationSpec
from antalgic.simulation.chain import follow

WEEK = 168.0
HOURS = np.array([0.0, 24.0, WEEK, 4 * WEEK, 12 * WEEK, 26 * WEEK])
PEOPLE = PopulationSpec(size=512).people(1)
KETAMINE = {"drug": "ketamine", "route": "iv", "rate": "0.1 mg/kg/h", "for": "72 h"}
S_MAX = conditions.load("surgery").circuit["S_max"].value


def run(*items, kind="sensitization", condition="surgery", hours=HOURS, **more):
    """(T, people) by output."""
    regimen = expand("arm", [read_item(item) for item in items], hours[-1])
    found = follow(
        kind, shelf.load("kamp2020") if regimen.doses else None, regimen,
        conditions.load(condition), PEOPLE, hours, trajectories=True, **more,
    )  # fmt: skip
    return dict(zip(found.outputs, found.values, strict=True))


def test_pain_starts_as_that_of_the_first_day_and_without_sensitization():
    found = run()
    assert (found["sensitization"][0] == 0).all()
    assert found["pain"][0].mean() == pytest.approx(5, abs=0.3)


def test_pain_fades_in_most_and_stays_in_some():
    found = run()
    end, S = found["pain"][-1], found["sensitization"][-1]
    assert 0.06 < (end >= 3).mean() < 0.15
    assert (end < 1).mean() > 0.5
    # two fates: few are in between
    assert ((S > 0.25 * S_MAX) & (S < 0.75 * S_MAX)).mean() < 0.12
    assert end[S > 0.9 * S_MAX].mean() > 3 * end[S < 0.1 * S_MAX].mean()


@pytest.mark.parametrize(("wound", "stays"), [(0.2, 0.0), (20.0, 1.0)])
def test_a_small_wound_heals_in_all_and_a_great_one_stays_in_all(wound, stays):
    hours = np.array([0.0, 104 * WEEK])
    S = run(changes={"W_0": wound}, hours=hours)["sensitization"][-1]
    assert (S > 0.5 * S_MAX).mean() == pytest.approx(stays, abs=0.08)


def test_nothing_is_sensitized_without_drive():
    changes = {"W_0": 0.0, "I_n": 0.0, "I_e": 0.0}
    assert (run(changes=changes)["sensitization"] == 0).all()


def test_more_stay_in_pain_when_a_nerve_goes_on_firing():
    shares = [(run(changes={"I_e": I})["pain"][-1] >= 3).mean() for I in (0.0, 0.02, 0.06, 0.12)]
    assert shares == sorted(shares)
    assert shares[-1] > 3 * shares[1]


def test_ketamine_at_the_injury_lessens_induction_and_later_chronic_pain():
    without, treated = run(), run(KETAMINE)
    assert (treated["sensitization"][1:3] < without["sensitization"][1:3]).all()
    assert (treated["sensitization"] <= without["sensitization"] + 1e-6).all()
    stayed, kept = ((found["pain"][-1] >= 3).mean() for found in (without, treated))
    assert 0.8 < kept / stayed < 1


def test_block_alone_prevents_where_it_does_not_undo():
    changes = {"k_x": 0.0}
    without, treated = run(changes=changes), run(KETAMINE, changes=changes)
    assert (treated["sensitization"][2] < without["sensitization"][2]).all()
    twice = run(KETAMINE | {"for": "14 days"}, changes=changes)["sensitization"][2:4]
    assert (twice < treated["sensitization"][2:4]).all()


def test_without_a_cord_pain_goes_with_the_wound():
    found = run(kind="block")
    assert "sensitization" not in found
    assert (found["pain"][-1] >= 3).mean() < 0.03


def test_being_treated_adds_nothing_after_an_injury():
    placebo, nothing = run({"drug": "placebo", "for": "72 h"}), run()
    np.testing.assert_allclose(placebo["pain"], nothing["pain"], rtol=1e-3)


def test_same_bits_for_any_number_of_threads():
    one, two = (run(KETAMINE, threads=n) for n in (1, 2))
    for name, values in one.items():
        assert values.tobytes() == two[name].tobytes()


INJURY = """\
injury:
  W_0: {value: "1", between: {kind: SD, value: 0.5}, how: assumed, grade: D, note: a wound}
  tau_heal: {value: 10 days, how: assumed, grade: D, note: weeks}
  S_U: {value: "0.5", how: assumed, grade: D, note: between}
  k_LTP: {value: 0.002 1/h, how: assumed, grade: D, note: fast}
"""


def condition(text):
    head = "condition: mine\ntitle: Mine\nmechanism: injury\nsources: {}\n"
    return read_condition(yamlfile.read_text(head + text, "mine.yaml"), "mine")


def test_an_injury_is_read_with_its_spread():
    found = condition(INJURY)
    assert found.injury["tau_heal"].value == 240
    assert list(found.injury_between) == ["W_0"]
    assert found.values["injury.S_U"].note == "between"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"0.5", how', '"1", how', "injury.S_U: found 1, expected above 0 and below 1"),
        ("10 days", "0 days", "injury.tau_heal: found 0 days, expected above 0"),
        ("10 days", "10", "injury.tau_heal"),
        ("  k_LTP: {value: 0.002 1/h, how: assumed, grade: D, note: fast}\n", "",
         "injury: missing field 'k_LTP'"),
        ("tau_heal", "tau", "injury.tau: unknown field 'tau'"),
        ("kind: SD, value: 0.5", "kind: SD, value: 0.5, scale: logit",
         "injury.W_0: expected a spread of scale log"),
        ("kind: SD", "kind: sd", "injury.W_0.between.kind"),
    ],
)  # fmt: skip
def test_bad_injuries_are_one_line_with_their_place(old, new, said):
    with pytest.raises(InputError) as caught:
        condition(INJURY.replace(old, new))
    assert said in str(caught.value)
    assert str(caught.value).startswith("mine.yaml:")
    assert "\n" not in str(caught.value)
