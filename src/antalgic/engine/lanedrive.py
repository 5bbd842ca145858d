"""The loop over blocks, spans and steps of the nonlinear engine; :mod:`lanes` prepares its tables.

A step is a span halved ``level`` times and begins at a multiple of its length, so that the span's
end is always met exactly.
"""

import numpy as np
from numba import njit

from antalgic.engine.laneexp import WORK, halvings, size_of
from antalgic.engine.lanevector import LANES, call, multiply
from antalgic.engine.linear import TICKS_PER_HOUR

#: Propagators kept per block.
CACHED = 48
#: Spans whose halvings are kept, and how many halvings; a step uses up to three below its own.
CHAINS, DEPTH = 4, 11
_REACH = 4
#: Outputs written at once: one cache line.
TILE = 8

_HALVINGS = 40  # a span is halved at most so often
_WHOLE = 1 << _HALVINGS
# After a dose the first step lasts this many turnovers of the fastest compartment: an estimate of
# the error that sees nothing between its stages would miss the rise.
_FIRST = 2.0
_SAFETY, _SHRINK, _GROW = 0.9, 0.1, 5.0


@njit(cache=True, nogil=True, error_model="numpy")
def _put(table, row, column, work, slot):
    """A row of per-person numbers (n, P or 1) into the lanes of a slot; the last one repeats."""
    for lane in range(LANES):
        work[slot * LANES + lane] = table[row, min(column + lane, table.shape[1] - 1)]


@njit(cache=True, nogil=True, error_model="numpy")
def _copy(source, source_at, target, target_at, slots):
    """Copy whole slots."""
    for i in range(slots * LANES):
        target[target_at * LANES + i] = source[source_at * LANES + i]


@njit(cache=True, nogil=True, error_model="numpy")
def _propagator(
    level, recipe, start, left, right, stage_entries, chains, chain_at, work, propagators, at
):  # fmt: skip
    """exp(M h) for the chain's span halved ``level`` times and, per stage, the entries it needs.

    Row f of ``recipe`` is (chain, halvings, chain, halvings): the fraction of the step is the sum
    of two chain lengths (or one, if the second chain is -1).  The first row is the whole step.
    """
    entries = start.shape[0] - 1
    for f in range(recipe.shape[0]):
        source = chain_at + (recipe[f, 0] * DEPTH + level + recipe[f, 1]) * entries
        target, target_at = (propagators, at) if f == 0 else (work, 0)
        if recipe[f, 2] >= 0:
            other = chain_at + (recipe[f, 2] * DEPTH + level + recipe[f, 3]) * entries
            multiply(entries, start, left, right, chains, source, chains, other, target, target_at)
        else:
            _copy(chains, source, target, target_at, entries)
        place = at + entries + (f - 1) * stage_entries.shape[0]
        for i in range(stage_entries.shape[0] if f else 0):
            _copy(work, stage_entries[i], propagators, place + i, 1)


@njit(cache=True, nogil=True, error_model="numpy")
def _give(index, column, amount, target, dose_first, dose_slot, dose_entry, mt, work):
    """Add a bolus to the states that its input enters."""
    for i in range(dose_first[target[index]], dose_first[target[index] + 1]):
        for lane in range(LANES):
            given = amount[index, min(column + lane, amount.shape[1] - 1)]
            work[dose_slot[i] * LANES + lane] += mt[dose_entry[i] * LANES + lane] * given


@njit(cache=True, nogil=True, error_model="numpy")
def _hold(active, column, duration, amount, target, inputs_at, inputs, work):
    """Sum the rates of active infusions anew: nothing is left when the last one ends."""
    for i in range(inputs_at * LANES, (inputs_at + inputs) * LANES):
        work[i] = 0.0
    for index in active:
        at = (inputs_at + target[index]) * LANES
        hours = duration[index] / TICKS_PER_HOUR
        for lane in range(LANES):
            given = amount[index, min(column + lane, amount.shape[1] - 1)]
            work[at + lane] += given / hours


@njit(cache=True, nogil=True, error_model="numpy")
def _worst(work, error_at):
    """The largest squared scaled error of the lanes; NaN if any is NaN."""
    worst = 0.0
    for lane in range(LANES):
        error = work[error_at * LANES + lane]
        if not error <= worst:
            worst = error
            if not error >= 0.0:
                return np.nan
    return worst


@njit(cache=True, nogil=True, error_model="numpy")
def _flush(tile, outputs, out, column, first, count):
    """Write ``count`` readouts of every lane to their places from output number ``first`` on."""
    for lane in range(min(LANES, out.shape[0] - column)):
        for c in range(outputs):
            for i in range(count):
                out[column + lane, c, first + i] = tile[(i * outputs + c) * LANES + lane]


@njit(cache=True, nogil=True, error_model="numpy")
def drive(
    blocks, functions, sizes,
    row, entry_column, diagonal, start, left, right,
    fractions, recipe, stage_entries, dose_first, dose_slot, dose_entry,
    time, output, first_action, action_dose, action_ends,
    duration, amount, target,
    parameters, initial, floor, tolerance, most_steps,
    work, matrices, chains, propagators, tile, out, final, steps,
):  # fmt: skip
    """Solve the given blocks.  See :func:`lanes.solve`; ``steps`` counts, its last column fails.

    ``tolerance`` bounds the scaled error of a step.
    """
    block, inputs, slow, outputs, n_parameters, state = sizes[:6]
    inputs_at, parameters_at, after_at, error_at = sizes[6:10]
    propagator_size, constant, order = sizes[10:13]
    prepare, rates, advance, coast, readout = functions
    entries = row.shape[0]
    mt = matrices[WORK * entries * LANES :]
    held = inputs - constant
    limit = tolerance * tolerance
    enough = limit * (_SAFETY / _GROW) ** (2 * order)  # errors below this let the step grow fully
    cached_hours, chain_hours = np.empty(CACHED), np.empty(CHAINS)
    active = np.empty(duration.shape[0], dtype=np.int64)

    for number in blocks:
        column = number * LANES
        work[:] = 0.0
        for i in range(n_parameters):
            _put(parameters, i, column, work, parameters_at + i)
        for i in range(block + slow):
            _put(initial, i, column, work, i)
        for i in range(slow):
            for lane in range(LANES):
                size = abs(work[(block + i) * LANES + lane])
                work[(block + 2 * slow + i) * LANES + lane] = max(floor[i], size)
        if constant:
            for lane in range(LANES):
                work[(inputs_at + held) * LANES + lane] = 1.0
        call(prepare, work, mt, 0, 0.0)
        shift, norm = size_of(mt, row, entry_column, diagonal)
        call(rates, work, mt, 0, 0.0)
        n_active, n_cached, next_slot, slot, n_chains, next_chain = 0, 0, 0, 0, 0, 0
        wanted, after_event = 1e300, 1e300  # lengths of the next step and of the first after a dose
        tile_from, tile_count = 0, 0
        for boundary in range(time.shape[0]):
            if output[boundary] >= 0:
                call(readout, work, tile, tile_count * outputs, 0.0)
                tile_count += 1
                if tile_count == TILE or boundary == time.shape[0] - 1:
                    _flush(tile, outputs, out, column, tile_from, tile_count)
                    tile_from += tile_count
                    tile_count = 0
            if boundary == time.shape[0] - 1:
                break
            fresh = first_action[boundary + 1] > first_action[boundary]
            for i in range(first_action[boundary], first_action[boundary + 1]):
                dose = action_dose[i]
                if action_ends[i]:
                    kept = 0
                    for j in range(n_active):
                        if active[j] != dose:
                            active[kept] = active[j]
                            kept += 1
                    n_active = kept
                elif duration[dose] > 0:
                    active[n_active] = dose
                    n_active += 1
                else:
                    _give(dose, column, amount, target, dose_first, dose_slot, dose_entry, mt, work)
            if fresh:
                _hold(active[:n_active], column, duration, amount, target, inputs_at, held, work)
                call(rates, work, mt, 0, 0.0)
                wanted = min(wanted, after_event, _FIRST / max(shift, 1e-9))
            move = advance if n_active else coast
            span = (time[boundary + 1] - time[boundary]) / TICKS_PER_HOUR
            position, level, hours = 0, 0, span
            while position < _WHOLE:
                while (hours > 1.001 * wanted and level < _HALVINGS) or position & (
                    (_WHOLE >> level) - 1
                ):
                    level += 1
                    hours *= 0.5
                if slot >= n_cached or cached_hours[slot] != hours:
                    slot = 0
                    while slot < n_cached and cached_hours[slot] != hours:
                        slot += 1
                    if slot == n_cached:
                        slot = next_slot
                        next_slot = (next_slot + 1) % CACHED
                        n_cached = min(n_cached + 1, CACHED)
                        cached_hours[slot] = hours
                        base, depth = span, level
                        if level > DEPTH - _REACH:
                            base, depth = hours, 0
                        chain = 0
                        while chain < n_chains and chain_hours[chain] != base:
                            chain += 1
                        if chain == n_chains:
                            chain = next_chain
                            next_chain = (next_chain + 1) % CHAINS
                            n_chains = min(n_chains + 1, CHAINS)
                            chain_hours[chain] = base
                            for j in range(fractions.shape[0]):
                                halvings(
                                    mt, shift, norm, base * fractions[j],
                                    diagonal, start, left, right, inputs, DEPTH, matrices,
                                    chains, (chain * fractions.shape[0] + j) * DEPTH * entries,
                                )  # fmt: skip
                        _propagator(
                            depth, recipe, start, left, right, stage_entries,
                            chains, chain * fractions.shape[0] * DEPTH * entries,
                            matrices, propagators, slot * propagator_size,
                        )  # fmt: skip
                        steps[number, 2] += 1
                call(move, work, propagators, slot * propagator_size, hours)
                worst = _worst(work, error_at)
                if worst <= limit:
                    steps[number, 0] += 1
                    factor = _GROW
                    if worst > enough:
                        factor = _SAFETY * (limit / worst) ** (0.5 / order)
                    if factor < 1.0 or wanted < hours * factor:
                        wanted = hours * factor
                    if fresh:
                        after_event = hours * factor
                        fresh = False
                    _copy(work, after_at, work, 0, state)
                    position += _WHOLE >> level
                    level, hours = 0, span
                else:
                    steps[number, 1] += 1
                    factor = _SHRINK
                    if worst > limit:
                        factor = max(_SHRINK, _SAFETY * (limit / worst) ** (0.5 / order))
                    wanted = hours * min(factor, 0.5)
                    if level == _HALVINGS:
                        steps[number, 3] = boundary + 1
                if steps[number, 0] + steps[number, 1] >= most_steps:
                    steps[number, 3] = boundary + 1
                if steps[number, 3]:
                    break
            if steps[number, 3]:
                break
        for i in range(block + slow):
            for lane in range(min(LANES, final.shape[1] - column)):
                final[i, column + lane] = work[i * LANES + lane]
