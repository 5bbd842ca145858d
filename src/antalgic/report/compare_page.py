"""Published PK models side by side: tables, plain data, and a folder with page and curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from markupsafe import Markup

from antalgic import __version__
from antalgic.evidence.compare import METRICS, Answer, Compared, Estimate, Spread
from antalgic.report import compare_figure, figures, output, page, svg, words
from antalgic.report.listings import Listing
from antalgic.report.relief import percent
from antalgic.report.window import words_of
from antalgic.sources import Source

#: The page within the folder.
PAGE = "compare.html"

#: Endpoints as a reader knows them.
NAMES = {"cmax": "Cmax", "tmax": "tmax", "auc": "AUC", "half_life": "t½"}
UNITS = {"cmax": "ng/mL", "tmax": "h", "auc": "ng·h/mL", "half_life": "h"}
UNKNOWN = "not found"
#: Of fewer models than this a spread says little.
_FEW = 3


def listings(found: Compared) -> list[Listing]:
    """Tables of a comparison: exposure by analyte, data built on, and models left out."""
    tables = [_exposure(found, analyte) for analyte in found.analytes]
    return [*tables, _built(found), _left(found)]


def to_json(found: Compared) -> dict[str, Any]:
    """Everything in the tables as plain data."""
    return {
        "study": found.study.study,
        "arm": found.arm,
        "people": len(found.people),
        "auc_until_h": float(found.study.horizon),
        "models": [_record(found, name) for name in found.models],
        "spread": [
            {
                "analyte": s.analyte, "endpoint": s.metric, "models": s.models,
                "largest_over_smallest": s.fold, "smallest": s.smallest, "largest": s.largest,
                "geometric_cv_between_models": s.between,
                "geometric_cv_between_people": None
                if s.within is None
                else dict(zip(("least", "middle", "highest"), s.within, strict=True)),
            }
            for s in found.spreads
        ],
        "not_used": [{"model": name, "why": why} for name, why in found.left.items()],
        "notes": list(found.notes),
    }  # fmt: skip


def _record(found: Compared, name: str) -> dict[str, Any]:
    file = found.models[name].file
    return {
        "model": name,
        "built_on": {
            "people": file.population.n,
            "who": file.population.text,
            "doses": dict(file.doses),
            "blood": file.sampling,
            "ages": file.ages,
            "source": file.sources[file.default_source].citation,
        },
        "grades": {r: found.models[name].grade(r) for r in found.regimen.routes},
        "defects": list(file.defects),
        "analytes": {
            a.analyte: {m: _plain(m, e) for m, e in a.estimates.items()}
            for a in found.answers
            if a.model == name
        },
    }


def _plain(metric: str, e: Estimate) -> dict[str, Any]:
    return {
        "unit": METRICS[metric], "q05": e.low, "q50": e.median, "q95": e.high,
        "over_median_of_models": e.ratio, "geometric_cv": e.within,
    }  # fmt: skip


# --- tables ------------------------------------------------------------------------------------


def _exposure(found: Compared, analyte: str) -> Listing:
    rows = [(a.model, *_row(a)) for a in found.answers if a.analyte == analyte]
    many = len(found.people) > 1
    who = f"median and {words.BAND} of {len(found.people)} people" if many else "one person"
    return Listing(
        f"{words.analyte(analyte)} in “{found.arm}”: {who}, × the median of the models",
        ("model", *(f"{name(found, m)}, {UNITS[m]}" for m in METRICS)),
        rows,
        [*spoken(found, analyte), *alone(found, analyte)],
    )


def _row(answer: Answer) -> list[str]:
    return ["\n".join(filter(None, cell(e))) for e in answer.estimates.values()]


def cell(e: Estimate) -> tuple[str, str, str]:
    """Median, band and ratio of an endpoint as text; empty where there is none."""
    low, high = words.digits(e.low), words.digits(e.high)
    band = "" if low == high else f"{low}–{high}"
    return words.digits(e.median), band, "" if e.ratio is None else f"×{words.digits(e.ratio)}"


def name(found: Compared, metric: str) -> str:
    """Such as "Cmax" or "AUC 0–24 h"."""
    end = f" 0–{words_of(float(found.study.horizon))}" if metric == "auc" else ""
    return NAMES[metric] + end


def spoken(found: Compared, analyte: str) -> list[str]:
    """One line an endpoint: the spread of the models against that of the people."""
    return [_said(found, s) for s in found.spreads if s.analyte == analyte]


def alone(found: Compared, analyte: str) -> list[str]:
    """What is said where one model only speaks of an analyte."""
    if any(s.analyte == analyte for s in found.spreads):
        return []
    model = next(a.model for a in found.answers if a.analyte == analyte)
    return [f"only {model} predicts it: there is nothing to compare"]


def _said(found: Compared, s: Spread) -> str:
    models = (
        f"{name(found, s.metric)}: {words.spelled(s.models)} models differ "
        f"{words.digits(s.fold)}-fold ({s.smallest} to {s.largest}), "
        f"geometric CV {percent(s.between)}"
    )
    if s.within is None:
        return models
    low, middle, high = map(percent, s.within)
    span = "" if low == high else f" ({low} to {high})"
    return f"{models}; people within a model {middle}{span}{_verdict(s, s.within)}"


def _verdict(s: Spread, within: tuple[float, float, float]) -> str:
    """What matters more; of few models no more is said than how far apart they are."""
    if s.models < _FEW:
        return ""
    low, _, high = within
    if s.between > high:
        return ": the choice of model matters more than who the person is"
    if s.between < low:
        return ": who the person is matters more than the choice of model"
    return ": the choice of model matters about as much as who the person is"


def _built(found: Compared) -> Listing:
    rows = [
        (b.model, b.people, b.blood, b.grade, "\n".join([b.who, *b.doses]))
        for b in map(partial(built, found), found.models)
    ]
    return Listing(
        "Data that each was built on",
        ("model", "people", "blood", "grade", "who, and doses"), rows,
        ["grade: A sure, D weak, the worst of model and route. One in full: antalgic models NAME",
         *(f"note: {note}" for note in found.notes)],
    )  # fmt: skip


@dataclass(frozen=True)
class Built:
    """What a model was built on, as a reader sees it."""

    model: str
    people: str
    who: str
    doses: tuple[str, ...]
    blood: str
    grade: str
    source: Source
    defects: tuple[str, ...]


def built(found: Compared, model: str) -> Built:
    """What a model was built on; its grade is the worst of the model and the arm's routes."""
    file, number = found.models[model].file, found.models[model].file.population.n
    return Built(
        model,
        UNKNOWN if number is None else words.grouped(str(number)),
        file.population.text,
        tuple(f"{words.route(route)}: {text}" for route, text in file.doses.items()),
        file.sampling,
        max(found.models[model].grade(route) for route in found.regimen.routes),
        file.sources[file.default_source],
        file.defects,
    )


def _left(found: Compared) -> Listing:
    return Listing("Models that cannot be used here", ("model", "why"), list(found.left.items()))


# --- page --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One model in the table of an analyte: cells of median, band and ratio."""

    model: str
    cells: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Part:
    """All of one analyte: figure for a page and for a telephone, table, and what it says."""

    analyte: str
    drawn: tuple[Markup, ...]
    rows: tuple[Row, ...]
    said: tuple[str, ...]


def write(found: Compared, out: Path, *, command: str) -> Path:
    """Write compare.html, curves.parquet and manifest.json into ``out``, whole or not at all."""
    made = _manifest(found, command)

    def fill(folder: Path) -> None:
        found.curves().to_parquet(folder / "curves.parquet", index=False)
        (folder / PAGE).write_text(html(found, made), encoding="utf-8")

    return output.put(out, fill, made)


def _manifest(found: Compared, command: str) -> dict[str, Any]:
    study = found.study
    return {
        "antalgic": __version__,
        "command": command,
        "study": study.study,
        "file": str(study.path) if study.path else None,
        "arm": found.arm,
        "seed": study.seed,
        "people": len(found.people),
        "models": list(found.models),
        "notes": list(found.notes),
        "text": study.text,
    }


def html(found: Compared, made: Mapping[str, Any]) -> str:
    """The comparison as one page that loads nothing from elsewhere; ``made`` is its manifest."""
    return page.rendered(
        "compare.html.j2",
        study=found.study,
        arm=found.arm,
        models=words.spelled(len(found.models)),
        alone=len(found.models) == 1,
        people=words.count(len(found.people), "person", "people"),
        single=len(found.people) == 1,
        person=page.person(found.people),
        band=words.BAND,
        version=__version__,
        research=words.RESEARCH,
        heads=[(name(found, metric), UNITS[metric]) for metric in METRICS],
        parts=[_part(found, analyte) for analyte in found.analytes],
        built=[built(found, model) for model in found.models],
        left=found.left,
        notes=found.notes,
        seed=found.study.seed,
        command=made["command"],
        text=made["text"],
    )


def _part(found: Compared, analyte: str) -> Part:
    drawn = tuple(
        Markup(svg.inline(
            compare_figure.draw(found, analyte, layout), f"{analyte}-{layout}",
            compare_figure.alt(found, analyte), css=layout,
        ))
        for layout in figures.LAYOUT_NAMES
    )  # fmt: skip
    rows = tuple(
        Row(a.model, tuple(cell(e) for e in a.estimates.values()))
        for a in found.answers
        if a.analyte == analyte
    )
    said = (*spoken(found, analyte), *alone(found, analyte))
    return Part(words.analyte(analyte), drawn, rows, said)
