"""What a photo is to the rest of the program."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class PhotoError(ValueError):
    """An image file cannot be used: one line with what was got, what was wanted and what to try."""


class WriteError(PhotoError):
    """An image file cannot be written; the target is as it was before."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo, upright.

    Attributes
    ----------
    lightness : (H, W) float32, L* 0..100 of the photo's luminance, its profile honoured.
    ab : (H, W, 2) float32 CIELAB a*b* (D65), or None when colour was not asked for.
    bits : bits a sample in the file: 1..16, or 16, 32, 64 for float.
    profile : the file's ICC profile, or None.
    dpi : (x, y) of the upright photo, pixels an inch, or None.
    metadata : raw blocks carried through: "exif" (a TIFF-like blob, orientation gone), "xmp", "iptc".
    path : where it was read from, or None.
    page : of a file of several, from 1, the one that was asked for; None for the first that is no thumbnail.
    """

    lightness: NDArray[np.float32]
    ab: NDArray[np.float32] | None = None
    bits: int = 16
    profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    metadata: Mapping[str, bytes] = field(default_factory=dict)
    path: Path | None = None
    page: int | None = None
