import math
import re
from functools import cache
from html.parser import HTMLParser

import numpy as np
import pytest

import antalgic
from antalgic.model import shelf
from antalgic.population.people import typical_person
from antalgic.report import page, svg, tables, words
from antalgic.report.output import manifest
from antalgic.simulation import simulate

COHORT = """
study: cohort
question: Does it follow the data?
population: {size: 40, weight: {mean: 70 kg, sd: 8 kg}, age: 23 years}
horizon: 48 h
arms:
  drug: [{drug: s-ketamine, route: iv, amount: 10 mg, for: 30 min}]
  salt water: [{drug: placebo, route: iv, for: 30 min}]
seed: 1
"""
ARMS = """
study: arms
population: {size: 30}
horizon: 1 day
arms:
  low: [{drug: ketamine, route: oral, amount: 20 mg}]
  high: [{drug: ketamine, route: oral, amount: 40 mg, missed: 0.5}]
models: {pharmacokinetics: kamp2020}
seed: 1
"""
MODELS = """
study: models
population: {size: 30}
horizon: 8 h
arms:
  infusion: [{drug: s-ketamine, route: iv, amount: 0.5 mg/kg, for: 40 min}]
models: {pharmacokinetics: [simons2022, fanta2015+otto2021, kamp2020]}
outputs: [s-ketamine]
seed: 1
"""
TYPICAL = """
study: typical
population: {typical: true}
horizon: 2 days
arms:
  vein: [{drug: s-ketamine, route: iv, amount: 10 mg, for: 30 min}]
seed: 1
"""
NOTHING = """
study: nothing
population: {size: 20}
horizon: 1 day
arms: {wrong hand: [{drug: s-ketamine, route: iv, amount: 10 mg}]}
models: {pharmacokinetics: kamp2020}
outputs: [r-ketamine]
seed: 1
"""
NASTY = COHORT.replace("study: cohort", 'study: <b>x</b> & "y"').replace(
    "  drug:", "  <script>alert(1)</script> {{ 1 }}:"
)
VOID = {"meta", "link", "br", "hr", "img", "input", "use", "path"}
ALL = (COHORT, ARMS, MODELS, TYPICAL, NOTHING, NASTY)


@cache
def result(text: str) -> antalgic.Result:
    return antalgic.loads(text).run(threads=1)


@cache
def html(text: str) -> str:
    return page.html(result(text), manifest(result(text), "antalgic run study.yaml --out out"))


class Reader(HTMLParser):
    """Collects tags, ids, table cells and text, and complains where tags do not match."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.table: str | None = None
        self.rows: dict[str, list[list[str]]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        self.tags.append((tag, names))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.table = names["class"] or ""
        if tag == "tr" and self.table is not None:
            self.rows.setdefault(self.table, []).append([])
        if tag in ("td", "th") and self.table is not None:
            self.rows[self.table][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self.open and self.open[-1] == tag, (tag, self.open[-3:], self.getpos())
        self.open.pop()
        if tag == "table":
            self.table = None

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.words.append(data)
        if {"td", "th"} & set(self.open) and self.table is not None:
            self.rows[self.table][-1][-1] += f" {data.strip()}"


@cache
def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(html(text))
    reader.close()
    assert not reader.open
    return reader


def number(text: str) -> float:
    return float(text.replace(words.THIN, "").replace("\u2212", "-"))


@pytest.mark.parametrize("text", ALL)
def test_the_page_is_well_formed_and_stands_alone(text: str) -> None:
    reader = read(text)
    assert len(html(text).encode()) < 3_000_000
    names = [tag for tag, _ in reader.tags]
    assert not {"script", "link", "img", "iframe", "object"} & set(names)
    for tag, attributes in reader.tags:
        for name in ("src", "href", "xlink:href", "action", "poster"):
            target = attributes.get(name) or "#"
            assert target.startswith("#") or (tag == "a" and target.startswith("https://"))
    assert not re.search(r"url\((?!#)|@import", html(text))


@pytest.mark.parametrize("text", ALL)
def test_ids_are_unique_and_references_lead_somewhere(text: str) -> None:
    ids = [a["id"] for _, a in read(text).tags if a.get("id")]
    assert len(ids) == len(set(ids))
    pointed = set(re.findall(r"url\(#([^)]+)\)", html(text)))
    for _, attributes in read(text).tags:
        pointed |= set((attributes.get("aria-labelledby") or "").split())
        target = attributes.get("xlink:href") or ""
        pointed |= {target[1:]} if target.startswith("#") else set()
    assert pointed <= set(ids)


@pytest.mark.parametrize("text", ALL)
def test_cells_of_tables_have_headers_and_figures_have_words(text: str) -> None:
    for tag, attributes in read(text).tags:
        if tag == "th":
            assert attributes.get("scope") in ("col", "row", "rowgroup")
        if tag == "svg":
            assert attributes["role"] == "img"
            title = re.search(f'<title id="{attributes["aria-labelledby"]}">([^<]+)', html(text))
            assert title is not None and len(title[1]) > 30
    assert [tag for tag, _ in read(text).tags].count("h1") == 1


@pytest.mark.parametrize("text", ALL)
def test_no_number_is_missing_in_the_text(text: str) -> None:
    said = " ".join(read(text).words)
    assert not re.search(r"\b(nan|NaN|inf|None|n/a)\b", said)
    assert "{{" not in said.replace("{{ 1 }}", "") and "{%" not in said
    assert "Research software" in said and "not a dose for a person" in said


def test_what_the_user_wrote_is_text_and_not_markup() -> None:
    assert "<script" not in html(NASTY)
    assert "<b>x</b>" not in html(NASTY)
    said = " ".join(read(NASTY).words)
    assert '<b>x</b> & "y"' in said
    assert "<script>alert(1)</script> {{ 1 }}" in said


def test_every_number_of_the_endpoint_table_is_that_of_the_patients() -> None:
    people = result(ARMS).patients
    person = typical_person(result(ARMS).people)
    rows = read(ARMS).rows["endpoints"][1:]
    analyte, seen = "", 0
    for row in rows:
        if len(row) == 1:
            analyte = row[0].strip()[:1].lower() + row[0].strip()[1:]
            continue
        arm = row[0].strip()
        own = people[arm == people.ARM]
        run = simulate(
            "kamp2020", result(ARMS).arm(arm).regimen, person, result(ARMS).quantiles.time.values,
            typical=True,
        )  # fmt: skip
        column = run.analytes.index(analyte)
        typical = (run.cmax, run.tmax, run.auc, run.half_life)
        for cell, metric, exact in zip(
            row[1:], ("cmax", "tmax", "auc", "thalf"), typical, strict=True
        ):
            values = own[f"{analyte}.{metric}"]
            parts = cell.split()
            assert parts[0] == words.digits(float(values.median()))
            low, high = (words.digits(float(values.quantile(q))) for q in (0.05, 0.95))
            if low != high:
                assert parts[1] == f"{low}–{high}"
            assert parts[-1] == words.digits(float(exact[0, column]))
            seen += 1
    assert seen == 2 * 3 * 4


def test_area_of_a_single_dose_is_dose_over_clearance() -> None:
    rows = tables.endpoints(result(TYPICAL))
    area = next(r for r in rows if (r.analyte, r.metric) == ("s-ketamine", "auc"))
    weight = float(result(TYPICAL).people.weight[0])
    clearance = 95.2 * (weight / 70) ** 0.75
    assert area.typical == pytest.approx(1000 * 10 / clearance, rel=0.02)  # to 48 h
    assert area.typical == area.median == area.low == area.high
    assert tables.interval(area) == ""


def test_observed_values_stand_beside_simulated_ones() -> None:
    rows = {row.id: row for row in tables.observed(result(COHORT))}
    assert len(rows) == 16
    first = rows["O134"]
    exact = float(result(COHORT).sel(arm="drug", output="s-ketamine", quantile=0.5, time=0.5))
    assert (first.observed, first.unit, first.what) == ("56.0", "ng/mL", "C at 30 min (median)")
    assert first.simulated == words.digits(exact)
    assert first.fold == pytest.approx(exact / 56.0)
    assert (first.standing, rows["O142"].standing) == ("external", "seen in fitting")
    cells = read(COHORT).rows["observed"]
    row = next(r for r in cells if "C at 30 min" in r[0] and "S-ketamine" in r[0])
    assert [c.split()[0] for c in row[1:]] == [
        first.observed,
        first.simulated,
        words.digits(exact / 56),
    ]
    folds = [r.fold for r in rows.values() if r.fold is not None]
    mean = math.exp(np.mean(np.log(folds)))
    said = " ".join(" ".join(read(COHORT).words).split())
    assert f"the geometric mean of simulated over observed is {words.digits(mean)}" in said


def test_models_come_with_reason_defects_grades_and_sources() -> None:
    said = " ".join(" ".join(read(COHORT).words).split())
    model = shelf.load("fanta2015+otto2021")
    for defect in model.file.defects:
        assert defect in said
    assert "picked by external evaluation" in said
    assert "IV: B" in said
    links = {a.get("href") for tag, a in read(COHORT).tags if tag == "a"}
    assert {f"https://doi.org/{s.doi}" for s in model.file.sources.values() if s.doi} <= links
    names = [row[0].strip() for row in read(COHORT).rows["parameters"][1:]]
    assert names == list(model.parameters)
    clearance = next(r for r in tables.parameters(model) if r.name == "CL")
    assert clearance.value == "95.2 L/h"
    assert clearance.variability == "CV 16.2 % (ω² 0.0260)"
    assert (clearance.how, clearance.grade, clearance.locator) == ("transcribed", "B", "Table 3")


@pytest.mark.parametrize("name", shelf.load("kamp2020").file.parameters)
def test_a_parameter_row_keeps_what_the_library_says(name: str) -> None:
    model = shelf.load("kamp2020")
    row = next(r for r in tables.parameters(model) if r.name == name)
    known = model.parameters[name].known
    assert (row.value, row.how, row.grade, row.source) == (
        known.text, known.how, known.grade, known.source,
    )  # fmt: skip


def test_notes_and_arms_without_drug_are_said() -> None:
    said = " ".join(" ".join(read(COHORT).words).split())
    for note in result(COHORT).notes:
        assert note in said
    assert "In the arm salt water no drug is given" in said
    assert "R-ketamine: zero in every arm" in " ".join(read(NOTHING).words)


def test_the_page_says_how_to_make_it_again() -> None:
    said = " ".join(read(COHORT).words)
    made = manifest(result(COHORT), "")
    for part in (antalgic.__version__, "antalgic run study.yaml --out out", made["parameter_hash"]):
        assert part in said
    assert COHORT.strip() in said
    bare = page.html(result(COHORT), {})
    assert "Parameter hash" not in bare and COHORT.strip().splitlines()[1] in bare


def test_the_summary_is_made_of_the_endpoints() -> None:
    peak = next(r for r in tables.endpoints(result(COHORT)) if r.metric == "cmax")
    said = tables.summary(result(COHORT))
    assert said.startswith("In the median of 40 simulated people, S-ketamine peaks at ")
    assert f"{words.digits(peak.median)} ng/mL (5–95 %: {tables.interval(peak)})" in said
    assert tables.summary(result(TYPICAL)).startswith("In one typical person, S-ketamine peaks at")
    disagree = tables.summary(result(MODELS))
    assert disagree.startswith("Three models put the median Cmax of S-ketamine between ")
    arms = tables.summary(result(ARMS))
    assert re.search(r"ketamine peaks at [\d.]+ ng/mL \(.*\) under “low” and at [\d.]+ ng", arms)
    assert arms.count("peaks") == 1


def test_numbers_in_a_figure_are_not_cut() -> None:
    study = antalgic.loads(ARMS.replace("amount: 20 mg", "amount: 0.667 mg/kg")).run(threads=1)
    assert ">0.667</text>" in page.html(study, {})


def test_a_figure_too_large_for_text_becomes_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    from antalgic.report import figures

    monkeypatch.setattr(svg, "LARGEST", 10)
    drawn = svg.inline(figures.study(result(TYPICAL), heading=False), "f", "words", css="wide")
    assert "data:image/png;base64," in drawn
    assert "concentration (ng/mL)" in drawn


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (1.0, "1.00"), (95.24, "95.2"), (0.00123456, "0.00123"), (999.6, "1000"),
        (1234.0, "1230"), (23456.0, f"23{words.THIN}500"), (123456.0, f"123{words.THIN}000"),
        (1.234e7, "1.23 × 10⁷"), (9.996e5, "1.00 × 10⁶"), (0.00001234, "1.23 × 10⁻⁵"),
        (-2.5, "\u22122.50"), (float("nan"), "n/a"), (float("inf"), "n/a"),
    ],
)  # fmt: skip
def test_numbers_have_three_significant_digits(value: float, text: str) -> None:
    assert words.digits(value) == text


@pytest.mark.parametrize("value", np.geomspace(1e-4, 9e5, 40))
def test_numbers_are_right_to_half_a_unit_of_the_third_digit(value: float) -> None:
    assert number(words.digits(float(value))) == pytest.approx(value, rel=5e-3)
