"""Files of several pages: which one is read, by the library and by the commands."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner, Result

from hybrid.cli import app
from hybrid.photo import PhotoError, count_pages, read_overlay, read_photo, read_size

LEVELS = (10000, 30000, 50000)
SIZES = ((30, 40), (20, 50), (40, 30))


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A thumbnail, a mask, then three pages of three sizes; the last lies on its side."""
    path = tmp_path / "book.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(np.full((5, 8), 999, np.uint16), subfiletype=1)
        file.write(np.ones((30, 40), bool), subfiletype=4, photometric="mask")
        for level, size in zip(LEVELS, SIZES, strict=True):
            turn = [(274, "H", 1, 6 if level == LEVELS[-1] else 1, True)]
            file.write(np.full(size, level, np.uint16), photometric="minisblack", extratags=turn)
    return path


def test_the_first_page_of_full_size_or_the_one_asked_for(book: Path) -> None:
    assert count_pages(book) == 5
    np.testing.assert_array_equal(read_photo(book).lightness, read_photo(book, page=3).lightness)
    found = [read_photo(book, page=number) for number in (3, 4, 5)]
    assert [photo.lightness.shape for photo in found] == [(30, 40), (20, 50), (30, 40)]
    assert [read_size(book, number) for number in (3, 4, 5)] == [(30, 40), (20, 50), (30, 40)]
    assert read_size(book) == (30, 40)
    levels = [float(read_overlay(book, page=number)[0].mean() * 65535) for number in (3, 4, 5)]
    assert levels == pytest.approx(LEVELS)
    assert read_photo(book, page=1).lightness.shape == (5, 8)
    assert found[1].page == 4


@pytest.mark.parametrize("number", [0, 6, -1])
def test_a_page_that_is_not_there(book: Path, number: int) -> None:
    with pytest.raises(
        PhotoError, match=rf"book.tif: page {number} was asked for, and there are 5 pages; count from 1"
    ):
        read_photo(book, page=number)
    assert read_size(book, number) == (0, 0)


def test_colorize_takes_a_page(book: Path, tmp_path: Path) -> None:
    result = run("colorize", book, "-o", tmp_path / "out.tif", "--page", 4, "--model", "none", "--json")
    assert result.exit_code == 0, result.output
    assert (json.loads(result.stdout)["height"], json.loads(result.stdout)["width"]) == (20, 50)
    np.testing.assert_allclose(
        read_photo(tmp_path / "out.tif").lightness, read_photo(book, page=4).lightness, atol=1e-3
    )


def test_a_marked_copy_is_compared_with_the_page(book: Path, tmp_path: Path) -> None:
    marked = np.full((20, 50, 3), LEVELS[1], np.uint16)
    marked[5:8, 5:9] = (60000, 20000, 20000)
    tifffile.imwrite(tmp_path / "marked.tif", marked, photometric="rgb")
    words = ("--page", 4, "--model", "none", "--json", "--hints", tmp_path / "marked.tif")
    result = run("colorize", book, "-o", tmp_path / "out.tif", *words)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["hint_pixels"] == 12


def test_verify_takes_the_page_that_was_coloured(book: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.tif"
    assert run("colorize", book, "-o", target, "--page", 4, "--model", "none").exit_code == 0
    result = run("verify", target, "--against", book, "--page", 4, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["page"], told["holds"], told["photo_size"]) == (4, True, [50, 20])
    for words, text in (((), "50×20, but the photo has 40×30"), (("--page", 5), "but the photo has 40×30")):
        result = run("verify", target, "--against", book, *words)
        assert result.exit_code == 7
        assert text in result.stdout
    assert run("verify", target, "--against", book, "--page", 0).exit_code == 2


def test_commands_refuse_a_page_that_is_not_there(book: Path, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "one.tif", np.zeros((20, 50, 3), np.uint16), photometric="rgb")
    coloring = ("colorize", book, "-o", tmp_path / "out.tif", "--model", "none")
    for words in (coloring, ("info", book), ("verify", tmp_path / "one.tif", "--against", book)):
        result = run(*words, "--page", 9)
        assert result.exit_code == 3
        (line,) = result.stderr.splitlines()
        assert line == f"hybrid: cannot read {book}: page 9 was asked for, and there are 5 pages; count from 1"
    assert not (tmp_path / "out.tif").exists()


def test_info_names_the_pages(book: Path) -> None:
    told = json.loads(run("info", book, "--json").stdout)
    assert (told["pages"], told["height"], told["width"]) == (5, 30, 40)
    told = json.loads(run("info", book, "--json", "--page", 4).stdout)
    assert (told["pages"], told["height"], told["width"]) == (5, 20, 50)


def test_a_batch_takes_the_page_of_every_photo(book: Path, tmp_path: Path) -> None:
    folder = f"{tmp_path}/out/"
    result = run("colorize", book, "-o", folder, "--page", 4, "--model", "none", "--workers", 1)
    assert result.exit_code == 0, result.output
    assert read_size(tmp_path / "out" / "book.tif") == (20, 50)
    again = run("colorize", book, "-o", folder, "--page", 5, "--model", "none", "--workers", 1)
    assert again.exit_code == 0, again.output
    assert read_size(tmp_path / "out" / "book.tif") == (30, 40)  # another page is another picture
