"""What `run` and `edits` do: problems one after the other, every solver on each, one JSON line a result."""

from __future__ import annotations

import json
import os
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from solvers.bench.launch import Limits, launched
from solvers.bench.machine import description
from solvers.bench.photos import photo_files, photo_names
from solvers.bench.references import reference_methods
from solvers.bench.report import totals
from solvers.bench.runs import solver_names
from solvers.peers import MISSING

Record = dict[str, Any]


def run(options: Namespace) -> None:
    """Measure every solver on every problem.

    Raises
    ------
    ValueError
        Photos that are not there, an unknown solver.
    """
    solvers = chosen_solvers(options.solvers)
    images = list(_images(options))
    origin = _origin()
    limits = Limits(options.time_limit, options.memory_limit * 1e9)
    for name in options.solvers:
        if name in MISSING:
            reason = f"{MISSING[name]} is not installed"
            _write(options.out, {**origin, "kind": "measure", "solver": name, "status": "missing", "reason": reason})
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        for image in images:
            for pattern in options.patterns:
                for weights in options.weights:
                    problem = {**image, "pattern": pattern, "weights": weights, "folder": scratch}
                    for record in measured_problem(problem, solvers, options.threads, options.repeats, limits):
                        _write(options.out, {**origin, **record})


def measured_problem(
    problem: dict[str, Any], solvers: Sequence[str], threads: Sequence[int], repeats: int, limits: Limits
) -> Iterator[Record]:
    """Records of all solvers on one problem, which is made and solved exactly first."""
    label = {key: problem[key] for key in ("image", "megapixels", "pattern", "weights")}
    made = launched({"kind": "prepare", **problem}, limits)
    if made["status"] == "ok":
        label |= {key: made[key] for key in ("width", "height", "pixels", "hash")}
        made = _referred(problem, made["pixels"], limits)
    if made["status"] != "ok":
        yield {**label, **made, "kind": "problem"}
        return
    label["reference"] = made["reference"]
    for solver in solvers:
        for count in threads:
            job = {"kind": "measure", **problem, "solver": solver, "threads": count, "repeats": repeats}
            job["time_limit"] = 0.8 * limits.seconds  # a last repeat shall not be what breaks the limit
            load = round(os.getloadavg()[0], 2)
            result = launched(job, limits, count)
            yield {**label, "kind": "measure", "solver": solver, "threads": count, "load": load, **result}


def edits(options: Namespace) -> None:
    """Measure the latency of edits."""
    origin = _origin()
    limits = Limits(options.time_limit, options.memory_limit * 1e9)
    for image in _images(options):
        for pattern in options.patterns:
            for weights in options.weights:
                for count in options.threads:
                    label = {**image, "pattern": pattern, "weights": weights, "editor": options.editor}
                    job = {"kind": "edits", **label, "edits": options.edits, "threads": count}
                    result = launched(job, limits, count)
                    label.pop("photos", None)
                    _write(options.out, {**origin, **label, "kind": "edits", "threads": count, **result})


def chosen_solvers(names: Sequence[str]) -> list[str]:
    """Those that are installed, in the order asked; all of them for "all".

    Raises
    ------
    ValueError
        An unknown name.
    """
    known = solver_names()
    if list(names) == ["all"]:
        return known
    for name in names:
        if name not in known and name not in MISSING:
            raise ValueError(f"solvers: {name!r} is unknown; wanted all, or some of {', '.join([*known, *MISSING])}")
    return [name for name in names if name in known]


def _referred(problem: dict[str, Any], pixels: int, limits: Limits) -> Record:
    """The first reference that can be had; it is not what is measured, so it may take longer and most of the memory."""
    limits = Limits(4 * limits.seconds, max(limits.bytes, 0.8e9 * description()["ram_gb"]))
    result: Record = {}
    for method in reference_methods(pixels, problem["pattern"]):
        result = launched({"kind": "reference", **problem, "method": method}, limits)
        if result["status"] == "ok":
            break
    return result


def _images(options: Namespace) -> Iterator[dict[str, Any]]:
    """The part of a job that names its guide."""
    for megapixels in options.megapixels:
        if options.gallery:
            for name in options.gallery:
                yield {"gallery": name, "image": f"gallery {name}", "megapixels": megapixels}
        else:
            paths = photo_files(options.photos)
            for name in photo_names(paths, megapixels, options.images):
                named = {"photos": [str(path) for path in paths], "photo": name, "image": name}
                yield {**named, "megapixels": megapixels}


def _origin() -> Record:
    return {"run": time.strftime("%Y%m%dT%H%M%S"), "machine": description()}


def _write(path: Path | None, record: Record) -> None:
    """Append a record to the file, and say on the terminal how it went."""
    if path is None:
        print(json.dumps(record), flush=True)
        return
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
    print(summary(record), flush=True)


def summary(record: Record) -> str:
    """One line on a record."""
    keys = ("image", "megapixels", "pattern", "weights", "solver", "editor", "threads")
    words = [f"{record[key]:g} MP" if key == "megapixels" else str(record[key]) for key in keys if key in record]
    if record["status"] != "ok":
        return f"{', '.join(words)}: {record['status']}: {record['reason']}"
    if record["kind"] == "edits":
        slow = (f"{kind} {1000 * median(every):.0f} ms" for kind, every in record["seconds"].items())
        return f"{', '.join(words)}: {', '.join(slow)}"
    return f"{', '.join(words)}: {median(totals(record)):.3f} s, error {record['error']:.2f} of the bound"
