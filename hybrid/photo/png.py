"""PNG: 8 and 16 bits, its chunks read and written here, its pixels by libpng."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
from numpy.typing import NDArray

from hybrid.photo import exif
from hybrid.photo.cicp import profile_of, space_of_codes
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
from hybrid.photo.metadata import Embedded
from hybrid.photo.photo import PhotoError
from hybrid.photo.profiles import gamma_profile

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP_KEYWORD, _IPTC_KEYWORD = b"XML:com.adobe.xmp", b"Raw profile type iptc"
_SRGB_GAMMA = 0.45455
_MOST_METADATA = 1 << 26
_DAMAGED = "the PNG is damaged or cut short; copy or scan it again"


def read(path: Path) -> Decoded:
    """Decode a PNG of any colour type; palettes become RGB and 1, 2, 4 bits become 8.

    Raises
    ------
    PhotoError
        The file is damaged or cut short.
    """
    data = path.read_bytes()
    found: dict[bytes, bytes] = {}
    texts: dict[bytes, bytes] = {}
    for name, content in _chunks(memoryview(data)):
        if name in (b"iTXt", b"zTXt", b"tEXt"):
            texts.setdefault(*_text(name, content))
        else:
            found.setdefault(name, content)
    height, width = _stored_size(found)
    if b"IEND" not in found:
        raise PhotoError(_DAMAGED)
    checked_size(height, width)
    with decoding("PNG"):
        values = imagecodecs.png_decode(data)
    values = checked_values(values, height, width, "PNG")
    channels = 1 if values.shape[2] < 3 else 3
    codes = found.get(b"cICP", b"")
    space = space_of_codes(codes[0], codes[1], channels) if len(codes) == 4 else None
    directories = exif.read(found.get(b"eXIf", b""))
    blocks = {
        "exif": exif.blob(exif.cleaned(directories)),
        "xmp": texts.get(_XMP_KEYWORD, b""),
        "iptc": _unhexed(texts.get(_IPTC_KEYWORD, b"")),
    }
    return Decoded(
        values,
        channels,
        values.dtype.itemsize * 8,
        orientation_of(directories),
        profile=profile_of(space) if len(codes) == 4 else _profile(found, channels),
        dpi=_dpi(found) or dpi_of(directories),
        metadata={name: block for name, block in blocks.items() if block},
        space=space,
    )


def size(path: Path) -> tuple[int, int]:
    """Height and width of the upright picture."""
    found: dict[bytes, bytes] = {}
    for name, content in _chunks(mapped(path)):
        found.setdefault(name, content)
    return upright_size(_stored_size(found), orientation_of(exif.read(found.get(b"eXIf", b""))))


def stored_size(data: memoryview) -> tuple[int, int]:
    """Height and width as the first chunk, which is the header, says them.

    Raises
    ------
    PhotoError
        It is none.
    """
    return _stored_size(dict([next(_chunks(data), (b"", b""))]))


def _stored_size(found: dict[bytes, bytes]) -> tuple[int, int]:
    if len(found.get(b"IHDR", b"")) != 13:
        raise PhotoError(_DAMAGED)
    width, height = struct.unpack_from(">II", found[b"IHDR"])
    return height, width


def _chunks(data: memoryview) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        yield name, bytes(data[at + 8 : at + 8 + size]) if name != b"IDAT" else b""
        at += 12 + size


def _text(name: bytes, content: bytes) -> tuple[bytes, bytes]:
    keyword, _, rest = content.partition(b"\0")
    try:
        if name == b"zTXt":
            return keyword, _inflated(rest[1:])
        if name == b"iTXt":
            text = rest[2:].split(b"\0", 2)[-1]
            return keyword, _inflated(text) if rest[:1] == b"\1" else text
    except zlib.error:
        return keyword, b""
    return keyword, rest


def _inflated(data: bytes) -> bytes:
    """What was deflated, if it is of a size that profiles and texts have."""
    engine = zlib.decompressobj()
    content = engine.decompress(data, _MOST_METADATA)
    if not engine.eof:
        raise zlib.error("cut short, or too long")
    return content


def _profile(found: dict[bytes, bytes], channels: int) -> bytes | None:
    if b"iCCP" in found:
        try:
            return _inflated(found[b"iCCP"].split(b"\0", 1)[1][1:])
        except (zlib.error, IndexError) as error:
            raise PhotoError("the PNG's colour profile is damaged; assign one and save again") from error
    if b"gAMA" in found and b"sRGB" not in found and channels == 1:
        gamma = int.from_bytes(found[b"gAMA"], "big") / 100000
        if gamma > 0.01 and abs(gamma - _SRGB_GAMMA) > 0.005:
            return gamma_profile(1 / gamma)
    return None


def _dpi(found: dict[bytes, bytes]) -> tuple[float, float] | None:
    if len(found.get(b"pHYs", b"")) != 9:
        return None
    x, y, unit = struct.unpack(">IIB", found[b"pHYs"])
    return per_inch(x, y) if unit == 1 and x and y else None


def _unhexed(text: bytes) -> bytes:
    """The bytes in ImageMagick's "raw profile": a name, a length, then hexadecimal lines."""
    try:
        return bytes.fromhex("".join(text.decode("latin-1").split()[2:]))
    except ValueError:
        return b""


def embedded(content: Embedded) -> bytes:
    """The chunks that go between a PNG's header and its pixels."""
    chunks = [_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(content.profile, 9))]
    if content.dpi is not None:
        chunks.append(_chunk(b"pHYs", struct.pack(">IIB", *(round(value / 0.0254) for value in content.dpi), 1)))
    if block := exif.blob(content.directories):
        chunks.append(_chunk(b"eXIf", block))
    if content.xmp:
        chunks.append(_chunk(b"iTXt", _XMP_KEYWORD + bytes(5) + content.xmp))
    if content.iptc:
        text = f"\niptc\n{len(content.iptc):8}\n{content.iptc.hex()}\n".encode()
        chunks.append(_chunk(b"zTXt", _IPTC_KEYWORD + b"\0\0" + zlib.compress(text)))
    return b"".join(chunks)


def write(path: Path, pixels: NDArray[Any], chunks: bytes = b"") -> None:
    """Write (H, W[, C]) uint8 or uint16 pixels with the given chunks.

    Sub filter and run-length matching: for noisy photographs as small as level 6 and three times as fast.
    """
    png = imagecodecs.PNG
    encoded = memoryview(imagecodecs.png_encode(pixels, level=1, strategy=png.STRATEGY.RLE, filter=png.FILTER.SUB))
    after_header = len(SIGNATURE) + 25
    with path.open("wb") as file:
        file.writelines((encoded[:after_header], chunks, encoded[after_header:]))


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
