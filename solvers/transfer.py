"""Transfer between levels: aggregates to prolongation, and what links and seeds become on the coarser level.

The prolongation P is 1 from an aggregate to each of its members and 0 elsewhere; coarse operators are P' A P.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse

from solvers.stencil import Stencil


@dataclass(frozen=True)
class Graph:
    """Links of n nodes in compressed rows, each in both rows; row i has its columns below i before ``middle[i]``."""

    start: NDArray[np.int64]
    middle: NDArray[np.int64]
    column: NDArray[np.int32]
    weight: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.start) - 1

    def degree(self) -> NDArray[np.float32]:
        """Sum of the weights of each node's links."""
        result = np.zeros(len(self), np.float32)
        _degree(self.start, self.weight, result)
        return result


def prolongation(owner: NDArray[np.int32], count: int) -> sparse.csr_array:
    """P as a matrix, (nodes, count); negative owners give empty rows."""
    start = np.concatenate([[0], np.cumsum(owner >= 0)])
    kept = owner[owner >= 0]
    return sparse.csr_array((np.ones(len(kept), np.float32), kept, start), shape=(len(owner), count))


def coarsen_grid(stencil: Stencil, owner: NDArray[np.int32], count: int) -> Graph:
    start, order = _members(owner, count)
    # Upper bound; the pages beyond what is written are never touched.
    column, weight = np.empty(8 * owner.size, np.int32), np.empty(8 * owner.size, np.float32)
    rows, middle = np.empty(count + 1, np.int64), np.empty(count, np.int64)
    links = _galerkin_grid(stencil.planes, owner, start, order, rows, middle, column, weight)
    return Graph(rows, middle, column[:links], weight[:links])


def coarsen_graph(graph: Graph, owner: NDArray[np.int32], count: int) -> Graph:
    start, order = _members(owner, count)
    column, weight = np.empty(len(graph.column), np.int32), np.empty(len(graph.column), np.float32)
    rows, middle = np.empty(count + 1, np.int64), np.empty(count, np.int64)
    links = _galerkin_graph(graph.start, graph.column, graph.weight, owner, start, order, rows, middle, column, weight)
    return Graph(rows, middle, column[:links], weight[:links])


def _members(owner: NDArray[np.int32], count: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Nodes sorted by aggregate, and where each aggregate's begin."""
    start, order = np.zeros(count + 2, np.int64), np.empty(owner.size, np.int32)
    _sort_members(owner, start, order)
    return start[: count + 1], order


@njit(cache=True)
def grid_links(planes, i, column, weight):  # type: ignore[no-untyped-def]
    """Links of pixel i into two arrays of 8; returns their number."""
    east, south, southeast, southwest = planes
    height, width = east.shape
    y, x = i // width, i % width
    count = 0
    for down in range(-1, 2):
        for right in range(-1, 2):
            row, col = y + down, x + right
            if row < 0 or row >= height or col < 0 or col >= width or (down == 0 and right == 0):
                continue
            top, bottom = min(y, row), max(y, row)
            if down == 0:
                w = east[y, min(x, col)]
            elif right == 0:
                w = south[top, x]
            elif down == right:
                w = southeast[top, min(x, col)]
            else:
                w = southwest[top, max(x, col)]
            if w > 0 and bottom < height:
                column[count] = row * width + col
                weight[count] = w
                count += 1
    return count


@njit(cache=True)
def _sort_members(owner, start, order):  # type: ignore[no-untyped-def]
    """Counting sort; start arrives as zeros, one longer than needed."""
    for i in range(owner.size):
        if owner[i] >= 0:
            start[owner[i] + 2] += 1
    for k in range(2, start.size):
        start[k] += start[k - 1]
    for i in range(owner.size):
        if owner[i] >= 0:
            order[start[owner[i] + 1]] = i
            start[owner[i] + 1] += 1


@njit(cache=True)
def _add_row(own, columns, weights, owner, place, first, end, column, weight):  # type: ignore[no-untyped-def]
    """Add one member's links to the row of its aggregate, which began at first; returns where the row ends now."""
    for k in range(columns.size):
        other = owner[columns[k]]
        if other < 0 or other == own:
            continue
        at = place[other]
        if at >= first:
            weight[at] += weights[k]
        else:
            place[other] = end
            column[end] = other
            weight[end] = weights[k]
            end += 1
    return end


@njit(cache=True)
def _split(own, first, end, column, weight):  # type: ignore[no-untyped-def]
    """Move the columns below own to the front of a row; returns where they end."""
    middle = first
    for k in range(first, end):
        if column[k] < own:
            column[k], column[middle] = column[middle], column[k]
            weight[k], weight[middle] = weight[middle], weight[k]
            middle += 1
    return middle


@njit(cache=True)
def _galerkin_grid(planes, owner, start, order, rows, middle, column, weight):  # type: ignore[no-untyped-def]
    columns, weights = np.empty(8, np.int32), np.empty(8, np.float32)
    place = np.full(middle.size, -1, np.int64)
    end = 0
    for own in range(middle.size):
        rows[own] = first = end
        for k in range(start[own], start[own + 1]):
            links = grid_links(planes, order[k], columns, weights)
            end = _add_row(own, columns[:links], weights[:links], owner, place, first, end, column, weight)
        middle[own] = _split(own, first, end, column, weight)
    rows[middle.size] = end
    return end


@njit(cache=True)
def _galerkin_graph(fine, fine_column, fine_weight, owner, start, order, rows, middle, column, weight):  # type: ignore[no-untyped-def]
    place = np.full(middle.size, -1, np.int64)
    end = 0
    for own in range(middle.size):
        rows[own] = first = end
        for k in range(start[own], start[own + 1]):
            a, b = fine[order[k]], fine[order[k] + 1]
            end = _add_row(own, fine_column[a:b], fine_weight[a:b], owner, place, first, end, column, weight)
        middle[own] = _split(own, first, end, column, weight)
    rows[middle.size] = end
    return end


@njit(cache=True)
def _degree(start, weight, result):  # type: ignore[no-untyped-def]
    for i in range(result.size):
        for k in range(start[i], start[i + 1]):
            result[i] += weight[k]


@njit(cache=True)
def mark_pinned(diagonal, held, owner, pinned):  # type: ignore[no-untyped-def]
    """Mark the pinned nodes: their owner k becomes -2 - k, which is undone when they are free again."""
    for i in range(owner.size):
        if (held[i] > pinned * diagonal[i]) != (owner[i] < -1) and owner[i] != -1:
            owner[i] = -2 - owner[i]


@njit(cache=True)
def coarsen_held_grid(planes, owner, held, below, kept):  # type: ignore[no-untyped-def]
    """below = what is added to the coarse diagonal: members' own, and their links to pinned pixels."""
    column, weight = np.empty(8, np.int32), np.empty(8, np.float32)
    for i in range(owner.size):
        if owner[i] >= 0:
            below[owner[i]] += held[i]
            kept[owner[i]] = True
        elif owner[i] < -1:
            links = grid_links(planes, i, column, weight)
            for k in range(links):
                if owner[column[k]] >= 0:
                    below[owner[column[k]]] += weight[k]


@njit(cache=True)
def coarsen_held_graph(start, column, weight, owner, held, below, kept):  # type: ignore[no-untyped-def]
    for i in range(owner.size):
        if owner[i] >= 0:
            below[owner[i]] += held[i]
            kept[owner[i]] = True
        elif owner[i] < -1:
            for k in range(start[i], start[i + 1]):
                if owner[column[k]] >= 0:
                    below[owner[column[k]]] += weight[k]
