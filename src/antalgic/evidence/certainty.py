"""How far a study's means hold: simulated again under values that the parameters may also have.

Everything that was fitted, read or assumed is drawn anew, all at once, from what is known of it
(`antalgic.model.uncertain`); the same few people with the same random numbers serve every draw, so
that what moves is what is not known, and not who takes part.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import qmc, rankdata

from antalgic.arms import Arm, Setting, chain_outputs, is_behind, planned, setting
from antalgic.errors import InputError
from antalgic.evidence import shapley
from antalgic.model import comparators, harm, receptor, uncertain
from antalgic.model import mechanism as mechanisms
from antalgic.model.movement import movement
from antalgic.model.shelf import PKModel
from antalgic.model.uncertain import GRADES, Uncertain
from antalgic.population.conditions import Condition
from antalgic.population.people import People
from antalgic.result import readout_times
from antalgic.simulation import QUANTILES, simulate
from antalgic.simulation.beside import moves
from antalgic.simulation.chain import WEEKS, follow
from antalgic.simulation.persons import response
from antalgic.sources import Value
from antalgic.study import Study

Array = NDArray[np.float64]
Progress = Callable[[str], None]

#: People in whom every draw is simulated, and draws: enough for a mean and for its variance.
PEOPLE = 64
DRAWS = 512
RTOL = 1e-3
#: Quality of the surrogate (Q²) below which no shares are given.
LEAST_QUALITY = 0.7
#: What the calibration of the response to placebo goes by.
_LEARNED = ("w_e", "tau_e", "tau_x")


@dataclass(frozen=True)
class Doubt:
    """A parameter that is not known for sure, and where it acts.

    ``room`` is "pk", "mechanism", "receptor", "placebo" or "shared" (condition, harm and other
    drugs); ``owner`` is the model or mechanism where there may be several; ``symbol`` is its name
    there.
    """

    known: Uncertain
    room: str
    owner: str
    symbol: str

    @property
    def name(self) -> str:
        """Its name in tables and on the command line."""
        return self.known.name


@dataclass(frozen=True)
class Shares:
    """What the variance of one number rests on; ``quality`` is Q² of the surrogate.

    ``grades`` and ``parameters`` are shares by name, each adding up to 1; ``assumed`` is the share
    of what was assumed and not read or fitted.
    """

    sd: float
    quality: float
    grades: Mapping[str, float]
    assumed: float
    parameters: Mapping[str, float]


@dataclass(frozen=True)
class Endpoint:
    """One number of a study: the mean of an output in an arm, or less that in another, at ``hour``.

    ``arm`` and ``over`` are places among the arms, ``at`` that among the times.
    """

    output: str
    arm: int
    over: int | None
    at: int
    hour: float


@dataclass(frozen=True)
class Certainty:
    """Means over people by draw: ``means`` (draws, arms, outputs, times), NaN where there is none.

    ``typical`` (arms, outputs, times) are the same people under the library's values.  ``scores``
    (draws, parameters) are independent normal numbers; ``root`` makes them those of the parameters.
    """

    doubts: tuple[Doubt, ...]
    scores: Array
    root: Array
    arms: tuple[Arm, ...]
    outputs: tuple[str, ...]
    times: Array
    means: Array
    typical: Array
    people: int

    def course(self, output: str, arm: int, over: int | None = None) -> Array:
        """Means of an output in an arm (draws, times), or less those in another arm."""
        place = self.outputs.index(output)
        found: Array = self.means[:, arm, place]
        return found if over is None else found - self.means[:, over, place]

    def number(self, asked: Endpoint) -> Array:
        """An endpoint by draw (draws,)."""
        found: Array = self.course(asked.output, asked.arm, asked.over)[:, asked.at]
        return found

    def usual(self, asked: Endpoint) -> float:
        """An endpoint under the library's values, in the same people."""
        place = self.outputs.index(asked.output)
        found = float(self.typical[asked.arm, place, asked.at])
        if asked.over is None:
            return found
        return found - float(self.typical[asked.over, place, asked.at])

    def bands(self, means: Array) -> Array:
        """Quantiles over draws (arms, outputs, times, levels) around means of the whole study.

        ``means`` (arms, outputs, times) are those of all people under the library's values: what a
        draw moves is taken from the few people in whom it was simulated.
        """
        moved = means + self.means - self.typical
        top = np.array([10.0 if o in ("pain", "unpleasantness") else np.inf for o in self.outputs])
        held = np.clip(moved, 0.0, top[:, None])
        found: Array = np.moveaxis(np.quantile(held, QUANTILES, axis=0), 0, -1)
        return found

    def endpoints(self) -> list[Endpoint]:
        """One number for each output of the arms with drug: what is left at the end.

        Levels in blood are taken where they are highest; pain also as the difference from the arm
        without drug.
        """
        drugged = [i for i, arm in enumerate(self.arms) if arm.gives_a_drug]
        found = []
        for output in sorted(self.outputs, key=lambda o: o != "pain"):
            for row in drugged or range(len(self.arms)):
                usual = self.typical[row, self.outputs.index(output)]
                if np.isnan(usual).any() or not usual.any():
                    continue
                at = len(usual) - 1 if is_behind(output) else int(np.argmax(usual))
                one = Endpoint(output, row, None, at, float(self.times[at]))
                control = self.arms[row].control(self.arms)
                if output == "pain" and control is not None:
                    found.append(replace(one, over=self.arms.index(control)))
                found.append(one)
        return found

    def shares(self, asked: Endpoint) -> Shares:
        """What the variance of an endpoint rests on.

        Raises InputError where the surrogate does not predict runs that it has not seen.
        """
        y, own = self.number(asked), self._acting(asked)
        learned = shapley.learn(self.scores[:, own], y, self.root[np.ix_(own, own)])
        if learned.quality < LEAST_QUALITY:
            raise InputError(
                f"no shares are given: a smooth function of the parameters tells only "
                f"{100 * max(learned.quality, 0):.0f} % of the variance (Q²), less than "
                f"{100 * LEAST_QUALITY:.0f} %"
            )
        known = [self.doubts[i].known for i in own]
        grades: dict[str, list[int]] = {
            g: [i for i, one in enumerate(known) if one.grade == g] for g in GRADES
        }
        assumed = [i for i, one in enumerate(known) if one.how == "assumed"]
        others = [i for i in range(len(known)) if i not in assumed]
        each = dict.fromkeys(self.names, 0.0)
        each |= zip((one.name for one in known), map(float, learned.each()), strict=True)
        return Shares(
            float(y.std()), learned.quality, learned.shares(grades),
            learned.shares({"assumed": assumed, "others": others})["assumed"], each,
        )  # fmt: skip

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return tuple(doubt.name for doubt in self.doubts)

    def _acting(self, asked: Endpoint) -> list[int]:
        """Places of the parameters that act in the arms of an endpoint."""
        arms = [self.arms[i] for i in (asked.arm, asked.over) if i is not None]
        owners = {"", *(a.mechanism for a in arms), *(a.model.name for a in arms if a.model)}
        return [i for i, doubt in enumerate(self.doubts) if doubt.owner in owners]


def run(
    study: Study,
    times: Array,
    *,
    people: People | None = None,
    draws: int = DRAWS,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Certainty:
    """A study's means at ``times`` (h) under joint draws of everything that is not known for sure.

    ``people`` are those of the study where they are at hand; the first `PEOPLE` serve.  Raises
    InputError as `antalgic.result.run` does.
    """
    model = Model.of(study, times, people)
    doubts = model.doubts
    root = correlated(doubts)
    drawn = qmc.Sobol(len(doubts), rng=study.seed).random(draws)
    scores = ndtri(np.clip(drawn, 1e-9, 1 - 1e-9))
    typical = model.means({})  # compiles, before threads could do so twice
    values = model.values(scores @ root.T)
    workers = threads or os.cpu_count() or 1
    means = np.empty((draws, *typical.shape))
    with ThreadPoolExecutor(workers) as pool:
        for number, found in enumerate(pool.map(model.means, values)):
            means[number] = found
            if progress and number % 32 == 0:
                progress(f"what is not known: {number} of {draws} draws")
    return Certainty(
        doubts, scores, root, model.arms, model.outputs, times, means, typical,
        len(model.given.people),
    )  # fmt: skip


def usual_times(study: Study) -> Array:
    """Readout times of a study for curves: dense at first, with ends of treatment and visits."""
    grid = readout_times(study.horizon, study.output_every)
    ends = [arm.treated[1] for arm in study.regimens().values() if arm.treated is not None]
    wanted = [*(grid[-1] * np.linspace(0, 1, _CURVE) ** 2), *WEEKS.values(), *ends]
    places = np.searchsorted(grid, [hour for hour in wanted if hour <= grid[-1]])
    found: Array = grid[np.unique(np.append(0, places))]
    return found


#: Points of a curve.
_CURVE = 73


@dataclass(frozen=True)
class Model:
    """A study's arms, ready to be simulated in a few people under other parameters."""

    given: Setting
    arms: tuple[Arm, ...]
    outputs: tuple[str, ...]
    doubts: tuple[Doubt, ...]

    @classmethod
    def of(
        cls, study: Study, times: Array, people: People | None = None, most: int = PEOPLE
    ) -> Model:
        """The model of a study in the first ``most`` of its people.

        What is wrong with the study is said as in a run.
        """
        everybody = study.people() if people is None else people
        some = everybody.part(0, min(most, len(everybody)))
        given = setting(study, some, times, False, 1)
        arms = tuple(planned(given))
        blood = dict.fromkeys(a for arm in arms if arm.model for a in arm.model.analytes)
        behind = dict.fromkeys(
            o for arm in arms if arm.mechanism for o in chain_outputs(given, arm)
        )
        there = (*blood, *behind)
        outputs = tuple(name for name in study.outputs or there if name in there)
        return cls(given, arms, outputs, tuple(_doubts(given, arms)))

    def values(self, z: Array) -> list[dict[str, float]]:
        """Parameters by name at normal scores (draws, parameters)."""
        columns = {d.name: d.known.at(z[:, i]) for i, d in enumerate(self.doubts)}
        return [{name: float(v[k]) for name, v in columns.items()} for k in range(len(z))]

    def means(self, values: Mapping[str, float]) -> Array:
        """Means over people (arms, outputs, times) where these parameters take these values."""
        found = np.full((len(self.arms), len(self.outputs), len(self.given.times)), np.nan)
        done: dict[str, Mapping[str, Array]] = {}
        for row, arm in enumerate(self.arms):
            for name, mean in self._arm(arm, values, done).items():
                found[row, self.outputs.index(name)] = mean
        return found

    def _arm(
        self, arm: Arm, values: Mapping[str, float], done: dict[str, Mapping[str, Array]]
    ) -> Mapping[str, Array]:
        """Means of one arm by output; ``done`` keeps the blood of arms with the same label."""
        given, study = self.given, self.given.study
        model = None
        if arm.model is not None:
            model = _changed(arm.model, self._of(values, "pk", arm.model.name))
        found: dict[str, Array] = {}
        amounts = None
        if arm.mechanism is not None and given.condition is not None:
            wanted = self._behind[arm.name]
            chain = follow(
                arm.mechanism, model, arm.regimen, given.condition, given.resting, given.times,
                outputs=wanted, changes=self.changes(arm.mechanism, values), seed=study.seed,
                typical=study.population.typical, rtol=RTOL, threads=1,
            )  # fmt: skip
            found |= dict(zip(chain.outputs, chain.mean, strict=True))
            if chain.given is not None:
                amounts = chain.given[:, : chain.given.shape[1] - len(arm.regimen.comparators)]
        blood = [o for o in self.outputs if not is_behind(o)]
        if model is None:
            return found | {name: np.zeros(len(given.times)) for name in blood}
        own = [name for name in blood if name in model.analytes]
        if own and (arm.label not in done or amounts is not None):
            simulated = simulate(
                model, arm.regimen, given.people, given.times, analytes=own, seed=study.seed,
                typical=study.population.typical, threads=1, given=amounts,
            )  # fmt: skip
            done[arm.label] = dict(zip(own, simulated.mean, strict=True))
        return found | dict(done.get(arm.label, {}))

    def changes(self, mechanism: str, values: Mapping[str, float]) -> dict[str, float]:
        """Typical values for `chain.follow` under a mechanism."""
        assert self.given.condition is not None
        own = self._of(values, "mechanism", mechanism)
        placebo = self._of(values, "placebo")
        opened = self._of(values, "receptor")
        found = {**own, **self._of(values, "shared"), **opened}
        found |= _gains(mechanism, own, opened)
        return found | _treated(mechanism, self.given.condition, own, placebo)

    @cached_property
    def _behind(self) -> dict[str, list[str]]:
        """Outputs behind the blood by arm."""
        return {
            arm.name: [o for o in chain_outputs(self.given, arm) if o in self.outputs]
            for arm in self.arms
            if arm.mechanism is not None
        }

    def _of(self, values: Mapping[str, float], room: str, owner: str = "") -> dict[str, float]:
        return {
            d.symbol: values[d.name]
            for d in self.doubts
            if (d.room, d.owner) == (room, owner) and d.name in values
        }


def correlated(doubts: Sequence[Doubt]) -> Array:
    """Root of the correlations of the parameters' normal scores: those of calibrations."""
    table = np.eye(len(doubts))
    for owner in dict.fromkeys(d.owner for d in doubts if d.room == "mechanism"):
        fitted = [i for i, d in enumerate(doubts) if d.owner == owner and d.known.draws is not None]
        if len(fitted) > 1:
            scores = [ndtri((rankdata(_drawn(doubts[i])) - 0.5) / len(_drawn(doubts[i])))
                      for i in fitted]  # fmt: skip
            table[np.ix_(fitted, fitted)] = np.corrcoef(scores)
    return shapley.root_of(table)


def _drawn(doubt: Doubt) -> Array:
    assert doubt.known.draws is not None
    return doubt.known.draws


# --- what is not known -------------------------------------------------------------------------


def _doubts(given: Setting, arms: Sequence[Arm]) -> list[Doubt]:
    """Every parameter of a study that is not known for sure, each name once."""
    models = {a.model.name: a.model for a in arms if a.model is not None}
    rivals = list(dict.fromkeys(a.mechanism for a in arms if a.mechanism is not None))
    found = [d for model in models.values() for d in _of_blood(model, len(models) > 1)]
    if given.condition is None or not rivals:
        return found
    moving = any(moves(given.condition, arm.regimen, given.chained) for arm in arms)
    harms = not harm.READOUTS.keys().isdisjoint(given.chained)
    beside = {*(movement.parameters if moving else ()), *(_OF_HARM if harms else ())}
    if given.condition.a_P is not None:
        beside -= {"a_P"}  # the condition's own stands above the usual one
    for rival in rivals:
        found += _of_mechanism(rival, beside, len(rivals) > 1)
    if models:
        found += _of_receptor()
    found += _of_condition(given.condition)
    if harms:
        known = mechanisms.parameters()
        found += [
            one
            for name, p in harm.parameters().items()
            if name not in known
            for one in _one(name, p.known, "shared")
        ]
    drugs = dict.fromkeys(name for arm in arms for name in arm.regimen.beside)
    for drug in drugs:
        for name, p in comparators.load(drug).parameters.items():
            found += _one(name, p.known, "shared")
    return found


def _of_blood(model: PKModel, several: bool) -> list[Doubt]:
    prefix = model.name if several else "pk"
    shares = _shares_of(model)
    return [
        one
        for name, p in model.parameters.items()
        if not p.entry.same_as
        for one in _one(name, p.known, "pk", model.name, f"{prefix}.{name}", share=name in shares)
    ]


def _shares_of(model: PKModel) -> set[str | None]:
    """Parameters that part a dose or a flow."""
    paths = [p for routes in model.file.routes.values() for ways in routes.values() for p in ways]
    found = {name for path in paths for name in (path.fraction, path.rest_of)}
    found |= {path.devices.later for path in paths if path.devices}
    found |= {use.parameters.get("fraction") for use in model.file.structure}
    own = [p.entry.covariates for name, p in model.parameters.items() if name in found]
    return found | {effect.value for effects in own for effect in effects}


#: Parameters that the steps of harm take; some are a mechanism's own.
_OF_HARM = {name for step in harm.STEPS.values() for name in step.parameters}


def _of_mechanism(mechanism: str, beside: set[str], several: bool) -> list[Doubt]:
    """Parameters of a mechanism, and those that what stands ``beside`` it takes."""
    draws = mechanisms.posterior(mechanism)
    library = mechanisms.parameters(mechanism)
    used = mechanisms.used(mechanism) | beside
    found = []
    for symbol in (s for s in library if s in used):
        name = f"{mechanism}.{symbol}" if several else symbol
        if symbol in draws[0]:
            known = uncertain.calibrated(
                symbol, library[symbol].known, [draw[symbol] for draw in draws]
            )
            found.append(Doubt(replace(known, name=name), "mechanism", mechanism, symbol))
        else:
            found += _one(symbol, library[symbol].known, "mechanism", mechanism, name)
    return found


def _of_receptor() -> list[Doubt]:
    return [
        one
        for symbol, known in receptor.parameters().items()
        if f"{symbol}.receptor" not in uncertain.held()
        for one in _one(symbol, known, "receptor")
    ]


def _of_condition(condition: Condition) -> list[Doubt]:
    circuit = {"D_c" if n == "D" else n: known for n, known in condition.circuit.items()}
    own = {} if condition.a_P is None else {"a_P": condition.a_P}
    found = [
        one
        for symbol, known in {**circuit, **condition.injury, **own}.items()
        if f"{symbol}.{condition.name}" not in uncertain.held()
        for one in _one(symbol, known, "shared")
    ]
    if condition.injury:
        return found
    for number in uncertain.placebo():
        if number in condition.placebo and condition.placebo[number].value > 0:
            known = condition.placebo[number]
            return found + _one(number, known, "placebo", name=f"placebo.{number}")
    return found


def _one(
    symbol: str, known: Value, room: str, owner: str = "", name: str = "", *, share: bool = False
) -> list[Doubt]:
    """A library value as a doubt; none where it is held."""
    one = uncertain.published(symbol, known, share=share or uncertain.is_share(symbol))
    if one is None:
        return []
    said = replace(one, name=name or symbol, says=uncertain.says(name or symbol))
    if said.says == said.name:
        said = replace(said, says=one.says if room == "mechanism" else said.name)
    return [Doubt(said, room, owner, symbol)]


# --- under other values ------------------------------------------------------------------------


def _changed(model: PKModel, values: Mapping[str, float]) -> PKModel:
    """A model of blood with other typical values."""
    if not values:
        return model
    known = dict(model.parameters)
    for name, value in values.items():
        known[name] = replace(known[name], known=replace(known[name].known, value=value))
    return replace(model, parameters=known)


def _gains(
    mechanism: str, own: Mapping[str, float], opened: Mapping[str, float]
) -> dict[str, float]:
    """What was fitted to block, moved so that a known level keeps its effect.

    The calibration saw levels in blood, not block: with another receptor it would have found other
    gains.  `uncertain.reference_level` is the level whose effect stays.
    """
    if not opened:
        return {}
    library = mechanisms.parameters(mechanism)
    used = mechanisms.used(mechanism)
    before, now = _usually_blocked(), _blocked(**opened)
    found = {}
    for symbol, site, power in _FITTED_TO_BLOCK:
        if symbol in used:
            value = own.get(symbol, library[symbol].known.value)
            found[symbol] = value * (now[site] / before[site]) ** power
    return found


#: Fitted parameters that multiply block (-1) or are compared with it (1), at which site.
_FITTED_TO_BLOCK = (("g_N", "phasic", -1), ("k_x", "tonic", -1), ("k_K", "tonic", -1),
                    ("B_th", "tonic", 1))  # fmt: skip


@cache
def _usually_blocked() -> dict[str, float]:
    return _blocked()


def _blocked(**changes: float) -> dict[str, float]:
    """Block by the reference level at the two sites."""
    given: dict[str, Any] = dict(changes)
    found = receptor.block({"s-ketamine": uncertain.reference_level()}, **given)
    return {"phasic": float(found.phasic), "tonic": float(found.tonic)}


def _treated(
    mechanism: str, condition: Condition, own: Mapping[str, float], placebo: Mapping[str, float]
) -> dict[str, float]:
    """X_mean and X_sd with which the published response to placebo is met under these values."""
    if condition.injury:
        return {}
    usual = response(mechanism, condition)
    library = mechanisms.parameters(mechanism)
    logs = np.array([
        np.log(own.get(s, library[s].known.value) / library[s].known.value) for s in _LEARNED
    ])  # fmt: skip
    factor = float(np.exp(_squares(logs[None]) @ _learned(mechanism, condition.name))[0])
    for number, value in placebo.items():
        factor *= value / condition.placebo[number].value
    return {symbol: value * factor for symbol, value in usual.items()}


@cache
def _learned(mechanism: str, condition: str) -> Array:
    """How the response must change with what expectation learns: from the draws, log on log.

    The calibration set it anew for each draw; it is a smooth function of three parameters.
    """
    draws = mechanisms.posterior(mechanism)
    library = mechanisms.parameters(mechanism)
    usual = mechanisms.placebo(mechanism, condition)["X_mean"]
    if usual <= 0:
        return np.zeros(_squares(np.zeros((1, len(_LEARNED)))).shape[1])
    logs = np.array([[np.log(d[s] / library[s].known.value) for s in _LEARNED] for d in draws])
    wanted = np.log([d[f"X_mean.{condition}"] / usual for d in draws])
    return np.asarray(np.linalg.lstsq(_squares(logs), wanted, rcond=None)[0], dtype=np.float64)


def _squares(logs: Array) -> Array:
    """Columns of a quadratic without a constant: under library values nothing changes."""
    pairs = combinations_with_replacement(range(logs.shape[1]), 2)
    return np.column_stack([logs, *(logs[:, i] * logs[:, j] for i, j in pairs)])
