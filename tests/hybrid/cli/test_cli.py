"""`hybrid colorize` from file to file."""

import inspect
from dataclasses import fields
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from commands import HEIGHT, RED, WIDTH, color_png, grey_tiff, names, report_of, run

from hybrid.cli.colorize import colorize as colorize_command
from hybrid.hints import PhotoIdentity, read_hints, sha256_of, write_hints
from hybrid.models.weights import load_model
from hybrid.photo import read_photo, write_photo
from hybrid.predict import Predictor
from hybrid.session import Session, colorize
from hybrid.settings import Settings
from hybrid.strokes import Stroke, covered


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


@pytest.mark.parametrize("option", ["--temperature", "--vividness", "--saturation"])
@pytest.mark.parametrize("value", [0, 1])
def test_the_ends_of_every_setting_work(grey: Path, tmp_path: Path, option: str, value: int) -> None:
    target = tmp_path / "out" / "color.tif"
    report = report_of(run("colorize", grey, "-o", target, "--device", "cpu", "--json", option, value))
    assert report["luminance_change"] <= 1


@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (500, 3)])
def test_photos_of_any_shape_work(tmp_path: Path, shape: tuple[int, int]) -> None:
    photo, target = grey_tiff(tmp_path / "grey.tif", *shape), tmp_path / "color.tif"
    report = report_of(run("colorize", photo, "-o", target, "--device", "cpu", "--json"))
    assert (report["height"], report["width"]) == shape
    assert report["luminance_change"] <= 1
    assert tifffile.imread(target).shape == (*shape, 3)


def test_the_command_colours_as_python_does_unless_told_otherwise() -> None:
    chosen = {name: value.default for name, value in inspect.signature(colorize_command).parameters.items()}
    chosen["megapixels"] = chosen["solve_at"]
    ours = {field.name: field.default for field in fields(Settings)}
    shared = chosen.keys() & ours.keys()
    assert {"temperature", "vividness", "saturation", "warmth", "reach", "megapixels"} <= shared
    assert {name: chosen[name] for name in shared} == {name: ours[name] for name in shared}
