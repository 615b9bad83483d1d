"""A crew on a Ray cluster: workers on every node; a node that is lost loses its photos to the others.

Paths travel, pictures do not: all nodes see the same folders. Workers write only into the batch's workplace, and each
attempt at a photo has a file of its own, so a node that was given up and works on harms nothing.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hybrid.batch.error import UNEXPECTED, BatchError
from hybrid.batch.nodes import Node, may_begin, nodes_of, share_of
from hybrid.batch.ray_link import connected
from hybrid.batch.station import Station, Terms, Unfit
from hybrid.batch.worker import ExitCode, Open, Opened, Outcome, Task
from hybrid.memory import FIXED, Plan, plan_bytes
from hybrid.photo.provenance import program

ATTEMPTS = 3
"""Workers that a photo may take with it until it is reported as failed; and workers that a node may lose in opening."""
LOOK = 1.0
"""Seconds between looks at which nodes there are."""
PATIENCE = 300.0
"""Seconds to wait for a first worker, or for another after all were lost."""
LAG = 30.0
"""Seconds that a shared disk may take to show a file that another node has written."""


@dataclass
class _Seat:
    node: Node
    slot: int
    actor: Any
    call: Any
    is_open: bool = False
    task: Task | None = None


def reason_of(error: Exception) -> str:
    """What a worker died of, in one line: the last error that a report of many lines names, or how it begins."""
    text = str(error)
    named = re.findall(r"^\s*((?:\w+\.)*\w*(?:Error|Exception): .+)$", text, flags=re.MULTILINE)
    return " ".join((named[-1] if named else text).split())[:200]


class RayCrew:
    """Workers on the nodes of a cluster, begun when they are needed; in place of `Crew`.

    Parameters
    ----------
    address : as of `connected`
    open_colorizer, exit_code_of, plan, begun : as of `Crew`
    workers : how many at most on a node; None: one a GPU, or two on a node without
    device : as of `share_of`
    say : is told of nodes that are lost or cannot take part

    Raises
    ------
    BatchError
        From `run`: as `connected`; a worker could not load what it needs; no node can take part.
    """

    def __init__(
        self,
        address: str,
        open_colorizer: Open,
        exit_code_of: ExitCode,
        workers: int | None = None,
        plan: Plan = plan_bytes,
        begun: Callable[[Path], None] = lambda _: None,
        device: str = "auto",
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._address = address
        self._given = (open_colorizer, exit_code_of)
        self._most, self._plan, self._begun, self._device, self._say = workers, plan, begun, device, say
        self._ray: Any = None
        self._nodes: dict[str, Node] = {}
        self._looked = self._alive = 0.0
        self._barred: dict[str, str] = {}
        self._stillborn: Counter[str] = Counter()
        self._seats: list[_Seat] = []
        self._waiting: deque[Task] = deque()
        self._losses: dict[Path, list[Node]] = {}
        self._over: deque[tuple[Task, Outcome]] = deque()

    def run(self, tasks: Iterable[Task]) -> Generator[tuple[Task, Outcome], None, None]:
        """Work through tasks, which are drawn as they are needed; outcomes come as photos end, in any order."""
        source = iter(tasks)
        first = next(source, None)
        if first is None:
            return
        self._waiting.append(first)
        with connected(self._address) as self._ray:
            self._alive = time.monotonic()
            try:
                while self._waiting or self._busy:
                    self._look()
                    self._begin_what_fits(source)
                    self._hear()
                    while self._over:
                        yield self._over.popleft()
                    if not self._waiting:
                        self._waiting.extend(task for task in (next(source, None),) if task is not None)
            finally:
                for seat in list(self._seats):
                    self._dismiss(seat)

    @property
    def _busy(self) -> list[_Seat]:
        return [seat for seat in self._seats if seat.task is not None]

    def _look(self) -> None:
        """See which nodes there are; what those that have gone were doing is done elsewhere."""
        now = time.monotonic()
        if now - self._looked < LOOK:
            return
        self._looked = now
        found = nodes_of(self._ray.nodes())
        for gone in self._nodes.keys() - found.keys():
            self._say(f"node {self._nodes[gone].name} is lost; what it was doing is done elsewhere")
        self._nodes = found
        for seat in list(self._seats):
            if seat.node.id not in found:
                self._lose(seat, "its node was lost")
        if any(seat.is_open for seat in self._seats):
            self._alive = now
        if not self._usable and self._barred:
            raise BatchError(f"no node can take part: {'; '.join(sorted(set(self._barred.values())))}", UNEXPECTED)
        if now - self._alive > PATIENCE:
            wanted = "a free GPU" if self._device.startswith("cuda") else "free processors"
            raise BatchError(
                f"--cluster {self._address}: no node gave a worker in {PATIENCE:.0f} s; are there nodes with {wanted}? "
                "see `ray status`; what is done so far stands in the manifest",
                UNEXPECTED,
            )

    @property
    def _usable(self) -> list[Node]:
        """Nodes that have workers or may be given some; a head without processors is none."""
        open_at = {seat.node.id for seat in self._seats if seat.is_open}
        given = {name for name, node in self._nodes.items() if share_of(node, self._most, self._device).workers}
        return [self._nodes[name] for name in sorted(given & (open_at | (self._nodes.keys() - self._barred.keys())))]

    def _begin_what_fits(self, source: Iterator[Task]) -> None:
        """Give waiting photos to free workers; draw as many more as there could be workers for."""
        room = sum(share_of(node, self._most, self._device).workers for node in self._usable) - len(self._busy)
        while len(self._waiting) < room and (task := next(source, None)) is not None:
            self._waiting.append(task)
        coming = sum(not seat.is_open for seat in self._seats)
        for task in list(self._waiting):
            if self._begin(task):
                self._waiting.remove(task)
            elif coming > 0:
                coming -= 1  # a worker is on its way for it
            else:
                self._hire(task)

    def _begin(self, task: Task) -> bool:
        """Give a photo to a worker, if one is free where it fits; rather not where it was lost before."""
        lost = [node.id for node in self._losses.get(task.target, [])]
        free = [seat for seat in self._seats if seat.is_open and seat.task is None and self._fits(seat.node, task)]
        if not free:
            return False
        chosen = min(free, key=lambda seat: (lost.count(seat.node.id), len(self._at(seat.node, is_busy=True))))
        node, idle = chosen.node, self._at(chosen.node, is_busy=False)
        for other in idle:
            if other is not chosen and self._plan(task.pixels) + len(idle) * FIXED > node.memory:
                self._dismiss(other)  # alone the photo fits, beside workers that only wait it does not
        chosen.task = task
        chosen.call = chosen.actor.work.remote(task, not self._at(node, is_busy=True, but=chosen))
        self._begun(task.photo)
        return True

    def _hire(self, task: Task) -> None:
        """Begin a worker for a photo, on the node with fewest, if there is a place where it may fit."""
        places = {}
        for node in self._usable:
            have = self._at(node, is_busy=True) + self._at(node, is_busy=False)
            has_room = len(have) < share_of(node, self._most, self._device).workers
            if node.id not in self._barred and has_room and self._fits(node, task):
                places[node.id] = len(have)
        if not places:
            return
        node = self._nodes[min(places, key=lambda name: places[name])]
        share = share_of(node, self._most, self._device)
        slot = min(set(range(share.workers)) - {seat.slot for seat in self._seats if seat.node.id == node.id})
        terms = Terms(program(), Path.cwd(), task.staged.parent, slot, share.workers)
        place = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node.id, soft=False)
        options = {"num_cpus": share.cpus, "num_gpus": share.gpus, "max_restarts": 0, "max_task_retries": 0}
        actor = self._ray.remote(Station).options(**options, scheduling_strategy=place).remote(*self._given, terms)
        self._seats.append(_Seat(node, slot, actor, actor.open.remote()))

    def _fits(self, node: Node, task: Task) -> bool:
        working = [seat.task.pixels for seat in self._at(node, is_busy=True) if seat.task is not None]
        idle = max(0, len(self._at(node, is_busy=False)) - 1)
        return may_begin(node, self._usable, task.pixels, working, idle, self._plan)

    def _at(self, node: Node, is_busy: bool, but: _Seat | None = None) -> list[_Seat]:
        here = [seat for seat in self._seats if seat.node.id == node.id and seat is not but]
        return [seat for seat in here if (seat.task is not None) == is_busy]

    def _hear(self) -> None:
        """Wait a moment for news from workers, and take it in."""
        calls = {seat.call: seat for seat in self._seats if seat.call is not None}
        if not calls:
            time.sleep(LOOK)
            return
        for call in self._ray.wait(list(calls), timeout=LOOK)[0]:
            seat = calls[call]
            try:
                news = self._ray.get(call)
            except self._ray.exceptions.RayError as error:
                self._lose(seat, reason_of(error))
                continue
            seat.call = None
            if isinstance(news, Outcome):
                assert seat.task is not None
                self._over.append((seat.task, self._checked(seat.task, news, seat.node)))
                seat.task = None
            elif isinstance(news, Unfit):
                self._bar(seat.node, news.reason)
                self._dismiss(seat)
            elif isinstance(news, Opened) and news.exit:
                raise BatchError(news.error, news.exit)
            else:
                seat.is_open = True

    def _checked(self, task: Task, outcome: Outcome, node: Node) -> Outcome:
        """An outcome, or what it means that a file is seen by one machine only."""
        if outcome.exit:
            if not outcome.input_sha256 and task.photo.is_file():
                return replace(outcome, error=f"{task.photo}: node {node.name} does not see it; are folders shared?")
            return outcome
        ends = time.monotonic() + LAG
        while not task.staged.is_file():
            if time.monotonic() > ends:
                error = f"{task.photo}: node {node.name} wrote its picture where this machine does not see it"
                return Outcome(outcome.seconds, {}, exit=UNEXPECTED, error=error)
            time.sleep(0.1)
            list(task.staged.parent.iterdir())  # makes a network disk look again
        return outcome

    def _lose(self, seat: _Seat, why: str) -> None:
        """A worker has died: its photo waits for another, unless it has taken too many with it."""
        self._dismiss(seat)
        if not seat.is_open:
            self._stillborn[seat.node.id] += 1
            if self._stillborn[seat.node.id] >= ATTEMPTS and seat.node.id in self._nodes:
                self._bar(seat.node, f"its workers die before they can begin: {why}")
        task = seat.task
        if task is None:
            return
        losses = self._losses.setdefault(task.target, [])
        losses.append(seat.node)
        if len(losses) >= ATTEMPTS:
            error = f"{task.photo}: {len(losses)} workers died over it, the last on node {seat.node.name} ({why})"
            self._over.append((task, Outcome(0.0, {}, exit=UNEXPECTED, error=error)))
            return
        again = task.staged.with_stem(f"{task.staged.stem}-again")  # who is thought dead may still write to the first
        self._waiting.appendleft(replace(task, staged=again))

    def _bar(self, node: Node, reason: str) -> None:
        if node.id not in self._barred:
            self._barred[node.id] = f"node {node.name}: {reason}"
            self._say(f"not used: {self._barred[node.id]}")

    def _dismiss(self, seat: _Seat) -> None:
        self._seats.remove(seat)
        with contextlib.suppress(self._ray.exceptions.RayError, ValueError):
            self._ray.kill(seat.actor)
