"""Local contrast of a photo: an edge map besides lightness itself, for colours that are believed to the cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

Float = NDArray[np.float32]
SIDE = 3
"""Pixels of the window. Wider ones, and regions or the colours themselves as a cue, gained less or nothing."""


def local_contrast(lightness: Float) -> Float:
    """log(1 + standard deviation of L* in a window around each pixel), (h, w) float32.

    It rises at both shoulders of an edge, where lightness itself has hardly begun to change, and where one texture
    meets another of the same mean.

    Parameters
    ----------
    lightness : (h, w) float32, L*
    """
    centred = lightness - lightness.mean()  # single precision holds the difference of squares better
    mean = uniform_filter(centred, SIDE)
    variance = uniform_filter(centred * centred, SIDE) - mean * mean
    return np.log1p(np.sqrt(np.maximum(variance, 0))).astype(np.float32)
