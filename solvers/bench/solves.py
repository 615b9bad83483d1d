"""One solve of a case with a clock beside it: ours to its own stop rule, a peer's of so many iterations."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers import SOLVERS, ChromaSolver, Solution, SolverError, Stencil, affinity, reweight
from solvers.bench.cases import SOFTNESS, WEIGHTS, Case
from solvers.bench.guides import Float
from solvers.bench.references import largest_error
from solvers.bench.residuals import residual
from solvers.bench.traces import BEYOND, TRACED_PIXELS, Follower, together
from solvers.peers import Peer, Prepared, iterated, starts
from solvers.problem import Cancelled, Problem
from solvers.resident import peak_bytes, reset_peak

PEER_ITERATIONS = 5000
Counts = list[list[int]]


@dataclass
class Run:
    """One solve of a case.

    Attributes
    ----------
    seconds : by step
        "weights" from luminance, "setup" (with reweighting and reseeding), "solve"; of peers also "assemble", the
        matrix that they are handed, whose making neither the total nor the peak counts. "cpu" is processor time of
        all the others together, which a busy machine disturbs less.
    iterations : the most of any channel, summed over stages
    error : the largest of any stage, in bounds
    counts : iterations by stage and channel
    peak : bytes that the process held at most
    trace : error, residual and seconds of the solve by iteration, of a run that was watched
    """

    seconds: dict[str, float] = field(default_factory=dict)
    iterations: int = 0
    error: float = 0.0
    counts: Counts = field(default_factory=list)
    peak: int = 0
    trace: dict[str, list[float]] = field(default_factory=dict)
    _wall: float = 0.0
    _cpu: float = 0.0

    def start(self) -> None:
        """Start both clocks."""
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def stop(self, step: str) -> None:
        """Count the time since `start` for a step."""
        self.add(step, time.perf_counter() - self._wall)
        self.add("cpu", time.process_time() - self._cpu)

    def add(self, step: str, seconds: float) -> None:
        self.seconds[step] = self.seconds.get(step, 0.0) + seconds


def solver_options(weights: str, threads: int, build: Callable[[Any], Any] | None = None) -> dict[str, Any]:
    """Arguments of ChromaSolver for weights by name."""
    kind, options = WEIGHTS[weights]
    return {"affinity": kind, **options, **_threads(build, threads)}


def _threads(build: Callable[[Any], Any] | None, threads: int) -> dict[str, Any]:
    """The argument, for the method that has it; others see the environment of their process alone."""
    return {"threads": threads} if build in (None, SOLVERS["multigrid"]) else {}


def own_run(case: Case, exact: NDArray[Any], build: Callable[[Any], Any], threads: int) -> Run:
    """One solve through the public front door, stopped by its own rule."""
    run = Run()
    reset_peak()
    run.start()
    first = ChromaSolver(case.luminance, build, **solver_options(case.weights, threads, build))
    run.stop("weights")
    solver, chroma = first, case.first_guess()
    for stage in range(case.stages):
        if stage:
            run.start()
            assert first.stencil is not None
            stencil = reweight(first.stencil, case.field(exact[stage - 1]), SOFTNESS)
            solver = ChromaSolver.from_stencil(stencil, build, **_threads(build, threads))
            run.stop("setup")
        run.start()
        solution: Solution = solver.solve(case.seeds, case.cells, start=chroma, tolerance=case.bound)
        run.stop("solve")
        setup = solution.seconds.get("setup", 0.0) + solution.seconds.get("reseed", 0.0)
        run.add("setup", setup)
        run.add("solve", -setup)
        run.iterations += solution.iterations
        chroma = solution.chroma
        run.peak = peak_bytes()
        run.error = max(run.error, largest_error(chroma, exact[stage]) / case.bound)
    return run


def peer_run(case: Case, exact: NDArray[Any], build: Callable[[Any], Peer], counts: Counts | None) -> Run:
    """One solve by a peer: watched to find the iterations needed (`counts` is None), or of so many iterations.

    Raises
    ------
    SolverError
        The bound is out of reach.
    """
    run = Run()
    kind, options = WEIGHTS[case.weights]
    run.start()
    base = stencil = affinity(case.luminance, kind, **options)
    run.stop("weights")
    chroma: Float | None = case.first_guess()
    for stage in range(case.stages):
        if stage:
            run.start()
            stencil = reweight(base, case.field(exact[stage - 1]), SOFTNESS)
            run.stop("setup")
        chroma = _peer_stage(run, case, stencil, build, chroma, exact[stage], None if counts is None else counts[stage])
        run.error = max(run.error, largest_error(chroma, exact[stage]) / case.bound)
    return run


def _peer_stage(
    run: Run,
    case: Case,
    stencil: Stencil,
    build: Callable[[Any], Peer],
    start: Float | None,
    exact: NDArray[Any],
    counts: Sequence[int] | None,
) -> Float:
    problem = Problem.checked(stencil.shape, case.seeds, case.cells, start, case.bound, PEER_ITERATIONS)
    peer = build(stencil)

    def assembled() -> None:
        reset_peak()
        run.start()

    prepared, right, seconds = peer.prepare(problem, assembled)
    run.stop("setup")
    run.add("assemble", seconds["assemble"])
    run.start()
    answers, needed, followers = [], [], []
    for channel, first in enumerate(starts(problem)):
        if counts is None:
            follower = followed(prepared, right[channel], first, exact[..., channel], case, goes_on=case.stages == 1)
            if follower.first < 0:
                raise SolverError(f"{peer.name}: not within the bound after {PEER_ITERATIONS} iterations")
            assert follower.answer is not None
            answer, count = follower.answer, follower.first
            followers.append(follower)
        else:
            limit = 0 if prepared.preconditioner is None else counts[channel]
            answer, count = prepared.run(right[channel], first, limit, 0.0)
        answers.append(answer.astype(np.float32).reshape(problem.shape))
        needed.append(count)
    chroma = np.stack(answers, axis=-1)
    run.stop("solve")
    run.peak = max(run.peak, peak_bytes())
    run.counts.append(needed)
    run.iterations += max(needed)
    run.trace = together(followers, float(np.linalg.norm(right)))
    return chroma


def followed(
    prepared: Prepared,
    right: Any,
    start: Any,
    exact: NDArray[Any],
    case: Case,
    goes_on: bool = False,
    patience: float = float("inf"),
) -> Follower:
    """A peer's iterates of one channel, until one is within the bound, or beyond it; a direct answer is taken as it is.

    Of a direct method the number of the answer is 0; it counts as within the bound, since the judgement is made later.
    """
    wanted = exact.ravel().astype(np.float64)

    def error(answer: NDArray[Any]) -> float:
        worst = float(np.abs(answer - wanted).max()) / case.bound
        return worst if np.isfinite(worst) else float("inf")

    def rest(answer: NDArray[Any]) -> float:
        return float(np.linalg.norm(right - prepared.operator @ answer))

    follower = Follower(error, rest if wanted.size <= TRACED_PIXELS else None, goes_on, patience)
    if prepared.preconditioner is None:
        answer, _ = prepared.run(right, start, 0, 0.0)
        follower(answer)
        follower.first, follower.answer = 0, answer
    elif error(start) <= 1:
        follower.first, follower.answer = 0, start
    else:
        follower.start()
        iterated(prepared, right, start, PEER_ITERATIONS, follower)
    return follower


def own_trace(case: Case, exact: NDArray[Any], build: Callable[[Any], Any], threads: int) -> dict[str, list[float]]:
    """Error, residual and seconds of ours by iteration, its set-up made; nothing of solves in stages or large ones."""
    if case.stages > 1 or case.luminance.size > TRACED_PIXELS or case.seeds is None:
        return {}
    solver = ChromaSolver(case.luminance, build, **solver_options(case.weights, threads, build))
    assert solver.stencil is not None
    stencil, seeds = solver.stencil, case.seeds
    solver.solve(seeds, start=case.first_guess(), tolerance=case.bound)
    follower = Follower(
        lambda x: largest_error(np.moveaxis(x, 0, -1), exact[0]) / case.bound,
        lambda x: float(np.sqrt(sum(np.square(residual(stencil, case, None, x[c], c)).sum() for c in range(len(x))))),
        goes_on=True,
    )

    follower.start()
    with contextlib.suppress(SolverError, Cancelled):  # a tenth of the bound may be out of reach; the trace shows it
        solver.solve(seeds, start=case.first_guess(), tolerance=case.bound / BEYOND, watch=lambda x, _: follower(x))
    return together([follower], float(np.linalg.norm(seeds.weight[:, None] * seeds.chroma)))
