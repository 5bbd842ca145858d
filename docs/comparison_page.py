"""Writes the comparison of published models on one dose: figure, spread and exposure."""

from pathlib import Path
from typing import Any

from shelf_page import bullets, markdown, plain

STUDY = Path(__file__).parents[1] / "studies" / "five-models.yaml"


def write(folder: Path) -> None:
    """Write comparison.md and a picture for each analyte to ``folder``."""
    from antalgic.evidence import compare  # here: only building the pages needs the package
    from antalgic.report import compare_figure, compare_page, words
    from antalgic.study import load

    found = compare.run(load(STUDY))
    folder.mkdir(parents=True, exist_ok=True)
    blocks = []
    for analyte in found.analytes:
        picture = f"comparison-{analyte}.png"
        compare_figure.draw(found, analyte, "narrow").savefig(folder / picture, dpi=150)
        blocks += [
            f"### {words.analyte(analyte)}",
            f"![{compare_figure.alt(found, analyte)}](_generated/{picture})",
            bullets(*(plain(f"{line}.") for line in compare_page.spoken(found, analyte))),
            _table(found, analyte),
        ]
    (folder / "comparison.md").write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


def _table(found: Any, analyte: str) -> str:
    """Median with its band, by model and endpoint."""
    from antalgic.evidence.compare import RATIOS
    from antalgic.report import compare_page

    heads = (f"{compare_page.name(found, m)} ({compare_page.UNITS[m]})" for m in RATIOS)
    rows: list[Any] = [("model", *heads)]
    for answer in found.answers:
        if answer.analyte == analyte:
            cells = (compare_page.cell(answer.estimates[m]) for m in RATIOS)
            rows.append((answer.model, *(f"{m} ({band})" if band else m for m, band, _ in cells)))
    return markdown(rows)
