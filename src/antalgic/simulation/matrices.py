"""A model's matrices for the engine, cut down to what the doses reach and the readouts see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from antalgic.engine.linear import System, padded
from antalgic.errors import InputError
from antalgic.model.shelf import PKModel
from antalgic.simulation.individual import Array

#: mg/L to ng/mL.
NG_PER_ML = 1000.0


@dataclass(frozen=True)
class Matrices:
    """The engine's system, and per readout which states it depends on (readouts, states)."""

    system: System
    states: tuple[str, ...]
    upstream: NDArray[np.bool_]

    def half_lives(self) -> Array:
        """Terminal half-life (h) of each readout (people, readouts), in the last parameter set.

        ln 2 over the slowest eigenvalue of the states that feed it; NaN where nothing does.
        """
        n = self.system.n_states
        flows = np.swapaxes(self.system.mt[:, -1, :n, :n], -1, -2)
        out = np.full((len(flows), len(self.upstream)), np.nan)
        seen: dict[bytes, Array] = {}
        for column, mask in enumerate(self.upstream):
            if not mask.any():
                continue
            key = mask.tobytes()
            if key not in seen:
                part = flows[:, mask][:, :, mask]
                seen[key] = np.log(2) / np.min(-np.linalg.eigvals(part).real, axis=1)
            out[:, column] = seen[key]
        return out


def build(
    model: PKModel,
    parameters: Mapping[str, Array],
    shape: tuple[int, int],
    inputs: Sequence[str],
    analytes: Sequence[str],
) -> Matrices:
    """Matrices of (people, sets) with only the dose inputs in use and the analytes asked for."""
    flows, readouts = model.circuit.columns(parameters, shape)
    _check_fractions(model, flows)
    every = len(model.circuit.states)
    used = [every + model.circuit.doses.index(name) for name in inputs]
    wanted = [model.analytes.index(a) for a in analytes]
    pattern = (flows != 0).any(axis=(0, 1))
    seen = (readouts != 0).any(axis=(0, 1))[wanted]
    reached = _closure(pattern[used].any(axis=0), pattern[:every])
    upstream = np.array([_closure(row[:every], pattern[:every].T) & reached for row in seen])
    kept = np.flatnonzero(reached & upstream.any(axis=0))
    n, m, k = len(kept), len(used), len(wanted)
    columns = np.concatenate([kept, used]).astype(np.int64)
    width = padded(n + m + k)
    mt = np.zeros((*shape, n + m + k, width))
    mt[..., : n + m, :n] = flows[..., columns, :][..., kept]
    readout = np.zeros((*shape, k, width))
    readout[..., : n + m] = NG_PER_ML * readouts[..., wanted, :][..., columns]
    mt[..., : n + m, n + m : n + m + k] = np.swapaxes(readout[..., : n + m], -1, -2)
    names = tuple(model.circuit.states[i] for i in kept)
    return Matrices(System(mt, readout, n, m), names, upstream[:, kept])


def slowest_rate(model: PKModel, parameters: Mapping[str, Array]) -> float:
    """Slowest rate constant (1/h) of any state of the model, for the first person."""
    flows, _ = model.circuit.columns(parameters, (1, 1))
    n = len(model.circuit.states)
    return float(np.min(-np.linalg.eigvals(flows[0, 0, :n, :n]).real))


def _closure(start: NDArray[np.bool_], feeds: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Everything reached from ``start`` along ``feeds`` (from, to)."""
    reached = start.copy()
    while True:
        more = reached | feeds[reached].any(axis=0)
        if np.array_equal(more, reached):
            return reached
        reached = more


def _check_fractions(model: PKModel, flows: Array) -> None:
    """A negative flow between compartments means a fraction above 1 or a negative parameter."""
    n = len(model.circuit.states)
    off_diagonal = flows * ~np.eye(flows.shape[-2], n, dtype=bool)
    if not np.all(np.isfinite(flows)) or (off_diagonal < 0).any():
        raise InputError(
            f"model '{model.name}' gets a negative or infinite flow between compartments: "
            "a changed parameter is out of its range"
        )
