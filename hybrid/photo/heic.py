"""HEIC: 8, 10 and 12 bits, by pillow-heif, which is an extra because its wheel bundles GPL parts."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from hybrid.photo import exif
from hybrid.photo.cicp import profile_of, space_of_codes
from hybrid.photo.decoded import Decoded, checked_size, checked_values, decoding, dpi_of
from hybrid.photo.photo import PhotoError


def read(path: Path) -> Decoded:
    """Decode the main picture, which the library turns upright.

    Raises
    ------
    PhotoError
        The extra is missing; the file is damaged, cut short, or of high dynamic range.
    """
    picture = _main(path)
    width, height = picture.size
    checked_size(height, width)
    with decoding("HEIC"):
        values = np.asarray(picture)
    values = checked_values(values, height, width, "HEIC")
    info = picture.info
    bits = info.get("bit_depth", 8) if values.dtype.itemsize == 2 else 8
    if values.dtype.itemsize == 2:
        values = values >> (16 - bits)  # it shifts codes up, so that white would not be white
    channels = 3 if values.shape[2] >= 3 else 1
    profile, codes = info.get("icc_profile"), info.get("nclx_profile")
    space = None
    if codes and not profile:
        space = space_of_codes(codes["color_primaries"], codes["transfer_characteristics"], channels)
    directories = exif.read((info.get("exif") or b"").removeprefix(b"Exif\0\0"))
    blocks = {"exif": exif.blob(exif.cleaned(directories)), "xmp": info.get("xmp") or b""}
    return Decoded(
        values,
        channels,
        bits,
        profile=profile or profile_of(space),
        dpi=dpi_of(directories),
        metadata={name: block for name, block in blocks.items() if block},
        space=space,
        is_premultiplied="a" in picture.mode,
    )


def size(path: Path) -> tuple[int, int]:
    """Height and width of the upright picture."""
    width, height = _main(path).size
    return height, width


def _library() -> ModuleType:
    try:
        import pillow_heif
    except ImportError as error:
        raise PhotoError("a HEIC needs the extra heif: pip install 'hybrid-colorizer[heif]'") from error
    return pillow_heif


def _main(path: Path) -> Any:
    library = _library()
    with decoding("HEIC"):
        file = library.open_heif(path, convert_hdr_to_8bit=False)
        return file[file.primary_index]
