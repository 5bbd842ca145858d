"""A model of the shelf in full: structure, parameters with sources, and what follows from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from antalgic.dosing import DoseEvent, Regimen
from antalgic.model import shelf
from antalgic.model.shelf import ModelFile, ParameterEntry, PKModel
from antalgic.population import People
from antalgic.report import diagram, tables, words
from antalgic.report.tables import ParameterRow
from antalgic.report.window import words_of
from antalgic.simulation import Simulation, reference_person, simulate
from antalgic.sources import Source, Variability

if TYPE_CHECKING:
    from rich.console import Group, RenderableType

#: Lengths (h) of infusions whose context-sensitive half-time is given.
INFUSIONS = (0.5, 1.0, 2.0, 4.0, 8.0, 24.0, 100.0)
#: Half-lives after which a dose is gone: 2^-40 is left.
_GONE = 40.0
_FINE = 1500


@dataclass(frozen=True)
class Exposure:
    """AUC from 0 to infinity of an analyte, ng h/mL for each mg of a drug given by a route."""

    drug: str
    route: str
    analyte: str
    auc_per_mg: float
    grade: str


@dataclass(frozen=True)
class HalfTime:
    """Context-sensitive half-time: h for a drug to halve after an infusion of so many h."""

    drug: str
    infusion: float
    half_time: float


@dataclass(frozen=True)
class Description:
    """What is known of a model; for one that cannot be run, also what is missing.

    half_lives: terminal half-life (h) of each analyte.  All numbers are of `person`, with every
    random deviation at zero.
    """

    name: str
    title: str
    status: str
    drugs: tuple[str, ...]
    sampling: str
    ages: str
    population: str
    doses: Mapping[str, str]
    grade: str
    defects: tuple[str, ...]
    missing: tuple[str, ...]
    rejected: tuple[str, ...]
    structure: tuple[str, ...]
    diagram: str
    parameters: tuple[ParameterRow, ...]
    sources: Mapping[str, Source]
    person: str
    half_lives: Mapping[str, float]
    exposures: tuple[Exposure, ...]
    half_times: tuple[HalfTime, ...]


def describe(name: str) -> Description:
    """A model by name, runnable or reference; InputError for an unknown name."""
    file = shelf.record(name)
    if file.status != "runnable":
        return _description(file, parameters=tuple(_reference_rows(file)))
    model = shelf.load(name)
    person, words_for = typical_person(model)
    exposures, half_lives = _exposures(model, person)
    return _description(
        file,
        structure=diagram.structure(model.circuit),
        diagram=diagram.draw(model.circuit),
        parameters=tables.parameters(model),
        person=words_for,
        half_lives=half_lives,
        exposures=exposures,
        half_times=tuple(_half_times(model, person)),
    )


def typical_person(model: PKModel) -> tuple[People, str]:
    """Whom the numbers are for: the reference adult, or a child in the middle of the range."""
    adult = reference_person()
    if model.file.ages != "child":
        return adult, "a man of 40 years and 70 kg"
    studied = model.file.population
    if studied.age is None or studied.weight is None:
        return _child(6.0, 20.0), "a boy of 6 years and 20 kg, as the range studied was not found"
    age, weight = (math.sqrt(low * high) for low, high in (studied.age, studied.weight))
    return _child(age, weight), (
        f"a boy of {words.digits(age, 2)} years and {words.digits(weight, 2)} kg, the geometric "
        "middle of the range studied"
    )


def _child(age: float, weight: float) -> People:
    return People(
        np.array([1]), np.array([weight]), np.array([age]), np.array([math.nan]),
        np.array([False]), np.array(["other"]),
    )  # fmt: skip


def _description(file: ModelFile, **computed: Any) -> Description:
    missing = (file.missing,) if isinstance(file.missing, str) else file.missing or ()
    nothing: dict[str, Any] = {
        "structure": (), "diagram": "", "person": "", "half_lives": {}, "exposures": (),
        "half_times": (),
    }  # fmt: skip
    return Description(
        name=file.model,
        title=file.title,
        status=file.status,
        drugs=file.drugs,
        sampling=file.sampling,
        ages=file.ages,
        population=file.population.text,
        doses=file.doses,
        grade=file.grade,
        defects=file.defects,
        missing=missing,
        rejected=file.tested_and_rejected,
        sources=file.sources,
        **{**nothing, **computed},
    )


def _reference_rows(file: ModelFile) -> list[ParameterRow]:
    """Numbers that are known of a model that cannot be run."""
    return [_reference_row(name, entry, file) for name, entry in file.parameters.items()]


def _reference_row(name: str, entry: ParameterEntry, file: ModelFile) -> ParameterRow:
    between = entry.between
    return ParameterRow(
        name=name,
        value=entry.value or "",
        variability=tables.spread(between) if isinstance(between, Variability) else "",
        covariates="",
        how=entry.how or file.how,
        grade=entry.grade or file.grade,
        source=entry.source or file.default_source,
        locator=entry.locator or "",
        uncertainty=entry.uncertainty or "",
        note=entry.note or "",
    )


# --- what follows ------------------------------------------------------------------------------


def _given(drug: str, route: str, amount: float, duration: float = 0.0) -> Regimen:
    return Regimen("one dose", (DoseEvent(drug, route, 0.0, amount, duration, "", 0.0, 0),))


def _run(model: PKModel, regimen: Regimen, person: People, times: list[float]) -> Simulation:
    return simulate(
        model, regimen, person, np.array(times), typical=True, trajectories=True, threads=1
    )


def _exposures(model: PKModel, person: People) -> tuple[tuple[Exposure, ...], dict[str, float]]:
    """AUC to infinity per mg by drug, route and analyte, and the half-life of each analyte."""
    found: list[Exposure] = []
    half_lives: dict[str, float] = {}
    for drug, routes in model.file.routes.items():
        for route in routes:
            regimen = _given(drug, route, 1.0)
            slowest = float(np.nanmax(_run(model, regimen, person, [1.0]).half_life))
            run = _run(model, regimen, person, [_GONE * slowest])
            for column, analyte in enumerate(run.analytes):
                if run.auc[0, column] <= 0:
                    continue
                half_lives.setdefault(analyte, float(run.half_life[0, column]))
                found.append(
                    Exposure(drug, route, analyte, float(run.auc[0, column]), model.grade(route))
                )
    return tuple(found), half_lives


def _half_times(model: PKModel, person: People) -> list[HalfTime]:
    """Context-sensitive half-times of every drug that can be infused and is itself predicted."""
    return [
        HalfTime(drug, length, _half_time(model, person, drug, length))
        for drug, routes in model.file.routes.items()
        if "iv" in routes and drug in model.analytes
        for length in INFUSIONS
    ]


def _half_time(model: PKModel, person: People, drug: str, length: float) -> float:
    """Time (h) from the end of an infusion at a steady rate to half the concentration then."""
    regimen = _given(drug, "iv", length, length)
    column = model.analytes.index(drug)
    half_life = float(_run(model, regimen, person, [length]).half_life[0, column])
    after = np.append(0.0, np.geomspace(1e-4, 2 * half_life, _FINE))
    run = _run(model, regimen, person, [float(t) for t in np.unique(length + after)])
    assert run.values is not None
    curve = run.values[column, :, 0]
    fallen = int(np.argmax(curve <= curve[0] / 2))
    low, high = np.log(curve[fallen - 1 : fallen + 1] / curve[0])
    part = (math.log(0.5) - low) / (high - low)
    times = run.times[fallen - 1 : fallen + 1] - length
    return float(times[0] + part * (times[1] - times[0]))


# --- for people and for programs ---------------------------------------------------------------


def to_json(description: Description) -> dict[str, Any]:
    """The description as plain data."""
    found = asdict(description)
    found["sources"] = {key: asdict(source) for key, source in description.sources.items()}
    plain: dict[str, Any] = _plain(found)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def show(description: Description) -> None:
    """Print for a person."""
    from rich.console import Console

    Console(highlight=False).print(render_text(description))


def render_text(description: Description) -> Group:
    """The description for a terminal."""
    from rich.console import Group
    from rich.markup import escape
    from rich.text import Text

    d = description
    parts: list[RenderableType] = [
        Text.from_markup(f"[bold]{escape(d.name)}[/bold]  {escape(d.title)}"),
        *_facts(d),
    ]
    if d.missing:
        parts += ["", Text("Cannot be run. Missing:", style="bold"), *_bullets(d.missing)]
    if d.diagram:
        parts += ["", Text(d.diagram, no_wrap=True, overflow="ignore")]
        parts += [Text("Steps", style="bold"), *_bullets(d.structure)]
    if d.parameters:
        parts += ["", _parameter_table(d)]
    if d.exposures:
        parts += ["", *_consequences(d)]
    if d.defects:
        parts += ["", Text("Known defects", style="bold"), *_bullets(d.defects)]
    parts += ["", Text("Sources", style="bold"), *_bullets(_sources(d))]
    return Group(*parts)


def _facts(d: Description) -> list[RenderableType]:
    from rich.text import Text

    doses = "; ".join(f"{words.route(route)}: {text}" for route, text in d.doses.items())
    facts = {
        "drugs": ", ".join(d.drugs),
        "blood": d.sampling,
        "ages": d.ages,
        "grade": f"{d.grade} (A sure, D weak)",
        "studied in": d.population,
        "doses studied": doses,
        "tested and rejected": ", ".join(d.rejected),
    }
    return [Text.assemble((f"{name}: ", "dim"), text) for name, text in facts.items() if text]


def _bullets(lines: tuple[str, ...]) -> list[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    return [Padding(Text(line), (0, 0, 0, 2)) for line in lines]


def _sources(d: Description) -> tuple[str, ...]:
    return tuple(
        f"{key}: {s.citation}" + (f" doi:{s.doi}" if s.doi else "") + (f" {s.url}" if s.url else "")
        for key, s in d.sources.items()
    )


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> RenderableType:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _parameter_table(d: Description) -> RenderableType:
    rows = [
        (
            row.name, f"{row.value}\n{row.covariates}".strip(), row.variability or "–",
            f"{row.how}, {row.grade}", f"{row.source} {row.locator}".strip(), row.note,
        )
        for row in d.parameters
    ]  # fmt: skip
    columns = ("parameter", "value", "between people", "how, grade", "source", "note")
    return _table("Parameters", columns, rows)


def _consequences(d: Description) -> list[RenderableType]:
    """Tables of what follows from the parameters."""
    from rich.text import Text

    half_lives = [(words.analyte(a), words.digits(h)) for a, h in d.half_lives.items()]
    exposures = [
        (
            words.analyte(e.analyte),
            e.drug,
            words.route(e.route),
            words.digits(e.auc_per_mg),
            e.grade,
        )
        for e in d.exposures
    ]
    found = [
        Text.assemble((f"In {d.person}, without random deviations", "bold")),
        _table("Terminal half-life", ("analyte", "h"), half_lives),
        _table(
            "AUC to infinity",
            ("analyte", "drug", "route", "ng·h/mL per mg", "grade"), exposures,
        ),
    ]  # fmt: skip
    if d.half_times:
        drugs = dict.fromkeys(h.drug for h in d.half_times)
        rows = [
            (
                words_of(length),
                *(words.digits(60 * h.half_time) for h in d.half_times if h.infusion == length),
            )
            for length in INFUSIONS
        ]
        columns = ("infusion of", *(f"{words.analyte(drug)}, min" for drug in drugs))
        found.append(
            _table("Time to halve after an infusion (context-sensitive half-time)", columns, rows)
        )
    return found
