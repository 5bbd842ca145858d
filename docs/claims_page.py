"""Writes the table of claims and the page that anyone can read, both from one run."""

from pathlib import Path

from shelf_page import markdown


def write(folder: Path) -> None:
    """Write claims.md, and extra/claims-read.html, to ``folder``."""
    from antalgic.evidence import claims, claims_run  # only building the pages needs the package
    from antalgic.model.mechanism import DEFAULT
    from antalgic.report import claim_words, claims_page

    found = claims_run.run([claims.load(name) for name in claims.names()])
    outcomes = [told.outcome for told in found]
    rows = [
        (
            f'<a href="claims-read.html#{o.claim.claim}">{o.claim.claim}</a>',
            o.claim.question,
            o.claim.verdict,
            claim_words.brief(o),
        )
        for o in outcomes
    ]
    table = markdown([("claim", "question", "verdict of the evidence", "simulation"), *rows])
    text = (
        f"{claims_page.tally(outcomes)[:1].upper()}{claims_page.tally(outcomes)[1:]}.\n\n{table}\n"
    )
    extra = folder / "extra"
    extra.mkdir(parents=True, exist_ok=True)
    (folder / "claims.md").write_text(text, encoding="utf-8")
    claims_page.write(found, extra / "claims-read.html", mechanism=DEFAULT)
