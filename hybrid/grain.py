"""A photo without its grain: what links and strokes are judged by, so that colour stops at edges and not at specks."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve
from skimage.restoration import denoise_nl_means

Float = NDArray[np.float32]
SECOND_DIFFERENCE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
NORMAL_MEDIAN = 0.6745
"""Median of the modulus of a normal variable of standard deviation 1."""
PATCH, REACH = 5, 3
"""Pixels of a patch along, and how far like patches are looked for."""
SOFTNESS = 0.8
"""Difference of patches beyond the grain's own at which they count little, in standard deviations of the grain.

Chosen with PATCH and REACH on photos with 4 % grain and without; 0.6 to 1 are alike, patches of 3 pixels do less."""
LEAST = 0.1
"""L* of grain below which a photo is left as it is."""
BAND = 256
"""Rows that are smoothed at a time."""


def deviation(plane: Float) -> Float:
    """What a second difference across and down says of the noise at every place, (H, W): Immerkær 1996.

    The median of many, over places without edges and texture, is the standard deviation of noise that is independent
    from place to place.
    """
    response = np.abs(convolve(plane, SECOND_DIFFERENCE, mode="nearest"))
    return response / np.float32(NORMAL_MEDIAN * np.linalg.norm(SECOND_DIFFERENCE))


def without_grain(lightness: Float) -> Float:
    """Non-local means (Buades, Coll & Morel 2005) as strong as the photo's own grain.

    Parameters
    ----------
    lightness : (H, W) float32, L*

    Returns
    -------
    (H, W) float32; the same array where there is no grain to speak of
    """
    grain = float(np.median(deviation(lightness)))
    if grain < LEAST or min(lightness.shape) < PATCH:
        return lightness
    result = np.empty_like(lightness)
    around = PATCH // 2 + REACH + 1

    def smooth(first: int) -> None:
        last = min(first + BAND, len(lightness))
        top = max(first - around, 0)
        band = denoise_nl_means(
            lightness[top : last + around], PATCH, REACH, h=SOFTNESS * grain, sigma=grain, fast_mode=True
        )
        result[first:last] = band[first - top : last - top]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(smooth, range(0, len(lightness), BAND)))
    return result
