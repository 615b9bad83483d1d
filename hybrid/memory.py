"""What a photo will need, and what the machine has."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from solvers.memory import available_bytes

FIXED = 0.9e9
"""Bytes of the program, its libraries, the network and a solve at 1 megapixel."""
PER_PIXEL = 36
"""Bytes a pixel at the busiest moment: lightness, ab, the decoded or the encoded picture. 16 were measured at 100 MP
from grey to TIFF, 28 would be RGB to PNG; the rest is margin."""
PER_PAINTED_PIXEL = 40
"""More where strokes cover the whole photo: their pixels and the corrections around them."""
PER_LAYERED_PIXEL = 50
"""More for a file with layers: their codes, and the same compressed, twice for a moment."""

PER_SOLVED_PIXEL = 250
"""More for every pixel beyond a million at which colours are spread; 200 were measured."""


Plan = Callable[[int], float]
"""Bytes that a photo of so many pixels needs, as it is to be coloured: `plan_bytes` with all else given."""


class MemoryShort(ValueError):
    """A photo that does not fit into memory, with the figures and what would fit."""


def plan_bytes(pixels: int, has_strokes: bool = False, has_layers: bool = False, megapixels: float = 1.0) -> float:
    """Bytes that colouring a photo of so many pixels, solved at so many `megapixels`, will need at most."""
    beyond = max(0.0, min(megapixels * 1e6, pixels) - 1e6)
    each = PER_PIXEL + has_strokes * PER_PAINTED_PIXEL + has_layers * PER_LAYERED_PIXEL
    return FIXED + pixels * each + beyond * PER_SOLVED_PIXEL


def most_solved(pixels: int, available: float, has_strokes: bool = False, has_layers: bool = False) -> float:
    """Megapixels, to a tenth, at which colours can be spread in `available` bytes; the photo's own at most.

    0 where not even 1 fits; other arguments as of `plan_bytes`.
    """
    room = available - plan_bytes(pixels, has_strokes, has_layers)
    if room < 0:
        return 0.0
    most = min(pixels, 1e6 + room / PER_SOLVED_PIXEL) / 1e6
    return max(0.1, float(np.floor(most * 10) / 10))


def check_fits(pixels: int, has_strokes: bool = False, has_layers: bool = False, megapixels: float = 1.0) -> None:
    """Refuse a photo before any work on it; arguments as of `plan_bytes`.

    Raises
    ------
    MemoryShort
        It needs more than the machine has free.
    """
    needed, available = plan_bytes(pixels, has_strokes, has_layers, megapixels), available_bytes()
    if needed <= available:
        return
    if most_solved(pixels, available, has_strokes, has_layers):
        advice = f"it would fit with --solve-at {most_solved(pixels, available, has_strokes, has_layers):g}"
    else:
        fits = max(0.0, (available - FIXED) * pixels / (plan_bytes(pixels, has_strokes, has_layers) - FIXED) / 1e6)
        advice = f"about {fits:.0f} MP would fit: close other programs or make the photo smaller"
    solved = f" solved at {megapixels:g} MP" if megapixels > 1 else ""
    lack = f"{needed / 1e9:.1f} GB of memory, {available / 1e9:.1f} GB are free"
    raise MemoryShort(f"{pixels / 1e6:.0f} MP{solved} need {lack}; {advice}")
