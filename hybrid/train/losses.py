"""Cross-entropy against softly encoded colours, through a table over the ab plane."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hybrid.bins import soft_encode

REACH = 128
"""The table spans -128..127 in a and b, one entry a CIELAB unit."""


class SoftCrossEntropy(nn.Module):
    """-sum_q t_q log p_q with t the soft encoding of the true colour (Zhang et al. 2016, equation 2, unweighted).

    Parameters
    ----------
    bins : (Q, 2) float32
    """

    index: Tensor
    weight: Tensor

    def __init__(self, bins: NDArray[np.float32]) -> None:
        super().__init__()
        axis = np.arange(-REACH, REACH, dtype=np.float32)
        index, weight = soft_encode(np.stack(np.meshgrid(axis, axis, indexing="ij"), -1), bins)
        self.register_buffer("index", torch.from_numpy(index).view(-1, index.shape[-1]))
        self.register_buffer("weight", torch.from_numpy(weight).view(-1, weight.shape[-1]))

    def target(self, ab: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 2, h, w) colours -> bin indices and weights, each (B, K, h, w)."""
        a, b = (ab.round().long() + REACH).clamp(0, 2 * REACH - 1).unbind(1)
        place = a * (2 * REACH) + b
        return self.index[place].movedim(-1, 1), self.weight[place].movedim(-1, 1)

    def forward(self, logits: Tensor, ab: Tensor) -> Tensor:
        """Mean loss over a batch: logits (B, Q, h, w) against colours (B, 2, h, w)."""
        index, weight = self.target(ab)
        return -(torch.log_softmax(logits, 1).gather(1, index) * weight).sum(1).mean()
