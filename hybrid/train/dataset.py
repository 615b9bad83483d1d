"""Photographs to train on: archives decoded once into flat files that are mapped into memory."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
THUMBNAIL = 64


@dataclass(frozen=True)
class PhotoStore:
    """Many small colour photos, one after another in one array.

    Parameters
    ----------
    pixels : (bytes,) uint8, RGB, row-major, mapped from disk
    shapes : (N, 2) int64, height and width of each photo
    """

    pixels: Pixels
    shapes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.shapes)

    def __getitem__(self, number: int) -> Pixels:
        """Photo `number`, (H, W, 3) uint8."""
        height, width = self.shapes[number]
        start = self._offsets[number]
        return self.pixels[start : start + height * width * 3].reshape(height, width, 3)

    @cached_property
    def _offsets(self) -> NDArray[np.int64]:
        return np.concatenate([[0], np.cumsum(self.shapes.prod(1) * 3)])

    def crop(self, number: int, size: int, random: np.random.Generator) -> Pixels:
        """A random square of 70-100 % of the short side, mirrored half the time, as (size, size, 3) uint8."""
        photo = self[number]
        height, width = photo.shape[:2]
        side = min(height, width) * random.uniform(0.7, 1.0)
        top, left = random.uniform(0, height - side), random.uniform(0, width - side)
        picture = Image.fromarray(photo).resize(
            (size, size), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side)
        )
        crop = np.asarray(picture)
        return crop[:, ::-1] if random.random() < 0.5 else crop


def _photos_of(path: Path) -> list[Pixels]:
    """All photos of an archive of pictures, or of a mosaic of thumbnails."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return [np.asarray(Image.open(io.BytesIO(archive.read(n))).convert("RGB")) for n in archive.namelist()]
    mosaic = np.asarray(Image.open(path).convert("RGB"))
    tiles = mosaic.reshape(mosaic.shape[0] // THUMBNAIL, THUMBNAIL, mosaic.shape[1] // THUMBNAIL, THUMBNAIL, 3)
    return list(np.ascontiguousarray(tiles.swapaxes(1, 2)).reshape(-1, THUMBNAIL, THUMBNAIL, 3))


def open_store(sources: list[Path], cache: Path) -> PhotoStore:
    """Decode `sources` into `cache` unless that is done already, and map the result.

    Parameters
    ----------
    sources : zip archives of photos, or pictures that are mosaics of 64 px thumbnails
    cache : folder for the decoded pixels; about 75 kB a photo of 160 px

    Raises
    ------
    FileNotFoundError
        No source at all, or one that does not exist.
    """
    if not sources:
        raise FileNotFoundError("no training data found; wanted train-*.zip or tiny/*.avif in the --data folder")
    name = f"{sources[0].stem}-{len(sources)}"
    pixels_path, shapes_path = cache / f"{name}.u8", cache / f"{name}.json"
    if not shapes_path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        shapes: list[tuple[int, ...]] = []
        with pixels_path.open("wb") as out:
            for source in sources:
                for photo in _photos_of(source):
                    shapes.append(photo.shape[:2])
                    out.write(np.ascontiguousarray(photo).data)
        shapes_path.write_text(json.dumps(shapes))
    return PhotoStore(np.memmap(pixels_path, np.uint8, "r"), np.array(json.loads(shapes_path.read_text()), np.int64))


def read_archive(path: Path) -> list[Pixels]:
    """All photos of one zip archive, each (H, W, 3) uint8, in the archive's order.

    Raises
    ------
    FileNotFoundError
        No such archive.
    """
    return _photos_of(path)
