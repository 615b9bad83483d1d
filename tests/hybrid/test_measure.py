"""The tables that are measured: scans of the size asked for, with grain; figures of a process of its own; growth."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
from typer import Typer
from typer.testing import CliRunner

from hybrid.measure.__main__ import main
from hybrid.measure.enlarged import write_enlarged
from hybrid.measure.run import Run, RunError, colored
from hybrid.measure.table import COLUMNS, LARGE_COLUMNS, growth
from hybrid.photo import read_photo

app = Typer()
app.command()(main)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    values = np.full((60, 90), 20000, np.uint16)
    values[:, 45:] = 45000
    tifffile.imwrite(tmp_path / "photos" / "a.tif", values, photometric="minisblack")
    return tmp_path / "photos" / "a.tif"


@pytest.mark.parametrize("megapixels", [0.002, 0.03, 0.6])
def test_a_scan_of_any_size_is_the_photo_with_grain(photo: Path, tmp_path: Path, megapixels: float) -> None:
    write_enlarged(photo, tmp_path / "scan.tif", megapixels)
    codes = tifffile.imread(tmp_path / "scan.tif")
    assert codes.dtype == np.uint16
    height, width = codes.shape
    assert abs(codes.size / 1e6 - megapixels) < (height + width) / 1e6
    assert width / height == pytest.approx(1.5, rel=0.05)
    for part, level in ((codes[:, : width * 2 // 5], 20000), (codes[:, -width * 2 // 5 :], 45000)):
        assert part.mean() == pytest.approx(level, rel=0.01)
        share = level / 65535
        assert part.std() == pytest.approx(0.03 * np.sqrt(share * (1 - share)) * 65535, rel=0.1)
    across = np.corrcoef(codes[:, : width // 3 - 1].ravel(), codes[:, 1 : width // 3].ravel())[0, 1]
    assert abs(across) < 0.15, "each pixel has grain of its own"
    assert read_photo(tmp_path / "scan.tif").dpi == pytest.approx((300, 300))


def run_of(megapixels: float, seconds: float, peak: float) -> Run:
    return Run({"width": round(megapixels * 1000), "height": 1000}, seconds, round(peak))


def test_growth_is_that_of_known_laws() -> None:
    sizes = 24, 48, 100, 200
    linear = growth([run_of(size, 0.25 * size, 20e6 * size) for size in sizes])
    assert linear == (
        "from 24 to 200 MP seconds grow as pixels to the power 1.00, by 0.25 s a megapixel, "
        "memory to the power 1.00, by 20 bytes a pixel"
    )
    root = growth([run_of(size, size**0.5, 1e9 + 16e6 * size) for size in sizes])
    assert "power 0.50" in root
    assert "by 16 bytes a pixel" in root


def test_a_photo_that_cannot_be_coloured_says_why(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"none.tif: exit code 3: .*there is no such file"):
        colored(tmp_path / "none.tif", tmp_path / "out.tif")


def test_the_table_of_large_pictures(photo: Path, tmp_path: Path) -> None:
    (photo.parent / "notes.txt").write_text("no photo")
    words = [str(photo.parent), "--enlarge", "0.02,0.04", "--keep", str(tmp_path / "kept")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    first, rule, *rows, empty, last = result.stdout.splitlines()
    assert [cell.strip() for cell in first.strip("|").split("|")] == list(LARGE_COLUMNS)
    assert (rule.count("|"), len(rows), empty) == (len(LARGE_COLUMNS) + 1, 2, "")
    for row, megapixels, name in zip(rows, ("0.0", "0.0"), ("a-0.02.tif", "a-0.04.tif"), strict=True):
        cells = dict(zip(LARGE_COLUMNS, (cell.strip() for cell in row.strip("|").split("|")), strict=True))
        assert (cells["photo"], cells["MP"]) == ("a", megapixels)
        assert float(cells["whole, s"]) > sum(float(cells[stage]) for stage in LARGE_COLUMNS[2:7]) - 0.3
        assert 0.1 < float(cells["peak, GB"]) < 4
        assert 0 <= float(cells["largest ΔY"]) <= 1
        assert tifffile.imread(tmp_path / "kept" / name).dtype == np.uint16
    assert re.fullmatch(r"a: from 0 to 0 MP seconds grow as pixels to the power -?\d.*bytes a pixel", last)


def test_the_table_of_photos_as_they_are(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {"read": 1.0, "shrink": 0.5, "predict": 2.0, "solve": 3.0, "lift": 0.5, "write": 3.0}
    figures = {"input": str(photo), "width": 5000, "height": 2000, "luminance_change": 0.5, "gamut_mapped": 0.012}
    run = Run({**figures, "seconds": seconds}, 13.0, 770_000_000)
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr("hybrid.measure.__main__.colored", lambda *given: asked.append(given[2:]) or run)
    result = CliRunner().invoke(app, [str(photo), "--solve-at", "2.5"])
    assert result.exit_code == 0, result.output
    first, _, row = result.stdout.splitlines()
    assert [cell.strip() for cell in first.strip("|").split("|")] == list(COLUMNS)
    assert row == "| a | 10.0 | 10.0 | 1.00 | 0.10 | 0.20 | 0.30 | 0.05 | 0.30 | 77 | 0.50 | 1.2% |"
    assert asked == [("--solve-at", "2.5")]


@pytest.mark.parametrize(
    ("words", "text"), [(["--enlarge", "many"], "wanted megapixels"), (["--enlarge", "0"], "above 0")]
)
def test_what_cannot_be_measured_is_refused(photo: Path, words: list[str], text: str) -> None:
    result = CliRunner().invoke(app, [str(photo), *words])
    assert result.exit_code == 2
    assert text in " ".join(result.output.replace("│", " ").split())
    assert CliRunner().invoke(app, [str(photo.parent / "none")]).exit_code == 1
