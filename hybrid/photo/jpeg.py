"""JPEG: 8 bits, its segments read and written here, its pixels by libjpeg-turbo."""

import struct
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from hybrid.photo import exif
from hybrid.photo.decoded import Decoded, checked_size, dpi_of, orientation_of
from hybrid.photo.metadata import Embedded, iptc_from_photoshop, photoshop_from_iptc
from hybrid.photo.photo import PhotoError

_EXIF, _XMP, _ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_SEGMENT_ROOM = 65533
_QUALITY = 95
LONGEST_SIDE = 65500


def read(path: Path) -> Decoded:
    """Decode a grey or RGB JPEG.

    Raises
    ------
    PhotoError
        Damaged, cut short, or CMYK.
    """
    data = path.read_bytes()
    segments = list(_segments(data))
    frame = next((content for marker, content in segments if marker in _FRAMES), b"")
    # Entropy-coded data never holds FF D9, so its absence after the first scan means that the end is missing.
    if len(frame) < 6 or segments[-1][0] != 0xDA or data.find(b"\xff\xd9", len(data) - len(segments[-1][1])) < 0:
        raise PhotoError("the JPEG is damaged or cut short; copy or scan it again")
    bits, height, width, components = struct.unpack_from(">BHHB", frame)
    checked_size(height, width)
    if components == 4:
        raise PhotoError("the JPEG is CMYK; wanted grey or RGB; convert it to RGB first")
    if bits != 8 or components not in (1, 3):
        raise PhotoError(f"the JPEG has {components} channels of {bits} bits; wanted grey or RGB of 8; save it as TIFF")
    try:
        values = imagecodecs.jpeg8_decode(data).reshape(height, width, components)
    except (imagecodecs.Jpeg8Error, ValueError) as error:
        raise PhotoError(f"the JPEG is damaged ({error}); copy or scan it again") from error
    directories = exif.read(_first(segments, 0xE1, _EXIF))
    blocks = {
        "exif": exif.blob(exif.cleaned(directories)),
        "xmp": _first(segments, 0xE1, _XMP),
        "iptc": iptc_from_photoshop(_first(segments, 0xED, _PHOTOSHOP)),
    }
    return Decoded(
        values,
        components,
        8,
        orientation_of(directories),
        profile=_profile(segments),
        dpi=_density(_first(segments, 0xE0, b"JFIF\0")) or dpi_of(directories),
        metadata={name: block for name, block in blocks.items() if block},
    )


def size(start: bytes) -> tuple[int, int]:
    """Height and width from the start of a JPEG's bytes; (0, 0) where its frame is not in them."""
    frames = (content for marker, content in _segments(start) if marker in _FRAMES)
    return struct.unpack_from(">HH", next(frames, b"\0" * 5), 1)


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and content of every segment up to the first scan, whose content is the rest of the file."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        (size,) = struct.unpack_from(">H", data, at + 2)
        if marker == 0xDA:
            yield marker, data[at + 2 :]
            return
        yield marker, data[at + 4 : at + 2 + size]
        at += 2 + max(size, 2)


def _first(segments: list[tuple[int, bytes]], marker: int, prefix: bytes) -> bytes:
    return next((c[len(prefix) :] for m, c in segments if m == marker and c.startswith(prefix)), b"")


def _profile(segments: list[tuple[int, bytes]]) -> bytes | None:
    parts = sorted(
        c[len(_ICC) :] for m, c in segments if m == 0xE2 and c.startswith(_ICC)
    )  # each: number, count, bytes
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
