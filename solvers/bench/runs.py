"""Timed runs inside a worker, and the judgement whether they count."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers import SOLVERS, SolverError
from solvers.bench.cases import Case, make_case
from solvers.bench.guides import gallery_guide
from solvers.bench.machine import resident_bytes
from solvers.bench.solves import Counts, Run, own_run, peer_run
from solvers.peers import PEERS, Peer

PEER_SLACK = 1.01
"""A peer's own iteration and the one that was watched differ by rounding; ours gets no such allowance."""
WARM_UP_MEGAPIXELS = 0.006
Once = Callable[[Case, NDArray[Any], Counts | None], Run]


def solver_names() -> list[str]:
    """Everything that can be measured here: ours that take link weights, then the peers that are installed."""
    return [*(name for name, build in SOLVERS.items() if getattr(build, "guide", "stencil") == "stencil"), *PEERS]


def measured(
    case: Case,
    exact: NDArray[np.float32],
    solver: str,
    threads: int,
    repeats: int,
    seconds: float,
    methods: Mapping[str, Callable[[Any], Any]] | None = None,
) -> dict[str, Any]:
    """Figures of a solver on a case.

    Parameters
    ----------
    case : Case
    exact : (stages, H, W, 2)
        What errors are measured against.
    solver : a name in `methods`
    threads, repeats : int
    seconds : float
        No repeat is begun that would probably end later than this; there is always one.
    methods : optional
        Name -> factory; SOLVERS and PEERS if left out.

    Returns
    -------
    dict
        "status" is "ok", "wrong" (the error is above the bound: no time counts) or "failed" (with a "reason").
    """
    build = (methods or {**SOLVERS, **PEERS})[solver]
    is_peer = issubclass(getattr(build, "func", object), Peer)
    once = _runner(build, threads, is_peer)
    try:
        _warm_up(once, case)
        baseline, began = resident_bytes(), time.perf_counter()
        # Only peers are told how many iterations to make, found out by a run with somebody watching.
        counts = once(case, exact, None).counts if is_peer else None
        runs: list[Run] = []
        first = time.perf_counter()
        while len(runs) < repeats and (not runs or _has_time(began, first, len(runs), seconds)):
            runs.append(once(case, exact, counts))
    except SolverError as failure:
        return {"status": "failed", "reason": str(failure)}
    worst = max(run.error for run in runs)
    is_right = worst <= (PEER_SLACK if is_peer else 1.0)
    return {
        "status": "ok" if is_right else "wrong",
        "reason": "" if is_right else f"largest error {worst:.3g} bounds",
        "seconds": [run.seconds for run in runs],
        "iterations": max(run.iterations for run in runs),
        "error": worst,
        "baseline_bytes": baseline,
        "peak_bytes": max(run.peak for run in runs),
    }


def _runner(build: Callable[[Any], Any], threads: int, is_peer: bool) -> Once:
    if is_peer:
        return lambda case, exact, counts: peer_run(case, exact, build, counts)
    return lambda case, exact, counts: own_run(case, exact, build, threads)  # noqa: ARG005


def _has_time(began: float, first: float, done: int, seconds: float) -> bool:
    now = time.perf_counter()
    return now - began + (now - first) / done < seconds


def _warm_up(once: Once, case: Case) -> None:
    """Compile and load everything on a tiny image."""
    tiny = make_case(gallery_guide("grain", WARM_UP_MEGAPIXELS), case.pattern, case.weights)
    once(tiny, np.zeros((tiny.stages, *tiny.luminance.shape, 2), np.float32), [[2, 2]] * tiny.stages)
