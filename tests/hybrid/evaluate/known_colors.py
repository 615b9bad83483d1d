"""Pictures of known colours, and a network that knows them."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from hybrid.models.weights import TrainedModel
from hybrid.predict import Predictor
from hybrid.train.evaluate.pictures import scene_of

QUARTERS = np.array([[200, 40, 30], [60, 150, 60], [40, 60, 170], [235, 210, 60]], np.uint8)
"""Colours of four different lightnesses: L* 44, 55, 31 and 84."""
GREY = np.zeros(2, np.float32)


def quarters(side: int = 256) -> np.ndarray:
    """A picture of four flat colours, (side, side, 3) uint8."""
    half = side // 2
    return QUARTERS.reshape(2, 2, 3).repeat(half, 0).repeat(half, 1)


def smooth(seed: int, shape: tuple[int, int] = (70, 90), size: tuple[int, int] = (4, 3)) -> np.ndarray:
    """Random colours, smoothly joined, uint8."""
    small = np.random.default_rng(seed).integers(0, 256, (*size, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(small).resize(shape[::-1], Image.Resampling.BICUBIC))


class ByLightness(nn.Module):
    """A network that knows a few colours by their lightness; where a hint is, it knows nothing."""

    def __init__(self, lightness: np.ndarray, cell: int, sharpness: float) -> None:
        super().__init__()
        self.known = torch.from_numpy(lightness).float().view(1, -1, 1, 1)
        self.cell, self.sharpness = cell, sharpness

    def forward(self, lightness: Tensor, hints: Tensor | None = None) -> Tensor:
        """(B, 1, H, W) -> (B, Q, H / cell, W / cell) logits."""
        logits = -self.sharpness * (nn.functional.avg_pool2d(lightness, self.cell) - self.known) ** 2
        return logits if hints is None else logits * (1 - nn.functional.max_pool2d(hints[:, 2:], self.cell))


def knowing(cell: int = 1, sharpness: float = 5.0, temperature: float = 1.0, side: int = 256) -> Predictor:
    """A predictor whose first bins are the very colours of `quarters`, one cell for `cell` pixels.

    Four more bins are of colours beyond white that no picture has.
    """
    scene = scene_of(QUARTERS[None])
    lightness = np.concatenate([scene.lightness[0], [400, 500, 600, 700]])
    bins = np.concatenate([scene.ab[0], np.array([[120, 120], [-120, 120], [120, -120], [-120, -120]], np.float32)])
    prior = np.full(8, 1 / 8, np.float32)
    network = ByLightness(lightness, cell, sharpness).eval()
    return Predictor(TrainedModel(network, bins, prior, {"temperature": temperature}, "known"), "cpu", side)
