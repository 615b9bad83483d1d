"""Workers that share out photos: as many at a time as memory allows; one that dies takes only its photo with it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from hybrid.batch.error import UNEXPECTED, BatchError
from hybrid.batch.worker import ExitCode, Open, Opened, Outcome, Task, serve
from hybrid.memory import FIXED, Plan, plan_bytes
from solvers.memory import available_bytes

DEFAULT = 2
"""Workers if nothing is said: while one reads, writes or predicts, the other's solver has the processor."""


def usable_cores() -> list[int]:
    """Numbers of the processor cores that this process may use; made up where the system does not say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def share_of_cores(cores: Sequence[int], slot: int, workers: int, is_alone: bool) -> tuple[int, ...]:
    """The cores of one worker: all while no other works, else every `workers`-th, at least one."""
    return tuple(cores) if is_alone else tuple(cores[slot % len(cores) :: workers]) or (cores[slot % len(cores)],)


def fits_beside(pixels: int, working: Sequence[int], idle: int, memory: float, plan: Plan) -> bool:
    """Whether a photo may be begun while others are worked on.

    Parameters
    ----------
    pixels : of the photo
    working : pixels of the photos being worked on
    idle : further workers that wait, and hold memory
    memory : bytes there were before the batch
    plan : bytes that each needs, by its pixels

    Returns
    -------
    Whether all of them fit at their busiest; one alone always may be tried. A fixed part more is asked for, because a
    worker's own check of the memory that is free counts what it already holds.
    """
    needed = sum(plan(count) for count in (pixels, *working)) + (idle + 1) * FIXED
    return not working or needed <= memory


@dataclass
class _Worker:
    slot: int
    process: BaseProcess
    connection: Connection
    is_open: bool = False
    task: Task | None = None


class Crew:
    """Worker processes, begun when they are needed.

    Parameters
    ----------
    open_colorizer : what a worker loads once
    exit_code_of : of a photo's error
    workers : how many at most; None: two if there are two cores
    plan : bytes that a photo of so many pixels needs
    begun : is told of every photo that a worker is given

    Raises
    ------
    BatchError
        From `run`: a worker could not load what it needs, or died while it did.
    """

    def __init__(
        self,
        open_colorizer: Open,
        exit_code_of: ExitCode,
        workers: int | None = None,
        plan: Plan = plan_bytes,
        begun: Callable[[Path], None] = lambda _: None,
    ) -> None:
        self._cores = usable_cores()
        self._most = workers or min(DEFAULT, len(self._cores))
        self._given = (open_colorizer, exit_code_of, max(1, len(self._cores) // self._most))
        self._plan, self._begun = plan, begun
        self._memory = available_bytes()
        self._workers: list[_Worker] = []

    def run(self, tasks: Iterable[Task]) -> Generator[tuple[Task, Outcome], None, None]:
        """Work through tasks, which are drawn as they are needed; outcomes come as photos end, in any order."""
        source = iter(tasks)
        try:
            following = next(source, None)
            while following is not None or self._busy:
                while following is not None and self._begin(following):
                    following = next(source, None)
                yield from self._ended()
        finally:
            for worker in list(self._workers):
                self._dismiss(worker)

    @property
    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.task is not None]

    def _begin(self, task: Task) -> bool:
        """Give a task to a worker, if one is free and memory allows."""
        working = [worker.task.pixels for worker in self._busy if worker.task is not None]
        idle = [worker for worker in self._workers if worker.task is None]
        if len(working) == self._most:
            return False
        if not fits_beside(task.pixels, working, max(0, len(idle) - 1), self._memory, self._plan):
            return False
        for worker in idle[1:]:
            if self._plan(task.pixels) + len(idle) * FIXED > self._memory:
                self._dismiss(worker)  # alone the photo fits, beside workers that only wait it does not
        chosen = idle[0] if idle else self._hire()
        cores = share_of_cores(self._cores, chosen.slot, self._most, is_alone=not working)
        chosen.task = task
        with contextlib.suppress(OSError):  # of one that has died meanwhile; its connection will say so
            chosen.connection.send(replace(task, cores=cores))
        self._begun(task.photo)
        return True

    def _hire(self) -> _Worker:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs, *self._given), daemon=True)
        process.start()
        theirs.close()  # or the death of the worker would not be seen
        taken = {worker.slot for worker in self._workers}
        worker = _Worker(min(set(range(self._most)) - taken), process, ours)
        self._workers.append(worker)
        return worker

    def _ended(self) -> Iterator[tuple[Task, Outcome]]:
        """Wait for news; the outcomes among them."""
        busy = {worker.connection: worker for worker in self._busy}
        for connection in wait(list(busy)):
            worker = busy[connection]  # type: ignore[index]
            assert worker.task is not None
            task = worker.task
            try:
                news = worker.connection.recv()
            except (EOFError, OSError):
                news = self._buried(worker)
            if isinstance(news, Outcome):
                worker.task = None
                yield task, news
            elif news.exit:
                raise BatchError(news.error, news.exit)
            else:
                worker.is_open = True

    def _buried(self, worker: _Worker) -> Outcome | Opened:
        """What to say of a worker that has died."""
        assert worker.task is not None
        self._dismiss(worker)
        code = worker.process.exitcode or 0
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        why = f"its worker {how}; out of memory? try --workers 1"
        if not worker.is_open:
            return Opened(UNEXPECTED, f"no photo was begun: {why}")
        return Outcome(0.0, {}, exit=UNEXPECTED, error=f"{worker.task.photo}: {why}")

    def _dismiss(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.connection.close()
        if worker.process.exitcode is None:
            worker.process.join(0.2 if worker.task is not None else 0)  # one that died may not be reaped yet
            worker.process.terminate()
        worker.process.join()
