"""How far a study's means hold: what is drawn, what moves with it, and what is said of it."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from antalgic.arms import is_behind
from antalgic.errors import InputError
from antalgic.evidence import certainty, sensitivity, shapley
from antalgic.model import mechanism as mechanisms
from antalgic.model import uncertain
from antalgic.population import conditions
from antalgic.report import certainty as page
from antalgic.report import figures
from antalgic.report import sensitivity as shown
from antalgic.simulation.chain import follow
from antalgic.study import loads

STUDY = """\
study: mine
condition: crps
population: {size: 40}
horizon: 2 weeks
output_every: 4 h
seed: 3
outputs: [pain, s-ketamine]
arms:
  ketamine:
    - {drug: s-ketamine, route: iv, rate: 20 mg/h, for: 24 h}
  placebo:
    - {drug: placebo, route: iv, for: 24 h}
"""
DRAWS = 256


def study():
    return loads(STUDY, "mine.yaml")


@cache
def result():
    return study().run(threads=1)


@cache
def found():
    mine = study()
    return certainty.run(mine, certainty.usual_times(mine), people=result().people, draws=DRAWS)


@cache
def rows():
    return page.rows(result(), found())


@cache
def sensitive():
    names = ["k_x", "w_e", "pk.CL", "phi"]
    return sensitivity.run(study(), over="placebo", at=168.0, parameters=names, draws=32, threads=1)


def model():
    return certainty.Model.of(study(), np.array([0.0, 24.0, 336.0]))


def test_library_values_give_the_means_of_an_ordinary_run() -> None:
    own = result().mean.sel(output="pain", time=found().times)
    place = found().outputs.index("pain")
    np.testing.assert_allclose(found().typical[:, place], own.values, rtol=2e-3, atol=2e-3)


def test_bands_hold_the_mean_and_start_at_the_pain_that_is_known() -> None:
    levels = page.bands(result(), found())
    pain = levels[0, found().outputs.index("pain")]
    assert (np.diff(pain, axis=1) >= 0).all()
    np.testing.assert_allclose(pain[0], pain[0, 0], rtol=1e-6)  # everybody's own, drawn or not
    usual = result().mean.sel(arm="ketamine", output="pain", time=found().times).values
    assert np.mean((pain[1:, 0] <= usual[1:]) & (usual[1:] <= pain[1:, -1])) > 0.9
    assert (levels[np.isfinite(levels)] >= 0).all()


def test_draws_are_those_of_the_calibration_with_their_correlations() -> None:
    names = list(found().names)
    z = found().scores @ found().root.T
    draws = mechanisms.posterior("sensitization")
    pair = [names.index("g_S"), names.index("k_x")]
    wanted = np.corrcoef([[d["g_S"] for d in draws], np.log([d["k_x"] for d in draws])])[0, 1]
    assert abs(wanted) > 0.3
    assert np.corrcoef(z[:, pair].T)[0, 1] == pytest.approx(wanted, abs=0.15)


def test_what_is_held_is_not_drawn_and_everything_has_a_grade_and_a_basis() -> None:
    doubts = found().doubts
    assert not {d.symbol for d in doubts} & {"n", "K_50", "c_PM", "V_ref", "M_K"}
    assert {d.known.grade for d in doubts} <= set(uncertain.GRADES)
    assert all(d.known.basis for d in doubts)
    assert len({d.name for d in doubts}) == len(doubts)
    basis = {d.name: d.known.basis for d in doubts}
    assert basis["pk.CLnk"] == "published: RSE 5.7 %"
    assert basis["k_x"] == "draws of the calibration"
    assert basis["M0"] == "CV 50 % by grade"


def test_what_a_condition_says_for_itself_is_not_drawn_from_what_is_usual() -> None:
    """In CRPS activity does not follow pain: a_P is 0 there, and not what it is elsewhere."""
    moving = STUDY.replace(
        "  placebo:", "    - {therapy: exercise, extent: 0.2, until: 7 days}\n  placebo:"
    )
    names = certainty.Model.of(loads(moving), np.array([0.0, 336.0])).doubts
    assert {"tau_A"} <= {d.name for d in names} and "a_P" not in {d.name for d in names}


def test_the_response_to_placebo_is_set_anew_as_the_calibration_sets_it() -> None:
    crps = conditions.load("crps")
    usual = mechanisms.placebo("sensitization", "crps")["X_mean"]
    wanted, got = [], []
    for draw in mechanisms.posterior_in("sensitization", "crps")[:50]:
        own = {s: draw[s] for s in ("w_e", "tau_e", "tau_x")}
        wanted.append(np.log(draw["X_mean"] / usual))
        got.append(np.log(certainty._treated("sensitization", crps, own, {})["X_mean"] / usual))
    np.testing.assert_allclose(got, wanted, atol=0.1)
    assert np.std(wanted) > 0.3


def test_another_potency_at_the_receptor_keeps_the_effect_of_the_calibrated_level() -> None:
    """Where block was calibrated relief stays; without the fitted gains it would not."""
    mine = model()
    place = mine.outputs.index("pain")
    usual = mine.means({})[0, place, 1]
    kept = mine.means({"phi": 3.0})[0, place, 1]
    arm = mine.arms[0]
    assert mine.given.condition is not None
    bare = follow(
        arm.mechanism or "", arm.model, arm.regimen, mine.given.condition, mine.given.people,
        mine.given.times, outputs=["pain"], changes={"phi": 3.0}, seed=3, rtol=1e-3, threads=1,
    ).mean[0, 1]  # fmt: skip
    assert abs(kept - usual) < 0.25 * abs(bare - usual)


def test_shares_of_grades_add_up_and_blood_rests_on_blood() -> None:
    by_name = {(r.endpoint.output, r.endpoint.over): r for r in rows()}
    assert set(by_name) == {("pain", None), ("pain", 1), ("s-ketamine", None)}
    for row in rows():
        assert row.shares is not None, row.why
        assert sum(row.shares.grades.values()) == pytest.approx(1)
        assert sum(row.shares.parameters.values()) == pytest.approx(1)
        assert row.low < row.usual < row.high
    level = by_name["s-ketamine", None].shares
    assert level is not None
    own = sum(v for n, v in level.parameters.items() if n.startswith("pk."))
    assert own == pytest.approx(1, abs=0.01)
    assert level.grades["B"] == pytest.approx(1, abs=0.01)
    assert not is_behind("s-ketamine")


def test_a_value_of_a_weaker_grade_makes_its_level_less_sure() -> None:
    mine = model()
    place = mine.outputs.index("s-ketamine")
    assert mine.arms[0].model is not None
    clearance = mine.arms[0].model.parameters["CL"].known
    widths = []
    for grade in ("B", "D"):
        one = uncertain.published("CL", replace(clearance, grade=grade))
        assert one is not None
        levels = [mine.means({"pk.CL": float(v)})[0, place, 1] for v in one.at([-1.645, 1.645])]
        assert levels[0] > mine.means({})[0, place, 1] > levels[1]
        widths.append(levels[0] - levels[1])
    assert widths[1] > 3 * widths[0]


def test_the_sentence_is_made_of_the_numbers() -> None:
    row = rows()[0]
    assert row.shares is not None
    said = page.sentence(found(), row)
    grade = max(row.shares.grades, key=lambda g: row.shares.grades[g] if row.shares else 0)
    assert said.startswith("Mean pain at week 2, ketamine less placebo, is ")
    assert f"{100 * row.shares.grades[grade]:.0f} % of this spread rests on values of grade" in said
    own = {d.name: d.known.grade for d in found().doubts}
    first = max((n for n in own if own[n] == grade), key=lambda n: row.shares.parameters[n])  # type: ignore[union-attr]
    assert f"({first})" in said


def test_no_shares_where_the_surrogate_cannot_tell() -> None:
    few = certainty.run(study(), np.array([0.0, 336.0]), draws=16, threads=1)
    one = next(e for e in few.endpoints() if e.over is not None)
    with pytest.raises(InputError, match=r"no shares are given.*less than 70 %"):
        few.shares(one)


def test_the_same_seed_gives_the_same_draws_whatever_the_threads() -> None:
    times = np.array([0.0, 24.0])
    one, two = (certainty.run(study(), times, draws=16, threads=n) for n in (1, 2))
    np.testing.assert_array_equal(one.means, two.means)


def test_a_parameter_moves_the_number_as_a_run_with_it_does() -> None:
    bar = next(b for b in sensitive().bars if b.doubt.name == "k_x")
    again = certainty.Model.of(study(), np.array([0.0, 168.0])).means(
        {"k_x": float(bar.values[-1])}
    )
    place = 0
    assert bar.numbers[-1] == pytest.approx(float(again[0, place, 1] - again[1, place, 1]))
    assert bar.numbers[-1] < sensitive().usual < bar.numbers[0]  # faster loss, more relief
    assert [b.width for b in sensitive().bars] == sorted(b.width for b in sensitive().bars)[::-1]


def test_the_listing_and_the_json_agree(capsys: pytest.CaptureFixture[str]) -> None:
    data = shown.to_json(sensitive())
    assert [p["parameter"] for p in data["parameters"]] == [b.doubt.name for b in sensitive().bars]
    assert data["over"] == "placebo" and data["time_h"] == 168.0
    listing = shown.listing(sensitive())
    assert "mean pain at week 1, ketamine less placebo" in listing.title
    listing.show()
    assert "k_x" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"parameters": ["k_y"]}, "--parameters: unknown parameter 'k_y'; did you mean 'k_x'?"),
        ({"parameters": ["zzzz"]}, "--parameters: unknown parameter 'zzzz', expected some of pk."),
        ({"arm": "ketamin"}, "--arm: unknown arm 'ketamin'; did you mean 'ketamine'?"),
        ({"over": "ketamine"}, "--over: 'ketamine' is the arm itself"),
        ({"of": "pian"}, "--of: unknown output 'pian'; did you mean 'pain'?"),
        ({"at": 5000.0}, "--at: 5000 h is not within the study, expected above 0 and up to 336 h"),
    ],
)
def test_what_is_asked_wrongly_is_said_in_one_line(asked, said) -> None:
    with pytest.raises(InputError) as caught:
        sensitivity.run(study(), draws=16, threads=1, **asked)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_two_bands_are_drawn_apart_and_the_table_has_the_one_that_is_not_known() -> None:
    figure = figures.certainty(result(), found())
    titles = [axes.get_title("left") for axes in figure.axes if axes.get_title("left")]
    assert titles == [
        "Pain: ketamine", "Pain: placebo", "Pain: ketamine less placebo",
        "S-ketamine in blood: ketamine",
    ]  # fmt: skip
    table = page.table(result(), found())
    assert list(table.columns) == [
        "arm", "time_h", "output", "unit", "q05", "q25", "q50", "q75", "q95"
    ]  # fmt: skip
    said = page.gather(found(), rows())
    assert len(said.rows) == len(said.said) == len(rows())
    assert said.named[0][0] in found().names


def test_the_page_states_the_constants_that_are_used() -> None:
    text = (Path(__file__).parents[2] / "docs" / "certainty.md").read_text(encoding="utf-8")
    assert f"Below {certainty.LEAST_QUALITY:g} no shares are given" in text
    assert f"averaged over {2 * shapley.ORDERS} orders" in text
    assert f"mean is that of {certainty.PEOPLE} people" in text


def test_an_exploratory_number_is_said_to_be_one() -> None:
    joint = loads(STUDY.replace("condition: crps", "condition: osteoarthritis"))
    doubtful = sensitivity.run(joint, parameters=["k_x"], draws=16, threads=1)
    assert shown.number(doubtful).endswith("ketamine (exploratory)")
    assert "no randomised trial" in shown.to_json(doubtful)["exploratory"][0]
    assert any(line.startswith("exploratory: ") for line in shown.listing(doubtful).below)
    assert sensitive().exploratory == () and "exploratory" not in shown.number(sensitive())
