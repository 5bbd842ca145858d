"""The `population:` block of a study file.

    population: {size: 2000, weight: {mean: 79 kg, sd: 19 kg}, age: 46 years, female: 0.75}
    population: {typical: true}
    population: {file: patients.csv}
    population: {size: 500, children: true, age: {low: 4 years, high: 12 years}}

What the block leaves out comes from the study's condition, and what that leaves out from adults in
general; People.notes says which.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

from antalgic.errors import InputError
from antalgic.population import comorbidities, fields, guidelines
from antalgic.population.conditions import Condition
from antalgic.population.covariates import curves, draw_adults, draw_children
from antalgic.population.filling import Filling, ages, from_table
from antalgic.population.people import People
from antalgic.population.reference import reference
from antalgic.population.screening import screen
from antalgic.population.table import read_table

#: Candidates for each person who is left, at most.
_MOST_CANDIDATES = 64


class PopulationSpec(BaseModel):
    """Who takes part: `size` people drawn at random, one `typical` person, or those of a `file`.

    weight, age, height: "70 kg" for everybody, or {mean, sd} of the people drawn, with low and high
    if wished; age also {low, high} for ages spread evenly.  female: share of women.  race: shares.
    correlations: of normal scores within a sex, such as {height-weight: 0.4}.  children: ages from
    2 to below 18 years, height and weight from growth charts at each age.  screened: candidates are
    drawn until `size` are left whom this guideline does not leave out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: fields.Size | None = None
    typical: fields.YesNo = False
    file: fields.File | None = None
    weight: fields.Weight | None = None
    age: fields.Age | None = None
    height: fields.Height | None = None
    female: fields.Share | None = None
    race: fields.Race | None = None
    correlations: fields.Correlations | None = None
    children: fields.YesNo = False
    screened: fields.Guideline | None = None

    def people(
        self,
        seed: int,
        condition: Condition | None = None,
        replicate: int = 0,
        *,
        folder: Path | None = None,
        serial: bool = False,
        candidates: bool = False,
    ) -> People:
        """The people.  folder is where a relative `file` is looked for: the study file's folder.

        serial says whether they are treated again and again, which some guidelines forbid to some;
        candidates leaves out the screening.

        A typical person weighs 70 kg unless the block gives a weight, is a woman where more than
        half are women, is of the most common race, and has the mean of every other covariate.
        """
        filling = Filling(self, condition)
        if self.file is not None:
            table = read_table((folder or Path()) / self.file, self.file)
            return from_table(table, filling, self.file)
        if self.size is None:
            return filling.typical_person()
        if self.screened is not None and not candidates:
            return self._remaining(filling, seed, replicate, serial)
        draw = draw_children if self.children else draw_adults
        people = draw(filling.wanted(), seed, self.size, replicate=replicate)
        return replace(people, notes=filling.notes())

    def _remaining(self, filling: Filling, seed: int, replicate: int, serial: bool) -> People:
        """The first `size` candidates whom the guideline does not leave out, numbered anew."""
        assert self.size is not None and self.screened is not None
        rules, wanted = guidelines.load(self.screened), filling.wanted()
        drawn, places = self.size, np.zeros(0, dtype=np.int64)
        while True:
            people = draw_adults(wanted, seed, drawn, replicate=replicate)
            health = comorbidities.draw(people, seed, filling.condition, replicate=replicate)
            places = np.flatnonzero(screen(people, health, rules, serial=serial).included)
            if len(places) >= self.size:
                break
            if drawn >= _MOST_CANDIDATES * self.size:
                message = f"leaves hardly anybody: {len(places)} of {drawn} candidates"
                raise InputError(message, field="screened")
            drawn *= 2
        places = places[: self.size]
        seen = int(places[-1]) + 1
        note = f"{seen - self.size} of {seen} candidates were left out by {self.screened}"
        found = comorbidities.carrying(people, health.vitals).chosen(places)
        ids = np.arange(1, self.size + 1, dtype=np.int64)
        return replace(found, ids=ids, notes=(*filling.notes(), note))

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        self._check_sort()
        self._check_ages()
        self._check_weight()
        self._check_correlations()
        self._check_children()
        self._check_screened()
        if self.file is None:
            curves(Filling(self, None).wanted())
        return self

    def _check_sort(self) -> None:
        sorts = [self.size is not None, self.typical, self.file is not None]
        if sum(sorts) != 1:
            found = "more than one" if any(sorts) else "none"
            raise InputError(f"{found} of size, typical and file is given, expected exactly one")
        if self.file is None:
            return
        for name in type(self).model_fields:
            value = getattr(self, name)
            if name != "file" and value is not None and value is not False:
                message = "cannot go with a file of patients, whose columns say it: remove it"
                raise InputError(message, field=name)

    def _check_ages(self) -> None:
        low, high = ages(self.children)
        for part in ("mean", "low", "high"):
            age = None if self.age is None else getattr(self.age, part)
            if age is None or low <= age < high or (part == "high" and age == high):
                continue
            who = "children" if self.children else "adults"
            hint = "; for children say `children: true`" if age < low and not self.children else ""
            message = f"{age:g} years is out of range for {who}, from {low:g} to {high:g}{hint}"
            raise InputError(message, field="age")

    def _check_weight(self) -> None:
        if self.children or self.weight is None or self.weight.mean is None:
            return
        # Spread weights are held against their limits when their curve is fitted.
        if self.weight.fixed and self.weight.mean < reference().weight.low:
            message = (
                f"{self.weight.mean:g} kg is a child's weight; for children say `children: true`"
            )
            raise InputError(message, field="weight")

    def _check_correlations(self) -> None:
        for pair in self.correlations or {}:
            for name in pair.split("-"):
                asked = getattr(self, name)
                if asked is not None and asked.fixed:
                    message = f"{pair}: {name} is the same for all, so it has no correlation"
                    raise InputError(message, field="correlations")

    def _check_children(self) -> None:
        if not self.children:
            return
        if self.correlations:
            message = "cannot be set for children, whose height and weight follow growth charts"
            raise InputError(message, field="correlations")
        for name in ("weight", "height"):
            asked = getattr(self, name)
            if asked is not None and not asked.fixed:
                message = f"follows growth charts in children: leave it out, or give one {name}"
                raise InputError(message, field=name)

    def _check_screened(self) -> None:
        if self.screened is not None and (self.typical or self.children):
            who = "one typical person" if self.typical else "children"
            message = f"cannot be asked of {who}: screening needs adults who differ"
            raise InputError(message, field="screened")
