"""Writes the shelf of models as Markdown, from the library that the simulation itself reads."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def write(target: Path) -> None:
    """Write one section for each model of the shelf to ``target``, runnable ones first."""
    from antalgic.model import shelf  # here, so that only building the pages needs the package

    runnable = shelf.names(runnable=True)
    pages = [section(shelf.record(name), shelf.load(name).parameters) for name in runnable]
    pages += [section(shelf.record(name), None) for name in shelf.names() if name not in runnable]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n\n".join(pages) + "\n", encoding="utf-8")


def section(record: Any, parameters: Any) -> str:
    """One model: what it is, its parameters with source and grade, its defects and its sources."""
    routes = [f"{drug} ({', '.join(paths)})" for drug, paths in record.routes.items()]
    facts = [
        f"Population: {plain(record.population.text)}",
        f"Sampling: {plain(record.sampling)}",
        f"Grade: {record.grade}",
    ]
    blocks = [f"## {plain(record.model)}", plain(record.title)]
    if parameters is None:
        missing = (record.missing,) if isinstance(record.missing, str) else record.missing or ()
        blocks += [bullets("Reference only: it cannot be run.", *facts)]
        blocks += ["**Missing**", bullets(*map(plain, missing)), bare_table(record.parameters)]
    else:
        blocks += [bullets(*facts, f"Drugs and routes: {plain('; '.join(routes))}")]
        blocks += [table(parameters)]
    if record.defects:
        blocks += ["**Known defects**", bullets(*map(plain, record.defects))]
    blocks += ["**Sources**", bullets(*map(reference, record.sources.values()))]
    return "\n\n".join(block for block in blocks if block)


def table(parameters: Any) -> str:
    """The parameters of a runnable model as a Markdown table, values as written in the library."""
    rows = [("parameter", "value", "between people", "how", "grade", "source")]
    for name, parameter in parameters.items():
        value = parameter.known
        place = ", ".join(part for part in (value.source, value.locator) if part)
        between = parameter.entry.between
        shared = getattr(between, "same_as", None)
        spread = f"as {shared}" if shared else getattr(between, "text", "")
        text = f"= {parameter.entry.same_as}" if parameter.entry.same_as else value.text
        rows.append((name, text, spread, value.how, value.grade, place))
    return markdown(rows)


def bare_table(entries: Any) -> str:
    """The numbers that are known of a model that cannot be run."""
    if not entries:
        return ""
    rows = [("parameter", "value", "note")]
    rows += [(name, entry.value or "", entry.note or "") for name, entry in entries.items()]
    return markdown(rows)


def markdown(rows: Any) -> str:
    """Rows, the first of them the head, as a Markdown table."""
    return "\n".join([row(rows[0]), row("---" for _ in rows[0]), *map(row, rows[1:])])


def row(cells: Iterable[str]) -> str:
    """One line of a Markdown table."""
    return "| " + " | ".join(map(plain, cells)) + " |"


def bullets(*lines: str) -> str:
    """A Markdown list."""
    return "\n".join(f"- {line}" for line in lines)


def reference(source: Any) -> str:
    """A source as one line, with its DOI or else its address as a link."""
    address = f"https://doi.org/{source.doi}" if source.doi else source.url
    link = f" <{address}>" if address else ""
    return f"{plain(source.key)}: {plain(source.citation)}{link}"


def plain(text: str) -> str:
    """The text with the characters that mean something in Markdown made literal."""
    return re.sub(r"([\\`*_<>$\[\]{}|#])", r"\\\1", text)
