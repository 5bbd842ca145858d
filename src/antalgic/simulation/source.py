"""The text of a generated module: equations as straight-line loops over the lanes of a block.

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
from antalgic.engine.pairs import Pair, Rosenbrock
from antalgic.model.trace import CONSTANT, Trace

_FUNCTIONS = {
    sympy.exp: "exp", sympy.log: "log", sympy.sin: "sin", sympy.cos: "cos", sympy.tan: "tan",
    sympy.tanh: "tanh", sympy.sinh: "sinh", sympy.cosh: "cosh", sympy.atan: "atan",
    sympy.Abs: "abs", sympy.Max: "max", sympy.Min: "min",
}  # fmt: skip


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
        return f"power({self.write(base)}, {self.write(exponent)})"

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

    def flush(self) -> list[str]:
        """The moving lines so far, which are forgotten: the next ones are computed elsewhere."""
        lines, self.moving = self.moving, []
        self.known = {e: name for e, name in self.known.items() if not name.startswith("t")}
        return lines

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
    traced: Trace, shape: Pattern, stage: NDArray[np.int64], method: Pair | Rosenbrock
) -> tuple[str, int, int]:
    """Text of the module, how many numbers of parameters only it keeps per person, its scratch."""
    writer = _writer(traced)
    flows = writer.common(
        [_one_root(_plain(traced.derivatives[s]), writer.moves) for s in traced.slow]
    )
    equations = _Equations(_share_divisions(writer.flush()), flows)
    slopes, slope_lines = [], []
    if isinstance(method, Rosenbrock):
        slopes = writer.common([_plain(e) for e in _slopes(traced)])
        slope_lines = writer.flush()
    outputs = writer.common([_plain(e) for e in traced.outputs.values()])
    readings = writer.flush()
    matrix = {key: writer.write(_plain(e)) for key, e in traced.matrix.items()}
    entry = {key: writer.write(_plain(e)) for key, e in traced.entry.items()}
    used = [*equations.lines, *flows, *slope_lines, *slopes, *readings, *outputs]
    keep = {name: i for i, name in enumerate(_names("q", used))}
    inputs = len(traced.columns) - len(traced.linear)
    layout = Layout(
        len(traced.linear), inputs, len(traced.slow), len(outputs), len(traced.parameter), len(keep)
    )
    text = _Text(traced, layout, keep)
    functions = [
        text.prepare(writer.once, matrix, entry, shape),
        text.rates(equations),
        *(
            text.advance(name, equations, shape, stage, method, [*slope_lines], slopes)
            for name in ("advance", "coast")
        ),
        text.readout(readings, outputs),
    ]
    whole = "\n\n\n".join(f for f, _ in functions) + "\n"
    return whole, len(keep), max(scratch for _, scratch in functions)


@dataclass(frozen=True)
class _Equations:
    """Lines that compute the rates of the slow states, and the names of those rates."""

    lines: list[str]
    flows: list[str]

    def at(self, stage: int, same: int | None) -> tuple[list[str], list[str]]:
        """Lines and rates for a stage; where stage ``same`` read the same signals, its results."""
        moved = set(_names("x", [*self.lines, *self.flows]))
        kept: dict[str, str] = {}
        if same is not None:
            texts = [*self.lines, *self.flows]
            kept = {signal: f"{signal}_{same}" for signal in _names("z", texts)}
        lines = []
        for line in self.lines:
            name, text = line.split(" = ", 1)
            if same is not None and not moved & set(re.findall(r"\w+", text)):
                kept[name] = f"{name}_{same}"
                continue
            moved.add(name)
            lines.append(line)

        def staged(text: str) -> str:
            return re.sub(
                r"\b([txz]\d+)\b", lambda found: kept.get(found[1], f"{found[1]}_{stage}"), text
            )

        return [staged(line) for line in lines], [staged(flow) for flow in self.flows]


def _slopes(traced: Trace) -> list[Any]:
    """Rates of change of the slow rates: by each slow state, row by row, then by time.

    Time acts through the signals, whose own rates the linear block gives.
    """
    symbols = {**traced.state, **traced.dose, CONSTANT: sympy.Integer(1)}
    speed = {
        s: sum(e * symbols[c] for (row, c), e in traced.matrix.items() if row == s)
        for s in traced.signals
    }
    flows = [traced.derivatives[s] for s in traced.slow]
    by_state = [sympy.diff(f, traced.state[s]) for f in flows for s in traced.slow]
    by_time = [
        sum(sympy.diff(f, traced.state[s]) * speed[s] for s in traced.signals) for f in flows
    ]
    # x^g / x as x^(g - 1), which has a value at 0
    slopes = [*by_state, *map(sympy.sympify, by_time)]
    return [sympy.powsimp(e, deep=True, combine="exp") for e in slopes]


def _plain(e: Any) -> Any:
    """Half-integer powers as exact numbers, so that equal powers are seen to be equal."""
    return sympy.sympify(e).replace(
        lambda part: part.is_Pow and part.exp.is_Float and float(2 * part.exp).is_integer(),
        lambda part: part.base ** sympy.Rational(int(2 * part.exp), 2),
    )


def _one_root(e: Any, moves: set[Any]) -> Any:
    """Hill terms a^n / (a^n + b^n), n a half and both moving, with the root of a b alone.

    Multiplied above and below by the root of b: a root takes longer than a division.
    """

    def half(part: Any) -> bool:
        odd = part.is_Pow and part.exp.is_Rational and part.exp.q == 2 and part.exp > 0
        return bool(odd and part.base.free_symbols & moves)

    def rewritten(product: Any) -> Any:
        for below in product.args:
            if not (below.is_Pow and below.exp == -1 and below.base.is_Add):
                continue
            terms = below.base.args
            if len(terms) != 2 or not all(map(half, terms)) or terms[0].exp != terms[1].exp:
                continue
            for a, b in (terms, terms[::-1]):
                if a in product.args:
                    above = a.base ** (a.exp - sympy.S.Half) * sympy.sqrt(a.base * b.base)
                    new = above / (b.base ** (b.exp + sympy.S.Half) + above)
                    return sympy.Mul(*(p for p in product.args if p not in (a, below)), new)
        return product

    return e.replace(lambda part: part.is_Mul, rewritten)


def _names(letter: str, lines: list[str]) -> list[str]:
    """Names of this letter in the order of their numbers."""
    found = {name for line in lines for name in re.findall(rf"\b{letter}\d+\b", line)}
    return sorted(found, key=lambda name: int(name[1:]))


def _share_divisions(lines: list[str]) -> list[str]:
    """The same lines in an order that lets two divisions at a time share one reciprocal.

    A division takes as long as ten products.  Denominators whose product leaves the range of
    doubles give NaN, never a wrong number: the step is then refused.
    """
    defined = {line.split(" = ", 1)[0] for line in lines}
    waiting, done, order = list(lines), set[str](), list[str]()

    def ready() -> list[str]:
        return [
            line
            for line in waiting
            if not (set(re.findall(r"\w+", line.split(" = ", 1)[1])) & defined) - done
        ]

    while waiting:
        now = ready()
        plain = [line for line in now if " / " not in line]
        for line in plain or now:
            waiting.remove(line)
            done.add(line.split(" = ", 1)[0])
        if plain:
            order += plain
            continue
        for first, second in zip(now[::2], now[1::2], strict=False):
            (a, above), (b, over) = (line.split(" = ", 1) for line in (first, second))
            (above, below), (over, under) = (text.split(" / ", 1) for text in (above, over))
            number = f"t{len(lines) + len(order)}"
            order += [
                f"{number} = 1.0 / ({below} * {under})",
                f"{a} = {above} * {under} * {number}",
                f"{b} = {over} * {below} * {number}",
            ]
        order += now[-1:] if len(now) % 2 else []
    return order


@dataclass(frozen=True)
class _Text:
    """Writes the functions for one layout of the workspace."""

    traced: Trace
    layout: Layout
    keep: dict[str, int]

    def _function(self, name: str, loops: list[list[str]]) -> tuple[str, int]:
        """A function of some loops over the lanes, and the scratch slots it needs.

        Short loops let the processor work on several lanes at once.  What one loop computes and a
        later one reads goes through scratch slots; what is in the workspace is loaded where read.
        """
        made: dict[str, int] = {}
        reads = []
        for number, body in enumerate(loops):
            own: set[str] = set()
            needed: dict[str, None] = {}
            for line in body:
                target, text = line.split(" = ", 1)
                needed |= {n: None for n in re.findall(r"\b[a-z]+\d\w*\b", text) if n not in own}
                own.add(target)
            reads.append(list(needed))
            made |= {target: number for target in own if "[" not in target}
        carried = dict.fromkeys(
            n for number, needed in enumerate(reads) for n in needed if made.get(n, number) < number
        )
        scratch = {n: self.layout.size + i for i, n in enumerate(carried)}
        lines = [f"def {name}(w, e, h, loop):"]
        for number, (body, names) in enumerate(zip(loops, reads, strict=True)):
            loads = [f"{n} = w[{scratch[n] if n in scratch else self._slot(n)}]" for n in names]
            stores = [f"w[{slot}] = {n}" for n, slot in scratch.items() if made[n] == number]
            lines.append("    with loop():")
            lines += [f"        {line}" for line in [*loads, *body, *stores] or ["pass"]]
        return "\n".join(lines), len(scratch)

    def _slot(self, name: str) -> int:
        """The slot of z, x, k, s, u, p or q; a suffix _0 means the begin of the step."""
        if not re.fullmatch(r"[a-z]\d+(_0)?", name):
            raise ValueError(f"{name} is read before it is computed")
        number = int(name.removesuffix("_0")[1:])
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

    def prepare(
        self,
        once: list[str],
        matrix: dict[tuple[str, str], str],
        entry: dict[tuple[str, str], str],
        shape: Pattern,
    ) -> tuple[str, int]:
        """Q from P, and the matrix and the entries of doses into the propagator's place."""
        position = {name: i for i, name in enumerate(self.traced.columns)}
        body = list(once)
        for (state, column), value in matrix.items():
            at = shape.find(position[state], position[column])
            body.append(f"e[{at}] = {value}")
        for i, value in enumerate(entry.values()):
            body.append(f"e[{len(shape.row) + i}] = {value}")
        body += [f"w[{self._slot(q)}] = {q}" for q in self.keep]
        return self._function("prepare", [body])

    def rates(self, equations: _Equations) -> tuple[str, int]:
        """K from Z, X and U."""
        body = equations.lines + [
            f"w[{self._slot(f'k{i}')}] = {f}" for i, f in enumerate(equations.flows)
        ]
        return self._function("rates", [body])

    def readout(self, readings: list[str], outputs: list[str]) -> tuple[str, int]:
        """Outputs from Z, X and U into the propagator's place."""
        body = readings + [f"e[{i}] = {y}" for i, y in enumerate(outputs)]
        return self._function("readout", [body])

    def advance(
        self,
        name: str,
        equations: _Equations,
        shape: Pattern,
        stage: NDArray[np.int64],
        method: Pair | Rosenbrock,
        slope_lines: list[str],
        slopes: list[str],
    ) -> tuple[str, int]:
        """One step of length h: the state after it, its rates and scales, and its error.

        Called ``coast``, it leaves out what infusions add to the block.
        """
        idle = len(self.traced.linear) + (len(self.traced.dose) if name == "coast" else 0)
        used = [e for e, c in enumerate(shape.column) if c < self.layout.block or c >= idle]
        block = []
        for row in range(self.layout.block):
            terms = [(e, e) for e in used if shape.row[e] == row]
            block.append(f"z{row}_end = {self._product(terms, shape)}")
            block.append(f"w[{self.layout.after_at + row}] = z{row}_end")
        loops = [block] if block else []
        if self.layout.slow:
            signals = self._signals(used, shape, stage, method)
            if isinstance(method, Rosenbrock):
                loops += self._rosenbrock(equations, signals, method, slope_lines, slopes)
            else:
                loops += self._explicit(equations, signals, method)
        else:
            loops.append([f"w[{self.layout.error_at}] = 0.0"])
        return self._function(name, loops)

    def _signals(
        self,
        used: list[int],
        shape: Pattern,
        stage: NDArray[np.int64],
        method: Pair | Rosenbrock,
    ) -> list[list[str]]:
        """Lines that give every stage the signals at its time; none for one seen before."""
        rows = sorted({int(shape.row[e]) for e in stage})
        lines: list[list[str]] = []
        for s, c in enumerate(method.c):
            if c in method.c[:s]:
                lines.append([])
            elif c == 0:
                lines.append([f"z{row}_{s} = z{row}" for row in rows])
            elif c == 1:
                lines.append([f"z{row}_{s} = z{row}_end" for row in rows])
            else:
                first = len(shape.row) + method.inner.index(c) * len(stage)
                lines.append(
                    [
                        f"z{row}_{s} = "
                        + self._product(
                            [
                                (first + i, e)
                                for i, e in enumerate(stage)
                                if shape.row[e] == row and e in used
                            ],
                            shape,
                        )
                        for row in rows
                    ]
                )
        return lines

    def _product(self, terms: list[tuple[int, Any]], shape: Pattern) -> str:
        """Sum of propagator entries times columns: z of the block, then u."""
        n = self.layout.block
        factors = [
            f"e[{at}] * " + (f"z{c}" if (c := shape.column[e]) < n else f"u{c - n}")
            for at, e in terms
        ]
        return " + ".join(factors)

    def _explicit(
        self, equations: _Equations, signals: list[list[str]], pair: Pair
    ) -> list[list[str]]:
        """Stages of an explicit pair, and the ending."""
        m, last = self.layout.slow, len(pair.c) - 1
        loops = []
        for s in range(1, len(pair.c)):
            body = list(signals[s])
            for i in range(m):
                moved = " + ".join(f"{a!r} * k{i}_{j}" for j, a in enumerate(pair.a[s]) if a)
                body.append(f"x{i}_{s} = x{i} + h * ({moved})")
            lines, flows = equations.at(s, _earlier(pair.c, s))
            loops.append([*body, *lines, *(f"k{i}_{s} = {f}" for i, f in enumerate(flows))])
        wrong = [
            "h * (" + " + ".join(f"{d!r} * k{i}_{j}" for j, d in enumerate(pair.error) if d) + ")"
            for i in range(m)
        ]
        return [*loops, self._ending(last, wrong)]

    def _rosenbrock(
        self,
        equations: _Equations,
        signals: list[list[str]],
        method: Rosenbrock,
        slope_lines: list[str],
        slopes: list[str],
    ) -> list[list[str]]:
        """Factors of I / (gamma h) - J, one solution per stage, rates of the result, the ending."""
        m, stages = self.layout.slow, len(method.c)
        jacobian = {(i, j): slopes[i * m + j] for i in range(m) for j in range(m)}
        filled = {key for key, value in jacobian.items() if value != "0.0"}
        factors = [*slope_lines, f"diagonal0 = {1 / method.gamma!r} / h"]
        for i, j in sorted(filled | {(i, i) for i in range(m)}):
            minus = f" - finite({jacobian[i, j]})" if (i, j) in filled else ""
            factors.append(f"f{i}_{j} = {'diagonal0' if i == j else '0.0'}{minus}")
            filled.add((i, j))
        for k in range(m):
            factors.append(f"inverse{k} = 1.0 / f{k}_{k}")
            for i in (i for i in range(k + 1, m) if (i, k) in filled):
                factors.append(f"f{i}_{k} = f{i}_{k} * inverse{k}")
                for j in (j for j in range(k + 1, m) if (k, j) in filled):
                    before = f"f{i}_{j}" if (i, j) in filled else "0.0"
                    factors.append(f"f{i}_{j} = {before} - f{i}_{k} * f{k}_{j}")
                    filled.add((i, j))
        factors += [f"drift{i} = finite({slopes[m * m + i]})" for i in range(m)]
        loops = [factors]
        for s in range(stages):
            body = list(signals[s]) if s else []
            names = [f"k{i}_0" for i in range(m)]
            if s:
                for i in range(m):
                    moved = "".join(f" + {a!r} * v{i}_{j}" for j, a in enumerate(method.a[s]) if a)
                    body.append(f"x{i}_{s} = x{i}{moved}")
                lines, names = equations.at(s, _earlier(method.c, s))
                body += lines
            for i in range(m):
                before = " + ".join(f"{c!r} * v{i}_{j}" for j, c in enumerate(method.mix[s]) if c)
                right = names[i] + (f" + ({before}) / h" if before else "")
                if method.drift[s]:
                    right += f" + {method.drift[s]!r} * h * drift{i}"
                known = "".join(f" - f{i}_{j} * y{j}_{s}" for j in range(i) if (i, j) in filled)
                body.append(f"y{i}_{s} = {right}{known}")
            for i in reversed(range(m)):
                known = "".join(
                    f" - f{i}_{j} * v{j}_{s}" for j in range(i + 1, m) if (i, j) in filled
                )
                body.append(f"v{i}_{s} = (y{i}_{s}{known}) * inverse{i}")
            loops.append(body)
        after = [f"x{i}_{stages} = x{i}_{stages - 1} + v{i}_{stages - 1}" for i in range(m)]
        lines, flows = equations.at(stages, method.c.index(1))
        after += [*lines, *(f"k{i}_{stages} = {f}" for i, f in enumerate(flows))]
        return [*loops, after, self._ending(stages, [f"v{i}_{stages - 1}" for i in range(m)])]

    def _ending(self, last: int, wrong: list[str]) -> list[str]:
        """The new slow state, its rates and scales, and the sum of squared scaled errors."""
        n, m, after = self.layout.block, self.layout.slow, self.layout.after_at
        body, errors = [], []
        for i in range(m):
            body.append(f"size{i} = abs(x{i}_{last})")
            body.append(f"scale{i} = max(s{i}, size{i})")
            body.append(f"d{i} = {wrong[i]} / scale{i}")
            errors.append(f"d{i} * d{i}")
            for part, value in enumerate((f"x{i}_{last}", f"k{i}_{last}", f"scale{i}")):
                body.append(f"w[{after + n + part * m + i}] = {value}")
        return [*body, f"w[{self.layout.error_at}] = {' + '.join(errors)}"]


def _earlier(c: tuple[float, ...], stage: int) -> int | None:
    """The first earlier stage at the same time, if there is one."""
    first = c.index(c[stage])
    return first if first < stage else None
