"""Pain keeps people from moving, and a joint that is not moved stays inflamed: a loop.

A is the change of activity and J that of joint inflammation, each against its own start, so that
both rest at 0.  No number stands here: values come from library/mechanism/movement.yaml and the
conditions.
"""

from typing import Any

from antalgic.model.functions import exp
from antalgic.model.step import Step, step

Values = tuple[tuple[Any, ...], tuple[Any, ...]]


@step(
    states={"A": "1", "J": "1"},
    inputs={"pain": "1", "exercise": "1/h"},
    parameters={"a_P": "1", "tau_A": "h", "j_A": "1", "tau_J": "h", "NRS0": "1"},
    outputs={"activity": "1", "inflammation": "1"},
)
def movement(
    A: Any, J: Any, pain: Any, exercise: Any, a_P: Any, tau_A: Any, j_A: Any, tau_J: Any, NRS0: Any
) -> Values:
    """A' = exercise - (a_P (pain - NRS0)/10 + A)/tau_A; J' = (exp(-j_A A) - 1 - J)/tau_J.

    ``exercise`` holds activity up by a share of its start while it lasts: that share over tau_A.
    Inflammation comes to rest at exp(-j_A A) of its start, which no activity takes below nothing.
    """
    less = a_P * (pain - NRS0) / 10
    rates = (exercise - (less + A) / tau_A, (exp(-j_A * A) - 1 - J) / tau_J)
    return rates, (1 + A, 1 + J)


#: Steps of this room by name, for whoever wires a model.
STEPS: dict[str, Step] = {movement.name: movement}
