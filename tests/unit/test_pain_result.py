"""Pain behind a study file: what is run, what comes out in which unit, and what is refused."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest

import antalgic
from antalgic import standing
from antalgic.dosing import Regimen
from antalgic.errors import InputError
from antalgic.model import harm
from antalgic.population import conditions
from antalgic.study import loads

STUDY = """\
study: mine
condition: crps
population: {size: 40}
horizon: 2 weeks
output_every: 4 h
seed: 3
arms:
  ketamine:
    - {drug: s-ketamine, route: iv, rate: 20 mg/h, for: 24 h}
  placebo:
    - {drug: placebo, route: iv, for: 24 h}
"""
DRUG = "    - {drug: s-ketamine, route: iv, rate: 20 mg/h, for: 24 h}\n"
RIVALS = STUDY + "models: {mechanism: [sensitization, block]}\n"
PAIN = STUDY + "outputs: [pain]\n"


@cache
def result(text: str, threads: int = 1) -> antalgic.Result:
    return loads(text, "mine.yaml").run(threads=threads)


def refusal(text: str) -> str:
    with pytest.raises(InputError) as caught:
        loads(text, "mine.yaml").run(threads=1)
    said = str(caught.value)
    assert "\n" not in said
    return said


# Reading


def test_a_mechanism_is_the_default_one_a_name_or_a_list() -> None:
    assert loads(STUDY).mechanisms == ("sensitization",)
    assert loads(STUDY + "models: {mechanism: block}\n").mechanisms == ("block",)
    assert loads(RIVALS).mechanisms == ("sensitization", "block")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            STUDY + "models: {mechanism: blok}\n",
            "mine.yaml:12 models.mechanism: unknown mechanism 'blok'; did you mean 'block'?",
        ),
        (
            STUDY + "models: {mechanism: [block, sensitisation]}\n",
            "mine.yaml:12 models.mechanism: unknown mechanism 'sensitisation'; did you mean "
            "'sensitization'?",
        ),
        (
            STUDY + "models: {mechanism: [block, block]}\n",
            "mine.yaml:12 models.mechanism: 'block' is listed twice",
        ),
        (
            STUDY + "models: {mechanism: 3}\n",
            "mine.yaml:12 models.mechanism: 3 is a number, expected the name of a mechanism such "
            "as 'sensitization', or a list of names",
        ),
        (
            PAIN.replace("[pain]", "[s-ketamine, pian]"),
            "mine.yaml:12 outputs[1]: no model of this study predicts 'pian'; did you mean 'pain'?",
        ),
        (
            PAIN.replace("condition: crps", "condition: healthy"),
            "mine.yaml:2 condition: 'healthy' has no pain to follow, as output 'pain' needs; for "
            "pain in volunteers take 'experimental-pain'",
        ),
        (
            PAIN.replace("[pain]", "[sensitization]") + "models: {mechanism: block}\n",
            "mine.yaml:12 outputs[0]: no mechanism of this study predicts 'sensitization', "
            "expected one of pain, unpleasantness, mood, plasticity, block, expectation, "
            + ", ".join((*harm.READOUTS, "activity", "inflammation")),
        ),
        (
            PAIN.replace("[pain]", "[s-ketamine]") + "models: {mechanism: block}\n",
            "mine.yaml:13 models.mechanism: has nothing to act on: it needs an output such as pain",
        ),
        (
            STUDY.replace("condition: crps\n", "") + "models: {mechanism: block}\n",
            "mine.yaml:11 models.mechanism: has nothing to act on: it needs a condition that hurts",
        ),
    ],
)
def test_bad_input_is_one_line_with_its_place(text: str, said: str) -> None:
    assert refusal(text) == said


def test_pain_without_a_condition_names_those_there_are() -> None:
    said = refusal(PAIN.replace("condition: crps\n", ""))
    assert said.startswith("mine.yaml:11 outputs[0]: 'pain' needs a condition to start from: add ")
    assert "crps" in said and "osteoarthritis" in said and "healthy" not in said


# What is run


def test_a_condition_that_hurts_adds_pain_mood_and_sensitization() -> None:
    found = result(STUDY)
    assert found.outputs == ("s-ketamine", "s-norketamine", "pain", "mood", "sensitization")
    assert [arm.mechanism for arm in found.arms] == ["sensitization"] * 2
    healthy = result(STUDY.replace("crps", "healthy"))
    assert healthy.outputs == ("s-ketamine", "s-norketamine")


def test_outputs_choose_what_is_followed() -> None:
    assert result(PAIN).outputs == ("pain",)
    blood = result(STUDY + "outputs: [s-ketamine]\n")
    assert blood.outputs == ("s-ketamine",)
    assert all(arm.chain is None for arm in blood.arms)
    mixed = result(STUDY + "outputs: [mood, s-ketamine, pain]\n")
    assert mixed.outputs == ("mood", "s-ketamine", "pain")


def test_placebo_has_pain_and_no_drug() -> None:
    found = result(STUDY)
    assert not found.sel(arm="placebo", output="s-ketamine").values.any()
    pain = found.mean.sel(output="pain")
    assert float(pain.sel(arm="placebo", time=24.0)) < float(pain.sel(arm="placebo", time=0.0)) - 1
    assert float(pain.sel(arm="ketamine", time=24.0)) < float(pain.sel(arm="placebo", time=24.0))
    np.testing.assert_array_equal(pain.sel(arm="ketamine", time=0), pain.sel(arm="placebo", time=0))


def test_an_arm_that_is_given_nothing_stays_as_it_is() -> None:
    pain = result(STUDY + "  nothing: []\n").mean.sel(arm="nothing", output="pain")
    np.testing.assert_allclose(pain, float(pain[0]), rtol=1e-3)


def test_a_study_of_placebo_alone_is_a_study() -> None:
    found = result(STUDY.replace("  ketamine:\n" + DRUG, ""))
    assert found.outputs == ("pain", "mood", "sensitization")
    assert [arm.name for arm in found.arms] == ["placebo"]


def test_rivals_are_arms_of_their_own_on_the_same_people_and_blood() -> None:
    found = result(RIVALS)
    names = ["ketamine, sensitization", "ketamine, block", "placebo, sensitization"]
    assert [arm.name for arm in found.arms] == [*names, "placebo, block"]
    assert [arm.label for arm in found.blood] == ["ketamine"]
    np.testing.assert_array_equal(
        found.sel(arm=names[0], output="s-ketamine"), found.sel(arm=names[1], output="s-ketamine")
    )
    later = found.mean.sel(output="pain", time=168.0)
    assert float(later.sel(arm=names[0])) < float(later.sel(arm=names[1]))
    alone = result(STUDY)
    np.testing.assert_array_equal(
        found.sel(arm=names[0], output="pain"), alone.sel(arm="ketamine", output="pain")
    )


def test_rivals_of_a_single_arm_go_by_their_own_names() -> None:
    text = RIVALS.replace("  placebo:\n    - {drug: placebo, route: iv, for: 24 h}\n", "")
    assert [arm.name for arm in result(text).arms] == ["sensitization", "block"]


def test_what_a_mechanism_lacks_is_no_row_of_the_table() -> None:
    table = result(RIVALS).quantile_table()
    assert not table.isna().any().any()
    with_it = set(table.loc[table["output"] == "sensitization", "arm"])
    assert with_it == {"ketamine, sensitization", "placebo, sensitization"}


def test_steady_state_has_no_pain() -> None:
    steady = STUDY.replace(
        DRUG,
        "    - {drug: s-ketamine, route: oral, amount: 25 mg, every: 8 h, steady_state: true}\n",
    )
    found = result(steady)
    assert found.arm("ketamine").chain is None
    assert np.isnan(found.sel(arm="ketamine", output="pain")).all()
    assert any("pain is not followed" in note for note in found.notes)
    said = refusal(steady + "outputs: [pain]\n")
    assert said.startswith("mine.yaml:8 arms.ketamine: 'pain' before a treatment without a ")
    assert "leave out steady_state" in said


def test_a_condition_without_trials_is_marked() -> None:
    found = result(STUDY.replace("crps", "osteoarthritis"))
    assert any(
        note.startswith("exploratory: pain, ") and "of ketamine: osteoarthritis: " in note
        for note in found.notes
    )
    assert set(found.exploratory) == {"ketamine"}
    assert found.sel(arm="ketamine", output="pain").exploratory
    assert not found.sel(arm="placebo", output="pain").exploratory
    assert result(STUDY).exploratory == {}
    assert not any("exploratory" in note for note in result(STUDY).notes)


@pytest.mark.parametrize(
    ("dose", "marked"),
    [
        ("{drug: s-ketamine, route: iv, rate: 20 mg/h, for: 2 h, every: 15 days, times: 2}", True),
        ("{drug: s-ketamine, route: iv, rate: 20 mg/h, for: 2 h, every: 7 days, times: 2}", False),
        ("{drug: s-ketamine, route: iv, amount: 5 mg, for: 1 h}", False),
    ],
)
def test_ketamine_given_again_to_hold_relief_is_maintenance(dose: str, marked: bool) -> None:
    text = STUDY.replace(DRUG, f"    - {dose}\n").replace("2 weeks", "3 weeks")
    regimen = loads(text).regimens()["ketamine"]
    assert standing.maintained(regimen) is marked
    assert bool(of_regimen(regimen)) is marked


def test_another_form_after_the_infusion_is_maintenance() -> None:
    film = "    - {drug: s-ketamine, route: film, amount: 50 mg, at: 48 h}\n"
    assert standing.maintained(loads(STUDY.replace(DRUG, DRUG + film)).regimens()["ketamine"])
    assert not standing.maintained(loads(STUDY).regimens()["placebo"])


def of_regimen(regimen: Regimen) -> standing.Reasons:
    """What is exploratory of the study's arm with ketamine if it had been given like this."""
    arm = replace(result(STUDY).arm("ketamine"), regimen=regimen)
    return standing.exploratory(arm, conditions.load("crps"))


def test_block_and_r_ketamine_are_exploratory_by_themselves() -> None:
    found = result(STUDY + "outputs: [pain, block]\n")
    assert list(found.exploratory) == ["ketamine"]
    assert list(found.exploratory["ketamine"]) == ["block"]
    mirrored = loads(STUDY.replace("drug: s-ketamine", "drug: r-ketamine")).regimens()
    (why,) = set(of_regimen(mirrored["ketamine"]).values())
    assert why == ("no trial was found that shows a benefit of R-ketamine in people",)


def test_files_say_what_is_exploratory(tmp_path: Path) -> None:
    found = result(STUDY.replace("crps", "osteoarthritis"))
    found.to_parquet(tmp_path)
    for name in ("quantiles", "patients"):
        kept = pd.read_parquet(tmp_path / f"{name}.parquet").attrs["exploratory"]
        assert "no randomised trial" in kept["ketamine"]["pain"][0]
        assert "placebo" not in kept
    result(STUDY).to_parquet(tmp_path)
    assert pd.read_parquet(tmp_path / "quantiles.parquet").attrs["exploratory"] == {}


# Units and files


def test_every_output_has_its_unit() -> None:
    found = result(STUDY)
    wanted = ["ng/mL", "ng/mL", "0-10", "MADRS", "1"]
    assert list(found.quantiles.unit.values) == list(found.mean.unit.values) == wanted
    assert str(found.sel(output="pain").unit.values) == "0-10"
    table = found.quantile_table()
    assert dict(zip(table["output"], table["unit"], strict=True)) == dict(
        zip(found.outputs, wanted, strict=True)
    )
    assert table.loc[table["output"] == "pain", ["q05", "q95"]].stack().between(0, 10).all()


def test_patients_have_their_pain_and_relief() -> None:
    found = result(STUDY)
    table = found.patients
    assert not table.columns.duplicated().any()
    week = table["pain.week1"] / table["pain.baseline"]
    np.testing.assert_allclose(table["relief.week1"], 1 - week, rtol=1e-12)
    np.testing.assert_allclose(
        table.groupby("ARM")["pain.week2"].mean()[list(found.mean.arm.values)],
        found.mean.sel(output="pain", time=336.0), rtol=1e-12,
    )  # fmt: skip
    assert "pain.week4" not in table
    assert not table.filter(regex="pain|relief").isna().any().any()


def test_a_week_between_two_readouts_is_interpolated() -> None:
    coarse = result(STUDY.replace("output_every: 4 h", "output_every: 5 h"))
    fine = result(STUDY)
    np.testing.assert_allclose(
        coarse.patients["pain.week1"], fine.patients["pain.week1"], rtol=0.02, atol=0.01
    )


def test_parquet_keeps_units(tmp_path) -> None:
    found = loads(STUDY).run(threads=1, trajectories=True)
    found.to_parquet(tmp_path)
    units = pd.read_parquet(tmp_path / "patients.parquet").attrs["units"]
    assert units["pain.week1"] == "0-10"
    assert (units["relief.week1"], units["s-ketamine.auc"], units["WT"]) == ("1", "ng*h/mL", "kg")
    assert units["mechanism.tau_r"] == "h"
    schema = pyarrow.parquet.read_schema(tmp_path / "patients.parquet")
    assert json.loads(schema.metadata[b"PANDAS_ATTRS"])["units"] == units
    curves = pd.read_parquet(tmp_path / "trajectories.parquet")
    assert set(curves["unit"]) == {"ng/mL", "0-10", "MADRS", "1"}
    one = curves[(curves["arm"] == "placebo") & (curves["output"] == "pain")]
    assert set(one["ID"]) == set(range(1, 41))
    mean = one.groupby("time_h")["value"].mean().to_numpy()
    np.testing.assert_allclose(mean, found.mean.sel(arm="placebo", output="pain"), rtol=1e-12)


# The same bits


def test_threads_and_the_order_of_arms_change_nothing() -> None:
    one, two = result(RIVALS), result(RIVALS, 2)
    np.testing.assert_array_equal(one.quantiles, two.quantiles)
    np.testing.assert_array_equal(one.mean, two.mean)
    pd.testing.assert_frame_equal(one.patients, two.patients)
    placebo = "  placebo:\n    - {drug: placebo, route: iv, for: 24 h}\n"
    turned = result(STUDY.replace(placebo, "").replace("arms:\n", "arms:\n" + placebo))
    for arm in ("ketamine", "placebo"):
        np.testing.assert_array_equal(turned.sel(arm=arm), result(STUDY).sel(arm=arm))
        np.testing.assert_array_equal(turned.mean.sel(arm=arm), result(STUDY).mean.sel(arm=arm))
