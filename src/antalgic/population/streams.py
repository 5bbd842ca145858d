"""Random numbers that belong to a patient, not to a run.

A number is fixed by (seed, stream, replicate, patient) alone: it does not depend on how many
patients there are, in which order or chunk they are asked for, or on which thread.  Arms that use
the same stream therefore share their random numbers.

Patients come in fixed blocks of 256, block b holding patients 256 b to 256 b + 255.  Each block has
its own Philox generator keyed by SeedSequence([seed, replicate], spawn_key=(stream's hash, block)).
NumPy keeps both stable between versions, but not its normal sampler: normals are made here from
uniforms by the inverse of the normal distribution.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from antalgic.errors import InputError, shown

BLOCK = 256
_WORD_BITS = 32
_WORD = 2**_WORD_BITS


def uniform(
    seed: int, stream: str, n: int, *, replicate: int = 0, offset: int = 0
) -> NDArray[np.float64]:
    """Uniform numbers strictly between 0 and 1 of patients offset to offset + n - 1, shape (n,)."""
    # 52 bits and a half: exact in a double, symmetric about 1/2, and never 0 or 1.  With 53 bits
    # the half would be rounded away and 1 could appear, which ndtri turns into infinity.
    bits = _raw(seed, stream, n, replicate, offset) >> np.uint64(12)
    return (bits.astype(np.float64) + 0.5) * 2.0**-52


def normal(
    seed: int, stream: str, n: int, *, replicate: int = 0, offset: int = 0
) -> NDArray[np.float64]:
    """Standard normal numbers of patients offset to offset + n - 1, shape (n,)."""
    values: NDArray[np.float64] = ndtri(
        uniform(seed, stream, n, replicate=replicate, offset=offset)
    )
    return values


def _raw(seed: int, stream: str, n: int, replicate: int, offset: int) -> NDArray[np.uint64]:
    """64 random bits for each patient, shape (n,)."""
    _check("seed", seed, 2 * _WORD_BITS - 1)
    _check("replicate", replicate, _WORD_BITS)
    if n < 0 or offset < 0:
        raise ValueError(f"patients {offset} to {offset + n - 1} do not exist")
    if n == 0:
        return np.empty(0, dtype=np.uint64)
    first, last = offset // BLOCK, (offset + n - 1) // BLOCK
    # The seed takes two words whatever its size, so that no two pairs share a key.
    entropy = [seed % _WORD, seed // _WORD, replicate]
    words = _words(stream)
    bits = np.empty((last - first + 1, BLOCK), dtype=np.uint64)
    for row, block in enumerate(range(first, last + 1)):
        key = np.random.SeedSequence(entropy, spawn_key=(*words, block))
        bits[row] = np.random.Philox(key).random_raw(BLOCK)
    start = offset - first * BLOCK
    return bits.reshape(-1)[start : start + n]


def _check(name: str, value: int, bits: int) -> None:
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or not 0 <= value < 2**bits:
        message = f"{shown(value)} cannot be used, expected a whole number from 0 to {2**bits - 1}"
        raise InputError(message, field=name)


@lru_cache(maxsize=1024)
def _words(stream: str) -> tuple[int, int, int, int]:
    """Four 32-bit words that stand for a stream's name, the same on every machine."""
    digest = hashlib.sha256(stream.encode()).digest()
    a, b, c, d = (int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4))
    return a, b, c, d
