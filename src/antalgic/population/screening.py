"""A guideline applied to people: who is left out, by which rule, and who is asked for tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from antalgic.population.comorbidities import Bools, Health
from antalgic.population.guidelines import Guideline, Rule, Test
from antalgic.population.people import People


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a rule does to people, each of shape (n,).

    meets: in whom screening finds it.  hidden: who has it and is not found.  first: who is left
    out, and no earlier rule does it; nobody where the rule excludes nobody.
    """

    rule: Rule
    excludes: bool
    meets: Bools
    hidden: Bools
    first: Bools


@dataclass(frozen=True, eq=False)
class Asked:
    """A test and who is asked to take it, (n,)."""

    test: Test
    who: Bools


@dataclass(frozen=True, eq=False)
class Screening:
    """People, a guideline, and what comes of it.  excluded (n,); serial: see `screen`."""

    guideline: Guideline
    people: People
    health: Health
    serial: bool
    verdicts: tuple[Verdict, ...]
    tests: tuple[Asked, ...]
    excluded: Bools

    @property
    def included(self) -> Bools:
        """Who remains, (n,)."""
        return ~self.excluded


def screen(people: People, health: Health, guideline: Guideline, *, serial: bool) -> Screening:
    """Apply the rules in their order.  serial: whether treatment is given again after a pause."""
    excluded = np.zeros(len(people), dtype=np.bool_)
    verdicts = []
    for rule in guideline.rules:
        meets = rule.meets(people, health)
        hidden = rule.meets(people, health, found=False) & ~meets
        excludes = rule.excludes(serial=serial)
        first = meets & ~excluded if excludes else np.zeros_like(meets)
        excluded = excluded | first
        verdicts.append(Verdict(rule, excludes, meets, hidden, first))
    tests = tuple(Asked(test, test.meets(people, health)) for test in guideline.tests)
    return Screening(guideline, people, health, serial, tuple(verdicts), tests, excluded)
