"""What the fuzzer found, each from a tiny file made here, and the fuzzer itself: it sees faults that are planted."""

from __future__ import annotations

import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import fuzz
import imagecodecs
import numpy as np
import pytest
from PIL import Image
from samples import MAKERS, heic, jpeg2000, raw, saved, tiff
from seeds import seeds

from hybrid.photo import PhotoError, read_photo, read_size
from hybrid.photo.decoded import Decoded
from hybrid.photo.light import Light


def patched(content: bytes, tag: int, at: int, form: str, value: int) -> bytes:
    """A little-endian TIFF whose first directory's entry for `tag` has something else at byte `at` of its 12."""
    (directory,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, directory)
    data = bytearray(content)
    for entry in range(directory + 2, directory + 2 + 12 * count, 12):
        if struct.unpack_from("<H", content, entry)[0] == tag:
            struct.pack_into("<" + form, data, entry + at, value)
            return bytes(data)
    raise AssertionError(f"no tag {tag}")


def with_chunk(name: bytes, content: bytes) -> bytes:
    chunk = struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    png = MAKERS["png"]()
    return png[:33] + chunk + png[33:]


PALETTE = saved(Image.fromarray(np.arange(60, dtype=np.uint8).reshape(6, 10)).convert("P"), "TIFF")
DAMAGED = {
    "a PNG whose complaint is no text": (with_chunk(b"\xff\xfe\xc3\x28", b""), "the PNG is damaged or cut short"),
    "a width of two numbers": (patched(tiff(), 256, 4, "I", 2), "the TIFF is damaged"),
    "planes that are none": (patched(tiff(), 284, 8, "H", 7), "the TIFF is damaged"),
    "tiles of gigabytes": (patched(tiff(tile=(16, 16)), 322, 8, "I", 0x7FFFFFF0), "the TIFF is damaged: its tiles are"),
    "a strip larger than the file": (
        patched(tiff(compression="deflate", rowsperstrip=24), 279, 8, "I", 0x7FFFFFFF),
        "a strip is larger than the file",
    ),
    "a palette cut short": (patched(PALETTE, 320, 4, "I", 700), "the TIFF's palette is damaged"),
    "a directory beyond all files": (b"II+\0\x08\0\0\0" + b"\xff" * 8, "the TIFF is damaged or cut short"),
    "a picture of negative height": (
        jpeg2000().replace(b"\0\0" + struct.pack(">4I", 40, 24, 0, 0), b"\0\0" + struct.pack(">4I", 40, 24, 0, 99)),
        "the picture is 40 × -75; wanted at least one pixel",
    ),
    "a HEIC without pictures": (heic(8).replace(b"hvc1", b"none"), "the HEIC is damaged or cut short"),
    "a raw file cut short": (raw()[:1500], "the raw file is damaged, cut short"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_one_line_and_no_size(tmp_path: Path, name: str) -> None:
    content, text = DAMAGED[name]
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(PhotoError) as caught:
        read_photo(path)
    assert text in str(caught.value)
    assert fuzz.fault(path, True) == ("", "refused")


def test_a_negative_or_absurd_size_is_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(DAMAGED["a picture of negative height"][0])
    assert read_size(tmp_path / "a") == (0, 0)
    header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 1 << 20, 1 << 20) + bytes(9)
    (tmp_path / "b").write_bytes(header)
    assert read_size(tmp_path / "b") == (0, 0)


def test_codes_above_their_depth_are_refused() -> None:
    decoded = Decoded(np.full((2, 2, 1), 300, np.uint16), 1, 8)
    with pytest.raises(PhotoError, match="samples reach 300, above the 8 bits that the file says"):
        Light(decoded).lightness(slice(0, 2))


def test_metadata_that_unpacks_to_gigabytes_is_left(tmp_path: Path) -> None:
    text = b"\niptc\n 35000000\n" + bytes(1).hex().encode() * 35_000_000
    for size, is_kept in ((1000, True), (len(text), False)):
        block = b"Raw profile type iptc\0\0" + zlib.compress(text[:size], 1)
        (tmp_path / "a.png").write_bytes(with_chunk(b"zTXt", block))
        assert ("iptc" in read_photo(tmp_path / "a.png").metadata) == is_kept


def test_every_seed_is_whole(tmp_path: Path) -> None:
    for name, content in seeds().items():
        (tmp_path / name).write_bytes(content)
        assert fuzz.fault(tmp_path / name, True) == ("", "read"), name


def test_inputs_follow_from_seed_and_number() -> None:
    files = seeds()
    inputs = [fuzz.input_of(number, 5, files) for number in range(40)]
    assert inputs == [fuzz.input_of(number, 5, files) for number in range(40)]
    assert len({content for _, content in inputs}) == 40
    assert all(content != files[name] for name, content in inputs)
    assert len({name for name, _ in inputs}) > 15


def test_some_inputs_are_survived(tmp_path: Path) -> None:
    files = seeds()
    outcomes = []
    for number in range(150):
        name, content = fuzz.input_of(number, 0, files)
        path = tmp_path / f"{number}-{name}"
        path.write_bytes(content)
        found, outcome = fuzz.fault(path, False)
        assert not found
        outcomes.append(outcome)
    assert {"read", "refused"} <= set(outcomes)


def one_pixel(_: Path) -> tuple[np.ndarray, None]:
    return np.zeros((1, 1, 3)), None


def raising(error: Exception) -> Callable[[Path], None]:
    def read(_: Path) -> None:
        raise error

    return read


@pytest.mark.parametrize(
    ("reader", "told"),
    [
        (raising(KeyError("x")), "exception: "),
        (raising(PhotoError("two\nlines")), "message: "),
        (raising(PhotoError("it does not fit in memory")), "memory: "),
        (raising(RuntimeWarning("w")), "exception: "),
        (one_pixel, "size: said (24, 40), read (1, 1)"),
    ],
)
def test_planted_faults_are_seen(tmp_path: Path, reader: Callable, told: str) -> None:
    (tmp_path / "a.tif").write_bytes(tiff())
    assert fuzz.fault(tmp_path / "a.tif", True, (reader,))[0].startswith(told)


def test_a_greedy_reader_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "SLACK", 1e6)
    (tmp_path / "a.tif").write_bytes(tiff())
    monkeypatch.setattr(fuzz, "peak", lambda: next(peaks))
    peaks = iter((500e6, 600e6, 600e6))
    assert fuzz.fault(tmp_path / "a.tif", True, (read_photo,)) == ("memory: 600 MB for (24, 40)", "read")
    peaks = iter((500e6, 500.5e6))
    assert fuzz.fault(tmp_path / "a.tif", True, (read_photo,)) == ("", "read")


@pytest.mark.parametrize("code", ["import os; print(7, flush=True); os.abort()", "print(7, flush=True)\nwhile True: 0"])
def test_a_crash_and_a_hang_end_the_lines(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(fuzz, "SECONDS", 0.3)
    began = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, bufsize=0) as process:
        assert list(fuzz.lines(process, began + 60)) == [b"7"]
        process.kill()
    assert time.monotonic() - began < 30


def test_checksums_are_right_again() -> None:
    png = bytearray(MAKERS["png"]())
    png[40] ^= 255
    assert fuzz.with_checksums(bytearray(MAKERS["png"]())) == MAKERS["png"]()
    with pytest.raises((imagecodecs.PngError, ValueError)):
        imagecodecs.png_decode(bytes(png))
