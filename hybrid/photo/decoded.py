"""What a file decoder hands over: the stored values and everything the file says about them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.photo import exif
from hybrid.photo.photo import PhotoError


@dataclass(frozen=True, eq=False)
class Decoded:
    """A picture as stored, not yet upright.

    Attributes
    ----------
    values : (H, W, C) codes 0 .. 2**bits - 1, or floats; possibly a strided view.
    channels : 1 for grey, 3 for RGB; a channel after them is alpha, more are nothing we know.
    bits : bits a sample.
    orientation : EXIF's 1..8.
    white_is_zero : grey codes run from white to black.
    """

    values: NDArray[Any]
    channels: int
    bits: int
    orientation: int = 1
    white_is_zero: bool = False
    profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    metadata: Mapping[str, bytes] = field(default_factory=dict)


def upright(picture: NDArray[np.float32], orientation: int) -> NDArray[np.float32]:
    """Turn an (H, W, ...) picture so that EXIF orientation 1..8 becomes 1; C-contiguous."""
    if orientation >= 5:
        picture = picture.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        picture = picture[::-1]
    if orientation in (2, 3, 6, 7):
        picture = picture[:, ::-1]
    return np.ascontiguousarray(picture)


def upright_dpi(dpi: tuple[float, float] | None, orientation: int) -> tuple[float, float] | None:
    """Resolution along the upright picture's x and y."""
    return (dpi[1], dpi[0]) if dpi and orientation >= 5 else dpi


def orientation_of(directories: exif.Exif) -> int:
    """The orientation 1..8 in EXIF directories, 1 where it is missing or nonsense."""
    item = directories.main.get(exif.ORIENTATION)
    value = item.integer() if item else None
    return value if value and 1 <= value <= 8 else 1


def dpi_of(directories: exif.Exif) -> tuple[float, float] | None:
    """Pixels an inch in EXIF or TIFF directories, or None."""
    x, y, unit = (directories.main.get(tag) for tag in (exif.X_RESOLUTION, exif.Y_RESOLUTION, exif.RESOLUTION_UNIT))
    name = unit.integer() if unit else 2
    across, down = (item.ratio() if item else None for item in (x, y))
    if not across or not down or name not in (2, 3):
        return None
    scale = 2.54 if name == 3 else 1.0
    return across * scale, down * scale


def checked_size(height: int, width: int) -> None:
    """Refuse a picture without pixels, or with more than fit any memory.

    Raises
    ------
    PhotoError
        With the size found.
    """
    if height < 1 or width < 1:
        raise PhotoError(f"the picture is {width} × {height}; wanted at least one pixel")
    if height * width > 1 << 31:
        raise PhotoError(f"the picture is {width} × {height}; wanted at most 2 gigapixels; the file may be damaged")
