"""Other people's solvers in the shape of SOLVERS, to check and measure ours by. The only importer of pyamg."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, cg, splu

from solvers.problem import Problem, Solution, SolverError
from solvers.regions import check_reached, regions
from solvers.stencil import Stencil

RELATIVE_RESIDUAL = 1e-10  # peers stop on the residual; this is what half an 8-bit step takes on hard problems


class Peer:
    """A method that works on the assembled float64 matrix; ``run(operator, lumped, rhs, start, limit)`` does the work.

    run returns the solution of one channel and its number of iterations, negative if it did not converge.
    """

    guide = "stencil"

    def __init__(self, stencil: Stencil, name: str, prepare: Callable[[Any, Any], Callable[..., Any]]) -> None:
        self.stencil, self.name, self._prepare = stencil, name, prepare

    def solve(self, problem: Problem) -> Solution:
        began = perf_counter()
        label = regions(self.stencil)
        if label is not None:
            check_reached(label, problem.seeds, problem.cells)
        operator, lumped, right = assemble(self.stencil, problem)
        try:
            run = self._prepare(operator, lumped)
        except RuntimeError as failure:
            raise SolverError(f"{self.name}: {failure}; the matrix is singular if a region has no seed") from failure
        built = perf_counter()
        start = problem.first_guess(slice(None)).reshape(problem.channels, -1).astype(np.float64)
        answers, iterations = [], 0
        for channel in range(problem.channels):
            answer, count = run(right[channel], start[channel], problem.max_iterations)
            if count < 0 or not np.isfinite(answer).all():
                raise SolverError(
                    f"{self.name}: not converged after {problem.max_iterations} iterations to a relative residual of "
                    f"{RELATIVE_RESIDUAL:g}; try more max_iterations"
                )
            answers.append(answer.astype(np.float32).reshape(problem.shape))
            iterations = max(iterations, count)
        seconds = {"setup": built - began, "solve": perf_counter() - built}
        return Solution(np.stack(answers, axis=-1), iterations, (), float("nan"), seconds)


def assemble(stencil: Stencil, problem: Problem) -> tuple[Any, sparse.csr_array, NDArray[np.float64]]:
    """A, the same with the cells' blocks replaced by their row sums, and the right-hand sides (C, HW).

    A is a sparse matrix without cells; with them, a LinearOperator that has a method ``to_csr``, for direct solvers.
    """
    count = stencil.east.size
    diagonal = np.zeros(count)
    right = np.zeros((problem.channels, count))
    diagonal[problem.seeds.index] = problem.seeds.weight
    right[:, problem.seeds.index] = (problem.seeds.weight[:, None] * problem.seeds.chroma).T
    plain = (stencil.to_csr() + sparse.diags_array(diagonal)).tocsr()
    cells = problem.cells
    if cells is None:
        return plain, plain, right
    average = cells.to_csr()
    weight = cells.weight.ravel()
    right += (average.T @ (weight[:, None] * cells.wanted.reshape(problem.channels, -1).T)).T
    operator = LinearOperator(
        plain.shape, matvec=lambda u: plain @ u + average.T @ (weight * (average @ u)), dtype=np.float64
    )
    operator.to_csr = lambda: plain + (average.T @ sparse.diags_array(weight) @ average).tocsr()
    lumped = cells.lumped()[np.ix_(cells.row, cells.column)].ravel()
    return operator, (plain + sparse.diags_array(lumped)).tocsr(), right


def _superlu(operator: Any, lumped: sparse.csr_array) -> Callable[..., Any]:
    matrix = operator.to_csr() if isinstance(operator, LinearOperator) else lumped
    factors = splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
    return lambda right, start, limit: (factors.solve(right), 0)  # noqa: ARG005


def _conjugate(operator: Any, preconditioner: Any) -> Callable[..., Any]:
    def run(right: NDArray[np.float64], start: NDArray[np.float64], limit: int) -> tuple[NDArray[np.float64], int]:
        count = 0

        def tick(_: NDArray[np.float64]) -> None:
            nonlocal count
            count += 1

        answer, flag = cg(
            operator, right, x0=start, rtol=RELATIVE_RESIDUAL, maxiter=limit, M=preconditioner, callback=tick
        )
        return answer, -1 if flag else count

    return run


def _jacobi(operator: Any, lumped: sparse.csr_array) -> Callable[..., Any]:
    inverse = 1 / lumped.diagonal()
    return _conjugate(operator, LinearOperator(lumped.shape, matvec=lambda r: inverse * r, dtype=np.float64))


def _ruge_stuben(operator: Any, lumped: sparse.csr_array) -> Callable[..., Any]:
    import pyamg

    return _conjugate(operator, pyamg.ruge_stuben_solver(sparse.csr_matrix(lumped)).aspreconditioner())


def _smoothed_aggregation(operator: Any, lumped: sparse.csr_array) -> Callable[..., Any]:
    import pyamg

    # pyamg's default strength 0 stalls on these weights; 0.08 was measured best.
    hierarchy = pyamg.smoothed_aggregation_solver(sparse.csr_matrix(lumped), strength=("symmetric", {"theta": 0.08}))
    return _conjugate(operator, hierarchy.aspreconditioner())


PEERS: dict[str, Callable[[Stencil], Peer]] = {
    name: partial(Peer, name=name, prepare=prepare)
    for name, prepare in {
        "superlu": _superlu,
        "jacobi": _jacobi,
        "ruge-stuben": _ruge_stuben,
        "smoothed-aggregation": _smoothed_aggregation,
    }.items()
}
