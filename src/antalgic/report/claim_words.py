"""Claims in words: numbers as a reader sees them, what an arm is given, and the sentences made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import Formatter

from antalgic import units
from antalgic.dosing import Regimen
from antalgic.dosing.regimen import Segment
from antalgic.evidence import claims, measures
from antalgic.evidence.claims import Expected, Number, Outcome
from antalgic.model.mechanism import OUTPUTS
from antalgic.population import conditions
from antalgic.report import pain_panels, relief, words
from antalgic.report.balance import share
from antalgic.report.window import words_of
from antalgic.study import Study
from antalgic.units import Kind

_MINUS = "\u2212"
_SHARES = ("responders", "persistent", "incidence", "screened", "relief")
_HOURS = ("lasts", "first", "fades", "tmax", "half-life-blood")
_PLAIN = ("together", "linearity", "first-response")
_BLOOD = {"cmax": "ng/mL", "auc": "ng·h/mL", "half-level": "ng/mL"}
#: What is said of a number that never comes about.
_NEVER = {
    "nnt": "no number at all", "nnh": "no number at all", "first": "never",
    "lasts": "longer than was simulated", "fades": "longer than was followed",
}  # fmt: skip
_SINGLE = {"0-10": "points", "MADRS": "points", "CADSS": "points", "MOAA/S": "points"}
_BY = {
    "iv": "into a vein", "im": "into a muscle", "sc": "under the skin", "oral": "by mouth",
    "film": "as a film in the mouth", "sublingual": "under the tongue", "nasal": "into the nose",
    "rectal": "rectally", "inhaled": "inhaled", "perineural": "at the nerve",
}  # fmt: skip
#: An infusion shorter than this (h) is said by its amount.
_SHORT = 2.5
_LAST_NUMBER = re.compile(r"(\d+)\D*$")


def sentence(outcome: Outcome) -> str:
    """The claim's sentence with the numbers of its simulation; empty where there is none."""
    told = outcome.claim.simulated
    if told is None:
        return ""
    parts = [
        text + ("" if head is None else filled(outcome, head, rest or ""))
        for text, head, rest, _ in Formatter().parse(told.sentence)
    ]
    return " ".join("".join(parts).split())


def filled(outcome: Outcome, head: str, rest: str) -> str:
    """What a placeholder stands for."""
    told = outcome.claim.simulated
    assert told is not None
    if not rest and head in told.words:
        turn = told.words[head]
        return turn.said(outcome.values[turn.of])
    if not rest:
        return value(told.numbers[head], outcome.values[head])
    if head in claims.OF_STUDY:
        study = claims.study_of(told.studies[rest])
        return condition(study) if head == "condition" else _people(study)
    if head == "arm":
        name, _, arm = rest.partition(".")
        study = claims.study_of(told.studies[name])
        return given(study.regimens()[arm], study.horizon)
    if head == "scale":
        return scale("pain" if rest == "pain" else told.numbers[rest].output)
    number = told.numbers[rest]
    if head == "size":
        return value(number, abs(outcome.values[rest]))
    if head == "at":
        return "" if number.at is None else when(number.at)
    if head == "relief":
        assert number.relief is not None
        return f"at least {relief.percent(number.relief)} relief"
    assert number.least is not None
    return f"{number.least:g}"


def value(number: Number, found: float) -> str:
    """A number by its measure: "−2.6", "64 %", "27 percentage points", "2.3 h", "120 ng/mL"."""
    if claims.never(found):
        return _NEVER.get(number.measure, words.MISSING)
    if number.ratio and number.measure in claims.OF_BLOOD:
        return relief.percent(found)
    if number.ratio or number.measure == "wind-up":
        return f"{words.digits(found, 2)} times"
    if number.measure in _HOURS:
        return duration(found)
    if number.measure in ("nnt", "nnh"):
        return words.digits(found, 2)
    if number.measure in _SHARES or _is_risk(number):
        return _share(number, found)
    if number.measure in _BLOOD:
        return f"{words.digits(found)} {_BLOOD[number.measure]}"
    if number.measure in _PLAIN:
        return _signed(found, 2)
    return _of_output(number.output, found)


def _is_risk(number: Number) -> bool:
    """Whether an output is a share of people, or of what it was before."""
    known = OUTPUTS.get(number.output)
    return known is not None and known.unit == "1" and (
        number.measure in measures.OF_SESSION or known.says.startswith("share")
    )  # fmt: skip


def _share(number: Number, found: float) -> str:
    if number.over is None:
        return share(found) if found >= 0 else f"\u2212{share(-found)}"
    gap = _signed(100 * found, 0)
    return f"{gap} percentage point{'' if gap.lstrip(_MINUS) == '1' else 's'}"


def _of_output(output: str, found: float) -> str:
    known = OUTPUTS.get(output)
    if known is None:
        return f"{words.digits(found)} ng/mL"
    if known.unit in _SINGLE:
        return relief.points(found)
    if known.unit == "1":
        return _signed(found, 2)
    return f"{_signed(found, 0)} {known.unit}"


def _signed(found: float, decimals: int) -> str:
    text = f"{abs(found):.{decimals}f}"
    return f"\u2212{text}" if found < 0 and float(text) else text


def duration(hours: float) -> str:
    """A length of time to two figures: "40 min", "2.3 h", "11 days", "7.5 weeks"."""
    for name, size in (("weeks", 168.0), ("days", 24.0), ("h", 1.0)):
        least = {"weeks": 35 * 24.0, "days": 48.0, "h": 1.0}[name]
        if hours >= least:
            return f"{hours / size:.2g} {name}"
    return f"{60 * hours:.0f} min"


def scale(output: str) -> str:
    """The highest value of an output's scale: "10" of pain."""
    known = OUTPUTS[output]
    found = _LAST_NUMBER.search(known.says) or _LAST_NUMBER.search(known.unit)
    return found[1] if found else known.unit


def condition(study: Study) -> str:
    """The study's condition within a sentence."""
    assert study.condition is not None
    title = conditions.load(study.condition).title
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def _people(study: Study) -> str:
    return words.grouped(str(len(study.people())))


def when(hours: float) -> str:
    """A time of a study: "45 min", "day 30", "week 12"."""
    for name, size in (("week", 168.0), ("day", 24.0)):
        if hours >= 2 * size and abs(hours / size - round(hours / size)) < 1e-6:
            return f"{name} {hours / size:.0f}"
    return words_of(hours)


# --- what an arm is given ----------------------------------------------------------------------


def given(regimen: Regimen, horizon: float) -> str:
    """What an arm is given: "S-ketamine into a vein, 5 to 20 mg/h per 70 kg for 100 h"."""
    segments = [*regimen.segments(), *regimen.segments_beside()]
    ways = dict.fromkeys((s.drug, s.route) for s in segments)
    parts = [_way([s for s in segments if (s.drug, s.route) == way], horizon) for way in ways]
    if regimen.exercise:
        parts.append("exercise")
    if parts:
        return words.listed(parts)
    return "placebo" if regimen.treated is not None else "no drug"


def _way(own: Sequence[Segment], horizon: float) -> str:
    first = own[0]
    name = f"{words.drug(first.drug)} {_BY.get(first.route, first.route)}"
    courses = _courses(own)
    said = f"{name}, {_course(courses[0])}"
    if len(courses) == 1:
        return said
    apart = courses[1][0].start - courses[0][0].start
    said = f"{said}, every {words_of(apart)}"
    last = courses[-1][0].start + apart
    return said if last >= horizon * (1 - 1e-9) else f"{said}, {len(courses)} times"


def _courses(own: Sequence[Segment]) -> list[list[Segment]]:
    """Touching segments are one course."""
    found: list[list[Segment]] = []
    for segment in own:
        if found and segment.rate is not None and abs(segment.start - found[-1][-1].end) < 1e-6:
            found[-1].append(segment)
        else:
            found.append([segment])
    return found


def _course(course: Sequence[Segment]) -> str:
    first, length = course[0], course[-1].end - course[0].start
    per = f" per {first.per}" if first.per else ""
    if first.rate is None:
        return f"{units.format(first.amount or 0.0, Kind.MASS)}{per}"
    rates = [s.rate for s in course if s.rate is not None]
    if len(course) == 1 and length < _SHORT:
        amount = units.format(first.rate * length, Kind.MASS)
        return f"{amount}{per} over {words_of(length)}"
    low, high = (units.format(r, Kind.MASS_RATE) for r in (min(rates), max(rates)))
    rate = high if low == high else f"{low.split()[0]} to {high}"
    return f"{rate}{per} for {words_of(length)}"


# --- what a number is --------------------------------------------------------------------------

_MEASURES = {
    "mean": "mean", "relief": "fall of mean", "change": "change of mean",
    "incidence": "share with", "highest": "mean peak of", "rise": "highest rise of mean",
    "half-level": "level at which half is left of", "linearity": "correlation with the level of",
    "cmax": "peak in blood of", "tmax": "time of the peak of", "auc": "exposure to",
    "half-life-blood": "half-life in blood of", "fades": "time until it has faded, of",
    "together": "correlation with changes of", "lasts": "how long there is less",
    "first": "when there is first less",
}  # fmt: skip
_ALONE = {
    "nnt": "number needed to treat", "nnh": "number needed to harm", "wind-up": "wind-up",
    "first-response": "response to one stimulus", "screened": "share left out by screening",
}  # fmt: skip


def what(number: Number) -> str:
    """What a number is, for a table: "mean pain, ketamine less placebo, week 12"."""
    parts = [_quantity(number)]
    if number.arm is not None:
        than = "over" if number.ratio else "against" if number.measure in claims.AGAINST else "less"
        parts.append(number.arm if number.over is None else f"{number.arm} {than} {number.over}")
    if number.at is not None:
        parts.append(when(number.at))
    if number.mechanism is not None:
        parts.append(f"mechanism {number.mechanism}")
    parts += [f"{name} {changed:g}" for name, changed in number.changes.items()]
    return ", ".join(parts)


def _quantity(number: Number) -> str:
    output = pain_panels.title(number.output).removesuffix(" in blood")
    output = output if output[1:2] in "-O" else output[:1].lower() + output[1:]
    if number.measure == "responders":
        return f"share with {relief.percent(number.relief or 0)} less {output}"
    if number.measure == "persistent":
        return f"share with {output} of {number.least:g} or more"
    if number.measure in _ALONE:
        return _ALONE[number.measure]
    return f"{_MEASURES[number.measure]} {output}"


def verdict(outcome: Outcome) -> str:
    """Whether simulation and evidence agree, and where they do not."""
    claim = outcome.claim
    if claim.simulated is None:
        return f"Not simulated: {claim.not_simulated}"
    if outcome.agrees is None:
        return "There is no published number to compare the simulation with."
    if outcome.agrees:
        return "The simulation agrees with what the evidence lets one expect."
    found = " ".join(_beyond(outcome, row) for row in outcome.beyond)
    return f"Simulation and evidence disagree. {found}"


def _beyond(outcome: Outcome, row: Expected) -> str:
    told = outcome.claim.simulated
    assert told is not None
    number = told.numbers[row.of]
    said = words.sentence(f"{what(number)}: simulated {value(number, outcome.values[row.of])}, "
                          f"expected {expected(number, row)} ({row.why})")  # fmt: skip
    return said


def expected(number: Number, row: Expected) -> str:
    """The ends of what one may expect: "−3.5 to −2.1"."""
    low, high = (value(number, end) for end in row.within)
    for unit in (" percentage points", " times", " ng/mL", " ng·h/mL", " %", " h", " days",
                 " min", " mmHg", " weeks"):  # fmt: skip
        if low.endswith(unit) and high.endswith(unit):
            low = low.removesuffix(unit)
    return f"{low} to {high}"


def brief(outcome: Outcome) -> str:
    """The simulation in a word or two, for a table."""
    if outcome.claim.simulated is None:
        return "not simulated"
    found = {True: "agrees", False: "differs", None: "no comparison"}[outcome.agrees]
    return f"{found}, exploratory" if outcome.exploratory else found
