"""The linear engine: exact solutions of x' = M x + B u between events, for many people at once.

Time is counted in whole nanoseconds, so that "at the same time" is an equality of integers and
steps of equal length are recognised as such.  The state vector is z = [x, u, a]: amounts x, held
input rates u, and integrals a of the readouts (areas under the curve).  Between events z' = M z
with one constant matrix, and z moves by its exponential.

Order at one instant: readout, end of infusions, change of parameters, doses.  A readout at the
time of a dose therefore sees the state before it; an infusion acts on [start, end).
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from antalgic.engine.exponential import WORK, act, exponential, shift_of
from antalgic.engine.vector import product

#: Ticks (nanoseconds) in an hour.
TICKS_PER_HOUR = 3_600_000_000_000

END, SWITCH, RESET, DOSE = 0, 1, 2, 3
_CACHED = 24
_CANDIDATES = 6
# A step is short if the fastest compartment turns over fewer times than this in it: then acting on
# the vector costs less than the matrix (both measured at 6 to 16 us for 6 to 20 states).
_SHORT = 16.0


def ticks(hours: NDArray[np.float64] | float) -> NDArray[np.int64]:
    """Hours as whole nanoseconds (int64, same shape)."""
    return np.rint(np.asarray(hours, dtype=np.float64) * TICKS_PER_HOUR).astype(np.int64)


def padded(n: int) -> int:
    """Width of a row of n float64, rounded up to whole 64-byte vector registers."""
    return -(-n // 8) * 8


@dataclass(frozen=True)
class System:
    """Matrices of P people and S successive parameter sets.

    ``mt`` (P, S, n, width) holds M by columns in the order states, inputs, integrals; ``readout``
    (P, S, k, width) gives k outputs as sums over z.  The last k entries of z integrate them.
    """

    mt: NDArray[np.float64]
    readout: NDArray[np.float64]
    n_states: int
    n_inputs: int


@dataclass(frozen=True)
class Schedule:
    """What happens when, in ticks: doses (P or 1, D) and switches of the parameter set (S-1,).

    ``target`` (D,) is the input each dose enters; a dose of duration 0 is a bolus.
    """

    start: NDArray[np.int64]
    duration: NDArray[np.int64]
    amount: NDArray[np.float64]
    target: NDArray[np.int64]
    switches: NDArray[np.int64]

    def events(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Event times, kinds and indices, each (P or 1, E), sorted in order of action."""
        doses, switches = self.start.shape[1], len(self.switches)
        rows = max(len(self.start), len(self.duration))
        start = np.broadcast_to(self.start, (rows, doses))
        end = start + self.duration
        shared = np.concatenate([self.switches, np.zeros(1, dtype=np.int64)])
        middle = np.broadcast_to(shared, (rows, switches + 1))
        time = np.concatenate([end, middle, start], axis=1)
        kind = np.repeat([END, SWITCH, RESET, DOSE], [doses, switches, 1, doses])
        index = np.concatenate(
            [np.arange(doses), np.arange(1, switches + 1), [0], np.arange(doses)]
        )
        order = np.argsort(time, axis=1, kind="stable")
        return np.take_along_axis(time, order, axis=1), kind[order], index[order]


@dataclass(frozen=True)
class Peaks:
    """Per person and readout (P, k): highest value from time zero on, and when (ticks)."""

    value: NDArray[np.float64]
    time: NDArray[np.int64]


def solve(
    system: System,
    schedule: Schedule,
    times: NDArray[np.int64],
    out: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], Peaks]:
    """Readouts (P, k, T) at ``times``, their integrals from 0 to the last time (P, k), and peaks.

    ``times`` are ascending ticks, the first not before 0; the state is zero before the first event.
    The readouts are written into ``out`` where it is given: a fresh array costs page faults.
    """
    people, _, n, _ = system.mt.shape
    k = system.readout.shape[2]
    event_time, event_kind, event_index = schedule.events()
    out = np.empty((people, k, len(times))) if out is None else out
    area = np.empty((people, k))
    peak, peak_time = np.zeros((people, k)), np.zeros((people, k), dtype=np.int64)
    _solve(
        system.mt, system.readout, n, system.n_states, system.n_inputs,
        event_time, event_kind, event_index,
        schedule.duration, schedule.amount, schedule.target,
        times, out, area, peak, peak_time,
    )  # fmt: skip
    if times[-1] == 0:
        area[:] = 0.0  # whatever was integrated before time zero
    return out, area, Peaks(peak, peak_time)


@njit(cache=True, nogil=True, error_model="numpy")
def _turnover(mt, n):
    """Ticks in which the fastest compartment turns over once, rounded up."""
    return np.int64(TICKS_PER_HOUR / max(shift_of(mt, n), 1e-3)) + 1


@njit(cache=True, nogil=True, error_model="numpy")
def _bound(v0, s0, v1, s1, h):
    """Where the end tangents (s0 > 0 > s1) meet: no concave curve between them is higher."""
    x = (v1 - v0 - s1 * h) / (s0 - s1)
    return v0 + s0 * min(max(x, 0.0), h)


@njit(cache=True, nogil=True, error_model="numpy")
def _watch(mt, readout, n, k, watch):
    """watch[j] = [0.., readouts of unit z_j, their slopes], k of each, from column n on."""
    for j in range(n):
        for c in range(k):
            slope = 0.0
            for i in range(n):
                slope += mt[j, i] * readout[c, i]
            watch[j, n + c] = readout[c, j]
            watch[j, n + k + c] = slope


@njit(cache=True, nogil=True, error_model="numpy")
def _read(watch, n, k, y):
    """Refresh the readouts and slopes kept in y[n:n+2k] from the state y[:n]."""
    for c in range(n, n + 2 * k):
        total = 0.0
        for j in range(n):
            total += watch[j, c] * y[j]
        y[c] = total


@njit(cache=True, nogil=True, error_model="numpy")
def _propagator(mt, hours, n, k, first_input, last_input, watch, work, et, wide):
    """wide[j] = [E, readouts of E, slopes of E] of unit z_j: one product gives all three."""
    exponential(mt, hours, n, first_input, last_input, work, et)
    for j in range(n):
        for i in range(n):
            wide[j, i] = et[j, i]
        for c in range(n, n + 2 * k):
            total = 0.0
            for i in range(n):
                total += watch[i, c] * et[j, i]
            wide[j, c] = total


@njit(cache=True, nogil=True, error_model="numpy")
def _refine(
    mt, n, k, c, first_input, last_input, watch, z, value_high, slope_high, h, floor, work, y
):
    """Where in (0, h) the slope of readout c falls through zero, and the value there.

    z is the state at 0, with slope > 0; slope_high < 0 is that at h.  Regula falsi in the Illinois
    form, until the tangents leave less than 1e-8 of the value to gain, or nothing above ``floor``.
    """
    low, high, value_low, slope_low = 0.0, h, z[n + c], z[n + k + c]
    weight_low, weight_high, side = slope_low, slope_high, 0
    best_at, best = 0.0, value_low
    for _ in range(60):
        middle = (low * weight_high - high * weight_low) / (weight_high - weight_low)
        act(mt, middle, n, first_input, last_input, z, work, y)
        _read(watch, n, k, y)
        value, slope = y[n + c], y[n + k + c]
        if value > best:
            best, best_at = value, middle
        if slope > 0.0:
            low, value_low, slope_low, weight_low = middle, value, slope, slope
            weight_high *= 0.5 if side == 1 else 1.0
            side = 1
        elif slope < 0.0:
            high, value_high, slope_high, weight_high = middle, value, slope, slope
            weight_low *= 0.5 if side == -1 else 1.0
            side = -1
        else:
            break
        top = _bound(value_low, slope_low, value_high, slope_high, high - low)
        if top <= max(floor, best * (1.0 + 1e-8)):
            break
    return best_at, best


@njit(cache=True, nogil=True, error_model="numpy")
def _note_peak(best, best_when, best_y, best_end, c, bound, now, dt, current, y, v1, s1):
    """Keep the steps in which readout c can be highest, for refinement."""
    worst = 0
    for i in range(1, best.shape[1]):
        if best[c, i] < best[c, worst]:
            worst = i
    if bound > best[c, worst]:
        best[c, worst] = bound
        best_when[c, worst, 0] = now
        best_when[c, worst, 1] = dt
        best_when[c, worst, 2] = current
        best_end[c, worst, 0] = v1
        best_end[c, worst, 1] = s1
        for i in range(y.shape[0]):
            best_y[c, worst, i] = y[i]


@njit(cache=True, nogil=True, error_model="numpy")
def _solve(
    mt_all, readout_all, n, n_states, n_inputs,
    event_time, event_kind, event_index,
    duration, amount, target,
    times, out, area, peak, peak_time,
):  # fmt: skip
    width = mt_all.shape[3]
    k = readout_all.shape[2]
    wide = (n + 2 * k + 7) // 8 * 8
    first_input, last_input = n_states, n_states + n_inputs
    matrix_work = np.empty((WORK, n, width))
    matrix = np.empty((n, width))
    vector_work = np.empty((2, width))
    cached = np.zeros((_CACHED, n, wide))
    cached_dt = np.empty(_CACHED, dtype=np.int64)
    cached_ready = np.empty(_CACHED, dtype=np.bool_)
    y = np.zeros(wide)
    ahead = np.zeros(wide)  # y one step later
    watch = np.zeros((n, wide))
    highest = np.empty(k)
    active = np.empty(target.shape[0], dtype=np.int64)
    best = np.empty((k, _CANDIDATES))
    best_y, best_end = np.empty((k, _CANDIDATES, wide)), np.empty((k, _CANDIDATES, 2))
    best_when = np.empty((k, _CANDIDATES, 3), dtype=np.int64)  # start tick, length, parameter set

    for p in range(mt_all.shape[0]):
        row = p % event_time.shape[0]
        duration_row, amount_row = p % duration.shape[0], p % amount.shape[0]
        current, n_active, event = 0, 0, 0
        slot, n_cached, next_slot = 0, 0, 0
        n_events = event_time.shape[1]
        mt = mt_all[p, 0]
        turnover = _turnover(mt, n)
        _watch(mt, readout_all[p, 0], n, k, watch)
        y[:] = 0.0
        best[:] = -1.0
        highest[:] = 0.0
        now = min(event_time[row, 0], times[0])
        origin = now
        for t_index in range(times.shape[0]):
            goal = times[t_index]
            while now < goal:
                changed = False
                while event < n_events and event_time[row, event] == now:
                    kind, index = event_kind[row, event], event_index[row, event]
                    event += 1
                    if kind == DOSE:
                        into = first_input + target[index]
                        if duration[duration_row, index] == 0:
                            for i in range(n_states):
                                y[i] += mt[into, i] * amount[amount_row, index]
                        else:
                            active[n_active] = index
                            n_active += 1
                        changed = True
                    elif kind == END and duration[duration_row, index] > 0:
                        kept = 0
                        for i in range(n_active):
                            if active[i] != index:
                                active[kept] = active[i]
                                kept += 1
                        n_active = kept
                        changed = True
                    elif kind == SWITCH:
                        current = index
                        mt = mt_all[p, current]
                        turnover = _turnover(mt, n)
                        _watch(mt, readout_all[p, current], n, k, watch)
                        n_cached, next_slot = 0, 0
                        changed = True
                    elif kind == RESET:
                        for i in range(last_input, n):
                            y[i] = 0.0
                if changed:
                    origin = now
                    # rates are summed anew, so that nothing is left when the last infusion ends
                    for i in range(first_input, last_input):
                        y[i] = 0.0
                    for i in range(n_active):
                        d = active[i]
                        rate = amount[amount_row, d] / duration[duration_row, d] * TICKS_PER_HOUR
                        y[first_input + target[d]] += rate
                    _read(watch, n, k, y)
                    if now >= 0:
                        for c in range(k):
                            if y[n + c] > highest[c]:
                                highest[c] = y[n + c]
                                peak_time[p, c] = now
                stop = goal
                if event < n_events and event_time[row, event] < goal:
                    stop = event_time[row, event]
                # after an event steps at most double the time since it: humps are seen in log time
                stop = min(stop, now + max(now - origin, turnover))
                dt = stop - now
                known = slot < n_cached and cached_dt[slot] == dt
                if not known:
                    for i in range(n_cached):
                        if cached_dt[i] == dt:
                            slot, known = i, True
                            break
                if not known:
                    slot = next_slot
                    cached_dt[slot] = dt
                    cached_ready[slot] = False
                    n_cached = max(n_cached, slot + 1)
                    next_slot = (next_slot + 1) % _CACHED
                if not known and dt < _SHORT * turnover:
                    # a short step seen for the first time: the matrix is made when it returns
                    act(mt, dt / TICKS_PER_HOUR, n, first_input, last_input, y, vector_work, ahead)
                    _read(watch, n, k, ahead)
                else:
                    if not cached_ready[slot]:
                        _propagator(
                            mt, dt / TICKS_PER_HOUR, n, k, first_input, last_input,
                            watch, matrix_work, matrix, cached[slot],
                        )  # fmt: skip
                        cached_ready[slot] = True
                    columns = last_input if n_active else n_states
                    product(cached, slot * n * wide, columns, y, 0, ahead, 0, wide)
                    for i in range(last_input, n):  # integrals feed nothing: unit columns
                        ahead[i] += y[i]
                for c in range(k):
                    v1 = ahead[n + c]
                    s1 = ahead[n + k + c]
                    if v1 > highest[c] and stop >= 0:
                        highest[c] = v1
                        peak_time[p, c] = stop
                    if s1 < 0.0 and now >= 0:
                        s0 = y[n + k + c]
                        if s0 > 0.0:
                            bound = _bound(y[n + c], s0, v1, s1, dt / TICKS_PER_HOUR)
                            _note_peak(
                                best, best_when, best_y, best_end, c, bound,
                                now, dt, current, y, v1, s1,
                            )  # fmt: skip
                for i in range(wide):
                    y[i] = ahead[i]
                now = stop
            for c in range(k):
                out[p, c, t_index] = y[n + c]
        for c in range(k):
            area[p, c] = y[last_input + c]
        for c in range(k):
            while True:
                i = int(np.argmax(best[c]))
                if best[c, i] <= highest[c]:
                    break
                chosen = best_when[c, i, 2]
                m = mt_all[p, chosen]
                _watch(m, readout_all[p, chosen], n, k, watch)
                at, v = _refine(
                    m, n, k, c, first_input, last_input, watch, best_y[c, i],
                    best_end[c, i, 0], best_end[c, i, 1], best_when[c, i, 1] / TICKS_PER_HOUR,
                    highest[c], vector_work, ahead,
                )  # fmt: skip
                best[c, i] = -1.0
                if v > highest[c]:
                    highest[c] = v
                    peak_time[p, c] = best_when[c, i, 0] + np.int64(at * TICKS_PER_HOUR)
        for c in range(k):
            peak[p, c] = highest[c]
