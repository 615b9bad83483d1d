"""TIFF and BigTIFF: the working format, 8 and 16 bits, with its metadata."""

import logging
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from hybrid.photo import exif
from hybrid.photo.decoded import Decoded, checked_size, dpi_of, orientation_of
from hybrid.photo.metadata import Embedded
from hybrid.photo.photo import PhotoError

# tifffile logs oddities of other programs' files; they are no news to the user, and an application can still listen.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

Tag = tuple[int | str, int | str, int, Any, bool]
"""As tifffile takes them: number or name, type, count, value, whether on the first page only."""
_XMP, _IPTC, _PROFILE, _DNG_VERSION = 700, 33723, 34675, 50706
_POINTERS = {"ExifTag": exif.EXIF_POINTER, "GPSTag": exif.GPS_POINTER}
_DESCRIPTIVE_KINDS = (1, 2, 3, 7)
_CLASSIC_ROOM = (1 << 32) - (1 << 26)  # bytes of pixels that leave a classic TIFF room for metadata and bad luck
_GREY = (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.MINISWHITE)
_COLOR = (tifffile.PHOTOMETRIC.RGB, tifffile.PHOTOMETRIC.YCBCR)


def read(path: Path) -> Decoded:
    """Decode the first page that is no thumbnail.

    Raises
    ------
    PhotoError
        Damaged files, and kinds of TIFF that are no grey or RGB picture.
    """
    try:
        with tifffile.TiffFile(path) as file:
            page = first_full_size(file)
            _check(page)
            values = _values(page)
            tag = page.tags.valueof
            profile, xmp, iptc = tag(_PROFILE), tag(_XMP), tag(_IPTC)
            channels = 1 if page.photometric in _GREY else 3
            white_is_zero = page.photometric == tifffile.PHOTOMETRIC.MINISWHITE
            bits = 16 if page.photometric == tifffile.PHOTOMETRIC.PALETTE else page.bitspersample
            start = page.offset
    except (PhotoError, MemoryError, FileNotFoundError):
        raise
    except Exception as error:  # tifffile and the codecs raise nearly every kind on damaged files
        raise PhotoError(f"the TIFF is damaged or cut short ({error}); copy or scan it again") from error
    directories = exif.read(np.memmap(path, np.uint8, "r").data, first=start)
    blocks = {"exif": exif.blob(exif.cleaned(directories)), "xmp": _bytes(xmp), "iptc": _bytes(iptc)}
    return Decoded(
        values,
        channels,
        bits,
        orientation_of(directories),
        white_is_zero,
        profile=_bytes(profile) or None,
        dpi=dpi_of(directories),
        metadata={name: block for name, block in blocks.items() if block},
    )


def first_full_size(file: tifffile.TiffFile) -> tifffile.TiffPage:
    full = (page for page in (page.aspage() for page in file.pages) if not page.is_reduced)
    return next(full, None) or file.pages[0].aspage()


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, tuple):  # IPTC as LONGs is an old mistake of Photoshop's; the bytes are the same
        return struct.pack(f"<{len(value)}I", *value)
    return bytes(value or b"")


def _check(page: tifffile.TiffPage) -> None:
    checked_size(page.imagelength, page.imagewidth)
    if _DNG_VERSION in page.tags or page.photometric in (32803, 34892):
        raise PhotoError("the file is a camera raw; wanted a developed picture; export it as 16-bit TIFF first")
    if page.photometric == tifffile.PHOTOMETRIC.SEPARATED:
        raise PhotoError("the TIFF is CMYK; wanted grey or RGB; convert it to RGB first")
    is_jpeg = page.compression in (tifffile.COMPRESSION.JPEG, tifffile.COMPRESSION.OJPEG)
    is_other = page.photometric not in (*_GREY, *_COLOR, tifffile.PHOTOMETRIC.PALETTE)
    if is_other or (page.photometric == tifffile.PHOTOMETRIC.YCBCR and not is_jpeg):
        kind = getattr(page.photometric, "name", page.photometric)
        raise PhotoError(f"the TIFF's pixels are {kind}; wanted grey or RGB; convert it to RGB first")
    is_float = page.sampleformat == tifffile.SAMPLEFORMAT.IEEEFP
    if not is_float and (page.sampleformat != tifffile.SAMPLEFORMAT.UINT or page.bitspersample > 16):
        raise PhotoError(
            f"the TIFF has {page.bitspersample}-bit samples of kind {tifffile.SAMPLEFORMAT(page.sampleformat).name}; "
            "wanted 1 to 16 bits unsigned, or float; save it as 16-bit"
        )
    if page.imagedepth != 1:
        raise PhotoError("the TIFF is a volume; wanted one flat picture; save the slice alone")


def _values(page: tifffile.TiffPage) -> NDArray[np.generic]:
    samples, size = page.samplesperpixel, (page.imagelength, page.imagewidth)
    if page.compression == tifffile.COMPRESSION.NONE:
        ends = (a + b for a, b in zip(page.dataoffsets, page.databytecounts, strict=False))
        if max(ends, default=0) > page.parent.filehandle.size:
            raise PhotoError("the TIFF is cut short: its pixels end before the file should; copy or scan it again")
    values = page.asarray()
    if samples > 1 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
        values = np.moveaxis(values.reshape(samples, *size), 0, -1)
    values = values.reshape(*size, samples) if values.ndim != 3 else values
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
        colors = np.ascontiguousarray(np.asarray(page.colormap).T)  # (2**bits, 3)
        if colors.max() < 256:  # should be 16 bits; some writers put 8
            colors = colors * np.uint16(257)
        return colors[values[..., 0]]
    return values


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
