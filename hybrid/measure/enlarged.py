"""Grey scans of any size, made of a photo, with grain of their own: larger than photos that one finds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from hybrid.color import luminance_from_lightness, srgb_encode
from hybrid.photo import read_photo
from hybrid.scale import enlarge

GRAIN = 0.015
"""Standard deviation of the grain in the middle tones, as a share of white; it is less towards black and white."""
ROWS = 256


def write_enlarged(photo: Path, target: Path, megapixels: float, seed: int = 0) -> None:
    """Write a photo as a grey 16-bit TIFF of so many megapixels, bilinearly resized, every pixel with grain of its own.

    Uncompressed, 300 dpi, without a profile, as a scanner leaves it.

    Parameters
    ----------
    photo, target : files
    megapixels : to within a row and a column
    seed : of the grain

    Raises
    ------
    PhotoError
        As `read_photo`.
    """
    lightness = read_photo(photo).lightness
    factor = math.sqrt(megapixels * 1e6 / lightness.size)
    height, width = (max(1, round(side * factor)) for side in lightness.shape)
    resized = enlarge(lightness, (height, width))
    del lightness
    rng = np.random.default_rng(seed)

    def strips() -> Iterator[NDArray[np.uint16]]:
        for top in range(0, height, ROWS):
            shares = srgb_encode(luminance_from_lightness(np.clip(resized[top : top + ROWS], 0, 100)))
            grain = rng.standard_normal(shares.shape, dtype=np.float32)
            shares = shares + GRAIN * 2 * np.sqrt(np.clip(shares * (1 - shares), 0, 1)) * grain
            yield np.rint(np.clip(shares, 0, 1) * 65535).astype(np.uint16)

    tifffile.imwrite(
        target,
        strips(),
        shape=(height, width),
        dtype=np.uint16,
        rowsperstrip=ROWS,
        photometric="minisblack",
        resolution=(300, 300),
        resolutionunit="inch",
        metadata=None,
        bigtiff=height * width * 2 > 4e9,
    )
