"""Who benefits: areas are exact, the link is what carries temporal summation, the rest is said."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from antalgic.arms import planned, setting
from antalgic.errors import InputError
from antalgic.evidence import findings, responders
from antalgic.evidence.responders import Found, Measurement, area, at_best_cut, known
from antalgic.report import benefit
from antalgic.simulation.individual import Draw
from antalgic.study import Study, load, loads

STUDY = """\
study: small
condition: crps
population: {size: 700}
horizon: 5 weeks
arms:
  ketamine:
    - {drug: s-ketamine, route: iv, rate: 16 mg/h, for: 100 h}
  placebo:
    - {drug: placebo, route: iv, for: 100 h}
seed: 3
"""


@pytest.fixture(scope="module")
def study() -> Study:
    return loads(STUDY)


@pytest.fixture(scope="module")
def found(study: Study) -> Found:
    return responders.run(study, draws=4)


def measured(found: Found, key: str) -> Measurement:
    return next(m for m in found.arms[0].measurements if m.key == key)


def test_the_area_is_that_of_mann_and_whitney_with_ties() -> None:
    rng = np.random.default_rng(0)
    readings = np.round(rng.normal(size=400), 1)
    responded = readings + rng.normal(size=400) > 0.3
    exact = mannwhitneyu(readings[responded], readings[~responded]).statistic
    assert area(readings, responded) == pytest.approx(
        exact / (responded.sum() * (~responded).sum()), abs=1e-12
    )
    assert area(responded.astype(float), responded) == 1.0
    assert area(np.zeros(400), responded) == 0.5
    assert area(readings, np.ones(400, dtype=bool)) is None


def test_the_area_is_that_under_the_curve_that_is_drawn() -> None:
    rng = np.random.default_rng(1)
    readings, responded = rng.normal(size=300), rng.uniform(size=300) < 0.4
    alarms, hits, _ = responders.curve(readings, responded)
    assert (alarms[0], hits[0], alarms[-1], hits[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(hits, alarms) == pytest.approx(area(readings, responded), abs=1e-12)


def test_predictive_values_are_those_of_the_cut_that_is_named() -> None:
    readings = np.array([1.0, 2, 3, 4, 5, 6, 7, 8])
    responded = np.array([0, 0, 1, 0, 1, 1, 0, 1], dtype=bool)
    best = at_best_cut(readings, responded)
    assert best == (5.0, 0.75, 0.75)
    assert at_best_cut(np.ones(8), responded) is None


def test_shares_are_those_of_the_simulated_arms(study: Study, found: Found) -> None:
    table = study.run().patients
    relief = table[table["ARM"] == "ketamine"]["relief.week4"]
    share = {s.arm: s for s in found.shares}
    assert share["ketamine"].share == pytest.approx((relief >= 0.3).mean(), abs=1e-12)
    assert share["ketamine"].difference == share["ketamine"].share - share["placebo"].share
    assert share["placebo"].difference is None


def test_the_control_is_without_any_drug_and_not_another_drug() -> None:
    tablets = "  morphine: [{drug: morphine, route: oral, amount: 30 mg, every: 12 h}]\n"
    study = loads(STUDY.replace("  placebo:\n", f"{tablets}  placebo:\n"))
    arms = planned(setting(study, study.people(), np.array([0.0, 1.0]), False, None))
    compared = {arm.name: other and other.name for arm in arms for other in [arm.control(arms)]}
    assert compared == {"ketamine": "placebo", "morphine": "placebo", "placebo": None}


def test_without_the_link_temporal_summation_tells_nothing(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(name: str) -> responders.Value:
        value = known(name)
        return dataclasses.replace(value, value=0.0) if name == "link" else value

    monkeypatch.setattr(responders, "known", cut)
    m = measured(responders.run(study, draws=0), "summation")
    assert m.auc is not None and abs(m.auc - 0.5) < 3 * 0.022


def test_half_the_link_or_a_worse_test_tells_less(found: Found) -> None:
    m = measured(found, "summation")
    others = {a.says: a.auc for a in m.alternatives}
    assert m.auc is not None and m.low is not None and m.high is not None
    assert m.low < m.auc < m.high
    assert m.assumed == 1.0
    for says, auc in others.items():
        assert auc is not None and auc < m.auc, says


def test_pain_before_treatment_is_as_sure_as_its_spread(found: Found) -> None:
    m = measured(found, "pain")
    others = {a.says: a.auc for a in m.alternatives}
    assert m.points == "lower" and m.auc is not None
    assert m.auc > (others["half the spread of pain before treatment"] or 0.0)
    assert m.assumed is None and "assumed, grade D" in m.carried
    read = responders.run(loads(STUDY.replace("crps", "neuropathic")), draws=0)
    m = measured(read, "pain")
    assert m.assumed == 0.0 and "read, grade B" in m.carried


def test_the_link_makes_the_trial_that_it_was_set_to() -> None:
    design = findings.load("bosma2018").design
    assert design is not None
    many = design.model_copy(
        update={"population": design.population.model_copy(update={"size": 4000})}
    )
    m = measured(responders.run(many, at=30 * 24, draws=0), "summation")
    assert m.auc == pytest.approx(known("bosma_auc").value, abs=0.02)


def test_what_decides_is_the_ceiling_and_perfect_knowledge_of_it_stays_below_one(
    found: Found,
) -> None:
    areas = {m.key: m.auc or 0.5 for m in found.arms[0].measurements}
    assert areas["k_x"] == max(areas.values())
    assert areas["k_x"] > areas["responsive"] > areas["summation"]
    assert areas["sensitization"] > 0.5 + 0.03


def test_what_is_not_modelled_tells_nothing_and_says_so(found: Found) -> None:
    for key in ("duration", "opioid", "bdnf"):
        m = measured(found, key)
        assert m.auc == 0.5 and "not modelled" in m.carried
        assert m.ppv == pytest.approx(found.arms[0].share)
        assert m.assumed is None


def test_areas_of_published_numbers_follow_from_them() -> None:
    on = (0.36 - 0.22) / (0.36 - 0.07)  # share on opioids, from failures of 7, 36 and together 22 %
    opioid = 0.5 + (on * 0.93 / 0.78 - on * 0.07 / 0.22) / 2
    assert responders.published("opioid")[0]["auc"] == pytest.approx(opioid, abs=0.005)
    bdnf = 0.5 * (1 + math.erf((11.0 - 8.0) / math.hypot(6.2, 5.5) / math.sqrt(2)))
    assert responders.published("bdnf")[0]["auc"] == pytest.approx(bdnf, abs=0.005)
    least = 0.5 + 1.96 * math.sqrt(31 / (12 * 15 * 15))
    assert known("bosma_auc").value == pytest.approx(least, abs=0.005)


def test_readings_repeat_as_well_as_published() -> None:
    first = responders._linked(1, 20_000)[""]
    assert first.std() == pytest.approx(1, abs=0.02)
    error = Draw(1).normal("responders.error", 20_000)
    again = 1 - np.cov(first, error)[0, 1] ** 2
    assert again == pytest.approx(known("reliability").value, abs=0.02)


def test_the_same_seed_gives_the_same_numbers_for_any_threads(study: Study, found: Found) -> None:
    again = responders.run(study, draws=4, threads=1)
    assert benefit.to_json(again) == benefit.to_json(found)
    json.dumps(benefit.to_json(found), allow_nan=False)


def test_a_mechanism_without_sensitization_has_no_one_who_is_responsive() -> None:
    found = responders.run(
        loads(STUDY + "models: {mechanism: block}\n"), relief=0.1, at=48.0, draws=0
    )
    keys = {m.key for m in found.arms[0].measurements}
    assert not keys & {"k_x", "tau_r", "responsive"} and "g_N" in keys


def test_nobody_responding_is_said_and_not_a_number() -> None:
    found = responders.run(loads(STUDY.replace("16 mg/h", "0.01 mg/h")), relief=0.99, draws=2)
    m = measured(found, "summation")
    assert (m.auc, m.cut, m.ppv, m.low) == (None, None, None, None)
    json.dumps(benefit.to_json(found), allow_nan=False)
    for listing in benefit.listings(found):
        listing.show()


@pytest.mark.parametrize(
    ("changed", "asked", "says"),
    [
        (("size: 700", "size: 20"), {}, "20 people are too few"),
        (("condition: crps\n", ""), {}, "condition"),
        (("seed", "seed"), {"at": 24.0 * 40}, "at most 35 days"),
        (("seed", "seed"), {"relief": 0.0}, "--relief"),
        (("s-ketamine, route: iv, rate: 16 mg/h", "placebo, route: iv"), {}, "no arm gives"),
    ],
)
def test_bad_input_is_one_line(
    changed: tuple[str, str], asked: dict[str, float], says: str
) -> None:
    with pytest.raises(InputError, match=says) as error:
        responders.run(loads(STUDY.replace(*changed)), draws=0, **asked)
    assert "\n" not in str(error.value)


def test_the_figure_is_written_and_a_bad_name_refused_before_work(
    found: Found, tmp_path: Path
) -> None:
    benefit.draw(found, tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 10_000
    with pytest.raises(InputError, match=r"\.png"):
        benefit.check_figure(tmp_path / "a.txt")
    with pytest.raises(InputError, match="no folder"):
        benefit.check_figure(tmp_path / "none" / "a.png")


def test_conditions_stand_side_by_side_with_their_warnings(study: Study) -> None:
    shares = responders.by_condition(study)
    assert "crps" in shares and "experimental-pain" not in shares and "healthy" not in shares
    listing = benefit.by_condition(shares, 0.3, 672.0)
    assert len(listing.rows) == len(shares)
    assert any("osteoarthritis" in line and "exploratory" in line for line in listing.below)


def test_a_table_in_order_of_pain_does_not_pass_for_sensitization(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    pain = np.sort(np.clip(rng.normal(7, 1.8, 700), 1, 9.8))
    found = []
    for name, rows in (("sorted", pain), ("shuffled", rng.permutation(pain))):
        lines = [f"{k + 1},75,45,{v:.3f}" for k, v in enumerate(rows)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["ID,WT,AGE,NRS0", *lines]))
        path = tmp_path / f"{name}.yaml"
        path.write_text(STUDY.replace("{size: 700}", f"{{file: {name}.csv}}"))
        m = measured(responders.run(load(path), draws=0), "sensitization")
        assert m.auc is not None and m.points == "higher"
        found.append(m.auc)
    assert found[0] == pytest.approx(found[1], abs=0.05)
