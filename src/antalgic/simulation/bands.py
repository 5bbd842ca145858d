"""Bands over people: collected tile by tile, exact while they fit in memory, streamed beyond."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from antalgic.engine import summary
from antalgic.errors import InputError
from antalgic.simulation.individual import Array

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
#: Values (people x times x outputs) kept in memory for exact quantiles; beyond, they are streamed.
IN_MEMORY = 10_000_000

Item = TypeVar("Item")
Tile = TypeVar("Tile")


class Bands:
    """Quantiles and means of outputs over people at each time, from tiles of values >= 0."""

    def __init__(self, people: int, outputs: int, times: int, trajectories: bool) -> None:
        self.rows = (outputs, times)
        self.people = people
        size = people * outputs * times
        if trajectories and size > IN_MEMORY:
            raise InputError(
                f"trajectories of {people} people at {times} times are too large to keep; "
                "ask for fewer people, fewer times, or no trajectories"
            )
        self.trajectories = trajectories
        self.values = np.empty((outputs * times, people)) if size <= IN_MEMORY else None
        self.counts = np.zeros((0, 0), dtype=np.int32)
        if self.values is None:
            self.counts = np.zeros((outputs * times, summary.BINS), dtype=np.int32)
        self.totals = np.zeros(outputs * times)

    def add(self, start: int, values: Array) -> None:
        """Take in values (people, outputs, times) of the next people, from number ``start`` on."""
        flat = values.reshape(len(values), -1)
        if self.values is not None:
            self.values[:, start : start + len(values)] = flat.T
        else:
            summary.count(flat.view(np.int64), self.counts)
        summary.accumulate(flat, self.totals)

    def summarise(self, pool: Executor, workers: int) -> tuple[Array, Array]:
        """Quantiles (outputs, times, levels) and mean (outputs, times)."""
        mean = (self.totals / self.people).reshape(self.rows)
        if self.values is None:
            found = summary.streamed(self.counts, self.people, QUANTILES)
            return found.reshape(*self.rows, -1), mean
        values = self.values.copy() if self.trajectories else self.values
        found = summary.exact(values, QUANTILES, pool, 4 * workers)
        return found.reshape(*self.rows, -1), mean

    def kept(self) -> Array | None:
        """Values (outputs, times, people) where trajectories were asked for."""
        if not self.trajectories or self.values is None:
            return None
        return self.values.reshape(*self.rows, self.people)


def crew(workers: int) -> Executor:
    """So many threads; for one, the thread that asks does the work itself."""
    return ThreadPoolExecutor(workers) if workers > 1 else _Alone()


class _Alone(Executor):
    """Does what is submitted at once: starting a thread costs more than a small solve."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """A future that is done already."""
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:
            done.set_exception(error)
        return done


def in_order(
    pool: Executor, function: Callable[[Item], Tile], items: Sequence[Item], workers: int
) -> Iterator[Tile]:
    """Results in the order of the items, never more than a few ahead of the consumer."""
    waiting: deque[Future[Tile]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) > workers + 1:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
