"""How much pain people have before treatment, and how they respond to being treated at all."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

#: Ratings of a person in pain lie between these: at 0 and at 10 log-odds have no value.
LOWEST, HIGHEST = 0.2, 9.8


def ratings(mean: float, sd: float, z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ratings 0-10 with this mean and SD before they are cut to the scale, from normal scores z.

    The cut is by the inverse of the truncated normal, so that nobody sits on a bound.

    >>> ratings(7.1, 1.8, np.array([-1.0, 0.0, 1.0])).round(2)
    array([5.21, 6.97, 8.56])
    """
    if sd == 0:
        return np.full_like(z, np.clip(mean, LOWEST, HIGHEST))
    low, high = ndtr((LOWEST - mean) / sd), ndtr((HIGHEST - mean) / sd)
    cut: NDArray[np.float64] = mean + sd * ndtri(low + (high - low) * ndtr(z))
    return cut
