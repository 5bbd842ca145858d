"""The exponential, and its action on a vector, against mpmath: every entry, relative to itself.

mpmath sums the Taylor series of the matrix as it is, with hundreds of digits; the engine shifts it
to be non-negative first, so the two have no step in common.
"""

import os

import mpmath
import numpy as np
import pytest

from antalgic.engine.exponential import WORK, act, exponential
from antalgic.engine.linear import padded

TOLERANCE = 1e-9
#: Entries below this are near the end of double precision and need only be as small in both.
SMALLEST = 1e-280
DIGITS = 360
CASES = 120 if os.environ.get("ANTALGIC_LONG") == "1" else 12


def flows(entries, n):
    """M (n, n) by rows from {(from, to): rate}; to None is a loss."""
    m = np.zeros((n, n))
    for (source, target), rate in entries.items():
        m[source, source] -= rate
        if target is not None:
            m[target, source] += rate
    return m


def mammillary(loss, out, back, ka=None, loss_of_depot=0.0):
    """A central compartment 0 with peripheral ones, and a depot into it where ka is given."""
    entries = {(0, None): loss}
    for place, (there, here) in enumerate(zip(out, back, strict=True), start=1):
        entries |= {(0, place): there, (place, 0): here}
    n = len(out) + 1
    if ka is not None:
        entries |= {(n, 0): ka, (n, None): loss_of_depot}
        n += 1
    return flows(entries, n)


def chain(rates):
    """Compartments in a row, each emptying into the next, the last into nothing."""
    n = len(rates)
    return flows({(i, i + 1 if i + 1 < n else None): rate for i, rate in enumerate(rates)}, n)


def engine_matrix(m, inputs=None, readouts=None):
    """States, then inputs that feed them, then integrals of the readouts, by rows."""
    n = len(m)
    inputs = np.zeros((n, 0)) if inputs is None else inputs
    readouts = np.zeros((0, n)) if readouts is None else readouts
    total = n + inputs.shape[1] + len(readouts)
    whole = np.zeros((total, total))
    whole[:n, :n] = m
    whole[:n, n : n + inputs.shape[1]] = inputs
    whole[n + inputs.shape[1] :, :n] = readouts
    return whole


def ours(m, hours, held=(0, 0)):
    """exp(M h) by rows from the engine's matrix, and from its action on the unit vectors."""
    n, width = len(m), padded(len(m))
    by_columns = np.zeros((n, width))
    by_columns[:, :n] = m.T
    work, found = np.empty((WORK, n, width)), np.empty((n, width))
    exponential(by_columns, hours, n, *held, work, found)
    rows, acted, unit = np.empty((2, width)), np.empty((n, width)), np.zeros(width)
    for j in range(n):
        unit[:] = 0.0
        unit[j] = 1.0
        acted[j] = 0.0
        act(by_columns, hours, n, *held, unit, rows, acted[j])
    return found[:, :n].T, acted[:, :n].T


def exact(m, hours):
    """exp(M h) as doubles; M h is formed from the same doubles without rounding."""
    with mpmath.workdps(DIGITS):
        found = mpmath.expm(mpmath.matrix(m.tolist()) * mpmath.mpf(hours), method="taylor")
        return np.array(found.tolist(), dtype=object).reshape(m.shape)


def worst(found, wanted):
    """Largest relative error of any entry; fails on a negative entry."""
    assert np.all(found >= 0.0)
    largest = 0.0
    for value, right in zip(found.ravel(), wanted.ravel(), strict=True):
        if abs(right) < SMALLEST:
            assert value < 10 * SMALLEST
        else:
            largest = max(largest, float(abs((mpmath.mpf(value) - right) / right)))
    return largest


def agree(m, hours, held=(0, 0), tolerance=TOLERANCE):
    wanted = exact(m, hours)
    for found in ours(m, hours, held):
        assert worst(found, wanted) < tolerance


def spread(rng, low, high, n):
    """n numbers spread evenly over the decades between low and high."""
    return 10.0 ** rng.uniform(np.log10(low), np.log10(high), n)


@pytest.mark.parametrize("case", range(CASES))
def test_random_mammillary_over_six_decades(case):
    rng = np.random.default_rng(case)
    peripheral = int(rng.integers(0, 4))
    rates = spread(rng, 1e-3, 1e3, 2 * peripheral + 3)
    m = mammillary(rates[0], rates[3::2], rates[4::2], ka=rates[1], loss_of_depot=rates[2])
    agree(m, spread(rng, 1e-4, 100.0, 1)[0])


@pytest.mark.parametrize("case", range(CASES))
def test_random_chain_over_six_decades(case):
    rng = np.random.default_rng(1000 + case)
    m = chain(spread(rng, 1e-3, 1e3, int(rng.integers(2, 8))))
    agree(m, spread(rng, 1e-4, 100.0, 1)[0])


@pytest.mark.parametrize("case", range(CASES))
def test_infusions_and_areas_ride_along(case):
    rng = np.random.default_rng(2000 + case)
    rates = spread(rng, 1e-2, 1e2, 6)
    m = mammillary(rates[0], rates[1:3], rates[3:5], ka=rates[5])
    inputs = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.7]])
    volume = spread(rng, 0.05, 500.0, 1)[0]
    readouts = np.array([[1000.0 / volume, 0.0, 0.0, 0.0]])
    whole = engine_matrix(m, inputs, readouts)
    agree(whole, spread(rng, 1e-4, 100.0, 1)[0], held=(4, 6))


@pytest.mark.parametrize("hours", [1e-4, 0.1, 1.0, 24.0, 100.0])
@pytest.mark.parametrize("apart", [0.0, 1e-13, 1e-9, 1e-5])
@pytest.mark.parametrize("n", [2, 5])
def test_equal_and_nearly_equal_rates(n, apart, hours):
    # equal rates in a row are defective: the matrix has one eigenvector
    agree(chain(1.76 * (1.0 + apart * np.arange(n))), hours, tolerance=1e-12)


@pytest.mark.parametrize("apart", [0.0, 1e-13, 1e-9])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_absorption_as_fast_as_a_mode_of_the_disposition(which, apart):
    disposition = mammillary(0.7, [1.2, 0.8], [0.9, 0.25])
    modes = np.sort(-np.linalg.eigvals(disposition).real)
    ka = modes[which] * (1.0 + apart)
    agree(mammillary(0.7, [1.2, 0.8], [0.9, 0.25], ka=ka), 3.0, tolerance=1e-12)


def test_everyday_steps_are_right_to_twelve_digits():
    m = mammillary(8.0, [12.6, 6.3], [3.7, 0.42], ka=1.76)
    for hours in (1 / 60, 0.25, 1.0, 24.0):
        agree(m, hours, tolerance=2e-13 * max(1.0, 27.0 * hours))


def test_a_step_of_no_length_is_the_identity():
    m = mammillary(1.0, [2.0], [3.0])
    for found in ours(m, 0.0):
        np.testing.assert_array_equal(found, np.eye(2))


def test_held_inputs_keep_their_rates_to_the_bit():
    whole = engine_matrix(mammillary(5.0, [2.0], [3.0]), inputs=np.array([[1.0], [0.0]]))
    for found in ours(whole, 7.3, held=(2, 3)):
        np.testing.assert_array_equal(found[2], [0.0, 0.0, 1.0])


def test_a_system_without_loss_keeps_everything():
    # nothing moves: the shift is zero, and so is the norm
    for found in ours(np.zeros((3, 3)), 5.0):
        np.testing.assert_array_equal(found, np.eye(3))
    closed = mammillary(0.0, [2.0, 0.1], [1.0, 0.01])
    for found in ours(closed, 50.0):
        np.testing.assert_allclose(found.sum(axis=0), 1.0, rtol=1e-13)
