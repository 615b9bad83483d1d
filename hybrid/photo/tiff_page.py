"""TIFF and BigTIFF as they come: any layout, depth and compression, and the page that is meant."""

import logging
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from hybrid.photo import exif
from hybrid.photo.decoded import Decoded, checked_size, decoding, dpi_of, orientation_of, upright_size
from hybrid.photo.lab import LabSpace
from hybrid.photo.mapped import mapped
from hybrid.photo.photo import PhotoError
from hybrid.photo.tiff_packed import check_packed

# tifffile logs oddities of other programs' files; they are no news to the user, and an application can still listen.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_XMP, _IPTC, _PROFILE, _INK_SET = 700, 33723, 34675, 332
_GREY = (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.MINISWHITE)
_LAB = (tifffile.PHOTOMETRIC.CIELAB, tifffile.PHOTOMETRIC.ICCLAB)
_COLOR = (tifffile.PHOTOMETRIC.RGB, tifffile.PHOTOMETRIC.YCBCR, tifffile.PHOTOMETRIC.PALETTE, *_LAB)
_CHANNELS: dict[int, int] = {**dict.fromkeys(_GREY, 1), **dict.fromkeys(_COLOR, 3), tifffile.PHOTOMETRIC.SEPARATED: 4}
_MOST_EXTRA = 8
_NUMBERS = """imagelength imagewidth imagedepth tilelength tilewidth rowsperstrip samplesperpixel bitspersample
sampleformat planarconfig photometric compression predictor fillorder subfiletype"""
_LARGEST_TILE = 1 << 24
_THUMBNAIL_OR_MASK = 1 | 4


def read(path: Path, number: int | None = None) -> Decoded:
    """Decode page `number`, from 1, or else the first that is no thumbnail and no mask.

    Raises
    ------
    PhotoError
        Damaged files, and kinds of TIFF that are no grey, RGB, CIELAB or CMYK picture.
    """
    with _opened(path) as file:
        page = _page(file, number)
        _check(page)
        values = _values(page)
        tag = page.tags.valueof
        profile, xmp, iptc = tag(_PROFILE), tag(_XMP), tag(_IPTC)
        channels = _CHANNELS[page.photometric]
        white_is_zero = page.photometric == tifffile.PHOTOMETRIC.MINISWHITE
        bits = 16 if page.photometric == tifffile.PHOTOMETRIC.PALETTE else page.bitspersample
        is_premultiplied = page.extrasamples[:1] == (tifffile.EXTRASAMPLE.ASSOCALPHA,)
        is_lab = page.photometric in _LAB
        space = LabSpace(bits, page.photometric == tifffile.PHOTOMETRIC.ICCLAB) if is_lab else None
        start = page.offset
    directories = exif.read(mapped(path), first=start)
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
        space=space,
        is_premultiplied=is_premultiplied,
    )


def size(path: Path, number: int | None = None) -> tuple[int, int]:
    """Height and width of the upright picture on a page, chosen as `read` does."""
    with _opened(path) as file:
        page = _page(file, number)
        stored, start = _stored_size(page), page.offset
    return upright_size(stored, orientation_of(exif.read(mapped(path), first=start)))


def pages(path: Path) -> int:
    """How many pages the file has, thumbnails included."""
    with _opened(path) as file:
        return len(file.pages)


@contextmanager
def _opened(path: Path) -> Iterator[tifffile.TiffFile]:
    with decoding("TIFF"), tifffile.TiffFile(path) as file:
        yield file


def _page(file: tifffile.TiffFile, number: int | None) -> tifffile.TiffPage:
    if number is not None:
        return file.pages[number - 1].aspage()
    full = (page for page in (page.aspage() for page in file.pages) if not page.subfiletype & _THUMBNAIL_OR_MASK)
    return next(full, None) or file.pages[0].aspage()


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, tuple):  # IPTC as LONGs is an old mistake of Photoshop's; the bytes are the same
        is_long = all(isinstance(part, int) and 0 <= part < 1 << 32 for part in value)
        return struct.pack(f"<{len(value)}I", *value) if is_long else b""
    return value if isinstance(value, bytes) else b""


def _stored_size(page: tifffile.TiffPage) -> tuple[int, int]:
    for name in _NUMBERS.split():
        if not isinstance(getattr(page, name), int):
            raise PhotoError(f"the TIFF is damaged: its {name} is no number; copy or scan it again")
    return page.imagelength, page.imagewidth


def _check(page: tifffile.TiffPage) -> None:
    checked_size(*_stored_size(page))
    is_jpeg = page.compression in (tifffile.COMPRESSION.JPEG, tifffile.COMPRESSION.OJPEG)
    is_separated = page.photometric == tifffile.PHOTOMETRIC.SEPARATED
    is_other = page.photometric not in _CHANNELS or (is_separated and page.tags.valueof(_INK_SET, default=1) != 1)
    if is_other or (page.photometric == tifffile.PHOTOMETRIC.YCBCR and not is_jpeg):
        kind = getattr(page.photometric, "name", page.photometric)
        raise PhotoError(f"the TIFF's pixels are {kind}; wanted grey or RGB; convert it to RGB first")
    if is_separated and not page.tags.valueof(_PROFILE):
        raise PhotoError("the TIFF is CMYK without a profile of its inks; assign one, or convert it to RGB first")
    least = 1 if page.photometric == tifffile.PHOTOMETRIC.PALETTE else _CHANNELS[page.photometric]
    if not least <= page.samplesperpixel <= least + _MOST_EXTRA:
        raise PhotoError(
            f"the TIFF has {page.samplesperpixel} channels; wanted {least}, and alpha; save the picture alone"
        )
    if (is_separated or page.photometric in _LAB) and (page.bitspersample not in (8, 16) or page.sampleformat != 1):
        kind = "CMYK" if is_separated else "CIELAB"
        raise PhotoError(f"the TIFF is {kind} of {page.bitspersample} bits; wanted 8 or 16 bits; convert it to RGB")
    is_float = page.sampleformat == tifffile.SAMPLEFORMAT.IEEEFP
    if not is_float and (page.sampleformat != tifffile.SAMPLEFORMAT.UINT or page.bitspersample > 16):
        raise PhotoError(
            f"the TIFF has {page.bitspersample}-bit samples of kind {tifffile.SAMPLEFORMAT(page.sampleformat).name}; "
            "wanted 1 to 16 bits unsigned, or float; save it as 16-bit"
        )
    _check_pieces(page)
    if page.imagedepth != 1:
        raise PhotoError("the TIFF is a volume; wanted one flat picture; save the slice alone")


def _check_pieces(page: tifffile.TiffPage) -> None:
    """Refuse pieces that make no picture, or take memory out of all proportion to it."""
    if page.samplesperpixel > 1 and page.planarconfig not in tuple(tifffile.PLANARCONFIG):
        raise PhotoError(f"the TIFF is damaged: its planes are laid out as {page.planarconfig}; copy it again")
    tile = page.tilewidth * page.tilelength if page.is_tiled else 0
    if tile > max(_LARGEST_TILE, 4 * page.imagewidth * page.imagelength):
        raise PhotoError(f"the TIFF is damaged: its tiles are {page.tilewidth} × {page.tilelength}; copy it again")
    is_packed = page.compression != tifffile.COMPRESSION.NONE
    if is_packed and max(page.databytecounts, default=0) > page.parent.filehandle.size:
        raise PhotoError("the TIFF is damaged or cut short: a strip is larger than the file; copy or scan it again")
    is_palette = page.photometric == tifffile.PHOTOMETRIC.PALETTE
    if is_palette and np.asarray(page.colormap).shape != (3, 1 << page.bitspersample):
        raise PhotoError("the TIFF's palette is damaged; copy it again or save it as RGB")


def _values(page: tifffile.TiffPage) -> NDArray[np.generic]:
    samples, size = page.samplesperpixel, (page.imagelength, page.imagewidth)
    if page.compression == tifffile.COMPRESSION.NONE:
        ends = (a + b for a, b in zip(page.dataoffsets, page.databytecounts, strict=False))
        if max(ends, default=0) > page.parent.filehandle.size:
            raise PhotoError("the TIFF is cut short: its pixels end before the file should; copy or scan it again")
    check_packed(page)
    values = page.asarray()
    if samples > 1 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
        values = np.moveaxis(values.reshape(samples, *size), 0, -1)
    values = values.reshape(*size, samples) if values.ndim != 3 else values
    if values.shape != (*size, samples):
        raise PhotoError(f"the TIFF is damaged: {size} pixels were wanted, {values.shape} are there; copy it again")
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
        colors = np.ascontiguousarray(np.asarray(page.colormap).T)  # (2**bits, 3)
        if colors.max() < 256:  # should be 16 bits; some writers put 8
            colors = colors * np.uint16(257)
        return colors[values[..., 0]]
    return values
