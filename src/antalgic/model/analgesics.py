"""What other drugs do, each at its own site: from the level at the site to what enters the circuit.

c is the level over that of half effect (EC50).  No number stands here: values come from
library/comparators.
"""

from typing import Any

import numpy as np

from antalgic.model.functions import log
from antalgic.model.step import Step, step

Values = tuple[tuple[Any, ...], tuple[Any, ...]]


def _power(x: Any, y: Any) -> Any:
    """x^y of floats, arrays or SymPy expressions."""
    return np.power(x, y) if isinstance(x, float | np.ndarray | np.generic) else x**y


@step(states={}, inputs={"C": "mg/L"}, parameters={}, outputs={"C_p": "ng/mL"})
def plasma(C: Any) -> Values:
    """A concentration in blood in the unit of effects; without a known delay, at the site too."""
    return (), (1000 * C,)


@step(
    states={"A": "mg"},
    inputs={"rate": "mg/h"},
    parameters={"ka": "1/h"},
    outputs={"out": "mg/h", "left": "mg"},
)
def nerve_depot(A: Any, rate: Any, ka: Any) -> Values:
    """A depot about a nerve that empties into the blood: out = ka A, and what is left of it."""
    return (rate - ka * A,), (ka * A, A)


@step(states={"m": "mg"}, inputs={"A": "mg"}, parameters={"ke0": "1/h"}, outputs={"m": "mg"})
def nerve_site(m: Any, A: Any, ke0: Any) -> Values:
    """The nerve itself, which follows the depot around it with rate constant ke0."""
    return (ke0 * (A - m),), (m,)


@step(states={}, inputs={"Ce": "ng/mL"}, parameters={"EC50": "ng/mL"}, outputs={"level": "1"})
def level_at_site(Ce: Any, EC50: Any) -> Values:
    """The level at a site over that of half effect, c = Ce/EC50."""
    return (), (Ce / EC50,)


@step(
    states={"T": "1", "H": "1"},
    inputs={"Ce": "ng/mL", "B_phasic": "1"},
    parameters={
        "EC50": "ng/mL", "gain": "1", "T_max": "1", "tau_T": "h",
        "H_max": "1", "tau_H": "h", "H_NMDA": "1",
    },
    outputs={"relief": "1", "level": "1", "withdrawal": "1"},
)  # fmt: skip
def opioid(
    T: Any, H: Any, Ce: Any, B_phasic: Any, EC50: Any, gain: Any, T_max: Any, tau_T: Any,
    H_max: Any, tau_H: Any, H_NMDA: Any,
) -> Values:  # fmt: skip
    """Relief at the mu receptor, less tolerance T and hyperalgesia H: gain c/(c + 1 + T) - H.

    T' = (T_max c/(1 + c) - T)/tau_T raises the level of half effect to 1 + T.  Hyperalgesia, in
    logits, grows alike, the share H_NMDA of it through NMDA receptors, which block (1 - B)^2 holds
    back.  withdrawal is the tolerance that no drug meets: T/T_max over 1 + c.
    """
    c = Ce / EC50
    bound = c / (1 + c)
    grown = H_max * (1 - H_NMDA + H_NMDA * (1 - B_phasic) ** 2) * bound
    relief = gain * c / (c + 1 + T) - H
    rates = ((T_max * bound - T) / tau_T, (grown - H) / tau_H)
    return rates, (relief, c, T / T_max / (1 + c))


@step(
    states={},
    inputs={"Ce": "ng/mL"},
    parameters={"EC50": "ng/mL", "E_max": "1"},
    outputs={"E_ns": "1", "level": "1"},
)
def nsaid(Ce: Any, EC50: Any, E_max: Any) -> Values:
    """Share of the inflamed joint's drive that is taken off, E_max c/(1 + c)."""
    c = Ce / EC50
    return (), (E_max * c / (1 + c), c)


@step(
    states={},
    inputs={"Ce": "ng/mL", "S": "1"},
    parameters={"EC50": "ng/mL", "gain": "1", "ectopic": "1", "S_max": "1"},
    outputs={"relief": "1", "E_al": "1", "level": "1"},
)
def gabapentinoid(Ce: Any, S: Any, EC50: Any, gain: Any, ectopic: Any, S_max: Any) -> Values:
    """Less release from sensitised endings: gain E S/S_max logits, and ectopic E off its drive."""
    c = Ce / EC50
    E = c / (1 + c)
    return (), (gain * E * S / S_max, ectopic * E, c)


@step(states={}, inputs={}, parameters={"S_0": "1"}, outputs={"S": "1"})
def held_sensitization(S_0: Any) -> Values:
    """Sensitization where nothing changes it: what it was before treatment."""
    return (), (S_0,)


@step(
    states={"A": "1"},
    inputs={"Ce": "ng/mL"},
    parameters={"EC50": "ng/mL", "gain": "1", "tau_on": "h"},
    outputs={"amine": "1", "level": "1"},
)
def antidepressant(A: Any, Ce: Any, EC50: Any, gain: Any, tau_on: Any) -> Values:
    """Descending control strengthened slowly: A' = (c/(1 + c) - A)/tau_on, gain A logits."""
    c = Ce / EC50
    return ((c / (1 + c) - A) / tau_on,), (gain * A, c)


@step(
    states={},
    inputs={"m": "mg"},
    parameters={"EC50": "mg", "E_max": "1", "slope": "1", "least": "mg"},
    outputs={"b": "1", "level": "1"},
)
def local_anaesthetic(m: Any, EC50: Any, E_max: Any, slope: Any, least: Any) -> Values:
    """Share of conduction blocked by m mg at the nerve: E_max c^n/(1 + c^n), c = m/EC50.

    ``least`` is an amount too small to act, kept for a nerve without any.
    """
    c = (m + least) / EC50
    C = _power(c, slope)
    return (), (E_max * C / (1 + C), c)


@step(
    states={},
    inputs={"Ce": "ng/mL"},
    parameters={
        "fu": "1", "M": "g/mol", "IC50_phasic": "umol/L", "IC50_tonic": "umol/L", "phi": "1",
    },
    outputs={"x_phasic": "1", "x_tonic": "1", "level": "1"},
)  # fmt: skip
def nmda_antagonist(
    Ce: Any, fu: Any, M: Any, IC50_phasic: Any, IC50_tonic: Any, phi: Any
) -> Values:  # fmt: skip
    """Free level over that of half block, for volleys and for tonic current: it adds to ketamine's.

    phi is the potency in the body over that in the dish, as for ketamine.
    """
    free = phi * fu * Ce / M
    return (), (free / IC50_phasic, free / IC50_tonic, free / IC50_phasic)


@step(
    states={},
    inputs={"Ce": "ng/mL"},
    parameters={"EC50": "ng/mL", "EC50_dissociation": "ng/mL"},
    outputs={"level": "1", "calm": "1"},
)
def sedative(Ce: Any, EC50: Any, EC50_dissociation: Any) -> Values:
    """Levels over those that halve alertness (EC50) and dissociation."""
    return (), (Ce / EC50, Ce / EC50_dissociation)


@step(
    states={},
    inputs={"Ce": "ng/mL"},
    parameters={"EC50": "ng/mL", "E_max": "1"},
    outputs={"relax": "1"},
)
def alpha2_agonist(Ce: Any, EC50: Any, E_max: Any) -> Values:
    """Share of the blood pressure that is taken off: E_max c/(1 + c)."""
    return (), (E_max * Ce / (EC50 + Ce),)


@step(
    states={},
    inputs={"Ce": "ng/mL"},
    parameters={"EC50": "ng/mL", "odds_nausea": "1", "odds_vomiting": "1"},
    outputs={"less_nausea": "1", "less_vomit": "1"},
)
def antiemetic(Ce: Any, EC50: Any, odds_nausea: Any, odds_vomiting: Any) -> Values:
    """Log-odds of nausea and vomiting taken off: -ln(odds ratio) c/(1 + c)."""
    E = Ce / (EC50 + Ce)
    return (), (-log(odds_nausea) * E, -log(odds_vomiting) * E)


#: Steps of this room by name, for whoever wires a model.
STEPS: dict[str, Step] = {
    s.name: s
    for s in (
        plasma, nerve_depot, nerve_site, level_at_site, opioid, nsaid, gabapentinoid,
        held_sensitization, antidepressant, local_anaesthetic, nmda_antagonist, sedative,
        alpha2_agonist, antiemetic,
    )
}  # fmt: skip
