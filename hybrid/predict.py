"""A network's view of a photo: a distribution over colours for every cell. The last place where a tensor exists."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hybrid.bins import spread
from hybrid.models.trained import TrainedModel
from hybrid.scale import enlarge, shrink

Float = NDArray[np.float32]
SURE_WITHIN = 10.0
"""Confidence is one half where the distribution is this many CIELAB units wide."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the network says of each cell of a grid laid over the photo.

    Parameters
    ----------
    log_probability : (Q, h, w) float32, over the bins, normalised
    bins : (Q, 2) float32, CIELAB units
    prior : (Q,) float32, how often each bin occurs in photographs
    confidence : (h, w) float32 in [0, 1], falling with the width of the distribution
    """

    log_probability: Float
    bins: Float
    prior: Float
    confidence: Float


def pick_device(wanted: str) -> torch.device:
    """Device for "auto", "cpu" or "cuda".

    Raises
    ------
    ValueError
        "cuda" where there is none, or an unknown word.
    """
    if wanted not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device {wanted!r}; wanted auto, cpu or cuda")
    has_cuda = torch.cuda.is_available()
    if wanted == "cuda" and not has_cuda:
        raise ValueError("device 'cuda': no CUDA device found; use --device cpu")
    return torch.device("cuda" if has_cuda and wanted != "cpu" else "cpu")


def input_shape(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """Size at which the network looks at a photo: about side² pixels, aspect kept, at most 3 × side along."""
    height, width = shape
    aspect = math.sqrt(height / width)
    rows, columns = side * aspect, side / aspect
    fit = min(1.0, 3 * side / max(rows, columns))
    return max(1, round(rows * fit)), max(1, round(columns * fit))


class Predictor:
    """A trained network on its device, and the size at which it looks at photos.

    Parameters
    ----------
    model : from `load_model`
    device : "auto", "cpu" or "cuda"
    side : about side² pixels are looked at; None takes what the model's card says is best
        A model whose card says "input_size" looks at that size alone.
    """

    def __init__(self, model: TrainedModel, device: str = "auto", side: int | None = None) -> None:
        self.model = model
        self.device = pick_device(device)
        self.side = side or int(model.card.get("input_side", 192))
        self._network = model.network.to(self.device)
        self.temperature = float(model.card.get("temperature", 1.0))

    @property
    def takes_hints(self) -> bool:
        """Whether the network heeds colours known beforehand."""
        return bool(self.model.card.get("hints", getattr(self._network, "HINT_CHANNELS", 0)))

    def input_shape(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Size (h, w) at which the network looks at a photo of `shape`: the one size it takes, or one of the aspect."""
        if "input_size" in self.model.card:
            rows, columns = self.model.card["input_size"]
            return rows, columns
        multiple = int(self.model.card.get("input_multiple", 1))
        rows, columns = (max(1, round(edge / multiple)) * multiple for edge in input_shape(shape, self.side))
        return rows, columns

    def predict(self, lightness: Float, hints: Float | None = None) -> Prediction:
        """Predict colours.

        Parameters
        ----------
        lightness : (H, W) float32, L* 0..100, any size
        hints : (h, w, 3) float32 or None
            a*, b* and a mask of 0 or 1 at `input_shape(lightness.shape)`: colours known beforehand.

        Returns
        -------
        Prediction, its cells a quarter of the input's size; its probabilities calibrated by the temperature that the
        model's card names (Guo et al. 2017, section 4.2).
        """
        shape = self.input_shape(lightness.shape)
        resize = shrink if shape[0] <= lightness.shape[0] and shape[1] <= lightness.shape[1] else enlarge
        small = resize(lightness, shape)
        planes = torch.from_numpy(np.array(small)).to(self.device)[None, None]
        given = None if hints is None else torch.from_numpy(np.moveaxis(hints, -1, 0).copy()).to(self.device)[None]
        with torch.inference_mode():
            logits = self._network(planes, given)[0] / self.temperature
            log_probability = torch.log_softmax(logits, 0).float().cpu().numpy()
        width = spread(log_probability, self.model.bins)
        confidence = (1 / (1 + (width / SURE_WITHIN) ** 2)).astype(np.float32)
        return Prediction(log_probability, self.model.bins, self.model.prior, confidence)
