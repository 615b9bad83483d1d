"""Matching: which nodes share one unknown of the next coarser level.

Pairwise matching with a quality check after Napov and Notay, "An algebraic multigrid method with guaranteed convergence
rate" (2012): two aggregates may merge only if the link between them is strong against the smoother's diagonal on the
level where smoothing happens. Aggregates stay within a strip, so that threads can work on strips apart, and those of
even strips are numbered before those of odd ones: the order in which strips are relaxed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers import grouping, pairing
from solvers.graph import NEAR, Graph
from solvers.stencil import Stencil
from solvers.team import Strips, Team, phases

QUALITY = 0.12  # below 1/8, the share one link has of the diagonal in a constant image
PASSES, LIMIT = 3, 16
GRAPH_PASSES, GRAPH_LIMIT = 2, 6


@dataclass
class Groups:
    """Aggregates of the nodes of one strip as linked lists; nodes count from the strip's first."""

    count: int
    following: NDArray[np.int32]
    head: NDArray[np.int32]
    tail: NDArray[np.int32]
    size: NDArray[np.int32]
    largest: NDArray[np.float32]

    @classmethod
    def room(cls, nodes: int) -> Groups:
        following, head, tail, size = np.empty((4, nodes), np.int32)
        return cls(0, following, head, tail, size, np.empty(nodes, np.float32))

    def merge(self, links: tuple, owner: NDArray[np.int32], low: int, high: int, limit: int, quality: float) -> None:
        lists = (self.following, self.head, self.tail, self.size, self.largest)
        merge = grouping.merge_pixels if len(links) == 2 else grouping.merge_nodes
        self.count = merge(links, owner, low, high, self.count, *lists, limit, np.float32(quality))


def aggregate_grid(stencil: Stencil, bounds: Strips, team: Team) -> tuple[NDArray[np.int32], Graph, Strips]:
    """Aggregates of an image's pixels and the graph between them.

    Parameters
    ----------
    bounds : rows at which strips begin, and the number of rows

    Returns
    -------
    owner : (H, W) int32
        Aggregate of each pixel; -1 for a pixel without links.
    graph : Graph
        ``w_IJ`` = sum of w over the links between the members of I and of J: the Galerkin product.
    first : nodes at which the strips begin, even strips before odd ones
    """
    planes = stencil.planes
    width = stencil.shape[1]
    diagonal, partner = np.empty(stencil.shape, np.float32), np.empty(stencil.shape, np.uint8)
    owner = np.empty(stencil.shape, np.int32)
    factors = pairing.jitter(width)
    flat = (tuple(plane.ravel() for plane in planes), width)
    strips = list(range(len(bounds) - 1))
    team.map(lambda s: pairing.diagonals(planes, bounds[s], bounds[s + 1], diagonal), strips)

    def group(strip: int, quality: float) -> Groups:
        low, high = int(bounds[strip]), int(bounds[strip + 1])
        groups = Groups.room((high - low) * width)
        pairing.pair_strip(planes, diagonal, factors, low, high, np.float32(quality), partner)
        lists = (groups.following, groups.head, groups.tail, groups.size, groups.largest)
        groups.count = grouping.list_pairs(
            flat, partner, diagonal, low, high, LIMIT, np.float32(quality), owner, *lists
        )
        for _ in range(PASSES - 1):
            groups.merge(flat, owner.ravel(), low * width, high * width, LIMIT, quality)
        return groups

    found = _shrinking(lambda quality: team.map(lambda s: group(s, quality), strips), 0.6 * owner.size)
    graph, nodes = _graph_of(found, flat, owner.ravel(), bounds * width, team, np.concatenate(phases(len(found))))
    return owner, graph, nodes


def aggregate_graph(graph: Graph, bounds: Strips, team: Team) -> tuple[NDArray[np.int32], Graph, Strips]:
    """The same for a coarser level; bounds are nodes, and so is what it returns."""
    links = graph.arrays
    owner, degree = np.empty(len(graph), np.int32), graph.degree()
    strips = list(range(len(bounds) - 1))

    def group(strip: int, quality: float) -> Groups:
        low, high = int(bounds[strip]), int(bounds[strip + 1])
        groups = Groups.room(high - low)
        lists = (groups.following, groups.head, groups.tail, groups.size, groups.largest)
        groups.count = grouping.list_nodes(degree, low, high, owner, *lists)
        for _ in range(GRAPH_PASSES):
            groups.merge(links, owner, low, high, GRAPH_LIMIT, quality)
        return groups

    found = _shrinking(lambda quality: team.map(lambda s: group(s, quality), strips), 0.7 * len(graph))

    below, nodes = _graph_of(found, links, owner, bounds, team, np.arange(len(found)))
    return owner, below, nodes


def _shrinking(group: Callable[[float], list[Groups]], most: float) -> list[Groups]:
    """Groups at the best quality that leaves at most so many, or hardly any quality."""
    quality = QUALITY
    while True:
        found = group(quality)
        if sum(groups.count for groups in found) <= most or quality < 1e-3:
            return found
        quality /= 2


def _graph_of(
    found: list[Groups],
    links: tuple,
    owner: NDArray[np.int32],
    bounds: Strips,
    team: Team,
    order: NDArray[np.int64],
) -> tuple[Graph, Strips]:
    """The graph between groups, whose numbers in owner become global, strip by strip in the given order.

    bounds are the strips' nodes; returns where each strip's groups begin, too, in that order.
    """
    counts = np.array([found[strip].count for strip in order])
    first = np.empty(len(found), np.int64)
    first[order] = np.cumsum(counts) - counts

    def shift(strip: int) -> None:
        part = owner[bounds[strip] : bounds[strip + 1]]
        np.add(part, np.int32(first[strip]), out=part, where=part >= 0)

    team.map(shift, range(len(found)))

    total = int(counts.sum())
    near, weight = np.empty((total, NEAR), np.uint32), np.empty((total, NEAR), np.float32)

    def rows_of(strip: int) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.float32]]:
        groups, low = found[strip], int(bounds[strip])
        # Upper bound; the pages beyond what is written are never touched.
        most = 8 * (int(bounds[strip + 1]) - low) if len(links) == 2 else len(links[3]) + NEAR * groups.following.size
        begin, far, far_weight = np.empty(groups.count, np.int64), np.empty(most, np.uint32), np.empty(most, np.float32)
        lists = (groups.following, groups.head, int(first[strip]), groups.count)
        rows = grouping.pixel_rows if len(links) == 2 else grouping.node_rows
        place = np.zeros(total, np.uint32)
        end = rows(links, owner, low, *lists, place, (near, weight), begin, (far, far_weight))
        return begin, far[:end].copy(), far_weight[:end].copy()

    unordered = team.map(rows_of, range(len(found)))
    parts = [unordered[strip] for strip in order]
    ends = np.cumsum([0, *(len(part[1]) for part in parts)])
    begin = np.concatenate([*(part[0] + end for part, end in zip(parts, ends[:-1], strict=True)), ends[-1:]])
    far, far_weight = (np.concatenate([part[k] for part in parts]) for k in (1, 2))
    return Graph(near, weight, begin.astype(np.uint32), far, far_weight), first[order]
