"""A batch begun again does what is not done or has changed; interrupted at any point it does nothing twice."""

from __future__ import annotations

import io
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from batches import Alone, done_by, oks, touched
from rich.console import Console

from hybrid.batch.lock import HIDDEN
from hybrid.batch.manifest import Manifest
from hybrid.batch.outlook import Outlook
from hybrid.batch.place import pending_path
from hybrid.batch.report import Report
from hybrid.batch.shard import WHOLE, Shard


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("hybrid.batch.batch.Crew", Alone)


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
