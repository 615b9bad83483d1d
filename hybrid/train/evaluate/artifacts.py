"""Spurious chroma edges: colour that changes where neither the truth nor the lightness does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter

from hybrid.train.evaluate.pictures import Float
from hybrid.train.evaluate.scores import rounded

SIGMA = 1.5
"""Pixels; width of the Gaussian derivative, so that a truth with film grain or JPEG blocks still has even places."""
REACH = 4
"""Pixels around an edge of truth or lightness in which an answer may change: edges of cells are never sharper."""
EVEN_CHROMA, EVEN_LIGHTNESS = 1.0, 1.0
"""Gradients, in ab and L* units a pixel, below which truth and lightness count as even."""
SPURIOUS = 1.5
"""Gradient of the answer, in ab units a pixel, above which it is an edge; more than an even truth ever has."""


def gradient(planes: Float) -> Float:
    """Length of the gradient over all channels, (H, W, C) -> (H, W), units a pixel."""
    squared = np.zeros(planes.shape[:2], np.float32)
    for plane in np.moveaxis(planes, -1, 0):
        for order in ((0, 1), (1, 0)):
            squared += gaussian_filter(plane, SIGMA, order=order, mode="nearest") ** 2
    return np.sqrt(squared)


def even_places(lightness: Float, true_ab: Float) -> np.ndarray:
    """(H, W) bool: places with no edge of the lightness or of the true colours within 4 pixels."""
    is_edge = (gradient(true_ab) >= EVEN_CHROMA) | (gradient(lightness[..., None]) >= EVEN_LIGHTNESS)
    return ~maximum_filter(is_edge, 2 * REACH + 1, mode="nearest")


def spurious_edges(ab: Float, is_even: np.ndarray) -> dict[str, float]:
    """Measure the chroma edges of an answer that nothing calls for.

    At places that are even in lightness and in truth a chroma gradient is the answer's own invention: blotches, grids,
    halos, colour that bleeds across a surface. The truth itself scores 0 and so does a grey picture.

    Parameters
    ----------
    ab : (H, W, 2) CIELAB units, the answer, before it is brought into the gamut
    is_even : (H, W) from `even_places`

    Returns
    -------
    even_share : share of the photo that is even
    spurious_share : share of the even places where the answer's gradient is above 1.5 ab units a pixel
    spurious_excess : mean over the even places of what the gradient is above that, ab units a pixel
    All are 0 where the photo has no even place.
    """
    excess = np.maximum(gradient(ab)[is_even] - SPURIOUS, 0)
    if not excess.size:
        return {"even_share": 0.0, "spurious_share": 0.0, "spurious_excess": 0.0}
    return {
        "even_share": float(is_even.mean()),
        "spurious_share": float((excess > 0).mean()),
        "spurious_excess": float(excess.mean()),
    }


def over_all(rows: Sequence[Mapping[str, float]]) -> dict[str, float | None]:
    """Figures of many photos of one size, each even place counting alike; None where no photo has an even place."""
    even = np.array([row["even_share"] for row in rows])
    total = max(float(even.sum()), 1e-12)
    scores = {
        name: rounded(float(even @ [row[name] for row in rows]) / total if even.any() else np.nan, 5)
        for name in ("spurious_share", "spurious_excess")
    }
    return {"even_share": rounded(float(even.mean())), **scores}
