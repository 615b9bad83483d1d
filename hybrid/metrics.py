"""How good colours are: against the truth, and by themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000

Float = NDArray[np.float32]


def psnr(rgb: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio of 8-bit RGB in dB; infinite where the two are the same."""
    squared = np.mean((rgb.astype(np.float64) - truth) ** 2)
    return float(10 * np.log10(255**2 / squared)) if squared else float("inf")


def colorfulness(rgb: NDArray[np.uint8]) -> float:
    """Colourfulness of 8-bit sRGB (Hasler & Süsstrunk 2003, the signed opponent axes as published); grey is 0."""
    red, green, blue = np.moveaxis(rgb.astype(np.float64), -1, 0)
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    return float(spread + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))


def ab_distance(ab: Float, truth: Float) -> Float:
    """Distance in the CIELAB ab plane, (..., 2) and (..., 2) -> (...)."""
    return np.linalg.norm(ab - truth, axis=-1)


def ciede2000(lightness: Float, ab: Float, true_lightness: Float, true_ab: Float) -> Float:
    """Colour difference ΔE00 (CIE 142-2001; Sharma, Wu & Dalal 2005).

    Parameters
    ----------
    lightness, true_lightness : (...) L* 0..100
    ab, true_ab : (..., 2) CIELAB units

    Returns
    -------
    (...)
    """
    lab, true_lab = (
        np.concatenate([light[..., None], plane], -1) for light, plane in ((lightness, ab), (true_lightness, true_ab))
    )
    return deltaE_ciede2000(true_lab, lab)


def risk_coverage(distance: Float, confidence: Float, shares: tuple[float, ...]) -> list[float]:
    """Mean distance among the most confident share of places, for each share in (0, 1]."""
    order = np.argsort(-confidence.ravel(), kind="stable")
    running = np.cumsum(distance.ravel()[order]) / np.arange(1, order.size + 1)
    return [float(running[max(0, round(share * order.size) - 1)]) for share in shares]
