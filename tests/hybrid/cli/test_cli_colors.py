"""Colours of another picture, and scribbles written and read back."""

import json
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from commands import RED, report_of, run

from hybrid.compare.scene import picture_of
from hybrid.hints import PhotoIdentity, read_hints, sha256_of, write_hints
from hybrid.photo import read_photo
from hybrid.strokes import Stroke


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
