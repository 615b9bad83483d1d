"""The inverse of the coarsest level's matrix, on the thread that asks for it.

LAPACK's threads wait for each other by turning in circles: where the cores are busy with other work, a browser that
draws for example, a matrix of 300 rows took it up to a hundred times as long.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


def inverse(matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    """Inverse of a symmetric matrix of a few hundred rows, by Cholesky where it is positive definite.

    Parameters
    ----------
    matrix : (n, n) float64; only the lower triangle is read, unless it is not positive definite

    Returns
    -------
    (n, n) float32
    """
    found = np.empty(matrix.shape, np.float32)
    if _invert(matrix.copy(), np.zeros_like(matrix), found):
        return found
    return np.ascontiguousarray(np.linalg.inv(matrix), dtype=np.float32)


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _invert(lower, turned, out):  # type: ignore[no-untyped-def]
    """out = (L L')^-1 of the matrix whose lower triangle is `lower`, which becomes L; False if a pivot is not positive.

    turned, zeros at first, becomes L^-1. All inner loops run along rows.
    """
    n = len(lower)
    for i in range(n):
        for j in range(i + 1):
            rest = lower[i, j]
            for k in range(j):
                rest -= lower[i, k] * lower[j, k]
            if j < i:
                lower[i, j] = rest / lower[j, j]
            elif rest > 0:
                lower[i, i] = np.sqrt(rest)
            else:
                return False
    for i in range(n):
        for k in range(i):
            share = lower[i, k]
            for j in range(k + 1):
                turned[i, j] -= share * turned[k, j]
        turned[i, i] = 1
        for j in range(i + 1):
            turned[i, j] /= lower[i, i]
    for i in range(n):
        total = lower[i]
        total[:] = 0
        for k in range(i, n):
            share = turned[k, i]
            for j in range(i + 1):
                total[j] += share * turned[k, j]
        for j in range(i + 1):
            out[i, j] = out[j, i] = total[j]
    return True
