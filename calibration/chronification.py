"""Fits what parts pain that stays from pain that fades after surgery, to published incidences.

S_U of `surgery`, so that as many people as in NIT-1 have pain of 3 or more at 6 months; then, with
that S_U, the drive I_e that thoracic surgery leaves in a cut nerve.  Prints the values, which
stand in the files of the conditions: `PYTHONPATH=src python calibration/chronification.py`.
"""

import numpy as np
from scipy.optimize import brentq

from antalgic.dosing import expand
from antalgic.population import PopulationSpec, conditions
from antalgic.simulation.chain import follow

WEEKS = 26
PEOPLE = 8192
#: Condition, parameter that is fitted, its bounds, and the published incidence.
FITS = (
    ("surgery", "S_U", (0.3, 0.7), 0.105),
    ("thoracic-surgery", "I_e", (0.01, 0.3), 0.33),
)


def incidence(condition: str, **changes: float) -> float:
    """Share of people in chronic pain after surgery with nothing beside the usual care."""
    times = np.array([0.0, WEEKS * 168.0])
    injured = conditions.load(condition)
    assert injured.chronic is not None
    found = follow(
        "sensitization", None, expand("untreated", [], times[-1]), injured,
        PopulationSpec(size=PEOPLE).people(1), times, outputs=["pain"], changes=changes, seed=1,
        trajectories=True,
    )  # fmt: skip
    assert found.values is not None
    return float((found.values[0, -1] >= injured.chronic.value).mean())


for name, symbol, bounds, wanted in FITS:
    best = brentq(lambda v: incidence(name, **{symbol: v}) - wanted, *bounds, xtol=1e-4)  # noqa: B023
    print(f"{name}: {symbol} = {best:.3f}, incidence {incidence(name, **{symbol: best}):.4f}")
