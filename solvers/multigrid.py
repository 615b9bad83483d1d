"""The hierarchy of a photo's stencil, and the K-cycle that preconditions its system.

Aggregates depend on the photo alone, so new seeds and cells cost one pass over the levels (`Hierarchy.reseed`), and the
result does not depend on what was asked before.

K-cycle: Notay, "An aggregation-based algebraic multigrid method" (2010), two steps of flexible conjugate gradients on
every coarse level.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers import smoothers
from solvers.cells import CellOperator
from solvers.krylov import combine, first_step, second_step
from solvers.matching import aggregate_graph, aggregate_grid
from solvers.seeds import Seeds
from solvers.stencil import Stencil
from solvers.transfer import Graph, coarsen_held_graph, coarsen_held_grid, mark_pinned, prolongation

COARSEST = 256  # nodes at which a dense inverse is cheaper than a further level
PINNED = 0.9  # a node whose own weight is this share of its diagonal needs no coarse correction
ENOUGH = 0.25  # residual reduction at which the second K-cycle step is left out
SWEEPS = 2

Vector = NDArray[np.float32]


@dataclass
class Level:
    """One coarse level: its links, what seeds and cells add to them, its aggregates (absent on the coarsest).

    held is the diagonal that seeds add, (n,); average the matrix M of the means over cells, (hw, n), and spread its
    transpose, if there are cells.
    """

    graph: Graph
    links: Vector
    owner: NDArray[np.int32] | None
    held: Vector = field(init=False)
    inverse: Vector = field(init=False)
    work: Vector = field(init=False)
    average: Any = None
    spread: Any = None

    def __post_init__(self) -> None:
        self.held, self.inverse = np.zeros_like(self.links), np.zeros_like(self.links)
        self.work = np.zeros((6, len(self.links), 2), np.float32)


class Hierarchy:
    """Multigrid levels for ``Q + diag(c) + M' B' W B M``: a stencil's Laplacian and what `reseed` was last given.

    Cells stay what they are on every level: M P is carried along with the aggregates.

    Parameters
    ----------
    stencil : Stencil
        (H, W) of any size from 1×1.

    Notes
    -----
    Beyond the stencil about 16 bytes a pixel on the finest level and 30 on the coarse ones.
    """

    def __init__(self, stencil: Stencil) -> None:
        self.stencil = stencil
        owner, graph = aggregate_grid(stencil)
        self.owner = owner.reshape(stencil.shape)
        self.levels: list[Level] = []
        while len(graph) > COARSEST:
            owner, coarse = aggregate_graph(graph)
            self.levels.append(Level(graph, graph.degree(), owner))
            graph = coarse
        self.levels.append(Level(graph, graph.degree(), None))
        self.links = stencil.diagonal()
        self.held = np.zeros(stencil.shape, np.float32)
        self.inverse = np.zeros(stencil.shape, np.float32)
        self.cells: CellOperator | None = None
        self._coarsest = np.zeros((0, 0))
        self._factor = self._bound = np.zeros(0, np.float32)

    def __repr__(self) -> str:
        sizes = " > ".join(str(size) for size in [self.held.size, *(len(level.graph) for level in self.levels)])
        links = sum(len(level.graph.column) for level in self.levels)
        return f"Hierarchy({sizes} nodes, {links} coarse links)"

    def reseed(self, seeds: Seeds, cells: CellOperator | None = None) -> None:
        """Take new seeds and cells (their weights; the chroma does not matter).

        Pixels that seeds pin are left out of their aggregates; what ties them to others ties those to zero.
        """
        self.cells = cells
        self.held[:] = 0
        self.held.ravel()[seeds.index] = seeds.weight
        size = len(self.levels[0].graph)
        below, kept = np.zeros(size), np.zeros(size, np.bool_)
        owner = self.owner.ravel()
        np.add(self.links, self.held, out=self.inverse)
        mark_pinned(self.inverse.ravel(), self.held.ravel(), owner, PINNED)
        coarsen_held_grid(self.stencil.planes, owner, self.held.ravel(), below, kept)
        if cells is not None:
            self._factor = (cells.bound() / cells.area**2).astype(np.float32)
            self._bound = cells.bound().ravel().astype(np.float32)
            self.inverse += (self._factor * np.diff(cells.edges)).astype(np.float32)[np.ix_(cells.row, cells.column)]
        _invert(self.inverse)
        average = None if cells is None else cells.averages(self.owner, size)
        for depth, level in enumerate(self.levels):
            # An aggregate that lost all its members stands for nothing: hold it at zero.
            level.held[:] = np.where(kept, below, 100 * level.links + 1)
            level.inverse[:] = level.links + level.held
            level.average = level.spread = None
            if average is not None:
                level.average, level.spread = average, average.T.tocsr()
            if level.owner is None:
                self._coarsest = _dense_inverse(level, cells)
                break
            graph, size = level.graph, len(self.levels[depth + 1].graph)
            below, kept = np.zeros(size), np.zeros(size, np.bool_)
            mark_pinned(level.inverse, level.held, level.owner, PINNED)
            coarsen_held_graph(graph.start, graph.column, graph.weight, level.owner, level.held, below, kept)
            if average is not None:
                level.inverse += level.spread.power(2) @ self._bound
                average = average @ prolongation(level.owner, size)
            _invert(level.inverse)

    def diagonal(self) -> Vector:
        """Links, seeds' weights and the row sums of the cells' term, (H, W)."""
        result = self.links + self.held
        if self.cells is not None:
            result += self.cells.lumped().astype(np.float32)[np.ix_(self.cells.row, self.cells.column)]
        return result

    def pinned(self, index: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each of these pixels (flat indices) is held by its own weight alone."""
        held = self.held.ravel()[index]
        return held > PINNED * (held + self.links.ravel()[index])

    def cycle(self, f: Vector, out: Vector) -> None:
        """out = an approximate solution of ``A out = f``; both (C, H, W) float32, C at most 2."""
        out[:] = 0
        self._relax(f, out, False)
        right, error = self.levels[0].work[:2]
        smoothers.restrict_grid(self.stencil.planes, self.held, self.owner, f, out, right)
        if self.cells is not None:
            means = self.cells.unblurred_means(out).reshape(len(out), -1).T
            right[:, : len(out)] -= self.levels[0].spread @ self.cells.weighed(means)
        self._solve(0, right, error)
        smoothers.prolong_grid(self.owner, error, out)
        self._relax(f, out, True)

    def _relax(self, f: Vector, out: Vector, backward: bool) -> None:
        planes, cells = self.stencil.planes, self.cells
        if cells is None:
            for _ in range(SWEEPS):
                smoothers.relax_grid(planes, self.held, self.inverse, f, out, backward)
            return
        sums = cells.sums(out)
        offset = self._offset((sums / cells.area).reshape(len(out), -1).T).T.reshape(sums.shape) / cells.area
        for _ in range(SWEEPS):
            smoothers.relax_grid_cells(
                planes, self.held, self.inverse, cells.row, cells.edges, self._factor, sums, offset, f, out, backward
            )

    def _offset(self, means: NDArray[np.floating]) -> NDArray[np.floating]:
        """``(diag(bound) - B' W B) means``, (hw, C): what a sweep with the bound has to be given back."""
        cells = self.cells
        if cells is None or not cells.is_blurred:
            return np.zeros_like(means)
        return self._bound[:, None] * means - cells.weighed(means)

    def _solve(self, depth: int, f: Vector, out: Vector) -> None:
        """Two steps of flexible conjugate gradients on a coarse level; f is used up."""
        level = self.levels[depth]
        if level.owner is None:
            out[:] = self._coarsest @ f
            return
        first, second, image, other = level.work[2:]
        self._relax_and_correct(depth, f, first)
        self._apply(level, first, image)
        step, energy, left = first_step(f, first, image)
        if left <= ENOUGH:
            combine(step, first, np.zeros(2), first, out)
            return
        self._relax_and_correct(depth, f, second)
        self._apply(level, second, other)
        first_share, second_share = second_step(f, second, image, other, step, energy)
        combine(first_share, first, second_share, second, out)

    def _apply(self, level: Level, u: Vector, out: Vector) -> None:
        graph = level.graph
        smoothers.apply_graph(graph.start, graph.column, graph.weight, level.held, u, out)
        if self.cells is not None:
            out += level.spread @ self.cells.weighed(level.average @ u)

    def _relax_and_correct(self, depth: int, f: Vector, out: Vector) -> None:
        """out = what one sweep forward, a correction from the next level, and one sweep back make of f."""
        if self.cells is not None:
            self._relax_and_correct_cells(depth, f, out)
            return
        level, below = self.levels[depth], self.levels[depth + 1]
        start, middle, column, weight = level.graph.start, level.graph.middle, level.graph.column, level.graph.weight
        right, error = below.work[:2]
        smoothers.relax_graph_from_zero(start, middle, column, weight, level.inverse, f, out)
        smoothers.restrict_graph_after(start, middle, column, weight, level.owner, out, right)
        self._solve(depth + 1, right, error)
        smoothers.prolong_graph(level.owner, error, out)
        smoothers.relax_graph_backward(start, column, weight, level.held, level.inverse, f, out)

    def _relax_and_correct_cells(self, depth: int, f: Vector, out: Vector) -> None:
        level, below = self.levels[depth], self.levels[depth + 1]
        right, error = below.work[:2]
        out[:] = 0
        self._relax_cells(level, f, out, False)
        residual = np.empty_like(out)
        self._apply(level, out, residual)
        np.subtract(f, residual, out=residual)
        smoothers.restrict_graph(level.owner, residual, right)
        self._solve(depth + 1, right, error)
        smoothers.prolong_graph(level.owner, error, out)
        self._relax_cells(level, f, out, True)

    def _relax_cells(self, level: Level, f: Vector, out: Vector, backward: bool) -> None:
        graph, spread = level.graph, level.spread
        rows = (spread.indptr, spread.indices, spread.data)
        means = level.average @ out
        offset = self._offset(means)
        smoothers.relax_graph_cells(
            graph.start,
            graph.column,
            graph.weight,
            level.held,
            level.inverse,
            rows,
            self._bound,
            means,
            offset,
            f,
            out,
            backward,
        )


def _dense_inverse(level: Level, cells: CellOperator | None) -> NDArray[np.float64]:
    graph = level.graph
    matrix = np.diag(level.links.astype(np.float64) * (1 + 1e-12) + level.held)
    row = np.repeat(np.arange(len(graph)), np.diff(graph.start))
    matrix[row, graph.column] -= graph.weight
    if cells is not None and level.average is not None:
        matrix += level.spread @ cells.weighed(level.average.toarray())
    return np.linalg.inv(matrix).astype(np.float64)


def _invert(diagonal: Vector) -> None:
    """1 / diagonal in place, 0 for an isolated pixel that nothing holds."""
    np.divide(1, diagonal, out=diagonal, where=diagonal > 0)
