"""JPEG XL: up to 16 bits or float, bare and in boxes (ISO/IEC 18181-2), its pixels by libjxl."""

from pathlib import Path

import imagecodecs

from hybrid.photo import exif
from hybrid.photo.boxes import boxes
from hybrid.photo.cicp import profile_of
from hybrid.photo.decoded import Decoded, checked_size, checked_values, decoding, dpi_of, upright_size
from hybrid.photo.jpegxl_header import Header, read_basics, read_header
from hybrid.photo.mapped import mapped
from hybrid.photo.photo import PhotoError
from hybrid.photo.profiles import SRGB

SIGNATURES = (b"\0\0\0\x0cJXL \r\n\x87\n", b"\xff\x0a")
_MOST_METADATA = 1 << 26


def read(path: Path) -> Decoded:
    """Decode a JPEG XL; of an animation the first frame.

    Raises
    ------
    PhotoError
        Damaged or cut short, with a packed ICC profile, or of high dynamic range.
    """
    data = path.read_bytes()
    header = _header(memoryview(data))
    checked_size(header.height, header.width)
    if not header.is_float and header.bits > 16:
        raise PhotoError(f"the JPEG XL has {header.bits}-bit samples; wanted at most 16; save it as 16-bit TIFF")
    with decoding("JPEG XL"):
        values = imagecodecs.jpegxl_decode(data, index=0, keeporientation=True)
    values = checked_values(values, header.height, header.width, "JPEG XL")
    if (values.dtype.kind == "f") != header.is_float or (values.shape[2] < 3) != header.is_grey:
        raise PhotoError("the JPEG XL's pixels are not as its header says; convert it to 16-bit TIFF")
    known = _metadata(memoryview(data))
    directories = exif.read(known.get(b"Exif", b"")[4:].removeprefix(b"Exif\0\0"))
    blocks = {"exif": exif.blob(exif.cleaned(directories)), "xmp": known.get(b"xml ", b"")}
    space = header.space or (SRGB if header.is_float else None)
    return Decoded(
        values,
        1 if header.is_grey else 3,
        header.bits,
        header.orientation,
        profile=profile_of(header.space),
        dpi=dpi_of(directories),
        metadata={name: block for name, block in blocks.items() if block},
        space=space,
        is_premultiplied=header.is_premultiplied,
    )


def size(path: Path) -> tuple[int, int]:
    """Height and width of the upright picture."""
    header = _header(mapped(path))
    return upright_size((header.height, header.width), header.orientation)


def stored_samples(data: memoryview) -> int:
    """Samples of all channels as the codestream's header says them; it must be a single picture.

    Raises
    ------
    PhotoError
        It is damaged, or an animation, whose frames a decoder would all keep.
    """
    basics = read_basics(_codestream(data))
    if basics.is_animation:
        raise PhotoError("the JPEG XL is an animation; wanted a single picture; save the frame alone")
    return basics.height * basics.width * (3 + len(basics.extra))


def _header(data: memoryview) -> Header:
    return read_header(_codestream(data))


def _codestream(data: memoryview) -> bytes:
    """How it begins."""
    if bytes(data[:2]) == SIGNATURES[1]:
        return bytes(data[:4096])
    for name, content in boxes(data):
        if name == b"jxlc":
            return bytes(content[:4096])
        if name == b"jxlp":
            return bytes(content[4:4100])
    raise PhotoError("the JPEG XL is damaged or cut short; copy it again")


def _metadata(data: memoryview) -> dict[bytes, bytes]:
    """The first `Exif` and `xml ` boxes, unpacked."""
    found: dict[bytes, bytes] = {}
    if bytes(data[:2]) == SIGNATURES[1]:
        return found
    for name, content in boxes(data):
        if name in (b"Exif", b"xml "):
            found.setdefault(name, bytes(content))
        if name == b"brob" and bytes(content[:4]) in (b"Exif", b"xml "):
            try:
                found.setdefault(
                    bytes(content[:4]), bytes(imagecodecs.brotli_decode(bytes(content[4:]), out=_MOST_METADATA))
                )
            except (imagecodecs.BrotliError, ValueError):
                continue  # a picture without this block is still whole
    return found
