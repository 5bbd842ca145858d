"""People drawn at random, their covariates hanging together.

Adults: sex by its share; height, weight and age from curves within each sex, joined by a Gaussian
copula.  The correlations are those of normal scores within a sex; over both sexes weight and height
go together more closely, because men are taller and heavier.
Children: sex and age first; height and weight from growth charts at that age.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from antalgic.errors import InputError
from antalgic.population import streams
from antalgic.population.margins import Distribution, Margin
from antalgic.population.people import RACES, People
from antalgic.population.reference import PAIRS, reference
from antalgic.units import Kind

Floats = NDArray[np.float64]

# A covariate depends only on those before it, so asking for other ages leaves the weights alone.
_ORDER = ("height", "weight", "age")
_SMALLEST = 1e-6  # of an eigenvalue, below which correlations hardly can or cannot hold together


@dataclass(frozen=True)
class Wanted:
    """What the people drawn shall be like.

    weight or height None: the curves of adults in general, or of a child's age.  race: shares of
    races other than "other".  correlations: by pair, instead of the library's.
    """

    female: float
    age: Distribution
    weight: Distribution | None = None
    height: Distribution | None = None
    race: Mapping[str, float] = field(default_factory=dict)
    correlations: Mapping[str, float] = field(default_factory=dict)


def draw_adults(wanted: Wanted, seed: int, n: int, *, replicate: int = 0) -> People:
    """n adults, numbered from 1."""
    female = _draw_female(wanted.female, seed, n, replicate)
    scores = _correlated(_scores(seed, n, replicate), female, wanted.correlations)
    drawn = curves(wanted)
    return People(
        ids=np.arange(1, n + 1, dtype=np.int64),
        female=female,
        race=_draw_race(wanted.race, seed, n, replicate),
        age=_values(drawn["age"], scores["age"], female),
        height=_values(drawn["height"], scores["height"], female),
        weight=_values(drawn["weight"], scores["weight"], female),
    )


def draw_children(wanted: Wanted, seed: int, n: int, *, replicate: int = 0) -> People:
    """n children, numbered from 1; a wanted weight or height must be the same for all."""
    female = _draw_female(wanted.female, seed, n, replicate)
    scores = _scores(seed, n, replicate)
    age = _values(curves(wanted)["age"], scores["age"], female)
    height, weight = reference().growth.measures(scores["height"], scores["weight"], age, female)
    return People(
        ids=np.arange(1, n + 1, dtype=np.int64),
        female=female,
        race=_draw_race(wanted.race, seed, n, replicate),
        age=age,
        height=height if wanted.height is None else np.full(n, wanted.height.typical),
        weight=weight if wanted.weight is None else np.full(n, wanted.weight.typical),
    )


def curves(wanted: Wanted) -> dict[str, Margin | Distribution]:
    """What each covariate is drawn from.

    Raises InputError, with the covariate as its field, where no curve between the limits has the
    wanted mean and sd.
    """
    library = reference()
    age = library.age
    plain = Margin(log=False, centre=(0.0, 0.0), spread=(1.0, 1.0), low=age.low, high=age.high)
    return {
        "height": _curve("height", wanted.height, library.height, wanted.female, Kind.HEIGHT),
        "weight": _curve("weight", wanted.weight, library.weight, wanted.female, Kind.WEIGHT),
        "age": _curve("age", wanted.age, plain, wanted.female, Kind.AGE),
    }


def _curve(
    name: str, wanted: Distribution | None, general: Margin, female: float, kind: Kind
) -> Margin | Distribution:
    if wanted is None:
        return general
    if wanted.fixed or wanted.mean is None:
        return wanted
    try:
        return general.fitted(wanted, female, kind)
    except InputError as error:
        raise error.at(field=name) from None


def correlation_matrices(asked: Mapping[str, float]) -> tuple[Floats, Floats]:
    """Of height, weight and age in men and in women, (3, 3) each; InputError if impossible."""
    matrices = []
    for general in reference().correlations:
        pairs = _completed(general, asked)
        matrix = np.eye(len(_ORDER))
        for pair, r in pairs.items():
            i, j = (_ORDER.index(name) for name in pair.split("-"))
            matrix[i, j] = matrix[j, i] = r
        smallest = float(np.linalg.eigvalsh(matrix)[0])
        if smallest < _SMALLEST:
            told = ", ".join(f"{pair} {r:.3g}" for pair, r in pairs.items())
            raise InputError(
                f"{told} cannot hold together, "
                f"expected a positive definite matrix (its smallest eigenvalue is {smallest:.2g})"
            )
        matrices.append(matrix)
    return matrices[0], matrices[1]


def _completed(general: Mapping[str, float], asked: Mapping[str, float]) -> dict[str, float]:
    """The asked correlations, and the library's for the other pairs.

    One pair that is not asked keeps its partial correlation, given the third covariate, instead of
    its correlation: one or two asked values can then always hold together with the library's.
    """
    pairs = dict(general) | dict(asked)
    free = [pair for pair in PAIRS if pair not in asked]
    if not asked or not free:
        return pairs
    loose = free[-1]
    one, other = (pair for pair in PAIRS if pair != loose)
    a, b = general[one], general[other]
    partial = (general[loose] - a * b) / np.sqrt((1 - a**2) * (1 - b**2))
    a, b = pairs[one], pairs[other]
    pairs[loose] = float(a * b + partial * np.sqrt((1 - a**2) * (1 - b**2)))
    return pairs


def _scores(seed: int, n: int, replicate: int) -> dict[str, Floats]:
    """Independent standard normal numbers, shape (n,) each."""
    return {
        name: streams.normal(seed, f"population.{name}", n, replicate=replicate) for name in _ORDER
    }


def _correlated(
    scores: dict[str, Floats], female: NDArray[np.bool_], asked: Mapping[str, float]
) -> dict[str, Floats]:
    male_root, female_root = (np.linalg.cholesky(m) for m in correlation_matrices(asked))
    joined = {}
    for row, name in enumerate(_ORDER):
        parts = [
            np.where(female, female_root[row, k], male_root[row, k]) * scores[other]
            for k, other in enumerate(_ORDER[: row + 1])
        ]
        joined[name] = np.sum(parts, axis=0)
    return joined


def _values(curve: Margin | Distribution, z: Floats, female: NDArray[np.bool_]) -> Floats:
    if isinstance(curve, Margin):
        return curve.values(z, female)
    if curve.fixed:
        return np.full(len(z), curve.typical)
    evenly: Floats = curve.low + (curve.high - curve.low) * ndtr(z)
    return evenly


def _draw_female(share: float, seed: int, n: int, replicate: int) -> NDArray[np.bool_]:
    return streams.uniform(seed, "population.sex", n, replicate=replicate) < share


def _draw_race(shares: Mapping[str, float], seed: int, n: int, replicate: int) -> NDArray[np.str_]:
    if not shares:
        return np.full(n, RACES[0])
    upper = np.cumsum([shares.get(race, 0.0) for race in RACES[1:]])
    place = np.searchsorted(
        upper, streams.uniform(seed, "population.race", n, replicate=replicate), side="right"
    )
    # The first places are the races with an effect, in order; what is left over is "other".
    return np.array([*RACES[1:], RACES[0]])[place]
