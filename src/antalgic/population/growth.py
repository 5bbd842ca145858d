"""How tall and heavy children are at an age: the LMS curves of growth charts.

A chart gives, for each sex and age, a power L, a median M and a coefficient of variation S; a child
z standard deviations from the median measures M (1 + L S z)^(1/L)  (Cole and Green 1992).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from antalgic.sources import Value

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Chart:
    """One measure of one sex: ages in years and L, M, S at them, each of shape (rows,)."""

    ages: Floats
    L: Floats
    M: Floats
    S: Floats

    def values(self, z: Floats, age: Floats) -> Floats:
        """The measure of children z standard deviations from their age's median, shape (n,)."""
        L, M, S = (np.interp(age, self.ages, column) for column in (self.L, self.M, self.S))
        # log1p(x)/L stays exact where L is close to 0 and the curve is log-normal.
        safe = np.where(np.abs(L) < 1e-9, 1e-9, L)
        grown: Floats = M * np.exp(np.log1p(safe * S * z) / safe)
        return grown


@dataclass(frozen=True, eq=False)
class Growth:
    """Charts as (male, female), the correlation of weight with height at an age, and limits."""

    height: tuple[Chart, Chart]
    weight: tuple[Chart, Chart]
    to_11: tuple[Value, Value]
    from_12: tuple[Value, Value]
    youngest: Value
    oldest: Value
    farthest: Value

    def measures(
        self, z_height: Floats, z_weight: Floats, age: Floats, female: NDArray[np.bool_]
    ) -> tuple[Floats, Floats]:
        """Height (cm) and weight (kg) from two independent standard normals, all of shape (n,)."""
        young, older = (
            np.where(female, pair[1].value, pair[0].value) for pair in (self.to_11, self.from_12)
        )
        r = np.where(age < 12, young, older)
        z_weight = r * z_height + np.sqrt(1 - r**2) * z_weight
        return (
            self._measured(self.height, z_height, age, female),
            self._measured(self.weight, z_weight, age, female),
        )

    def _measured(
        self, charts: tuple[Chart, Chart], z: Floats, age: Floats, female: NDArray[np.bool_]
    ) -> Floats:
        near = np.clip(z, -self.farthest.value, self.farthest.value)
        boys, girls = (chart.values(near, age) for chart in charts)
        return np.where(female, girls, boys)
