"""The loop over blocks, spans and steps of the nonlinear engine; :mod:`lanes` prepares its tables.

A step is one or three times a span halved ``level`` times and ends at a multiple of a coarser
halving, so that the span's end is always met exactly and few lengths occur.
"""

from numba import njit

from antalgic.engine.laneexp import WORK, halvings, size_of
from antalgic.engine.lanemath import rough_power
from antalgic.engine.laneplan import BEGIN, END, GIVE
from antalgic.engine.lanevector import LANES, call, copy, expect_write, gather, largest, multiply
from antalgic.engine.linear import TICKS_PER_HOUR

#: Propagators kept per block.
CACHED = 48
#: Spans whose halvings are kept, and how many halvings; a step uses up to three below its own.
CHAINS, DEPTH = 4, 11
_REACH = 4
#: What is kept of a block that stops on the way: whole numbers, beside a bit mask and a place for
#: each dose, and hours, beside those of its propagators and chains.
MARKS, HOURS = 7, 4
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
def _propagator(
    level, triple, recipe, start, left, right, stage_entries, chains, chain_at,
    work, propagators, at,
):  # fmt: skip
    """exp(M h) for the chain's span halved ``level`` times and, per stage, the entries it needs.

    Row f of ``recipe`` is (chain, halvings, chain, halvings): the fraction of the step is the sum
    of two chain lengths (or one, if the second chain is -1).  The first row is the whole step.  A
    ``triple`` step is as long as three halvings: one of this level and one of the level above.
    """
    entries = start.shape[0] - 1
    for f in range(recipe.shape[0]):
        a, b = 0, entries
        made = False
        for above in range(1 + triple):
            for part in range(0, 4, 2):
                if recipe[f, part] < 0:
                    continue
                halved = level - above + recipe[f, part + 1]
                source = chain_at + (recipe[f, part] * DEPTH + halved) * entries
                if made:
                    multiply(entries, start, left, right, work, a, chains, source, work, b)
                    a, b = b, a
                else:
                    copy(chains, source, work, a, entries)
                    made = True
        if f == 0:
            copy(work, a, propagators, at, entries)
        else:
            place = at + entries + (f - 1) * stage_entries.shape[0]
            for i in range(stage_entries.shape[0]):
                copy(work, a + stage_entries[i], propagators, place + i, 1)


@njit(cache=True, nogil=True, error_model="numpy")
def _give(
    index, lanes, column, amount, target, dose_first, dose_slot, dose_entry, mt, work
):  # fmt: skip
    """Add a bolus to the states that its input enters, in the lanes that are given it."""
    for i in range(dose_first[target[index]], dose_first[target[index] + 1]):
        for lane in range(LANES):
            if (lanes >> lane) & 1:
                given = amount[index, min(column + lane, amount.shape[1] - 1)]
                work[dose_slot[i] * LANES + lane] += mt[dose_entry[i] * LANES + lane] * given


@njit(cache=True, nogil=True, error_model="numpy")
def _hold(active, acting, column, duration, amount, target, inputs_at, inputs, work):
    """Sum the rates of active infusions anew: nothing is left when the last one ends."""
    for i in range(inputs_at * LANES, (inputs_at + inputs) * LANES):
        work[i] = 0.0
    for index in active:
        at = (inputs_at + target[index]) * LANES
        for lane in range(LANES):
            if (acting[index] >> lane) & 1:
                hours = duration[index, min(column + lane, duration.shape[1] - 1)] / TICKS_PER_HOUR
                given = amount[index, min(column + lane, amount.shape[1] - 1)]
                work[at + lane] += given / hours


@njit(cache=True, nogil=True, error_model="numpy")
def _flush(tile, outputs, out, column, first, count):
    """Write ``count`` readouts of every lane to their places from output number ``first`` on."""
    for lane in range(min(LANES, out.shape[0] - column)):
        for c in range(outputs):
            at = c * LANES + lane
            if count == TILE:
                gather(tile, at, outputs * LANES, TILE, out, column + lane, c, first)
            else:
                for i in range(count):
                    out[column + lane, c, first + i] = tile[at + i * outputs * LANES]


@njit(cache=True, nogil=True, error_model="numpy")
def _expect(outputs, out, column, first, part):
    """Fetch the last cache lines that the next flush writes to, one share of them per readout.

    People's results lie far apart: without this every flush waits for memory.
    """
    for i in range(part, outputs * LANES, TILE):
        lane, c = i // outputs, i % outputs
        expect_write(out, min(column + lane, out.shape[0] - 1), c, first + 2 * TILE - 1)


@njit(cache=True, nogil=True, error_model="numpy")
def _factor(limit, worst, order):
    """By how much the next step may be longer; squared errors; the least factor for NaN."""
    if not worst >= 0.0:
        return _SHRINK
    return min(_GROW, max(_SHRINK, _SAFETY * rough_power(limit / worst, 0.5 / order)))


@njit(cache=True, nogil=True, error_model="numpy")
def _length(position, wanted, span):
    """Level of the next step, whether it is three such halvings long, and its hours.

    The longest not above ``wanted`` of: any halving of which the position is a multiple; three of
    the smallest such, where they end at a multiple of four.  Steps can so grow fourfold.
    """
    own = 0
    while position & ((_WHOLE >> own) - 1):
        own += 1
    level, hours = own, span / (1 << own)
    while hours > 1.001 * wanted and level < _HALVINGS:
        level += 1
        hours *= 0.5
    quarter = own > 1 and (position >> (_HALVINGS - own)) & 3 == 1
    if quarter and level == own and 3.0 * hours <= 1.001 * wanted:
        return level, 1, 3.0 * hours
    return level, 0, hours


@njit(cache=True, nogil=True, error_model="numpy")
def drive(
    blocks, functions, sizes,
    row, entry_column, diagonal, start, left, right,
    fractions, recipe, stage_entries, dose_first, dose_slot, dose_entry,
    time, output, first_action, action, action_number, action_lanes, first_set,
    begin, end, resumed,
    duration, amount, target,
    parameters, initial, floor, tolerance, most_steps,
    works, rooms, all_chains, all_propagators, tiles, marks, lengths, out, seen, final, steps,
):  # fmt: skip
    """Solve some blocks with one plan from boundary ``begin`` to ``end``; see :func:`lanes.solve`.

    A block that is ``resumed`` goes on from its last readout as if it had never stopped.  ``seen``
    (P, k, 1) takes the outputs at the end.

    ``sizes`` are the layout's numbers and places, the propagator's slots, whether there is a
    constant input, and the order; ``steps`` counts (accepted, rejected, propagators made, 1 + the
    boundary at which the block got stuck).  The last arguments are work space, one row for each
    block, or a single one for blocks that are solved from start to end.
    """
    block, inputs, slow, outputs, n_parameters, state = sizes[:6]
    inputs_at, parameters_at, after_at, error_at = sizes[6:10]
    propagator_size, constant, order = sizes[10:13]
    prepare, rates, advance, coast, readout = functions
    entries = row.shape[0]
    held = inputs - constant
    limit = tolerance * tolerance
    doses = target.shape[0]

    for number in blocks:
        column = number * LANES
        room = number % works.shape[0]
        work, matrices, chains = works[room], rooms[room], all_chains[room]
        propagators, tile = all_propagators[room], tiles[room]
        mt = matrices[WORK * entries * LANES :]
        mark, length = marks[room], lengths[room]
        acting, active = mark[MARKS : MARKS + doses], mark[MARKS + doses :]
        cached_hours, chain_hours = length[HOURS : HOURS + CACHED], length[HOURS + CACHED :]
        if not resumed:
            mark[:] = 0
            work[: error_at * LANES] = 0.0
            for i in range(block + slow):
                _put(initial, i, column, work, i)
            for i in range(slow):
                for lane in range(LANES):
                    size = abs(work[(block + i) * LANES + lane])
                    work[(block + 2 * slow + i) * LANES + lane] = max(floor[i], size)
            if constant:
                for lane in range(LANES):
                    work[(inputs_at + held) * LANES + lane] = 1.0
            for i in range(n_parameters):
                _put(parameters[first_set], i, column, work, parameters_at + i)
            call(prepare, work, mt, 0, 0.0)
            shift, norm = size_of(mt, row, entry_column, diagonal)
            call(rates, work, mt, 0, 0.0)
            # lengths of the next step and of the first after a dose; what is known of the matrix
            length[0], length[1], length[2], length[3] = 1e300, 1e300, shift, norm
        n_active, n_cached, next_slot, slot = mark[0], mark[1], mark[2], mark[3]
        n_chains, next_chain, tile_from = mark[4], mark[5], mark[6]
        wanted, after_event, shift, norm = length[0], length[1], length[2], length[3]
        tile_count = 0
        for boundary in range(begin, end + 1):
            if output[boundary] >= 0 and not (resumed and boundary == begin):
                call(readout, work, tile, tile_count * outputs, 0.0)
                _expect(outputs, out, column, tile_from, tile_count)
                tile_count += 1
            if tile_count == TILE or boundary == end:
                _flush(tile, outputs, out, column, tile_from, tile_count)
                tile_from += tile_count
                tile_count = 0
            if boundary == end:
                call(readout, work, tile, 0, 0.0)
                _flush(tile, outputs, seen, column, 0, 1)
                break
            fresh = first_action[boundary + 1] > first_action[boundary]
            for i in range(first_action[boundary], first_action[boundary + 1]):
                index, lanes = action_number[i], action_lanes[i]
                if action[i] == GIVE:
                    _give(
                        index, lanes, column, amount, target,
                        dose_first, dose_slot, dose_entry, mt, work,
                    )  # fmt: skip
                elif action[i] == BEGIN:
                    if acting[index] == 0:
                        active[n_active] = index
                        n_active += 1
                    acting[index] |= lanes
                elif action[i] == END:
                    acting[index] &= ~lanes
                    kept = 0
                    for j in range(n_active):
                        if acting[active[j]] != 0:
                            active[kept] = active[j]
                            kept += 1
                    n_active = kept
                else:  # CHANGE
                    for j in range(n_parameters):
                        _put(parameters[index], j, column, work, parameters_at + j)
                    call(prepare, work, mt, 0, 0.0)
                    shift, norm = size_of(mt, row, entry_column, diagonal)
                    n_cached, next_slot, n_chains, next_chain = 0, 0, 0, 0
            if fresh:
                _hold(
                    active[:n_active], acting, column, duration, amount, target,
                    inputs_at, held, work,
                )  # fmt: skip
                call(rates, work, mt, 0, 0.0)
                wanted = min(wanted, after_event, _FIRST / max(shift, 1e-9))
            move = advance if n_active else coast
            span = (time[boundary + 1] - time[boundary]) / TICKS_PER_HOUR
            position = 0
            while position < _WHOLE:
                level, triple, hours = _length(position, wanted, span)
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
                            base, depth = span / (1 << (level - triple)), triple
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
                            depth, triple, recipe, start, left, right, stage_entries,
                            chains, chain * fractions.shape[0] * DEPTH * entries,
                            matrices, propagators, slot * propagator_size,
                        )  # fmt: skip
                        steps[number, 2] += 1
                call(move, work, propagators, slot * propagator_size, hours)
                worst = largest(work, error_at)
                if worst <= limit:
                    steps[number, 0] += 1
                    factor = _factor(limit, worst, order)
                    if factor < 1.0 or wanted < hours * factor:
                        wanted = hours * factor
                    if fresh:
                        after_event = hours * factor
                        fresh = False
                    copy(work, after_at, work, 0, state)
                    position += (1 + 2 * triple) * (_WHOLE >> level)
                else:
                    steps[number, 1] += 1
                    wanted = hours * min(_factor(limit, worst, order), 0.5)
                    if level == _HALVINGS:
                        steps[number, 3] = boundary + 1
                if steps[number, 0] + steps[number, 1] >= most_steps:
                    steps[number, 3] = boundary + 1
                if steps[number, 3]:
                    break
            if steps[number, 3]:
                break
        mark[0], mark[1], mark[2], mark[3] = n_active, n_cached, next_slot, slot
        mark[4], mark[5], mark[6] = n_chains, next_chain, tile_from
        length[0], length[1], length[2], length[3] = wanted, after_event, shift, norm
        for i in range(block + slow):
            for lane in range(min(LANES, final.shape[1] - column)):
                final[i, column + lane] = work[i * LANES + lane]
