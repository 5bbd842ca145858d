"""A model's parameters for each person and each parameter set of a schedule."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from antalgic.model.shelf import Covariate, Parameter, PKModel, SharedSpread
from antalgic.population import streams
from antalgic.population.people import People
from antalgic.sources import Variability

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Sets:
    """Successive parameter sets: start (h), occasion, and factors on parameters, each (S,)."""

    start: Array
    occasion: NDArray[np.int64]
    since_first_dose: Array
    factors: Mapping[str, Array] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.start)


def single_set() -> Sets:
    """Nothing changes: one set for all time."""
    return Sets(np.zeros(1), np.zeros(1, dtype=np.int64), np.zeros(1))


def reference_person() -> People:
    """One adult of 70 kg, 40 years, 170 cm, for typical values where no population is given."""
    return People(
        np.array([1]), np.array([70.0]), np.array([40.0]), np.array([170.0]),
        np.array([False]), np.array(["other"]),
    )  # fmt: skip


@dataclass(frozen=True)
class Draw:
    """Which random numbers: seed, replicate, and the place of the first person in the population.

    With ``typical`` every deviation is zero: the typical value given the covariates.
    """

    seed: int = 0
    replicate: int = 0
    offset: int = 0
    typical: bool = False

    def normal(self, stream: str, n: int) -> Array:
        """Standard normal numbers of n people."""
        if self.typical:
            return np.zeros(n)
        return streams.normal(self.seed, stream, n, replicate=self.replicate, offset=self.offset)

    def uniform(self, stream: str, n: int) -> Array:
        """Numbers between 0 and 1 of n people; their middle for typical ones."""
        if self.typical:
            return np.full(n, 0.5)
        return streams.uniform(self.seed, stream, n, replicate=self.replicate, offset=self.offset)


def individual(model: PKModel, people: People, sets: Sets, draw: Draw) -> dict[str, Array]:
    """Values of every parameter in canonical units, broadcastable to (people, sets)."""
    etas = _etas(model, len(people), draw)
    values: dict[str, Array] = {}
    for name, parameter in model.parameters.items():
        if not parameter.entry.same_as:
            values[name] = _value(model, parameter, people, sets, draw, etas)
    for name, parameter in model.parameters.items():
        if parameter.entry.same_as:
            values[name] = values[parameter.entry.same_as]
    for name, factor in sets.factors.items():
        values[name] = values[name] * factor
    return values


def _etas(model: PKModel, n: int, draw: Draw) -> dict[str, Array]:
    """Deviations between people (n,) with the model's covariance."""
    independent = np.array([draw.normal(f"eta.{name}", n) for name in model.deviations])
    if not len(independent):
        return {}
    values, vectors = np.linalg.eigh(model.omega)
    if not np.any(model.omega - np.diag(np.diag(model.omega))):
        root = np.diag(np.sqrt(np.diag(model.omega)))
    else:
        root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T  # symmetric: order-free
    # summed one by one: the order of sums of a matrix product depends on the number of people
    return {
        name: np.asarray(sum(root[i, j] * z for j, z in enumerate(independent)))
        for i, name in enumerate(model.deviations)
    }


def _value(
    model: PKModel,
    parameter: Parameter,
    people: People,
    sets: Sets,
    draw: Draw,
    etas: Mapping[str, Array],
) -> Array:
    base, factor = np.full((len(people), 1), parameter.value), np.ones((1, 1))
    for effect in parameter.entry.covariates:
        base = _additive(model, effect, people, base)
        factor = factor * _factor(model, effect, people, sets)
    spread = parameter.entry.between
    owner = spread.same_as if isinstance(spread, SharedSpread) else parameter.name
    deviation = etas.get(owner, np.zeros(len(people)))[:, None]
    if parameter.entry.occasion is not None:
        deviation = deviation + _kappas(parameter, len(people), sets, draw)
    if isinstance(spread, Variability) and spread.scale == "logit":
        return np.minimum(expit(logit(base) + deviation) * factor, 1.0)
    return base * np.exp(deviation) * factor


def _additive(model: PKModel, effect: Covariate, people: People, base: Array) -> Array:
    """Effects on the typical value itself: a slope above an age, another value below an age."""
    age = people.age[:, None]
    if effect.on == "age" and effect.slope is not None:
        excess = np.maximum(age - (effect.above or 0.0), 0.0)
        return np.maximum(base + model.parameters[effect.slope].value * excess, 0.0)
    if effect.on == "age" and effect.value is not None:
        return np.where(age < (effect.below or 0.0), model.parameters[effect.value].value, base)
    return base


def _factor(model: PKModel, effect: Covariate, people: People, sets: Sets) -> Array:
    """Effects that multiply."""
    if effect.per == "kg":
        return people.weight[:, None]
    if effect.power is not None:
        return (people.weight[:, None] / (effect.reference or 70.0)) ** effect.power
    if effect.factor is not None:
        value = model.parameters[effect.factor].value
        return np.where(_is(effect, people), value, 1.0)[:, None]
    if effect.on == "time" and effect.slope is not None:
        step = effect.step or 1.0
        middle = (np.floor(sets.since_first_dose / step + 1e-9) + 0.5) * step
        return 1.0 + model.parameters[effect.slope].value * np.maximum(middle, 0.0)[None, :]
    return np.ones((1, 1))


def _is(effect: Covariate, people: People) -> NDArray[np.bool_]:
    if effect.on == "sex":
        women: NDArray[np.bool_] = people.female == ("female" in (effect.is_ or ()))
        return women
    return np.isin(people.race, effect.is_ or ())


def _kappas(parameter: Parameter, n: int, sets: Sets, draw: Draw) -> Array:
    """Deviations between occasions (n, sets)."""
    assert parameter.entry.occasion is not None
    sd = np.sqrt(parameter.entry.occasion.variance)
    drawn = {
        int(k): draw.normal(f"kappa.{parameter.name}.{k}", n) for k in np.unique(sets.occasion)
    }
    kappas: Array = sd * np.stack([drawn[int(k)] for k in sets.occasion], axis=1)
    return kappas
