"""Contact sheets: rows of pictures with a heading and captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from PIL import Image, ImageDraw

from hybrid.photo import Photo
from hybrid.predict import Prediction, Predictor
from hybrid.session import colorize
from hybrid.train.evaluate.pictures import (
    PLAIN,
    PRODUCT,
    Float,
    Pixels,
    Scene,
    decoded,
    enlarged,
    picture_of,
)
from hybrid.train.evaluate.survey import MEAN, MODE

TILE = 192
"""Longest side of a picture on a sheet, pixels."""
GAP, LINE = 6, 16
FIXED = (0, 57, 111, 163, 222, 271, 333, 388)
"""Numbers of the photos that every sheet shows, so that models can be compared by eye."""
EXTREMES = 6


@dataclass(frozen=True, eq=False)
class Row:
    """Pictures side by side, each (h, w, 3) uint8, and what is written under them."""

    pictures: Sequence[Pixels]
    caption: str


def sheet(headings: Sequence[str], rows: Sequence[Row]) -> Image.Image:
    """Draw a contact sheet, one heading a column."""
    width = GAP + len(headings) * (TILE + GAP)
    tiles = [[_tile(picture) for picture in row.pictures] for row in rows]
    heights = [max(tile.height for tile in row) + LINE + GAP for row in tiles]
    canvas = Image.new("RGB", (width, LINE + GAP + sum(heights)), "white")
    draw = ImageDraw.Draw(canvas)
    for column, heading in enumerate(headings):
        draw.text((GAP + column * (TILE + GAP), 3), heading, fill="black")
    top = LINE + GAP
    for row, pictures, height in zip(rows, tiles, heights, strict=True):
        for column, tile in enumerate(pictures):
            canvas.paste(tile, (GAP + column * (TILE + GAP), top))
        draw.text((GAP, top + height - LINE - GAP + 2), row.caption, fill="black")
        top += height
    return canvas


def _tile(picture: Pixels) -> Image.Image:
    image = Image.fromarray(picture)
    scale = TILE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)


def write_png(path: Path, image: Image.Image) -> None:
    """Write a picture whole or not at all."""
    temporary = path.with_suffix(".part")
    image.save(temporary, "PNG")
    temporary.replace(path)


def confidence_map(prediction: Prediction, shape: tuple[int, ...]) -> Pixels:
    """Confidence 0..1 as colours from dark blue to yellow, (H, W, 3) uint8."""
    value = enlarged(prediction.confidence[..., None], shape)[..., 0]
    return (colormaps["viridis"](np.clip(value, 0, 1))[..., :3] * 255).round().astype(np.uint8)


def grey_of(lightness: Float) -> Pixels:
    """The picture without colour."""
    return picture_of(lightness, np.zeros((*lightness.shape, 2), np.float32))


ANSWERS = (
    "T 0 (most likely)",
    "T .38",
    "T 1 (mean)",
    f"T {PRODUCT.temperature:g}, vividness {PRODUCT.vividness:g}",
    "product (with solver)",
    "confidence (yellow: sure)",
)


def answers(predictor: Predictor, lightness: Float) -> list[Pixels]:
    """Pictures of what the network and the whole product make of a lightness (H, W), in the order of `ANSWERS`."""
    prediction = predictor.predict(lightness)
    plain = [decoded(prediction, decoding, lightness) for decoding in (MODE, PLAIN, MEAN, PRODUCT)]
    whole = picture_of(lightness, colorize(Photo(lightness), predictor).ab)
    return [*plain, whole, confidence_map(prediction, lightness.shape)]


def scenes_sheet(predictor: Predictor, scenes: Sequence[Scene], captions: Sequence[str]) -> Image.Image:
    """Scenes whose colours are known: grey, truth and every answer."""
    rows = [
        Row([grey_of(scene.lightness), scene.rgb, *answers(predictor, scene.lightness)], caption)
        for scene, caption in zip(scenes, captions, strict=True)
    ]
    return sheet(("grey", "truth", *ANSWERS), rows)


def extremes(errors: Sequence[float]) -> tuple[list[int], list[int]]:
    """Numbers of the six photos with the least error, least first, and of those with the most, most first."""
    order = np.argsort(errors, kind="stable").tolist()
    return order[:EXTREMES], order[::-1][:EXTREMES]
