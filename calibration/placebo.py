"""How people respond to being treated at all: X_mean and X_sd of each condition, in logits.

The response x is normal between people.  Its mean and spread are those with which the placebo arm
of a condition's trials has the published fall of pain and share of responders (or two shares).
On placebo the equations of expectation are linear, so the log-odds fall by x g(t) with g in closed
form; the small part of mood is left out.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from scipy.optimize import least_squares
from scipy.special import expit, logit, ndtr, ndtri

from antalgic.population import conditions, pain
from antalgic.population.conditions import Condition

DAY = 24.0
#: When the published response is read (h from the first contact); 12 weeks where none is given.
WHEN = {"crps": 7 * DAY, "migraine": 2.0, "experimental-pain": 2.0}
#: Dahan 2011: probability of a response to placebo, read as the share with 50 % relief at week 1.
CRPS_RESPONDERS = 0.23
#: No share of responders is published for experimental pain: as much spread as effect.
EXPERIMENTAL_SPREAD = 1.0

_GRID = ndtri((np.arange(60) + 0.5) / 60)


def gain(t: float, lasting: float, w_e: float, tau_e: float, tau_x: float) -> float:
    """Fall of the log-odds at t (h) per unit of x, while treatment goes on."""
    learn = (1 - w_e) / tau_e
    held = 1 - np.exp(-learn * t)
    faded = np.exp(-t / tau_x)
    between = (faded - np.exp(-learn * t)) / (learn - 1 / tau_x)
    constant = 1 + w_e / (1 - w_e) * held
    fading = faded + w_e / tau_e * between
    return float(lasting * constant + (1 - lasting) * fading)


def response(condition: Condition, w_e: float, tau_e: float, tau_x: float) -> dict[str, float]:
    """X_mean and X_sd with which the condition's placebo response is met."""
    assert condition.pain_mean is not None and condition.pain_sd is not None
    lasting = condition.placebo["lasting"].value
    g = gain(WHEN.get(condition.name, 84 * DAY), lasting, w_e, tau_e, tau_x)
    start = pain.ratings(condition.pain_mean.value, condition.pain_sd.value, _GRID)[:, None]
    wanted = _targets(condition)

    def misses(guess: np.ndarray) -> list[float]:
        mean, sd = guess[0], np.exp(guess[1])
        end = 10 * expit(logit(start / 10) - g * (mean + sd * _GRID))
        found = {
            "fall": (start - end).mean() / 10,
            "responders_50": _share(start, g, mean, sd, 0.5),
            "responders_30": _share(start, g, mean, sd, 0.3),
        }
        return [found[name] - value for name, value in wanted.items()]

    if len(wanted) == 1:
        only = least_squares(lambda m: misses(np.array([m[0], np.log(abs(m[0]) + 1e-9)])), [0.3])
        return {"X_mean": float(only.x[0]), "X_sd": float(EXPERIMENTAL_SPREAD * abs(only.x[0]))}
    best = least_squares(misses, [0.6, 0.0])
    return {"X_mean": float(best.x[0]), "X_sd": float(np.exp(best.x[1]))}


def _share(start: np.ndarray, g: float, mean: float, sd: float, relief: float) -> float:
    """Share of people who fall by this part of their pain; smooth in mean and sd."""
    needed = (logit(start / 10) - logit((1 - relief) * start / 10)) / g
    return float(ndtr((mean - needed) / sd).mean())


def _targets(condition: Condition) -> dict[str, float]:
    published = condition.placebo
    if condition.name == "crps":
        return {"fall": published["week1_fall"].value / 10, "responders_50": CRPS_RESPONDERS}
    if "responders_30" in published:
        names = ("responders_30", "responders_50")
        return {name: published[name].value for name in names}
    found = {"fall": published["fall"].value / 10}
    if "responders_50" in published:
        found["responders_50"] = published["responders_50"].value
    return found


def all_responses(
    w_e: float, tau_e: float, tau_x: float, names: Iterable[str] | None = None
) -> Mapping[str, dict[str, float]]:
    """The response of every condition in pain, or of those named."""
    loaded = [conditions.load(name) for name in names or conditions.names()]
    return {
        c.name: response(c, w_e, tau_e, tau_x)
        for c in loaded
        if "lasting" in c.placebo and c.pain_mean is not None and c.pain_mean.value > 0
    }
