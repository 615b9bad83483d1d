"""What the network thinks a place might be: a few colours with their probabilities, and where it doubts most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.bins import spread
from hybrid.predict import Prediction
from hybrid.scale import enlarge

Float = NDArray[np.float32]
MOST = 9
NEARBY = 16.0
"""CIELAB distance within which bins count as one colour."""
GREY = 8.0
"""Chroma below which a colour is grey."""


@dataclass(frozen=True)
class Suggestion:
    """A colour that a place may have.

    Parameters
    ----------
    ab : CIELAB units
    probability : of this colour and those near it
    """

    ab: tuple[float, float]
    probability: float


def suggestions(prediction: Prediction, x: float, y: float, most: int = MOST) -> list[Suggestion]:
    """The likeliest colours of a place, the likeliest first and grey last.

    The distribution is interpolated between the four nearest cells. The likeliest bin takes in its neighbours, then the
    likeliest of the rest, and so on.

    Parameters
    ----------
    prediction : from `Predictor.predict`
    x, y : place, 0..1 of the photo's width and height
    most : colours at most
    """
    probability = distribution_at(prediction, x, y)
    bins = prediction.bins
    is_grey = np.hypot(*bins.T) < GREY
    left = np.where(is_grey, 0, probability)
    found: list[Suggestion] = []
    while len(found) < most - 1 and left.max() > 0.005:
        is_near = (np.hypot(*(bins - bins[left.argmax()]).T) < NEARBY) & (left > 0)
        share = float(left[is_near].sum())
        a, b = (left[is_near] @ bins[is_near] / share).tolist()
        found.append(Suggestion((round(a, 2), round(b, 2)), round(share, 4)))
        left = np.where(is_near, 0, left)
    found.sort(key=lambda suggestion: -suggestion.probability)
    return [*found, Suggestion((0.0, 0.0), round(float(probability[is_grey].sum()), 4))]


def distribution_at(prediction: Prediction, x: float, y: float) -> Float:
    """Probabilities of the bins at a place, (Q,), summing to 1."""
    rows, columns = prediction.confidence.shape
    v, u = np.clip(y * rows - 0.5, 0, rows - 1), np.clip(x * columns - 0.5, 0, columns - 1)
    top, left = int(v), int(u)
    corners = np.exp(prediction.log_probability[:, top : top + 2, left : left + 2])
    down, across = np.array([1 - v + top, v - top])[: corners.shape[1]], np.array([1 - u + left, u - left])
    weight = down[:, None] * across[None, : corners.shape[2]]
    probability = np.tensordot(corners, weight / weight.sum(), axes=2)
    return (probability / probability.sum()).astype(np.float32)


def doubt(prediction: Prediction, reached: Float | None = None) -> Float:
    """How unsure the network is of each cell, (h, w) in CIELAB units: the width of its distribution.

    Parameters
    ----------
    prediction : from `Predictor.predict`
    reached : (h, w) in [0, 1], any size: how far strokes have settled a place already
    """
    width = spread(prediction.log_probability, prediction.bins)
    if reached is None:
        return width
    return width * (1 - enlarge(reached.astype(np.float32), width.shape).clip(0, 1))
