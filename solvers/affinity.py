"""From luminance to link weights: how freely chroma flows between two neighbouring pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from solvers.stencil import OFFSETS, Stencil, ends

Image = NDArray[np.float32]


def affinity(luminance: ArrayLike, kind: str = "power", **options: float) -> Stencil:
    """Link weights of the 8-neighbour grid graph of a photo.

    Parameters
    ----------
    luminance : (H, W) in [0, 1]
        The guide; L* / 100 for the "power" weights to mean what they were tuned for.
    kind : "power", "gaussian" or "levin"
        ``power``: ``1 / (|dL|^alpha + epsilon)``, L in 0..100, ``alpha=1.2``, ``epsilon=0.3``, diagonal links times
        ``diagonal=0.5``, divided by the median of all links (the recipe of this project).
        ``gaussian``: ``exp(-dY^2 / (2 sigma^2)) + floor``, ``sigma=0.05``, ``floor=1e-5``.
        ``levin``: ``exp(-dY^2 / v)`` with v from the variance of the 3×3 window (Levin, Lischinski, Weiss 2004,
        eq. 2), averaged over the two directions of a link to be symmetric, plus ``floor=1e-6``.
    **options
        The parameters named above.

    Returns
    -------
    Stencil

    Raises
    ------
    ValueError
        A luminance that is not 2-D, empty, not finite or not in [0, 1]; an unknown kind; options out of range.
    TypeError
        An option that the kind does not have.
    """
    image = checked_luminance(luminance)
    if kind not in AFFINITIES:
        raise ValueError(f"affinity: {kind!r} is unknown; wanted one of {', '.join(AFFINITIES)}")
    return AFFINITIES[kind](image, **options)


def checked_luminance(luminance: ArrayLike) -> Image:
    """The luminance as a contiguous float32 array, or a ValueError that says what is wrong with it."""
    image = np.ascontiguousarray(luminance, dtype=np.float32)
    if image.ndim != 2 or not image.size:
        raise ValueError(f"luminance: shape {image.shape}; wanted (H, W), not empty")
    low, high = float(image.min()), float(image.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError("luminance: holds NaN or infinite values; wanted finite numbers in [0, 1]")
    if low < 0 or high > 1:
        raise ValueError(f"luminance: values from {low:g} to {high:g}; wanted [0, 1]")
    return image


def reweight(stencil: Stencil, field: ArrayLike, scale: float) -> Stencil:
    """Weaken the links across which a field changes: ``w e / sqrt(|d field|^2 + e^2)``.

    One step of iteratively reweighted least squares for a piecewise smooth solution (Charbonnier et al. 1997).

    Parameters
    ----------
    stencil : Stencil
    field : (H, W, C)
        Usually the chroma of a first solve.
    scale : float, > 0
        e, in the field's unit: differences well below it keep their link.

    Raises
    ------
    ValueError
        A field of another shape or not finite, a scale that is not positive.
    """
    values = np.ascontiguousarray(field, dtype=np.float32)
    if values.ndim != 3 or values.shape[:2] != stencil.shape:
        raise ValueError(f"reweight: field {values.shape}; wanted (H, W, C) with (H, W) = {stencil.shape}")
    if not np.isfinite(values).all():
        raise ValueError("reweight: field holds NaN or infinite values; wanted finite numbers")
    if not (np.isfinite(scale) and scale > 0):
        raise ValueError(f"reweight: scale {scale}; wanted a number above 0")
    planes = [plane.copy() for plane in stencil.planes]
    for plane, (down, right) in zip(planes, OFFSETS.values(), strict=True):
        _weaken(plane, values, down, right, np.float32(scale * scale))
    return Stencil(*planes)


def levin_variance(image: Image) -> Image:
    """The v of Levin's ``exp(-dY^2 / v)`` at every pixel, (H, W), as their published code sets it.

    0.6 times the variance of the 3×3 window; at least what gives the most similar neighbour a weight of 0.01; at least
    2e-6. At the border the window is what lies inside.
    """
    result = np.empty_like(image)
    _levin_variance(image, result)
    return result


def _power(image: Image, alpha: float = 1.2, epsilon: float = 0.3, diagonal: float = 0.5) -> Stencil:
    if not (alpha > 0 and epsilon > 0 and diagonal > 0):
        raise ValueError(f"affinity: alpha {alpha}, epsilon {epsilon}, diagonal {diagonal}; wanted numbers above 0")

    def weigh(change: Image, right: int, down: int) -> Image:
        share = diagonal if right and down else 1.0
        return np.float32(share) / ((np.float32(100) * np.abs(change)) ** np.float32(alpha) + np.float32(epsilon))

    planes = _links(image, weigh)
    middle = _median_link(planes)
    if middle > 0:
        for plane in planes:
            plane /= np.float32(middle)
    return Stencil(*planes)


def _gaussian(image: Image, sigma: float = 0.05, floor: float = 1e-5) -> Stencil:
    if not (sigma > 0 and floor >= 0):
        raise ValueError(f"affinity: sigma {sigma}, floor {floor}; wanted sigma above 0 and floor 0 or more")

    def weigh(change: Image, right: int, down: int) -> Image:  # noqa: ARG001
        return np.exp(np.square(change) * np.float32(-0.5 / sigma**2)) + np.float32(floor)

    return Stencil(*_links(image, weigh))


def _levin(image: Image, floor: float = 1e-6) -> Stencil:
    if floor < 0:
        raise ValueError(f"affinity: floor {floor}; wanted 0 or more")
    variance = levin_variance(image)
    planes = [np.zeros_like(image) for _ in OFFSETS]
    for plane, (down, right) in zip(planes, OFFSETS.values(), strict=True):
        for rows in _bands(image.shape[0] - down):
            here, there = _band_ends(image.shape, rows, down, right)
            change = -np.square(image[there] - image[here])
            plane[here] = 0.5 * (np.exp(change / variance[here]) + np.exp(change / variance[there])) + np.float32(floor)
    return Stencil(*planes)


AFFINITIES: dict[str, Callable[..., Stencil]] = {"power": _power, "gaussian": _gaussian, "levin": _levin}


def _links(image: Image, weigh: Callable[[Any, int, int], Image]) -> list[Image]:
    """The four planes of ``weigh(difference along the link, right, down)``, in bands of rows to spare memory."""
    planes = [np.zeros_like(image) for _ in OFFSETS]
    for plane, (down, right) in zip(planes, OFFSETS.values(), strict=True):
        for rows in _bands(image.shape[0] - down):
            here, there = _band_ends(image.shape, rows, down, right)
            plane[here] = weigh(image[there] - image[here], right, down)
    return planes


def _bands(height: int, size: int = 64) -> list[tuple[int, int]]:
    return [(first, min(first + size, height)) for first in range(0, height, size)]


def _band_ends(
    shape: tuple[int, ...], rows: tuple[int, int], down: int, right: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    (_, columns), (_, columns_there) = ends((shape[0], shape[1]), down, right)
    first, last = rows
    return (slice(first, last), columns), (slice(first + down, last + down), columns_there)


def _median_link(planes: list[Image]) -> float:
    """Exact median of all positive weights by two histograms of their bits, which need no copy; 0 if there is none."""
    counts = np.zeros(1 << 16, np.int64)
    for plane in planes:
        _count_bits(plane, counts, -1)
    total = int(counts.sum())
    if not total:
        return 0.0
    middle = [_select(planes, counts, rank) for rank in ((total - 1) // 2, total // 2)]
    return sum(middle) / 2


def _select(planes: list[Image], counts: NDArray[np.int64], rank: int) -> float:
    high = int(np.searchsorted(np.cumsum(counts), rank, side="right"))
    before = int(counts[:high].sum())
    fine = np.zeros(1 << 16, np.int64)
    for plane in planes:
        _count_bits(plane, fine, high)
    low = int(np.searchsorted(np.cumsum(fine), rank - before, side="right"))
    return float(np.array([high << 16 | low], np.uint32).view(np.float32)[0])


@njit(cache=True)
def _count_bits(plane, counts, high):  # type: ignore[no-untyped-def]
    """Histogram of the upper 16 bits, or of the lower ones of those with the given upper; positive floats sort so."""
    bits = plane.view(np.uint32)
    for y in range(bits.shape[0]):
        for x in range(bits.shape[1]):
            value = bits[y, x]
            if value == 0:
                continue
            if high < 0:
                counts[value >> 16] += 1
            elif value >> 16 == high:
                counts[value & 0xFFFF] += 1


@njit(cache=True)
def _weaken(plane, field, down, right, square):  # type: ignore[no-untyped-def]
    for y in range(plane.shape[0] - down):
        for x in range(max(-right, 0), plane.shape[1] - max(right, 0)):
            total = square
            for channel in range(field.shape[2]):
                change = field[y + down, x + right, channel] - field[y, x, channel]
                total += change * change
            plane[y, x] *= np.sqrt(square / total)


@njit(cache=True)
def _levin_variance(image, result):  # type: ignore[no-untyped-def]
    height, width = image.shape
    for y in range(height):
        for x in range(width):
            count, total, squares, nearest = 0, 0.0, 0.0, np.inf
            centre = image[y, x]
            for row in range(max(y - 1, 0), min(y + 2, height)):
                for column in range(max(x - 1, 0), min(x + 2, width)):
                    change = np.float64(image[row, column]) - centre
                    count += 1
                    total += change
                    squares += change * change
                    if row != y or column != x:
                        nearest = min(nearest, change * change)
            variance = 0.6 * (squares / count - (total / count) ** 2)
            if nearest < np.inf:
                variance = max(variance, -nearest / np.log(0.01))
            result[y, x] = max(variance, 2e-6)
