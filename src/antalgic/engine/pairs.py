"""Methods for the slow states: embedded explicit Runge-Kutta pairs and a Rosenbrock pair.

The last stage of an explicit pair is the first of the next step.  The Rosenbrock pair is for stiff
models: its steps are as long as accuracy allows, each with a linear system to solve.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pair:
    """Stages at ``c``, each from the rates before it by ``a``; the last row gives the new state.

    ``error`` weighs the rates of all stages, the last included, into the difference of the two
    solutions; ``order`` is that of the weaker one plus one, by which the error shrinks per step.
    A step may err by ``share`` of rtol, as estimated: errors of successive doses add up, and the
    estimate is too small where a dose bends the signals (measured on 320 random patients and
    regimens of W1: the true error was at most 0.85 of rtol, for 1e-2 to 1e-6).

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

# Sofroniou M, Spaletta G. Math Comput Model 2004;40:1157, doi:10.1016/j.mcm.2005.01.010.
SS43 = _pair(
    "ss43",
    (0, 2 / 5, 3 / 5, 1, 1),
    (
        (),
        (2 / 5,),
        (-3 / 20, 3 / 4),
        (19 / 44, -15 / 44, 10 / 11),
        (11 / 72, 25 / 72, 25 / 72, 11 / 72),
    ),
    (1251515 / 8970912, 3710105 / 8970912, 2519695 / 8970912, 61105 / 8970912, 119041 / 747576),
    4,
    0.03,
    (1.0, 2 / 5),
    ((0, 0, -1, 0), (1, 0, -1, 0), (1, 0, 1, 1)),
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


@dataclass(frozen=True)
class Rosenbrock:
    """A Rosenbrock pair in the form that needs no product with the Jacobian J.

    Stage i solves (I / (gamma h) - J) v_i = f(t + c_i h, x + sum a_ij v_j) + sum mix_ij v_j / h
    + drift_i h df/dt.  The new state is the last stage's argument plus its v, which is also the
    error: the last argument is the weaker solution.  The other fields are those of :class:`Pair`.
    """

    name: str
    gamma: float
    c: tuple[float, ...]
    a: tuple[tuple[float, ...], ...]
    mix: tuple[tuple[float, ...], ...]
    drift: tuple[float, ...]
    order: int
    share: float
    chains: tuple[float, ...]
    recipe: tuple[tuple[int, int, int, int], ...]

    @property
    def inner(self) -> tuple[float, ...]:
        """The places of stages strictly within a step, each once."""
        return tuple(c for c in dict.fromkeys(self.c) if 0 < c < 1)


# RODAS, L-stable, order 4(3): Hairer E, Wanner G. Solving Ordinary Differential Equations II, 2nd
# ed., Springer 1996, section IV.7, doi:10.1007/978-3-642-05221-7.
_FIFTH = (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950)
RODAS4 = Rosenbrock(
    "rodas4",
    0.25,
    (0, 0.386, 0.21, 0.63, 1, 1),
    (
        (),
        (1.544,),
        (0.9466785280815826, 0.2557011698983284),
        (3.314825187068521, 2.896124015972201, 0.9986419139977817),
        _FIFTH,
        (*_FIFTH, 1.0),
    ),
    (
        (),
        (-5.6688,),
        (-2.430093356833875, -0.2063599157091915),
        (-0.1073529058151375, -9.594562251023355, -20.47028614809616),
        (7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160),
        (
            8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136,
            -6.058818238834054,
        ),
    ),
    (0.25, -0.1043, 0.1035, -0.0362, 0.0, 0.0),
    4,
    0.3,
    (1.0, 0.386, 0.42),
    ((0, 0, -1, 0), (1, 0, -1, 0), (2, 1, -1, 0), (2, 0, 2, 1)),
)  # fmt: skip

PAIRS = {pair.name: pair for pair in (BS32, SS43, DP54)}

METHODS: dict[str, Pair | Rosenbrock] = {**PAIRS, RODAS4.name: RODAS4}
