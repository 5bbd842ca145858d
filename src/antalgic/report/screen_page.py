"""What `antalgic screen` prints: the flow of people through a guideline, for people or as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from antalgic import units
from antalgic.arms import Arm
from antalgic.model.harm import limit
from antalgic.population import comorbidities
from antalgic.population.guidelines import SESSION, session_values
from antalgic.population.guidelines import Screened as Statement
from antalgic.population.screening import Asked, Verdict
from antalgic.report.listings import Listing
from antalgic.screen import Screened
from antalgic.simulation.session import AFTER
from antalgic.units import Kind

Bools = NDArray[np.bool_]


def show(found: Screened) -> None:
    """Print for a person."""
    for line in heading(found):
        print(line)
    for listing in listings(found):
        listing.show()


def heading(found: Screened) -> list[str]:
    """What was screened by what, and how many are left."""
    rules, screening = found.screening.guideline, found.screening
    n, out = len(screening.excluded), int(screening.excluded.sum())
    title = "no condition" if found.condition is None else found.condition.title
    repeated = ", ".join(found.repeated)
    return [
        f"{found.study.study} ({title}) screened by {rules.guideline}: {rules.title}",
        f"{rules.body}; {rules.standing}",
        f"{n} candidates, {out} left out ({_percent(out, n)}), {n - out} remain",
        f"given again after a pause in {repeated}" if repeated else "given once, not in series",
    ]


def listings(found: Screened) -> list[Listing]:
    """Tables of the rules, of the tests, and of those who are left out and who remain."""
    rules = found.screening.guideline
    tables = [_rules(found)]
    if rules.tests:
        tables.append(_tests(found.screening.tests))
    return [*tables, _groups(found), _suffered(found), _watching(found)]


def _rules(found: Screened) -> Listing:
    screening = found.screening
    n = len(screening.excluded)
    rows = [_rule(verdict, n) for verdict in screening.verdicts]
    out = int(screening.excluded.sum())
    total = ("all rules", "", "", "", f"{out} ({_percent(out, n)})", "")
    if not rows:
        return Listing("Rules", (), [], list(_notes(found)))
    return Listing(
        "Rules in their order: the first that applies leaves a person out",
        ("rule", "advice", "grade", "meet it", "left out", "have it unknown"),
        [*rows, total],
        list(_notes(found)),
    )


def _rule(verdict: Verdict, n: int) -> tuple[str, ...]:
    rule = verdict.rule
    meets, first, hidden = (
        int(column.sum()) for column in (verdict.meets, verdict.first, verdict.hidden)
    )
    recalled = "" if rule.seen == "read" else ", recalled"
    left = f"{first} ({_percent(first, n)})" if verdict.excludes else "no"
    drawn = len(rule.unknown) < len(rule.who)
    count = (f"{meets} ({_percent(meets, n)})", left, str(hidden) if hidden else "–")
    return (
        rule.what,
        rule.advice,
        f"{rule.grade}{recalled}",
        *(count if drawn else ("not known", "–", "–")),
    )


def _notes(found: Screened) -> Iterator[str]:
    """What the counts rest on: how words were made checkable, and where shares come from."""
    screening = found.screening
    rules = screening.guideline
    if rules.no_rules:
        yield f"No rules: {rules.no_rules}"
    yield f"Grades: {rules.grading}."
    statements: list[Statement] = [*rules.rules, *rules.tests]
    for rule in rules.rules:
        yield from (f"{rule.what}: {text}" for text in (rule.taken_as, rule.note) if text)
        yield from (f"{rule.what}: {reason}; nobody is left out by it" for reason in rule.unknown)
    names = dict.fromkeys(c.has for s in statements for c in s.who if c.has is not None)
    if not any(s.who for s in statements):
        return
    yield "How many have it:"
    if any(c.measured for s in statements for c in s.who):
        resting = comorbidities.library().resting
        yield (
            f"  resting pressure: {_mean(screening.health.vitals['SBP0'])}/"
            f"{_mean(screening.health.vitals['DBP0'])} mmHg "
            f"({resting.how}, grade {resting.grade}, {resting.source})"
        )
    for name in names:
        if name not in screening.health.has:
            continue
        entry = comorbidities.library().comorbidities[name]
        basis = comorbidities.passport(name, found.condition)
        has = screening.health.has[name]
        span = f"; {basis.uncertainty}" if basis.uncertainty else ""
        source = f", {basis.source}" if basis.source else ""
        yield (
            f"  {entry.title}: {100 * has.mean():.2g} % "
            f"({basis.how}, grade {basis.grade}{source}{span})"
        )


def _tests(tests: Sequence[Asked]) -> Listing:
    rows = [
        (
            f"{int(asked.who.sum())} ({_percent(int(asked.who.sum()), len(asked.who))})",
            asked.test.grade + ("" if asked.test.seen == "read" else ", recalled"),
            asked.test.test,
        )
        for asked in tests
    ]
    below = [f"{asked.test.test}: {asked.test.taken_as}" for asked in tests if asked.test.taken_as]
    return Listing("Tests before treatment, of all candidates", ("asked of", "grade", "test"),
                   rows, below)  # fmt: skip


def _groups(found: Screened) -> Listing:
    data = [_described(found, who) for who in found.groups.values()]
    rows = [
        (words, *(_cell(group[key]) for group in data))
        for key, words in _TRAITS.items()
        if any(group[key] is not None for group in data)
    ]
    return Listing("Who is left out and who remains, mean (SD)", ("", *found.groups), rows)


def _suffered(found: Screened) -> Listing:
    """What a session of each arm does to those who are left out, and to those who remain."""
    title, parts = "What a session would do to them", _parts(found)
    if not found.arms:
        return Listing(title, (), [], list(_unsaid(found)))
    rows = [
        (f"{arm.label}: {words}", *(_share(hit[who]) for who in parts.values()))
        for arm in found.arms
        for words, hit in _harms(arm).items()
    ]
    return Listing(f"{title}, % (people)", ("", *parts), rows, list(_unsaid(found)))


def _parts(found: Screened) -> dict[str, Bools]:
    """Groups to compare: all, and those left out by a rule whose criteria are measured."""
    measured = {
        f"by {verdict.rule.id}": verdict.first
        for verdict in found.screening.verdicts
        if verdict.first.any() and any(c.measured for c in verdict.rule.who)
    }
    return {"left out": found.screening.excluded, **measured, "remain": found.screening.included}


def _harms(arm: Arm) -> dict[str, Bools]:
    """Who has which harm in the session of an arm, (n,) each, by what it is called."""
    assert arm.session is not None
    ends = arm.session.chain.endpoints
    rise, diastolic = limit("systolic-rise"), limit("diastolic-rise")
    return {
        f"systolic pressure above {_SEVERE:g} mmHg": ends["session.systolic"] > _SEVERE,
        f"a reading {rise:g} mmHg up, or {diastolic:g} diastolic": ends["had.hypertension"] > 0,
        "dissociation": ends["had.dissociated"] > 0,
        "sedation": ends["had.sedated"] > 0,
        "vomiting": ends["had.vomiting"] > 0,
        "low oxygen saturation": ends["had.desaturation"] > 0,
    }


def _unsaid(found: Screened) -> Iterator[str]:
    """What stands behind the numbers, and what they do not say."""
    rules = [verdict.rule for verdict in found.screening.verdicts if verdict.excludes]
    named = dict.fromkeys(c.has for rule in rules for c in rule.who)
    if found.arms:
        lengths = (f"{arm.label} {_length(arm)}" for arm in found.arms)
        yield f"The session with the most drug ({', '.join(lengths)}) and {AFTER:g} h after it."
        yield "Everybody is followed, left out or not, with the same random numbers in each arm."
        yield "The numbers behind harm are mostly of grade C and D; a reading adds a cuff's error."
        named |= {"hypertension": None}
    else:
        yield "Not simulated: the study has no condition that hurts, from which to follow people."
    for name in named:
        entry = comorbidities.library().comorbidities.get(str(name))
        if entry is not None and entry.consequence:
            yield f"{entry.title}: {entry.consequence}."


def _length(arm: Arm) -> str:
    assert arm.session is not None
    return units.format(arm.session.hours.end - arm.session.hours.begin, Kind.TIME)


def _watching(found: Screened) -> Listing:
    """How the others are watched, and the sources of it all."""
    rules = found.screening.guideline
    values = session_values(rules)
    rows: list[tuple[str, ...]] = [(m.source, m.seen, m.says) for m in rules.monitoring]
    rows += [
        (value.source or "–", f"{value.how}, grade {value.grade}", f"{_SESSION[key]}: {value.text}")
        for key, value in values.items()
    ]
    reasons = [f"{_SESSION[name]}: {value.note}" for name, value in values.items() if value.note]
    cited = [
        f"{key}: {source.citation}{f' ({source.note})' if source.note else ''}"
        for key, source in rules.sources.items()
    ]
    return Listing("How the others are watched", ("source", "obtained", "what"), rows,
                   [*reasons, "Sources:", *(f"  {line}" for line in cited)])  # fmt: skip


#: Systolic pressure (mmHg) from which hypertension is a crisis.
_SEVERE = 180.0

_SESSION = {
    "observation": "least time before leaving",
    "pressure_after": "blood pressure after the dose",
    "nurses_per_patient": "nurses for a patient",
}

_TRAITS = {
    "people": "people",
    "women_percent": "women, %",
    "age_years": "age, years",
    "weight_kg": "weight, kg",
    "pain": "pain before treatment, 0-10",
    "depression_percent": "depression, %",
    "hypertension_percent": "hypertension, %",
    "systolic_mmHg": "systolic pressure at rest, mmHg",
    "diastolic_mmHg": "diastolic pressure at rest, mmHg",
    "heart_rate_per_min": "heart rate at rest, 1/min",
}


def _described(found: Screened, who: Bools) -> dict[str, Any]:
    """Numbers of a group: counts, percentages, and {mean, sd}; None for a group of nobody."""
    people, health = found.screening.people, found.screening.health
    columns = {
        "age_years": people.age,
        "weight_kg": people.weight,
        "pain": found.pain,
        "systolic_mmHg": health.vitals["SBP0"],
        "diastolic_mmHg": health.vitals["DBP0"],
        "heart_rate_per_min": health.vitals["HR0"],
    }
    shares = {
        "women_percent": people.female,
        "depression_percent": health.has["depression"],
        "hypertension_percent": health.has["hypertension"],
    }
    there = bool(who.any())
    described: dict[str, Any] = {"people": int(who.sum())}
    for key, share in shares.items():
        described[key] = 100 * float(share[who].mean()) if there else None
    for key, column in columns.items():
        chosen = None if column is None or not there else column[who]
        described[key] = (
            None if chosen is None else {"mean": float(chosen.mean()), "sd": float(chosen.std())}
        )
    return {key: described[key] for key in _TRAITS}


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, dict):
        return f"{value['mean']:.3g} ({value['sd']:.2g})"
    return f"{value}" if isinstance(value, int) else f"{value:.3g}"


def to_json(found: Screened) -> dict[str, Any]:
    """The flow as plain data; counts of people, percentages where a name says so."""
    screening = found.screening
    rules = screening.guideline
    return {
        "study": found.study.study,
        "condition": None if found.condition is None else found.condition.name,
        "guideline": rules.guideline,
        "title": rules.title,
        "standing": rules.standing,
        "candidates": len(screening.excluded),
        "left_out": int(screening.excluded.sum()),
        "remain": int(screening.included.sum()),
        "repeated_in": list(found.repeated),
        "rules": [_rule_data(verdict) for verdict in screening.verdicts],
        "tests": [
            {
                "test": asked.test.test, "asked_of": int(asked.who.sum()),
                "grade": asked.test.grade, "source": _source(found, asked.test),
                "seen": asked.test.seen, "taken_as": asked.test.taken_as,
            }
            for asked in screening.tests
        ],
        "monitoring": [m.model_dump(exclude_none=True) for m in rules.monitoring],
        "session": {
            name: {
                "value": value.value, "unit": SESSION[name].unit, "source": value.source,
                "how": value.how, "grade": value.grade, "note": value.note,
            }
            for name, value in session_values(rules).items()
        },
        "sources": {key: source.citation for key, source in rules.sources.items()},
        "sessions": [_session_data(found, arm) for arm in found.arms],
        "not_known": list(_unsaid(found)),
        "prevalence": {
            name: {
                "percent": 100 * float(has.mean()),
                "known_percent": 100 * float(screening.health.known[name].mean()),
                **comorbidities.passport(name, found.condition).model_dump(
                    include={"source", "how", "grade", "uncertainty", "note"}, exclude_none=True
                ),
            }
            for name, has in screening.health.has.items()
        },
        "groups": {name: _described(found, who) for name, who in found.groups.items()},
    }  # fmt: skip


def _rule_data(verdict: Verdict) -> dict[str, Any]:
    rule = verdict.rule
    return {
        "id": rule.id, "what": rule.what, "advice": rule.advice, "grade": rule.grade,
        "source": rule.source, "seen": rule.seen, "criteria": [c.text for c in rule.who],
        "taken_as": rule.taken_as, "note": rule.note, "excludes": verdict.excludes,
        "meet": int(verdict.meets.sum()), "left_out": int(verdict.first.sum()),
        "hidden": int(verdict.hidden.sum()), "unknown": list(rule.unknown),
    }  # fmt: skip


def _session_data(found: Screened, arm: Arm) -> dict[str, Any]:
    assert arm.session is not None
    ends = arm.session.chain.endpoints
    return {
        "arm": arm.label,
        "begin_h": arm.session.hours.begin,
        "end_h": arm.session.hours.end,
        "groups": {
            name: {
                "people": int(who.sum()),
                "systolic_peak_mmHg": float(ends["session.systolic"][who].mean())
                if who.any()
                else None,
                "harms": {words: int(hit[who].sum()) for words, hit in _harms(arm).items()},
            }
            for name, who in _parts(found).items()
        },
    }


def _source(found: Screened, statement: Statement) -> str:
    return found.screening.guideline.sources[statement.source].citation


def _share(hit: Bools) -> str:
    return f"{100 * hit.mean():.3g} ({int(hit.sum())})" if len(hit) else "–"


def _percent(count: int, n: int) -> str:
    return f"{100 * count / n:.3g} %" if n else "0 %"


def _mean(values: NDArray[np.float64]) -> str:
    return f"{values.mean():.0f}"
