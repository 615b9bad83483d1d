"""Guided upsampling as published, with settings that were searched for; see `hybrid.compare.tune`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from hybrid.compare.bilateral_solver import bilateral_grid, solve_on_grid
from hybrid.compare.interpolate import bicubic, relative, shaded
from hybrid.scale import shrink

Float = NDArray[np.float32]
REACH = 2
"""Cells around a pixel's own that joint bilateral upsampling looks at."""
LEAST_LIKENESS = np.float32(1e-4)
"""Range weight of a cell of quite another lightness: where all are, their distance alone decides."""
ATTENUATION, PASSES = 0.25, 3
"""Of the fast global smoother, as published."""


class Unavailable(Exception):
    """A method that cannot run here or on this source, and why."""


def joint_bilateral(lightness: Float, cells: Float, near: float, like: float) -> Float:
    """Joint bilateral upsampling (Kopf et al. 2007): a mean of the cells around, by distance and likeness in L*.

    Parameters
    ----------
    lightness : (H, W) float32, L*
    cells : (h, w, 2) float32, CIELAB units
    near : standard deviation of the distance, cells
    like : standard deviation of the difference in L*
    """
    small = shrink(lightness, cells.shape[:2])
    own, offset = zip(*(_place(n, k) for n, k in zip(lightness.shape, small.shape, strict=True)), strict=True)
    total = np.zeros((*lightness.shape, 2), np.float32)
    weights = np.zeros(lightness.shape, np.float32)
    for down, right in np.ndindex(2 * REACH + 1, 2 * REACH + 1):
        steps = (down - REACH, right - REACH)
        rows, columns = (np.clip(o + s, 0, k - 1) for o, s, k in zip(own, steps, small.shape, strict=True))
        far = [
            np.exp((np.float32(s) - d) ** 2 * np.float32(-0.5 / near**2)) for s, d in zip(steps, offset, strict=True)
        ]
        place = rows[:, None], columns
        likeness = np.exp((lightness - small[place]) ** 2 * np.float32(-0.5 / like**2)) + LEAST_LIKENESS
        weight = far[0][:, None] * far[1] * likeness
        total += weight[..., None] * cells[place]
        weights += weight
    np.divide(total, weights[..., None], out=total)
    return total


def _place(pixels: int, cells: int) -> tuple[NDArray[np.int64], Float]:
    """The cell of each pixel along an axis, and how far from that cell's centre it lies, in cells."""
    where = (np.arange(pixels) + 0.5) * cells / pixels - 0.5
    own = np.clip(np.round(where), 0, cells - 1).astype(np.int64)
    return own, (where - own).astype(np.float32)


def guided(lightness: Float, cells: Float, radius: float, ridge: float) -> Float:
    """Guided filter (He, Sun & Tang 2010) of the bicubic enlargement, the photo's L* as the guide.

    Parameters
    ----------
    radius : of the window, cells
    ridge : variance of L* below which an edge is not followed
    """
    side = 2 * max(1, round(radius * _cell_side(lightness, cells))) + 1
    centre = lightness - np.float32(50)  # keeps float32 variances exact enough

    def mean(plane: Float) -> Float:
        return uniform_filter(plane, side, mode="nearest")

    mean_light = mean(centre)
    variance = mean(centre * centre) - mean_light**2
    result = bicubic(cells, lightness.shape)
    for c in range(2):
        plane = result[..., c]
        mean_plane = mean(plane)
        slope = (mean(centre * plane) - mean_light * mean_plane) / (variance + np.float32(ridge))
        result[..., c] = mean(slope) * centre + mean(mean_plane - slope * mean_light)
    return result


def bilateral_solver(lightness: Float, cells: Float, reach: float, like: float, smooth: float) -> Float:
    """Fast bilateral solver (Barron & Poole 2016) on the bicubic enlargement.

    Parameters
    ----------
    reach : side of the bilateral grid's boxes, cells
    like : their height, L*
    smooth : its lambda
    """
    spatial = max(1.0, reach * _cell_side(lightness, cells))
    wanted = bicubic(cells, lightness.shape).reshape(-1, 2).astype(np.float64)
    found = solve_on_grid(bilateral_grid(lightness, spatial, like), wanted, smooth)
    return found.reshape(*lightness.shape, 2).astype(np.float32)


def wls(lightness: Float, cells: Float, smooth: float, like: float) -> Float:
    """Weighted least squares by the fast global smoother (Min et al. 2014) on the bicubic enlargement.

    Parameters
    ----------
    smooth : its lambda for cells of one pixel; lambda grows with a cell's area
    like : its sigma, L*

    Raises
    ------
    Unavailable
        No OpenCV.
    """
    strength = smooth * _cell_side(lightness, cells) ** 2
    guide, enlarged = _guide(lightness), bicubic(cells, lightness.shape)
    run = _ximgproc().fastGlobalSmootherFilter
    planes = (np.ascontiguousarray(plane) for plane in np.moveaxis(enlarged, -1, 0))
    return np.stack(
        [run(guide, plane, strength, like * 2.55, lambda_attenuation=ATTENUATION, num_iter=PASSES) for plane in planes],
        -1,
    )


def wls_relative(lightness: Float, cells: Float, smooth: float, like: float) -> Float:
    """`wls` on chroma relative to lightness."""
    return shaded(wls(lightness, relative(cells, lightness), smooth, like), lightness)


FILTERS: dict[str, Callable[..., Float]] = {
    "joint_bilateral": joint_bilateral,
    "guided": guided,
    "bilateral_solver": bilateral_solver,
    "wls": wls,
    "wls_relative": wls_relative,
}
"""Name -> function of lightness, cells and settings."""

CLEAN: dict[str, dict[str, float]] = {
    "joint_bilateral": {"near": 0.5, "like": 6},
    "guided": {"radius": 0.5, "ridge": 1},
    "bilateral_solver": {"reach": 0.5, "like": 2, "smooth": 16},
    "wls": {"smooth": 1, "like": 1},
    "wls_relative": {"smooth": 0.3, "like": 2},
}
NOISY: dict[str, dict[str, float]] = {
    "joint_bilateral": {"near": 2, "like": 6},
    "guided": {"radius": 3, "ridge": 1},
    "bilateral_solver": {"reach": 2, "like": 2, "smooth": 256},
    "wls": {"smooth": 10, "like": 2},
    "wls_relative": {"smooth": 10, "like": 2},
}
"""Settings for true and for noisy cells: the best that `python -m hybrid.compare.tune PHOTO... --source oracle`, or
`--source degraded`, found with a grid of 128 on six photos at 0.2 MP, five of them of 8 to 11 MP and one of Kodak's.
"""


def _cell_side(lightness: Float, cells: Float) -> float:
    """Pixels a cell, along."""
    return float(np.sqrt(lightness.size / (cells.shape[0] * cells.shape[1])))


def _guide(lightness: Float) -> NDArray[np.uint8]:
    return np.round(np.clip(lightness, 0, 100) * np.float32(2.55)).astype(np.uint8)


def _ximgproc() -> Any:
    try:
        import cv2
    except ImportError:
        raise Unavailable("needs OpenCV; install the extra compare") from None
    if not hasattr(cv2, "ximgproc"):
        raise Unavailable("needs OpenCV's contributed modules; install the extra compare")
    return cv2.ximgproc
