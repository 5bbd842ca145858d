"""Writes the table of what harm rests on, from the library."""

from pathlib import Path
from typing import Any

from shelf_page import markdown


def write(path: Path) -> None:
    """Write the table of every parameter of harm to ``path``."""
    from antalgic.model import harm  # here: only building the pages needs the package

    rows: list[Any] = [("parameter", "value", "between people", "how", "grade", "note")]
    for name, p in harm.parameters().items():
        spread = "" if p.between is None else p.between.text
        known = p.known
        rows.append((name, known.text, spread, known.how, known.grade, known.note or ""))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(markdown(rows) + "\n", encoding="utf-8")
