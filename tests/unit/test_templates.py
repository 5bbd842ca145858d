"""Every number on a page comes from a run or a sourced entry: none is typed in a template."""

import re
from pathlib import Path

import pytest

from antalgic.report import page

FOLDER = Path(page.__file__).parent / "templates"
TEMPLATES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.j2"))
#: What jinja fills in or decides, and what a reader does not see.
_FILLED = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}|<[^>]*>", re.S)


def words(template: str) -> str:
    """What a template says by itself."""
    return _FILLED.sub(" ", (FOLDER / template).read_text(encoding="utf-8"))


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_digit_is_typed_in_a_template(template: str) -> None:
    assert re.findall(r".{0,30}\d.{0,30}", words(template)) == []


def test_templates_are_read_as_words() -> None:
    assert "How sure" in words("pain.html.j2")
    assert {"page.html.j2", "pain.html.j2", "harm.html.j2"} <= set(TEMPLATES)
