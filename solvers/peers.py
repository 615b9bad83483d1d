"""Other people's solvers in the shape of SOLVERS, to check and measure ours by. Alone imports their libraries."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, cg, splu

from solvers.problem import Problem, Solution, SolverError
from solvers.regions import check_reached, regions
from solvers.stencil import Stencil

MOST_FILL = 256  # entries a pixel that an incomplete factor may have
ON_GRID = ("pymatting-vcycle",)  # methods whose set-up has to know the image's shape
NO_FILL = {"discard_threshold": 0.0, "relative_discard_threshold": 1e-2}  # about as many entries as the matrix has
RELATIVE_RESIDUAL = 1e-10  # peers stop on the residual; this is what half an 8-bit step takes on hard problems

Vector = NDArray[np.float64]
Run = Callable[[Vector, Vector, int, float], tuple[Vector, int]]


@dataclass(frozen=True)
class Prepared:
    """What a peer's set-up leaves.

    Attributes
    ----------
    run : ``run(right, start, limit, tolerance)`` solves one channel to a relative residual
        Returns the answer and the iterations, negative if they did not suffice; tolerance 0 makes exactly `limit`.
    operator : A, a sparse matrix or a LinearOperator
    preconditioner : of the conjugate gradients that `run` makes; None for direct methods
    """

    run: Run
    operator: Any
    preconditioner: LinearOperator | None = None


class Peer:
    """A method that works on the assembled float64 matrix; ``prepare(operator, lumped)`` does the set-up.

    Methods named in ON_GRID are given the image's ``shape`` as well.
    """

    guide = "stencil"

    def __init__(self, stencil: Stencil, name: str, prepare: Callable[..., Prepared]) -> None:
        self.stencil, self.name, self._prepare = stencil, name, prepare

    def prepare(
        self, problem: Problem, assembled: Callable[[], object] = lambda: None
    ) -> tuple[Prepared, Vector, dict[str, float]]:
        """The set-up alone, the right-hand sides (C, HW), and seconds by step: "assemble", "setup".

        `assembled` is called between the two: what it takes to put the matrix together is not the peer's fault.
        """
        began = perf_counter()
        label = regions(self.stencil)
        if label is not None:
            check_reached(label, problem.seeds, problem.cells)
        operator, lumped, right = assemble(self.stencil, problem)
        assembled()
        ready = perf_counter()
        try:
            extra = {"shape": self.stencil.shape} if self.name in ON_GRID else {}
            prepared = self._prepare(operator, lumped, **extra)
        except RuntimeError as failure:
            raise SolverError(f"{self.name}: {failure}; the matrix is singular if a region has no seed") from failure
        return prepared, right, {"assemble": ready - began, "setup": perf_counter() - ready}

    def solve(self, problem: Problem) -> Solution:
        prepared, right, seconds = self.prepare(problem)
        began = perf_counter()
        start = starts(problem)
        answers, iterations = [], 0
        for channel in range(problem.channels):
            answer, count = prepared.run(right[channel], start[channel], problem.max_iterations, RELATIVE_RESIDUAL)
            if count < 0 or not np.isfinite(answer).all():
                raise SolverError(
                    f"{self.name}: not converged after {problem.max_iterations} iterations to a relative residual of "
                    f"{RELATIVE_RESIDUAL:g}; try more max_iterations"
                )
            answers.append(answer.astype(np.float32).reshape(problem.shape))
            iterations = max(iterations, count)
        seconds = {"setup": sum(seconds.values()), "solve": perf_counter() - began}
        return Solution(np.stack(answers, axis=-1), iterations, (), float("nan"), seconds)


def starts(problem: Problem) -> Vector:
    """First guess of every channel, (C, HW) float64."""
    return problem.first_guess(slice(None)).reshape(problem.channels, -1).astype(np.float64)


def assemble(stencil: Stencil, problem: Problem) -> tuple[Any, sparse.csr_array, Vector]:
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


def iterated(
    prepared: Prepared, right: Vector, start: Vector, limit: int, is_enough: Callable[[Vector], bool]
) -> tuple[int, Vector]:
    """The first iterate that is enough, and its number; -1 with the last one if none is.

    Iterates in scipy with the peer's preconditioner: the same steps as `run` takes, with somebody watching.
    """
    count = 0

    def watch(answer: Vector) -> None:
        nonlocal count
        count += 1
        if is_enough(answer):
            raise _Enough(answer.copy())

    try:
        answer, _ = cg(
            prepared.operator, right, x0=start, rtol=0, maxiter=limit, M=prepared.preconditioner, callback=watch
        )
    except _Enough as found:
        return count, found.answer
    return -1, answer


class _Enough(Exception):
    def __init__(self, answer: Vector) -> None:
        super().__init__()
        self.answer = answer


def _superlu(operator: Any, lumped: sparse.csr_array) -> Prepared:
    factors = splu(_matrix(operator, lumped), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
    return Prepared(lambda right, start, limit, tolerance: (factors.solve(right), 0), operator)  # noqa: ARG005


def _cholmod(operator: Any, lumped: sparse.csr_array) -> Prepared:
    from sksparse import cholmod  # type: ignore[import-not-found, import-untyped, unused-ignore]

    try:
        factors = cholmod.cholesky(_matrix(operator, lumped))
    except cholmod.CholmodError as failure:
        raise RuntimeError(str(failure)) from failure
    return Prepared(lambda right, start, limit, tolerance: (factors(right), 0), operator)  # noqa: ARG005


def _matrix(operator: Any, lumped: sparse.csr_array) -> sparse.csc_matrix:
    return sparse.csc_matrix(operator.to_csr() if isinstance(operator, LinearOperator) else lumped)


def _conjugate(operator: Any, preconditioner: LinearOperator) -> Prepared:
    def run(right: Vector, start: Vector, limit: int, tolerance: float) -> tuple[Vector, int]:
        count = 0

        def tick(_: Vector) -> None:
            nonlocal count
            count += 1

        answer, flag = cg(operator, right, x0=start, rtol=tolerance, maxiter=limit, M=preconditioner, callback=tick)
        return answer, -1 if flag and tolerance else count

    return Prepared(run, operator, preconditioner)


def _jacobi(operator: Any, lumped: sparse.csr_array) -> Prepared:
    inverse = 1 / lumped.diagonal()
    return _conjugate(operator, LinearOperator(lumped.shape, matvec=lambda r: inverse * r, dtype=np.float64))


def _ruge_stuben(operator: Any, lumped: sparse.csr_array) -> Prepared:
    import pyamg

    return _conjugate(operator, pyamg.ruge_stuben_solver(sparse.csr_matrix(lumped)).aspreconditioner())


def _smoothed_aggregation(operator: Any, lumped: sparse.csr_array) -> Prepared:
    import pyamg

    # pyamg's default strength 0 stalls on these weights; 0.08 was measured best.
    hierarchy = pyamg.smoothed_aggregation_solver(sparse.csr_matrix(lumped), strength=("symmetric", {"theta": 0.08}))
    return _conjugate(operator, hierarchy.aspreconditioner())


def _amgcl(operator: Any, lumped: sparse.csr_array, coarsening: str) -> Prepared:
    """AMGCL's own conjugate gradients in C++, except with cells, whose operator only Python knows."""
    import pyamgcl  # type: ignore[import-not-found, import-untyped, unused-ignore]

    matrix = sparse.csr_matrix(lumped)
    matrix.indptr, matrix.indices = matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32)
    hierarchy = pyamgcl.amg(matrix, {"coarsening.type": coarsening, "relax.type": "spai0"})
    preconditioner = LinearOperator(matrix.shape, matvec=hierarchy, dtype=np.float64)
    if isinstance(operator, LinearOperator):
        return _conjugate(operator, preconditioner)

    def run(right: Vector, start: Vector, limit: int, tolerance: float) -> tuple[Vector, int]:
        # It always starts from zero, so it is asked for the correction, to a residual relative to `right`.
        rest = right - operator @ start
        size = float(np.linalg.norm(rest))
        if not size or not limit:
            return start, 0
        goal = max(tolerance * float(np.linalg.norm(right)) / size, 1e-300)
        solver = pyamgcl.solver(hierarchy, {"type": "cg", "tol": goal, "maxiter": limit})
        answer = start + solver(rest)
        return answer, -1 if tolerance and solver.error > goal else solver.iters

    return Prepared(run, operator, preconditioner)


def _pardiso(operator: Any, lumped: sparse.csr_array) -> Prepared:
    import pypardiso  # type: ignore[import-not-found, import-untyped, unused-ignore]

    # Each solver object looks for the library all over the disk unless it is told what the first one found.
    os.environ.setdefault("PYPARDISO_MKL_RT", pypardiso.scipy_aliases.pypardiso_solver.libmkl._name)
    upper = sparse.triu(_matrix(operator, lumped), format="csr")
    upper.sort_indices()
    factors = pypardiso.PyPardisoSolver(mtype=2)  # symmetric and positive definite: half the work of its default
    try:
        factors.factorize(upper)
    except pypardiso.pardiso_wrapper.PyPardisoError as failure:
        raise RuntimeError(str(failure)) from failure
    return Prepared(lambda right, start, limit, tolerance: (factors.solve(upper, right), 0), operator)  # noqa: ARG005


def _incomplete_cholesky(operator: Any, lumped: sparse.csr_array, **thresholds: float) -> Prepared:
    from pymatting import ichol  # type: ignore[import-not-found, import-untyped, unused-ignore]

    try:
        factors = ichol(sparse.csc_matrix(lumped), max_nnz=MOST_FILL * lumped.shape[0], **thresholds)
    except ValueError as failure:
        raise RuntimeError(str(failure)) from failure
    return _conjugate(operator, LinearOperator(lumped.shape, matvec=factors, dtype=np.float64))


def _pymatting_cycle(operator: Any, lumped: sparse.csr_array, shape: tuple[int, int]) -> Prepared:
    from pymatting import vcycle

    cycle = vcycle(sparse.csr_matrix(lumped), shape)
    cycle(np.ones(lumped.shape[0]))  # its levels are made by the first cycle
    return _conjugate(operator, LinearOperator(lumped.shape, matvec=cycle, dtype=np.float64))


def _petsc(operator: Any, lumped: sparse.csr_array, kind: str) -> Prepared:
    """PETSc's own conjugate gradients in C, except with cells, whose operator only Python knows."""
    from petsc4py import PETSc  # type: ignore[import-not-found, import-untyped, unused-ignore]

    plain = sparse.csr_matrix(lumped)
    matrix = PETSc.Mat().createAIJ(plain.shape, csr=(plain.indptr, plain.indices, plain.data), comm=PETSc.COMM_SELF)
    solver = PETSc.KSP().create(PETSc.COMM_SELF)
    solver.setType("cg")
    solver.setNormType(PETSc.KSP.NormType.UNPRECONDITIONED)
    solver.setInitialGuessNonzero(True)
    condition = solver.getPC()
    condition.setType(kind)
    if kind == "hypre":
        condition.setHYPREType("boomeramg")
    solver.setOperators(matrix)
    try:
        solver.setUp()
    except PETSc.Error as failure:
        raise RuntimeError(str(failure)) from failure
    given, found = matrix.createVecs()

    def once(r: Vector) -> Vector:
        given.setArray(r)
        condition.apply(given, found)
        return found.getArray().copy()

    preconditioner = LinearOperator(plain.shape, matvec=once, dtype=np.float64)
    if isinstance(operator, LinearOperator):
        return _conjugate(operator, preconditioner)

    def run(right: Vector, start: Vector, limit: int, tolerance: float) -> tuple[Vector, int]:
        solver.setTolerances(rtol=tolerance or 1e-300, atol=1e-300, max_it=limit)
        given.setArray(right)
        found.setArray(start)
        solver.solve(given, found)
        has_failed = bool(tolerance) and solver.getConvergedReason() < 0
        return found.getArray().copy(), -1 if has_failed else solver.getIterationNumber()

    return Prepared(run, operator, preconditioner)


_ROWS: dict[str, tuple[str, str, Callable[..., Prepared]]] = {
    "superlu": ("scipy", "scipy", _superlu),
    "cholmod": ("sksparse", "scikit-sparse", _cholmod),
    "pardiso": ("pypardiso", "pypardiso", _pardiso),
    "jacobi": ("scipy", "scipy", _jacobi),
    "incomplete-cholesky": ("pymatting", "pymatting", partial(_incomplete_cholesky, **NO_FILL)),
    "pymatting-ichol": ("pymatting", "pymatting", _incomplete_cholesky),
    "pymatting-vcycle": ("pymatting", "pymatting", _pymatting_cycle),
    "ruge-stuben": ("pyamg", "pyamg", _ruge_stuben),
    "smoothed-aggregation": ("pyamg", "pyamg", _smoothed_aggregation),
    "amgcl-ruge-stuben": ("pyamgcl", "pyamgcl", partial(_amgcl, coarsening="ruge_stuben")),
    "amgcl-smoothed-aggregation": ("pyamgcl", "pyamgcl", partial(_amgcl, coarsening="smoothed_aggregation")),
    "petsc-gamg": ("petsc4py", "petsc4py", partial(_petsc, kind="gamg")),
    "petsc-hypre": ("petsc4py", "petsc4py", partial(_petsc, kind="hypre")),
}
"""Name -> module it needs, the package that has it, its set-up."""

PEERS: dict[str, Callable[[Stencil], Peer]] = {
    name: partial(Peer, name=name, prepare=prepare)
    for name, (module, _, prepare) in _ROWS.items()
    if find_spec(module) is not None
}
"""Those that are installed."""
MISSING: dict[str, str] = {name: package for name, (_, package, _) in _ROWS.items() if name not in PEERS}
"""Those that are not, and the package that they need."""
PACKAGES = tuple(sorted({package for _, package, _ in _ROWS.values()}))
