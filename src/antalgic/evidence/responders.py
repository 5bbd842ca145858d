"""Who benefits: responders against others, and what a measurement before treatment would tell.

Who responds is simulated; what a test reads of a person before treatment is a model of measurement
on top, which changes nothing of the simulation.  Each measurement is judged as it is assumed and
again without what is assumed in it, so that the share that rests on assumption is a number.
Numbers: library/responders.yaml.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from antalgic import yamlfile
from antalgic.arms import Arm, Setting, planned, setting, simulated
from antalgic.errors import InputError
from antalgic.model import mechanism as mechanisms
from antalgic.model.spinal import temporal_summation
from antalgic.model.values import read
from antalgic.population import conditions, streams
from antalgic.population.conditions import Condition
from antalgic.population.pain import ratings
from antalgic.population.people import People
from antalgic.simulation.chain import RTOL, Chain, follow
from antalgic.simulation.individual import Array, Draw
from antalgic.simulation.persons import BASELINE
from antalgic.sources import Grade, Value
from antalgic.study import Study

Sort = Literal["measured", "best case", "hidden", "not modelled"]
Booleans = NDArray[np.bool_]

LIBRARY = "responders.yaml"
#: Relief that counts as a response, and when it is asked for (h), where nothing else is said.
RELIEF, AT = 0.3, 672.0
#: With fewer people there are too few on either side.
LEAST = 100
#: Values of sensitization or mood before treatment that stand for their spread over people.
LEVELS = 7
#: Posterior draws behind an interval, the most people in each, and the tolerance of their solution.
DRAWS, SOME, ROUGH = 60, 512, 1e-3
#: What tells less than this beyond 0.5 tells nothing: no share of it is assumption.
NOTHING = 0.02


@dataclass(frozen=True)
class Alternative:
    """The same measurement under another assumption; auc is None where nobody or all respond."""

    says: str
    auc: float | None


@dataclass(frozen=True)
class Curve:
    """A measurement over people: each one's reading, and whether that person responded."""

    readings: Array
    responded: Booleans


@dataclass(frozen=True)
class Measurement:
    """What one measurement tells of who responds.

    auc: chance that a responder reads higher (or lower, as ``points`` says) than another; low and
    high: its 95 % interval over posterior draws of what is not known.  cut, in ``unit``, is where
    sensitivity and specificity are largest together; ppv and npv hold at the simulated rate of
    response.  bare: the area that is left without what is assumed about the measurement itself.
    carried: which part is structure and which assumption.  None where a number cannot be had.
    """

    key: str
    name: str
    sort: Sort
    auc: float | None
    carried: str
    grade: Grade
    low: float | None = None
    high: float | None = None
    points: Literal["higher", "lower", ""] = ""
    cut: float | None = None
    unit: str = ""
    ppv: float | None = None
    npv: float | None = None
    bare: float | None = None
    alternatives: tuple[Alternative, ...] = ()
    published: tuple[Mapping[str, Any], ...] = ()
    curve: Curve | None = None

    @property
    def assumed(self) -> float | None:
        """Share of what it tells (auc - 0.5) that is gone without its assumptions, 0 to 1."""
        if self.auc is None or self.bare is None or self.auc - 0.5 < NOTHING:
            return None
        return float(np.clip(1 - (self.bare - 0.5) / (self.auc - 0.5), 0, 1))


@dataclass(frozen=True)
class Share:
    """Share of responders of an arm, and its difference from `Arm.control` where there is one."""

    arm: str
    share: float
    control: str | None
    difference: float | None


@dataclass(frozen=True)
class Responders:
    """An arm with drug: the share that responds, and what each measurement tells of it."""

    arm: str
    share: float
    measurements: tuple[Measurement, ...]


@dataclass(frozen=True)
class Found:
    """Everything about one study: relief (share of own pain) at a time (h), arms, measurements."""

    study: Study
    relief: float
    at: float
    people: int
    draws: int
    shares: tuple[Share, ...]
    arms: tuple[Responders, ...]


def known(name: str) -> Value:
    """A number of the model of measurement, with its passport."""
    return read(LIBRARY, "1", "values", name)


def published(key: str) -> tuple[Mapping[str, Any], ...]:
    """What was published of a measurement: says, source, and auc where the numbers give one."""
    data = yamlfile.library(LIBRARY).data
    return tuple(
        {"says": r["says"], "source": data["sources"][r["source"]]["citation"], "auc": r.get("auc")}
        for r in data["published"].get(key, ())
    )


def run(
    study: Study,
    *,
    relief: float = RELIEF,
    at: float | None = None,
    draws: int = DRAWS,
    threads: int | None = None,
) -> Found:
    """Responders of every arm at a time (h), and what each measurement tells of them.

    ``at`` is 4 weeks, or the end of a shorter study, where it is not given.  ``draws`` posterior
    draws are behind each interval, 0 for none.  The same seed gives the same numbers.  Raises
    InputError where pain is not followed, for too few people, or a time beyond the horizon.
    """
    at = min(AT, study.horizon) if at is None else at
    given, arms = _arms(study, relief, at, threads)
    assert given.condition is not None
    dosed = [arm for arm in arms if arm.model is not None]
    if not dosed:
        raise study.error("no arm gives a drug, so nobody responds to one", "arms")
    judged = [
        _judged(_Setup(arm, given.condition, given.people, relief, at, study.seed, threads), draws)
        for arm in dosed
    ]
    return Found(
        study, relief, at, len(given.people), draws, tuple(_shares(arms, relief)), tuple(judged)
    )


def by_condition(
    study: Study, *, relief: float = RELIEF, at: float | None = None, threads: int | None = None
) -> dict[str, tuple[Share, ...]]:
    """Shares of responders of a study's arms in each painful condition, by its name.

    Pain that is made in a laboratory is left out.  Raises InputError as `run`.
    """
    at = min(AT, study.horizon) if at is None else at
    found = {}
    for name in conditions.names():
        if conditions.load(name).painful and name != "experimental-pain":
            own = study.model_copy(update={"condition": name})
            found[name] = tuple(_shares(_arms(own, relief, at, threads)[1], relief))
    return found


def _arms(study: Study, relief: float, at: float, threads: int | None) -> tuple[Setting, list[Arm]]:
    """Every arm, simulated up to a time, and the setting they share."""
    if study.condition is None:
        raise study.error("has no pain to follow: add 'condition:', such as 'condition: crps'")
    if not 0 < at <= study.horizon:
        raise InputError(
            f"{at / 24:g} days is outside the study, expected above 0 and at most "
            f"{study.horizon / 24:g} days",
            field="--at",
        )
    if not 0 < relief < 1:
        raise InputError(
            f"{relief:g} is refused, expected a share such as '30 %'", field="--relief"
        )
    people = study.people()
    if len(people) < LEAST:
        raise study.error(
            f"{len(people)} people are too few to tell responders from others, expected at least "
            f"{LEAST}",
            "population",
        )
    painful = study.model_copy(update={"outputs": ("pain",), "residual_error": False})
    given = setting(painful, people, np.array([0.0, at]), False, threads)
    return given, [simulated(given, arm, {}) for arm in planned(given)]


def _shares(arms: list[Arm], relief: float) -> Iterable[Share]:
    shares = {arm.name: float(_responded(arm, relief).mean()) for arm in arms}
    for arm in arms:
        own, other = shares[arm.name], arm.control(arms)
        if other is None:
            yield Share(arm.name, own, None, None)
        else:
            yield Share(arm.name, own, other.name, own - shares[other.name])


def _responded(arm: Arm, relief: float) -> Booleans:
    assert arm.chain is not None
    found: Booleans = arm.chain.endpoints["relief.end"] >= relief
    return found


# --- what is read of people --------------------------------------------------------------------


@dataclass(frozen=True)
class _Setup:
    """One arm and all that is asked of it."""

    arm: Arm
    condition: Condition
    people: People
    relief: float
    at: float
    seed: int
    threads: int | None


@dataclass(frozen=True)
class _Solving:
    """Who is simulated, under which typical values, to which tolerance."""

    people: People
    changes: Mapping[str, float]
    rtol: float


def _followed(setup: _Setup, how: _Solving, replicate: int = 0) -> tuple[Chain, Booleans]:
    assert setup.arm.mechanism is not None
    chain = follow(
        setup.arm.mechanism, setup.arm.model, setup.arm.regimen, setup.condition, how.people,
        np.array([0.0, setup.at]), outputs=("pain",), changes=how.changes, seed=setup.seed,
        replicate=replicate, rtol=how.rtol, threads=setup.threads,
    )  # fmt: skip
    return chain, chain.endpoints["relief.end"] >= setup.relief


def _varied(
    setup: _Setup, how: _Solving, symbol: str, values: Array
) -> tuple[NDArray[np.int64], Booleans]:
    """Level (place in ``values``) and response of people who differ in a typical value.

    The people are dealt out to the levels in turn, whatever the order of a table, and each level
    has random numbers of its own.
    """
    levels, responded = [], []
    for k, value in enumerate(values):
        own = _Solving(
            how.people.part(k, len(how.people), len(values)),
            {**how.changes, symbol: float(value)}, how.rtol,
        )  # fmt: skip
        hit = _followed(setup, own, replicate=k + 1)[1]
        levels.append(np.full(len(hit), k))
        responded.append(hit)
    return np.concatenate(levels), np.concatenate(responded)


def _curves(setup: _Setup, how: _Solving) -> dict[str, Curve]:
    """Readings of all measurements, and under the other assumptions ("key/assumption")."""
    chain, responded = _followed(setup, how)
    n, draw = len(responded), Draw(setup.seed)
    pain = chain.endpoints["pain.baseline"]
    error = draw.normal("responders.rating", n)
    found = {
        "pain": Curve(pain, responded),
        "pain/once": Curve(pain + known("rating_error").value * error, responded),
    }
    if narrow := _narrow(setup, how):
        found["pain/narrow"] = narrow
    found |= {f"summation{k}": Curve(v, responded) for k, v in _linked(setup.seed, n).items()}
    found |= _sensitized(setup, how)
    spread = known("spread_mood").value / 60
    moods = np.clip(setup.condition.circuit["M0"].value + spread * _scores(), 0, 1)
    level, hit = _varied(setup, how, "M0", moods)
    found["mood"] = Curve(60 * moods[level], hit)
    found |= {
        name: Curve(chain.parameters[name], responded)
        for name in _hidden(setup.arm)
        if name != "responsive"
    }
    if "responsive" in _hidden(setup.arm):
        share = how.changes.get("responsive", _typical(setup.arm, "responsive"))
        luck = streams.uniform(setup.seed, "responsive", n)
        found["responsive"] = Curve((luck < share).astype(np.float64), responded)
    return found


def _narrow(setup: _Setup, how: _Solving) -> Curve | None:
    """Pain before treatment with half its spread; None where the user's own table gives it."""
    mean, sd = setup.condition.pain_mean, setup.condition.pain_sd
    if BASELINE in how.people.extra or mean is None or sd is None:
        return None
    z = Draw(setup.seed).normal(BASELINE, len(how.people))
    own = {BASELINE: ratings(mean.value, sd.value / 2, z)}
    who = replace(how.people, extra={**how.people.extra, **own})
    chain, hit = _followed(setup, replace(how, people=who))
    return Curve(chain.endpoints["pain.baseline"], hit)


def _linked(seed: int, n: int) -> dict[str, Array]:
    """Readings of temporal summation with the assumed link to being responsive, in its SD.

    The lasting part of a reading is correlated with the number that decides who is responsive; the
    rest is error between two tests.  Neither takes anything from the simulation of pain.
    """
    draw = Draw(seed)
    able = -ndtri(streams.uniform(seed, "responsive", n))
    own, error = draw.normal("responders.trait", n), draw.normal("responders.error", n)
    lasting, rho = known("reliability").value, known("link").value

    def read_with(link: float, times: float = 1.0) -> Array:
        trait = link * able + np.sqrt(1 - link**2) * own
        found: Array = np.sqrt(lasting) * trait + times * np.sqrt(1 - lasting) * error
        return found

    return {
        "": read_with(rho), "/cut": read_with(0.0), "/half": read_with(rho / 2),
        "/doubled": read_with(rho, 2.0),
    }  # fmt: skip


def _sensitized(setup: _Setup, how: _Solving) -> dict[str, Curve]:
    """Sensitization that differs between people and acts, and what a test of wind-up reads of it.

    How widely readings spread follows from the separation of patients and healthy people.
    """
    typical = setup.condition.circuit["S_max"].value
    levels = typical * np.exp(known("spread_S").value * _scores())
    level, hit = _varied(setup, how, "S_max", levels)
    fibromyalgia = conditions.load("fibromyalgia").circuit["S_max"].value
    ratios = np.log(wind_up_ratio(np.array([0.0, fibromyalgia, *levels])))
    unit = (ratios[1] - ratios[0]) / known("separation").value
    part = (ratios[2:] - ratios[2:].mean()) / unit
    lasting = known("reliability").value
    draw, n = Draw(setup.seed), len(hit)
    other = np.sqrt(max(lasting - part.var(), 0.0)) * draw.normal("responders.trait", n)
    error = np.sqrt(1 - lasting) * draw.normal("responders.error", n)
    return {
        "sensitization": Curve(levels[level], hit),
        "summation/structure": Curve(part[level] + other + error, hit),
    }


def wind_up_ratio(sensitization: Array) -> Array:
    """Wind-up ratio that the standard test would read at these sensitizations, without error."""
    n, rate = int(known("stimuli").value), known("rate").value
    return temporal_summation(rate_hz=rate, n=n, sensitization=sensitization).wur


def _scores() -> Array:
    """Normal scores of the levels, scaled to an SD of 1."""
    scores = ndtri((np.arange(LEVELS) + 0.5) / LEVELS)
    found: Array = scores / scores.std()
    return found


#: What differs between people in the simulation and no test shows.
_HIDDEN = {
    "responsive": "being responsive or not",
    "k_x": "speed of loss by block (k_x)",
    "k_m": "speed of loss by norketamine",
    "tau_r": "slowness of return (tau_r)",
    "g_N": "relief by block (g_N)",
    "x": "response to being treated",
}


def _hidden(arm: Arm) -> dict[str, str]:
    assert arm.mechanism is not None
    used = mechanisms.used(arm.mechanism) | {"x"}
    if not used & {"k_x", "k_m"}:
        used -= {"responsive"}
    return {name: says for name, says in _HIDDEN.items() if name in used}


def _exposure(arm: Arm) -> Array:
    """Area under everyone's ketamine up to the time asked for, ng h/mL, enantiomers together."""
    assert arm.simulation is not None
    names = arm.simulation.analytes
    wanted = ("ketamine",) if "ketamine" in names else ("s-ketamine", "r-ketamine")
    mother = [k for k, name in enumerate(names) if name in wanted]
    found: Array = arm.simulation.auc[:, mother].sum(axis=1)
    return found


def _typical(arm: Arm, symbol: str) -> float:
    assert arm.mechanism is not None
    return mechanisms.parameters(arm.mechanism)[symbol].known.value


# --- judging -----------------------------------------------------------------------------------


def _judged(setup: _Setup, draws: int) -> Responders:
    curves = _curves(setup, _Solving(setup.people, {}, RTOL))
    responded = curves["pain"].responded
    curves["exposure"] = Curve(_exposure(setup.arm), responded)
    areas = {key: area(c.readings, c.responded) for key, c in curves.items()}
    spans = _spans(setup, draws, areas)
    rate = float(responded.mean())

    def judged(
        key: str, name: str, sort: Sort, carried: str, grade: Grade, unit: str = "",
        bare: float | None = None, others: Mapping[str, str] | None = None,
    ) -> Measurement:  # fmt: skip
        lower = (areas[key] or 0.5) < 0.5
        best = at_best_cut(_turned(curves[key].readings, lower), curves[key].responded)
        low, high = spans.get(key, (None, None))
        return Measurement(
            key, name, sort, _sided(areas[key], lower), carried, grade, low, high,
            "lower" if lower else "higher",
            None if best is None else (-best[0] if lower else best[0]), unit,
            None if best is None else best[1], None if best is None else best[2], bare,
            tuple(
                Alternative(says, _sided(areas[f"{key}/{k}"], lower))
                for k, says in (others or {}).items()
            ),
            published(key), curves[key],
        )  # fmt: skip

    rows = [
        _pain_before(setup, areas, judged),
        judged(
            "summation", "temporal summation", "measured",
            f"assumption: correlation {known('link').text} of the reading with being responsive, "
            "set to Bosma 2018; no equation makes it",
            "D", "SD", 0.5,
            {
                "cut": "no link, everybody equally sensitized (as calibrated)",
                "structure": "no link; sensitization differs between people and acts, the test "
                             "reads it by the wind-up equation",
                "half": "half the link",
                "doubled": "error of the test doubled",
            },
        ),
        judged(
            "mood", "mood (MADRS)", "measured",
            "direction by structure (mood and pain move each other); that people differ is "
            f"assumed, SD {known('spread_mood').text}, and nothing links it to the drug",
            "D", "MADRS", 0.5,
        ),
        _unmodelled("duration", "duration of pain", rate),
        _unmodelled("opioid", "opioid use", rate),
        _unmodelled("bdnf", "BDNF in blood", rate),
        judged(
            "sensitization", "sensitization itself", "best case",
            "direction by structure (what can fade is larger); that people differ is assumed, "
            f"SD {known('spread_S').text} on the log scale",
            "D", "", 0.5,
        ),
    ]  # fmt: skip
    rows += [
        judged(key, says, "hidden", _passport(setup.arm, key), "D", _unit(key))
        for key, says in _hidden(setup.arm).items()
    ]
    rows.append(
        judged(
            "exposure", "exposure to ketamine", "hidden",
            "structure; spread of the published blood model", "B", "ng*h/mL",
        )
    )  # fmt: skip
    return Responders(setup.arm.name, rate, tuple(rows))


def _pain_before(
    setup: _Setup, areas: Mapping[str, float | None], judged: Callable[..., Measurement]
) -> Measurement:
    """Pain before treatment, which the equations alone tie to relief; its spread is the library's.

    Nothing of it is assumed where the spread was published or is that of the user's own table.
    """
    spread = setup.condition.pain_sd if "pain/narrow" in areas else None
    assumed = spread is not None and spread.how == "assumed"
    whence = "that of the table" if spread is None else f"{spread.how}, grade {spread.grade}"
    found = areas["pain"]
    others = {
        "once": f"one rating with an error of {known('rating_error').text} point instead of the "
        "mean of many"
    }
    if spread is not None:
        others["narrow"] = "half the spread of pain before treatment"
    return judged(
        "pain", "pain before treatment", "measured",
        "structure: relief is a share of one's own pain on a scale with two ends; spread of pain "
        f"before treatment {whence}",
        "D" if spread is None else spread.grade, "points",
        None if assumed else _sided(found, (found or 0.5) < 0.5), others,
    )  # fmt: skip


def _unmodelled(key: str, name: str, rate: float) -> Measurement:
    """What the mechanism does not know: it tells nothing by construction."""
    return Measurement(
        key, name, "not modelled", 0.5, "not modelled: 0.5 by construction", "D", ppv=rate,
        npv=1 - rate, published=published(key),
    )  # fmt: skip


def _passport(arm: Arm, key: str) -> str:
    """How the spread of a hidden parameter was obtained."""
    assert arm.mechanism is not None
    if key == "x":
        return "structure; mean and spread fitted to published responses to placebo"
    found = mechanisms.parameters(arm.mechanism)[key]
    if key == "responsive":
        return f"mixture: {found.known.text} of the people, {found.known.how}"
    spread = "" if found.between is None else f", spread {found.between.text} assumed"
    reach = " times the mixture" if key in ("k_x", "k_m") else ""
    return f"structure{reach}; typical value {found.known.how}{spread}"


def _unit(key: str) -> str:
    unit = mechanisms.UNITS.get(key, "")
    return "" if unit == "1" else unit


def _turned(readings: Array, lower: bool) -> Array:
    return -readings if lower else readings


def _sided(found: float | None, lower: bool) -> float | None:
    """An area for readings that point the other way, if they do."""
    return found if found is None or not lower else 1 - found


def _spans(
    setup: _Setup, draws: int, areas: Mapping[str, float | None]
) -> dict[str, tuple[float, float]]:
    """95 % of the areas under posterior draws of the mechanism, turned as the areas are.

    What a draw moves is taken from the same people under the typical values, so that chance among
    the few people of a draw stays out.  Draws in which nobody or everybody responds have no area;
    where they are the half, there is no interval.
    """
    assert setup.arm.mechanism is not None
    n = len(setup.people)
    some = setup.people.part(0, n, -(-n // SOME))
    typical = _areas(setup, _Solving(some, {}, ROUGH))
    seen: dict[str, list[float]] = {}
    for draw in mechanisms.posterior_in(setup.arm.mechanism, setup.condition.name)[:draws]:
        how = _Solving(some, draw, ROUGH)
        for key, found in _areas(setup, how).items():
            before = typical[key]
            if found is not None and before is not None:
                seen.setdefault(key, []).append(found - before)
    spans = {}
    for key, moved in seen.items():
        middle = areas[key]
        if middle is not None and 2 * len(moved) > draws:
            both = np.clip(middle + np.quantile(moved, (0.025, 0.975)), 0, 1)
            low, high = sorted(1 - both if middle < 0.5 else both)
            spans[key] = (float(low), float(high))
    return spans


def _areas(setup: _Setup, how: _Solving) -> dict[str, float | None]:
    return {key: area(c.readings, c.responded) for key, c in _curves(setup, how).items()}


# --- areas -------------------------------------------------------------------------------------


def area(readings: Array, responded: Booleans) -> float | None:
    """Chance that a responder's reading exceeds another's, ties half; None with one side empty.

    The area under the receiver's curve, by midranks (Mann and Whitney).
    """
    n, m = int(responded.sum()), int((~responded).sum())
    if not n or not m:
        return None
    ranks = rankdata(readings)
    return float((ranks[responded].sum() - n * (n + 1) / 2) / (n * m))


def curve(readings: Array, responded: Booleans) -> tuple[Array, Array, Array]:
    """False positive rate, sensitivity and cut (reading at or above it), from strict to lax."""
    cuts = np.unique(readings)[::-1]
    order = np.sort(readings[responded]), np.sort(readings[~responded])
    hits, alarms = (1 - np.searchsorted(side, cuts) / len(side) for side in order)
    return np.append(0.0, alarms), np.append(0.0, hits), np.append(np.inf, cuts)


def at_best_cut(readings: Array, responded: Booleans) -> tuple[float, float, float] | None:
    """Cut with the largest sensitivity plus specificity, and PPV and NPV there."""
    if not responded.any() or responded.all():
        return None
    alarms, hits, cuts = curve(readings, responded)
    inside = slice(1, -1) if len(cuts) > 2 else slice(1, None)
    best = 1 + int(np.argmax((hits - alarms)[inside]))
    above = readings >= cuts[best]
    if above.all() or not above.any():
        return None
    return float(cuts[best]), float(responded[above].mean()), float((~responded[~above]).mean())
