"""One job in a process of its own: `python -m solvers.bench.worker`, JSON on stdin, JSON on the last line of stdout."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from solvers import SolverError
from solvers.bench.cases import Case, make_case
from solvers.bench.edits import measured_edits
from solvers.bench.guides import Guide, gallery_guide
from solvers.bench.machine import source_hash
from solvers.bench.one_stroke import resolved, with_stroke
from solvers.bench.photos import photo_guide
from solvers.bench.references import reference
from solvers.bench.runs import measured
from solvers.bench.stream import triad

Job = dict[str, Any]
OUT = sys.stdout
"""The answer's channel; what libraries print goes to stderr."""


def guide_of(job: Job) -> Guide:
    """The guide that a job names, from the gallery or from photos."""
    if "gallery" in job:
        return gallery_guide(job["gallery"], job["megapixels"])
    return photo_guide([Path(path) for path in job["photos"]], job["photo"], job["megapixels"])


def prepare(job: Job) -> Job:
    """Make the problem and leave it in a folder."""
    case = make_case(guide_of(job), job["pattern"], job["weights"])
    case.save(Path(job["folder"]))
    height, width = case.luminance.shape
    return {"status": "ok", "width": width, "height": height, "pixels": height * width, "hash": case.hash()}


def refer(job: Job) -> Job:
    """Solve the problem as exactly as can be, into the same folder."""
    began = time.perf_counter()
    case = _case(job)
    answer, label = reference(case, job["method"])
    np.save(Path(job["folder"]) / "reference.npy", answer)
    if case.stages == 1:
        np.save(Path(job["folder"]) / "after.npy", reference(with_stroke(case), job["method"])[0][0])
    return {"status": "ok", "reference": label, "seconds": round(time.perf_counter() - began, 2)}


def measure(job: Job) -> Job:
    """Measure a solver; what is known before the stroke is said before it, lest the stroke take it along."""
    exact, case = np.load(Path(job["folder"]) / "reference.npy", mmap_mode="r"), _case(job)
    result = measured(case, exact, job["solver"], job["threads"], job["repeats"], job["time_limit"])
    result |= {"source": source_hash()}
    if result["status"] != "ok" or case.stages > 1 or not job.get("stroke", True):
        return result
    say(result | {"stroke": {"status": "over the limit", "reason": "ended before it was measured"}})
    after = np.load(Path(job["folder"]) / "after.npy", mmap_mode="r")
    return result | {"stroke": _stroked(case, exact[0], after, job)}


def _stroked(case: Case, exact: Any, after: Any, job: Job) -> Job:
    try:
        return resolved(case, exact, after, job["solver"], job["threads"], job["repeats"])
    except MemoryError as failure:
        return {"status": "over the limit", "reason": f"no memory: {failure}"}


def stream(job: Job) -> Job:
    return triad(job["threads"])


def edit(job: Job) -> Job:
    result = measured_edits(guide_of(job), job["pattern"], job["weights"], job["editor"], job["edits"], job["threads"])
    return {**result, "source": source_hash()}


JOBS: dict[str, Callable[[Job], Job]] = {
    "prepare": prepare,
    "reference": refer,
    "measure": measure,
    "edits": edit,
    "stream": stream,
}


def done(job: Job) -> Job:
    """The result of a job; what a user or a solver can get wrong is a result too, with its reason."""
    try:
        return JOBS[job["kind"]](job)
    except (ValueError, SolverError) as failure:
        return {"status": "failed", "reason": str(failure)}
    except MemoryError as failure:
        return {"status": "over the limit", "reason": f"no memory: {failure}"}


def say(result: Job) -> None:
    """One line to whoever waits for the result; the last one counts."""
    print(json.dumps(result), file=OUT, flush=True)


def _case(job: Job) -> Case:
    return Case.load(Path(job["folder"]), job["weights"], job["pattern"])


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # libraries that print shall not spoil the answer
        result = done(json.load(sys.stdin))
    say(result)
