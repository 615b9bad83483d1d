"""Strokes at full size: what the lifted chroma still lacks at painted pixels, spread along the full-size edges.

Unknown is the correction to the lifted relative chroma. It is fixed at painted pixels and rests at zero, on the
average, over every working pixel that no stroke touches: so it ends within a few working pixels of the strokes, and
tiles can be solved one by one without a seam.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hybrid.reach import HARD
from hybrid.scale import L_OFFSET
from hybrid.strokes import Paint
from solvers import CellMeans, ChromaSolver, Seeds

Float = NDArray[np.float32]
Window = tuple[slice, slice]
TILE = 192
MARGIN = 6
"""Working pixels: the side of a tile, and how far beyond the strokes the correction is solved for."""
RESTING = 10.0
"""Weight of a working pixel's mean correction being zero, against affinities whose median is 1."""


def finish(ab: Float, paint: Paint, lightness: Float, working: tuple[int, int], tolerance: float) -> int:
    """Correct `ab` in place around the painted pixels.

    Parameters
    ----------
    ab : (H, W, 2) float32, lifted from working size
    paint : marks at full size
    lightness : (H, W) float32, L*
    working : (h, w) of the working image
    tolerance : of the relative chroma

    Returns
    -------
    Number of full-size pixels corrected.
    """
    if working == lightness.shape:
        return 0
    rows, columns = np.divmod(paint.index, lightness.shape[1])
    place = np.stack([rows * working[0] // lightness.shape[0], columns * working[1] // lightness.shape[1]])
    limit = np.array(working)
    pieces: list[tuple[Window, Float]] = []
    for corner in np.ndindex(*-(-limit // TILE)):
        first = np.array(corner) * TILE
        last = np.minimum(first + TILE, limit)
        is_near = ((place >= (first - MARGIN)[:, None]) & (place < (last + MARGIN)[:, None])).all(0)
        if not is_near.any():
            continue
        low = np.maximum(place[:, is_near].min(1) - MARGIN, 0)
        high = np.minimum(place[:, is_near].max(1) + 1 + MARGIN, limit)
        window = _full_size(low, high, lightness.shape, working)
        core = _full_size(np.maximum(first, low), np.minimum(last, high), lightness.shape, working)
        correction = _correction(ab, paint, lightness, window, (high - low).tolist(), tolerance)
        inner = tuple(slice(c.start - w.start, c.stop - w.start) for c, w in zip(core, window, strict=True))
        pieces.append((core, correction[inner]))
    for core, correction in pieces:
        ab[core] += correction
    return sum(piece[1].size // 2 for piece in pieces)


def _full_size(low: NDArray, high: NDArray, shape: tuple[int, ...], working: tuple[int, int]) -> Window:
    """Full-size window of the working pixels low..high."""
    rows, columns = (
        slice(int(first) * full // small, int(last) * full // small)
        for first, last, full, small in zip(low, high, shape, working, strict=True)
    )
    return rows, columns


def _correction(ab: Float, paint: Paint, lightness: Float, window: Window, cells: list[int], tolerance: float) -> Float:
    """What to add to ab in a window, (rows, columns, 2)."""
    top, left = window[0].start, window[1].start
    height, width = window[0].stop - top, window[1].stop - left
    rows, columns = np.divmod(paint.index, lightness.shape[1])
    is_inside = (rows >= top) & (rows < window[0].stop) & (columns >= left) & (columns < window[1].stop)
    index = (rows[is_inside] - top) * width + columns[is_inside] - left
    light = lightness[window] + np.float32(L_OFFSET)
    wanted = (paint.ab[is_inside] - ab[window].reshape(-1, 2)[index]) / light.ravel()[index, None]
    weight = np.full(cells, RESTING, np.float32)
    weight[(rows[is_inside] - top) * cells[0] // height, (columns[is_inside] - left) * cells[1] // width] = 0
    resting = CellMeans(np.zeros((*cells, 2), np.float32), weight)
    solver = ChromaSolver(np.clip(lightness[window] / 100, 0, 1))
    seeds = Seeds(index, wanted, np.full(len(index), HARD, np.float32))
    return solver.solve(seeds, resting, tolerance=tolerance).chroma * light[..., None]
