"""What handling and file formats did to a scan: scratches, and the blocks of a JPEG. Tones are (B, 1, H, W) in 0..1."""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Generator, Tensor
from torch.nn import functional

BLOCK = 8
TABLE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
"""Luminance quantisation at quality 50 (ITU-T T.81, annex K.1)."""


def scratched(tone: Tensor, random: Generator, share: float = 0.2, most: int = 3) -> Tensor:
    """Thin bright or dark lines from edge to edge on a share of the pictures.

    Parameters
    ----------
    tone : (B, 1, H, W)
    random : of every draw
    share : of the pictures that have any
    most : lines on one picture
    """
    batch, _, height, width = tone.shape
    draw = torch.rand(6, batch, most, generator=random, device=random.device).to(tone.device)[..., None, None]
    angle, place, thickness, strength, sign, kept = draw
    is_worn = (torch.rand(batch, 1, 1, generator=random, device=random.device) < share).to(tone.device)
    y = torch.linspace(-1, 1, height, device=tone.device)[:, None]
    x = torch.linspace(-1, 1, width, device=tone.device)
    turn = (angle - 0.5) * math.pi
    distance = (x * turn.cos() + y * turn.sin() - (2 * place - 1)).abs() * min(height, width) / 2
    line = (1 - distance / (0.5 + thickness)).clamp(0, 1) * (0.2 + 0.5 * strength) * (kept < 0.6)
    return (tone + ((line * torch.where(sign < 0.5, -1.0, 1.0)).sum(1) * is_worn)[:, None]).clamp(0, 1)


@cache
def _cosines() -> Tensor:
    """The orthonormal DCT-II of 8 values, (8, 8): row k is frequency k."""
    k, n = torch.meshgrid(torch.arange(BLOCK), torch.arange(BLOCK), indexing="ij")
    rows = torch.cos(math.pi * (2 * n + 1) * k / (2 * BLOCK)) * math.sqrt(2 / BLOCK)
    rows[0] /= math.sqrt(2)
    return rows


def compressed(tone: Tensor, quality: Tensor) -> Tensor:
    """Tone after a JPEG of 8 bits: its 8 × 8 blocks quantised as the standard's example table says.

    Parameters
    ----------
    tone : (B, 1, H, W)
    quality : (B,) 1..100, as libjpeg counts
    """
    height, width = tone.shape[-2:]
    padded = functional.pad(tone, (0, -width % BLOCK, 0, -height % BLOCK), mode="replicate") * 255 - 128
    rows, columns = padded.shape[-2] // BLOCK, padded.shape[-1] // BLOCK
    blocks = padded.reshape(-1, rows, BLOCK, columns, BLOCK).permute(0, 1, 3, 2, 4)
    turn = _cosines().to(tone)
    scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50).to(tone)[:, None, None, None, None]
    steps = (tone.new_tensor(TABLE) * scale).round().clamp(1, 255)
    blocks = turn.T @ ((turn @ blocks @ turn.T / steps).round() * steps) @ turn
    whole = blocks.permute(0, 1, 3, 2, 4).reshape(-1, 1, rows * BLOCK, columns * BLOCK)
    return ((whole[..., :height, :width] + 128) / 255).clamp(0, 1)


def saved(tone: Tensor, random: Generator, share: float = 0.4, least: float = 25.0, most: float = 90.0) -> Tensor:
    """A share of the pictures through a JPEG of random quality."""
    draw = torch.rand(2, len(tone), generator=random, device=random.device).to(tone.device)
    is_saved = draw[0] < share
    return torch.where(is_saved[:, None, None, None], compressed(tone, least + (most - least) * draw[1]), tone)
