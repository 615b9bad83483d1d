"""Photos and archives to train on."""

import io
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from hybrid.train.ranks import Rank

CPU = torch.device("cpu")
ALONE = Rank(0, 1, CPU)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def photos(count: int = 8) -> list[np.ndarray]:
    """Smooth colour pictures of several shapes, uint8."""
    random = np.random.default_rng(0)
    shapes = [(40 + 3 * i, 60 - 2 * i) for i in range(count)]
    small = [random.integers(0, 256, (3, 4, 3)).astype(np.uint8) for _ in shapes]
    return [
        np.asarray(Image.fromarray(s).resize((w, h), Image.Resampling.BICUBIC))
        for s, (h, w) in zip(small, shapes, strict=True)
    ]


def archive(path: Path, pictures: list[np.ndarray], kind: str = "PNG") -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for number, picture in enumerate(pictures):
            data = io.BytesIO()
            Image.fromarray(picture).save(data, kind)
            file.writestr(f"{number}.{kind.lower()}", data.getvalue())
    return path
