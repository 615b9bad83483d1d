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
from hybrid.reach import place_of
from hybrid.session import Session
from hybrid.settings import Settings
from hybrid.strokes import MarkedPixels, Paint, paint
from hybrid.train.evaluate.pictures import PLAIN, Float, Pixels, Scene, decoded, picture_of, stretched
from hybrid.train.evaluate.scores import flat_answers, rounded
from solvers import SolverError

COUNTS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500)
SIGGRAPH17 = (24.43, 25.37, 26.20, 27.39, 28.42, 29.34, 30.42, 31.13, 31.70, 32.14)
"""Published PSNR in dB at those counts, on other photos of the same kind."""
PATCH = 6
WITHOUT_VIVIDNESS = Settings(temperature=PLAIN.temperature, vividness=PLAIN.vividness)
"""The product without vividness, which PSNR punishes; marks are for the solver."""
WIDE = replace(WITHOUT_VIVIDNESS, reach="wide")


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


def hint_planes(paint: Paint, shape: tuple[int, int], grid: tuple[int, int]) -> Float:
    """The strokes as a network is given them: at each of its pixels the mean colour painted there, if any.

    Parameters
    ----------
    paint : at full size
    shape : (H, W) of the photo
    grid : (h, w), size at which the network looks at it

    Returns
    -------
    (h, w, 3) float32: a*, b* and a mask of 0 or 1
    """
    place = place_of(paint.index, shape, grid)
    count, a, b = (np.bincount(place, values, grid[0] * grid[1]) for values in (None, *paint.ab.T))
    planes = np.stack([a, b, count], -1) / np.maximum(count, 1)[:, None]
    return planes.reshape(*grid, 3).astype(np.float32)


def network_picture(scene: Scene, predictor: Predictor, hints: MarkedPixels) -> Pixels:
    """The scene's lightness with the network's own colours, cells enlarged bilinearly; its hint planes are filled."""
    planes = hint_planes(paint([hints], hints.shape), hints.shape, predictor.input_shape(hints.shape))
    return decoded(predictor.predict(scene.lightness, planes), PLAIN, scene.lightness)


def session_picture(scene: Scene, session: Session, hints: MarkedPixels) -> Pixels:
    """The scene's lightness coloured by the product, the hints being the user's marks, which are obeyed exactly.

    Raises
    ------
    SolverError
        The colours did not settle.
    """
    return picture_of(scene.lightness, session.edit([hints] if len(hints.index) else []).ab)


def photo_curves(
    scene: Scene, predictor: Predictor, counts: Sequence[int], random: np.random.Generator
) -> dict[str, list[float]]:
    """PSNR in dB of one scene at every number of hints, in four ways; NaN where the solver gave up.

    The first n of the same places are the n hints, so that curves are smooth.

    Returns
    -------
    network : hints are given to the network's hint planes alone
    network_solver : the product, hints reaching widely
    local : the product, hints reaching along the photo's edges alone, as by default
    solver : the product without a network
    """
    photo = Photo(scene.lightness)
    sessions = {
        "network_solver": Session(photo, predictor, WIDE),
        "local": Session(photo, predictor, WITHOUT_VIVIDNESS),
        "solver": Session(photo, None, WITHOUT_VIVIDNESS),
    }
    corners = places(scene.lightness.shape, max(counts), random)
    curves: dict[str, list[float]] = {way: [] for way in ("network", *sessions)}
    for count in counts:
        hints = hints_at(corners[:count], scene.ab)
        curves["network"].append(psnr(network_picture(scene, predictor, hints), scene.rgb))
        for way, session in sessions.items():
            try:
                curves[way].append(psnr(session_picture(scene, session, hints), scene.rgb))
            except SolverError:
                curves[way].append(np.nan)
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
    counts, and the mean dB at each count of every way of `photo_curves` and of siggraph17 (published); under
    "baselines" the dB of grey and sepia on the same photos. Photos at which the solver gave up are left out of every
    mean: "photos" says how many are in it, "given_up" names the others as [photo, way, count].
    """
    found: dict[str, list[list[float]]] = {}
    flat: dict[str, list[float]] = {}
    for number, photo in enumerate(photos):
        scene = stretched(photo)
        for way, curve in photo_curves(scene, predictor, counts, np.random.default_rng([seed, number])).items():
            found.setdefault(way, []).append(curve)
        for name, ab in flat_answers(scene.lightness.shape, sepia).items():
            flat.setdefault(name, []).append(psnr(picture_of(scene.lightness, ab), scene.rgb))
    has_failed = np.isnan([*found.values()])  # ways, photos, counts
    is_kept = ~has_failed.any((0, 2))
    published = dict(zip(COUNTS, SIGGRAPH17, strict=True))
    return {
        "photos": int(is_kept.sum()),
        "given_up": [[int(n), [*found][way], counts[at]] for way, n, at in np.argwhere(has_failed)],
        "counts": list(counts),
        **{way: _means(np.array(curves)[is_kept]) for way, curves in found.items()},
        "siggraph17": [published.get(count) for count in counts],
        "baselines": {name: _means(np.array(values)[is_kept, None])[0] for name, values in flat.items()},
    }


def _means(curves: NDArray[np.float64]) -> list[float | None]:
    """Mean over the rows, None where there is no row."""
    return [rounded(value, 2) for value in curves.mean(0)] if len(curves) else [None] * curves.shape[1]
