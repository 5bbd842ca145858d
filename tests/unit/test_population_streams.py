"""Random numbers: the same for a patient whatever is asked beside them, and really random."""

import hashlib

import numpy as np
import pytest
from scipy import stats

from antalgic.errors import InputError
from antalgic.population import streams

N = 20_000


def test_first_numbers_never_change():
    # A change here changes every result that anybody has ever kept.
    assert streams.uniform(1, "a", 3).tolist() == [
        0.059898520920581455,
        0.40724322427288573,
        0.35980540610968814,
    ]
    expected = [1.416272748905852, -0.4493190568943218]
    assert streams.normal(7, "eta.CL", 2, replicate=3) == pytest.approx(expected, rel=1e-14)
    assert streams.uniform(2**40, "a", 1).tolist() == [0.8683557324818066]


def test_numbers_are_those_the_documentation_describes():
    words = np.frombuffer(hashlib.sha256(b"eta.CL").digest()[:16], "<u4").tolist()
    key = np.random.SeedSequence([7, 0, 3], spawn_key=(*words, 2))
    bits = np.random.Philox(key).random_raw(streams.BLOCK) >> np.uint64(12)
    expected = (bits + 0.5) / 2**52
    found = streams.uniform(7, "eta.CL", streams.BLOCK, replicate=3, offset=2 * streams.BLOCK)
    assert np.array_equal(found, expected)


def test_normals_are_the_uniforms_through_the_inverse_normal():
    uniform = streams.uniform(3, "x", 500)
    assert streams.normal(3, "x", 500) == pytest.approx(stats.norm.ppf(uniform), rel=1e-9)


@pytest.mark.parametrize("n", [0, 1, 255, 256, 257, 1000])
def test_number_of_patients_does_not_matter(n):
    assert np.array_equal(streams.normal(5, "x", n), streams.normal(5, "x", 2000)[:n])


@pytest.mark.parametrize(("offset", "n"), [(0, 7), (255, 2), (256, 256), (300, 700), (1999, 1)])
def test_place_in_a_chunk_does_not_matter(offset, n):
    whole = streams.normal(5, "x", 2000)
    assert np.array_equal(streams.normal(5, "x", n, offset=offset), whole[offset : offset + n])


def test_uniforms_are_uniform_and_normals_normal():
    assert stats.kstest(streams.uniform(1, "ks", N), "uniform").pvalue > 0.01
    assert stats.kstest(streams.normal(2, "ks", N), "norm").pvalue > 0.01
    assert stats.kstest(streams.uniform(1, "ks", N) ** 1.05, "uniform").pvalue < 0.01


@pytest.mark.parametrize(
    "other",
    [
        {"stream": "y"},
        {"stream": "x "},
        {"seed": 2},
        {"replicate": 1},
        {"seed": 1 + 2**32},
        {"offset": N},
    ],
)
def test_other_streams_seeds_replicates_and_patients_are_independent(other):
    x = streams.normal(1, "x", N)
    asked = {"seed": 1, "stream": "x"} | other
    y = streams.normal(asked.pop("seed"), asked.pop("stream"), N, **asked)
    # The correlation of independent normals has a standard error of 1/sqrt(N) = 0.007.
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.03
    assert abs(np.corrcoef(x**2, y**2)[0, 1]) < 0.03
    assert not np.intersect1d(x, y).size


def test_neighbours_and_blocks_are_independent():
    x = streams.normal(1, "x", N)
    for lag in (1, streams.BLOCK):
        assert abs(np.corrcoef(x[:-lag], x[lag:])[0, 1]) < 0.03
    blocks = x[: N - N % streams.BLOCK].reshape(-1, streams.BLOCK).mean(axis=1)
    assert blocks.std() == pytest.approx(1 / 16, rel=0.3)


def test_a_replicate_is_not_hidden_in_the_seed():
    # Written as words one after the other, seed 1 + 2^32 r with replicate 0 would be seed 1 with r.
    assert streams.uniform(1 + 5 * 2**32, "x", 1) != streams.uniform(1, "x", 1, replicate=5)


@pytest.mark.parametrize(
    ("seed", "replicate", "field"),
    [
        (-1, 0, "seed"),
        (2**63, 0, "seed"),
        (1.5, 0, "seed"),
        (True, 0, "seed"),
        (1, -1, "replicate"),
    ],
)
def test_impossible_seeds_are_refused(seed, replicate, field):
    with pytest.raises(InputError, match="expected a whole number from 0 to") as caught:
        streams.uniform(seed, "x", 3, replicate=replicate)
    assert caught.value.field == field


def test_patients_before_the_first_are_refused():
    with pytest.raises(ValueError, match="do not exist"):
        streams.uniform(1, "x", 3, offset=-1)
