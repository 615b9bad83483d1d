"""Files made to take memory: places and sizes that no honest file claims are left out or refused before decoding."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile

from hybrid.photo import PhotoError, exif, read_photo, read_size

FAR = (1 << 63) - 1, 1 << 63, (1 << 64) - 1
ABOUT = exif.Field(2, 8, b"a plate\0")


def big_tiff(entries: list[tuple[int, int, int, int]], at: int = 16, rest: bytes = b"") -> bytes:
    """A little-endian BigTIFF of one directory: tag, type, count, inline value or place."""
    table = b"".join(struct.pack("<HHQQ", *entry) for entry in entries)
    return struct.pack("<2sHHHQ", b"II", 43, 8, 0, at) + struct.pack("<Q", len(entries)) + table + bytes(8) + rest


def inline(item: exif.Field) -> int:
    return int.from_bytes(item.data, "little")


@pytest.mark.parametrize("far", FAR)
def test_places_beyond_what_a_computer_counts_lose_only_what_is_there(far: int) -> None:
    about = (exif.DESCRIPTION, ABOUT.kind, ABOUT.count, inline(ABOUT))
    for tag in (exif.EXIF_POINTER, exif.GPS_POINTER, 0x013B):
        kind, count = (16, 1) if tag != 0x013B else (2, 100)
        found = exif.read(big_tiff([about, (tag, kind, count, far)]))
        assert found.main[exif.DESCRIPTION] == ABOUT
        assert not found.camera
        assert not found.gps
        assert 0x013B not in found.main
    assert exif.read(big_tiff([about], at=far)) == exif.Exif()
    assert exif.read(big_tiff([about]), first=far) == exif.Exif()
    huge = exif.read(big_tiff([about, (0x013B, 12, far, 16)]))
    assert list(huge.main) == [exif.DESCRIPTION]


def test_a_thousand_entries_at_one_large_place_are_not_a_thousand_copies() -> None:
    size = 4_000_000
    entries = [(20000 + number, 1, size, 0) for number in range(999)]
    start = len(big_tiff(entries)) + 20
    entries = [(tag, kind, count, start) for tag, kind, count, _ in entries]
    data = big_tiff([*entries, (0xC000, ABOUT.kind, ABOUT.count, inline(ABOUT))], rest=bytes(size))
    tracemalloc.start()
    try:
        found = exif.read(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40e6
    assert sum(len(item.data) for item in found.main.values()) < 20e6
    assert found.main[0xC000] == ABOUT, "small values are read on"


def frames(encode: Callable[..., bytes], *shape: int, **options: object) -> bytes:
    return bytes(encode(np.zeros(shape, np.uint8), **options))


SIDE = 1500
HOSTILE: dict[str, tuple[str, bytes, bytes]] = {
    name: (kind, frames(encode, 16, 16, 3, **how), frames(encode, SIDE, SIDE, 3, **how))
    for name, kind, encode, how in (
        ("JPEG", "jpeg", imagecodecs.jpeg8_encode, {}),
        ("JPEG 2000 stream", "jpeg2000", imagecodecs.jpeg2k_encode, {"codecformat": "j2k"}),
        ("JPEG 2000 boxes", "jpeg2000", imagecodecs.jpeg2k_encode, {"codecformat": "jp2"}),
        ("WebP", "webp", imagecodecs.webp_encode, {}),
        ("lossless WebP", "webp", imagecodecs.webp_encode, {"lossless": True}),
        ("JPEG XL stream", "jpegxl", imagecodecs.jpegxl_encode, {"usecontainer": False}),
        ("JPEG XL boxes", "jpegxl", imagecodecs.jpegxl_encode, {"usecontainer": True}),
        ("PNG", "png", imagecodecs.png_encode, {}),
        ("JPEG XR", "jpegxr", imagecodecs.jpegxr_encode, {}),
        ("LERC", "lerc", imagecodecs.lerc_encode, {}),
    )
}


def with_piece(path: Path, kind: str, piece: bytes, is_tiled: bool) -> Path:
    """A TIFF of 16 × 16 pixels whose only strip or tile is `piece`."""
    layout = {"tile": (16, 16)} if is_tiled else {"rowsperstrip": 16}
    how = {"photometric": "rgb", "compression": kind, "metadata": None, **layout}
    tifffile.imwrite(path, iter([piece]), shape=(16, 16, 3), dtype=np.uint8, **how)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("is_tiled", [False, True], ids=["strip", "tile"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_piece_that_unpacks_to_more_than_its_place_is_refused(tmp_path: Path, name: str, is_tiled: bool) -> None:
    kind, honest, hostile = HOSTILE[name]
    assert read_photo(with_piece(tmp_path / "a.tif", kind, honest, is_tiled)).lightness.shape == (16, 16)
    path = with_piece(tmp_path / "b.tif", kind, hostile, is_tiled)
    tracemalloc.start()  # NumPy's arrays are counted; decoders give arrays
    try:
        with pytest.raises(PhotoError, match=r"the TIFF is damaged: a \w+ in it is larger than the picture") as caught:
            read_photo(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)
    assert peak < 3e6 < SIDE * SIDE * 3
    assert read_size(path) == (16, 16), "which is what the directory says"


def test_the_frames_of_an_animation_in_a_piece_are_not_all_unpacked(tmp_path: Path) -> None:
    piece = frames(imagecodecs.jpegxl_encode, 40, 16, 16, 3)
    path = with_piece(tmp_path / "a.tif", "jpegxl", piece, True)
    with pytest.raises(PhotoError, match="the JPEG XL is an animation; wanted a single picture; save the frame alone"):
        read_photo(path)


def test_bands_of_a_lerc_are_counted_together(tmp_path: Path) -> None:
    """Each band a blob of some bytes if it is of one value; together they would be 512 million samples."""
    band = frames(imagecodecs.lerc_encode, 1000, 1000)
    (tmp_path / "a.tif").write_bytes(b"")
    with pytest.raises(PhotoError, match="a LERC in it is larger than the picture"):
        read_photo(with_piece(tmp_path / "a.tif", "lerc", band * 512, True))


@pytest.mark.parametrize("kind", ["jpeg2000", "webp", "jpegxl", "png", "jpegxr", "lerc", "jpeg"])
def test_a_piece_that_says_no_size_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(PhotoError, match="damaged") as caught:
        read_photo(with_piece(tmp_path / "a.tif", kind, b"no picture at all" * 3, True))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["jpeg", "jpeg2000", "jpegxl", "png", "jpegxr", "lerc"])
def test_a_grey_picture_in_one_large_piece_is_none_of_these(tmp_path: Path, kind: str) -> None:
    shades = np.tile(np.linspace(0, 255, 1200).astype(np.uint8), (1200, 1))
    tifffile.imwrite(tmp_path / "a.tif", shades, photometric="minisblack", compression=kind, rowsperstrip=1200)
    assert read_photo(tmp_path / "a.tif").lightness.shape == shades.shape
