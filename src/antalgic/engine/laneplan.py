"""What happens when in a block of people: every boundary that no step may cross.

Order at one instant: readout, ends of infusions, change of parameters, doses.  Time is in ticks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from antalgic.engine.lanevector import LANES

Ticks = NDArray[np.int64]

#: What an action does, in order of action at one instant.
END, CHANGE, GIVE, BEGIN = 0, 1, 2, 3

EVERYONE = (1 << LANES) - 1


@dataclass(frozen=True)
class Plan:
    """Boundaries (B,), the number of the output at each (or -1), and the actions at each.

    Boundary b has the actions first[b] <= a < first[b + 1]: a ``kind``, the ``number`` of a dose or
    parameter set, and the ``lanes`` that it acts on, as bits.
    """

    time: Ticks
    output: NDArray[np.int64]
    first: NDArray[np.int64]
    kind: NDArray[np.int64]
    number: NDArray[np.int64]
    lanes: NDArray[np.int64]


def plan(
    start: Ticks, duration: Ticks, changes: Ticks, times: Ticks, begin: int, stops: Ticks
) -> Plan:
    """Lay out what happens from ``begin`` to the last output.

    ``start`` and ``duration`` (D, 1) are shared by all lanes, (D, LANES) are each lane's own.
    ``changes`` (S-1,) are when the parameter sets 1, 2, ... begin; ``stops`` are boundaries too.
    """
    last = int(times[-1])
    shape = np.broadcast_shapes(start.shape, duration.shape)
    start, duration = np.broadcast_to(start, shape), np.broadcast_to(duration, shape)
    end = start + duration
    held = duration > 0
    begins = np.where(held & (start < begin) & (end > begin), begin, start)
    dose = np.broadcast_to(np.arange(shape[0])[:, None], shape)
    lanes = (
        np.full(shape, EVERYONE) if shape[1] == 1 else np.broadcast_to(1 << np.arange(LANES), shape)
    )
    sets = np.arange(1, len(changes) + 1)
    time = np.concatenate([end[held], changes, begins.ravel()])
    kind = np.concatenate(
        [np.full(held.sum(), END), np.full(len(sets), CHANGE), np.where(held, BEGIN, GIVE).ravel()]
    )
    number = np.concatenate([dose[held], sets, dose.ravel()])
    who = np.concatenate([lanes[held], np.full(len(sets), EVERYONE), lanes.ravel()])
    kept = (time >= begin) & (time < last) & ~((kind == END) & (time == begin))
    time, kind, number, who = time[kept], kind[kept], number[kept], who[kept]
    order = np.lexsort((number, kind, time))
    time, kind, number, who = time[order], kind[order], number[order], who[order]
    if shape[1] > 1 and len(time):  # one action where several lanes do the same at once
        new = np.ones(len(time), dtype=bool)
        new[1:] = (np.diff(time) != 0) | (np.diff(kind) != 0) | (np.diff(number) != 0)
        at = np.flatnonzero(new)
        time, kind, number, who = time[at], kind[at], number[at], np.add.reduceat(who, at)
    boundaries = np.unique(np.concatenate([[begin], time, stops, times]))
    output = np.full(len(boundaries), -1)
    output[np.searchsorted(boundaries, times)] = np.arange(len(times))
    first = np.searchsorted(time, np.concatenate([boundaries, [last + 1]]))
    return Plan(boundaries, output, first, kind, number, who)
