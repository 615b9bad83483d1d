"""The packed strips and tiles of a TIFF, before a decoder sees them: what in them would take it beyond the picture.

A piece packed as a picture of its own (JPEG, JPEG 2000, WebP, JPEG XL, PNG, JPEG XR, LERC) says how large it is, and
its decoder believes that. Other codecs are told by tifffile how many bytes are wanted.
"""

import math
import struct
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile

from hybrid.photo import exif, jpeg, jpeg2000, jpegxl, png, webp
from hybrid.photo.lzw import check_lzw
from hybrid.photo.mapped import mapped
from hybrid.photo.photo import PhotoError

_CHANNELS = 4
"""Samples a pixel that a packed picture counts with where its header is not asked for them."""
_SLACK = 1 << 20
"""Samples that any piece may unpack to: blocks are padded, and a tile at the border may be whole."""
_JPEG_XR_SIDES = 0xBC81, 0xBC80
_LERC = b"Lerc2 "

Samples = Callable[[memoryview], int]
"""How many samples a packed picture says that it has."""


def check_packed(page: tifffile.TiffPage) -> None:
    """Refuse strips and tiles by which a decoder would read or take memory that is not the picture's.

    Raises
    ------
    PhotoError
        There are such.
    """
    is_lzw, says = page.compression == tifffile.COMPRESSION.LZW, _SAYS.get(int(page.compression))
    if not is_lzw and says is None:
        return
    data, most = mapped(Path(page.parent.filehandle.path)), _SLACK + 2 * _samples_of_a_piece(page)
    for start, size in zip(page.dataoffsets, page.databytecounts, strict=False):
        packed = np.frombuffer(data, np.uint8)[start : start + size]
        if says is None:
            check_lzw(packed if page.fillorder == 1 else imagecodecs.bitorder_decode(packed))
        elif packed.size and says(packed.data) > most:
            kind = tifffile.COMPRESSION(page.compression).name
            raise PhotoError(f"the TIFF is damaged: a {kind} in it is larger than the picture; copy or scan it again")


def _samples_of_a_piece(page: tifffile.TiffPage) -> int:
    rows, columns = page.imagelength, page.imagewidth
    if page.is_tiled:
        rows, columns = page.tilelength, page.tilewidth
    elif page.compression != tifffile.COMPRESSION.OJPEG:  # of which one strip may hold the whole picture
        rows = min(page.rowsperstrip, rows)
    return rows * columns * max(_CHANNELS, page.samplesperpixel)


def _jpeg(packed: memoryview) -> int:
    return _CHANNELS * math.prod(jpeg.stored_size(packed))


def _old_jpeg(packed: memoryview) -> int:
    """Of a JPEG whose header may stand elsewhere in the file, with the picture's own size."""
    return _jpeg(packed) if bytes(packed[:2]) == b"\xff\xd8" else 0


def _webp(packed: memoryview) -> int:
    return _CHANNELS * math.prod(webp.stored_size(packed))


def _png(packed: memoryview) -> int:
    return _CHANNELS * math.prod(png.stored_size(packed))


def _jpeg_xr(packed: memoryview) -> int:
    """Its container is laid out as a TIFF (ITU-T T.832, annex A)."""
    main = exif.read(packed).main
    sides = [main[tag].integer() if tag in main else None for tag in _JPEG_XR_SIDES]
    if None in sides:
        raise PhotoError("the TIFF is damaged: a JPEG XR in it has no size; copy it again")
    return _CHANNELS * math.prod(side or 0 for side in sides)


def _lerc(packed: memoryview) -> int:
    """Blobs one after another, each a band of one size: Lerc2's header, of which version 3 added 4 bytes and 4 more."""
    samples = at = 0
    while at + 42 <= len(packed) and bytes(packed[at : at + len(_LERC)]) == _LERC:
        (version,) = struct.unpack_from("<i", packed, at + 6)
        place = at + 10 + 4 * (version >= 3)
        rows, columns, depth = struct.unpack_from("<3i", packed, place)
        place += 12 if version >= 4 else 8
        (size,) = struct.unpack_from("<i", packed, place + 8)
        if min(rows, columns, size) < 1:
            break
        samples += rows * columns * (max(1, depth) if version >= 4 else 1)
        at += size
    if not samples:
        raise PhotoError("the TIFF is damaged: a LERC in it has no size; copy it again")
    return samples


_SAYS: dict[int, Samples] = {
    6: _old_jpeg,
    **dict.fromkeys((7, 33007, 34892), _jpeg),
    **dict.fromkeys((33003, 33004, 33005, 34712), jpeg2000.stored_samples),
    34887: _lerc,
    **dict.fromkeys((22610, 34934), _jpeg_xr),
    34933: _png,
    **dict.fromkeys((34927, 50001), _webp),
    **dict.fromkeys((50002, 52546), jpegxl.stored_samples),
}
