"""The system that seeds and cells make of a stencil, and what conjugate gradients do with it, pass by pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers import passes
from solvers.cells import CellOperator
from solvers.seeds import Seeds
from solvers.stencil import Stencil
from solvers.team import STRIP, Team, cut, phases

Vector = NDArray[np.float32]
NO_CELLS = np.zeros((0, 0, 0))


class System:
    """``A = Q + diag(c) + M' B' W B M`` and its right-hand side, for up to two channels; vectors are (C, H, W) float32.

    Parameters
    ----------
    stencil : Stencil
    seeds : Seeds
    cells : CellOperator, optional
    team : Team, optional
        One thread if left out.
    left_over : (C, H, W), optional
        Taken from the right-hand side: the residual that the answer is to have.
    """

    def __init__(
        self,
        stencil: Stencil,
        seeds: Seeds,
        cells: CellOperator | None,
        team: Team | None = None,
        left_over: Vector | None = None,
    ) -> None:
        self.stencil, self.cells, self.team, self.left_over = stencil, cells, team or Team(1), left_over
        height, width = stencil.shape
        order = np.argsort(seeds.index, kind="stable")
        index = seeds.index[order]
        first = np.searchsorted(index, np.arange(height + 1, dtype=np.int64) * width)
        self.wanted = np.ascontiguousarray(seeds.chroma[order])
        self.held = (first, (index % width).astype(np.int32), seeds.weight[order])
        self.bounds = cut(height, STRIP if cells is None else max(STRIP, cells.tallest))
        self.phases = phases(len(self.bounds) - 1)
        self._dots = np.zeros((len(self.bounds) - 1, 2, self.wanted.shape[1]))
        self._largest = np.zeros(len(self.bounds) - 1, np.float32)
        self._sums = NO_CELLS if cells is None else np.zeros((self.wanted.shape[1], *cells.area.shape))
        empty = np.zeros(0, np.int32), np.zeros(1, np.int64)
        self._grid = empty if cells is None else (cells.row, cells.edges)

    def misfit(self, u: Vector, out: Vector) -> NDArray[np.float64]:
        """out = b - A u, every term as a difference; returns out'out of each channel."""
        asked = NO_CELLS
        if self.cells is not None:
            asked = self.cells.asked(self.cells.sums(u, self.team), wanted=True)
        args = (self.stencil.planes, self.held, self.wanted, self._grid, asked, u, out, self._dots, self.bounds)
        self.team.run(lambda strips: passes.misfit(*args, strips), self.phases)
        if self.left_over is None:
            return self._dots[:, 0].sum(axis=0)
        out -= self.left_over
        return np.einsum("chw,chw->c", out, out, dtype=np.float64)

    def search(self, z: Vector, share: NDArray[np.float32], p: Vector, q: Vector) -> NDArray[np.float64]:
        """p = z + share p and q = A p; returns p'q of each channel."""
        asked = NO_CELLS
        if self.cells is not None:
            self._sums = self.cells.sums(z, self.team) + share[:, None, None] * self._sums
            asked = self.cells.asked(self._sums)
        args = (self.stencil.planes, self.held, self._grid, asked, z, share, p, q, self._dots, self.bounds)
        self.team.run(lambda strips: passes.search(*args, strips), self.phases)
        return self._dots[:, 0].sum(axis=0)

    def advance(
        self, p: Vector, q: Vector, step: NDArray[np.float32], x: Vector, r: Vector
    ) -> tuple[float, NDArray[np.float64]]:
        """x += step p, r -= step q; returns the largest change of any pixel, and r'r of each channel."""
        args = (p, q, step, x, r, self._largest, self._dots, self.bounds)
        self.team.run(lambda strips: passes.advance(*args, strips), self.phases)
        return float(self._largest.max()), self._dots[:, 0].sum(axis=0)

    def least_error(self, r: Vector) -> float:
        """The largest ``|r_i| / (2 d_i)``, d the row sums of A in modulus by half: no smaller error leaves this r."""
        more = np.zeros((1, 1)) if self.cells is None else self.cells.lumped()
        grid = self._grid if self.cells is not None else (np.zeros(r.shape[1], np.int32), np.array([0, r.shape[2]]))
        return float(passes.least_error(self.stencil.planes, self.held, grid, more, r))
