"""Quantiles and means over people: exact while the values fit in memory, streamed beyond."""

from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np
from numba import njit
from numpy.typing import NDArray

#: Histogram of streamed quantiles: 64 bins an octave (1.1 % wide) from 2^-30 to 2^30, and one
#: below.
_BITS = 6
_LOW, _HIGH = -30, 30
_SHIFT = 52 - _BITS
_BASE = int(np.float64(2.0**_LOW).view(np.int64)) >> _SHIFT
BINS = ((_HIGH - _LOW) << _BITS) + 2


def exact(
    values: NDArray[np.float64], levels: Sequence[float], workers: Executor, parts: int
) -> NDArray[np.float64]:
    """Quantiles (rows, levels) of values (rows, people), linear between order statistics.

    The rows of ``values`` are reordered in place.
    """
    people = values.shape[1]
    position = np.asarray(levels) * (people - 1)
    below = np.floor(position).astype(np.int64)
    above = np.minimum(below + 1, people - 1)
    order = np.unique(np.concatenate([below, above]))

    def rows(part: NDArray[np.int64]) -> NDArray[np.float64]:
        block = values[part[0] : part[-1] + 1]
        block.partition(order, axis=1)
        low, high = block[:, below], block[:, above]
        between: NDArray[np.float64] = low + (high - low) * (position - below)
        return between

    chunks = [c for c in np.array_split(np.arange(len(values)), max(1, parts)) if len(c)]
    return np.concatenate(list(workers.map(rows, chunks)))


@njit(cache=True, nogil=True)
def count(values, as_bits, counts):
    """Add values (people, rows) >= 0, with their bit patterns, to counts (rows, BINS)."""
    for r in range(values.shape[1]):
        for p in range(values.shape[0]):
            index = (as_bits[p, r] >> _SHIFT) - _BASE + 1
            if not values[p, r] > 0.0 or index < 0:
                index = 0
            counts[r, min(index, BINS - 1)] += 1


@njit(cache=True, nogil=True)
def accumulate(values, totals):
    """Add values (people, rows) to totals (rows), person after person, whatever the chunks are."""
    for p in range(values.shape[0]):
        for r in range(values.shape[1]):
            totals[r] += values[p, r]


def streamed(counts: NDArray[np.int64], levels: Sequence[float]) -> NDArray[np.float64]:
    """Quantiles (rows, levels) from counts (rows, BINS), linear within a bin."""
    edges = np.concatenate([[0.0], ((np.arange(BINS) + _BASE) << _SHIFT).view(np.float64)])
    cumulative = np.cumsum(counts, axis=1)
    out = np.empty((len(counts), len(levels)))
    for column, level in enumerate(levels):
        rank = level * (cumulative[:, -1] - 1) + 0.5
        index = (cumulative < rank[:, None]).sum(axis=1)
        rows = np.arange(len(counts))
        inside = counts[rows, index]
        before = cumulative[rows, index] - inside
        out[:, column] = edges[index] + (edges[index + 1] - edges[index]) * (rank - before) / inside
        out[index == 0, column] = 0.0
    return out
