"""Colour by code points (ITU-T H.273): how AVIF, HEIC, PNG and JPEG XL say their colours without an ICC profile."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hybrid.color import D65, SRGB_TO_XYZ, srgb_decode
from hybrid.photo import icc
from hybrid.photo.photo import PhotoError
from hybrid.photo.profiles import MatrixSpace

UNSPECIFIED = 2
LINEAR, SRGB_CURVE = 8, 13

D65_WHITE = (0.3127, 0.3290)
_PRIMARIES = {  # chromaticities of red, green and blue under D65: H.273, table 2
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
}
_AS_SRGB = (1, UNSPECIFIED)


def _broadcast(v: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(v < 4.5 * 0.018053968510807, v / 4.5, ((v + 0.099296826809) / 1.099296826809) ** (1 / 0.45))


def power(gamma: float) -> icc.Curve:
    """The curve v**gamma."""
    return lambda v: np.maximum(v, 0) ** gamma


def _srgb(v: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(srgb_decode(v), np.float64)


_CURVES: dict[int, icc.Curve] = {4: power(2.2), 5: power(2.8), LINEAR: lambda v: v, SRGB_CURVE: _srgb}
_CURVES |= dict.fromkeys((1, 6, 14, 15), _broadcast) | {UNSPECIFIED: _srgb}
_HDR = {16: "PQ", 18: "HLG"}


def curve_of(transfer: int) -> icc.Curve:
    """Code 0..1 to linear 0..1 for a code of H.273, table 3.

    Raises
    ------
    PhotoError
        High dynamic range, whose codes are no share of a paper's white, and codes that stills do not use.
    """
    if transfer in _HDR:
        raise PhotoError(
            f"the picture is of high dynamic range ({_HDR[transfer]}); wanted a standard one; export it as SDR, 16 bits"
        )
    if transfer not in _CURVES:
        raise PhotoError(f"the picture's tone curve has the unknown code {transfer}; convert it to sRGB")
    return _CURVES[transfer]


def space_of_codes(primaries: int, transfer: int, channels: int) -> MatrixSpace | None:
    """The space of code points, None for what is read as sRGB.

    Raises
    ------
    PhotoError
        High dynamic range, or a code that is not known.
    """
    tone = curve_of(transfer)
    if channels == 1:
        return None if tone is _srgb else grey_space(tone)
    if primaries in _AS_SRGB:
        return None if tone is _srgb else _space(SRGB_TO_XYZ, tone)
    if primaries not in _PRIMARIES:
        raise PhotoError(f"the picture's primaries have the unknown code {primaries}; convert it to sRGB")
    return rgb_space(_PRIMARIES[primaries], D65_WHITE, tone)


def profile_of(space: MatrixSpace | None) -> bytes | None:
    """What a file is to say of a space: nothing of one of linear light, in which no picture is kept well."""
    probe = np.linspace(0, 1, 5)
    return None if space is None or np.allclose(space.curves[0](probe), probe) else space.profile


def grey_space(tone: icc.Curve) -> MatrixSpace:
    """A grey space of a tone curve."""
    profile = icc.build("Gray", None, tone(np.linspace(0, 1, 4096)))
    return MatrixSpace((tone,), SRGB_TO_XYZ, profile)


def rgb_space(primaries: Sequence[tuple[float, float]], white: tuple[float, float], tone: icc.Curve) -> MatrixSpace:
    """The space of three primaries and a white, as xy chromaticities, and a tone curve; adapted to D65.

    Raises
    ------
    PhotoError
        The primaries span no triangle.
    """
    try:
        columns = np.stack([_xyz(place) for place in primaries], axis=1)
        own_white = _xyz(white)
        scaled = columns * np.linalg.solve(columns, own_white)
        to_xyz = icc.adaptation(own_white, D65) @ scaled
        to_xyz *= (D65 / to_xyz.sum(axis=1))[:, None]
    except (ZeroDivisionError, np.linalg.LinAlgError) as error:
        raise PhotoError("the picture's primaries make no colour space; convert it to sRGB") from error
    if not np.isfinite(to_xyz).all():
        raise PhotoError("the picture's primaries make no colour space; convert it to sRGB")
    return _space(to_xyz, tone)


def _space(to_xyz: NDArray[np.float64], tone: icc.Curve) -> MatrixSpace:
    profile = icc.build("RGB", icc.adaptation(D65, icc.D50) @ to_xyz, tone(np.linspace(0, 1, 4096)))
    return MatrixSpace((tone,) * 3, to_xyz, profile)


def _xyz(place: tuple[float, float]) -> NDArray[np.float64]:
    x, y = place
    return np.array([x / y, 1.0, (1 - x - y) / y])
