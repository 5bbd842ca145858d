"""`antalgic screen` as a process: the flow it prints, its JSON, how it fails."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

STUDY = """\
study: small
condition: crps
population: {size: 600}
horizon: 4 weeks
arms:
  once:
    - {drug: s-ketamine, route: iv, rate: 10 mg/h, for: 4 h}
  placebo:
    - {drug: placebo, route: iv, for: 4 h}
seed: 1
"""
WEEKLY = (
    "    - {drug: s-ketamine, route: iv, rate: 10 mg/h, for: 4 h, at: [0 h, 7 days, 14 days]}\n"
)


def screen(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "antalgic.cli", "screen", *arguments],
        capture_output=True, text=True, timeout=300, env={**os.environ, "COLUMNS": "120"},
    )  # fmt: skip


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(STUDY)
    return path


def test_it_prints_the_flow_with_grades_and_sources(study: Path) -> None:
    found = screen(str(study))
    assert found.returncode == 0, found.stderr
    assert "600 candidates" in found.stdout
    for words in (
        "poorly controlled cardiovascular disease", "B, low", "active psychosis", "pregnancy",
        "taken as a resting pressure of 160/100", "electrocardiogram", "Cohen SP", "moreno2018",
    ):  # fmt: skip
        assert words in found.stdout, words


def test_json_adds_up(study: Path) -> None:
    found = screen(str(study), "--json")
    assert found.returncode == 0, found.stderr
    data = json.loads(found.stdout)
    assert data["guideline"] == "asra2018"
    assert data["candidates"] == data["left_out"] + data["remain"] == 600
    assert sum(rule["left_out"] for rule in data["rules"]) == data["left_out"] > 0
    assert data["groups"]["left out"]["people"] == data["left_out"]
    assert 6.5 < data["groups"]["remain"]["pain"]["mean"] < 7.5
    for rule in data["rules"]:
        assert rule["left_out"] <= rule["meet"]
        assert rule["source"] in data["sources"]


def test_substance_use_leaves_out_of_a_series_only(study: Path) -> None:
    once = json.loads(screen(str(study), "--json").stdout)
    first = "    - {drug: s-ketamine, route: iv, rate: 10 mg/h, for: 4 h}\n"
    assert first in STUDY
    study.write_text(STUDY.replace(first, WEEKLY, 1))
    again = json.loads(screen(str(study), "--json").stdout)
    assert (once["repeated_in"], again["repeated_in"]) == ([], ["once"])
    ruled = [next(r for r in data["rules"] if r["id"] == "substance-use") for data in (once, again)]
    assert ruled[0]["meet"] == ruled[1]["meet"] > 30
    assert (ruled[0]["left_out"], ruled[1]["left_out"] > 30) == (0, True)


def test_a_guideline_without_rules_says_so(study: Path) -> None:
    found = screen(str(study), "--guideline", "anzca2021")
    assert found.returncode == 0, found.stderr
    assert "600 candidates, 0 left out" in found.stdout
    assert "list no contraindications" in " ".join(found.stdout.split())


@pytest.mark.parametrize(
    ("old", "new", "arguments", "message"),
    [
        ("", "", ["--guideline", "asra"], "unknown guideline 'asra'; did you mean 'asra2018'?"),
        ("{size: 600}", "{typical: true}", [], "give size or file instead"),
        ("{size: 600}", "{size: 9, children: true}", [], "those of adults, from 18 years"),
        ("condition: crps", "condition: crbs", [], "did you mean 'crps'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    study: Path, old: str, new: str, arguments: list[str], message: str
) -> None:
    study.write_text(STUDY.replace(old, new) if old else STUDY)
    found = screen(str(study), *arguments)
    assert found.returncode == 2
    assert found.stdout == ""
    assert len(found.stderr.strip().splitlines()) == 1
    assert message in found.stderr


def test_a_study_of_screened_people_shows_whom_it_drew_from(study: Path) -> None:
    plain = json.loads(screen(str(study), "--json").stdout)
    study.write_text(STUDY.replace("{size: 600}", "{size: 600, screened: asra2018}"))
    kept = json.loads(screen(str(study), "--json").stdout)
    assert kept["left_out"] == plain["left_out"] > 0


def test_what_a_session_would_do_to_those_left_out(study: Path) -> None:
    study.write_text(STUDY.replace("{size: 600}", "{size: 3000}"))
    data = json.loads(screen(str(study), "--guideline", "spravato", "--json").stdout)
    drug, placebo = data["sessions"]
    assert (drug["arm"], placebo["arm"]) == ("once", "placebo")
    assert (drug["begin_h"], drug["end_h"]) == (0, 4)
    severe = "systolic pressure above 180 mmHg"
    by, remain = drug["groups"]["by pressure"], drug["groups"]["remain"]
    assert by["harms"][severe] / by["people"] > 5 * remain["harms"][severe] / remain["people"]
    assert by["systolic_peak_mmHg"] > remain["systolic_peak_mmHg"] + 20
    for name, group in drug["groups"].items():
        assert group["people"] >= placebo["groups"][name]["harms"][severe]
        assert group["harms"]["dissociation"] > placebo["groups"][name]["harms"]["dissociation"]
    assert data["groups"]["left out"]["people"] == drug["groups"]["left out"]["people"]
    assert any("unborn child" in line and "no number" in line for line in data["not_known"])


def test_without_a_painful_condition_no_session_is_made_up(study: Path) -> None:
    study.write_text(STUDY.replace("condition: crps\n", ""))
    found = screen(str(study))
    assert found.returncode == 0, found.stderr
    assert "Not simulated: the study has no condition that hurts" in found.stdout
    assert json.loads(screen(str(study), "--json").stdout)["sessions"] == []
