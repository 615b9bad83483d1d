"""What training lowers: cross-entropy against softly encoded colours, or squared error for a network of one colour."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from hybrid.bins import soft_encode
from hybrid.models.blocks import AB_SCALE

REACH = 128
"""The table spans -128..127 in a and b, one entry a CIELAB unit."""


class _SparseCrossEntropy(torch.autograd.Function):
    """Mean of -sum_k t_k log p_k over rows of logits (..., Q), for K targets t a row that sum to 1.

    Its gradient, (p - t) / rows, is one array of the logits' size and nothing beside it; what autograd makes of
    log_softmax and gather holds three. At 32 crops of 128 px with a cell a pixel each of them is half a gigabyte.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, index: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(rows, index, weight)
        return (rows.logsumexp(-1) - (rows.gather(-1, index) * weight).sum(-1)).mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        rows, index, weight = ctx.saved_tensors
        slope = torch.softmax(rows, -1).scatter_add_(-1, index, -weight.to(rows.dtype))
        return slope.mul_(grad * rows.shape[-1] / rows.numel()), None, None


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
        self.bins = len(bins)
        self.register_buffer("index", torch.from_numpy(index).view(-1, index.shape[-1]))
        self.register_buffer("weight", torch.from_numpy(weight).view(-1, weight.shape[-1]))

    def target(self, ab: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 2, h, w) colours -> bin indices and weights, each (B, K, h, w)."""
        a, b = (ab.round().long() + REACH).clamp(0, 2 * REACH - 1).unbind(1)
        place = a * (2 * REACH) + b
        return self.index[place].movedim(-1, 1), self.weight[place].movedim(-1, 1)

    def forward(self, logits: Tensor, ab: Tensor) -> Tensor:
        """Mean loss over a batch: logits (B, Q, h, w) against colours (B, 2, h, w)."""
        index, weight = (planes.movedim(1, -1) for planes in self.target(ab))
        return _SparseCrossEntropy.apply(logits.movedim(1, -1), index, weight)


def squared_error(chroma: Tensor, ab: Tensor) -> Tensor:
    """Mean over cells of |chroma - ab|² / 50², of colours (B, 2, h, w) in CIELAB units.

    The study's loss for its networks of one colour (Hage 2016), averaged where it sums over the picture.
    """
    return ((chroma - ab) / AB_SCALE).square().sum(1).mean()
