"""Transfer between levels: aggregates to prolongation, and what links and seeds become on the coarser level.

The prolongation P is 1 from an aggregate to each of its members and 0 elsewhere; coarse operators are P' A P.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse


def prolongation(owner: NDArray[np.int32], count: int) -> sparse.csr_array:
    """P as a matrix, (nodes, count); negative owners give empty rows."""
    start = np.concatenate([[0], np.cumsum(owner >= 0)])
    kept = owner[owner >= 0]
    return sparse.csr_array((np.ones(len(kept), np.float32), kept, start), shape=(len(owner), count))


@njit(cache=True)
def release(owner, pinned):  # type: ignore[no-untyped-def]
    """Give pinned pixels back to their aggregates."""
    for i in pinned:
        owner[i] = -2 - owner[i]


@njit(cache=True)
def pin(planes, owner, index, weight, share, pinned):  # type: ignore[no-untyped-def]
    """Take the pixels that their own weight holds out of their aggregates; returns how many, their indices in pinned.

    The owner k of a pinned pixel becomes -2 - k.
    """
    count = 0
    for n in range(index.size):
        i = index[n]
        if owner[i] >= 0 and weight[n] > share * (weight[n] + degree(planes, i)):
            owner[i] = -2 - owner[i]
            pinned[count] = i
            count += 1
    return count


@njit(cache=True)
def degree(planes, i):  # type: ignore[no-untyped-def]
    """Sum of the weights of pixel i's links; those that would leave the image are 0, so rows may run on."""
    (east, south, southeast, southwest), width = planes
    links = east[i] + south[i] + southeast[i] + southwest[i]
    if i >= 1:
        links += east[i - 1]
    if i >= width - 1:
        links += southwest[i - width + 1]
    if i >= width:
        links += south[i - width]
    if i > width:
        links += southeast[i - width - 1]
    return links


@njit(cache=True)
def link(planes, i, k):  # type: ignore[no-untyped-def]
    """Pixel at the other end of pixel i's k-th link, and its weight; planes is (the four, flat; width)."""
    (east, south, southeast, southwest), width = planes
    if k < 4:
        if k == 0:
            return i + 1, east[i]
        if k == 1:
            return i + width, south[i]
        if k == 2:
            return i + width + 1, southeast[i]
        return i + width - 1, southwest[i]
    j = i - (1 if k == 4 else width if k == 5 else width + 1 if k == 6 else width - 1)
    if j < 0:
        return i, np.float32(0)
    return j, east[j] if k == 4 else south[j] if k == 5 else southeast[j] if k == 6 else southwest[j]


@njit(cache=True)
def coarsen_seeds(planes, owner, index, weight, members, below):  # type: ignore[no-untyped-def]
    """below += what seeds add to the coarse diagonal: members' own weight, and their links to pinned pixels.

    members is decreased by the pinned members of each aggregate.
    """
    for n in range(index.size):
        i = index[n]
        if owner[i] >= 0:
            below[owner[i]] += weight[n]
        elif owner[i] < -1:
            members[-2 - owner[i]] -= 1
            for k in range(8):
                j, w = link(planes, i, k)
                if w > 0 and owner[j] >= 0:
                    below[owner[j]] += w


@njit(cache=True)
def coarsen_held(graph, owner, held, diagonal, share, below, kept):  # type: ignore[no-untyped-def]
    """The same for a graph's nodes, all of which have a held weight; marks the pinned ones in owner."""
    near, weight, first, far, far_weight = graph
    for i in range(owner.size):
        if (held[i] > share * diagonal[i]) != (owner[i] < -1) and owner[i] != -1:
            owner[i] = -2 - owner[i]
    for i in range(owner.size):
        if owner[i] >= 0:
            below[owner[i]] += held[i]
            kept[owner[i]] = True
        elif owner[i] < -1:
            for k in range(near.shape[1]):
                if owner[near[i, k]] >= 0:
                    below[owner[near[i, k]]] += weight[i, k]
            for k in range(first[i], first[i + 1]):
                if owner[far[k]] >= 0:
                    below[owner[far[k]]] += far_weight[k]


@njit(cache=True)
def count_members(owner, members):  # type: ignore[no-untyped-def]
    for i in range(owner.size):
        if owner[i] >= 0:
            members[owner[i]] += 1
