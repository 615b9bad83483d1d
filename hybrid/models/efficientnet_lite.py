"""EfficientNet-Lite0 trunk (Tan & Le 2019; the Lite variant has ReLU6 and no squeeze-and-excitation).

Parameter names follow the published PyTorch checkpoint, so that its ImageNet weights load as a start for training.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

# expansion, kernel, stride, channels, repeats
STAGES = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4))
LAST_STAGE = (6, 3, 1, 320, 1)
FEATURES = (16, 24, 40, 112, 320)
"""Channels of the features returned, at strides 2, 4, 8, 16 and 32."""


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class SameConv(nn.Conv2d):
    """Convolution padded as TensorFlow's "same": at stride 2 on even sizes the extra row goes below and right."""

    def __init__(self, into: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(into, out, kernel, stride, groups=groups, bias=False)
        total = kernel - stride
        self.pad = (total // 2, total - total // 2) * 2

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (B, C, H, W); H and W even where the stride is 2."""
        return super().forward(functional.pad(x, self.pad) if any(self.pad) else x)


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; added to the input where shapes allow (Sandler et al. 2018)."""

    def __init__(self, into: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = into * expansion
        self.has_expansion = expansion != 1
        self.has_skip = stride == 1 and into == out
        if self.has_expansion:
            self._expand_conv = SameConv(into, wide, 1)
            self._bn0 = _norm(wide)
        self._depthwise_conv = SameConv(wide, wide, kernel, stride, groups=wide)
        self._bn1 = _norm(wide)
        self._project_conv = SameConv(wide, out, 1)
        self._bn2 = _norm(out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, into, H, W) -> (B, out, H / stride, W / stride)."""
        y = functional.relu6(self._bn0(self._expand_conv(x))) if self.has_expansion else x
        y = functional.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.has_skip else y


class EfficientNetLite0(nn.Module):
    """Features of a picture at five strides.

    Parameters
    ----------
    channels : int
        Planes of the input.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self._conv_stem = SameConv(channels, 32, 3, 2)
        self._bn0 = _norm(32)
        blocks: list[nn.Module] = []
        into = 32
        for expansion, kernel, stride, out, repeats in (*STAGES, LAST_STAGE):
            for repeat in range(repeats):
                blocks.append(InvertedResidual(into, out, kernel, stride if repeat == 0 else 1, expansion))
                into = out
        self._blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, channels, H, W), H and W multiples of 32 -> features at strides 2, 4, 8, 16, 32."""
        x = functional.relu6(self._bn0(self._conv_stem(x)))
        features = []
        for block, following in zip(self._blocks, [*self._blocks[1:], None], strict=True):
            x = block(x)
            if following is None or following._depthwise_conv.stride == (2, 2):
                features.append(x)
        return features
