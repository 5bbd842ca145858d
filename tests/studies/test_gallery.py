"""The gallery of reproduced studies: what it judges, what it shows, and where its numbers are."""

import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

import antalgic
from antalgic.evidence import experiments, findings, gallery
from antalgic.model import receptor
from antalgic.report import gallery as shown

TENFOLD = {
    name: 10 * known.value
    for name, known in receptor.parameters().items()
    if name in ("IC50_phasic", "IC50_tonic")
}


@pytest.fixture(scope="module")
def trial() -> gallery.Gallery:
    return gallery.run("noppers2011", draws=5)


def verdicts(found: gallery.Gallery) -> dict[str, bool | None]:
    return {line.what: line.hit for entry in found.entries for line in entry.lines}


def test_the_design_of_every_trial_is_an_ordinary_study_file() -> None:
    folder = files("antalgic") / "library" / "studies"
    for name in findings.names():
        trial = findings.load(name)
        assert trial.name == name
        if not trial.pooled:
            path = Path(str(folder / name / "study.yaml"))
            assert antalgic.load(path).regimens().keys() == trial.design.regimens().keys()


def test_every_miss_of_receptor_and_wind_up_is_explained_and_nothing_else_is() -> None:
    found = experiments.run(experiments.names())
    assert len(found) > 20
    assert [o.reading.id for o in found if not o.hit] == [
        o.reading.id for o in found if o.reading.miss
    ]


def test_channels_ten_times_less_sensitive_are_missed_and_the_cell_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = receptor.parameters

    def hits() -> set[tuple[str, str]]:
        found = experiments.run(experiments.names())
        return {(o.experiment.name, o.reading.id) for o in found if o.hit}

    before = hits()

    def insensitive(*subunits: str | None, **named: str | None):  # type: ignore[no-untyped-def]
        return {
            name: replace(v, value=10 * v.value) if name.startswith("IC50") else v
            for name, v in real(*subunits, **named).items()
        }

    monkeypatch.setattr(receptor, "parameters", insensitive)
    turned = before - hits()
    assert len(turned) == 7
    assert turned == {pair for pair in before if pair[0] == "kotermanski2009"}


def test_c50_times_ten_turns_relief_to_a_miss_and_leaves_placebo() -> None:
    relief = verdicts(gallery.run("noppers2011", changes=TENFOLD, draws=0))
    assert relief["15 min on ketamine"] is False
    assert relief["15 min on midazolam"] is True


def test_intervals_hold_what_the_draws_give(trial: gallery.Gallery) -> None:
    (entry,) = trial.entries
    early = next(line for line in entry.lines if line.what == "15 min on ketamine")
    assert early.interval is not None
    low, high = early.interval
    assert 0 <= low < high <= 1
    assert verdicts(trial)["15 min on ketamine"] is True


def test_the_page_shows_each_number_once_and_loads_nothing(trial: gallery.Gallery) -> None:
    text = shown.html(trial)
    said = re.sub(r"<svg.*?</svg>|<style.*?</style>|<[^>]*>", " ", text, flags=re.S)
    assert not re.search(r"\b(nan|inf|None)\b", said)
    assert not re.search(r'(src|href)="(?!https://doi\.org/|https?://|#)', text)
    for line in trial.entries[0].lines:
        assert shown.cells(line)[1] in said
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))


def test_no_digit_is_typed_in_the_prose_of_the_gallery() -> None:
    prose = (Path(__file__).parents[2] / "docs" / "gallery.md").read_text(encoding="utf-8")
    assert not re.search(r"\d", prose)


def test_misses_come_first() -> None:
    found = gallery.run("memantine-oocytes", draws=0).entries + (
        gallery.run("guirimand2000", draws=0).entries
    )
    hits = [line.hit for _, line in shown.ordered(found[::-1])]
    assert hits == sorted(hits)
    assert hits[0] is False and hits[-1] is True
