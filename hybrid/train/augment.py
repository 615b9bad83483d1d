"""From colour photos to training pairs: what an old camera would have seen, the true colours, and a user's hints.

Everything here runs on tensors, on whichever device they are.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional

from hybrid.train.wear import saved, scratched

_TO_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
_WHITE = (0.95047, 1.0, 1.08883)


def to_linear(rgb: Tensor) -> Tensor:
    """Encoded sRGB 0..1 -> linear light 0..1 (IEC 61966-2-1)."""
    return torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)


def _lab_curve(t: Tensor) -> Tensor:
    return torch.where(t > 0.008856, t.clamp(min=0.008856) ** (1 / 3), 7.787 * t + 16 / 116)


def lab_of(linear: Tensor) -> Tensor:
    """Linear light (B, 3, H, W) -> CIELAB (D65), (B, 3, H, W)."""
    matrix = linear.new_tensor(_TO_XYZ) / linear.new_tensor(_WHITE)[:, None]
    x, y, z = _lab_curve(torch.einsum("ij,bjhw->bihw", matrix, linear)).unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def _uniform(count: int, low: float, high: float, random: Generator) -> Tensor:
    values = torch.rand(count, generator=random, device=random.device)
    return (low + (high - low) * values).view(count, 1, 1, 1)


def old_photograph(linear: Tensor, random: Generator) -> Tensor:
    """Lightness as old film, fading, a lens and a scanner would leave it.

    Random spectral sensitivity (orthochromatic film is blind to red), tone curve, fading, blur, vignette, grain,
    scratches and JPEG blocks.

    Parameters
    ----------
    linear : (B, 3, H, W), linear light 0..1

    Returns
    -------
    (B, 1, H, W), L* 0..100
    """
    batch, _, height, width = linear.shape
    device = linear.device
    sensitivity = torch.rand(batch, 3, 1, 1, generator=random, device=device) + linear.new_tensor([0.1, 0.8, 0.3]).view(
        1, 3, 1, 1
    )
    sensitivity[:, :1] *= (_uniform(batch, 0, 1, random) > 0.3).float()
    exposure = (linear * sensitivity).sum(1, keepdim=True) / sensitivity.sum(1, keepdim=True)
    tone = (lab_of(exposure.expand(-1, 3, -1, -1))[:, :1] / 100).clamp(0, 1)
    blurred = functional.avg_pool2d(functional.pad(tone, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    tone = torch.lerp(tone, blurred, _uniform(batch, -0.6, 0.9, random).clamp(min=0))
    tone = tone.clamp(min=1e-4) ** _uniform(batch, 0.65, 1.5, random)
    black, white = _uniform(batch, 0, 0.18, random), _uniform(batch, 0.8, 1.0, random)
    tone = black + (white - black) * tone
    y = torch.linspace(-1, 1, height, device=device).view(1, 1, -1, 1)
    x = torch.linspace(-1, 1, width, device=device).view(1, 1, 1, -1)
    tone = tone * (1 - _uniform(batch, -0.2, 0.2, random).clamp(min=0) * (x**2 + y**2))
    noise = torch.randn(tone.shape, generator=random, device=device)
    tone = scratched((tone + noise * _uniform(batch, -0.04, 0.06, random).clamp(min=0)).clamp(0, 1), random)
    return 100 * saved(tone, random)


def hint_planes(ab: Tensor, random: Generator, most: int = 40) -> Tensor:
    """A few true colours at random places, as a user would give them; half the photos get none.

    Parameters
    ----------
    ab : (B, 2, H, W), the true colours
    most : int
        Largest number of points; small numbers are the commonest.

    Returns
    -------
    (B, 3, H, W): a, b and a mask; zero where there is no hint.
    """
    batch, _, height, width = ab.shape
    planes = ab.new_zeros(batch, 3, height, width)
    draw = torch.rand(batch, 2, generator=random, device=random.device).cpu()
    for i in range(batch):
        if draw[i, 0] < 0.5:
            continue
        count = int(most ** float(draw[i, 1]))
        places = torch.rand(count, 3, generator=random, device=random.device).cpu().tolist()
        for u, v, s in places:
            size = 1 + int(s * 7)
            top, left = int(u * (height - size)), int(v * (width - size))
            patch = (slice(top, top + size), slice(left, left + size))
            planes[i, :2, *patch] = ab[i, :, *patch].mean((1, 2), keepdim=True)
            planes[i, 2, *patch] = 1
    return planes


def training_pair(rgb: Tensor, random: Generator, cell: int, old: float = 0.5) -> tuple[Tensor, Tensor, Tensor]:
    """Network input and target for a batch of photos.

    Parameters
    ----------
    rgb : (B, 3, H, W) uint8
    cell : int
        Pixels a side of a cell of the target.
    old : float in [0, 1]
        Share of the photos that are seen as an old photograph.

    Returns
    -------
    lightness : (B, 1, H, W), L*
    hints : (B, 3, H, W)
    ab : (B, 2, H / cell, W / cell), mean colour of each cell
    """
    linear = to_linear(rgb.float() / 255)
    lab = lab_of(linear)
    is_old = torch.rand(len(rgb), 1, 1, 1, generator=random, device=random.device) < old
    lightness = torch.where(is_old, old_photograph(linear, random), lab[:, :1])
    return lightness, hint_planes(lab[:, 1:], random), functional.avg_pool2d(lab[:, 1:], cell)
