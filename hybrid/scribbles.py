"""From a prediction, or a small colour picture, to what the solver is asked for: a mean chroma for every cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter, uniform_filter

from hybrid.bins import annealed_mean, vividness_weight
from hybrid.grain import deviation
from hybrid.predict import Prediction
from hybrid.scale import L_OFFSET, MOST_SHADING, enlarge, shading, shrink
from hybrid.segments import joint_log_probability, overlap
from solvers import CellMeans

Float = NDArray[np.float32]
FEWEST_CELLS = 64
EVEN = 0.1, 400
"""Noise is measured on the most even cells of a photo: this share of them, and so many if there are."""
WARM = np.array([5, 20], np.float32) / MOST_SHADING
"""What a warmth of 1 adds to ab / (L* + 16): neutrals at any lightness, as in a light so much more amber than D65."""
NOISY = 1.5
"""CIELAB units of noise above which links are reweighted."""


@dataclass(frozen=True, eq=False)
class CellColors:
    """One colour for every cell of a grid laid over the photo.

    Parameters
    ----------
    ab : (h, w, 2) float32, CIELAB units
    confidence : (h, w) float32 in [0, 1]
    recolored : share of the cells whose colour the agreement of their region changed by more than 5 units
    weight : (h, w) float32 in [0, 1], share of the firmness that each cell has; None for all of it
    """

    ab: Float
    confidence: Float
    recolored: float = 0.0
    weight: Float | None = None


def _lift(prediction: Prediction, vividness: float) -> Float:
    return np.log(vividness_weight(prediction.prior, vividness))[:, None, None]


def cell_colors(prediction: Prediction, temperature: float, vividness: float) -> Float:
    """What every cell says by itself, (h, w, 2) CIELAB units."""
    lifted = prediction.log_probability + _lift(prediction, vividness)
    return annealed_mean(lifted, prediction.bins, temperature)


def colors_of_prediction(
    prediction: Prediction,
    labels: NDArray[np.int64] | None,
    temperature: float,
    vividness: float,
    fusion: float = 0.8,
    threshold: float = 30.0,
) -> CellColors:
    """Decode a prediction, one object getting one colour.

    Where the answer of a cell's region differs by much from the cell's own, the region's joint probability is mixed in;
    where the two agree the cell keeps its own, so that good predictions keep their detail.

    Parameters
    ----------
    prediction : from `Predictor.predict`
    labels : (H, W) int64 regions, or None to leave every cell to itself
    temperature : of the annealed mean, 0..1
    vividness : 0 takes the distribution as it is, larger lifts rare colours; see `bins.vividness_weight`
    fusion : share of the region's answer where it counts fully
    threshold : CIELAB distance at which it counts half

    Returns
    -------
    CellColors
    """
    log_probability = prediction.log_probability
    own = cell_colors(prediction, temperature, vividness)
    if labels is None:
        return CellColors(own, prediction.confidence)
    lift = _lift(prediction, vividness)
    share = overlap(labels, prediction.confidence.shape)
    joint = joint_log_probability(log_probability, prediction.confidence, share)
    agreed = annealed_mean(joint + lift, prediction.bins, temperature)
    distance = np.linalg.norm(agreed - own, axis=-1)
    share_joint = fusion * distance**2 / (distance**2 + np.float32(threshold) ** 2)
    mixed = log_probability + share_joint * (joint - log_probability) + lift
    ab = annealed_mean(mixed, prediction.bins, temperature)
    moved = float((np.linalg.norm(ab - own, axis=-1) > 5).mean())
    return CellColors(ab, prediction.confidence, moved)


def colors_of_picture(ab: Float, longest: int = 256) -> CellColors:
    """Take the colours of a colour picture of the same scene, averaged to at most `longest` cells a side.

    Parameters
    ----------
    ab : (H, W, 2) float32, CIELAB units
    """
    shape = cells_of(ab.shape, longest)
    small = np.stack([shrink(ab[..., c], shape) for c in range(2)], -1)
    return CellColors(small, np.ones(shape, np.float32))


def cells_of(shape: tuple[int, ...], longest: int = 256) -> tuple[int, int]:
    """Cells (h, w) that a picture is averaged to: its pixels, or at most `longest` a side."""
    factor = min(1.0, longest / max(shape[:2]))
    return max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor))


def noise_of(ab: Float, lightness: Float, weight: Float | None = None) -> float:
    """Standard deviation of what is independent from cell to cell in a picture's colours, in a and in b.

    The median `deviation` of the tenth of the cells in and around which the photo itself is most even, so that edges
    and texture do not count.

    Parameters
    ----------
    ab : (h, w, C) float32, CIELAB units
    lightness : (H, W) float32, L* of the photo
    weight : (h, w) float32, of the cells; those below a half are left out
    """
    shape = tuple(min(pair) for pair in zip(ab.shape[:2], lightness.shape, strict=True))
    counts = np.ones(ab.shape[:2], bool) if weight is None else weight >= 0.5
    if shape != ab.shape[:2] or counts.sum() < FEWEST_CELLS:
        return 0.0
    busy = _unevenness(lightness, shape)
    share = min(1.0, max(EVEN[0], EVEN[1] / counts.sum()))
    is_even = counts & (busy <= np.quantile(busy[counts], share))
    return float(np.median([deviation(plane)[is_even] for plane in np.moveaxis(ab, -1, 0)]))


def _unevenness(lightness: Float, shape: tuple[int, int]) -> Float:
    """Variance of L* in the 3 × 3 cells around each cell of a grid: within cells and between their means."""
    centred = lightness - lightness.mean()  # single precision holds the difference of squares better
    light, square = shrink(centred, shape), shrink(centred * centred, shape)
    return uniform_filter(square, 3) - uniform_filter(light, 3) ** 2


def trust_of(noise: float) -> tuple[float, int]:
    """Firmness of a picture's cells, and how often links are reweighted, for a noise in CIELAB units.

    Tuned on photos with made noise: what a mean is worth falls with its variance; links are sharpened where the cells
    alone no longer tell where colours end.
    """
    is_noisy = noise > NOISY
    share = (10.0 if is_noisy else 30.0) / max(noise, 1e-3) ** 2
    return float(np.clip(share, 0.3, 100.0)), 2 if is_noisy else 0


def limited(chroma: Float, cells: CellMeans, firmness: float) -> Float:
    """Chroma kept near what the 3 × 3 cells around a place were asked for: no overshoot beside highlights.

    Half their range more is allowed on both sides, since a cell's mean is milder than what it is the mean of.

    Parameters
    ----------
    chroma : (H, W, C) float32, solution for `cells`
    cells : as solved for; where a cell's weight is below `firmness`, strokes reach, and the limits widen to nothing
    firmness : weight of a cell that no stroke reaches
    """
    shape = chroma.shape[:2]
    slack = np.minimum(8 * (1 - np.minimum(cells.weight / np.float32(firmness), 1)), 1) * 4
    slack = maximum_filter(slack, 3, mode="nearest")
    result = np.empty_like(chroma)
    for c in range(chroma.shape[2]):
        low = minimum_filter(cells.chroma[..., c], 3, mode="nearest")
        high = maximum_filter(cells.chroma[..., c], 3, mode="nearest")
        more = slack + (high - low) / 2
        np.clip(chroma[..., c], enlarge(low - more, shape), enlarge(high + more, shape), out=result[..., c])
    return result


def toned(ab: Float, lightness: Float, saturation: float, warmth: float) -> Float:
    """Relative chroma of colours (h, w, 2) at a lightness (h, w), with saturation and warmth as of `cell_means`."""
    amber = np.float32(warmth) * WARM * (lightness + np.float32(L_OFFSET))[..., None]
    return (ab * np.float32(saturation) + amber) / shading(lightness)[..., None]


def cell_means(
    colors: CellColors, lightness: Float, firmness: float, saturation: float = 1.0, warmth: float = 0.0
) -> CellMeans:
    """Data term of the solver: mean relative chroma over each cell.

    Parameters
    ----------
    colors : of the cells
    lightness : (H, W) float32, L* of the image that is solved for
    firmness : weight of a cell against affinities whose median is 1
    saturation : factor on ab
    warmth : how far the white of the light is moved, -1 to 1; see WARM

    Returns
    -------
    CellMeans with no more cells than the image has pixels a side
    """
    shape = tuple(min(cells, pixels) for cells, pixels in zip(colors.confidence.shape, lightness.shape, strict=True))
    ab = np.stack([shrink(colors.ab[..., c], shape) for c in range(2)], -1)
    mean_light = shrink(lightness, shape)
    chroma = toned(ab, mean_light, saturation, warmth)
    weight = np.full(shape, firmness, np.float32)
    return CellMeans(chroma, weight if colors.weight is None else weight * shrink(colors.weight, shape))
