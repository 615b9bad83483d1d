"""CIELAB as TIFF stores it: 8 or 16 bits, white D50, in two ways of writing a* and b*."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.color import D65, Float
from hybrid.photo import icc

_TO_D65 = icc.adaptation(icc.D50, D65).astype(np.float32)
_KNEE = 6 / 29


@dataclass(frozen=True)
class LabSpace:
    """How L*, a*, b* are coded.

    Attributes
    ----------
    bits : 8 or 16.
    is_offset : a* and b* are stored plus 128, as Photoshop's ICCLab has them (Adobe's TIFF technical notes, 2002; with
        16 bits L* 100 is 0xFF00), else as signed numbers, as CIELab has them (TIFF 6.0, section 23).
    """

    bits: int
    is_offset: bool

    def xyz(self, values: NDArray[Any]) -> Float:
        """XYZ under D65 of (..., 3) unsigned codes."""
        unit = np.float32(1 << (self.bits - 8))
        white = 255 if self.bits == 8 else 0xFF00 if self.is_offset else 65535
        lightness = np.minimum(values[..., 0] * np.float32(100 / white), 100)
        if self.is_offset:
            ab = values[..., 1:3].astype(np.float32) / unit - 128
        else:
            ab = values[..., 1:3].view(f"i{self.bits // 8}").astype(np.float32) / unit
        level = (lightness + 16) / 116
        roots = np.stack([level + ab[..., 0] / 500, level, level - ab[..., 1] / 200], axis=-1)
        shares = np.where(roots > _KNEE, roots**3, 3 * _KNEE**2 * (roots - np.float32(4 / 29)))
        return (shares * icc.D50.astype(np.float32)) @ _TO_D65.T
