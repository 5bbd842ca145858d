"""From a circuit to compiled code: generated, kept on disk under its own hash, and loaded.

A generated text holds five functions over the lanes of a block (see :mod:`engine.lanes`): no
powers but products and square roots where exponents allow, what depends on parameters alone
computed once per block, common parts computed once per stage.
"""

import hashlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Collection
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from antalgic.engine.lanecode import Code, machine_code, processor
from antalgic.engine.laneexp import Pattern, pattern
from antalgic.engine.lanes import Kernel, Layout
from antalgic.engine.pairs import METHODS, Rosenbrock
from antalgic.model.compose import Circuit
from antalgic.simulation.identity import identity

#: What a generated text defines.
FUNCTIONS = ("prepare", "rates", "advance", "coast", "readout")


@dataclass(frozen=True)
class Compiled:
    """A kernel and the names that number its arrays.

    ``states`` are the linear block's, then the slow ones; doses are numbered as inputs.
    """

    kernel: Kernel
    parameters: tuple[str, ...]
    doses: tuple[str, ...]
    states: tuple[str, ...]
    outputs: tuple[str, ...]
    linear: int


@dataclass(frozen=True)
class _Description:
    """What a kernel needs of a circuit, so that a second start needs no symbols.

    ``matrix`` and ``entry`` are the keys of :class:`trace.Trace`; the numbers are those of
    :func:`source.module_text`.
    """

    linear: tuple[str, ...]
    slow: tuple[str, ...]
    columns: tuple[str, ...]
    signals: tuple[str, ...]
    matrix: tuple[tuple[str, str], ...]
    entry: tuple[tuple[str, str], ...]
    constant: bool
    text: str
    precomputed: int
    scratch: int


def compiled(circuit: Circuit, pair: str) -> Compiled:
    """Compile a circuit for one of :data:`METHODS`, or load it if that has been done before.

    ``pair`` is "dp54" (order 5), "ss43" (order 4, cheaper for rtol above 1e-5), "bs32" (order 3)
    or, for stiff models, "rodas4".
    """
    chosen = METHODS[pair]
    described = _described(circuit, pair)
    n, inputs = len(described.linear), len(described.columns) - len(described.linear)
    position = {name: i for i, name in enumerate(described.columns)}
    shape, stage = _shape(described.linear, described.columns, described.matrix, described.signals)
    code = _load(described.text)
    first, slot, entry = _dose_tables(described, circuit.doses, shape, position)
    outputs = tuple(circuit.readouts)
    layout = Layout(
        n, inputs, len(described.slow), len(outputs), len(circuit.parameters),
        described.precomputed,
    )  # fmt: skip
    functions = tuple(code.address(f) for f in FUNCTIONS)
    kernel = Kernel(
        layout, shape,
        np.array(chosen.chains), np.array(chosen.recipe, dtype=np.int64),
        stage, first, slot, entry,
        len(shape.row) + len(described.entry), described.constant, chosen.order, chosen.share,
        layout.size + described.scratch, isinstance(chosen, Rosenbrock), functions, code,
    )  # fmt: skip
    states = (*described.linear, *described.slow)
    return Compiled(kernel, circuit.parameters, circuit.doses, states, outputs, n)


def _shape(
    linear: tuple[str, ...],
    columns: tuple[str, ...],
    matrix: Collection[tuple[str, str]],
    signals: tuple[str, ...],
) -> tuple[Pattern, NDArray[np.int64]]:
    """The pattern of the block's exponential, and its entries that stages within a step need."""
    position = {name: i for i, name in enumerate(columns)}
    shape = pattern(len(columns) if linear else 0, [(position[s], position[c]) for s, c in matrix])
    rows = {position[s] for s in signals}
    return shape, np.array([e for e, row in enumerate(shape.row) if row in rows], dtype=np.int64)


def _described(circuit: Circuit, pair: str) -> _Description:
    """The description of a circuit, from the cache if its equations have been seen before."""
    equations = identity(circuit)
    if equations is None:
        return _describe(circuit, pair)
    name = f"antalgic_circuit_{_digest(_generator(), pair, equations)}.json"
    path = cache_folder() / name
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        return _Description(**{k: _tuples(v) for k, v in kept.items()})
    described = _describe(circuit, pair)
    _write(path, json.dumps(asdict(described)).encode())
    return described


def _describe(circuit: Circuit, pair: str) -> _Description:
    # here, as a start from the cache needs no SymPy, which takes a third of a second to import
    from antalgic.model.trace import CONSTANT, trace
    from antalgic.simulation.source import module_text

    traced = trace(circuit)
    shape, stage = _shape(traced.linear, traced.columns, traced.matrix, traced.signals)
    text, precomputed, scratch = module_text(traced, shape, stage, METHODS[pair])
    return _Description(
        traced.linear, traced.slow, traced.columns, traced.signals,
        tuple(traced.matrix), tuple(traced.entry), CONSTANT in traced.columns,
        text, precomputed, scratch,
    )  # fmt: skip


def _tuples(value: Any) -> Any:
    """JSON lists as tuples."""
    return tuple(_tuples(part) for part in value) if isinstance(value, list) else value


def _generator() -> str:
    """Everything here that a description depends on, as text."""
    return _texts(
        "simulation/compile", "simulation/source", "simulation/identity",
        "model/trace", "model/compose", "engine/lanes", "engine/laneexp", "engine/pairs",
    )  # fmt: skip


def _texts(*modules: str) -> str:
    """The text of some modules of this package."""
    package = Path(__file__).parents[1]
    return "\n".join((package / f"{m}.py").read_text(encoding="utf-8") for m in modules)


def _digest(*texts: str) -> str:
    """A hash of texts, and of the versions and the processor that compiled code depends on."""
    versions = (version("numba"), version("llvmlite"), sys.version, platform.machine())
    return hashlib.sha256("\0".join((*versions, *texts)).encode()).hexdigest()


def _dose_tables(
    described: _Description, doses: tuple[str, ...], shape: Pattern, position: dict[str, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Where each dose input enters (see :class:`Kernel`): firsts, slots and matrix entries."""
    first, slot, entry = [0], [], []
    extra = {key: len(shape.row) + i for i, key in enumerate(described.entry)}
    for dose in doses:
        for i, state in enumerate(described.linear):
            if (state, dose) in described.matrix:
                slot.append(i)
                entry.append(shape.find(i, position[dose]))
        for i, state in enumerate(described.slow):
            if (state, dose) in extra:
                slot.append(len(described.linear) + i)
                entry.append(extra[state, dose])
        first.append(len(slot))
    return (
        np.array(first, dtype=np.int64),
        np.array(slot, dtype=np.int64),
        np.array(entry, dtype=np.int64),
    )


def cache_folder() -> Path:
    """Where generated code is kept: ``antalgic`` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "antalgic" / "kernels"


def _write(path: Path, content: bytes) -> None:
    """Write a file at once, so that no other process reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)


@cache
def _load(text: str) -> Code:
    """The machine code of a text, kept under a hash of the text, versions and processor."""
    made_by = _texts("engine/lanecode", "engine/lanemath", "engine/lanevector")
    path = cache_folder() / f"antalgic_kernel_{_digest(processor(), made_by, text)}.o"
    if not path.exists():
        _write(path, machine_code(text))
    return Code(path.read_bytes())
