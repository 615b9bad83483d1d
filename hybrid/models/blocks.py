"""What the networks of the 2016 colorization study share: their convolutions, sizes and two kinds of answer.

The ten networks of `compact.py` and `vgg.py` follow the published code of D. Hage, *Colorization networks* (TU Delft
2016, github.com/DawudH/ImageColorizer): 3 × 3 convolutions padded with zeros, ReLU, nearest enlargement, and batch
normalisation between a convolution without bias and its ReLU. Weights start Glorot-uniform, biases at zero. Two things
differ on purpose. Normalisation uses running statistics once trained, so that an answer does not depend on its batch;
and any height and width is taken, not 128 × 128 alone.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hybrid.bins import BINS, named_bins
from hybrid.models.colorizer import Colorizer

BUMP = 5.0
"""Width, in CIELAB units, of the distribution around the one colour that a regressing network answers."""
AB_SCALE = 50.0
"""CIELAB units to one unit of a regressing network's head."""


class Layer(NamedTuple):
    """One convolution and its ReLU, with or without batch normalisation between them."""

    out: int
    kernel: int = 3
    stride: int = 1
    dilation: int = 1
    norm: bool = False


def dilated(out: int, *dilations: int) -> list[Layer]:
    """Layers of `out` planes with these dilations, the last one normalised."""
    return [Layer(out, dilation=d, norm=i == len(dilations)) for i, d in enumerate(dilations, 1)]


def conv(into: int, layer: Layer) -> nn.Conv2d:
    """Convolution padded with zeros so that size / stride is kept; no bias before a normalisation."""
    out, kernel, stride, dilation, norm = layer
    made = nn.Conv2d(into, out, kernel, stride, dilation * (kernel // 2), dilation, bias=not norm)
    nn.init.xavier_uniform_(made.weight)
    if made.bias is not None:
        nn.init.zeros_(made.bias)
    return made


def normalisation(channels: int) -> nn.BatchNorm2d:
    """Batch normalisation with the constants of the published networks."""
    return nn.BatchNorm2d(channels, eps=1e-4, momentum=0.1)


def chain(into: int, *layers: Layer) -> nn.Sequential:
    """Layers one after another on `into` planes."""
    modules: list[nn.Module] = []
    for layer in layers:
        modules.append(conv(into, layer))
        if layer.norm:
            modules.append(normalisation(layer.out))
        modules.append(nn.ReLU(inplace=True))
        into = layer.out
    return nn.Sequential(*modules)


def double(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, 2 H, 2 W), each value four times."""
    return functional.interpolate(x, scale_factor=2, mode="nearest")


class SeedNetwork(Colorizer):
    """A body that makes planes of grey, and a head that reads them; one cell a pixel; hints are ignored.

    Parameters
    ----------
    body : (B, 1, H, W) grey 0..1, H and W multiples of STRIDE -> planes at 1 / ENLARGE of the size
    head : the last convolution
    """

    CELL = 1
    HINT_CHANNELS = 0
    SIDE = 128  # as in the study
    STRIDE: ClassVar[int]
    ENLARGE: ClassVar[int] = 1
    """A last nearest enlargement; it follows a 1 × 1 head, which answers the same on each copy of a value."""

    def __init__(self, body: nn.Module, head: nn.Conv2d) -> None:
        super().__init__()
        self.body = body
        self.head = head

    def _planes(self, lightness: Tensor) -> Tensor:
        """L* (B, 1, H, W) -> (B, C, H, W); what a multiple of STRIDE lacks is the last row and column repeated."""
        height, width = lightness.shape[-2:]
        pad = (0, -width % self.STRIDE, 0, -height % self.STRIDE)
        planes = self.head(self.body(functional.pad(lightness / 100, pad, mode="replicate")))
        if self.ENLARGE > 1:
            planes = functional.interpolate(planes, scale_factor=self.ENLARGE, mode="nearest")
        return planes[..., :height, :width]


class Classifier(SeedNetwork):
    """A network that answers a distribution over colours.

    Parameters
    ----------
    body : as of SeedNetwork
    into : planes that the body makes
    bins : Q
    """

    def __init__(self, body: nn.Module, into: int, bins: int) -> None:
        super().__init__(body, conv(into, Layer(bins, kernel=1)))

    def forward(self, lightness: Tensor, hints: Tensor | None = None) -> Tensor:  # noqa: ARG002 - takes no hints
        """L* (B, 1, H, W) -> logits (B, Q, H, W); hints are ignored."""
        return self._planes(lightness)


class Regressor(SeedNetwork):
    """A network that answers one colour; its "distribution" is a bump of fixed width around that colour.

    The logits are -|bin - ab|² / (2 BUMP²), so that everything that takes a distribution takes this. The bump has no
    confidence of its own: every place looks equally sure. It is trained by squared error on `chroma`.

    Parameters
    ----------
    body, into, bins : as of Classifier. Where the bins lie is known if a table of `hybrid.bins.BINS` has as many;
        otherwise `use_bins` has to say it.
    """

    positions: Tensor

    def __init__(self, body: nn.Module, into: int, bins: int) -> None:
        super().__init__(body, conv(into, Layer(2)))
        self.bins = bins
        tables = {len(table): table for table in map(named_bins, BINS)}
        known = tables.get(bins, np.zeros((0, 2), np.float32))
        self.register_buffer("positions", torch.from_numpy(known.copy()), persistent=False)

    def use_bins(self, bins: NDArray[np.float32]) -> None:
        """Answer over these bins, (Q, 2) CIELAB units.

        Raises
        ------
        ValueError
            Not Q of them.
        """
        if bins.shape != (self.bins, 2):
            raise ValueError(f"bins of shape {bins.shape}; wanted ({self.bins}, 2), as the network was made for")
        self.positions = torch.from_numpy(bins.copy()).to(self.positions)

    def chroma(self, lightness: Tensor) -> Tensor:
        """L* (B, 1, H, W) -> a*, b* (B, 2, H, W) in CIELAB units."""
        return AB_SCALE * self._planes(lightness)

    def forward(self, lightness: Tensor, hints: Tensor | None = None) -> Tensor:  # noqa: ARG002 - takes no hints
        """L* (B, 1, H, W) -> logits (B, Q, H, W); hints are ignored.

        Raises
        ------
        ValueError
            Nobody has said where the bins lie.
        """
        if len(self.positions) != self.bins:
            raise ValueError(f"{self.bins} bins at unknown places; make the network by hybrid.models.build(name, bins)")
        ab = self.chroma(lightness)
        product = functional.conv2d(ab, self.positions[:, :, None, None])
        squared = (self.positions**2).sum(1)[:, None, None] - 2 * product + (ab**2).sum(1, keepdim=True)
        return squared / (-2 * BUMP**2)
