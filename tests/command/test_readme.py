"""The README's pictures and study are those of the current version."""

import re
import struct
from pathlib import Path

import pytest

import antalgic
from antalgic.study import load, loads

ROOT = Path(__file__).parents[2]


def text_chunks(path: Path) -> dict[str, str]:
    """The uncompressed text chunks of a PNG."""
    data, at, found = path.read_bytes(), 8, {}
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        if kind in (b"tEXt", b"iTXt"):
            key, _, rest = data[at + 8 : at + 8 + length].partition(b"\0")
            found[key.decode("latin-1")] = rest.lstrip(b"\0").decode("utf-8")
        at += 12 + length
    return found


@pytest.mark.parametrize("name", ["crps-100h", "five-models", "rival-mechanisms"])
def test_pictures_were_made_by_this_version_from_the_study_in_the_repository(name: str) -> None:
    chunks = text_chunks(ROOT / "docs" / "images" / f"{name}.png")
    study = load(ROOT / "studies" / f"{name}.yaml")
    assert chunks["Software"] == f"antalgic {antalgic.__version__}"
    assert chunks["Title"] == study.study
    assert chunks["Seed"] == str(study.seed)
    models = ", ".join(study.compared) or "fanta2015+otto2021"
    assert chunks["Models"] == models


def test_the_study_in_the_readme_is_the_one_in_the_repository() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"```yaml\n(.*?)```", readme, re.DOTALL)
    assert block is not None
    shown = loads(block.group(1))
    kept = load(ROOT / "studies" / "rival-mechanisms.yaml")
    assert shown.regimens() == kept.regimens()
    assert (shown.mechanisms, shown.population, shown.seed) == (
        kept.mechanisms,
        kept.population,
        kept.seed,
    )
