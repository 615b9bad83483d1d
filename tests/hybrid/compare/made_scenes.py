"""Scenes whose colours are known."""

import numpy as np

from hybrid.compare.methods import METHODS
from hybrid.compare.scene import Scene
from hybrid.compare.scores import edge_band

BLUE, ORANGE = (5.0, -35.0), (30.0, 40.0)
NEED_NO_NETWORK = [name for name in METHODS if name not in ("network_full_size", "recipe_unfused")]


def even(shape: tuple[int, int] = (45, 61), ab: tuple[float, float] = BLUE) -> Scene:
    lightness = np.full(shape, 50, np.float32)
    return Scene(lightness, np.broadcast_to(np.float32(ab), (*shape, 2)).copy(), lightness)


def step(shape: tuple[int, int] = (96, 128), column: int = 69) -> Scene:
    """Two colours on two surfaces of fine grain; 16 cells are 8 pixels wide, so that the edge lies inside of one."""
    lightness = np.full(shape, 40, np.float32)
    lightness[:, column:] = 70
    lightness += np.random.default_rng(0).normal(0, 0.3, shape).astype(np.float32)
    ab = np.empty((*shape, 2), np.float32)
    ab[:, :column], ab[:, column:] = BLUE, ORANGE
    return Scene(lightness, ab, lightness)


def error_of(ab: np.ndarray, scene: Scene) -> float:
    return float(np.linalg.norm(ab - scene.ab, axis=-1)[edge_band(scene.ab)].mean())
