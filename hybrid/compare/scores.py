"""How near colours come to the truth: everywhere, and around the edges between colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

from hybrid.compare.scene import Scene, picture_of
from hybrid.metrics import ciede2000, colorfulness

Float = NDArray[np.float32]
UNIT = 1 / 1000
"""Lengths below are in this share of the long side: 1.2 pixels at 1 MP and 3:2, 3 pixels at 6 MP."""
STRONG = 5.0
"""A chroma edge is strong where ab, smoothed by a Gaussian of one unit length, changes by so many CIELAB units over one
more; a sharp step of 12.5 units just does."""
BAND = 5.0
"""The edge band reaches so many unit lengths from a strong edge."""
SURROUNDINGS = 12.0
"""Unit lengths: standard deviation of the Gaussian by which what surrounds a pixel is averaged for the bleed."""
APART = 5.0
"""CIELAB units by which a pixel must differ from its surroundings to count for the bleed."""
FEWEST = 100
"""Pixels below which an edge band says nothing."""
CHUNK = 1 << 17
MOST_PIXELS = 500_000
"""Means over the whole picture are taken over a lattice of about this many pixels."""
PEAK = 255.0


@dataclass(frozen=True, eq=False)
class Judge:
    """What a scene's pictures are judged by.

    Parameters
    ----------
    scene : the truth
    band : (H, W) bool, the edge band
    """

    scene: Scene
    band: NDArray[np.bool_]


def judge_of(scene: Scene) -> Judge:
    """The judge of a scene."""
    return Judge(scene, edge_band(scene.ab))


def edge_band(ab: Float) -> NDArray[np.bool_]:
    """Pixels near strong chroma edges of a picture, (H, W, 2) -> (H, W)."""
    unit = UNIT * max(ab.shape)
    smooth = gaussian_filter(ab, (unit, unit, 0), mode="nearest")
    slopes = [np.gradient(smooth, axis=axis) for axis in (0, 1) if ab.shape[axis] > 1]
    steepness = np.sqrt(sum(((slope**2).sum(-1) for slope in slopes), np.zeros(ab.shape[:2], np.float32)))
    is_strong = steepness * unit >= STRONG
    if not is_strong.any():
        return is_strong
    return distance_transform_edt(~is_strong) <= BAND * unit


def difference(ab: Float, truth: Float) -> Float:
    """CIEDE2000 of colours of the same lightness, (N, 2) and (N, 2) -> (N,); the lightness itself does not matter."""
    result = np.empty(len(ab), np.float32)
    for first in range(0, len(ab), CHUNK):  # its temporaries are many
        part = slice(first, first + CHUNK)
        light = np.full(len(ab[part]), 50, np.float32)
        result[part] = ciede2000(light, ab[part], light, truth[part])
    return result


def lattice(plane: NDArray) -> NDArray:
    """Every so manieth pixel either way, about MOST_PIXELS in all."""
    step = max(1, round((plane.shape[0] * plane.shape[1] / MOST_PIXELS) ** 0.5))
    return plane[step // 2 :: step, step // 2 :: step]


def scores(ab: Float, judge: Judge) -> dict[str, float | None]:
    """Figures of a picture against the truth.

    Parameters
    ----------
    ab : (H, W, 2) float32, CIELAB units
    judge : of the scene

    Returns
    -------
    edge_p95, edge_mean : 95th percentile and mean of CIEDE2000 in the edge band; None without strong edges
    bleed : how far the band's pixels have gone from their own colour toward the mean of what surrounds them, 0 not at
        all, 1 all the way, by least squares; None without strong edges
    delta_e : mean CIEDE2000 of the whole picture
    psnr_ab_db : of a and b with a peak of 255; None for the truth itself
    colorfulness : Hasler & Süsstrunk 2003
    """
    scene = judge.scene
    squared = float(np.mean((ab - scene.ab) ** 2))
    whole = difference(lattice(ab).reshape(-1, 2), lattice(scene.ab).reshape(-1, 2))
    picture = picture_of(np.ascontiguousarray(lattice(scene.lightness)), np.ascontiguousarray(lattice(ab)))
    return {
        **band_scores(ab, scene.ab, judge.band),
        "bleed": bleed(ab, scene.ab, judge.band),
        "delta_e": float(whole.mean()),
        "psnr_ab_db": float(10 * np.log10(PEAK**2 / squared)) if squared else None,
        "colorfulness": colorfulness(picture),
    }


def band_scores(ab: Float, truth: Float, band: NDArray[np.bool_]) -> dict[str, float | None]:
    """95th percentile and mean of CIEDE2000 in a band (H, W)."""
    if band.sum() < FEWEST:
        return {"edge_p95": None, "edge_mean": None}
    found = difference(ab[band], truth[band])
    return {"edge_p95": float(np.percentile(found, 95)), "edge_mean": float(found.mean())}


def bleed(ab: Float, truth: Float, band: NDArray[np.bool_]) -> float | None:
    """Least-squares share of the way from each band pixel's own colour to the mean of its surroundings."""
    if band.sum() < FEWEST:
        return None
    width = UNIT * SURROUNDINGS * max(band.shape)
    around = gaussian_filter(truth, (width, width, 0), mode="nearest", truncate=2.0)[band]
    way, gone = around - truth[band], ab[band] - truth[band]
    counts = (way**2).sum(-1) > APART**2
    if not counts.any():
        return None
    return float((way[counts] * gone[counts]).sum() / (way[counts] ** 2).sum())
