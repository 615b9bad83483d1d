"""VGG16 on grey, to the end of one of its blocks: the trunk of `vgg.py`'s networks."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from hybrid.models.blocks import Layer, conv

BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512))
"""Planes of the convolutions of each block, to conv4_3; a pooling between blocks (Simonyan & Zisserman 2015)."""
FEATURES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21))
"""Their numbers in the state dict of torchvision's `vgg16`."""
IMAGENET_MEAN, IMAGENET_DEVIATION = 0.449, 0.226
"""Of a grey value 0..1: the means over the three colours of what torchvision's weights expect."""


class VggTrunk(nn.Module):
    """VGG16 to the end of a block, on grey.

    Parameters
    ----------
    blocks : how many of its blocks, 1 to 4
    is_read_raw : its last convolution is read through a normalisation alone, and so has no bias
    """

    def __init__(self, blocks: int, is_read_raw: bool) -> None:
        super().__init__()
        into = 1
        made: list[nn.Module] = []
        for widths in BLOCKS[:blocks]:
            bare = is_read_raw and len(made) == blocks - 1
            layers = [Layer(width, norm=bare and n == len(widths)) for n, width in enumerate(widths, 1)]
            made.append(nn.ModuleList(conv(a, b) for a, b in zip((into, *widths), layers, strict=False)))
            into = widths[-1]
        self.blocks = nn.ModuleList(made)

    def forward(self, grey: Tensor) -> list[Tensor]:
        """Last convolution of each block, before its ReLU.

        Parameters
        ----------
        grey : (B, 1, H, W) in 0..1, H and W multiples of 2 ** (blocks - 1)

        Returns
        -------
        (B, 64, H, W), (B, 128, H / 2, W / 2), (B, 256, H / 4, W / 4), (B, 512, H / 8, W / 8), as many as blocks. The
        study's copies of these convolutions without bias are the same planes: a normalisation follows them, which
        takes any bias away.
        """
        x = (grey - IMAGENET_MEAN) / IMAGENET_DEVIATION
        found: list[Tensor] = []
        for block in self.blocks:
            if found:
                x = functional.max_pool2d(functional.relu(x), 2)
            for number, layer in enumerate(block.children()):
                x = layer(functional.relu(x) if number else x)
            found.append(x)
        return found


def load_trunk(network: nn.Module, path: Path) -> None:
    """Give the trunk ImageNet weights, the first convolution's colours summed to one of grey, and freeze it.

    Parameters
    ----------
    network : one with such a trunk
    path : state dict of torchvision's `vgg16`, as `torch.save` writes it; its classifier is not looked at

    Raises
    ------
    ValueError
        A network without such a trunk, or a file that does not hold one.
    """
    trunks = [module for module in network.modules() if isinstance(module, VggTrunk)]
    if not trunks:
        raise ValueError(f"{type(network).__name__} has no trunk that ImageNet weights would fit; leave {path} out")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        reason = " ".join(str(error).split())[:100]
        raise ValueError(f"{path}: not a readable PyTorch state dict ({reason}); wanted torchvision's vgg16") from None
    for trunk in trunks:
        trunk.load_state_dict(_grey_state(trunk, state, path))
        trunk.requires_grad_(False)


def _grey_state(trunk: VggTrunk, state: object, path: Path) -> dict[str, Tensor]:
    found = {}
    for name, own in trunk.state_dict().items():
        _, block, number, kind = name.split(".")
        key = f"features.{FEATURES[int(block)][int(number)]}.{kind}"
        value = state.get(key) if isinstance(state, dict) else None
        if isinstance(value, Tensor) and value.ndim == 4 and own.shape[1] == 1:
            value = value.sum(1, keepdim=True)
        if not isinstance(value, Tensor) or value.shape != own.shape:
            raise ValueError(
                f"{path}: no {key} of {tuple(own.shape)} in it; wanted the state dict of torchvision's vgg16"
            )
        found[name] = value
    return found
