"""What goes together in an output: container, depth, space, compression, layers; found out before any work."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid.photo import jpeg, tiff
from hybrid.photo.layers import check_layers
from hybrid.photo.photo import Photo, WriteError
from hybrid.photo.profiles import MatrixSpace
from hybrid.photo.spaces import is_wide, named_or_file
from hybrid.photo.target import JPEG

_MOST_DPI = 100_000


def check_output(
    path: str | os.PathLike[str],
    *,
    bits: int | None = None,
    profile: str | Path | None = None,
    dpi: float | tuple[float, float] | None = None,
    compression: str = "deflate",
    layers: bool = False,
    is_chroma: bool = False,
) -> None:
    """Find out, before any heavy work, whether a picture can be written as asked for.

    Arguments as of `write_photo`; `is_chroma` means the colours alone.

    Raises
    ------
    WriteError
        With what does not go together.
    """
    target = Path(path)
    depth = bits or default_depth(target)
    if is_chroma and target.suffix.lower() in JPEG:
        raise WriteError(f"cannot write {target}: colours alone are for further work; use .tif or .png")
    if depth not in (8, 16):
        raise WriteError(f"cannot write {target} with {depth} bits; use 8 or 16")
    if target.suffix.lower() in JPEG and depth == 16:
        raise WriteError(f"cannot write {target} with 16 bits: a JPEG holds 8; use .tif or .png, or ask for 8 bits")
    if compression not in tiff.COMPRESSIONS:
        raise WriteError(f"no TIFF compression {compression!r}; use one of {', '.join(tiff.COMPRESSIONS)}")
    if dpi is not None and not 0 < np.min(dpi) <= np.max(dpi) < _MOST_DPI:
        raise WriteError(f"a resolution of {dpi} dpi is not possible; use a number above 0, below {_MOST_DPI}")
    if profile is not None:
        check_space(target, named_or_file(profile), depth)
    if layers:
        check_layers(target, depth)


def check_space(target: Path, space: MatrixSpace, depth: int) -> None:
    """Refuse 8 bits in a space where they would show as bands.

    Raises
    ------
    WriteError
        With what to use.
    """
    if depth == 8 and is_wide(space):
        raise WriteError(
            f"cannot write {target} with 8 bits in ProPhoto or a space as wide: smooth skies would show bands; "
            "use 16 bits, or the profile srgb, adobe-rgb or p3"
        )


def default_depth(target: Path) -> int:
    """Bits a sample where none are asked for."""
    return 8 if target.suffix.lower() in JPEG else 16


def check_colors(target: Path, photo: Photo, ab: NDArray[np.float32]) -> None:
    """Refuse colours or a target that do not fit the photo.

    Raises
    ------
    WriteError
        With what does not fit.
    """
    if target.suffix.lower() in JPEG and max(photo.lightness.shape) > jpeg.LONGEST_SIDE:
        raise WriteError(f"cannot write {target}: a JPEG's side is at most {jpeg.LONGEST_SIDE} pixels; use .tif")
    if ab.shape != (*photo.lightness.shape, 2):
        raise WriteError(f"colours of shape {ab.shape} do not fit a photo of {photo.lightness.shape}; wanted (H, W, 2)")
    if photo.path is not None and target.exists() and photo.path.exists() and target.samefile(photo.path):
        raise WriteError(f"cannot write {target}: it is the photo itself; choose another name")
