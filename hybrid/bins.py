"""The quantised ab plane: a distribution over its bins is what a network answers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull
from skimage.color import rgb2lab

Array = NDArray[np.float32]


@cache
def ab_bins(step: float = 10.0) -> Array:
    """Centres of the bins: points of a square ab grid that some sRGB colour rounds to.

    The grid holds (0, 0), so that neutral is an answer of its own (Zhang et al. 2016, section 2.1, without the
    rounding of their published table).

    Parameters
    ----------
    step : float
        Spacing in CIELAB units. 10 gives Q = 261.

    Returns
    -------
    (Q, 2) float32, sorted by a, then b. Read-only.
    """
    axis = np.linspace(0.0, 1.0, 65)
    cube = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 1, 3)
    ab = rgb2lab(cube)[:, 0, 1:]
    bins = (np.unique(np.round(ab / step).astype(np.int64), axis=0) * step).astype(np.float32)
    bins.flags.writeable = False
    return bins


@cache
def hull_bins(nbins: int = 20, gridsize: int = 10) -> Array:
    """Bins of D. Hage, *Colorization networks* (TU Delft 2016): an ab grid inside the convex hull of sRGB's colours.

    The hull's bounding box is cut into `nbins` steps each way, from its lower corner on, and the grid's points strictly
    inside the hull are kept. None of the defaults' lies at (0, 0): neutral is an answer only as a mixture.

    Parameters
    ----------
    nbins : int
        Steps along each side of the box, not the number of bins: 15, 20, 25, 30 give Q = 136, 247, 383, 552.
    gridsize : int
        sRGB codes between the colours that the hull is taken of.

    Returns
    -------
    (Q, 2) float32, CIELAB units, sorted by a, then b. Read-only.
    """
    codes = np.arange(0, 255, gridsize) / 255
    cube = np.stack(np.meshgrid(codes, codes, codes, indexing="ij"), -1).reshape(-1, 1, 3)
    ab = rgb2lab(cube)[:, 0, 1:]
    low, high = ab.min(0), ab.max(0)
    corners = low + (high - low) / nbins * np.stack(np.meshgrid(*[np.arange(nbins)] * 2, indexing="ij"), -1)
    grid = corners.reshape(-1, 2)
    faces = ConvexHull(ab).equations
    outside_by = (grid @ faces[:, :2].T + faces[:, 2]).max(1)
    bins = grid[outside_by < -1e-9].astype(np.float32)
    bins.flags.writeable = False
    return bins


BINS: dict[str, Callable[[], Array]] = {"grid10": ab_bins, "hage247": hull_bins}
"""Name -> the bins that a network may be trained on."""


def named_bins(name: str) -> Array:
    """The bins of that name in BINS, (Q, 2) float32.

    Raises
    ------
    ValueError
        No such name.
    """
    if name not in BINS:
        raise ValueError(f"bins {name!r}; wanted one of {', '.join(BINS)}")
    return BINS[name]()


def soft_encode(ab: Array, bins: Array, neighbours: int = 5, sigma: float = 5.0) -> tuple[NDArray[np.int64], Array]:
    """Target distribution of known colours: Gaussian weights on the nearest bins (Zhang et al. 2016, section 2.2).

    Parameters
    ----------
    ab : (..., 2) float32, CIELAB units.
    bins : (Q, 2) float32
    neighbours : int
        How many bins share the weight.
    sigma : float
        Width in CIELAB units.

    Returns
    -------
    index : (..., neighbours) int64
    weight : (..., neighbours) float32, sums to 1 along the last axis.
    """
    squared = (ab[..., :1] - bins[:, 0]) ** 2 + (ab[..., 1:] - bins[:, 1]) ** 2
    index = np.argpartition(squared, neighbours - 1, axis=-1)[..., :neighbours]
    nearest = np.take_along_axis(squared, index, axis=-1)
    weight = np.exp((nearest.min(-1, keepdims=True) - nearest) / (2 * sigma**2))
    return index, (weight / weight.sum(-1, keepdims=True)).astype(np.float32)


def vividness_weight(prior: Array, vividness: float) -> Array:
    """Class weights that make rare, vivid colours count more: w = 1 / (v h + (1 - v) / Q), scaled to E_h[w] = 1.

    The minimiser of the class-weighted loss is proportional to w p, so multiplying a calibrated p by w when decoding
    does what training with the weights would (Zhang et al. 2016, equation 4, with v = 1 - lambda).

    Parameters
    ----------
    prior : (Q,) float32
        How often each bin occurs in photographs, h; sums to 1.
    vividness : float in [0, 1]
        v. 0 leaves the distribution as it is; 0.5 is the published setting.

    Raises
    ------
    ValueError
        A vividness outside [0, 1].
    """
    if not 0.0 <= vividness <= 1.0:
        raise ValueError(f"vividness {vividness}; wanted a number from 0 (as predicted) to 1 (most vivid)")
    share = vividness * prior + (1.0 - vividness) / len(prior)
    weight = 1.0 / np.maximum(share, 1e-6)  # a colour never seen is rare, not infinitely so
    return (weight / (weight * prior).sum()).astype(np.float32)


def annealed_mean(log_probability: Array, bins: Array, temperature: float = 0.38) -> Array:
    """Mean colour of the distribution raised to 1/T: T = 1 the mean, T -> 0 the mode (Zhang et al. 2016, equation 5).

    Parameters
    ----------
    log_probability : (Q, ...) float32
        Need not be normalised.
    bins : (Q, 2) float32
    temperature : float in [0, 1]
        0 takes the mode.

    Returns
    -------
    (..., 2) float32, CIELAB units.

    Raises
    ------
    ValueError
        A temperature outside [0, 1].
    """
    if not 0.0 <= temperature <= 1.0:
        raise ValueError(f"temperature {temperature}; wanted a number from 0 (most likely colour) to 1 (mean colour)")
    if temperature == 0.0:
        return bins[log_probability.argmax(0)]
    probability = np.exp((log_probability - log_probability.max(0)) / temperature)
    probability /= probability.sum(0)
    return np.moveaxis(np.tensordot(bins.T, probability, axes=1), 0, -1).astype(np.float32)


def spread(log_probability: Array, bins: Array) -> Array:
    """Root mean square distance of the distribution from its mean, in CIELAB units.

    Parameters
    ----------
    log_probability : (Q, ...) float32, need not be normalised.
    bins : (Q, 2) float32

    Returns
    -------
    (...) float32
    """
    probability = np.exp(log_probability - log_probability.max(0))
    probability /= probability.sum(0)
    mean = np.tensordot(bins.T, probability, axes=1)
    second = np.tensordot((bins**2).sum(-1), probability, axes=1)
    return np.sqrt(np.maximum(second - (mean**2).sum(0), 0.0)).astype(np.float32)
