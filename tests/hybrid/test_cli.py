"""The whole program, file to file: what it writes, what it says, how it fails; failures leave nothing behind."""

import inspect
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner, Result

from hybrid.cli import app
from hybrid.cli.colorize import colorize as colorize_command
from hybrid.compare.scene import picture_of
from hybrid.hints import PhotoIdentity, read_hints, sha256_of, write_hints
from hybrid.models.weights import load_model
from hybrid.photo import read_photo, write_photo
from hybrid.predict import Predictor
from hybrid.session import Session, colorize
from hybrid.settings import Settings
from hybrid.strokes import Stroke, covered

HEIGHT, WIDTH = 48, 64
RED = (50.0, 30.0)


def run(*words: Any) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def report_of(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    (line,) = result.stdout.splitlines()
    return json.loads(line)


def grey_tiff(path: Path, height: int = HEIGHT, width: int = WIDTH, seed: int = 0) -> Path:
    """A 16-bit scan at 300 dpi: two surfaces and film grain."""
    values = np.full((height, width), 14000.0)
    values[:, width // 2 :] = 40000
    values += np.random.default_rng(seed).normal(0, 300, values.shape)
    tifffile.imwrite(path, values.astype(np.uint16), photometric="minisblack", resolution=(300, 300), resolutionunit=2)
    return path


def color_png(path: Path, height: int, width: int) -> Path:
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[:, : width // 2], rgb[:, width // 2 :] = (40, 60, 140), (220, 180, 90)
    path.write_bytes(imagecodecs.png_encode(rgb))
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    return grey_tiff(tmp_path / "in" / "grey.tif")


def test_a_16_bit_photo_becomes_a_16_bit_photo_of_the_same_luminance(grey: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "color.tif"
    report = report_of(run("colorize", grey, "-o", target, "--device", "cpu", "--json"))
    assert report["status"] == "ok"
    assert (report["input"], report["output"]) == (str(grey), str(target))
    assert report["luminance_change"] <= 1
    assert report["bytes"] == target.stat().st_size
    assert report["peak_memory"] > 1e6
    assert report["seconds"].keys() >= {"read", "predict", "solve", "write"}
    with tifffile.TiffFile(target) as tiff:
        assert tiff.pages[0].shape == (HEIGHT, WIDTH, 3)
        assert tiff.pages[0].dtype == np.uint16
        assert tiff.pages[0].get_resolution() == pytest.approx((300, 300))
    before, after = read_photo(grey), read_photo(target, keep_color=True)
    np.testing.assert_allclose(after.lightness, before.lightness, atol=0.05)
    assert after.ab is not None
    assert names(tmp_path / "out") == ["color.tif"]


def test_the_command_and_the_library_write_the_same_pixels(grey: Path, tmp_path: Path) -> None:
    by_command, by_library = tmp_path / "out" / "command.tif", tmp_path / "out" / "library.tif"
    report_of(run("colorize", grey, "-o", by_command, "--device", "cpu", "--json"))
    photo = read_photo(grey)
    result = colorize(photo, Predictor(load_model("lite"), "cpu"))
    write_photo(by_library, photo, result.ab)
    assert (tifffile.imread(by_command) == tifffile.imread(by_library)).all()
    assert Session(photo, None).edit().write(tmp_path / "out" / "grey.png")["luminance_change"] <= 1


def test_without_json_a_person_reads_a_summary(grey: Path, tmp_path: Path) -> None:
    target = tmp_path / "color.jpg"
    result = run("colorize", grey, "-o", target, "--model", "none")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{target}: {WIDTH}×{HEIGHT}")
    for fact in ("luminance change", "out of gamut", "peak memory"):
        assert fact in result.stdout
    assert imagecodecs.jpeg8_decode(target.read_bytes()).dtype == np.uint8


def test_colours_of_a_small_picture_arrive(grey: Path, tmp_path: Path) -> None:
    small, target = color_png(tmp_path / "small.png", 12, 16), tmp_path / "color.png"
    report_of(run("colorize", grey, "-o", target, "--colors", small, "--json"))
    got, wanted = read_photo(target, keep_color=True), read_photo(small, keep_color=True)
    assert got.ab is not None
    assert wanted.ab is not None
    np.testing.assert_allclose(got.ab[:, :26].mean((0, 1)), wanted.ab[:, :8].mean((0, 1)), atol=4)
    np.testing.assert_allclose(got.ab[:, 38:].mean((0, 1)), wanted.ab[:, 8:].mean((0, 1)), atol=4)


def test_colours_of_a_picture_of_another_shape_are_refused(grey: Path, tmp_path: Path) -> None:
    small = color_png(tmp_path / "small.png", 16, 16)
    refused(run("colorize", grey, "-o", tmp_path / "out" / "a.tif", "--colors", small), 3, small, tmp_path / "out")


@pytest.mark.parametrize("kind", ["json", "marked copy"])
def test_hints_arrive_at_their_pixels(grey: Path, tmp_path: Path, kind: str) -> None:
    target, stroke = tmp_path / "out" / "color.tif", Stroke(points=[[10, 10], [10, 30]], radius=2.0, ab=RED)
    index = covered(stroke, (HEIGHT, WIDTH))
    if kind == "json":
        hints = tmp_path / "marks.hints.json"
        write_hints(hints, [stroke], PhotoIdentity(WIDTH, HEIGHT, sha256_of(grey)))
    else:
        hints = tmp_path / "marked.png"
        copy = np.repeat((tifffile.imread(grey) / 65535 * 255).round().astype(np.uint8)[..., None], 3, -1)
        copy.reshape(-1, 3)[index] = (200, 60, 60)
        hints.write_bytes(imagecodecs.png_encode(copy))
    report = report_of(run("colorize", grey, "-o", target, "--hints", hints, "--device", "cpu", "--json"))
    assert report["hint_pixels"] == len(index)
    assert report["luminance_change"] <= 1
    ab = read_photo(target, keep_color=True).ab
    assert ab is not None
    (mark,) = read_hints(hints, read_photo(grey))
    wanted = RED if kind == "json" else mark.ab[0]  # type: ignore[union-attr, index]
    got = ab.reshape(-1, 2)[index]
    # dark pixels cannot be as red as asked, and the report says how many; their hue is
    kept = (np.abs(got - np.array(wanted)).max(-1) <= 0.5).mean()
    assert report["hints_kept"] == pytest.approx(kept, abs=0.02)
    assert kept < 1
    cosine = got @ np.array(wanted) / np.linalg.norm(got, axis=-1) / np.linalg.norm(wanted)
    assert cosine.min() > 0.95
    assert np.abs(ab[:, : WIDTH // 2 - 3] @ np.array(wanted)).min() > 0


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


def test_an_interrupted_batch_says_so(grey: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hybrid.batch.crew.wait", interrupted)
    result = run("colorize", grey, "-o", tmp_path / "out", "--model", "none")
    assert result.exit_code == 130
    assert names(tmp_path / "out") == ["manifest.jsonl"]


def test_hints_and_colours_reach_a_batch_of_one(grey: Path, tmp_path: Path) -> None:
    hints, small = tmp_path / "marks.hints.json", color_png(tmp_path / "small.png", 12, 16)
    write_hints(hints, [Stroke(points=[[50, 20], [50, 30]], ab=RED)], PhotoIdentity(WIDTH, HEIGHT))
    words = ("colorize", grey, "--hints", hints, "--colors", small, "--depth", 8, "--saturation", 0.5)
    report_of(run(*words, "-o", tmp_path / "file.tif", "--json"))
    assert run(*words, "-o", tmp_path / "out").exit_code == 0
    assert (tmp_path / "out" / "grey.tif").read_bytes() == (tmp_path / "file.tif").read_bytes()


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


@pytest.mark.parametrize("option", ["--temperature", "--vividness", "--saturation"])
@pytest.mark.parametrize("value", [0, 1])
def test_the_ends_of_every_setting_work(grey: Path, tmp_path: Path, option: str, value: int) -> None:
    target = tmp_path / "out" / "color.tif"
    report = report_of(run("colorize", grey, "-o", target, "--device", "cpu", "--json", option, value))
    assert report["luminance_change"] <= 1


def test_a_photo_too_large_for_the_memory_is_refused_before_any_work(
    grey: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hybrid.memory.available_bytes", lambda: 5e8)
    monkeypatch.setattr("hybrid.photo.read_photo", lambda *_: pytest.fail("the photo was read"))
    result = run("colorize", grey, "-o", tmp_path / "out" / "color.tif", "--model", "none")
    refused(result, 6, "0.5 GB are free", tmp_path / "out")
    assert grey.name in result.stderr


@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (500, 3)])
def test_photos_of_any_shape_work(tmp_path: Path, shape: tuple[int, int]) -> None:
    photo, target = grey_tiff(tmp_path / "grey.tif", *shape), tmp_path / "color.tif"
    report = report_of(run("colorize", photo, "-o", target, "--device", "cpu", "--json"))
    assert (report["height"], report["width"]) == shape
    assert report["luminance_change"] <= 1
    assert tifffile.imread(target).shape == (*shape, 3)


def scene_files(folder: Path, right: int = 0) -> tuple[Path, Path]:
    """A grey photo of 128 × 96 pixels, and a colour picture of it that lies so many pixels off."""
    random = np.random.default_rng(3)
    lightness, ab = np.full((96, 160), 60.0), np.full((96, 160, 2), 5.0)
    rows, columns = np.indices(lightness.shape)
    for size in (30, 24, 20, 16, 14, 12, 10, 9, 8, 7, 6) * 3:
        middle, tone, color = random.uniform(0, (96, 160)), random.uniform(20, 90), random.uniform(-25, 25, 2)
        inside = np.hypot(rows - middle[0], columns - middle[1]) < size
        lightness, ab = np.where(inside, tone, lightness), np.where(inside[..., None], color, ab)
    rgb = picture_of(lightness.astype(np.float32), ab.astype(np.float32))
    photo, picture = folder / "photo.png", folder / f"picture{right}.png"
    code = picture_of(lightness.astype(np.float32), np.zeros((96, 160, 2), np.float32))
    photo.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(code[:, 16:144])))
    picture.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(rgb[:, 16 - right : 144 - right])))
    return photo, picture


def ab_of(path: Path) -> np.ndarray:
    ab = read_photo(path, keep_color=True).ab
    assert ab is not None
    return ab


def test_a_picture_that_lies_off_is_put_in_place_and_the_report_says_how_far(tmp_path: Path) -> None:
    photo, aligned = scene_files(tmp_path)
    _, picture = scene_files(tmp_path, right=5)
    words = ("colorize", photo, "--json", "--overwrite", "-o")
    report = report_of(run(*words, tmp_path / "a.png", "--colors", picture))
    assert report["colors"]["moved"] is True
    assert report["colors"]["shift"] == pytest.approx([5, 0], abs=0.15)
    assert report["colors"]["outside"] == pytest.approx(5 / 128, abs=0.01)
    assert report["warnings"] == []
    assert report["model"] is None
    as_is = report_of(run(*words, tmp_path / "b.png", "--colors", picture, "--colors-as-is"))
    assert as_is["colors"] is None
    report_of(run(*words, tmp_path / "best.png", "--colors", aligned))
    report_of(run(*words, tmp_path / "best_as_is.png", "--colors", aligned, "--colors-as-is"))
    assert (tmp_path / "best.png").read_bytes() == (tmp_path / "best_as_is.png").read_bytes()
    placed, unplaced = (
        np.linalg.norm(ab_of(tmp_path / name) - ab_of(aligned), axis=-1)[:, :120].mean() for name in ("a.png", "b.png")
    )
    assert placed < 0.4 * unplaced
    told = run("colorize", photo, "-o", tmp_path / "c.png", "--colors", picture)
    assert "picture             off by +5.0 cells across, " in told.stdout
    assert told.stderr == ""


def test_a_picture_of_something_else_gives_no_colours_and_a_warning(tmp_path: Path) -> None:
    photo, picture = scene_files(tmp_path)
    other = tmp_path / "other.png"
    other.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(imagecodecs.png_decode(picture.read_bytes())[::-1])))
    result = run("colorize", photo, "-o", tmp_path / "a.png", "--colors", other, "--json")
    assert result.exit_code == 0
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"hybrid: {photo}: ")
    assert "no colours are taken from it" in line
    assert json.loads(result.stdout)["colors"]["used"] is False
    assert np.abs(ab_of(tmp_path / "a.png")).max() < 1
    (tmp_path / "out").mkdir()
    result = run("colorize", photo, "-o", f"{tmp_path / 'out'}/", "--colors", other)
    assert result.exit_code == 0
    assert "no colours are taken from it" in result.stderr
    words = ("colorize", photo, "-o", tmp_path / "net.png", "--colors", other, "--json", "--device", "cpu")
    by_network = json.loads(run(*words, "--model", "lite").stdout)
    assert by_network["model"]["name"] == "lite"
    report_of(run("colorize", photo, "-o", tmp_path / "alone.png", "--json", "--device", "cpu"))
    np.testing.assert_allclose(ab_of(tmp_path / "net.png"), ab_of(tmp_path / "alone.png"), atol=0.05)


def test_scribbles_written_are_read_back_and_give_nearly_the_picture(tmp_path: Path) -> None:
    photo, picture = scene_files(tmp_path)
    marks = tmp_path / "marks.hints.json"
    full, again = tmp_path / "full.png", tmp_path / "again.png"
    words = ("colorize", photo, "-o", full, "--colors", picture, "--scribbles-out", marks, "--json")
    report = report_of(run(*words))
    strokes = read_hints(marks, read_photo(photo), sha256_of(photo))
    assert 20 < report["scribbles"] == len(strokes) < 400
    assert all(isinstance(stroke, Stroke) and stroke.label == "program" for stroke in strokes)
    report = report_of(run("colorize", photo, "-o", again, "--model", "none", "--hints", marks, "--json"))
    assert report["hint_pixels"] >= len(strokes)
    distance = np.linalg.norm(ab_of(again) - ab_of(full), axis=-1)
    chroma = np.linalg.norm(ab_of(full), axis=-1)
    assert distance.mean() < 0.4 * chroma.mean()
    mine = Stroke(points=[[60, 50], [70, 50]], radius=3, ab=RED)
    own = tmp_path / "own.hints.json"
    write_hints(own, [mine], PhotoIdentity(128, 96))
    report_of(run(*words, "--overwrite", "--hints", own))
    last = read_hints(marks, read_photo(photo))[-1]
    assert isinstance(last, Stroke)
    assert (last.ab, last.label) == (RED, "")


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


def test_the_command_colours_as_python_does_unless_told_otherwise() -> None:
    chosen = {name: value.default for name, value in inspect.signature(colorize_command).parameters.items()}
    chosen["megapixels"] = chosen["solve_at"]
    ours = {field.name: field.default for field in fields(Settings)}
    shared = chosen.keys() & ours.keys()
    assert {"temperature", "vividness", "saturation", "warmth", "reach", "megapixels"} <= shared
    assert {name: chosen[name] for name in shared} == {name: ours[name] for name in shared}
