"""What share of a result's variance rests on which inputs, from a few hundred runs.

A result is learned as a sparse polynomial of second degree in normal scores of the inputs; for such
a polynomial the variance that any set of inputs explains is known in closed form, correlated or
not, and so are Shapley effects: each input's mean share in what it adds to the sets before it
(Owen 2014; Song, Nelson and Staum 2016).  They are never negative and add up to 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import factorial

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Places = Sequence[int]

#: Inputs whose products are tried, those with the strongest effects by themselves.
PAIRED = 20
FOLDS = 5
#: Further terms that are tried after the last that helped.
PATIENCE = 12
#: Orders of the inputs over which their shares are averaged, and as many reversed.
ORDERS = 16


@dataclass(frozen=True)
class Surrogate:
    """Y = mean + b'w + w'Qw - tr(Q) in independent normal w; scores of the inputs are root @ w.

    ``quality`` is Q², the share of the variance of Y that it predicts in runs that it has not seen.
    """

    mean: float
    linear: Array
    square: Array
    root: Array
    quality: float

    @property
    def variance(self) -> float:
        """Variance of the polynomial."""
        return float(self.linear @ self.linear + 2 * np.sum(self.square**2))

    def explained(self, places: Places) -> float:
        """Var E[Y | these inputs]: the part that goes when they become known."""
        return float(self._added(places).sum())

    def shares(self, groups: Mapping[str, Places]) -> dict[str, float]:
        """Shapley effects of groups of inputs as shares of the variance; they add up to 1.

        Groups must cover all inputs that matter.  Exact: all sets of groups are looked at.
        """
        names = [name for name, places in groups.items() if len(places)]
        known = {
            chosen: self.explained([p for name in chosen for p in groups[name]])
            for size in range(len(names) + 1)
            for chosen in combinations(names, size)
        }
        found = dict.fromkeys(groups, 0.0)
        if self.variance == 0:
            return found
        for name in names:
            others = [other for other in names if other != name]
            for size in range(len(names)):
                weight = factorial(size) * factorial(len(names) - size - 1) / factorial(len(names))
                for before in combinations(others, size):
                    after = tuple(n for n in names if n == name or n in before)
                    found[name] += weight * (known[after] - known[before])
            found[name] = max(0.0, found[name]) / self.variance
        return found

    def each(self) -> Array:
        """Shapley effects of single inputs (inputs,), over `ORDERS` orders and their reverses."""
        count = len(self.root)
        found = np.zeros(count)
        if self.variance == 0:
            return found
        rng = np.random.default_rng(0)
        for _ in range(ORDERS):
            order = rng.permutation(count)
            for way in (order, order[::-1]):
                found[way] += self._added(way)
        return found / (2 * ORDERS * self.variance)

    def _added(self, order: Places | NDArray[np.int64]) -> Array:
        """What each input of an order adds to those before it.

        Inputs open one direction q of w after the other; what is known of Y along some of them is
        the sum of (b'q)² and of 2 (q'Qp)² over all pairs.
        """
        basis = np.zeros((self.root.shape[1], 0))
        levels = [0.0]
        linear, squares = 0.0, 0.0
        inside = np.zeros((0, self.root.shape[1]))  # rows q'Q of the directions q found so far
        for place in order:
            rest = self.root[place] - basis @ (basis.T @ self.root[place])
            rest = rest - basis @ (basis.T @ rest)
            length = float(np.linalg.norm(rest))
            if length > _SAME:
                q = rest / length
                row = q @ self.square
                linear += float(self.linear @ q) ** 2
                squares += float(row @ q) ** 2 + 2 * float(np.sum((inside @ q) ** 2))
                basis = np.column_stack([basis, q])
                inside = np.vstack([inside, row])
            levels.append(linear + 2 * squares)
        return np.diff(levels)


#: An input with less than this of its own, in SD, is a function of those before it.
_SAME = 1e-6


def root_of(correlation: Array) -> Array:
    """Symmetric root L of a correlation matrix, which may be singular: L @ L.T gives it back."""
    values, vectors = np.linalg.eigh(correlation)
    found: Array = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    return found


def learn(w: Array, y: Array, root: Array) -> Surrogate:
    """A sparse polynomial from runs: w (runs, inputs) independent normal scores, y (runs,)."""
    spread = float(y.std())
    if spread <= 1e-9 * max(1.0, float(np.abs(y).max())):
        none = np.zeros(w.shape[1])
        return Surrogate(float(y.mean()), none, np.diag(none), root, 1.0)
    held = np.arange(len(y)) % FOLDS
    missed = np.empty(len(y))
    for fold in range(FOLDS):
        seen, out = held != fold, held == fold
        missed[out] = y[out] - _Sparse(w[seen], y[seen]).at(w[out])
    quality = 1 - float(np.mean(missed**2)) / spread**2
    whole = _Sparse(w, y)
    return Surrogate(whole.mean, *whole.polynomial(w.shape[1]), root, quality)


class _Sparse:
    """Terms of a polynomial chosen one by one, as long as the error in runs left out falls."""

    def __init__(self, w: Array, y: Array) -> None:
        inputs = w.shape[1]
        alone = [(i,) for i in range(inputs)] + [(i, i) for i in range(inputs)]
        first, weight = _chosen(_columns(w, alone), y)
        strength = np.zeros(inputs)
        for place, value in zip(first, weight[1:], strict=True):
            strength[alone[place][0]] += value**2
        strong = sorted(np.argsort(-strength, kind="stable")[:PAIRED])
        terms = alone + list(combinations(map(int, strong), 2))
        chosen, weights = _chosen(_columns(w, terms), y)
        self.terms = [terms[place] for place in chosen]
        self.mean, self.weights = float(weights[0]), weights[1:]

    def at(self, w: Array) -> Array:
        """Values at other points."""
        found: Array = self.mean + _columns(w, self.terms) @ self.weights
        return found

    def polynomial(self, inputs: int) -> tuple[Array, Array]:
        """The linear and the quadratic part."""
        linear, square = np.zeros(inputs), np.zeros((inputs, inputs))
        for term, weight in zip(self.terms, self.weights, strict=True):
            if len(term) == 1:
                linear[term[0]] = weight
            elif term[0] == term[1]:
                square[term] = weight / np.sqrt(2)
            else:
                square[term] = square[term[::-1]] = weight / 2
        return linear, square


def _columns(w: Array, terms: Sequence[tuple[int, ...]]) -> Array:
    """Orthonormal polynomials of normal scores: w, (w² - 1)/√2 and products of two."""
    found = np.empty((len(w), len(terms)))
    for column, term in enumerate(terms):
        first, last = w[:, term[0]], w[:, term[-1]]
        if len(term) == 1:
            found[:, column] = first
        else:
            found[:, column] = (first**2 - 1) / np.sqrt(2) if term[0] == term[1] else first * last
    return found


def _chosen(columns: Array, y: Array) -> tuple[list[int], Array]:
    """Columns by orthogonal matching pursuit, and weights with the constant first.

    The number of columns is that of the least error in runs left out one by one, in closed form
    from the leverages, corrected for the number of terms (Chapelle, Vapnik and Bengio 2002).
    """
    runs = len(y)
    most = min(columns.shape[1], runs // 3)
    basis = np.empty((most + 1, runs))
    basis[0] = 1 / np.sqrt(runs)
    size = 1
    rest = y - y.mean()
    own = np.sqrt(np.einsum("ij,ij->j", columns, columns))
    leverage = np.full(runs, 1 / runs)
    chosen: list[int] = []
    free = np.ones(columns.shape[1], dtype=np.bool_)
    best, kept = np.inf, 0
    for count in range(1, most + 1):
        place = int(np.argmax(np.abs(rest @ columns) / own * free))
        q = columns[:, place].copy()
        for _ in range(2):
            q -= (basis[:size] @ q) @ basis[:size]
        length = float(np.linalg.norm(q))
        free[place] = False
        chosen.append(place)
        if length > 1e-6 * own[place]:
            q /= length
            basis[size] = q
            size += 1
            rest = rest - q * (q @ rest)
            leverage = leverage + q**2
        error = np.mean((rest / (1 - leverage)) ** 2) * (runs / (runs - count - 1))
        if error < best:
            best, kept = error, count
        elif count > kept + PATIENCE:
            break
    chosen = chosen[:kept]
    design = np.column_stack([np.ones(runs), columns[:, chosen]])
    return chosen, np.asarray(np.linalg.lstsq(design, y, rcond=None)[0], dtype=np.float64)
