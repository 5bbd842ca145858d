"""The slow effect site that Dahan 2011 would find in a simulated trial.

Their model: a site follows the plasma level C with rate ke0, and pain falls by the share
Ce/(C50 + Ce).  It is fitted here to the weekly pain of a simulated responder, relative to what
the same person would feel on placebo.
"""

import numpy as np
from scipy.optimize import least_squares

from antalgic.simulation.individual import Array

WEEK = 168.0


def fitted(C: Array, pain: Array, placebo: Array, times: Array) -> tuple[float, float]:
    """Half-life (d) of onset and offset, and C50 (ng/mL), from hourly curves (times,).

    C in ng/mL; only the pain at whole weeks is used, as in the trial.
    """
    weeks = np.arange(WEEK, times[-1] + 1.0, WEEK)
    at = np.searchsorted(times, weeks)
    seen = 1 - pain[at] / placebo[at]

    def misses(guess: Array) -> Array:
        ke0, C50 = np.exp(guess)
        site = _site(C, times, ke0)[at]
        gap: Array = site / (C50 + site) - seen
        return gap

    best = least_squares(misses, np.log([np.log(2) / (10.0 * 24), 10.0]))
    ke0, C50 = np.exp(best.x)
    return float(np.log(2) / ke0 / 24), float(C50)


def _site(C: Array, times: Array, ke0: float) -> Array:
    """Level at a site with rate ke0 (1/h), by trapezoids within each step."""
    out = np.zeros_like(C)
    for i, h in enumerate(np.diff(times)):
        out[i + 1] = out[i] * np.exp(-ke0 * h) + 0.5 * (C[i] + C[i + 1]) * -np.expm1(-ke0 * h)
    return out
