"""Shares of variance: known cases, and SciPy's Sobol indices for independent inputs."""

import numpy as np
import pytest
from scipy.stats import norm, qmc, sobol_indices

from antalgic.evidence import shapley

RUNS = 512


def scores(inputs, seed=1):
    drawn = qmc.Sobol(inputs, seed=seed).random(RUNS)
    return norm.ppf(np.clip(drawn, 1e-6, 1 - 1e-6))


def test_correlated_linear_inputs_have_the_known_shapley_effects():
    """Y = b'X with X normal; two inputs correlated, as in Owen and Prieur 2017."""
    rho, b1, b2, b3 = 0.6, 1.0, 1.0, 2.0
    root = shapley.root_of(np.array([[1, 0, 0], [0, 1, rho], [0, rho, 1]]))
    w = scores(3)
    found = shapley.learn(w, w @ root.T @ np.array([b1, b2, b3]), root)
    both = b2**2 + b3**2 + 2 * rho * b2 * b3
    first, second = (b2 + rho * b3) ** 2, (b3 + rho * b2) ** 2
    total = b1**2 + both
    known = [
        b1**2 / total,
        (first + both - second) / 2 / total,
        (second + both - first) / 2 / total,
    ]
    assert found.quality > 0.999
    np.testing.assert_allclose(list(found.shares({"a": [0], "b": [1], "c": [2]}).values()), known)
    np.testing.assert_allclose(found.each(), known)


def test_independent_inputs_lie_between_the_first_and_the_total_index_of_scipy():
    def law(x):
        return x[0] + 0.5 * x[1] ** 2 + 0.8 * x[0] * x[2] + 0.3 * x[1]

    w = scores(4)
    found = shapley.learn(w, law(w.T), np.eye(4))
    indices = sobol_indices(func=law, n=4096, dists=[norm()] * 4, rng=np.random.default_rng(1))
    between = (indices.first_order + indices.total_order) / 2  # exact for products of two
    np.testing.assert_allclose(found.each(), between, atol=0.02)
    np.testing.assert_allclose(
        [found.explained([i]) / found.variance for i in range(4)], indices.first_order, atol=0.02
    )


def test_shares_of_groups_add_up_and_equal_those_of_their_members_when_independent():
    w = scores(6)
    y = w[:, 0] * w[:, 1] + w[:, 2] + 0.2 * w[:, 3] ** 2
    found = shapley.learn(w, y, np.eye(6))
    each = found.each()
    groups = found.shares({"A": [0, 2], "B": [1], "C": [3, 4, 5], "D": []})
    assert sum(groups.values()) == pytest.approx(1)
    assert groups["D"] == 0
    assert groups["A"] == pytest.approx(each[0] + each[2], abs=0.01)


def test_an_input_that_follows_from_another_takes_half_of_its_share():
    w = scores(3)
    root = shapley.root_of(np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))
    x = w @ root.T
    found = shapley.learn(w, x[:, 0] + x[:, 2], root)
    np.testing.assert_allclose(found.each(), [0.25, 0.25, 0.5], atol=1e-6)


def test_quality_falls_where_no_polynomial_of_second_degree_will_do():
    w = scores(5)
    wild = shapley.learn(w, np.sin(6 * w[:, 0]) * np.sign(w[:, 1]), np.eye(5))
    assert wild.quality < 0.3


def test_what_does_not_vary_rests_on_nothing():
    w = scores(3)
    found = shapley.learn(w, np.full(RUNS, 7.0), np.eye(3))
    assert found.variance == 0
    assert found.shares({"A": [0], "B": [1, 2]}) == {"A": 0.0, "B": 0.0}
    assert not found.each().any()
