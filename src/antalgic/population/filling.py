"""Fills what a population block or a table of patients leaves out, and says in words from where.

First the block itself, then the study's condition, then adults in general.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from antalgic.errors import InputError
from antalgic.population.conditions import Condition, Spread
from antalgic.population.covariates import Wanted
from antalgic.population.margins import Distribution
from antalgic.population.people import RACES, People
from antalgic.population.reference import Reference, reference
from antalgic.population.table import Table
from antalgic.sources import Value

if TYPE_CHECKING:
    from antalgic.population.spec import PopulationSpec

Floats = NDArray[np.float64]
_OLDEST = 120.0


def ages(children: bool) -> tuple[float, float]:
    """The ages (years) that a block may ask for."""
    library = reference()
    if children:
        return library.growth.youngest.value, library.growth.oldest.value
    return library.age.low, _OLDEST


@dataclass(frozen=True)
class Filling:
    """A block, its study's condition, and what stands behind both."""

    spec: PopulationSpec
    condition: Condition | None
    library: Reference = field(default_factory=reference)

    @property
    def female(self) -> float:
        """Share of women."""
        if self.spec.female is not None:
            return self.spec.female
        if self.condition is not None and self.condition.female is not None:
            return self.condition.female.value
        return self.library.female.value

    @property
    def mostly_female(self) -> bool:
        """Whether a typical person is a woman: more than half are."""
        return self.female > 0.5

    @property
    def age(self) -> Distribution:
        """Ages in years."""
        low, high = ages(self.spec.children)
        high = min(high, self.library.age.high)
        if self.spec.age is not None:
            return self.spec.age.between(low, high)
        if self.spec.children:
            return Distribution(None, None, low, high)
        known = None if self.condition is None else self.condition.age
        return self.library.age if known is None else _published(known, low, high)

    @property
    def weight(self) -> Distribution | None:
        """Body weight in kg; None for that of adults in general, or of a child's age."""
        low, high = self.library.weight.low, self.library.weight.high
        if self.spec.weight is not None:
            return self.spec.weight.between(low, high)
        known = None if self.condition is None else self.condition.weight
        return None if known is None or self.spec.children else _published(known, low, high)

    @property
    def height(self) -> Distribution | None:
        """Height in cm; None for that of adults in general, or of a child's age."""
        if self.spec.height is None:
            return None
        return self.spec.height.between(self.library.height.low, self.library.height.high)

    def wanted(self) -> Wanted:
        """What the people drawn shall be like."""
        return Wanted(
            female=self.female,
            age=self.age,
            weight=self.weight,
            height=self.height,
            race=self.spec.race or {},
            correlations=self.spec.correlations or {},
        )

    def typical_person(self) -> People:
        """One person: the mean of what the block gives, and 70 kg unless it gives a weight."""
        age, female = np.array([self.age.typical]), np.array([self.mostly_female])
        height, weight = self.typical_heights(age, female), self._typical_weights(age, female)
        return People(
            ids=np.array([1], dtype=np.int64),
            weight=weight if self.spec.weight is None else _mean(self.weight),
            age=age,
            height=height if self.spec.height is None else _mean(self.height),
            female=female,
            race=np.array([self._commonest_race()]),
            notes=self._typical_notes(float(weight[0])),
        )

    def typical_heights(self, age: Floats, female: NDArray[np.bool_]) -> Floats:
        """Mean heights (cm) of adults of a sex, and medians at a child's age from 2 years."""
        male_mean, female_mean = self.library.height.centre
        adult = np.where(female, female_mean, male_mean)
        child, _ = self.library.growth.measures(np.zeros_like(age), np.zeros_like(age), age, female)
        return np.where(age < self.library.growth.oldest.value, child, adult)

    def notes(self) -> tuple[str, ...]:
        """Which covariates of the people drawn the block leaves out, and from where they come."""
        notes = [] if self.spec.female is not None else [self._share_note()]
        if self.spec.children:
            return (*notes, *self._growth_notes())
        if self.spec.age is None:
            known = None if self.condition is None else self.condition.age
            notes.append(self._spread_note("age", known))
        if self.spec.weight is None:
            known = None if self.condition is None else self.condition.weight
            notes.append(self._spread_note("weight", known))
        return tuple(notes)

    def _growth_notes(self) -> list[str]:
        given = {"height": self.spec.height, "weight": self.spec.weight}
        return [
            f"{name}: from the CDC growth charts of 2000, at each child's age"
            for name, asked in given.items()
            if asked is None
        ]

    def _typical_weights(self, age: Floats, female: NDArray[np.bool_]) -> Floats:
        if not self.spec.children:
            return np.array([self.library.weight_of_models.value])
        zero = np.zeros_like(age)
        return self.library.growth.measures(zero, zero, age, female)[1]

    def _typical_notes(self, weight: float) -> tuple[str, ...]:
        if self.spec.weight is not None:
            return ()
        if self.spec.children:
            return (f"the typical child weighs {weight:.1f} kg, the median at its age",)
        return (f"the typical person weighs {weight:g} kg, to which published models refer",)

    def _commonest_race(self) -> str:
        shares = dict(self.spec.race or {})
        shares["other"] = 1 - sum(shares.get(race, 0.0) for race in RACES[1:])
        return max(RACES, key=lambda race: shares.get(race, 0.0))

    def _share_note(self) -> str:
        known = None if self.condition is None else self.condition.female
        if known is None or self.condition is None:
            return f"share of women: {self.library.female.value:g}, as among adults in general"
        return f"share of women: {known.text}{_assumed(known)}, from {self.condition.title!r}"

    def _spread_note(self, name: str, known: Spread | None) -> str:
        if known is None or self.condition is None:
            return f"{name}: as in adults in general (NHANES 2009-2012)"
        mean, sd = (f"{value.text}{_assumed(value)}" for value in (known.mean, known.sd))
        return f"{name}: mean {mean}, sd {sd}, from {self.condition.title!r}"


def from_table(table: Table, filling: Filling, name: str) -> People:
    """The patients of a file; an absent column gets the typical value, and a note says so."""
    n = len(table.ids)
    notes = list(table.notes)
    female, age, height, race = table.female, table.age, table.height, table.race
    if female is None:
        female = np.full(n, filling.mostly_female)
        word = "women" if filling.mostly_female else "men"
        notes.append(f"{name} has no column SEX: all are taken for {word}")
    if age is None:
        _refuse_light(table, name)
        age = np.full(n, filling.age.typical)
        notes.append(f"{name} has no column AGE: all are taken for {age[0]:g} years old")
    if height is None:
        _refuse_infants(table, age, name)
        height = filling.typical_heights(age, female)
        notes.append(f"{name} has no column HT: heights are typical of sex and age")
    if race is None:
        race = np.full(n, RACES[0])
    return People(table.ids, table.weight, age, height, female, race, table.extra, tuple(notes))


def _refuse_light(table: Table, name: str) -> None:
    """Without ages, somebody lighter than any adult would be taken for one."""
    light = np.flatnonzero(table.weight < reference().weight.low)
    if len(light):
        message = (
            f"{table.weight[light[0]]:g} kg is a child's weight, and the file has no column AGE"
        )
        raise InputError(message, file=name, line=int(table.lines[light[0]]), field="WT")


def _refuse_infants(table: Table, age: Floats, name: str) -> None:
    infants = np.flatnonzero(age < reference().growth.youngest.value)
    if len(infants):
        message = f"{age[infants[0]]:g} years is below 2, and the file has no column HT"
        raise InputError(message, file=name, line=int(table.lines[infants[0]]), field="AGE")


def _published(known: Spread, low: float, high: float) -> Distribution:
    return Distribution(known.mean.value, known.sd.value, low, high)


def _mean(distribution: Distribution | None) -> Floats:
    assert distribution is not None
    return np.array([distribution.typical])


def _assumed(value: Value) -> str:
    return " (assumed)" if value.how == "assumed" else ""
