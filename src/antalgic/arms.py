"""From a study to its simulated arms: which models and mechanisms answer, and what they give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from antalgic.dosing import Regimen
from antalgic.errors import InputError, did_you_mean
from antalgic.model import comparators, defaults, shelf
from antalgic.model import mechanism as mechanisms
from antalgic.model.mechanism import OUTPUTS
from antalgic.model.shelf import PKModel
from antalgic.population import comorbidities, conditions
from antalgic.population.comorbidities import ADULT
from antalgic.population.conditions import Condition
from antalgic.population.people import People
from antalgic.simulation import Simulation, simulate
from antalgic.simulation.beside import MOVEMENT
from antalgic.simulation.chain import BLOCK, Chain, follow
from antalgic.simulation.individual import Array
from antalgic.simulation.persons import BASELINE
from antalgic.simulation.session import WATCHED, Session, Watch, heaviest

if TYPE_CHECKING:
    from antalgic.study import Study

#: What is followed behind the blood where the study names no outputs.
USUAL = ("pain", "mood", "sensitization")
#: Rank, by peak dissociation, of the person whose session is drawn.
_LIVELY = 0.9


@dataclass(frozen=True)
class Arm:
    """One arm in one model and one mechanism, and what was simulated of it.

    ``model`` and ``simulation`` are None for an arm without ketamine; ``mechanism`` and ``chain``
    where nothing behind the blood is followed.  ``label`` is the name without the mechanism.
    ``session`` is one session hour by hour, where that was asked for.
    """

    name: str
    label: str
    regimen: Regimen
    model: PKModel | None
    why: str
    mechanism: str | None = None
    simulation: Simulation | None = None
    chain: Chain | None = None
    session: Attended | None = None

    @property
    def gives_a_drug(self) -> bool:
        """Whether ketamine or another drug is given, and not only a placebo or nothing."""
        return self.model is not None or bool(self.regimen.comparators)

    def control(self, arms: Sequence[Arm]) -> Arm | None:
        """What an arm with drug is compared with: placebo, else nothing, same mechanism."""
        if not self.gives_a_drug:
            return None
        same = [a for a in arms if a.mechanism == self.mechanism and not a.gives_a_drug]
        treated = [a for a in same if a.regimen.treated is not None]
        return next(iter((*treated, *same)), None)


@dataclass(frozen=True)
class Example:
    """One person's session: place among the people from 0, values (outputs, times)."""

    place: int
    values: Array


@dataclass(frozen=True)
class Attended:
    """A session and what it gave: bands over its times, everyone's endpoints (see `Watch`).

    ``example`` is the person at the 90th percentile of peak dissociation, where there are several
    people and a drug.
    """

    hours: Session
    chain: Chain
    example: Example | None = None


@dataclass(frozen=True)
class Setting:
    """What all arms of a study share: people, readout times (h) and the painful condition.

    ``condition`` is None where only the blood is followed; ``chained`` names the outputs behind it.
    ``changes`` replaces typical parameters of the chain by name.
    """

    study: Study
    people: People
    times: NDArray[np.float64]
    condition: Condition | None
    chained: tuple[str, ...]
    trajectories: bool
    threads: int | None
    changes: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def resting(self) -> People:
        """The people with the pressures and pulse they have at rest, as far as these are known."""
        if self.study.population.typical or float(self.people.age.min()) < ADULT:
            return self.people
        vitals = comorbidities.resting(self.people, self.study.seed)
        return comorbidities.carrying(self.people, vitals)


def setting(
    study: Study,
    people: People,
    times: NDArray[np.float64],
    trajectories: bool,
    threads: int | None,
) -> Setting:
    """What the arms of a study share; InputError where pain is asked for and cannot be followed."""
    asked = [name for name in study.outputs or () if is_behind(name)]
    condition = conditions.load(study.condition) if study.condition else None
    if condition is not None and not condition.painful:
        if asked:
            raise study.error(
                f"'{condition.name}' has no pain to follow, as output '{asked[0]}' needs; "
                "for pain in volunteers take 'experimental-pain'",
                "condition",
            )
        condition = None
    if condition is None and asked:
        assert study.outputs is not None
        painful = [n for n in conditions.names() if conditions.load(n).painful]
        raise study.error(
            f"'{asked[0]}' needs a condition to start from: add 'condition:' with one of "
            f"{', '.join(painful)}",
            "outputs", study.outputs.index(asked[0]),
        )  # fmt: skip
    chained = tuple(asked) if study.outputs else USUAL if condition else ()
    named = study.models is not None and study.models.mechanism is not None
    if named and not (condition and chained):
        needs = "an output such as pain" if condition else "a condition that hurts"
        raise study.error(f"has nothing to act on: it needs {needs}", "models", "mechanism")
    return Setting(
        study, people, times, condition if chained else None, chained, trajectories, threads
    )


def planned(given: Setting) -> list[Arm]:
    """The arms with their models and mechanisms, not yet simulated; outputs are checked."""
    study = given.study
    for name, regimen in study.regimens().items():
        _check_beside(given, name, regimen)
    arms = [
        arm
        for name, regimen in study.regimens().items()
        for model, why, label in _models(study, name, regimen, given.people)
        for arm in _rivals(given, Arm(label, label, regimen, model, why))
    ]
    _check_outputs(given, arms)
    return arms


def simulated(given: Setting, arm: Arm, done: Mapping[str, Simulation]) -> Arm:
    """An arm with its simulation and its chain; ``done`` holds the blood of arms by their label."""
    chain = _chain(given, arm)
    if arm.regimen.exercise and chain is None:
        raise given.study.error(
            "exercise acts on movement and pain, which are not followed here: give the study a "
            "condition and an output such as pain",
            "arms", arm.regimen.name,
        )  # fmt: skip
    if arm.regimen.decisions:
        if chain is None:
            rule = next(iter(arm.regimen.decisions[0].rules))
            raise given.study.error(
                f"{rule} needs pain to be followed: give the study a condition and an output "
                "such as pain",
                "arms", arm.regimen.name,
            )  # fmt: skip
        return replace(arm, chain=chain, simulation=_blood(given, arm, _of_ketamine(arm, chain)))
    return replace(arm, chain=chain, simulation=done.get(arm.label) or _blood(given, arm))


def _of_ketamine(arm: Arm, chain: Chain) -> Array | None:
    """The doses of ketamine that rules decided on: those of other drugs come after them."""
    if chain.given is None:
        return None
    return chain.given[:, : chain.given.shape[1] - len(arm.regimen.comparators)]


def attended(given: Setting, arms: list[Arm]) -> list[Arm]:
    """The arms with the session of the most drug; those without drug sit through the first one."""
    own = {arm.name: heaviest(arm.regimen) for arm in arms if arm.mechanism is not None}
    first = next((hours for hours in own.values() if hours is not None), None)
    if first is None:
        return arms
    found = []
    for arm in arms:
        if arm.mechanism is None:
            found.append(arm)
            continue
        hours = own[arm.name] or first
        chain = _chain(
            given, arm, outputs=WATCHED, times=hours.times, also=Watch(hours), given=_decided(arm)
        )
        assert chain is not None
        example = None
        if arm.model is not None and len(given.people) > 1:
            example = _example(given, arm, hours, chain)
        found.append(replace(arm, session=Attended(hours, chain, example)))
    return found


def _example(given: Setting, arm: Arm, hours: Session, chain: Chain) -> Example:
    """The person at the 90th percentile of peak dissociation, followed again with the neighbours.

    Whole blocks of people give the same bits by themselves, so that nobody's curves but theirs need
    to be kept.
    """
    order = np.argsort(chain.endpoints["session.dissociation"], kind="stable")
    place = int(order[round(_LIVELY * (len(order) - 1))])
    first = place - place % BLOCK
    last = min(first + BLOCK, len(order))
    decided = _decided(arm)
    again = _chain(
        given, arm, given.resting.part(first, last), outputs=WATCHED, times=hours.times,
        offset=first, trajectories=True, given=None if decided is None else decided[first:last],
    )  # fmt: skip
    assert again is not None and again.values is not None
    return Example(place, again.values[:, :, place - first])


def _decided(arm: Arm) -> Array | None:
    """The doses that rules decided on over the whole study, which hold in its session too."""
    return None if arm.chain is None else arm.chain.given


def is_behind(output: str) -> bool:
    """Whether an output comes from the chain: pain and the like, or a treatment beside ketamine."""
    return output in OUTPUTS or output in comparators.names()


def chain_outputs(given: Setting, arm: Arm) -> list[str]:
    """The outputs asked for that an arm's chain predicts."""
    assert arm.mechanism is not None
    mechanism = mechanisms.load(arm.mechanism)
    around = comparators.beside(arm.regimen.beside, mechanism)
    there = [*mechanism.circuit(None, around, harms=True).readouts, *MOVEMENT]
    return [name for name in given.chained if name in there]


def _predicted(mechanism: str) -> list[str]:
    """What a mechanism predicts: by itself, of harm, and of movement where that is asked for."""
    return [*mechanisms.load(mechanism).circuit(None, harms=True).readouts, *MOVEMENT]


def _check_beside(given: Setting, name: str, regimen: Regimen) -> None:
    """Treatments beside ketamine need a chain to act in, and sites of their own."""
    study, drugs = given.study, ", ".join(regimen.beside)
    if drugs and given.condition is None:
        raise study.error(
            f"{drugs} is followed in the circuit of pain only: give the study a condition that "
            "hurts and an output such as pain",
            "arms", name,
        )  # fmt: skip
    if drugs and regimen.steady_state is not None:
        raise study.error(
            f"{drugs} beside a treatment without a beginning is not known: leave out steady_state",
            "arms", name,
        )  # fmt: skip
    try:
        comparators.beside(regimen.beside, mechanisms.load(mechanisms.DEFAULT))
    except InputError as error:
        raise study.error(error.message, "arms", name) from error


# --- models and mechanisms ---------------------------------------------------------------------


def _rivals(given: Setting, arm: Arm) -> list[Arm]:
    """An arm once for each mechanism; as it is where nothing behind the blood is followed."""
    study = given.study
    if given.condition is None:
        return [arm]
    if arm.regimen.steady_state is not None:
        if study.outputs:
            raise study.error(
                f"'{given.chained[0]}' before a treatment without a beginning is not known: leave "
                "out steady_state, or ask for concentrations only",
                "arms", arm.regimen.name,
            )  # fmt: skip
        return [arm]
    chosen = study.mechanisms
    if len(chosen) == 1:
        return [replace(arm, mechanism=chosen[0])]
    alone = len(study.arms) == 1 and not study.compared
    return [
        replace(arm, name=name if alone else f"{arm.label}, {name}", mechanism=name)
        for name in chosen
    ]


def _models(
    study: Study, name: str, regimen: Regimen, people: People
) -> list[tuple[PKModel | None, str, str]]:
    """Models of an arm with the reason for each and the label of the arm in the result."""
    if not regimen.doses:
        return [(None, "no ketamine is given" if regimen.beside else "no drug is given", name)]
    pairs = sorted({(dose.drug, dose.route) for dose in regimen.doses})
    if study.compared:
        single = len(study.arms) == 1
        return [
            (_named(study, m, pairs), "named in the study", m if single else f"{name}, {m}")
            for m in study.compared
        ]
    chosen = {study.model_for(name, drug) for drug, _ in pairs} - {None}
    if len(chosen) > 1:
        raise study.error("names several models for one arm", "models", "pharmacokinetics")
    for model in chosen:
        return [(_named(study, str(model), pairs), "named in the study", name)]
    age: defaults.Age = "child" if float(np.median(people.age)) < 18 else "adult"
    sampling = study.models.sampling if study.models else "any"
    try:
        default = defaults.choose(
            pairs, age=age, sampling=sampling, perpetrators=[p.name for p in regimen.perpetrators]
        )
    except InputError as error:
        raise study.error(error.message, "arms", name) from error
    return [(shelf.load(default.model), f"default: {default.why}", name)]


def _named(study: Study, name: str, pairs: list[tuple[str, str]]) -> PKModel:
    try:
        model = shelf.load(name)
    except InputError as error:
        raise study.error(error.message, "models", "pharmacokinetics") from error
    for drug, route in pairs:
        if not model.covers(drug, route):
            raise study.error(
                f"model '{name}' has no {drug} by route {route}; "
                f"nearest are {defaults.nearest(pairs)}",
                "models", "pharmacokinetics",
            )  # fmt: skip
    return model


def _wanted(study: Study, model: PKModel) -> list[str]:
    """The outputs asked for that this model predicts; all of its analytes where none are named."""
    return [a for a in study.outputs or model.analytes if a in model.analytes]


def _check_outputs(given: Setting, arms: list[Arm]) -> None:
    """Every output asked for must come from a model, and each model must give one of them."""
    study = given.study
    models = [arm.model for arm in arms if arm.model is not None]
    rivals = dict.fromkeys(arm.mechanism for arm in arms if arm.mechanism is not None)
    if not models and not rivals:
        raise study.error("no arm gives a dose above zero before the horizon", "arms")
    followed = [arm for arm in arms if arm.mechanism is not None]
    behind = list(dict.fromkeys(o for arm in followed for o in chain_outputs(given, arm)))
    predicted = list(dict.fromkeys(a for model in models for a in model.analytes))
    for position, name in enumerate(study.outputs or ()):
        if is_behind(name) and name not in OUTPUTS and name not in behind:
            raise study.error(f"no arm gives '{name}'", "outputs", position)
        if name == "withdrawal" and name not in behind:
            raise study.error("'withdrawal' needs an arm that gives an opioid", "outputs", position)
        if name in OUTPUTS and name not in behind:
            listed = ", ".join(_predicted(study.mechanisms[0]))
            raise study.error(
                f"no mechanism of this study predicts '{name}', expected one of {listed}",
                "outputs", position,
            )  # fmt: skip
        if name not in predicted and not is_behind(name):
            known = (*predicted, *(dict.fromkeys((*OUTPUTS, *behind)) if study.condition else ()))
            hint = did_you_mean(name, known) or f", expected one of {', '.join(known)}"
            raise study.error(
                f"no model of this study predicts '{name}'{hint}", "outputs", position
            )
    for rival in rivals:
        if not any(chain_outputs(given, arm) for arm in followed if arm.mechanism == rival):
            listed = ", ".join(_predicted(rival))
            raise study.error(f"mechanism '{rival}' predicts only {listed}", "outputs")
    for model in models:
        if not behind and not _wanted(study, model):
            listed = ", ".join(model.analytes)
            raise study.error(f"model '{model.name}' predicts only {listed}", "outputs")


# --- simulation --------------------------------------------------------------------------------


def _blood(given: Setting, arm: Arm, amounts: Array | None = None) -> Simulation | None:
    """The concentrations of an arm: those asked for, or all where only pain was."""
    if arm.model is None:
        return None
    study = given.study
    try:
        return simulate(
            arm.model, arm.regimen, given.people, given.times,
            analytes=_wanted(study, arm.model) or arm.model.analytes,
            seed=study.seed, typical=study.population.typical,
            residual_error=study.residual_error, trajectories=given.trajectories,
            threads=given.threads, given=amounts,
        )  # fmt: skip
    except InputError as error:
        place = (error.field,) if error.field else ("arms", arm.regimen.name)
        raise study.error(error.message, *place) from error


def _chain(shared: Setting, arm: Arm, some: People | None = None, **session: Any) -> Chain | None:
    """What an arm gives behind the blood, over the study or in a session, to all or some people."""
    if arm.mechanism is None or shared.condition is None:
        return None
    study = shared.study
    asked = {
        "outputs": chain_outputs(shared, arm), "times": shared.times,
        "trajectories": shared.trajectories,
    }  # fmt: skip
    try:
        return follow(
            arm.mechanism, arm.model, arm.regimen, shared.condition, some or shared.resting,
            seed=study.seed, typical=study.population.typical, threads=shared.threads,
            changes=shared.changes, **(session or asked),
        )  # fmt: skip
    except InputError as error:
        places: dict[str | None, tuple[str, ...]] = {
            "condition": ("condition",),
            BASELINE: ("population", "file"),
        }
        place = places.get(error.field, ("arms", arm.regimen.name))
        said = f"{error.field}: {error.message}" if error.field == BASELINE else error.message
        raise study.error(said, *place) from error
