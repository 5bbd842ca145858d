"""What is not known, apart from how people differ: a trial's mean under each posterior draw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from antalgic.dosing.regimen import Regimen
from antalgic.errors import InputError
from antalgic.model import mechanism as mechanisms
from antalgic.model.shelf import PKModel
from antalgic.population.conditions import Condition
from antalgic.population.people import People
from antalgic.simulation.bands import QUANTILES
from antalgic.simulation.chain import follow
from antalgic.simulation.individual import Array

#: Of the people, those in whom each draw is simulated: enough for a mean.
PEOPLE = 128
RTOL = 1e-3


@dataclass(frozen=True)
class Uncertainty:
    """Means over people by draw: ``means`` (draws, outputs, times).

    ``quantiles`` (outputs, times, levels of QUANTILES) are over draws: what is not known about the
    mean, not how people differ.
    """

    outputs: tuple[str, ...]
    means: Array

    @property
    def quantiles(self) -> Array:
        """Quantiles over draws."""
        found: Array = np.moveaxis(np.quantile(self.means, QUANTILES, axis=0), 0, -1)
        return found


def uncertainty(
    mechanism: str,
    model: PKModel | None,
    regimen: Regimen,
    condition: Condition,
    people: People,
    times: Array,
    *,
    outputs: Sequence[str] = ("pain",),
    draws: int = 100,
    seed: int = 0,
    threads: int | None = None,
) -> Uncertainty:
    """Follow the first people under the first ``draws`` posterior draws of a mechanism.

    The same people and random numbers serve every draw.  Raises InputError where there are not so
    many draws.
    """
    known = mechanisms.posterior(mechanism)
    if not 1 <= draws <= len(known):
        raise InputError(f"{draws} draws were asked for, expected 1 to {len(known)}")
    some = people.part(0, min(PEOPLE, len(people)))
    means = [
        follow(
            mechanism, model, regimen, condition, some, times, outputs=outputs,
            changes=of_condition(draw, condition), seed=seed, rtol=RTOL, threads=threads,
        ).mean
        for draw in known[:draws]
    ]  # fmt: skip
    return Uncertainty(tuple(outputs), np.array(means))


def of_condition(draw: Mapping[str, float], condition: Condition) -> dict[str, float]:
    """A posterior draw with the response to placebo of one condition, for `chain.follow`."""
    return {
        symbol.removesuffix(f".{condition.name}"): value
        for symbol, value in draw.items()
        if "." not in symbol or symbol.endswith(f".{condition.name}")
    }
