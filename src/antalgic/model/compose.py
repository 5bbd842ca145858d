"""Wiring of steps by name into one model, and its matrices.

A use of a step may take outputs of earlier uses (``gut.out``), doses (``dose.iv``), and states of
any use, later ones too (``mood.P``): a loop closes through a state.  Several are added, none is 0.
Because every step of a linear model is a linear function, its columns are its values on unit
vectors: the equations are evaluated, never written a second time.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from antalgic.errors import InputError
from antalgic.model.step import Step

DOSE = "dose."
#: Units in which a dose can enter: of a drug, of treatment as such (see `pain.context`).
DOSE_UNITS = ("mg/h", "1/h")


@dataclass(frozen=True)
class Use:
    """A step under a name of its own, with its inputs and parameters wired to the model's names."""

    step: Step
    name: str
    inputs: Mapping[str, tuple[str, ...]]
    parameters: Mapping[str, str]


def use(step: Step, name: str, inputs: Mapping[str, str | Sequence[str]], **renamed: str) -> Use:
    """A use whose parameters keep their own names, but for those renamed; inputs left out are 0.

    >>> from antalgic.model.pk import one_compartment
    >>> use(one_compartment, "blood", {"rate": "dose.iv"}, CL="CL_K").parameters
    {'CL': 'CL_K', 'V': 'V'}
    """
    wired = {
        port: (given,) if isinstance(given := inputs.get(port, ()), str) else tuple(given)
        for port in step.inputs
    }
    unknown = [*inputs.keys() - step.inputs.keys(), *renamed.keys() - step.parameters.keys()]
    if unknown:
        raise InputError(
            f"step {step.name} has no input or parameter {', '.join(sorted(unknown))}; it takes "
            f"{', '.join((*step.inputs, *step.parameters))}"
        )
    return Use(step, name, wired, {p: renamed.get(p, p) for p in step.parameters})


@dataclass(frozen=True)
class Circuit:
    """An ordered list of uses with its states, dose inputs and readouts (sums of outputs).

    ``print(circuit)`` shows every use with what it takes and gives.
    """

    uses: tuple[Use, ...]
    readouts: Mapping[str, tuple[str, ...]]

    def __hash__(self) -> int:
        # of equal circuits equal; the mappings, which have no hash, are left to the comparison
        return hash((*((u.name, u.step.function) for u in self.uses), *sorted(self.readouts)))

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
        outputs: dict[str, Any] = {**states, **{DOSE + n: value for n, value in doses.items()}}
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

    def prefixed(self, prefix: str) -> "Circuit":
        """The same circuit with this before the names of its uses and parameters."""

        def renamed(references: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(r if r.startswith(DOSE) else prefix + r for r in references)

        uses = tuple(
            Use(
                u.step,
                prefix + u.name,
                {port: renamed(given) for port, given in u.inputs.items()},
                {formal: prefix + name for formal, name in u.parameters.items()},
            )
            for u in self.uses
        )
        return Circuit(uses, {name: renamed(given) for name, given in self.readouts.items()})

    def fed_by(self, doses: Collection[str]) -> "Circuit":
        """The circuit without the steps that nothing but other doses would enter."""
        gone = {DOSE + d for d in self.doses if d not in doses}
        uses: list[Use] = []
        for u in self.uses:
            kept = {
                port: tuple(r for r in given if r not in gone) for port, given in u.inputs.items()
            }
            if any(u.inputs.values()) and not any(kept.values()):
                gone |= {f"{u.name}.{o}" for o in (*u.step.outputs, *u.step.states)}
            else:
                uses.append(replace(u, inputs=kept))
        readouts = {
            name: tuple(r for r in given if r not in gone) for name, given in self.readouts.items()
        }
        return Circuit(tuple(uses), {name: given for name, given in readouts.items() if given})

    def swapped(self, name: str, new: Use) -> "Circuit":
        """The circuit with another use in the place of the one called ``name``, checked."""
        self.position(name)
        uses = tuple(new if u.name == name else u for u in self.uses)
        return checked(replace(self, uses=uses))

    def inserted(self, before: str, new: Use, feeds: Mapping[str, str]) -> "Circuit":
        """The circuit with one more use, placed before another, and checked.

        ``feeds`` says which of its outputs are added to which inputs: {"out": "pain.drive"}.
        """
        at = self.position(before)
        circuit = replace(self, uses=(*self.uses[:at], new, *self.uses[at:]))
        for output, target in feeds.items():
            circuit = circuit.feeding(f"{new.name}.{output}", target)
        return checked(circuit)

    def feeding(self, reference: str, target: str) -> "Circuit":
        """The circuit, not checked, with one more reference added to an input ("use.port")."""
        owner, _, port = target.rpartition(".")
        place = next((i for i, u in enumerate(self.uses) if u.name == owner), None)
        if place is None or port not in self.uses[place].inputs:
            raise InputError(f"there is no input '{target}' to feed", field="feeds")
        fed = self.uses[place]
        more = {**fed.inputs, port: (*fed.inputs[port], reference)}
        uses = [*self.uses[:place], replace(fed, inputs=more), *self.uses[place + 1 :]]
        return replace(self, uses=tuple(uses))

    def position(self, name: str) -> int:
        """The place of a use among the uses; InputError for an unknown one."""
        names = [u.name for u in self.uses]
        if name not in names:
            raise InputError(f"there is no step '{name}', expected one of {', '.join(names)}")
        return names.index(name)

    def __str__(self) -> str:
        rows = []
        for u in self.uses:
            taken = [f"{port} = {' + '.join(given) or '0'}" for port, given in u.inputs.items()]
            rows.append((u.name, ", ".join(u.step.states), "; ".join(taken), ", ".join(
                u.step.outputs)))  # fmt: skip
        titles = ("step", "states", "takes", "gives")
        widths = [max(len(r[i]) for r in (titles, *rows)) for i in range(3)]
        lines = [
            "  ".join(f"{cell:<{w}}" for cell, w in zip(row, (*widths, 0), strict=True)).rstrip()
            for row in (titles, *rows)
        ]
        reads = [f"{name} = {' + '.join(given)}" for name, given in self.readouts.items()]
        return "\n".join([*lines, "outputs: " + "; ".join(reads)])


def checked(circuit: Circuit) -> Circuit:
    """The circuit, its wiring checked; InputError names the step and what is wrong with it."""
    check(circuit, lambda place, message: InputError(message, field=place), readouts=None)
    return circuit


def check(
    circuit: Circuit,
    fail: Callable[[str, str], InputError],
    *,
    readouts: str | None = "mg/L",
) -> None:
    """Check wiring: names, order, units.  ``fail(field, message)`` makes the error to raise.

    Readouts must be in the unit ``readouts``, or in any where that is None.
    """
    known = {f"{use.name}.{s}": unit for use in circuit.uses for s, unit in use.step.states.items()}
    later = {f"{use.name}.{o}" for use in circuit.uses for o in use.step.outputs} - known.keys()
    doses: dict[str, str] = {}
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
            expected = use.step.inputs[port]
            for reference in references:
                if reference.startswith(DOSE) and expected in DOSE_UNITS:
                    unit: str | None = doses.setdefault(reference, expected)
                else:
                    unit = known.get(reference)
                if unit is None and reference in later:
                    raise fail(
                        f"{where}.inputs.{port}",
                        f"'{reference}' is an output of this or a later step: a loop without a "
                        "state in it; take a state, or change the order",
                    )
                if unit is None:
                    raise fail(
                        f"{where}.inputs.{port}",
                        f"'{reference}' is no dose and no output of an earlier step "
                        f"(those are {', '.join(known) or 'none'})",
                    )
                if unit != expected:
                    raise fail(
                        f"{where}.inputs.{port}",
                        f"'{reference}' is in {unit}, expected {expected}",
                    )
        known |= {f"{use.name}.{o}": unit for o, unit in use.step.outputs.items()}
        later -= known.keys()
    for name, references in circuit.readouts.items():
        for reference in references:
            if reference not in known or readouts not in (None, known[reference]):
                found = (
                    f"in {known[reference]}" if reference in known else "not an output of a step"
                )
                what = "an output of a step" if readouts is None else "a concentration in mg/L"
                raise fail(f"outputs.{name}", f"'{reference}' is {found}, expected {what}")
