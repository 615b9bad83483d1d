"""Where the colours of the cells come from: the truth, the truth made worse, or a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from hybrid.compare.inconsistent import simulated
from hybrid.compare.scene import Scene
from hybrid.predict import Prediction, Predictor
from hybrid.scale import shrink, working_shape
from hybrid.scribbles import CellColors, colors_of_picture, colors_of_prediction
from hybrid.settings import Settings

Float = NDArray[np.float32]
SEED = 0
BLUR = 0.8
"""Standard deviation in cells of the blur of degraded colours."""
SHIFT, SWELL = 1.4, 6.0
"""Root mean square length of their misregistration, and the standard deviation of the Gaussian that makes it smooth;
in cells."""
NOISE = 3.0
"""Standard deviation of their noise in a and in b, CIELAB units, independent from cell to cell."""


@dataclass(frozen=True, eq=False)
class Source:
    """What a method knows of the colours.

    Parameters
    ----------
    colors : of the cells, as decoded by the product, every cell by itself; no more cells than pixels
    is_noisy : whether they are off in place and colour, as a network's are; baselines are tuned for each case
    prediction : the distributions that `colors` were decoded from, or None
    predictor : the network, or None
    """

    colors: CellColors
    is_noisy: bool
    prediction: Prediction | None = None
    predictor: Predictor | None = None


def oracle(scene: Scene, grid: int, predictor: Predictor | None = None) -> Source:
    """True ab averaged over the cells of a grid with `grid` cells on the long side."""
    del predictor
    return Source(colors_of_picture(scene.ab, grid), is_noisy=False)


def degraded(scene: Scene, grid: int, predictor: Predictor | None = None) -> Source:
    """The oracle blurred, misregistered and noisy, the same way for every photo; see `degrade`."""
    colors = oracle(scene, grid, predictor).colors
    return Source(CellColors(degrade(colors.ab), colors.confidence), is_noisy=True)


def inconsistent(scene: Scene, grid: int, predictor: Predictor | None = None) -> Source:
    """Degraded colours as distributions, parts of objects flipped to another hue, the true one second."""
    colors = degraded(scene, grid, predictor).colors
    return of_prediction(simulated(scene.lightness, scene.ab, colors.ab), scene)


def model(scene: Scene, grid: int, predictor: Predictor | None = None) -> Source:
    """What a network answers on the photo at working size, on its own grid, decoded as the product does.

    Raises
    ------
    ValueError
        No network.
    """
    del grid
    if predictor is None:
        raise ValueError("source model: no network given; name one with --model")
    guide = shrink(scene.seen, working_shape(scene.seen.shape, Settings().megapixels))
    return of_prediction(predictor.predict(guide), scene, predictor)


SOURCES: dict[str, Callable[[Scene, int, Predictor | None], Source]] = {
    "oracle": oracle,
    "degraded": degraded,
    "inconsistent": inconsistent,
    "model": model,
}


def of_prediction(prediction: Prediction, scene: Scene, predictor: Predictor | None = None) -> Source:
    """The source of a prediction, decoded with the product's settings and without fusion."""
    choice = Settings()
    colors = colors_of_prediction(prediction, None, choice.temperature, choice.vividness)
    shape = tuple(min(pair) for pair in zip(colors.confidence.shape, scene.lightness.shape, strict=True))
    if shape != colors.confidence.shape:
        ab = np.stack([shrink(plane, shape) for plane in np.moveaxis(colors.ab, -1, 0)], -1)
        colors = CellColors(ab, shrink(colors.confidence, shape))
    return Source(colors, True, prediction, predictor)


def degrade(ab: Float) -> Float:
    """Cell colours (h, w, 2) blurred by BLUR, moved by a smooth field of SHIFT cells, with noise of NOISE units."""
    random = np.random.default_rng(SEED)
    shape = ab.shape[:2]
    blurred = gaussian_filter(ab, (BLUR, BLUR, 0), mode="nearest")
    field = gaussian_filter(random.standard_normal((2, *shape)), (0, SWELL, SWELL), mode="nearest")
    place = np.indices(shape) + field * SHIFT / max(float(np.sqrt((field**2).sum(0).mean())), 1e-12)
    moved = [map_coordinates(plane, place, order=1, mode="nearest") for plane in np.moveaxis(blurred, -1, 0)]
    return (np.stack(moved, -1) + NOISE * random.standard_normal(ab.shape)).astype(np.float32)
