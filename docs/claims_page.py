"""Writes the table of claims and the page that anyone can read, both from one run."""

import re
from pathlib import Path

from shelf_page import markdown


def write(folder: Path) -> None:
    """Write claims.md, and extra/claims-read.html, to ``folder``."""
    from antalgic.evidence import claims, claims_run  # only building the pages needs the package
    from antalgic.model.mechanism import DEFAULT
    from antalgic.report import claim_words, claims_page, words

    found = claims_run.run([claims.load(name) for name in claims.names()])
    outcomes = [told.outcome for told in found]
    rows = [
        (o.claim.claim, o.claim.question, o.claim.verdict, claim_words.brief(o)) for o in outcomes
    ]
    table = markdown([("claim", "question", "evidence", "simulation"), *rows])
    table = re.sub(r"^\| (C\d+) ", r'| <a href="claims-read.html#\1">\1</a> ', table, flags=re.M)
    text = f"{words.sentence(claims_page.tally(outcomes))}\n\n{table}\n"
    extra = folder / "extra"
    extra.mkdir(parents=True, exist_ok=True)
    (folder / "claims.md").write_text(text, encoding="utf-8")
    claims_page.write(found, extra / "claims-read.html", mechanism=DEFAULT)
