"""The wound of an injury: what it sends to the cord until it has healed.

No number stands here: values come from the conditions.
"""

from typing import Any

from antalgic.model.step import Step, step

Values = tuple[tuple[Any, ...], tuple[Any, ...]]


@step(states={"W": "1"}, inputs={}, parameters={"tau_heal": "h"}, outputs={})
def wound(W: Any, tau_heal: Any) -> Values:
    """Drive of a wound while it heals: W' = -W/tau_heal, from W_0 at the injury."""
    return (-W / tau_heal,), ()


#: Steps of this room by name, for whoever wires a model.
STEPS: dict[str, Step] = {wound.name: wound}
