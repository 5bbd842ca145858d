"""How far a library value may be off: what was printed, else its grade."""

from dataclasses import replace

import numpy as np
import pytest

from antalgic.model import mechanism as mechanisms
from antalgic.model import receptor, shelf, uncertain
from antalgic.sources import Value

KNOWN = Value(10.0, "L/h", "10 L/h", None, "", None, "assumed", "C", "a reason")
ENDS = np.array([-1.6448536, 1.6448536])


def given(**fields):
    one = uncertain.published("CL", replace(KNOWN, **fields))
    assert one is not None
    return one


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("90 % CI 8 to 14 L/h", 8, 14),
        ("90 % posterior 8 to 14", 8, 14),
        ("8 to 14 L/h between studies", 8, 14),
        ("8 to 14", 8, 14),
        ("133.3333333 to 200 mL/min", 8, 12),
        ("prior 5 to 50", 5, 50),
    ],
)
def test_an_interval_is_met_at_its_ends(text, low, high):
    one = given(uncertainty=text)
    np.testing.assert_allclose(one.at(ENDS), [low, high], rtol=1e-6)
    assert text in one.basis


def test_a_95_percent_interval_is_narrower_between_5_and_95_percent():
    one = given(uncertainty="95% CI 8-14 L/h")
    np.testing.assert_allclose(one.at([-1.959964, 1.959964]), [8, 14], rtol=1e-6)


@pytest.mark.parametrize("text", ["RSE 20 %, SIR 7 to 14", "SE 20 %", "SEE 2", "SE 2.0"])
def test_a_standard_error_is_a_coefficient_of_variation_around_the_value(text):
    one = given(uncertainty=text)
    drawn = one.at(np.random.default_rng(1).standard_normal(100_000))
    assert np.median(drawn) == pytest.approx(10, rel=0.01)
    assert drawn.std() / drawn.mean() == pytest.approx(0.2, rel=0.02)


@pytest.mark.parametrize(
    "text", [None, "SD 1.8 h", "half-life 0 to 11.8 min over endpoints", "14 to 8 L/h",
             "4 to 9 h", "11 to 14 L/h elsewhere"],
)  # fmt: skip
def test_the_grade_speaks_where_no_interval_of_the_value_does(text):
    one = given(uncertainty=text)
    assert one.basis == "CV 25 % by grade"


def test_a_share_stays_between_0_and_1():
    known = replace(KNOWN, value=0.8, unit="", text="80 %", grade="D")
    one = uncertain.published("F", known, share=True)
    assert one is not None
    assert 0 < one.at(-4) < one.at(0) < one.at(4) < 1
    assert one.at(0) == pytest.approx(0.8)


def test_odds_may_exceed_1_where_a_share_may_not() -> None:
    known = replace(KNOWN, value=0.8, unit="", text="0.8", grade="D")
    one = uncertain.published("x_1", known)
    assert one is not None and one.at(2) > 1
    assert uncertain.is_share("fu_K") and uncertain.is_share("morphine.F.oral")
    assert not uncertain.is_share("x_1") and not uncertain.is_share("pk.F")


def test_values_below_zero_stay_there_and_zero_is_held():
    one = given(value=-51.0, unit="mV", text="-51 mV", uncertainty="-52 to -40 mV across schemes")
    assert one.at(ENDS) == pytest.approx([-52, -40], rel=1e-6)
    assert given(value=-3.0, unit="", text="-3", grade="D").at(5) < 0
    assert uncertain.published("D_c", replace(KNOWN, value=0.0)) is None
    assert uncertain.published("n", KNOWN) is None
    assert "pore" in uncertain.held()["n"]


def test_draws_are_given_back():
    draws = [float(d["g_N"]) for d in mechanisms.posterior("sensitization")]
    one = uncertain.calibrated("g_N", mechanisms.parameters()["g_N"].known, draws)
    np.testing.assert_allclose(one.at(ENDS), np.quantile(draws, [0.05, 0.95]), rtol=0.03)
    assert min(draws) <= one.at(-9) and one.at(9) <= max(draws)


def test_every_grade_is_wider_than_the_one_before():
    widths = [uncertain.cv(grade) for grade in uncertain.GRADES]
    assert widths == sorted(widths)


def test_the_library_is_read_as_it_is_printed():
    model = shelf.load("fanta2015+otto2021")
    clearance = uncertain.published("CLnk", model.parameters["CLnk"].known)
    assert clearance is not None and clearance.basis == "published: RSE 5.7 %"
    phi = uncertain.published("phi", receptor.parameters()["phi"])
    assert phi is not None and phi.at(ENDS) == pytest.approx([1, 5], rel=1e-6)
    slow = uncertain.published("tau_r", mechanisms.parameters()["tau_r"].known)
    assert slow is not None and slow.at(ENDS) == pytest.approx([280, 747], rel=1e-6)
