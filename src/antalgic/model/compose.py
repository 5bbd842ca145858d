"""Wiring of steps by name into one model, and its matrices.

A use of a step may take outputs of earlier uses (``gut.out``) and doses (``dose.iv``); several are
added.  Because every step of a linear model is a linear function, its columns are its values on
unit vectors: the equations are evaluated, never written a second time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from antalgic.errors import InputError
from antalgic.model.step import Step

DOSE = "dose."


@dataclass(frozen=True)
class Use:
    """A step under a name of its own, with its inputs and parameters wired to the model's names."""

    step: Step
    name: str
    inputs: Mapping[str, tuple[str, ...]]
    parameters: Mapping[str, str]


@dataclass(frozen=True)
class Circuit:
    """An ordered list of uses with its states, dose inputs and readouts (sums of outputs, mg/L)."""

    uses: tuple[Use, ...]
    readouts: Mapping[str, tuple[str, ...]]

    @property
    def states(self) -> tuple[str, ...]:
        """Names of all states, ``use.state``."""
        return tuple(f"{use.name}.{s}" for use in self.uses for s in use.step.states)

    @property
    def doses(self) -> tuple[str, ...]:
        """Names of the dose inputs, without their prefix, in order of first appearance."""
        seen: dict[str, None] = {}
        for use in self.uses:
            for references in use.inputs.values():
                seen.update({r.removeprefix(DOSE): None for r in references if r.startswith(DOSE)})
        return tuple(seen)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the model's parameters that the equations use."""
        return tuple(dict.fromkeys(p for use in self.uses for p in use.parameters.values()))

    def evaluate(
        self, states: Mapping[str, Any], doses: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Derivatives by state name and values of every output ``use.output``.

        Works on whatever the values are: floats, arrays, SymPy expressions.
        """
        outputs: dict[str, Any] = {DOSE + name: value for name, value in doses.items()}
        derivatives: dict[str, Any] = {}
        for use in self.uses:
            own = [states[f"{use.name}.{s}"] for s in use.step.states]
            given = [sum(outputs[r] for r in use.inputs[i]) for i in use.step.inputs]
            values = [parameters[use.parameters[p]] for p in use.step.parameters]
            rates, results = use.step(*own, *given, *values)
            derivatives |= {
                f"{use.name}.{s}": r for s, r in zip(use.step.states, rates, strict=True)
            }
            outputs |= {
                f"{use.name}.{o}": r for o, r in zip(use.step.outputs, results, strict=True)
            }
        return derivatives, outputs

    def columns(
        self, parameters: Mapping[str, NDArray[np.float64]], shape: tuple[int, ...]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(shape + (columns, states)) flows and (shape + (readouts, columns)) readouts per unit.

        Columns are the states, then the dose inputs.  Parameters broadcast to ``shape``.
        """
        states, doses = self.states, self.doses
        names = [*states, *(DOSE + d for d in doses)]
        flows = np.zeros((*shape, len(names), len(states)))
        readouts = np.zeros((*shape, len(self.readouts), len(names)))
        for j, unit in enumerate(names):
            derivatives, outputs = self.evaluate(
                {s: float(s == unit) for s in states},
                {d: float(DOSE + d == unit) for d in doses},
                parameters,
            )
            for i, state in enumerate(states):
                flows[..., j, i] = derivatives[state]
            for c, references in enumerate(self.readouts.values()):
                readouts[..., c, j] = sum(outputs[r] for r in references)
        return flows, readouts


def check(circuit: Circuit, fail: Callable[[str, str], InputError]) -> None:
    """Check wiring: names, order, units.  ``fail(field, message)`` makes the error to raise."""
    known: dict[str, str] = {}
    names: set[str] = set()
    for number, use in enumerate(circuit.uses):
        where = f"structure[{number}]"
        if use.name in names:
            raise fail(f"{where}.name", f"'{use.name}' is used twice")
        names.add(use.name)
        for kind, given, wanted in (
            ("inputs", use.inputs, use.step.inputs),
            ("parameters", use.parameters, use.step.parameters),
        ):
            if set(given) != set(wanted):
                raise fail(
                    f"{where}.{kind}",
                    f"step {use.step.name} needs {', '.join(wanted)}, found {', '.join(given)}",
                )
        for port, references in use.inputs.items():
            for reference in references:
                unit = "mg/h" if reference.startswith(DOSE) else known.get(reference)
                if unit is None:
                    raise fail(
                        f"{where}.inputs.{port}",
                        f"'{reference}' is no dose and no output of an earlier step "
                        f"(those are {', '.join(known) or 'none'})",
                    )
                if unit != use.step.inputs[port]:
                    raise fail(
                        f"{where}.inputs.{port}",
                        f"'{reference}' is in {unit}, expected {use.step.inputs[port]}",
                    )
        known |= {f"{use.name}.{o}": unit for o, unit in use.step.outputs.items()}
    for name, references in circuit.readouts.items():
        for reference in references:
            if known.get(reference) != "mg/L":
                found = (
                    f"in {known[reference]}" if reference in known else "not an output of a step"
                )
                raise fail(
                    f"outputs.{name}", f"'{reference}' is {found}, expected a concentration in mg/L"
                )
