"""Colour pictures as people have them, made from a scene: shifted, turned, cropped, soft, toned, painted over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from hybrid.color import lab_from_linear, linear_from_lab, srgb_decode
from hybrid.compare.scene import Scene, picture_of
from hybrid.photo import Photo
from hybrid.register import positions
from hybrid.scale import enlarge, shrink

Float = NDArray[np.float32]
LONG_SIDE, CELLS = 512, 256
"""Pixels of a picture along its long side, and of these units, in which shifts and blurs are given, in the same."""
BLOTCH = 0.125
"""Standard deviation, as a share of the long side, of the Gaussian that makes the shape painted over."""
PAINTED = 1 / 3
DARKER, HUE = 0.7, 120.0
"""Factor on L*, and turn of the hue in degrees, of what is recoloured."""
ORTHOCHROMATIC = (0.05, 0.45, 0.5)
"""Share of linear red, green and blue in the luminance of a picture from another process."""


@dataclass(frozen=True)
class Alteration:
    """What is wrong with a picture.

    Parameters
    ----------
    shift : cells to the right and down
    turn : degrees clockwise
    size : of the scene in the picture
    crop : share of the width cut off at the right, and of the height at the top
    blur : standard deviation in cells
    gamma : exponent on L* / 100
    is_orthochromatic : whether red comes out dark and blue light, the colours as they are
    paint : what a third is painted over with: "content" of another photo, "dark" and of another "hue", "hue" alone
    """

    shift: tuple[float, float] = (0.0, 0.0)
    turn: float = 0.0
    size: float = 1.0
    crop: float = 0.0
    blur: float = 0.0
    gamma: float = 1.0
    is_orthochromatic: bool = False
    paint: str | None = None


ALTERATIONS = {
    "aligned": Alteration(),
    "shifted": Alteration(shift=(2, 0)),
    "turned": Alteration(turn=1),
    "blurred": Alteration(blur=1.5),
    "toned": Alteration(gamma=1.6),
    "rescanned": Alteration((3, -4), 2, 1.04, crop=0.06, blur=1, gamma=1.3, is_orthochromatic=True),
    "painted": Alteration(paint="content"),
    "all": Alteration((2, -1), 1, blur=1, gamma=1.4, paint="content"),
    "recoloured_dark": Alteration(paint="dark"),
    "recoloured": Alteration(paint="hue"),
}


@dataclass(frozen=True, eq=False)
class Altered:
    """A picture of a scene.

    Parameters
    ----------
    picture : with `ab`
    painted : (H, W) float32, where on the scene it was painted over: 1, elsewhere 0
    matrix : (2, 3) float64, from (row, column) on the scene to those on the picture, both from 0 to 1
    """

    picture: Photo
    painted: Float
    matrix: NDArray[np.float64]


def altered(scene: Scene, alteration: Alteration, other: Scene, seed: int = 0) -> Altered:
    """A picture of `scene`, at most LONG_SIDE pixels along, in 8-bit sRGB.

    Parameters
    ----------
    other : whose content is painted over it
    seed : of the shape that is painted over
    """
    factor = min(1.0, LONG_SIDE / max(scene.lightness.shape))
    shape = tuple(max(1, round(n * factor)) for n in scene.lightness.shape)
    unit = max(shape) / CELLS
    lightness, ab = _sized(scene, shape)
    if alteration.is_orthochromatic:
        lightness = _orthochromatic(lightness, ab)
    painted = _blotch(shape, seed) if alteration.paint else np.zeros(shape, bool)
    if alteration.paint:
        over, over_ab = _paint(lightness, ab, alteration.paint, other)
        lightness, ab = np.where(painted, over, lightness), np.where(painted[..., None], over_ab, ab)
    planes = [100 * (lightness.clip(0, 100) / 100) ** np.float32(alteration.gamma), *np.moveaxis(ab, -1, 0)]
    if alteration.blur:
        planes = [gaussian_filter(plane, alteration.blur * unit, mode="nearest") for plane in planes]
    angle, move = np.deg2rad(alteration.turn), unit * np.array(alteration.shift[::-1])
    turn = alteration.size * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    if angle or move.any() or alteration.size != 1:
        back = np.linalg.inv(turn)
        place = positions(np.column_stack([back, -back @ move]), shape)
        planes = [map_coordinates(plane, place, order=3, mode="reflect") for plane in planes]
    top, right = (round(n * alteration.crop) for n in shape)
    kept = [plane[top:, : shape[1] - right].astype(np.float32) for plane in planes]
    code = picture_of(kept[0], np.stack(kept[1:], -1))
    seen, seen_ab = lab_from_linear(srgb_decode(code / np.float32(255)))
    old, new = np.array(shape), np.array(seen.shape)
    offset = old / 2 + move - np.array([top, 0]) - turn @ old / 2
    matrix = np.column_stack([turn * old / new[:, None], offset / new])
    return Altered(Photo(seen, seen_ab), enlarge(painted.astype(np.float32), scene.lightness.shape), matrix)


def _sized(scene: Scene, shape: tuple[int, ...]) -> tuple[Float, Float]:
    """Lightness and ab of a scene at another size, its shape not kept."""
    planes = (scene.lightness, *np.moveaxis(scene.ab, -1, 0))
    least = tuple(min(pair) for pair in zip(scene.lightness.shape, shape, strict=True))
    lightness, *ab = (enlarge(shrink(plane, least), shape) for plane in planes)
    return lightness, np.stack(ab, -1)


def _orthochromatic(lightness: Float, ab: Float) -> Float:
    luminance = linear_from_lab(lightness, ab).clip(0, 1) @ np.array(ORTHOCHROMATIC, np.float32)
    return lab_from_linear(np.repeat(luminance[..., None], 3, -1))[0]


def _blotch(shape: tuple[int, ...], seed: int) -> NDArray[np.bool_]:
    """A shape of soft outline over a third of the picture."""
    field = np.random.default_rng(seed).standard_normal(shape)
    height = gaussian_filter(field, BLOTCH * max(shape), mode="wrap")
    return height > np.quantile(height, 1 - PAINTED)


def _paint(lightness: Float, ab: Float, kind: str, other: Scene) -> tuple[Float, Float]:
    """What the picture would be if all of it were painted over."""
    if kind == "content":
        return _sized(other, lightness.shape)
    cosine, sine = np.cos(np.deg2rad(HUE)), np.sin(np.deg2rad(HUE))
    turned = ab @ np.array([[cosine, sine], [-sine, cosine]], np.float32)
    return (lightness * np.float32(DARKER) if kind == "dark" else lightness), turned
