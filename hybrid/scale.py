"""Between the full-size photo and the working size: averaging down, and lifting chroma up along the photo's edges."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from itertools import pairwise

import numba
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import sparse
from scipy.ndimage import uniform_filter

Float = NDArray[np.float32]
L_OFFSET = 16.0
"""CIELAB's a and b of one surface are proportional to L* + 16, however much light falls on it."""
MOST_SHADING = 116.0
"""`shading` of white."""
RADIUS = 2
FITTED_FROM = 2 * RADIUS
"""Pixels around one that its line is fitted from: the mean of fits to windows that hold it."""


def shading(lightness: Float) -> Float:
    """What ab is divided by to be relative chroma and multiplied by to be ab again, 46 .. 116 for L* 0 .. 100.

    The square root of L* + 16, scaled: between one surface in light and shade, whose ab goes with L* + 16, and surfaces
    of other lightness beside each other, whose ab does not go with it at all.
    """
    return np.float32(math.sqrt(MOST_SHADING)) * np.sqrt(lightness + np.float32(L_OFFSET))


def working_shape(shape: tuple[int, ...], megapixels: float) -> tuple[int, int]:
    """Largest size of the same aspect with at most `megapixels`; `shape` itself if that is small enough."""
    factor = math.sqrt(megapixels * 1e6 / (shape[0] * shape[1]))
    if factor >= 1:
        return shape[0], shape[1]
    return max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor))


def shrink(plane: Float, shape: tuple[int, ...]) -> Float:
    """Mean over each pixel of the smaller image, parts of pixels counted as such.

    Parameters
    ----------
    plane : (H, W) float32
    shape : (h, w), no larger than the plane in either direction

    Returns
    -------
    (h, w) float32
    """
    if plane.shape == tuple(shape):
        return plane
    down, across = (_area_weights(large, small) for large, small in zip(plane.shape, shape, strict=True))
    return np.ascontiguousarray((across @ (down @ plane).T).T, dtype=np.float32)


def _area_weights(large: int, small: int) -> sparse.csr_array:
    """(small, large): how much of each larger pixel lies in each smaller one's stretch; rows sum to 1."""
    edges = np.union1d(np.arange(large + 1), np.arange(small + 1) * (large / small))
    middle = (edges[1:] + edges[:-1]) / 2
    place = tuple(np.minimum((middle * n / large).astype(np.int64), n - 1) for n in (small, large))
    return sparse.coo_array(
        (np.diff(edges).astype(np.float32) * np.float32(small / large), place), (small, large)
    ).tocsr()


def enlarge(plane: Float, shape: tuple[int, ...]) -> Float:
    """Bilinear interpolation between pixel centres, (h, w) float32 -> `shape`, larger or smaller."""
    picture = Image.fromarray(np.ascontiguousarray(plane))
    return np.asarray(picture.resize((shape[1], shape[0]), Image.Resampling.BILINEAR))


def lift(chroma: Float, guide: Float, lightness: Float, radius: int = RADIUS, ridge: float = 1.0) -> Float:
    """ab at full size from relative chroma at working size: a guided filter, its coefficients enlarged.

    Around every working pixel chroma is fitted as a straight line in L*; the line is then applied to the full-size L*,
    and kept within the chroma found nearby (He & Sun 2015, "Fast Guided Filter"; the limit stops overshoot beside
    highlights).

    Parameters
    ----------
    chroma : (h, w, 2) float32, ab / shading(L*)
    guide : (h, w) float32, L* at working size
    lightness : (H, W) float32, L* at full size
    radius : of the window of the fit, in working pixels
    ridge : variance of L* below which an edge is not followed

    Returns
    -------
    (H, W, 2) float32, ab in CIELAB units
    """
    if guide.shape == lightness.shape:
        return chroma * shading(lightness)[..., None]
    return apply_lines(line_field(chroma, guide, radius, ridge), lightness)


def line_field(chroma: Float, guide: Float, radius: int = RADIUS, ridge: float = 1.0) -> Float:
    """What `lift` applies to the full-size lightness, (h, w, 8): slope, offset, low and high of both channels."""
    slope, offset = _line_fit(chroma, guide, radius, ridge)
    low, high = _extreme(chroma, radius - 1, np.minimum), _extreme(chroma, radius - 1, np.maximum)
    return np.concatenate([slope, offset, low, high], -1)


def spanning(is_other: NDArray[np.bool_], more: int = 0) -> tuple[slice, slice] | None:
    """Rows and columns that all True of a plane span, and so many more on each side; None where nothing is True."""
    found = []
    for axis, full in enumerate(is_other.shape):
        at = np.flatnonzero(is_other.any(1 - axis))
        if not len(at):
            return None
        found.append(slice(max(int(at[0]) - more, 0), min(int(at[-1]) + 1 + more, full)))
    return found[0], found[1]


def line_field_again(field: Float, chroma_before: Float, chroma: Float, guide: Float) -> Float:
    """Make the `line_field` of one chroma that of another, which differs in a part: only that part is fitted anew.

    Parameters
    ----------
    field : line field of `chroma_before`; becomes that of `chroma`
    chroma_before, chroma : (h, w, 2) float32
    guide : (h, w) float32, L* at working size
    """
    is_other = (chroma[..., 0] != chroma_before[..., 0]) | (chroma[..., 1] != chroma_before[..., 1])
    changed, read = spanning(is_other, FITTED_FROM), spanning(is_other, 2 * FITTED_FROM)
    if changed is None or read is None:
        return field
    rows, columns = (slice(c.start - r.start, c.stop - r.start) for c, r in zip(changed, read, strict=True))
    field[changed] = line_field(chroma[read], guide[read])[rows, columns]
    return field


def apply_lines(field: Float, lightness: Float, window: tuple[slice, slice] | None = None) -> Float:
    """ab of a full-size window, all of the photo if None, from the `line_field` of its working size.

    Parameters
    ----------
    field : (h, w, 8) float32
    lightness : (H, W) float32, L* of the whole photo
    window : rows and columns, with their ends given

    Returns
    -------
    (rows, columns, 2) float32, CIELAB units
    """
    rows, columns = window or (slice(0, lightness.shape[0]), slice(0, lightness.shape[1]))
    result = np.empty((rows.stop - rows.start, columns.stop - columns.start, 2), np.float32)
    threads = os.cpu_count() or 1
    ends = np.linspace(rows.start, rows.stop, 2 * threads + 1).astype(int)

    def work(part: tuple[int, int]) -> None:
        _apply_lines(field, lightness, result, part[0], part[1], rows.start, columns.start)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, pairwise(ends)))
    return result


def _extreme(chroma: Float, reach: int, choose: np.ufunc) -> Float:
    """The least or the greatest of the pixels within `reach`, of (h, w, C) each channel by itself."""
    found = np.pad(chroma, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    for axis in (0, 1):
        length = chroma.shape[axis]
        found = np.moveaxis(found, axis, 0)
        found = reduce(choose, [found[first : first + length] for first in range(2 * reach + 1)])
        found = np.moveaxis(found, 0, axis)
    return found


def _line_fit(chroma: Float, guide: Float, radius: int, ridge: float) -> tuple[Float, Float]:
    """Slope and offset of chroma against L*, each (h, w, 2), averaged over the windows that hold a pixel."""

    def mean(plane: Float) -> Float:
        return uniform_filter(plane, 2 * radius + 1, mode="nearest")

    centre = guide - np.float32(50)  # keeps float32 variances exact enough
    mean_guide = mean(centre)
    variance = mean(centre * centre) - mean_guide**2
    slopes, offsets = [], []
    for plane in np.moveaxis(chroma, -1, 0):
        mean_plane = mean(plane)
        slope = (mean(centre * plane) - mean_guide * mean_plane) / (variance + np.float32(ridge))
        slopes.append(mean(slope))
        offsets.append(mean(mean_plane - slope * mean_guide) - 50 * slopes[-1])
    return np.stack(slopes, -1), np.stack(offsets, -1)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _apply_lines(field, lightness, result, first, last, row0, column0):  # type: ignore[no-untyped-def]
    """Rows first..last of the lift; `field` holds slope, offset, low and high, two channels each.

    `result` begins at row `row0` and column `column0` of the photo.
    """
    rows, columns, planes = field.shape
    height, width = lightness.shape
    here = np.empty(planes, np.float32)
    for y in range(first, last):
        v = min(max((y + 0.5) * rows / height - 0.5, 0.0), rows - 1.0)
        top = min(int(v), max(rows - 2, 0))
        bottom = min(top + 1, rows - 1)
        down = np.float32(v - top)
        for x in range(column0, column0 + result.shape[1]):
            u = min(max((x + 0.5) * columns / width - 0.5, 0.0), columns - 1.0)
            left = min(int(u), max(columns - 2, 0))
            right = min(left + 1, columns - 1)
            across = np.float32(u - left)
            for k in range(planes):
                above = field[top, left, k] + across * (field[top, right, k] - field[top, left, k])
                below = field[bottom, left, k] + across * (field[bottom, right, k] - field[bottom, left, k])
                here[k] = above + down * (below - above)
            light = lightness[y, x]
            shade = np.sqrt(np.float32(MOST_SHADING) * (light + np.float32(L_OFFSET)))
            for c in range(2):
                value = here[c] * light + here[2 + c]
                value = min(max(value, here[4 + c]), here[6 + c])
                result[y - row0, x - column0, c] = value * shade
