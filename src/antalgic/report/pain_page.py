"""Pain in words and tables: what came out, what each mechanism says, and how sure it is.

Every sentence is made of numbers of the result or of the library; none stands in a template.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from antalgic import standing
from antalgic.model import mechanism as mechanisms
from antalgic.model import receptor
from antalgic.model.movement import movement
from antalgic.population import conditions
from antalgic.report import relief, trials, words
from antalgic.report.relief import RESPONSES, Visit
from antalgic.report.trials import Published, Share
from antalgic.result import Arm, Result
from antalgic.sources import Grade, Value

GRADES: tuple[Grade, ...] = ("A", "B", "C", "D")
#: Standard errors within which a published value counts as met.
_NEAR = 2
_TOLERANCE_H = 1e-6


_TREATED = "The response to placebo is calibrated to the condition."
_INJURED = "The course is that of the usual care, fitted to how many people stay in pain."


@dataclass(frozen=True)
class Cell:
    """A number as text, what stands beneath it, and the published value where there is one."""

    main: str
    below: tuple[str, ...] = ()
    published: str = ""


@dataclass(frozen=True)
class Group:
    """Lines of the table under one heading: name of an arm or a pair, and a cell a visit."""

    title: str
    unit: str
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


@dataclass(frozen=True)
class Rival:
    """A mechanism in words: its claim, and how it does beside what was published."""

    name: str
    title: str
    says: str
    found: str


@dataclass(frozen=True)
class Sureness:
    """What one mechanism rests on: parameters by grade and by how they were obtained."""

    name: str
    grades: tuple[tuple[str, int], ...]
    fitted: tuple[str, ...]
    assumed: tuple[str, ...]
    total: int


@dataclass(frozen=True)
class Pain:
    """Everything that the page says of pain."""

    visits: tuple[str, ...]
    groups: tuple[Group, ...]
    rivals: tuple[Rival, ...]
    verdict: str
    sure: tuple[Sureness, ...]
    exploratory: tuple[str, ...]
    evidence: tuple[str, ...]
    condition: str
    trials: tuple[str, ...]
    remarks: tuple[str, ...]
    size: str
    relative: bool
    treated: str


def gather(result: Result) -> Pain | None:
    """What there is to say of pain; None where it was not followed."""
    if not relief.followed(result):
        return None
    found = trials.published(result)
    visits = relief.visits(result)
    assert result.study.condition is not None
    condition = conditions.load(result.study.condition)
    rivals = relief.rivals(result)
    several = len(rivals) > 1
    return Pain(
        visits=tuple(visit.name for visit in visits),
        groups=tuple(_groups(result, visits, found)),
        rivals=tuple(_rival(result, name, found) for name in rivals) if several else (),
        verdict=_verdict(result, found) if several else "",
        sure=tuple(_sure(name, result.study.condition) for name in rivals),
        exploratory=tuple(standing.spoken(result.exploratory)),
        evidence=tuple(s.says for s in condition.evidence if s.says not in condition.exploratory),
        condition=condition.title,
        trials=found.titles,
        remarks=tuple(words.sentence(text) for text in found.remarks),
        size=_size(found),
        relative=any(p.relative for p in found.points),
        treated=_INJURED if condition.injury else _TREATED,
    )


# --- the table ---------------------------------------------------------------------------------


def _groups(result: Result, visits: Sequence[Visit], found: Published) -> list[Group]:
    arms = relief.followed(result)
    groups = [
        Group(
            "Pain, 0 to 10", "mean, and standard deviation between people",
            _rows(
                result,
                [(arm, arm.label, _pain_cells(result, arm, visits, found)) for arm in arms],
            ),
        )
    ]  # fmt: skip
    pairs = relief.pairs(result)
    if pairs:
        groups.append(
            Group(
                "Difference",
                "mean, standard deviation between people"
                + (f", and standard error in a trial of {_size(found)}" if found.sizes else ""),
                _rows(
                    result,
                    [
                        (
                            a,
                            f"{a.label} less {b.label}",
                            _difference_cells(result, a, b, visits, found),
                        )
                        for a, b in pairs
                    ],
                ),
            )
        )
    chronic = relief.chronic(result)
    if chronic is not None:
        groups.append(
            Group(
                f"Pain of {chronic:g} or more", "share of the people",
                _rows(
                    result,
                    [(a, a.label, _persistent(result, a, visits, chronic)) for a in arms],
                ),
            )
        )  # fmt: skip
        return groups
    for least in RESPONSES:
        groups.append(
            Group(
                f"At least {relief.percent(least)} relief", "share of the people",
                _rows(
                    result,
                    [
                        (arm, arm.label, _share_cells(result, arm, visits, least, found))
                        for arm in arms
                    ]
                ),
            )
        )  # fmt: skip
    return groups


def _persistent(
    result: Result, arm: Arm, visits: Sequence[Visit], least: float
) -> tuple[Cell, ...]:
    shares = [relief.persistent(result, arm, visit, least) for visit in visits]
    return tuple(Cell(f"{100 * share:.1f} %") for share in shares)


def _rows(
    result: Result, lines: Sequence[tuple[Arm, str, tuple[Cell, ...]]]
) -> tuple[tuple[str, tuple[Cell, ...]], ...]:
    """Lines under their names; one for all mechanisms where these make no difference."""
    several = len({arm.mechanism for arm, _, _ in lines}) > 1
    found: dict[str, tuple[Cell, ...]] = {}
    for arm, name, cells in lines:
        same = all(other == cells for _, n, other in lines if n == name)
        own = "each mechanism" if same else str(arm.mechanism)
        full = f"{name}, {own}" if several else name
        found[full + relief.mark(result, arm)] = cells
    return tuple(found.items())


def _pain_cells(
    result: Result, arm: Arm, visits: Sequence[Visit], found: Published
) -> tuple[Cell, ...]:
    cells = []
    for visit in visits:
        values = relief.column(result, arm, visit.pain)
        below = (f"SD {values.std(ddof=1):.1f}",) if len(values) > 1 else ()
        cells.append(
            Cell(relief.points(float(values.mean())), below, _seen(found, arm, None, visit))
        )
    return tuple(cells)


def _difference_cells(
    result: Result, arm: Arm, other: Arm, visits: Sequence[Visit], found: Published
) -> tuple[Cell, ...]:
    cells = []
    for visit in visits:
        if visit.relief is None:
            cells.append(Cell("–"))
            continue
        gap = relief.difference(result, arm, other, visit, found.sizes)
        below = [f"SD {gap.sd:.1f}"] if len(result.people) > 1 and gap.sd else []
        below += [f"SE {gap.se:.1f}"] if gap.se is not None else []
        cells.append(Cell(relief.points(gap.mean), tuple(below), _seen(found, arm, other, visit)))
    return tuple(cells)


def _share_cells(
    result: Result, arm: Arm, visits: Sequence[Visit], least: float, found: Published
) -> tuple[Cell, ...]:
    cells = []
    for visit in visits:
        if visit.relief is None:
            cells.append(Cell("–"))
            continue
        seen = [s for s in found.shares if s.relief == least and _at(s, arm, visit)]
        published = ""
        if seen:
            spread = "" if seen[0].se is None else f" ± {100 * seen[0].se:.0f}"
            published = f"{100 * seen[0].value:.0f}{spread} %"
        cells.append(Cell(relief.percent(relief.share(result, arm, visit, least)), (), published))
    return tuple(cells)


def _at(share: Share, arm: Arm, visit: Visit) -> bool:
    return share.arm == arm.regimen.name and abs(share.time_h - visit.hour) < _TOLERANCE_H


def _seen(found: Published, arm: Arm, other: Arm | None, visit: Visit) -> str:
    """A published value of pain at a visit, with its standard error."""
    over = None if other is None else other.regimen.name
    for p in found.points:
        same = (p.arm, p.over, p.output) == (arm.regimen.name, over, "pain")
        if same and abs(p.time_h - visit.hour) < _TOLERANCE_H:
            return relief.points(p.value) + ("" if p.se is None else f" ± {p.se:.1f}")
    return ""


def _size(found: Published) -> str:
    """People in the arms of the trial: "30 and 30 patients"."""
    if not found.sizes:
        return ""
    return f"{words.listed([str(n) for n in found.sizes.values()])} patients"


# --- sentences ---------------------------------------------------------------------------------


def summary(result: Result) -> str:
    """What came of pain, in a few sentences; empty where it was not followed."""
    arms = relief.followed(result)
    if not arms:
        return ""
    if len(relief.rivals(result)) > 1:
        return _spread(result)
    first = next((v for v in relief.visits(result) if v.relief), None)
    if first is None:
        return ""
    assert result.study.condition is not None
    who = words.count(len(result.people), "simulated person", "simulated people")
    title = conditions.load(result.study.condition).title
    title = title if title[1:2].isupper() else title[:1].lower() + title[1:]
    start = float(relief.column(result, arms[0], "pain.baseline").mean())
    levels = [
        f"to {relief.points(float(relief.column(result, a, first.pain).mean()))} under “{a.label}”"
        for a in arms
    ]
    said = [
        f"In {who} with {title}, mean pain goes from {relief.points(start)} "
        f"{words.listed(levels)} at {first.name}."
    ]
    pairs = relief.pairs(result)
    if pairs:
        said.append(_lasting(result, *pairs[0]))
    chronic = relief.chronic(result)
    if chronic is not None:
        last = relief.visits(result)[-1]
        stayed = [
            f"{100 * relief.persistent(result, a, last, chronic):.1f} % under “{a.label}”"
            for a in arms
        ]
        said.append(f"Pain of {chronic:g} or more at {last.name}: {words.listed(stayed)}.")
        return " ".join(said)
    shares = [
        f"{relief.percent(relief.share(result, a, first, RESPONSES[-1]))} under “{a.label}”"
        for a in arms
    ]
    if len(result.people) > 1:
        said.append(
            f"At least {relief.percent(RESPONSES[-1])} relief at {first.name}: "
            f"{words.listed(shares)}."
        )
    return " ".join(said)


def doubt(result: Result) -> str:
    """Where pain is exploratory, in a sentence; empty where it is nowhere."""
    marked = {a.label: None for a in relief.followed(result) if relief.mark(result, a)}
    if not marked:
        return ""
    arms = words.listed([f"“{label}”" for label in marked])
    return f"Pain under {arms} is exploratory: the evidence does not allow it to be relied on."


def _lasting(result: Result, arm: Arm, other: Arm) -> str:
    """How the difference at the end compares with that at the end of treatment."""
    last = relief.visits(result)[-1]
    gap = relief.difference(result, arm, other, last, {})
    half = relief.half_gone(result, arm, other)
    first = next(v for v in relief.visits(result) if v.relief)
    now = relief.difference(result, arm, other, first, {})
    gone = (
        ""
        if half is None
        else f"half of that at the end of treatment is lost by {relief.when(half)}, and "
    )
    left = (
        f"{relief.points(gap.mean)} points of it are left at {last.name}"
        if gap.mean
        else f"none of it is left at {last.name}"
    )
    return (
        f"The difference from “{other.label}” is {relief.points(now.mean)} points at {first.name}; "
        f"{gone}{left}."
    )


def _spread(result: Result) -> str:
    """Several mechanisms: the range of the difference they give."""
    visits = [v for v in relief.visits(result) if v.relief]
    pairs = relief.pairs(result)
    many = words.sentence(words.spelled(len(relief.rivals(result))) + " mechanisms").rstrip(".")
    if not pairs or not visits:
        return f"{many} are run side by side."
    said = []
    for visit in (visits[0], visits[-1]):
        gaps = {a.mechanism: relief.difference(result, a, b, visit, {}).mean for a, b in pairs}
        low, high = min(gaps, key=lambda m: gaps[m]), max(gaps, key=lambda m: gaps[m])
        said.append(
            f"{relief.points(gaps[high])} ({high}) and {relief.points(gaps[low])} points ({low}) "
            f"at {visit.name}"
        )
    return f"{many} put the difference in mean pain between {said[0]}, and between {said[-1]}."


def _rival(result: Result, name: str, found: Published) -> Rival:
    """One mechanism: its difference over time, and which published values it meets."""
    about = mechanisms.load(name)
    pairs = [(a, b) for a, b in relief.pairs(result) if a.mechanism == name]
    said = []
    visits = [v for v in relief.visits(result) if v.relief]
    for arm, other in pairs:
        gaps = [relief.difference(result, arm, other, v, {}).mean for v in (visits[0], visits[-1])]
        said.append(
            f"{arm.label} less {other.label}: {relief.points(gaps[0])} at {visits[0].name}, "
            f"{relief.points(gaps[1])} at {visits[-1].name}"
        )
    met, compared = _met(result, name, found)
    if compared:
        said.append(
            f"{met} of {words.count(compared, 'published value')} within "
            f"{words.spelled(_NEAR)} standard errors"
        )
    return Rival(name, about.title, words.sentence(about.says), words.sentence("; ".join(said)))


def _met(result: Result, name: str, found: Published) -> tuple[int, int]:
    """How many published means and differences of pain a mechanism meets, and of how many."""
    by_arm = {a.regimen.name: a for a in relief.followed(result) if a.mechanism == name}
    met = compared = 0
    for p in found.points:
        if p.output != "pain" or not p.se or p.arm not in by_arm:
            continue
        value = _mean(result, by_arm[p.arm], p.time_h)
        if p.over is not None:
            value -= _mean(result, by_arm[p.over], p.time_h)
        compared += 1
        met += abs(value - p.value) <= _NEAR * p.se
    return met, compared


def _mean(result: Result, arm: Arm, hour: float) -> float:
    return float(result.mean.sel(arm=arm.name, output="pain").interp(time=hour))


def _verdict(result: Result, found: Published) -> str:
    """Whether the published values tell the mechanisms apart."""
    scores = {name: _met(result, name, found) for name in relief.rivals(result)}
    if not any(compared for _, compared in scores.values()):
        return "No published value belongs to these arms, so none of the mechanisms is ruled out."
    best = max(met for met, _ in scores.values())
    alike = [name for name, (met, _) in scores.items() if met == best]
    if len(alike) == 1:
        return f"“{alike[0]}” meets more of the published values than the others do."
    if len(alike) == len(scores):
        return "The published values cannot tell these mechanisms apart."
    listed = words.listed([f"“{name}”" for name in alike])
    return f"The published values cannot tell {listed} apart; they fit the others less well."


# --- how sure ----------------------------------------------------------------------------------


def _sure(name: str, condition: str) -> Sureness:
    """Grades of everything a mechanism takes: its own, the receptor's and the condition's."""
    known = values(name, condition)
    count = Counter(value.grade for value in known.values())
    return Sureness(
        name,
        tuple((grade, count[grade]) for grade in GRADES),
        tuple(n for n, v in known.items() if v.how == "fitted here"),
        tuple(n for n, v in known.items() if v.how == "assumed"),
        len(known),
    )


def values(name: str, condition: str) -> Mapping[str, Value]:
    """Every library value that a mechanism takes in a condition, by symbol."""
    used = mechanisms.used(name)
    own = {n: p.known for n, p in mechanisms.parameters(name).items() if n in used}
    loaded = conditions.load(condition)
    theirs = {**loaded.circuit, **loaded.injury}
    if loaded.circuit["I_J"].value > 0:
        joint = mechanisms.parameters(name)
        theirs |= {n: joint[n].known for n in movement.parameters if n in joint}
    return {**own, **theirs, **receptor.parameters()}
