"""From a study to its result: arms, models, labels, tables, notes, and errors with their place."""

import numpy as np
import pandas as pd
import pytest

from antalgic.errors import InputError
from antalgic.result import readout_times
from antalgic.study import loads

HEAD = """\
study: mine
population: {population}
horizon: 12 h
output_every: 1 h
seed: 3
"""
SINGLE = "{drug: s-ketamine, route: iv, amount: 20 mg, for: 30 min}"


def study(*arms, population="{size: 8, age: 30 years, weight: {mean: 75 kg, sd: 9 kg}}", more=""):
    """A study from the text of its arms, each 'name: [items]'."""
    text = HEAD.format(population=population).replace("{population}", population)
    return loads(text + more + "arms:\n" + "".join(f"  {arm}\n" for arm in arms), "mine.yaml")


def run(*arms, **more):
    return study(*arms, **more).run()


def refusal(*arms, **more):
    with pytest.raises(InputError) as caught:
        run(*arms, **more)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith("mine.yaml:")
    return text


# Shapes and labels


def test_bands_are_labelled():
    found = run(f"a: [{SINGLE}]", f"b: [{SINGLE.replace('20', '10')}]")
    assert found.quantiles.dims == ("arm", "output", "time", "quantile")
    assert found.mean.dims == ("arm", "output", "time")
    assert list(found.quantiles.arm.values) == ["a", "b"]
    assert found.outputs == ("s-ketamine", "s-norketamine")
    np.testing.assert_array_equal(found.quantiles.time, np.arange(13.0))
    assert list(found.quantiles["quantile"].values) == [0.05, 0.25, 0.5, 0.75, 0.95]
    assert list(found.quantiles.unit.values) == list(found.mean.unit.values) == 2 * ["ng/mL"]
    assert found.quantiles.time.attrs["unit"] == "h"
    median = found.sel(arm="a", output="s-ketamine", time=1.0, quantile=0.5)
    assert float(median) == pytest.approx(2 * float(found.sel(
        arm="b", output="s-ketamine", time=1.0, quantile=0.5)), rel=1e-12)  # fmt: skip


def test_patients_have_one_row_an_arm():
    found = run(f"a: [{SINGLE}]", f"b: [{SINGLE}]")
    table = found.patients
    assert list(table["ARM"]) == ["a"] * 8 + ["b"] * 8
    assert list(table["ID"]) == 2 * list(range(1, 9))
    wanted = {"WT", "AGE", "HT", "SEX", "CL", "V1", "F"}
    ends = {f"{a}.{e}" for a in found.outputs for e in ("cmax", "tmax", "auc", "thalf")}
    assert wanted | ends <= set(table.columns)
    assert not table.columns.duplicated().any()
    np.testing.assert_array_equal(table["CL"][:8], table["CL"][8:])


def test_arms_share_their_people_and_their_deviations():
    found = run(f"a: [{SINGLE}]", f"b: [{SINGLE}]")
    np.testing.assert_array_equal(found.quantiles[0], found.quantiles[1])


def test_order_of_arms_is_nothing():
    first, second = f"a: [{SINGLE}]", f"b: [{SINGLE.replace('20 mg', '0.3 mg/kg')}]"
    ab, ba = run(first, second), run(second, first)
    for arm in ("a", "b"):
        np.testing.assert_array_equal(ab.sel(arm=arm), ba.sel(arm=arm))
        np.testing.assert_array_equal(ab.mean.sel(arm=arm), ba.mean.sel(arm=arm))


def test_a_dose_of_nothing_changes_nothing_to_the_bit():
    nothing = "{drug: s-ketamine, route: iv, amount: 0 mg, at: 3.7 h}"
    plain, more = run(f"a: [{SINGLE}]"), run(f"a: [{SINGLE}, {nothing}]")
    np.testing.assert_array_equal(plain.quantiles, more.quantiles)
    np.testing.assert_array_equal(
        plain.patients["s-ketamine.cmax"], more.patients["s-ketamine.cmax"]
    )
    assert any("zero dose" in note for note in more.notes)


def test_a_longer_horizon_leaves_the_start_as_it_was():
    short = run(f"a: [{SINGLE}]")
    text = study(f"a: [{SINGLE}]").text.replace("horizon: 12 h", "horizon: 40 h")
    long = loads(text).run()
    np.testing.assert_array_equal(long.quantiles[:, :, :13], short.quantiles)


def test_arm_by_name():
    found = run(f"a: [{SINGLE}]")
    assert found.arm("a").regimen.name == "a"
    with pytest.raises(InputError, match="no arm 'b', expected one of a"):
        found.arm("b")


# Arms without a drug


def test_placebo_is_zero():
    found = run(f"active: [{SINGLE}]", "placebo: [{drug: placebo}]", "nothing: []")
    for arm in ("placebo", "nothing"):
        assert not found.sel(arm=arm).values.any()
        assert not found.mean.sel(arm=arm).values.any()
        assert found.arm(arm).model is None
        assert found.arm(arm).why == "no drug is given"
    table = found.quantile_table()
    assert set(table["arm"]) == {"active", "placebo", "nothing"}
    assert not table.isna().any().any()


@pytest.mark.parametrize(
    "item", ["{drug: placebo}", "{drug: s-ketamine, route: iv, amount: 20 mg, at: 12 h}"]
)
def test_a_study_that_gives_no_drug_is_refused(item):
    assert "arms: no arm gives a dose above zero before the horizon" in refusal(f"a: [{item}]")


# Models


def test_a_default_model_says_why():
    arm = run(f"a: [{SINGLE}]").arm("a")
    assert arm.model.name == "fanta2015+otto2021"
    assert arm.why.startswith("default: ")


def test_sampling_decides_between_defaults():
    arm = run(f"a: [{SINGLE}]", more="models: {sampling: arterial}\n").arm("a")
    assert arm.model.name == "simons2022"


def test_children_have_models_of_their_own():
    children = "{size: 4, children: true, age: {low: 3 years, high: 9 years}}"
    found = run(f"a: [{SINGLE.replace('20 mg', '0.5 mg/kg')}]", population=children)
    assert found.arm("a").model.name == "flint2017"


def test_a_model_may_be_named_for_each_arm():
    found = run(
        f"a: [{SINGLE}]", f"b: [{SINGLE}]",
        more="models: {pharmacokinetics: {a: simons2022, b: ashraf2018}}\n",
    )  # fmt: skip
    assert [arm.model.name for arm in found.arms] == ["simons2022", "ashraf2018"]
    assert found.arm("a").why == "named in the study"
    # what a model does not predict is missing, and no row of the table
    assert found.outputs == ("s-ketamine", "s-norketamine", "s-hydroxynorketamine")
    assert np.isnan(found.sel(arm="b", output="s-hydroxynorketamine")).all()
    table = found.quantile_table()
    assert not table.isna().any().any()
    assert set(zip(table["arm"], table["output"], strict=True)) == {
        ("a", "s-ketamine"), ("a", "s-norketamine"), ("a", "s-hydroxynorketamine"),
        ("b", "s-ketamine"), ("b", "s-norketamine"),
    }  # fmt: skip


def test_models_side_by_side():
    names = ["simons2022", "fanta2015+otto2021", "kamp2020", "perezruixo2021", "ashraf2018"]
    listed = f"models: {{pharmacokinetics: [{', '.join(names)}]}}\noutputs: [s-ketamine]\n"
    found = run(f"a: [{SINGLE}]", more=listed)
    assert [arm.name for arm in found.arms] == names
    assert [arm.model.name for arm in found.arms] == names
    peaks = found.patients.groupby("ARM")["s-ketamine.cmax"].median()
    assert peaks.max() / peaks.min() > 1.3  # they disagree, and that is the point
    two = run(f"a: [{SINGLE}]", "p: []", more=listed)
    assert [arm.name for arm in two.arms] == [*(f"a, {name}" for name in names), "p"]


def test_a_typical_person():
    found = run(f"a: [{SINGLE}]", population="{typical: true}")
    assert len(found.patients) == 1
    band = found.sel(arm="a", output="s-ketamine")
    np.testing.assert_array_equal(band.sel(quantile=0.05), band.sel(quantile=0.95))
    assert found.patients["CL"][0] == pytest.approx(95.2)


# Errors name their place


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("outputs: [norketamine]\n", "outputs[0]: no model of this study predicts 'norketamine'"),
        ("models: {pharmacokinetics: simons2020}\n", "unknown model 'simons2020'; did you mean"),
        ("models: {pharmacokinetics: dahan2011}\n", "is filed as reference only"),
        ("models: {pharmacokinetics: herd2007}\n", "has no s-ketamine by route iv; nearest are"),
        ("models: {pharmacokinetics: kamp2020}\noutputs: [s-norketamine]\n", "s-norketamine"),
        (
            "models: {pharmacokinetics: kamp2020}\nresidual_error: true\n",
            "residual_error: model 'kamp2020' gives no residual error for 's-ketamine'",
        ),
    ],
)
def test_errors_of_models_and_outputs(more, said):
    assert said in refusal(f"a: [{SINGLE}]", more=more)


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("{drug: s-ketamine, route: sc, amount: 20 mg}", "arms.a: no model covers s-ketamine sc"),
        ("{drug: ticlopidin, from: 0 h}", "ticlopidine"),
        (
            "{drug: ketamine, route: iv, amount: 20 mg}, {drug: ticlopidine, from: 0 h}",
            "only in model ashraf2018",
        ),
        ("{change: CLx, factor: 0.5}", "has no parameter 'CLx' that can change, expected one of "),
    ],
)
def test_errors_of_arms(item, said):
    text = refusal(f"a: [{SINGLE}, {item}]")
    assert said in text
    assert "arms" in text


def test_several_models_in_one_arm():
    more = "models: {pharmacokinetics: {s-ketamine: simons2022, ketamine: kamp2020}}\n"
    racemate = "{drug: ketamine, route: iv, amount: 20 mg, at: 2 h}"
    assert "names several models for one arm" in refusal(f"a: [{SINGLE}, {racemate}]", more=more)


# Notes


def test_notes_say_what_a_reader_must_know():
    found = run(
        "late: [{drug: s-ketamine, route: iv, amount: 20 mg, every: 8 h, times: 4}]",
        "film: [{drug: s-ketamine, route: sublingual, amount: 50 mg}]",
        population="{size: 8, age: 60 years, weight: 150 kg}",
    )
    text = "\n".join(found.notes)
    assert "late: s-ketamine iv (item 1): dropped 2 doses at or after the horizon" in text
    assert (
        "late: 100 % of the people are outside the age range of fanta2015+otto2021 "
        "(18 to 34 years): extrapolation"
    ) in text
    assert "outside the weight range of simons2022" in text
    assert "film: route sublingual in simons2022 carries grade C" in text
    assert len(set(found.notes)) == len(found.notes)


def test_people_inside_the_range_need_no_note():
    found = run(f"a: [{SINGLE}]", population="{size: 8, age: 25 years, weight: 70 kg}")
    assert not any("extrapolation" in note for note in found.notes)


# Tables and files


def test_quantile_table():
    found = run(f"a: [{SINGLE}]")
    table = found.quantile_table()
    wanted = ["arm", "time_h", "output", "unit", "q05", "q25", "q50", "q75", "q95", "mean"]
    assert list(table.columns) == wanted
    assert len(table) == 2 * 13
    levels = table[["q05", "q25", "q50", "q75", "q95"]].to_numpy()
    assert np.all(np.diff(levels, axis=1) >= 0)
    row = table[(table["output"] == "s-ketamine") & (table["time_h"] == 2.0)]
    assert row["q50"].item() == float(
        found.sel(arm="a", output="s-ketamine", time=2.0, quantile=0.5)
    )


def test_files(tmp_path):
    found = study(f"a: [{SINGLE}]", "p: []").run(trajectories=True)
    found.to_parquet(tmp_path / "new")
    files = sorted(p.name for p in (tmp_path / "new").iterdir())
    assert files == ["patients.parquet", "quantiles.parquet", "trajectories.parquet"]
    back = pd.read_parquet(tmp_path / "new" / "quantiles.parquet")
    pd.testing.assert_frame_equal(back, found.quantile_table(), check_dtype=False)
    trajectories = pd.read_parquet(tmp_path / "new" / "trajectories.parquet")
    one = trajectories[(trajectories["ID"] == 4) & (trajectories["output"] == "s-norketamine")]
    assert list(one["time_h"]) == list(np.arange(13.0))
    np.testing.assert_array_equal(one["value"], found.arm("a").simulation.values[1, :, 3])
    assert one["value"].max() <= found.patients["s-norketamine.cmax"][3]


def test_trajectories_only_when_asked_for(tmp_path):
    found = run(f"a: [{SINGLE}]")
    assert len(found.trajectory_table()) == 0
    found.to_parquet(tmp_path)
    assert not (tmp_path / "trajectories.parquet").exists()


def test_progress_is_told_arm_by_arm():
    told = []
    study(f"a: [{SINGLE}]", "p: []").run(progress=told.append)
    assert told == ["a: 8 people, 1 doses", "p: 8 people, 0 doses"]


def test_residual_error_widens_the_bands_and_leaves_the_endpoints():
    big = "{size: 200, age: 25 years, weight: 70 kg}"
    plain = run(f"a: [{SINGLE}]", population=big)
    noisy = run(f"a: [{SINGLE}]", population=big, more="residual_error: true\n")
    for found in (plain, noisy):
        assert not found.quantiles.isnull().any()
    at = {"arm": "a", "output": "s-ketamine", "time": 2.0}
    width = [float(f.sel(**at, quantile=0.95) - f.sel(**at, quantile=0.05)) for f in (plain, noisy)]
    assert width[1] > 1.2 * width[0]
    pd.testing.assert_frame_equal(plain.patients, noisy.patients)


# Readout times


@pytest.mark.parametrize(
    ("horizon", "every", "count", "last"),
    [
        (12.0, 1.0, 13, 12.0), (12.0, 5.0, 4, 12.0), (2016.0, 1.0, 2017, 2016.0),
        (0.3, 0.1, 4, 0.3), (1.0, 7.0, 2, 1.0), (24.0, 5 / 60, 289, 24.0),
    ],
)  # fmt: skip
def test_readouts_go_to_the_horizon(horizon, every, count, last):
    times = readout_times(horizon, every)
    assert len(times) == count
    assert times[0] == 0.0
    assert times[-1] == pytest.approx(last, rel=1e-12)
    assert np.all(np.diff(times) > 1e-6 * every)


@pytest.mark.parametrize("horizon", [0.01, 1.0, 24.0, 2016.0, 8766.0, 50_000.0])
def test_a_study_without_output_every_gets_a_sensible_number(horizon):
    times = readout_times(horizon, None)
    assert 1 < len(times) < 2200
    assert times[-1] == pytest.approx(horizon)


def test_an_interacting_drug_chooses_a_model_that_has_its_effect():
    text = """\
study: with
population: {size: 3}
horizon: 1 day
arms:
  alone: [{drug: s-ketamine, route: iv, amount: 10 mg}]
  with:
    - {drug: s-ketamine, route: iv, amount: 10 mg}
    - {drug: clarithromycin, from: 0 h}
seed: 1
"""
    found = loads(text).run()
    assert found.arm("alone").model.name == "fanta2015+otto2021"
    assert found.arm("with").model.name == "ashraf2018"
    assert "clarithromycin" in found.arm("with").why
