"""What `hybrid colorize` refuses, with which words and exit code, and that nothing is lost or left."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from commands import HEIGHT, RED, WIDTH, color_png, grey_tiff, names, report_of, run
from typer.testing import Result

from hybrid.hints import PhotoIdentity, write_hints
from hybrid.strokes import Stroke


def test_colours_of_a_picture_of_another_shape_are_refused(grey: Path, tmp_path: Path) -> None:
    small = color_png(tmp_path / "small.png", 16, 16)
    refused(run("colorize", grey, "-o", tmp_path / "out" / "a.tif", "--colors", small), 3, small, tmp_path / "out")


def test_a_folder_is_coloured_and_a_bad_file_does_not_stop_it(grey: Path, tmp_path: Path) -> None:
    bad, out = tmp_path / "in" / "bad.tif", tmp_path / "out"
    bad.write_text("not a picture")
    good = grey_tiff(tmp_path / "in" / "good.tif", seed=1)
    result = run("colorize", grey, bad, good, "-o", out, "--device", "cpu", "--json")
    assert result.exit_code == 4
    *rows, whole = (json.loads(line) for line in result.stdout.splitlines())
    assert {row["input"]: row["status"] for row in rows} == {str(grey): "ok", str(bad): "failed", str(good): "ok"}
    assert len(rows) == 3
    assert (whole["status"], whole["done"], whole["skipped"], whole["failed"]) == ("summary", 2, 0, 1)
    assert [(row["input"], row["exit"]) for row in whole["failures"]] == [(str(bad), 3)]
    assert str(bad) in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert names(out) == ["good.tif", "grey.tif", "manifest.jsonl"]
    assert all(tifffile.imread(out / name).dtype == np.uint16 for name in ("good.tif", "grey.tif"))
    by_file = tmp_path / "file.tif"
    report_of(run("colorize", good, "-o", by_file, "--device", "cpu", "--json"))
    got, wanted = (tifffile.imread(path).astype(int) for path in (out / "good.tif", by_file))
    assert np.abs(got - wanted).max() <= 4  # of 65535; a worker has other threads, which add up in another order
    bad.unlink()
    result = run("colorize", bad.parent, "-o", f"{out}/", "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("2 photos: 0 done, 2 done before, 0 failed; ")
    assert result.stderr == ""


def test_a_batch_that_cannot_be_is_refused(grey: Path, tmp_path: Path) -> None:
    out, photos = tmp_path / "out", grey.parent
    grey_tiff(photos / "other.tif")
    refused(run("colorize", photos, "-o", f"{out}/", "--hints", "x.hints.json"), 2, "hints belong to one photo", out)
    refused(run("colorize", photos, "-o", out, "--shard", "3/2"), 2, "--shard '3/2'", out)
    refused(run("colorize", photos / "*.png", "-o", out), 3, photos / "*.png", out)
    refused(run("colorize", photos, "-o", photos), 2, "over the photo", out)
    refused(run("colorize", grey, "-o", out, "--model", "grand"), 5, "'grand': not found", out, ("manifest.jsonl",))


def refused(result: Result, code: int, named: Path | str, out: Path | None, left: tuple[str, ...] = ()) -> None:
    """One line on stderr that names the file, the exit code, and nothing left in `out`."""
    assert result.exit_code == code, result.output
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert result.stderr.startswith("hybrid: ")
    assert str(named) in result.stderr
    assert "Traceback" not in result.output
    if out is not None:
        assert names(out) == sorted(left)


def bad_input(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.tif"
    whole = grey_tiff(folder / "whole.tif").read_bytes()
    (folder / "whole.tif").unlink()
    if kind == "text":
        path.write_text("Dear Sir or Madam,\n" * 20)
    elif kind == "empty":
        path = path.with_suffix(".png")
        path.touch()
    elif kind == "nan":
        values = np.full((8, 9), 0.5, np.float32)
        values[3, 4] = np.nan
        tifffile.imwrite(path, values, photometric="minisblack")
    elif kind == "half":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "signature":
        path.write_bytes(whole[:4])
    elif kind == "folder":
        path.mkdir()
    elif kind == "png header":
        path = path.with_suffix(".png")
        path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR")
    elif kind == "jpeg header":
        path = path.with_suffix(".jpg")
        path.write_bytes(b"\xff\xd8\xff\xe0")
    return path


@pytest.mark.parametrize(
    "kind", ["missing", "text", "empty", "nan", "half", "signature", "folder", "png header", "jpeg header"]
)
@pytest.mark.filterwarnings("error")
def test_a_bad_photo_is_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "out").mkdir()
    path = bad_input(tmp_path, kind)
    result = run("colorize", path, "-o", tmp_path / "out" / "color.tif", "--model", "none")
    refused(result, 3, path, tmp_path / "out")
    refused(run("info", path), 3, path, tmp_path / "out")


@pytest.mark.parametrize("kind", ["another size", "another file", "broken", "missing", "JPEG"])
def test_bad_hints_are_refused(grey: Path, tmp_path: Path, kind: str) -> None:
    hints, named = tmp_path / "marks.hints.json", "marks.hints.json"
    strokes = [Stroke(points=[[5, 5]], ab=RED)]
    if kind == "another size":
        write_hints(hints, strokes, PhotoIdentity(WIDTH + 2, HEIGHT))
    elif kind == "another file":
        write_hints(hints, strokes, PhotoIdentity(WIDTH, HEIGHT, "00" * 32))
    elif kind == "broken":
        hints.write_text('{"hints": [{"points": [[1, 1]], "color": "reddish"}]}')
        named += ": hint 1"
    elif kind == "JPEG":
        hints = tmp_path / "marks.jpg"
        hints.write_bytes(b"\xff\xd8\xff\xe0")
        named = "marks.jpg"
    target = tmp_path / "out" / "color.tif"
    refused(run("colorize", grey, "-o", target, "--hints", hints, "--model", "none"), 3, named, tmp_path / "out")


def test_outputs_that_cannot_be_are_refused(grey: Path, tmp_path: Path) -> None:
    out, model = tmp_path / "out", ("--model", "none")
    nowhere = tmp_path / "nowhere" / "color.tif"
    refused(run("colorize", grey, "-o", nowhere, *model), 2, nowhere, out)
    refused(run("colorize", grey, "-o", out / "color.gif", *model), 2, "color.gif", out)
    refused(run("colorize", grey, "-o", out / "color.jpg", "--depth", 16, *model), 2, "color.jpg", out)
    refused(run("colorize", grey, "-o", out / "color.tif", "--depth", 12, *model), 2, "color.tif", out)
    refused(run("colorize", grey, grey, "-o", out, *model), 2, "grey.tif", out)
    refused(run("colorize", grey, grey, "-o", nowhere, *model), 2, nowhere, out)
    before = grey.read_bytes()
    refused(run("colorize", grey, "-o", grey, "--overwrite", *model), 2, grey, out)
    refused(run("colorize", grey, "-o", grey, *model), 2, grey, out)
    assert grey.read_bytes() == before


def test_a_file_that_exists_is_replaced_only_where_that_is_asked_for(grey: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "color.tif"
    target.write_bytes(b"mine")
    words = ("colorize", grey, "-o", target, "--model", "none", "--json")
    refused(run(*words), 2, target, tmp_path / "out", ("color.tif",))
    assert target.read_bytes() == b"mine"
    report_of(run(*words, "--overwrite"))
    assert tifffile.imread(target).shape == (HEIGHT, WIDTH, 3)


def test_a_failure_while_writing_leaves_what_was_there(
    grey: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out" / "color.tif"
    target.write_bytes(b"mine")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hybrid.photo.tiff.write", full)
    result = run("colorize", grey, "-o", target, "--model", "none", "--overwrite")
    refused(result, 2, target, tmp_path / "out", ("color.tif",))
    assert "No space left on device" in result.stderr
    assert target.read_bytes() == b"mine"


def test_unknown_models_and_devices_are_refused(grey: Path, tmp_path: Path) -> None:
    out, garbage = tmp_path / "out", tmp_path / "garbage.safetensors"
    garbage.write_bytes(b"garbage" * 100)
    words = ("colorize", grey, "-o", out / "color.tif", "--model")
    refused(run(*words, "grand"), 5, "'grand': not found; shipped are: ", out)
    refused(run(*words, garbage), 5, garbage, out)
    refused(run(*words, "lite", "--device", "abacus"), 2, "device 'abacus'; wanted auto, cpu or cuda", out)


def test_settings_out_of_range_are_refused_as_usage(grey: Path, tmp_path: Path) -> None:
    for option, value in (("--temperature", 2), ("--vividness", -1), ("--saturation", 9), ("--depth", "many")):
        result = run("colorize", grey, "-o", tmp_path / "out" / "color.tif", option, value)
        assert result.exit_code == 2
        assert option in result.stderr
    assert names(tmp_path / "out") == []


def test_a_photo_too_large_for_the_memory_is_refused_before_any_work(
    grey: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hybrid.memory.available_bytes", lambda: 5e8)
    monkeypatch.setattr("hybrid.photo.read_photo", lambda *_: pytest.fail("the photo was read"))
    result = run("colorize", grey, "-o", tmp_path / "out" / "color.tif", "--model", "none")
    refused(result, 6, "0.5 GB are free", tmp_path / "out")
    assert grey.name in result.stderr


def test_scribbles_that_cannot_be_written_are_refused_beforehand(grey: Path, tmp_path: Path) -> None:
    out, taken = tmp_path / "out", tmp_path / "taken.json"
    taken.write_text("mine")
    words = ("colorize", grey, "-o", out / "a.tif", "--scribbles-out")
    refused(run(*words, taken), 2, "taken.json exists; choose another name, or --overwrite", out)
    refused(run(*words, tmp_path / "a.png"), 2, "wanted a name that ends in .hints.json", out)
    refused(run(*words, tmp_path / "no" / "a.json"), 2, "no folder", out)
    refused(run(*words, tmp_path / "a.json", "--model", "none"), 2, "got neither", out)
    refused(
        run("colorize", grey, "-o", f"{out}/", "--scribbles-out", tmp_path / "a.json"), 2, "belongs to one photo", out
    )
    refused(run("colorize", grey, "-o", out / "a.tif", "--colors-as-is"), 2, "give that too", out)
    assert taken.read_text() == "mine"
