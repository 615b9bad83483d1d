"""Batches without colouring: photos that are copied, in other processes or in this one; and tiny photos to colour."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from rich.console import Console

from hybrid.batch.batch import Batch, run_batch
from hybrid.batch.manifest import row_of
from hybrid.batch.report import Report
from hybrid.batch.worker import Outcome, Task, attempt


def touched(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(path.name.encode())


def copied(photo: Path, target: Path) -> dict[str, Any]:
    """In place of colouring: photos that begin with "bad" cannot be, those with "die" take the worker with them."""
    if photo.name.startswith("bad"):
        raise ValueError(f"cannot read {photo}: no picture")
    if photo.name.startswith("die"):
        target.write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)
    if photo.name.startswith("slow"):
        time.sleep(0.5)
    target.write_bytes(b"colour of " + photo.read_bytes())
    return {"input": str(photo), "width": 1000, "height": 500, "pid": os.getpid(), "omp": os.environ["OMP_NUM_THREADS"]}


def open_copier(opened: Path) -> Callable[[Path, Path], dict[str, Any]]:
    opened.mkdir(exist_ok=True)
    (opened / str(os.getpid())).touch()
    return copied


def exit_code_of(error: Exception) -> int:
    return 3 if isinstance(error, ValueError) else 1


class Alone:
    """In place of `Crew`: the same work in this process."""

    colored: list[str]

    def __init__(self, *_: Any) -> None:
        pass

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        for task in tasks:
            Alone.colored.append(task.photo.name)
            yield task, attempt(task, copied, exit_code_of)


def done_by(inputs: list[Path], out: Path, settings: str = "s", **how: Any) -> dict[str, Any]:
    """The summary of a batch; what was coloured is in `Alone.colored` then."""
    Alone.colored = []
    opener = how.pop("opener", partial(open_copier, out.parent / "opened"))
    with Report(Console(file=io.StringIO()), as_json=False) as report:
        run_batch(Batch(inputs, out, opener, exit_code_of, settings, **how), report)
    return report.summary()


def oks(out: Path) -> Counter[str]:
    rows = [row_of(line) for path in out.glob("manifest*.jsonl") for line in path.read_bytes().splitlines()]
    assert None not in rows
    return Counter(row.output for row in rows if row is not None and row.status == "ok")


def made_scans(folder: Path, good: int, bad: int, seed: int) -> None:
    """Tiny photos in two levels, the bad ones among them."""
    rng = np.random.default_rng(seed)
    for number in range(good + bad):
        path = folder / f"roll{number % 3}" / f"{number:03}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        values = rng.normal(14000, 300, (24, 32)) + 20000 * (np.arange(32) > 16)
        tifffile.imwrite(path, values.astype(np.uint16), photometric="minisblack")
        if number < bad:
            path.write_bytes(path.read_bytes()[:100])


def counted(out: Path) -> int:
    """Photos done, while a line may be half written."""
    lines = [line for path in out.glob("manifest*.jsonl") for line in path.read_bytes().splitlines()]
    return sum(row.status == "ok" for row in map(row_of, lines) if row is not None)


def started(*words: str, is_heard: bool = True) -> subprocess.Popen[str]:
    """A program; what it says is to be read, or, where nobody reads before the end, thrown away: pipes become full."""
    output = subprocess.PIPE if is_heard else subprocess.DEVNULL
    return subprocess.Popen([sys.executable, *words], stdout=output, stderr=subprocess.PIPE, text=True)
