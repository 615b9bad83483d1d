"""How far strokes reach: as far as their object, along the photo's luminance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.grain import without_grain
from hybrid.scale import shading, shrink
from hybrid.strokes import Paint
from solvers import CellMeans, ChromaSolver, Seeds, SolverError
from solvers.problem import Watch

Float = NDArray[np.float32]
HARD = 1e4
"""Weight of a painted pixel, against affinities whose median is 1."""
RESTING = 0.05
"""Weight, of all pixels of a cell, of belonging to no stroke: sets how far a stroke reaches over an even surface."""
YIELD = 0.7
"""Share of its weight that a cell gives up where it belongs to strokes, so that several colours can meet in it."""
TOLERANCE = 0.005
"""Of the membership, 0 to 1."""
CLAIMED, FREE = 0.65, 0.35
"""Membership above which a pixel is the stroke's alone, and below which it is the prediction's."""
BEYOND = 0.2
"""Membership below which nothing changes at all."""


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
    place = place_of(paint.index, lightness.shape, shape)
    index, inverse, count = np.unique(place, return_inverse=True, return_counts=True)
    relative = paint.ab / shading(lightness.ravel()[paint.index])[:, None]
    chroma = np.stack([np.bincount(inverse, values) / count for values in relative.T], -1)
    return Seeds(index, chroma.astype(np.float32), np.full(len(index), HARD, np.float32))


def place_of(index: NDArray[np.int64], shape: tuple[int, ...], grid: tuple[int, ...]) -> NDArray[np.int64]:
    """Flat index on a coarser `grid` of flat pixels of a picture of `shape`."""
    row, column = np.divmod(index, shape[1])
    return (2 * row + 1) * grid[0] // (2 * shape[0]) * grid[1] + (2 * column + 1) * grid[1] // (2 * shape[1])


def yielding(cells: CellMeans, share: Float, tint: Float) -> CellMeans:
    """The cells, as strokes leave them: what belongs to a stroke asks for its colour, more mildly.

    A cell that a stroke claims in part asks for the mean of both colours; without that its other part would have to
    make up for the stroke, in the opposite hue.

    Parameters
    ----------
    cells : as predicted
    share, tint : of a `Membership`

    Returns
    -------
    CellMeans
    """
    grid = cells.weight.shape
    share_of = shrink(share, grid)
    tint_of = np.stack([shrink(share * plane, grid) for plane in np.moveaxis(tint, -1, 0)], -1)
    chroma = cells.chroma * (1 - share_of)[..., None] + tint_of
    return CellMeans(chroma, cells.weight * (1 - YIELD * share_of), cells.blur)


def reaching(lightness: Float, threads: int | None = None) -> ChromaSolver:
    """The solver of memberships: its weights stop harder at edges than those of the colours do, and not at grain.

    Parameters
    ----------
    lightness : (h, w) float32, L*
    threads : as of `ChromaSolver`
    """
    luminance = np.clip(without_grain(lightness) / 100, 0, 1)
    return ChromaSolver(luminance, affinity="gaussian", sigma=0.03, floor=1e-4, threads=threads)


@dataclass(frozen=True, eq=False)
class Membership:
    """How much each pixel belongs to the strokes, and the chroma that they give it.

    Parameters
    ----------
    field : (h, w, 3) float32, belonging and chroma, by diffusion that rests at "no stroke"
    """

    field: Float

    @property
    def share(self) -> Float:
        """(h, w) float32 in [0, 1], 1 under the strokes."""
        return _risen(self.field[..., 0], FREE, CLAIMED)

    @property
    def reached(self) -> Float:
        """(h, w) float32 in [0, 1], 1 where there is a share, 0 where no stroke reaches."""
        return _risen(self.field[..., 0], BEYOND, FREE)

    @property
    def tint(self) -> Float:
        """(h, w, 2) float32."""
        return (self.field[..., 1:] / np.maximum(self.field[..., :1], FREE)).astype(np.float32)


def _risen(field: Float, low: float, high: float) -> Float:
    """0 below low, 1 above high, smooth between."""
    share = np.clip((field - low) / (high - low), 0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)


def screened(seeds: Seeds, shape: tuple[int, int], cells: int) -> Seeds:
    """The seeds of an image, and at each of its other pixels one that rests at zero, RESTING of them all to a cell."""
    pixels = shape[0] * shape[1]
    chroma = np.zeros((pixels, seeds.chroma.shape[1]), np.float32)
    weight = np.full(pixels, RESTING * cells / pixels, np.float32)
    chroma[seeds.index], weight[seeds.index] = seeds.chroma, seeds.weight
    return Seeds(np.arange(pixels), chroma, weight)


def membership(
    solver: ChromaSolver,
    seeds: Seeds,
    grid: tuple[int, ...],
    watch: Watch | None = None,
    before: Membership | None = None,
) -> Membership:
    """What the strokes claim.

    Every pixel is asked, mildly, to belong to none; so memberships lie between 0 and 1.

    Parameters
    ----------
    solver : from `reaching`
    seeds : of the strokes, on the pixels of the solver
    grid : rows and columns of the prediction's cells, the unit of how far a stroke reaches
    watch : as of `ChromaSolver.solve`; may cancel
    before : of other strokes on the same photo, to begin from
    """
    belonging = Seeds(seeds.index, np.insert(seeds.chroma, 0, 1, axis=1), seeds.weight)
    asked = screened(belonging, solver.shape, grid[0] * grid[1])
    if before is not None:
        try:
            return Membership(solver.solve(asked, start=before.field, tolerance=TOLERANCE, watch=watch).chroma)
        except SolverError:
            pass  # a start too far off to settle from
    return Membership(solver.solve(asked, tolerance=TOLERANCE, watch=watch).chroma)
