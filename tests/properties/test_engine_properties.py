"""What must hold of any linear system and schedule: nothing is lost, doses add up, time is time.

The body here is a depot, a central and a peripheral compartment and a sink for what leaves, with
every amount and both held rates as readouts, so that nothing of the state is hidden.
"""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from antalgic.engine.linear import TICKS_PER_HOUR, Schedule, System, padded, solve, ticks

STATES, INPUTS = 4, 2
DEPOT, CENTRAL, PERIPHERAL, SINK = range(STATES)
GUT, VEIN = range(INPUTS)
CLOSE = 1e-12


def body(ka, k10, k12, k21, *more):
    """A system with one parameter set, or with further ones by their rates (ka, k10, k12, k21)."""
    sets = [(ka, k10, k12, k21), *more]
    readouts = STATES + INPUTS
    n = STATES + INPUTS + readouts
    width = padded(n)
    mt = np.zeros((1, len(sets), n, width))
    readout = np.zeros((1, len(sets), readouts, width))
    readout[..., :, :readouts] = np.eye(readouts)
    for s, rates in enumerate(sets):
        flows = {
            (DEPOT, CENTRAL): rates[0], (CENTRAL, SINK): rates[1],
            (CENTRAL, PERIPHERAL): rates[2], (PERIPHERAL, CENTRAL): rates[3],
        }  # fmt: skip
        for (source, target), rate in flows.items():
            mt[0, s, source, source] -= rate
            mt[0, s, source, target] += rate
        mt[0, s, STATES + GUT, DEPOT] = mt[0, s, STATES + VEIN, CENTRAL] = 1.0
        mt[0, s, :readouts, STATES + INPUTS :][:, :readouts] = np.eye(readouts)
    return System(mt, readout, STATES, INPUTS)


def schedule(doses, switches=()):
    """From (time h, amount mg, duration h, input)."""
    time, amount, duration, target = (
        np.array(column) for column in zip(*doses, strict=True)
    ) if doses else np.zeros((4, 0))  # fmt: skip
    return Schedule(
        ticks(time.astype(float))[None], ticks(duration.astype(float))[None],
        amount.astype(float)[None], target.astype(np.int64), ticks(np.array(switches, float)),
    )  # fmt: skip


def run(rates, doses, times, switches=(), more=()):
    """Amounts and rates (readouts, times), their integrals, and the peaks."""
    values, areas, peaks = solve(
        body(*rates, *more), schedule(doses, switches), ticks(np.array(times, float))
    )
    return values[0], areas[0], peaks


rate = st.floats(-2.0, 1.3).map(lambda x: 10.0**x)
rates = st.tuples(rate, rate, rate, rate)
hour = st.floats(0.0, 20.0)
mg = st.floats(0.01, 100.0)
bolus = st.tuples(hour, mg, st.just(0.0), st.sampled_from([GUT, VEIN]))
infusion = st.tuples(hour, mg, st.floats(0.01, 9.0), st.sampled_from([GUT, VEIN]))
some_doses = st.lists(bolus | infusion, min_size=1, max_size=6)
some_times = st.lists(st.floats(0.001, 30.0), min_size=1, max_size=6, unique=True).map(sorted)


def apart(times):
    """Whether times stay different in ticks."""
    assume(np.all(np.diff(ticks(np.array(times))) > 0))


def given_by(doses, time):
    """mg that have entered before a time."""
    total = 0.0
    for start, amount, duration, _ in doses:
        if duration == 0.0:
            total += amount * (ticks(start) < ticks(time))
        else:
            total += amount * min(max(time - start, 0.0) / duration, 1.0)
    return total


def same(found, wanted, scale):
    np.testing.assert_allclose(found, wanted, rtol=CLOSE, atol=CLOSE * scale)


@given(rates, some_doses, some_times)
def test_body_and_eliminated_are_what_was_given(rates, doses, times):
    apart(times)
    values, _, _ = run(rates, doses, times)
    wanted = [given_by(doses, t) for t in times]
    same(values[:STATES].sum(axis=0), wanted, sum(d[1] for d in doses))


@given(rates, some_doses, some_times)
def test_eliminated_is_the_area_of_the_flow_out(rates, doses, times):
    apart(times)
    values, areas, _ = run(rates, doses, times)
    same(values[SINK, -1], rates[1] * areas[CENTRAL], sum(d[1] for d in doses))


@given(rates, some_doses, some_times)
def test_no_amount_is_ever_negative(rates, doses, times):
    apart(times)
    values, areas, peaks = run(rates, doses, times)
    assert np.all(values >= 0)
    assert np.all(areas >= 0)
    assert np.all(peaks.value >= values.max(axis=1))


@given(rates, some_doses, some_doses, some_times)
def test_doses_add_up(rates, some, others, times):
    apart(times)
    whole, area, _ = run(rates, some + others, times)
    parts = [run(rates, doses, times) for doses in (some, others)]
    scale = sum(d[1] for d in some + others)
    same(whole, parts[0][0] + parts[1][0], scale)
    same(area, parts[0][1] + parts[1][1], scale)


@given(rates, some_doses, some_times)
def test_twice_the_dose_is_twice_everything_to_the_bit(rates, doses, times):
    apart(times)
    values, areas, peaks = run(rates, doses, times)
    double = [(t, 2 * amount, length, into) for t, amount, length, into in doses]
    values2, areas2, peaks2 = run(rates, double, times)
    np.testing.assert_array_equal(values2, 2 * values)
    np.testing.assert_array_equal(areas2, 2 * areas)
    np.testing.assert_array_equal(peaks2.value, 2 * peaks.value)
    np.testing.assert_array_equal(peaks2.time, peaks.time)


@given(rates, some_doses, some_times, st.floats(0.1, 50.0))
def test_any_multiple_of_the_dose_is_that_multiple_of_everything(rates, doses, times, factor):
    apart(times)
    values, areas, _ = run(rates, doses, times)
    scaled = [(t, factor * amount, length, into) for t, amount, length, into in doses]
    values2, areas2, _ = run(rates, scaled, times)
    same(values2, factor * values, 0.0)
    same(areas2, factor * areas, 0.0)


@given(rates, some_doses, some_times, st.integers(1, 1000))
def test_only_the_time_since_the_dose_counts(rates, doses, times, later):
    apart(times)
    values, areas, peaks = run(rates, doses, times)
    moved = [(start + later, *rest) for start, *rest in doses]
    values2, areas2, peaks2 = run(rates, moved, [t + later for t in times])
    scale = sum(d[1] for d in doses)
    # a start moved by whole hours is rounded to its nanosecond anew
    np.testing.assert_allclose(values2, values, rtol=1e-9, atol=1e-10 * scale)
    np.testing.assert_allclose(areas2, areas, rtol=1e-9, atol=1e-10 * scale)
    np.testing.assert_allclose(peaks2.value, peaks.value, rtol=1e-7)


@given(rates, some_doses, some_times, st.randoms(use_true_random=False))
def test_order_in_which_doses_are_listed_is_nothing(rates, doses, times, random):
    apart(times)
    shuffled = list(doses)
    random.shuffle(shuffled)
    scale = sum(d[1] for d in doses)
    for found, wanted in zip(run(rates, shuffled, times), run(rates, doses, times), strict=True):
        if isinstance(found, np.ndarray):
            same(found, wanted, scale)


@given(rates, st.integers(0, 10), st.integers(1, 40), st.lists(st.integers(1, 9), max_size=5), mg)
def test_an_infusion_is_its_pieces_back_to_back(rates, start, quarters, cuts, amount):
    # in quarters of an hour, so that the pieces touch exactly
    ends = sorted({c for c in cuts if c < quarters} | {quarters})
    begins = [0, *ends[:-1]]
    pieces = [
        (start + a / 4, amount * (b - a) / quarters, (b - a) / 4, VEIN)
        for a, b in zip(begins, ends, strict=True)
    ]
    times = [0.3, 1.0, 4.7, 12.0, 25.0]
    found = run(rates, pieces, times)
    wanted = run(rates, [(start, amount, quarters / 4, VEIN)], times)
    same(found[0], wanted[0], amount)
    same(found[1], wanted[1], amount)


@given(rates, some_doses, some_times, hour, st.sampled_from([0.0, 2.0]))
def test_a_dose_of_nothing_changes_nothing(rates, doses, times, when, length):
    apart(times)
    values, areas, peaks = run(rates, doses, times)
    values2, areas2, peaks2 = run(rates, [*doses, (when, 0.0, length, VEIN)], times)
    scale = sum(d[1] for d in doses)
    same(values2, values, scale)
    same(areas2, areas, scale)
    assert np.all(peaks2.value >= peaks.value * (1 - 1e-7))


@given(rates, some_doses, some_times, some_times)
def test_looking_more_often_changes_nothing(rates, doses, times, extra):
    both = sorted({*times, *extra})
    apart(both)
    assume(max(extra) < max(times))
    values, areas, _ = run(rates, doses, times)
    finer, areas2, _ = run(rates, doses, both)
    scale = sum(d[1] for d in doses)
    same(finer[:, np.searchsorted(both, times)], values, scale)
    same(areas2, areas, scale)


@given(rates, st.floats(0.0, 5.0), mg)
def test_the_shortest_infusion_is_a_bolus(rates, start, amount):
    tick = 1.0 / TICKS_PER_HOUR
    times = [5.5, 9.0]
    bolus = run(rates, [(start, amount, 0.0, VEIN)], times)[0]
    same(run(rates, [(start, amount, 0.1 * tick, VEIN)], times)[0], bolus, 0.0)
    one_tick = run(rates, [(start, amount, tick, VEIN)], times)[0]
    np.testing.assert_allclose(one_tick, bolus, rtol=1e-10)


@given(rates, some_doses)
def test_after_the_last_infusion_the_rate_is_zero_to_the_bit(rates, doses):
    end = max(start + length for start, _, length, _ in doses)
    values, _, _ = run(rates, doses, [end + 1e-6, end + 1.0])
    np.testing.assert_array_equal(values[STATES:], 0.0)


@given(rates, mg, mg)
def test_overlapping_infusions_add_their_rates(rates, first, second):
    doses = [(0.0, first, 4.0, VEIN), (2.0, second, 4.0, VEIN)]
    values, _, _ = run(rates, doses, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    # a readout at the end of an infusion still sees its rate, one at its start not yet
    a, b = first / 4, second / 4
    wanted = [a, a, a + b, a + b, b, b, 0.0]
    np.testing.assert_allclose(values[STATES + VEIN], wanted, rtol=1e-15)


@given(rates, some_doses, st.floats(0.5, 19.0), mg)
def test_a_readout_at_the_time_of_a_dose_is_from_before_it(rates, doses, when, amount):
    times = [when, when + 0.001]
    before, _, _ = run(rates, doses, times)
    after, _, _ = run(rates, [*doses, (when, amount, 0.0, VEIN)], times)
    same(after[:, 0], before[:, 0], sum(d[1] for d in doses))
    assert after[:STATES, 1].sum() > before[:STATES, 1].sum() + 0.99 * amount


@given(rates, some_doses, some_times, st.floats(0.0, 9.0), st.sampled_from([0.0, 3.0]))
def test_doses_from_the_last_readout_on_are_not_seen(rates, doses, times, later, length):
    apart(times)
    late = (times[-1] + later, 50.0, length, VEIN)
    found, wanted = run(rates, [*doses, late], times), run(rates, doses, times)
    np.testing.assert_array_equal(found[0], wanted[0])
    np.testing.assert_array_equal(found[1], wanted[1])
    np.testing.assert_array_equal(found[2].value, wanted[2].value)


@given(rates, rates, st.floats(1.0, 15.0), mg, mg)
def test_a_change_of_rates_hands_over_the_amounts(old, new, when, first, second):
    # the second set by itself, begun with what the first one leaves, in the places where it is
    doses = [(0.0, first, 0.0, GUT), (0.5, second, 0.0, VEIN)]
    after = when + np.array([0.01, 1.0, 7.0])
    changed, _, _ = run(old, doses, [when, *after], switches=[when], more=[new])
    handed = changed[:STATES, 0]
    carried = body(*new)
    wide = np.zeros((1, 1, STATES + STATES + STATES, padded(3 * STATES)))
    wide[0, 0, :STATES, :STATES] = carried.mt[0, 0, :STATES, :STATES]
    wide[0, 0, STATES : 2 * STATES, :STATES] = np.eye(STATES)
    wide[0, 0, :STATES, 2 * STATES : 3 * STATES] = np.eye(STATES)
    readout = np.zeros((1, 1, STATES, padded(3 * STATES)))
    readout[0, 0, :, :STATES] = np.eye(STATES)
    start = schedule([(when, handed[i], 0.0, i) for i in range(STATES)])
    wanted, _, _ = solve(System(wide, readout, STATES, STATES), start, ticks(after))
    same(changed[:STATES, 1:], wanted[0], first + second)


@given(rates, some_doses, some_times, st.floats(0.5, 25.0))
def test_a_change_to_the_same_rates_changes_nothing(rates, doses, times, when):
    apart(times)
    found = run(rates, doses, times, switches=[when], more=[rates])
    wanted = run(rates, doses, times)
    scale = sum(d[1] for d in doses)
    same(found[0], wanted[0], scale)
    same(found[1], wanted[1], scale)


@given(rates, mg, st.floats(0.5, 12.0), st.floats(0.1, 30.0))
def test_areas_begin_at_time_zero(rates, amount, interval, length):
    # doses before time zero count in the state, and not in the areas
    doses = [(-k * interval, amount, length, VEIN) for k in range(1, 30)]
    times = [2.0, 9.0]
    values, areas, _ = run(rates, doses, times)
    start, _, _ = run(rates, doses, [1e-9])
    eliminated = values[SINK, -1] - start[SINK, 0]
    scale = 30 * amount
    np.testing.assert_allclose(rates[1] * areas[CENTRAL], eliminated, rtol=1e-8, atol=1e-10 * scale)


@pytest.mark.parametrize("people", [1, 2, 5])
def test_people_do_not_touch_each_other(people):
    rng = np.random.default_rng(3)
    systems = [body(*rng.uniform(0.1, 3.0, 4)) for _ in range(people)]
    doses = [[(0.0, rng.uniform(1, 9), 1.0, VEIN), (0.5, 3.0, 0.0, GUT)] for _ in range(people)]
    times = ticks(np.array([0.25, 1.0, 6.0]))
    plans = [schedule(d) for d in doses]
    together = Schedule(
        plans[0].start, plans[0].duration, np.concatenate([p.amount for p in plans]),
        plans[0].target, plans[0].switches,
    )  # fmt: skip
    all_of_them = System(
        np.concatenate([s.mt for s in systems]), np.concatenate([s.readout for s in systems]),
        STATES, INPUTS,
    )  # fmt: skip
    found, areas, peaks = solve(all_of_them, together, times)
    for person in range(people):
        alone, area, peak = solve(systems[person], plans[person], times)
        np.testing.assert_array_equal(found[person], alone[0])
        np.testing.assert_array_equal(areas[person], area[0])
        np.testing.assert_array_equal(peaks.value[person], peak.value[0])


def test_each_person_may_have_times_of_their_own():
    rates = (1.0, 0.5, 0.3, 0.2)
    one = body(*rates)
    two = System(np.repeat(one.mt, 2, axis=0), np.repeat(one.readout, 2, axis=0), STATES, INPUTS)
    times = ticks(np.array([1.0, 4.0]))
    none = np.zeros(0, dtype=np.int64)
    both = Schedule(
        ticks(np.array([[0.0], [0.75]])), ticks(np.array([[2.0], [0.5]])),
        np.array([[10.0], [7.0]]), np.array([VEIN]), none,
    )  # fmt: skip
    found, _, _ = solve(two, both, times)
    for person, dose in enumerate([(0.0, 10.0, 2.0, VEIN), (0.75, 7.0, 0.5, VEIN)]):
        np.testing.assert_array_equal(found[person], run(rates, [dose], [1.0, 4.0])[0])
