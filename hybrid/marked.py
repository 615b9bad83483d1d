"""Marks painted in other programs: marked copies of the photo, and transparent pictures laid over it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from skimage.measure import approximate_polygon, find_contours

from hybrid.color import lab_from_linear, srgb_decode
from hybrid.photo import Photo, overlay_png, read_overlay
from hybrid.strokes import MarkedPixels, Stroke, covered

Float = NDArray[np.float32]
MARKED_ABOVE = 0.01
"""A pixel is marked where its channels differ from the grey photo's by more in sum (Levin et al. 2004, code)."""
LEAST_ALPHA = 0.02
ALIKE = 4.0
"""CIELAB units up to which neighbouring painted pixels belong to one mark."""
ONE_COLOR = 12.0
"""CIELAB units within which the pixels of one mark stay."""
SAME_STRENGTH = 0.25
MOST_MARKS = 1000
ON_EDGE = 0.3
"""Pixels that an outline may leave its pixels' by; below that no pixel's centre changes sides."""


class HintsError(ValueError):
    """A file of marks that cannot be used, and why."""


def read_marked(path: Path, photo: Photo) -> MarkedPixels:
    """The pixels painted in a picture: a copy of the photo, or a transparent picture of its shape.

    A picture with transparent pixels is an overlay of any size; a mark's strength is its largest alpha. Any other is
    compared with the photo's own file.

    Raises
    ------
    HintsError
        Of another size or shape, without marks, or the photo was not read from a file.
    PhotoError
        It cannot be read.
    """
    rgb, alpha = read_overlay(path)
    if alpha is not None and (alpha < 1).any():
        return _overlay(path, rgb, alpha, photo.lightness.shape)
    return _marked_copy(path, rgb, photo)


def _overlay(path: Path, rgb: Float, alpha: Float, shape: tuple[int, int]) -> MarkedPixels:
    (height, width), (rows, columns) = shape, alpha.shape
    if abs(rows * width - columns * height) > max(width, height):
        raise HintsError(
            f"{path}: {columns}×{rows} pixels; an overlay has the shape of the photo, {width}×{height}, at any size"
        )
    strength = _strength(alpha)
    row, column = (
        (2 * np.arange(full) + 1) * small // (2 * full) for full, small in zip(shape, alpha.shape, strict=True)
    )
    index = np.flatnonzero((strength > 0)[row][:, column])
    if not len(index):
        raise HintsError(f"{path}: transparent everywhere; wanted colours painted on a transparent layer")
    place = row[index // width], column[index % width]
    _, ab = lab_from_linear(srgb_decode(rgb[place][None]))
    return MarkedPixels(index, ab[0].astype(np.float32), shape, strength[place])


def _strength(alpha: Float) -> Float:
    """Of each pixel of an overlay: the most alpha of its mark, and none at a mark's soft rim, below half of that.

    Were the rim taken at its word, it would hold predicted colours right around the mark and shut it in.
    """
    label, count = ndimage.label(alpha >= LEAST_ALPHA, np.ones((3, 3), bool))
    most = np.zeros(count + 1, np.float32)
    np.maximum.at(most, label[label > 0], alpha[label > 0])
    return np.where((label > 0) & (alpha >= most[label] / 2), most[label], np.float32(0))


def _marked_copy(path: Path, rgb: Float, photo: Photo) -> MarkedPixels:
    height, width = photo.lightness.shape
    if rgb.shape[:2] != (height, width):
        raise HintsError(
            f"{path}: {rgb.shape[1]}×{rgb.shape[0]} pixels; a marked copy of {photo.path} has {width}×{height}"
        )
    if photo.path is None:
        raise HintsError(f"{path}: a marked copy is compared with the photo's file; this photo was not read from one")
    grey, _ = read_overlay(photo.path, page=photo.page)
    is_marked = np.abs(rgb - grey).sum(-1) > MARKED_ABOVE
    share = float(is_marked.mean())
    if share == 0:
        raise HintsError(f"{path}: no pixel differs from {photo.path}; paint colours onto a lossless copy of it")
    if share > 0.3:
        warnings.warn(f"{path}: {share:.0%} of the pixels differ from the photo; was it saved as JPEG?", stacklevel=2)
    _, ab = lab_from_linear(srgb_decode(rgb[is_marked][None]))
    return MarkedPixels(np.flatnonzero(is_marked), ab[0].astype(np.float32), (height, width))


def outlined(marks: MarkedPixels) -> list[Stroke]:
    """Regions that cover what was painted, each in one colour, to be edited like any other.

    Neighbouring pixels of about one colour and strength become one region, in their median; holes stay open.

    Raises
    ------
    HintsError
        More than MOST_MARKS regions.
    """
    strength = np.ones(len(marks.index), np.float32) if marks.strength is None else marks.strength
    rows, columns = np.divmod(marks.index, marks.shape[1])
    label = _connected(marks, strength, np.zeros((len(rows), 2)))
    label = _connected(marks, strength, np.rint((marks.ab - _medians(label, marks.ab)[label]) / ONE_COLOR))
    count = int(label.max()) + 1
    if count > MOST_MARKS:
        raise HintsError(f"{count} separate marks; at most {MOST_MARKS} can be edited. Were they saved as JPEG?")
    color, weight = _medians(label, marks.ab), _medians(label, strength[:, None])[:, 0]
    order = np.argsort(label, kind="stable")
    found = []
    for number, members in enumerate(np.split(order, np.cumsum(np.bincount(label))[:-1])):
        corner = rows[members].min(), columns[members].min()
        mask = np.zeros((np.ptp(rows[members]) + 3, np.ptp(columns[members]) + 3))
        mask[rows[members] - corner[0] + 1, columns[members] - corner[1] + 1] = 1
        points = _outline(mask)[:, ::-1] + (corner[1] - 0.5, corner[0] - 0.5)
        ab = (float(color[number, 0]), float(color[number, 1]))
        found.append(Stroke(points, ab=ab, strength=max(float(weight[number]), 0.01), is_region=True))
    return found


def _connected(marks: MarkedPixels, strength: Float, group: NDArray) -> NDArray[np.int64]:
    """Label (N,) of each marked pixel: neighbours, diagonal ones too, that are alike and of one group have the same."""
    count, width = len(marks.index), marks.shape[1]
    ends: list[NDArray[np.int64]] = []
    for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
        column = marks.index % width + right
        wanted = marks.index + down * width + right
        other = np.minimum(np.searchsorted(marks.index, wanted), count - 1)
        is_pair = (marks.index[other] == wanted) & (column >= 0) & (column < width)
        is_pair &= (np.abs(marks.ab[other] - marks.ab) <= ALIKE).all(-1) & (group[other] == group).all(-1)
        is_pair &= np.abs(strength[other] - strength) <= SAME_STRENGTH
        ends.append(np.stack([np.flatnonzero(is_pair), other[is_pair]]))
    one, two = np.concatenate(ends, 1)
    links = coo_array((np.ones(len(one), bool), (one, two)), shape=(count, count))
    return connected_components(links, directed=False)[1].astype(np.int64)


def _medians(label: NDArray[np.int64], values: NDArray) -> NDArray[np.float64]:
    """Median of each column of `values` over each label, (labels, columns)."""
    middle = np.bincount(label)
    middle = np.cumsum(middle) - middle + (middle - 1) // 2
    return np.stack([column[np.lexsort((column, label))][middle] for column in values.T], -1).astype(np.float64)


def _outline(mask: NDArray[np.float64]) -> NDArray[np.float64]:
    """One closed path (N, 2) of rows and columns around the ones of a mask: the outer edge, and holes by bridges.

    A bridge is gone along both ways, so that it encloses nothing.
    """
    rings = [approximate_polygon(ring, ON_EDGE) for ring in find_contours(mask, 0.5, fully_connected="high")]
    rings.sort(key=lambda ring: -float(np.ptp(ring[:, 0]) * np.ptp(ring[:, 1])))
    outer = rings[0]
    return np.concatenate([outer, *(part for hole in rings[1:] for part in (hole, outer[:1]))])


def overlay(strokes: Sequence[Stroke], lightness: Float) -> bytes:
    """A transparent 16-bit PNG of the strokes, which `read_marked` reads again; later ones cover earlier ones.

    Alpha is the strength. "Keep as predicted" has no colour to show: like the eraser it leaves its pixels open.

    Parameters
    ----------
    strokes : in the order in which they were made
    lightness : (H, W) float32, L*
    """
    ab = np.zeros((*lightness.shape, 2), np.float32)
    strength = np.zeros(lightness.shape, np.float32)
    for stroke in strokes:
        index = covered(stroke, lightness.shape)
        is_open = stroke.mode in ("erase", "keep")
        ab.reshape(-1, 2)[index] = stroke.ab if stroke.mode == "color" and stroke.ab is not None else (0, 0)
        strength.ravel()[index] = 0 if is_open else stroke.strength
    index = np.flatnonzero(strength)
    return overlay_png(lightness, index, ab.reshape(-1, 2)[index], strength.ravel()[index])
