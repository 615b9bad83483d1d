"""Our own answer made exact: iterative refinement, with residuals and answer in double precision.

Wilkinson (1963); the corrections are solved for in single precision by the same multigrid that is measured, but what
they have to correct is worked out by the stencil alone, so an error of the multigrid shows as a residual that stays.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from solvers import SolverError, Stencil
from solvers.bench.cases import Case
from solvers.bench.residuals import residual
from solvers.cells import CellOperator
from solvers.krylov import conjugate_gradients
from solvers.multigrid import Hierarchy
from solvers.problem import Problem
from solvers.seeds import Seeds
from solvers.system import System

ENOUGH = 1e-12
"""Relative residual at which the answer is taken."""
STILL = 1e-3
"""Largest last correction, in bounds, of an answer that is taken without having got that far."""
ROUNDS, ITERATIONS = 12, 12
Double = NDArray[np.float64]


class Correction(System):
    """``A d = rest`` in place of the system's own right-hand side."""

    def __init__(self, stencil: Stencil, seeds: Seeds, cells: CellOperator | None, rest: NDArray[np.float32]) -> None:
        super().__init__(stencil, seeds, cells)
        self.rest, self._copy = rest, np.zeros_like(rest)

    def misfit(self, u: NDArray[np.float32], out: NDArray[np.float32]) -> Double:
        """out = rest - A u; returns out'out of each channel."""
        sums = self._sums  # of the search direction, which is still needed
        self._copy[:] = 0
        self.search(u, np.zeros(len(u), np.float32), self._copy, out)
        self._sums = sums
        np.subtract(self.rest, out, out=out)
        return np.array([np.square(channel, dtype=np.float64).sum() for channel in out])


def refined(stencil: Stencil, case: Case, chroma: NDArray[np.float32]) -> tuple[Double, float, float]:
    """An answer made exact.

    Parameters
    ----------
    chroma : (H, W, 2)
        An approximate answer.

    Returns
    -------
    answer : (H, W, 2) float64
    residual : relative to the right-hand side, in the 2-norm
    correction : the largest of the last round, in bounds

    Raises
    ------
    SolverError
        The residual stays, and so may an error.
    """
    problem = Problem.checked(stencil.shape, case.seeds, case.cells, None, case.bound, 1)
    hierarchy = Hierarchy(stencil)
    hierarchy.reseed(problem.seeds, problem.cells)
    answer = np.ascontiguousarray(np.moveaxis(chroma, -1, 0), dtype=np.float64)
    size = _norm(_rest(stencil, case, problem, np.zeros_like(answer)))
    last, correction = np.inf, np.inf
    for _ in range(ROUNDS):
        rest = _rest(stencil, case, problem, answer)
        relative = _norm(rest) / size
        if relative <= ENOUGH or relative > 0.5 * last:
            break
        last, scale = relative, float(np.abs(rest).max())
        system = Correction(stencil, problem.seeds, problem.cells, (rest / scale).astype(np.float32))
        del rest
        change = np.zeros(answer.shape, np.float32)
        conjugate_gradients(system, partial(hierarchy.precondition, system), change, 1e-30, ITERATIONS)
        correction = scale * float(np.abs(change).max()) / case.bound
        answer += scale * change.astype(np.float64)
    if not (relative <= ENOUGH or correction <= STILL):
        raise SolverError(f"refinement: relative residual {relative:.1e}, last correction {correction:.1e} bounds")
    return np.moveaxis(answer, 0, -1), relative, correction


def _rest(stencil: Stencil, case: Case, problem: Problem, answer: Double) -> Double:
    rest = np.empty_like(answer)
    for channel, plane in enumerate(answer):
        np.negative(residual(stencil, case, problem.cells, plane, channel), out=rest[channel])
    return rest


def _norm(rest: Double) -> float:
    return float(np.sqrt(sum(np.square(channel).sum() for channel in rest)))
