"""The nonlinear engine: an exact linear block that drives slow states, 16 people at a time.

The linear block moves by its exponential, also to the stages within a step, so what slow states
read of it is exact; they follow by an embedded pair under ``rtol``.  Steps never cross an event or
an output.  Between two of those (a span) a step is one or three times the span halved some times,
so few lengths occur and each exponential is made once per block.  The people of a block share
steps, not amounts and parameters; times of doses may be each person's own, and then a block stops
at those of all of its people.  The equations come as five generated functions, by address.

Order at one instant: readout, ends of infusions, change of parameters, doses.  Time is in ticks
(nanoseconds).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from antalgic.engine.lanedrive import CACHED, CHAINS, DEPTH, HOURS, MARKS, TILE, drive
from antalgic.engine.laneexp import WORK, Pattern
from antalgic.engine.laneplan import Plan, plan
from antalgic.engine.lanevector import LANES
from antalgic.engine.linear import TICKS_PER_HOUR

Floats = NDArray[np.float64]
Ticks = NDArray[np.int64]

#: Step, matrices, chains, propagators and readouts; whole numbers and hours of where a block is.
Space = tuple[Floats, Floats, Floats, Floats, Floats, NDArray[np.int64], Floats]

#: Called at a stop with its number and the outputs (P, k) there, before doses of that time.
Decide = Callable[[int, Floats], None]

_TASK = 4  # blocks that a thread takes at once


class StepLimitError(ArithmeticError):
    """The slow states need more steps than allowed: too stiff, or no solution."""


@dataclass(frozen=True)
class Layout:
    """Numbers of block states, inputs of the block, slow states, outputs, parameters and so on.

    A workspace holds slots in this order: Z (block), X (slow), K (slow rates), S (slow scales),
    U (inputs), P (parameters), Q (precomputed); then what a step writes, apart from what it reads
    so that the compiler sees that they do not overlap: Z, X, K, S after it, its error.
    """

    block: int
    inputs: int
    slow: int
    outputs: int
    parameters: int
    precomputed: int

    @property
    def state(self) -> int:
        """Slots of one Z, X, K, S."""
        return self.block + 3 * self.slow

    @property
    def inputs_at(self) -> int:
        """First slot of U."""
        return self.state

    @property
    def parameters_at(self) -> int:
        """First slot of P; Q follows."""
        return self.inputs_at + self.inputs

    @property
    def after_at(self) -> int:
        """First slot of the state after a step."""
        return self.parameters_at + self.parameters + self.precomputed

    @property
    def error_at(self) -> int:
        """Slot of the squared scaled error."""
        return self.after_at + self.state

    @property
    def size(self) -> int:
        """Slots of the workspace."""
        return self.error_at + 1


@dataclass(frozen=True)
class Kernel:
    """A compiled model.

    ``functions`` are the addresses of prepare, rates, advance, coast (advance without infusions)
    and readout, kept loaded by ``owner``.  A propagator is the pattern's entries of exp(M h), then,
    for each inner stage, the entries ``stage_entries`` of exp(M h c); ``fractions`` and ``recipe``
    say how they are made from chains of halvings (see :class:`pairs.Pair`).  Dose input d enters
    slots dose_slot[dose_first[d]:dose_first[d + 1]] in the proportions that prepare leaves in
    ``dose_entry`` of the matrix; an input of the block is also held at its rate.  ``scratch``:
    slots of the workspace with those that the functions use for themselves.  ``stiff``: made for
    stiff models.
    """

    layout: Layout
    pattern: Pattern
    fractions: Floats
    recipe: NDArray[np.int64]
    stage_entries: NDArray[np.int64]
    dose_first: NDArray[np.int64]
    dose_slot: NDArray[np.int64]
    dose_entry: NDArray[np.int64]
    matrix_size: int
    constant: bool
    order: int
    share: float
    scratch: int
    stiff: bool
    functions: tuple[int, ...]
    owner: Any

    @property
    def propagator_size(self) -> int:
        """Slots of one propagator."""
        return len(self.pattern.row) + (len(self.recipe) - 1) * len(self.stage_entries)


@dataclass(frozen=True)
class Doses:
    """Doses: ticks (D,) shared or (D, P) each person's own; amounts (D, P or 1); inputs (D,).

    Amounts are in the input's unit.  A duration of 0 is a bolus; an infusion acts on
    [start, start + duration).
    """

    start: Ticks
    duration: Ticks
    amount: Floats
    target: NDArray[np.int64]


@dataclass(frozen=True)
class Solution:
    """Outputs (P, k, T), states (n, P) at the last time before its doses, and what it took.

    ``steps`` (blocks, 3): accepted and rejected steps and propagators made.
    """

    values: Floats
    final: Floats
    steps: NDArray[np.int64]


def solve(
    kernel: Kernel,
    parameters: Floats,
    doses: Doses,
    times: Ticks,
    *,
    rtol: float,
    changes: Ticks | None = None,
    initial: Floats | None = None,
    floor: Floats | float = 1e-3,
    start: int | None = None,
    threads: int = 1,
    most_steps: int = 1_000_000,
    out: Floats | None = None,
    stops: Ticks | None = None,
    decide: Decide | None = None,
) -> Solution:
    """Solve for P people: ``parameters`` (p, P) or sets (S, p, P), ``times`` (T,) ascending ticks.

    ``changes`` (S-1,) ascending ticks: when sets 1, 2, ... begin.  A set holds for everything after
    it begins, also for infusions that run on and for doses given at that very time.
    ``initial`` (n, P or 1): block states, then slow states, at ``start``, which is the first dose
    or output unless given; doses before it are over, but infusions that last beyond it go on.
    Errors are held to ``rtol`` of the largest value that each slow state has had, or of its
    ``floor`` (slow states,) if that is larger.  ``out`` (P, k, T) is reused for the values.
    At each of the ``stops`` (ascending ticks before the last output) everybody is read out, and
    ``decide`` may write new amounts into ``doses.amount`` (D, P) for doses that begin then or
    later; then the solution goes on as if it had not stopped.  A work space is kept for every
    block meanwhile, about 1 MB.

    Raises StepLimitError when a block needs more than ``most_steps`` steps.
    """
    layout = kernel.layout
    sets = np.ascontiguousarray(parameters if parameters.ndim == 3 else parameters[None])
    switches = np.zeros(0, dtype=np.int64) if changes is None else changes
    people = sets.shape[2]
    begin = int(min([times[0], doses.start.min(initial=times[0])])) if start is None else start
    halts = np.zeros(0, dtype=np.int64) if stops is None else stops
    _check(layout, sets, switches, doses, times, rtol, begin, halts)
    n = layout.block + layout.slow
    # what `drive` is given is contiguous: each other layout would be compiled anew
    x0 = np.zeros((n, 1)) if initial is None else np.ascontiguousarray(initial)
    floors = np.full(layout.slow, floor, dtype=np.float64)
    values = np.empty((people, layout.outputs, len(times))) if out is None else out
    if values.shape != (people, layout.outputs, len(times)):
        raise ValueError(f"out has shape {values.shape}")
    if not values.flags.c_contiguous:
        raise ValueError("out must be contiguous")
    final = np.empty((n, people))
    seen = np.empty((people, layout.outputs, 1))
    blocks = -(-people // LANES)
    steps = np.zeros((blocks, 4), dtype=np.int64)
    begins, lasts = (
        np.ascontiguousarray(a if a.ndim == 2 else a[:, None])
        for a in (doses.start, doses.duration)
    )
    tables = kernel.pattern
    # the parameter set in force at the start; one that begins just then is an action of the plan
    first_set = int(np.searchsorted(switches, begin))
    shared = begins.shape[1] == lasts.shape[1] == 1
    ends = [*halts, times[-1]]
    common = plan(begins, lasts, switches, times, begin, halts) if shared else None
    until = np.zeros(blocks, dtype=np.int64)
    kept = _space(kernel, len(doses.target), blocks) if len(ends) > 1 else None
    own: dict[int, Plan] = {}

    def run(
        numbers: NDArray[np.int64], what: Plan, piece: int, amount: Floats, space: Space
    ) -> None:
        first = 0 if piece == 0 else int(np.searchsorted(what.time, ends[piece - 1]))
        drive(
            numbers, kernel.functions, _sizes(kernel),
            tables.row, tables.column, tables.diagonal, tables.start, tables.left, tables.right,
            kernel.fractions, kernel.recipe, kernel.stage_entries,
            kernel.dose_first, kernel.dose_slot, kernel.dose_entry,
            what.time, what.output, what.first, what.kind, what.number, what.lanes, first_set,
            first, int(np.searchsorted(what.time, ends[piece])), piece > 0,
            lasts, amount, doses.target,
            sets, x0, floors, rtol * kernel.share, most_steps,
            *space, values, seen, final, steps,
        )  # fmt: skip
        for block in numbers[steps[numbers, 3] > 0]:
            until[block] = what.time[steps[block, 3] - 1]

    def of(block: int) -> Plan:
        who = np.minimum(block * LANES + np.arange(LANES), people - 1)
        first, length = (a if a.shape[1] == 1 else a[:, who] for a in (begins, lasts))
        return plan(first, length, switches, times, begin, halts)

    def work(task: int, piece: int, amount: Floats, space: Space) -> None:
        numbers = np.arange(task, min(task + _TASK, blocks))
        if common is not None:
            run(numbers, common, piece, amount, space)
            return
        for block in numbers:
            what = own.pop(block, None) or of(block)
            run(np.array([block]), what, piece, amount, space)
            if piece + 1 < len(ends):
                own[block] = what

    for piece in range(len(ends)):
        _each(
            partial(work, piece=piece, amount=np.ascontiguousarray(doses.amount)),
            range(0, blocks, _TASK),
            lambda: kept or _space(kernel, len(doses.target), 1), threads,
        )  # fmt: skip
        _unstuck(kernel, steps, until, people, rtol)
        if decide is not None and piece < len(halts):
            decide(piece, seen[:, :, 0])
    return Solution(values, final, steps[:, :3])


def _unstuck(
    kernel: Kernel, steps: NDArray[np.int64], until: Ticks, people: int, rtol: float
) -> None:
    """Raise StepLimitError where a block got stuck."""
    stuck = np.flatnonzero(steps[:, 3])
    if len(stuck):
        block = int(stuck[0])
        other = "" if kernel.stiff else ' (compile it for the pair "rodas4" then)'
        raise StepLimitError(
            f"people {block * LANES} to {min(people, (block + 1) * LANES) - 1} need more than "
            f"{steps[block, :2].sum()} steps at rtol {rtol:g}, or steps too small to take, in the "
            f"span from {until[block] / TICKS_PER_HOUR:g} h: the model is stiff "
            f"there{other} or has no solution"
        )


def _check(
    layout: Layout,
    sets: Floats,
    changes: Ticks,
    doses: Doses,
    times: Ticks,
    rtol: float,
    begin: int,
    stops: Ticks,
) -> None:
    """Raise ValueError where the arguments of :func:`solve` do not fit together."""
    count, found, people = sets.shape
    if found != layout.parameters:
        raise ValueError(f"found {found} parameters, expected {layout.parameters}")
    if len(changes) != count - 1 or np.any(np.diff(changes) <= 0):
        raise ValueError(f"{count} parameter sets need {count - 1} ascending times of change")
    for name, own in (("start", doses.start), ("duration", doses.duration)):
        if own.shape not in ((len(doses.target),), (len(doses.target), people)):
            raise ValueError(f"doses.{name} has shape {own.shape}")
    if len(times) == 0 or np.any(np.diff(times) <= 0):
        raise ValueError("output times must ascend")
    if not rtol > 0:
        raise ValueError(f"rtol must be positive, found {rtol}")
    if len(stops) and (np.any(np.diff(stops) <= 0) or stops[0] < begin or stops[-1] >= times[-1]):
        raise ValueError("stops must ascend between the start and the last output")
    if begin > times[0]:
        raise ValueError("the first output lies before the start")


def _space(kernel: Kernel, doses: int, rooms: int) -> Space:
    """Work space of one thread, or of each block where it is kept; a row for each."""
    layout, entries = kernel.layout, len(kernel.pattern.row)
    return (
        _aligned(rooms, kernel.scratch),
        _aligned(rooms, WORK * entries + kernel.matrix_size),
        _aligned(rooms, CHAINS * DEPTH * len(kernel.fractions) * entries),
        _aligned(rooms, CACHED * kernel.propagator_size),
        _aligned(rooms, layout.outputs * TILE),
        np.zeros((rooms, MARKS + 2 * doses), dtype=np.int64),
        np.zeros((rooms, HOURS + CACHED + CHAINS)),
    )


def _aligned(rooms: int, slots: int) -> Floats:
    """Zeros for at least one slot, from a cache line on: vectors across two lines load slower."""
    line = 8
    size = max(1, slots) * LANES
    room = np.zeros(rooms * size + line)
    skipped = -(room.ctypes.data // room.itemsize) % line
    return room[skipped : skipped + rooms * size].reshape(rooms, size)


def _sizes(kernel: Kernel) -> tuple[int, ...]:
    layout = kernel.layout
    return (
        layout.block, layout.inputs, layout.slow, layout.outputs, layout.parameters,
        layout.state, layout.inputs_at, layout.parameters_at, layout.after_at, layout.error_at,
        kernel.propagator_size, int(kernel.constant), kernel.order,
    )  # fmt: skip


def _each(
    run: Callable[..., None],
    tasks: range,
    space: Callable[[], Space],
    threads: int,
) -> None:
    """Run all tasks; every thread has a work space of its own and takes the next task left."""
    left = iter(tasks)

    def serve(_: int) -> None:
        own = space()
        for first in left:
            run(first, space=own)

    threads = min(threads, len(tasks))
    if threads <= 1:
        serve(0)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(serve, range(threads)):
            pass
