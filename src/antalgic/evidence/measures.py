"""What is measured of a simulated arm: by published findings, and by claims."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from pydantic import BeforeValidator, Field

from antalgic import units
from antalgic.dosing.fields import Hours, Strict
from antalgic.errors import InputError
from antalgic.model.receptor import half_block
from antalgic.simulation.chain import Chain
from antalgic.simulation.individual import Array
from antalgic.units import Kind

Level = Annotated[float, BeforeValidator(lambda v: units.parse(v, Kind.CONCENTRATION))]
#: Measures that this module knows.
Measure = Literal[
    "mean", "relief", "change", "responders", "persistent", "half-level", "linearity", "incidence",
    "highest", "rise",
]  # fmt: skip
#: Measures of the hours of one session.
OF_SESSION = ("incidence", "highest", "rise")
#: Measures of an output against the level, over all readouts.
OF_LEVEL = ("half-level", "linearity")


class Measured(Strict):
    """What is measured: of an arm, or of an arm less (``ratio``: over) another, ``over``.

    measure: mean of the output; relief, the fall of the mean as a share of its start; change of the
    mean from its start; responders, the share of people whose output fell by ``relief`` or more;
    persistent, the share whose output is ``least`` or more; half-level, the level (ng/mL, like
    S-ketamine) at which the mean has fallen by half; linearity, the correlation of the mean with
    the level up to a time.  Of the heaviest session: incidence of an event, the mean of everyone's
    highest value, and the highest rise of the mean.
    at: h; or level: when the effect site of a typical person first reaches it (ng/mL).
    changes replaces typical parameters by name.
    """

    arm: str | None = None
    over: str | None = None
    ratio: bool = False
    output: str = "pain"
    at: Hours | None = None
    level: Level | None = None
    relief: float | None = None
    least: float | None = None
    changes: dict[str, float] = Field(default_factory=dict)
    measure: str


def at_readout(asked: Measured, outputs: Mapping[str, Array], times: Array) -> float:
    """A measure from everyone's outputs (times, people) by name; of the level it needs block."""
    values = outputs[asked.output]
    if asked.measure in OF_LEVEL:
        return _against_level(asked, values.mean(axis=1), _level(outputs), times)
    now = values[_place(asked, outputs, times)]
    first = values[0]
    if asked.measure == "mean":
        return float(now.mean())
    if asked.measure == "change":
        return float(now.mean() - first.mean())
    if asked.measure == "relief":
        return float(1 - now.mean() / first.mean())
    if asked.measure == "persistent":
        assert asked.least is not None
        return float(np.mean(now >= asked.least))
    assert asked.relief is not None
    return float(np.mean(now <= (1 - asked.relief) * first))


def in_session(asked: Measured, chain: Chain) -> float:
    """A measure of a session that was followed with `session.Watch`."""
    if asked.measure == "incidence":
        return float(chain.endpoints[f"had.{asked.output}"].mean())
    if asked.measure == "highest":
        return float(chain.endpoints[f"session.{asked.output}"].mean())
    mean = chain.mean[chain.outputs.index(asked.output)]
    return float(mean.max() - mean[0])


def _level(outputs: Mapping[str, Array]) -> Array:
    """What acts like S-ketamine at the first person's effect site (times,), ng/mL, from block."""
    block = outputs["block"][:, 0]
    found: Array = float(half_block()["K_phasic"]) * block / (1 - block)
    return found


def _against_level(asked: Measured, mean: Array, level: Array, times: Array) -> float:
    if asked.measure == "linearity":
        assert asked.at is not None
        seen = times <= asked.at
        return float(np.corrcoef(mean[seen], level[seen])[0, 1])
    halved = mean <= mean[0] / 2
    if not halved.any():
        raise InputError(f"{asked.output} is never halved", field="measure")
    return float(level[int(np.argmax(halved))])


def _place(asked: Measured, outputs: Mapping[str, Array], times: Array) -> int:
    if asked.level is None:
        assert asked.at is not None
        return int(np.searchsorted(times, asked.at))
    reached = _level(outputs) >= asked.level
    if not reached.any():
        raise InputError(f"the effect site never reaches {asked.level:g} ng/mL", field="level")
    return int(np.argmax(reached))
