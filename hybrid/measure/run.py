"""The whole program on one photo, in a process of its own, with the system's account of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Run:
    """What became of it.

    Parameters
    ----------
    report : of `hybrid colorize --json`
    seconds : of the process, from its start to its end
    peak : bytes of memory that the system says it held at most
    """

    report: dict[str, Any]
    seconds: float
    peak: int

    @property
    def pixels(self) -> int:
        """Of the photo."""
        return self.report["width"] * self.report["height"]


class RunError(ValueError):
    """The photo was not coloured; one line with what the program said."""


def colored(photo: Path, target: Path, *options: str) -> Run:
    """Colour a photo to a file by `hybrid colorize`.

    Parameters
    ----------
    photo, target : files
    options : more words of the command

    Raises
    ------
    RunError
        It could not be coloured.
    """
    words = ["colorize", str(photo), "-o", str(target), "--json", "--overwrite", *options]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as log:
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "hybrid", *words], stdout=out, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)  # the account of this one process, which Popen does not give
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        log.seek(0)
        if process.returncode:
            said = " ".join(log.read().split()[-60:]) or "it said nothing"
            raise RunError(f"{photo}: exit code {process.returncode}: {said}")
        unit = 1 if sys.platform == "darwin" else 1024
        return Run(json.loads(out.read()), seconds, usage.ru_maxrss * unit)
