"""The hierarchy of a photo's stencil on a device, and the cycle that preconditions its system.

Aggregates depend on the photo alone; new seeds and cells cost one pass over the levels (`Hierarchy.reseed`). Nothing in
a cycle waits for the host: step lengths stay tensors, and no step is left out for being good enough.
"""

from __future__ import annotations

import torch
from torch import Tensor

from solvers.device.cells import DeviceCells
from solvers.device.grid import COLOURS, Colour, Layout, split_stencil
from solvers.device.levels import PINNED, Means, inverted, make_level, ratio
from solvers.device.matching import aggregate_graph, aggregate_grid
from solvers.stencil import Stencil

COARSEST = 1000  # nodes at which a dense inverse is cheaper than a further level
SWEEPS = 2  # on the finest level, before and after the correction
DOUBLE = 2  # coarse levels, from the finer, that take two Krylov steps; below one


class Hierarchy:
    """Multigrid levels for ``Q + diag(c) + M' B' W B M``: a stencil's Laplacian and what `reseed` was last given.

    Parameters
    ----------
    stencil : Stencil
        (H, W) of any size from 1×1.
    device : torch.device
    """

    def __init__(self, stencil: Stencil, device: torch.device) -> None:
        self.layout = Layout(stencil.shape)
        self.planes = split_stencil(self.layout, stencil, device)
        ones = torch.ones(self.layout.planes, dtype=torch.float32, device=device)
        self.links = self.layout.neighbour_sums(self.planes, ones)
        owner, graph = aggregate_grid(self.layout, self.planes, self.links)
        self.owner = owner
        self.levels = [make_level(graph, owner.reshape(-1), True)]
        while graph.size > COARSEST:
            owner, graph = aggregate_graph(graph)
            self.levels.append(make_level(graph, owner, False))
        self._coarsest = torch.zeros((0, 0), device=device)
        self.cells: DeviceCells | None = None
        self.held = self.inverse = self.bound = torch.zeros_like(self.links)

    def __repr__(self) -> str:
        sizes = " > ".join(str(size) for size in [self.layout.size, *(len(level.links) for level in self.levels)])
        links = sum(level.matrix.values().numel() for level in self.levels)
        return f"Hierarchy({sizes} nodes, {links} coarse links)"

    def reseed(self, held: Tensor, cells: DeviceCells | None = None) -> None:
        """Take the seeds' weights, (2, 2, h + 2, w + 2), and cells.

        Pixels that seeds pin are left out of their aggregates; what ties them to others ties those to zero.
        """
        self.held, self.cells = held, cells
        free = held <= PINNED * (self.links + held)
        below = held + self.layout.neighbour_sums(self.planes, (~free).float())
        diagonal = self.links + held
        if cells is not None:
            self.bound = cells.lumped_by_colour()
            diagonal = diagonal + self.bound
        self.inverse = inverted(diagonal)
        below, free = below.reshape(-1), free.reshape(-1)
        for level in self.levels:
            below, free = level.reseed(below, free)
        if cells is not None:
            first = self.levels[0]
            owner = torch.where(first.free.view(self.layout.planes), self.owner, -1)
            means = Means(cells, *cells.averages(owner, len(first.links)))
            first.take_means(means)
            for level in self.levels[1:]:
                means = means.coarser(level)
                level.take_means(means)
        self._coarsest = self.levels[-1].dense_inverse()

    def diagonal(self) -> Tensor:
        """Links, seeds' weights and the row sums of the cells' term, (2, 2, h + 2, w + 2)."""
        result = self.links + self.held
        return result if self.cells is None else result + self.cells.lumped()

    def cycle(self, f: Tensor) -> Tensor:
        """An approximate solution u of ``A u = f``; both (C, 2, 2, h + 2, w + 2)."""
        u = torch.zeros_like(f)
        for number in range(SWEEPS):
            self._sweep(f, u, COLOURS, number == 0)
        residual = f - self.apply(u)
        first = self.levels[0]
        error = self._solve(0, first.restrict(residual.reshape(len(f), -1).T))
        u += first.prolong(error.float()).T.reshape(u.shape)
        for _ in range(SWEEPS):
            self._sweep(f, u, COLOURS[::-1])
        return u

    def apply(self, u: Tensor) -> Tensor:
        """A u on the finest level."""
        result = self.layout.laplacian(self.planes, u).addcmul_(self.held, u)
        if self.cells is not None:
            result += self.cells.spread(self.cells.weighed(self.cells.means(u)))
        return result

    def _sweep(self, f: Tensor, u: Tensor, colours: tuple[Colour, ...], is_first: bool = False) -> None:
        """Gauss-Seidel, one colour after the other, from zero if it is the first.

        Each pixel becomes the average of its neighbours. Rounding shows in the last digit of u here, where the
        residual, of differences, sees it. What cells add is bounded by a diagonal within each colour.
        """
        layout, cells = self.layout, self.cells
        means = torch.zeros(0) if cells is None else cells.means(u)
        for number, colour in enumerate(colours):
            own, inverse = layout.seen(u, colour), layout.seen(self.inverse, colour)
            total = layout.seen(f, colour).clone(memory_format=torch.contiguous_format)
            layout.gathered(self.planes, u, colour, colours[:number] if is_first else COLOURS, total)
            if cells is None:
                torch.mul(total, inverse, out=own)
                continue
            total -= cells.at(cells.weighed(means), colour)
            total.addcmul_(layout.seen(self.bound, colour), own)
            change = total * inverse - own
            own += change
            means += cells.sums(change, colour) / cells.area

    def _solve(self, depth: int, f: Tensor) -> Tensor:
        """Two steps of flexible conjugate gradients on a coarse level, deeper down one; f and the result (n, C)."""
        if depth == len(self.levels) - 1:
            return self._coarsest @ f
        level = self.levels[depth]
        first = self._relax_and_correct(depth, f)
        image = level.apply(first)
        energy = (first * image).sum(0)
        step = ratio((first * f).sum(0), energy)
        if depth >= DOUBLE:
            return step * first
        left = f - step * image
        second = self._relax_and_correct(depth, left)
        other = level.apply(second)
        mixed, own = (second * image).sum(0), (second * other).sum(0)
        rest = own - ratio(mixed * mixed, energy)
        share = torch.where(rest > 1e-6 * own, ratio((second * left).sum(0), rest), 0)
        return (step - share * ratio(mixed, energy)) * first + share * second

    def _relax_and_correct(self, depth: int, f: Tensor) -> Tensor:
        level, below = self.levels[depth], self.levels[depth + 1]
        u = level.smooth(f)
        u = u + below.prolong(self._solve(depth + 1, below.restrict(f - level.apply(u))))
        return level.smooth(f, u)
