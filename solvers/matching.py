"""Matching: which nodes share one unknown of the next coarser level.

Pairwise matching with a quality check after Napov and Notay, "An algebraic multigrid method with guaranteed convergence
rate" (2012): two aggregates may merge only if the link between them is strong against the smoother's diagonal on the
level where smoothing happens.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solvers.stencil import Stencil
from solvers.transfer import Graph, coarsen_graph, coarsen_grid, grid_links

QUALITY = 0.12  # below 1/8, the share one link has of the diagonal in a constant image
HEAVIER = 4.0  # a single node joins a neighbouring aggregate if that link beats its best free one by this factor


def aggregate_grid(stencil: Stencil, passes: int = 3, limit: int = 16) -> tuple[NDArray[np.int32], Graph]:
    """Aggregates of an image's pixels and the graph between them.

    Returns
    -------
    owner : (HW,) int32
        Aggregate of each pixel, numbered in raster order; -1 for a pixel without links.
    graph : Graph
        ``w_IJ`` = sum of w over the links between the members of I and of J: the Galerkin product.
    """
    diagonal = stencil.diagonal().ravel()
    quality = QUALITY
    while True:
        owner = np.full(diagonal.size, -1, np.int32)
        count = _match_grid(stencil.planes, diagonal, np.float32(quality), owner)
        if count <= 0.8 * diagonal.size or quality < 1e-3:
            break
        quality /= 2
    diagonal, size = _merged(owner, count, diagonal, np.ones(diagonal.size, np.int32))
    graph = coarsen_grid(stencil, owner, count)
    return _further(graph, owner, diagonal, size, passes - 1, limit, quality, False)


def aggregate_graph(graph: Graph, passes: int = 2, limit: int = 6) -> tuple[NDArray[np.int32], Graph]:
    """The same for a coarser level. Its own diagonal, not that of the passes between, decides about quality."""
    size = np.ones(len(graph), np.int32)
    quality = QUALITY
    while True:
        owner = np.arange(len(graph), dtype=np.int32)
        owner, coarse = _further(graph, owner, graph.degree(), size, passes, limit, quality, True)
        if len(coarse) <= 0.7 * len(graph) or quality < 1e-3:
            return owner, coarse
        quality /= 2


def _further(
    graph: Graph,
    owner: NDArray[np.int32],
    diagonal: NDArray[np.float32],
    size: NDArray[np.int32],
    passes: int,
    limit: int,
    quality: float,
    drop: bool,
) -> tuple[NDArray[np.int32], Graph]:
    """More matching passes on top of an aggregation already there.

    A node without links needs no coarser unknown on its own level (drop, in the first pass), but once it stands for a
    whole region of that level it does.
    """
    for number in range(passes):
        merged = np.full(len(graph), -1, np.int32)
        count = _match_graph(
            graph.start,
            graph.column,
            graph.weight,
            diagonal,
            size,
            limit,
            np.float32(quality),
            drop and number == 0,
            merged,
        )
        diagonal, size = _merged(merged, count, diagonal, size)
        graph = coarsen_graph(graph, merged, count)
        _compose(owner, merged)
    return owner, Graph(graph.start, graph.middle, graph.column.copy(), graph.weight.copy())


def _merged(
    owner: NDArray[np.int32], count: int, diagonal: NDArray[np.float32], size: NDArray[np.int32]
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Largest diagonal and number of members of each new aggregate."""
    largest, total = np.zeros(count, np.float32), np.zeros(count, np.int32)
    _merge_members(owner, diagonal, size, largest, total)
    return largest, total


@njit(cache=True)
def _place(i, column, weight, diagonal, size, limit, quality, owner, members, largest, count):  # type: ignore[no-untyped-def]
    """Put node i into an aggregate: with a free neighbour, into a neighbour's, or alone. Returns the new count.

    members and largest are the size and the largest diagonal of the aggregates so far. A node of small diagonal must
    not glue two strong ones together, so a link is always judged by the whole aggregate it would extend.
    """
    free, best, joined, other = -1, np.float32(0), -1, np.float32(0)
    for k in range(column.size):
        j, w = column[k], weight[k]
        into = owner[j]
        if into < 0:
            if j != i and w > best and size[i] + size[j] <= limit and w >= quality * min(diagonal[i], diagonal[j]):
                free, best = j, w
        elif w > other and size[i] + members[into] <= limit and w >= quality * min(diagonal[i], largest[into]):
            joined, other = into, w
    if joined >= 0 and other > HEAVIER * best:
        owner[i] = joined
        members[joined] += size[i]
        largest[joined] = max(largest[joined], diagonal[i])
        return count
    owner[i] = count
    members[count] = size[i]
    largest[count] = diagonal[i]
    if free >= 0:
        owner[free] = count
        members[count] += size[free]
        largest[count] = max(diagonal[i], diagonal[free])
    return count + 1


@njit(cache=True)
def _match_grid(planes, diagonal, quality, owner):  # type: ignore[no-untyped-def]
    column, weight = np.empty(8, np.int32), np.empty(8, np.float32)
    size = np.ones(owner.size, np.int8)
    members, largest = np.zeros(owner.size, np.int8), np.zeros(owner.size, np.float32)
    count = 0
    for i in range(owner.size):
        if owner[i] < 0:
            links = grid_links(planes, i, column, weight)
            if links:
                count = _place(
                    i, column[:links], weight[:links], diagonal, size, 3, quality, owner, members, largest, count
                )
    return count


@njit(cache=True)
def _match_graph(start, column, weight, diagonal, size, limit, quality, drop, owner):  # type: ignore[no-untyped-def]
    members, largest = np.zeros(owner.size, np.int32), np.zeros(owner.size, np.float32)
    count = 0
    for i in range(owner.size):
        first, last = start[i], start[i + 1]
        if owner[i] < 0 and (last > first or not drop):
            count = _place(
                i,
                column[first:last],
                weight[first:last],
                diagonal,
                size,
                limit,
                quality,
                owner,
                members,
                largest,
                count,
            )
    return count


@njit(cache=True)
def _merge_members(owner, diagonal, size, largest, total):  # type: ignore[no-untyped-def]
    for i in range(owner.size):
        if owner[i] >= 0:
            largest[owner[i]] = max(largest[owner[i]], diagonal[i])
            total[owner[i]] += size[i]


@njit(cache=True)
def _compose(owner, merged):  # type: ignore[no-untyped-def]
    for i in range(owner.size):
        if owner[i] >= 0:
            owner[i] = merged[owner[i]]
