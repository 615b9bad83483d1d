"""Regions of one object, and the one colour that the network's cells in a region agree on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from skimage.segmentation import felzenszwalb

from hybrid.scale import shrink, working_shape

Float = NDArray[np.float32]
SIDE = 512
"""Regions are looked for at about this many pixels a side."""


def regions(lightness: Float, scale: float = 300.0) -> NDArray[np.int64]:
    """Labels of regions of even lightness (Felzenszwalb & Huttenlocher 2004).

    Parameters
    ----------
    lightness : (H, W) float32, L* 0..100
    scale : larger gives larger regions

    Returns
    -------
    (h, w) int64 labels from 0, at a size of about 512 × 512
    """
    small = shrink(lightness, working_shape(lightness.shape, SIDE**2 / 1e6))
    if min(small.shape) < 2:
        return np.zeros(small.shape, np.int64)
    return felzenszwalb(small / 100, scale=scale, sigma=0.8, min_size=50)


def overlap(labels: NDArray[np.int64], cells: tuple[int, int]) -> sparse.csr_array:
    """Share of each cell that each region covers.

    Parameters
    ----------
    labels : (h, w)
    cells : rows and columns of a grid laid over the same picture

    Returns
    -------
    (S, rows * columns), columns sum to 1 where the labels are at least as fine as the grid
    """
    height, width = labels.shape
    row = (2 * np.arange(height) + 1) * cells[0] // (2 * height)
    column = (2 * np.arange(width) + 1) * cells[1] // (2 * width)
    cell = (row[:, None] * cells[1] + column).ravel()
    shape = (int(labels.max()) + 1, cells[0] * cells[1])
    counts = sparse.coo_array((np.ones(cell.size, np.float32), (labels.ravel(), cell)), shape).tocsr()
    covered = np.maximum(counts.sum(0), 1)
    return counts.multiply(1 / covered[None, :]).tocsr()


def joint_log_probability(log_probability: Float, confidence: Float, share: sparse.csr_array) -> Float:
    """What the cells of each region say together: the confidence-weighted mean of their log-probabilities.

    The mean instead of the sum keeps the width of the distribution; a plain product would collapse to one colour.

    Parameters
    ----------
    log_probability : (Q, h, w)
    confidence : (h, w) in [0, 1]
    share : (S, h * w) from `overlap`

    Returns
    -------
    (Q, h, w): for each cell the answer of the regions it lies in
    """
    count = len(log_probability)
    weight = np.maximum(confidence.ravel(), 1e-3)
    votes = share.multiply(weight[None, :]).tocsr()
    joint = (votes @ log_probability.reshape(count, -1).T) / np.maximum(votes.sum(1), 1e-12)[:, None]
    return np.ascontiguousarray((share.T @ joint).T.reshape(log_probability.shape), dtype=np.float32)
