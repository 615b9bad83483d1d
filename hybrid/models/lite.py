"""The default network: EfficientNet-Lite0 on lightness and hints, a light decoder, bins at a quarter of the size."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hybrid.models.colorizer import Colorizer
from hybrid.models.efficientnet_lite import FEATURES, EfficientNetLite0

STRIDE = 32
"""Any size is padded to a multiple of this."""


def _fuse(into: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(into, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True))


class LiteColorizer(Colorizer):
    """Lightness and colour hints in, logits over ab bins out.

    Parameters
    ----------
    bins : int
        Q, how many colours are told apart.
    """

    CELL = 4
    HINT_CHANNELS = 3
    SIDE = 224  # trained on 128 px; the best of 128 to 256 on half of val.zip

    def __init__(self, bins: int) -> None:
        super().__init__()
        self.encoder = EfficientNetLite0(1 + self.HINT_CHANNELS)
        widths = (96, 128, 192)  # at strides 4, 8, 16
        self.top = nn.Conv2d(FEATURES[4], widths[2], 1)
        self.laterals = nn.ModuleList(nn.Conv2d(FEATURES[i + 1], widths[i], 1) for i in range(3))
        self.fuse16 = _fuse(widths[2], widths[1])
        self.fuse8 = _fuse(widths[1], widths[0])
        self.fuse4 = _fuse(widths[0] + self.HINT_CHANNELS, 128)
        self.head = nn.Conv2d(128, bins, 1)

    def forward(self, lightness: Tensor, hints: Tensor | None = None) -> Tensor:
        """Predict.

        Parameters
        ----------
        lightness : (B, 1, H, W), L* 0..100
        hints : (B, 3, H, W) or None
            a*, b* in CIELAB units and a mask of 0 or 1; a and b are 0 where the mask is.

        Returns
        -------
        (B, Q, ceil(H / 4), ceil(W / 4)) logits
        """
        height, width = lightness.shape[-2:]
        if hints is None:
            hints = lightness.new_zeros(len(lightness), self.HINT_CHANNELS, height, width)
        scale = hints.new_tensor([1 / 50, 1 / 50, 1.0]).view(1, 3, 1, 1)
        planes = torch.cat([lightness / 50 - 1, hints * scale], 1)
        pad = (0, -width % STRIDE, 0, -height % STRIDE)
        planes = functional.pad(planes, pad, mode="replicate")
        _, f4, f8, f16, f32 = self.encoder(planes)
        x = self._raise(self.top(f32), self.laterals[2](f16))
        x = self._raise(self.fuse16(x), self.laterals[1](f8))
        x = self._raise(self.fuse8(x), self.laterals[0](f4))
        x = self.fuse4(torch.cat([x, functional.avg_pool2d(planes[:, 1:], 4)], 1))
        return self.head(x)[..., : -(-height // 4), : -(-width // 4)]

    @staticmethod
    def _raise(coarse: Tensor, lateral: Tensor) -> Tensor:
        return lateral + functional.interpolate(coarse, size=lateral.shape[-2:], mode="bilinear", align_corners=False)
