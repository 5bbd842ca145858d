"""What is not known about a mechanism, apart from how people differ."""

import numpy as np
import pytest

from antalgic.dosing import DoseEvent, Regimen
from antalgic.errors import InputError
from antalgic.model import mechanism as mechanisms
from antalgic.model import shelf
from antalgic.population import PopulationSpec, conditions
from antalgic.simulation.chain import follow
from antalgic.simulation.uncertainty import of_condition, uncertainty

ARM = Regimen(
    "arm", (DoseEvent("s-ketamine", "iv", 0.0, 2000.0, 100.0, "", 0.0, 0),), treated=(0.0, 100.0)
)
TIMES = np.array([0.0, 168.0, 2016.0])
CRPS = conditions.load("crps")


@pytest.fixture(scope="module")
def people():
    return PopulationSpec(size=48).people(1)


def test_each_draw_is_a_run_with_its_parameters(people):
    model = shelf.load("fanta2015+otto2021")
    found = uncertainty("sensitization", model, ARM, CRPS, people, TIMES, draws=3, seed=1)
    assert found.means.shape == (3, 1, 3)
    assert found.quantiles.shape == (1, 3, 5)
    draw = of_condition(mechanisms.posterior("sensitization")[2], CRPS)
    alone = follow(
        "sensitization", model, ARM, CRPS, people, TIMES, outputs=["pain"], changes=draw, seed=1,
        rtol=1e-3,
    )  # fmt: skip
    np.testing.assert_array_equal(found.means[2], alone.mean)
    assert np.ptp(found.means[:, 0, 1]) > 0.01
    np.testing.assert_allclose(found.means[:, 0, 0], found.means[0, 0, 0], rtol=1e-6)  # own pain


def test_a_draw_holds_only_its_own_condition():
    draw = mechanisms.posterior("sensitization")[0]
    own = of_condition(draw, CRPS)
    assert own["X_mean"] == draw["X_mean.crps"]
    assert not [name for name in own if "." in name]


@pytest.mark.parametrize("draws", [0, 100_000])
def test_no_more_draws_than_there_are(draws, people):
    with pytest.raises(InputError, match="draws were asked for, expected 1 to 200"):
        uncertainty("block", None, Regimen("none", ()), CRPS, people, TIMES, draws=draws)
