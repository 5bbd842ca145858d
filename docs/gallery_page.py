"""Writes the gallery of reproduced studies, from the same objects as `antalgic validate`."""

from pathlib import Path
from typing import Any

from shelf_page import bullets, markdown, plain, reference


def write(folder: Path) -> Any:
    """Write gallery.md and a figure for each study to ``folder``, and the page to its extra/.

    What was run is returned, for other pages that are made from it.
    """
    from antalgic.evidence import gallery as evidence  # here: only building needs the package
    from antalgic.report import gallery

    found = evidence.run()
    images = folder / "gallery"
    images.mkdir(parents=True, exist_ok=True)
    for entry in found.entries:
        if entry.lines:
            gallery.save(entry, images / f"{entry.name}.svg")
    (folder / "gallery.md").write_text(page(found, gallery) + "\n", encoding="utf-8")
    gallery.write(found, folder / "extra", "gallery-read.html")
    return found


def page(found: Any, report: Any) -> str:
    """Misses, method, and every study."""
    missed = [pair for pair in report.ordered(found.entries) if pair[1].hit is False]
    every = [line for entry in found.entries for line in entry.lines]
    blocks = [f"{report.score(every)}.", "## Misses", misses(missed, report)]
    blocks += ["## How it was done", bullets(*map(plain, report.method(found)))]
    for kind in dict.fromkeys(entry.kind for entry in found.entries):
        own = [entry for entry in found.entries if entry.kind == kind]
        lines = [line for entry in own for line in entry.lines]
        blocks += [f"## {report.KINDS[kind]}", f"{report.score(lines)}."]
        blocks += [study(entry, report) for entry in own]
    return "\n\n".join(blocks)


def misses(pairs: Any, report: Any) -> str:
    """One row a miss, and beneath them the reasons, each with the studies that it holds for."""
    rows: list[Any] = [("study", "what", "observed", "simulated", "tolerance")]
    why: dict[str, dict[str, None]] = {}
    for entry, line in pairs:
        rows.append((entry.name, line.what, *report.cells(line), report.tolerance(line)))
        why.setdefault(line.why or "no explanation on file", {})[entry.name] = None
    reasons = [f"{', '.join(map(plain, names))}: {plain(says)}" for says, names in why.items()]
    return f"{markdown(rows)}\n\n{bullets(*reasons)}"


def study(entry: Any, report: Any) -> str:
    """One study: figure, numbers, what is left out, sources."""
    blocks = [f"### {plain(entry.name)}", plain(entry.title)]
    if entry.lines:
        rows: list[Any] = [("what", "observed", "simulated", "tolerance", "verdict")]
        for _, line in report.ordered([entry]):
            rows.append(
                (line.what, *report.cells(line), report.tolerance(line), report.verdict(line))
            )
        blocks += [f"![{plain(report.alt(entry))}](_generated/gallery/{entry.name}.svg)"]
        blocks += [markdown(rows)]
    if entry.left:
        blocks.append(bullets(*map(plain, entry.left)))
    blocks.append(bullets(*map(reference, entry.sources.values())))
    return "\n\n".join(blocks)
