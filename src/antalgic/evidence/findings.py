"""Published findings on pain and mood, beside what the simulated trial gives.

Folders of library/studies: study.yaml, the trial as an ordinary study, and published.yaml, the
numbers that it printed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field

from antalgic import yamlfile
from antalgic.dosing import Regimen
from antalgic.dosing.fields import Strict
from antalgic.errors import InputError, did_you_mean, shown
from antalgic.evidence import measures, offset
from antalgic.evidence.measures import Measured
from antalgic.model import defaults, shelf
from antalgic.model import mechanism as mechanisms
from antalgic.model.shelf import PKModel
from antalgic.population import People, conditions
from antalgic.simulation import reference_person, simulate
from antalgic.simulation.chain import RTOL, Chain, follow
from antalgic.simulation.individual import Array
from antalgic.simulation.session import WATCHED, Session, Watch, heaviest
from antalgic.sources import Source, read_sources
from antalgic.study import Study

Measure = measures.Measure | Literal["half-life", "C50"]
#: Measures that come from one fit of a slow effect site, in the order of `offset.fitted`.
_OF_SITE = ("half-life", "C50")
Changes = Mapping[str, float]


class Finding(Measured):
    """One printed number, measured as `Measured` says.

    half-life (d) and C50 (ng/mL) are those of the slow effect site fitted by `offset.fitted`.
    within: where the mean of a calibrated simulator must lie, by target number.
    use: whether calibration fits it or only checks it.  miss: why the product misses it.
    """

    id: str
    arm: str
    measure: Measure
    value: float
    se: float | None = None
    within: tuple[float, float] | None = None
    target: int | None = None
    source: str
    use: Literal["fit", "check"]
    note: str | None = None
    miss: str | None = None


class Trial(Strict):
    """A folder of library/studies.  pooled: other trials by name, and their weight in the mean.

    kind: what it was: volunteers, one trial of patients, or many pooled.
    """

    name: str
    kind: Literal["volunteers", "trial", "pooled"]
    title: str
    sources: Annotated[dict[str, Source], BeforeValidator(read_sources)]
    people: dict[str, int]
    pooled: dict[str, int] = Field(default_factory=dict)
    changes: dict[str, float] = Field(default_factory=dict)
    findings: tuple[Finding, ...]

    @property
    def design(self) -> Study | None:
        """Its study file; None for a pool of other trials."""
        return None if self.pooled else _design(self.name)


@cache
def _design(name: str) -> Study:
    return yamlfile.validate(Study, yamlfile.library(f"studies/{name}/study.yaml"))


@dataclass(frozen=True)
class Outcome:
    """A finding and its simulated value; hit is None where no tolerance is stated."""

    trial: Trial
    finding: Finding
    simulated: float

    @property
    def hit(self) -> bool | None:
        """Whether the simulated value lies within the tolerance."""
        if self.finding.within is None:
            return None
        low, high = self.finding.within
        return low <= self.simulated <= high


def names() -> list[str]:
    """Names of the trials, sorted."""
    folder = files("antalgic") / "library" / "studies"
    return sorted(p.name for p in folder.iterdir() if p.joinpath("published.yaml").is_file())


@cache
def load(name: str) -> Trial:
    """A trial by name; InputError with the nearest for an unknown one."""
    if name not in names():
        hint = did_you_mean(name, names()) or f", expected one of {', '.join(names())}"
        raise InputError(f"unknown trial {shown(name)}{hint}")
    return yamlfile.validate(Trial, yamlfile.library(f"studies/{name}/published.yaml"))


def run(
    names: Sequence[str],
    mechanism: str = mechanisms.DEFAULT,
    *,
    uses: Collection[str] = ("fit", "check"),
    changes: Changes | None = None,
    placebo: Mapping[str, Changes] | None = None,
    rtol: float = RTOL,
    size: int | None = None,
    threads: int | None = None,
) -> list[Outcome]:
    """Every finding of these trials with its simulated value.

    ``changes`` replaces typical parameters, ``placebo`` X_mean and X_sd by condition; ``size``
    takes only so many of the people.
    """
    asked = [(load(name), f) for name in names for f in load(name).findings if f.use in uses]
    wanted: dict[str, dict[int, Finding]] = {}
    for number, (trial, finding) in enumerate(asked):
        for part in _parts(trial, finding):
            wanted.setdefault(part, {})[number] = finding
    found: dict[tuple[str, int], float] = {}
    for part, own in wanted.items():
        listed = list(own.values())
        values = _values(part, listed, mechanism, changes, placebo, rtol, size, threads)
        found |= {(part, number): v for number, v in zip(own, values, strict=True)}
    outcomes = []
    for number, (trial, finding) in enumerate(asked):
        weights = _parts(trial, finding)
        total = sum(n * found[part, number] for part, n in weights.items())
        outcomes.append(Outcome(trial, finding, total / sum(weights.values())))
    return outcomes


def _parts(trial: Trial, finding: Finding) -> dict[str, int]:
    """The trials whose weighted mean a finding is: itself, or those of a pool that last so long."""
    if not trial.pooled:
        return {trial.name: 1}
    return {
        name: n
        for name, n in trial.pooled.items()
        if finding.at is not None and finding.at <= _setting(name).horizon
    }


@dataclass(frozen=True)
class _Setting:
    """A trial's design, ready to be simulated."""

    condition: conditions.Condition
    people: People
    regimens: Mapping[str, Regimen]
    horizon: float
    every: float | None
    seed: int
    typical: bool


@cache
def _setting(name: str) -> _Setting:
    design = load(name).design
    if design is None or design.condition is None:
        raise InputError(f"trial '{name}' has no design with a condition")
    return _Setting(
        conditions.load(design.condition), design.people(), design.regimens(), design.horizon,
        design.output_every, design.seed, design.population.typical,
    )  # fmt: skip


def _values(
    name: str,
    findings: Sequence[Finding],
    mechanism: str,
    changes: Changes | None,
    placebo: Mapping[str, Changes] | None,
    rtol: float,
    size: int | None,
    threads: int | None,
) -> list[float]:
    """Simulated values of findings; each arm is solved once for each set of changes."""
    setting = _setting(name)
    own = (placebo or {}).get(setting.condition.name, {})
    shared = {**own, **(changes or {}), **load(name).changes}
    people = setting.people if size is None else setting.people.part(0, size)
    times = _times(setting, findings)
    outputs = sorted(
        {f.output for f in findings if f.measure not in measures.OF_SESSION} | {"block"}
    )
    solved: dict[tuple[str, str], dict[str, Array]] = {}
    attended: dict[tuple[str, str], Chain] = {}

    def followed(label: str, more: Changes, **asked: Any) -> Chain:
        return follow(
            mechanism, model_of(setting.regimens[label]), setting.regimens[label],
            setting.condition, people, changes={**shared, **more}, seed=setting.seed,
            typical=setting.typical, rtol=rtol, threads=threads, **asked,
        )  # fmt: skip

    def arm(label: str, more: Changes) -> dict[str, Array]:
        key = (label, str(sorted(more.items())))
        if key not in solved:
            result = followed(label, more, times=times, outputs=outputs, trajectories=True)
            assert result.values is not None
            solved[key] = dict(zip(result.outputs, result.values, strict=True))
        return solved[key]

    def session(label: str, more: Changes) -> Chain:
        key = (label, str(sorted(more.items())))
        if key not in attended:
            hours = _hours(setting, label)
            attended[key] = followed(
                label, more, times=hours.times, outputs=WATCHED, also=Watch(hours)
            )
        return attended[key]

    def measured(finding: Finding, label: str) -> float:
        if finding.measure in measures.OF_SESSION:
            return measures.in_session(finding, session(label, finding.changes))
        return measures.at_readout(finding, arm(label, finding.changes), times)

    site: dict[str, float] = {}
    if any(f.measure in _OF_SITE for f in findings):
        fitted = _slow_site(setting, mechanism, shared, rtol)
        site = dict(zip(_OF_SITE, fitted, strict=True))
    values = []
    for finding in findings:
        if finding.measure in site:
            values.append(site[finding.measure])
            continue
        found = measured(finding, finding.arm)
        if finding.over is not None:
            other = measured(finding, finding.over)
            found = found / other if finding.ratio else found - other
        values.append(found)
    return values


def _hours(setting: _Setting, label: str) -> Session:
    """The heaviest session of an arm; without a drug, that of the first arm with one."""
    own = [heaviest(r) for r in (setting.regimens[label], *setting.regimens.values())]
    found = next((hours for hours in own if hours is not None), None)
    if found is None:
        raise InputError("no arm gives a drug, so that there is no session to look at")
    return found


def _slow_site(
    setting: _Setting, mechanism: str, changes: Changes, rtol: float
) -> tuple[float, float]:
    """What Dahan's effect site would be in a typical responder of the trial's first arm."""
    times = np.arange(0.0, setting.horizon + 1.0)
    drug, placebo = setting.regimens.values()
    model = model_of(drug)
    assert model is not None
    one = reference_person()
    level = simulate(model, drug, one, times, typical=True).quantiles[0, :, 2]
    pain = [
        follow(
            mechanism, m, r, setting.condition, one, times,
            outputs=["pain"], changes=changes, typical=True, rtol=rtol,
        ).mean[0]
        for m, r in ((model, drug), (None, placebo))
    ]  # fmt: skip
    return offset.fitted(level, pain[0], pain[1], times)


def model_of(regimen: Regimen) -> PKModel | None:
    """The default blood model of an adult arm; None for one without a drug."""
    pairs = sorted({(d.drug, d.route) for d in regimen.doses})
    return shelf.load(defaults.choose(pairs).model) if pairs else None


def _times(setting: _Setting, findings: Sequence[Finding]) -> Array:
    """Only the times that are asked for; all of them where a level must be waited for."""
    if any(f.level is not None or f.measure in measures.OF_LEVEL for f in findings):
        assert setting.every is not None
        return np.arange(0.0, setting.horizon + setting.every / 2, setting.every)
    return np.unique([0.0, *(f.at for f in findings if f.at is not None)])


def to_json(outcomes: list[Outcome]) -> list[dict[str, Any]]:
    """Rows for a table or JSON."""
    return [
        {
            "trial": o.trial.name, "finding": o.finding.id, "target": o.finding.target,
            "observed": o.finding.value, "se": o.finding.se, "simulated": o.simulated,
            "within": o.finding.within, "hit": o.hit, "use": o.finding.use,
            "note": o.finding.note, "miss": o.finding.miss if o.hit is False else None,
        }
        for o in outcomes
    ]  # fmt: skip
