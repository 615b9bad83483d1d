"""Native pixels of real photos as guides: a centred crop, or a mosaic where none is large enough. Needs Pillow."""

from __future__ import annotations

import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.bench.guides import Guide

Rgb = NDArray[np.uint8]
SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff"}
MATRIX = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
"""Linear sRGB to XYZ (IEC 61966-2-1:1999)."""
COLOUR_CELLS = 192
"""Longest side of the map of true colours: smooth beside a photo of a megapixel."""
MOSAIC_ASPECT = 1.5
PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")
"""Files of scikit-image's package that are colour photographs."""


def photo_files(folder: Path) -> list[Path]:
    """The photos of a folder in order of name, or the photo itself.

    Raises
    ------
    ValueError
        There is none.
    """
    if folder.is_file():
        return [folder]
    found = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES) if folder.is_dir() else []
    if not found:
        raise ValueError(f"photos: no photo in {folder}; wanted a folder with some of {', '.join(sorted(SUFFIXES))}")
    return found


def photographs_of_skimage() -> list[Path]:
    """The photographs that scikit-image's own package holds, in order of name.

    Raises
    ------
    ValueError
        It is not installed.
    """
    found = find_spec("skimage")
    folder = Path(found.origin).parent / "data" if found is not None and found.origin else Path()
    there = [folder / name for name in PHOTOGRAPHS if (folder / name).is_file()]
    if not there:
        raise ValueError("photos: scikit-image is not installed; name --photos FOLDER, or images of the --gallery")
    return there


def photo_names(paths: list[Path], megapixels: float, count: int) -> list[str]:
    """Up to `count` photos of at least that size, or "mosaic" if there is none."""
    large = [path.name for path in paths if _size(path) >= megapixels * 1e6]
    return large[:count] or ["mosaic"]


def photo_guide(paths: list[Path], name: str, megapixels: float) -> Guide:
    """Guide of one photo's centre, or of all photos side by side for the name "mosaic"; never resampled.

    Raises
    ------
    ValueError
        No photo of that name.
    """
    if name == "mosaic":
        pixels = _mosaic(paths, megapixels)
    else:
        chosen = [path for path in paths if path.name == name]
        if not chosen:
            raise ValueError(f"photos: {name} is not there; wanted one of {', '.join(path.name for path in paths)}")
        pixels = _crop(_pixels(chosen[0]), megapixels)
    return Guide(name, _lightness(pixels), _small_ab(pixels))


def _opened(path: Path) -> Any:
    try:
        from PIL import Image
    except ImportError as missing:
        raise ValueError("photos: reading them needs Pillow; install pillow, or use --gallery") from missing
    Image.MAX_IMAGE_PIXELS = None
    try:
        return Image.open(path)
    except OSError as failure:
        raise ValueError(f"photos: {path} cannot be read: {failure}") from failure


def _size(path: Path) -> int:
    with _opened(path) as picture:
        return math.prod(picture.size)


def _pixels(path: Path) -> Rgb:
    with _opened(path) as picture:
        return np.asarray(picture.convert("RGB"))


def _crop(pixels: Rgb, megapixels: float) -> Rgb:
    """The centre, of the photo's aspect."""
    height, width = pixels.shape[:2]
    factor = min(1.0, math.sqrt(megapixels * 1e6 / (height * width)))
    rows, columns = max(1, round(height * factor)), max(1, round(width * factor))
    top, left = (height - rows) // 2, (width - columns) // 2
    return pixels[top : top + rows, left : left + columns]


def _mosaic(paths: list[Path], megapixels: float) -> Rgb:
    """Photos in shelves from left to right, cut off where the shelf or the mosaic ends; again from the first if few."""
    width = round(math.sqrt(megapixels * 1e6 * MOSAIC_ASPECT))
    height = round(megapixels * 1e6 / width)
    canvas = np.zeros((height, width, 3), np.uint8)
    top, turn = 0, 0
    while top < height:
        left, shelf = 0, height - top
        while left < width:
            photo = _pixels(paths[turn % len(paths)])
            turn += 1
            shelf = min(shelf, photo.shape[0])
            part = photo[:shelf, : width - left]
            canvas[top : top + len(part), left : left + part.shape[1]] = part
            left += part.shape[1]
        top += shelf
    return canvas


def _lightness(pixels: Rgb) -> NDArray[np.float32]:
    """L* / 100, in bands of rows to spare memory."""
    linear = _decoded(np.arange(256) / 255).astype(np.float32)
    weights = MATRIX[1].astype(np.float32)
    result = np.empty(pixels.shape[:2], np.float32)
    for first in range(0, len(pixels), 256):
        band = pixels[first : first + 256]
        light = sum(weights[channel] * linear[band[..., channel]] for channel in range(3))
        result[first : first + 256] = np.clip((116 * _cie_root(np.asarray(light)) - 16) / 100, 0, 1)
    return result


def _small_ab(pixels: Rgb) -> NDArray[np.float32]:
    from PIL import Image

    height, width = pixels.shape[:2]
    factor = min(1.0, COLOUR_CELLS / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
    xyz = _decoded(small / 255) @ MATRIX.T / MATRIX.sum(axis=1)
    x, y, z = np.moveaxis(_cie_root(xyz), -1, 0)
    return np.stack([500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)


def _decoded(encoded: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.where(encoded <= 0.04045, encoded / 12.92, (encoded + 0.055) ** 2.4 / 1.055**2.4)


def _cie_root(light: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.where(light > (6 / 29) ** 3, np.cbrt(light), light * (29 / 6) ** 2 / 3 + 4 / 29)
