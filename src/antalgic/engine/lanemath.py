"""exp, log, powers and tanh without branches or calls: the compiler takes lanes together.

All come from the reduction to powers of two, exp(x) = 2^k exp(r) with abs(r) <= log(2)/2 and
log(x) = k log(2) + log(m) with m within a root of two of one, and a Taylor series of the rest, long
enough for double precision.  A power keeps what its logarithm has beyond a double, as the
exponential turns an absolute error of its argument into a relative one of its value.

numba compiles these functions, and :mod:`lanecode` runs their text for generated equations, where
the intrinsics have forms of its own.
"""

from math import inf, nan, sqrt

import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import cgutils, types
from numba.extending import intrinsic

_LOG2E = 1 / 0.6931471805599453
# log 2 in two parts (to 1e-26): the first has 21 zero bits at its end, so that k times it is exact.
_LN2_HIGH, _LN2_LOW = 0x162E42FEE00000 * 2.0**-53, 1.9082149292705877e-10
# 1.5 * 2^52 takes the fraction off a number added to it and leaves an integer in the last bits.
_ROUND = 1.5 * 2.0**52
_ROUND_BITS = int(np.float64(_ROUND).view(np.int64))
#: Bits below the exponent.
EXPONENT = 52
_BIAS = 1023
_ROOT_BITS = int(np.float64(sqrt(0.5)).view(np.int64))
_INTEGER = 0x4330000000000000  # the bits of 2^52: an integer in the last bits is added to it
_TINY, _LIFT = 2.0**-1022, 54

_inlined = njit(forceinline=True, error_model="numpy", fastmath={"contract"})


@intrinsic
def _bits(typing_context, x):
    """The bits of a float64 as an int64."""

    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), codegen


@intrinsic
def _value(typing_context, bits):
    """The float64 with these bits."""

    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), codegen


@intrinsic
def _upper(typing_context, bits):
    """The exponent and sign bits of a float64's bits, shifted down."""

    def codegen(context, builder, signature, arguments):
        return builder.lshr(arguments[0], ir.Constant(ir.IntType(64), EXPONENT))

    return types.int64(types.int64), codegen


@intrinsic
def choose(typing_context, condition, a, b):
    """The float a where the condition holds, b elsewhere; never a branch."""

    def codegen(context, builder, signature, arguments):
        return builder.select(*arguments)

    number = types.float64
    return number(types.boolean, number, number), codegen


@intrinsic
def _fma(typing_context, a, b, c):
    """A times b plus c, rounded once."""
    number = types.float64

    def codegen(context, builder, signature, arguments):
        kind = ir.DoubleType()
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(kind, [kind] * 3), "llvm.fma.f64"
        )
        return builder.call(function, arguments)

    return number(number, number, number), codegen


@_inlined
def _power_of_two(k):
    """2^k for an int64 k of a normal number."""
    return _value((k + _BIAS) << EXPONENT)


@_inlined
def _expm1_series(r):
    """exp(r) - 1 for abs(r) <= log(2)/2: r^n / n! up to n = 13."""
    a = 1 / 6227020800
    a = a * r + 1 / 479001600
    a = a * r + 1 / 39916800
    a = a * r + 1 / 3628800
    a = a * r + 1 / 362880
    a = a * r + 1 / 40320
    a = a * r + 1 / 5040
    a = a * r + 1 / 720
    a = a * r + 1 / 120
    a = a * r + 1 / 24
    a = a * r + 1 / 6
    a = a * r + 1 / 2
    return r + r * r * a


@_inlined
def _exp_of_sum(x, rest):
    """exp(x + rest) for a rest that is small beside x."""
    x = choose(x > -746.0, x, -746.0)
    x = choose(x < 710.0, x, 710.0)
    shifted = x * _LOG2E + _ROUND
    k = shifted - _ROUND
    r = (x - k * _LN2_HIGH) + (rest - k * _LN2_LOW)
    whole = _bits(shifted) - _ROUND_BITS
    half = _bits(0.5 * k + _ROUND) - _ROUND_BITS  # two factors: one alone may be no normal number
    y = 1.0 + _expm1_series(r)
    return y * _power_of_two(half) * _power_of_two(whole - half)


@_inlined
def exp(x):
    """The exponential function, within 2e-16 of itself; NaN for NaN."""
    y = _exp_of_sum(x, 0.0)
    return choose(x == x, y, x)


@_inlined
def _parts(x):
    """The numbers k and m with x = 2^k m and m within a root of two of one, for x > 0."""
    small = x < _TINY
    lifted: float = choose(small, x * 2.0**_LIFT, x)
    bits = _bits(lifted)
    biased = _upper(bits - _ROOT_BITS + (_BIAS << EXPONENT))
    k = _value(biased | _INTEGER) - (2.0**52 + _BIAS)
    m = _value(bits - ((biased - _BIAS) << EXPONENT))
    k = choose(small, k - _LIFT, k)
    return k, m


@_inlined
def _log_series(z):
    """(log((1 + s) / (1 - s)) - 2 s) / s for z = s^2 <= 0.03: 2 z^n / (2 n + 1) up to n = 11."""
    a = 2 / 23
    a = a * z + 2 / 21
    a = a * z + 2 / 19
    a = a * z + 2 / 17
    a = a * z + 2 / 15
    a = a * z + 2 / 13
    a = a * z + 2 / 11
    a = a * z + 2 / 9
    a = a * z + 2 / 7
    a = a * z + 2 / 5
    a = a * z + 2 / 3
    return a * z


@_inlined
def log(x):
    """The natural logarithm, within 3e-16 of itself; -inf for 0, NaN below it."""
    k, m = _parts(x)
    f = m - 1.0
    s = f / (2.0 + f)
    half = 0.5 * f * f
    rest = s * (half + _log_series(s * s)) + k * _LN2_LOW
    y = k * _LN2_HIGH - ((half - rest) - f)
    y = choose(x < inf, y, x)
    y = choose(x > 0.0, y, -inf)
    return choose(x >= 0.0, y, nan)


@_inlined
def power(x, y):
    """x^y for x >= 0; NaN for x < 0; 0^y is 0 for y > 0.

    Within 5e-16 of itself, 1.5e-15 where it is above 1e43 or below 1e-43.
    """
    k, m = _parts(x)
    f = m - 1.0
    below = 2.0 + f
    lost = f - (below - 2.0)
    inverse = 1.0 / below
    s = f * inverse
    s_rest = (_fma(-s, below, f) - s * lost) * inverse
    whole = k * _LN2_HIGH
    high = whole + 2.0 * s
    rest = s * _log_series(s * s) + (2.0 * s_rest + k * _LN2_LOW)
    low = (2.0 * s - (high - whole)) + rest
    total = high + low
    low = low - (total - high)
    high = total
    high = choose(x > 0.0, high, -inf)
    high = choose(x < inf, high, inf)
    product = y * high
    error = _fma(y, high, -product) + y * low
    error = choose(abs(product) < 1000.0, error, 0.0)
    z = _exp_of_sum(product, error)
    z = choose(x >= 0.0, z, nan)
    z = choose(product == product, z, nan)
    return choose(y != 0.0, z, 1.0)


@_inlined
def finite(slope):
    """A slope of the equations; 0 where it has no finite value.

    A root rises infinitely fast at 0.  A Rosenbrock step is consistent with any slopes, only less
    accurate, and its error is watched.
    """
    return choose(abs(slope) < inf, slope, 0.0)


@_inlined
def rough_power(x, y):
    """x^y for x > 0 and small y, within 7% of itself, by the bits alone: for choosing steps."""
    one = _BIAS << EXPONENT
    return _value(int(y * (_bits(x) - one)) + one)


@_inlined
def tanh(x):
    """The hyperbolic tangent, within 1e-15 of itself; NaN for NaN."""
    c: float = choose(x > -20.0, x, -20.0)
    c = choose(c < 20.0, c, 20.0)
    c = 2.0 * c
    shifted = c * _LOG2E + _ROUND
    k = shifted - _ROUND
    scale = _power_of_two(_bits(shifted) - _ROUND_BITS)
    t = scale * _expm1_series((c - k * _LN2_HIGH) - k * _LN2_LOW) + (scale - 1.0)
    y = t / (t + 2.0)
    return choose(x == x, y, x)
