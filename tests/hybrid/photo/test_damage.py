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
import tifffile
from PIL import Image
from samples import MAKERS, heic, jpeg2000, packed, raw, saved, tiff
from seeds import seeds

from hybrid.photo import PhotoError, read_photo, read_size
from hybrid.photo.decoded import Decoded
from hybrid.photo.light import Light
from hybrid.photo.lzw import check_lzw


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
    "tiles as long as a list": (patched(tiff(tile=(16, 16)), 323, 4, "I", 9), "the TIFF is damaged"),
    "a JPEG in a TIFF that says 65535 × 65535": (
        saved(Image.new("RGB", (40, 24)), "TIFF", compression="jpeg").replace(
            b"\x08\0\x18\0\x28\x03", b"\x08\xff\xff\xff\xff\x03"
        ),
        "the TIFF is damaged: a JPEG in it is larger than the picture",
    ),
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


def high_first(*codes: int) -> np.ndarray:
    """Codes of nine bits as TIFF packs them."""
    text = "".join(f"{code:09b}" for code in codes)
    text += "0" * (-len(text) % 8)
    return np.array([int(text[at : at + 8], 2) for at in range(0, len(text), 8)], np.uint8)


def low_first(*codes: int) -> np.ndarray:
    return np.frombuffer(packed(*((code, 9) for code in codes)), np.uint8)


@pytest.mark.parametrize("order", [high_first, low_first])
def test_only_a_literal_may_follow_a_clear_in_lzw(order: Callable[..., np.ndarray]) -> None:
    """imagecodecs' decoder follows a wild pointer otherwise."""
    for sound in ((256, 65, 258, 257), (256, 256, 65, 256, 66, 257), (256, 257, 300), (256,), (256, 255)):
        check_lzw(order(*sound))
    for wild in ((256, 258), (256, 300, 65), (256, 65, 66, 256, 511, 1), (256, 256, 258, 257)):
        with pytest.raises(PhotoError, match="its LZW data is damaged"):
            check_lzw(order(*wild))


@pytest.mark.parametrize("length", [1, 2, 300, 4000, 100_000])
def test_lzw_as_it_is_written_is_sound(length: int) -> None:
    """Through every width of codes and many clears."""
    rng = np.random.default_rng(length)
    for values in (rng.integers(0, 256, length, dtype=np.uint8), np.zeros(length, np.uint8)):
        written = np.frombuffer(imagecodecs.lzw_encode(values.tobytes()), np.uint8)
        check_lzw(written)


def decoded(data: bytes) -> tuple[bytes, bool]:
    """LZW as the TIFF specification describes it, slowly; and whether a clear was followed by no literal."""
    bits = "".join(f"{byte:08b}" for byte in data)
    table: list[bytes] = []
    found, place, last = b"", 0, None
    while True:
        width = min(12, (len(table) + 1).bit_length()) if last is not None else 9
        code, place = int(bits[place : place + width] or "0", 2), place + width
        if place > len(bits) or code == 257 or len(table) >= 4098:
            return found, True
        if code == 256:
            table, last = [bytes([value]) for value in range(256)] + [b"", b""], None
        elif last is None:
            if code > 257:
                return found, False
            last = table[code]
            found += last
        elif code > len(table):
            return found, True
        else:
            entry = table[code] if code < len(table) else last + last[:1]
            table.append(last + entry[:1])
            found, last = found + entry, entry


def test_verdicts_on_lzw_are_the_specification_s() -> None:
    """Blocks of many lengths, so that clears stand behind codes of every width; one in ten goes on with a wild code."""
    rng = np.random.default_rng(3)
    values = rng.integers(0, 256, 9000, dtype=np.uint8).tobytes()
    assert decoded(bytes(imagecodecs.lzw_encode(values))) == (values, True)
    verdicts = []
    for _ in range(30):
        bits, width = "", 9
        for length in rng.choice([1, 2, 253, 254, 255, 700, 1800, 3000, 3838], 4):
            bits += f"{256:0{width}b}"
            first = rng.integers(258, 512) if rng.random() < 0.1 else rng.integers(256)
            for number, code in enumerate([first, *rng.integers(256, size=length - 1)]):
                bits += f"{code:0{min(12, (258 + number).bit_length()) if number else 9}b}"
            width = min(12, (258 + int(length)).bit_length())
        bits += "0" * (-len(bits) % 8)
        data = int(bits, 2).to_bytes(len(bits) // 8, "big")
        try:
            check_lzw(np.frombuffer(data, np.uint8))
            verdicts.append(True)
        except PhotoError:
            verdicts.append(False)
        assert verdicts[-1] == decoded(data)[1]
    assert 5 < sum(verdicts) < 25


def test_xmp_that_is_no_bytes_is_left(tmp_path: Path) -> None:
    tag = [(700, 17, 2, (-1, 1 << 40), True), (33723, "d", 1, 0.5, True)]
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 5), np.uint8), bigtiff=True, extratags=tag)
    assert not {"xmp", "iptc"} & read_photo(tmp_path / "a.tif").metadata.keys()


def test_a_wild_code_in_a_tiff_s_lzw_is_refused(tmp_path: Path) -> None:
    for content in (tiff(compression="lzw"), saved(Image.new("L", (40, 24)), "TIFF", compression="tiff_lzw")):
        (tmp_path / "a.tif").write_bytes(content)
        with tifffile.TiffFile(tmp_path / "a.tif") as file:
            page = file.pages[0].aspage()
            start, size = page.dataoffsets[0], page.databytecounts[0]
        wild = high_first(256, 300, 257).tobytes()
        (tmp_path / "a.tif").write_bytes(content[:start] + wild + content[start + len(wild) :])
        assert size >= len(wild)
        with pytest.raises(PhotoError, match="its LZW data is damaged; copy or scan it again"):
            read_photo(tmp_path / "a.tif")


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
