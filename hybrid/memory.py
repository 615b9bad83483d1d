"""What a photo will need, what the machine has, and what was used in the end."""

from __future__ import annotations

import resource
import sys

from solvers.memory import available_bytes

FIXED = 0.9e9
"""Bytes of the program, its libraries, the network and the solve at working size."""
PER_PIXEL = 36
"""Bytes a pixel at the busiest moment: lightness, ab, the decoded or the encoded picture. 16 were measured at 100 MP
from grey to TIFF, 28 would be RGB to PNG; the rest is margin."""
PER_PAINTED_PIXEL = 40
"""More where strokes cover the whole photo: their pixels and the corrections around them."""
PER_LAYERED_PIXEL = 50
"""More for a file with layers: their codes, and the same compressed, twice for a moment."""


class MemoryShort(ValueError):
    """A photo that does not fit into memory, with the figures and what would fit."""


def plan_bytes(pixels: int, has_strokes: bool, has_layers: bool = False) -> float:
    """Bytes that colouring a photo of so many pixels will need at most."""
    return FIXED + pixels * (PER_PIXEL + has_strokes * PER_PAINTED_PIXEL + has_layers * PER_LAYERED_PIXEL)


def check_fits(pixels: int, has_strokes: bool = False, has_layers: bool = False) -> None:
    """Refuse a photo before any work on it.

    Raises
    ------
    MemoryShort
        It needs more than the machine has free.
    """
    needed, available = plan_bytes(pixels, has_strokes, has_layers), available_bytes()
    if needed > available:
        most = max(0.0, (available - FIXED) * pixels / (needed - FIXED) / 1e6)
        raise MemoryShort(
            f"{pixels / 1e6:.0f} MP need {needed / 1e9:.1f} GB of memory, {available / 1e9:.1f} GB are free; "
            f"about {most:.0f} MP would fit: close other programs or make the photo smaller"
        )


def peak_bytes() -> int:
    """Largest memory that this process has held so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
