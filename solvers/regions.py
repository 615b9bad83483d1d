"""Regions of a stencil that no link joins: each needs a seed of its own, or the system is singular."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solvers.cells import CellOperator
from solvers.seeds import Seeds
from solvers.stencil import Stencil


def regions(stencil: Stencil) -> NDArray[np.int32] | None:
    """Label of each pixel's region, (H, W), the flat index of one of its pixels; None if all is one region."""
    if stencil.east[:, :-1].all() and stencil.south[:-1].all():
        return None
    label = np.arange(stencil.east.size, dtype=np.int32)
    _unite(stencil.planes, label)
    return None if (label == label[0]).all() else label.reshape(stencil.shape)


def check_reached(label: NDArray[np.int32], seeds: Seeds, cells: CellOperator | None) -> None:
    """Raise a ValueError if a region holds neither a seed nor a pixel of a cell that has a weight."""
    reached = np.zeros(label.size, np.bool_)
    reached[label.ravel()[seeds.index]] = True
    if cells is not None:
        asked = cells.lumped() > 0
        reached[label[asked[np.ix_(cells.row, cells.column)]]] = True
    lost = ~reached[label.ravel()]
    if lost.any():
        count = np.unique(label.ravel()[lost]).size
        raise ValueError(
            f"affinity: {count} region(s) of {int(lost.sum())} pixels in all have no link to any seed, so that their "
            "chroma is undetermined; give the affinity a floor above 0, or a seed to each"
        )


@njit(cache=True)
def _root(label, i):  # type: ignore[no-untyped-def]
    while label[i] != i:
        label[i] = label[label[i]]
        i = label[i]
    return i


@njit(cache=True)
def _unite(planes, label):  # type: ignore[no-untyped-def]
    east, south, southeast, southwest = planes
    height, width = east.shape
    for y in range(height):
        for x in range(width):
            i = y * width + x
            if east[y, x] > 0:
                label[_root(label, i)] = _root(label, i + 1)
            if south[y, x] > 0:
                label[_root(label, i)] = _root(label, i + width)
            if southeast[y, x] > 0:
                label[_root(label, i)] = _root(label, i + width + 1)
            if southwest[y, x] > 0:
                label[_root(label, i)] = _root(label, i + width - 1)
    for i in range(label.size):
        label[i] = _root(label, i)
