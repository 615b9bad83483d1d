"""From luminance to link weights: how freely chroma flows between two neighbouring pixels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from solvers.stencil import OFFSETS, Planes, Stencil

Image = NDArray[np.float32]
ONE, HALF = np.float32(1), np.float32(0.5)
SMALLEST = np.float32(1.2e-38)  # the smallest normal float32
LOG2_E = 1.4426950408889634
LEAST_SHARE, LEAST_VARIANCE = 0.21714724095162591, 2e-6  # 1 / ln(100): the most similar neighbour keeps 0.01


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
    planes = empty_planes(image)
    counts = np.zeros((len(OFFSETS), 1 << 16), np.int64)
    _power_planes(image, np.float32(alpha), np.float32(epsilon), np.float32(diagonal), planes, counts)
    middle = _median_link(planes, counts.sum(axis=0))
    if middle > 0:
        for plane in planes:
            plane *= np.float32(1 / middle)
    return Stencil(*planes)


def _gaussian(image: Image, sigma: float = 0.05, floor: float = 1e-5) -> Stencil:
    if not (sigma > 0 and floor >= 0):
        raise ValueError(f"affinity: sigma {sigma}, floor {floor}; wanted sigma above 0 and floor 0 or more")
    planes = empty_planes(image)
    _gaussian_planes(image, np.float32(-0.5 * LOG2_E / sigma**2), np.float32(floor), planes)
    return Stencil(*planes)


def _levin(image: Image, floor: float = 1e-6) -> Stencil:
    if floor < 0:
        raise ValueError(f"affinity: floor {floor}; wanted 0 or more")
    planes = empty_planes(image)
    _levin_planes(image, np.float32(floor), planes)
    return Stencil(*planes)


AFFINITIES: dict[str, Callable[..., Stencil]] = {"power": _power, "gaussian": _gaussian, "levin": _levin}


def empty_planes(image: Image) -> Planes:
    east, south, southeast, southwest = (np.empty(image.shape[:2], np.float32) for _ in OFFSETS)
    return east, south, southeast, southwest


def _median_link(planes: Planes, counts: NDArray[np.int64]) -> float:
    """Exact median of all positive weights, from counts of their upper 16 bits, whose order is theirs; 0 if none."""
    total = int(counts.sum())
    if not total:
        return 0.0
    fine = np.zeros((len(planes), 1 << 16), np.int64)
    high, middle = -1, []
    for rank in ((total - 1) // 2, total // 2):
        bucket = int(np.searchsorted(np.cumsum(counts), rank, side="right"))
        if bucket != high:
            high = bucket
            fine[:] = 0
            _count_lower(planes, high, fine)
        before = int(counts[:high].sum())
        low = int(np.searchsorted(np.cumsum(fine.sum(axis=0)), rank - before, side="right"))
        middle.append(float(np.array([high << 16 | low], np.uint32).view(np.float32)[0]))
    return sum(middle) / 2


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
def exp2(y):  # type: ignore[no-untyped-def]
    """2^y in float32 to 2e-7 for y up to 126, 0 below -126: a Taylor series for the fraction, bits for the rest."""
    kept = min(max(y, np.float32(-126)), np.float32(126))
    whole = np.floor(kept + HALF)
    f = kept - whole
    series = np.float32(1.5403530e-4)
    series = series * f + np.float32(1.3333558e-3)
    series = series * f + np.float32(9.6181291e-3)
    series = series * f + np.float32(5.5504109e-2)
    series = series * f + np.float32(2.4022651e-1)
    series = series * f + np.float32(6.9314718e-1)
    series = series * f + ONE
    power = np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)
    return np.float32(0) if y < np.float32(-126) else series * power


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
def _log2(t):  # type: ignore[no-untyped-def]
    """log2 of a normal float32 t > 0, to 2e-7 or one part in 10^7: the exponent's bits, and atanh for the mantissa."""
    bits = np.int32(
        np.float32(t).view(np.int32) - np.int32(0x3F3504F3)
    )  # so that the mantissa lies in sqrt(1/2) .. sqrt(2)
    whole = np.int32(bits >> np.int32(23))
    mantissa = np.int32(np.int32(bits & np.int32(0x7FFFFF)) + np.int32(0x3F3504F3)).view(np.float32)
    s = (mantissa - ONE) / (mantissa + ONE)
    q = s * s
    series = np.float32(2 * LOG2_E / 9)
    series = series * q + np.float32(2 * LOG2_E / 7)
    series = series * q + np.float32(2 * LOG2_E / 5)
    series = series * q + np.float32(2 * LOG2_E / 3)
    series = series * q + np.float32(2 * LOG2_E)
    return np.float32(whole) + s * series


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
def _power_row(here, there, share, alpha, epsilon, out):  # type: ignore[no-untyped-def]
    for x in range(out.size):
        change = np.float32(100) * abs(there[x] - here[x])
        raised = exp2(alpha * _log2(max(change, SMALLEST)))
        out[x] = share / ((np.float32(0) if change < SMALLEST else raised) + epsilon)


@njit(cache=True, nogil=True)
def _power_planes(image, alpha, epsilon, diagonal, planes, counts):  # type: ignore[no-untyped-def]
    """The weights, and histograms (4, 2^16) of the upper 16 bits of the positive ones."""
    east, south, southeast, southwest = planes
    height, width = image.shape
    for y in range(height):
        here = image[y]
        close_row(planes, y)
        _power_row(here[: width - 1], here[1:], ONE, alpha, epsilon, east[y, : width - 1])
        if y + 1 < height:
            below = image[y + 1]
            _power_row(here, below, ONE, alpha, epsilon, south[y])
            _power_row(here[: width - 1], below[1:], diagonal, alpha, epsilon, southeast[y, : width - 1])
            _power_row(here[1:], below[: width - 1], diagonal, alpha, epsilon, southwest[y, 1:])
        _count_upper(east[y], south[y], southeast[y], southwest[y], counts)
    counts[:, 0] = 0


@njit(cache=True, nogil=True)
def _count_upper(east, south, southeast, southwest, counts):  # type: ignore[no-untyped-def]
    """A histogram for each plane: counting in one would wait for the last count of the same weight."""
    e, s = east.view(np.uint32), south.view(np.uint32)
    se, sw = southeast.view(np.uint32), southwest.view(np.uint32)
    for x in range(e.size):
        counts[0, e[x] >> 16] += 1
        counts[1, s[x] >> 16] += 1
        counts[2, se[x] >> 16] += 1
        counts[3, sw[x] >> 16] += 1


@njit(cache=True, nogil=True)
def _count_lower(planes, high, counts):  # type: ignore[no-untyped-def]
    """Histograms (4, 2^16) of the lower 16 bits of the weights whose upper ones are given."""
    for k in range(4):
        for y in range(planes[k].shape[0]):
            bits = planes[k][y].view(np.uint32)
            for x in range(bits.size):
                if bits[x] >> 16 == high:
                    counts[k, bits[x] & 0xFFFF] += 1


@njit(cache=True, nogil=True)
def close_row(planes, y):  # type: ignore[no-untyped-def]
    """0 in a row of the planes where links would leave the image."""
    east, south, southeast, southwest = planes
    east[y, -1] = southeast[y, -1] = southwest[y, 0] = 0
    if y + 1 == east.shape[0]:
        south[y] = southeast[y] = southwest[y] = 0


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
def _gaussian_row(here, there, factor, floor, out):  # type: ignore[no-untyped-def]
    for x in range(out.size):
        change = there[x] - here[x]
        out[x] = exp2(factor * (change * change)) + floor


@njit(cache=True, nogil=True)
def _gaussian_planes(image, factor, floor, planes):  # type: ignore[no-untyped-def]
    """2^(factor dY^2) + floor."""
    east, south, southeast, southwest = planes
    height, width = image.shape
    for y in range(height):
        here = image[y]
        close_row(planes, y)
        _gaussian_row(here[: width - 1], here[1:], factor, floor, east[y, : width - 1])
        if y + 1 < height:
            below = image[y + 1]
            _gaussian_row(here, below, factor, floor, south[y])
            _gaussian_row(here[: width - 1], below[1:], factor, floor, southeast[y, : width - 1])
            _gaussian_row(here[1:], below[: width - 1], factor, floor, southwest[y, 1:])


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
def _bounded_variance(count, total, squares, nearest):  # type: ignore[no-untyped-def]
    mean = total / count
    return max(max(0.6 * (squares / count - mean * mean), nearest * LEAST_SHARE), LEAST_VARIANCE)


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
def _inner_variance(above, here, below, out):  # type: ignore[no-untyped-def]
    """Whole windows: the pixels of a row but its first and last, without a branch, so that the loop vectorises."""
    for x in range(1, out.size - 1):
        total, squares, nearest = 0.0, 0.0, np.inf
        centre = np.float64(here[x])
        for k in range(3):  # unrolled by the compiler
            a, b = np.float64(above[x - 1 + k]) - centre, np.float64(below[x - 1 + k]) - centre
            total += a + b
            squares += a * a + b * b
            nearest = min(nearest, min(a * a, b * b))
        a, b = np.float64(here[x - 1]) - centre, np.float64(here[x + 1]) - centre
        nearest = min(nearest, min(a * a, b * b))
        out[x] = _bounded_variance(9.0, total + (a + b), squares + (a * a + b * b), nearest)


@njit(cache=True, nogil=True)
def _border_variance(image, y, x):  # type: ignore[no-untyped-def]
    count, total, squares, nearest = 0, 0.0, 0.0, np.inf
    for row in range(max(y - 1, 0), min(y + 2, image.shape[0])):
        for column in range(max(x - 1, 0), min(x + 2, image.shape[1])):
            change = np.float64(image[row, column]) - image[y, x]
            count += 1
            total += change
            squares += change * change
            if row != y or column != x:
                nearest = min(nearest, change * change)
    return _bounded_variance(count, total, squares, nearest if count > 1 else 0.0)


@njit(cache=True, nogil=True)
def _variance_row(image, y, out):  # type: ignore[no-untyped-def]
    """levin_variance of row y."""
    height, width = image.shape
    if 0 < y < height - 1:
        _inner_variance(image[y - 1], image[y], image[y + 1], out)
        out[0], out[width - 1] = _border_variance(image, y, 0), _border_variance(image, y, width - 1)
    else:
        for x in range(width):
            out[x] = _border_variance(image, y, x)


@njit(cache=True, nogil=True)
def _levin_variance(image, result):  # type: ignore[no-untyped-def]
    for y in range(image.shape[0]):
        _variance_row(image, y, result[y])


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
def _levin_row(here, there, factor, factor_there, floor, out):  # type: ignore[no-untyped-def]
    for x in range(out.size):
        change = there[x] - here[x]
        square = change * change
        out[x] = HALF * (exp2(factor[x] * square) + exp2(factor_there[x] * square)) + floor


@njit(cache=True, nogil=True, error_model="numpy")
def _levin_planes(image, floor, planes):  # type: ignore[no-untyped-def]
    east, south, southeast, southwest = planes
    height, width = image.shape
    inner = width - 1
    factor, factor_below = np.empty(width, np.float32), np.empty(width, np.float32)
    for y in range(-1, height):
        factor, factor_below = factor_below, factor
        if y + 1 < height:
            _variance_row(image, y + 1, factor_below)
            for x in range(width):
                factor_below[x] = np.float32(-LOG2_E) / factor_below[x]
        if y < 0:
            continue
        here = image[y]
        close_row(planes, y)
        _levin_row(here[:inner], here[1:], factor[:inner], factor[1:], floor, east[y, :inner])
        if y + 1 < height:
            below = image[y + 1]
            _levin_row(here, below, factor, factor_below, floor, south[y])
            _levin_row(here[:inner], below[1:], factor[:inner], factor_below[1:], floor, southeast[y, :inner])
            _levin_row(here[1:], below[:inner], factor[1:], factor_below[:inner], floor, southwest[y, 1:])
