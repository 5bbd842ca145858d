"""Exponentials of compartmental matrices, accurate in every entry.

A compartmental (Metzler) matrix has no negative entry off its diagonal.  With s = max(-M_ii),
N = (M + s I) h has no negative entry, and exp(M h) = exp(-s h) exp(N).  The Taylor series and
the squarings of exp(N) then only add and multiply non-negative numbers: nothing cancels, so each
entry, however small, keeps its relative accuracy (about s h times the machine precision), no amount
ever turns negative, and equal or nearly equal eigenvalues need no special case.
(Xue J, Ye Q. Math Comp 2013;82:1577, doi:10.1090/S0025-5718-2013-02677-4.)

Matrices are stored by columns: ``mt[j, i]`` is the flow into i per unit of j; rows are padded so
that the innermost loops, over i, run on whole vector registers.
"""

from math import ceil, exp, log2, sqrt

import numpy as np
from numba import njit

from antalgic.engine.vector import product

#: Number of (n, width) work arrays that :func:`exponential` needs.
WORK = 6

# 1/k! for k = 0..16: with a norm of at most 1/2 the Taylor remainder is below 3e-20.
_C = np.array([1.0 / float(np.prod(np.arange(1.0, k + 1.0))) for k in range(17)])


@njit(cache=True, nogil=True, error_model="numpy")
def _multiply(at, bt, n, ct):
    """ct = a b, all stored by columns."""
    width = ct.shape[1]
    for j in range(n):
        product(at, 0, n, bt, j * width, ct, j * width, width)


@njit(cache=True, nogil=True, error_model="numpy")
def _taylor_block(first, powers, n, out):
    """out += c[first] I + c[first+1] N + c[first+2] N^2 + c[first+3] N^3."""
    width = out.shape[1]
    c1, c2, c3 = _C[first + 1], _C[first + 2], _C[first + 3]
    for j in range(n):
        for i in range(width):
            out[j, i] += c1 * powers[0, j, i] + c2 * powers[1, j, i] + c3 * powers[2, j, i]
        out[j, j] += _C[first]


@njit(cache=True, nogil=True, error_model="numpy")
def shift_of(mt, n):
    """s = max(-M_ii), the fastest loss of any compartment (1/h)."""
    s = 0.0
    for j in range(n):
        s = max(s, -mt[j, j])
    return s


@njit(cache=True, nogil=True, error_model="numpy")
def exponential(mt, h, n, constant_from, constant_to, work, et):
    """et = exp(M h) by scaling and squaring of a non-negative matrix.

    States constant_from..constant_to-1 are held inputs (zero rows of M): their rows are exact
    units. work has shape (WORK, n, width); et has shape (n, width).
    """
    width = et.shape[1]
    s = shift_of(mt, n)
    norm = 0.0
    for j in range(n):
        total = s
        for i in range(n):
            total += mt[j, i]
        norm = max(norm, total * h)
    squarings = max(0, ceil(log2(norm / 0.5))) if norm > 0.5 else 0
    step = h / 2.0**squarings
    powers = work[:4]
    for j in range(n):
        for i in range(width):
            powers[0, j, i] = mt[j, i] * step
        powers[0, j, j] = (mt[j, j] + s) * step
    _multiply(powers[0], powers[0], n, powers[1])
    _multiply(powers[1], powers[0], n, powers[2])
    _multiply(powers[1], powers[1], n, powers[3])
    a, b = work[4], work[5]
    for j in range(n):
        for i in range(width):
            a[j, i] = _C[16] * powers[3, j, i]
    _taylor_block(12, powers, n, a)
    for first in (8, 4, 0):
        _multiply(powers[3], a, n, b)
        _taylor_block(first, powers, n, b)
        a, b = b, a
    decay = exp(-s * step)
    for j in range(n):
        for i in range(width):
            a[j, i] *= decay
    for _ in range(squarings):
        _multiply(a, a, n, b)
        a, b = b, a
    for j in range(n):
        for i in range(width):
            et[j, i] = a[j, i]
        for i in range(constant_from, constant_to):
            et[j, i] = 1.0 if i == j else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def act(mt, h, n, constant_from, constant_to, z, work, out):
    """out = exp(M h) z without forming the exponential (uniformization).

    z is at least n long; out and the two rows of work are as long as the columns of M. Cheaper
    than :func:`exponential` for a step that occurs once; the same sums of non-negative terms.
    """
    width = mt.shape[1]
    s = shift_of(mt, n)
    parts = int(s * h / 16.0) + 1
    step = h / parts
    q = s * step
    terms = int(q + 8.0 * sqrt(q) + 20.0)
    decay = exp(-q)
    for i in range(n):
        out[i] = z[i]
    for _ in range(parts):
        for i in range(n):
            work[1, i] = out[i]
        for k in range(1, terms + 1):
            scale = step / k
            product(mt, 0, n, work, width, work, 0, width)
            for i in range(n):
                work[1, i] = (work[0, i] + s * work[1, i]) * scale
                out[i] += work[1, i]
        for i in range(n):
            out[i] *= decay
        for i in range(constant_from, constant_to):
            out[i] = z[i]
