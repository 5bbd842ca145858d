"""What must hold for every regimen and every person in the nonlinear engine."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from antalgic.engine.lanes import Doses, solve
from antalgic.engine.linear import ticks
from antalgic.simulation.compile import compiled

SPEC = importlib.util.spec_from_file_location("w1", Path(__file__).parents[2] / "bench" / "w1.py")
w1 = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(w1)

TIMES = np.arange(0.0, 97.0, 4.0)
TOLERANCE = 1e-6


@pytest.fixture(scope="module")
def model():
    return compiled(w1.circuit(), "dp54")


def doses(model, rows):
    """Doses from (start h, duration h, amount mg, route)."""
    start, duration, amount, route = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Doses(
        ticks(np.array(start, float)), ticks(np.array(duration, float)),
        np.array(amount, float)[:, None],
        np.array([model.doses.index(r) for r in route], dtype=np.int64),
    )  # fmt: skip


def run(model, given_doses, people=3, times=TIMES, rtol=TOLERANCE, **more):
    more = {"initial": w1.initial(model), "start": 0} | more
    return solve(
        model.kernel, w1.patients(model, people, 11), given_doses, ticks(times), rtol=rtol, **more
    )


@pytest.mark.parametrize("own", [False, True], ids=["shared times", "own times"])
def test_a_solution_that_stops_on_the_way_is_the_same_to_the_bit(model, own):
    given = doses(model, [(0, 6, 50, "iv"), (3, 0, 20, "oral"), (8, 6, 40, "iv"), (30, 6, 9, "iv")])
    people, seen = 40, []
    wide = np.repeat(given.start[:, None], people, axis=1) if own else given.start
    given = Doses(wide, given.duration, np.repeat(given.amount, people, axis=1), given.target)
    whole = run(model, given, people)
    stopped = run(
        model, given, people, stops=ticks(TIMES[[0, 2, 5, -2]]),
        decide=lambda stop, values: seen.append((stop, values.copy())), threads=2,
    )  # fmt: skip
    assert stopped.values.tobytes() == whole.values.tobytes()
    assert stopped.final.tobytes() == whole.final.tobytes()
    assert (stopped.steps == whole.steps).all()
    assert [stop for stop, _ in seen] == [0, 1, 2, 3]
    for (_, values), column in zip(seen, [0, 2, 5, -2], strict=True):
        assert (values == whole.values[:, :, column]).all()


def test_amounts_decided_at_a_stop_are_those_of_a_table_known_before(model):
    rows = [(0, 4, 50, "iv"), (4, 4, 50, "iv"), (4, 0, 20, "oral")]
    given = doses(model, rows)
    given = Doses(given.start, given.duration, np.repeat(given.amount, 20, axis=1), given.target)
    known = given.amount.copy()
    known[1, ::2], known[2, 5:] = 0, 0

    def decide(stop, values):
        given.amount[:] = known

    stops = ticks(np.array([4.0]))
    found = run(model, given, 20, stops=stops, decide=decide)
    expected = run(model, Doses(given.start, given.duration, known, given.target), 20)
    assert found.values.tobytes() == expected.values.tobytes()


def test_stops_lie_between_the_start_and_the_last_output(model):
    for hours in ([-1.0], [96.0], [8.0, 4.0]):
        with pytest.raises(ValueError, match="stops must ascend between the start and the last"):
            run(model, doses(model, []), stops=ticks(np.array(hours)))


ROWS = st.lists(
    st.tuples(
        st.floats(0, 90), st.sampled_from([0.0, 0.5, 6.0]), st.floats(0, 100),
        st.sampled_from(["iv", "oral"]),
    ),
    max_size=6,
)  # fmt: skip


def close(a, b, rtol=4 * TOLERANCE):
    scale = np.maximum(abs(b).max(axis=-1, keepdims=True), 1e-12)
    assert (abs(a - b) / scale).max() < rtol


@settings(max_examples=30, deadline=None)
@given(rows=ROWS)
def test_one_infusion_equals_its_two_halves(model, rows):
    halves = [
        half
        for start, length, amount, route in rows
        for half in (
            [(start, 0.0, amount, route)]
            if length == 0
            else [
                (start, length / 2, amount / 2, route),
                (start + length / 2, length / 2, amount / 2, route),
            ]
        )
    ]
    close(run(model, doses(model, halves)).values, run(model, doses(model, rows)).values)


@settings(max_examples=30, deadline=None)
@given(rows=ROWS)
def test_zero_amounts_change_nothing(model, rows):
    more = [*rows, (10.0, 0.0, 0.0, "iv"), (33.3, 5.0, 0.0, "oral")]
    close(run(model, doses(model, more)).values, run(model, doses(model, rows)).values)


@settings(max_examples=30, deadline=None)
@given(rows=ROWS, at=st.integers(1, len(TIMES) - 2))
def test_a_run_can_be_cut_and_carried_on(model, rows, at):
    given_doses = doses(model, rows)
    whole = run(model, given_doses)
    first = run(model, given_doses, times=TIMES[: at + 1])
    second = run(
        model, given_doses, times=TIMES[at:], initial=first.final, start=int(ticks(TIMES[at]))
    )
    close(np.concatenate([first.values, second.values[..., 1:]], axis=-1), whole.values)
    np.testing.assert_array_equal(first.values[..., -1], second.values[..., 0])


@settings(max_examples=30, deadline=None)
@given(rows=ROWS)
def test_block_states_are_never_negative(model, rows):
    found = run(model, doses(model, rows))
    assert (found.final[: model.linear] >= 0).all()
    assert (found.values[:, :2] >= 0).all()


def test_same_bits_for_any_threads_and_any_order_of_blocks(model):
    given_doses, people = doses(model, [(0.0, 4.0, 80.0, "iv"), (30.3, 0.0, 20.0, "oral")]), 150
    parameters = w1.patients(model, people, 11)
    arguments = {"rtol": 1e-4, "initial": w1.initial(model)}
    one = solve(model.kernel, parameters, given_doses, ticks(TIMES), threads=1, **arguments)
    two = solve(model.kernel, parameters, given_doses, ticks(TIMES), threads=2, **arguments)
    assert one.values.tobytes() == two.values.tobytes()
    assert one.final.tobytes() == two.final.tobytes()
    order = np.arange(144).reshape(9, 16)[::-1].ravel()
    turned = solve(
        model.kernel, np.ascontiguousarray(parameters[:, order]), given_doses, ticks(TIMES),
        threads=2, **arguments,
    )  # fmt: skip
    assert turned.values.tobytes() == one.values[order].tobytes()


def test_same_bits_when_people_are_cut_into_chunks_of_whole_blocks(model):
    people, cut = 70, 32
    shared = doses(model, [(0.0, 4.0, 80.0, "iv"), (30.3, 0.0, 20.0, "oral")])
    own = ticks(np.random.default_rng(2).uniform(0, 40, (2, people)))
    parameters = w1.patients(model, people, 11)
    arguments = {"rtol": 1e-4, "initial": w1.initial(model), "start": 0}
    parts = []
    for part in (slice(None), slice(0, cut), slice(cut, None)):
        given_doses = Doses(own[:, part], shared.duration, shared.amount, shared.target)
        found = solve(
            model.kernel, parameters[:, part], given_doses, ticks(TIMES), threads=2, **arguments
        )
        parts.append(found.values)
    assert np.concatenate(parts[1:]).tobytes() == parts[0].tobytes()


def test_response_is_not_proportional_to_dose(model):
    once = run(model, doses(model, [(0.0, 4.0, 50.0, "iv")])).values
    twice = run(model, doses(model, [(0.0, 4.0, 100.0, "iv")])).values
    np.testing.assert_allclose(twice[:, :2], 2 * once[:, :2], rtol=1e-12)
    assert (abs(twice[:, 2, -1] / once[:, 2, -1] - 2) > 0.1).all()


def test_without_a_dose_there_is_no_drug_and_sensitization_goes_its_own_way(model):
    found = run(model, doses(model, [])).values
    assert (found[:, :3] == 0).all()
    alone = solve_ivp(
        lambda _, s: (s**4 / (0.5**4 + s**4) - 0.5 * s + 0.05) / 120, (0, TIMES[-1]), [1.0],
        t_eval=TIMES[[0, -1]], method="DOP853", rtol=1e-10,
    )  # fmt: skip
    np.testing.assert_allclose(found[:, 3][:, [0, -1]], alone.y.repeat(3, axis=0), rtol=1e-6)


def test_a_dose_at_an_output_is_seen_only_after_it(model):
    found = run(model, doses(model, [(8.0, 0.0, 50.0, "iv")])).values
    assert (found[:, 0, TIMES <= 8.0] == 0).all()
    assert (found[:, 0, TIMES > 8.0] > 0).all()


def test_people_of_different_amounts_do_not_mix(model):
    shared = doses(model, [(0.0, 4.0, 1.0, "iv"), (20.0, 0.0, 1.0, "oral")])
    amount = np.array([[100.0, 0.0, 50.0], [20.0, 20.0, 0.0]])
    parts = Doses(shared.start, shared.duration, amount, shared.target)
    found = run(model, parts).values
    for i in range(3):
        own = Doses(shared.start, shared.duration, amount[:, i : i + 1], shared.target)
        close(found[i], run(model, own).values[i])


OWN = st.lists(
    st.tuples(st.lists(st.floats(0, 90), min_size=3, max_size=3), st.sampled_from([0.0, 0.5, 6.0]),
              st.floats(0, 100), st.sampled_from(["iv", "oral"])),
    min_size=1, max_size=5,
)  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(rows=OWN, longer=st.lists(st.floats(0, 3), min_size=3, max_size=3))
def test_events_of_one_person_leave_the_others_untouched(model, rows, longer):
    shared = doses(model, [(0.0, length, amount, route) for _, length, amount, route in rows])
    start = ticks(np.array([row[0] for row in rows]))
    duration = shared.duration[:, None] + np.where(
        shared.duration[:, None] > 0, ticks(np.array(longer)), 0
    )
    found = run(model, Doses(start, duration, shared.amount, shared.target)).values
    for i in range(3):
        own = Doses(start[:, i], duration[:, i], shared.amount, shared.target)
        close(found[i], run(model, own).values[i])


def test_own_times_that_are_equal_are_shared_times(model):
    shared = doses(
        model, [(0.0, 4.0, 80.0, "iv"), (30.3, 0.0, 20.0, "oral"), (60.0, 1.0, 9.0, "iv")]
    )
    own = Doses(*(np.repeat(a[:, None], 40, axis=1) for a in (shared.start, shared.duration)),
                shared.amount, shared.target)  # fmt: skip
    found = run(model, own, people=40, threads=2).values
    assert found.tobytes() == run(model, shared, people=40).values.tobytes()


@settings(max_examples=20, deadline=None)
@given(rows=ROWS, at=st.integers(1, len(TIMES) - 2))
def test_a_change_of_parameters_is_a_new_run_from_there(model, rows, at):
    given_doses, when = doses(model, rows), int(ticks(TIMES[at]))
    sets = np.array([w1.patients(model, 3, 11), w1.patients(model, 3, 12)])
    arguments = {"rtol": TOLERANCE, "start": 0, "initial": w1.initial(model)}
    whole = solve(
        model.kernel, sets, given_doses, ticks(TIMES), changes=np.array([when]), **arguments
    )
    first = solve(model.kernel, sets[0], given_doses, ticks(TIMES[: at + 1]), **arguments)
    arguments |= {"start": when, "initial": first.final}
    second = solve(model.kernel, sets[1], given_doses, ticks(TIMES[at:]), **arguments)
    close(np.concatenate([first.values, second.values[..., 1:]], axis=-1), whole.values)
    again = solve(
        model.kernel, sets, given_doses, ticks(TIMES[at:]), changes=np.array([when]), **arguments
    )
    close(again.values[..., 1:], second.values[..., 1:])
    np.testing.assert_array_equal(again.values[..., 0], first.values[..., -1])


def test_a_wrong_call_is_refused(model):
    none = doses(model, [])
    with pytest.raises(ValueError, match="expected 18"):
        solve(model.kernel, np.ones((3, 2)), none, ticks(TIMES), rtol=1e-4)
    with pytest.raises(ValueError, match="2 parameter sets need 1"):
        solve(model.kernel, np.ones((2, 18, 1)), none, ticks(TIMES), rtol=1e-4)
    with pytest.raises(ValueError, match="start has shape"):
        wrong = Doses(np.zeros((1, 2), int), np.zeros(1, int), np.ones((1, 1)), np.zeros(1, int))
        run(model, wrong)
    with pytest.raises(ValueError, match="ascend"):
        run(model, none, times=TIMES[::-1])
    with pytest.raises(ValueError, match="rtol"):
        run(model, none, rtol=0.0)
    with pytest.raises(ValueError, match="before the start"):
        run(model, none, start=5)
    with pytest.raises(ValueError, match="shape"):
        run(model, none, out=np.empty((1, 1, 1)))
