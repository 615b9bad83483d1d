"""Colours of a small colour picture of the scene: put in place on the photo, and judged place by place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from hybrid.agreement import agreement
from hybrid.photo import Photo, PhotoError
from hybrid.register import Placement, is_inside, positions, register
from hybrid.scale import enlarge, shrink
from hybrid.scribbles import CellColors, cells_of, colors_of_picture

Float = NDArray[np.float32]
OTHER_SHAPE = 0.03
"""Relative difference of the sides' ratio from which a picture is of another shape, and must be placed."""
REFUSED, BELIEVED = 0.0, 1.5
"""Log-odds up to which a place is refused, and from which it counts fully."""
MUCH, MOST = 1 / 3, 3 / 4
"""Shares of rejected cells from which a picture is doubtful, and from which none of it is used."""
RESTING = 30.0
"""Weight of the pull to grey or to a network's colours where the picture is not believed, were it on all cells."""


@dataclass(frozen=True, eq=False)
class Matched:
    """What a picture says of a photo.

    Parameters
    ----------
    colors : of the cells, with their weights
    placement : where the picture lies
    outside : share of the photo that it does not show
    rejected : share of the cells it does show that are not believed
    is_used : False where so many are rejected that the others may agree by chance; no cell has weight then
    """

    colors: CellColors
    placement: Placement
    outside: float
    rejected: float
    is_used: bool

    @property
    def doubt(self) -> str | None:
        """A line for a user whose picture is mostly rejected."""
        if self.rejected <= MUCH:
            return None
        what = "no colours are taken from it" if not self.is_used else "these parts get no colours from it"
        return (
            f"{self.rejected:.0%} of the picture does not show what the photo shows, and {what}; "
            "is it of the same scene? --colors-as-is takes it without question"
        )

    @property
    def report(self) -> dict[str, Any]:
        """Figures for a program; shift in cells, rotation in degrees clockwise."""
        placement = self.placement
        return {
            "cells": list(self.colors.confidence.shape[::-1]),
            "moved": placement.is_moved,
            "shift": [round(cells, 2) for cells in placement.shift],
            "rotation": round(placement.rotation, 3),
            "scale": round(placement.scale, 4),
            "correlation": [round(placement.before, 3), round(placement.after, 3)],
            "outside": round(self.outside, 4),
            "rejected": round(self.rejected, 4),
            "used": self.is_used,
        }


def as_it_is(picture: Photo, photo: Float) -> CellColors:
    """Colours of a picture that covers the photo exactly, all believed.

    Raises
    ------
    PhotoError
        It is of another shape than the photo.
    """
    _check_shape(picture, photo.shape)
    assert picture.ab is not None
    return colors_of_picture(picture.ab)


def matched(picture: Photo, photo: Float) -> Matched:
    """Put a picture in place on a photo, and judge where it shows what the photo shows.

    Parameters
    ----------
    picture : with `ab`
    photo : (H, W) float32, L*

    Raises
    ------
    PhotoError
        It is of another shape than the photo, and no place for it was found.
    """
    assert picture.ab is not None
    cells = cells_of(picture.lightness.shape)
    grid = tuple(min(pair) for pair in zip(cells, photo.shape, strict=True))
    small, light = shrink(shrink(picture.lightness, cells), grid), shrink(photo, grid)
    placement = register(small, light)
    inside = None
    if placement.is_moved:
        planes = (picture.lightness, *np.moveaxis(picture.ab, -1, 0))
        lightness, *ab = (_placed(plane, placement, cells) for plane in planes)
        colors, small = np.stack(ab, -1), shrink(lightness, grid)
        inside = is_inside(positions(placement.matrix, grid), grid)
    else:
        _check_shape(picture, photo.shape)
        colors = colors_of_picture(picture.ab).ab
    odds = agreement(small, light, inside)
    trust = np.clip((odds - REFUSED) / (BELIEVED - REFUSED), 0, 1)
    shown = np.ones(grid, bool) if inside is None else inside
    rejected = float((trust[shown] < 0.5).mean()) if shown.any() else 0.0
    is_used = rejected <= MOST
    weight = enlarge(np.where(shown & is_used, trust, 0).astype(np.float32), cells)
    cells_believed = None if (weight == 1).all() else weight
    believed = CellColors(colors, np.ones(cells, np.float32), weight=cells_believed)
    return Matched(believed, placement, 1 - float(shown.mean()), rejected, is_used)


def _check_shape(picture: Photo, shape: tuple[int, ...]) -> None:
    rows, columns = picture.lightness.shape
    if abs(rows * shape[1] / (columns * shape[0]) - 1) > OTHER_SHAPE:
        raise PhotoError(
            f"{picture.path}: {columns}×{rows} pixels, of another shape than the photo ({shape[1]}×{shape[0]}), "
            "and no place for it was found; crop it alike"
        )


def _placed(plane: Float, placement: Placement, cells: tuple[int, int]) -> Float:
    """Mean of a plane of the picture over each cell of the photo, four samples a cell."""
    fine = (2 * cells[0], 2 * cells[1])
    source = shrink(plane, tuple(min(pair) for pair in zip(plane.shape, fine, strict=True)))
    ratio = (np.array(source.shape) / fine)[:, None, None]
    place = (positions(placement.on(fine), fine) + 0.5) * ratio - 0.5
    return shrink(map_coordinates(source, place, order=3, mode="nearest").astype(np.float32), cells)


def completed(picture: CellColors, guess: CellColors | None, firmness: float) -> CellColors:
    """Colours of a picture, and where it is not believed a light pull to those of a network, or to grey.

    Light, so that colours believed near by spread first: on photos of which a third was painted over they were nearer
    to the truth than grey or the network, at any weight.

    Parameters
    ----------
    picture : from `matched`
    guess : a network's colours, on cells of its own; None for grey
    firmness : weight of a believed cell of the picture
    """
    share = picture.weight
    if share is None:
        return picture
    light = np.float32(RESTING / firmness / share.size)
    ab = np.zeros_like(picture.ab)
    if guess is not None:
        ab = np.stack([enlarge(plane, share.shape) for plane in np.moveaxis(guess.ab, -1, 0)], -1)
    weight = share + (1 - share) * light
    mixed = (share[..., None] * picture.ab + ((1 - share) * light)[..., None] * ab) / np.maximum(weight, 1e-12)[
        ..., None
    ]
    recolored = 0.0 if guess is None else guess.recolored
    return CellColors(mixed.astype(np.float32), picture.confidence, recolored, weight)
