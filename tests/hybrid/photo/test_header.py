"""The size in a file's header is the size that reading finds."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile

from hybrid.photo import read_size


@pytest.mark.parametrize("shape", [(1, 1), (37, 91), (3, 5000)])
def test_png_jpeg_and_tiff_say_their_size(tmp_path: Path, shape: tuple[int, int]) -> None:
    pixels = np.full(shape, 90, np.uint8)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(pixels))
    (tmp_path / "a.jpg").write_bytes(imagecodecs.jpeg8_encode(pixels))
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    tifffile.imwrite(tmp_path / "big.tif", pixels, bigtiff=True)
    assert [read_size(tmp_path / name) for name in ("a.png", "a.jpg", "a.tif", "big.tif")] == [shape] * 4


def test_what_is_no_picture_has_no_size(tmp_path: Path) -> None:
    (tmp_path / "text.tif").write_text("hello")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF")
    for name in ("text.tif", "empty.png", "cut.jpg", "missing.png"):
        assert read_size(tmp_path / name) == (0, 0)
