"""report.html: one file that says what was asked, what came out, and what it rests on."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from antalgic import __version__
from antalgic.population.people import People, typical_person
from antalgic.report import (
    balance,
    figures,
    harm_page,
    pain_page,
    session_page,
    svg,
    tables,
    words,
)
from antalgic.report import certainty as certainty_page
from antalgic.report.tables import Endpoint, Observed
from antalgic.report.window import words_of
from antalgic.result import Result

_SYMBOLS = {
    "Cmax": "C<sub>max</sub>",
    "tmax": "t<sub>max</sub>",
    "t½": "t<sub>½</sub>",
    "Css": "C<sub>ss</sub>",
    "Vss": "V<sub>ss</sub>",
}
_POWER = re.compile(r"\^([\d.]+)")
#: How a source was seen, for a reader.
SEEN = {
    "primary": "read in the source itself",
    "secondary": "numbers seen in another's transcription or quotation",
    "recalled": "known from memory, not seen",
    "not found": "not found",
}

#: What stands at the head of the report, sentence by sentence.
_SAID = (pain_page.summary, pain_page.doubt, tables.summary)


@dataclass(frozen=True)
class Cell:
    """Numbers of one endpoint as text."""

    median: str
    interval: str
    typical: str


@dataclass(frozen=True)
class Row:
    """One line of the table of endpoints."""

    name: str
    cells: tuple[Cell, ...]


def write(
    result: Result,
    path: str | Path,
    manifest: Mapping[str, Any],
    certainty: certainty_page.Said | None = None,
) -> None:
    """Write the report; ``manifest`` and ``certainty`` as in `html`."""
    Path(path).write_text(html(result, manifest, certainty), encoding="utf-8")


def html(
    result: Result, manifest: Mapping[str, Any], certainty: certainty_page.Said | None = None
) -> str:
    """The report as text.  It loads nothing from elsewhere and runs no script.

    manifest: what the run wrote to manifest.json; ``antalgic`` (version), ``command``, ``seed``,
    ``parameter_hash`` and ``text`` are shown where they are there.  certainty is there where the
    study was also simulated under draws of its parameters.
    """
    rows = tables.endpoints(result)
    observed = tables.observed(result)
    return rendered(
        "page.html.j2",
        study=result.study,
        people=words.count(len(result.people), "person", "people"),
        single=len(result.people) == 1,
        version=manifest.get("antalgic", __version__),
        research=words.RESEARCH,
        band=words.BAND,
        summary=" ".join(filter(None, (said(result) for said in _SAID))),
        pain=pain_page.gather(result),
        pain_drawn=[Markup(text) for text in _pain_drawn(result)],
        certainty=None if certainty is None else certainty_page.gather(*certainty),
        certainty_drawn=[Markup(text) for text in _certainty_drawn(result, certainty)],
        balance=balance.gather(result),
        harm=harm_page.gather(result),
        session=session_page.gather(result),
        drawn=[Markup(text) for text in _drawn(result, manifest)],
        groups=_groups(rows),
        heads=_heads(result),
        person=person(result.people),
        bare=result.bare,
        observed=_by_cohort(observed),
        agreement=_agreement(observed),
        cards=tables.model_cards(result),
        seen=SEEN,
        notes=[note.rstrip(".") + "." for note in result.notes],
        reproduce=_reproduce(result, manifest),
        text=manifest.get("text") or result.study.text,
    )


def _drawn(result: Result, manifest: Mapping[str, Any]) -> list[str]:
    """The figure twice, for a page and for a telephone; the style sheet shows one of them."""
    alt = figures.alt(result)
    if not figures.shown_outputs(result):
        return []
    return [
        svg.inline(
            figures.study(result, layout=layout, heading=False), f"figure-{layout}", alt, css=layout
        )
        for layout in figures.LAYOUT_NAMES
    ]


def _pain_drawn(result: Result) -> list[str]:
    """The figure of pain, as `_drawn`."""
    if "pain" not in result.outputs:
        return []
    alt = figures.pain_alt(result)
    return [
        svg.inline(figures.pain(result, layout=x, heading=False), f"pain-{x}", alt, css=x)
        for x in figures.LAYOUT_NAMES
    ]


def _certainty_drawn(result: Result, certainty: certainty_page.Said | None) -> list[str]:
    """The figure of two bands, as `_drawn`."""
    if certainty is None:
        return []
    found = certainty[0]
    return [
        svg.inline(
            figures.certainty(result, found, layout=x, heading=False), f"certainty-{x}",
            certainty_page.alt(found), css=x,
        )
        for x in figures.LAYOUT_NAMES
    ]  # fmt: skip


def _heads(result: Result) -> list[tuple[str, str]]:
    """Symbol and unit of each column of the table of endpoints."""
    end = words_of(float(result.quantiles.time.values[-1]))
    names = {**tables.NAMES, "auc": f"AUC 0–{end}"}
    return [(names[metric], tables.UNITS[metric]) for metric in tables.METRICS]


def _groups(rows: Sequence[Endpoint]) -> list[tuple[str, list[Row]]]:
    """Lines by analyte with one a arm; by one nameless group of analytes where there is one arm."""
    single = len({row.arm for row in rows}) == 1
    found: dict[str, list[Row]] = {}
    for analyte in dict.fromkeys(row.analyte for row in rows):
        for arm, own in groupby((r for r in rows if r.analyte == analyte), key=lambda r: r.arm):
            name = words.analyte(analyte)
            line = Row(name if single else arm, tuple(map(_cell, own)))
            found.setdefault("" if single else name, []).append(line)
    return list(found.items())


def _cell(row: Endpoint) -> Cell:
    return Cell(words.digits(row.median), tables.interval(row), words.digits(row.typical))


def person(people: People) -> str:
    """The typical person in words."""
    one = typical_person(people)
    sex = "woman" if one.female[0] else "man"
    kind = sex if one.age[0] >= 18 else "girl" if one.female[0] else "boy"
    age, weight = words.digits(float(one.age[0]), 2), words.digits(float(one.weight[0]))
    return f"a {kind} of {age} years and {weight} kg"


def _by_cohort(rows: Sequence[Observed]) -> list[tuple[Observed, list[Observed]]]:
    """Published values under the first of each cohort and arm."""
    parts = groupby(rows, key=lambda r: (r.arm, r.cohort, r.cohort_arm))
    lists = [list(part) for _, part in parts]
    return [(part[0], part) for part in lists]


def _agreement(rows: Sequence[Observed]) -> str:
    """How well simulated and observed agree, in one sentence."""
    folds = [row.fold for row in rows if row.fold is not None]
    if not folds:
        return ""
    within = sum(not row.beyond for row in rows if row.fold is not None)
    average = math.exp(sum(map(math.log, folds)) / len(folds))
    return (
        f"{within} of {words.count(len(folds), 'value')} "
        f"{'is' if within == 1 and len(folds) == 1 else 'are'} within two-fold; the geometric mean "
        f"of simulated over observed is {words.digits(average)}."
    )


def _reproduce(result: Result, manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    entries = {
        "Antalgic": manifest.get("antalgic", __version__),
        "Command": manifest.get("command"),
        "Study file": manifest.get("file"),
        "Seed": manifest.get("seed", result.study.seed),
        "People": len(result.people),
        "Parameter hash": manifest.get("parameter_hash"),
    }
    return [(name, str(value)) for name, value in entries.items() if value is not None]


# --- template ----------------------------------------------------------------------------------


def rendered(template: str, **values: Any) -> str:
    """A template of this room, filled; the style sheet is given to each."""
    css = Markup(template_text("page.css"))
    return environment().get_template(template).render(css=css, **values)


def template_text(name: str) -> str:
    """A template or style sheet by its name."""
    return (files("antalgic") / "report" / "templates" / name).read_text(encoding="utf-8")


@cache
def environment() -> Environment:
    """What every page is made with: text is escaped, and a name that is not there is an error."""
    found = Environment(
        loader=FunctionLoader(template_text), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    found.filters |= {
        "symbols": _symbols, "digits": words.digits, "analyte": words.analyte, "power": _power,
        "sentence": words.sentence,
    }  # fmt: skip
    return found


def _symbols(text: str) -> Markup:
    """Text with the field's symbols set properly."""
    written = str(escape(text))
    for plain, markup in _SYMBOLS.items():
        written = written.replace(plain, markup)
    return Markup(written)


def _power(text: str) -> Markup:
    """Text with exponents raised."""
    return Markup(_POWER.sub(r"<sup>\1</sup>", str(escape(text))))
