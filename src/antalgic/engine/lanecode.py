"""Machine code for generated equations, by LLVM without numba.

The text of a function ``f(w, e, h, loop)`` is run once, with objects that stand for numbers: each
operation on them writes one instruction.  ``with loop():`` begins a loop over the lanes of a block;
inside it ``w[slot]`` and ``e[slot]`` are numbers of one lane of the work space and the propagator,
and ``h`` is the length of the step.  Functions are those of :mod:`lanemath`, from the same text
that numba compiles, sqrt, abs, max, min, sin, cos and what else the C library has.

numba takes ten times as long over the same equations: its types, copies and checks of thousands of
assignments are spared here, as everything is a float64.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, reduce
from types import FunctionType
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils
from numba.core.dispatcher import Dispatcher

from antalgic.engine import lanemath
from antalgic.engine.lanevector import LANES

_DOUBLE, _INTEGER = ir.DoubleType(), ir.IntType(64)
_CONTRACT = ("contract",)  # a product and a sum may be rounded once
_POINTER = ir.PointerType(_DOUBLE)
_FUNCTION = ir.FunctionType(ir.VoidType(), [_POINTER, _POINTER, _DOUBLE, _INTEGER])


class Code:
    """Machine code in memory, as long as this lives: functions of lanevector's ``call``."""

    def __init__(self, machine_code: bytes):
        """Load what :func:`machine_code` made."""
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(machine_code))
        self._engine.finalize_object()

    def address(self, name: str) -> int:
        """The address of a function; KeyError if there is none of this name."""
        found = int(self._engine.get_function_address(name))
        if not found:
            raise KeyError(name)
        return found


def processor() -> str:
    """What machine code is made for: the kind of machine, its processor and what that can do."""
    features = llvm.get_host_cpu_features().flatten()
    return f"{llvm.get_process_triple()} {llvm.get_host_cpu_name()} {features}"


def machine_code(text: str) -> bytes:
    """The functions of a text as an object file for this processor."""
    return bytes(_machine().emit_object(optimised(text)))


def optimised(text: str) -> llvm.ModuleRef:
    """The functions of a text in LLVM's language, its loops over lanes made vectors."""
    builder, written = ir.IRBuilder(), ir.Module("equations")
    functions: dict[str, Callable[..., None]] = {}
    exec(text, _namespace(builder), functions)
    for name, function in functions.items():
        _write(builder, ir.Function(written, _FUNCTION, name), function)
    machine, module = _machine(), llvm.parse_assembly(str(written))
    module.triple, module.data_layout = machine.triple, str(machine.target_data)
    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    tuning.loop_vectorization = True
    passes = llvm.create_pass_builder(machine, tuning)
    passes.getModulePassManager().run(module, passes)
    return module


def _machine() -> llvm.TargetMachine:
    """This machine, with the settings by which numba compiles."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        reloc="static" if target.name.startswith("x86") else "default",
        jit=True,
    )


def _write(builder: ir.IRBuilder, function: ir.Function, text: Callable[..., None]) -> None:
    """Instructions of one function, by running its text."""
    work, propagator, hours, lanes = function.args
    work.add_attribute("noalias")  # they never overlap
    propagator.add_attribute("noalias")
    builder.position_at_end(function.append_basic_block())
    w, e = _Slots(builder, work), _Slots(builder, propagator)

    @contextmanager
    def loop() -> Iterator[None]:
        with cgutils.for_range(builder, lanes) as over:
            w.lane = e.lane = over.index
            yield

    text(w, e, _Number(builder, hours), loop)
    builder.ret_void()


class _Slots:
    """An array of slots, of which a loop sees one lane."""

    def __init__(self, builder: ir.IRBuilder, start: ir.Value):
        self.builder, self.start, self.lane = builder, start, None

    def _place(self, slot: int) -> ir.Value:
        at = self.builder.add(ir.Constant(_INTEGER, slot * LANES), self.lane)
        return self.builder.gep(self.start, [at])

    def __getitem__(self, slot: int) -> "_Number":
        return _Number(self.builder, self.builder.load(self._place(slot)))

    def __setitem__(self, slot: int, value: "_Number | float") -> None:
        self.builder.store(_value_of(value), self._place(slot))


@dataclass(frozen=True, eq=False)
class _Number:
    """A double or an int64 of the code; what is done with it becomes an instruction."""

    builder: ir.IRBuilder
    value: ir.Value

    def like(self, other: "_Number | float") -> ir.Value:
        """Another number, or a constant of this one's type."""
        return _value_of(other, self.value.type)

    def made(self, value: ir.Value) -> "_Number":
        """The result of an instruction."""
        return _Number(self.builder, value)

    def _operation(self, name: str, left: ir.Value, right: ir.Value) -> "_Number":
        if self.value.type == _INTEGER:
            return self.made(getattr(self.builder, name)(left, right))
        return self.made(getattr(self.builder, "f" + name)(left, right, flags=_CONTRACT))

    def __add__(self, other: Any) -> "_Number":
        return self._operation("add", self.value, self.like(other))

    def __radd__(self, other: Any) -> "_Number":
        return self._operation("add", self.like(other), self.value)

    def __sub__(self, other: Any) -> "_Number":
        return self._operation("sub", self.value, self.like(other))

    def __rsub__(self, other: Any) -> "_Number":
        return self._operation("sub", self.like(other), self.value)

    def __mul__(self, other: Any) -> "_Number":
        return self._operation("mul", self.value, self.like(other))

    def __rmul__(self, other: Any) -> "_Number":
        return self._operation("mul", self.like(other), self.value)

    def __truediv__(self, other: Any) -> "_Number":
        return self._operation("div", self.value, self.like(other))

    def __rtruediv__(self, other: Any) -> "_Number":
        return self._operation("div", self.like(other), self.value)

    def __neg__(self) -> "_Number":
        return self.made(self.builder.fneg(self.value, flags=_CONTRACT))

    def __lshift__(self, other: Any) -> "_Number":
        return self.made(self.builder.shl(self.value, self.like(other)))

    def __or__(self, other: Any) -> "_Number":
        return self.made(self.builder.or_(self.value, self.like(other)))

    def _compared(self, sign: str, other: Any) -> "_Number":
        return self.made(self.builder.fcmp_ordered(sign, self.value, self.like(other)))

    def __lt__(self, other: Any) -> "_Number":
        return self._compared("<", other)

    def __gt__(self, other: Any) -> "_Number":
        return self._compared(">", other)

    def __ge__(self, other: Any) -> "_Number":
        return self._compared(">=", other)

    def __eq__(self, other: Any) -> "_Number":  # type: ignore[override]
        return self._compared("==", other)

    def __ne__(self, other: Any) -> "_Number":  # type: ignore[override]
        return self.made(self.builder.fcmp_unordered("!=", self.value, self.like(other)))


def _value_of(number: "_Number | float", kind: ir.Type = _DOUBLE) -> ir.Value:
    """What a number of the code or a constant is to LLVM."""
    return number.value if isinstance(number, _Number) else ir.Constant(kind, number)


def _called(name: str, *arguments: _Number) -> _Number:
    """A function of doubles that LLVM or the C library knows by name."""
    builder = arguments[0].builder
    kind = ir.FunctionType(_DOUBLE, [_DOUBLE] * len(arguments))
    # pure, as a loop with a call that might write to memory could not be made vectors
    function = cgutils.insert_pure_function(builder.module, kind, name)
    return arguments[0].made(builder.call(function, [a.value for a in arguments]))


def _choose(condition: _Number, a: _Number, b: _Number) -> _Number:
    return a.made(a.builder.select(condition.value, a.value, b.value))


def _max(*numbers: _Number) -> _Number:
    return reduce(lambda a, b: _choose(b > a, b, a), numbers)


def _min(*numbers: _Number) -> _Number:
    return reduce(lambda a, b: _choose(b < a, b, a), numbers)


def _bits(x: _Number) -> _Number:
    return x.made(x.builder.bitcast(x.value, _INTEGER))


def _value(bits: _Number) -> _Number:
    return bits.made(bits.builder.bitcast(bits.value, _DOUBLE))


def _upper(bits: _Number) -> _Number:
    return bits.made(bits.builder.lshr(bits.value, bits.like(lanemath.EXPONENT)))


#: What a text calls that LLVM has under a name of its own, and what the C library has.
_IN_LLVM = {"abs": "fabs", "sqrt": "sqrt", "sin": "sin", "cos": "cos", "_fma": "fma"}
_IN_C = ("tan", "sinh", "cosh", "atan")


def _namespace(builder: ir.IRBuilder) -> dict[str, Any]:
    """What a text may call; every name in :mod:`lanemath`'s functions is read from here too."""
    found = dict(vars(lanemath))

    def known(function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with constants among its arguments made numbers of the code."""
        return lambda *given: function(*(_Number(builder, _value_of(g)) for g in given))

    for name, thing in vars(lanemath).items():
        if isinstance(thing, Dispatcher):
            found[name] = known(FunctionType(thing.py_func.__code__, found))
    primitives: dict[str, Callable[..., _Number]] = {
        "choose": _choose, "max": _max, "min": _min,
        "_bits": _bits, "_value": _value, "_upper": _upper,
        **{name: partial(_called, f"llvm.{other}.f64") for name, other in _IN_LLVM.items()},
        **{name: partial(_called, name) for name in _IN_C},
    }  # fmt: skip
    found.update({name: known(function) for name, function in primitives.items()})
    return found
