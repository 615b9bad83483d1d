"""The whole program, killed and interrupted: every photo done once, no file half, no worker left."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import tifffile
from batches import Alone, counted, done_by, made_scans, oks, started, touched


def children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def ended_in_the_middle(process: subprocess.Popen[str], out: Path, photos: int, number: int, wait: float = 0) -> None:
    """Send a signal `wait` seconds after so many photos are done; no worker lives on."""
    while counted(out) < photos:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    time.sleep(wait)
    workers = children_of(process.pid)
    process.send_signal(number)
    process.communicate(timeout=60)
    ends = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < ends, "workers outlive their parent"
        time.sleep(0.05)


def killed_and_restarted(folder: Path, good: int, bad: int, kills: int, seed: int, *options: str) -> dict[str, Any]:
    """Start, kill at random moments, start a last time; the last summary, the files checked after each."""
    scans, out, draw = folder / "in", folder / "out", random.Random(seed)
    made_scans(scans, good, bad, seed)
    words = ["-m", "hybrid", "colorize", str(scans), "-o", f"{out}/", "--model", "none", "--json", *options]
    for _ in range(kills):
        process = started(*words, is_heard=False)
        share = max(1, good // (kills + 2))
        ended_in_the_middle(process, out, counted(out) + share, signal.SIGKILL, draw.random() * share / 40)
        assert process.returncode == -signal.SIGKILL
        assert 0 < counted(out) < good, "it was done before it was killed"
        assert all(tifffile.imread(path).shape == (24, 32, 3) for path in out.glob("roll*/*"))
    process = started(*words)
    stdout, stderr = process.communicate(timeout=600)
    assert process.returncode == 4, stderr
    assert oks(out) == {f"roll{k % 3}/{k:03}.tif": 1 for k in range(bad, good + bad)}
    assert all(tifffile.imread(out / name).shape == (24, 32, 3) for name in oks(out))
    written = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert written == {*oks(out), "manifest.jsonl"}
    found = json.loads(stdout.splitlines()[-1])
    assert found["status"] == "summary"
    assert found["done"] + found["skipped"] == good
    assert found["skipped"] > 0
    assert {Path(row["input"]).name for row in found["failures"]} == {f"{k:03}.tif" for k in range(bad)}
    assert all(row["exit"] == 3 for row in found["failures"])
    return found


def test_killed_twice_every_good_photo_is_done_once(tmp_path: Path) -> None:
    found = killed_and_restarted(tmp_path, 10, 2, 2, 3, "--workers", "1")
    assert (found["photos"], found["failed"]) == (12, 2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_200_photos_5_of_them_broken_killed_three_times(tmp_path: Path, seed: int) -> None:
    found = killed_and_restarted(tmp_path, 195, 5, 3, seed)
    assert (found["photos"], found["failed"]) == (200, 5)


def test_ctrl_c_leaves_whole_files_and_no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touched(*(tmp_path / "in" / f"slow{k}.png" for k in range(9)))
    out = tmp_path / "out"
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})"
    code += "; from pathlib import Path; import batches"
    code += f"; batches.done_by([Path({str(tmp_path / 'in')!r})], Path({str(out)!r}), workers=1)"
    process = started("-c", code)
    ended_in_the_middle(process, out, 2, signal.SIGINT)
    assert process.returncode == -signal.SIGINT
    assert 2 <= len(oks(out)) < 9
    assert {path.name for path in out.iterdir()} == {*oks(out), "manifest.jsonl"}
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("hybrid.batch.batch.Crew", Alone)
    assert done_by([tmp_path / "in"], out)["skipped"] >= 2
    assert oks(out) == {f"slow{k}.tif": 1 for k in range(9)}
