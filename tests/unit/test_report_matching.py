from functools import cache

import numpy as np
import pytest

import antalgic
from antalgic.evidence.matching import Compared, compared, matching
from antalgic.report import figures


def study(
    items: str,
    *,
    horizon: str = "12 h",
    weight: str = "70 kg",
    model: str = "",
    age: str = "23 years",
) -> antalgic.Result:
    return ran(
        f"""
study: matched
population: {{size: 30, weight: {weight}, age: {age}, female: 0.5}}
horizon: {horizon}
arms:
  arm: {items}
seed: 4
{f"models: {{pharmacokinetics: {model}}}" if model else ""}
"""
    )


@cache
def ran(text: str) -> antalgic.Result:
    return antalgic.loads(text).run(threads=1)


def found(result: antalgic.Result) -> dict[tuple[str, str], set[str]]:
    return {
        (m.cohort.name, m.arm): {o.id for o in m.observations} for m in matching(result.arms[0])
    }


def beside(result: antalgic.Result) -> dict[str, Compared]:
    arm = result.arms[0]
    rows = [c for m in matching(arm) for c in compared(arm, m, seed=4, typical=False)]
    return {row.observation.id: row for row in rows}


SPREAD = "{mean: 70 kg, sd: 5 kg}"
IV = "[{drug: s-ketamine, route: iv, amount: 10 mg, for: 30 min}]"
CHDR = ("chdr1311", "iv")
# The cohort's people weigh 68 kg and are 23 years old.
ALIKE = {"weight": SPREAD}


def test_the_same_dose_matches() -> None:
    assert len(found(study(IV, **ALIKE))[CHDR]) == 16


@pytest.mark.parametrize(
    "items",
    [
        IV.replace("10 mg", "10.05 mg"),
        IV.replace("amount: 10 mg", "rate: 20 mg/h"),
        IV.replace("30 min", "30.2 min"),
        # the same mass at the weight of the cohort, 68 kg
        IV.replace("10 mg", f"{10 / 68:.6f} mg/kg"),
        IV.replace("10 mg", f"{700 / 68:.6f} mg per 70 kg"),
        # two pieces that touch
        "[{drug: s-ketamine, route: iv, for: 30 min, "
        "steps: [{at: 0 min, rate: 20 mg/h}, {at: 15 min, rate: 20 mg/h}]}]",
    ],
)
def test_the_same_dose_in_other_words_matches(items: str) -> None:
    assert CHDR in found(study(items, **ALIKE))


@pytest.mark.parametrize(
    "items",
    [
        IV.replace("10 mg", "10.2 mg"),
        IV.replace("30 min", "40 min"),
        IV.replace("10 mg", "0.2 mg/kg"),
        "[{drug: ketamine, route: iv, amount: 10 mg, for: 30 min}]",
        "[{drug: s-ketamine, route: oral, amount: 10 mg}]",
        IV.replace("}]", "}, {change: CL, factor: 0.5, from: 0 h}]"),
        IV.replace("}]", ", every: 4 h}]"),
    ],
)
def test_another_dose_does_not_match(items: str) -> None:
    assert not found(study(items, **ALIKE)).get(CHDR, set()) - {"O134", "O135", "O136", "O137",
        "O142", "O143", "O144", "O145"}  # fmt: skip
    assert "O138" not in found(study(items, **ALIKE)).get(CHDR, set())


def test_what_comes_before_a_second_dose_still_matches() -> None:
    items = IV.replace("}]", ", every: 4 h}]")
    assert found(study(items, **ALIKE))[CHDR] == {
        "O134", "O135", "O136", "O137", "O142", "O143", "O144", "O145",
    }  # fmt: skip


def test_a_window_matches_by_what_was_given_before_its_end() -> None:
    film = "[{drug: s-ketamine, route: film, amount: 50 mg}]"
    ids = found(study(film, **ALIKE))["leiden_otf", "film-50"]
    assert "O114" in ids and "O132" not in ids


def test_a_later_start_is_a_shift() -> None:
    later = IV.replace("}]", ", at: 2 h}]")
    match = next(m for m in matching(study(later, **ALIKE).arms[0]) if m.cohort.name == "chdr1311")
    assert match.shift == 2.0
    assert len(match.observations) == 16  # the last is at 10 h, the study ends at 12 h
    plain, moved = beside(study(IV, **ALIKE)), beside(study(later, **ALIKE))
    for id_ in plain:
        assert moved[id_].simulated == pytest.approx(plain[id_].simulated, rel=1e-9)


def test_a_study_that_ends_early_keeps_what_it_reaches() -> None:
    ids = found(study(IV, horizon="4 h", **ALIKE))[CHDR]
    assert "O137" in ids and "O138" not in ids


def test_people_of_another_sort_do_not_match() -> None:
    assert CHDR not in found(study(IV, weight=SPREAD, age="50 years"))
    assert CHDR not in found(study(IV, weight="{mean: 110 kg, sd: 2 kg}"))


def test_nothing_stands_beside_placebo() -> None:
    text = """
study: beside placebo
population: {size: 20, weight: {mean: 70 kg, sd: 5 kg}, age: 23 years}
horizon: 12 h
arms:
  drug: [{drug: s-ketamine, route: iv, amount: 10 mg, for: 30 min}]
  placebo: [{drug: placebo, route: iv, for: 30 min}]
seed: 1
"""
    drug, placebo = ran(text).arms
    assert matching(drug) and matching(placebo) == []


def test_the_simulated_side_is_that_of_the_result() -> None:
    result = study(IV, **ALIKE)
    rows = beside(result)
    for row in rows.values():
        o = row.observation
        exact = result.sel(arm="arm", output=o.analyte, quantile=0.5, time=o.time)
        assert row.simulated == pytest.approx(float(exact), rel=1e-6)
        assert row.fold == pytest.approx(float(exact) / o.value, rel=1e-6)


def test_peaks_areas_and_their_means_are_those_of_the_people() -> None:
    items = (
        "[{drug: s-ketamine, route: film, amount: 50 mg}, "
        "{drug: s-ketamine, route: iv, amount: 20 mg, for: 20 min, at: 6 h}]"
    )
    result = study(items, weight="{mean: 73 kg, sd: 5 kg}", age="24 years")
    rows, people = beside(result), result.patients
    late = rows["O132"]
    assert late.observation.statistic == "mean"
    assert late.simulated == pytest.approx(people["s-ketamine.cmax"].mean(), rel=1e-3)
    early = study(items, horizon="6 h", weight="{mean: 73 kg, sd: 5 kg}", age="24 years").patients
    for id_, column in (("O114", "cmax"), ("O115", "tmax"), ("O116", "auc")):
        exact = early[f"s-ketamine.{column}"].mean()
        assert rows[id_].simulated == pytest.approx(exact, rel=5e-3), id_


def test_clearance_is_dose_over_area_to_infinity() -> None:
    result = study(
        "[{drug: s-ketamine, route: iv, amount: 28 mg, for: 40 min}]", horizon="48 h",
        weight="{mean: 74 kg, sd: 3 kg}", age="{low: 40 years, high: 50 years}",
        model="perezruixo2021",
    )  # fmt: skip
    rows = beside(result)
    p = result.patients
    extraction = (p.kel + p.kmet) * p.Vh / (p.Qh + (p.kel + p.kmet) * p.Vh)
    assert rows["O223"].simulated == pytest.approx(np.median(p.Qh * extraction), rel=2e-3)
    assert rows["O222"].simulated is None and rows["O222"].fold is None


def test_marks_take_the_hue_of_their_arm_where_there_are_several() -> None:
    text = """
study: two
population: {size: 20, weight: {mean: 70 kg, sd: 5 kg}, age: 23 years}
horizon: 12 h
arms:
  other: [{drug: s-ketamine, route: iv, amount: 20 mg, for: 30 min}]
  matched: [{drug: s-ketamine, route: iv, amount: 10 mg, for: 30 min}]
seed: 1
"""
    figure = figures.study(ran(text))
    axes = next(a for a in figure.axes if a.get_gid() == "s-ketamine-linear")
    marks = [line for line in axes.lines if "observed" in str(line.get_gid())]
    hue = figures.strokes(ran(text))["matched"].colour
    assert marks and {line.get_markeredgecolor() for line in marks} == {hue}
