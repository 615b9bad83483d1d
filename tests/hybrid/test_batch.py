"""Batches: which photos, what is done already, who works; killed at any moment, nothing is lost, half or done twice."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from hybrid.batch.batch import Batch, run_batch
from hybrid.batch.crew import Crew, fits_beside, share_of_cores
from hybrid.batch.error import BatchError
from hybrid.batch.identity import settings_hash
from hybrid.batch.inputs import is_batch, lay_out, output_folder
from hybrid.batch.lock import HIDDEN, workplace
from hybrid.batch.manifest import Manifest, Row, line_of, read_history, row_of
from hybrid.batch.outlook import Outlook
from hybrid.batch.place import pending_path
from hybrid.batch.report import Report
from hybrid.batch.shard import WHOLE, Shard, parse_shard
from hybrid.batch.worker import Outcome, Task, attempt
from hybrid.memory import FIXED, plan_bytes


def touched(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(path.name.encode())


def laid_out(*inputs: Path, folder: Path, own: Iterable[Path] = ()) -> dict[str, Path]:
    return {item.output.as_posix(): item.photo for item in lay_out(inputs, folder, set(own))}


def test_a_folder_is_mirrored_without_what_is_hidden_of_another_kind_or_our_own(tmp_path: Path) -> None:
    scans, out = tmp_path / "scans", tmp_path / "scans" / "out"
    wanted = [scans / "a.png", scans / "b" / "c.JPG", scans / "b" / "d.e.tiff", scans / "z" / "a.png"]
    touched(*wanted, scans / ".a.png", scans / ".b" / "x.png", scans / "notes.txt", out / "a.tif", scans / "ours.tif")
    os.mkfifo(scans / "pipe.png")
    found = laid_out(scans, folder=out, own=[scans / "ours.tif"])
    assert found == dict(zip(["a.tif", "b/c.tif", "b/d.e.tif", "z/a.tif"], wanted, strict=True))
    assert list(found) == sorted(found)
    assert laid_out(scans / "b" / "c.JPG", scans / "z", folder=out).keys() == {"c.tif", "a.tif"}


def test_a_folder_s_photos_are_of_every_kind_that_is_read(tmp_path: Path) -> None:
    names = "tif tiff png jpg jpeg webp jp2 j2k jxl avif heic heif dng cr2 cr3 nef arw raf rw2 orf"
    kinds = names.split()
    touched(*(tmp_path / f"{kind}.{kind.upper()}" for kind in kinds), tmp_path / "a.gif", tmp_path / "b.xmp")
    assert laid_out(tmp_path, folder=tmp_path / "out").keys() == {f"{kind}.tif" for kind in kinds}


@pytest.mark.parametrize(
    ("pattern", "outputs"),
    [
        ("*.png", ["a.tif"]),
        ("**/*.png", ["a.tif", "b/c.tif", "b/d/e.tif"]),
        ("b/**", ["c.tif", "d/e.tif", "f.tif"]),
        ("*/*.*g", ["b/c.tif", "b/f.tif"]),
        ("*", ["a.tif", "b/c.tif", "b/d/e.tif", "b/f.tif", "g[1].tif"]),
        ("b/[c-e].png", ["c.tif"]),
        ("?/d/*", ["b/d/e.tif"]),
        (".*/*.png", [".h/x.tif"]),
        ("g[1].tif", ["g[1].tif"]),
    ],
)
def test_patterns_are_expanded_below_their_fixed_part(tmp_path: Path, pattern: str, outputs: list[str]) -> None:
    names = ("a.png", "b/c.png", "b/d/e.png", "b/f.jpg", "b/notes.txt", ".h/x.png", "g[1].tif")
    touched(*(tmp_path / "in" / name for name in names))
    assert list(laid_out(tmp_path / "in" / pattern, folder=tmp_path / "out")) == outputs


@pytest.mark.parametrize("given", [".", "**/*.png", "b/../**/*"])
def test_links_in_circles_come_to_an_end(tmp_path: Path, given: str) -> None:
    top = tmp_path / "in"
    touched(top / "a.png", top / "b" / "c.png", tmp_path / "elsewhere" / "e.png")
    for number in range(8):  # each way through these is another path: 8! of them
        (top / "b" / f"round{number}").symlink_to(top)
        (top / f"again{number}").symlink_to(top / "b")
    (top / "z").symlink_to(tmp_path / "elsewhere")
    found = laid_out(top / given, folder=tmp_path / "out")
    assert Counter(photo.name for photo in found.values()) == {"a.png": 1, "c.png": 1, "e.png": 1}
    if given == ".":
        assert found.keys() == {"a.tif", "b/c.tif", "z/e.tif"}


def refusal(*inputs: Path, folder: Path) -> str:
    with pytest.raises(BatchError) as caught:
        lay_out(inputs, folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_inputs_that_cannot_be_a_batch_are_refused(tmp_path: Path) -> None:
    one, two, out = tmp_path / "in" / "a.png", tmp_path / "in" / "a.jpg", tmp_path / "out"
    touched(one, two, tmp_path / "in" / "b" / "notes.txt", tmp_path / "scans" / "x.tif")
    for inputs in ([one, two], [one.parent]):
        message = refusal(*inputs, folder=out)
        assert str(one) in message
        assert str(two) in message
    assert "no photo found" in refusal(tmp_path / "in" / "b", folder=out)
    assert "no photo found" in refusal(tmp_path / "*.png", folder=out)
    assert "over the photo" in refusal(tmp_path / "scans", folder=tmp_path / "scans")
    (tmp_path / "link").symlink_to(tmp_path / "scans")
    assert "over the photo" in refusal(tmp_path / "scans" / "x.tif", folder=tmp_path / "link")


def test_what_is_a_batch_and_what_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    touched(Path("a.png"), Path("in/b.png"))
    one = [Path("a.png")]
    assert [is_batch(one, output) for output in ("x.tif", "new/", "in", "new")] == [False, True, True, False]
    assert [is_batch([Path(name)], "new") for name in ("in", "*.png", "[a].png")] == [True, True, True]
    assert not is_batch([Path("in")], "x.tif")
    assert is_batch(one * 2, "x.tif")
    assert output_folder("new", 2) == Path("new")
    for output in ("x.tif", "a.png/", "a.png"):
        with pytest.raises(BatchError, match="it is no folder"):
            output_folder(output, 2)


@given(st.integers(0, 200), st.integers(1, 30))
def test_shards_share_out_every_photo_once(photos: int, count: int) -> None:
    shares = [Shard(number, count).of(range(photos)) for number in range(1, count + 1)]
    assert sorted(photo for share in shares for photo in share) == list(range(photos))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_shards_that_are_none_are_refused() -> None:
    assert parse_shard("2/4") == Shard(2, 4)
    for text in ("0/4", "5/4", "1", "a/b", "1/4/2", "-1/4", ""):
        with pytest.raises(BatchError, match="wanted i/n"):
            parse_shard(text)


ROW = Row("../in/Zür\udcffich.png", "a.tif", "ok", "5" * 64, "1" * 64, 7, 10**18, "2" * 64, 9, 0.5, 0, "", "2026")


def test_a_last_line_that_was_cut_off_is_ignored_and_taken_away(tmp_path: Path) -> None:
    whole, last = line_of(ROW) + b"not ours\n[1]\n", line_of(replace(ROW, output="b.tif"))
    path = tmp_path / "manifest.jsonl"
    for cut in range(len(last) + 1):
        path.write_bytes(whole + last[:cut])
        is_there = cut >= len(last) - 1  # only the end of the line may be missing
        before = read_history(tmp_path)
        assert before.last("a.tif") == ROW
        assert (before.last("b.tif") is not None) == is_there
        with Manifest(tmp_path, WHOLE) as manifest:
            manifest.add(replace(ROW, output="c.tif"))
        assert sorted(read_history(tmp_path).outputs) == ["a.tif", *["b.tif"] * is_there, "c.tif"]
        lines = path.read_bytes().splitlines()
        assert [row_of(line) is None for line in lines] == [False, True, True, *[False] * is_there, False]


def test_manifests_of_all_shards_are_read_and_the_latest_line_counts(tmp_path: Path) -> None:
    for number, finished in ((1, "2026-02"), (2, "2026-03"), (3, "2026-01")):
        with Manifest(tmp_path, Shard(number, 3)) as manifest:
            manifest.add(replace(ROW, finished=finished, output_sha256=str(number)))
    history = read_history(tmp_path)
    assert history.last("a.tif") == replace(ROW, finished="2026-03", output_sha256="2")
    assert history.written("a.tif") == {"1", "2", "3"}


def test_another_batch_in_the_folder_is_refused_a_dead_one_is_not(tmp_path: Path) -> None:
    with workplace(tmp_path, Shard(1, 2)) as first, workplace(tmp_path, Shard(2, 2)) as second:
        assert first != second
        for shard in (Shard(1, 2), Shard(2, 2), Shard(2, 3), WHOLE):
            with pytest.raises(BatchError, match=f"another batch is at work there .process {os.getpid()} "):
                workplace(tmp_path, shard).__enter__()
        assert first.is_dir()
    assert not list(tmp_path.iterdir())
    left = tmp_path / HIDDEN / "1-of-1.abc.work"
    touched(left / "0.tif", tmp_path / HIDDEN / "1-of-1.lock")  # of one that was killed
    with workplace(tmp_path, WHOLE):
        assert not left.exists()


def test_the_settings_hash_tells_apart_all_that_shapes_a_picture(tmp_path: Path) -> None:
    weights, hints = tmp_path / "net.safetensors", tmp_path / "x.hints.json"
    hashes = [settings_hash({"depth": depth}, model) for depth in (8, 16) for model in ("lite", "none")]
    for content in ("1", "2"):
        weights.write_text(content)
        hints.write_text(content)
        hashes += [settings_hash({}, str(weights)), settings_hash({}, "none", None, hints)]
        hashes += [settings_hash({}, "none", hints, None)]
    assert len(set(hashes)) == len(hashes)
    assert settings_hash({"a": 1, "b": 2}, "lite") == settings_hash({"b": 2, "a": 1}, "lite")


# ---- doing it, with colouring that takes no time


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


def open_nothing(dies: bool) -> Callable[[Path, Path], dict[str, Any]]:
    if dies:
        os.kill(os.getpid(), signal.SIGKILL)
    raise ValueError("model 'grand': not found")


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


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("hybrid.batch.batch.Crew", Alone)


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


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    touched(*(tmp_path / "in" / name for name in ("a.png", "b/a.png", "b/bad.png", "c.jpg")))
    return tmp_path / "in"


@pytest.mark.usefixtures("alone")
def test_a_rerun_does_what_is_not_done_or_has_changed_and_nothing_else(scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = done_by([scans], out)
    assert (found["done"], found["skipped"], found["failed"], found["megapixels"]) == (3, 0, 1, 1.5)
    assert [(row["input"], row["exit"]) for row in found["failures"]] == [(str(scans / "b" / "bad.png"), 3)]
    assert (out / "b" / "a.tif").read_bytes() == b"colour of a.png"
    assert sorted(path.name for path in out.iterdir()) == ["a.tif", "b", "c.tif", "manifest.jsonl"]
    assert done_by([scans], out)["skipped"] == 3
    assert Alone.colored == ["bad.png"]

    os.utime(scans / "a.png", (1, 1))  # a new date is no new photo
    (out / "c.tif").unlink()
    assert done_by([scans], out, verify=True)["skipped"] == 2
    assert Alone.colored == ["bad.png", "c.jpg"]
    (scans / "a.png").write_bytes(b"A.png")
    (out / "c.tif").write_bytes(b"half")
    (scans / "b" / "bad.png").rename(scans / "b" / "good.png")
    found = done_by([scans], out, overwrite=True)
    assert (found["done"], found["skipped"], found["failed"]) == (3, 1, 0)
    assert Alone.colored == ["a.png", "good.png", "c.jpg"]
    assert (out / "a.tif").read_bytes() == b"colour of A.png"
    assert done_by([scans], out)["skipped"] == 4
    assert done_by([scans], out, redo=True)["done"] == 4
    assert done_by([scans], out, settings="others")["done"] == 4
    assert done_by([scans], out)["done"] == 4  # what is there now was made with other settings


@pytest.mark.usefixtures("alone")
def test_only_verify_sees_a_change_of_neither_size_nor_date(scans: Path, tmp_path: Path) -> None:
    out, photo = tmp_path / "out", scans / "a.png"
    done_by([photo], out)
    status = photo.stat()
    photo.write_bytes(b"A.png")
    os.utime(photo, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert done_by([photo], out)["skipped"] == 1
    assert done_by([photo], out, verify=True)["done"] == 1
    picture = (out / "a.tif").read_bytes()
    (out / "a.tif").write_bytes(picture[::-1])
    assert done_by([photo], out)["skipped"] == 1
    assert done_by([photo], out, verify=True)["failed"] == 1  # somebody's work by now
    assert done_by([photo], out, verify=True, overwrite=True)["done"] == 1
    assert (out / "a.tif").read_bytes() == picture


@pytest.mark.usefixtures("alone")
def test_files_that_no_batch_wrote_are_left_alone(scans: Path, tmp_path: Path) -> None:
    out, mine = tmp_path / "out", tmp_path / "out" / "a.tif"
    touched(mine)
    found = done_by([scans / "a.png", scans / "c.jpg"], out)
    assert (found["done"], found["failed"]) == (1, 1)
    assert found["failures"][0]["exit"] == 2
    assert str(mine) in found["failures"][0]["error"]
    assert mine.read_bytes() == b"a.tif"
    (out / "c.tif").write_bytes(b"painted over")
    assert done_by([scans / "c.jpg"], out, settings="others")["failed"] == 1
    assert (out / "c.tif").read_bytes() == b"painted over"
    (out / "b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    found = done_by([scans], out, overwrite=True)
    assert [Path(row["input"]).name for row in found["failures"]] == ["a.png", "bad.png"]
    assert "leads out of" in found["failures"][0]["error"]
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("moment", ["before the move", "before the line", "after the line"])
@pytest.mark.parametrize("then", [WHOLE, Shard(1, 2)])
def test_killed_around_the_move_a_photo_is_done_once(
    scans: Path, monkeypatch: pytest.MonkeyPatch, moment: str, then: Shard
) -> None:
    out, photo = scans, scans / "a.png"  # outputs beside the photos: ours must not be taken for one
    name = {"before the move": "pathlib.Path.replace", "before the line": "hybrid.batch.place.Manifest.add"}.get(moment)
    real: Any = Path.replace if moment == "before the move" else Path.unlink

    def killed(self: Any, *words: Any, **options: Any) -> Any:
        if isinstance(self, Path) and self.suffix not in (".tif", ".pending"):
            return real(self, *words, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("hybrid.batch.batch.recover", lambda *_: None)  # who is killed puts nothing right
        patch.setattr(name or "pathlib.Path.unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            done_by([photo], out)
    assert pending_path(out, WHOLE).is_file()
    found = done_by([scans / "a.p*"], out, shard=then)
    is_there = moment != "before the move"
    assert (found["done"], found["skipped"]) == (1 - is_there, int(is_there))
    assert oks(out) == {"a.tif": 1}
    assert not (out / HIDDEN).exists()
    assert done_by([scans], out, settings="s")["failed"] == 1  # bad.png; a.tif is no photo and a.png done


def test_shards_know_of_each_other(scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("hybrid.batch.batch.Crew", Alone)
    out = tmp_path / "out"
    counts = [done_by([scans], out, shard=Shard(number, 3)) for number in (1, 2, 3)]
    assert [found["photos"] for found in counts] == [2, 1, 1]
    assert oks(out) == {"a.tif": 1, "b/a.tif": 1, "c.tif": 1}
    assert len(list(out.glob("manifest-*-of-3.jsonl"))) == 3
    assert done_by([scans], out)["skipped"] == 3


@pytest.mark.usefixtures("alone")
def test_interrupted_before_the_line_a_photo_is_recorded_on_the_way_out(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, out = Manifest.add, tmp_path / "out"

    def interrupted(*_: Any) -> None:
        monkeypatch.setattr(Manifest, "add", add)
        raise KeyboardInterrupt

    monkeypatch.setattr(Manifest, "add", interrupted)
    with pytest.raises(KeyboardInterrupt):
        done_by([scans / "a.png"], out)
    assert oks(out) == {"a.tif": 1}
    assert {path.name for path in out.iterdir()} == {"a.tif", "manifest.jsonl"}


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("is_terminal", [False, True])
def test_data_goes_to_stdout_and_progress_to_stderr(
    capsys: pytest.CaptureFixture[str], as_json: bool, is_terminal: bool
) -> None:
    told = io.StringIO()
    with Report(Console(file=told, force_terminal=is_terminal, width=300), as_json) as report:
        photos = [Path(name) for name in ("a.png", "b.png", "c\udcff.png", "d.png")]
        report.expect(photos, Outlook(photos, dict.fromkeys(photos, 2_000_000)))
        report.begun(photos[0])
        report.done(photos[0], {"output": "a.tif", "width": 2000, "height": 1000}, 100.0)
        if is_terminal:
            time.sleep(0.7)  # the time left is drawn twice a second
        report.skipped(Path("b.png"), Path("b.tif"))
        report.failed(Path("c\udcff.png"), 3, "cannot read c\udcff.png: torn [bold]", "")
        report.failed(Path("d.png"), 1, "d.png: oh", "Traceback (most recent call last): oh")
    report.conclude()
    said, shown = capsys.readouterr().out, told.getvalue()
    assert "hybrid: cannot read c\\udcff.png: torn [bold]\n" in shown.replace("\x1b[31m", "").replace("\x1b[0m", "")
    assert "Traceback" in shown
    assert ("photos" in shown and "4/4" in shown) == is_terminal
    assert ("1 of 4: a.tif, 2.00 MP; about 5 min left" in shown) == (not is_terminal and not as_json)
    assert ("about 5 min left" in shown) == (is_terminal or not as_json)
    assert "left" not in said
    if not as_json:
        assert said.startswith("4 photos: 1 done, 1 done before, 2 failed; 2.00 MP in ")
        assert "  failed, exit 3: cannot read c\\udcff.png: torn [bold]\n  failed, exit 1: d.png: oh\n" in said
        return
    *rows, whole = (json.loads(line) for line in said.splitlines())
    assert [row["status"] for row in rows] == ["ok", "skipped", "failed", "failed"]
    assert rows[2] == whole["failures"][0]
    assert rows[2]["input"] == "c\udcff.png"
    assert (whole["status"], whole["photos"], whole["megapixels"]) == ("summary", 4, 2.0)


# ---- workers


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
    crew = Crew(partial(open_copier, tmp_path / "opened"), exit_code_of, 3)
    ended = list(crew.run(tasks))
    assert [task.target.name for task, _ in ended] == [f"{k}.tif" for k in range(5)]
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


# ---- the whole program


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


def children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def counted(out: Path) -> int:
    """Photos done, while a line may be half written."""
    lines = [line for path in out.glob("manifest*.jsonl") for line in path.read_bytes().splitlines()]
    return sum(row.status == "ok" for row in map(row_of, lines) if row is not None)


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


def started(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def killed_and_restarted(folder: Path, good: int, bad: int, kills: int, seed: int, *options: str) -> dict[str, Any]:
    """Start, kill at random moments, start a last time; the last summary, the files checked after each."""
    scans, out, draw = folder / "in", folder / "out", random.Random(seed)
    made_scans(scans, good, bad, seed)
    words = ["-m", "hybrid", "colorize", str(scans), "-o", f"{out}/", "--model", "none", "--json", *options]
    for _ in range(kills):
        process = started(*words)
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


@pytest.mark.usefixtures("alone")
def test_ctrl_c_leaves_whole_files_and_no_worker(tmp_path: Path) -> None:
    touched(*(tmp_path / "in" / f"slow{k}.png" for k in range(9)))
    out = tmp_path / "out"
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})"
    code += "; from pathlib import Path; import test_batch"
    code += f"; test_batch.done_by([Path({str(tmp_path / 'in')!r})], Path({str(out)!r}), workers=1)"
    process = started("-c", code)
    ended_in_the_middle(process, out, 2, signal.SIGINT)
    assert process.returncode == -signal.SIGINT
    assert 2 <= len(oks(out)) < 9
    assert {path.name for path in out.iterdir()} == {*oks(out), "manifest.jsonl"}
    assert done_by([tmp_path / "in"], out)["skipped"] >= 2
    assert oks(out) == {f"slow{k}.tif": 1 for k in range(9)}
