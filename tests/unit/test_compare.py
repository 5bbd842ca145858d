"""Published models on one arm: numbers are those of a run, the spread is exact, none is lost."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from antalgic.errors import InputError
from antalgic.evidence import compare
from antalgic.evidence.compare import Compared, geometric_cv
from antalgic.model import shelf
from antalgic.report import compare_figure, compare_page
from antalgic.study import loads

STUDY = """\
study: small
condition: healthy
population: {SORT}
horizon: 24 h
arms:
  short:
    - {drug: s-ketamine, route: iv, amount: 0.5 mg/kg, for: 40 min}
  placebo:
    - {drug: placebo, route: iv, for: 40 min}
output_every: 10 min
seed: 1
"""
MODELS = {"ashraf2018", "fanta2015+otto2021", "kamp2020", "perezruixo2021", "simons2022"}


def study(sort: str = "size: 80", **more: str) -> str:
    text = STUDY.replace("SORT", sort)
    for old, new in more.items():
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def found() -> Compared:
    return compare.run(loads(study()))


def test_every_model_of_the_shelf_answers_or_is_named_with_the_reason(found: Compared) -> None:
    assert set(found.models) == MODELS
    assert set(found.models) | set(found.left) == set(shelf.names())
    assert "children" in found.left["flint2017"]
    assert "no s-ketamine by route iv" in found.left["sherwin2015"]
    assert all(
        "missing" in found.left[n] for n in shelf.names() if n not in shelf.names(runnable=True)
    )


def test_numbers_are_those_of_a_study_that_lists_the_models(found: Compared) -> None:
    listed = f"models: {{pharmacokinetics: [{', '.join(sorted(MODELS))}]}}\noutputs: [s-ketamine]\n"
    patients = loads(study() + listed).run().patients
    for answer in found.answers:
        if answer.analyte != "s-ketamine":
            continue
        own = patients[patients["ARM"] == f"short, {answer.model}"]
        for metric, column in (("cmax", "cmax"), ("auc", "auc"), ("half_life", "thalf")):
            low, middle, high = own[f"s-ketamine.{column}"].quantile([0.05, 0.5, 0.95])
            e = answer.estimates[metric]
            assert (e.low, e.median, e.high) == pytest.approx((low, middle, high))


def test_the_spread_is_that_of_the_medians_and_of_the_people(found: Compared) -> None:
    own = [s for s in found.spreads if s.analyte == "s-ketamine" and s.metric == "cmax"]
    medians = {n: float(np.median(r.cmax[:, 0])) for n, r in found.runs.items()}
    (spread,) = own
    assert spread.fold == pytest.approx(max(medians.values()) / min(medians.values()))
    assert (medians[spread.smallest], medians[spread.largest]) == (
        min(medians.values()), max(medians.values()),
    )  # fmt: skip
    sd = np.std(np.log(list(medians.values())), ddof=1)
    assert spread.between == pytest.approx(math.sqrt(math.exp(sd**2) - 1))
    within = [a.estimates["cmax"].within for a in found.answers if a.analyte == "s-ketamine"]
    assert spread.within == pytest.approx((min(within), np.median(within), max(within)))  # type: ignore[type-var]
    ratios = [a.estimates["cmax"].ratio for a in found.answers if a.analyte == "s-ketamine"]
    assert np.median(ratios) == pytest.approx(1.0)  # type: ignore[arg-type]


def test_geometric_cv_is_that_of_a_lognormal_distribution() -> None:
    values = np.exp(0.3 * np.random.default_rng(0).standard_normal(200_000))
    assert geometric_cv(values) == pytest.approx(math.sqrt(math.exp(0.09) - 1), rel=0.01)
    assert geometric_cv(np.array([2.0])) == 0.0


def test_a_metabolite_is_compared_where_two_models_predict_it(found: Compared) -> None:
    assert found.analytes[:2] == ("s-ketamine", "s-norketamine")
    predicting = {a.model for a in found.answers if a.analyte == "s-norketamine"}
    assert predicting == MODELS - {"kamp2020"}
    alone = compare.run(loads(study()), None, ["kamp2020"])
    assert alone.analytes == ("s-ketamine",) and alone.spreads == ()
    assert "nothing to compare" in " ".join(compare_page.listings(alone)[0].below)


def test_an_interaction_leaves_out_models_in_which_its_effect_is_not_on_file() -> None:
    other = "    - {drug: ticlopidine, from: 0 h}\n"
    text = study("typical: true").replace("  placebo:", other + "  placebo:")
    found = compare.run(loads(text))
    assert "ashraf2018" in found.models
    assert "ticlopidine" in found.left["simons2022"]


def test_one_person_has_no_spread_of_people() -> None:
    found = compare.run(loads(study("typical: true")), None, ["kamp2020", "simons2022"])
    assert all(s.within is None and s.between > 0 for s in found.spreads)
    assert "people within" not in " ".join(compare_page.listings(found)[0].below)
    assert json.loads(json.dumps(compare_page.to_json(found), allow_nan=False))["people"] == 1


def test_a_model_without_variability_is_not_counted_as_people_who_are_alike() -> None:
    racemate = {"s-ketamine": "ketamine"}
    found = compare.run(loads(study(**racemate)))
    assert "domino1984" in found.models
    assert any("domino1984 has no variability" in note for note in found.notes)
    estimates = {a.model: a.estimates["auc"] for a in found.answers}
    assert estimates["domino1984"].within is None
    assert estimates["kamp2020"].within is not None


@pytest.mark.parametrize(
    ("arm", "models", "said"),
    [
        ("other", None, "--arm: 'other' is no arm of this study, expected one of short, placebo"),
        ("placebo", None, "--arm: arm 'placebo' gives no ketamine"),
        (None, ["kamp"], "--models: unknown model 'kamp'; did you mean 'kamp2020'?"),
        (None, ["domino1984"], "model 'domino1984' cannot be used here: has no s-ketamine"),
        (None, ["dahan2011"], "--models: model 'dahan2011' is filed as reference only"),
        (None, ["kamp2020"] * 2, "--models: 'kamp2020' is listed twice"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(arm: str | None, models: list[str] | None, said: str) -> None:
    with pytest.raises(InputError) as error:
        compare.run(loads(study("typical: true")), arm, models)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_an_arm_that_no_model_can_take_and_two_arms_to_choose_from() -> None:
    with pytest.raises(InputError, match=r"no published model can take .*nearest are"):
        compare.run(loads(study("typical: true", iv="sc")))
    with pytest.raises(InputError, match="several arms give ketamine: choose one of 'short'"):
        compare.run(
            loads(study("typical: true").replace("drug: placebo,", "drug: ketamine, amount: 1 mg,"))
        )


def test_the_page_shows_every_model_with_its_data_and_names_every_curve(
    found: Compared, tmp_path: Path
) -> None:
    compare_page.write(found, tmp_path / "out", command="antalgic compare x")
    page = (tmp_path / "out" / "compare.html").read_text(encoding="utf-8")
    assert "<script" not in page and "http-equiv" not in page
    built = page[page.index('id="h-built"') :]
    for name, model in found.models.items():
        assert name in built and model.file.population.text[5:40] in built
    for name in found.left:
        assert f"<dt>{name}</dt>" in page
    figures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(figures) == 2 * len(found.analytes)
    assert all(name in figures[0] and name in figures[1] for name in MODELS)
    table = pd.read_parquet(tmp_path / "out" / "curves.parquet")
    kamp = table[(table["model"] == "kamp2020") & (table["output"] == "s-ketamine")]
    assert kamp["typical"].max() == pytest.approx(found.typical["kamp2020"].cmax[0, 0], rel=1e-9)
    assert (kamp["q05"] <= kamp["q95"]).all() and set(table["unit"]) == {"ng/mL"}


def test_curves_stay_apart_in_black_and_white(found: Compared) -> None:
    linear = compare_figure.draw(found, "s-ketamine", "wide").axes[0]
    dashes = [str(line._unscaled_dash_pattern) for line in linear.get_lines()]  # type: ignore[attr-defined]
    assert len(dashes) == len(set(dashes)) == len(MODELS)
