"""An edit solved where it matters: in a window around what changed, grown until its rim stands still.

Outside a window that holds every changed seed nothing asks for change: what moves there follows the window's rim. So
chroma is kept outside, the window is solved with it as its border, and if the pixels along the border then move by
less than a share of the tolerance the window was large enough. If they move more, it grows; if it nears the photo's
size, the whole photo is solved.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from solvers.seeds import Seeds
from solvers.stencil import OFFSETS, Stencil, ends

MARGIN = 64
"""Pixels around the changed ones that a window begins with."""
STILL = 0.05
"""Share of the tolerance by which the rim may move, and to which a window is solved."""
LARGEST = 0.2
"""Share of the photo above which the whole of it is solved: a window's own set-up would cost as much."""


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


def window_around(index: NDArray[np.int64], shape: tuple[int, int], margin: int) -> Window:
    """The smallest window that leaves a margin around flat pixels, within the photo."""
    rows, columns = np.divmod(index, shape[1])
    top, left = max(int(rows.min()) - margin, 0), max(int(columns.min()) - margin, 0)
    bottom, right = min(int(rows.max()) + 1 + margin, shape[0]), min(int(columns.max()) + 1 + margin, shape[1])
    return Window(top, bottom, left, right)


def cut_out(stencil: Stencil, seeds: Seeds, chroma: NDArray[np.float32], window: Window) -> tuple[Stencil, Seeds]:
    """The system of a window whose surroundings are held: links that leave it become seeds of its rim.

    Parameters
    ----------
    stencil, seeds : of the whole photo
    chroma : (H, W, C) float32, held outside the window
    """
    rows, columns = window.slices
    height, width = window.bottom - window.top, window.right - window.left
    planes = [np.zeros((height, width), np.float32) for _ in OFFSETS]
    for plane, whole, (down, right) in zip(planes, stencil.planes, OFFSETS.values(), strict=True):
        here, _ = ends((height, width), down, right)
        plane[here] = whole[rows, columns][here]
    weight, pull = _border(stencil, chroma, window)
    y, x = np.divmod(seeds.index, stencil.shape[1])
    is_in = (y >= window.top) & (y < window.bottom) & (x >= window.left) & (x < window.right)
    own = (y[is_in] - window.top) * width + x[is_in] - window.left
    weight.ravel()[own] += seeds.weight[is_in]
    pull.reshape(-1, pull.shape[-1])[own] += seeds.weight[is_in, None] * seeds.chroma[is_in]
    index = np.flatnonzero(weight)
    held = weight.ravel()[index]
    wanted = pull.reshape(-1, pull.shape[-1])[index] / held[:, None]
    return Stencil(*planes), Seeds(index, wanted.astype(np.float32), held.astype(np.float32))


def _border(
    stencil: Stencil, chroma: NDArray[np.float32], window: Window
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum of each pixel's links out of the window, (h, w), and of these times the chroma they lead to, (h, w, C)."""
    wide = Window(
        max(window.top - 1, 0),
        min(window.bottom + 1, stencil.shape[0]),
        max(window.left - 1, 0),
        min(window.right + 1, stencil.shape[1]),
    )
    around = chroma[wide.slices].astype(np.float64)
    is_inside = np.zeros(around.shape[:2], np.bool_)
    is_inside[window.top - wide.top : window.bottom - wide.top, window.left - wide.left : window.right - wide.left] = (
        True
    )
    weight, pull = np.zeros(is_inside.shape), np.zeros(around.shape)
    for plane, (down, right) in zip(stencil.planes, OFFSETS.values(), strict=True):
        here, there = ends(is_inside.shape, down, right)  # type: ignore[arg-type]
        links = plane[wide.slices][here] * (is_inside[here] != is_inside[there])
        for one, other in ((here, there), (there, here)):
            weight[one] += links
            pull[one] += links[..., None] * around[other]
    shape = (window.bottom - window.top, window.right - window.left)
    return weight[is_inside].reshape(shape), pull[is_inside].reshape(*shape, -1)


def rim_movement(
    before: NDArray[np.float32], after: NDArray[np.float32], window: Window, shape: tuple[int, int]
) -> float:
    """The largest change along the sides of a window that have photo beyond them; both arrays are the window's."""
    sides: list[tuple[bool, Any]] = [
        (window.top > 0, np.s_[:1]),
        (window.bottom < shape[0], np.s_[-1:]),
        (window.left > 0, np.s_[:, :1]),
        (window.right < shape[1], np.s_[:, -1:]),
    ]
    return max((float(np.abs(after[side] - before[side]).max()) for is_inner, side in sides if is_inner), default=0.0)
