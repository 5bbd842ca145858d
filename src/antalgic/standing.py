"""Which outputs of an arm are exploratory: the evidence does not allow them to be called validated.

The reasons stand in library/exploratory.yaml, in the conditions and in mechanism/movement.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from antalgic import yamlfile
from antalgic.arms import Arm
from antalgic.dosing import Regimen
from antalgic.model.mechanism import against_movement
from antalgic.population.conditions import Condition
from antalgic.simulation.beside import MOVEMENT
from antalgic.sources import Value, read_value
from antalgic.units import Kind

LIBRARY = "exploratory.yaml"

#: Reasons by output, in the order in which they were found.
Reasons = Mapping[str, tuple[str, ...]]


def exploratory(arm: Arm, condition: Condition | None) -> Reasons:
    """The exploratory ones of the outputs behind an arm's blood, with the reasons in words.

    Pain is always among the outputs of an arm whose pain is followed, as its visits are kept.
    """
    if arm.chain is None or condition is None:
        return {}
    there = dict.fromkeys((*arm.chain.outputs, "pain"))
    found = {output: reasons(arm, condition, output) for output in there}
    return {output: why for output, why in found.items() if why}


def reasons(arm: Arm, condition: Condition, output: str) -> tuple[str, ...]:
    """Why an output of an arm is exploratory, simulated or not; empty where it is not."""
    return tuple(says for says, outputs in _grounds(arm, condition) if output in outputs)


def spoken(marked: Mapping[str, Reasons]) -> list[str]:
    """What is exploratory and why: one line for arms that share a reason and its outputs."""
    shared: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for arm, reasons in marked.items():
        for says in dict.fromkeys(says for why in reasons.values() for says in why):
            outputs = tuple(name for name, why in reasons.items() if says in why)
            shared.setdefault((says, outputs), []).append(arm)
    return [
        f"exploratory: {', '.join(outputs)} of {', '.join(arms)}: {says}"
        for (says, outputs), arms in shared.items()
    ]


def _grounds(arm: Arm, condition: Condition) -> list[tuple[str, tuple[str, ...]]]:
    """Each reason that holds for an arm, and the outputs that it speaks of."""
    known = yamlfile.library(LIBRARY).data
    says, relief = known["grounds"], tuple(known["relief"])
    ketamine, moved = arm.model is not None, against_movement()[0]
    found = [(f"{condition.name}: {s}", relief) for s in condition.exploratory if ketamine]
    found.append((moved, relief if arm.regimen.exercise else MOVEMENT))
    if "r-ketamine" in arm.regimen.drugs:
        found.append((says["r-ketamine"], relief))
    if maintained(arm.regimen):
        found.append((says["maintenance"], relief))
    if arm.gives_a_drug:
        found.append((says["block"], ("block",)))
    return found


def maintained(regimen: Regimen) -> bool:
    """Whether ketamine is given again long after a course, or by another route once it is over."""
    if regimen.again_after(_pause().value):
        return True
    first = [dose.end for dose in regimen.doses if dose.route == regimen.doses[0].route]
    return any(
        dose.time > first[0] and dose.route != regimen.doses[0].route for dose in regimen.doses
    )


@cache
def _pause() -> Value:
    """Time (h) without ketamine after which more of it counts as maintenance."""
    found = yamlfile.library(LIBRARY)
    with found.at("pause"):
        return read_value(found.data["pause"], Kind.TIME, {})
