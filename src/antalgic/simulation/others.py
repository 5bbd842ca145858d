"""Treatments beside ketamine: their numbers for each person, and their doses in the circuit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from antalgic.dosing.regimen import DoseEvent, Regimen
from antalgic.engine.lanes import Doses
from antalgic.engine.linear import ticks
from antalgic.model import comparators, receptor
from antalgic.population.people import People
from antalgic.simulation.individual import Array, Draw
from antalgic.simulation.persons import moved
from antalgic.simulation.plan import dose_mass, missed


@dataclass(frozen=True)
class Given:
    """Doses of treatments beside ketamine: one row each.

    ``doses`` are amounts (mg) that reach the input; ``share`` (doses, people) of what was given.
    """

    doses: Doses
    share: Array


def parameters(
    regimen: Regimen, n: int, draw: Draw, changes: Mapping[str, float]
) -> dict[str, Array]:
    """Every number (n,) of the drugs of a regimen by its name in the circuit.

    ``changes`` replaces typical values by name.  A deviation has its own stream, by the name of
    the parameter, so that a person is the same in every arm.  A share of a dose is at most 1.
    """
    found: dict[str, Array] = {}
    for drug in regimen.beside:
        for name, parameter in comparators.load(drug).parameters.items():
            typical = changes.get(name, parameter.known.value)
            found[name] = np.full(n, typical)
            if parameter.between is not None:
                found[name] = moved(typical, parameter.between, draw.normal(f"eta.{name}", n))
            if name.removeprefix(f"{drug}.").startswith("F."):
                found[name] = np.minimum(found[name], 1.0)
    if found:
        found["phi"] = np.full(n, changes.get("phi", receptor.parameters()["phi"].value))
    return found


def given(
    events: Sequence[DoseEvent],
    people: People,
    values: Mapping[str, Array],
    inputs: Sequence[str],
    draw: Draw,
) -> Given:
    """The doses as rows of the solver; ``inputs`` are the circuit's dose inputs in order."""
    amount = np.empty((len(events), len(people)))
    share = np.ones_like(amount)
    for row, dose in enumerate(events):
        amount[row] = dose_mass(dose, people)
        amount[row, missed(dose, len(people), draw)] = 0.0
        route = comparators.load(dose.drug).routes[dose.route]
        if route is not None:
            share[row] = values[route[0]]
    target: NDArray[np.int64] = np.array(
        [inputs.index(f"{dose.drug}.{dose.route}") for dose in events], dtype=np.int64
    )
    doses = Doses(
        ticks(np.array([dose.time for dose in events])),
        ticks(np.array([dose.duration for dose in events])),
        amount * share, target,
    )  # fmt: skip
    return Given(doses, share)


def totals(events: Sequence[DoseEvent], amount: Array, share: Array) -> dict[str, Array]:
    """What each person was given in all (mg), by drug; ``amount`` (doses, people) entered."""
    mass = amount / share
    return {
        f"dose.{drug}": mass[[d.drug == drug for d in events]].sum(axis=0)
        for drug in sorted({d.drug for d in events})
    }
