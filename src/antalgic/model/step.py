"""A step of a model: one plain function of named states, inputs and parameters.

The function takes states, then inputs, then parameters, by the field's symbols, and returns two
tuples: the derivatives of its states and its outputs.  It has no branches, so the same function
works on floats, on arrays of people and on SymPy symbols.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Function = Callable[..., tuple[tuple[Any, ...], tuple[Any, ...]]]


@dataclass(frozen=True)
class Step:
    """Names and units of what a step has, takes and gives; calling it evaluates its function."""

    name: str
    states: Mapping[str, str]
    inputs: Mapping[str, str]
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    function: Function

    def __call__(self, *values: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Derivatives of the states and the outputs, in the order of their names."""
        return self.function(*values)

    @property
    def doc(self) -> str:
        """The first line of the function's docstring."""
        return (self.function.__doc__ or "").strip().splitlines()[0]


def step(
    *,
    states: Mapping[str, str],
    inputs: Mapping[str, str],
    parameters: Mapping[str, str],
    outputs: Mapping[str, str],
) -> Callable[[Function], Step]:
    """Declare the units of a step's names and check them against the function's own arguments.

    Raises TypeError when the arguments are not states, inputs and parameters in that order.
    """

    def declare(function: Function) -> Step:
        given = list(inspect.signature(function).parameters)
        expected = [*states, *inputs, *parameters]
        if given != expected:
            raise TypeError(f"step {function.__name__} takes {given}, but declares {expected}")
        return Step(function.__name__, states, inputs, parameters, outputs, function)

    return declare
