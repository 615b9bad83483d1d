"""What hints are worth: the published protocol, by the network alone, the solver alone and both together.

Zhang et al. 2017 ("Real-time user-guided image colorization", section 4.2 and the supplement): photos stretched to
256 × 256, each hint a small patch that shows the mean of its true colours, at places around the middle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid.metrics import psnr
from hybrid.photo import Photo
from hybrid.predict import Prediction, Predictor
from hybrid.session import Session, Settings
from hybrid.strokes import MarkedPixels
from hybrid.train.evaluate.pictures import PLAIN, Float, Pixels, Scene, averaged, decoded, picture_of, stretched
from hybrid.train.evaluate.scores import flat_answers, rounded

COUNTS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500)
SIGGRAPH17 = (24.43, 25.37, 26.20, 27.39, 28.42, 29.34, 30.42, 31.13, 31.70, 32.14)
"""Published PSNR in dB at those counts, on other photos of the same kind."""
PATCH = 6
PLAIN_PRODUCT = Settings(temperature=PLAIN.temperature, vividness=PLAIN.vividness)


@dataclass(frozen=True, eq=False)
class Hints:
    """True colours that are given away.

    Parameters
    ----------
    is_given : (H, W) bool
    ab : (H, W, 2) float32, mean true colour of the patch that a pixel lies in; 0 elsewhere
    """

    is_given: NDArray[np.bool_]
    ab: Float

    def marks(self) -> list[MarkedPixels]:
        """As a user's marks, which are obeyed exactly."""
        index = np.flatnonzero(self.is_given)
        height, width = self.is_given.shape
        return [MarkedPixels(index, self.ab.reshape(-1, 2)[index], (height, width))] if len(index) else []

    def planes(self, shape: tuple[int, int]) -> Float:
        """As the network takes them, (h, w, 3): a, b and a mask of 0 or 1; a cell half covered counts."""
        parts = averaged(np.dstack([self.ab, self.is_given.astype(np.float32)]), shape)
        covered = parts[..., 2:]
        mask = (covered >= 0.5).astype(np.float32)
        return np.concatenate([mask * parts[..., :2] / np.maximum(covered, 0.5), mask], -1)


class HintedPredictor(Predictor):
    """A network that is always told the same hints.

    Parameters
    ----------
    predictor : the network
    hints : of the one photo that it will be asked about
    """

    def __init__(self, predictor: Predictor, hints: Hints) -> None:
        super().__init__(predictor.model, predictor.device.type, predictor.side)
        self._hints = hints

    def predict(self, lightness: Float, hints: Float | None = None) -> Prediction:
        """Predict colours of the photo; `hints` replaces the ones given before."""
        given = self._hints.planes(self.input_shape(lightness.shape)) if hints is None else hints
        return super().predict(lightness, given)


def places(shape: tuple[int, ...], count: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Top left corners of patches, (count, 2): normal around the middle, a quarter of the side wide, clipped."""
    room = np.array(shape[:2]) - PATCH
    corners = random.normal(room / 2, np.array(shape[:2]) / 4, (count, 2))
    return np.clip(np.round(corners), 0, room).astype(np.int64)


def hints_at(corners: NDArray[np.int64], true_ab: Float) -> Hints:
    """Patches of 6 × 6 pixels with the mean of the true colours (H, W, 2); later ones cover earlier ones."""
    is_given = np.zeros(true_ab.shape[:2], np.bool_)
    ab = np.zeros_like(true_ab)
    for top, left in corners:
        patch = (slice(top, top + PATCH), slice(left, left + PATCH))
        is_given[patch] = True
        ab[patch] = true_ab[patch].mean((0, 1))
    return Hints(is_given, ab)


def solved(scene: Scene, source: Predictor | None, hints: Hints) -> Pixels:
    """The scene's lightness coloured as the product does it, the hints being the user's marks."""
    ab = Session(Photo(scene.lightness), source, PLAIN_PRODUCT).edit(hints.marks()).ab
    return picture_of(scene.lightness, ab)


def hinted_pictures(scene: Scene, predictor: Predictor, hints: Hints) -> dict[str, Pixels]:
    """The scene coloured in three ways from the same hints."""
    told = HintedPredictor(predictor, hints)
    return {
        "network": decoded(told.predict(scene.lightness), PLAIN, scene.lightness),
        "network_solver": solved(scene, told, hints),
        "solver": solved(scene, None, hints),
    }


def hint_sweep(
    predictor: Predictor, photos: Sequence[Pixels], sepia: Float, counts: Sequence[int] = COUNTS, seed: int = 0
) -> dict[str, object]:
    """PSNR of 8-bit RGB against the number of hints.

    The first n of one photo's places are the n hints, so that curves are smooth; temperature .38 and vividness 0, since
    PSNR punishes vividness.

    Parameters
    ----------
    predictor : network and input size; the hints are given to its hint planes
    photos : (H, W, 3) uint8 sRGB each
    sepia : (2,) ab of the constant baseline
    counts : numbers of hints
    seed : of the places

    Returns
    -------
    counts, and the mean dB at each count of: network (hints to its planes, enlarged bilinearly), network_solver (the
    product: its planes and hard marks), solver (marks alone; grey without any), siggraph17 (published). Under
    "baselines" the dB of grey and sepia on the same photos.
    """
    flat: dict[str, list[float]] = {}
    totals: dict[str, NDArray[np.float64]] = {}
    for number, photo in enumerate(photos):
        scene = stretched(photo)
        for name, ab in flat_answers(scene.lightness.shape, sepia).items():
            flat.setdefault(name, []).append(psnr(picture_of(scene.lightness, ab), scene.rgb))
        corners = places(scene.lightness.shape, max(counts), np.random.default_rng([seed, number]))
        for position, count in enumerate(counts):
            pictures = hinted_pictures(scene, predictor, hints_at(corners[:count], scene.ab))
            for name, picture in pictures.items():
                total = totals.setdefault(name, np.zeros(len(counts)))
                total[position] += psnr(picture, scene.rgb) / len(photos)
    published = dict(zip(COUNTS, SIGGRAPH17, strict=True))
    return {
        "photos": len(photos),
        "counts": list(counts),
        **{name: [rounded(value, 2) for value in total] for name, total in totals.items()},
        "siggraph17": [published.get(count) for count in counts],
        "baselines": {name: rounded(float(np.mean(values)), 2) for name, values in flat.items()},
    }
