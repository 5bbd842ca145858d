"""Pain in the report: what is drawn, what is said, and that every number comes from the result."""

import json
import re
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

import antalgic
from antalgic.errors import InputError
from antalgic.evidence import findings
from antalgic.model import mechanism as mechanisms
from antalgic.model.harm import READOUTS
from antalgic.report import (
    figures,
    mechanism_page,
    output,
    page,
    pain_page,
    pain_panels,
    relief,
    trials,
)

ARMS = """\
  ketamine:
    - {drug: s-ketamine, route: iv, rate: 5 mg/h, scale: per 70 kg, for: 100 h,
       titrate: {every: 8 h, up: 5 mg/h, max: 20 mg/h}}
  placebo:
    - {drug: placebo, route: iv, for: 100 h}
"""
TRIAL = f"""\
study: trial
question: Does it last?
condition: crps
population: {{size: 48}}
horizon: 4 weeks
output_every: 4 h
seed: 1
arms:
{ARMS}"""
RIVALS = TRIAL + "models: {mechanism: [sensitization, block]}\n"
EXPLORATORY = TRIAL.replace("crps", "osteoarthritis")
TYPICAL = TRIAL.replace("size: 48", "typical: true")
SHORT = TRIAL.replace("4 weeks", "3 days").replace("for: 100 h", "for: 10 h")
ALONE = TRIAL.replace(ARMS, "  placebo:\n    - {drug: placebo, route: iv, for: 100 h}\n")
HARMS = (
    SHORT
    + """\
outputs: [pain, s-ketamine, dissociation, sedation, systolic, diastolic, arterial-pressure,
          heart-rate, cardiac-output, ventilation, desaturation, nausea, vomiting, dizziness,
          somnolence, psychomimetic]
"""
)
ALL = (TRIAL, RIVALS, EXPLORATORY, TYPICAL, SHORT, ALONE, HARMS)


@cache
def result(text: str) -> antalgic.Result:
    return antalgic.loads(text).run(threads=1)


@cache
def html(text: str) -> str:
    return page.html(result(text), {})


def said(text: str) -> str:
    """The words of the page."""
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", html(text), flags=re.S).split())


@cache
def axes(text: str, layout: str = "wide") -> dict[str, matplotlib.axes.Axes]:
    figure = figures.pain(result(text), layout=layout)  # type: ignore[arg-type]
    return {str(a.get_gid()): a for a in figure.axes}


# Published values


def test_points_are_those_of_the_trial_of_the_same_design() -> None:
    found = trials.published(result(TRIAL))
    printed = {f.id: f for f in findings.load("sigtermans2009").findings}
    first = next(p for p in found.points if (p.arm, p.over) == ("ketamine", None))
    wanted = printed["week 1 on ketamine"]
    assert (first.value, first.se, first.time_h) == (wanted.value, wanted.se, wanted.at)
    assert found.sizes == {"ketamine": 30, "placebo": 30}
    assert {p.over for p in found.points} == {None, "placebo"}
    assert {s.relief for s in found.shares} == {0.5}
    # a finding after the end of the study is not shown
    assert all(p.time_h <= 4 * 168 for p in found.points)


@pytest.mark.parametrize(
    "change", [("max: 20 mg/h", "max: 25 mg/h"), ("crps", "fibromyalgia"), ("100 h", "90 h")]
)
def test_another_design_has_no_points(change: tuple[str, str]) -> None:
    assert trials.published(result(TRIAL.replace(*change))).points == ()


def test_points_are_drawn_with_their_standard_error() -> None:
    pain = axes(TRIAL)["pain"]
    marks = {
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]))
        for line in pain.lines
        if "published" in str(line.get_gid())
    }
    points = [p for p in trials.published(result(TRIAL)).points if p.over is None]
    assert marks == {(p.time_h / 24, p.value) for p in points} and len(marks) == 2
    whiskers = [
        tuple(path.vertices[:, 1])
        for bars in pain.containers
        for path in bars[2][0].get_paths()  # type: ignore[index]
    ]
    wanted = sorted((p.value - p.se, p.value + p.se) for p in points if p.se)
    np.testing.assert_allclose(sorted(whiskers), wanted)
    gap = axes(TRIAL)["difference"]
    assert sum("published" in str(line.get_gid()) for line in gap.lines) == 1


# Curves


def test_medians_means_and_difference_are_those_of_the_result() -> None:
    found = result(TRIAL)
    lines = [np.asarray(line.get_ydata()) for line in axes(TRIAL)["pain"].lines]
    for arm in ("ketamine", "placebo"):
        median = found.sel(arm=arm, output="pain", quantile=0.5).values
        mean = found.mean.sel(arm=arm, output="pain").values
        for curve in (median, mean):
            assert any(len(y) > 5 and y[-1] == curve[-1] and np.isin(y, curve).all() for y in lines)
    gap = next(np.asarray(line.get_ydata()) for line in axes(TRIAL)["difference"].lines)
    means = found.mean.sel(output="pain")
    exact = means.sel(arm="ketamine") - means.sel(arm="placebo")
    assert gap[-1] == float(exact[-1])
    assert gap.min() == float(exact.min())


def test_treatment_is_shaded_as_long_as_it_lasts() -> None:
    for name in ("pain", "difference", "sensitization", "mood"):
        ground = next(p for p in axes(TRIAL)[name].patches if "treated" in str(p.get_gid()))
        box = ground.get_extents().transformed(axes(TRIAL)[name].transData.inverted())
        assert (box.x0, box.x1) == pytest.approx((0.0, 100 / 24))


def test_panels_of_a_study_and_of_rivals() -> None:
    assert list(axes(TRIAL)) == [
        "key", "pain", "difference", "beginning", "sensitization", "blood", "mood",
    ]  # fmt: skip
    assert list(axes(TRIAL, "narrow"))[3:] == ["beginning", "blood", "sensitization", "mood"]
    assert list(axes(RIVALS)) == [
        "key", "pain-sensitization", "difference-sensitization", "pain-block", "difference-block",
    ]  # fmt: skip
    for name, panel in axes(RIVALS).items():
        if name != "key":
            assert any("published" in str(line.get_gid()) for line in panel.lines), name
    assert "beginning" not in axes(SHORT)
    assert list(axes(ALONE)) == ["key", "pain", "beginning", "sensitization", "mood"]


def test_every_harm_that_is_asked_for_has_its_panel() -> None:
    asked = antalgic.loads(HARMS).outputs
    assert asked is not None and set(READOUTS) < set(asked)
    found = axes(HARMS)
    assert set(READOUTS) <= set(found)
    for name in READOUTS:
        rows = result(HARMS).quantiles.sel(output=name, quantile=[0.25, 0.75])
        low, high = found[name].get_ylim()
        assert low <= float(rows.min()) and high >= float(rows.max()), name
    # what is never near nothing does not lie flat at the top of its axis
    assert found["systolic"].get_ylim()[0] > 80
    assert found["dissociation"].get_ylim()[0] == 0


def test_every_output_has_a_title_and_an_axis() -> None:
    for name in mechanisms.OUTPUTS:
        assert pain_panels.title(name) and pain_panels.label(name)


@pytest.mark.parametrize("text", ALL)
@pytest.mark.parametrize("layout", ["wide", "narrow"])
def test_text_stays_on_the_sheet_and_apart(text: str, layout: str) -> None:
    figure: Figure = figures.pain(result(text), layout=layout)  # type: ignore[arg-type]
    figure.canvas.draw()
    sheet = figure.bbox
    boxes = []
    for part in figure.findobj(matplotlib.text.Text):
        if not part.get_text() or not part.get_visible():
            continue
        box = part.get_window_extent()
        if box.width == 0:
            continue
        assert box.x0 >= sheet.x0 - 1 and box.x1 <= sheet.x1 + 1, part.get_text()
        assert box.y0 >= sheet.y0 - 1 and box.y1 <= sheet.y1 + 1, part.get_text()
    for panel in figure.axes:
        boxes += [t for t in (panel.title, panel._left_title, panel.xaxis.label) if t.get_text()]
    spans = [(t.get_text(), t.get_window_extent()) for t in boxes]
    for i, (a, first) in enumerate(spans):
        for b, second in spans[i + 1 :]:
            assert not first.padded(-1).overlaps(second.padded(-1)), (a, b)


def test_a_result_plots_its_pain(tmp_path: Path) -> None:
    assert "pain" in {a.get_gid() for a in result(TRIAL).plot(tmp_path / "pain.png").axes}
    assert (tmp_path / "pain.png").stat().st_size > 10_000
    with pytest.raises(InputError, match="pain is not among the outputs"):
        figures.pain(result(TRIAL + "outputs: [mood]\n"))


# Words and tables


@pytest.mark.parametrize("text", ALL)
def test_the_page_has_pain_and_no_number_is_missing(text: str) -> None:
    assert 'id="h-pain"' in html(text)
    assert not re.search(r"\b(nan|inf|None)\b", said(text))
    ids = re.findall(r'\bid="([^"]+)"', html(text))
    assert len(ids) == len(set(ids))


def test_the_table_by_week_is_that_of_the_patients() -> None:
    found, people = result(TRIAL), result(TRIAL).patients
    pain = pain_page.gather(found)
    assert pain is not None
    assert pain.visits == ("start", "week 1", "week 2", "week 4")
    groups = {group.title: dict(group.rows) for group in pain.groups}
    own = people[people.ARM == "ketamine"].reset_index()
    other = people[people.ARM == "placebo"].reset_index()
    cell = groups["Pain, 0 to 10"]["ketamine"][1]
    assert cell.main == f"{own['pain.week1'].mean():.1f}"
    assert cell.below == (f"SD {own['pain.week1'].std():.1f}",)
    assert cell.published == "2.7 ± 0.5"
    gap = groups["Difference"]["ketamine less placebo"][1]
    both = own["pain.week1"] - other["pain.week1"]
    se = np.sqrt(own["pain.week1"].var() / 30 + other["pain.week1"].var() / 30)
    assert gap.main == f"\u2212{-both.mean():.1f}"
    assert gap.below == (f"SD {both.std():.1f}", f"SE {se:.1f}")
    assert gap.published == "\u22122.8 ± 0.7"
    share = groups["At least 50 % relief"]["ketamine"][1]
    assert share.main == f"{100 * (own['relief.week1'] >= 0.5).mean():.0f} %"
    assert share.published == "67 ± 10 %"
    assert any("Week 1 difference: same data" in text for text in pain.remarks)
    assert pain.remarks[0] in said(TRIAL)
    assert cell.main in said(TRIAL) and gap.published in said(TRIAL)


def test_the_first_sentence_is_about_pain() -> None:
    text = pain_page.summary(result(TRIAL))
    assert text.startswith("In 48 simulated people with complex regional pain syndrome, mean pain")
    level = relief.column(result(TRIAL), result(TRIAL).arm("placebo"), "pain.week1").mean()
    assert f"to {level:.1f} under “placebo” at week 1." in text
    assert text in said(TRIAL)


def test_each_mechanism_says_what_it_gives() -> None:
    pain = pain_page.gather(result(RIVALS))
    assert pain is not None
    assert [rival.name for rival in pain.rivals] == ["sensitization", "block"]
    for rival in pain.rivals:
        assert rival.says[1:-1] in mechanisms.load(rival.name).says
        assert rival.found in said(RIVALS)
    assert pain.verdict in said(RIVALS)
    assert pain_page.summary(result(RIVALS)).startswith("Two mechanisms put the difference in mean")


def test_what_is_the_same_under_each_mechanism_is_said_once() -> None:
    drug, placebo = result(RIVALS).arms[:2], result(RIVALS).arms[2:]
    cells = {arm.name: (pain_page.Cell(arm.name),) for arm in drug}
    lines = [(arm, "ketamine", cells[arm.name]) for arm in drug]
    lines += [(arm, "placebo", (pain_page.Cell("5.3"),)) for arm in placebo]
    assert [name for name, _ in pain_page._rows(result(RIVALS), lines)] == [
        "ketamine, sensitization", "ketamine, block", "placebo, each mechanism",
    ]  # fmt: skip


def test_how_sure_counts_every_value_once() -> None:
    pain = pain_page.gather(result(TRIAL))
    assert pain is not None
    (sure,) = pain.sure
    values = pain_page.values("sensitization", "crps")
    assert sum(count for _, count in sure.grades) == sure.total == len(values)
    assert dict(sure.grades)["D"] == sum(v.grade == "D" for v in values.values())
    assert set(sure.assumed) == {n for n, v in values.items() if v.how == "assumed"}
    assert {"I_e", "tau_r", "g_S"} <= set(values)


def test_a_condition_without_trials_is_exploratory() -> None:
    words = said(EXPLORATORY)
    assert "Pain under “ketamine” is exploratory" in words
    assert "of ketamine: osteoarthritis: not graded" in words
    assert words.count("ketamine (exploratory)") == 3
    assert words.count("relief, week 1 (exploratory)") == 2
    assert "xploratory" not in said(TRIAL)


def test_what_is_exploratory_is_marked_in_figure_table_and_summary() -> None:
    found = axes(EXPLORATORY)
    assert found["pain"].get_title(loc="left") == "Pain (exploratory)"
    assert "exploratory: pain of ketamine" in [t.get_text() for t in found["key"].texts]
    assert found["blood"].get_title(loc="left") == "S-ketamine in blood"
    assert axes(TRIAL)["pain"].get_title(loc="left") == "Pain"
    rows = output.pain_rows(result(EXPLORATORY))
    assert [row["exploratory"] for row in rows] == [True, False]
    made = output.manifest(result(EXPLORATORY), "antalgic run trial.yaml")
    assert list(made["exploratory"]) == ["ketamine"]
    assert output.manifest(result(TRIAL), "antalgic run trial.yaml")["exploratory"] == {}


# The command


def test_the_summary_has_pain_by_week() -> None:
    rows = output.pain_rows(result(TRIAL))
    assert [row["arm"] for row in rows] == ["ketamine", "placebo"]
    assert list(rows[0]["visits"]) == ["week 1", "week 4"]
    week = rows[0]["visits"]["week 1"]
    own = relief.column(result(TRIAL), result(TRIAL).arm("ketamine"), "relief.week1")
    assert week["responders_50"] == float(np.mean(own >= 0.5))
    assert list(output.pain_rows(result(SHORT))[0]["visits"]) == ["72 h"]
    two_weeks = output.pain_rows(result(TRIAL.replace("4 weeks", "2 weeks")))
    assert list(two_weeks[0]["visits"]) == ["week 1", "week 2"]
    assert output.pain_rows(result(TRIAL + "outputs: [s-ketamine]\n")) == []


def test_the_manifest_names_mechanisms_and_hashes_their_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = output.manifest(result(RIVALS), "")
    assert made["mechanisms"] == ["sensitization", "block"]
    assert made["condition"] == "crps"
    blood = output.manifest(result(TRIAL + "outputs: [s-ketamine]\n"), "")
    assert blood["parameter_hash"] != made["parameter_hash"]
    real = mechanisms.placebo
    monkeypatch.setattr(mechanisms, "placebo", lambda *a: {k: v + 0.1 for k, v in real(*a).items()})
    assert output.manifest(result(RIVALS), "")["parameter_hash"] != made["parameter_hash"]


def test_a_mechanism_in_full() -> None:
    found = mechanism_page.describe("block")
    assert [row.name for row in found.parameters if row.name == "tau_r"] == []
    g_N = next(row for row in found.parameters if row.name == "g_N")
    known = mechanisms.parameters("block")["g_N"].known
    assert (g_N.value, g_N.how, g_N.grade, g_N.unit) == (known.text, known.how, known.grade, "1")
    assert "nociception" in found.circuit and "sensitization" not in found.outputs
    assert json.loads(json.dumps(mechanism_page.to_json(found)))["name"] == "block"
