"""A transparent picture of marks, to lay over the photo in another program."""

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from hybrid.color import into_gamut, linear_from_lab, luminance_from_lightness, srgb_encode
from hybrid.photo.photo import WriteError

_MOST = 65535


def overlay_png(
    lightness: NDArray[np.float32],
    index: NDArray[np.int64],
    ab: NDArray[np.float32],
    strength: NDArray[np.float32],
) -> bytes:
    """The bytes of a 16-bit sRGB PNG that is transparent but for the marks.

    Parameters
    ----------
    lightness : (H, W) float32, L* of the photo; the marks are drawn at its luminance
    index : (N,) int64, flat pixels, each once
    ab : (N, 2) float32, CIELAB units; what sRGB lacks keeps its hue and loses chroma
    strength : (N,) float32 in [0, 1], the alpha

    Raises
    ------
    WriteError
        It does not fit in memory.
    """
    try:
        pixels = np.zeros((*lightness.shape, 4), np.uint16)
        light = lightness.ravel()[index]
        rgb, _ = into_gamut(linear_from_lab(light, ab), luminance_from_lightness(light))
        codes = np.column_stack([srgb_encode(rgb), strength]).clip(0, 1) * _MOST
        pixels.reshape(-1, 4)[index] = np.rint(codes).astype(np.uint16)
        return bytes(imagecodecs.png_encode(pixels, level=1))
    except MemoryError:
        raise WriteError(f"an overlay of {lightness.size / 1e6:.0f} megapixels does not fit in memory") from None
