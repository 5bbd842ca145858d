"""Writes what the page on certainty shows: how far values may be off, and one study by it."""

from pathlib import Path
from typing import Any

STUDY = Path(__file__).parents[1] / "studies" / "crps-100h.yaml"


def write(folder: Path) -> None:
    """Write the tables of the library and the sentences and shares of one study."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "certainty-library.md").write_text(library(), encoding="utf-8")
    (folder / "certainty-study.md").write_text(study(), encoding="utf-8")


def library() -> str:
    """What stands for a value of which only the grade is known, and what is not varied."""
    from antalgic import yamlfile

    data = yamlfile.library("uncertainty.yaml").data
    grades = [("grade", "coefficient of variation", "why")]
    grades += [(g, row["value"], row["note"]) for g, row in data["grades"].items()]
    held = [("not varied", "why"), *((f"`{n}`", why) for n, why in data["held"].items())]
    return f"{table(grades)}\n\n{table(held)}\n"


def study() -> str:
    """The sentences and the table of the report of a run with --certainty."""
    import antalgic
    from antalgic.evidence import certainty
    from antalgic.report import certainty as said

    mine = antalgic.load(STUDY)
    result = mine.run()
    found = certainty.run(mine, certainty.usual_times(mine), people=result.people)
    page = said.gather(found, said.rows(result, found))
    rows = [("mean of", "value", said.LEVEL, *page.grades, "assumed", "Q²"), *page.rows]
    weight = [("parameter", "share", "grade, and what its spread is from")]
    weight += [(f"{says} (`{name}`)", share, basis) for name, says, basis, share in page.named]
    quoted = "\n>\n".join(f"> {line}" for line in page.said)
    return (
        f"{quoted}\n\n{table(rows)}\n\nThe parameters that weigh most in the first line "
        f"({page.parameters} are drawn, {page.draws} times):\n\n{table(weight)}\n"
    )


def table(rows: Any) -> str:
    """Rows as a table, the first as its head."""
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])
