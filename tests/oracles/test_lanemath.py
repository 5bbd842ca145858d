"""The functions of generated code against mpmath over the full range of doubles."""

import ctypes
import math
import re

import mpmath
import numpy as np
import pytest
from numba import njit

from antalgic.engine import lanecode, lanemath

INF, NAN = math.inf, math.nan


def vectors(function, *rows):
    """A function's values over arrays, by a loop that the compiler may vectorise."""

    @njit(error_model="numpy", fastmath={"contract"})
    def loop1(x, out):
        for i in range(x.shape[0]):
            out[i] = function(x[i])

    @njit(error_model="numpy", fastmath={"contract"})
    def loop2(x, y, out):
        for i in range(x.shape[0]):
            out[i] = function(x[i], y[i])

    arrays = [np.asarray(row, dtype=float) for row in rows]
    out = np.empty_like(arrays[0])
    (loop1 if len(rows) == 1 else loop2)(*arrays, out)
    return out


def worst(found, truth):
    """Largest relative error against exact numbers, whose roundings are normal numbers."""
    return max(
        float(abs((mpmath.mpf(float(f)) - t) / t)) for f, t in zip(found, truth, strict=True)
    )


RNG = np.random.default_rng(4)
NORMAL = 2.0**-1022


def test_exp():
    x = np.concatenate([RNG.uniform(-708, 709.78, 2000), RNG.uniform(-2, 2, 1000), [0.0, -0.0]])
    with mpmath.workprec(160):
        assert worst(vectors(lanemath.exp, x), [mpmath.exp(v) for v in x]) < 2.5e-16
    ends = np.array([709.782712893384, 709.79, 1e300, INF, -745.2, -1e300, -INF])
    assert vectors(lanemath.exp, ends).tolist()[1:] == [INF, INF, INF, 0.0, 0.0, 0.0]
    assert vectors(lanemath.exp, ends)[0] == pytest.approx(math.exp(ends[0]), rel=3e-16)
    low = np.array([-708.5, -720.0, -740.0, -745.0])
    np.testing.assert_allclose(vectors(lanemath.exp, low), np.exp(low), rtol=1e-15, atol=5e-324)
    assert np.isnan(vectors(lanemath.exp, [NAN, 1.0])[0])


def test_log():
    x = np.concatenate(
        [
            10.0 ** RNG.uniform(-323, 308, 2000),
            RNG.uniform(0.5, 2, 2000),
            1 + RNG.normal(0, 1e-9, 50),
        ]
    )
    with mpmath.workprec(160):
        assert worst(vectors(lanemath.log, x), [mpmath.log(v) for v in x]) < 3e-16
    found = vectors(lanemath.log, [1.0, 0.0, -0.0, INF, -1.0, -INF, NAN, 5e-324])
    assert found[:4].tolist() == [0.0, -INF, -INF, INF]
    assert np.isnan(found[4:7]).all()
    assert found[7] == pytest.approx(math.log(5e-324), rel=1e-15)


def test_power():
    x = np.concatenate([10.0 ** RNG.uniform(-300, 300, 3000), RNG.uniform(0.3, 3, 3000)])
    y = np.concatenate([RNG.uniform(-1, 1, 3000), RNG.uniform(-600, 600, 3000)])
    kept = np.abs(y * np.log(x)) < 708
    x, y = x[kept], y[kept]
    assert len(x) > 4000
    with mpmath.workprec(200):
        truth = [mpmath.power(mpmath.mpf(a), mpmath.mpf(b)) for a, b in zip(x, y, strict=True)]
        found = vectors(lanemath.power, x, y)
        assert worst(found, truth) < 1.5e-15
        usual = np.flatnonzero(np.abs(y * np.log(x)) < 100)
        assert worst(found[usual], [truth[i] for i in usual]) < 5e-16
    cases = [
        (0.0, 1.5, 0.0), (0.0, 1e-3, 0.0), (0.0, -1.0, INF), (0.0, 0.0, 1.0), (3.0, 0.0, 1.0),
        (INF, 2.0, INF), (INF, -2.0, 0.0), (10.0, 400.0, INF), (10.0, -400.0, 0.0),
        (0.1, 400.0, 0.0), (1.0, 1e300, 1.0), (4.0, 0.5, 2.0), (2.0, 10.0, 1024.0),
    ]  # fmt: skip
    a, b, wanted = np.array(cases).T
    np.testing.assert_allclose(vectors(lanemath.power, a, b), wanted, rtol=1e-15)
    assert np.isnan(vectors(lanemath.power, [-1.0, NAN, 2.0], [1.5, 1.0, NAN])).all()


def test_tanh():
    x = np.concatenate(
        [RNG.uniform(-25, 25, 2000), RNG.normal(0, 1, 1000), 10.0 ** RNG.uniform(-300, 0, 500)]
    )
    with mpmath.workprec(160):
        assert worst(vectors(lanemath.tanh, x), [mpmath.tanh(v) for v in x]) < 1e-15
    assert vectors(lanemath.tanh, [0.0, 400.0, INF, -INF]).tolist() == [0.0, 1.0, 1.0, -1.0]
    assert np.isnan(vectors(lanemath.tanh, [NAN, 1.0])[0])


NAMES = ["exp", "log", "power", "tanh", "finite"]


def generated(name):
    """The text of generated code that computes slot 2 from the slots before it."""
    arguments = "w[0], w[1]" if name == "power" else "w[0]"
    return f"def f(w, e, h, loop):\n    with loop():\n        w[2] = {name}({arguments})\n"


@pytest.mark.parametrize("name", NAMES)
def test_generated_code_has_the_bits_of_the_functions_tested_here(name):
    code = lanecode.Code(lanecode.machine_code(generated(name)))
    pointer, lanes = ctypes.POINTER(ctypes.c_double), 16
    call = ctypes.CFUNCTYPE(None, pointer, pointer, ctypes.c_double, ctypes.c_int64)
    function = call(code.address("f"))
    rows = [x for x in (10.0 ** RNG.uniform(-320, 308, 160), RNG.normal(0, 3, 160))]
    x = np.concatenate([*rows, [0.0, -0.0, INF, -INF, NAN, -1.0, 1.0, 5e-324] * 2])
    y = RNG.uniform(-30, 30, len(x))
    found = np.empty_like(x)
    for at in range(0, len(x), lanes):
        work = np.concatenate([x[at : at + lanes], y[at : at + lanes], np.empty(lanes)])
        place = work.ctypes.data_as(pointer)
        function(place, place, 0.0, lanes)
        found[at : at + lanes] = work[2 * lanes :]
    wanted = vectors(getattr(lanemath, name), *([x, y] if name == "power" else [x]))
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("name", NAMES)
def test_loops_over_them_are_vectors_and_hold_no_calls(name):
    body = str(lanecode.optimised(generated(name)))
    assert re.search(r"<\d+ x double>", body)
    # these two are instructions of the processor
    assert set(re.findall(r"call [^@]*@([\w.]+)\.v?\w+\(", body)) <= {"llvm.fma", "llvm.fabs"}
