"""What `run` and `edits` do: problems one after the other, every solver on each, one JSON line a result."""

from __future__ import annotations

import os
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from solvers.bench.journal import Cut, Journal
from solvers.bench.launch import Limits, launched
from solvers.bench.machine import description
from solvers.bench.photos import photo_files, photo_names, photographs_of_skimage
from solvers.bench.records import Record
from solvers.bench.references import reference_methods
from solvers.bench.runs import solver_names
from solvers.peers import MISSING


def run(options: Namespace) -> None:
    """Measure every solver on every problem.

    Raises
    ------
    ValueError
        Photos that are not there, an unknown solver.
    """
    solvers = chosen_solvers(options.solvers)
    images = sorted(_images(options), key=lambda image: image["megapixels"])
    problems = [(image, p, w) for image in images for p in options.patterns for w in options.weights]
    total = len(problems) * len(solvers) * len(options.threads) * options.rounds
    journal = Journal(None if str(options.out) == "-" else options.out, options.resume, total)
    limits = Limits(options.time_limit, options.memory_limit * 1e9)
    for name, package in MISSING.items():
        if name in options.solvers or "all" in options.solvers:
            reason = f"{package} is not installed"
            journal.write({"kind": "measure", "solver": name, "status": "missing", "reason": reason})
    cut = Cut(journal.before)
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        for image, pattern, weights in problems:
            problem = {**image, "pattern": pattern, "weights": weights, "folder": scratch, "stroke": options.stroke}
            label = {key: problem[key] for key in ("image", "megapixels", "pattern", "weights")}
            jobs = []
            for turn, solver, count in product(range(options.rounds), solvers, options.threads):
                record = {"kind": "measure", **label, "solver": solver, "threads": count, "round": turn}
                why = cut.reason(record)
                if why is None and not journal.has(record) and not journal.has_failed(record):
                    jobs.append((solver, count, turn))
                elif turn == 0 and not journal.has(record):
                    journal.write({**record, "status": "over the limit", "reason": why})
                else:
                    journal.passed()
            if not jobs:
                continue
            _measure_memory(journal, image, options.threads, limits)
            written = 0
            for record in measured_jobs(problem, jobs, options.repeats, limits):
                journal.write(record)
                cut.add(record)
                written += 1
            journal.passed(len(jobs) - written)


def _measure_memory(journal: Journal, image: Record, threads: Sequence[int], limits: Limits) -> None:
    """STREAM beside every image, since a shared machine is not the same all the time."""
    for count in threads:
        label = {"kind": "stream", "image": image["image"], "megapixels": image["megapixels"], "threads": count}
        if not journal.has(label):
            journal.write({**label, **launched({"kind": "stream", "threads": count}, limits, count)})


def measured_jobs(
    problem: dict[str, Any], jobs: Sequence[tuple[str, int, int]], repeats: int, limits: Limits
) -> Iterator[Record]:
    """Records of (solver, threads, round) on one problem, which is made and solved exactly first.

    A round comes after the other, so that what disturbs the machine for a while falls on all solvers. What went wrong
    in one is not tried in the next.
    """
    label = {key: problem[key] for key in ("image", "megapixels", "pattern", "weights")}
    made = launched({"kind": "prepare", **problem}, limits)
    if made["status"] == "ok":
        label |= {key: made[key] for key in ("width", "height", "pixels", "hash")}
        made = _referred(problem, made["pixels"], limits)
    if made["status"] != "ok":
        yield {**label, **made, "kind": "problem"}
        return
    label["reference"] = made["reference"]
    lost = set()
    for solver, count, turn in jobs:
        if (solver, count) in lost:
            continue
        job = {"kind": "measure", **problem, "solver": solver, "threads": count, "repeats": repeats}
        job["time_limit"] = 0.5 * limits.seconds  # a last repeat, and the stroke, shall not be what breaks the limit
        load = round(os.getloadavg()[0], 2)
        result = launched(job, limits, count)
        if result["status"] != "ok":
            lost.add((solver, count))
        made_by = {"kind": "measure", "solver": solver, "threads": count, "round": turn, "load": load}
        yield {**label, **made_by, **result}


def edits(options: Namespace) -> None:
    """Measure the latency of edits."""
    journal = Journal(None if str(options.out) == "-" else options.out)
    limits = Limits(options.time_limit, options.memory_limit * 1e9)
    for image in _images(options):
        for pattern in options.patterns:
            for weights in options.weights:
                for count in options.threads:
                    label = {**image, "pattern": pattern, "weights": weights, "editor": options.editor}
                    job = {"kind": "edits", **label, "edits": options.edits, "threads": count}
                    result = launched(job, limits, count)
                    label.pop("photos", None)
                    journal.write({**label, "kind": "edits", "threads": count, **result})


def chosen_solvers(names: Sequence[str]) -> list[str]:
    """Those that are installed, in the order asked; all of them for "all".

    Raises
    ------
    ValueError
        An unknown name.
    """
    known = solver_names()
    if "all" in names:
        return [*known, *(name for name in names if ":" in name)]
    for name in names:
        if name not in known and name not in MISSING and ":" not in name:
            raise ValueError(
                f"solvers: {name!r} is unknown; wanted all, some of {', '.join([*known, *MISSING])}, or module:factory"
            )
    return [name for name in names if name in known or ":" in name]


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
        for name in options.gallery or ():
            yield {"gallery": name, "image": f"gallery {name}", "megapixels": megapixels}
        if options.photos is not None or not options.gallery:
            paths = photo_files(options.photos) if options.photos is not None else photographs_of_skimage()
            for name in photo_names(paths, megapixels, options.images):
                named = {"photos": [str(path) for path in paths], "photo": name, "image": name}
                yield {**named, "megapixels": megapixels}
