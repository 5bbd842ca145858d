"""The account of credibility: its words hold no figure, its figures are those of the checks."""

import dataclasses
import re
import sys
from pathlib import Path

import pytest

from antalgic import yamlfile
from antalgic.evidence import credibility, experiments, findings, validate
from antalgic.evidence.credibility import KINDS, LEVELS, Question

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))

import credibility_page  # noqa: E402  (found through the line above)


def outcomes(hit: bool = True) -> list[findings.Outcome]:
    """Every finding on file, all inside their tolerance or all outside; nothing is simulated."""
    return [
        findings.Outcome(trial, f, f.value if f.within is None else f.within[1] + (0 if hit else 9))
        for trial in map(findings.load, findings.names())
        for f in trial.findings
    ]


@pytest.fixture(scope="module")
def blood() -> validate.Outcome:
    return validate.run(["white_1980", "hartvig_1993"])


def spoken(node: object) -> list[str]:
    """All texts of the file but its sources and the names of files and findings."""
    if isinstance(node, str):
        return [node]
    if isinstance(node, dict):
        left = ("sources", "source", "test", "fitted_beside")
        return [t for key, value in node.items() if key not in left for t in spoken(value)]
    return [t for value in node for t in spoken(value)] if isinstance(node, list | tuple) else []


def test_no_digit_is_typed_in_the_words() -> None:
    said = spoken(yamlfile.library(credibility.LIBRARY).data)
    assert len(said) > 60
    assert [text for text in said if re.search(r"\d", text)] == []
    page = (ROOT / "docs" / "credibility.md").read_text(encoding="utf-8")
    assert re.search(r"\d", page) is None


def test_words_name_what_there_is() -> None:
    words = credibility.words()
    assert {h.source for h in words.headings.values()} <= set(words.sources)
    assert all(credibility_page.tests(ROOT / check.test) > 0 for check in words.verification)
    assert {kind for q in words.questions.values() for kind in q.evidence} <= set(KINDS)
    for beside in words.fitted_beside:
        ids = {f.id: f for f in findings.load(beside.trial).findings}
        assert all(ids[name].use == "check" for name in beside.findings)
        assert (ROOT / beside.by).exists()


def test_a_finding_that_a_note_calls_fitted_is_not_counted_as_unseen() -> None:
    told = re.compile(r"calibrated to it|condition is fitted to it")
    noted = [o for o in outcomes() if told.search(o.finding.note or "")]
    assert len(noted) > 5
    assert all(credibility.fitted(o) for o in noted)


def test_risk_rises_with_influence_and_with_consequence() -> None:
    one = next(iter(credibility.words().questions.values()))
    rank = {
        (a, b): LEVELS.index(
            Question.risk.fget(one.model_copy(update={"influence": a, "consequence": b}))
        )  # type: ignore[attr-defined]
        for a in LEVELS
        for b in LEVELS
    }
    for (a, b), risk in rank.items():
        for c in LEVELS[LEVELS.index(a) :]:
            assert rank[c, b] >= risk
        assert rank[b, a] == risk
    assert rank["low", "low"] == 0 and rank["high", "high"] == 2


def test_tallies_count_every_check_once(blood: validate.Outcome) -> None:
    found = outcomes()
    bench = experiments.run(experiments.names())
    tallies = credibility.tallies(blood, found, bench)
    rows = [r for r in blood.rows if r.chosen and r.simulated is not None]
    assert sum(t.n for t in tallies) == len(found) + len(rows) + len(bench)
    apart = ("blood", "receptor", "wind-up")
    assert sum(t.judged for t in tallies if t.kind not in apart) == sum(
        o.finding.within is not None for o in found
    )
    named = credibility.misses(blood, found, bench)
    assert sum(m.kind in ("receptor", "wind-up") for m in named) == sum(not o.hit for o in bench)
    assert {t.kind for t in tallies} == set(KINDS)


def test_a_miss_is_counted_named_and_opens_its_target(blood: validate.Outcome) -> None:
    good, bad = outcomes(), outcomes(hit=False)
    judged = sum(o.hit is not None for o in good)
    assert all(credibility.targets(good).values()) and not any(credibility.targets(bad).values())
    of_blood = len(blood.misses)
    assert of_blood > 0
    assert len(credibility.misses(blood, good)) == of_blood
    assert len(credibility.misses(blood, bad)) == of_blood + judged
    one = next(i for i, o in enumerate(good) if o.finding.target == 1 and o.hit is not None)
    changed = [*good[:one], dataclasses.replace(good[one], simulated=1e9), *good[one + 1 :]]
    page = credibility_page.body(blood, changed)
    assert "not number 1." in page
    assert f"**{good[one].trial.name}**, {good[one].finding.id}" in page.replace("\\", "")
    assert "**hartvig_1993**" in page.replace("\\", "")


def test_the_page_has_the_headings_of_the_field_and_every_exploratory_ground(
    blood: validate.Outcome,
) -> None:
    page = credibility_page.body(blood, outcomes())
    headings = re.findall(r"^## (.+)$", page, re.MULTILINE)
    assert headings[:7] == [
        "Questions of interest", "Context of use", "Model risk", "Verification", "Validation",
        "Uncertainty", "Applicability",
    ]  # fmt: skip
    grounds = yamlfile.library("exploratory.yaml").data["grounds"].values()
    assert all(str(says) in page.replace("\\", "") for says in grounds)
    assert "blind check" in page
