"""How far strokes reach: as far as their object, along the photo's luminance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hybrid.scale import L_OFFSET, shrink
from hybrid.strokes import Paint
from solvers import CellMeans, ChromaSolver, Seeds

Float = NDArray[np.float32]
HARD = 1e4
"""Weight of a stroke at full strength, against affinities whose median is 1."""
RESTING = 0.02
"""Weight, per cell, of belonging to no stroke: sets how far a stroke reaches over an even surface."""
CLAIMED, FREE = 0.5, 0.2
"""Membership above which a cell is the stroke's alone, and below which it is the prediction's."""


def seeds_of(paint: Paint, lightness: Float, shape: tuple[int, int]) -> Seeds:
    """Seeds at working size: the mean relative chroma of the painted pixels in each working pixel.

    Parameters
    ----------
    paint : at full size
    lightness : (H, W) float32, L* at full size
    shape : (h, w) of the working image
    """
    if not len(paint):
        return Seeds.none()
    height, width = lightness.shape
    row, column = np.divmod(paint.index, width)
    place = (2 * row + 1) * shape[0] // (2 * height) * shape[1] + (2 * column + 1) * shape[1] // (2 * width)
    index, inverse, count = np.unique(place, return_inverse=True, return_counts=True)
    relative = paint.ab / (lightness.ravel()[paint.index] + np.float32(L_OFFSET))[:, None]
    columns = [np.bincount(inverse, values) / count for values in (*relative.T, firmness(paint.strength))]
    return Seeds(index, np.stack(columns[:2], -1), columns[2].astype(np.float32))


def firmness(strength: Float) -> Float:
    """Weight of a stroke from its strength: s / (1 - s), at most `HARD`."""
    return np.minimum(strength / np.maximum(1 - strength, 1 / HARD), HARD).astype(np.float32)


def membership(seeds: Seeds, lightness: Float, grid: tuple[int, int]) -> Float:
    """How much each cell of a grid belongs to the strokes: 1 under them, falling to 0 beyond the edges around them.

    Chroma-free diffusion with weights that stop harder at edges than those of the colours do.

    Parameters
    ----------
    seeds : at working size
    lightness : (h, w) float32, L* at working size
    grid : rows and columns of the cells

    Returns
    -------
    grid-shaped float32 in [0, 1]
    """
    solver = ChromaSolver(np.clip(lightness / 100, 0, 1), affinity="gaussian", sigma=0.03, floor=1e-4)
    ones = Seeds(seeds.index, np.ones((len(seeds), 1), np.float32), np.full(len(seeds), HARD, np.float32))
    rest = CellMeans(np.zeros((*grid, 1), np.float32), np.full(grid, RESTING, np.float32))
    field = solver.solve(ones, rest, tolerance=0.02).chroma[..., 0]
    return np.clip(shrink(field, grid), 0, 1)


def yielding(cells: CellMeans, member: Float) -> CellMeans:
    """The cells, their weight falling to nothing where they belong to a stroke."""
    share = np.clip((CLAIMED - member) / (CLAIMED - FREE), 0, 1)
    return CellMeans(cells.chroma, cells.weight * share * share * (3 - 2 * share), cells.blur)
