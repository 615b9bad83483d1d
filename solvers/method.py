"""The product's own method: aggregation multigrid preconditioning conjugate gradients, kept for one stencil."""

from __future__ import annotations

from functools import partial
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from solvers.krylov import Progress, conjugate_gradients
from solvers.memory import check_fits
from solvers.multigrid import Hierarchy
from solvers.problem import Cancelled, Problem, Solution, SolverError
from solvers.regions import check_reached, regions
from solvers.stencil import Stencil
from solvers.system import System
from solvers.team import Team

PAIR = 2  # channels the multigrid kernels carry at once
BYTES_PER_PIXEL = 82  # beyond the stencil at the busiest moment: 69 measured at 16 MP, 8 for a start, and some margin


class Method(Protocol):
    """What a row of SOLVERS or PEERS makes of a stencil, or of the luminance if its ``guide`` says so."""

    def solve(self, problem: Problem) -> Solution: ...


class Multigrid:
    """Aggregation multigrid with a K-cycle as the preconditioner of flexible conjugate gradients.

    Aggregates are built by the first solve and kept.

    Parameters
    ----------
    stencil : Stencil
    threads : int, optional
        As many as the process may use if None. The answer depends on them only within the tolerance.
    """

    guide = "stencil"

    def __init__(self, stencil: Stencil, threads: int | None = None) -> None:
        self.stencil = stencil
        self._team = Team(threads)
        self._hierarchy: Hierarchy | None = None
        self._regions: NDArray[np.int32] | None = None

    def solve(self, problem: Problem) -> Solution:
        began = perf_counter()
        hierarchy = self.prepare()
        built = perf_counter()
        if self._regions is not None:
            check_reached(self._regions, problem.seeds, problem.cells)
        hierarchy.reseed(problem.seeds, problem.cells)
        pinned = hierarchy.pinned(problem.seeds)
        seeded = perf_counter()
        chroma = np.empty((*problem.shape, problem.channels), np.float32)

        def work(pair: slice, own: Hierarchy) -> Progress:
            x = problem.first_guess(pair)
            x.reshape(len(x), -1)[:, problem.seeds.index[pinned]] = problem.seeds.chroma[pinned, pair].T
            progress = _settled(problem, problem.system(self.stencil, pair, own.team), own, x)
            chroma[..., pair] = np.moveaxis(x, 0, -1)
            return progress

        pairs = [slice(first, first + PAIR) for first in range(0, problem.channels, PAIR)]
        if len(pairs) > 1 and self._team.threads > 1:
            # Each pair by a thread of its own takes less time than all threads on one pair after the other.
            found = self._team.map(lambda pair: work(pair, hierarchy.twin()), pairs)
        else:
            found = [work(pair, hierarchy) for pair in pairs]
        iterations, estimate = (
            max(values) for values in zip(*((p.iterations, p.estimate) for p in found), strict=True)
        )
        residuals = found[-1].residuals
        seconds = {"setup": built - began, "reseed": seeded - built, "solve": perf_counter() - seeded}
        return Solution(chroma, iterations, residuals, estimate, seconds)

    def prepare(self) -> Hierarchy:
        """Build what depends on the stencil alone, if no solve has."""
        if self._hierarchy is None:
            check_fits(self.stencil.east.size, BYTES_PER_PIXEL, "multigrid")
            self._regions = regions(self.stencil)
            self._hierarchy = Hierarchy(self.stencil, self._team)
        return self._hierarchy


def _settled(problem: Problem, system: System, hierarchy: Hierarchy, x: NDArray[np.float32]) -> Progress:
    """Solve for some of the channels, (C, H, W), in place.

    Raises
    ------
    SolverError
    Cancelled
    """
    precondition = partial(hierarchy.precondition, system)
    progress = conjugate_gradients(system, precondition, x, problem.tolerance, problem.max_iterations, problem.watch)
    if progress.cancelled:
        raise Cancelled(f"multigrid: cancelled after {progress.iterations} iterations")
    if not progress.converged:
        raise SolverError(
            f"multigrid: not converged after {progress.iterations} iterations: estimated error "
            f"{progress.estimate:.3g}, tolerance {problem.tolerance:.3g}; try more max_iterations, a start "
            "closer to the answer, a larger tolerance, or an affinity with a higher floor"
        )
    return progress
