"""What is embedded beside the pixels; XMP packets and IPTC records."""

import re
import struct
from dataclasses import dataclass, field

from hybrid.photo.exif import Exif

_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|\s*>\s*))[2-8]")


@dataclass(frozen=True)
class Embedded:
    """Everything a written file carries beside its pixels; empty bytes stand for nothing."""

    profile: bytes
    dpi: tuple[float, float] | None = None
    directories: Exif = field(default_factory=Exif)
    xmp: bytes = b""
    iptc: bytes = b""


def upright_xmp(packet: bytes) -> bytes:
    """An XMP packet that says the picture is upright; the same length."""
    return _ORIENTATION.sub(rb"\g<1>1", packet)


def iptc_from_photoshop(block: bytes) -> bytes:
    """The IPTC record among Photoshop's image resources (`8BIM` blocks), b"" when there is none."""
    at = 0
    while block[at : at + 4] == b"8BIM" and at + 12 <= len(block):
        (number,) = struct.unpack_from(">H", block, at + 4)
        name = 1 + block[at + 6]
        start = at + 6 + name + name % 2
        if start + 4 > len(block):
            break
        (size,) = struct.unpack_from(">I", block, start)
        if number == 0x0404:
            return block[start + 4 : start + 4 + size]
        at = start + 4 + size + size % 2
    return b""


def photoshop_from_iptc(record: bytes) -> bytes:
    """Photoshop's image resources holding nothing but an IPTC record."""
    return b"8BIM\x04\x04\0\0" + struct.pack(">I", len(record)) + record + bytes(len(record) % 2)
