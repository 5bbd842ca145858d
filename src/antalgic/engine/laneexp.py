"""Matrix exponentials for the people of a block at once, over the entries that can be non-zero.

The method is that of :mod:`antalgic.engine.exponential`: shift to a non-negative matrix, scale, sum
the Taylor series, square.  Flows go one way (gut to blood to effect site), so most entries of the
exponential are zero whatever the parameters; a :class:`Pattern` lists the others.
"""

from collections.abc import Collection
from dataclasses import dataclass
from math import ceil, exp, log2

import numpy as np
from numba import njit
from numpy.typing import NDArray

from antalgic.engine.lanevector import LANES, multiply

#: Matrices that :func:`halvings` needs as work space.
WORK = 6

_C = np.array([1.0 / float(np.prod(np.arange(1.0, k + 1.0))) for k in range(17)])


@dataclass(frozen=True)
class Pattern:
    """Where powers of a matrix can be non-zero.

    Entry e stands in ``row[e]``, ``column[e]``; ``diagonal`` (n,) are the entries (i, i).  Entry e
    of a product sums left[t] times right[t] over start[e] <= t < start[e + 1].
    """

    row: NDArray[np.int64]
    column: NDArray[np.int64]
    diagonal: NDArray[np.int64]
    start: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]

    def find(self, row: int, column: int) -> int:
        """The number of entry (row, column)."""
        return int(np.flatnonzero((self.row == row) & (self.column == column))[0])


def pattern(n: int, entries: Collection[tuple[int, int]]) -> Pattern:
    """The pattern of exp(M) for an (n, n) matrix with these non-zero entries (row, column)."""
    reach = np.eye(n, dtype=bool)
    for row, column in entries:
        reach[row, column] = True
    for middle in range(n):
        reach |= np.outer(reach[:, middle], reach[middle])
    rows, columns = np.nonzero(reach)
    number = -np.ones((n, n), dtype=np.int64)
    number[rows, columns] = np.arange(len(rows))
    start, left, right = [0], [], []
    for i, j in zip(rows, columns, strict=True):
        through = np.flatnonzero(reach[i] & reach[:, j])
        left.append(number[i, through])
        right.append(number[through, j])
        start.append(start[-1] + len(through))
    return Pattern(
        rows.astype(np.int64),
        columns.astype(np.int64),
        number[np.arange(n), np.arange(n)],
        np.array(start, dtype=np.int64),
        np.concatenate(left) if left else np.zeros(0, dtype=np.int64),
        np.concatenate(right) if right else np.zeros(0, dtype=np.int64),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def size_of(mt, row, column, diagonal):
    """Shift s = max(-M_ii) and norm of M + s I over all lanes (1/h); ``mt`` is flat."""
    shift = 0.0
    for e in diagonal:
        for lane in range(LANES):
            shift = max(shift, -mt[e * LANES + lane])
    sums = np.zeros((diagonal.shape[0], LANES))
    for e in range(row.shape[0]):
        extra = shift if row[e] == column[e] else 0.0
        for lane in range(LANES):
            sums[column[e], lane] += abs(mt[e * LANES + lane] + extra)
    norm = 0.0
    for j in range(sums.shape[0]):
        for lane in range(LANES):
            norm = max(norm, sums[j, lane])
    return shift, norm


@njit(cache=True, nogil=True, error_model="numpy")
def _taylor(first, work, size, diagonal, out):
    """Matrix ``out`` of work += c[first] I + c[first+1] N + c[first+2] N^2 + c[first+3] N^3."""
    c1, c2, c3 = _C[first + 1], _C[first + 2], _C[first + 3]
    at = out * size
    for i in range(size):
        work[at + i] += c1 * work[i] + c2 * work[size + i] + c3 * work[2 * size + i]
    for e in diagonal:
        for lane in range(LANES):
            work[at + e * LANES + lane] += _C[first]


@njit(cache=True, nogil=True, error_model="numpy")
def halvings(
    mt, shift, norm, h, diagonal, start, left, right, inputs, depth, work, out, out_at
):  # fmt: skip
    """exp(M h / 2^i) for i < depth, one matrix of slots after the other from slot out_at of out.

    The squarings pass through all of them.  The last ``inputs`` states are constant; ``work`` has
    room for WORK matrices.
    """
    entries = start.shape[0] - 1
    size = entries * LANES
    squarings = depth - 1
    if norm * h > 0.5:
        squarings = max(squarings, ceil(log2(norm * h / 0.5)))
    step = h / 2.0**squarings
    for i in range(size):
        work[i] = mt[i] * step
    for e in diagonal:
        for lane in range(LANES):
            work[e * LANES + lane] = (mt[e * LANES + lane] + shift) * step
    multiply(entries, start, left, right, work, 0, work, 0, work, entries)
    multiply(entries, start, left, right, work, entries, work, 0, work, 2 * entries)
    multiply(entries, start, left, right, work, entries, work, entries, work, 3 * entries)
    a, b = 4, 5
    for i in range(size):
        work[a * size + i] = _C[16] * work[3 * size + i]
    _taylor(12, work, size, diagonal, a)
    for first in (8, 4, 0):
        multiply(
            entries, start, left, right, work, 3 * entries, work, a * entries, work, b * entries
        )
        _taylor(first, work, size, diagonal, b)
        a, b = b, a
    decay = exp(-shift * step)
    for i in range(size):
        work[a * size + i] *= decay
    for i in range(squarings, -1, -1):
        if i < depth:
            place = (out_at + i * entries) * LANES
            for k in range(size):
                out[place + k] = work[a * size + k]
            # an empty block has inputs too, but no matrix
            for j in range(max(0, diagonal.shape[0] - inputs), diagonal.shape[0]):
                for lane in range(LANES):
                    out[place + diagonal[j] * LANES + lane] = 1.0
        if i > 0:
            multiply(
                entries, start, left, right,
                work, a * entries, work, a * entries, work, b * entries,
            )  # fmt: skip
            a, b = b, a
