"""Handshake matching: which nodes share one unknown of the next coarser level, all nodes deciding at once.

The quality check is that of `solvers.matching` (after Napov and Notay 2012). Every node picks its heaviest admissible
link, and two that pick the same link merge. Weights count to a quarter of an octave, and a hash of the link decides
between equals: else a constant image, where all are equal, would find few pairs in a round. Both ends see the same
key, so that the heaviest link of any neighbourhood always merges, and the result does not depend on the order of work.
"""

from __future__ import annotations

import torch
from torch import Tensor

from solvers.device.graph import Graph, coarsen_graph, coarsen_grid
from solvers.device.grid import COLOURS, Layout
from solvers.matching import QUALITY

ROUNDS = 4
HASH_BITS = 21  # beside 10 bits of a weight: its exponent and two bits of its mantissa


def aggregate_grid(
    layout: Layout, planes: Tensor, diagonal: Tensor, passes: int = 3, limit: int = 16
) -> tuple[Tensor, Graph]:
    """Aggregates of an image's pixels and the graph between them.

    Parameters
    ----------
    planes : (4, 2, 2, h + 2, w + 2)
    diagonal : (2, 2, h + 2, w + 2)
        Sum of each pixel's links.

    Returns
    -------
    owner : (2, 2, h + 2, w + 2) int32
        Aggregate of each pixel; -1 outside the image and for a pixel without links.
    graph : Graph
        ``w_IJ`` = sum of w over the links between the members of I and of J: the Galerkin product.
    """
    quality, pixels = QUALITY, int((diagonal > 0).sum())
    while True:
        root = _match_grid(layout, planes, diagonal, quality)
        owner, count = _numbered(root)
        if count <= 0.8 * pixels or quality < 1e-3:
            break
        quality /= 2
    graph = coarsen_grid(layout, planes, owner.reshape(layout.planes), count)
    diagonal, size = _merged(owner, count, diagonal.reshape(-1), torch.ones_like(owner))
    owner, graph = _further(graph, owner, diagonal, size, passes - 1, limit, quality, False)
    return owner.reshape(layout.planes), graph


def aggregate_graph(graph: Graph, passes: int = 2, limit: int = 6) -> tuple[Tensor, Graph]:
    """The same for a coarser level, owner (size,). Its own diagonal, not that of the passes between, decides."""
    quality, diagonal = QUALITY, graph.degree().float()
    while True:
        owner = torch.arange(graph.size, dtype=torch.int32, device=diagonal.device)
        owner, coarse = _further(graph, owner, diagonal, torch.ones_like(owner), passes, limit, quality, True)
        if coarse.size <= 0.7 * graph.size or quality < 1e-3:
            return owner, coarse
        quality, limit = quality / 2, 4 * limit  # few nodes with many weak neighbours each, say: let them take all


def _further(
    graph: Graph, owner: Tensor, diagonal: Tensor, size: Tensor, passes: int, limit: int, quality: float, drop: bool
) -> tuple[Tensor, Graph]:
    """More matching passes on top of an aggregation already there.

    A node without links needs no coarser unknown on its own level (drop, in the first pass), but once it stands for a
    whole region of that level it does.
    """
    for number in range(passes):
        root = _match_graph(graph, diagonal, size, limit, quality)
        if drop and number == 0:
            root[graph.degree() == 0] = -1
        merged, count = _numbered(root)
        diagonal, size = _merged(merged, count, diagonal, size)
        graph = coarsen_graph(graph, merged, count)
        owner = torch.where(owner >= 0, merged[owner.clamp(min=0)], -1)
    return owner, graph


def _numbered(root: Tensor) -> tuple[Tensor, int]:
    """Aggregates numbered in the order of their roots: owner (n,) int32, and how many; -1 stays.

    Where nothing has a link, one aggregate without members keeps the level from being empty.
    """
    is_root = root == torch.arange(len(root), dtype=torch.int32, device=root.device)
    number = torch.cumsum(is_root, 0, dtype=torch.int32) - 1
    return torch.where(root >= 0, number[root.clamp(min=0)], -1), max(int(is_root.sum()), 1)


def _merged(owner: Tensor, count: int, diagonal: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
    """Largest diagonal and number of members of each new aggregate."""
    kept = owner >= 0
    group = owner[kept].long()
    largest = torch.zeros(count, dtype=diagonal.dtype, device=owner.device)
    total = torch.zeros(count, dtype=torch.int32, device=owner.device)
    largest.scatter_reduce_(0, group, diagonal[kept], "amax")
    total.index_add_(0, group, size[kept])  # whole numbers: the order of atomics does not show
    return largest, total


def _key(weight: Tensor, here: Tensor, there: Tensor) -> Tensor:
    """Rank of a link, int32 >= 0, the same from both ends."""
    mixed = (here + there) * -1640531527
    mixed = (mixed ^ (mixed >> 15)) * -2048144777
    mixed = (mixed ^ (mixed >> 13)) & ((1 << HASH_BITS) - 1)
    return (weight.view(torch.int32) >> HASH_BITS << HASH_BITS) | mixed


def _match_grid(layout: Layout, planes: Tensor, diagonal: Tensor, quality: float) -> Tensor:
    """Root of each pixel's aggregate, (places,) int32: pairs, and pixels left over that join one."""
    number = torch.arange(layout.size, dtype=torch.int32, device=planes.device).reshape(layout.planes)
    root = torch.where(diagonal > 0, number, -1)
    free = diagonal > 0
    for _ in range(ROUNDS):
        _, choice = _best_on_grid(layout, planes, diagonal, free, quality, number, free)
        mutual = (choice >= 0) & (choice.view(-1)[choice.clamp(min=0)] == number)
        root = torch.where(mutual, torch.minimum(number, choice), root)
        free = free & ~mutual
    taken = (diagonal > 0) & ~free
    largest = torch.maximum(diagonal, diagonal.view(-1)[_partner(root, number)])
    key, choice = _best_on_grid(layout, planes, largest, free, quality, number, taken)
    size = torch.where(free, 1, 2).to(torch.int32).view(-1)
    _join(root.view(-1), free.view(-1), key.view(-1), choice.view(-1), largest.view(-1), size, 3)
    return root.view(-1)


def _partner(root: Tensor, number: Tensor) -> Tensor:
    """The other pixel of each pair; a pixel that is alone is its own."""
    other = number.clone()
    paired = (root >= 0) & (root != number)
    other.view(-1)[root[paired]] = number[paired]
    return torch.where(paired, root, other)


def _best_on_grid(
    layout: Layout, planes: Tensor, diagonal: Tensor, source: Tensor, quality: float, number: Tensor, target: Tensor
) -> tuple[Tensor, Tensor]:
    """Key of the best admissible link from each source pixel to a target, and that target; both -1 for none."""
    best, choice = torch.full_like(number, -1), torch.full_like(number, -1)
    for colour in COLOURS:
        own, here, most, at = (layout.seen(v, colour) for v in (diagonal, number, best, choice))
        for weight, offset in layout.links(planes, colour):
            there = layout.seen(number, colour, offset)
            needed = quality * torch.minimum(own, layout.seen(diagonal, colour, offset))
            allowed = (weight > 0) & (weight >= needed) & layout.seen(source, colour)
            allowed &= layout.seen(target, colour, offset)
            key = torch.where(allowed, _key(weight, here, there), -1)
            at.copy_(torch.where(key > most, there, at))
            torch.maximum(most, key, out=most)
    return best, choice


def _join(root: Tensor, free: Tensor, key: Tensor, choice: Tensor, diagonal: Tensor, size: Tensor, limit: int) -> None:
    """Free nodes join the aggregate they chose: the one of best key, and those no stronger than it if there is room.

    diagonal and size are those of the whole aggregate that a node is in. Of stronger nodes two must not be glued
    together by a weak aggregate between them.
    """
    joiner = torch.nonzero(free & (choice >= 0)).squeeze(1)
    target = choice[joiner]
    into = root[target].long()
    best = torch.full_like(key, -1).scatter_reduce_(0, into, key[joiner], "amax")
    more = torch.zeros_like(size).index_add_(0, into, size[joiner])
    fits = (size[target] + more[into] <= limit) & (diagonal[joiner] <= diagonal[target])
    accepted = fits | (best[into] == key[joiner])
    root[joiner[accepted]] = into[accepted].to(root.dtype)


def _match_graph(graph: Graph, diagonal: Tensor, size: Tensor, limit: int, quality: float) -> Tensor:
    """Root of each node's aggregate, (n,) int32."""
    number = torch.arange(graph.size, dtype=torch.int32, device=diagonal.device)
    root, free = number.clone(), torch.ones_like(number, dtype=torch.bool)
    key = _key(graph.weight, number[graph.row], number[graph.column])
    for _ in range(ROUNDS):
        _, choice = _best_of_rows(graph, key, diagonal, size, limit, quality, free, free)
        mutual = (choice >= 0) & (choice[choice.clamp(min=0)] == number)
        root = torch.where(mutual, torch.minimum(number, choice), root)
        free = free & ~mutual
    other = _partner(root, number)
    both = torch.where(other != number, size + size[other], size)
    largest = torch.maximum(diagonal, diagonal[other])
    best, choice = _best_of_rows(graph, key, largest, both, limit, quality, free, ~free)
    _join(root, free, best, choice, largest, both, limit)
    return root


def _best_of_rows(
    graph: Graph,
    key: Tensor,
    diagonal: Tensor,
    size: Tensor,
    limit: int,
    quality: float,
    source: Tensor,
    target: Tensor,
) -> tuple[Tensor, Tensor]:
    """As `_best_on_grid`, with a limit on the members together."""
    row, column = graph.row, graph.column
    allowed = source[row] & target[column] & (size[row] + size[column] <= limit)
    allowed &= graph.weight >= quality * torch.minimum(diagonal[row], diagonal[column])
    row, column, key = row[allowed], column[allowed], key[allowed]
    best = torch.full_like(size, -1).scatter_reduce_(0, row, key, "amax")
    choice = torch.full_like(size, -1)
    winner = key == best[row]
    # Links of one row and equal keys are all but impossible; then the largest number wins, in any order of work.
    choice.scatter_reduce_(0, row[winner], column[winner].to(choice.dtype), "amax")
    return best, choice
