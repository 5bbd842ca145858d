"""Curves and bands as few points as the eye needs, and labels that keep out of each other's way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def thinned(x: Array, curves: Array, tolerance: float) -> NDArray[np.int64]:
    """Places of the points to keep so that every curve (rows) is drawn to within the tolerance.

    Ramer, Douglas and Peucker's splitting, on vertical distances and all curves at once.  curves
    (curves, points) are in units of the axis height.
    """
    keep = np.zeros(len(x), dtype=bool)
    keep[[0, -1]] = True
    stack = [(0, len(x) - 1)]
    while stack:
        a, b = stack.pop()
        if b - a < 2:
            continue
        part = (x[a + 1 : b] - x[a]) / (x[b] - x[a])
        chord = curves[:, a, None] + part * (curves[:, b] - curves[:, a])[:, None]
        off = np.abs(curves[:, a + 1 : b] - chord).max(axis=0)
        worst = int(off.argmax())
        if off[worst] > tolerance:
            middle = a + 1 + worst
            keep[middle] = True
            stack += [(a, middle), (middle, b)]
    return np.flatnonzero(keep)


def spread(wanted: Sequence[float], apart: float, low: float, high: float) -> list[float]:
    """Heights near the wanted ones, at least ``apart`` from each other, between low and high.

    The order of the wanted heights is kept.  Where there is no room for all, they go below low.
    """
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], -i))
    placed: list[float] = []
    for i in order:
        floor = placed[-1] + apart if placed else low
        placed.append(max(wanted[i], floor))
    ceiling = high
    for position in range(len(placed) - 1, -1, -1):
        placed[position] = min(placed[position], ceiling)
        ceiling = placed[position] - apart
    found = [0.0] * len(wanted)
    for i, height in zip(order, placed, strict=True):
        found[i] = height
    return found
