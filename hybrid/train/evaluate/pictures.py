"""Photos to score on, and the pictures that a prediction comes to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid import scribbles
from hybrid.color import (
    into_gamut,
    lab_from_linear,
    linear_from_lab,
    luminance_from_lightness,
    srgb_decode,
    srgb_encode,
)
from hybrid.metrics import colorfulness
from hybrid.predict import Prediction
from hybrid.scale import enlarge, shrink
from hybrid.settings import Settings

Float = NDArray[np.float32]
Pixels = NDArray[np.uint8]
SIDE = 256


@dataclass(frozen=True, eq=False)
class Scene:
    """A photo whose colours are known.

    Parameters
    ----------
    rgb : (H, W, 3) uint8 sRGB
    lightness : (H, W) float32, L* 0..100
    ab : (H, W, 2) float32, CIELAB units
    """

    rgb: Pixels
    lightness: Float
    ab: Float

    @cached_property
    def colorfulness(self) -> float:
        """Of the photo itself."""
        return colorfulness(self.rgb)


class Decoding(NamedTuple):
    """How a distribution becomes one colour: temperature of the annealed mean 0..1, and vividness 0..1."""

    temperature: float
    vividness: float

    def __str__(self) -> str:
        return f"T {self.temperature} vividness {self.vividness}"


PLAIN = Decoding(0.38, 0.0)
PRODUCT = Decoding(Settings.temperature, Settings.vividness)
"""What `hybrid colorize` does unless told otherwise."""


def scene_of(rgb: Pixels) -> Scene:
    """The scene of an sRGB picture, (H, W, 3) uint8."""
    lightness, ab = lab_from_linear(srgb_decode(rgb / np.float32(255)))
    return Scene(rgb, lightness, ab)


def stretched(photo: Pixels) -> Scene:
    """A photo (H, W, 3) uint8, stretched to 256 × 256 as the published protocols do."""
    return scene_of(np.asarray(Image.fromarray(photo).resize((SIDE, SIDE), Image.Resampling.LANCZOS)))


def picture_of(lightness: Float, ab: Float) -> Pixels:
    """8-bit sRGB of (H, W) L* and (H, W, 2) ab, brought into the gamut with luminance and hue kept."""
    linear, _ = into_gamut(linear_from_lab(lightness, ab), luminance_from_lightness(lightness))
    return np.round(srgb_encode(linear.clip(0, 1)) * 255).astype(np.uint8)


def cell_colors(prediction: Prediction, decoding: Decoding) -> Float:
    """Colour of every cell, (h, w, 2) CIELAB units."""
    return scribbles.cell_colors(prediction, decoding.temperature, decoding.vividness)


def enlarged(planes: Float, shape: tuple[int, ...]) -> Float:
    """Bilinear interpolation of (h, w, C) to (H, W, C)."""
    return np.stack([enlarge(plane, shape) for plane in np.moveaxis(planes, -1, 0)], -1)


def averaged(planes: Float, shape: tuple[int, ...]) -> Float:
    """Mean of (H, W, C) over the cells of a grid (h, w); interpolated where the grid is the finer one."""
    is_coarser = all(cells <= pixels for cells, pixels in zip(shape, planes.shape, strict=False))
    resize = shrink if is_coarser else enlarge
    return np.stack([resize(np.ascontiguousarray(plane), shape) for plane in np.moveaxis(planes, -1, 0)], -1)


def decoded(prediction: Prediction, decoding: Decoding, lightness: Float) -> Pixels:
    """The network's own answer as a picture of this lightness (H, W): cells enlarged bilinearly, no solver."""
    return picture_of(lightness, enlarged(cell_colors(prediction, decoding), lightness.shape))
