import io
import json
from functools import cache

import numpy as np
import pytest
from rich.console import Console
from scipy.linalg import expm
from scipy.optimize import brentq

from antalgic.errors import InputError
from antalgic.model import shelf
from antalgic.report import diagram, model_page, words
from antalgic.report.model_page import Description

RUNNABLE = shelf.names(runnable=True)
REFERENCE = tuple(name for name in shelf.names() if name not in RUNNABLE)


@cache
def described(name: str) -> Description:
    return model_page.describe(name)


@cache
def printed(name: str) -> str:
    console = Console(file=io.StringIO(), width=110, highlight=False)
    console.print(model_page.render_text(described(name)))
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", RUNNABLE)
def test_the_diagram_has_every_dose_body_and_flow(name: str) -> None:
    circuit = shelf.load(name).circuit
    text = diagram.draw(circuit)
    for dose in circuit.doses:
        assert f"{dose} dose ─" in text
    for use in circuit.uses:
        formal = "C" in use.step.outputs
        shown = set(use.step.parameters) - {"CLperm", "fu", "BP", "QH", "fvilli"}
        for parameter in (use.parameters[p] for p in (shown if formal else use.parameters)):
            assert parameter in text, (use.name, parameter)
    assert text.count("┌") == sum("C" in use.step.outputs for use in circuit.uses)
    assert max(map(len, text.splitlines())) <= 100
    tops = {line.index("┌") for line in text.splitlines() if "┌" in line}
    sides = {line.index("│") for line in text.splitlines() if line.count("│") == 2}
    assert tops == sides and len(tops) == 1


@pytest.mark.parametrize("name", RUNNABLE)
def test_every_parameter_step_and_source_is_printed(name: str) -> None:
    page, model = described(name), shelf.load(name)
    assert [row.name for row in page.parameters] == list(model.parameters)
    assert len(page.structure) == len(model.circuit.uses)
    flat = " ".join(printed(name).split())
    for source in model.file.sources.values():
        assert source.citation.split(".")[0] in flat
    for defect in model.file.defects:
        assert defect in flat


@pytest.mark.parametrize("name", shelf.names())
def test_the_json_is_plain_and_finite(name: str) -> None:
    data = model_page.to_json(described(name))
    again = json.loads(json.dumps(data, allow_nan=False))
    assert again == data
    assert again["name"] == name
    assert [p["name"] for p in again["parameters"]] == [
        row.name for row in described(name).parameters
    ]


@pytest.mark.parametrize("name", REFERENCE)
def test_a_reference_model_says_what_is_known_and_what_is_missing(name: str) -> None:
    page, file = described(name), shelf.record(name)
    assert page.status == "reference"
    assert page.missing == ((file.missing,) if isinstance(file.missing, str) else file.missing)
    assert (page.diagram, page.exposures, page.half_times) == ("", (), ())
    assert [row.name for row in page.parameters] == list(file.parameters)
    flat = " ".join(printed(name).split())
    assert "Cannot be run. Missing:" in flat
    assert " ".join(page.missing) in flat


def test_area_per_mg_is_one_over_clearance() -> None:
    found = {(e.drug, e.route, e.analyte): e for e in described("kamp2020").exposures}
    s = found["s-ketamine", "iv", "s-ketamine"]
    assert s.auc_per_mg == pytest.approx(1000 / 90.276, rel=1e-6)
    racemate = found["ketamine", "oral", "ketamine"].auc_per_mg
    halves = 0.5 * (1000 / 90.276 + 1000 / 78.540)
    assert racemate == pytest.approx(0.165 * halves, rel=1e-6)
    assert found["ketamine", "oral", "ketamine"].grade == "C"


def test_half_lives_and_half_times_are_those_of_the_matrix() -> None:
    model = shelf.load("herd2007")
    person, said = model_page.typical_person(model)
    weight = float(person.weight[0])
    p = {n: v.value for n, v in model.parameters.items()}
    cl, q = (p[n] * (weight / 70) ** 0.75 for n in ("CL", "Q"))
    v1, v2 = (p[n] * weight / 70 for n in ("V1", "V2"))
    a = np.array([[-(cl + q) / v1, q / v2], [q / v1, -q / v2]])
    page = described("herd2007")
    slowest = np.log(2) / np.min(-np.linalg.eigvals(a).real)
    assert page.half_lives["ketamine"] == pytest.approx(slowest, rel=1e-9)
    rate = np.array([1.0, 0.0])
    for found in page.half_times:
        state = np.linalg.solve(a, (expm(a * found.infusion) - np.eye(2)) @ rate)
        start = state[0]

        def left(t: float, state: np.ndarray = state, start: float = start) -> float:
            return float((expm(a * t) @ state)[0] - start / 2)

        exact = brentq(left, 0.0, 10 * slowest, xtol=1e-10)
        assert found.half_time == pytest.approx(exact, rel=1e-4), found.infusion
    assert "20 kg" in said


@pytest.mark.parametrize("name", RUNNABLE)
def test_half_times_grow_with_the_infusion_towards_a_limit(name: str) -> None:
    page = described(name)
    for drug in {h.drug for h in page.half_times}:
        times = [h.half_time for h in page.half_times if h.drug == drug]
        assert len(times) == len(model_page.INFUSIONS)
        assert np.all(np.diff(times) > -1e-6)
        assert times[0] > 0 and times[-1] <= page.half_lives[drug] * 1.001


def test_a_model_of_children_is_shown_for_a_child() -> None:
    person, said = model_page.typical_person(shelf.load("flint2017"))
    assert person.age[0] == pytest.approx(np.sqrt(0.02 * 12.5))
    assert person.weight[0] == pytest.approx(np.sqrt(3.4 * 35))
    assert said.startswith("a boy of 0.50 years and 11 kg")
    assert model_page.typical_person(shelf.load("kamp2020"))[1] == "a man of 40 years and 70 kg"


def test_numbers_are_printed_with_their_unit() -> None:
    page = described("fanta2015+otto2021")
    flat = " ".join(printed("fanta2015+otto2021").split())
    longest = page.half_times[-1]
    assert f"100 h {words.digits(60 * longest.half_time)}" in flat
    assert "ng·h/mL per mg" in flat and "S-ketamine, min" in flat


def test_an_unknown_name_is_answered_in_one_line() -> None:
    with pytest.raises(InputError, match="unknown model 'simons2021'; did you mean 'simons2022'"):
        model_page.describe("simons2021")
