"""The grey photo as tiles of a pyramid, made when they are asked for."""

from __future__ import annotations

import io
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid.color import linear_from_lab, luminance_from_lightness, srgb_encode, toward_grey
from hybrid.scale import shading, shrink, working_shape

Float = NDArray[np.float32]
Codes = NDArray[np.uint8]
SIDE = 512
QUALITY = 93
"""Of the JPEG tiles: grey differs from the photo's by a step or two of 255, which only the screen shows."""
STEPS = 40
"""Entries of the table of codes for one unit of L*."""
BAND = 2048
"""Rows that are encoded at a time where a level is made."""
LIGHTNESSES: Float = np.linspace(0, 100, 100 * STEPS + 1, dtype=np.float32)
CODE_OF = np.round(srgb_encode(luminance_from_lightness(LIGHTNESSES)) * 255).astype(np.uint8)


class Pyramid:
    """Grey tiles of a photo at 1/1, 1/2, 1/4 ... of its size; level 0 is full size.

    Coarser levels are kept as 8-bit codes, a third of a byte for each pixel of the photo, once one is asked for.

    Parameters
    ----------
    lightness : (H, W) float32, L*
    """

    def __init__(self, lightness: Float) -> None:
        self._lightness = lightness
        self._lock = Lock()
        self._coarse: list[Codes] = []
        self.levels = 1
        while max(self.shape(self.levels - 1)) > SIDE:
            self.levels += 1

    def shape(self, level: int) -> tuple[int, int]:
        """Rows and columns of a level."""
        height, width = self._lightness.shape
        return max(1, -(-height >> level)), max(1, -(-width >> level))

    def has(self, level: int, column: int, row: int) -> bool:
        """Whether there is such a tile."""
        if not 0 <= level < self.levels:
            return False
        height, width = self.shape(level)
        return 0 <= column * SIDE < width and 0 <= row * SIDE < height

    def tile(self, level: int, column: int, row: int) -> bytes:
        """One tile as a grey JPEG, sRGB encoded; at the right and lower edge it is smaller.

        Raises
        ------
        IndexError
            There is no such tile.
        """
        if not self.has(level, column, row):
            raise IndexError(f"tile {level}/{column}/{row}: the photo has no such tile")
        part = slice(row * SIDE, (row + 1) * SIDE), slice(column * SIDE, (column + 1) * SIDE)
        codes = codes_of(self._lightness[part]) if level == 0 else self._level(level)[part]
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(codes)).save(file, "JPEG", quality=QUALITY)
        return file.getvalue()

    def _level(self, level: int) -> Codes:
        with self._lock:
            while len(self._coarse) < level:
                self._coarse.append(self._halved(len(self._coarse)))
            return self._coarse[level - 1]

    def _halved(self, level: int) -> Codes:
        """The level after `level`, made in bands so that little more than the result is held."""
        result = np.empty(self.shape(level + 1), np.uint8)
        for first in range(0, self.shape(level)[0], BAND):
            rows = slice(first, first + BAND)
            codes = codes_of(self._lightness[rows]) if level == 0 else self._coarse[level - 1][rows]
            small = halved(codes)
            result[first // 2 : first // 2 + len(small)] = small
        return result


def codes_of(lightness: Float) -> Codes:
    """8-bit sRGB codes of grey of a lightness, any shape."""
    return CODE_OF[np.clip(lightness * np.float32(STEPS) + np.float32(0.5), 0, 100 * STEPS).astype(np.uint16)]


def halved(codes: Codes) -> Codes:
    """Means of 2 × 2 codes, rounded; a last odd row or column counts twice."""
    odd = [(0, edge % 2) for edge in codes.shape]
    even = np.pad(codes, odd, mode="edge").astype(np.uint16)
    total = even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]
    return ((total + 2) >> 2).astype(np.uint8)


def thumbnail(guide: Float, chroma: Float, side: int) -> bytes:
    """A small colour JPEG of about `side`² pixels, from L* (h, w) and relative chroma (h, w, 2) at working size."""
    shape = working_shape(guide.shape, side**2 / 1e6)
    lightness, a, b = (shrink(np.ascontiguousarray(plane), shape) for plane in (guide, *np.moveaxis(chroma, -1, 0)))
    ab = np.stack([a, b], -1) * shading(lightness)[..., None]
    rgb = toward_grey(linear_from_lab(lightness, ab), luminance_from_lightness(lightness.clip(0, 100)))
    file = io.BytesIO()
    Image.fromarray(np.round(srgb_encode(rgb.clip(0, 1)) * 255).astype(np.uint8)).save(file, "JPEG", quality=85)
    return file.getvalue()
