"""Timed runs inside a worker, and the judgement whether they count."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers import SOLVERS, SolverError
from solvers.bench.cases import WARM_UP_MEGAPIXELS, Case, make_case
from solvers.bench.guides import gallery_guide
from solvers.bench.solves import Counts, Run, own_run, own_trace, peer_run
from solvers.peers import PEERS, Peer
from solvers.resident import resident_bytes

PEER_SLACK = 1.01
"""A peer's own iteration and the one that was watched differ by rounding; ours gets no such allowance."""
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
    solver : a name in `methods`, or module:factory of anybody's own
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
    build = methods[solver] if methods else factory(solver)
    is_peer = is_factory_of_peers(build)
    once = _runner(build, threads, is_peer)
    try:
        _warm_up(once, case)
        baseline, began = resident_bytes(), time.perf_counter()
        # Only peers are told how many iterations to make, found out by a run with somebody watching.
        watched = once(case, exact, None) if is_peer else None
        counts = watched.counts if watched else None
        runs: list[Run] = []
        first = time.perf_counter()
        while len(runs) < repeats and (not runs or _has_time(began, first, len(runs), seconds)):
            runs.append(once(case, exact, counts))
        trace = watched.trace if watched else own_trace(case, exact, build, threads)
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
        "trace": {name: [float(f"{value:.4g}") for value in values] for name, values in trace.items()},
    }


def factory(name: str) -> Callable[[Any], Any]:
    """A row of SOLVERS or PEERS, or what module:factory names: given a stencil, something with `solve(problem)`.

    Raises
    ------
    ValueError
        No such row, module or factory.
    """
    module, _, attribute = name.partition(":")
    if attribute:
        try:
            return getattr(import_module(module), attribute)
        except (ImportError, AttributeError) as failure:
            raise ValueError(f"solvers: {name}: {failure}") from failure
    rows = {**SOLVERS, **PEERS}
    if name not in rows:
        raise ValueError(f"solvers: {name!r} is unknown; wanted one of {', '.join(rows)}, or module:factory")
    return rows[name]


def is_factory_of_peers(build: Callable[[Any], Any]) -> bool:
    return issubclass(getattr(build, "func", object), Peer)


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
