"""Images to try chroma solvers on: known answers, and patterns that break the usual methods. All repeatable."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from solvers.seeds import Seeds

Image = NDArray[np.float32]


def constant(shape: tuple[int, int]) -> Image:
    """Nothing to hold colour back anywhere."""
    return np.full(shape, 0.5, np.float32)


def two_halves(shape: tuple[int, int]) -> Image:
    """Dark left, bright right: with a seed in each, colour must stop at the border."""
    image = np.full(shape, 0.2, np.float32)
    image[:, shape[1] // 2 :] = 0.8
    return image


def checkerboard(shape: tuple[int, int], size: int = 1) -> Image:
    """Squares that only diagonal links join."""
    y, x = np.indices(shape)
    return (0.2 + 0.6 * ((y // size + x // size) % 2)).astype(np.float32)


def stripes(shape: tuple[int, int], size: int = 1) -> Image:
    """Columns that nothing but the floor joins."""
    return (0.2 + 0.6 * (np.indices(shape)[1] // size % 2)).astype(np.float32)


def diagonals(shape: tuple[int, int], size: int = 3) -> Image:
    """Stripes across the grid's own directions."""
    y, x = np.indices(shape)
    return (0.2 + 0.6 * ((2 * y + 3 * x) // (3 * size) % 2)).astype(np.float32)


def noise(shape: tuple[int, int], seed: int = 0) -> Image:
    """White noise: islands of a few pixels, tied outward by almost nothing."""
    return np.random.default_rng(seed).random(shape, np.float32)


def grain(shape: tuple[int, int], strength: float = 0.04, seed: int = 0) -> Image:
    """Smooth shapes with hard edges under film grain, the nearest here to a photo."""
    y, x = (np.indices(shape) + 0.5) / np.reshape(shape, (2, 1, 1))
    image = 0.35 + 0.2 * np.sin(5 * x + 2 * y)
    image[(y - 0.4) ** 2 + (x - 0.35) ** 2 < 0.06] += 0.3
    image[(x > 0.6) & (y > 0.55)] -= 0.2
    image += strength * np.random.default_rng(seed).standard_normal(shape)
    return np.clip(image, 0, 1).astype(np.float32)


GALLERY: dict[str, Callable[[tuple[int, int]], Image]] = {
    "constant": constant,
    "two halves": two_halves,
    "checkerboard": checkerboard,
    "stripes": stripes,
    "diagonals": diagonals,
    "noise": noise,
    "grain": grain,
}


def scattered(shape: tuple[int, int], count: int, weight: float = 1000.0, seed: int = 0) -> Seeds:
    """Random colours in [0, 1] at random pixels, like the answer of a network kept at single pixels."""
    random = np.random.default_rng(seed)
    index = random.choice(shape[0] * shape[1], min(count, shape[0] * shape[1]), replace=False)
    return Seeds(index, random.random((len(index), 2), np.float32), np.full(len(index), weight, np.float32))


def strokes(shape: tuple[int, int], count: int, weight: float = 1e6, seed: int = 0) -> Seeds:
    """A few short horizontal strokes of one colour each, nearly exact, like a person's."""
    random = np.random.default_rng(seed)
    marked: dict[int, NDArray[np.float64]] = {}
    for _ in range(count):
        length = max(shape[1] // 8, 1)
        y, x = random.integers(0, shape[0]), random.integers(0, shape[1] - length + 1)
        colour = random.random(2)
        marked.update({int(y * shape[1] + column): colour for column in range(x, x + length)})
    index = np.array(list(marked))
    return Seeds(index, np.array(list(marked.values()), np.float32), np.full(len(index), weight, np.float32))
