"""The study's small networks, trained from random weights: see `blocks.py` for the source and what all of them share.

Parameters, with the published 247 bins: compact 0.926 M, compact_wide 0.933 M, compact_classifier 1.047 M (0.957 M as
published, see there), compact_dilation 0.848 M, compact_dilation_concat 0.819 M, dahl_zhang_small 0.953 M.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hybrid.models.blocks import Classifier, Layer, Regressor, chain, dilated, double


class CompactBody(nn.Module):
    """Three poolings down, three enlargements up, joined to the way down at every size by concatenation.

    (B, 1, H, W), H and W multiples of 8 -> (B, 24, H, W).
    """

    def __init__(self) -> None:
        super().__init__()
        self.down1 = chain(1, Layer(3), Layer(12, norm=True))
        self.down2 = chain(12, Layer(48), Layer(48, norm=True))
        self.down4 = chain(48, Layer(96), Layer(96, norm=True))
        self.bottom = chain(96, Layer(192), Layer(192), Layer(96, kernel=1, norm=True))
        self.up4 = chain(192, Layer(96), Layer(48, norm=True))
        self.up2 = chain(96, Layer(48), Layer(12, norm=True))

    def forward(self, grey: Tensor) -> Tensor:
        """Planes of grey 0..1."""
        full = self.down1(grey)
        half = self.down2(functional.max_pool2d(full, 2))
        quarter = self.down4(functional.max_pool2d(half, 2))
        x = double(self.bottom(functional.max_pool2d(quarter, 2)))
        x = double(self.up4(torch.cat([x, quarter], 1)))
        x = double(self.up2(torch.cat([x, half], 1)))
        return torch.cat([x, full], 1)


class Compact(Regressor):
    """`Compact`: pooling and concatenation, one colour a pixel."""

    STRIDE = 8

    def __init__(self, bins: int) -> None:
        super().__init__(nn.Sequential(CompactBody(), chain(24, Layer(12), Layer(6), Layer(3))), 3, bins)


class CompactWide(Regressor):
    """`Compact_more_end_fmaps`: as Compact, with more planes before the head."""

    STRIDE = 8

    def __init__(self, bins: int) -> None:
        super().__init__(nn.Sequential(CompactBody(), chain(24, Layer(24), Layer(24))), 24, bins)


class CompactClassifier(Classifier):
    """`Compact_more_end_fmaps_classifier`, the study's "concatenation".

    Repaired: the published code builds the last layer of 128 planes and then has the head read the 64 planes before
    it. Connected here, the layer adds 73,856 parameters and the head's wider input 64 Q.
    """

    STRIDE = 8

    def __init__(self, bins: int) -> None:
        super().__init__(nn.Sequential(CompactBody(), chain(24, Layer(24), Layer(64), Layer(128))), 128, bins)


class CompactDilation(Classifier):
    """`Compact_more_end_fmaps_dilation`, the study's "strides": strides and dilation, no concatenation.

    A pixel's answer sees about 215 pixels each way across.
    """

    STRIDE = 4
    ENLARGE = 2

    def __init__(self, bins: int) -> None:
        body = nn.Sequential(
            chain(1, Layer(3), Layer(12), Layer(24, stride=2, norm=True)),
            chain(24, Layer(48), Layer(48, stride=2, norm=True)),
            chain(48, Layer(96), Layer(96, norm=True)),
            chain(96, *dilated(96, 1, 3, 7)),
            chain(96, *dilated(96, 1, 3, 7)),
            nn.UpsamplingNearest2d(scale_factor=2),
            chain(96, Layer(96), Layer(96, norm=True)),
        )
        super().__init__(body, 96, bins)


class DilationConcatBody(nn.Module):
    """Two strides down, dilation at a quarter of the size, concatenation on the way up.

    (B, 1, H, W), H and W multiples of 4 -> (B, 192, H, W).
    """

    def __init__(self) -> None:
        super().__init__()
        self.down2 = chain(1, Layer(3), Layer(12), Layer(24, stride=2, norm=True))
        self.down4 = chain(24, Layer(48), Layer(48, stride=2, norm=True))
        self.bottom = nn.Sequential(
            chain(48, Layer(96), Layer(96, norm=True)),
            chain(96, *dilated(96, 1, 3, 7)),
            chain(96, *dilated(48, 1, 3, 7)),
        )
        self.up2 = chain(96, Layer(48), Layer(24, norm=True))
        self.up1 = chain(48, Layer(48), Layer(96), Layer(192))

    def forward(self, grey: Tensor) -> Tensor:
        """Planes of grey 0..1."""
        half = self.down2(grey)
        quarter = self.down4(half)
        x = self.up2(double(torch.cat([self.bottom(quarter), quarter], 1)))
        return self.up1(double(torch.cat([x, half], 1)))


class CompactDilationConcat(Classifier):
    """`Compact_more_end_fmaps_dilation_concat`, the study's "combination": strides, dilation and concatenation."""

    STRIDE = 4

    def __init__(self, bins: int) -> None:
        super().__init__(DilationConcatBody(), 192, bins)


class DahlZhangSmallBody(nn.Module):
    """Strides down, dilation at a quarter and at half of the size, concatenation on the way up.

    (B, 1, H, W), H and W multiples of 4 -> (B, 144, H, W).
    """

    def __init__(self) -> None:
        super().__init__()
        self.down1 = chain(1, Layer(3), Layer(12), Layer(48, norm=True))
        self.down2 = chain(48, Layer(48, stride=2), Layer(48), Layer(48, norm=True))
        self.down4 = chain(48, Layer(96, stride=2), Layer(96, norm=True))
        self.bottom = chain(96, *dilated(128, 1, 3, 7))
        self.up2 = chain(176, *dilated(96, 3, 7, 15))

    def forward(self, grey: Tensor) -> Tensor:
        """Planes of grey 0..1."""
        full = self.down1(grey)
        half = self.down2(full)
        x = double(self.bottom(self.down4(half)))
        return torch.cat([double(self.up2(torch.cat([x, half], 1))), full], 1)


class DahlZhangSmall(Classifier):
    """`Dahl_Zhang_NO_VGG16`: the plan of DahlZhang on a small trunk of its own, with strides for poolings."""

    STRIDE = 4

    def __init__(self, bins: int) -> None:
        super().__init__(DahlZhangSmallBody(), 144, bins)
