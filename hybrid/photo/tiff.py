"""TIFF and BigTIFF: the working format, 8 and 16 bits, with its metadata; here how it is written."""

import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from hybrid.photo import exif
from hybrid.photo.metadata import Embedded

Tag = tuple[int | str, int | str, int, Any, bool]
"""As tifffile takes them: number or name, type, count, value, whether on the first page only."""
_XMP, _IPTC = 700, 33723
_POINTERS = {"ExifTag": exif.EXIF_POINTER, "GPSTag": exif.GPS_POINTER}
_DESCRIPTIVE_KINDS = (1, 2, 3, 7)
_CLASSIC_ROOM = (1 << 32) - (1 << 26)  # bytes of pixels that leave a classic TIFF room for metadata and bad luck

COMPRESSIONS: dict[str, Callable[[Any], bytes | bytearray] | None] = {
    # Fast settings: on photographs with grain, slower ones save at most 2 %.
    "none": None,
    "deflate": lambda rows: imagecodecs.deflate_encode(rows, level=1),
    "lzw": lambda rows: imagecodecs.lzw_encode(rows),
    "zstd": lambda rows: imagecodecs.zstd_encode(rows, level=3),
}
_TIFF_NAMES = {"none": None, "deflate": "adobe_deflate", "lzw": "lzw", "zstd": "zstd"}


def encode_strip(pixels: NDArray[np.unsignedinteger], compression: str) -> bytes:
    """One strip of (rows, W, 3) pixels, differenced along the rows and compressed."""
    encode = COMPRESSIONS[compression]
    return pixels.tobytes() if encode is None else bytes(encode(imagecodecs.delta_encode(pixels, axis=1)))


def write(
    path: Path,
    strips: Iterator[bytes],
    rows: int,
    shape: tuple[int, int],
    bits: int,
    compression: str,
    content: Embedded,
    tags: Sequence[Tag] = (),
) -> None:
    """Write an RGB TIFF of `shape` (H, W) from strips of `rows` rows by `encode_strip`; BigTIFF when it must be.

    `tags` are more tags of the only page, as tifffile takes them.
    """
    big = shape[0] * shape[1] * 3 * bits // 8 + sum(len(tag[3]) for tag in tags) > _CLASSIC_ROOM
    camera = {tag: item for tag, item in content.directories.camera.items() if tag not in exif.DIMENSIONS}
    parts = {"ExifTag": camera, "GPSTag": content.directories.gps}
    parts = {name: part for name, part in parts.items() if part}
    extra: list[Tag] = [
        (tag, item.kind, item.count, item.data, True)
        for tag, item in content.directories.main.items()
        if tag in exif.DESCRIPTIVE and item.kind in _DESCRIPTIVE_KINDS
    ]
    extra += [(name, "Q" if big else "I", 1, 1, True) for name in parts]
    extra += [(_XMP, "B", len(content.xmp), content.xmp, True)] if content.xmp else []
    extra += [(_IPTC, 7, len(content.iptc), content.iptc, True)] if content.iptc else []
    extra += tags
    with tifffile.TiffWriter(path, bigtiff=big, byteorder="<") as file:
        file.write(
            strips,
            shape=(*shape, 3),
            dtype=f"uint{bits}",
            photometric="rgb",
            rowsperstrip=rows,
            compression=_TIFF_NAMES[compression],
            predictor=compression != "none",
            iccprofile=content.profile,
            resolution=content.dpi,
            resolutionunit="inch" if content.dpi else None,
            extratags=extra,
            metadata=None,
            software=False,
        )
    _append(path, parts, big)


def _append(path: Path, parts: dict[str, exif.Directory], big: bool) -> None:
    """Put EXIF directories at the file's end and point to them; tifffile writes the pointers but not what they mean."""
    if not parts:
        return
    with path.open("r+b") as out:
        places = _value_places(out, big)
        for name, part in parts.items():
            end = out.seek(0, 2)
            end += out.write(bytes(end % 2))
            out.write(exif.directory_bytes(part, end, big))
            out.seek(places[_POINTERS[name]])
            out.write(struct.pack("<Q" if big else "<I", end))


def _value_places(file: BinaryIO, big: bool) -> dict[int, int]:
    """Where the values of the first directory's entries stand in a little-endian TIFF, by tag."""
    word, count, entry = ("<Q", "<Q", "<HHQQ") if big else ("<I", "<H", "<HHII")

    def unpack(form: str) -> tuple[int, ...]:
        return struct.unpack(form, file.read(struct.calcsize(form)))

    file.seek(8 if big else 4)
    file.seek(unpack(word)[0])
    return {unpack(entry)[0]: file.tell() - struct.calcsize(word) for _ in range(unpack(count)[0])}
