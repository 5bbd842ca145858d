"""What acts beside ketamine in a circuit: the wound of an injury, and movement with its joint."""

from collections.abc import Collection

from antalgic.dosing.regimen import Regimen
from antalgic.model.compose import use
from antalgic.model.injury import wound
from antalgic.model.mechanism import EXERCISE, Inserted
from antalgic.model.movement import movement
from antalgic.population.conditions import Condition

#: Outputs of movement: they are there where it is, or where they are asked for.
MOVEMENT = ("activity", "inflammation")


def beside(condition: Condition, regimen: Regimen, outputs: Collection[str]) -> list[Inserted]:
    """The uses that a condition, an arm and the outputs asked for put into every mechanism."""
    found = [_WOUND] if condition.injury else []
    return [*found, _JOINT] if moves(condition, regimen, outputs) else found


def moves(condition: Condition, regimen: Regimen, outputs: Collection[str]) -> bool:
    """Whether movement is followed: with a joint that hurts, with exercise, or when asked for."""
    hurts = bool(condition.circuit) and condition.circuit["I_J"].value > 0
    return hurts or bool(regimen.exercise) or not set(MOVEMENT).isdisjoint(outputs)


_WOUND = Inserted(use(wound, "wound", {}), before="drive", feeds={"drive.W": "W"})
_JOINT = Inserted(
    use(movement, "joint", {"pain": "rating.pain", "exercise": f"dose.{EXERCISE}"}),
    before="memory",
    feeds={"drive.J": "J"},
    readouts={name: name for name in MOVEMENT},
)
