"""What a file decoder hands over: the stored values and everything the file says about them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.photo import exif
from hybrid.photo.lab import LabSpace
from hybrid.photo.photo import PhotoError
from hybrid.photo.profiles import MatrixSpace


@dataclass(frozen=True, eq=False)
class Decoded:
    """A picture as stored, not yet upright.

    Attributes
    ----------
    values : (H, W, C) codes 0 .. 2**bits - 1, or floats; possibly a strided view.
    channels : 1 for grey, 3 for RGB or CIELAB, 4 for CMYK (0 is no ink); a channel after them is alpha, more are
        nothing we know.
    bits : bits a sample.
    orientation : EXIF's 1..8.
    white_is_zero : grey codes run from white to black.
    profile : the file's ICC profile, or one that says the same as `space`.
    space : what the values mean where the file says it otherwise than by `profile`.
    is_premultiplied : colours are stored times alpha.
    """

    values: NDArray[Any]
    channels: int
    bits: int
    orientation: int = 1
    white_is_zero: bool = False
    profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    metadata: Mapping[str, bytes] = field(default_factory=dict)
    space: MatrixSpace | LabSpace | None = None
    is_premultiplied: bool = False


def upright(picture: NDArray[np.float32], orientation: int) -> NDArray[np.float32]:
    """Turn an (H, W, ...) picture so that EXIF orientation 1..8 becomes 1; C-contiguous."""
    if orientation >= 5:
        picture = picture.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        picture = picture[::-1]
    if orientation in (2, 3, 6, 7):
        picture = picture[:, ::-1]
    return np.ascontiguousarray(picture)


def upright_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Height and width of the upright picture."""
    return (size[1], size[0]) if orientation >= 5 else size


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


def per_inch(x: float, y: float) -> tuple[float, float]:
    """Pixels an inch for pixels a metre.

    Whole pixels a metre cannot say 300 dpi; what was a round number of dots an inch comes back as one.
    """
    across, down = (round(v) if abs(v - round(v)) < 0.013 else v for v in (x * 0.0254, y * 0.0254))
    return float(across), float(down)


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Put the many kinds of exceptions that codecs raise on damaged files into one line.

    Raises
    ------
    PhotoError
        For anything but memory, the machine's own refusals, and what is said already.
    """
    try:
        yield
    except (PhotoError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = "" if isinstance(error, UnicodeDecodeError) else f" ({error})"  # of a message that was cut
        raise PhotoError(f"the {name} is damaged or cut short{reason}; copy or scan it again") from error


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


def checked_values(values: NDArray[Any], height: int, width: int, name: str) -> NDArray[Any]:
    """What a codec gave, as (H, W, C).

    Raises
    ------
    PhotoError
        It has another size than the file's header said, or samples of a kind that is no picture's.
    """
    is_known = values.dtype.kind in "uf" and values.dtype.itemsize <= (2 if values.dtype.kind == "u" else 4)
    if values.shape[:2] != (height, width) or values.ndim not in (2, 3) or not is_known:
        raise PhotoError(
            f"the {name}'s header says {width} × {height}, its pixels are {values.shape} of {values.dtype}; "
            "the file is damaged; copy it again"
        )
    return values.reshape(height, width, -1)
