"""Parts of the engine by themselves: ticks, rows, order of events, quantiles."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from antalgic.engine import summary
from antalgic.engine.exponential import shift_of
from antalgic.engine.linear import (
    DOSE,
    END,
    RESET,
    SWITCH,
    TICKS_PER_HOUR,
    Schedule,
    System,
    padded,
    solve,
    ticks,
)

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def test_ticks_are_whole_nanoseconds():
    assert TICKS_PER_HOUR == 3600 * 10**9
    assert ticks(1.0) == TICKS_PER_HOUR
    assert ticks(1 / 60) == 60 * 10**9
    assert ticks(-2.5) == -9000 * 10**9
    np.testing.assert_array_equal(ticks(np.array([0.0, 0.1 + 0.2])), ticks(np.array([0.0, 0.3])))
    assert ticks(np.zeros((2, 3))).dtype == np.int64


def test_ticks_hold_a_lifetime():
    century = 100 * 365.25 * 24
    assert ticks(century) == 3155760000 * 10**9


@pytest.mark.parametrize(("n", "width"), [(0, 0), (1, 8), (8, 8), (9, 16), (16, 16), (17, 24)])
def test_rows_are_whole_registers(n, width):
    assert padded(n) == width


def test_shift_is_the_fastest_loss():
    assert shift_of(np.diag([-1.0, -7.5, -2.0]), 3) == 7.5
    assert shift_of(np.zeros((2, 2)), 2) == 0.0


def schedule(start, duration, switches=()):
    start, duration = np.array(start, float), np.array(duration, float)
    return Schedule(
        ticks(start)[None], ticks(duration)[None], np.ones((1, len(start))),
        np.zeros(len(start), dtype=np.int64), ticks(np.array(switches, float)),
    )  # fmt: skip


def test_order_at_one_instant_is_end_change_dose():
    time, kind, index = schedule([0.0, 2.0], [2.0, 0.0], switches=[2.0]).events()
    at_two = time[0] == ticks(2.0)
    # the bolus at 2 h also has an end there, which is no event of its own
    assert list(kind[0][at_two]) == [END, END, SWITCH, DOSE]
    assert list(index[0][at_two]) == [0, 1, 1, 1]


def test_integrals_begin_before_a_dose_at_time_zero():
    _, kind, _ = schedule([0.0], [1.0]).events()
    assert list(kind[0]) == [RESET, DOSE, END]


def test_each_person_has_events_in_order_of_time():
    plan = Schedule(
        ticks(np.array([[0.0, 5.0], [6.0, 1.0]])), ticks(np.array([[1.0, 0.0], [1.0, 0.0]])),
        np.ones((2, 2)), np.zeros(2, dtype=np.int64), ticks(np.array([3.0])),
    )  # fmt: skip
    time, kind, index = plan.events()
    assert np.all(np.diff(time, axis=1) >= 0)
    starts = kind == DOSE
    assert list(index[0][starts[0]]) == [0, 1]
    assert list(index[1][starts[1]]) == [1, 0]


def one_compartment(k, volume):
    """C = A/V of one compartment with loss k A and one input, by columns A, u, area."""
    mt = np.zeros((1, 1, 3, 8))
    mt[0, 0, 0, 0] = -k
    mt[0, 0, 1, 0] = 1.0
    mt[0, 0, 0, 2] = 1.0 / volume
    readout = np.zeros((1, 1, 1, 8))
    readout[..., 0] = 1.0 / volume
    return System(mt, readout, 1, 1)


def test_one_compartment_by_its_formula():
    k, volume, mg, length = 0.7, 12.0, 30.0, 2.5
    times = np.array([0.0, 0.4, 2.5, 3.0, 9.0, 70.0])
    values, area, peaks = solve(
        one_compartment(k, volume),
        Schedule(
            ticks(np.array([[0.0]])), ticks(np.array([[length]])), np.array([[mg]]),
            np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int64),
        ),
        ticks(times),
    )  # fmt: skip
    rate = mg / length
    during = np.minimum(times, length)
    wanted = rate / k / volume * -np.expm1(-k * during) * np.exp(-k * (times - during))
    np.testing.assert_allclose(values[0, 0], wanted, rtol=1e-13)
    assert area[0, 0] == pytest.approx(mg / k / volume, rel=1e-13)
    assert peaks.value[0, 0] == pytest.approx(wanted.max(), rel=1e-14)
    assert peaks.time[0, 0] == ticks(length)


def test_a_concentration_that_has_all_but_gone_is_still_exact():
    values, _, _ = solve(
        one_compartment(1.0, 1.0), schedule([0.0], [0.0]), ticks(np.array([1.0, 300.0, 600.0]))
    )
    np.testing.assert_allclose(values[0, 0], np.exp([-1.0, -300.0, -600.0]), rtol=1e-12)


def test_many_equal_steps_do_not_drift():
    # a year in hours, each step by the same stored matrix
    times = np.arange(0.0, 8760.0)
    slow = 1e-3
    values, area, _ = solve(one_compartment(slow, 1.0), schedule([0.0], [0.0]), ticks(times))
    np.testing.assert_allclose(values[0, 0, 1:], np.exp(-slow * times[1:]), rtol=1e-11)
    assert area[0, 0] == pytest.approx(-np.expm1(-slow * times[-1]) / slow, rel=1e-11)


def test_without_events_nothing_happens():
    values, area, peaks = solve(
        one_compartment(1.0, 1.0), schedule([], []), ticks(np.array([0.0, 5.0]))
    )
    assert not values.any()
    assert not area.any()
    assert not peaks.value.any()


def test_a_system_without_states_is_solved_too():
    # what is asked for is not reached by what is given: one held input, one integral
    nothing = System(np.zeros((1, 1, 2, 8)), np.zeros((1, 1, 1, 8)), 0, 1)
    values, area, _ = solve(nothing, schedule([0.0, 1.0], [0.0, 2.0]), ticks(np.array([0.0, 5.0])))
    assert not values.any()
    assert not area.any()


def exact(values, levels=LEVELS, parts=3):
    with ThreadPoolExecutor(2) as pool:
        return summary.exact(values.copy(), levels, pool, parts)


@pytest.mark.parametrize("people", [1, 2, 3, 20, 21, 1000])
@pytest.mark.parametrize("parts", [1, 3, 50])
def test_exact_quantiles_are_numpys(people, parts):
    values = np.random.default_rng(1).lognormal(3.0, 1.0, (7, people))
    wanted = np.quantile(values, LEVELS, axis=1).T
    np.testing.assert_allclose(exact(values, parts=parts), wanted, rtol=1e-14)


def count(values):
    """Counts (rows, BINS) of values (people, rows)."""
    counts = np.zeros((values.shape[1], summary.BINS), dtype=np.int32)
    summary.count(values.view(np.int64), counts)
    return counts


@pytest.mark.parametrize("centre", [1e-3, 1.0, 300.0, 1e5])
def test_streamed_quantiles_are_within_a_bin(centre):
    values = np.random.default_rng(2).lognormal(np.log(centre), 0.5, (5000, 3))
    found = summary.streamed(count(values), 5000, LEVELS)
    np.testing.assert_allclose(found, exact(values.T), rtol=0.0055)


def test_streamed_counts_add_up_over_chunks():
    values = np.random.default_rng(3).lognormal(0.0, 2.0, (300, 2))
    counts = count(values[:100]) + count(values[100:])
    np.testing.assert_array_equal(counts, count(values))
    assert list(counts.sum(axis=1)) == [300, 300]


def test_zeros_are_zero_in_streamed_quantiles():
    values = np.zeros((100, 1))
    values[60:] = 5.0
    found = summary.streamed(count(values), 100, (0.25, 0.5, 0.95))
    assert found[0, 0] == found[0, 1] == 0.0
    assert found[0, 2] == pytest.approx(5.0, rel=0.0055)


def test_every_value_has_a_bin():
    values = np.array([[0.0], [5e-324], [1e-300], [1e300], [np.inf]])
    counts = count(values)
    assert counts.sum() == 5
    assert counts[0, 0] == 3
    assert counts[0, -1] == 2


def test_sums_do_not_depend_on_the_chunks():
    values = np.random.default_rng(4).lognormal(0.0, 3.0, (1000, 4))
    whole, parts = np.zeros(4), np.zeros(4)
    summary.accumulate(values, whole)
    for chunk in (values[:17], values[17:600], values[600:]):
        summary.accumulate(np.ascontiguousarray(chunk), parts)
    np.testing.assert_array_equal(whole, parts)
    np.testing.assert_allclose(whole, values.sum(axis=0), rtol=1e-13)
