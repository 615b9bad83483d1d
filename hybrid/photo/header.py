"""How large a picture is, from the first bytes of its file."""

import os
import struct
from pathlib import Path

import tifffile

from hybrid.photo import jpeg, png
from hybrid.photo.photo import PhotoError
from hybrid.photo.tiff import first_full_size

ENOUGH = 1 << 22
"""Bytes that hold every segment before a JPEG's pixels, metadata and thumbnails included."""


def read_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Height and width as stored, before any turning upright; (0, 0) where the header does not say.

    Meant for plans made before the file is read; a file that is no picture is refused by `read_photo`.
    """
    source = Path(path)
    try:
        with source.open("rb") as file:
            start = file.read(ENOUGH)
        if start.startswith(png.SIGNATURE):
            width, height = struct.unpack_from(">II", start, 16)
            return height, width
        if start.startswith(b"\xff\xd8\xff"):
            return jpeg.size(start)
        with tifffile.TiffFile(source) as tiff:
            page = first_full_size(tiff)
            return page.imagelength, page.imagewidth
    except (OSError, ValueError, struct.error, tifffile.TiffFileError, PhotoError):
        return 0, 0
