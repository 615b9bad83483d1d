"""`hybrid colorize`'s options of output, its mark, and `hybrid verify`: file to file."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner, Result

from hybrid.cli import app
from hybrid.hints import PhotoIdentity, write_hints
from hybrid.models.weights import SHIPPED
from hybrid.photo import SPACES, read_photo, write_picture
from hybrid.photo.spaces import named_space
from hybrid.strokes import Stroke

HEIGHT, WIDTH = 40, 56


def run(*words: Any) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def report_of(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout.splitlines()[0])


def refused(result: Result, text: str) -> None:
    assert result.exit_code == 2, result.output
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert text in result.stderr


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    values = np.repeat([14000.0, 40000.0], WIDTH // 2) + rng.normal(0, 300, (HEIGHT, WIDTH))
    path = tmp_path / "scans" / "scan.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, values.astype(np.uint16), photometric="minisblack", resolution=(300, 300), resolutionunit=2)
    return path


@pytest.fixture
def hints(tmp_path: Path) -> Path:
    path = tmp_path / "scan.hints.json"
    write_hints(path, [Stroke([[10, 10], [20, 30]], radius=3, ab=(40, 20))], PhotoIdentity(WIDTH, HEIGHT))  # type: ignore[arg-type]
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("is_batch", [False, True])
def test_options_reach_the_file(scan: Path, tmp_path: Path, is_batch: bool) -> None:
    pytest.importorskip("psdtags")
    target = tmp_path / "out" / "scan.tif"
    target.parent.mkdir()
    options = ("--profile", "adobe-rgb", "--compression", "lzw", "--dpi", 600, "--layers", "--model", "none")
    run_report = report_of(run("colorize", scan, "-o", target.parent if is_batch else target, "--json", *options))
    with tifffile.TiffFile(target) as file:
        page = file.pages[0].aspage()
        assert page.compression == tifffile.COMPRESSION.LZW
        assert page.get_resolution() == pytest.approx((600, 600))
        assert page.tags[34675].value == named_space("adobe-rgb").profile
        assert 37724 in page.tags
    assert run_report["luminance_change"] <= 1
    assert run_report["verify"]["holds"]


@pytest.mark.parametrize("name", SPACES)
def test_every_named_space(scan: Path, tmp_path: Path, name: str) -> None:
    target = tmp_path / "a.tif"
    found = report_of(run("colorize", scan, "-o", target, "--profile", name, "--model", "none", "--json"))
    assert read_photo(target).profile == named_space(name).profile
    assert found["verify"]["luminance"]["largest"] == found["luminance_change"] <= 1


def test_a_batch_with_other_output_is_not_done_yet(scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the hash that the manifest keeps."""
    hashes: list[str] = []

    def note(*given: Any, **_: Any) -> bool:
        hashes.append(given[7])
        return True

    monkeypatch.setattr("hybrid.batch.command.colorize_batch", note)

    def settings(*options: Any) -> str:
        assert run("colorize", scan, "-o", f"{tmp_path}/out/", "--model", "none", *options).exit_code == 0
        return hashes[-1]

    assert settings() == settings("--compression", "deflate")
    different = [settings(), settings("--profile", "p3"), settings("--compression", "none"), settings("--dpi", 72)]
    different += [settings("--layers"), settings("--depth", 8)]
    space = tmp_path / "space.icc"
    for name in ("adobe-rgb", "p3"):
        space.write_bytes(named_space(name).profile)
        different.append(settings("--profile", space))
    monkeypatch.setattr("hybrid.batch.identity.program", lambda: "hybrid 99.0")
    different.append(settings())
    assert len(set(different)) == len(different)


def test_the_mark_names_photo_model_and_strokes(scan: Path, hints: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.tif"
    words = ("colorize", scan, "-o", target, "--hints", hints, "--device", "cpu", "--json")
    mark = report_of(run(*words))["verify"]["provenance"]
    assert mark["source_type"] == "compositeWithTrainedAlgorithmicMedia"
    made_from = dict(pair.split("=", 1) for pair in mark["made_from"].split("; "))
    assert made_from["input-sha256"] == sha256(scan)
    assert made_from["hints-sha256"] == sha256(hints)
    assert made_from["model-sha256"] == sha256(SHIPPED / "lite.safetensors")
    assert (made_from["source"], made_from["model"], made_from["temperature"]) == ("model", "lite", "0.5")
    assert len(made_from["painted-sha256"]) == 64
    assert b"are a colorization, guessed by a trained model" in read_photo(target).metadata["xmp"]


def test_the_mark_is_true_without_a_model(scan: Path, hints: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.png"
    write_picture(small, np.full((10, 14, 3), (200, 90, 60), np.uint8))
    marks = {}
    for name, options in {
        "strokes": ("--model", "none", "--hints", hints),
        "picture": ("--colors", small),
        "none": ("--model", "none"),
    }.items():
        found = report_of(run("colorize", scan, "-o", tmp_path / f"{name}.tif", *options, "--json"))
        marks[name] = found["verify"]["provenance"]
    assert [mark["source_type"] for mark in marks.values()] == ["humanEdits", "composite", ""]
    assert f"colors-sha256={sha256(small)}" in marks["picture"]["made_from"]
    assert all("model-sha256" not in mark["made_from"] for mark in marks.values())
    assert b"colorization, " not in read_photo(tmp_path / "none.tif").metadata["xmp"]


def test_colours_alone_are_written_beside_the_output(scan: Path, hints: Path, tmp_path: Path) -> None:
    target, alone = tmp_path / "a.png", tmp_path / "alone.tif"
    words = ("--hints", hints, "--model", "none", "--profile", "p3", "--dpi", 72)
    report_of(run("colorize", scan, "-o", target, "--chroma-out", alone, *words, "--json"))
    colours, result = (read_photo(path, keep_color=True) for path in (alone, target))
    assert (colours.profile, colours.dpi) == (named_space("p3").profile, (72, 72))
    assert colours.ab is not None
    assert result.ab is not None
    assert np.abs(result.ab).max() > 10
    assert np.abs(colours.ab - result.ab).max() < 3  # the same in the D50 of other programs, near it in our D65
    assert np.ptp(colours.lightness) < 3 < np.ptp(result.lightness)


REFUSED: dict[str, tuple[str, tuple[Any, ...], str]] = {
    "8-bit ProPhoto": ("a.tif", ("--profile", "prophoto", "--depth", 8), "with 8 bits in ProPhoto or a space as wide"),
    "ProPhoto as JPEG": ("a.jpg", ("--profile", "prophoto"), "with 8 bits in ProPhoto"),
    "no such profile": (
        "a.tif",
        ("--profile", "rec709"),
        "wanted one of srgb, adobe-rgb, prophoto, p3, or an ICC file",
    ),
    "no such compression": ("a.tif", ("--compression", "zip"), "use one of none, deflate, lzw, zstd"),
    "no resolution": ("a.tif", ("--dpi", 0), "dpi is not possible"),
    "layers in a PNG": ("a.png", ("--layers",), "they need a TIFF of 16 bits"),
    "colours as JPEG": ("a.tif", ("--chroma-out", "alone.jpg"), "use .tif or .png"),
    "colours over the output": ("a.tif", ("--chroma-out", "a.tif"), "it is the output itself"),
    "colours of a batch": ("folder/", ("--chroma-out", "alone.tif"), "--chroma-out belongs to one photo"),
    "a batch in 8-bit ProPhoto": ("folder/", ("--profile", "prophoto", "--depth", 8), "with 8 bits in ProPhoto"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_before_any_work(
    scan: Path, tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hybrid.photo.read_photo", lambda *_: pytest.fail("the photo was read"))
    monkeypatch.chdir(tmp_path)
    output, options, text = REFUSED[case]
    refused(run("colorize", scan, "-o", output, "--model", "none", *options), text)
    assert [path.name for path in tmp_path.iterdir()] == ["scans"]


def test_verify_says_what_the_run_said(scan: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.tif"
    block = report_of(run("colorize", scan, "-o", target, "--device", "cpu", "--json"))["verify"]
    found = report_of(run("verify", target, "--against", scan, "--json"))
    assert found["luminance"].pop("largest") == pytest.approx(block["luminance"].pop("largest"), abs=0.04)
    assert found["luminance"].pop("mean") == pytest.approx(block["luminance"].pop("mean"), abs=0.02)
    assert found["gamut_border"] == pytest.approx(block.pop("gamut_border"), abs=0.002)
    assert {**found, **block} == found
    assert found["provenance"]["program"].startswith("hybrid ")
    assert (found["output"], found["against"]) == (str(target), str(scan))


def test_verify_for_a_person_and_its_exit_codes(scan: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.tif"
    report_of(run("colorize", scan, "-o", target, "--model", "none", "--json"))
    result = run("verify", target, "--against", scan)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{target}: luminance and size are the photo's\n")
    for fact in ("luminance change    0.", "resolution          same", "EXIF tags", "not marked as a colorization"):
        assert fact in result.stdout
    codes = tifffile.imread(target)
    brighter, smaller = tmp_path / "brighter.tif", tmp_path / "smaller.tif"
    tifffile.imwrite(brighter, np.minimum(codes, 65000) + 500, photometric="rgb")
    tifffile.imwrite(smaller, codes[1:], photometric="rgb")
    for path, text in ((brighter, "DIFFERS"), (smaller, f"{WIDTH}×{HEIGHT - 1}, but the photo has {WIDTH}×{HEIGHT}")):
        result = run("verify", path, "--against", scan)
        assert result.exit_code == 7, result.output
        assert text in result.stdout
        assert not json.loads(run("verify", path, "--against", scan, "--json").stdout)["holds"]
    assert run("verify", brighter, "--against", scan, "--tolerance", 9000).exit_code == 0
    assert run("verify", target, "--against", tmp_path / "none.tif").exit_code == 3
    assert "7 verify: size or luminance differ" in " ".join(run("verify", "--help").stdout.split())
