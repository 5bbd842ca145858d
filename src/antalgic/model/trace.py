"""The equations of a circuit as symbols, parted into an exactly solvable block and the rest.

The **linear block** is the largest set of states whose derivatives are sums over the block's own
states, the dose rates and a constant, with coefficients of parameters only: pharmacokinetics,
effect sites, tolerance that follows a concentration.  The other states are **slow**: they may
depend on anything, and read the block through the few states of it that their equations name.
States of the block that reach neither an output nor a slow state are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy

from antalgic.model.compose import Circuit

#: The last column of the block: what flows in whatever the states are.
CONSTANT = "1"


@dataclass(frozen=True)
class Trace:
    """Symbolic equations, per hour.

    ``matrix`` maps (state, column) to the flow into a block state per unit of a column: a block
    state, a dose input or :data:`CONSTANT`.  ``entry`` maps (slow state, dose) to the part of an
    infusion or bolus that enters a slow state.  ``signals`` are the block states that slow states
    read.  Symbols stand under their names in ``state``, ``dose`` and ``parameter``.
    """

    linear: tuple[str, ...]
    slow: tuple[str, ...]
    signals: tuple[str, ...]
    columns: tuple[str, ...]
    matrix: Mapping[tuple[str, str], Any]
    entry: Mapping[tuple[str, str], Any]
    derivatives: Mapping[str, Any]
    outputs: Mapping[str, Any]
    state: Mapping[str, Any]
    dose: Mapping[str, Any]
    parameter: Mapping[str, Any]


def trace(circuit: Circuit) -> Trace:
    """Run the circuit's own functions on symbols and find its linear block.

    Raises ValueError when a dose enters a slow state other than in proportion to its rate.
    """
    state = _symbols("x", circuit.states)
    dose = _symbols("u", circuit.doses)
    parameter = _symbols("p", circuit.parameters)
    raw, results = circuit.evaluate(state, dose, parameter)
    derivatives = {name: sympy.sympify(raw[name]) for name in circuit.states}
    outputs = {
        name: sympy.sympify(sum(results[r] for r in references))
        for name, references in circuit.readouts.items()
    }
    moving = {*state.values(), *dose.values()}
    gradient = {
        (name, column): _slope(derivatives[name], symbol, moving)
        for name in circuit.states
        for column, symbol in (state | dose).items()
    }
    linear = _block(circuit.states, gradient, moving)
    slow = tuple(s for s in circuit.states if s not in linear)
    seen = [*outputs.values(), *(derivatives[s] for s in slow)]
    linear = _reaching(linear, seen, derivatives, state)
    nothing = dict.fromkeys(moving, 0)
    matrix = {
        (s, c): gradient[s, c] for s in linear for c in (*linear, *dose) if gradient[s, c] != 0
    }
    matrix |= {(s, CONSTANT): rest for s in linear if (rest := derivatives[s].subs(nothing)) != 0}
    affine = (CONSTANT,) if any(column == CONSTANT for _, column in matrix) else ()
    entry = {(s, d): gradient[s, d] for s in slow for d in dose if gradient[s, d] != 0}
    for (s, d), part in entry.items():
        if part.free_symbols & moving:
            raise ValueError(f"dose {d} enters {s} not in proportion to its rate")
    used = {symbol for s in slow for symbol in derivatives[s].free_symbols}
    return Trace(
        linear=linear,
        slow=slow,
        signals=tuple(s for s in linear if state[s] in used),
        columns=(*linear, *dose, *affine),
        matrix=matrix,
        entry=entry,
        derivatives={s: derivatives[s] for s in (*linear, *slow)},
        outputs=outputs,
        state=state,
        dose=dose,
        parameter=parameter,
    )


def _symbols(letter: str, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: sympy.Symbol(f"{letter}{i}", real=True) for i, name in enumerate(names)}


def _slope(flow: Any, symbol: Any, moving: set[Any]) -> Any:
    """The derivative of a flow, written without states where that is possible."""
    if symbol not in flow.free_symbols:
        return sympy.Integer(0)
    slope = sympy.diff(flow, symbol)
    if not slope.free_symbols & moving or _varies(slope, moving):
        return slope
    slope = sympy.expand(slope)
    if slope.free_symbols & moving and slope.is_rational_function(*moving):
        slope = sympy.cancel(slope)
    return slope


def _varies(slope: Any, moving: set[Any]) -> bool:
    """Whether a slope depends on states or doses, tried at two points: then it is not rewritten."""
    symbols = sorted(slope.free_symbols, key=str)
    value = sympy.lambdify(symbols, slope, "math")
    points = [
        [0.3 + 0.61803 * i / len(symbols) + (0.17 * k if s in moving else 0.0)
         for i, s in enumerate(symbols)]
        for k in (0, 1)
    ]  # fmt: skip
    try:
        first, second = (value(*point) for point in points)
    except (ArithmeticError, ValueError, OverflowError):
        return False
    return bool(abs(first - second) > 1e-9 * max(abs(first), abs(second)))


def _block(
    states: tuple[str, ...], gradient: Mapping[tuple[str, str], Any], moving: set[Any]
) -> tuple[str, ...]:
    """The largest set of states that are linear in one another and in the doses."""
    bent = {name for (name, _), slope in gradient.items() if slope.free_symbols & moving}
    block = [s for s in states if s not in bent]
    while True:
        kept = [s for s in block if all(gradient[s, c] == 0 for c in states if c not in block)]
        if len(kept) == len(block):
            return tuple(block)
        block = kept


def _reaching(
    linear: tuple[str, ...],
    seen: list[Any],
    derivatives: Mapping[str, Any],
    state: Mapping[str, Any],
) -> tuple[str, ...]:
    """The states of the block that some expression reads, or a state that one reads, and so on."""
    kept: set[str] = set()
    while True:
        used = {symbol for e in seen for symbol in e.free_symbols}
        found = {s for s in linear if state[s] in used}
        if found == kept:
            return tuple(s for s in linear if s in kept)
        kept, seen = found, [*seen, *(derivatives[s] for s in found)]
