"""Screening of a study: whom a guideline would leave out, and what each arm would do to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from antalgic.arms import Arm, attended, planned, setting
from antalgic.errors import InputError
from antalgic.population import comorbidities, conditions, guidelines
from antalgic.population.conditions import Condition
from antalgic.population.people import People
from antalgic.population.screening import Screening, screen
from antalgic.simulation.individual import Array, Draw
from antalgic.simulation.persons import baseline

if TYPE_CHECKING:
    from antalgic.study import Study


@dataclass(frozen=True, eq=False)
class Screened:
    """A study's people under a guideline.

    ``repeated`` names the arms that are given ketamine again after a pause, which some rules
    forbid; ``pain`` is everyone's rating before treatment (n,), None where nothing hurts.  ``arms``
    have their session, in which everybody took part, left out or not; there are none where the
    study has no condition to follow.
    """

    study: Study
    condition: Condition | None
    screening: Screening
    repeated: tuple[str, ...]
    pain: Array | None
    arms: tuple[Arm, ...]

    @property
    def groups(self) -> dict[str, NDArray[np.bool_]]:
        """Who belongs to whom, (n,) each."""
        excluded = self.screening.excluded
        return {"left out": excluded, "remain": ~excluded}


def run(study: Study, guideline: str = guidelines.DEFAULT) -> Screened:
    """Screen a study's candidates, drawn with its seed, by a guideline of the library.

    Of a study that keeps only screened people, they are those whom it drew from.

    Raises InputError for an unknown guideline, a single typical person, or people under 18 years.
    """
    rules = guidelines.load(guideline)
    if study.population.typical:
        message = "is one person: screening needs people who differ, give size or file instead"
        raise study.error(message, "population", "typical")
    condition = conditions.load(study.condition) if study.condition else None
    people = study.people(candidates=True)
    try:
        health = comorbidities.draw(people, study.seed, condition)
        pain = _pain(study, condition, people)
    except InputError as error:
        place = ("population",) if error.field == "population" else ("population", "file")
        raise study.error(error.message, *place) from error
    repeated = tuple(name for name, regimen in study.regimens().items() if regimen.serial)
    people = comorbidities.carrying(people, health.vitals)
    found = screen(people, health, rules, serial=bool(repeated))
    return Screened(study, condition, found, repeated, pain, _sessions(study, people))


def _pain(study: Study, condition: Condition | None, people: People) -> Array | None:
    if condition is None or not condition.painful:
        return None
    return baseline(condition, people, Draw(study.seed))


def _sessions(study: Study, people: People) -> tuple[Arm, ...]:
    """Each arm once, with the session of the most drug; none where nothing can be followed."""
    plain = study.model_copy(update={"outputs": None})  # a session has outputs of its own
    times = np.array([0.0, study.horizon])
    given = setting(plain, people, times, trajectories=False, threads=None)
    if given.condition is None:
        return ()
    arms: dict[str, Arm] = {}
    for arm in planned(given):
        if arm.mechanism is not None:
            arms.setdefault(arm.label, arm)
    return tuple(arm for arm in attended(given, list(arms.values())) if arm.session is not None)
