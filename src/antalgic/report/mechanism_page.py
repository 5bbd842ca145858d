"""The mechanisms of relief for a terminal: a list, or one in full with its circuit and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from antalgic.model import mechanism as mechanisms
from antalgic.model.mechanism import OUTPUTS, Mechanism
from antalgic.report import tables
from antalgic.report.listings import Listing

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class Row:
    """A parameter of a mechanism with its passport, as text."""

    name: str
    value: str
    unit: str
    uncertainty: str
    between: str
    how: str
    grade: str
    source: str
    note: str


@dataclass(frozen=True)
class Description:
    """A mechanism in full: its circuit behind the receptor, outputs, and parameters."""

    name: str
    title: str
    says: str
    circuit: str
    outputs: Mapping[str, str]
    parameters: tuple[Row, ...]


def listing() -> Listing:
    """Every mechanism, the default first."""
    found = [mechanisms.load(name) for name in mechanisms.names()]
    rows = [(m.name, m.title, m.says) for m in found]
    below = [
        f"A study takes '{mechanisms.DEFAULT}' unless it says models: {{mechanism: NAME}}, or a "
        "list of names to run them side by side.",
        "One in full: antalgic mechanisms NAME",
    ]
    return Listing("Mechanisms of relief", ("mechanism", "steps", "what it says"), rows, below)


def describe(name: str) -> Description:
    """A mechanism by name; InputError for an unknown one."""
    found = mechanisms.load(name)
    circuit = found.circuit(None)
    outputs = {o: f"{OUTPUTS[o].unit}: {OUTPUTS[o].says}" for o in circuit.readouts}
    return Description(found.name, found.title, found.says, str(circuit), outputs, rows(found))


def rows(mechanism: Mechanism) -> tuple[Row, ...]:
    """The library parameters that a mechanism's steps take."""
    used = mechanisms.used(mechanism.name)
    found = []
    for name, parameter in mechanisms.parameters(mechanism.name).items():
        if name not in used:
            continue
        known, between = parameter.known, parameter.between
        found.append(
            Row(
                name, known.text, mechanisms.UNITS[name], known.uncertainty or "",
                "" if between is None else tables.spread(between), known.how, known.grade,
                known.source, known.note or "",
            )
        )  # fmt: skip
    return tuple(found)


def to_json(description: Description) -> dict[str, Any]:
    """The description as plain data."""
    return asdict(description)


def show(d: Description) -> None:
    """Print for a person."""
    from rich.console import Console, Group
    from rich.markup import escape
    from rich.text import Text

    outputs = [Text(f"  {name}: {says}") for name, says in d.outputs.items()]
    parts: list[RenderableType] = [
        Text.from_markup(f"[bold]{escape(d.name)}[/bold]  {escape(d.title)}"),
        Text(d.says), "",
        Text("Steps, without the blood model that feeds them", style="bold"),
        Text(d.circuit.rpartition("\noutputs:")[0], no_wrap=True, overflow="ignore"), "",
        Text("Outputs", style="bold"), *outputs, "", _table(d),
        Text("Drives, sensitization and mood: antalgic conditions NAME"),
    ]  # fmt: skip
    Console(highlight=False).print(Group(*parts))


def _table(d: Description) -> RenderableType:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Parameters", box=box.SIMPLE_HEAD, title_justify="left",
                  title_style="bold")  # fmt: skip
    titles = ("parameter", "value", "unit", "between people", "how, grade", "source", "note")
    for number, title in enumerate(titles):
        table.add_column(title, overflow="fold", no_wrap=number == 0)
    for row in d.parameters:
        table.add_row(
            *map(
                Text,
                (
                    row.name, f"{row.value}\n{row.uncertainty}".strip(), row.unit,
                    row.between or "–", f"{row.how}, {row.grade}", row.source, row.note,
                ),
            )
        )  # fmt: skip
    return table
