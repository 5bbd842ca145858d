"""The receptor and wind-up beside what was measured: library/experiments, one file an experiment.

Nothing is given to anybody here: a ligand meets a channel in a dish, or stimuli a cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from antalgic import units, yamlfile
from antalgic.dosing.fields import Strict
from antalgic.errors import InputError, did_you_mean, shown
from antalgic.model import receptor
from antalgic.model.spinal import Run, runs, temporal_summation
from antalgic.sources import Source, read_sources
from antalgic.units import Kind

_SECONDS = 3600.0
#: Of a train in the cell, the responses whose mean is compared.
_LAST = 3
Seconds = Annotated[float, BeforeValidator(lambda v: _SECONDS * units.parse(v, Kind.TIME))]


class Reading(Strict):
    """One measured number of an experiment.

    measure: half block, the concentration (uM) that blocks half of a subunit; shift, that in
    `setting` over that in `base`; cell, the mean of the last responses (spikes) of a train;
    lost, the share of the increment of a train that `levels` (ng/mL) take; excess, the increment
    at `sensitization` over that in health; first, the first response under `levels` over that
    without.
    printed, divisor: places under checks of receptors/nmda.yaml where the number stands, and what
    it is divided by; a cell's stands in mechanism/wind-up-runs.yaml, any other in `value`.
    within, relative (a share) or apart (in the unit): where the simulated number must lie; vary:
    parameters that are not known better than from one end to the other.
    """

    id: str
    measure: Literal["half block", "shift", "cell", "lost", "excess", "first"]
    ligand: str = ""
    subunit: str = ""
    setting: dict[str, str] = Field(default_factory=dict)
    base: dict[str, str] = Field(default_factory=dict)
    period: Seconds = 1.0
    NMDA: float = 1.0
    levels: dict[str, float] = Field(default_factory=dict)
    sensitization: float = 0.0
    vary: dict[str, tuple[float, float]] = Field(default_factory=dict)
    printed: tuple[str, ...] = ()
    divisor: tuple[str, ...] = ()
    value: float | None = None
    within: tuple[float, float] | None = None
    relative: float | None = None
    apart: float | None = None
    source: str
    use: Literal["fit", "check"]
    note: str | None = None
    miss: str | None = None


class Experiment(Strict):
    """A file of library/experiments."""

    name: str
    kind: Literal["receptor", "wind-up"]
    title: str
    unit: str
    sources: Annotated[dict[str, Source], BeforeValidator(read_sources)]
    notes: tuple[str, ...] = ()
    readings: tuple[Reading, ...]


@dataclass(frozen=True)
class Outcome:
    """A reading, what was observed and what is simulated, with its interval where one is known."""

    experiment: Experiment
    reading: Reading
    observed: float
    simulated: float
    interval: tuple[float, float] | None

    @property
    def within(self) -> tuple[float, float]:
        """Where the simulated number must lie."""
        if self.reading.within is not None:
            return self.reading.within
        far = self.reading.apart
        if far is None:
            assert self.reading.relative is not None
            far = abs(self.observed) * self.reading.relative
        return self.observed - far, self.observed + far

    @property
    def hit(self) -> bool:
        """Whether the simulated number lies within the tolerance."""
        low, high = self.within
        return low <= self.simulated <= high


def names() -> tuple[str, ...]:
    """Names of the experiments, sorted."""
    return yamlfile.shelf("experiments")


@cache
def load(name: str) -> Experiment:
    """An experiment by name; InputError with the nearest for an unknown one."""
    if name not in names():
        hint = did_you_mean(name, names()) or f", expected one of {', '.join(names())}"
        raise InputError(f"unknown experiment {shown(name)}{hint}")
    return yamlfile.validate(Experiment, yamlfile.library(f"experiments/{name}.yaml"))


def run(names: Sequence[str]) -> list[Outcome]:
    """Every reading of these experiments with its simulated number."""
    return [_outcome(load(name), reading) for name in names for reading in load(name).readings]


def to_json(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Rows as plain data."""
    return [
        {
            "experiment": o.experiment.name, "reading": o.reading.id, "observed": o.observed,
            "simulated": o.simulated, "interval": o.interval, "unit": o.experiment.unit,
            "within": o.within, "hit": o.hit, "use": o.reading.use, "note": o.reading.note,
            "miss": None if o.hit else o.reading.miss,
        }
        for o in outcomes
    ]  # fmt: skip


def _outcome(experiment: Experiment, reading: Reading) -> Outcome:
    ends = [
        _simulated(reading, dict(zip(reading.vary, corner, strict=True)))
        for corner in product(*reading.vary.values())
    ]
    interval = (min(ends), max(ends)) if reading.vary else None
    return Outcome(experiment, reading, _observed(reading), _simulated(reading, {}), interval)


def _observed(reading: Reading) -> float:
    if reading.measure == "cell":
        found: float = _run(reading).spikes[-_LAST:].mean()
        return float(found)
    if not reading.printed:
        assert reading.value is not None
        return reading.value
    return _printed(reading.printed) / (_printed(reading.divisor) if reading.divisor else 1.0)


def _printed(place: Sequence[str]) -> float:
    """A concentration (uM) under checks of the receptor's file."""
    entry: Any = yamlfile.library(receptor.LIBRARY).data["checks"]
    for key in place:
        entry = entry[key]
    return units.parse(entry, Kind.MOLAR_CONCENTRATION)


def _run(reading: Reading) -> Run:
    """The cell's train of that period, with that share of NMDA current and all else as it is."""
    return next(
        run
        for run in (*runs(), *runs("held_out"))
        if abs(run.period / reading.period - 1) < 1e-3 and run.NMDA == reading.NMDA
    )


def _simulated(reading: Reading, changes: Mapping[str, Any]) -> float:
    if reading.measure in ("half block", "shift"):
        half: Any = receptor.ic50
        found = half(reading.ligand, reading.subunit, **reading.setting)
        if reading.base:
            found = found / half(reading.ligand, reading.subunit, **reading.base)
        return float(found)
    if reading.measure == "cell":
        run = _run(reading)
        train = temporal_summation(rate_hz=1 / run.period, n=len(run.spikes), block=1 - run.NMDA)
        return float(train.responses[-_LAST:].mean())
    free = temporal_summation()
    if reading.measure == "excess":
        ill = temporal_summation(sensitization=reading.sensitization)
        return float(ill.increment / free.increment)
    drug = temporal_summation(block=receptor.block(reading.levels, **changes))
    if reading.measure == "lost":
        return float(1 - drug.increment / free.increment)
    return float(drug.responses[0] / free.responses[0])
