"""The front of the device path: a row like those of SOLVERS, its refusals, and flexible conjugate gradients."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from solvers.device.cells import DeviceCells
from solvers.device.hierarchy import Hierarchy
from solvers.device.krylov import Data, conjugate_gradients
from solvers.device.levels import PINNED
from solvers.problem import Problem, Solution, SolverError
from solvers.regions import check_reached, regions
from solvers.stencil import Stencil

SETUP_BYTES, HELD_BYTES, CHANNEL_BYTES = 350, 80, 50  # a pixel: peak of the set-up, what is kept, vectors of a solve


class DeviceMultigrid:
    """The solve of `solvers.solve.Multigrid` in torch, on a GPU or any other device; float32, all channels at once.

    The hierarchy is built by the first solve and kept on the device. On a CPU two solves give the same bits; on CUDA
    cuSPARSE does not promise that of its sparse products, so the last bits may differ, within the tolerance.

    Parameters
    ----------
    stencil : Stencil
    device : str or torch.device
        "cuda", "cuda:1", "cpu".

    Raises
    ------
    ValueError
        A CUDA device where there is none.
    """

    guide = "stencil"

    def __init__(self, stencil: Stencil, device: str | torch.device = "cuda") -> None:
        self.stencil = stencil
        self.device = checked_device(device)
        self.hierarchy: Hierarchy | None = None
        self._regions: NDArray[np.int32] | None = None

    def solve(self, problem: Problem) -> Solution:
        """As `solvers.ChromaSolver.solve`.

        Raises
        ------
        ValueError
            A region that no link joins to a seed.
        SolverError
            The tolerance was not reached, or the device has too little free memory.
        """
        began = perf_counter()
        hierarchy = self.hierarchy
        if hierarchy is None:
            self._regions = regions(self.stencil)
        if self._regions is not None:
            check_reached(self._regions, problem.seeds, problem.cells)
        check_memory(self.device, problem.shape, problem.channels, hierarchy is not None)
        if hierarchy is None:
            self.hierarchy = hierarchy = Hierarchy(self.stencil, self.device)
            self._wait()
        built = perf_counter()
        data = self._data(problem, hierarchy)
        self._wait()
        seeded = perf_counter()
        x = self._first_guess(problem, hierarchy, data)
        progress = conjugate_gradients(hierarchy, data, x, problem.tolerance, problem.max_iterations)
        if not progress.converged:
            raise SolverError(
                f"device multigrid: not converged after {progress.iterations} iterations: estimated error "
                f"{progress.estimate:.3g}, tolerance {problem.tolerance:.3g}; try more max_iterations, a start "
                "closer to the answer, a larger tolerance, or an affinity with a higher floor"
            )
        chroma = np.ascontiguousarray(hierarchy.layout.joined(x).permute(1, 2, 0).cpu().numpy())
        seconds = {"setup": built - began, "reseed": seeded - built, "solve": perf_counter() - seeded}
        return Solution(chroma, progress.iterations, progress.residuals, progress.estimate, seconds)

    def _data(self, problem: Problem, hierarchy: Hierarchy) -> Data:
        """Seeds and cells on the device, and the hierarchy told of them."""
        seeds, layout = problem.seeds, hierarchy.layout
        index, weight, chroma = (
            torch.from_numpy(part).to(self.device) for part in (seeds.index, seeds.weight, seeds.chroma)
        )
        cells = None if problem.cells is None else DeviceCells(problem.cells, layout, self.device)
        data = Data(layout.place(index), weight, chroma.T.contiguous(), cells)
        held = torch.zeros(layout.planes, dtype=torch.float32, device=self.device)
        held.view(-1)[data.place] = weight
        hierarchy.reseed(held, cells)
        return data

    def _first_guess(self, problem: Problem, hierarchy: Hierarchy, data: Data) -> Tensor:
        """The problem's, with seeded pixels that hold themselves at their seed."""
        guess = torch.from_numpy(problem.first_guess(slice(None))).to(self.device)
        x = hierarchy.layout.split(guess)
        links = hierarchy.links.view(-1)[data.place]
        is_pinned = data.weight > PINNED * (data.weight + links)
        x.view(len(x), -1)[:, data.place[is_pinned]] = data.chroma[:, is_pinned]
        return x

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def checked_device(device: str | torch.device) -> torch.device:
    """The torch device, or a ValueError if it is a GPU that is not there."""
    result = torch.device(device)
    if result.type == "cuda":
        if not torch.cuda.is_available():
            raise ValueError(
                f"device: {device!s} asked for, but torch.cuda.is_available() is False; install a torch with CUDA and "
                'a driver for it, or use the method "multigrid", which needs no GPU'
            )
        if result.index is not None and result.index >= torch.cuda.device_count():
            raise ValueError(f"device: {device!s} asked for, but there are {torch.cuda.device_count()} CUDA devices")
    return result


def needed_bytes(shape: tuple[int, int], channels: int, is_built: bool) -> int:
    """Estimate of what a solve takes on the device beyond what is already kept there."""
    a_pixel = CHANNEL_BYTES * channels
    if not is_built:
        a_pixel = max(SETUP_BYTES, HELD_BYTES + a_pixel)
    return shape[0] * shape[1] * a_pixel


def check_memory(device: torch.device, shape: tuple[int, int], channels: int, is_built: bool) -> None:
    """Raise a SolverError with figures if a CUDA device has too little free memory; other devices are not asked."""
    if device.type != "cuda":
        return
    free, total = torch.cuda.mem_get_info(device)
    free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    needed = needed_bytes(shape, channels, is_built)
    if needed > free:
        raise SolverError(
            f"device multigrid: {shape[1]}×{shape[0]} pixels need about {needed / 1e9:.1f} GB on {device}, of which "
            f'{free / 1e9:.1f} of {total / 1e9:.1f} GB are free; use the method "multigrid" or a larger GPU'
        )
