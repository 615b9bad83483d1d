"""Real old photographs: sheets of all, and scores of those whose true colours survive."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from hybrid.color import linear_from_lab, srgb_encode
from hybrid.photo import Photo, read_photo
from hybrid.predict import Predictor
from hybrid.scale import shrink
from hybrid.train.evaluate.pictures import (
    PLAIN,
    PRODUCT,
    SIDE,
    Decoding,
    Float,
    Scene,
    decoded,
    picture_of,
    scene_of,
)
from hybrid.train.evaluate.scores import flat_answers, picture_scores, rounded
from hybrid.train.evaluate.sheets import ANSWERS, Row, answers, grey_of, sheet

TONED_BELOW = 6.0
"""Spread of ab across its main direction, CIELAB units, below which all colours are one paper's tone.

Sepia runs along one short line from shadows to lights; the scans tried have 1 to 4, plates in colour 10 and more."""
DECODINGS = (Decoding(0.0, 0.0), PLAIN, Decoding(1.0, 0.0), PRODUCT)


def small_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """Size with the short side shrunk to 256 pixels, aspect kept; the same where it is smaller."""
    factor = min(1.0, SIDE / min(shape))
    return round(shape[0] * factor), round(shape[1] * factor)


def small_scene(photo: Photo) -> Scene:
    """A photo read with its colours, shrunk in linear light.

    Raises
    ------
    ValueError
        A photo read without colours.
    """
    if photo.ab is None:
        raise ValueError(f"{photo.path}: read without its colours; use read_photo(path, keep_color=True)")
    linear = linear_from_lab(photo.lightness, photo.ab).clip(0, 1)
    shape = small_shape(photo.lightness.shape)
    planes = [shrink(np.ascontiguousarray(plane), shape) for plane in np.moveaxis(linear, -1, 0)]
    return scene_of(np.round(srgb_encode(np.stack(planes, -1)) * 255).astype(np.uint8))


def is_true_color(scene: Scene) -> bool:
    """Whether the colours are a scene's, in all directions, and not one tone over all of the paper."""
    spread = np.linalg.eigvalsh(np.cov(scene.ab.reshape(-1, 2).T))
    return float(spread[0]) > TONED_BELOW**2


def plate_scores(predictor: Predictor, scene: Scene, sepia: Float) -> dict[str, dict[str, float | None]]:
    """Figures of one scene: grey, the constant colour `sepia` (2,), and the network's answers."""
    lightness = scene.lightness
    prediction = predictor.predict(lightness)
    pictures = {
        "truth": scene.rgb,
        **{name: picture_of(lightness, ab) for name, ab in flat_answers(lightness.shape, sepia).items()},
        **{str(decoding): decoded(prediction, decoding, lightness) for decoding in DECODINGS},
    }
    return {
        name: {key: rounded(value) for key, value in picture_scores(rgb, scene).items()}
        for name, rgb in pictures.items()
    }


def old_photos(
    predictor: Predictor, paths: Sequence[Path], sepia: Float
) -> tuple[dict[str, Any], dict[str, Image.Image]]:
    """Colour old photographs as they are.

    Parameters
    ----------
    predictor : network and input size
    paths : image files; those with colours of their own are measured against them
    sepia : (2,) ab of the constant baseline

    Returns
    -------
    scores : file name without ending -> figures, of those in colour
    sheets : "old" for the toned scans, "plates" for those in colour; each only where there is such a file

    Raises
    ------
    PhotoError
        A file that cannot be read.
    """
    scenes = {path.stem: small_scene(read_photo(path, keep_color=True)) for path in paths}
    plates = {name: scene for name, scene in scenes.items() if is_true_color(scene)}
    sheets: dict[str, Image.Image] = {}
    for name, chosen, heading in (("old", scenes.keys() - plates.keys(), "scan"), ("plates", plates.keys(), "truth")):
        rows = [
            Row([scenes[n].rgb, grey_of(scenes[n].lightness), *answers(predictor, scenes[n].lightness)], n)
            for n in sorted(chosen)
        ]
        if rows:
            sheets[name] = sheet((heading, "grey", *ANSWERS), rows)
    return {name: plate_scores(predictor, scene, sepia) for name, scene in plates.items()}, sheets
