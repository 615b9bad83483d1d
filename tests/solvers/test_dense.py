"""The coarsest level's inverse: that of the matrix, whatever its size, and where Cholesky has no answer."""

import numpy as np
import pytest

from solvers import dense
from solvers.dense import inverse


@pytest.mark.parametrize("n", [1, 2, 7, 64, 301])
def test_it_is_the_inverse_and_leaves_the_matrix_as_it_was(n):
    random = np.random.default_rng(n)
    links = random.random((n, n)) * (random.random((n, n)) < 0.1)
    links += links.T
    matrix = np.diag(links.sum(1) + 10 ** random.uniform(-4, 4, n)) - links
    before = matrix.copy()
    np.testing.assert_allclose(inverse(matrix), np.linalg.inv(before), rtol=1e-5, atol=1e-7)
    assert np.array_equal(matrix, before)


def test_only_the_lower_triangle_is_read():
    matrix = np.array([[4.0, np.nan], [1.0, 3.0]])
    np.testing.assert_allclose(inverse(matrix), np.linalg.inv([[4, 1], [1, 3]]), rtol=1e-6)


def test_a_matrix_without_a_cholesky_factor_has_an_inverse_still(monkeypatch):
    matrix = np.array([[0.0, 2.0], [2.0, 0.0]])
    np.testing.assert_allclose(inverse(matrix), [[0, 0.5], [0.5, 0]])
    monkeypatch.setattr(dense.np.linalg, "inv", lambda _: pytest.fail("asked though there is a factor"))
    inverse(np.eye(3))
