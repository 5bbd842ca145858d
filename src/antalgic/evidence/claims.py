"""Claims about ketamine in chronic pain: the verdict of the evidence, and of a small simulation.

A claim is a file of library/claims.  It holds the claim in our words, what was published and, where
it can be simulated, small studies, named numbers of them and what the evidence lets one expect.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from antalgic import units, yamlfile
from antalgic.dosing.fields import Strict
from antalgic.errors import InputError, did_you_mean, shown
from antalgic.evidence import findings, measures
from antalgic.evidence.measures import Level, Measured
from antalgic.model import mechanism as mechanisms
from antalgic.model.harm import TOLERANCES
from antalgic.population import guidelines
from antalgic.simulation.session import WATCHED
from antalgic.sources import Source, read_sources
from antalgic.study import Study
from antalgic.units import Kind

Verdict = Literal["supported", "supported with limits", "overstated", "contradicted", "untested"]
#: Measures of a trial against another arm, of its time, of blood, of a train of stimuli, of people.
AGAINST = ("nnt", "nnh", "lasts", "first")
OF_BLOOD = ("cmax", "tmax", "auc", "half-life-blood")
OF_TRAIN = ("wind-up", "first-response")
Measure = (
    measures.Measure
    | Literal[
        "nnt", "nnh", "lasts", "first", "fades", "cmax", "tmax", "auc", "half-life-blood",
        "wind-up", "first-response", "screened", "together",
    ]
)  # fmt: skip
#: What may stand before a name in braces of a sentence, and of what.
PLACES = ("size", "at", "least", "relief", "scale")
OF_STUDY = ("condition", "people")


class OfTrial(Strict):
    """A study of library/studies by name."""

    trial: str


def _sort(value: object) -> str:
    return "OfTrial" if isinstance(value, Mapping) and "trial" in value else "Study"


Small = Annotated[Annotated[OfTrial, Tag("OfTrial")] | Annotated[Study, Tag("Study")],
                  Discriminator(_sort)]  # fmt: skip


class Number(Measured):
    """A named number of a claim: a measure of one of its studies.

    Beside those of `Measured`: nnt, people treated for one more with ``relief`` than under
    ``over``, and nnh for one more with an event of the session; lasts, hours after the end of
    treatment in which the mean is ``least`` or more below ``over``; first, the first
    hour at which it is; fades, hours after the last dose of the session until the mean of an output
    is within a tenth of its largest change; cmax, tmax, auc and half-life-blood, medians in blood;
    wind-up, the last over the first response of a train of stimuli under ``concentrations``, and
    first-response; screened, the share whom a ``guideline`` leaves out; together, the correlation
    over people of the changes of two outputs, ``output`` and ``with``.  What never happens is
    infinite.  mechanism: another one than that asked for.
    """

    of_study: str | None = None
    measure: Measure
    mechanism: str | None = None
    other: str | None = Field(default=None, alias="with")
    guideline: str | None = None
    concentrations: dict[str, Level] = Field(default_factory=dict)
    sensitization: float = 0.0
    rate_hz: float = 1.0
    pulses: int = 15


class Turn(Strict):
    """A word that depends on a number: ``yes`` where it is below, or above, a bound."""

    of: str
    below: float | None = None
    above: float | None = None
    yes: str
    no: str
    why: str

    def said(self, value: float) -> str:
        """The word for a value."""
        bound = self.above if self.below is None else self.below
        assert bound is not None
        return self.yes if (value < bound if self.below is not None else value > bound) else self.no


class Expected(Strict):
    """Between what ends the evidence lets one expect a number, and why."""

    of: str
    within: tuple[float, float]
    source: str
    why: str

    def met(self, value: float) -> bool:
        """Whether a value lies between the ends."""
        return self.within[0] <= value <= self.within[1]


class Simulation(Strict):
    """How a claim is simulated, and the sentence that its numbers make."""

    exploratory: str | None = None
    studies: dict[str, Small] = Field(default_factory=dict)
    numbers: dict[str, Number]
    words: dict[str, Turn] = Field(default_factory=dict)
    sentence: str
    compare: tuple[Expected, ...]


class Published(Strict):
    """A published number, as text."""

    says: str
    n: str | None = None
    design: str | None = None
    spread: str | None = None
    source: str


class Claim(Strict):
    """A claim in our words, with the verdict of the evidence and of the simulation."""

    claim: str
    section: str
    says: str
    question: str
    verdict: Verdict
    reason: str
    answer: str
    withheld: bool = False
    sources: Annotated[dict[str, Source], BeforeValidator(read_sources)]
    evidence: tuple[Published, ...]
    simulated: Simulation | None = None
    not_simulated: str | None = None


def names() -> tuple[str, ...]:
    """Names of the claims, sorted."""
    return yamlfile.shelf("claims")


@cache
def load(name: str) -> Claim:
    """A claim by name; InputError with the nearest for an unknown one."""
    known = {n.casefold(): n for n in names()}
    if name.casefold() not in known:
        raise InputError(f"unknown claim {shown(name)}{_hint(name)}")
    name = known[name.casefold()]
    doc = yamlfile.library(f"claims/{name}.yaml")
    found = read(doc)
    if found.claim != name:
        raise doc.error(f"{shown(found.claim)} is not the name of the file", "claim")
    return found


def _hint(name: str) -> str:
    return did_you_mean(name, names()) or f", expected {names()[0]} to {names()[-1]}"


def read(doc: yamlfile.Document) -> Claim:
    """A claim from its file, with every reference in it checked; InputError says where."""
    claim = yamlfile.validate(Claim, doc)
    if (claim.simulated is None) == (claim.not_simulated is None):
        raise doc.error("needs one of 'simulated' and 'not_simulated'")
    _no_digits(doc, claim.answer, "answer")
    for place, row in enumerate(claim.evidence):
        _among(doc, row.source, claim.sources, "evidence", place, "source")
    if claim.simulated is not None:
        _check(doc, claim, claim.simulated)
    return claim


def _check(doc: yamlfile.Document, claim: Claim, told: Simulation) -> None:
    """Everything that a simulation names must be there."""
    for key, small in told.studies.items():
        if isinstance(small, OfTrial):
            _among(doc, small.trial, findings.names(), "simulated", "studies", key, "trial")
    for key, number in told.numbers.items():
        _check_number(doc, told, number, "simulated", "numbers", key)
    for key, turn in told.words.items():
        place = ("simulated", "words", key)
        _among(doc, turn.of, told.numbers, *place, "of")
        if (turn.below is None) == (turn.above is None):
            raise doc.error("needs one of 'below' and 'above'", *place)
        for word in ("yes", "no"):
            _no_digits(doc, getattr(turn, word), *place, word)
    for row, expected in enumerate(told.compare):
        if not expected.within[0] < expected.within[1]:
            raise doc.error("has no room between its ends", "simulated", "compare", row, "within")
        _among(doc, expected.of, told.numbers, "simulated", "compare", row, "of")
        _among(doc, expected.source, claim.sources, "simulated", "compare", row, "source")
    _check_sentence(doc, told)


def _check_number(
    doc: yamlfile.Document, told: Simulation, number: Number, *place: str
) -> None:  # fmt: skip
    needs = _NEEDS.get(number.measure, ("of_study", "arm", "at"))
    for field in needs:
        own = number.other if field == "with" else getattr(number, field)
        if own is None and not (field == "at" and number.level is not None):
            raise doc.error(f"{number.measure} needs {shown(field)}", *place)
    if number.relief is not None and not 0 < number.relief <= 1:
        message = f"{number.relief:g} is no share, expected above 0 and at most 1, such as 0.5"
        raise doc.error(message, *place, "relief")
    known = _SEEN_IN_SESSION.get(number.measure)
    if known is not None:
        _among(doc, number.output, known, *place, "output")
    if number.mechanism is not None:
        _among(doc, number.mechanism, mechanisms.names(), *place, "mechanism")
    if number.guideline is not None:
        _among(doc, number.guideline, guidelines.names(), *place, "guideline")
    if number.of_study is None:
        return
    _among(doc, number.of_study, told.studies, *place, "of_study")
    study = study_of(told.studies[number.of_study])
    if number.at is not None and number.at > study.horizon:
        horizon = units.format(study.horizon, Kind.TIME)
        raise doc.error(f"is after the end of the study, {horizon}", *place, "at")
    arms = study.arms
    for field, arm in (("arm", number.arm), ("over", number.over)):
        if arm is not None:
            _among(doc, arm, arms, *place, field)


_EVENTS = (*TOLERANCES, "dissociated", "sedated", "unresponsive", "hypertension")
#: What a measure of a session can be of.
_SEEN_IN_SESSION: Mapping[str, tuple[str, ...]] = {
    "incidence": _EVENTS, "nnh": _EVENTS, "rise": WATCHED, "fades": WATCHED,
}  # fmt: skip
#: Fields that a measure needs; the others need a study, an arm and a time.
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "nnt": ("of_study", "arm", "over", "at", "relief"),
    "nnh": ("of_study", "arm", "over"),
    "lasts": ("of_study", "arm", "over", "least"),
    "first": ("of_study", "arm", "over", "least"),
    "responders": ("of_study", "arm", "at", "relief"),
    "persistent": ("of_study", "arm", "at", "least"),
    "together": ("of_study", "arm", "at", "with"),
    "screened": ("of_study", "guideline"),
    "half-level": ("of_study", "arm"),
    **dict.fromkeys((*measures.OF_SESSION, "fades", *OF_BLOOD), ("of_study", "arm")),
    **dict.fromkeys(OF_TRAIN, ()),
}


def _check_sentence(doc: yamlfile.Document, told: Simulation) -> None:
    place = ("simulated", "sentence")
    try:
        parts = list(Formatter().parse(told.sentence))
    except ValueError as error:
        raise doc.error(f"has a brace that is not closed: {error}", *place) from error
    _no_digits(doc, "".join(text for text, *_ in parts), *place)
    for _, head, rest, _ in parts:
        if head is None:
            continue
        if not rest:
            _among(doc, head, {**told.numbers, **told.words}, *place)
        elif head in PLACES:
            known = ("pain", *told.numbers) if head == "scale" else told.numbers
            _among(doc, rest, known, *place)
            if head in ("at", "least", "relief") and getattr(told.numbers[rest], head) is None:
                raise doc.error(f"{shown(rest)} has no {shown(head)} to be said", *place)
        elif head in OF_STUDY:
            _among(doc, rest, told.studies, *place)
        elif head == "arm":
            study, _, arm = rest.partition(".")
            _among(doc, study, told.studies, *place)
            _among(doc, arm, study_of(told.studies[study]).arms, *place)
        else:
            _among(doc, head, (*PLACES, *OF_STUDY, "arm"), *place)


def _among(
    doc: yamlfile.Document, name: str, known: Sequence[str] | Mapping[str, Any], *place: str | int
) -> None:  # fmt: skip
    if name not in known:
        hint = did_you_mean(name, list(known)) or f", expected one of {', '.join(known)}"
        raise doc.error(f"{shown(name)} is not known here{hint}", *place)


_DIGIT = re.compile(r"\d")


def _no_digits(doc: yamlfile.Document, text: str, *place: str | int) -> None:
    """Numbers come from runs and from the evidence, never from the words around them."""
    found = _DIGIT.search(text)
    if found:
        raise doc.error(
            f"has the digit {found.group()}: a number must come from a run or a source", *place
        )


def study_of(small: OfTrial | Study) -> Study:
    """The study itself."""
    if isinstance(small, Study):
        return small
    design = findings.load(small.trial).design
    if design is None:
        raise InputError(f"trial '{small.trial}' has no design of its own")
    return design


# --- outcomes ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """A claim and what its simulation gave: each number by name, infinite where it never happens.

    ``exploratory`` says why the numbers must not be taken as validated; empty where they may be.
    """

    claim: Claim
    values: Mapping[str, float]
    exploratory: tuple[str, ...] = ()

    @property
    def agrees(self) -> bool | None:
        """Whether all that can be compared lies where the evidence lets one expect it."""
        told = self.claim.simulated
        if told is None or not told.compare:
            return None
        return all(row.met(self.values[row.of]) for row in told.compare)

    @property
    def beyond(self) -> tuple[Expected, ...]:
        """What lies elsewhere."""
        told = self.claim.simulated
        rows = () if told is None else told.compare
        return tuple(row for row in rows if not row.met(self.values[row.of]))


def never(value: float) -> bool:
    """Whether a number stands for what never happens."""
    return not math.isfinite(value)
