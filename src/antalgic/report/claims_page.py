"""Claims for a reader: the table, one in full, and a page that needs no knowledge of the field."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from antalgic import __version__
from antalgic.errors import InputError
from antalgic.evidence import claims
from antalgic.evidence.claims import Outcome, Published
from antalgic.evidence.claims_run import Told
from antalgic.report import claim_figure, claim_words, page, svg, words
from antalgic.report.listings import Listing, Record


def listing(found: Sequence[Told]) -> Listing:
    """One row a claim: what it says, the verdict of the evidence, and the simulation."""
    outcomes = [told.outcome for told in found]
    rows = [(o.claim.claim, o.claim.says, o.claim.verdict, claim_words.brief(o)) for o in outcomes]
    return Listing(
        f"Claims: {tally(outcomes)}",
        ("claim", "says", "evidence", "simulation"), rows,
        ["One in full: antalgic claims NAME. A page to read: antalgic claims --html claims.html"],
        to_json(found),
    )  # fmt: skip


def tally(outcomes: Sequence[Outcome]) -> str:
    """How many were simulated, and how many of these agree with the evidence."""
    simulated = [o for o in outcomes if o.claim.simulated is not None]
    compared = [o for o in simulated if o.agrees is not None]
    return (
        f"{len(simulated)} of {len(outcomes)} simulated; in {sum(bool(o.agrees) for o in compared)}"
        f" of {len(compared)} compared, simulation and evidence agree"
    )


def record(told: Told) -> Record:
    """One claim in full."""
    outcome, claim = told.outcome, told.outcome.claim
    return Record(
        {
            "claim": f"{claim.claim} ({claim.section})",
            "says": claim.says,
            "verdict of the evidence": f"{claim.verdict}: {claim.reason}",
            "in plain words": claim.answer.strip(),
            "published": [said(row, row.source) for row in claim.evidence],
            "withheld": WITHHELD if claim.withheld else "",
            "exploratory": list(outcome.exploratory),
            "simulated": claim_words.sentence(outcome),
            "beside the evidence": claim_words.verdict(outcome),
            "numbers": numbers(outcome),
            "sources": {key: source.citation for key, source in claim.sources.items()},
        }
    )


#: What is said where results are kept back for a blind check.
WITHHELD = "Results of one or more studies are kept back for a blind check and are not shown here."


def said(row: Published, cited: str | int) -> str:
    """A published number with its size, design and spread, and where it is cited."""
    size = f"n = {row.n}" if row.n else ""
    beside = ", ".join(filter(None, (row.design, size, row.spread)))
    return f"{row.says}{f' ({beside})' if beside else ''} [{cited}]"


def numbers(outcome: Outcome) -> dict[str, str]:
    """Each number of the simulation, and what the evidence lets one expect of it."""
    told = outcome.claim.simulated
    if told is None:
        return {}
    found = {}
    for name, number in told.numbers.items():
        text = claim_words.value(number, outcome.values[name])
        rows = [claim_words.expected(number, row) for row in told.compare if row.of == name]
        expected = f", expected {'; '.join(rows)}" if rows else ""
        found[name] = f"{text} ({claim_words.what(number)}){expected}"
    return found


def to_json(found: Sequence[Told]) -> list[dict[str, Any]]:
    """Each claim as plain data; a number that never comes about is null."""
    return [_plain(told.outcome) for told in found]


def _plain(outcome: Outcome) -> dict[str, Any]:
    claim, told = outcome.claim, outcome.claim.simulated
    compare = () if told is None else told.compare
    return {
        "claim": claim.claim, "section": claim.section, "says": claim.says,
        "verdict": claim.verdict, "reason": claim.reason, "answer": claim.answer.strip(),
        "withheld": claim.withheld, "simulated": told is not None,
        "not_simulated": claim.not_simulated, "agrees": outcome.agrees,
        "exploratory": list(outcome.exploratory), "sentence": claim_words.sentence(outcome),
        "numbers": {
            name: None if claims.never(value) else value for name, value in outcome.values.items()
        },
        "compare": [
            {
                "of": row.of, "within": list(row.within), "source": row.source, "why": row.why,
                "met": row.met(outcome.values[row.of]),
            }
            for row in compare
        ],
        "evidence": [row.model_dump(exclude_none=True) for row in claim.evidence],
    }  # fmt: skip


def check(path: Path) -> None:
    """Refuse, before any work, a page that cannot be written there."""
    if path.is_dir():
        raise InputError(f"'{path}' is a folder, expected a file", field="--html")
    if not path.parent.is_dir():
        raise InputError(f"there is no folder '{path.parent}'", field="--html")


# --- the page ----------------------------------------------------------------------------------


def write(found: Sequence[Told], path: Path, *, mechanism: str) -> None:
    """Write the page of these claims; it loads nothing from elsewhere and runs no script."""
    path.write_text(html(found, mechanism=mechanism), encoding="utf-8")


def html(found: Sequence[Told], *, mechanism: str) -> str:
    """The page as text, by section of the article."""
    sections: dict[str, list[dict[str, Any]]] = {}
    for told in found:
        sections.setdefault(told.outcome.claim.section, []).append(_article(told))
    return page.rendered(
        "claims.html.j2",
        version=__version__,
        own_css=Markup(page.template_text("claims.css")),
        research=words.RESEARCH,
        summary=words.sentence(tally([told.outcome for told in found])),
        sections=list(sections.items()),
        withheld=WITHHELD,
        seen=page.SEEN,
        reproduce=f"Simulated with the mechanism {mechanism}, by antalgic claims --html.",
    )


def _article(told: Told) -> dict[str, Any]:
    outcome, claim = told.outcome, told.outcome.claim
    places = list(claim.sources)
    return {
        "name": claim.claim,
        "question": claim.question,
        "answer": claim.answer.strip(),
        "verdict": claim.verdict,
        "reason": claim.reason,
        "says": claim.says,
        "images": _images(told),
        "sentence": claim_words.sentence(outcome),
        "agrees": outcome.agrees,
        "beside": claim_words.verdict(outcome),
        "exploratory": outcome.exploratory,
        "published": [said(row, places.index(row.source) + 1) for row in claim.evidence],
        "withheld": claim.withheld,
        "sources": list(claim.sources.values()),
    }


def _images(told: Told) -> list[Markup]:
    """The figure twice, for a page and for a telephone."""
    drawn = []
    for layout in ("wide", "narrow"):
        figure = claim_figure.draw(told, layout)
        if figure is not None:
            name = f"{told.outcome.claim.claim}-{layout}"
            drawn.append(Markup(svg.inline(figure, name, claim_figure.alt(told), css=layout)))
    return drawn
