"""Levin, Lischinski, Weiss, "Colorization using optimization" (SIGGRAPH 2004), as published: the reference.

After the paper's eq. 1-2 and the exact solver its authors distribute (getColorExact): 3×3 windows, weights
``exp(-dY^2 / v_r)`` with v_r of `affinity.levin_variance`, each row divided by its sum, painted pixels fixed. The rows
make the matrix unsymmetric: this is not the minimum of an energy, unlike every other method here.
"""

from __future__ import annotations

from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from solvers.affinity import checked_luminance, levin_variance
from solvers.problem import Problem, Solution, SolverError
from solvers.stencil import OFFSETS, ends

LARGEST = 1_000_000  # pixels; the factorisation needs about 2 kB each


class Levin:
    """Direct solve of ``u_r = sum_s w_rs u_s`` at every pixel without a seed, ``u_r = seed`` at the others.

    Seed weights have no meaning here: every seed is exact.

    Parameters
    ----------
    luminance : (H, W) in [0, 1]

    Raises
    ------
    ValueError
        More than a million pixels; in `solve`, cell means, which the published method does not know.
    """

    guide = "luminance"

    def __init__(self, luminance: NDArray[np.float32]) -> None:
        image = checked_luminance(luminance)
        if image.size > LARGEST:
            raise ValueError(
                f"levin: {image.size} pixels; wanted at most {LARGEST}, since the reference factorises its matrix "
                '(use method="multigrid")'
            )
        self.shape = image.shape
        self._rows = normalised_weights(image)

    def solve(self, problem: Problem) -> Solution:
        if problem.cells is not None:
            raise ValueError("levin: cell means are not part of the published method; give seeds only")
        began = perf_counter()
        count = self._rows.shape[0]
        free = np.ones(count, np.bool_)
        free[problem.seeds.index] = False
        chroma = np.zeros((count, problem.channels))
        chroma[problem.seeds.index] = problem.seeds.chroma
        if free.any():
            rows = self._rows[free]
            matrix = sparse.eye_array(int(free.sum())) - rows[:, free]
            try:
                chroma[free] = splu(matrix.tocsc()).solve(rows @ chroma)
            except RuntimeError as failure:
                raise SolverError(
                    "levin: the matrix is singular, so some region reaches no seed through weights above 0; "
                    'seed it, or use method="multigrid"'
                ) from failure
        if not np.isfinite(chroma).all():
            raise SolverError('levin: the factorisation gave values that are not finite; use method="multigrid"')
        answer = chroma.astype(np.float32).reshape(*problem.shape, -1)
        return Solution(answer, 0, (), float("nan"), {"setup": 0.0, "solve": perf_counter() - began})


def normalised_weights(image: NDArray[np.float32]) -> sparse.csr_array:
    """Levin's w_rs, (HW, HW), every row with a sum of 1 (0 in an image of one pixel)."""
    luminance, variance = image.astype(np.float64), levin_variance(image).astype(np.float64)
    number = np.arange(image.size).reshape(image.shape)
    rows, columns, values = [], [], []
    for down, right in OFFSETS.values():
        for here, there in (ends(image.shape, down, right), ends(image.shape, down, right)[::-1]):
            rows.append(number[here].ravel())
            columns.append(number[there].ravel())
            values.append(np.exp(-np.square(luminance[here] - luminance[there]) / variance[here]).ravel())
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    weights = sparse.coo_array(entries, shape=(image.size, image.size)).tocsr()
    total = weights.sum(axis=1)
    return (sparse.diags_array(np.divide(1, total, where=total > 0, out=np.zeros_like(total))) @ weights).tocsr()
