"""One stroke more: how long a solver that has just solved a photo takes to put the new stroke right."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers import ChromaSolver, SolverError, affinity
from solvers.bench.cases import WARM_UP_MEGAPIXELS, WEIGHTS, Case, make_case, span_of, stroke_pixels
from solvers.bench.edits import merged
from solvers.bench.guides import gallery_guide
from solvers.bench.references import largest_error
from solvers.bench.runs import PEER_SLACK, factory, is_factory_of_peers
from solvers.bench.solves import followed, solver_options
from solvers.peers import Peer, Prepared, assemble, starts
from solvers.problem import Problem

PLACE, ANGLE = (0.37, 0.58), 0.6
"""Middle of the stroke as shares of height and width, and its direction in radians."""
COLOUR = (0.9, 0.1)


def with_stroke(case: Case) -> Case:
    """The case with one stroke drawn over it, at a fixed place.

    Raises
    ------
    ValueError
        A case solved in stages, from cells.
    """
    if case.stages > 1:
        raise ValueError(f"pattern {case.pattern}: one stroke more is measured of patterns without stages")
    shape = case.luminance.shape
    middle = np.array(PLACE) * (shape[0] - 1, shape[1] - 1)
    pixels = stroke_pixels((shape[0], shape[1]), middle, ANGLE, *span_of((shape[0], shape[1])))
    return replace(case, seeds=merged(case, [(pixels, np.array(COLOUR, np.float32))]))


def resolved(
    case: Case, exact: NDArray[np.float32], after: NDArray[np.float32], solver: str, threads: int, repeats: int
) -> dict[str, Any]:
    """Seconds from the new stroke to the new colours, the photo's set-up and colours before being there.

    Ours edits as the product does. A peer is given the exact old colours as its start, and may keep the preconditioner
    of the old matrix or make it anew: the faster way counts.

    Parameters
    ----------
    exact, after : (H, W, 2), the reference before and after the stroke

    Returns
    -------
    dict
        "status", "reason", "seconds" of every repeat, "error" in bounds, "way".
    """
    build = factory(solver)
    measure = _of_peer if is_factory_of_peers(build) else _of_ours
    try:
        ways = measure(case, exact, after, build, threads, repeats)
    except SolverError as failure:
        return {"status": "failed", "reason": str(failure)}
    way, seconds, error = min(ways, key=lambda found: float(np.median(found[1])))
    is_right = error <= (PEER_SLACK if is_factory_of_peers(build) else 1.0)
    reason = "" if is_right else f"largest error {error:.3g} bounds"
    return {"status": "ok" if is_right else "wrong", "reason": reason, "seconds": seconds, "error": error, "way": way}


Way = tuple[str, list[float], float]


def _of_ours(
    case: Case,
    exact: Any,  # noqa: ARG001  (its own answer before the stroke is what it edits)
    after: Any,
    build: Callable[[Any], Any],
    threads: int,
    repeats: int,
) -> Sequence[Way]:
    """As the product edits; on a tiny image first, which loads what only edits need."""
    if after is not None:
        tiny = make_case(gallery_guide("grain", WARM_UP_MEGAPIXELS), case.pattern, case.weights)
        _of_ours(tiny, None, None, build, threads, 1)
    drawn = with_stroke(case).seeds
    assert case.seeds is not None
    assert drawn is not None
    solver = ChromaSolver(case.luminance, build, **solver_options(case.weights, threads, build))
    before = solver.solve(case.seeds, start=case.first_guess(), tolerance=case.bound / 2)
    seconds, worst = [], 0.0
    for _ in range(repeats):
        began = time.perf_counter()
        answer = solver.edit(before, case.seeds, drawn, tolerance=case.bound)
        seconds.append(time.perf_counter() - began)
        if after is not None:
            worst = max(worst, largest_error(answer.chroma, after) / case.bound)
    return [("edited", seconds, worst)]


def _of_peer(
    case: Case,
    exact: Any,
    after: Any,
    build: Callable[[Any], Peer],
    threads: int,  # noqa: ARG001  (its process has them)
    repeats: int,
) -> Sequence[Way]:
    drawn = with_stroke(case)
    kind, options = WEIGHTS[case.weights]
    stencil = affinity(case.luminance, kind, **options)
    found = []
    for _ in range(repeats):
        new, right, setup = _prepared(build(stencil), drawn, exact)
        solve, error = _seconds(new, right, _problem(drawn, exact), after, case)
        found.append((setup + solve, error))
        is_direct = new.preconditioner is None
        del new
    fresh = ("set up anew", [seconds for seconds, _ in found], max(error for _, error in found))
    if is_direct:
        return [fresh]
    old, _, _ = _prepared(build(stencil), case, exact)
    problem = _problem(drawn, exact)
    operator, _, right = assemble(stencil, problem)
    kept = Prepared(old.run, operator, old.preconditioner)
    try:
        found = [_seconds(kept, right, problem, after, case, max(fresh[1])) for _ in range(repeats)]
    except SolverError:
        return [fresh]
    return [fresh, ("set-up kept", [seconds for seconds, _ in found], max(error for _, error in found))]


def _problem(case: Case, start: NDArray[np.float32]) -> Problem:
    return Problem.checked(start.shape[:2], case.seeds, None, start, case.bound, 1)


def _prepared(peer: Peer, case: Case, start: NDArray[np.float32]) -> tuple[Prepared, Any, float]:
    prepared, right, seconds = peer.prepare(_problem(case, start))
    return prepared, right, seconds["setup"]


def _seconds(
    prepared: Prepared, right: Any, problem: Problem, after: Any, case: Case, patience: float = float("inf")
) -> tuple[float, float]:
    """Seconds of both channels to the bound, and the error reached, in bounds.

    Raises
    ------
    SolverError
        The bound is out of reach, or takes a channel longer than `patience`.
    """
    total, worst = 0.0, 0.0
    for channel, start in enumerate(starts(problem)):
        follower = followed(prepared, right[channel], start, after[..., channel], case, patience=patience)
        if follower.first < 0:
            raise SolverError("not within the bound after the stroke")
        total += follower.seconds[-1] if follower.seconds else 0.0
        worst = max(worst, follower.errors[-1] if follower.errors else 0.0)
    return total, worst
