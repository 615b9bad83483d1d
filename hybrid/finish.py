"""Strokes at full size: what the lifted chroma still lacks at painted pixels, spread along the full-size edges.

Unknown is the correction to the lifted relative chroma. It is fixed at painted pixels and rests at zero, on the
average, over every working pixel that no stroke touches: so it ends within a few working pixels of the strokes, and
tiles can be solved one by one without a seam.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse.csgraph import connected_components

from hybrid.reach import HARD
from hybrid.scale import shading
from hybrid.strokes import Paint
from solvers import CellMeans, ChromaSolver, Seeds
from solvers.problem import Watch
from solvers.team import standing_team

Float = NDArray[np.float32]
Window = tuple[slice, slice]
Lifted = Callable[[Window], Float]
Correction = tuple[Window, Float]
"""A full-size window, and what is added to its lifted ab."""
TILE = 192
MARGIN = 6
"""Working pixels: the side of a tile, and how far beyond the strokes the correction is solved for."""
SAME = 0.1
"""Share of the tolerance by which what is wanted of a tile may change before it is solved again."""
MOST_KEPT = 32_000_000
"""Numbers of all corrections that are kept, 4 bytes each: a window of a large photo needs some 10 million."""
MOST_BEGUN = 1_200_000
"""Numbers of all answers that others can begin from; with what solves them, some 50 bytes each."""
OVERHEAD = 600
"""Working pixels whose solving takes as long as to begin a solve."""
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
    found = []
    for piece in pieces(paint, lightness.shape, working):
        task = piece.task(lambda window: ab[window], paint, lightness)
        found.append((piece.core, piece.solved(task, lightness, tolerance, watch)[0]))
    for core, correction in found:
        ab[core] += correction
    return sum(correction.size // 2 for _, correction in found)


def corrections(
    lifted: Lifted,
    paint: Paint,
    lightness: Float,
    working: tuple[int, int],
    tolerance: float,
    within: Window,
    watch: Watch | None,
    known: Corrections,
) -> list[Correction]:
    """What `finish` adds near strokes in one full-size window: of each tile that meets it.

    Tiles that are not known yet are solved beside each other, each by one thread. A correction that is the same array
    as before is the same.

    Parameters
    ----------
    lifted : ab of any full-size window, as lifted from working size
    within : the window, with its ends given
    paint, lightness, working, tolerance, watch : as of `finish`
    known : kept by who asks for many windows; a tile of which nothing else is asked than before is not solved again
    """
    near = [piece for piece in pieces(paint, lightness.shape, working, within) if shared(piece.core, within)]
    tasks = [piece.task(lifted, paint, lightness) for piece in near]
    found = [known.find(piece, task, SAME * tolerance) for piece, task in zip(near, tasks, strict=True)]
    missing = [number for number, correction in enumerate(found) if correction is None]
    missing.sort(key=lambda number: -math.prod(near[number].cells))  # the longest first: none is waited for alone

    def solve(number: int) -> tuple[Float, Begun]:
        piece = near[number]
        return piece.solved(tasks[number], lightness, tolerance, watch, known.begun(piece), threads=1)

    for number, (correction, begun) in zip(missing, standing_team().map(solve, missing), strict=True):
        found[number] = correction
        known.keep(near[number], tasks[number], correction, begun)
    return [(piece.core, each) for piece, each in zip(near, found, strict=True) if each is not None]


def add_corrections(ab: Float, within: Window, found: list[Correction]) -> None:
    """Add to ab of a window what belongs to it."""
    for core, correction in found:
        part = shared(core, within)
        if part is not None:
            place, source = (
                tuple(slice(s.start - w.start, s.stop - w.start) for s, w in zip(part, of, strict=True))
                for of in (within, core)
            )
            ab[place] += correction[source]


def shared(one: Window, other: Window) -> Window | None:
    """What two windows have in common, if anything."""
    rows, columns = (slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True))
    return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None


@dataclass(frozen=True, eq=False)
class Task:
    """What a tile's correction is to be at the painted pixels of its window.

    Parameters
    ----------
    index : (N,) flat, in the window
    wanted : (N, 2) float32, relative chroma
    """

    index: NDArray[np.int64]
    wanted: Float


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
    cells: tuple[int, int]

    def task(self, lifted: Lifted, paint: Paint, lightness: Float) -> Task:
        """What the paint asks beyond the lifted ab."""
        (top, bottom), (left, right) = ((part.start, part.stop) for part in self.window)
        first, last = np.searchsorted(paint.index, (top * lightness.shape[1], bottom * lightness.shape[1]))
        rows, columns = np.divmod(paint.index[first:last], lightness.shape[1])
        is_inside = (columns >= left) & (columns < right)
        rows, columns = rows[is_inside], columns[is_inside]
        index = (rows - top) * (right - left) + columns - left
        if not len(index):
            return Task(index, np.zeros((0, 2), np.float32))
        down, across = (slice(int(place.min()), int(place.max()) + 1) for place in (rows, columns))
        ab = lifted((down, across))[rows - down.start, columns - across.start]
        light = shading(lightness[rows, columns])
        return Task(index, (paint.ab[first:last][is_inside] - ab) / light[:, None])

    def solved(
        self,
        task: Task,
        lightness: Float,
        tolerance: float,
        watch: Watch | None = None,
        begun: Begun | None = None,
        threads: int | None = None,
    ) -> tuple[Float, Begun]:
        """What to add to the lifted ab of the core, and what another task here can begin from."""
        light = lightness[self.window]
        height, width = light.shape
        weight = np.full(self.cells, RESTING, np.float32)
        rows, columns = np.divmod(task.index, width)
        weight[rows * self.cells[0] // height, columns * self.cells[1] // width] = 0
        resting = CellMeans(np.zeros((*self.cells, 2), np.float32), weight)
        solver = begun.solver if begun else ChromaSolver(np.clip(light / 100, 0, 1), threads=threads)
        seeds = Seeds(task.index, task.wanted, np.full(len(task.index), HARD, np.float32))
        start = begun.chroma if begun else None
        found = solver.solve(seeds, resting, start, tolerance, watch=watch).chroma
        core = tuple(slice(c.start - w.start, c.stop - w.start) for c, w in zip(self.core, self.window, strict=True))
        return found[core] * shading(light[core])[..., None], Begun(solver, found)


@dataclass(frozen=True, eq=False)
class Begun:
    """The solver of a tile's window, and its last answer."""

    solver: ChromaSolver
    chroma: Float


@dataclass(eq=False)
class _Known:
    task: Task
    correction: Float
    begun: Begun | None


class Corrections:
    """Corrections of the tiles that were asked for last, the tasks that they solve, and where others can begin."""

    def __init__(self) -> None:
        self._known: dict[Place, _Known] = {}

    def find(self, piece: Piece, task: Task, least: float) -> Float | None:
        """That of the same task, as far as the wanted changes by no more than `least`."""
        known = self._known.get(_place_of(piece))
        if known is None or not np.array_equal(known.task.index, task.index):
            return None
        if not (np.abs(known.task.wanted - task.wanted) <= least).all():
            return None
        self._known[_place_of(piece)] = self._known.pop(_place_of(piece))
        return known.correction

    def begun(self, piece: Piece) -> Begun | None:
        """What another task of a tile can begin from, if that is kept."""
        known = self._known.get(_place_of(piece))
        return known.begun if known else None

    def keep(self, piece: Piece, task: Task, correction: Float, begun: Begun | None = None) -> None:
        """Keep one, and let go of what was asked for longest ago if they become too many."""
        self._known.pop(_place_of(piece), None)
        self._known[_place_of(piece)] = _Known(task, correction, begun)
        while len(self._known) > 1 and sum(known.correction.size for known in self._known.values()) > MOST_KEPT:
            del self._known[next(iter(self._known))]
        begun_in = [known for known in self._known.values() if known.begun]
        total = np.cumsum([known.begun.chroma.size for known in reversed(begun_in) if known.begun])
        for known, numbers in zip(reversed(begun_in), total, strict=True):
            if numbers > MOST_BEGUN:
                known.begun = None


Place = tuple[int, ...]


def _place_of(piece: Piece) -> Place:
    return tuple(end for part in (*piece.core, *piece.window) for end in (part.start, part.stop))


def pieces(
    paint: Paint, shape: tuple[int, ...], working: tuple[int, int], within: Window | None = None
) -> Iterator[Piece]:
    """The tiles near painted pixels, none where the working size is the photo's own; those that meet a window."""
    if working == shape:
        return
    rows, columns = np.divmod(paint.index, shape[1])
    place = np.stack([rows * working[0] // shape[0], columns * working[1] // shape[1]])
    limit = np.array(working)
    for corner in np.ndindex(*-(-limit // TILE)):
        first = np.array(corner) * TILE
        last = np.minimum(first + TILE, limit)
        tile = _full_size(first, last, shape, working)
        if within and any(t.stop <= w.start or w.stop <= t.start for t, w in zip(tile, within, strict=True)):
            continue
        is_near = ((place >= (first - MARGIN)[:, None]) & (place < (last + MARGIN)[:, None])).all(0)
        for low, high in _groups(place[:, is_near], limit) if is_near.any() else ():
            low_core, high_core = np.maximum(first, low), np.minimum(last, high)
            if (low_core < high_core).all():
                core = _full_size(low_core, high_core, shape, working)
                size = int(high[0] - low[0]), int(high[1] - low[1])
                yield Piece(core, _full_size(low, high, shape, working), size)


def _groups(place: NDArray[np.int64], limit: NDArray[np.int64]) -> list[tuple[NDArray, NDArray]]:
    """Windows of working pixels, apart from each other, that hold painted ones, (2, N), and a margin around them.

    One for each group of strokes; one for all of them where that is less to solve.
    """
    corner = place.min(1)
    blocks = np.zeros((place.max(1) - corner) // MARGIN + 1, np.bool_)
    block = tuple((place - corner[:, None]) // MARGIN)
    blocks[block] = True
    label, count = ndimage.label(blocks, np.ones((3, 3)))
    of_pixel = label[block] - 1
    low, high = np.full((count, 2), limit), np.zeros((count, 2), np.int64)
    np.minimum.at(low, of_pixel, place.T)
    np.maximum.at(high, of_pixel, place.T + 1)
    low, high = np.maximum(low - MARGIN, 0), np.minimum(high + MARGIN, limit)
    while True:
        is_met = (np.maximum(low[:, None], low) < np.minimum(high[:, None], high)).all(-1)
        found, which = connected_components(is_met)
        if found == len(low):
            break
        low = np.stack([low[which == number].min(0) for number in range(found)])
        high = np.stack([high[which == number].max(0) for number in range(found)])
    all_low, all_high = low.min(0), high.max(0)
    if ((high - low).prod(1) + OVERHEAD).sum() > (all_high - all_low).prod() + OVERHEAD:
        return [(all_low, all_high)]
    return list(zip(low, high, strict=True))


def _full_size(low: NDArray, high: NDArray, shape: tuple[int, ...], working: tuple[int, int]) -> Window:
    """Full-size window of the working pixels low..high."""
    rows, columns = (
        slice(int(first) * full // small, int(last) * full // small)
        for first, last, full, small in zip(low, high, shape, working, strict=True)
    )
    return rows, columns
