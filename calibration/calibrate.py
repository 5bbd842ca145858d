"""Calibrate a mechanism to the published findings.

Run as ``python calibration/calibrate.py MECHANISM ...``; without names, all of them.

Unknown parameters start from the priors of library/mechanism/pain.yaml, in units of prior SD.  The
objective is the squared misses of all findings marked `use: fit`, each over its SE, plus the
squared distance from the prior.  Global search and posterior go together, in rounds: simulate the
findings at points spread over the prior, learn each finding as a smooth function of the parameters,
sample the posterior of that, simulate there, learn again.  The best simulated point is polished
with the simulator itself; posterior draws are simulated and weighted by what the simulator, not
the learned functions, says of them.  For each draw the response to placebo of every condition is
set anew (placebo.py).  Writes results/MECHANISM.json; collect.py puts results into the library.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import emcee
import numpy as np
from numpy.typing import NDArray
from placebo import all_responses
from scipy.interpolate import RBFInterpolator
from scipy.optimize import minimize
from scipy.special import ndtri
from scipy.stats import qmc

from antalgic import yamlfile
from antalgic.evidence import findings
from antalgic.model import mechanism as mechanisms
from antalgic.simulation.persons import moved
from antalgic.sources import read_variability

Floats = NDArray[np.float64]

RESULTS = Path(__file__).parent / "results"
PAIN = (
    "bosma2018", "goldberg2010", "inpatient2020", "kvarnstrom2004", "max1995", "michelet2018",
    "noppers2011", "olofsen2012", "sigtermans2009",
)  # fmt: skip
MOOD = ("han2016", "murrough2013")
EXPECTATION = ("w_e", "tau_e", "tau_x")
#: Which parameters each mechanism leaves open, and the trials that speak of them.
OPEN: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "sensitization": (
        ("g_N", "k_x", "B_th", "tau_r", "responsive", "g_S", *EXPECTATION), PAIN,
    ),
    "block": (("g_N", *EXPECTATION), PAIN),
    "plasticity": (
        ("g_N", "k_x", "B_th", "tau_r", "responsive", "g_S", "g_R", *EXPECTATION), PAIN,
    ),
    "metabolite": (
        ("g_N", "k_m", "C_m", "tau_r", "responsive", "g_S", *EXPECTATION), PAIN,
    ),
    "expectation": (("k_u", *EXPECTATION), PAIN),
    "mood": (("k_K", "tau_K", "k_R", "tau_R", "c_K", "c_R"), MOOD),
}  # fmt: skip
DRAWS = 200
#: People in each simulated arm, the same ones for every point.
SIZE = 256
RTOL = 1e-3


@dataclass(frozen=True)
class Problem:
    """One calibration: the mechanism to simulate, its open parameters, the trials."""

    mechanism: str
    names: tuple[str, ...]
    trials: tuple[str, ...]

    def values(self, u: Floats) -> dict[str, float]:
        """Parameters at a point in units of prior SD."""
        return {name: at_score(name, z) for name, z in zip(self.names, u, strict=True)}

    def simulated(self, u: Floats) -> Floats:
        """Simulated values of all findings."""
        given = self.values(u)
        base = mechanisms.parameters(self.mechanism)
        w_e, tau_e, tau_x = (given.get(n, base[n].known.value) for n in EXPECTATION)
        found = findings.run(
            self.trials, self.mechanism, uses=("fit",), changes=given,
            placebo=all_responses(w_e, tau_e, tau_x, self.conditions()), rtol=RTOL, size=SIZE,
            threads=1,
        )  # fmt: skip
        return np.array([o.simulated for o in found])

    def conditions(self) -> set[str]:
        """The conditions of the trials."""
        parts = {p for t in self.trials for p in (findings.load(t).pooled or (t,))}
        designs = [findings.load(p).design for p in parts]
        return {d.condition for d in designs if d is not None and d.condition is not None}

    def asked(self) -> list[findings.Finding]:
        """The findings that are fitted, in the order of `simulated`."""
        return [f for t in self.trials for f in findings.load(t).findings if f.use == "fit"]


def problem(name: str) -> Problem:
    """The calibration of a mechanism, or of mood, which all share."""
    names, trials = OPEN[name]
    return Problem(mechanisms.DEFAULT if name == "mood" else name, names, trials)


def at_score(name: str, z: float) -> float:
    """A parameter at a distance from its prior's middle, in units of the prior's SD."""
    prior = yamlfile.library(mechanisms.LIBRARY).data["parameters"][name]["prior"]
    typical = mechanisms.library_value(name)
    return float(moved(typical, read_variability(prior), np.asarray(z)))


class Learned:
    """Every finding as a smooth function of the point, and how far it was off when tested."""

    def __init__(self, points: Floats, values: Floats) -> None:
        held = np.arange(len(points)) % 7 == 3
        trial = _surface(points[~held], values[~held])
        self.error = np.sqrt(np.mean((trial(points[held]) - values[held]) ** 2, axis=0))
        self.surface = _surface(points, values)

    def __call__(self, points: Floats) -> Floats:
        """Findings (points, findings) at points (points, parameters)."""
        return self.surface(points)


def _surface(points: Floats, values: Floats) -> RBFInterpolator:
    return RBFInterpolator(
        points, values, kernel="thin_plate_spline", degree=1, smoothing=1e-3, neighbors=None
    )


def chi2(values: Floats, asked: Sequence[findings.Finding], error: Floats | float = 0.0) -> Floats:
    """Squared misses over SE, summed; values (..., findings)."""
    observed = np.array([f.value for f in asked])
    se = np.sqrt(np.array([f.se or 1.0 for f in asked]) ** 2 + np.square(error))
    total: Floats = (((values - observed) / se) ** 2).sum(axis=-1)
    return total


def sample(learned: Learned, asked: Sequence[findings.Finding], start: Floats, seed: int) -> Floats:
    """Points from the posterior of the learned findings."""
    d = start.shape[1]
    walkers = max(4 * d, 32)
    rng = np.random.default_rng(seed)
    first = start[rng.integers(len(start), size=walkers)] + 0.05 * rng.standard_normal((walkers, d))

    def log_posterior(points: Floats) -> Floats:
        cost = chi2(learned(points), asked, learned.error) + (points**2).sum(axis=1)
        return np.where(np.abs(points).max(axis=1) < 4, -0.5 * cost, -np.inf)

    sampler = emcee.EnsembleSampler(walkers, d, log_posterior, vectorize=True)
    sampler.random_state = np.random.RandomState(seed).get_state()
    sampler.run_mcmc(first, 1500)
    chain: Floats = sampler.get_chain(discard=500, thin=10, flat=True)
    return chain


def calibrate(name: str, points: int, rounds: int, workers: int) -> dict[str, object]:
    """The whole calibration of one mechanism, as plain data."""
    task = problem(name)
    asked, d = task.asked(), len(task.names)
    spread = ndtri(np.clip(qmc.Sobol(d, seed=1).random(points), 1e-3, 1 - 1e-3))
    began = time.perf_counter()
    with ProcessPoolExecutor(workers) as pool:
        tried, found = spread, _simulate(pool, task, spread)
        for turn in range(rounds):
            learned = Learned(tried, found)
            best = tried[np.argsort(chi2(found, asked) + (tried**2).sum(axis=1))[:64]]
            chain = sample(learned, asked, best, seed=turn)
            rng = np.random.default_rng(100 + turn)
            more = chain[rng.choice(len(chain), points, replace=False)]
            tried = np.concatenate([tried, more])
            found = np.concatenate([found, _simulate(pool, task, more)])
            print(f"{name} round {turn}: {_state(tried, found, asked, learned)}", flush=True)
        learned = Learned(tried, found)
        start = tried[np.argmin(chi2(found, asked) + (tried**2).sum(axis=1))]
        top = _polished(task, asked, start)
        chain = sample(learned, asked, start[None], seed=99)
        drawn = chain[np.random.default_rng(7).choice(len(chain), 2 * DRAWS, replace=False)]
        values = _simulate(pool, task, drawn)
    log_weight = -0.5 * (
        chi2(values, asked, learned.error) - chi2(learned(drawn), asked, learned.error)
    )
    kept, size = _resampled(log_weight)
    simulated = task.simulated(top)
    return {
        "mechanism": name,
        "seconds": round(time.perf_counter() - began),
        "simulations": len(tried) + len(drawn),
        "chi2": float(chi2(simulated, asked)),
        "prior_cost": float((top**2).sum()),
        "findings": [
            {"trial": t, "finding": f.id, "observed": f.value, "se": f.se, "simulated": float(v),
             "posterior": [float(q) for q in np.quantile(values[kept, i], [0.05, 0.5, 0.95])]}
            for i, (t, f, v) in enumerate(
                zip(_owners(task), asked, simulated, strict=True)
            )
        ],
        "parameters": _parameters(task, top, drawn[kept]),
        "correlations": _correlations(task.names, drawn[kept]),
        "effective_draws": float(size),
        "draws": [task.values(u) for u in drawn[kept]],
    }  # fmt: skip


def _simulate(pool: ProcessPoolExecutor, task: Problem, points: Floats) -> Floats:
    return np.array(list(pool.map(task.simulated, points, chunksize=4)))


def _polished(task: Problem, asked: Sequence[findings.Finding], start: Floats) -> Floats:
    """The best point by the simulator itself, from a start near it."""

    def cost(u: Floats) -> float:
        return float(chi2(task.simulated(u), asked) + (u**2).sum())

    simplex = np.vstack([start, start + 0.15 * np.eye(len(start))])
    found = minimize(
        cost, start, method="Nelder-Mead",
        options={"maxfev": 30 * len(start), "initial_simplex": simplex, "fatol": 0.01},
    )  # fmt: skip
    best: Floats = found.x
    return best


def _resampled(log_weight: Floats) -> tuple[NDArray[np.int64], float]:
    """Places of DRAWS draws in proportion to their weights, and how many the weights are worth."""
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    ladder = (np.arange(DRAWS) + 0.5) / DRAWS
    return np.searchsorted(np.cumsum(weight), ladder).clip(0, len(weight) - 1), 1 / (
        weight**2
    ).sum()


def _parameters(task: Problem, top: Floats, drawn: Floats) -> dict[str, object]:
    """For each parameter: best value, posterior, and how much narrower than the prior it is."""
    report = {}
    for i, name in enumerate(task.names):
        low, median, high = (at_score(name, q) for q in np.quantile(drawn[:, i], [0.05, 0.5, 0.95]))
        report[name] = {
            "value": at_score(name, top[i]),
            "median": median,
            "low": low,
            "high": high,
            "prior": at_score(name, 0.0),
            "of_prior_sd": float(drawn[:, i].std()),
        }
    return report


def _correlations(names: Sequence[str], drawn: Floats) -> list[list[object]]:
    table = np.corrcoef(drawn.T)
    pairs = [(i, j) for i in range(len(names)) for j in range(i)]
    strong = sorted(pairs, key=lambda p: -abs(table[p]))
    return [[names[i], names[j], float(table[i, j])] for i, j in strong if abs(table[i, j]) > 0.4]


def _owners(task: Problem) -> list[str]:
    return [t for t in task.trials for f in findings.load(t).findings if f.use == "fit"]


def _state(
    tried: Floats, found: Floats, asked: Sequence[findings.Finding], learned: Learned
) -> str:
    cost = chi2(found, asked) + (tried**2).sum(axis=1)
    se = np.array([f.se or 1.0 for f in asked])
    return (
        f"best {cost.min():.1f} of {len(tried)} points, "
        f"learned to {np.median(learned.error / se):.2f} SE (worst {max(learned.error / se):.2f})"
    )


def main() -> None:
    """Calibrate the mechanisms named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(OPEN))
    parser.add_argument("--points", type=int, default=256, help="simulated points a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    for name in options.names:
        result = calibrate(name, options.points, options.rounds, options.workers)
        text = json.dumps(result, indent=1) + "\n"
        (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")
        print(f"{name}: chi2 {result['chi2']:.1f} in {result['seconds']} s")
        for row in result["findings"]:
            print("   ", row["trial"], row["finding"], row["observed"], f"{row['simulated']:.3f}")


if __name__ == "__main__":
    main()
