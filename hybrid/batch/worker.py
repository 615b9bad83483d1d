"""A worker: a process that opens its network once, then colours one photo after another into files it is told."""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from hybrid.batch.error import UNEXPECTED
from hybrid.hints import sha256_of

Colorize = Callable[[Path, Path], dict[str, Any]]
"""Colour a photo into a file that is not there yet; gives its report."""
Open = Callable[[], Colorize]
"""Load what all photos share. Sent to the workers, so it is a module's function, or `functools.partial` of one."""
ExitCode = Callable[[Exception], int]
"""Exit code of what went wrong with a photo; sent to the workers too."""


@dataclass(frozen=True)
class Task:
    """A photo to colour.

    Parameters
    ----------
    photo : its file
    target : where the picture will be in the end; for reports
    staged : where the worker writes it
    pixels : of the photo, 0 if not known
    cores : that the worker may use now; empty to use what it has
    """

    photo: Path
    target: Path
    staged: Path
    pixels: int = 0
    cores: tuple[int, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What became of a photo.

    Parameters
    ----------
    seconds : of work
    report : of the colouring; empty if it failed
    input_bytes, input_mtime_ns : of the photo's file before it was read
    input_sha256, output_sha256 : of the files, "" where unread or unwritten
    exit, error : exit code and one line; 0 and "" if nothing went wrong
    trace : of an error that nobody expected
    """

    seconds: float
    report: dict[str, Any]
    input_bytes: int = 0
    input_mtime_ns: int = 0
    input_sha256: str = ""
    output_sha256: str = ""
    exit: int = 0
    error: str = ""
    trace: str = ""


@dataclass(frozen=True)
class Opened:
    """The worker has loaded what it needs, or could not; then `error` says why, with its exit code."""

    exit: int = 0
    error: str = ""


def serve(connection: Connection, open_colorizer: Open, exit_code_of: ExitCode, threads: int) -> None:
    """Be a worker: answer `Opened`, then an `Outcome` to every `Task`, until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # read when torch is loaded
    colorize = opened(open_colorizer, exit_code_of)
    if isinstance(colorize, Opened):
        connection.send(colorize)
        return
    connection.send(Opened())
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        if task.cores and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, task.cores)
        connection.send(attempt(task, colorize, exit_code_of))


def opened(open_colorizer: Open, exit_code_of: ExitCode) -> Colorize | Opened:
    """What photos are coloured with, or, if it cannot be loaded, why."""
    try:
        return open_colorizer()
    except Exception as error:
        return Opened(exit_code_of(error), _one_line(error))


def attempt(task: Task, colorize: Colorize, exit_code_of: ExitCode) -> Outcome:
    """Colour a photo; whatever goes wrong is told, and no file is left then."""
    began = time.perf_counter()
    source: tuple[int, int, str] = (0, 0, "")
    try:
        if task.photo.is_file():
            status = task.photo.stat()
            source = (status.st_size, status.st_mtime_ns, sha256_of(task.photo))
        report = {**colorize(task.photo, task.staged), "output": str(task.target)}
        written = _to_disk(task.staged)
    except Exception as error:
        task.staged.unlink(missing_ok=True)
        code = exit_code_of(error)
        message = _one_line(error).replace(str(task.staged), str(task.target))
        message = message if str(task.photo) in message else f"{task.photo}: {message}"
        trace = traceback.format_exc() if code == UNEXPECTED else ""
        return Outcome(time.perf_counter() - began, {}, *source, exit=code, error=message, trace=trace)
    return Outcome(time.perf_counter() - began, report, *source, written)


def _to_disk(path: Path) -> str:
    """Wait until a file is on the disk; its sha256."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return sha256_of(path)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _end_with_parent() -> None:
    """End at once when the parent has: nobody would put the picture in its place."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
