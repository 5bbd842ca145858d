"""Quantiles and means over people: exact while the values fit in memory, streamed beyond."""

from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np
from numba import njit
from numpy.typing import NDArray

#: Histogram of streamed quantiles: 128 bins an octave (0.54 % wide) from 2^-20 to 2^20, one below.
_BITS = 7
_LOW, _HIGH = -20, 20
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
def count(as_bits, counts):
    """Add values >= 0, given by their bit patterns (people, rows), to counts (rows, BINS)."""
    for r in range(as_bits.shape[1]):
        row = counts[r]
        for p in range(as_bits.shape[0]):
            index = (as_bits[p, r] >> _SHIFT) - _BASE + 1
            if index < 0:
                index = 0
            if index > BINS - 1:
                index = BINS - 1
            row[np.uint64(index)] += 1  # unsigned: no check for places from the end


@njit(cache=True, nogil=True)
def accumulate(values, totals):
    """Add values (people, rows) to totals (rows), person after person, whatever the chunks are."""
    for p in range(values.shape[0]):
        for r in range(values.shape[1]):
            totals[r] += values[p, r]


@njit(cache=True, nogil=True)
def _ranks(counts, people, levels, edges, out):
    """Fill out (rows, levels): the level's rank found in the counts, linear within its bin."""
    for r in range(counts.shape[0]):
        index, before = 0, 0
        for column in range(levels.shape[0]):
            rank = levels[column] * (people - 1) + 0.5
            while before + counts[r, index] < rank:
                before += counts[r, index]
                index += 1
            low, high = edges[index], edges[index + 1]
            share = (rank - before) / counts[r, index]
            out[r, column] = 0.0 if index == 0 else low + (high - low) * share


def streamed(
    counts: NDArray[np.int32], people: int, levels: Sequence[float]
) -> NDArray[np.float64]:
    """Quantiles (rows, levels) from the counts (rows, BINS) of so many people.

    Levels ascend.  The error is below the width of a bin, 0.54 %; below 2^-20 counts as zero.
    """
    edges = np.concatenate([[0.0], ((np.arange(BINS) + _BASE) << _SHIFT).view(np.float64)])
    out = np.empty((len(counts), len(levels)))
    _ranks(counts, people, np.asarray(levels, dtype=np.float64), edges, out)
    return out
