"""Figures of single pictures and their means, the frontier of error against colourfulness, and baselines."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hybrid.metrics import ab_distance, ciede2000, colorfulness, psnr
from hybrid.train.evaluate.pictures import Float, Pixels, Scene, scene_of

FRONTIER = (20.0, 30.0, 38.0)
"""Colourfulness at which the frontier is read."""
SPACING = 16
"""Every so manieth pixel of a photo, each way, counts when the constant colour is sought."""


def quick_scores(rgb: Pixels, scene: Scene) -> dict[str, float]:
    """How near a picture is to the truth, from its 8-bit values.

    Parameters
    ----------
    rgb : (H, W, 3) uint8 sRGB, as it would be shown
    scene : the truth

    Returns
    -------
    psnr_db : of 8-bit RGB, infinite for the truth itself
    colorfulness : Hasler & Süsstrunk 2003, the signed formula
    colorfulness_off : distance of that to the truth's
    """
    vividness = colorfulness(rgb)
    return {
        "psnr_db": psnr(rgb, scene.rgb),
        "colorfulness": vividness,
        "colorfulness_off": abs(vividness - scene.colorfulness),
    }


def picture_scores(rgb: Pixels, scene: Scene) -> dict[str, float]:
    """`quick_scores`, and means over the pixels: distance in the ab plane (ab_error) and ΔE00 (delta_e)."""
    shown = scene_of(rgb)
    difference = ciede2000(shown.lightness, shown.ab, scene.lightness, scene.ab)
    return {
        **quick_scores(rgb, scene),
        "ab_error": float(ab_distance(shown.ab, scene.ab).mean()),
        "delta_e": float(difference.mean()),
    }


def flat_answers(shape: tuple[int, ...], sepia: Float) -> dict[str, Float]:
    """The baselines, (H, W, 2) ab each: grey, and the constant colour `sepia` (2,) all over."""
    colors = {"grey": np.zeros(2, np.float32), "sepia": sepia}
    return {name: np.broadcast_to(color, (*shape, 2)) for name, color in colors.items()}


def rounded(value: float, digits: int = 3) -> float | None:
    """A figure as JSON can hold it: None where it is infinite or not a number."""
    return round(float(value), digits) if math.isfinite(value) else None


def means(rows: Sequence[Mapping[str, float]]) -> dict[str, float | None]:
    """Mean of every figure over photos."""
    return {key: rounded(float(np.mean([row[key] for row in rows]))) for key in rows[0]}


def frontier(points: Iterable[tuple[float, float]]) -> dict[str, float | None]:
    """PSNR at fixed colourfulness, by straight lines between decodings of one network.

    Plain PSNR rewards grey and plain colourfulness rewards garish; this compares networks at the same vividness.

    Parameters
    ----------
    points : colourfulness and PSNR in dB of each decoding

    Returns
    -------
    Colourfulness -> dB, None outside of what the decodings span.
    """
    vivid, db = np.array(sorted(points)).T
    values = np.interp(FRONTIER, vivid, db, left=np.nan, right=np.nan)
    return {f"{at:g}": rounded(value) for at, value in zip(FRONTIER, values, strict=True)}


def constant_color(photos: Sequence[NDArray[np.uint8]]) -> Float:
    """The one ab that has the least mean distance to all pixels: their geometric median (Weiszfeld 1937).

    Parameters
    ----------
    photos : (H, W, 3) uint8 sRGB each; every 16th pixel either way counts

    Returns
    -------
    (2,) float32, CIELAB units: a sepia.
    """
    ab = np.concatenate([scene_of(photo[::SPACING, ::SPACING]).ab.reshape(-1, 2) for photo in photos])
    center = np.median(ab, 0)
    for _ in range(200):
        weight = 1 / np.maximum(ab_distance(ab, center), 1e-3)
        moved = (ab * weight[:, None]).sum(0) / weight.sum()
        if np.abs(moved - center).max() < 1e-4:
            break
        center = moved
    return center.astype(np.float32)
