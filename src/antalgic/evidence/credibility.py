"""What the checks of the product amount to, counted for the page on its credibility.

The words stand in library/credibility.yaml and hold no figure; everything counted here comes from
a run (`validate`, `findings`) or from the entries of the library.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator

from antalgic import yamlfile
from antalgic.dosing.fields import Strict
from antalgic.evidence import experiments, findings, validate
from antalgic.model import comparators, harm, shelf
from antalgic.model import mechanism as mechanisms
from antalgic.model.mechanism import against_movement
from antalgic.population import conditions
from antalgic.sources import Grade, How, Source, Value, read_sources

LIBRARY = "credibility.yaml"
Level = Literal["low", "medium", "high"]
LEVELS: tuple[Level, ...] = get_args(Level)
#: Model risk by the sum of the ranks of influence and consequence.
_RISK: tuple[Level, ...] = ("low", "low", "medium", "high", "high")
#: Kinds of check, in the order of the page.
KINDS = (
    "blood", "receptor", "wind-up", "pain under ketamine", "mood", "pain under placebo",
    "pain after surgery", "pain under other treatments", "harm in a session",
)  # fmt: skip


class Heading(Strict):
    """What a heading of the field asks, and where that is said."""

    says: str
    source: str


class Question(Strict):
    """A question of interest, its context of use, how much risk the model carries in it."""

    question: str
    context: str
    influence: Level
    influence_because: str
    consequence: Level
    consequence_because: str
    read: str
    evidence: tuple[str, ...]

    @property
    def risk(self) -> Level:
        """Influence and consequence together."""
        return _RISK[LEVELS.index(self.influence) + LEVELS.index(self.consequence)]


class Check(Strict):
    """What a file of tests verifies, by its path in the source tree."""

    what: str
    test: str


class Beside(Strict):
    """Findings of a trial that another program than the main calibration sets a number by."""

    trial: str
    findings: tuple[str, ...]
    by: str


class Applicability(Strict):
    """What the page says of uses that the checks do not bear on."""

    blind: str
    not_for: tuple[str, ...]


class Words(Strict):
    """The file of the library."""

    title: str
    sources: Annotated[dict[str, Source], BeforeValidator(read_sources)]
    headings: dict[str, Heading]
    questions: dict[str, Question]
    verification: tuple[Check, ...]
    fitted_beside: tuple[Beside, ...]
    uncertainty: tuple[str, ...]
    applicability: Applicability


@dataclass(frozen=True)
class Tally:
    """Checks of one kind: all that were simulated, those judged, and those judged inside."""

    kind: str
    standing: str
    n: int
    judged: int
    inside: int


@dataclass(frozen=True)
class Miss:
    """A check outside its tolerance, with the reason on file."""

    kind: str
    where: str
    what: str
    observed: float
    simulated: float
    unit: str
    why: str


@dataclass(frozen=True)
class Grades:
    """How sure the numbers of one part are: counts by grade and by how they were obtained."""

    part: str
    grades: Mapping[Grade, int]
    hows: Mapping[str, int]


@cache
def words() -> Words:
    """The words of the page; InputError says which entry is wrong."""
    return yamlfile.validate(Words, yamlfile.library(LIBRARY))


def kind_of(outcome: findings.Outcome) -> str:
    """The kind of a finding: what it is of, and under which treatment."""
    finding = outcome.finding
    if finding.output == "mood":
        return "mood"
    if finding.output != "pain":
        return "harm in a session"
    designs = [outcome.trial, *map(findings.load, outcome.trial.pooled)]
    design = next(trial.design for trial in designs if trial.design is not None)
    condition = conditions.load(design.condition) if design.condition else None
    if condition is not None and condition.injury:
        return "pain after surgery"
    regimens = design.regimens().values()
    if any(regimen.doses for regimen in regimens):
        return "pain under ketamine"
    others = any(regimen.comparators for regimen in regimens)
    return "pain under other treatments" if others else "pain under placebo"


def fitted(outcome: findings.Outcome) -> bool:
    """Whether any calibration here has used a finding."""
    beside = {(b.trial, finding) for b in words().fitted_beside for finding in b.findings}
    finding = outcome.finding
    return finding.use == "fit" or (outcome.trial.name, finding.id) in beside


def tallies(
    blood: validate.Outcome,
    outcomes: Sequence[findings.Outcome],
    bench: Sequence[experiments.Outcome] = (),
) -> tuple[Tally, ...]:
    """Checks by kind, and by whether the model has seen them in fitting."""
    counted: dict[tuple[str, str], Counter[bool | None]] = {}
    for row in blood.rows:
        if row.chosen and row.simulated is not None:
            counted.setdefault(("blood", row.standing), Counter())[row.hit] += 1
    for read in bench:
        standing = "fitted here" if read.reading.use == "fit" else "checked only"
        counted.setdefault((read.experiment.kind, standing), Counter())[read.hit] += 1
    for outcome in outcomes:
        standing = "fitted here" if fitted(outcome) else "checked only"
        counted.setdefault((kind_of(outcome), standing), Counter())[outcome.hit] += 1
    return tuple(
        Tally(kind, standing, found.total(), found[True] + found[False], found[True])
        for (kind, standing), found in sorted(
            counted.items(), key=lambda item: (KINDS.index(item[0][0]), item[0][1])
        )
    )


def targets(outcomes: Iterable[findings.Outcome]) -> dict[int, bool]:
    """The numbered targets of calibration, each met where every finding judged of it is inside."""
    met: dict[int, bool] = {}
    for outcome in outcomes:
        number = outcome.finding.target
        if number is not None and outcome.hit is not None:
            met[number] = met.get(number, True) and outcome.hit
    return dict(sorted(met.items()))


def misses(
    blood: validate.Outcome,
    outcomes: Sequence[findings.Outcome],
    bench: Sequence[experiments.Outcome] = (),
) -> tuple[Miss, ...]:
    """Every check outside its tolerance."""
    found = [
        Miss(
            "blood", row.cohort, f"{row.observation.analyte} {validate.describe(row.observation)}",
            row.observation.value, row.simulated or 0.0,
            row.observation.kind.unit + (f"/{row.observation.per}" if row.observation.per else ""),
            validate.explain(row) or "no explanation on file",
        )
        for row in blood.misses
    ]  # fmt: skip
    for read in bench:
        if not read.hit:
            why = read.reading.miss or "no explanation on file"
            found.append(
                Miss(
                    read.experiment.kind, read.experiment.name, read.reading.id,
                    read.observed, read.simulated, read.experiment.unit, why,
                )
            )  # fmt: skip
    for outcome in outcomes:
        if outcome.hit is False:
            why = outcome.finding.miss or "no explanation on file"
            found.append(
                Miss(
                    kind_of(outcome), outcome.trial.name, outcome.finding.id,
                    outcome.finding.value, outcome.simulated, "", why,
                )
            )  # fmt: skip
    return tuple(sorted(found, key=lambda miss: KINDS.index(miss.kind)))


def graded() -> tuple[Grades, ...]:
    """How sure the numbers of each part are."""
    models = [shelf.load(name) for name in shelf.names(runnable=True)]
    drugs = [comparators.load(name) for name in comparators.names()]
    people = [conditions.load(name) for name in conditions.names()]
    pain = mechanisms.parameters().values()
    return (
        _graded(
            "blood: models that can be run",
            (p.known for m in models for p in m.parameters.values()),
        ),
        _graded("pain and mood: the default mechanism", (p.known for p in pain)),
        _graded("conditions and their people", (v for c in people for v in c.values.values())),
        _graded("harm in a session", (p.known for p in harm.parameters().values())),
        _graded(
            "treatments beside ketamine", (p.known for d in drugs for p in d.parameters.values())
        ),
    )


def _graded(part: str, values: Iterable[Value]) -> Grades:
    listed = list(values)
    grades = Counter(value.grade for value in listed)
    hows = Counter(str(value.how) for value in listed)
    return Grades(
        part, {g: grades[g] for g in get_args(Grade)}, {h: hows[h] for h in get_args(How)}
    )


def exploratory() -> tuple[str, ...]:
    """What is marked exploratory wherever it appears, and why."""
    grounds = yamlfile.library("exploratory.yaml").data["grounds"]
    without = [
        f"{c.name}: {says}" for n in conditions.names() for c in [conditions.load(n)]
        for says in c.exploratory
    ]  # fmt: skip
    return (*without, *map(str, grounds.values()), against_movement()[0])
