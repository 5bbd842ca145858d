"""What `antalgic validate` says of the calibration half."""

import pytest

from antalgic.evidence import validate

# Purposes whose chosen model has an average fold error of more than 1.3 in size, with the reason.
WIDE = {
    "ketamine iv, child, ketamine": "hartvig_1993: intensive care after heart surgery, see misses",
    "ketamine nasal, child, ketamine, venous": "drops under halothane, grade D",
    "ketamine oral, adult, ketamine": "one Cmax; F of 16.5 % with a borrowed ka, grade C",
    "ketamine rectal, child, ketamine, venous": "solution under halothane, grade D",
}


@pytest.fixture(scope="module")
def outcome() -> validate.Outcome:
    return validate.run()


def test_every_miss_is_explained_and_nothing_else_is(outcome: validate.Outcome) -> None:
    missed = {(row.cohort, row.observation.id, row.model) for row in outcome.misses}
    explained = {
        (entry.cohort, observation, entry.model)
        for entry in validate.explanations()
        for observation in entry.observations
    }
    assert missed == explained


def test_the_chosen_models_stand_as_recorded(outcome: validate.Outcome) -> None:
    compared = [row for row in outcome.rows if row.chosen and row.simulated is not None]
    assert len(compared) == 147
    assert sum(bool(row.hit) for row in compared) == 144


def test_average_fold_error_of_chosen_models_is_within_1_3_or_named(
    outcome: validate.Outcome,
) -> None:
    wide = {score.purpose for score in outcome.scores if score.chosen and score.aafe > 1.3}
    assert wide == set(WIDE)


def test_every_row_without_a_simulation_says_why(outcome: validate.Outcome) -> None:
    assert all(row.why for row in outcome.rows if row.simulated is None)


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_a_wrong_clearance_turns_rows_to_misses(
    monkeypatch: pytest.MonkeyPatch, factor: float
) -> None:
    real = validate.simulate

    def changed(model, regimen, people, times, **options):  # type: ignore[no-untyped-def]
        from dataclasses import replace

        from antalgic.dosing.regimen import ParameterChange

        wrong = ParameterChange("CL", factor, 0.0, 1e9)
        return real(model, replace(regimen, changes=(wrong,)), people, times, **options)

    validate._simulation.cache_clear()
    monkeypatch.setattr(validate, "simulate", changed)
    try:
        rows = [row for row in validate.run(["chdr1311"]).rows if row.chosen]
    finally:
        validate._simulation.cache_clear()
    late = [row for row in rows if (row.observation.time or 0) >= 5]
    assert late
    assert all(row.hit is False for row in late if row.observation.analyte == "s-ketamine")
