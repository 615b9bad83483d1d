"""Small valid files of every kind that is read, made here, for contract tests and as seeds of the fuzzer."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import imagecodecs
import numpy as np
import pillow_heif
import tifffile
from PIL import Image

from hybrid.color import SRGB_TO_XYZ

HEIGHT, WIDTH = 24, 40
_Y, _X = np.mgrid[0:HEIGHT, 0:WIDTH]
LIGHT = np.stack([0.1 + 0.8 * _X / WIDTH, 0.1 + 0.8 * _Y / HEIGHT, 0.5 + 0.4 * (_X - _Y) / WIDTH], axis=-1)
"""Smooth, without symmetry; as sRGB codes 0..1 (of the raw file: linear)."""
RGB8 = np.rint(LIGHT * 255).astype(np.uint8)
RGB16 = np.rint(LIGHT * 65535).astype(np.uint16)
XMP = b'<?xpacket?><x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
DPI = 300


def exif_block(orientation: int) -> bytes:
    block = Image.Exif()
    block[0x0112] = orientation
    block[0x010E] = "a ramp"
    block[0x011A] = block[0x011B] = float(DPI)
    block[0x0128] = 2
    return block.tobytes().removeprefix(b"Exif\0\0")


def tiff(orientation: int = 1, profile: bytes | None = None, **options: object) -> bytes:
    file = io.BytesIO()
    extra = [(274, "H", 1, orientation, True), (700, "B", len(XMP), XMP, True)]
    how = {"photometric": "rgb", "extratags": extra, "resolution": (DPI, DPI), "resolutionunit": "inch"}
    tifffile.imwrite(file, RGB16, description="a ramp", metadata=None, iccprofile=profile, **how | options)  # type: ignore[arg-type]
    return file.getvalue()


def by_pillow(kind: str, **options: object) -> Callable[..., bytes]:
    def make(orientation: int = 1, profile: bytes | None = None) -> bytes:
        file = io.BytesIO()
        prefix = b"Exif\0\0" if kind == "JPEG" else b""
        how = {"exif": prefix + exif_block(orientation), "dpi": (DPI, DPI)} | options
        if kind != "PNG":
            how["xmp"] = XMP
        Image.fromarray(RGB8).save(file, kind, icc_profile=profile, **how)
        return file.getvalue()

    return make


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content


def jpeg2000(orientation: int = 1, profile: bytes | None = None, pixels: np.ndarray = RGB16, bits: int = 16) -> bytes:
    stream = bytes(imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="j2k", bitspersample=bits))
    header = struct.pack(">IIHBBBB", *pixels.shape[:2], 3 if pixels.ndim == 3 else 1, bits - 1, 7, 0, 0)
    space = b"\2\0\0" + profile if profile else b"\1\0\0" + struct.pack(">I", 16 if pixels.ndim == 3 else 17)
    resolution = box(b"res ", box(b"resc", struct.pack(">4H2b", 11811, 1000, 11811, 1000, 3, 3)))
    parts = [
        box(b"jP  ", b"\r\n\x87\n"),
        box(b"ftyp", b"jp2 \0\0\0\0jp2 "),
        box(b"jp2h", box(b"ihdr", header) + box(b"colr", space) + resolution),
        box(b"uuid", b"JpgTiffExif->JP2" + exif_block(orientation)),
        box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + XMP),
        box(b"jp2c", stream),
    ]
    return b"".join(parts)


def packed(*fields: tuple[int, int]) -> bytes:
    """(value, bits) from the lowest bit of the first byte upwards."""
    text = "".join(f"{value:0{bits}b}"[::-1] if bits else "" for value, bits in fields)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[at : at + 8][::-1], 2) for at in range(0, len(text), 8))


PLAIN_COLOR = ((1, 1),)


def jpegxl_stream(orientation: int, *color: tuple[int, int]) -> bytes:
    """RGB8, lossy, with a header of our own: orientation, and the fields of its colour encoding."""
    stream = bytes(imagecodecs.jpegxl_encode(RGB8, distance=0.05, usecontainer=False))
    # Both sides are given as multiples of 8, then two flags say that all else is the default.
    size = ((1, 1), (HEIGHT // 8 - 1, 5), (0, 3), (WIDTH // 8 - 1, 5))
    old = b"\xff\x0a" + packed(*size, (3, 2))
    if HEIGHT * 5 != WIDTH * 3:
        raise AssertionError("the encoder chooses another ratio for this size")
    new = (
        *size,
        *((0, 1), (1, 1), (orientation - 1, 3), (0, 3)),  # extra fields: orientation, and nothing else
        *((0, 1), (0, 2), (1, 1), (0, 2), (1, 1)),  # 8 bits, small buffers, no further channels, XYB
        *color,
        *((1, 1), (0, 2), (1, 1)),  # tone mapping, extensions, transform
    )
    assert stream.startswith(old), stream[:8].hex()
    return b"\xff\x0a" + packed(*new) + stream[len(old) :]


def jpegxl(orientation: int = 1, color: tuple[tuple[int, int], ...] = PLAIN_COLOR) -> bytes:
    parts = [
        box(b"JXL ", b"\r\n\x87\n"),
        box(b"ftyp", b"jxl \0\0\0\0jxl "),
        box(b"Exif", bytes(4) + exif_block(1)),
        box(b"brob", b"xml " + bytes(imagecodecs.brotli_encode(XMP))),
        box(b"jxlc", jpegxl_stream(orientation, *color)),
    ]
    return b"".join(parts)


def heic(bits: int = 10, **options: object) -> bytes:
    file = io.BytesIO()
    mode, pixels = ("RGB;16", RGB16) if bits > 8 else ("RGB", RGB8)
    how = {"quality": -1, "chroma": 444, "matrix_coefficients": 0, "exif": b"Exif\0\0" + exif_block(1), "xmp": XMP}
    pillow_heif.encode(mode, (WIDTH, HEIGHT), pixels.tobytes(), file, **how | options)
    return file.getvalue()


def raw(orientation: int = 1) -> bytes:
    """A DNG of a colour filter array whose camera sees linear sRGB."""
    mosaic = RGB16[..., 1].copy()
    mosaic[0::2, 0::2], mosaic[1::2, 1::2] = RGB16[0::2, 0::2, 0], RGB16[1::2, 1::2, 2]
    matrix = [part for v in np.linalg.inv(SRGB_TO_XYZ).ravel() for part in (round(v * 10000), 10000)]
    tags = [
        (274, "H", 1, orientation, True),
        (271, "s", 0, "Made", True),
        (272, "s", 0, "Made 1", True),
        (33421, "H", 2, (2, 2), True),
        (33422, "B", 4, (0, 1, 1, 2), True),
        (50706, "B", 4, (1, 4, 0, 0), True),
        (50707, "B", 4, (1, 1, 0, 0), True),
        (50708, "s", 0, "Made 1", True),
        (50717, "I", 1, 65535, True),
        (50721, "2i", 9, matrix, True),
        (50728, "2I", 3, (1,) * 6, True),
        (50778, "H", 1, 21, True),
    ]
    file = io.BytesIO()
    tifffile.imwrite(file, mosaic, photometric=32803, extratags=tags, metadata=None, software=False)
    return file.getvalue()


MAKERS: dict[str, Callable[..., bytes]] = {
    "tiff": tiff,
    "png": by_pillow("PNG"),
    "jpeg": by_pillow("JPEG", quality=100, subsampling="4:4:4"),
    "webp": by_pillow("WEBP", lossless=True),
    "avif": by_pillow("AVIF", quality=100, subsampling="4:4:4"),
    "jpeg2000": jpeg2000,
    "jpegxl": jpegxl,
    "heic": heic,
    "raw": raw,
}
"""A maker for every row of `hybrid.photo.formats.FORMATS`."""


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def ink_profile() -> bytes:
    """A CMYK profile whose L* is 100 - 20 C - 25 M - 10 Y - 45 K, and a*, b* alike: one `mft2` table (ICC.1:2001)."""
    corners = np.stack(np.meshgrid(*[[0.0, 1.0]] * 4, indexing="ij"), axis=-1).reshape(-1, 4)
    lab = lab_of_inks(corners)
    grid = np.rint(np.stack([lab[:, 0] / 100 * 0xFF00, *(lab[:, 1:].T + 128) * 256], axis=1)).astype(">u2")
    line = np.array([0, 65535], ">u2").tobytes()
    identity = np.rint(np.eye(3).ravel() * 65536).astype(">i4").tobytes()
    table = b"mft2\0\0\0\0" + bytes([4, 3, 2, 0]) + identity + struct.pack(">HH", 2, 2)
    table += 4 * line + grid.tobytes() + 3 * line
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    named = {b"A2B0": table, b"wtpt": white, b"cprt": b"text\0\0\0\0none\0\0\0\0"}
    named[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"inks\0" + bytes(79)
    at, entries, body = 132 + 12 * len(named), b"", b""
    for name, content in named.items():
        entries += name + struct.pack(">II", at + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"", 0x02100000, b"prtr", b"CMYK", b"Lab ") + bytes(12) + b"acsp"
    head += bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(named)) + entries + body


def lab_of_inks(inks: np.ndarray) -> np.ndarray:
    """What `ink_profile` says of (..., 4) shares of ink: CIELAB under D50."""
    weights = np.array([[-20, -25, -10, -45], [-30, 60, -5, 0], [-40, -5, 80, 0]])
    return np.array([100.0, 0, 0]) + inks @ weights.T
