"""The codes of a picture, band by band: the photo with its colours, and the colours alone."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hybrid import color
from hybrid.color import D65, Float
from hybrid.photo import icc
from hybrid.photo.fidelity import BRIGHTEST, DARKEST, Tally, at_border, measured
from hybrid.photo.photo import WriteError
from hybrid.photo.profiles import MatrixSpace
from hybrid.photo.quantize import quantizer

Codes = NDArray[np.unsignedinteger]
Render = Callable[[slice], tuple[Codes, Tally]]
"""Some rows to (rows, W, 3) codes, and what was measured on them."""
Marks = tuple[NDArray[np.int64], Float]
"""Painted pixels: (N,) flat index, (N, 2) a*b*."""

_MIDDLE = 50.0
_HALVINGS = 8


def exact_renderer(lightness: Float, ab: Float, space: MatrixSpace, bits: int) -> Render:
    """Codes with the luminance of `lightness` (H, W) and, as far as they exist, the colours `ab` (H, W, 2)."""
    quantize = quantizer(space, bits)

    def render(rows: slice) -> tuple[Codes, Tally]:
        rgb, y, outside = _inside(lightness[rows], ab[rows], space)
        codes, error = quantize(rgb, y)
        border = at_border(quantize.near_ends(codes, DARKEST, BRIGHTEST))
        return codes, measured(error, border, int(np.count_nonzero(outside)))

    return render


def chroma_renderer(lightness: Float, ab: Float, space: MatrixSpace, bits: int) -> Render:
    """Codes of the colours alone; see `colour_alone`."""
    quantize = quantizer(space, bits)

    def render(rows: slice) -> tuple[Codes, Tally]:
        rgb = colour_alone(_inside(lightness[rows], ab[rows], space)[0], space)
        return quantize(rgb, color.luminance(rgb, space.to_xyz))[0], Tally()

    return render


def _inside(lightness: Float, ab: Float, space: MatrixSpace) -> tuple[Float, Float, NDArray[np.bool_]]:
    """Linear RGB within the space, its luminance, and where chroma was given up."""
    if not (np.isfinite(ab).all() and np.isfinite(lightness).all()):
        raise WriteError("the colours hold NaN or infinity; nothing was written")
    y = color.luminance_from_lightness(np.clip(lightness, 0, 100))
    rgb, outside = color.into_gamut(color.linear_from_lab(lightness, ab, space.to_xyz), y, space.to_xyz)
    return rgb, y, outside


def colour_alone(rgb: Float, space: MatrixSpace) -> Float:
    """Colours without the picture: a* and b* kept exactly, L* as near 50 as the space has them.

    Laid over the grey photo with a blend that takes L* from below and a*b* from above (GIMP's "LCh Color", Photoshop's
    "Color" in Lab mode), it gives the coloured photo, also where the photo is made lighter or darker by little. CIELAB
    is that of D50 here, as in those programs. Most colours exist at L* = 50, so that hardly any of the photo is left
    in it; where one does not, L* goes from 50 towards the photo's own until it does.

    Parameters
    ----------
    rgb : (..., 3) linear RGB in 0..1.
    space : it is in.
    """
    under_d50 = (D65 / icc.D50)[:, None] * (icc.adaptation(D65, icc.D50) @ space.to_xyz)
    lightness, ab = color.lab_from_linear(rgb, under_d50)

    def at(share: Float) -> Float:
        """The colour with its lightness taken a share of the way to the middle."""
        return color.linear_from_lab(lightness + share * (np.float32(_MIDDLE) - lightness), ab, under_d50)

    low, high = np.zeros_like(lightness), np.ones_like(lightness)
    found = at(high)
    outside = color.is_outside(found)
    for _ in range(_HALVINGS if outside.any() else 0):
        middle = (low + high) * np.float32(0.5)
        inside = ~color.is_outside(at(middle))
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return np.clip(np.where(outside[..., None], at(low), found), 0, 1)
