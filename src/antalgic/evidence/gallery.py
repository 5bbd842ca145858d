"""Every published study of the calibration half beside its simulation, in one form.

Blood, receptor, wind-up, volunteers, trials and pooled trials become entries of lines; tables, the
page and the documentation are all made from these.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from antalgic.errors import InputError, did_you_mean, shown
from antalgic.evidence import cohorts, experiments, findings, validate
from antalgic.evidence.cohorts import Observation
from antalgic.evidence.findings import Changes, Finding
from antalgic.model import mechanism as mechanisms
from antalgic.sources import Source

#: Posterior draws, the people that each is tried in, and how exactly.
DRAWS = 40
PEOPLE = 64
RTOL = 1e-3
#: Ends of an interval.
INTERVAL = (0.05, 0.95)
#: A finding that moves less than this between draws does not depend on what was calibrated.
_MOVED = 1e-6

KINDS = {
    "blood": "Levels in blood",
    "receptor": "The receptor",
    "wind-up": "Wind-up",
    "volunteers": "Volunteers",
    "trial": "Trials in patients",
    "pooled": "Pooled trials",
}
_SHARES = ("responders", "persistent", "incidence")

Span = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A published number beside the simulated one, both in ``unit``.

    spread: ends of the published spread, of sort ``spread_kind``; interval: of the simulated
    number, None where nothing is known of it; within: where a hit lies, None where the number is
    only shown.  quantity and time (h): what belongs on one axis, and when, for figures.
    """

    what: str
    quantity: str
    unit: str
    time: float | None
    observed: float
    spread: Span | None
    spread_kind: str
    simulated: float
    interval: Span | None
    within: Span | None
    fitted: bool
    source: str
    note: str
    why: str

    @property
    def hit(self) -> bool | None:
        """Whether the simulated number lies where it must; None where no tolerance is stated."""
        if self.within is None:
            return None
        return self.within[0] <= self.simulated <= self.within[1]


@dataclass(frozen=True)
class Entry:
    """A published study; ``left`` says in words what of it is not simulated, and why."""

    name: str
    kind: str
    title: str
    sources: Mapping[str, Source]
    lines: tuple[Line, ...]
    left: tuple[str, ...] = ()

    @property
    def misses(self) -> int:
        """How many of its numbers are missed."""
        return sum(line.hit is False for line in self.lines)


@dataclass(frozen=True)
class Gallery:
    """All entries by kind, those with most misses first, and the parts they were made from."""

    entries: tuple[Entry, ...]
    mechanism: str
    blood: validate.Outcome | None
    clinical: tuple[findings.Outcome, ...]
    bench: tuple[experiments.Outcome, ...]
    intervals: Mapping[tuple[str, str], Span]


def names() -> tuple[str, ...]:
    """Names of all studies, by kind."""
    return (*cohorts.names(), *experiments.names(), *findings.names())


def run(
    name: str | None = None,
    mechanism: str = mechanisms.DEFAULT,
    *,
    changes: Changes | None = None,
    draws: int = DRAWS,
) -> Gallery:
    """Simulate one study, or all.  Raises InputError with the nearest name for an unknown one.

    ``changes`` replaces typical parameters of the chain; ``draws`` of the posterior make the
    intervals of the chain.
    """
    if name is not None and name not in names():
        raise InputError(f"{shown(name)} is no study of the library{did_you_mean(name, names())}")
    chosen = names() if name is None else (name,)
    trials = [n for n in findings.names() if n in chosen]
    levels = [n for n in cohorts.names() if n in chosen]
    blood = validate.run(levels) if levels else None
    clinical = findings.run(trials, mechanism, changes=changes)
    bench = experiments.run([n for n in experiments.names() if n in chosen])
    spans = intervals(clinical, mechanism, changes, draws)
    entries = [
        *_of_blood(blood),
        *_grouped(bench),
        *_of_trials(clinical, spans),
    ]
    order = list(KINDS)
    ordered = sorted(entries, key=lambda e: (order.index(e.kind), -e.misses, e.name))
    return Gallery(tuple(ordered), mechanism, blood, tuple(clinical), tuple(bench), spans)


def intervals(
    clinical: Sequence[findings.Outcome], mechanism: str, changes: Changes | None, draws: int
) -> dict[tuple[str, str], Span]:
    """The middle 90 % over posterior draws, by trial and finding, where any draw moves it.

    Each draw is tried in the first few people, the same for every draw; how far it moves the
    number there is added to the number in all people.
    """
    names = list(dict.fromkeys(o.trial.name for o in clinical))
    known = mechanisms.posterior(mechanism)[:draws]
    if not names or not known:
        return {}

    def few(draw: Mapping[str, float]) -> list[float]:
        typical = {symbol: value for symbol, value in draw.items() if "." not in symbol}
        found = findings.run(
            names, mechanism, changes={**typical, **(changes or {})}, placebo=_placebo(draw),
            size=PEOPLE, rtol=RTOL, threads=1,
        )  # fmt: skip
        return [o.simulated for o in found]

    start = findings.run(names, mechanism, changes=changes, size=PEOPLE, rtol=RTOL)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        moved = np.array(list(pool.map(few, known))) - [o.simulated for o in start]
    ends = np.quantile(moved, INTERVAL, axis=0).T
    return {
        (o.trial.name, o.finding.id): _clipped(o, float(low), float(high))
        for o, shift, (low, high) in zip(clinical, moved.T, ends, strict=True)
        if np.ptp(shift) > _MOVED
    }


def _placebo(draw: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """The response to being treated of a draw, by condition."""
    found: dict[str, dict[str, float]] = {}
    for symbol, value in draw.items():
        name, _, condition = symbol.partition(".")
        if condition:
            found.setdefault(condition, {})[name] = value
    return found


def _clipped(outcome: findings.Outcome, down: float, up: float) -> Span:
    """The number moved down and up; a share stays one."""
    low, high = outcome.simulated + down, outcome.simulated + up
    if outcome.finding.measure in _SHARES and outcome.finding.over is None:
        return max(low, 0.0), min(high, 1.0)
    return low, high


# --- entries -----------------------------------------------------------------------------------


def _of_blood(found: validate.Outcome | None) -> list[Entry]:
    if found is None:
        return []
    entries = []
    for cohort in found.cohorts:
        rows = [r for r in found.rows if r.cohort == cohort.name and r.chosen]
        lines = tuple(_level(row) for row in rows if row.simulated is not None)
        why: dict[str, list[str]] = {}
        for row in rows:
            if row.simulated is None:
                why.setdefault(row.why, []).append(row.observation.id)
        left = [f"{', '.join(ids)}: {reason}" for reason, ids in why.items()]
        left += [f"{', '.join(n.ids)}, {n.what}: {n.reason}" for n in cohort.not_simulated]
        entries.append(
            Entry(cohort.name, "blood", cohort.title, cohort.sources, lines, tuple(left))
        )
    return entries


def _level(row: validate.Row) -> Line:
    seen = row.observation
    assert row.simulated is not None
    unit = seen.kind.unit + (f"/{seen.per}" if seen.per else "")
    compared = f"{seen.arm} over {seen.over}" if seen.over else seen.arm
    curve = seen.metric == "concentration"
    return Line(
        f"{seen.analyte} {validate.describe(seen)}, {compared}",
        f"{seen.analyte}, {compared}" if curve else seen.metric if seen.of is None else "ratio",
        "" if unit == "1" else unit, seen.time if curve else None, seen.value, *_spread(seen),
        row.simulated, row.interval, (seen.value / validate.FOLD, seen.value * validate.FOLD),
        row.standing == "seen in fitting", seen.source.key, seen.note or "",
        validate.explain(row) or "",
    )  # fmt: skip


def _spread(seen: Observation) -> tuple[Span | None, str]:
    """Ends of the published spread in the unit of the value, and its sort."""
    kind = seen.spread_kind or ""
    if not seen.spread:
        return None, ""
    if len(seen.spread) == 2:
        low, high = seen.spread
        return (low, high), kind
    half = seen.spread[0]
    if kind in ("CV between people", "reading error"):
        half *= seen.value
    return (seen.value - half, seen.value + half), kind


def _grouped(found: Sequence[experiments.Outcome]) -> list[Entry]:
    return [
        Entry(
            experiment.name, experiment.kind, experiment.title, experiment.sources,
            tuple(_reading(o) for o in found if o.experiment is experiment), experiment.notes,
        )
        for experiment in {o.experiment.name: o.experiment for o in found}.values()
    ]  # fmt: skip


def _reading(o: experiments.Outcome) -> Line:
    r = o.reading
    return Line(
        r.id, r.measure, o.experiment.unit, None, o.observed, None, "", o.simulated, o.interval,
        o.within, r.use == "fit", r.source, r.note or "", r.miss or "",
    )  # fmt: skip


def _of_trials(
    found: Sequence[findings.Outcome], spans: Mapping[tuple[str, str], Span]
) -> list[Entry]:
    return [
        Entry(
            trial.name, trial.kind, trial.title, trial.sources,
            tuple(
                _finding(o, spans.get((trial.name, o.finding.id)))
                for o in found
                if o.trial.name == trial.name
            ),
        )
        for trial in {o.trial.name: o.trial for o in found}.values()
    ]  # fmt: skip


def _finding(o: findings.Outcome, interval: Span | None) -> Line:
    f = o.finding
    spread = None if f.se is None else (f.value - f.se, f.value + f.se)
    return Line(
        f.id, _quantity(f), _UNITS.get(f.measure, ""), f.at, f.value, spread,
        "" if spread is None else "SE", o.simulated, interval, f.within, f.use == "fit", f.source,
        f.note or "", f.miss or "",
    )  # fmt: skip


_UNITS = {"half-life": "d", "C50": "ng/mL", "half-level": "ng/mL"}
_WORDS = {
    "responders": "share who respond", "persistent": "share whose pain stays",
    "relief": "relief as a share", "incidence": "share with it", "change": "change",
    "highest": "highest value", "rise": "rise",
}  # fmt: skip


def _quantity(f: Finding) -> str:
    """What the axis of a finding shows: findings that share it stand on one."""
    measure = _WORDS.get(f.measure, f.measure)
    output = "" if f.measure in ("half-life", "C50") else f"{f.output}, "
    compared = "" if f.over is None else f", {f.arm} over {f.over}"
    return f"{output}{measure}{compared}"
