"""Start a worker, and end it if it takes too long or too much memory: a slow or fat peer is a result, not a crash."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Any

from solvers.bench.machine import environment
from solvers.resident import resident_bytes

EVERY = 0.05
"""Seconds between looks at a worker."""


@dataclass(frozen=True)
class Limits:
    """What one worker may take.

    Parameters
    ----------
    seconds : float
    bytes : float
        Resident; a limit on address space would stop numba itself.
    """

    seconds: float
    bytes: float


def launched(job: dict[str, Any], limits: Limits, threads: int = 1) -> dict[str, Any]:
    """The worker's result, or one with status "over the limit" or "crashed" and a reason."""
    with (
        tempfile.TemporaryFile("w+") as given,
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
    ):
        given.write(json.dumps(job))
        given.seek(0)
        command = [sys.executable, "-m", "solvers.bench.worker"]
        with subprocess.Popen(command, stdin=given, stdout=out, stderr=err, env=environment(threads)) as process:
            try:
                reason = _watched(process, limits)
            finally:
                process.kill()  # nothing if it has ended; a worker never outlives an interrupted bench
        out.seek(0)
        err.seek(0)
        said = _last_result(out.read())
        if reason:
            return said or {"status": "over the limit", "reason": reason}
        if process.returncode or said is None:
            last = (err.read().strip().splitlines() or ["no message"])[-1]
            how = f"signal {-process.returncode}" if process.returncode < 0 else f"exit {process.returncode}"
            return said or {"status": "crashed", "reason": f"{how}: {last}"}
        return said


def _last_result(text: str) -> dict[str, Any] | None:
    """The last whole line that is a result: a worker says what it knows before it tries something longer."""
    for line in reversed(text.splitlines()):
        try:
            result = json.loads(line)
        except ValueError:
            continue
        if isinstance(result, dict) and "status" in result:
            return result
    return None


def _watched(process: subprocess.Popen[bytes], limits: Limits) -> str:
    """Wait for the end; why it was ended by force, or nothing."""
    began = time.perf_counter()
    while process.poll() is None:
        if time.perf_counter() - began > limits.seconds:
            return f"more than {limits.seconds:g} s"
        if resident_bytes(process.pid) > limits.bytes:
            return f"more than {limits.bytes / 1e9:.2g} GB"
        time.sleep(EVERY)
    return ""
