"""Links weakened where a field changes, so that the next solution may change there too."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import ArrayLike

from solvers.affinity import close_row, empty_planes
from solvers.stencil import Stencil


def reweight(stencil: Stencil, field: ArrayLike, scale: float, floor: float = 0.0) -> Stencil:
    """Weaken the links across which a field changes: ``w e / sqrt(|d field|^2 + e^2)``.

    One step of iteratively reweighted least squares for a piecewise smooth solution (Charbonnier et al. 1997).

    Parameters
    ----------
    stencil : Stencil
    field : (H, W, C)
        Usually the chroma of a first solve.
    scale : float, > 0
        e, in the field's unit: differences well below it keep their link.
    floor : float, >= 0
        No link is weakened below this weight; one that is weaker already stays as it is.

    Raises
    ------
    ValueError
        A field of another shape or not finite, a scale that is not positive, a negative floor.
    """
    values = np.ascontiguousarray(field, dtype=np.float32)
    if values.ndim != 3 or values.shape[:2] != stencil.shape:
        raise ValueError(f"reweight: field {values.shape}; wanted (H, W, C) with (H, W) = {stencil.shape}")
    if not np.isfinite(values).all():
        raise ValueError("reweight: field holds NaN or infinite values; wanted finite numbers")
    if not (np.isfinite(scale) and scale > 0):
        raise ValueError(f"reweight: scale {scale}; wanted a number above 0")
    if not (np.isfinite(floor) and floor >= 0):
        raise ValueError(f"reweight: floor {floor}; wanted a number from 0")
    planes = empty_planes(values)
    _reweight(stencil.planes, values, np.float32(scale * scale), np.float32(floor), planes)
    return Stencil(*planes)


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
def _weaken_row(here, there, square, floor, weight, total, out):  # type: ignore[no-untyped-def]
    """here and there (C, n) hold the field at the two ends of the links."""
    for x in range(out.size):
        total[x] = square
    for channel in range(here.shape[0]):
        a, b = here[channel], there[channel]
        for x in range(out.size):
            change = b[x] - a[x]
            total[x] += change * change
    for x in range(out.size):
        out[x] = max(weight[x] * np.sqrt(square / total[x]), min(weight[x], floor))


@njit(cache=True, nogil=True)
def _reweight(planes, field, square, floor, out):  # type: ignore[no-untyped-def]
    """Rows of the (H, W, C) field are read once each, to channel-first lines on which the loops vectorise."""
    height, width, channels = field.shape
    here, below = np.empty((channels, width), np.float32), np.empty((channels, width), np.float32)
    total = np.empty(width, np.float32)
    inner = width - 1
    for y in range(-1, height):
        here, below = below, here
        if y + 1 < height:
            for x in range(width):
                for channel in range(channels):
                    below[channel, x] = field[y + 1, x, channel]
        if y < 0:
            continue
        close_row(out, y)
        _weaken_row(here[:, :inner], here[:, 1:], square, floor, planes[0][y, :inner], total, out[0][y, :inner])
        if y + 1 < height:
            _weaken_row(here, below, square, floor, planes[1][y], total, out[1][y])
            _weaken_row(here[:, :inner], below[:, 1:], square, floor, planes[2][y, :inner], total, out[2][y, :inner])
            _weaken_row(here[:, 1:], below[:, :inner], square, floor, planes[3][y, 1:], total, out[3][y, 1:])
