"""The nonlinear engine: an exact linear block that drives slow states, 16 people at a time.

The linear block moves by its exponential, also to the stages within a step, so what slow states
read of it is exact; they follow by an embedded Runge-Kutta pair under ``rtol``.  Steps never cross
an event or an output.  Between two of those (a span) a step is the span halved some times, so few
lengths occur and each exponential is made once per block.  The people of a block share times and
steps, not amounts and parameters.  The equations come as five generated functions, by address.

Order at one instant: readout, ends of infusions, doses.  Time is in ticks (nanoseconds).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from antalgic.engine.lanedrive import CACHED, CHAINS, DEPTH, TILE, drive
from antalgic.engine.laneexp import WORK, Pattern
from antalgic.engine.lanevector import LANES
from antalgic.engine.linear import TICKS_PER_HOUR

Floats = NDArray[np.float64]
Ticks = NDArray[np.int64]

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
    ``dose_entry`` of the matrix; an input of the block is also held at its rate.
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
    functions: tuple[int, ...]
    owner: Any

    @property
    def propagator_size(self) -> int:
        """Slots of one propagator."""
        return len(self.pattern.row) + (len(self.recipe) - 1) * len(self.stage_entries)


@dataclass(frozen=True)
class Doses:
    """Doses (D,) at shared times: ticks, input number; amounts (D, P or 1) in the input's unit.

    A duration of 0 is a bolus; an infusion acts on [start, start + duration).
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


@dataclass(frozen=True)
class _Plan:
    """Boundaries (B,), the output at each (or -1), and the actions at each (end or dose)."""

    time: Ticks
    output: NDArray[np.int64]
    first: NDArray[np.int64]
    dose: NDArray[np.int64]
    ends: NDArray[np.bool_]


def _plan(doses: Doses, times: Ticks, start: int) -> _Plan:
    """Lay out what happens when from ``start`` to the last output."""
    last = int(times[-1])
    number = np.arange(len(doses.start))
    end = doses.start + doses.duration
    endless = doses.duration > 0
    begins = np.where(endless & (doses.start < start) & (end > start), start, doses.start)
    when = np.concatenate([end[endless], begins])
    dose = np.concatenate([number[endless], number])
    ends = np.concatenate([np.ones(endless.sum(), bool), np.zeros(len(number), bool)])
    kept = (when >= start) & (when < last) & ~(ends & (when == start))
    when, dose, ends = when[kept], dose[kept], ends[kept]
    order = np.argsort(when, kind="stable")
    when, dose, ends = when[order], dose[order], ends[order]
    time = np.unique(np.concatenate([[start], when, times]))
    output = -np.ones(len(time), dtype=np.int64)
    output[np.searchsorted(time, times)] = np.arange(len(times))
    first = np.searchsorted(when, np.concatenate([time, [last + 1]]), side="left")
    return _Plan(time, output, first.astype(np.int64), dose, ends)


def solve(
    kernel: Kernel,
    parameters: Floats,
    doses: Doses,
    times: Ticks,
    *,
    rtol: float,
    initial: Floats | None = None,
    floor: Floats | float = 1e-3,
    start: int | None = None,
    threads: int = 1,
    most_steps: int = 1_000_000,
    out: Floats | None = None,
) -> Solution:
    """Solve for P people: ``parameters`` (p, P), ``times`` (T,) ascending ticks.

    ``initial`` (n, P or 1): block states, then slow states, at ``start``, which is the first dose
    or output unless given; doses before it are over, but infusions that last beyond it go on.
    Errors are held to ``rtol`` of the largest value that each slow state has had, or of its
    ``floor`` (slow states,) if that is larger.  ``out`` (P, k, T) is reused for the values.

    Raises StepLimitError when a block needs more than ``most_steps`` steps.
    """
    layout = kernel.layout
    people = parameters.shape[1]
    if parameters.shape[0] != layout.parameters:
        raise ValueError(f"found {parameters.shape[0]} parameters, expected {layout.parameters}")
    if len(times) == 0 or np.any(np.diff(times) <= 0):
        raise ValueError("output times must ascend")
    if not rtol > 0:
        raise ValueError(f"rtol must be positive, found {rtol}")
    begin = int(min([times[0], *doses.start])) if start is None else start
    if begin > times[0]:
        raise ValueError("the first output lies before the start")
    plan = _plan(doses, times, begin)
    n = layout.block + layout.slow
    x0 = np.zeros((n, 1)) if initial is None else initial
    floors = np.broadcast_to(np.asarray(floor, dtype=np.float64), (layout.slow,))
    values = np.empty((people, layout.outputs, len(times))) if out is None else out
    if values.shape != (people, layout.outputs, len(times)):
        raise ValueError(f"out has shape {values.shape}")
    final = np.empty((n, people))
    blocks = -(-people // LANES)
    steps = np.zeros((blocks, 4), dtype=np.int64)

    def run(first: int) -> None:
        tables = kernel.pattern
        matrices = np.zeros((WORK * len(tables.row) + kernel.matrix_size) * LANES)
        drive(
            np.arange(first, min(first + _TASK, blocks)), kernel.functions, _sizes(kernel),
            tables.row, tables.column, tables.diagonal, tables.start, tables.left, tables.right,
            kernel.fractions, kernel.recipe, kernel.stage_entries,
            kernel.dose_first, kernel.dose_slot, kernel.dose_entry,
            plan.time, plan.output, plan.first, plan.dose, plan.ends,
            doses.duration, doses.amount, doses.target,
            parameters, x0, floors, rtol * kernel.share, most_steps,
            np.zeros(layout.size * LANES), matrices,
            np.empty(CHAINS * DEPTH * len(kernel.fractions) * max(1, len(tables.row)) * LANES),
            np.empty((CACHED * kernel.propagator_size + 1) * LANES),
            np.empty(layout.outputs * LANES * TILE), values, final, steps,
        )  # fmt: skip

    _each(run, range(0, blocks, _TASK), threads)
    stuck = np.flatnonzero(steps[:, 3])
    if len(stuck):
        block = int(stuck[0])
        hours = plan.time[steps[block, 3] - 1] / TICKS_PER_HOUR
        raise StepLimitError(
            f"people {block * LANES} to {min(people, (block + 1) * LANES) - 1} need more than "
            f"{steps[block, :2].sum()} steps at rtol {rtol:g}, or steps too small to take, in the "
            f"span from {hours:g} h: the model is stiff there or has no solution"
        )
    return Solution(values, final, steps[:, :3])


def _sizes(kernel: Kernel) -> tuple[int, ...]:
    layout = kernel.layout
    return (
        layout.block, layout.inputs, layout.slow, layout.outputs, layout.parameters,
        layout.state, layout.inputs_at, layout.parameters_at, layout.after_at, layout.error_at,
        kernel.propagator_size, int(kernel.constant), kernel.order,
    )  # fmt: skip


def _each(run: Callable[[int], None], tasks: range, threads: int) -> None:
    if threads <= 1 or len(tasks) <= 1:
        for first in tasks:
            run(first)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(run, tasks):
            pass
