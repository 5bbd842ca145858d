"""Embedded explicit Runge-Kutta pairs whose last stage is the first of the next step."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pair:
    """Stages at ``c``, each from the rates before it by ``a``; the last row gives the new state.

    ``error`` weighs the rates of all stages, the last included, into the difference of the two
    solutions; ``order`` is that of the weaker one plus one, by which the error shrinks per step.
    A step may err by ``share`` of rtol, as estimated: errors of successive doses add up, and the
    estimate is too small where a dose bends the signals (measured on 291 random patients and
    regimens of W1: the true error was at most three quarters of rtol, for 1e-3 to 1e-6).

    ``chains`` are fractions of a step from whose halvings all stages can be reached.  ``recipe``
    tells how, for the whole step and then each of ``inner``: (chain, halvings, chain, halvings) for
    a sum of two lengths, the second chain being -1 for one length alone.
    """

    name: str
    c: tuple[float, ...]
    a: tuple[tuple[float, ...], ...]
    error: tuple[float, ...]
    order: int
    share: float
    chains: tuple[float, ...]
    recipe: tuple[tuple[int, int, int, int], ...]

    @property
    def inner(self) -> tuple[float, ...]:
        """The places of stages strictly within a step, each once."""
        return tuple(c for c in dict.fromkeys(self.c) if 0 < c < 1)


def _pair(
    name: str,
    c: tuple[float, ...],
    a: tuple[tuple[float, ...], ...],
    weaker: tuple[float, ...],
    order: int,
    share: float,
    chains: tuple[float, ...],
    recipe: tuple[tuple[int, int, int, int], ...],
) -> Pair:
    stronger = (*a[-1], 0.0)
    error = tuple(s - w for s, w in zip(stronger, weaker, strict=True))
    return Pair(name, c, a, error, order, share, chains, recipe)


# Bogacki P, Shampine LF. Appl Math Lett 1989;2:321, doi:10.1016/0893-9659(89)90079-7.
BS32 = _pair(
    "bs32",
    (0, 1 / 2, 3 / 4, 1),
    ((), (1 / 2,), (0, 3 / 4), (2 / 9, 1 / 3, 4 / 9)),
    (7 / 24, 1 / 4, 1 / 3, 1 / 8),
    3,
    0.1,
    (1.0,),
    ((0, 0, -1, 0), (0, 1, -1, 0), (0, 1, 0, 2)),
)

# Dormand JR, Prince PJ. J Comput Appl Math 1980;6:19, doi:10.1016/0771-050X(80)90013-3.
DP54 = _pair(
    "dp54",
    (0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1),
    (
        (),
        (1 / 5,),
        (3 / 40, 9 / 40),
        (44 / 45, -56 / 15, 32 / 9),
        (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
        (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
        (35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
    ),
    (5179 / 57600, 0, 7571 / 16695, 393 / 640, -92097 / 339200, 187 / 2100, 1 / 40),
    5,
    0.02,
    (4 / 5, 8 / 9),
    ((0, 0, 0, 2), (0, 2, -1, 0), (0, 2, 0, 3), (0, 0, -1, 0), (1, 0, -1, 0)),
)

PAIRS = {pair.name: pair for pair in (BS32, DP54)}
