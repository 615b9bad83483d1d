"""JPEG 2000: 1 to 16 bits, JP2 files and bare codestreams (ISO/IEC 15444-1), its pixels by OpenJPEG."""

import os
import struct
from dataclasses import dataclass
from pathlib import Path

import imagecodecs

from hybrid.photo import exif
from hybrid.photo.boxes import box, boxes
from hybrid.photo.decoded import (
    Decoded,
    checked_size,
    checked_values,
    decoding,
    dpi_of,
    orientation_of,
    per_inch,
    upright_size,
)
from hybrid.photo.mapped import mapped
from hybrid.photo.photo import PhotoError

SIGNATURES = (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")
_EXIF, _IPTC = b"JpgTiffExif->JP2", bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_SPACES = {12: "CMYK", 14: "CIELab", 18: "YCbCr"}
_PLAIN = (16, 17)  # sRGB, grey
_END = b"\xff\xd9"


@dataclass(frozen=True)
class _Stream:
    height: int
    width: int
    bits: int
    content: memoryview


def read(path: Path) -> Decoded:
    """Decode a grey or RGB JPEG 2000 without palette.

    Raises
    ------
    PhotoError
        Damaged or cut short; not grey or RGB; channels of different depth or size, signed, or above 16 bits.
    """
    view = mapped(path)
    stream = _stream(view)
    checked_size(stream.height, stream.width)
    profile = _profile(view)
    if not bytes(stream.content[-64:]).rstrip(b"\0").endswith(_END):
        raise PhotoError("the JPEG 2000 is cut short; copy or scan it again")
    with decoding("JPEG 2000"):  # the boxes left out: by them it would apply the profile, in 8 bits
        values = imagecodecs.jpeg2k_decode(bytes(stream.content), numthreads=min(8, os.cpu_count() or 1))
    values = checked_values(values, stream.height, stream.width, "JPEG 2000")
    known = dict(_uuids(view))
    directories = exif.read(known.get(_EXIF, b"").removeprefix(b"Exif\0\0"))
    blocks = {
        "exif": exif.blob(exif.cleaned(directories)),
        "xmp": known.get(_XMP, b""),
        "iptc": known.get(_IPTC, b""),
    }
    return Decoded(
        values,
        3 if values.shape[2] >= 3 else 1,
        stream.bits,
        orientation_of(directories),
        profile=profile,
        dpi=_dpi(view) or dpi_of(directories),
        metadata={name: block for name, block in blocks.items() if block},
    )


def size(path: Path) -> tuple[int, int]:
    """Height and width of the upright picture."""
    data = mapped(path)
    stream = _stream(data)
    directories = exif.read(dict(_uuids(data)).get(_EXIF, b"").removeprefix(b"Exif\0\0"))
    return upright_size((stream.height, stream.width), orientation_of(directories))


def stored_samples(data: memoryview) -> int:
    """Samples of all channels as the SIZ segment says them (annex A.5.1), whatever their kind.

    Raises
    ------
    PhotoError
        There is none.
    """
    content = data if bytes(data[:4]) == SIGNATURES[1] else box(data, b"jp2c")
    try:
        right, bottom, left, top = struct.unpack_from(">4I", content, 8)
        (channels,) = struct.unpack_from(">H", content, 40)
    except struct.error as error:
        raise PhotoError("the JPEG 2000 is damaged or cut short; copy or scan it again") from error
    return max(0, right - left) * max(0, bottom - top) * channels


def _stream(data: memoryview) -> _Stream:
    """The codestream, and what its SIZ segment says (annex A.5.1)."""
    content = data if bytes(data[:4]) == SIGNATURES[1] else box(data, b"jp2c")
    try:
        right, bottom, left, top = struct.unpack_from(">4I", content, 8)
        (channels,) = struct.unpack_from(">H", content, 40)
        kinds = {struct.unpack_from(">3B", content, 42 + 3 * i) for i in range(channels)}
        if bytes(content[:4]) != SIGNATURES[1] or not kinds:
            raise ValueError("no codestream")
    except (struct.error, ValueError) as error:
        raise PhotoError("the JPEG 2000 is damaged or cut short; copy or scan it again") from error
    (depth, across, down), *others = kinds
    if others or (across, down) != (1, 1):
        raise PhotoError("the JPEG 2000 has channels of different depth or size; wanted equal ones; save it as TIFF")
    if depth & 0x80 or depth & 0x7F > 15:
        raise PhotoError(
            f"the JPEG 2000 has {'signed' if depth & 0x80 else f'{depth + 1}-bit'} samples; "
            "wanted 1 to 16 bits unsigned; save it as 16-bit TIFF"
        )
    return _Stream(bottom - top, right - left, depth + 1, content)


def _profile(data: memoryview) -> bytes | None:
    if box(data, b"jp2h", b"pclr"):
        raise PhotoError("the JPEG 2000 has a palette; wanted grey or RGB; convert it to RGB")
    for name, content in boxes(box(data, b"jp2h")):
        if name != b"colr" or len(content) < 3:
            continue
        if content[0] in (2, 3):
            return bytes(content[3:])
        if content[0] == 1 and len(content) >= 7:
            kind = int.from_bytes(content[3:7], "big")
            if kind not in _PLAIN:
                raise PhotoError(
                    f"the JPEG 2000's pixels are {_SPACES.get(kind, f'of colour space {kind}')}; "
                    "wanted grey or RGB; convert it to 16-bit TIFF"
                )
            return None
    return None


def _uuids(data: memoryview) -> list[tuple[bytes, bytes]]:
    if bytes(data[:4]) == SIGNATURES[1]:
        return []
    return [(bytes(content[:16]), bytes(content[16:])) for name, content in boxes(data) if name == b"uuid"]


def _dpi(data: memoryview) -> tuple[float, float] | None:
    """Pixels an inch of the scan, or else of its display."""
    parts = dict(boxes(box(data, b"jp2h", b"res ")))
    content = parts.get(b"resc", parts.get(b"resd", memoryview(b"")))
    if len(content) != 10:
        return None
    above_y, below_y, above_x, below_x, power_y, power_x = struct.unpack(">4H2b", content)
    if not all((above_x, below_x, above_y, below_y)) or max(power_x, power_y) > 9:
        return None
    return per_inch(above_x / below_x * 10.0**power_x, above_y / below_y * 10.0**power_y)
