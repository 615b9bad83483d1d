"""Enlarging cells without looking at the photo, or only at its shading."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid.scale import enlarge, shading, shrink

Float = NDArray[np.float32]


def nearest(cells: Float, shape: tuple[int, ...]) -> Float:
    """Every pixel takes its own cell's colour; (h, w, 2) -> (H, W, 2)."""
    rows, columns = ((2 * np.arange(n) + 1) * k // (2 * n) for n, k in zip(shape, cells.shape, strict=False))
    return cells[rows[:, None], columns]


def bilinear(cells: Float, shape: tuple[int, ...]) -> Float:
    """Straight lines between cell centres; (h, w, 2) -> (H, W, 2)."""
    return np.stack([enlarge(plane, shape) for plane in np.moveaxis(cells, -1, 0)], -1)


def bicubic(cells: Float, shape: tuple[int, ...]) -> Float:
    """Cubic convolution with a = -1/2 (Keys 1981), as Pillow does; (h, w, 2) -> (H, W, 2)."""
    pictures = (Image.fromarray(np.ascontiguousarray(plane)) for plane in np.moveaxis(cells, -1, 0))
    return np.stack([np.asarray(p.resize((shape[1], shape[0]), Image.Resampling.BICUBIC)) for p in pictures], -1)


def relative(cells: Float, lightness: Float) -> Float:
    """Chroma relative to lightness of cells with colours (h, w, 2): ab / shading(mean L*)."""
    return cells / shading(shrink(lightness, cells.shape[:2]))[..., None]


def shaded(chroma: Float, lightness: Float) -> Float:
    """ab (H, W, 2) of relative chroma; the inverse of `relative` at full size."""
    return chroma * shading(lightness)[..., None]
