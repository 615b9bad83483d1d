"""What hints are worth: the published protocol, by the network alone, the solver alone and both together.

Zhang et al. 2017 ("Real-time user-guided image colorization", section 4.2 and the supplement): photos stretched to
256 × 256, each hint a small patch that shows the mean of its true colours, at places around the middle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.metrics import psnr
from hybrid.photo import Photo
from hybrid.predict import Predictor
from hybrid.reach import hint_planes
from hybrid.session import Session, Settings
from hybrid.strokes import MarkedPixels, paint
from hybrid.train.evaluate.pictures import PLAIN, Float, Pixels, Scene, decoded, picture_of, stretched
from hybrid.train.evaluate.scores import flat_answers, rounded
from solvers import SolverError

COUNTS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500)
SIGGRAPH17 = (24.43, 25.37, 26.20, 27.39, 28.42, 29.34, 30.42, 31.13, 31.70, 32.14)
"""Published PSNR in dB at those counts, on other photos of the same kind."""
PATCH = 6
MARKS_ALONE = Settings(temperature=PLAIN.temperature, vividness=PLAIN.vividness)
"""The product without vividness, which PSNR punishes; marks are for the solver."""
HINTED = replace(MARKS_ALONE, hint_network=True)
WAYS = ("network", "network_solver", "marks_solver", "solver")


def places(shape: tuple[int, ...], count: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Top left corners of patches, (count, 2): normal around the middle, a quarter of the side wide, clipped."""
    room = np.array(shape[:2]) - PATCH
    corners = random.normal(room / 2, np.array(shape[:2]) / 4, (count, 2))
    return np.clip(np.round(corners), 0, room).astype(np.int64)


def hints_at(corners: NDArray[np.int64], true_ab: Float) -> MarkedPixels:
    """Patches of 6 × 6 pixels with the mean of the true colours (H, W, 2); later ones cover earlier ones."""
    height, width = true_ab.shape[:2]
    is_given = np.zeros((height, width), np.bool_)
    ab = np.zeros_like(true_ab)
    for top, left in corners:
        patch = (slice(top, top + PATCH), slice(left, left + PATCH))
        is_given[patch] = True
        ab[patch] = true_ab[patch].mean((0, 1))
    index = np.flatnonzero(is_given)
    return MarkedPixels(index, ab.reshape(-1, 2)[index], (height, width))


def hinted_picture(way: str, scene: Scene, predictor: Predictor, hints: MarkedPixels) -> Pixels:
    """The scene coloured from hints.

    Parameters
    ----------
    way : "network" gives them to the network's hint planes, cells enlarged bilinearly; "network_solver" is the product
        that gives them to both; "marks_solver" the product that gives them to the solver alone; "solver" does without a
        network
    scene : its lightness is coloured
    predictor : network and input size
    hints : obeyed exactly by all but the network

    Raises
    ------
    SolverError
        The colours did not settle.
    """
    lightness = scene.lightness
    if way == "network":
        planes = hint_planes(paint([hints], hints.shape), hints.shape, predictor.input_shape(hints.shape))
        return decoded(predictor.predict(lightness, planes), PLAIN, lightness)
    settings = HINTED if way == "network_solver" else MARKS_ALONE
    session = Session(Photo(lightness), None if way == "solver" else predictor, settings)
    return picture_of(lightness, session.edit([hints] if len(hints.index) else []).ab)


def photo_curves(
    scene: Scene, predictor: Predictor, counts: Sequence[int], random: np.random.Generator
) -> dict[str, list[float]]:
    """PSNR in dB of one scene at every number of hints, for every way; NaN where the solver gave up.

    The first n of the same places are the n hints, so that curves are smooth.
    """
    corners = places(scene.lightness.shape, max(counts), random)
    curves: dict[str, list[float]] = {way: [] for way in WAYS}
    for count in counts:
        hints = hints_at(corners[:count], scene.ab)
        for way, curve in curves.items():
            try:
                curve.append(psnr(hinted_picture(way, scene, predictor, hints), scene.rgb))
            except SolverError:
                curve.append(np.nan)
    return curves


def hint_sweep(
    predictor: Predictor, photos: Sequence[Pixels], sepia: Float, counts: Sequence[int] = COUNTS, seed: int = 0
) -> dict[str, Any]:
    """PSNR of 8-bit RGB against the number of hints, at temperature .38 and vividness 0.

    Parameters
    ----------
    predictor : network and input size
    photos : (H, W, 3) uint8 sRGB each
    sepia : (2,) ab of the constant baseline
    counts : numbers of hints
    seed : of the places

    Returns
    -------
    counts, and the mean dB at each count of every way of `hinted_picture` and of siggraph17 (published); under
    "baselines" the dB of grey and sepia on the same photos. Photos at which the solver gave up are left out of every
    mean: "photos" says how many are in it, "given_up" names the others as [photo, way, count].
    """
    flat: dict[str, list[float]] = {"grey": [], "sepia": []}
    found: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    given_up = []
    for number, photo in enumerate(photos):
        scene = stretched(photo)
        curves = photo_curves(scene, predictor, counts, np.random.default_rng([seed, number]))
        failures = [
            [number, way, n] for way, curve in curves.items() for n, db in zip(counts, curve, strict=True) if db != db
        ]
        given_up += failures
        if failures:
            continue
        for way, curve in curves.items():
            found[way].append(curve)
        for name, ab in flat_answers(scene.lightness.shape, sepia).items():
            flat[name].append(psnr(picture_of(scene.lightness, ab), scene.rgb))
    published = dict(zip(COUNTS, SIGGRAPH17, strict=True))
    return {
        "photos": len(flat["grey"]),
        "given_up": given_up,
        "counts": list(counts),
        **{way: _means(curves, len(counts)) for way, curves in found.items()},
        "siggraph17": [published.get(count) for count in counts],
        "baselines": {name: _means([[db] for db in values], 1)[0] for name, values in flat.items()},
    }


def _means(curves: list[list[float]], length: int) -> list[float | None]:
    return [rounded(value, 2) for value in np.mean(curves, 0)] if curves else [None] * length
