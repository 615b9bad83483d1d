"""Exact tiles as 8-bit sRGB: what `hybrid.color` makes of ab, in one compiled pass for the colours that exist."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hybrid.color import (
    D65,
    SRGB_TO_XYZ,
    into_gamut,
    linear_from_lab,
    luminance_from_lightness,
    srgb_decode,
    srgb_encode,
)

Float = NDArray[np.float32]
STEPS = srgb_decode((np.arange(255) + 0.5) / 255).astype(np.float32)
"""Linear light from which a code is the next one."""
ROUGH = 4096
CODE_BELOW = np.searchsorted(STEPS, np.arange(ROUGH + 1) / ROUGH, side="right").astype(np.uint8)
"""Code of linear light in steps of 1 / ROUGH, from which a code is searched upward."""
TO_LINEAR = (np.linalg.inv(SRGB_TO_XYZ) * D65).astype(np.float32)
SLACK = 1e-6
"""Of linear light, below which what is outside the gamut is rounding."""


def codes_of_lab(lightness: Float, ab: Float) -> NDArray[np.uint8]:
    """8-bit sRGB codes (h, w, 3), brought into the gamut, of L* (h, w) and ab (h, w, 2)."""
    lightness = np.ascontiguousarray(lightness)
    codes, outside = np.empty((*lightness.shape, 3), np.uint8), np.empty(lightness.shape, np.bool_)
    _code(lightness, ab, TO_LINEAR, STEPS, CODE_BELOW, np.float32(SLACK), codes, outside)
    if outside.any():
        light = lightness[outside]
        rgb, _ = into_gamut(linear_from_lab(light, ab[outside]), luminance_from_lightness(light.clip(0, 100)))
        codes[outside] = np.round(srgb_encode(rgb.clip(0, 1)) * 255).astype(np.uint8)
    return codes


@njit(cache=True, nogil=True)
def _cube(f):  # type: ignore[no-untyped-def]
    return f * f * f if f > np.float32(6 / 29) else (f - np.float32(4 / 29)) * np.float32(108 / 841)


@njit(cache=True, nogil=True)
def _code(lightness, ab, to_linear, steps, code_below, slack, codes, outside):  # type: ignore[no-untyped-def]
    """Codes of each pixel whose colour exists; True in `outside` where none does."""
    last = np.float32(code_below.size - 1)
    for y in range(lightness.shape[0]):
        for x in range(lightness.shape[1]):
            f = (lightness[y, x] + np.float32(16)) * np.float32(1 / 116)
            across = _cube(f + ab[y, x, 0] * np.float32(1 / 500))
            up = _cube(f)
            deep = _cube(f - ab[y, x, 1] * np.float32(1 / 200))
            outside[y, x] = False
            for c in range(3):
                light = to_linear[c, 0] * across + to_linear[c, 1] * up + to_linear[c, 2] * deep
                if not (-slack <= light <= 1 + slack):
                    outside[y, x] = True
                    break
                light = min(max(light, np.float32(0)), np.float32(1))
                code = code_below[int(light * last)]
                while code < 255 and light >= steps[code]:
                    code += 1
                codes[y, x, c] = code
