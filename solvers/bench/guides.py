"""Guides: a luminance, and the smooth colours that seeds on it are given."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from solvers.gallery import GALLERY

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Guide:
    """An image to colour.

    Parameters
    ----------
    name : str
    luminance : (H, W) in [0, 1], L* / 100
    ab : (h, w, 2), the true colours in CIELAB units, averaged over a coarse grid
    """

    name: str
    luminance: Float
    ab: Float

    @property
    def shape(self) -> tuple[int, int]:
        height, width = self.luminance.shape
        return height, width

    def colours(self, y: NDArray[np.floating], x: NDArray[np.floating]) -> Float:
        """ab (N, 2) at pixels, bilinear between the centres of the coarse grid."""
        place = [
            (np.asarray(axis, np.float64) + 0.5) * cells / pixels - 0.5
            for axis, cells, pixels in zip((y, x), self.ab.shape, self.shape, strict=False)
        ]
        planes = (map_coordinates(self.ab[..., channel], place, order=1, mode="nearest") for channel in range(2))
        return np.stack(list(planes), axis=-1).astype(np.float32)


def gallery_guide(name: str, megapixels: float) -> Guide:
    """An image of the gallery, 3:2, with waves of colour.

    Raises
    ------
    ValueError
        An unknown name.
    """
    if name not in GALLERY:
        raise ValueError(f"gallery: {name!r} is unknown; wanted some of {', '.join(GALLERY)}")
    height = max(1, round(math.sqrt(megapixels * 1e6 / 1.5)))
    shape = (height, max(1, round(megapixels * 1e6 / height)))
    y, x = (np.indices((32, 48)) + 0.5) / np.reshape((32, 48), (2, 1, 1))
    waves = np.stack([np.sin(7 * x + 3 * y), np.cos(5 * y - 4 * x)], axis=-1)
    return Guide(f"gallery {name}", GALLERY[name](shape), (40 * waves).astype(np.float32))
