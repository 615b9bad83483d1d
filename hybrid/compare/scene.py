"""A colour photo to compare on: its true colours, and the lightness that the methods may see."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid.color import (
    into_gamut,
    lab_from_linear,
    linear_from_lab,
    luminance_from_lightness,
    srgb_encode,
)
from hybrid.memory import check_fits
from hybrid.photo import Photo, PhotoError, read_photo, read_size
from hybrid.scale import shrink, working_shape

Float = NDArray[np.float32]
LEAST_CHROMA = 2.0
"""A photo none of whose pixels is further from grey, in CIELAB units, has no colours to compare with."""
GRAIN_SEED = 1
BAND_ROWS = 256


@dataclass(frozen=True, eq=False)
class Scene:
    """A photo whose colours are known.

    Parameters
    ----------
    lightness : (H, W) float32, L* 0..100, clean
    ab : (H, W, 2) float32, CIELAB units, the truth
    seen : (H, W) float32, L* 0..100 as the methods see it, grain and all
    """

    lightness: Float
    ab: Float
    seen: Float


def read_scene(path: Path, megapixels: float, grain: float = 0.0) -> Scene:
    """Read a colour photo at no more than `megapixels`.

    Raises
    ------
    PhotoError
        An unreadable file, or a photo without colours.
    MemoryShort
        It does not fit.
    """
    height, width = read_size(path)
    check_fits(height * width)
    photo = read_photo(path, keep_color=True)
    assert photo.ab is not None
    if np.abs(photo.ab).max() < LEAST_CHROMA:
        raise PhotoError(f"cannot compare on {path}: it is grey; wanted a colour photo, whose own colours judge")
    return scene_of(photo, megapixels, grain)


def scene_of(photo: Photo, megapixels: float, grain: float = 0.0) -> Scene:
    """The scene of a photo with colours, averaged down in linear light.

    Parameters
    ----------
    photo : with `ab`
    megapixels : most that the scene is to have
    grain : standard deviation of the Gaussian film grain that is added to the lightness seen, as a share of its range
    """
    assert photo.ab is not None
    shape = working_shape(photo.lightness.shape, megapixels)
    lightness, ab = photo.lightness, photo.ab
    if shape != lightness.shape:
        lightness, ab = _smaller(lightness, ab, shape)
    seen = lightness
    if grain:
        noise = np.random.default_rng(GRAIN_SEED).standard_normal(shape, np.float32)
        seen = np.clip(lightness + np.float32(100 * grain) * noise, 0, 100)
    return Scene(lightness, ab, seen)


def _smaller(lightness: Float, ab: Float, shape: tuple[int, int]) -> tuple[Float, Float]:
    linear = np.empty((3, *lightness.shape), np.float32)
    for first in range(0, len(lightness), BAND_ROWS):  # the conversion's temporaries would not fit for a large photo
        rows = slice(first, first + BAND_ROWS)
        linear[:, rows] = np.moveaxis(linear_from_lab(lightness[rows], ab[rows]), -1, 0)
    return lab_from_linear(np.stack([shrink(plane, shape) for plane in linear], -1))


def picture_of(lightness: Float, ab: Float) -> NDArray[np.uint8]:
    """8-bit sRGB (H, W, 3) of (H, W) L* and (H, W, 2) ab, brought into the gamut as the product does."""
    linear, _ = into_gamut(linear_from_lab(lightness, ab), luminance_from_lightness(lightness))
    return np.round(srgb_encode(linear.clip(0, 1)) * 255).astype(np.uint8)
