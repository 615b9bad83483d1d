"""Workers: one that dies takes one photo with it, memory and cores are shared out."""

from __future__ import annotations

import io
import os
import re
import signal
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from batches import Alone, done_by, exit_code_of, oks, open_copier, touched
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from hybrid.batch.batch import Batch, run_batch
from hybrid.batch.crew import Crew, fits_beside, share_of_cores
from hybrid.batch.error import BatchError
from hybrid.batch.lock import HIDDEN
from hybrid.batch.report import Report
from hybrid.batch.worker import Outcome, Task
from hybrid.memory import FIXED, plan_bytes


def open_nothing(dies: bool) -> Callable[[Path, Path], dict[str, Any]]:
    if dies:
        os.kill(os.getpid(), signal.SIGKILL)
    raise ValueError("model 'grand': not found")


def test_a_worker_that_dies_takes_one_photo_with_it(tmp_path: Path) -> None:
    names = [f"slow{k}.png" for k in range(4)] + ["die.png", "bad.png", "a.png", "b.png"]
    touched(*(tmp_path / "in" / name for name in names))
    out = tmp_path / "out"
    found = done_by([tmp_path / "in"], out, workers=2)
    assert (found["done"], found["failed"]) == (6, 2)
    errors = {Path(row["input"]).name: (row["exit"], row["error"]) for row in found["failures"]}
    assert errors["bad.png"][0] == 3
    assert errors["die.png"][0] == 1
    assert "SIGKILL" in errors["die.png"][1]
    assert len(list((tmp_path / "opened").iterdir())) == 3  # two, and one for the one that died
    assert oks(out).keys() == {Path(name).stem + ".tif" for name in names} - {"die.tif", "bad.tif"}
    assert not (out / HIDDEN).exists()
    assert not (out / "die.tif").exists()


def test_little_memory_means_one_worker_and_cores_are_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touched(tmp_path / "a.png")
    monkeypatch.setattr("hybrid.batch.crew.available_bytes", lambda: 2.5 * FIXED)
    monkeypatch.setattr("hybrid.batch.crew.usable_cores", lambda: sorted(os.sched_getaffinity(0)) * 6)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    tasks = [Task(tmp_path / "a.png", tmp_path / f"{k}.tif", tmp_path / f"{k}.part") for k in range(5)]
    begun: list[Path] = []
    crew = Crew(partial(open_copier, tmp_path / "opened"), exit_code_of, 3, begun=begun.append)
    ended = list(crew.run(tasks))
    assert [task.target.name for task, _ in ended] == [f"{k}.tif" for k in range(5)]
    assert begun == [tmp_path / "a.png"] * 5
    assert len({outcome.report["pid"] for _, outcome in ended}) == 1
    assert {outcome.report["omp"] for _, outcome in ended} == {str(len(os.sched_getaffinity(0)) * 6 // 3)}


@pytest.mark.parametrize(("dies", "code", "text"), [(False, 3, "'grand': not found"), (True, 1, "no photo was begun")])
def test_workers_that_cannot_begin_end_the_batch(tmp_path: Path, dies: bool, code: int, text: str) -> None:
    touched(tmp_path / "in" / "a.png", tmp_path / "in" / "b.png")
    with pytest.raises(BatchError, match=text) as caught:
        done_by([tmp_path / "in"], tmp_path / "out", opener=partial(open_nothing, dies), workers=1)
    assert caught.value.code == code
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["manifest.jsonl"]


HOW = st.fixed_dictionaries(
    {"has_strokes": st.booleans(), "has_layers": st.booleans(), "megapixels": st.floats(0.1, 100)}
)


@given(st.integers(0, 10**8), st.lists(st.integers(0, 10**8), max_size=4), st.integers(0, 3), HOW)
def test_photos_are_begun_together_only_where_their_plans_fit(
    pixels: int, working: list[int], idle: int, how: dict[str, Any]
) -> None:
    plan = partial(plan_bytes, **how)
    needed = sum(plan(count) for count in (pixels, *working))
    assert fits_beside(pixels, working, idle, needed + (idle + 1) * FIXED, plan)
    assert fits_beside(pixels, working, idle, needed + (idle + 1) * FIXED - 1e3, plan) == (not working)
    assert fits_beside(pixels, working, idle, 1.0, plan) == (not working)


@pytest.mark.parametrize("how", [{"has_hints": True}, {"has_layers": True}, {"megapixels": 6.0}, {"page": 2}])
def test_a_batch_s_plan_knows_all_that_takes_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: dict[str, Any]
) -> None:
    """With 4.2 GB two photos of 20 megapixels go side by side, but not with strokes, layers or a large solve."""
    for number in range(3):
        with tifffile.TiffWriter(tmp_path / f"{number}.tif") as file:
            file.write(np.zeros((4, 5), np.uint8))
            file.write(np.zeros((6, 7), np.uint8))
    inputs = [tmp_path / "0.tif"] if "has_hints" in how else [tmp_path / f"{number}.tif" for number in range(3)]
    plans: list[tuple[float, list[int]]] = []

    class Planned(Alone):
        def __init__(self, *given: Any) -> None:
            self.plan = next(part for part in given if isinstance(part, partial) and part.func is plan_bytes)

        def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
            plans.append((self.plan(20_000_000), [task.pixels for task in tasks]))
            yield from ()

    monkeypatch.setattr("hybrid.batch.batch.Crew", Planned)
    for words in ({}, how):
        done_by(inputs, tmp_path / "out", **words)
    (plain, sizes), (needed, as_asked) = plans
    assert plain == plan_bytes(20_000_000)
    if "page" in how:
        assert (sizes, as_asked) == ([20] * 3, [42] * 3)
        return
    assert fits_beside(20_000_000, [20_000_000], 0, 4.2e9, lambda _: plain)
    assert not fits_beside(20_000_000, [20_000_000], 0, 4.2e9, lambda _: needed)


@given(st.integers(1, 64), st.integers(1, 9))
def test_cores_are_split_without_overlap_where_there_are_enough(count: int, workers: int) -> None:
    shares = [share_of_cores(range(count), slot, workers, is_alone=False) for slot in range(workers)]
    assert all(shares)
    assert set().union(*shares) == set(range(count))
    if count >= workers:
        assert sum(map(len, shares)) == count
    assert share_of_cores(range(count), 0, workers, is_alone=True) == tuple(range(count))


def test_a_line_a_photo_says_what_time_is_left(tmp_path: Path) -> None:
    """As long as there is a photo to come, and from photos of this batch alone."""
    for number in range(3):
        path = tmp_path / "in" / f"slow{number}.png"
        touched(path)
        path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x03\xe8\0\0\x01\xf4" + bytes(9))  # 1000 × 500
    told = io.StringIO()
    opener = partial(open_copier, tmp_path / "opened")
    with Report(Console(file=told, width=300), as_json=False) as report:
        run_batch(Batch([tmp_path / "in"], tmp_path / "out", opener, exit_code_of, "s", workers=1), report)
    first, second, last = told.getvalue().splitlines()
    assert re.search(r"slow0.tif, 0.50 MP; about [1-9] s left$", first)
    assert re.search(r"slow1.tif, 0.50 MP; about [1-9] s left$", second)
    assert last.endswith("slow2.tif, 0.50 MP")
