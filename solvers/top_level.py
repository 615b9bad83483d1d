"""The K-cycle of the largest coarse level, its sweeps shared by threads; those below are compiled whole.

Nodes are numbered by the strips of rows they came from, the even strips first, so threads that work on the even ones
share no link, and then those on the odd ones. A cell must not reach from one even strip to the next either.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers import coarse, coarse_cells
from solvers.team import Team

Vector = NDArray[np.float32]
ONE = np.float32(1)


class TopLevel:
    """The links of level 0: what threads do with them.

    Parameters
    ----------
    team : Team
    strips : (strips + 1,) first node of each strip
    graph : arrays of the level's graph
    owner, held, inverse : (n,)
    """

    def __init__(
        self,
        team: Team,
        strips: NDArray[np.int64],
        graph: tuple[Any, ...],
        owner: NDArray[np.int32],
        held: Vector,
        inverse: Vector,
    ) -> None:
        self.team, self.graph, self.owner, self.held, self.inverse = team, graph, owner, held, inverse
        even = len(strips) // 2
        self.parts = [self._shares(strips[: even + 1]), self._shares(strips[even:])]

    def _shares(self, strips: NDArray[np.int64]) -> list[tuple[int, int]]:
        """Ranges of nodes, one a thread, that end where strips do."""
        cuts = strips[np.linspace(0, len(strips) - 1, self.team.threads + 1).astype(int)]
        return [(int(low), int(high)) for low, high in pairwise(cuts) if high > low]

    def _everywhere(self, kernel: Any, *args: Any) -> None:
        self.team.map(lambda n: kernel(n[0], n[1], *args), self.parts[0] + self.parts[1])

    def _sweep(self, kernel: Any, *args: Any, backward: bool) -> None:
        for part in self.parts[::-1] if backward else self.parts:
            self.team.map(lambda n: kernel(n[0], n[1], self.graph, self.held, self.inverse, *args, backward), part)

    def descend(self, f: Vector, u: Vector, right: Vector) -> None:
        """u = one sweep from zero, right = P' of the residual."""
        u[:] = 0
        right[:] = 0
        self._sweep(coarse.relax, f, u, backward=False)
        self._everywhere(coarse.restrict, self.graph, self.held, self.owner, f, u, right)

    def ascend(self, error: Vector, f: Vector, u: Vector, image: Vector) -> None:
        """u += P error, then one sweep backward; image = A u."""
        self._everywhere(coarse.prolong, self.owner, error, u)
        self._sweep(coarse.relax, f, u, backward=True)
        self._everywhere(coarse.apply, self.graph, self.held, u, image)


class TopLevelCells(TopLevel):
    """Level 0 with cells.

    Parameters
    ----------
    links
        As of `TopLevel`.
    average, average_below
        Rows of M' on this level and on the next.
    grid
        The cells', as of `coarse_cells.k_cycle_cells`.
    """

    def __init__(self, links: tuple[Any, ...], average: Any, average_below: Any, grid: Any) -> None:
        super().__init__(*links)
        self.average, self.average_below, self.grid = average, average_below, grid
        self.means, self.pull = np.zeros((2, grid[2].size, 2), np.float32)

    def descend(self, f: Vector, u: Vector, right: Vector) -> None:
        u[:] = 0
        right[:] = 0
        self.means[:] = 0
        self.pull[:] = 0
        self._sweep(coarse_cells.relax_cells, *self._term, f, u, backward=False)
        coarse_cells.means_pull(self.grid, self.means, self.pull)
        self._everywhere(coarse.restrict, self.graph, self.held, self.owner, f, u, right)
        coarse_cells.spread_cells(0, len(right), self.average_below, self.pull, -ONE, right)

    def ascend(self, error: Vector, f: Vector, u: Vector, image: Vector) -> None:
        self._everywhere(coarse.prolong, self.owner, error, u)
        coarse_cells.average_nodes(self.average_below, error, self.means)
        coarse_cells.means_offset(self.grid, self.means, self.pull)
        self._sweep(coarse_cells.relax_cells, *self._term, f, u, backward=True)
        coarse_cells.means_pull(self.grid, self.means, self.pull)
        self._everywhere(coarse.apply, self.graph, self.held, u, image)
        self._everywhere(coarse_cells.spread_cells, self.average, self.pull, ONE, image)

    @property
    def _term(self) -> tuple[Any, ...]:
        return self.average, self.grid[2], self.means, self.pull


def k_cycle_shared(
    level: TopLevel, work: Vector, right: Vector, error: Vector, solve_below: Callable[[], None], enough: float
) -> None:
    """As `coarse.k_cycle` from level 0: work (6, n, 2) is the level's, right and error the next level's first two."""
    f, out, first, second, image, other = work
    step, energy, share = np.zeros((3, 2))
    for u, product in ((first, image), (second, other)):
        level.descend(f, u, right)
        solve_below()
        level.ascend(error, f, u, product)
        if u is first and coarse.first_step(f, first, image, step, energy) <= enough:
            break
    else:
        coarse.second_step(f, second, image, other, step, energy, share)
    coarse.combine(step, first, share, second, out)
