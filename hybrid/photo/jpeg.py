"""JPEG: 8 bits (12 are read too), its segments read and written here, its pixels by libjpeg-turbo."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray

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
from hybrid.photo.metadata import Embedded, iptc_from_photoshop, photoshop_from_iptc
from hybrid.photo.photo import PhotoError

_EXIF, _XMP, _ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
_PHOTOSHOP, _ADOBE = b"Photoshop 3.0\0", b"Adobe"
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_SEGMENT_ROOM = 65533
_DAMAGED = "the JPEG is damaged or cut short; copy or scan it again"
_QUALITY = 95
LONGEST_SIDE = 65500


def read(path: Path) -> Decoded:
    """Decode a grey, RGB or CMYK JPEG, of 8 or 12 bits, or lossless with up to 16.

    Raises
    ------
    PhotoError
        Damaged, cut short, or CMYK without a profile of its inks.
    """
    data = path.read_bytes()
    segments = list(_segments(memoryview(data)))
    frame = _frame(segments)
    # Entropy-coded data never holds FF D9, so its absence after the first scan means that the end is missing.
    if segments[-1].marker != 0xDA or data.find(b"\xff\xd9", segments[-1].start) < 0:
        raise PhotoError(_DAMAGED)
    bits, height, width, components = struct.unpack_from(">BHHB", frame)
    checked_size(height, width)
    profile = _profile(segments)
    if components == 4 and profile is None:
        raise PhotoError("the JPEG is CMYK without a profile of its inks; assign one, or convert it to RGB first")
    if not 2 <= bits <= 16 or components not in (1, 3, 4):
        raise PhotoError(f"the JPEG has {components} channels of {bits} bits; wanted grey or RGB; save it as TIFF")
    with decoding("JPEG"):
        values = imagecodecs.jpeg8_decode(data)
    values = checked_values(values, height, width, "JPEG")
    if values.shape[2] != components:
        raise PhotoError(f"the JPEG's header says {components} channels, it has {values.shape[2]}; copy it again")
    if components == 4 and _first(segments, 0xEE, _ADOBE):
        values = ((1 << bits) - 1) - values  # Adobe's programs store how much ink is not there
    directories = exif.read(_first(segments, 0xE1, _EXIF))
    blocks = {
        "exif": exif.blob(exif.cleaned(directories)),
        "xmp": _first(segments, 0xE1, _XMP),
        "iptc": iptc_from_photoshop(_first(segments, 0xED, _PHOTOSHOP)),
    }
    return Decoded(
        values,
        components,
        bits,
        orientation_of(directories),
        profile=profile,
        dpi=_density(_first(segments, 0xE0, b"JFIF\0")) or dpi_of(directories),
        metadata={name: block for name, block in blocks.items() if block},
    )


def size(path: Path) -> tuple[int, int]:
    """Height and width of the upright picture."""
    data = mapped(path)
    return upright_size(stored_size(data), orientation_of(exif.read(_first(list(_segments(data)), 0xE1, _EXIF))))


def stored_size(data: memoryview) -> tuple[int, int]:
    """Height and width as a JPEG's frame says them.

    Raises
    ------
    PhotoError
        It has none.
    """
    height, width = struct.unpack_from(">HH", _frame(list(_segments(data))), 1)
    return height, width


class _Segment(NamedTuple):
    marker: int
    start: int
    content: bytes


def _segments(data: memoryview) -> Iterator[_Segment]:
    """Every segment up to the first scan, whose content is left out."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        (size,) = struct.unpack_from(">H", data, at + 2)
        if marker == 0xDA:
            yield _Segment(marker, at + 2, b"")
            return
        yield _Segment(marker, at + 2, bytes(data[at + 4 : at + 2 + size]))
        at += 2 + max(size, 2)


def _frame(segments: list[_Segment]) -> bytes:
    """The header of the picture: bits, height, width, channels, and more."""
    frame = next((segment.content for segment in segments if segment.marker in _FRAMES), b"")
    if len(frame) < 6:
        raise PhotoError(_DAMAGED)
    return frame


def _first(segments: list[_Segment], marker: int, prefix: bytes) -> bytes:
    return next(
        (s.content[len(prefix) :] for s in segments if s.marker == marker and s.content.startswith(prefix)), b""
    )


def _profile(segments: list[_Segment]) -> bytes | None:
    parts = sorted(s.content[len(_ICC) :] for s in segments if s.marker == 0xE2 and s.content.startswith(_ICC))
    # each: number, count, bytes
    return b"".join(part[2:] for part in parts) or None


def _density(content: bytes) -> tuple[float, float] | None:
    if len(content) < 7:
        return None
    unit, x, y = struct.unpack_from(">BHH", content, 2)
    scale = {1: 1.0, 2: 2.54}.get(unit)
    return (x * scale, y * scale) if scale and x > 1 and y > 1 else None


def embedded(content: Embedded) -> bytes:
    """The segments that go between a JPEG's start and its pixels.

    Raises
    ------
    PhotoError
        A block is larger than a JPEG segment can be.
    """
    density = [min(max(round(value), 1), 65535) for value in content.dpi] if content.dpi else [1, 1]
    photoshop = photoshop_from_iptc(content.iptc) if content.iptc else b""
    parts = [
        _segment(0xE0, b"JFIF\0\1\1", struct.pack(">BHHH", content.dpi is not None, *density, 0)),
        _segment(0xE1, _EXIF, exif.blob(exif.for_jpeg(content.directories))),
        _segment(0xE1, _XMP, content.xmp),
        _segment(0xED, _PHOTOSHOP, photoshop),
    ]
    room = _SEGMENT_ROOM - len(_ICC) - 2
    count = -(-len(content.profile) // room)
    for number in range(count):
        part = content.profile[number * room : (number + 1) * room]
        parts.append(_segment(0xE2, _ICC, bytes([number + 1, count]) + part))
    return b"".join(parts)


def write(path: Path, pixels: NDArray[np.uint8], segments: bytes) -> None:
    """Write (H, W, 3) pixels with the given segments: quality 95, colour at full resolution."""
    encoded = memoryview(imagecodecs.jpeg8_encode(pixels, level=_QUALITY, subsampling="444"))
    own = 4 + struct.unpack_from(">H", encoded, 4)[0]  # the codec's start and JFIF segment; ours says the resolution
    with path.open("wb") as file:
        file.writelines((encoded[:2], segments, encoded[own:]))


def _segment(marker: int, prefix: bytes, block: bytes) -> bytes:
    if not block:
        return b""
    content = prefix + block
    if len(content) > _SEGMENT_ROOM:
        raise PhotoError(f"a JPEG holds at most 64 KB of metadata in one block, not {len(content)} bytes; write a TIFF")
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content
