"""The fast bilateral solver (Barron & Poole 2016) on a grey guide: smoothness on the boxes of a bilateral grid.

OpenCV has one, but not in the packages that registries carry: those are built without the Eigen library it needs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import cg

Float = NDArray[np.float32]
BALANCING = 10
"""Steps of the balancing of the blur; its own paper takes 8 to 10."""
TOLERANCE, MOST_ITERATIONS = 1e-4, 500
"""Of the conjugate gradients; relative residual."""


class Grid(NamedTuple):
    """The occupied boxes of a bilateral grid.

    Parameters
    ----------
    box : (H * W,) int64, the box of each pixel
    blur : (V, V) each box's neighbours with 1 and twice itself, along each of the three axes
    """

    box: NDArray[np.int64]
    blur: sparse.csr_array


def bilateral_grid(lightness: Float, spatial: float, like: float) -> Grid:
    """Sort pixels into boxes of `spatial` pixels either way and `like` units of L*."""
    axes = [np.arange(n) / spatial for n in lightness.shape]
    planes = [axes[0][:, None], axes[1][None, :], lightness / like]
    numbers = [np.round(np.broadcast_to(plane, lightness.shape).ravel()).astype(np.int64) for plane in planes]
    sizes = [int(number.max()) + 3 for number in numbers]  # room at both ends, so that neighbours do not wrap around
    strides = [sizes[1] * sizes[2], sizes[2], 1]
    key = sum((number + 1) * stride for number, stride in zip(numbers, strides, strict=True))
    keys, box = np.unique(key, return_inverse=True)
    count = len(keys)
    blur = sparse.diags_array(np.full(count, 2.0 * len(strides)), format="csr")
    for stride in strides:
        place = np.minimum(np.searchsorted(keys, keys + stride), count - 1)
        is_there = keys[place] == keys + stride
        ends = np.flatnonzero(is_there), place[is_there]
        step = sparse.coo_array((np.ones(len(ends[0])), ends), shape=(count, count))
        blur = blur + step + step.T
    return Grid(box.ravel().astype(np.int64), blur.tocsr())


def solve_on_grid(grid: Grid, wanted: NDArray[np.float64], smooth: float) -> NDArray[np.float64]:
    """Minimise smoothness on the grid times `smooth` plus the squared distance from `wanted` (H * W, C).

    The blur is first made doubly stochastic (their algorithm 1), then their equation 8 is solved for each channel.

    Returns
    -------
    (H * W, C), even within each box
    """
    mass = np.bincount(grid.box, minlength=grid.blur.shape[0]).astype(np.float64)
    scale = np.ones_like(mass)
    for _ in range(BALANCING):
        scale = np.sqrt(scale * mass / (grid.blur @ scale))
    balance = sparse.diags_array(scale)
    # What balancing leaves undone goes into the diagonal, so that constants cost nothing.
    row_sums = scale * (grid.blur @ scale)
    system = (
        smooth * (sparse.diags_array(row_sums) - balance @ grid.blur @ balance) + sparse.diags_array(mass)
    ).tocsr()
    inverse = sparse.diags_array(1 / system.diagonal())
    result = np.empty_like(wanted)
    for c in range(wanted.shape[1]):
        total = np.bincount(grid.box, wanted[:, c], minlength=len(mass))
        answer, failed = cg(system, total, total / mass, rtol=TOLERANCE, maxiter=MOST_ITERATIONS, M=inverse)
        if failed:
            raise ArithmeticError(f"bilateral solver: not converged after {failed} iterations; try a smaller lambda")
        result[:, c] = answer[grid.box]
    return result
