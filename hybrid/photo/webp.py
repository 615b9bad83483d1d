"""WebP: 8 bits, its chunks read here (RFC 9649), its pixels by libwebp."""

import struct
from collections.abc import Iterator
from pathlib import Path

import imagecodecs

from hybrid.photo import exif
from hybrid.photo.decoded import (
    Decoded,
    checked_size,
    checked_values,
    decoding,
    dpi_of,
    orientation_of,
    upright_size,
)
from hybrid.photo.mapped import mapped
from hybrid.photo.photo import PhotoError

_DAMAGED = "the WebP is damaged or cut short; copy it again"


def read(path: Path) -> Decoded:
    """Decode a WebP; of an animation the first frame.

    Raises
    ------
    PhotoError
        The file is damaged or cut short.
    """
    data = path.read_bytes()
    found = _chunks(memoryview(data))
    height, width = _stored_size(found)
    checked_size(height, width)
    with decoding("WebP"):
        values = imagecodecs.webp_decode(data, index=0)
    values = checked_values(values, height, width, "WebP")
    directories = _directories(found)
    blocks = {"exif": exif.blob(exif.cleaned(directories)), "xmp": bytes(found.get(b"XMP ", b""))}
    return Decoded(
        values,
        3 if values.shape[2] >= 3 else 1,
        8,
        orientation_of(directories),
        profile=bytes(found.get(b"ICCP", b"")) or None,
        dpi=dpi_of(directories),
        metadata={name: block for name, block in blocks.items() if block},
    )


def size(path: Path) -> tuple[int, int]:
    """Height and width of the upright picture."""
    found = _chunks(mapped(path))
    return upright_size(_stored_size(found), orientation_of(_directories(found)))


def stored_size(data: memoryview) -> tuple[int, int]:
    """Height and width as the file stores them.

    Raises
    ------
    PhotoError
        It does not say.
    """
    return _stored_size(_chunks(data))


def _chunks(data: memoryview) -> dict[bytes, memoryview]:
    """The first chunk of every name."""

    def each() -> Iterator[tuple[bytes, memoryview]]:
        at = 12
        while at + 8 <= len(data):
            name, length = struct.unpack_from("<4sI", data, at)
            yield name, data[at + 8 : at + 8 + length]
            at += 8 + length + length % 2

    found: dict[bytes, memoryview] = {}
    for name, content in each():
        found.setdefault(name, content)
    return found


def _directories(found: dict[bytes, memoryview]) -> exif.Exif:
    return exif.read(bytes(found.get(b"EXIF", b"")).removeprefix(b"Exif\0\0"))


def _stored_size(found: dict[bytes, memoryview]) -> tuple[int, int]:
    try:
        if b"VP8X" in found:
            sides = bytes(found[b"VP8X"][4:10])
            width, height = int.from_bytes(sides[:3], "little") + 1, int.from_bytes(sides[3:], "little") + 1
        elif b"VP8 " in found:
            width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", found[b"VP8 "], 6))
        else:
            (packed,) = struct.unpack_from("<I", found[b"VP8L"], 1)
            width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    except (KeyError, struct.error) as error:
        raise PhotoError(_DAMAGED) from error
    return height, width
