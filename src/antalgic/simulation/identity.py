"""What a circuit's equations are, as a text: two circuits with one text have the same equations.

The text holds the byte code and constants of every step's function and of whatever it reaches by
name, down to numbers and to functions of libraries that are told apart by their version.  Where
something else is reached there is no text, rather than one that might fit two circuits.
"""

import types
from importlib.metadata import version
from typing import Any

import numpy as np

from antalgic.model.compose import Circuit
from antalgic.model.step import Step

#: Libraries whose functions do not change within a version.
_KNOWN = ("builtins", "math", "numpy", "operator", "sympy")
# With these a function reaches things that its names do not tell.
_DYNAMIC = {"eval", "exec", "getattr", "globals", "vars", "__import__"}


class _Unknown(Exception):
    """Something whose behaviour has no text."""


def identity(circuit: Circuit) -> str | None:
    """The text for a circuit, or None where a step reaches something that has none."""
    try:
        uses = [
            (use.name, [*use.inputs.items()], [*use.parameters.items()], _step(use.step))
            for use in circuit.uses
        ]
    except _Unknown:
        return None
    libraries = [(name, version(name)) for name in ("numpy", "sympy")]
    return repr((libraries, uses, [*circuit.readouts.items()]))


def _step(step: Step) -> Any:
    ports = [[*names] for names in (step.states, step.inputs, step.parameters, step.outputs)]
    return (ports, _text(step.function, frozenset(), ()))


def _text(thing: Any, names: frozenset[str], above: tuple[int, ...]) -> Any:
    """A thing as nested tuples of texts; ``names`` are those that its reader may ask it for."""
    root = str(getattr(thing, "__module__", "")).partition(".")[0]
    if thing is None or isinstance(thing, (bool, int, float, complex, str, bytes, np.generic)):
        return (type(thing).__name__, repr(thing))
    if id(thing) in above:
        return ("again", above.index(id(thing)))
    above = (*above, id(thing))
    if isinstance(thing, (tuple, list)):
        return (type(thing).__name__, *(_text(part, names, above) for part in thing))
    if isinstance(thing, (types.FunctionType, types.BuiltinFunctionType, type, np.ufunc)):
        if root in _KNOWN or isinstance(thing, np.ufunc):
            return ("library", root, thing.__name__)
        if isinstance(thing, types.FunctionType):
            return _function(thing, above)
    if isinstance(thing, types.ModuleType):
        if thing.__name__ in _KNOWN:
            return ("library", thing.__name__)
        found = sorted(name for name in names if hasattr(thing, name))
        return ("module", *((n, _text(getattr(thing, n), names, above)) for n in found))
    if isinstance(thing, Step):
        return ("step", _text(thing.function, names, above))
    raise _Unknown


def _function(function: types.FunctionType, above: tuple[int, ...]) -> Any:
    names = frozenset(_names(function.__code__))
    if names & _DYNAMIC:
        raise _Unknown
    reached = [
        (name, _text(function.__globals__[name], names, above))
        for name in sorted(names)
        if name in function.__globals__
    ]
    cells = [_text(cell.cell_contents, names, above) for cell in function.__closure__ or ()]
    defaults = [_text(value, names, above) for value in function.__defaults__ or ()]
    named = [(k, _text(v, names, above)) for k, v in (function.__kwdefaults__ or {}).items()]
    return ("function", _code(function.__code__), reached, cells, defaults, named)


def _names(code: types.CodeType) -> set[str]:
    """All names that a code object and those within it ask for."""
    inner = (part for part in code.co_consts if isinstance(part, types.CodeType))
    return set(code.co_names).union(*(_names(part) for part in inner))


def _code(code: types.CodeType) -> Any:
    constants = [
        _code(part) if isinstance(part, types.CodeType) else repr(part) for part in code.co_consts
    ]
    return (code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars)
