"""One call from regimen, people and model to concentrations: exact, in parallel, in flat memory."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from antalgic.dosing.regimen import Regimen
from antalgic.engine.linear import TICKS_PER_HOUR, solve, ticks
from antalgic.errors import InputError
from antalgic.model import shelf
from antalgic.model.shelf import PKModel
from antalgic.population.people import People
from antalgic.simulation import matrices, residual
from antalgic.simulation.bands import QUANTILES, Bands, crew, in_order
from antalgic.simulation.individual import Array, Draw, individual
from antalgic.simulation.plan import Plan, plan

__all__ = ["QUANTILES", "Simulation", "simulate"]

_TILE_VALUES = 1_200_000  # doubles in the matrices and outputs of one tile: a few MB
_LARGEST_TILE = 256


@dataclass(frozen=True)
class Simulation:
    """What one arm gives: readouts in ng/mL at ``times`` (h), summaries, and endpoints per person.

    ``quantiles`` (analytes, times, levels of QUANTILES) and ``mean`` (analytes, times) are over
    people; ``values`` (analytes, times, people) is there when it was asked for.  Endpoints are
    (people, analytes): ``cmax`` ng/mL, ``tmax`` h, ``auc`` ng h/mL from 0 to the last time,
    ``half_life`` h.  ``parameters`` holds each person's values in the first parameter set.
    """

    model: PKModel
    regimen: Regimen
    people: People
    analytes: tuple[str, ...]
    times: Array
    quantiles: Array
    mean: Array
    cmax: Array
    tmax: Array
    auc: Array
    half_life: Array
    parameters: dict[str, Array]
    values: Array | None


@dataclass(frozen=True)
class _Tile:
    """Results of people start..stop."""

    start: int
    stop: int
    values: Array
    cmax: Array
    tmax: NDArray[np.int64]
    auc: Array
    half_life: Array
    parameters: dict[str, Array]


def simulate(
    model: PKModel | str,
    regimen: Regimen,
    people: People,
    times: Array,
    *,
    analytes: Sequence[str] | None = None,
    seed: int = 0,
    replicate: int = 0,
    typical: bool = False,
    residual_error: bool = False,
    trajectories: bool = False,
    threads: int | None = None,
    given: Array | None = None,
) -> Simulation:
    """Concentrations of people under a regimen, at ``times`` (h, ascending, the first not below 0).

    The same seed gives the same bits whatever ``threads`` is.  ``typical`` sets every random
    deviation to zero; ``residual_error`` adds the model's assay error to the readouts (not to the
    endpoints).  ``given`` (people, doses) are the amounts (mg) where a rule decided on them (see
    `chain.Chain.given`).  Raises InputError where the model does not cover the regimen or analytes.

    >>> import numpy as np
    >>> from antalgic.dosing import DoseEvent, Regimen
    >>> from antalgic.simulation import reference_person, simulate
    >>> dose = DoseEvent("s-ketamine", "iv", 0.0, 10.0, 0.5, "", 0.0, 0)
    >>> arm = Regimen("example", (dose,))
    >>> one = reference_person()
    >>> result = simulate("fanta2015+otto2021", arm, one, np.array([0.5]), typical=True)
    >>> round(float(result.quantiles[0, 0, 2]), 1)
    49.9
    """
    model = shelf.load(model) if isinstance(model, str) else model
    wanted = _analytes(model, analytes)
    if len(people) == 0:
        raise InputError("there are no people to simulate")
    if threads is not None and threads < 1:
        raise InputError(f"{threads} threads cannot work, expected at least 1")
    draw = Draw(seed, replicate, 0, typical)
    grid = _grid(times)
    planned = plan(model, regimen, float(times[-1]) if len(times) else 0.0)
    store = _Store(len(people), len(wanted), len(grid), trajectories)
    workers = threads or os.cpu_count() or 1

    bounds = _bounds(len(people), planned, len(wanted), len(grid))
    buffers: list[Array] = []  # readouts of tiles that the store has taken in, to be used again

    def tile(place: tuple[int, int]) -> _Tile:
        shape = (place[1] - place[0], len(wanted), len(grid))
        free = buffers.pop() if buffers and place != bounds[-1] else np.empty(shape)
        return _tile(planned, people, place, grid, wanted, draw, residual_error, free, given)

    with crew(workers) as pool:
        for part in in_order(pool, tile, bounds, workers):
            store.add(part)
            buffers.append(part.values)
        quantiles, mean = store.bands.summarise(pool, workers)
    return Simulation(
        model, regimen, people, wanted, np.asarray(times, dtype=np.float64), quantiles, mean,
        store.cmax, store.tmax, store.auc, store.half_life, store.parameters, store.bands.kept(),
    )  # fmt: skip


def _analytes(model: PKModel, analytes: Sequence[str] | None) -> tuple[str, ...]:
    if analytes is None:
        return model.analytes
    if not analytes:
        raise InputError(f"no analyte is named, expected some of {', '.join(model.analytes)}")
    for name in analytes:
        if name not in model.analytes:
            raise InputError(
                f"model '{model.name}' does not predict '{name}', "
                f"expected one of {', '.join(model.analytes)}"
            )
    return tuple(analytes)


def _grid(times: Array) -> NDArray[np.int64]:
    grid = ticks(times)
    if not len(grid) or grid[0] < 0 or np.any(np.diff(grid) <= 0):
        raise InputError("times must be ascending, at least one, and the first not before 0 h")
    return grid


def _bounds(people: int, planned: Plan, analytes: int, times: int) -> list[tuple[int, int]]:
    """Tiles of people whose matrices and readouts stay in the processor's cache."""
    model = planned.model
    n = len(model.circuit.states) + len(planned.inputs) + analytes
    each = len(planned.sets) * n * (n + 8) + analytes * times
    size = int(np.clip(_TILE_VALUES // each, 1, _LARGEST_TILE))
    return [(a, min(a + size, people)) for a in range(0, people, size)]


class _Store:
    """Collects tiles: bands over people, and each person's endpoints and parameters."""

    def __init__(self, people: int, analytes: int, times: int, trajectories: bool) -> None:
        self.bands = Bands(people, analytes, times, trajectories)
        self.people = people
        self.cmax, self.tmax = np.empty((people, analytes)), np.empty((people, analytes))
        self.auc, self.half_life = np.empty((people, analytes)), np.empty((people, analytes))
        self.parameters: dict[str, Array] = {}

    def add(self, tile: _Tile) -> None:
        """Take in the next tile, in the order of people."""
        part = slice(tile.start, tile.stop)
        self.bands.add(tile.start, tile.values)
        self.cmax[part], self.tmax[part] = tile.cmax, tile.tmax / TICKS_PER_HOUR
        self.auc[part], self.half_life[part] = tile.auc, tile.half_life
        for name, values in tile.parameters.items():
            self.parameters.setdefault(name, np.empty(self.people))[part] = values


def _tile(
    planned: Plan,
    people: People,
    bounds: tuple[int, int],
    grid: NDArray[np.int64],
    analytes: tuple[str, ...],
    draw: Draw,
    residual_error: bool,
    free: Array,
    given: Array | None,
) -> _Tile:
    start, stop = bounds
    some = people.part(start, stop)
    own = Draw(draw.seed, draw.replicate, start, draw.typical)
    parameters = individual(planned.model, some, planned.sets, own)
    shape = (stop - start, len(planned.sets))
    built = matrices.build(planned.model, parameters, shape, planned.inputs, analytes)
    amounts = None if given is None else given[start:stop]
    schedule = planned.schedule(some, parameters, own, amounts)
    values, auc, peaks = solve(built.system, schedule, grid, free)
    if residual_error:
        values = residual.add(planned.model, analytes, values, own)
    first = {name: np.broadcast_to(value, shape)[:, 0] for name, value in parameters.items()}
    return _Tile(
        start, stop, values, peaks.value, peaks.time, auc, built.half_lives(), first
    )  # fmt: skip
