"""Colour spaces to write in: those with a name, made from primaries and tone curve, and those of ICC files."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid.color import srgb_decode
from hybrid.photo import icc
from hybrid.photo.photo import Photo, PhotoError, WriteError
from hybrid.photo.profiles import SRGB, MatrixSpace, space_of

_D65, _D50 = (0.3127, 0.3290), (0.3457, 0.3585)
_WIDE = 0.25
"""Area of a space's triangle in CIE 1931 xy, above which 8 bits show as bands: ProPhoto has 0.277, Rec. 2020 0.212."""


def _made(
    description: str,
    primaries: tuple[float, float, float, float, float, float],
    white: tuple[float, float],
    tone_curve: NDArray[np.float64] | float,
) -> MatrixSpace:
    """A space as its own profile states it, so that what we write is what others read."""
    chromaticity = np.array([*np.reshape(primaries, (3, 2)), white])
    xyz = np.column_stack([chromaticity, 1 - chromaticity.sum(axis=1)]) / chromaticity[:, 1:2]
    to_xyz = xyz[:3].T * np.linalg.solve(xyz[:3].T, xyz[3])
    space = space_of(icc.build(description, icc.adaptation(xyz[3], icc.D50) @ to_xyz, tone_curve), channels=3)
    assert isinstance(space, MatrixSpace)
    return space


def _adobe() -> MatrixSpace:  # Adobe RGB (1998) Color Image Encoding, version 2005-05: gamma 563/256
    return _made("Adobe RGB (1998) compatible", (0.64, 0.33, 0.21, 0.71, 0.15, 0.06), _D65, 563 / 256)


def _prophoto() -> MatrixSpace:  # ISO 22028-2's primaries with the plain gamma 1.8 of the profiles in use
    return _made("ProPhoto RGB compatible", (0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001), _D50, 461 / 256)


def _p3() -> MatrixSpace:  # SMPTE EG 432-1's primaries with sRGB's white and curve
    curve = np.asarray(srgb_decode(np.linspace(0, 1, 1024)), np.float64)
    return _made("Display P3 compatible", (0.680, 0.320, 0.265, 0.690, 0.150, 0.060), _D65, curve)


SPACES: dict[str, Callable[[], MatrixSpace]] = {
    "srgb": lambda: SRGB,
    "adobe-rgb": _adobe,
    "prophoto": _prophoto,
    "p3": _p3,
}


@cache
def named_space(name: str) -> MatrixSpace:
    """One of `SPACES`; the same object every time, so that its tables are built once."""
    return SPACES[name]()


def space_of_file(path: Path) -> MatrixSpace:
    """The space of an ICC file.

    Raises
    ------
    WriteError
        Unreadable, no ICC profile, not RGB, or not made of a matrix and rising tone curves alone: luminance could not
        be kept to the last step in tables.
    """
    try:
        profile = path.read_bytes()
    except OSError as error:
        known = ", ".join(SPACES)
        raise WriteError(
            f"profile {path}: {error.strerror or error}; wanted one of {known}, or an ICC file: check the path"
        ) from None
    try:
        kind = icc.color_space(profile)
        space = space_of(profile, channels=3) if kind == "RGB" else None
    except PhotoError:
        raise WriteError(f"profile {path}: it is no ICC profile, or damaged; wanted an RGB profile (.icc)") from None
    if space is None:
        raise WriteError(f"profile {path}: it is for {kind}; wanted RGB: convert to {kind} after colouring")
    if not isinstance(space, MatrixSpace) or not space.is_invertible:
        raise WriteError(
            f"profile {path}: it is made of tables; wanted a matrix and tone curves, as working spaces have: "
            "write in prophoto and convert afterwards"
        )
    return space


def named_or_file(profile: str | Path) -> MatrixSpace:
    """A space by its name in `SPACES`, or of an ICC file; raises as `space_of_file`."""
    return named_space(str(profile)) if str(profile) in SPACES else space_of_file(Path(profile))


def output_space(photo: Photo, profile: str | Path | None = None) -> MatrixSpace:
    """The space `write_photo` encodes in.

    Parameters
    ----------
    photo : whose own RGB profile is taken if it is of matrix and curves and none is asked for; else sRGB.
    profile : a name of `SPACES`, or an ICC file.

    Raises
    ------
    WriteError
        As `space_of_file`.
    """
    if profile is not None:
        return named_or_file(profile)
    if photo.profile is None or icc.color_space(photo.profile) != "RGB":
        return SRGB
    space = space_of(photo.profile, channels=3)
    return space if isinstance(space, MatrixSpace) and space.is_invertible else SRGB


def is_wide(space: MatrixSpace) -> bool:
    """Whether a space is so wide that 8 bits show as bands in it."""
    red, green, blue = (column[:2] / column.sum() for column in space.to_xyz.T)
    (a, b), (c, d) = green - red, blue - red
    return bool(abs(a * d - b * c) / 2 > _WIDE)
