"""A photo of two halves, cells of one colour, and strokes on it."""

import numpy as np

from hybrid.colorized import Colorized
from hybrid.photo import Photo
from hybrid.scribbles import CellColors
from hybrid.settings import Settings
from hybrid.strokes import Stroke, covered

HEIGHT, WIDTH = 60, 80
BLUE, RED = np.array([10.0, -40.0], np.float32), (55.0, 35.0)
SMALL = Settings(megapixels=0.0012)
"""A working size of a quarter of the pixels of the photo below."""


def two_halves(left: float = 35, right: float = 70, noise: float = 0.3) -> Photo:
    """Two even surfaces with film grain, the edge in the middle."""
    lightness = np.full((HEIGHT, WIDTH), left, np.float32)
    lightness[:, WIDTH // 2 :] = right
    lightness += np.random.default_rng(0).normal(0, noise, lightness.shape).astype(np.float32)
    return Photo(lightness)


def cells(ab: np.ndarray = BLUE, shape: tuple[int, int] = (15, 20)) -> CellColors:
    return CellColors(np.broadcast_to(ab, (*shape, 2)).astype(np.float32), np.ones(shape, np.float32))


def stroke(x: float = 20.5, y: float = 30.5, mode: str = "color", **options: object) -> Stroke:
    ab = RED if mode == "color" else None
    return Stroke(points=[[x, y - 6], [x, y + 6]], **{"radius": 2.0, "ab": ab, "mode": mode, **options})  # type: ignore[arg-type]


def painted(mark: Stroke) -> np.ndarray:
    is_painted = np.zeros((HEIGHT, WIDTH), bool)
    is_painted.ravel()[covered(mark, (HEIGHT, WIDTH))] = True
    return is_painted


def way(result: Colorized) -> np.ndarray:
    """How far each pixel has gone from the blue of the cells to the red of the stroke, 0..1."""
    step = np.array(RED) - BLUE
    return (result.ab - BLUE) @ step / (step @ step)


def settled(result: Colorized) -> Colorized:
    assert result.ab.shape == (*result.photo.lightness.shape, 2)
    assert result.ab.dtype == np.float32
    assert np.isfinite(result.ab).all()
    return result
