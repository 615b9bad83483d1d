"""A worker on a machine of a cluster: opens its network once, then colours one photo after another."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from hybrid.batch.crew import share_of_cores, usable_cores
from hybrid.batch.worker import Colorize, ExitCode, Open, Opened, Outcome, Task, attempt, opened
from hybrid.photo.provenance import program


@dataclass(frozen=True)
class Unfit:
    """A machine that cannot take part, and why; others may."""

    reason: str


@dataclass(frozen=True)
class Terms:
    """What a worker finds out about its machine.

    Parameters
    ----------
    program : name and version of the program that began the batch
    folder : that it was begun in; relative paths count from there
    spot : where workers write; its name is random, so who sees it sees the same disk
    slot, workers : which of how many workers on the machine it is, from 0
    """

    program: str
    folder: Path
    spot: Path
    slot: int
    workers: int


class Station:
    """Lives in a process of the cluster's.

    Parameters
    ----------
    open_colorizer, exit_code_of : as of `Crew`
    terms : what its machine has to meet
    """

    def __init__(self, open_colorizer: Open, exit_code_of: ExitCode, terms: Terms) -> None:
        self._open = open_colorizer
        self._exit_code_of = exit_code_of
        self._terms = terms
        self._cores = usable_cores()
        self._colorize: Colorize | None = None

    def open(self) -> Opened | Unfit:
        """Load what all photos share, on a machine that can take part."""
        terms = self._terms
        if program() != terms.program:
            return Unfit(f"it has {program()}, the batch is of {terms.program}; install the same on all nodes")
        with contextlib.suppress(OSError):
            os.chdir(terms.folder)  # absent here: then relative paths are not seen, absolute ones may be
        if not terms.spot.is_dir():
            where = terms.spot if terms.spot.is_absolute() else terms.folder / terms.spot
            return Unfit(f"it does not see {where}; all nodes need the same folders at the same paths")
        found = opened(self._open, self._exit_code_of)
        if isinstance(found, Opened):
            return found
        self._colorize = found
        return Opened()

    def work(self, task: Task, is_alone: bool) -> Outcome:
        """Colour a photo; `is_alone`: no other worker of this machine works."""
        assert self._colorize is not None, "open comes first"
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, share_of_cores(self._cores, self._terms.slot, self._terms.workers, is_alone))
        return attempt(task, self._colorize, self._exit_code_of)
