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
from solvers.bench.photos import photo_guide
from solvers.bench.references import reference
from solvers.bench.runs import measured

Job = dict[str, Any]


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
    answer, label = reference(_case(job), job["method"])
    np.save(Path(job["folder"]) / "reference.npy", answer)
    return {"status": "ok", "reference": label, "seconds": round(time.perf_counter() - began, 2)}


def measure(job: Job) -> Job:
    exact = np.load(Path(job["folder"]) / "reference.npy")
    result = measured(_case(job), exact, job["solver"], job["threads"], job["repeats"], job["time_limit"])
    return {**result, "source": source_hash()}


def edit(job: Job) -> Job:
    result = measured_edits(guide_of(job), job["pattern"], job["weights"], job["editor"], job["edits"], job["threads"])
    return {**result, "source": source_hash()}


JOBS: dict[str, Callable[[Job], Job]] = {"prepare": prepare, "reference": refer, "measure": measure, "edits": edit}


def done(job: Job) -> Job:
    """The result of a job; what a user or a solver can get wrong is a result too, with its reason."""
    try:
        return JOBS[job["kind"]](job)
    except (ValueError, SolverError) as failure:
        return {"status": "failed", "reason": str(failure)}
    except MemoryError as failure:
        return {"status": "over the limit", "reason": f"no memory: {failure}"}


def _case(job: Job) -> Case:
    return Case.load(Path(job["folder"]), job["weights"], job["pattern"])


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # libraries that print shall not spoil the answer
        result = done(json.load(sys.stdin))
    print(json.dumps(result))
