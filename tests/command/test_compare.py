"""`antalgic compare` as a process: JSON, files, how it fails."""

import json
import subprocess
import sys
from pathlib import Path

STUDY = """\
study: small
population: {typical: true}
horizon: 12 h
arms:
  oral:
    - {drug: s-ketamine, route: oral, amount: 50 mg}
seed: 1
"""


def compare(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "antalgic.cli", "compare", *arguments],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def test_it_gives_json_and_a_folder(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(STUDY)
    out = tmp_path / "out"
    found = compare(str(tmp_path / "small.yaml"), "--json", "--out", str(out))
    assert found.returncode == 0, found.stderr
    data = json.loads(found.stdout)
    by_name = {model["model"]: model for model in data["models"]}
    assert by_name["perezruixo2021"]["built_on"]["people"] > 800
    assert "oral" in by_name["perezruixo2021"]["built_on"]["doses"]
    assert data["spread"][0]["largest_over_smallest"] > 1
    assert {p.name for p in out.iterdir()} == {"compare.html", "curves.parquet", "manifest.json"}
    assert json.loads((out / "manifest.json").read_text())["models"] == list(by_name)


def test_bad_input_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(STUDY)
    out = tmp_path / "out"
    found = compare(str(tmp_path / "small.yaml"), "--models", "kamp", "--out", str(out))
    assert found.returncode == 2 and not out.exists()
    assert found.stderr.startswith("antalgic: --models:") and found.stderr.count("\n") == 1
