"""Graphs of the coarse levels as sparse matrices, and the sums that make the next level of one."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor

from solvers.device.grid import COLOURS, Layout
from solvers.stencil import OFFSETS


@dataclass(frozen=True)
class Graph:
    """Links of ``size`` nodes, each in both directions and sorted: row, column (E,) int64, weight (E,) float32."""

    row: Tensor
    column: Tensor
    weight: Tensor
    size: int

    def degree(self) -> Tensor:
        """Sum of the weights of each node's links, (size,) float64."""
        return sum_by(self.row, self.weight.double(), self.size)

    def matrix(self) -> Tensor:
        """The weights as a sparse matrix, float64."""
        return compressed(self.row, self.column, self.weight.double(), (self.size, self.size))


def compressed(row: Tensor, column: Tensor, value: Tensor, shape: tuple[int, int]) -> Tensor:
    """A sparse CSR matrix of entries that are sorted by row, with 32-bit indices."""
    counts = torch.bincount(row, minlength=shape[0])
    start = torch.zeros(shape[0] + 1, dtype=torch.int32, device=row.device)
    start[1:] = torch.cumsum(counts, 0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(start, column.to(torch.int32), value, shape, check_invariants=False)


def sum_by(index: Tensor, values: Tensor, size: int) -> Tensor:
    """Sums of the values of each index, (size,), in an order that does not change from run to run.

    ``index_add_`` adds in order on a CPU but by atomics on CUDA, where ``index_put_`` sorts first.
    """
    result = values.new_zeros(size)
    if values.is_cuda:
        return result.index_put_((index,), values, accumulate=True)
    return result.index_add_(0, index, values)


def coalesced(row: Tensor, column: Tensor, value: Tensor, columns: int) -> tuple[Tensor, Tensor, Tensor]:
    """Entries sorted by row and column, equal ones added up."""
    key, order = torch.sort(row * columns + column, stable=True)
    key, group = torch.unique_consecutive(key, return_inverse=True)
    return key // columns, key % columns, sum_by(group, value[order], len(key))


def members(owner: Tensor, count: int, dtype: torch.dtype) -> Tensor:
    """P' as a matrix, (count, nodes); a negative owner is none."""
    _, order = torch.sort(owner, stable=True)
    order = order[int((owner < 0).sum()) :]
    ones = torch.ones(len(order), dtype=dtype, device=owner.device)
    return compressed(owner[order].long(), order, ones, (count, len(owner)))


def coarsen_grid(layout: Layout, planes: Tensor, owner: Tensor, count: int) -> Graph:
    """The graph between aggregates of pixels; owner (2, 2, h + 2, w + 2) int32, negative for none."""
    low, high, weight = [], [], []
    for plane, offset in zip(planes, OFFSETS.values(), strict=True):
        for colour in COLOURS:
            here, there = layout.seen(owner, colour), layout.seen(owner, colour, offset)
            link = layout.seen(plane, colour)
            joins = (link > 0) & (here != there) & (here >= 0) & (there >= 0)
            low.append(torch.minimum(here[joins], there[joins]))
            high.append(torch.maximum(here[joins], there[joins]))
            weight.append(link[joins])
    return _both_ways(torch.cat(low).long(), torch.cat(high).long(), torch.cat(weight), count)


def coarsen_graph(graph: Graph, owner: Tensor, count: int) -> Graph:
    """The same for a graph; owner (size,) int32."""
    here, there = owner[graph.row], owner[graph.column]
    joins = (here < there) & (here >= 0)  # each link stands in both rows: one of them is enough
    return _both_ways(here[joins].long(), there[joins].long(), graph.weight[joins], count)


def _both_ways(low: Tensor, high: Tensor, weight: Tensor, count: int) -> Graph:
    low, high, weight = coalesced(low, high, weight, count)
    row, column = torch.cat([low, high]), torch.cat([high, low])
    _, order = torch.sort(row * count + column)
    return Graph(row[order], column[order], torch.cat([weight, weight])[order], count)
