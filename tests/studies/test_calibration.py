"""The library holds what the calibration found, and what it found still holds."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from antalgic.evidence import findings
from antalgic.model import mechanism as mechanisms

#: Every mechanism compiles some ten circuits of its own.
LONG = os.environ.get("ANTALGIC_LONG") == "1"
CALIBRATION = Path(__file__).parents[2] / "calibration"
sys.path.insert(0, str(CALIBRATION))

import collect  # noqa: E402  (found through the line above)
import placebo  # noqa: E402


def test_fitted_values_are_those_of_the_results():
    written = (collect.LIBRARY / "fitted.yaml").read_text(encoding="utf-8")
    assert written == collect.fitted_text(collect.read())


@pytest.mark.parametrize("name", mechanisms.names())
def test_posterior_draws_are_those_of_the_results(name):
    results = collect.read()
    draws = mechanisms.posterior(name)
    for result in (results["mood"], results[name]):
        for symbol in result["parameters"]:
            found = [draw[symbol] for draw in draws]
            wanted = [draw[symbol] for draw in result["draws"]][: len(draws)]
            np.testing.assert_allclose(found, wanted, rtol=1e-4)


@pytest.mark.slow
def test_every_tolerance_of_the_evidence_is_met_or_the_miss_explained():
    judged = [o for o in findings.run(findings.names()) if o.hit is not None]
    assert len(judged) > 50
    missed = [f"{o.trial.name}: {o.finding.id}" for o in judged if not o.hit]
    explained = [f"{o.trial.name}: {o.finding.id}" for o in judged if o.finding.miss]
    assert missed == explained
    assert len(missed) < 0.2 * len(judged)


@pytest.mark.slow
@pytest.mark.parametrize("name", mechanisms.names() if LONG else ("sensitization", "plasticity"))
def test_the_objective_is_what_the_results_say(name):
    stored = json.loads((collect.RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    trials = list(dict.fromkeys(row["trial"] for row in stored["findings"]))
    found = findings.run(trials, name, uses=("fit",), size=256, rtol=1e-3)
    for row, outcome in zip(stored["findings"], found, strict=True):
        assert (row["trial"], row["finding"]) == (outcome.trial.name, outcome.finding.id)
        # a share of 256 people moves in steps
        assert outcome.simulated == pytest.approx(row["simulated"], abs=0.1 * row["se"])


@pytest.mark.slow
def test_a_wrong_parameter_turns_the_right_findings_to_misses():
    outcomes = findings.run(["sigtermans2009"], changes={"k_x": 0.0})
    missed = {o.finding.id for o in outcomes if o.hit is False}
    assert "week 1 difference" in missed
    assert "response on placebo" not in missed


@pytest.mark.parametrize("name", ["diabetic-neuropathy", "fibromyalgia", "osteoarthritis"])
def test_the_response_to_placebo_meets_what_was_published(name):
    from scipy.special import expit, logit

    from antalgic.population import conditions, pain

    condition = conditions.load(name)
    found = placebo.response(condition, 0.3, 720.0, 168.0)
    rng = np.random.default_rng(1)
    start = pain.ratings(
        condition.pain_mean.value, condition.pain_sd.value, rng.standard_normal(200_000)
    )
    x = found["X_mean"] + found["X_sd"] * rng.standard_normal(200_000)
    gain = placebo.gain(84 * 24.0, 1.0, 0.3, 720.0, 168.0)
    end = 10 * expit(logit(start / 10) - gain * x)
    share = np.mean(end <= 0.5 * start)
    assert share == pytest.approx(condition.placebo["responders_50"].value, abs=0.02)
