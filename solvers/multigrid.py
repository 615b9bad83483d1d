"""The hierarchy of a photo's stencil, and the K-cycle that preconditions its system.

Aggregates depend on the photo alone, so new seeds and cells cost one pass over the coarse levels (`Hierarchy.reseed`),
and the result does not depend on what was asked before.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers import coarse, coarse_cells, passes, transfer
from solvers.cells import CellOperator
from solvers.coarse import ENOUGH
from solvers.dense import inverse
from solvers.graph import Graph
from solvers.matching import aggregate_graph, aggregate_grid
from solvers.seeds import Seeds
from solvers.stencil import Stencil
from solvers.system import System
from solvers.team import STRIP, Team, cut
from solvers.top_level import TopLevel, TopLevelCells, k_cycle_shared
from solvers.transfer import prolongation

COARSEST = 300  # nodes at which a dense inverse is cheaper than a further level
PINNED = 0.9  # a node whose own weight is this share of its diagonal needs no coarse correction
SHARED = 16384  # nodes above which threads share a level

Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Levels:
    """The coarse levels one after the other: level l has the nodes base[l] .. base[l + 1].

    Columns count from the level's first node, owner from the next level's.
    """

    base: NDArray[np.int64]
    graph: Graph
    owner: NDArray[np.int32]
    links: Vector
    held: Vector
    inverse: Vector

    @classmethod
    def of(cls, graphs: list[Graph], owners: list[NDArray[np.int32]]) -> Levels:
        ends = np.cumsum([0, *(len(graph.far) for graph in graphs)]).astype(np.uint32)
        first = [graph.first[:-1] + end for graph, end in zip(graphs, ends[:-1], strict=True)]
        links = np.concatenate([graph.degree() for graph in graphs])
        together = Graph(
            np.concatenate([graph.near for graph in graphs]),
            np.concatenate([graph.weight for graph in graphs]),
            np.concatenate([*first, ends[-1:]]),
            np.concatenate([graph.far for graph in graphs]),
            np.concatenate([graph.far_weight for graph in graphs]),
        )
        base = np.cumsum([0, *(len(graph) for graph in graphs)])
        owner = np.concatenate([*owners, np.full(len(graphs[-1]), -1, np.int32)])
        return cls(base, together, owner, links, np.zeros_like(links), np.zeros_like(links))

    def __len__(self) -> int:
        return len(self.base) - 1

    def nodes(self, level: int) -> slice:
        return slice(int(self.base[level]), int(self.base[level + 1]))

    def graph_of(self, level: int) -> Graph:
        nodes, graph = self.nodes(level), self.graph
        rows = slice(nodes.start, nodes.stop + 1)
        return Graph(graph.near[nodes], graph.weight[nodes], graph.first[rows], graph.far, graph.far_weight)

    @property
    def graphs(self) -> tuple[NDArray[Any], ...]:
        """All graphs, as `coarse.k_cycle` takes them."""
        return self.base, *self.graph.arrays


class Hierarchy:
    """Multigrid levels for ``Q + diag(c) + M' B' W B M``: a stencil's Laplacian and what `reseed` was last given.

    Cells stay what they are on every level: M P is carried along with the aggregates.

    Parameters
    ----------
    stencil : Stencil
        (H, W) of any size from 1×1.
    team : Team, optional
        One thread if left out.

    Notes
    -----
    Beyond the stencil 4 bytes a pixel on the finest level and about 18 on the coarse ones.
    """

    def __init__(self, stencil: Stencil, team: Team | None = None) -> None:
        self.stencil, self.team = stencil, team or Team(1)
        self.owner, graph, first = aggregate_grid(stencil, cut(stencil.shape[0]), self.team)
        graphs, owners = [graph], []
        self.bounds = [np.append(first, len(graph))]
        while len(graph) > COARSEST:
            if len(graph) < SHARED:
                self.bounds[-1] = np.array([0, len(graph)])
            owner, graph, first = aggregate_graph(graph, self.bounds[-1], self.team)
            graphs.append(graph)
            owners.append(owner)
            self.bounds.append(np.append(first, len(graph)))
        self.levels = Levels.of(graphs, owners)
        size = self.levels.nodes(0).stop
        self.members = np.zeros(size, np.int32)
        transfer.count_members(self.owner.ravel(), self.members)
        self._work = np.zeros((6, self.levels.base[-1], 2), np.float32)
        self._enough = np.full(len(self.levels), ENOUGH)
        self._pinned = np.zeros(0, np.int64)
        self._dense = np.zeros((0, 0), np.float32)
        self.cells: CellOperator | None = None
        self._seeds = Seeds.none()
        self._system: System | None = None
        self._top: TopLevel | None = None

    def __repr__(self) -> str:
        sizes = " > ".join(str(size) for size in [self.owner.size, *np.diff(self.levels.base)])
        return f"Hierarchy({sizes} nodes, {np.count_nonzero(self.levels.graph.weight)} coarse links)"

    @property
    def _flat(self) -> tuple[Any, ...]:
        return (tuple(plane.ravel() for plane in self.stencil.planes), self.stencil.shape[1])

    def reseed(self, seeds: Seeds, cells: CellOperator | None = None) -> None:
        """Take new seeds and cells (their weights; the chroma does not matter).

        Pixels that seeds pin are left out of their aggregates; what ties them to others ties those to zero.
        """
        is_same = self._is_known(seeds, cells)
        self._seeds, self._system = seeds, None
        if is_same:
            return
        levels, owner = self.levels, self.owner.ravel()
        transfer.release(owner, self._pinned)
        pinned = np.empty(len(seeds), np.int64)
        count = transfer.pin(self._flat, owner, seeds.index, seeds.weight, PINNED, pinned)
        self._pinned = pinned[:count].copy()
        members, below = self.members.copy(), np.zeros(len(self.members))
        transfer.coarsen_seeds(self._flat, owner, seeds.index, seeds.weight, members, below)
        kept = members > 0
        self._take_cells(cells)
        average = None if cells is None else cells.averages(self.owner, len(kept))
        rows: list[Any] = []
        for level in range(len(levels)):
            nodes = levels.nodes(level)
            links, held, inverse = levels.links[nodes], levels.held[nodes], levels.inverse[nodes]
            # An aggregate that lost all its members stands for nothing: hold it at zero.
            held[:] = np.where(kept, below, 100 * links + 1)
            np.add(links, held, out=inverse)
            last = level == len(levels) - 1
            if not last:
                size = len(levels.links[levels.nodes(level + 1)])
                below, kept = np.zeros(size), np.zeros(size, np.bool_)
                graph = levels.graph_of(level).arrays
                transfer.coarsen_held(graph, levels.owner[nodes], held, inverse, PINNED, below, kept)
            if average is not None:
                spread = average.T.tocsr()
                rows.append(spread)
                inverse += spread.power(2) @ self._bound
                if last:
                    self._dense = self._dense_inverse(spread)
                else:
                    average = average @ prolongation(levels.owner[nodes], size)
            elif last:
                self._dense = self._dense_inverse(None)
            np.divide(1, inverse, out=inverse, where=inverse > 0)
        if rows:
            ends = np.cumsum([0, *(spread.nnz for spread in rows)])
            first = [spread.indptr[:-1] + end for spread, end in zip(rows, ends[:-1], strict=True)]
            self._averages = (
                np.concatenate([*first, ends[-1:]]).astype(np.int64),
                np.concatenate([spread.indices for spread in rows]).astype(np.int32),
                np.concatenate([spread.data for spread in rows]).astype(np.float32),
            )
        self._top = self._top_level()

    def _is_known(self, seeds: Seeds, cells: CellOperator | None) -> bool:
        """Whether the levels are those of such weights already."""
        mine, old = self.cells, self._seeds
        if self._dense.size == 0 or (cells is None) != (mine is None):
            return False
        if cells is not None and mine is not None:
            is_other = cells.is_blurred or mine.is_blurred or not np.array_equal(cells.weight, mine.weight)
        else:
            is_other = False
        return not is_other and np.array_equal(old.index, seeds.index) and np.array_equal(old.weight, seeds.weight)

    def _top_level(self) -> TopLevel | None:
        """Level 0 for threads to share, if they can."""
        strips, levels, cells = self.bounds[0], self.levels, self.cells
        if self.team.threads == 1 or len(strips) < 4 or len(levels) == 1:
            return None
        nodes = levels.nodes(0)
        links = (
            self.team,
            strips,
            levels.graph_of(0).arrays,
            levels.owner[nodes],
            levels.held[nodes],
            levels.inverse[nodes],
        )
        if cells is None:
            return TopLevel(*links)
        if cells.tallest > STRIP // 2:
            return None
        return TopLevelCells(links, self._average(0), self._average(1), self._grid)

    def _average(self, level: int) -> tuple[NDArray[Any], ...]:
        """Rows of M' of a level."""
        nodes, (first, cell, share) = self.levels.nodes(level), self._averages
        return first[nodes.start : nodes.stop + 1], cell, share

    def _k_cycle(self, top: int) -> None:
        levels, work = self.levels, (self._work, self._dense, self._enough)
        arrays = (levels.graphs, levels.held, levels.inverse, levels.owner)
        if self.cells is None:
            coarse.k_cycle(top, *arrays, *work)
        else:
            coarse_cells.k_cycle_cells(top, *arrays, self._averages, self._grid, *work)

    def _solve_coarse(self) -> None:
        """work[1] = an approximate solution on level 0 for the right-hand side in work[0]."""
        if self._top is None:
            self._k_cycle(0)
            return
        nodes, below, work = self.levels.nodes(0), self.levels.nodes(1), self._work
        solve_below = partial(self._k_cycle, 1)
        k_cycle_shared(self._top, work[:, nodes], work[0, below], work[1, below], solve_below, self._enough[0])

    def _take_cells(self, cells: CellOperator | None) -> None:
        self.cells = cells
        if cells is None:
            empty = np.zeros(0, np.int32), np.zeros(1, np.int64)
            self._grid_of_rows, self._factor = empty, np.zeros((0, 0), np.float32)
            return
        bound = cells.bound()
        self._grid_of_rows = cells.row, cells.edges
        self._factor = (bound / cells.area**2).astype(np.float32)
        self._bound = bound.ravel().astype(np.float32)
        weight = np.repeat(cells.weight.astype(np.float32), 2, axis=1)
        self._grid = (cells.blur_bands(), weight, self._bound, cells.is_blurred)

    def _dense_inverse(self, spread: Any) -> NDArray[np.float32]:
        last = len(self.levels) - 1
        nodes = self.levels.nodes(last)
        matrix = np.diag(self.levels.links[nodes].astype(np.float64) * (1 + 1e-12) + self.levels.held[nodes])
        matrix -= self.levels.graph_of(last).to_csr().toarray()
        if spread is not None and self.cells is not None:
            matrix += spread @ self.cells.weighed(spread.T.toarray())
        return inverse(matrix)

    def twin(self) -> Hierarchy:
        """The same levels with room to work of their own, for one thread beside others; until the next `reseed`."""
        twin = copy(self)
        twin.team, twin._work, twin._top = Team(1), np.zeros_like(self._work), None
        return twin

    def pinned(self, seeds: Seeds) -> NDArray[np.bool_]:
        """Whether each of these seeds alone holds its pixel; they are those of the last `reseed`."""
        return self.owner.ravel()[seeds.index] < -1

    def cycle(self, f: Vector, out: Vector) -> None:
        """out = an approximate solution of ``A out = f``; both (C, H, W) float32, C at most 2."""
        if self._system is None:
            self._system = System(self.stencil, self._seeds, self.cells, self.team)
        self.precondition(self._system, f, out, f)

    def precondition(self, system: System, f: Vector, out: Vector, q: Vector) -> NDArray[np.float64]:
        """out = an approximate solution of ``A out = f``; returns (out'f, out'q) of each channel, (2, C)."""
        channels, cells = len(f), self.cells
        nodes = self.levels.nodes(0)
        right, error = self._work[0, nodes], self._work[1, nodes]
        planes, bounds, team = self.stencil.planes, system.bounds, self.team
        out[:] = 0
        right[:] = 0
        grid = np.zeros((channels, *self._factor.shape))
        sums, offset = np.zeros_like(grid), np.zeros_like(grid)
        parts = (*self._grid_of_rows, self._factor, sums, offset)
        down = (planes, system.held, parts, self.owner, f, out, right, bounds)
        team.run(lambda strips: passes.descend(*down, strips), system.phases)
        if cells is not None:
            means = np.zeros((self._bound.size, 2), np.float32)
            means[:, :channels] = (sums / cells.area).reshape(channels, -1).T
            pull = cells.weighed(means).astype(np.float32)
            coarse_cells.spread_cells(0, nodes.stop, self._average(0), pull, np.float32(-1), right)
        self._solve_coarse()
        if cells is not None:
            change = np.zeros_like(means)
            coarse_cells.average_nodes(self._average(0), error, change)
            means += change
            sums += change.T[:channels].reshape(sums.shape) * cells.area
            if cells.is_blurred:
                rest = self._bound[:, None] * means - cells.weighed(means)
                offset[:] = rest.T[:channels].reshape(sums.shape) / cells.area
        dots = np.zeros((len(bounds) - 1, 2, channels))
        up = (planes, system.held, parts, self.owner, f, out, error, q, dots, bounds)
        team.run(lambda strips: passes.ascend(*up, strips), system.phases[::-1])
        return dots.sum(axis=0)
