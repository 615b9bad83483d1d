"""Threads that work on strips: compiled kernels release the interpreter's lock, so plain threads do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

STRIP = 64  # rows
Strips = NDArray[np.int64]


class Team:
    """A fixed number of threads.

    Parameters
    ----------
    threads : int, optional
        As many as the process may use if None.

    Raises
    ------
    ValueError
        Fewer than one.
    """

    def __init__(self, threads: int | None = None) -> None:
        if threads is None:
            threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        if threads < 1:
            raise ValueError(f"threads: {threads}; wanted 1 or more")
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def map(self, work: Callable[..., Any], items: Sequence[Any]) -> list[Any]:
        """``[work(item) for item in items]``, shared out."""
        if self._pool is None or len(items) < 2:
            return [work(item) for item in items]
        return list(self._pool.map(work, items))

    def run(self, work: Callable[[Strips], Any], phases: Iterable[Strips]) -> None:
        """``work(strips)`` on every phase's strips; a phase begins when the one before has ended."""
        for strips in phases:
            shares = [share for share in np.array_split(strips, self.threads) if len(share)]
            if self._pool is None or len(shares) < 2:
                work(strips)
                continue
            list(self._pool.map(work, shares))


@cache
def standing_team() -> Team:
    """One team for works of a moment: threads that come and go leave the memory that they worked in scattered."""
    return Team()


def cut(length: int, size: int = STRIP) -> Strips:
    """Bounds of strips of about `size`, none shorter unless there is only one."""
    count = max(length // size, 1)
    return np.arange(count + 1, dtype=np.int64) * length // count


def phases(count: int) -> tuple[Strips, Strips]:
    """Numbers of the even strips, then of the odd ones."""
    return np.arange(0, count, 2), np.arange(1, count, 2)
