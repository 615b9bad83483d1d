"""A sheet of crops at 100 %: the places where methods differ most, every method's picture of them side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import uniform_filter

from hybrid.compare.scene import Scene, picture_of
from hybrid.photo import WriteError

Colors = NDArray[np.float16] | NDArray[np.float32]
PLACES = 3
CROP = 192
"""Side of a crop, pixels of the photo and of the sheet."""
COLUMNS = 8
OTHER_COLORS = ("network_full_size",)
"""Methods whose colours are others than the cells': they would decide alone where methods differ most."""
GAP, LINE = 6, 14
FORMATS = {".png": "PNG", ".jpg": "JPEG"}
QUALITY = 88
"""Of a JPEG."""


def places(pictures: Mapping[str, Colors], band: NDArray[np.bool_], count: int = PLACES) -> list[tuple[slice, slice]]:
    """Windows of CROP pixels (less in a smaller photo) where pictures differ most in the edge band, most first.

    Parameters
    ----------
    pictures : (H, W, 2) ab by each method
    band : (H, W) bool; where it is empty the whole photo counts
    """
    values = list(pictures.values())
    mean = sum((value.astype(np.float32) for value in values), np.zeros((*band.shape, 2), np.float32)) / len(values)
    apart = sum((np.linalg.norm(value - mean, axis=-1) for value in values), np.zeros(band.shape, np.float32))
    if band.any():
        apart = apart * band
    height, width = (min(CROP, side) for side in band.shape)
    crowd = uniform_filter(apart.astype(np.float32), (height, width), mode="constant")
    half = height // 2, width // 2
    allowed = np.full(band.shape, -1, np.float32)  # only centres whose window lies inside
    inner = tuple(slice(h, side - s + h + 1) for h, side, s in zip(half, band.shape, (height, width), strict=True))
    allowed[inner] = crowd[inner]
    found: list[tuple[slice, slice]] = []
    while len(found) < count and allowed.max() >= 0:
        row, column = np.unravel_index(int(allowed.argmax()), allowed.shape)
        top, left = int(row) - half[0], int(column) - half[1]
        found.append((slice(top, top + height), slice(left, left + width)))
        near = (max(0, int(row) - height), max(0, int(column) - width))
        allowed[near[0] : int(row) + height, near[1] : int(column) + width] = -1
    return found


def sheet(scene: Scene, pictures: Mapping[str, Colors], band: NDArray[np.bool_], title: str) -> Image.Image:
    """Draw the sheet: for each place grey, the truth and every method, names above.

    Parameters
    ----------
    scene : lightness and true colours
    pictures : (H, W, 2) ab by each method, drawn on the lightness that it saw
    band : (H, W) bool, the edge band
    title : written at the top
    """
    none = np.zeros_like(scene.ab)
    tiles: dict[str, tuple[NDArray[np.float32], Colors]] = {
        "grey": (scene.seen, none),
        "truth": (scene.lightness, scene.ab),
    }
    tiles |= {name: (scene.seen, ab) for name, ab in pictures.items()}
    windows = places({name: ab for name, ab in pictures.items() if name not in OTHER_COLORS}, band)
    side = CROP + GAP
    lines = -(-len(tiles) // COLUMNS)
    canvas = Image.new("RGB", (GAP + COLUMNS * side, LINE + GAP + len(windows) * lines * (side + LINE)), "white")
    draw = ImageDraw.Draw(canvas)
    draw.text((GAP, 2), title, fill="black")
    for number, window in enumerate(windows):
        for position, (name, (lightness, ab)) in enumerate(tiles.items()):
            line, column = divmod(position, COLUMNS)
            left = GAP + column * side
            top = LINE + GAP + (number * lines + line) * (side + LINE)
            picture = picture_of(lightness[window], ab[window].astype(np.float32))
            canvas.paste(Image.fromarray(picture), (left, top + LINE))
            draw.text((left, top), name, fill="black")
    return canvas


def write_sheet(path: Path, image: Image.Image) -> None:
    """Write a sheet, a PNG or a JPEG by its ending, whole or not at all.

    Raises
    ------
    WriteError
        Another ending, or a place that cannot be written to.
    """
    check_sheet(path)
    temporary = path.with_name(path.name + ".part")
    try:
        image.save(temporary, FORMATS[path.suffix.lower()], quality=QUALITY)
        temporary.replace(path)
    except OSError as error:
        raise WriteError(f"cannot write {path}: {error.strerror}; choose another place") from None


def check_sheet(path: Path) -> None:
    """Refuse a file name that a sheet cannot have; `WriteError` says which it can."""
    if path.suffix.lower() not in FORMATS:
        raise WriteError(f"cannot write {path}: a sheet is a PNG or a JPEG; use {' or '.join(FORMATS)}")
