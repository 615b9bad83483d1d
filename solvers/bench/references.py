"""The answers that errors are measured against, and a test that they are answers at all."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers import ChromaSolver, SolverError, Stencil, affinity, reweight
from solvers.bench.cases import SOFTNESS, WEIGHTS, Case
from solvers.bench.guides import Float
from solvers.bench.refinement import refined
from solvers.bench.residuals import residual
from solvers.cells import CellOperator
from solvers.peers import PEERS

DIRECT_PIXELS = 1.05e6
DIRECT = ("cholmod", "superlu")
FRACTIONS = (100, 30, 10)
"""Where no direct solve fits our own answer is refined; where that fails it has to reach the first of these fractions
of the bound that it can."""
MOST_FLOOR = 0.05
"""A reference whose residual alone proves an error of more than this many bounds is refused."""


def reference_methods(case_pixels: int, pattern: str) -> list[str]:
    """What to try in turn, best first; cells fill the matrix, so that direct solvers are of no use."""
    direct = [name for name in DIRECT if name in PEERS and pattern != "recipe" and case_pixels <= DIRECT_PIXELS]
    return [*direct, "multigrid"]


def reference(case: Case, method: str) -> tuple[NDArray[np.float32], str]:
    """Chroma after every stage, (stages, H, W, 2), and how it was found.

    Raises
    ------
    SolverError
        The method has no answer, or one that its own residual refutes.
    """
    kind, options = WEIGHTS[case.weights]
    base = affinity(case.luminance, kind, **options)
    answers = np.empty((case.stages, *case.luminance.shape, 2), np.float32)
    labels: list[str] = []
    for stage in range(case.stages):
        stencil = reweight(base, case.field(answers[stage - 1]), SOFTNESS) if stage else base
        answers[stage], label = _solved(stencil, case, method, answers[stage - 1] if stage else None)
        floor = error_floor(stencil, case, answers[stage]) / case.bound
        if not floor <= MOST_FLOOR:
            raise SolverError(f"reference by {label}: wrong by at least {floor:.2g} bounds, by its residual")
        labels.append(label)
    return answers, ", ".join(dict.fromkeys(labels))


def error_floor(stencil: Stencil, case: Case, chroma: Float) -> float:
    """A lower bound on the largest error: max |r_i| / (2 d_i), as row i of A sums to at most 2 d_i in modulus."""
    diagonal = stencil.diagonal().astype(np.float64)
    if case.seeds is not None:
        diagonal.ravel()[case.seeds.index] += case.seeds.weight
    cells = None if case.cells is None else CellOperator(case.cells, stencil.shape)
    if cells is not None:
        diagonal += cells.lumped()[np.ix_(cells.row, cells.column)]
    return max(
        float((np.abs(residual(stencil, case, cells, chroma[..., channel], channel)) / (2 * diagonal)).max())
        for channel in range(chroma.shape[-1])
    )


def largest_error(chroma: NDArray[Any], exact: NDArray[np.floating]) -> float:
    """Over pixels and channels, in bands of rows so that measuring takes no memory; infinite if anything is NaN."""
    bands = range(0, len(exact), 64)
    worst = max(float(np.abs(chroma[first : first + 64] - exact[first : first + 64]).max()) for first in bands)
    return worst if np.isfinite(worst) else float("inf")


def _solved(stencil: Stencil, case: Case, method: str, start: Float | None) -> tuple[Float, str]:
    first = case.first_guess() if start is None else start
    if method in PEERS:
        return ChromaSolver.from_stencil(stencil, PEERS[method]).solve(case.seeds, case.cells, first).chroma, method
    solver = ChromaSolver.from_stencil(stencil, method)
    try:
        found = solver.solve(case.seeds, case.cells, first, case.bound)
        answer, rest, _ = refined(stencil, case, found.chroma)
        digits = math.ceil(math.log10(max(rest, 1e-15)))
        return answer.astype(np.float32), f"{method} refined in double precision to a residual of 1e{digits}"
    except SolverError as problem:
        failure = problem
    for fraction in FRACTIONS:
        try:
            found = solver.solve(case.seeds, case.cells, first, case.bound / fraction, max_iterations=200)
        except SolverError as problem:
            failure = problem
        else:
            return found.chroma, f"{method} at 1/{fraction} of the bound"
    raise SolverError(f"reference: {failure}")
