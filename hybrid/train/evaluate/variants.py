"""What old film, fading, grain and blur cost: the network sees a damaged lightness, the picture keeps the true one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.ndimage import gaussian_filter

from hybrid.color import lightness_from_luminance, srgb_decode
from hybrid.predict import Predictor
from hybrid.train.evaluate.pictures import PLAIN, Float, Pixels, Scene, cell_colors, enlarged, picture_of, stretched
from hybrid.train.evaluate.scores import flat_answers, means, picture_scores, rounded

BLUE_GREEN = np.array([0.0, 0.5, 0.5], np.float32)
"""Share of each channel of linear light in the exposure of orthochromatic film, which is blind to red."""
BLACK, WHITE = 22.0, 82.0
"""L* that black and white have faded to."""
GRAIN = 5.0
"""Standard deviation of the grain, L* units."""
BLUR = 2.0
"""Standard deviation of the blur, pixels of a picture of 256 × 256."""


def orthochromatic(scene: Scene) -> Float:
    """Lightness as film sees it that is blind to red: lips and bricks dark, sky white."""
    return lightness_from_luminance(srgb_decode(scene.rgb / np.float32(255)) @ BLUE_GREEN)


def faded(lightness: Float) -> Float:
    """Black turned to dark grey and white to light grey."""
    return np.float32(BLACK) + lightness * np.float32((WHITE - BLACK) / 100)


def grainy(lightness: Float, random: np.random.Generator) -> Float:
    """Film grain, independent from pixel to pixel."""
    noise = random.normal(0, GRAIN, lightness.shape).astype(np.float32)
    return np.clip(lightness + noise, 0, 100)


def blurred(lightness: Float) -> Float:
    """Out of focus."""
    return gaussian_filter(lightness, BLUR, mode="nearest")


VARIANTS: dict[str, Callable[[Scene, np.random.Generator], Float]] = {
    "clean": lambda scene, _: scene.lightness,
    "orthochromatic": lambda scene, _: orthochromatic(scene),
    "faded": lambda scene, _: faded(scene.lightness),
    "grainy": lambda scene, random: grainy(scene.lightness, random),
    "blurred": lambda scene, _: blurred(scene.lightness),
    "all together": lambda scene, random: faded(grainy(blurred(orthochromatic(scene)), random)),
}
"""Name -> lightness of a damaged copy of a scene."""


def variant_scores(predictor: Predictor, photos: Sequence[Pixels], sepia: Float, seed: int = 0) -> dict[str, object]:
    """Scores of the colours that are found in damaged copies of the photos.

    Temperature .38, vividness 0. The picture that is scored has the true lightness, so only colours differ.

    Parameters
    ----------
    predictor : network and input size
    photos : (H, W, 3) uint8 sRGB each
    sepia : (2,) ab of the constant baseline
    seed : of the grain

    Returns
    -------
    For grey, sepia and every variant the mean figures, and cost_db: how much less PSNR than the clean photos have.
    """
    rows: dict[str, list[dict[str, float]]] = {}
    for number, photo in enumerate(photos):
        scene = stretched(photo)
        for name, ab in flat_answers(scene.lightness.shape, sepia).items():
            rows.setdefault(name, []).append(picture_scores(picture_of(scene.lightness, ab), scene))
        for name, damaged in VARIANTS.items():
            prediction = predictor.predict(damaged(scene, np.random.default_rng([seed, number])))
            ab = enlarged(cell_colors(prediction, PLAIN), scene.lightness.shape)
            rows.setdefault(name, []).append(picture_scores(picture_of(scene.lightness, ab), scene))
    scores = {name: means(values) for name, values in rows.items()}
    best = scores["clean"]["psnr_db"]
    for row in scores.values():
        db = row["psnr_db"]
        row["cost_db"] = None if db is None or best is None else rounded(best - db)
    return {"photos": len(photos), **scores}
