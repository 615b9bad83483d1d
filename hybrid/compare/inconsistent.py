"""A network that takes parts of objects for something else: distributions whose second mode is the true colour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import felzenszwalb

from hybrid.bins import ab_bins, spread
from hybrid.predict import SURE_WITHIN, Prediction
from hybrid.scale import shrink, working_shape
from hybrid.segments import overlap

Float = NDArray[np.float32]
SEED = 2
SIDE = 512
OBJECT_SCALE, LEAST_SHARE = 300.0, 0.01
"""Felzenszwalb's scale on the true Lab / 100 at SIDE² pixels, and the least share of the picture of an object."""
FLIPPED_OBJECTS, FLIPPED_PART = 0.6, (0.2, 0.45)
"""Chance of an object to be flipped in part, and between which shares of it that part is."""
TURN, LEAST_CHROMA = (90.0, 180.0), 20.0
"""Degrees of hue between an object's colour and the other, and the least chroma of the other."""
WIDTH = 10.0
"""Standard deviation of a mode, CIELAB units."""
KEPT, FLIPPED, UNIFORM = (0.70, 0.20), (0.55, 0.35), 0.10
"""Share of the first and second mode where a cell is right and where it is flipped; the rest is uniform."""


def simulated(lightness: Float, true_ab: Float, ab: Float) -> Prediction:
    """Distributions over the colours of cells, parts of objects being flipped.

    Objects come from the true colours, which no method sees. A part is what lies beyond a straight line through an
    object. There the first mode is the cell's colour moved as the object's mean colour moves when its hue is turned,
    and the second is the cell's own; elsewhere the two change places.

    Parameters
    ----------
    lightness : (H, W) float32, L*
    true_ab : (H, W, 2) float32, CIELAB units
    ab : (h, w, 2) float32, the cells' colours

    Returns
    -------
    Prediction, its prior uniform, so that vividness has nothing to lift
    """
    flipped, other = flips(lightness, true_ab, ab)[1:]
    bins = ab_bins()
    first, second = np.where(flipped[..., None], other, ab), np.where(flipped[..., None], ab, other)
    shares = np.where(flipped[..., None], FLIPPED, KEPT)
    probability = shares[..., :1] * _mode(first, bins) + shares[..., 1:] * _mode(second, bins) + UNIFORM / len(bins)
    log_probability = np.ascontiguousarray(np.moveaxis(np.log(probability), -1, 0), np.float32)
    confidence = (1 / (1 + (spread(log_probability, bins) / SURE_WITHIN) ** 2)).astype(np.float32)
    return Prediction(log_probability, bins, np.full(len(bins), 1 / len(bins), np.float32), confidence)


def flips(lightness: Float, true_ab: Float, ab: Float) -> tuple[NDArray[np.int64], NDArray[np.bool_], Float]:
    """What `simulated` flips; arguments as there.

    Returns
    -------
    owner : (h, w) label of each cell's object
    flipped : (h, w), whether a cell is flipped
    other : (h, w, 2) the other colour of each cell, its own where the object is too small to be flipped
    """
    random = np.random.default_rng(SEED)
    shape = ab.shape[:2]
    owner = objects(lightness, true_ab, shape)
    flipped, other = np.zeros(shape, bool), ab.copy()
    for label in np.flatnonzero(np.bincount(owner.ravel()) >= LEAST_SHARE * owner.size):
        cells = owner == label
        is_flipped, share = random.random() < FLIPPED_OBJECTS, random.uniform(*FLIPPED_PART)
        turn, direction = np.deg2rad(random.uniform(*TURN)) * random.choice([-1, 1]), random.uniform(0, 2 * np.pi)
        other[cells] += _turned(ab[cells].mean(0), turn) - ab[cells].mean(0)
        if is_flipped:
            rows, columns = np.nonzero(cells)
            along = rows * np.sin(direction) + columns * np.cos(direction)
            flipped[cells] = along > np.quantile(along, 1 - share)
    return owner, flipped, other


def objects(lightness: Float, ab: Float, cells: tuple[int, ...]) -> NDArray[np.int64]:
    """Label (h, w) of the object that covers most of each cell."""
    shape = working_shape(lightness.shape, SIDE**2 / 1e6)
    lab = np.stack([shrink(plane, shape) for plane in (lightness, ab[..., 0], ab[..., 1])], -1)
    labels = felzenszwalb(lab / 100, scale=OBJECT_SCALE, sigma=0.8, min_size=50, channel_axis=-1)
    height, width = cells
    share = overlap(labels, (height, width)).tocsc()
    covered = share.argmax(axis=0)
    return np.asarray(covered).reshape(height, width).astype(np.int64)


def _turned(color: Float, angle: float) -> Float:
    """A colour (2,) turned in hue, with a chroma of at least LEAST_CHROMA."""
    chroma = max(float(np.hypot(*color)), LEAST_CHROMA)
    hue = np.arctan2(color[1], color[0]) + angle
    return np.array([chroma * np.cos(hue), chroma * np.sin(hue)], np.float32)


def _mode(ab: Float, bins: Float) -> Float:
    """Gaussian of WIDTH around each colour, (..., 2) -> (..., Q), summing to 1."""
    squared = (ab[..., :1] - bins[:, 0]) ** 2 + (ab[..., 1:] - bins[:, 1]) ** 2
    weight = np.exp((squared.min(-1, keepdims=True) - squared) / np.float32(2 * WIDTH**2))
    return weight / weight.sum(-1, keepdims=True)
