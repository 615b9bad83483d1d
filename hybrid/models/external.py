"""Any colorizer as the source of colours: `--model FILE.onnx`, or `--model FILE.pt` for TorchScript.

What the file must be
---------------------
Input: one float32 tensor (1, 1, H, W), L* 0..100 of CIELAB (D65). H and W are free, or fixed by the file: an ONNX
graph says so in its shapes, a TorchScript file in its card. To a fixed size the photo is resized without regard to
aspect, and the answer is stretched back; a free size follows the photo's aspect in multiples of 32. A second input
(1, 3, H, W), where there is one, takes hints: a*, b* and a mask of 0 or 1. A network without it hears no hints; the
strokes that they come from are solved for all the same.

Output: one tensor, (1, 2, h, w) of a*, b* in CIELAB units (a regression), or (1, Q, h, w) of logits over colour bins.
Q is that of a table of `hybrid.bins.BINS`, unless the file carries bins of its own. What is finer than one cell for
4 × 4 pixels, or than 128 cells a side, is averaged.

The file may carry two texts: "ab_bins", a JSON list of Q pairs [a, b], and "card", a JSON object that reports repeat.
Of the card these are heeded: "input_side" (a free size has about that many pixels squared, 256 if not said),
"input_size" ([rows, columns], where they are fixed), "temperature" (that calibrates logits). ONNX has them in its
metadata_props, TorchScript in the extra files ab_bins.json and card.json.

ONNX needs the extra `onnx` and runs on the CPU whatever the device; TorchScript moves to a CUDA device. ONNX is data.
**TorchScript is code: run only files that you trust.** They are opened by `torch.jit.load` alone, never as a pickle of
Python objects, which a file of bare weights (.pt, .pth) is: such a file is refused.

A regression's colour as a distribution
---------------------------------------
The rest of the program decodes distributions. A colour becomes a Gaussian, 10 units wide along a and along b, on bins
of its own, 10 apart up to ±130, beyond what sRGB can show. The annealed mean gives the colour back to 0.11 units for
temperatures from .3 to 1 and to 0.5 at .2; towards 0 it moves to the nearest bin, up to 5 units off in a and in b.
(On the gamut's own bins the mean of a vivid colour would be off by 4 units and more: there are none beyond it.) The
prior is uniform, so that vividness changes nothing. What a region agrees on is the mean of its cells' colours, since
the mean of such Gaussians' logarithms is the Gaussian of the mean.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hybrid.hints import sha256_of
from hybrid.models.declared import MOST_AB, MULTIPLE, bins_of, card_of
from hybrid.models.graphs import GRAPHS, Graph
from hybrid.models.trained import ModelError, TrainedModel

STRIDE, MOST_CELLS = 4, 128
"""Pixels of the input that a cell spans at least, and cells a side at most."""
STEP, BUMP, REACH, EDGE = 10.0, 10.0, 110.0, 130.0
"""Of a regression, CIELAB units: between bins, width of the Gaussian, most |a| or |b| (sRGB: 108), outermost bin."""


def load_external(name: str) -> TrainedModel:
    """Load an ONNX or TorchScript file, and look at what it answers to a ramp.

    Raises
    ------
    ModelError
        No such file, an unreadable one, onnxruntime is missing, or inputs, texts or an answer other than told above.
    """
    path = Path(name)
    if not path.is_file():
        raise ModelError(f"model {name!r}: not found; wanted a file")
    graph = GRAPHS[path.suffix.lower()](path).eval()
    card = card_of(graph)
    rows, columns = card.get("input_size", (card["input_side"], card["input_side"] + MULTIPLE))
    with torch.inference_mode():
        answer = graph(torch.linspace(0, 100, columns).repeat(1, 1, rows, 1))
        bins = bins_of(graph, tuple(answer.shape))
        network = ExternalColorizer(graph, bins)
        network.distribution(answer, (rows, columns))  # refuses what cannot be before any photo is read
    card["answers"] = "a*b*" if bins is None else f"logits over {len(bins)} bins"
    table = network.bins.numpy()
    prior = np.full(len(table), 1 / len(table), np.float32)
    return TrainedModel(network.eval().requires_grad_(False), table, prior, card, name, sha256_of(path))


class ExternalColorizer(nn.Module):
    """The network of a file behind the interface of ours.

    Parameters
    ----------
    graph : the network
    bins : (Q, 2) float32, CIELAB units, that it answers logits over; None if it answers colours
    """

    bins: Tensor

    def __init__(self, graph: Graph, bins: NDArray[np.float32] | None) -> None:
        super().__init__()
        self.graph = graph
        self.is_regression = bins is None
        self.channels = 2 if bins is None else len(bins)
        self.register_buffer("bins", torch.from_numpy(wide_bins() if bins is None else bins.copy()))

    def forward(self, lightness: Tensor, hints: Tensor | None = None) -> Tensor:
        """Predict.

        Parameters
        ----------
        lightness : (1, 1, H, W), L* 0..100
        hints : (1, 3, H, W) or None
            a*, b* in CIELAB units and a mask of 0 or 1.

        Returns
        -------
        (1, Q, h, w) logits

        Raises
        ------
        ModelError
            The file's network fails, or answers what cannot be.
        """
        return self.distribution(self.graph(lightness, hints), lightness.shape[-2:])

    def distribution(self, answer: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Logits (1, Q, h, w) from the file's answer to an input of `shape` (H, W).

        Raises
        ------
        ModelError
            An answer of another shape, NaN, or colours beyond CIELAB.
        """
        path = self.graph.path
        if answer.ndim != 4 or answer.shape[:2] != (1, self.channels) or not answer.numel():
            raise ModelError(f"model {path}: answers {tuple(answer.shape)}; wanted (1, {self.channels}, h, w)")
        if not answer.isfinite().all():
            raise ModelError(f"model {path}: answers NaN or infinite numbers; wanted finite ones, given L* 0..100")
        rows, columns = (
            min(n, -(-edge // STRIDE), MOST_CELLS) for n, edge in zip(answer.shape[2:], shape, strict=True)
        )
        if not self.is_regression:
            return pooled_logits(answer, (rows, columns))
        if (most := float(answer.abs().max())) > MOST_AB:
            raise ModelError(f"model {path}: answers a*b* up to {most:.4g}; wanted CIELAB units within ±{MOST_AB:.0f}")
        return bump(functional.adaptive_avg_pool2d(answer, (rows, columns)), self.bins)


def wide_bins() -> NDArray[np.float32]:
    """Bins (Q, 2) of a regression: a square grid that reaches beyond every colour by twice the Gaussian's width."""
    axis = np.arange(-EDGE, EDGE + 1, STEP, dtype=np.float32)
    return np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)


def bump(ab: Tensor, bins: Tensor) -> Tensor:
    """Logits of a Gaussian around each colour, -|bin - ab|² / (2 BUMP²) up to a constant a cell.

    Parameters
    ----------
    ab : (B, 2, h, w), CIELAB units; what reaches beyond ±REACH is made paler until it does not, its hue kept
    bins : (Q, 2)

    Returns
    -------
    (B, Q, h, w)
    """
    ab = ab * (REACH / ab.abs().amax(1, keepdim=True).clamp_min(REACH))
    product = torch.einsum("qc,bchw->bqhw", bins, ab)
    return (product - (bins**2).sum(1)[:, None, None] / 2) / BUMP**2


def pooled_logits(logits: Tensor, cells: tuple[int, int]) -> Tensor:
    """Logits of the mean distribution over each of (h, w) cells; the logits themselves if there are no more."""
    if logits.shape[2:] == cells:
        return logits
    return functional.adaptive_avg_pool2d(logits.softmax(1), cells).clamp_min(1e-12).log()
