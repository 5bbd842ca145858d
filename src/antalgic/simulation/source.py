"""The text of a generated module: equations as straight-line code for one lane of a block.

Every equation becomes short assignments without powers.  What depends on parameters only goes to
``prepare`` and is kept in slots Q; the rest is repeated in every stage of a step.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from antalgic.engine.laneexp import Pattern
from antalgic.engine.lanes import Layout
from antalgic.engine.lanevector import LANES
from antalgic.engine.pairs import Pair
from antalgic.model.trace import Trace

_FUNCTIONS = {
    sympy.exp: "exp", sympy.log: "log", sympy.sin: "sin", sympy.cos: "cos", sympy.tan: "tan",
    sympy.tanh: "tanh", sympy.sinh: "sinh", sympy.cosh: "cosh", sympy.atan: "atan",
    sympy.Abs: "abs", sympy.Max: "max", sympy.Min: "min",
}  # fmt: skip

_HEADER = """\
from math import atan, cos, cosh, exp, log, sin, sinh, sqrt, tan, tanh

from numba import carray, cfunc, types

_POINTER = types.CPointer(types.float64)
_compile = cfunc(
    types.void(_POINTER, _POINTER, types.float64),
    cache=True, error_model="numpy", fastmath={"contract"},
)
"""


@dataclass
class _Writer:
    """Assignments, each written once: ``once`` of parameters only (q), ``moving`` the rest (t)."""

    names: dict[Any, str]
    moves: set[Any]
    once: list[str] = field(default_factory=list)
    moving: list[str] = field(default_factory=list)
    known: dict[Any, str] = field(default_factory=dict)

    def write(self, e: Any) -> str:
        """The name or number that holds an expression, after writing what it needs."""
        if e.is_Symbol:
            return self.names[e]
        if e.is_number:
            return repr(float(e))
        if e not in self.known:
            constant = not e.free_symbols & self.moves
            text = self._text(e, constant)
            if not re.fullmatch(r"\w+", text):
                lines, letter = (self.once, "q") if constant else (self.moving, "t")
                name = f"{letter}{len(lines)}"
                lines.append(f"{name} = {text}")
                text = name
            self.known[e] = text
        return self.known[e]

    def _text(self, e: Any, constant: bool) -> str:
        if e.is_Add or e.is_Mul:
            parts = e.args
            if not constant:
                fixed = [a for a in parts if not a.free_symbols & self.moves]
                if len(fixed) > 1:  # computed once, as one number
                    rest = [a for a in parts if a.free_symbols & self.moves]
                    parts = (e.func(*fixed), *rest)
            return self._sum(parts) if e.is_Add else self._product(parts)
        if e.is_Pow:
            return self._power(e.base, e.exp)
        function = _FUNCTIONS.get(e.func)
        if function is None:
            raise ValueError(f"cannot compile {e.func} in {e}")
        return f"{function}({', '.join(self.write(a) for a in e.args)})"

    def _sum(self, parts: Any) -> str:
        text = ""
        for part in parts:
            minus = part.is_Mul and part.args[0].is_number and part.args[0] == -1
            term = self.write(-part if minus else part)
            text += (" - " if minus else " + ") + term
        return text.removeprefix(" + ") if text.startswith(" + ") else text.strip()

    def _product(self, parts: Any) -> str:
        above, below = [], []
        for part in parts:
            if part.is_number and part == 1:
                continue
            if not part.free_symbols & self.moves and part.free_symbols:
                above.append(self.write(part))
            elif part.is_Pow and part.exp.is_number and part.exp < 0:
                below.append(self.write(part.base**-part.exp))
            else:
                above.append(self.write(part))
        top = " * ".join(above) or "1.0"
        if not below:
            return top
        return f"{top} / ({' * '.join(below)})"

    def _power(self, base: Any, exponent: Any) -> str:
        if exponent.is_number and exponent.is_real:
            twice = 2 * float(exponent)
            if twice == int(twice) and abs(twice) <= 64:
                return self._half_power(base, int(twice))
        return f"({self.write(base)}) ** {self.write(exponent)}"

    def _half_power(self, base: Any, twice: int) -> str:
        """base**(twice / 2) by squares and a square root."""
        if twice < 0:
            return f"1.0 / {self.write(base ** sympy.Rational(-twice, 2))}"
        if twice == 1:
            return f"sqrt({self.write(base)})"
        if twice % 2:
            whole, root = self.write(base ** (twice // 2)), self.write(sympy.sqrt(base))
            return f"{whole} * {root}"
        n = twice // 2
        if n == 1:
            return self.write(base)
        return f"{self.write(base ** (n - n // 2))} * {self.write(base ** (n // 2))}"

    def common(self, expressions: list[Any]) -> list[str]:
        """Names of several expressions whose common parts are found first."""
        prefix = f"shared{len(self.names)}_"  # no symbol may stand for two things
        symbols = sympy.numbered_symbols(prefix, real=True)
        shared, rest = sympy.cse(expressions, symbols=symbols, order="none")
        for symbol, expression in shared:
            if expression.free_symbols & self.moves:
                self.moves.add(symbol)
            self.names[symbol] = self.write(expression)
        return [self.write(e) for e in rest]


def _writer(traced: Trace) -> _Writer:
    names = {s: f"p{i}" for i, s in enumerate(traced.parameter.values())}
    names |= {s: f"u{i}" for i, s in enumerate(traced.dose.values())}
    names |= {traced.state[s]: f"z{i}" for i, s in enumerate(traced.linear)}
    names |= {traced.state[s]: f"x{i}" for i, s in enumerate(traced.slow)}
    return _Writer(names, {*traced.state.values(), *traced.dose.values()})


def module_text(
    traced: Trace, shape: Pattern, stage: NDArray[np.int64], pair: Pair
) -> tuple[str, int]:
    """Text of the module, and how many numbers of parameters only it keeps per person."""
    writer = _writer(traced)
    flows = writer.common([_plain(traced.derivatives[s]) for s in traced.slow])
    equations = list(writer.moving)
    writer.moving = []
    writer.known = {e: name for e, name in writer.known.items() if not name.startswith("t")}
    outputs = writer.common([_plain(e) for e in traced.outputs.values()])
    readings = list(writer.moving)
    matrix = {key: writer.write(_plain(e)) for key, e in traced.matrix.items()}
    entry = {key: writer.write(_plain(e)) for key, e in traced.entry.items()}
    kept = _names("q", [*equations, *flows, *readings, *outputs])
    keep = {name: i for i, name in enumerate(kept)}
    inputs = len(traced.columns) - len(traced.linear)
    layout = Layout(
        len(traced.linear), inputs, len(traced.slow), len(outputs), len(traced.parameter), len(keep)
    )
    text = _Text(traced, layout, keep)
    parts = [
        _HEADER,
        text.prepare(writer.once, matrix, entry, shape),
        text.rates(equations, flows),
        text.advance("advance", equations, flows, shape, stage, pair),
        text.advance("coast", equations, flows, shape, stage, pair),
        text.readout(readings, outputs),
    ]
    return "\n\n".join(parts) + "\n", len(keep)


def _plain(e: Any) -> Any:
    """Half-integer powers as exact numbers, so that equal powers are seen to be equal."""
    return sympy.sympify(e).replace(
        lambda part: part.is_Pow and part.exp.is_Float and float(2 * part.exp).is_integer(),
        lambda part: part.base ** sympy.Rational(int(2 * part.exp), 2),
    )


def _names(letter: str, lines: list[str]) -> list[str]:
    """Names of this letter in the order of their numbers."""
    found = {name for line in lines for name in re.findall(rf"\b{letter}\d+\b", line)}
    return sorted(found, key=lambda name: int(name[1:]))


def _staged(line: str, stage: int) -> str:
    """A line with the names that differ from stage to stage marked by the stage's number."""
    return re.sub(r"\b([txz]\d+)\b", rf"\1_{stage}", line)


@dataclass(frozen=True)
class _Text:
    """Writes the four functions for one layout of the workspace."""

    traced: Trace
    layout: Layout
    keep: dict[str, int]

    def _function(self, name: str, body: list[str], propagator: int = 1) -> str:
        lines = [
            "@_compile",
            f"def {name}(work, propagator, h):",
            f"    w = carray(work, ({self.layout.size * LANES},))",
            f"    e = carray(propagator, ({max(1, propagator) * LANES},))",
            f"    for lane in range({LANES}):",
            *(f"        {line}" for line in body or ["pass"]),
        ]
        return "\n".join(lines)

    def _slot(self, name: str) -> int:
        number = int(name[1:])
        start = {
            "z": 0,
            "x": self.layout.block,
            "k": self.layout.block + self.layout.slow,
            "s": self.layout.block + 2 * self.layout.slow,
            "u": self.layout.inputs_at,
            "p": self.layout.parameters_at,
        }
        if name[0] == "q":
            return self.layout.parameters_at + self.layout.parameters + self.keep[name]
        return start[name[0]] + number

    def _load(self, name: str, marked: str = "") -> str:
        return f"{name}{marked} = w[{self._slot(name) * LANES} + lane]"

    def _loads(self, letters: str, lines: list[str]) -> list[str]:
        return [self._load(name) for letter in letters for name in _names(letter, lines)]

    def prepare(
        self,
        once: list[str],
        matrix: dict[tuple[str, str], str],
        entry: dict[tuple[str, str], str],
        shape: Pattern,
    ) -> str:
        """Q from P, and the matrix and the entries of doses into the propagator's place."""
        position = {name: i for i, name in enumerate(self.traced.columns)}
        body = self._loads("p", [*once, *matrix.values(), *entry.values()]) + once
        for (state, column), value in matrix.items():
            at = shape.find(position[state], position[column])
            body.append(f"e[{at * LANES} + lane] = {value}")
        for i, value in enumerate(entry.values()):
            body.append(f"e[{(len(shape.row) + i) * LANES} + lane] = {value}")
        body += [f"w[{self._slot(q) * LANES} + lane] = {q}" for q in self.keep]
        return self._function("prepare", body, len(shape.row) + len(entry))

    def rates(self, equations: list[str], flows: list[str]) -> str:
        """K from Z, X and U."""
        body = self._loads("pquzx", [*equations, *flows]) + equations
        body += [f"w[{self._slot(f'k{i}') * LANES} + lane] = {f}" for i, f in enumerate(flows)]
        return self._function("rates", body)

    def readout(self, readings: list[str], outputs: list[str]) -> str:
        """Outputs from Z, X and U into the propagator's place."""
        body = self._loads("pquzx", [*readings, *outputs]) + readings
        body += [f"e[{i * LANES} + lane] = {y}" for i, y in enumerate(outputs)]
        return self._function("readout", body, len(outputs))

    def advance(
        self,
        name: str,
        equations: list[str],
        flows: list[str],
        shape: Pattern,
        stage: NDArray[np.int64],
        pair: Pair,
    ) -> str:
        """One step of length h: the state after it, its rates and scales, and its error.

        Called ``coast``, it leaves out what infusions add to the block.
        """
        idle = len(self.traced.linear) + (len(self.traced.dose) if name == "coast" else 0)
        used = [e for e, c in enumerate(shape.column) if c < self.layout.block or c >= idle]
        n, m, after = self.layout.block, self.layout.slow, self.layout.after_at
        fractions = pair.inner
        body = [self._load(f"z{i}") for i in range(n)]
        body += [f"u{i} = w[{(self.layout.inputs_at + i) * LANES} + lane]"
                 for i in range(self.layout.inputs)]  # fmt: skip
        body += self._loads("pq", [*equations, *flows])
        body += [self._load(f"x{i}") for i in range(m)]
        body += [self._load(f"k{i}", "_0") for i in range(m)]
        for row in range(n):
            terms = [(e, e) for e in used if shape.row[e] == row]
            body.append(f"z{row}_end = {self._product(terms, shape)}")
            body.append(f"w[{(after + row) * LANES} + lane] = z{row}_end")
        for s in range(1, len(pair.c)) if m else ():
            for row in sorted({int(shape.row[e]) for e in stage}):
                if pair.c[s] == 1:
                    value = f"z{row}_end"
                else:
                    first = len(shape.row) + fractions.index(pair.c[s]) * len(stage)
                    value = self._product(
                        [
                            (first + i, e)
                            for i, e in enumerate(stage)
                            if shape.row[e] == row and e in used
                        ],
                        shape,
                    )
                body.append(f"z{row}_{s} = {value}")
            for i in range(m):
                moved = " + ".join(f"{a!r} * k{i}_{j}" for j, a in enumerate(pair.a[s]) if a)
                body.append(f"x{i}_{s} = x{i} + h * ({moved})")
            body += [_staged(line, s) for line in equations]
            body += [f"k{i}_{s} = {_staged(f, s)}" for i, f in enumerate(flows)]
        return self._function(
            name, body + self._ending(pair),
            len(shape.row) + len(fractions) * len(stage),
        )  # fmt: skip

    def _product(self, terms: list[tuple[int, Any]], shape: Pattern) -> str:
        """Sum of propagator entries times columns: z of the block, then u."""
        n = self.layout.block
        factors = [
            f"e[{at * LANES} + lane] * " + (f"z{c}" if (c := shape.column[e]) < n else f"u{c - n}")
            for at, e in terms
        ]
        return " + ".join(factors)

    def _ending(self, pair: Pair) -> list[str]:
        """The new slow state, its rates and scales, and the sum of squared scaled errors."""
        n, m, after, last = (
            self.layout.block,
            self.layout.slow,
            self.layout.after_at,
            len(pair.c) - 1,
        )
        body, errors = [], []
        for i in range(m):
            body.append(self._load(f"s{i}"))
            body.append(f"size{i} = abs(x{i}_{last})")
            body.append(f"s{i} = size{i} if size{i} > s{i} else s{i}")
            wrong = " + ".join(f"{d!r} * k{i}_{j}" for j, d in enumerate(pair.error) if d)
            body.append(f"d{i} = h * ({wrong}) / s{i}")
            errors.append(f"d{i} * d{i}")
            for part, value in enumerate((f"x{i}_{last}", f"k{i}_{last}", f"s{i}")):
                body.append(f"w[{(after + n + part * m + i) * LANES} + lane] = {value}")
        error = " + ".join(errors) or "0.0"
        return [*body, f"w[{self.layout.error_at * LANES} + lane] = {error}"]
