"""The command as a process: what it prints, what it writes, how it fails."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from antalgic import cli

STUDY = """\
study: small
population: {size: 20, weight: 70 kg}
horizon: 6 h
output_every: 1 h
arms:
  ketamine:
    - {drug: s-ketamine, route: iv, rate: 20 mg/h, for: 2 h}
  placebo:
    - {drug: placebo, route: iv, for: 2 h}
seed: 1
"""


def antalgic(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "antalgic.cli", *arguments],
        capture_output=True, text=True, cwd=cwd, timeout=300, env={**os.environ, "COLUMNS": "120"},
    )  # fmt: skip


def inside(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command run in this process (a new one costs seconds)."""
    monkeypatch.setattr(sys, "argv", ["antalgic", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out, printed.err


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(STUDY)
    return path


def test_help_names_every_command_and_does_not_load_the_science() -> None:
    found = antalgic("--help")
    assert found.returncode == 0
    for command in (
        "run", "models", "mechanisms", "regimens", "conditions", "validate", "screen",
        "responders", "sensitivity", "bench",
    ):  # fmt: skip
        assert command in found.stdout
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, antalgic.cli; print(*sys.modules)"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert not {"numpy", "numba", "pandas", "pydantic", "matplotlib", "xarray"} & set(loaded)


def test_run_writes_report_tables_and_manifest(study: Path, tmp_path: Path) -> None:
    found = antalgic("run", str(study), "--out", str(tmp_path / "out"))
    assert found.returncode == 0, found.stderr
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"report.html", "quantiles.parquet", "patients.parquet", "manifest.json"}
    bands = pd.read_parquet(tmp_path / "out" / "quantiles.parquet")
    assert list(bands.columns) == [
        "arm", "time_h", "output", "unit", "q05", "q25", "q50", "q75", "q95", "mean",
    ]  # fmt: skip
    assert not bands.isna().any().any()
    people = pd.read_parquet(tmp_path / "out" / "patients.parquet")
    assert len(people) == 40
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["seed"] == 1
    assert manifest["arms"]["ketamine"]["model"] == "fanta2015+otto2021"
    assert manifest["text"] == STUDY
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_trajectories_only_when_asked(study: Path, tmp_path: Path) -> None:
    assert (
        antalgic("run", str(study), "--out", str(tmp_path / "o"), "--trajectories").returncode == 0
    )
    curves = pd.read_parquet(tmp_path / "o" / "trajectories.parquet")
    assert set(curves.columns) == {"arm", "ID", "time_h", "output", "unit", "value"}
    assert curves.groupby(["arm", "output"])["ID"].nunique().eq(20).all()


def test_a_second_run_replaces_the_first_bit_for_bit(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    antalgic("run", str(study), "--out", str(out), "--threads", "1")
    first = (out / "quantiles.parquet").read_bytes()
    assert antalgic("run", str(study), "--out", str(out), "--threads", "2").returncode == 0
    assert (out / "quantiles.parquet").read_bytes() == first


def test_json_holds_the_endpoints(study: Path, tmp_path: Path) -> None:
    found = antalgic("run", str(study), "--out", str(tmp_path / "out"), "--json")
    data = json.loads(found.stdout)
    row = next(r for r in data["endpoints"] if r["analyte"] == "s-ketamine")
    assert row["cmax"]["q05"] < row["cmax"]["q50"] < row["cmax"]["q95"]
    assert "report.html" in data["files"]


@pytest.mark.parametrize("command", ["models", "regimens", "conditions", "comparators"])
def test_listings_print_and_give_json(command: str) -> None:
    printed, data = antalgic(command), antalgic(command, "--json")
    assert printed.returncode == data.returncode == 0, printed.stderr + data.stderr
    rows = json.loads(data.stdout)
    assert len(rows) >= 6
    name = next(iter(rows[-1].values()))
    assert name in printed.stdout
    one = antalgic(command, name, "--json")
    assert one.returncode == 0, one.stderr
    assert json.loads(one.stdout)


def test_a_study_of_pain_prints_it_by_week(tmp_path: Path) -> None:
    path = tmp_path / "pain.yaml"
    path.write_text(
        STUDY.replace("study: small", "study: small\ncondition: crps").replace("6 h", "1 week")
    )
    printed = antalgic("run", str(path), "--out", str(tmp_path / "out"))
    assert printed.returncode == 0, printed.stderr
    assert "Mean pain (0-10)" in printed.stdout and "week 1" in printed.stdout
    data = json.loads(antalgic("run", str(path), "--out", str(tmp_path / "o"), "--json").stdout)
    assert [row["arm"] for row in data["pain"]] == ["ketamine", "placebo"]
    week = data["pain"][0]["visits"]["week 1"]
    assert 0 < week["mean"] < 10 and 0 <= week["responders_50"] <= 1
    bands = pd.read_parquet(tmp_path / "out" / "quantiles.parquet")
    assert set(bands["unit"]) == {"ng/mL", "0-10", "MADRS", "1"}


def test_responders_are_told_in_tables_json_and_a_figure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "pain.yaml"
    text = STUDY.replace("study: small", "study: small\ncondition: crps").replace("6 h", "1 week")
    path.write_text(text.replace("size: 20", "size: 200"))
    own = ("responders", str(path), "--at", "2 days", "--relief", "20%")
    monkeypatch.setenv("COLUMNS", "140")
    code, printed, _ = inside(monkeypatch, capsys, *own, "--figure", str(tmp_path / "who.svg"))
    assert code == 0 and (tmp_path / "who.svg").exists()
    for part in (
        "temporal summation",
        "assumption: correlation 0.84",
        "Bosma 2018",
        "not modelled",
    ):
        assert part in printed, part
    code, printed, _ = inside(monkeypatch, capsys, *own, "--json")
    data = json.loads(printed)
    assert (data["relief"], data["time_h"], data["people"]) == (0.2, 48.0, 200)
    rows = {row["measurement"]: row for row in data["arms"][0]["measurements"]}
    assert rows["duration"]["auc"] == 0.5 and 0.5 < rows["k_x"]["auc"] < 1
    for wrong in (("--at", "2 apples"), ("--relief", "20"), ("--figure", "who.txt")):
        code, _, said = inside(monkeypatch, capsys, *own, *wrong)
        assert code == 2 and said.count("\n") == 1, said
        assert wrong[0] in said or ".png" in said


def test_mechanisms_are_listed_and_shown_in_full() -> None:
    listed = antalgic("mechanisms", "--json")
    assert listed.returncode == 0, listed.stderr
    names = [row["mechanism"] for row in json.loads(listed.stdout)]
    assert names[0] == "sensitization" and "expectation" in names
    full = antalgic("mechanisms", "expectation")
    assert full.returncode == 0, full.stderr
    for part in ("unblinding", "k_u", "assumed, D", "mind"):
        assert part in full.stdout, part


def test_a_model_in_full_names_parameters_grades_and_sources() -> None:
    found = antalgic("models", "simons2022")
    assert found.returncode == 0, found.stderr
    for part in ("CLK1", "1.48 L/min", "10.3389/fpain.2022.946486", "CV 17.2 %", "half-time"):
        assert part in found.stdout, part


BAD = [
    ("rate: 20 mg/h", "rate: 20 mg", 7, "'20 mg' is an amount, expected a rate such as '20 mg/h'"),
    ("rate: 20 mg/h", "rate: 20", 7, "has no unit"),
    ("route: iv", "route: vi", 7, "expected one of iv, im"),
    ("size: 20", "size: -3", 2, "out of range"),
    ("horizon: 6 h", "horizont: 6 h", 3, "did you mean 'horizon'"),
    ("drug: s-ketamine", "drug: s-ketamin", 7, "did you mean 's-ketamine'"),
    ("seed: 1", "seed: one", 10, "expected a whole number"),
    ("  ketamine:\n", "  ketamine\n", 6, ""),
]


@pytest.mark.parametrize(("old", "new", "line", "says"), BAD)
def test_bad_input_is_one_line_and_leaves_nothing(
    study: Path, tmp_path: Path, old: str, new: str, line: int, says: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    study.write_text(STUDY.replace(old, new))
    monkeypatch.chdir(tmp_path)
    code, out, err = inside(monkeypatch, capsys, "run", "small.yaml", "--out", "out")
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("antalgic: small.yaml:")
    assert abs(int(err.split(":")[2].split()[0]) - line) <= 1
    assert says in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.yaml"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            ("seed: 1", "seed: 1\nmodels: {pharmacokinetics: simon2022}"),
            "did you mean 'simons2022'",
        ),
        (("seed: 1", "seed: 1\nmodels: {pharmacokinetics: dahan2011}"), "reference only"),
        (("seed: 1", "seed: 1\noutputs: [s-norketmine]"), "no model of this study predicts"),
        (("route: iv, rate: 20 mg/h, for: 2 h", "route: sc, amount: 20 mg"), "no model covers"),
        (
            ("for: 2 h}\n  pl", "for: 2 h}\n    - {drug: tiklopidine, from: 0 h}\n  pl"),
            "ticlopidine",
        ),
        (
            ("for: 2 h}\n  pl", "for: 2 h}\n    - {change: CLX, factor: 2}\n  pl"),
            "no parameter 'CLX' that can change",
        ),
        (
            ("seed: 1", "seed: 1\nmodels: {pharmacokinetics: kamp2020}\nresidual_error: true"),
            "no residual error",
        ),
    ],
)
def test_what_only_the_run_can_see_is_one_line_too(
    study: Path, tmp_path: Path, change: tuple[str, str], says: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert change[0] in STUDY
    study.write_text(STUDY.replace(*change))
    monkeypatch.chdir(tmp_path)
    code, out, err = inside(monkeypatch, capsys, "run", "small.yaml", "--out", "out")
    assert code == 2, out
    assert err.count("\n") == 1
    assert says in err
    assert err.startswith("antalgic: small.yaml:")
    assert not (tmp_path / "out").exists()


def test_targets_that_are_not_ours_are_left_alone(
    study: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    code, _, err = inside(monkeypatch, capsys, "run", str(study), "--out", str(precious))
    assert code == 2
    assert "not a result" in err
    assert (precious / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "nowhere.yaml", "--out", "x"),
        ("models", "simmons2022"),
        ("mechanisms", "blok"),
        ("regimens", "crps"),
        ("conditions", "crpz"),
        ("validate", "otto"),
    ],
)
def test_a_missing_file_and_an_unknown_name_are_one_line(
    arguments: tuple[str, ...], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    code, _, err = inside(monkeypatch, capsys, *arguments)
    assert code == 2
    assert err.count("\n") == 1, err


def test_validate_one_trial() -> None:
    found = antalgic("validate", "placebo-fibromyalgia", "--json")
    assert found.returncode == 0, found.stderr
    (row,) = json.loads(found.stdout)["clinical"]
    assert row["hit"] is True
    assert row["within"][0] <= row["simulated"] <= row["within"][1]
    table = antalgic("validate", "placebo-fibromyalgia")
    assert "Pooled trials: 1 of 1 within tolerance" in table.stdout
    wrong = antalgic("validate", "sigterman2009")
    assert wrong.returncode == 2
    assert wrong.stderr == (
        "antalgic: 'sigterman2009' is no study of the library; did you mean 'sigtermans2009'?\n"
    )


def test_validate_one_cohort(tmp_path: Path) -> None:
    found = antalgic("validate", "chdr1311", "--json", "--out", str(tmp_path / "out"))
    text = (tmp_path / "out" / "gallery.html").read_text(encoding="utf-8")
    assert "16 of 16 within tolerance" in text and text.count("<svg") == 2
    assert found.returncode == 0, found.stderr
    data = json.loads(found.stdout)
    chosen = [row for row in data["rows"] if row["chosen"]]
    assert len(chosen) == 16
    assert all(row["hit"] for row in chosen)


def test_sensitivity_says_which_parameters_a_number_rests_on(
    study: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    code, out, err = inside(
        monkeypatch, capsys, "sensitivity", str(study), "--of", "s-ketamine", "--at", "2 h",
        "--out", str(tmp_path / "drawn"), "--json",
    )  # fmt: skip
    assert code == 0, err
    data = json.loads(out)
    assert data["time_h"] == 2.0
    assert data["q05"] < data["usual"] < data["q95"]
    assert data["parameters"][0]["parameter"].startswith("pk.")
    assert sum(row["share"] for row in data["parameters"]) == pytest.approx(1)
    assert (tmp_path / "drawn" / "tornado.png").stat().st_size > 10_000
    code, _, err = inside(monkeypatch, capsys, "sensitivity", str(study), "--parameters", "pk.C")
    assert code == 2
    assert err == "antalgic: --parameters: unknown parameter 'pk.C'; did you mean 'pk.CL'?\n"
    code, _, err = inside(monkeypatch, capsys, "sensitivity", str(study), "--at", "soon")
    assert code == 2
    assert err.startswith("antalgic: --at: ") and err.count("\n") == 1


def test_a_run_with_certainty_writes_what_the_means_may_be(
    study: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    out = tmp_path / "out"
    code, printed, err = inside(
        monkeypatch, capsys, "run", str(study), "--out", str(out), "--certainty", "--json"
    )
    assert code == 0, err
    table = pd.read_parquet(out / "uncertainty.parquet")
    assert (table["q05"] <= table["q95"]).all() and table["q95"].max() > table["q05"].max()
    rows = json.loads(printed)["certainty"]
    assert rows and all(sum(row["grades"].values()) == pytest.approx(1) for row in rows)
    report = (out / "report.html").read_text(encoding="utf-8")
    assert rows[0]["says"].split(",")[0] in report
