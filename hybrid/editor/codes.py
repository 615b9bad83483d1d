"""Exact tiles as 8-bit sRGB: what `hybrid.color` makes of ab, compiled, a pixel at a time.

Whole arrays take ten times as long, and the threads of their matrix products wait for each other where a browser draws.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hybrid.color import D65, OKLAB_TO_ROOTS, ROOTS_TO_OKLAB, SRGB_TO_XYZ, lms_matrix, srgb_decode

Float = NDArray[np.float32]
STEPS = srgb_decode((np.arange(255) + 0.5) / 255).astype(np.float32)
"""Linear light from which a code is the next one."""
ROUGH = 4096
CODE_BELOW = np.searchsorted(STEPS, np.arange(ROUGH + 1) / ROUGH, side="right").astype(np.uint8)
"""Code of linear light in steps of 1 / ROUGH, from which a code is searched upward."""
TO_LINEAR = (np.linalg.inv(SRGB_TO_XYZ) * D65).astype(np.float32)
TO_LMS = lms_matrix(SRGB_TO_XYZ).astype(np.float32)
FROM_LMS = np.linalg.inv(lms_matrix(SRGB_TO_XYZ)).astype(np.float32)
LUMINANCE = (SRGB_TO_XYZ[1] @ np.linalg.inv(lms_matrix(SRGB_TO_XYZ))).astype(np.float32)
SRGB_LUMINANCE = SRGB_TO_XYZ[1].astype(np.float32)
CHROMA = (OKLAB_TO_ROOTS[:, 1:] @ ROOTS_TO_OKLAB[1:]).astype(np.float32)
"""Cube roots of LMS to those of their OKLab chroma alone."""
SLACK = np.float32(1e-6)
"""Of linear light, below which what is outside the gamut is rounding."""


def codes_of_lab(lightness: Float, ab: Float) -> NDArray[np.uint8]:
    """8-bit sRGB codes (h, w, 3), brought into the gamut, of L* (h, w) and ab (h, w, 2)."""
    codes = np.empty((*lightness.shape, 3), np.uint8)
    _code(np.ascontiguousarray(lightness), ab, codes)
    return codes


@njit(cache=True, nogil=True)
def _cube(f):  # type: ignore[no-untyped-def]
    return f * f * f if f > np.float32(6 / 29) else (f - np.float32(4 / 29)) * np.float32(108 / 841)


@njit(cache=True, nogil=True)
def _is_inside(rgb):  # type: ignore[no-untyped-def]
    return min(rgb[0], rgb[1], rgb[2]) >= -SLACK and max(rgb[0], rgb[1], rgb[2]) <= np.float32(1) + SLACK


@njit(cache=True, nogil=True)
def _code(lightness, ab, codes):  # type: ignore[no-untyped-def]
    rgb, room = np.empty(3, np.float32), np.empty((2, 3), np.float32)
    for y in range(lightness.shape[0]):
        for x in range(lightness.shape[1]):
            f = (lightness[y, x] + np.float32(16)) * np.float32(1 / 116)
            across, up = _cube(f + ab[y, x, 0] * np.float32(1 / 500)), _cube(f)
            deep = _cube(f - ab[y, x, 1] * np.float32(1 / 200))
            for c in range(3):
                rgb[c] = TO_LINEAR[c, 0] * across + TO_LINEAR[c, 1] * up + TO_LINEAR[c, 2] * deep
            if not _is_inside(rgb):
                _hold_hue(rgb, min(max(up, np.float32(0)), np.float32(1)), room[0], room[1])
            for c in range(3):
                light = min(max(rgb[c], np.float32(0)), np.float32(1))
                code = CODE_BELOW[int(light * np.float32(ROUGH))]
                while code < 255 and light >= STEPS[code]:
                    code += 1
                codes[y, x, c] = code


@njit(cache=True, nogil=True)
def _lightness_at(share, light, y, first, second, third):  # type: ignore[no-untyped-def]
    """OKLab L with luminance y at a share of the chroma: two Newton steps from a near one."""
    a, b, c = 3 * share * first, 3 * share * share * second, share * share * share * third - y
    for _ in range(2):
        value = ((light + a) * light + b) * light + c
        light -= value / max((3 * light + 2 * a) * light + b, np.float32(1e-4))
    return light


@njit(cache=True, nogil=True)
def _at(share, light, chroma, rgb):  # type: ignore[no-untyped-def]
    """Rgb becomes the colour of an OKLab lightness at a share of the chroma."""
    first, second, third = light + share * chroma[0], light + share * chroma[1], light + share * chroma[2]
    first, second, third = first * first * first, second * second * second, third * third * third
    for c in range(3):
        rgb[c] = FROM_LMS[c, 0] * first + FROM_LMS[c, 1] * second + FROM_LMS[c, 2] * third


@njit(cache=True, nogil=True)
def _hold_hue(rgb, y, roots, chroma):  # type: ignore[no-untyped-def]
    """Rgb is brought into the gamut at luminance y, as `color.into_gamut` does it; roots and chroma are room, (3,)."""
    for k in range(3):
        roots[k] = np.cbrt(TO_LMS[k, 0] * rgb[0] + TO_LMS[k, 1] * rgb[1] + TO_LMS[k, 2] * rgb[2])
    first, second, third = np.float32(0), np.float32(0), np.float32(0)
    for k in range(3):
        c = CHROMA[k, 0] * roots[0] + CHROMA[k, 1] * roots[1] + CHROMA[k, 2] * roots[2]
        chroma[k] = c
        first, second, third = (
            first + LUMINANCE[k] * c,
            second + LUMINANCE[k] * c * c,
            third + LUMINANCE[k] * c * c * c,
        )
    low, high, light = np.float32(0), np.float32(1), np.cbrt(y)
    for _ in range(8):
        middle = (low + high) * np.float32(0.5)
        found = _lightness_at(middle, light, y, first, second, third)
        _at(middle, found, chroma, rgb)
        if _is_inside(rgb):
            low, light = middle, found
        else:
            high = middle
    _at(high, _lightness_at(high, light, y, first, second, third), chroma, rgb)
    missing = y - (rgb[0] * SRGB_LUMINANCE[0] + rgb[1] * SRGB_LUMINANCE[1] + rgb[2] * SRGB_LUMINANCE[2])
    share = np.float32(1)
    for c in range(3):
        step = rgb[c] + missing - y
        room = max(np.float32(1) - y if step > 0 else y, np.float32(1e-12))
        if abs(step) > room:
            share = min(share, room / abs(step))
    for c in range(3):
        rgb[c] = y + (rgb[c] + missing - y) * share
