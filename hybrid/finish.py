"""Strokes at full size: what the lifted chroma still lacks at painted pixels, spread along the full-size edges.

Unknown is the correction to the lifted relative chroma. It is fixed at painted pixels and rests at zero, on the
average, over every working pixel that no stroke touches: so it ends within a few working pixels of the strokes, and
tiles can be solved one by one without a seam.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.reach import HARD
from hybrid.scale import L_OFFSET
from hybrid.strokes import Paint
from solvers import CellMeans, ChromaSolver, Seeds
from solvers.problem import Watch

Float = NDArray[np.float32]
Window = tuple[slice, slice]
Lifted = Callable[[Window], Float]
TILE = 192
MARGIN = 6
"""Working pixels: the side of a tile, and how far beyond the strokes the correction is solved for."""
RESTING = 10.0
"""Weight of a working pixel's mean correction being zero, against affinities whose median is 1."""


def finish(
    ab: Float,
    paint: Paint,
    lightness: Float,
    working: tuple[int, int],
    tolerance: float,
    watch: Watch | None = None,
) -> int:
    """Correct `ab` in place around the painted pixels.

    Parameters
    ----------
    ab : (H, W, 2) float32, lifted from working size
    paint : marks at full size
    lightness : (H, W) float32, L*
    working : (h, w) of the working image
    tolerance : of the relative chroma
    watch : as of `ChromaSolver.solve`; may cancel

    Returns
    -------
    Number of full-size pixels corrected.
    """
    found = [
        (piece.core, piece.correction(lambda window: ab[window], paint, lightness, tolerance, watch))
        for piece in pieces(paint, lightness.shape, working)
    ]
    for core, correction in found:
        ab[core] += correction
    return sum(correction.size // 2 for _, correction in found)


def finish_window(
    lifted: Lifted,
    paint: Paint,
    lightness: Float,
    working: tuple[int, int],
    tolerance: float,
    within: Window,
    watch: Watch | None = None,
    known: dict[int, Float] | None = None,
) -> Float:
    """What `finish` makes of one full-size window, (rows, columns, 2); only the tiles that it meets are solved.

    Parameters
    ----------
    lifted : ab of any full-size window, as lifted from working size
    within : the window, with its ends given
    paint, lightness, working, tolerance, watch : as of `finish`
    known : corrections of tiles that were solved before, kept by who asks for many windows of the same colours
    """
    known = {} if known is None else known
    ab = lifted(within)
    for number, piece in enumerate(pieces(paint, lightness.shape, working)):
        shared = [slice(max(c.start, w.start), min(c.stop, w.stop)) for c, w in zip(piece.core, within, strict=True)]
        if any(part.stop <= part.start for part in shared):
            continue
        if number not in known:
            known[number] = piece.correction(lifted, paint, lightness, tolerance, watch)
        place, source = (
            tuple(slice(s.start - w.start, s.stop - w.start) for s, w in zip(shared, of, strict=True))
            for of in (within, piece.core)
        )
        ab[place] += known[number][source]
    return ab


@dataclass(frozen=True)
class Piece:
    """A tile of the working image near painted pixels.

    Parameters
    ----------
    core : full-size window that it corrects
    window : full-size window that it is solved in
    cells : rows and columns of working pixels in the window
    """

    core: Window
    window: Window
    cells: list[int]

    def correction(
        self, lifted: Lifted, paint: Paint, lightness: Float, tolerance: float, watch: Watch | None = None
    ) -> Float:
        """What to add to the lifted ab of the core."""
        found = _correction(lifted(self.window), paint, lightness, self.window, self.cells, tolerance, watch)
        return found[
            tuple(slice(c.start - w.start, c.stop - w.start) for c, w in zip(self.core, self.window, strict=True))
        ]


def pieces(paint: Paint, shape: tuple[int, ...], working: tuple[int, int]) -> Iterator[Piece]:
    """The tiles near painted pixels, none where the working size is the photo's own."""
    if working == shape:
        return
    rows, columns = np.divmod(paint.index, shape[1])
    place = np.stack([rows * working[0] // shape[0], columns * working[1] // shape[1]])
    limit = np.array(working)
    for corner in np.ndindex(*-(-limit // TILE)):
        first = np.array(corner) * TILE
        last = np.minimum(first + TILE, limit)
        is_near = ((place >= (first - MARGIN)[:, None]) & (place < (last + MARGIN)[:, None])).all(0)
        if not is_near.any():
            continue
        low = np.maximum(place[:, is_near].min(1) - MARGIN, 0)
        high = np.minimum(place[:, is_near].max(1) + 1 + MARGIN, limit)
        core = _full_size(np.maximum(first, low), np.minimum(last, high), shape, working)
        yield Piece(core, _full_size(low, high, shape, working), (high - low).tolist())


def _full_size(low: NDArray, high: NDArray, shape: tuple[int, ...], working: tuple[int, int]) -> Window:
    """Full-size window of the working pixels low..high."""
    rows, columns = (
        slice(int(first) * full // small, int(last) * full // small)
        for first, last, full, small in zip(low, high, shape, working, strict=True)
    )
    return rows, columns


def _correction(
    ab: Float,
    paint: Paint,
    lightness: Float,
    window: Window,
    cells: list[int],
    tolerance: float,
    watch: Watch | None,
) -> Float:
    """What to add to the ab of a window, (rows, columns, 2)."""
    top, left = window[0].start, window[1].start
    height, width = window[0].stop - top, window[1].stop - left
    rows, columns = np.divmod(paint.index, lightness.shape[1])
    is_inside = (rows >= top) & (rows < window[0].stop) & (columns >= left) & (columns < window[1].stop)
    index = (rows[is_inside] - top) * width + columns[is_inside] - left
    light = lightness[window] + np.float32(L_OFFSET)
    wanted = (paint.ab[is_inside] - ab.reshape(-1, 2)[index]) / light.ravel()[index, None]
    weight = np.full(cells, RESTING, np.float32)
    weight[(rows[is_inside] - top) * cells[0] // height, (columns[is_inside] - left) * cells[1] // width] = 0
    resting = CellMeans(np.zeros((*cells, 2), np.float32), weight)
    solver = ChromaSolver(np.clip(lightness[window] / 100, 0, 1))
    seeds = Seeds(index, wanted, np.full(len(index), HARD, np.float32))
    return solver.solve(seeds, resting, tolerance=tolerance, watch=watch).chroma * light[..., None]
