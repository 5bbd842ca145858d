"""W1 as SBML in libroadrunner gives the answers of the nonlinear engine."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from antalgic.engine.lanes import solve
from antalgic.engine.linear import ticks


def load(name):
    path = Path(__file__).parents[2] / "bench" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


w1, against = load("w1"), load("against_roadrunner")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the wrapper's own making
def test_libroadrunner_gives_the_same_twelve_weeks():
    pytest.importorskip("roadrunner", exc_type=ImportError)
    wiring = w1.circuit()
    model = w1.compiled(wiring, "dp54")
    parameters, given, x0 = w1.patients(model, 3, 1), w1.doses(model), w1.initial(model)
    hours = np.arange(w1.HOURS + 1.0)
    own = solve(model.kernel, parameters, given, ticks(hours), rtol=1e-8, initial=x0).values
    runner = against.Roadrunner(wiring, 1e-9, stiff=True)
    for i in range(3):
        values = dict(zip(model.parameters, parameters[:, i].tolist(), strict=True))
        spans = against.spans(wiring, values, model.doses, given, hours[-1])
        found = runner.run(values, dict(zip(model.states, x0[:, 0].tolist(), strict=True)), spans)
        assert w1.deviation(found, own[i]) < 1e-6
