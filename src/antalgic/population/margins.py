"""How one covariate is spread: a normal curve within each sex, plain or in logs, cut to limits.

The mean and standard deviation that a user asks for are those of the people drawn: over both sexes
and inside the limits.  `fitted` finds the curves that give them, so no limit shifts a wanted mean.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from antalgic.errors import InputError
from antalgic.units import Kind

Floats = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)
_TAIL = 9.0  # standard deviations beyond which a normal curve holds less than 1e-18
_CLOSE = 1e-9


@dataclass(frozen=True)
class Distribution:
    """What is asked of a covariate over all people, in its canonical unit; sd 0: the same for all.

    low and high bound it.  Without mean and sd (None), all values between the limits are as likely.
    """

    mean: float | None
    sd: float | None
    low: float
    high: float

    @property
    def fixed(self) -> bool:
        """Whether everybody has the same value."""
        return self.sd == 0

    @property
    def typical(self) -> float:
        """The mean, or the middle of the limits where every value is as likely."""
        return (self.low + self.high) / 2 if self.mean is None else self.mean


@dataclass(frozen=True)
class Margin:
    """A covariate within each sex: (male, female) centre and spread, in logs if log; limits not."""

    log: bool
    centre: tuple[float, float]
    spread: tuple[float, float]
    low: float
    high: float

    def values(self, z: Floats, female: NDArray[np.bool_]) -> Floats:
        """Covariates of people whose standard normal numbers are z, shape (n,)."""
        scaled = np.empty_like(z)
        for sex in (False, True):
            mine = female == sex
            scaled[mine] = self._quantiles(ndtr(z[mine]), int(sex))
        plain = np.exp(scaled) if self.log else scaled
        # The rounding of a quantile may step over a limit by one unit in the last place.
        return np.clip(plain, self.low, self.high)

    def moments(self, female: float) -> tuple[float, float]:
        """Mean and standard deviation over people of whom the share female is female."""
        first = second = 0.0
        for sex, share in enumerate((1 - female, female)):
            if share:
                x, w = self._nodes(sex)
                first += share * float(w @ x)
                second += share * float(w @ x**2)
        return first, float(np.sqrt(max(second - first**2, 0.0)))

    def fitted(self, wanted: Distribution, female: float, kind: Kind) -> Margin:
        """The curves moved and stretched, both sexes alike, until mean and sd are as wanted."""
        from scipy.optimize import root  # slow to import, and needed only here

        if wanted.mean is None or wanted.sd is None:
            raise ValueError("every value is as likely: there is no curve to fit")
        mean, sd = wanted.mean, wanted.sd
        if not wanted.low < mean < wanted.high:
            raise _no_fit(wanted, kind)
        base = replace(self, low=wanted.low, high=wanted.high)

        def miss(x: Floats) -> Floats:
            got, spread = base._moved(x[0], x[1]).moments(female)
            return np.array([(got - mean) / sd, np.log(max(spread, 1e-300) / sd)])

        with np.errstate(all="ignore"):
            found = root(miss, base._start(mean, sd, female), tol=1e-12)
        if not np.all(np.abs(miss(found.x)) < _CLOSE):
            raise _no_fit(wanted, kind)
        return base._moved(found.x[0], found.x[1])

    def _moved(self, shift: float, stretch: float) -> Margin:
        """Centres moved by shift; spreads and the distance of the sexes multiplied by e^stretch."""
        factor = float(np.exp(stretch))
        middle = sum(self.centre) / 2
        male, female = (middle + shift + factor * (c - middle) for c in self.centre)
        return replace(
            self,
            centre=(male, female),
            spread=(self.spread[0] * factor, self.spread[1] * factor),
        )

    def _start(self, mean: float, sd: float, female: float) -> Floats:
        """Shift and stretch that are right without limits and nearly right with them."""
        shares = (1 - female, female)
        centre = sum(p * c for p, c in zip(shares, self.centre, strict=True))
        square = sum(
            p * (s**2 + (c - centre) ** 2)
            for p, c, s in zip(shares, self.centre, self.spread, strict=True)
        )
        want = np.log1p((sd / mean) ** 2) if self.log else sd**2
        goal = np.log(mean) - want / 2 if self.log else mean
        stretch = np.log(want / square) / 2
        middle = sum(self.centre) / 2
        return np.array([goal - middle - np.exp(stretch) * (centre - middle), stretch])

    def _limits(self, sex: int) -> tuple[float, float]:
        """The limits in standard deviations from the centre."""
        low, high = (np.log((self.low, self.high))) if self.log else (self.low, self.high)
        return (low - self.centre[sex]) / self.spread[sex], (high - self.centre[sex]) / self.spread[
            sex
        ]

    def _quantiles(self, u: Floats, sex: int) -> Floats:
        low, high = self._limits(sex)
        # In the upper tail 1 - u is the number with the digits, so the curve is mirrored.
        sign, a, b, u = (-1.0, -high, -low, 1 - u) if low > 0 else (1.0, low, high, u)
        z = ndtri(ndtr(a) + u * (ndtr(b) - ndtr(a)))
        scaled: Floats = self.centre[sex] + self.spread[sex] * sign * z
        return scaled

    def _nodes(self, sex: int) -> tuple[Floats, Floats]:
        """Values and weights (sum 1) that integrate over the cut curve of one sex."""
        low, high = self._limits(sex)
        peak = min(max(low, 0.0), high)
        a, b = max(low, peak - _TAIL), min(high, peak + _TAIL)
        z = (a + b) / 2 + (b - a) / 2 * _NODES
        w = _WEIGHTS * np.exp((peak**2 - z**2) / 2)
        x = self.centre[sex] + self.spread[sex] * z
        return (np.exp(x) if self.log else x), w / w.sum()


def _no_fit(wanted: Distribution, kind: Kind) -> InputError:
    unit = "years" if kind is Kind.AGE else kind.unit
    return InputError(
        f"a mean of {wanted.mean:g} with an sd of {wanted.sd:g} {unit} does not fit between the "
        f"limits {wanted.low:g} and {wanted.high:g} {unit}, expected a smaller sd or wider limits"
    )
