"""Colours spread by optimisation: Levin's as published, from a few sure seeds, and the product's own recipe."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, uniform_filter

from hybrid.colorized import HALF_STEP
from hybrid.compare.filters import Unavailable
from hybrid.compare.interpolate import bilinear, relative, shaded
from hybrid.compare.sources import Source
from hybrid.draw import drawn
from hybrid.photo import Photo
from hybrid.predict import Prediction, Predictor
from hybrid.scale import MOST_SHADING, shrink
from hybrid.scribbles import cell_colors
from hybrid.session import colorize
from hybrid.settings import Settings
from solvers import ChromaSolver, Seeds

Float = NDArray[np.float32]
MOST_ITERATIONS = 1000
DISK = 3
"""Cells: no two sparse seeds lie in one square of this side."""
FLAT = 5.0
"""Standard deviation of L* in and around a cell that halves its standing as a seed."""
SUREST = 0.75
"""Share of the cells, by confidence, among which sparse seeds are drawn."""
HARD = 1e3
NETWORK_SETTINGS = Settings(firmness=2.0, reweightings=2)
"""How `Session` treats a network's colours."""
MOST_SIDE = 1000
"""The network at full size looks at no more than about MOST_SIDE² pixels."""


class Replayed(Predictor):
    """A predictor that repeats an answer known before, so that `Session` treats it as any network's."""

    def __init__(self, prediction: Prediction) -> None:
        self._prediction = prediction

    def predict(self, lightness: Float, hints: Float | None = None) -> Prediction:
        """The known answer, whatever the photo."""
        del lightness, hints
        return self._prediction


def levin(lightness: Float, source: Source) -> Float:
    """Levin, Lischinski & Weiss 2004: every cell's colour is exact at its central pixel."""
    ab = source.colors.ab
    solver = ChromaSolver(np.clip(lightness / 100, 0, 1), method="levin")
    seeds = Seeds(centres(lightness.shape, ab.shape).ravel(), ab.reshape(-1, 2), np.ones(ab.size // 2, np.float32))
    return solver.solve(seeds, tolerance=HALF_STEP, max_iterations=MOST_ITERATIONS).chroma


def sparse(lightness: Float, source: Source) -> Float:
    """A few thousand seeds in flat and confident places, a Poisson disk apart, spread with the product's weights."""
    colors = source.colors
    chosen = sparse_cells(lightness, colors.confidence)
    index = centres(lightness.shape, colors.ab.shape)[chosen]
    wanted = relative(colors.ab, lightness)[chosen]
    solver = ChromaSolver(np.clip(lightness / 100, 0, 1))
    solution = solver.solve(
        Seeds(index, wanted, np.full(len(index), HARD, np.float32)), tolerance=HALF_STEP / MOST_SHADING
    )
    return shaded(solution.chroma, lightness)


def sparse_cells(lightness: Float, confidence: Float) -> NDArray[np.bool_]:
    """Cells (h, w) to draw a seed in: the best of its DISK × DISK cells each, by confidence and flatness.

    Cells that beat all around them are taken, what is around them is struck out, and so on: the same as taking them
    one by one, best first.
    """
    mean = shrink(lightness, confidence.shape)
    square = shrink(lightness**2, confidence.shape)
    variance = np.maximum(uniform_filter(square, 3) - uniform_filter(mean, 3) ** 2, 0)
    standing = confidence / (1 + variance / FLAT**2)
    standing = standing + np.arange(standing.size).reshape(standing.shape) * 1e-12  # no two alike
    is_open = confidence >= np.quantile(confidence, 1 - SUREST)
    chosen = np.zeros(confidence.shape, bool)
    while is_open.any():
        left = np.where(is_open, standing, -1)
        best = is_open & (left == maximum_filter(left, DISK))
        chosen |= best
        is_open &= ~maximum_filter(best, DISK)
    return chosen


def centres(shape: tuple[int, ...], cells: tuple[int, ...]) -> NDArray[np.int64]:
    """Flat index of each cell's central pixel, (h, w)."""
    rows, columns = ((2 * np.arange(k) + 1) * n // (2 * k) for n, k in zip(shape, cells, strict=False))
    return rows[:, None] * shape[1] + columns


def recipe(lightness: Float, source: Source) -> Float:
    """What the product does with this source."""
    given = source.colors if source.prediction is None else Replayed(source.prediction)
    return colorize(Photo(lightness), given).ab


def drawn_again(lightness: Float, source: Source) -> Float:
    """What strokes alone make of the scribbles that stand for the recipe's picture."""
    marks = drawn(lightness, recipe(lightness, source), source.colors.confidence)
    return colorize(Photo(lightness), None, marks).ab


def recipe_unfused(lightness: Float, source: Source) -> Float:
    """What the product does when every cell is left to itself.

    Raises
    ------
    Unavailable
        The source has no distributions, so that nothing would be fused anyway.
    """
    if source.prediction is None:
        raise Unavailable("the same as recipe where the source has colours alone")
    return colorize(Photo(lightness), Replayed(source.prediction), settings=Settings(fusion=0)).ab


def recipe_soft(lightness: Float, source: Source) -> Float:
    """What the product would do if it took the colours for a network's.

    Raises
    ------
    Unavailable
        It does so anyway.
    """
    if source.prediction is not None:
        raise Unavailable("the same as recipe where the source has distributions")
    return colorize(Photo(lightness), source.colors, settings=NETWORK_SETTINGS).ab


def at_full_size(predictor: Predictor, shape: tuple[int, ...]) -> Predictor:
    """The same network looking at a photo (H, W) as large as it is, up to MOST_SIDE² pixels."""
    side = min(MOST_SIDE, round((shape[0] * shape[1]) ** 0.5))
    return Predictor(predictor.model, predictor.device.type, side)


def network_at_full_size(lightness: Float, source: Source) -> Float:
    """The network fed with the picture itself, up to MOST_SIDE² pixels; its cells enlarged bilinearly.

    Raises
    ------
    Unavailable
        The source is no network, or a network of one input size.
    """
    if source.predictor is None:
        raise Unavailable("for source model alone")
    if "input_size" in source.predictor.model.card:
        raise Unavailable("the network takes one input size alone")
    prediction = at_full_size(source.predictor, lightness.shape).predict(lightness)
    choice = Settings()
    return bilinear(cell_colors(prediction, choice.temperature, choice.vividness), lightness.shape)
