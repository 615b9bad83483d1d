"""Coarse levels: what each holds, its smoother, and how it hangs on the level above.

All in float64: a product ``d u - W u`` is no sum of differences, and in float32 what it rounds (and how far d is from
the sum of a row) is as much as links at the floor carry between islands that strong links hold together. Coarse levels
are a tenth of the work, and sparse products wait for memory, not for arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from solvers.device.cells import DeviceCells, pair
from solvers.device.graph import Graph, members

PINNED = 0.9  # a node whose own weight is this share of its diagonal needs no coarse correction
DEGREE = 3  # of the polynomial smoother


@dataclass
class Means:
    """M' B' W B M as a level of n nodes sees it: average (hw, n) are the means over cells, spread their transpose."""

    cells: DeviceCells
    average: Tensor
    spread: Tensor

    def apply(self, u: Tensor) -> Tensor:
        return self.spread @ self.cells.weighed_rows(self.average @ u)

    def coarser(self, level: Level) -> Means:
        """The same on the level below, which has taken its seeds: entries keep cell and share, nodes are aggregates."""
        start, node = self.average.crow_indices().long(), self.average.col_indices()
        cell = torch.repeat_interleave(torch.arange(len(start) - 1, device=node.device), start.diff())
        owner = torch.where(level.free[:, 0], level.owner, -1)[node]
        kept = owner >= 0
        shape = len(start) - 1, len(level.links)
        return Means(self.cells, *pair(cell[kept], owner[kept].long(), self.average.values()[kept], shape))


@dataclass
class Level:
    """One coarse level of n nodes, and how it hangs on the level above, of m nodes.

    owner (m,) is the aggregate of each node above, -1 for none; gather (n, m) is P', free (m, 1) what `reseed` left in.
    matrix holds the links alone, links their sums, held what seeds add to the diagonal, diagonal both, inverse that of
    the smoother. Vectors are (n, C).
    """

    matrix: Tensor
    links: Tensor
    owner: Tensor
    gather: Tensor
    free: Tensor = field(init=False)
    held: Tensor = field(init=False)
    diagonal: Tensor = field(init=False)
    inverse: Tensor = field(init=False)
    means: Means | None = None

    def __post_init__(self) -> None:
        self.place = self.owner.clamp(min=0)

    def restrict(self, values: Tensor) -> Tensor:
        """P' values, (n, C) float64, of (m, C)."""
        return (self.gather @ (values * self.free).to(self.gather.dtype)).double()

    def prolong(self, values: Tensor) -> Tensor:
        """P values, (m, C), of (n, C)."""
        return values.index_select(0, self.place) * self.free

    def reseed(self, below: Tensor, free: Tensor) -> tuple[Tensor, Tensor]:
        """Take what the level above has: what is added to its diagonal (m,), and which of its nodes are not pinned.

        Pinned nodes are left out of their aggregates; what ties them to others ties those to zero. Returns the same for
        the level below.
        """
        self.free = (free & (self.owner >= 0))[:, None]
        held = self.restrict(below[:, None])[:, 0]
        kept = self.restrict(torch.ones_like(below)[:, None])[:, 0] > 0
        # An aggregate that lost all its members stands for nothing: hold it at zero.
        self.held = torch.where(kept, held, 100 * self.links + 1)
        self.diagonal = (self.links + self.held)[:, None]
        self.inverse, self.means = inverted(self.diagonal), None
        is_free = self.held <= PINNED * (self.links + self.held)
        return self.held + (self.matrix @ (~is_free).double()[:, None])[:, 0], is_free

    def take_means(self, means: Means) -> None:
        """Take the means over cells too, after `reseed`."""
        self.means = means
        # Their row sums bound them from above, as no entry is negative.
        self.inverse = inverted(self.diagonal + means.apply(torch.ones_like(self.diagonal)))

    def apply(self, u: Tensor) -> Tensor:
        """A u."""
        result = self.diagonal * u - self.matrix @ u
        return result if self.means is None else result + self.means.apply(u)

    def smooth(self, f: Tensor, u: Tensor | None = None) -> Tensor:
        """Smooth u, zero if it is not given, by Chebyshev polynomials of the fourth kind.

        Lottes, "Optimal polynomial smoothers for multigrid V-cycles" (2022). They need no lower bound of the spectrum;
        the upper one is 2, as rows of A sum to at most twice the diagonal that `inverse` inverts.
        """
        residual = f if u is None else f - self.apply(u)
        step = (2 / 3) * self.inverse * residual
        u = step if u is None else u + step
        for k in range(2, DEGREE + 1):
            residual = residual - self.apply(step)
            step = (2 * k - 3) / (2 * k + 1) * step + (4 * k - 2) / (2 * k + 1) * self.inverse * residual
            u = u + step
        return u

    def dense_inverse(self) -> Tensor:
        """A^-1, (n, n) float64."""
        matrix = -self.matrix.to_dense()
        # The shift keeps a region that nothing holds from making this singular.
        matrix += torch.diag(self.links * (1 + 1e-12) + self.held)
        if self.means is not None:
            matrix += self.means.apply(torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device))
        return torch.linalg.inv(matrix)


def make_level(graph: Graph, owner: Tensor, is_first: bool) -> Level:
    """The level of a graph, from the aggregates (m,) that made it; is_first if those are of pixels."""
    dtype = torch.float32 if is_first else torch.float64
    return Level(graph.matrix(), graph.degree(), owner, members(owner, graph.size, dtype))


def ratio(over: Tensor, under: Tensor) -> Tensor:
    """over / under, 0 where under is not positive."""
    return torch.where(under > 0, over / torch.where(under > 0, under, 1), 0)


def inverted(diagonal: Tensor) -> Tensor:
    """1 / diagonal, 0 for a place that nothing holds."""
    return ratio(torch.ones_like(diagonal), diagonal)
