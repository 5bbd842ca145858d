from collections.abc import Iterator
from functools import cache
from itertools import combinations
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import antalgic
from antalgic.errors import InputError
from antalgic.report import curves, figures, style
from antalgic.report.window import window, words_of

INFUSION = """
study: infusion
question: What is left after an infusion?
population: {size: 40, weight: {mean: 75 kg, sd: 8 kg}, age: 25 years}
horizon: 12 weeks
arms:
  ketamine: [{drug: s-ketamine, route: iv, rate: 20 mg/h, scale: per 70 kg, for: 100 h}]
  placebo: [{drug: placebo, route: iv, for: 100 h}]
seed: 1
"""
COHORT = """
study: cohort
population: {size: 40, weight: {mean: 70 kg, sd: 8 kg}, age: 23 years}
horizon: 12 h
arms:
  drug: [{drug: s-ketamine, route: iv, amount: 10 mg, for: 30 min}]
seed: 1
"""
MODELS = """
study: models
population: {size: 30}
horizon: 8 h
arms:
  infusion: [{drug: s-ketamine, route: iv, amount: 0.5 mg/kg, for: 40 min}]
models: {pharmacokinetics: [simons2022, fanta2015+otto2021, kamp2020]}
outputs: [s-ketamine]
seed: 1
"""
TYPICAL = """
study: typical
population: {typical: true}
horizon: 6 h
arms:
  film, then vein:
    - {drug: s-ketamine, route: film, amount: 50 mg}
    - {drug: s-ketamine, route: iv, amount: 20 mg, for: 20 min, at: 4 h}
seed: 1
"""
NOTHING = """
study: nothing
population: {size: 20}
horizon: 1 day
arms: {wrong hand: [{drug: s-ketamine, route: iv, amount: 10 mg}]}
models: {pharmacokinetics: kamp2020}
outputs: [r-ketamine]
seed: 1
"""


@cache
def result(text: str) -> antalgic.Result:
    return antalgic.loads(text).run(threads=1)


def axes_by_name(figure: Figure) -> dict[str, matplotlib.axes.Axes]:
    return {str(axes.get_gid()): axes for axes in figure.axes}


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def test_a_study_has_a_regimen_a_key_and_two_axes_per_analyte() -> None:
    found = axes_by_name(figures.study(result(INFUSION)))
    assert list(found) == [
        "key", "regimen-1", "s-ketamine-linear", "s-ketamine-log", "s-norketamine-linear",
        "s-norketamine-log",
    ]  # fmt: skip
    assert found["s-ketamine-log"].get_yscale() == "log"
    assert found["s-ketamine-linear"].get_yscale() == "linear"
    assert found["s-ketamine-linear"].get_ylabel() == "concentration (ng/mL)"
    assert found["s-norketamine-log"].get_xlabel() == "time (days)"
    assert found["regimen-1"].get_ylabel() == "rate (mg/h\nper 70 kg)"
    limits = {axes.get_xlim() for name, axes in found.items() if name != "key"}
    assert len(limits) == 1


def test_the_median_and_both_bands_are_the_quantiles() -> None:
    study = result(COHORT)
    axes = axes_by_name(figures.study(study))["s-ketamine-linear"]
    median = next(line for line in axes.lines if line.get_gid() is None)
    times, drawn = np.asarray(median.get_xdata()), np.asarray(median.get_ydata())
    exact = study.sel(arm="drug", output="s-ketamine", quantile=0.5)
    assert np.array_equal(drawn, exact.sel(time=times, method="nearest").values)
    between = np.interp(exact.time.values, times, drawn)
    assert np.abs(between - exact.values).max() < 0.002 * 1.1 * float(study.quantiles.max())
    tops = sorted(float(band.get_paths()[0].vertices[:, 1].max()) for band in axes.collections[:2])
    peaks = study.sel(arm="drug", output="s-ketamine").max("time")
    assert tops == pytest.approx([float(peaks.sel(quantile=q)) for q in (0.75, 0.95)])


def test_the_regimen_steps_at_its_rate_and_ends_with_it() -> None:
    axes = axes_by_name(figures.study(result(INFUSION)))["regimen-1"]
    step = axes.lines[0]
    x, y = np.asarray(step.get_xdata()), np.asarray(step.get_ydata())
    assert y.max() == 20.0
    assert x[np.flatnonzero(y)[-1] + 1] == pytest.approx(100 / 24)
    assert axes.get_title(loc="left") == "S-ketamine IV"


def test_single_doses_and_rates_have_panels_of_their_own() -> None:
    found = axes_by_name(figures.study(result(TYPICAL)))
    labels = {found[name].get_ylabel() for name in ("regimen-1", "regimen-2")}
    assert labels == {"dose (mg)", "rate (mg/h)"}
    assert "one typical person" in texts(figures.study(result(TYPICAL)))
    assert not found["s-ketamine-linear"].collections  # no band for one person


def test_a_long_quiet_end_is_cut_and_said() -> None:
    study = result(INFUSION)
    seen = window(study, study.outputs)
    assert seen.quiet is not None and 100 < seen.quiet < seen.end < 14 * 24
    for output in study.outputs:
        upper = study.sel(arm="ketamine", output=output, quantile=0.95)
        later = upper.where(upper.time > seen.quiet, drop=True)
        assert float(later.max()) <= 1e-3 * float(upper.max())
    drawn = texts(figures.study(study)).replace("\n", " ")
    assert "No measurable drug after day" in drawn
    assert "the study runs to 12 weeks" in drawn


def test_a_course_that_is_still_measurable_is_shown_whole() -> None:
    study = result(COHORT)
    seen = window(study, study.outputs)
    assert (seen.end, seen.quiet, seen.said, seen.unit.name) == (12.0, None, None, "h")


def test_equal_doses_are_drawn_until_they_are_steady() -> None:
    text = TYPICAL.replace("6 h", "4 weeks").replace("at: 4 h", "at: 4 h, every: 8 h")
    study = result(text.replace("    - {drug: s-ketamine, route: film, amount: 50 mg}\n", ""))
    seen = window(study, study.outputs)
    assert seen.block == 24.0 and 72 <= seen.end <= 7 * 24
    median = study.sel(quantile=0.5).isel(arm=0)
    for output in study.outputs:
        curve = median.sel(output=output)
        last = curve.where((curve.time > seen.end - 24) & (curve.time <= seen.end)).max()
        later = curve.where(curve.time > seen.end).max()
        assert float(later) == pytest.approx(float(last), rel=0.03)
    assert "daily peaks stay within 3 %" in str(seen.said)


def test_placebo_is_named_but_not_drawn() -> None:
    figure = figures.study(result(INFUSION))
    assert "placebo: no drug" in texts(figure)
    assert list(figures.strokes(result(INFUSION))) == ["ketamine"]


def test_what_stays_at_zero_is_said() -> None:
    figure = figures.study(result(NOTHING))
    assert not figure.axes
    assert "R-ketamine: zero in every arm" in texts(figure)


def test_published_values_are_drawn_with_their_spread() -> None:
    axes = axes_by_name(figures.study(result(COHORT)))["s-ketamine-linear"]
    marks = {str(line.get_gid()): line for line in axes.lines if line.get_gid()}
    first = marks["s-ketamine-linear-observed-O134"]
    assert (first.get_xdata()[0], first.get_ydata()[0]) == (0.5, 56.0)
    assert len(marks) == 8
    whiskers = [c for c in axes.collections if c.get_gid() is None and len(c.get_paths()) == 1]
    ends = [c.get_paths()[0].vertices[:, 1].tolist() for c in whiskers]
    assert pytest.approx([50.4, 61.6]) in ends
    assert "CHDR1311" in texts(figures.study(result(COHORT)))


def test_models_are_named_at_their_curves_with_their_site() -> None:
    figure = figures.study(result(MODELS))
    log = axes_by_name(figure)["s-ketamine-log"]
    names = [t.get_text() for t in log.texts]
    assert names == ["simons2022\narterial", "fanta2015+otto2021\nvenous", "kamp2020\narterial"]
    heights = sorted(t.get_position()[1] for t in log.texts)
    assert np.diff(heights).min() > 0.1
    assert len(log.collections) == 3  # thin bands, one a model
    same = figures.comparison(result(MODELS))
    assert [str(a.get_gid()) for a in same.axes] == [str(a.get_gid()) for a in figure.axes]


def test_curves_differ_in_hue_and_in_dashes() -> None:
    used = [(s.colour, str(s.dash)) for s in style.STROKES]
    assert len({colour for colour, _ in used}) == len({dash for _, dash in used}) == len(used)


def test_text_and_marks_stay_on_the_figure() -> None:
    for text in (INFUSION, COHORT, MODELS, TYPICAL):
        for layout in figures.LAYOUT_NAMES:
            figure = figures.study(result(text), layout=layout)
            figure.canvas.draw()
            page = figure.bbox
            for part in figure.findobj(matplotlib.text.Text):
                if part.get_text() and part.get_visible():
                    box = part.get_window_extent()
                    assert box.x0 >= 0 and box.y0 >= 0, part
                    assert box.x1 <= page.x1 + 1 and box.y1 <= page.y1 + 1, part


@pytest.mark.parametrize("text", [INFUSION, MODELS, TYPICAL])
def test_panels_with_their_titles_and_labels_keep_apart(text: str) -> None:
    figure = figures.study(result(text))
    figure.canvas.draw()
    boxes = {str(a.get_gid()): a.get_tightbbox() for a in figure.axes if a.get_gid() != "key"}
    for (one, first), (two, second) in combinations(boxes.items(), 2):
        assert first is not None and second is not None
        assert not first.overlaps(second), (one, two)


def test_a_narrow_figure_stacks_its_axes() -> None:
    figure = figures.study(result(COHORT), layout="narrow")
    lefts = {round(axes.get_position().x0, 6) for axes in figure.axes}
    assert len(lefts) == 1


def test_one_output_and_no_logarithm_can_be_asked_for() -> None:
    figure = figures.study(result(COHORT), output="s-norketamine", log=False)
    assert list(axes_by_name(figure)) == ["key", "regimen-1", "s-norketamine-linear"]
    with pytest.raises(InputError, match="no output 'pain', expected one of s-ketamine, s-nork"):
        figures.study(result(COHORT), output="pain")


def test_files_say_what_they_are_and_are_the_same_each_time(tmp_path: Path) -> None:
    for suffix in ("png", "svg", "pdf"):
        first, second = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
        figures.study(result(COHORT), first, command="antalgic run cohort.yaml --out x")
        figures.study(result(COHORT), second, command="antalgic run cohort.yaml --out x")
        assert first.read_bytes() == second.read_bytes(), suffix
    with Image.open(tmp_path / "a.png") as image:
        about = image.info
    assert about["Software"] == f"antalgic {antalgic.__version__}"
    assert about["Title"] == "cohort"
    assert about["Seed"] == "1"
    assert about["Models"] == "fanta2015+otto2021"
    assert about["Command"] == "antalgic run cohort.yaml --out x"
    assert "seed: 1" in (tmp_path / "a.svg").read_text(encoding="utf-8").lower()
    with pytest.raises(InputError, match=r"expected one that ends in \.png, \.svg or \.pdf"):
        figures.study(result(COHORT), tmp_path / "a.jpeg")


def test_dollars_in_a_name_are_no_formula() -> None:
    text = COHORT.replace("study: cohort", "study: a $x^2$ b").replace("drug: [", "$y_1$: [", 1)
    assert "a $x^2$ b" in texts(figures.study(result(text)))


def test_matplotlib_keeps_its_own_settings() -> None:
    before = dict(matplotlib.rcParams)
    figures.study(result(COHORT))
    assert dict(matplotlib.rcParams) == before


def curves_to_thin() -> Iterator[np.ndarray]:
    x = np.linspace(0, 10, 500)
    yield np.array([np.exp(-x), x * np.exp(-x)])
    yield np.array([np.where((x > 3) & (x < 3.2), 1.0, 0.0)])


@pytest.mark.parametrize("rows", list(curves_to_thin()))
def test_thinned_curves_stay_within_the_tolerance(rows: np.ndarray) -> None:
    x = np.linspace(0, 10, 500)
    kept = curves.thinned(x, rows, 0.002)
    assert len(kept) < 250
    for row in rows:
        assert np.abs(np.interp(x, x[kept], row[kept]) - row).max() <= 0.002


def test_labels_are_spread_in_order() -> None:
    places = curves.spread([0.5, 0.5, 0.9, 0.52], 0.1, 0.0, 1.0)
    assert sorted(places)[1:] == pytest.approx(np.array(sorted(places)[:-1]) + 0.1, abs=0.21)
    assert np.diff(sorted(places)).min() >= 0.1 - 1e-12
    assert max(places) == places[2] and max(places) <= 1.0


@pytest.mark.parametrize(
    ("hours", "said"),
    [(0.5, "30 min"), (1, "1 h"), (100, "100 h"), (24, "24 h"), (336, "2 weeks"), (120, "5 days"),
     (577, "24.0 days"), (168, "1 week")],
)  # fmt: skip
def test_times_are_said_in_a_fitting_unit(hours: float, said: str) -> None:
    assert words_of(hours) == said
