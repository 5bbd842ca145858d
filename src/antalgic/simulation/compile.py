"""From a circuit to compiled code: generated, kept on disk under its own hash, and loaded.

A generated module holds five functions over the lanes of a block (see :mod:`engine.lanes`): no
powers but products and square roots where exponents allow, what depends on parameters alone
computed once per block, common parts computed once per stage.
"""

import hashlib
import importlib.util
import os
import platform
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import numpy as np

from antalgic.engine import lanemath
from antalgic.engine.laneexp import Pattern, pattern
from antalgic.engine.lanes import Kernel, Layout
from antalgic.engine.pairs import METHODS, Rosenbrock
from antalgic.model.compose import Circuit
from antalgic.model.trace import CONSTANT, Trace, trace
from antalgic.simulation.source import module_text

#: What a generated module defines.
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


def compiled(circuit: Circuit, pair: str) -> Compiled:
    """Compile a circuit for one of :data:`METHODS`, or load it if that has been done before.

    ``pair`` is "dp54" (order 5), "bs32" (order 3, cheaper where rtol is coarse) or, for stiff
    models, "rodas4".
    """
    traced = trace(circuit)
    chosen = METHODS[pair]
    n, inputs = len(traced.linear), len(traced.columns) - len(traced.linear)
    position = {name: i for i, name in enumerate(traced.columns)}
    shape = pattern(n + inputs if n else 0, [(position[s], position[c]) for s, c in traced.matrix])
    signals = {position[s] for s in traced.signals}
    stage = np.array([e for e, row in enumerate(shape.row) if row in signals], dtype=np.int64)
    text, precomputed, scratch = module_text(traced, shape, stage, chosen)
    module = _load(text)
    slow = {name: i for i, name in enumerate(traced.slow)}
    first, slot, entry = _dose_tables(traced, shape, position, slow)
    layout = Layout(
        n, inputs, len(traced.slow), len(traced.outputs), len(traced.parameter), precomputed
    )
    functions = tuple(getattr(module, f).address for f in FUNCTIONS)
    kernel = Kernel(
        layout, shape,
        np.array(chosen.chains), np.array(chosen.recipe, dtype=np.int64),
        stage, first, slot, entry,
        len(shape.row) + len(traced.entry), CONSTANT in traced.columns, chosen.order, chosen.share,
        layout.size + scratch, isinstance(chosen, Rosenbrock), functions, module,
    )  # fmt: skip
    return Compiled(
        kernel,
        tuple(traced.parameter),
        tuple(traced.dose),
        (*traced.linear, *traced.slow),
        tuple(traced.outputs),
        n,
    )


def _dose_tables(
    traced: Trace, shape: Pattern, position: dict[str, int], slow: dict[str, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where each dose input enters (see :class:`Kernel`): firsts, slots and matrix entries."""
    first, slot, entry = [0], [], []
    extra = {key: len(shape.row) + i for i, key in enumerate(traced.entry)}
    for dose in traced.dose:
        for i, state in enumerate(traced.linear):
            if (state, dose) in traced.matrix:
                slot.append(i)
                entry.append(shape.find(i, position[dose]))
        for state, i in slow.items():
            if (state, dose) in extra:
                slot.append(len(traced.linear) + i)
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


def _load(text: str) -> ModuleType:
    """Import the module with this text; its name holds the hash of text, versions and processor."""
    functions = Path(lanemath.__file__).read_text(encoding="utf-8")
    versions = (version("numba"), version("llvmlite"), sys.version, platform.machine())
    digest = hashlib.sha256("\n".join((*versions, functions, text)).encode()).hexdigest()
    name = f"antalgic_kernel_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.py"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=folder, suffix=".tmp", delete=False
        ) as file:
            file.write(text)
        Path(file.name).replace(path)  # at once, so that no other process reads half a file
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot import {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
