"""A mechanism's parameters for each person: library values, spread, condition, own baseline."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import expit, logit

from antalgic.errors import InputError
from antalgic.model import harm, receptor
from antalgic.model import mechanism as mechanisms
from antalgic.model.compose import Circuit
from antalgic.model.mechanism import Mechanism
from antalgic.model.values import Parameter
from antalgic.population import pain, streams
from antalgic.population.conditions import Condition
from antalgic.population.people import People
from antalgic.simulation.individual import Array, Draw
from antalgic.sources import Variability

#: Column of a table of patients that gives their pain before treatment.
BASELINE = "NRS0"
#: Columns that give their pressures (mmHg) and heart rate (1/min) at rest.
_RESTING = {"SBP_0": "SBP0", "DBP_0": "DBP0", "HR_0": "HR0"}


@dataclass(frozen=True)
class Persons:
    """Parameters (N,) by name, and the states' starting values (N,) by state."""

    parameters: Mapping[str, Array]
    start: Mapping[str, Array]


def persons(
    mechanism: Mechanism,
    circuit: Circuit,
    condition: Condition,
    people: People,
    draw: Draw,
    changes: Mapping[str, float] | None = None,
    beside: Mapping[str, Array] | None = None,
) -> Persons:
    """Everyone's parameters in a mechanism, each person starting at rest at their own pain.

    ``changes`` replaces typical library values by name (see `mechanism.parameters`) and what the
    condition gives (X_mean, X_sd, lasting, S_max, I_n, I_e, I_J, D_c, e_c, M0, a_P, and with an
    injury W_0, tau_heal, S_U, k_LTP).  ``beside`` are the numbers of other treatments (see
    `simulation.others.parameters`).  Raises InputError where the condition has no pain, for an
    unknown name, or for a step's parameter without a value.
    """
    given = {**mechanism.values, **(changes or {})}
    n = len(people)
    before = baseline(condition, people, draw)
    own = _condition(mechanism, condition, given)
    known = dict(mechanisms.parameters(mechanism.known_as))
    if not harm.UNITS.keys().isdisjoint(circuit.parameters):
        known |= harm.parameters()
    injury = _injury(condition, given, draw, n)
    values = {
        name: _spread(parameter, given.pop(name, parameter.known.value), draw, name, n)
        for name, parameter in known.items()
    }
    values |= {name: people.extra[c] for name, c in _RESTING.items() if c in people.extra}
    values |= {
        name: np.full(n, float(given.pop(name))) for name in mechanism.values if name in given
    }
    changed = [k for k in given if k in receptor.nmda_block.parameters]
    channel = _channel(**{k: given.pop(k) for k in changed})
    if given:
        names = ", ".join(dict.fromkeys((*values, *own, *injury)))
        raise InputError(f"unknown parameter {', '.join(sorted(given))}, expected some of {names}")
    if (values["c_PM"] > 1).any():
        raise InputError("more than 1 is refused: mood burden would go below nothing", field="c_PM")
    values |= injury
    # a person in health keeps no trace of a stimulus: nothing maintains what it might induce
    values["k_LTP"] = values["k_LTP"] * (own["S_max"] > 0)
    reach = _responsive(values, draw, n)
    values["k_x"], values["k_m"] = values["k_x"] * reach, values["k_m"] * reach
    values |= {name: np.full(n, v) for name, v in channel.items()}
    values |= {"S_share": np.full(n, receptor.share_of_s())}
    values["x"] = own["X_mean"] + own["X_sd"] * draw.normal("x", n)
    for name in ("I_n", "I_e", "I_J", "D_c", "e_c", "M0", "lasting", "a_P"):
        values[name] = np.full(n, own[name])
    # sensitization is measured against its ceiling, so that health needs one too: that of CRPS
    values["S_max"] = np.full(n, own["S_max"] or 1.0)
    values["S_0"] = np.full(n, 0.0 if injury else own["S_max"])
    values["NRS0"] = before
    values |= beside or {}
    values["L_0"] = logit(values["NRS0"] / 10)
    _complete(mechanism, circuit, {*values, "a_0"})
    values["a_0"] = values["L_0"] - _at_rest(circuit, values)
    start = {s: values[name] for s, name in mechanisms.START.items() if s in circuit.states}
    return Persons(values, start)


@lru_cache(maxsize=256)
def _channel(**changes: float) -> dict[str, float]:
    """Half-blocking levels and relative potencies (see `receptor.half_block`)."""
    return {name: float(v) for name, v in receptor.half_block(**changes).items()}


def _complete(mechanism: Mechanism, circuit: Circuit, known: set[str]) -> None:
    own = [p for p in circuit.parameters if not p.startswith(mechanisms.BLOOD)]
    if missing := [p for p in own if p not in known]:
        raise InputError(
            f"mechanism '{mechanism.name}' has no value for {', '.join(missing)}: give it beside "
            "the step, altered(..., name=value)"
        )


def response(mechanism: str, condition: Condition) -> Mapping[str, float]:
    """X_mean and X_sd of a condition's response to being treated, logits.

    None after an injury: its course is that of people who are treated, whatever they are given.
    """
    if condition.injury:
        return {"X_mean": 0.0, "X_sd": 0.0}
    return mechanisms.placebo(mechanism, condition.name)


def _condition(
    mechanism: Mechanism, condition: Condition, given: dict[str, float]
) -> dict[str, float]:
    if not condition.circuit:
        raise InputError(f"condition '{condition.name}' has no pain model")
    known = {"X_mean", "X_sd"} <= given.keys()
    placebo: Mapping[str, float] = {"X_mean": 0.0, "X_sd": 0.0}
    if not known:
        placebo = response(mechanism.known_as, condition)
    found = {
        **{name: condition.circuit[name].value for name in ("I_n", "I_e", "I_J")},
        "S_max": condition.circuit["S_max"].value,
        "D_c": condition.circuit["D"].value,
        "e_c": condition.circuit["e_c"].value,
        "M0": condition.circuit["M0"].value,
        "X_mean": placebo["X_mean"],
        "X_sd": placebo["X_sd"],
        "a_P": (condition.a_P or mechanisms.parameters(mechanism.known_as)["a_P"].known).value,
        "lasting": condition.placebo["lasting"].value if "lasting" in condition.placebo else 1.0,
    }
    return {name: given.pop(name, value) for name, value in found.items()}


def _injury(condition: Condition, given: dict[str, float], draw: Draw, n: int) -> dict[str, Array]:
    """What an injury has for each person; nothing without one."""
    return {
        name: _spread(
            Parameter(known, condition.injury_between.get(name)),
            given.pop(name, known.value), draw, name, n,
        )
        for name, known in condition.injury.items()
    }  # fmt: skip


def _spread(parameter: Parameter, typical: float, draw: Draw, name: str, n: int) -> Array:
    if parameter.between is None:
        return np.full(n, float(typical))
    return moved(typical, parameter.between, draw.normal(f"eta.{name}", n))


def moved(typical: float, spread: Variability, z: Array) -> Array:
    """Values at normal scores z of a spread around a typical value, on its log or logit scale."""
    deviation = np.sqrt(spread.variance) * z
    found: Array = typical * np.exp(deviation)
    if spread.scale == "logit":
        found = expit(logit(typical) + deviation)
    return found


def _responsive(values: Mapping[str, Array], draw: Draw, n: int) -> Array:
    """1 for those whose sensitization the drug can reach, a small share for the others."""
    if draw.typical:
        return np.ones(n)
    luck = streams.uniform(draw.seed, "responsive", n, replicate=draw.replicate, offset=draw.offset)
    reach: Array = np.where(luck < values["responsive"], 1.0, values["unresponsive"])
    return reach


def baseline(condition: Condition, people: People, draw: Draw) -> Array:
    """Pain 0-10 of people before treatment (n,): the column of their table, or drawn."""
    if BASELINE in people.extra:
        given: Array = people.extra[BASELINE]
        off = ~((given > 0) & (given < 10))
        if off.any():
            raise InputError(
                f"found {given[off][0]:g}, expected pain before treatment above 0 and below 10",
                field=BASELINE,
            )
        return given
    if condition.pain_mean is None or condition.pain_sd is None or condition.pain_mean.value == 0:
        raise InputError(
            f"condition '{condition.name}' has no pain to follow; for pain in volunteers take "
            "'experimental-pain'",
            field="condition",
        )
    z = draw.normal(BASELINE, len(people))
    return pain.ratings(condition.pain_mean.value, condition.pain_sd.value, z)


def _at_rest(circuit: Circuit, values: Mapping[str, Array]) -> Array:
    """Log-odds that nociception would have before any dose if a_0 were 0."""
    states = {
        s: values[mechanisms.START[s]] if s in mechanisms.START else 0.0 for s in circuit.states
    }
    rest = {p: np.asarray(values[p]) if p in values else 1.0 for p in circuit.parameters}
    _, outputs = circuit.evaluate(
        states, dict.fromkeys(circuit.doses, 0.0), {**rest, "a_0": 0.0, "NRS_c": 0.0}
    )
    return np.asarray(outputs["nociception.L"], dtype=np.float64)
