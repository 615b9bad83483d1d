"""One solve: what is asked, checked once for every method, what comes back, and the error when it does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solvers.cells import CellOperator
from solvers.seeds import CellMeans, Seeds
from solvers.stencil import Stencil
from solvers.system import System
from solvers.team import Team


class SolverError(RuntimeError):
    """No answer of the wanted accuracy was reached; none is returned."""


class Cancelled(RuntimeError):
    """A solve that its watcher stopped between two iterations."""


Watch = Callable[[NDArray[np.float32], float], bool | None]
"""Called after every iteration with the chroma so far, (C, H, W), and its estimated error; True cancels the solve."""


@dataclass(frozen=True)
class Solution:
    """Chroma at every pixel, and how it was reached.

    Attributes
    ----------
    chroma : (H, W, C) float32
        In the unit of the seeds.
    iterations : int
        The most over the channels; 0 for direct methods.
    residuals : tuple of float
        ``|b - A x|`` (2-norm) before the first iteration and after each; of the last channels solved.
    estimated_error : float
        Estimate of the largest error of any pixel, in the chroma's unit; NaN from methods that have none.
    seconds : dict
        Wall time by step: "setup" (0 when kept from an earlier solve), "reseed", "solve".
    """

    chroma: NDArray[np.float32]
    iterations: int
    residuals: tuple[float, ...]
    estimated_error: float
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """Checked input of a solve on an (H, W) image; see `ChromaSolver.solve`, and for `left_over` `System`."""

    shape: tuple[int, int]
    seeds: Seeds
    cells: CellOperator | None
    start: NDArray[np.float32] | None
    tolerance: float
    max_iterations: int
    watch: Watch | None = None
    left_over: NDArray[np.float32] | None = None

    @classmethod
    def checked(
        cls,
        shape: tuple[int, int],
        seeds: Seeds | None,
        cells: CellMeans | None,
        start: ArrayLike | None,
        tolerance: float,
        max_iterations: int,
        watch: Watch | None = None,
    ) -> Problem:
        """The problem, or a ValueError that says what was got and what wanted."""
        if seeds is None:
            seeds = Seeds.none(2 if cells is None else cells.chroma.shape[2])
        channels = seeds.chroma.shape[1]
        if not channels:
            raise ValueError("seeds: chroma has no channel; wanted (N, C) with C at least 1")
        if len(seeds) and seeds.index.max() >= shape[0] * shape[1]:
            raise ValueError(f"seeds: index {seeds.index.max()} lies outside the image of {shape[0]}×{shape[1]} pixels")
        if cells is not None and cells.chroma.shape[2] != channels:
            raise ValueError(f"cells: {cells.chroma.shape[2]} channels, but the seeds have {channels}")
        if not len(seeds) and (cells is None or not cells.weight.any()):
            raise ValueError("nothing to solve from: no seed and no cell with a weight above 0; give at least one")
        if start is not None:
            start = np.asarray(start, dtype=np.float32)
            if start.shape != (*shape, channels):
                raise ValueError(f"start: shape {start.shape}; wanted {(*shape, channels)}")
            if not np.isfinite(start).all():
                raise ValueError("start: holds NaN or infinite values; wanted finite numbers")
        if not (np.isfinite(tolerance) and tolerance > 0):
            raise ValueError(f"tolerance: {tolerance}; wanted a number above 0, in the unit of the chroma")
        if max_iterations < 1:
            raise ValueError(f"max_iterations: {max_iterations}; wanted 1 or more")
        operator = None if cells is None or not cells.weight.any() else CellOperator(cells, shape)
        return cls(shape, seeds, operator, start, tolerance, max_iterations, watch)

    @property
    def channels(self) -> int:
        return self.seeds.chroma.shape[1]

    def system(self, stencil: Stencil, channels: slice = slice(None), team: Team | None = None) -> System:
        """The system of some of the channels."""
        seeds = Seeds(self.seeds.index, self.seeds.chroma[:, channels], self.seeds.weight)
        left_over = None if self.left_over is None else self.left_over[channels]
        return System(stencil, seeds, None if self.cells is None else self.cells.take(channels), team, left_over)

    def first_guess(self, channels: slice) -> NDArray[np.float32]:
        """(C, H, W): the start if one was given, else the cells' chroma, else the mean of the seeds."""
        if self.start is not None:
            return np.ascontiguousarray(np.moveaxis(self.start[..., channels], -1, 0))
        guess = np.zeros((self.channels, *self.shape), np.float32)[channels]
        if self.cells is not None:
            wanted = self.cells.wanted[channels].astype(np.float32)
            guess += wanted[:, self.cells.row[:, None], self.cells.column]
        else:
            guess += np.average(self.seeds.chroma[:, channels], axis=0, weights=self.seeds.weight)[:, None, None]
        return guess
