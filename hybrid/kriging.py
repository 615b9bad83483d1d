"""What strokes tell of places that look alike: the network's error, known where a stroke is, estimated elsewhere.

The error of a prediction is no noise from cell to cell: who took one leaf for brown took them all. It is treated as a
random field whose covariance falls with distance in the picture, in lightness, and between the distributions that the
network answers; simple kriging (Matheron 1963; Rasmussen & Williams 2006, eq. 2.25) then gives its mean everywhere from
what the strokes correct.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hybrid.bins import spread
from hybrid.predict import Prediction
from hybrid.reach import place_of
from hybrid.scale import enlarge, shading, shrink
from hybrid.scribbles import CellColors
from hybrid.strokes import Paint

Float = NDArray[np.float32]
TAIL = 2.0
"""Exponent of the rational quadratic: how slowly what is far away is forgotten."""
USUAL_WIDTH = 20.0
"""Width of a distribution, CIELAB units, at which the error's standard deviation is 1; it grows with the root."""
OWN = 0.03
"""Variance of what is every cell's own."""
COMPONENTS = 24
MOST_SAMPLES = 600
UNMOVED, MOVED = 2.0, 5.0
"""CIELAB distance up to which a cell keeps its colour, and from which it takes all that is estimated for it."""


@dataclass(frozen=True)
class Reach:
    """How far a stroke is heard.

    Parameters
    ----------
    near : length of the covariance in the picture, in units of the square root of its area
    lightness : length in L*
    answer : length in the Euclidean distance of root probabilities, which is at most √2 (Hellinger)
    unmoved, moved : as `UNMOVED` and `MOVED`, in shares of the largest correction that a stroke asks for
    """

    near: float
    lightness: float
    answer: float
    unmoved: float
    moved: float


REACHES = {
    "local": None,
    "object": Reach(0.2, 15.0, 0.2, 0.3, 0.6),
    "wide": Reach(0.35, 25.0, 0.3, 0.06, 0.15),
}
"""Nothing is carried; to what is much alike, for a dot that stands for a thing (beside a long stroke it leaves a halo
on what is alike); as errs least on the average, for many points all over the photo, one of which may tint all of it."""


@dataclass(frozen=True, eq=False)
class Likeness:
    """By what cells are compared.

    Parameters
    ----------
    place : (h w, 2) float32, row and column in units of the square root of the picture's area
    answer : (h w, COMPONENTS) float32, coordinates of the root probabilities that the network answers
    lightness : (h w,) float32, mean L*
    deviation : (h w,) float32, of the network's error, up to a common factor
    """

    place: Float
    answer: Float
    lightness: Float
    deviation: Float


def likeness(prediction: Prediction, lightness: Float) -> Likeness:
    """Compare cells by what the network says of them.

    Parameters
    ----------
    prediction : of the photo
    lightness : (H, W) float32, L* of the photo at any size
    """
    shape = prediction.confidence.shape
    rows, columns = (np.arange(n, dtype=np.float32) + 0.5 for n in shape)
    aspect = np.sqrt(lightness.shape[0] / lightness.shape[1])
    y, x = np.meshgrid(rows / shape[0] * aspect, columns / shape[1] / aspect, indexing="ij")
    roots = np.exp(prediction.log_probability.reshape(len(prediction.bins), -1) / 2)
    roots -= roots.mean(1, keepdims=True)
    _, axes = np.linalg.eigh(roots @ roots.T)
    answer = (axes[:, -COMPONENTS:].T @ roots).T
    width = spread(prediction.log_probability, prediction.bins).ravel()
    place = np.stack([y.ravel(), x.ravel()], -1).astype(np.float32)
    is_larger = shape[0] <= lightness.shape[0] and shape[1] <= lightness.shape[1]
    light = (shrink if is_larger else enlarge)(lightness, shape)
    return Likeness(place, answer, light.ravel(), np.sqrt(width / USUAL_WIDTH).astype(np.float32))


def carried(colors: CellColors, like: Likeness, reach: Reach, paint: Paint, lightness: Float) -> CellColors:
    """Colours corrected by what the strokes say of them, and of what looks alike.

    Small corrections are left away: a stroke on one object is not to tint the others.

    Parameters
    ----------
    colors : of the cells, without strokes
    like : of the same cells
    reach : how far the strokes are heard
    paint : the user's marks at full size
    lightness : (H, W) float32, L* at full size

    Returns
    -------
    CellColors
    """
    if not len(paint):
        return colors
    cell, ab, light = _samples(paint, lightness, colors.confidence.shape)
    shade = shading(light) / shading(like.lightness[cell])
    error = ab - colors.ab.reshape(-1, 2)[cell] * shade[:, None]
    scaled = like.place / reach.near, like.answer / reach.answer
    everywhere = np.column_stack([*scaled, like.lightness / reach.lightness])
    painted = np.column_stack([*(plane[cell] for plane in scaled), light / reach.lightness])
    deviation = like.deviation[cell]
    mutual = _correlation(painted, painted) * np.outer(deviation, deviation)
    weight = np.linalg.solve(mutual + OWN * np.eye(len(cell), dtype=np.float32), error)
    correction = like.deviation[:, None] * (_correlation(everywhere, painted) @ (deviation[:, None] * weight))
    size = np.linalg.norm(correction, axis=-1, keepdims=True)
    largest = np.linalg.norm(error, axis=-1).max()
    unmoved, moved = max(UNMOVED, reach.unmoved * largest), max(MOVED, reach.moved * largest)
    correction *= np.clip((size - unmoved) / (moved - unmoved), 0, 1)
    return replace(colors, ab=(colors.ab + correction.reshape(colors.ab.shape)).astype(np.float32))


def _samples(paint: Paint, lightness: Float, grid: tuple[int, ...]) -> tuple[NDArray[np.int64], Float, Float]:
    """Cells that are painted in, evenly thinned to `MOST_SAMPLES`; the mean ab, (n, 2), and L* painted on in each."""
    cell, inverse, count = np.unique(
        place_of(paint.index, lightness.shape, grid), return_inverse=True, return_counts=True
    )
    painted = (*paint.ab.T, lightness.ravel()[paint.index])
    means = np.stack([np.bincount(inverse, values) / count for values in painted], -1).astype(np.float32)
    chosen = np.linspace(0, len(cell) - 1, min(len(cell), MOST_SAMPLES)).astype(np.int64)
    return cell[chosen], means[chosen, :2], means[chosen, 2]


def _correlation(ones: Float, others: Float) -> Float:
    """Rational quadratic of the distances between (n, d) and (m, d) points in covariance lengths, (n, m)."""
    square = (ones**2).sum(1)[:, None] + (others**2).sum(1) - 2 * ones @ others.T
    return (1 + np.maximum(square, 0) / np.float32(2 * TAIL)) ** np.float32(-TAIL)
