"""Writes the account of credibility: words of the library, figures of runs made meanwhile."""

import ast
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from shelf_page import bullets, markdown, plain, reference

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "calibration" / "results"
#: A posterior at least this wide, in SD of its prior, has not been learned from the findings.
_UNLEARNED = 0.9


def write(path: Path, found: Any) -> None:
    """Write the page's body to ``path``, counted from a run of the whole gallery."""
    text = body(found.blood, found.clinical, found.bench)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


def body(blood: Any, outcomes: Any, bench: Any = ()) -> str:
    """The page's body in Markdown, from outcomes of validate, findings and experiments."""
    from antalgic.evidence import credibility

    words = credibility.words()
    parts = {
        "question": ("Questions of interest", _questions(words)),
        "context": ("Context of use", _contexts(words)),
        "risk": ("Model risk", _risks(words)),
        "verification": ("Verification", _verification(words)),
        "validation": ("Validation", _validation(blood, outcomes, bench, credibility)),
        "uncertainty": ("Uncertainty", _uncertainty(words, credibility)),
        "applicability": ("Applicability", _applicability(words, credibility)),
    }
    keys = list(words.sources)
    blocks = []
    for name, (title, text) in parts.items():
        asked = words.headings[name]
        blocks += [f"## {title}", f"*{asked.says}* [{keys.index(asked.source) + 1}]", text]
    sources = _numbered(map(_cited, words.sources.values()))
    return "\n\n".join([*blocks, "## Sources of the headings", sources])


def _cited(source: Any) -> str:
    note = f" ({source.note})" if source.note else ""
    return reference(source) + plain(note)


def _questions(words: Any) -> str:
    """One line a question, with how its answer is to be read."""
    return _numbered(
        f"**{plain(q.question)}** {plain(q.read)}"
        + (f" Checked by: {', '.join(q.evidence)}." if q.evidence else "")
        for q in words.questions.values()
    )


def _contexts(words: Any) -> str:
    """By the number of the question."""
    return _numbered(plain(q.context) for q in words.questions.values())


def _numbered(lines: Iterable[str]) -> str:
    return "\n".join(f"{n}. {line}" for n, line in enumerate(lines, 1))


def _risks(words: Any) -> str:
    """By the number of the question."""
    said = "The levels are judged here, with the reason; risk follows from the sum of the two."
    lines = (
        f"**{q.risk.capitalize()}** risk. Influence {q.influence}: {plain(q.influence_because)}. "
        f"Consequence {q.consequence}: {plain(q.consequence_because)}."
        for q in words.questions.values()
    )
    return f"{said}\n\n{_numbered(lines)}"


def _verification(words: Any) -> str:
    counts = {c.test: tests(ROOT / c.test) for c in words.verification}
    said = (
        f"{sum(counts.values())} tests, many of them over drawn or listed cases; `make test` runs "
        "them."
    )
    lines = (f"{plain(c.what)} (`{c.test}`, {counts[c.test]})." for c in words.verification)
    return f"{said}\n\n{bullets(*lines)}"


def tests(path: Path) -> int:
    """Number of tests that a file defines."""
    found = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return sum(isinstance(n, ast.FunctionDef) and n.name.startswith("test") for n in found)


def _validation(blood: Any, outcomes: Any, bench: Any, credibility: Any) -> str:
    tallies = credibility.tallies(blood, outcomes, bench)
    rows: list[Any] = [("kind", "standing", "inside", "no tolerance")]
    rows += [
        (t.kind, t.standing, f"{t.inside} of {t.judged}", str(t.n - t.judged)) for t in tallies
    ]
    judged, inside = sum(t.judged for t in tallies), sum(t.inside for t in tallies)
    targets = credibility.targets(outcomes)
    open_ = [number for number, met in targets.items() if not met]
    unseen = [t for t in tallies if t.standing in ("external", "checked only")]
    unjudged = sum(t.n - t.judged for t in tallies)
    lines = [
        f"Of {judged} published values with a tolerance, {inside} are inside it; "
        f"of the {sum(t.judged for t in unseen)} that no fit has seen, "
        f"{sum(t.inside for t in unseen)}. {unjudged} more are simulated and have no tolerance.",
        f"Of {len(targets)} numbered targets of calibration, {sum(targets.values())} are met"
        + (f"; not number {', '.join(str(n) for n in open_)}." if open_ else "."),
        "A concentration is inside within two-fold; a finding of a trial, within the interval "
        "that its entry in the library states. *Seen in fitting*: the model's own authors "
        "estimated it from these people. *Fitted here*: calibration used it. Both are "
        "no test of the model.",
    ]
    missed = credibility.misses(blood, outcomes, bench)
    named = ["**Misses**", bullets(*map(_miss, missed))] if missed else ["There is no miss."]
    return "\n\n".join([*lines, markdown(rows), *named])


def _miss(miss: Any) -> str:
    from antalgic.report import words

    values = (miss.observed, miss.simulated)
    seen, found = (f"{words.digits(value)} {miss.unit}".strip() for value in values)
    return (
        f"**{plain(miss.where)}**, {plain(miss.what)} ({miss.kind}): observed {seen}, simulated "
        f"{found}. {plain(words.sentence(miss.why))}"
    )


def _uncertainty(words: Any, credibility: Any) -> str:
    from antalgic.model import mechanism as mechanisms

    rows: list[Any] = [("mechanism", "fitted", "of these not learned", "posterior draws")]
    for name in mechanisms.names():
        fitted = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))["parameters"]
        wide = [n for n, p in fitted.items() if p["of_prior_sd"] >= _UNLEARNED]
        listed = f"{len(wide)} ({', '.join(wide)})" if wide else "0"
        rows.append((name, str(len(fitted)), listed, str(len(mechanisms.posterior(name)))))
    graded = credibility.graded()
    grades: list[Any] = [("numbers of", *graded[0].grades)]
    grades += [(g.part, *map(str, g.grades.values())) for g in graded]
    hows = (
        f"{g.part}: {', '.join(f'{n} {how}' for how, n in g.hows.items() if n)}." for g in graded
    )
    return "\n\n".join(
        [
            bullets(*map(plain, words.uncertainty)),
            f"Not learned: a posterior at least {_UNLEARNED:g} times as wide as its prior.",
            markdown(rows),
            "How sure the numbers are, by grade (A sure, D weak):",
            markdown(grades),
            "How they were obtained:",
            bullets(*hows),
        ]
    )


def _applicability(words: Any, credibility: Any) -> str:
    return "\n\n".join(
        [
            "The checks do not bear on:",
            bullets(*map(plain, words.applicability.not_for)),
            "Marked exploratory wherever it appears:",
            bullets(*map(plain, credibility.exploratory())),
            plain(words.applicability.blind),
        ]
    )
