"""Which places of a colour picture show what the photo shows, told from the luminance of both."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.optimize import isotonic_regression

from hybrid.register import SMALLEST, correlation, softened, softness
from hybrid.scribbles import noise_of

Float = NDArray[np.float32]
EVEN = 1.0
"""L* standard deviation below which a picture is even, and cannot be compared."""
WINDOW = 2.0
"""Cells: standard deviation of the Gaussian over which structure and tone are compared."""
AROUND = 3.0
"""Cells: the same for the Gaussian by which what places say of their surroundings is taken together."""
PRIOR, STRUCTURE = 3.3, 3.5
"""Log-odds of a place that agrees, and what structure in one that is not in the other takes away. Fitted, with the
weight of tone rounded to 1, by logistic regression on 12 photos, a third of each painted over."""
LEAST_ENERGY, GRAIN = 1.0, 4.0
"""Variance of L* that counts as structure, and how many times that of the noise besides."""
LEAST_SPREAD, MOST_SPREAD = 1.5, 5.0
"""L* by which tones may differ anyway, and the largest difference that is taken for usual."""
KNOTS = 32
UNRELATED = 0.2
"""Correlation below which two pictures have next to nothing in common."""


def agreement(picture: Float, photo: Float, is_inside: NDArray[np.bool_] | None = None) -> Float:
    """Log-odds that a picture shows, at each place, what the photo shows there.

    Two things count: how much of the local structure is in one alone (one less the second factor of structural
    similarity, Wang et al. 2004), and how far the picture's tone is off, against how far it is off elsewhere, as by a
    Cauchy distribution, once carried over by the one rising curve that fits most places. Where both are even only tone
    can speak.

    Parameters
    ----------
    picture, photo : (h, w) float32, L* on one grid, the picture in its place
    is_inside : (h, w) bool, where there is a picture; None for everywhere

    Returns
    -------
    (h, w) float32, above 0 where the picture is to be believed; PRIOR everywhere for a picture without any structure,
    and -PRIOR for one that has next to nothing in common with the photo
    """
    weight = np.ones(photo.shape, np.float32) if is_inside is None else is_inside.astype(np.float32)
    if picture[weight > 0].std() < EVEN:
        return np.full(photo.shape, PRIOR, np.float32)
    noise = noise_of(picture[..., None], photo) ** 2 + noise_of(photo[..., None], picture) ** 2
    sigma = softness(picture, photo)
    picture, photo = softened(picture, -sigma), softened(photo, sigma)
    if min(photo.shape) >= SMALLEST and correlation(picture, photo) < UNRELATED:
        return np.full(photo.shape, -PRIOR, np.float32)
    weight = weight * _likeness(picture, photo)
    seen = _toned(picture, photo, weight)
    energy = (_variance(photo) + _variance(seen)) / 2
    missing = _variance(photo - seen) / 2 / (energy + np.float32(LEAST_ENERGY + GRAIN * noise))
    off = gaussian_filter(photo - seen, WINDOW, mode="nearest")
    usual = min(1.48 * _median(np.abs(off), weight), MOST_SPREAD)
    odds = PRIOR - STRUCTURE * missing - np.log1p(off**2 / np.float32(usual**2 + LEAST_SPREAD**2))
    return gaussian_filter(odds, AROUND, mode="nearest").astype(np.float32)


def _variance(plane: Float) -> Float:
    """Local variance; (h, w)."""
    centred = plane - plane.mean()
    mean = gaussian_filter(centred, WINDOW, mode="nearest")
    return np.maximum(gaussian_filter(centred**2, WINDOW, mode="nearest") - mean**2, 0)


def _likeness(picture: Float, photo: Float) -> Float:
    """Square of the local correlation, and little where that is none; (h, w)."""
    first, second = _variance(picture), _variance(photo)
    together = (_variance(picture + photo) - first - second) / 2
    return np.clip(together / np.sqrt(first * second + 1), 0.05, 1) ** 2


def _toned(picture: Float, photo: Float, weight: NDArray) -> Float:
    """The picture in the photo's tones: through the rising curve by the medians of most places."""
    order = picture.argsort(axis=None)
    tone = picture.ravel()[order]
    along = np.arange(tone.size) / tone.size + (tone - tone[0]) / max(tone[-1] - tone[0], 1e-3)  # neither many nor far
    cuts = np.searchsorted(along, np.linspace(0, along[-1], KNOTS + 1)[1:-1])
    knots = [knot for knot in np.split(order, cuts) if knot.size]
    tones = np.array([picture.ravel()[knot].mean() for knot in knots])
    medians = np.array([_median(photo.ravel()[knot], weight.ravel()[knot]) for knot in knots])
    counts = np.array([weight.ravel()[knot].sum() for knot in knots]) + 1e-3
    rising = isotonic_regression(medians, weights=counts).x
    contrast = (rising[-1] - rising[0]) / max(tones[-1] - tones[0], 1e-3)  # goes on beyond the outermost knots
    return (contrast * picture + np.interp(picture, tones, rising - contrast * tones)).astype(np.float32)


def _median(values: Float, weight: NDArray) -> float:
    """Weighted median."""
    order = values.argsort(axis=None)
    total = weight.ravel()[order].cumsum()
    return float(values.ravel()[order[np.searchsorted(total, total[-1] / 2)]])
