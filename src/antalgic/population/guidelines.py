"""What guidelines say about who should not be given ketamine, and how the others are watched.

One file of library/guidelines for each body.  `load` reads one; `screening.screen` applies it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from antalgic import yamlfile
from antalgic.errors import InputError, did_you_mean, shown
from antalgic.population import comorbidities
from antalgic.population.comorbidities import VITALS, Bools, Health
from antalgic.population.people import People
from antalgic.sources import Source, Value, read_sources, read_value
from antalgic.units import Kind

#: What is screened by where nobody says: the only guideline on chronic pain.
DEFAULT = "asra2018"

Advice = Literal["avoid", "no serial treatment", "caution"]

#: Values of a session that a guideline may give, and what kind they are.
SESSION = {
    "observation": Kind.TIME,
    "pressure_after": Kind.TIME,
    "nurses_per_patient": Kind.EXTENT,
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Criterion(_Strict):
    """One way to meet a rule: a comorbidity, or a resting value (mmHg, 1/min) beyond a bound.

    to_age and over_age (years) limit it to people up to, or over, an age.
    """

    has: str | None = None
    measured: Literal["SBP0", "DBP0", "HR0"] | None = None
    above: float | None = None
    at_least: float | None = None
    to_age: float | None = None
    over_age: float | None = None

    @model_validator(mode="after")
    def _sound(self) -> Self:
        bounds = [bound for bound in (self.above, self.at_least) if bound is not None]
        if (self.has is None) == (self.measured is None):
            raise InputError("expected either a comorbidity or 'measured'")
        if len(bounds) != (self.measured is not None):
            raise InputError("expected 'above' or 'at_least' with 'measured', and only then")
        if self.has is not None:
            _known(self.has)
        return self

    def met(self, people: People, health: Health, *, found: bool) -> Bools:
        """Who meets it (n,); with ``found`` only those in whom screening finds it."""
        if self.has is not None:
            columns = health.known if found else health.has
            meets = columns.get(self.has, np.zeros(len(people), dtype=np.bool_)).copy()
        else:
            value, bound = health.vitals[str(self.measured)], self.bound
            meets = value > bound if self.above is not None else value >= bound
        if self.to_age is not None:
            meets &= people.age <= self.to_age
        if self.over_age is not None:
            meets &= people.age > self.over_age
        return meets

    @property
    def bound(self) -> float:
        """The bound of a resting value; NaN for a comorbidity."""
        given = self.above if self.above is not None else self.at_least
        return float("nan") if given is None else given

    @property
    def text(self) -> str:
        """Such as "glaucoma" or "systolic pressure above 140 mmHg up to 65 years"."""
        if self.has is not None:
            entry = comorbidities.library().comorbidities.get(self.has)
            words = self.has.replace("-", " ") if entry is None else entry.title
        else:
            unit = "mmHg" if VITALS[str(self.measured)] == "mmHg" else "a minute"
            bound = f"{self.bound:g} {unit}"
            beyond = f"above {bound}" if self.above is not None else f"of {bound} or more"
            words = f"{_WORDS[str(self.measured)]} {beyond}"
        words += "" if self.to_age is None else f" up to {self.to_age:g} years"
        return words + ("" if self.over_age is None else f" over {self.over_age:g} years")


_WORDS = {"SBP0": "systolic pressure", "DBP0": "diastolic pressure", "HR0": "heart rate"}


def _criterion(value: object) -> object:
    return {"has": value} if isinstance(value, str) else value


Who = tuple[Annotated[Criterion, BeforeValidator(_criterion)], ...]


class Statement(_Strict):
    """What a body says, how it grades it in its own words, and whether it was read or recalled.

    taken_as: how words that no number follows from were made checkable here.
    """

    id: str
    source: str
    seen: Literal["read", "recalled"]
    note: str | None = None


class Screened(Statement):
    """A statement about those who meet any of its criteria."""

    grade: str
    who: Who = ()
    taken_as: str | None = None

    def meets(self, people: People, health: Health, *, found: bool = True) -> Bools:
        """Who meets any criterion (n,); with ``found`` only those in whom screening finds it."""
        meets = np.zeros(len(people), dtype=np.bool_)
        for criterion in self.who:
            meets |= criterion.met(people, health, found=found)
        return meets

    @property
    def unknown(self) -> tuple[str, ...]:
        """Reasons why criteria of it are not drawn."""
        reasons = comorbidities.library().unknown
        return tuple(reasons[c.has] for c in self.who if c.has in reasons)


class Rule(Screened):
    """Who should not be treated, not be treated again and again, or with caution only."""

    what: str
    advice: Advice

    def excludes(self, *, serial: bool) -> bool:
        """Whether those who meet it are left out of a treatment that is, or is not, repeated."""
        return self.advice == "avoid" or (serial and self.advice == "no serial treatment")


class Test(Screened):
    """A test before treatment, of those who meet a criterion or of everybody."""

    test: str
    everybody: bool = False

    def meets(self, people: People, health: Health, *, found: bool = True) -> Bools:
        """Who is tested (n,)."""
        if self.everybody:
            return np.ones(len(people), dtype=np.bool_)
        return super().meets(people, health, found=found)


class Monitoring(Statement):
    """How people are watched, in words."""

    says: str


class Guideline(_Strict):
    """A file of library/guidelines.  session: values of a session, see `session_values`."""

    guideline: str
    title: str
    body: str
    year: int
    standing: str
    grading: str
    sources: Annotated[dict[str, Source], BeforeValidator(read_sources)]
    rules: tuple[Rule, ...]
    no_rules: str | None = None
    tests: tuple[Test, ...] = ()
    monitoring: tuple[Monitoring, ...] = ()
    session: dict[str, dict[str, str]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if bool(self.rules) == bool(self.no_rules):
            raise InputError("expected rules, or 'no_rules' with the reason", field="no_rules")
        parts: Mapping[str, tuple[Statement, ...]] = {
            "rules": self.rules, "tests": self.tests, "monitoring": self.monitoring,
        }  # fmt: skip
        for part, statements in parts.items():
            ids = [statement.id for statement in statements]
            for number, statement in enumerate(statements):
                place = f"{part}[{number}]"
                if statement.id in ids[:number]:
                    raise InputError(f"{shown(statement.id)} is there twice", field=f"{place}.id")
                if statement.source not in self.sources:
                    known = ", ".join(self.sources)
                    message = f"{shown(statement.source)} is not among the sources of this file"
                    raise InputError(f"{message}, expected one of {known}", field=f"{place}.source")
        session_values(self)
        return self

    def rule(self, name: str) -> Rule:
        """A rule by its id; InputError names those there are."""
        for rule in self.rules:
            if rule.id == name:
                return rule
        known = ", ".join(rule.id for rule in self.rules)
        raise InputError(f"no rule '{name}' in '{self.guideline}', expected one of {known}")


def session_values(guideline: Guideline) -> dict[str, Value]:
    """Values of a session by the names of `SESSION`, times in h, each with its passport."""
    found = {}
    for name, entry in guideline.session.items():
        if name not in SESSION:
            hint = did_you_mean(name, SESSION) or f", expected one of {', '.join(SESSION)}"
            raise InputError(f"unknown value {shown(name)}{hint}", field="session")
        try:
            found[name] = read_value(entry, SESSION[name], guideline.sources)
        except InputError as error:
            raise InputError(error.message, field=f"session.{name}") from error
    return found


def names() -> list[str]:
    """Names of the guidelines, sorted."""
    folder = files("antalgic") / "library" / "guidelines"
    return sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith(".yaml"))


@cache
def load(name: str) -> Guideline:
    """A guideline by name; InputError with the nearest for an unknown one."""
    if name not in names():
        hint = did_you_mean(name, names()) or f", expected one of {', '.join(names())}"
        raise InputError(f"unknown guideline {shown(name)}{hint}")
    document = yamlfile.library(f"guidelines/{name}.yaml")
    read = yamlfile.validate(Guideline, document)
    if read.guideline != name:
        raise document.error(f"{shown(read.guideline)} is not the file's name", "guideline")
    return read


def _known(name: str) -> None:
    library = comorbidities.library()
    known = (*library.comorbidities, *library.unknown)
    if name not in known:
        hint = did_you_mean(name, known) or f", expected one of {', '.join(known)}"
        raise InputError(f"unknown comorbidity {shown(name)}{hint}")
