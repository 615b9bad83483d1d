"""Flexible conjugate gradients on a device, with the stopping test of `solvers.krylov`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from solvers.device.cells import DeviceCells
from solvers.device.hierarchy import Hierarchy
from solvers.device.levels import ratio
from solvers.krylov import REFRESH, Progress, Stop


@dataclass(frozen=True)
class Data:
    """Seeds and cells on a device: places of the seeds in a split tensor, their weight (N,) and chroma (C, N)."""

    place: Tensor
    weight: Tensor
    chroma: Tensor
    cells: DeviceCells | None

    def residual(self, hierarchy: Hierarchy, u: Tensor) -> Tensor:
        """b - A u, every term as a difference."""
        result = hierarchy.layout.laplacian(hierarchy.planes, u).neg_()
        misfit = self.weight * (self.chroma - u.view(len(u), -1)[:, self.place])
        result.view(len(u), -1)[:, self.place] += misfit
        if self.cells is not None:
            result += self.cells.spread(self.cells.misfit(u))
        return result


def conjugate_gradients(hierarchy: Hierarchy, data: Data, x: Tensor, tolerance: float, most: int) -> Progress:
    """Solve ``A x = b`` in place, as `solvers.krylov.conjugate_gradients`; the host waits once an iteration."""
    diagonal = 2 * hierarchy.diagonal()
    r = data.residual(hierarchy, x)
    norms = [float(torch.linalg.vector_norm(r))]
    stop = Stop(tolerance)
    if norms[0] == 0:
        return Progress(True, 0, (0.0,), 0.0)
    p, q, energy = torch.zeros_like(x), torch.zeros_like(x), _dot(x, x) * 0
    for iteration in range(1, most + 1):
        z = hierarchy.cycle(r)
        p = z - ratio(_dot(z, q), energy) * p
        q = hierarchy.apply(p)
        energy = _dot(p, q)
        share = ratio(_dot(p, r), energy)
        change = share * p
        x += change
        r -= share * q
        if iteration % REFRESH == 0:
            r = data.residual(hierarchy, x)
        step, norm = torch.stack([change.abs().max(), torch.linalg.vector_norm(r)]).tolist()
        is_short = stop.reached(step)
        if is_short and iteration % REFRESH:
            r = data.residual(hierarchy, x)
            norm = float(torch.linalg.vector_norm(r))
        norms.append(norm)
        if not np.isfinite(norm):
            return Progress(False, iteration, tuple(norms), float("nan"))
        if is_short:
            least = float(torch.where(diagonal > 0, r.abs() / diagonal, 0).max())
            if least < tolerance:
                return Progress(True, iteration, tuple(norms), max(stop.estimate, least))
            stop.refuse()
    return Progress(False, most, tuple(norms), stop.estimate)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner product of each channel, (C, 1, 1, 1, 1)."""
    return (a * b).sum((1, 2, 3, 4), keepdim=True)
