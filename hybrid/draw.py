"""A few scribbles for a coloured photo: the program's colours as marks to look at, to edit and to give back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, maximum_position

from hybrid.scale import enlarge, shading, shrink
from hybrid.segments import regions
from hybrid.strokes import Stroke

Float = NDArray[np.float32]
LABEL = "program"
REGION_SCALE = 100.0
"""Of the regions that points are placed in; finer than those whose cells agree on one colour."""
MOST_POINTS = 40
"""In a region."""
SPACING, LEAST_SPACING = 0.015, 6.0
"""Share of the long side, and pixels of the regions' picture at least: a region gets another point where it has a place
so far from its borders and other points."""
INSIDE = 1.5
"""Pixels of the regions' picture from a border below which a place is on it."""
ONE_COLOR = 5.0
"""CIELAB units from the colour of its region up to which a point has that very colour."""
RADIUS = 0.002
"""Of a point, as a share of the long side, where the region has room for it."""
LEAST_CONFIDENCE = 0.02


def drawn(lightness: Float, ab: Float, confidence: Float) -> list[Stroke]:
    """Scribbles for a coloured photo: points well inside of regions, of the colour around them.

    Points are taken one by one where the distance to borders and earlier points, times confidence, is largest. A region
    has one colour relative to lightness, the mean by confidence, and points that differ much have their own.

    Parameters
    ----------
    lightness : (H, W) float32, L*
    ab : (H, W, 2) float32, CIELAB units
    confidence : (h, w) float32 in [0, 1], any size

    Returns
    -------
    Strokes of one point with LABEL and a confidence, the surest first. Their strength is 1: they are to stand for the
    colours, not to be mixed with others.
    """
    labels = regions(lightness, REGION_SCALE)
    shape = labels.shape
    sure = enlarge(confidence, shape).clip(0, 1)
    light = shading(shrink(lightness, shape))
    relative = np.stack([shrink(plane, shape) for plane in np.moveaxis(ab, -1, 0)], -1) / light[..., None]
    place, room = _places(labels, sure)
    if not len(place):
        return []
    chroma = _chroma(labels, sure, relative, light, place)
    stretch = np.array(lightness.shape) / shape
    widest = RADIUS * max(lightness.shape)
    marks = []
    for (row, column), space, color in zip(place, room, chroma, strict=True):
        y, x = (np.array([row, column]) + 0.5) * stretch
        at = shading(lightness[int(y), int(x)])
        wanted = np.clip(color * at, -150, 150).round(2)
        marks.append(
            Stroke(
                points=np.array([[x, y]], np.float32),
                radius=max(0.5, min(widest, space * stretch.min() / 2)),
                ab=(float(wanted[0]), float(wanted[1])),
                label=LABEL,
                confidence=round(float(sure[row, column]), 3),
            )
        )
    return sorted(marks, key=lambda mark: -(mark.confidence or 0))


def _places(labels: NDArray[np.int64], sure: Float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rows and columns of the points, (N, 2), and how far each is from a border, (N,)."""
    padded = np.pad(labels, 1, constant_values=-1)  # the frame is a border too
    is_taken = np.zeros(padded.shape, bool)
    is_taken[:-1] |= padded[:-1] != padded[1:]
    is_taken[:, :-1] |= padded[:, :-1] != padded[:, 1:]
    border = distance_transform_edt(~is_taken)[1:-1, 1:-1]
    spacing = max(SPACING * max(labels.shape), LEAST_SPACING)
    names = np.arange(labels.max() + 1)
    free = border
    found: list[NDArray[np.int64]] = []
    for count in range(MOST_POINTS):
        best = np.array(maximum_position(free * sure, labels, names))
        rows, columns = best.T
        is_good = (sure[rows, columns] >= LEAST_CONFIDENCE) & (free[rows, columns] >= (spacing if count else INSIDE))
        best = best[is_good]
        if not len(best):
            break
        names = names[is_good]
        found.append(best)
        is_taken[tuple(best.T + 1)] = True
        free = distance_transform_edt(~is_taken)[1:-1, 1:-1]
    place = np.concatenate(found) if found else np.zeros((0, 2), np.int64)
    return place, border[tuple(place.T)]


def _chroma(labels: NDArray[np.int64], sure: Float, relative: Float, light: Float, place: NDArray[np.int64]) -> Float:
    """Relative chroma of each point, (N, 2): its region's, or where that differs much that of what lies nearest."""
    owner = labels[tuple(place.T)]
    is_point = np.zeros(labels.shape, bool)
    is_point[tuple(place.T)] = True
    number = np.zeros(labels.shape, np.int64)
    number[tuple(place.T)] = np.arange(len(place))
    nearest = number[tuple(distance_transform_edt(~is_point, return_distances=False, return_indices=True))]
    counts = (owner[nearest] == labels) * np.maximum(sure, 1e-3)
    own = _means(nearest, counts, relative, len(place))
    region = _means(labels, np.maximum(sure, 1e-3), relative, int(labels.max()) + 1)[owner]
    apart = np.linalg.norm(own - region, axis=-1) * light[tuple(place.T)]
    return np.where((apart > ONE_COLOR)[:, None], own, region).astype(np.float32)


def _means(group: NDArray[np.int64], weight: Float, values: Float, count: int) -> NDArray[np.float64]:
    total = np.bincount(group.ravel(), weight.ravel(), count)
    sums = [np.bincount(group.ravel(), (weight * plane).ravel(), count) for plane in np.moveaxis(values, -1, 0)]
    return np.stack(sums, -1) / np.maximum(total, 1e-12)[:, None]
