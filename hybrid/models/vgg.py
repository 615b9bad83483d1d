"""The study's networks on a VGG16 trunk: see `blocks.py` for the source and what all of them share.

The study froze the whole trunk, and with it, by mistake, the random 1 × 1 convolution after it, `final` here; that one
is trained now. The trunk stays frozen where it holds ImageNet weights (`load_trunk`); with random weights it has to be
trained as well. Parameters outside the trunk, with the published 247 bins: dahl 1.957 M and dahl_classifier 1.972 M as
published, `final` adds 0.131 M to each; dahl_zhang 1.018 M; zhang 3.015 M (the published code cannot build it).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hybrid.models.blocks import Classifier, Layer, Regressor, chain, dilated, double, normalisation
from hybrid.models.vgg16 import VggTrunk


class Side(nn.Sequential):
    """Normalisation and ReLU of a trunk's convolution, for the decoder alone."""

    def __init__(self, channels: int) -> None:
        super().__init__(normalisation(channels), nn.ReLU())


class DahlBody(nn.Module):
    """Four blocks of VGG16, and a decoder joined to the first three by concatenation (after R. Dahl's network).

    (B, 1, H, W), H and W multiples of 8 -> (B, 64, H, W).
    """

    def __init__(self) -> None:
        super().__init__()
        self.trunk = VggTrunk(4, is_read_raw=False)
        self.sides = nn.ModuleList(Side(width) for width in (64, 128, 256))
        self.final = chain(512, Layer(256, kernel=1, norm=True))
        self.up4 = chain(512, Layer(256), Layer(128, norm=True))
        self.up2 = chain(256, Layer(128), Layer(64, norm=True))
        self.up1 = chain(128, Layer(64), Layer(64))

    def forward(self, grey: Tensor) -> Tensor:
        """Planes of grey 0..1."""
        *raw, deep = self.trunk(grey)
        full, half, quarter = (side(x) for side, x in zip(self.sides, raw, strict=True))
        x = double(self.final(functional.relu(deep)))
        x = double(self.up4(torch.cat([x, quarter], 1)))
        x = double(self.up2(torch.cat([x, half], 1)))
        return self.up1(torch.cat([x, full], 1))


class Dahl(Regressor):
    """`Dahl`: pooling and concatenation, one colour a pixel."""

    STRIDE = 8

    def __init__(self, bins: int) -> None:
        super().__init__(DahlBody(), 64, bins)


class DahlClassifier(Classifier):
    """`Dahl_classifier`: as Dahl, with a distribution over colours."""

    STRIDE = 8

    def __init__(self, bins: int) -> None:
        super().__init__(DahlBody(), 64, bins)


class DahlZhangBody(nn.Module):
    """Three blocks of VGG16, dilation at a quarter and at half of the size, concatenation on the way up.

    (B, 1, H, W), H and W multiples of 4 -> (B, 160, H, W).
    """

    def __init__(self) -> None:
        super().__init__()
        self.trunk = VggTrunk(3, is_read_raw=True)
        self.sides = nn.ModuleList(Side(width) for width in (64, 128, 256))
        self.bottom = chain(256, *dilated(128, 1, 3, 7))
        self.up2 = chain(256, *dilated(96, 3, 7, 15))

    def forward(self, grey: Tensor) -> Tensor:
        """Planes of grey 0..1."""
        full, half, quarter = (side(x) for side, x in zip(self.sides, self.trunk(grey), strict=True))
        x = double(self.bottom(quarter))
        return torch.cat([double(self.up2(torch.cat([x, half], 1))), full], 1)


class DahlZhang(Classifier):
    """`Dahl_Zhang`: pooling, dilation and concatenation."""

    STRIDE = 4

    def __init__(self, bins: int) -> None:
        super().__init__(DahlZhangBody(), 160, bins)


class ZhangBody(nn.Module):
    """Three blocks of VGG16 and dilated convolutions at a quarter of the size.

    (B, 1, H, W), H and W multiples of 4 -> (B, 256, H / 4, W / 4).
    """

    def __init__(self) -> None:
        super().__init__()
        self.trunk = VggTrunk(3, is_read_raw=True)
        self.side = Side(256)
        self.bottom = nn.Sequential(chain(256, *dilated(256, 1, 3, 7)), chain(256, *dilated(256, 3, 7)))

    def forward(self, grey: Tensor) -> Tensor:
        """Planes of grey 0..1."""
        return self.bottom(self.side(self.trunk(grey)[-1]))


class Zhang(Classifier):
    """`Zhang`: pooling and dilation.

    Repaired: the published code normalises a layer "conv14" that does not exist; the dilated convolution before it is
    meant.
    """

    STRIDE = 4
    ENLARGE = 4

    def __init__(self, bins: int) -> None:
        super().__init__(ZhangBody(), 256, bins)
