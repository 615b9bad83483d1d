"""Windows of a photo: where an edit changed what is asked, and what of the links and seeds lies within."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from solvers.cells import CellOperator
from solvers.seeds import Seeds
from solvers.stencil import OFFSETS, Stencil, ends

Sides = tuple[float, float, float, float]
Margins = tuple[int, int, int, int]
"""At the top, the bottom, the left and the right of a window."""


class Window(NamedTuple):
    """Rows top..bottom and columns left..right."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def pixels(self) -> int:
        return (self.bottom - self.top) * (self.right - self.left)

    def grown(self, margins: Margins, shape: tuple[int, int]) -> Window:
        """With a margin at the top, bottom, left and right, within a photo of this shape."""
        above, below, before, behind = margins
        return Window(
            max(self.top - above, 0),
            min(self.bottom + below, shape[0]),
            max(self.left - before, 0),
            min(self.right + behind, shape[1]),
        )

    def seen_from(self, other: Window) -> Window:
        """The same pixels, counted from the first of another window."""
        return Window(self.top - other.top, self.bottom - other.top, self.left - other.left, self.right - other.left)

    def filled(self, cells: CellOperator) -> Window:
        """The smallest window of whole cells that holds this one."""
        bounds = []
        for cell, first, last in ((cells.row, self.top, self.bottom), (cells.column, self.left, self.right)):
            bounds += [np.searchsorted(cell, cell[first]), np.searchsorted(cell, cell[last - 1], side="right")]
        top, bottom, left, right = (int(bound) for bound in bounds)
        return Window(top, bottom, left, right)


def changed_pixels(before: Seeds, after: Seeds) -> NDArray[np.int64]:
    """Flat indices of pixels whose seed came, went, or asks for something else."""
    old, new = np.argsort(before.index, kind="stable"), np.argsort(after.index, kind="stable")
    index = before.index[old]
    place = np.minimum(np.searchsorted(index, after.index[new]), max(len(index) - 1, 0))
    is_kept = index[place] == after.index[new] if len(index) else np.zeros(len(new), np.bool_)
    here, there = old[place[is_kept]], new[is_kept]
    is_same = (before.chroma[here] == after.chroma[there]).all(axis=1) & (before.weight[here] == after.weight[there])
    gone, come = np.ones(len(before), np.bool_), np.ones(len(after), np.bool_)
    gone[here[is_same]] = False
    come[there[is_same]] = False
    return np.union1d(before.index[gone], after.index[come])


def window_around(index: NDArray[np.int64], shape: tuple[int, int]) -> Window:
    """The smallest window that holds flat pixels of a photo of this shape."""
    rows, columns = np.divmod(index, shape[1])
    return Window(int(rows.min()), int(rows.max()) + 1, int(columns.min()), int(columns.max()) + 1)


def part_of_links(stencil: Stencil, window: Window) -> Stencil:
    """The links between pixels of a window; what leaves it is left out."""
    rows, columns = window.slices
    planes = [np.zeros((window.bottom - window.top, window.right - window.left), np.float32) for _ in OFFSETS]
    for plane, whole, (down, right) in zip(planes, stencil.planes, OFFSETS.values(), strict=True):
        here, _ = ends(plane.shape, down, right)
        plane[here] = whole[rows, columns][here]
    return Stencil(*planes)


def part_of_seeds(seeds: Seeds, shape: tuple[int, int], window: Window) -> Seeds:
    """The seeds within a window of a photo of this shape, their pixels counted in the window."""
    y, x = np.divmod(seeds.index, shape[1])
    is_in = (y >= window.top) & (y < window.bottom) & (x >= window.left) & (x < window.right)
    index = (y[is_in] - window.top) * (window.right - window.left) + x[is_in] - window.left
    return Seeds(index, seeds.chroma[is_in], seeds.weight[is_in])


def leaving(stencil: Stencil, part: Stencil, window: Window) -> NDArray[np.float32]:
    """Sum of the links from each pixel of a window to pixels beyond it, (h, w).

    Parameters
    ----------
    stencil : of a photo
    part : its links within the window
    """
    rows, columns = window.slices
    total = np.zeros(part.shape, np.float32)
    missing = stencil.diagonal()[rows, columns] - part.diagonal()
    lines: tuple[Any, ...] = np.s_[:1], np.s_[-1:], np.s_[:, :1], np.s_[:, -1:]
    for line in lines:
        total[line] = missing[line]
    return np.maximum(total, 0)


def rim_movement(change: NDArray[np.float32], window: Window, shape: tuple[int, int]) -> Sides:
    """The largest of (h, w, C) along each side of a window; 0 for sides that have no photo beyond them."""
    size = np.abs(change)
    return (
        float(size[0].max()) if window.top > 0 else 0.0,
        float(size[-1].max()) if window.bottom < shape[0] else 0.0,
        float(size[:, 0].max()) if window.left > 0 else 0.0,
        float(size[:, -1].max()) if window.right < shape[1] else 0.0,
    )
