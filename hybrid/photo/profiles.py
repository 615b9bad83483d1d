"""Colour spaces of image files: from stored codes to luminance and colour, the file's own profile honoured.

Profiles made of a matrix and tone curves are evaluated here, exactly; profiles made of tables go through lcms2 in float
(its 16-bit path is off by up to 1197/65535). XYZ is kept under D65: connection-space XYZ (D50) is adapted by Bradford's
transform, so luminance means the same for every space, and sRGB's is 0.2126 R + 0.7152 G + 0.0722 B.
"""

import struct
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from hybrid.color import D65, SRGB_TO_XYZ, Float, luminance_from_lightness, srgb_decode
from hybrid.photo import icc
from hybrid.photo.photo import PhotoError

_TO_D65 = icc.adaptation(icc.D50, D65)
_TO_D50 = icc.adaptation(D65, icc.D50)
_PROBE = np.linspace(0, 1, 4097)
# What rounding in profiles called sRGB comes to: 1e-5 in a 1024-entry curve, 1.7e-4 in the colorants.
_SRGB_CURVE_TOLERANCE, _SRGB_MATRIX_TOLERANCE = 5e-5, 3e-4


@dataclass(frozen=True, eq=False)
class MatrixSpace:
    """An RGB space of primaries and tone curves, or a grey one (one curve, no matrix).

    Attributes
    ----------
    curves : one or three tone curves, code 0..1 to linear 0..1.
    to_xyz : (3, 3) linear RGB to XYZ under D65, white of luminance 1.
    profile : its ICC profile, to embed.
    """

    curves: tuple[icc.Curve, ...]
    to_xyz: NDArray[np.float64]
    profile: bytes

    def linear(self, codes: NDArray[Any], tables: list[Float] | None) -> Float:
        """Linear light of stored values: (..., C) integer codes looked up in `tables`, or floats 0..1, to (..., C)."""
        channels = range(codes.shape[-1])
        if tables is not None:
            columns = [tables[c][codes[..., c]] for c in channels]
        else:
            columns = [self.curves[c](codes[..., c].astype(np.float64)).astype(np.float32) for c in channels]
        return np.stack(columns, axis=-1)

    def tables(self, bits: int) -> list[Float]:
        """Linear light of every integer code, one (2**bits,) float32 table a channel."""
        codes = np.linspace(0, 1, 1 << bits)
        return [np.clip(curve(codes), 0, 1).astype(np.float32) for curve in self.curves]

    @property
    def is_invertible(self) -> bool:
        """Whether colours can be written in it: curves that rise from 0 to 1, every primary of some luminance."""
        samples = [curve(_PROBE) for curve in self.curves]
        rising = all(abs(s[0]) < 1e-3 and abs(s[-1] - 1) < 1e-3 and np.all(np.diff(s) >= 0) for s in samples)
        return len(samples) == 3 and rising and bool(np.all(self.to_xyz[1] > 0.005))


@dataclass(frozen=True, eq=False)
class TableSpace:
    """A space that only its profile's tables describe: scanners, printers."""

    profile: bytes
    kind: str

    def xyz(self, values: NDArray[Any]) -> Float:
        """XYZ under D65 of (H, W, C) stored values (uint8, uint16 or float32 0..1): (H, W, 3)."""
        try:
            found = imagecodecs.cms_transform(
                values[..., 0] if self.kind == "gray" else values,
                self.profile,
                imagecodecs.cms_profile("xyz"),
                colorspace=self.kind,
                outcolorspace="xyz",
                outdtype="float32",
                intent=imagecodecs.CMS.INTENT.RELATIVE_COLORIMETRIC,
                flags=imagecodecs.CMS.FLAGS.NOOPTIMIZE,
            )
        except (imagecodecs.CmsError, ValueError) as error:
            raise PhotoError(
                f"the embedded colour profile cannot be used ({error}); convert the file to sRGB"
            ) from error
        return found @ _TO_D65.T.astype(np.float32)


Space = MatrixSpace | TableSpace


def _srgb_decode(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(srgb_decode(values), np.float64)


SRGB = MatrixSpace(
    (_srgb_decode,) * 3,
    SRGB_TO_XYZ,
    icc.build("sRGB IEC61966-2.1", _TO_D50 @ SRGB_TO_XYZ, _srgb_decode(np.linspace(0, 1, 1024))),
)
LINEAR = MatrixSpace(
    (lambda v: v,) * 3, SRGB_TO_XYZ, icc.build("Linear Rec709", _TO_D50 @ SRGB_TO_XYZ, np.array([0.0, 1.0]))
)


def gamma_profile(gamma: float) -> bytes:
    """A grey ICC profile with the tone curve v**gamma."""
    return icc.build(f"Gray gamma {gamma:.2f}", None, np.linspace(0, 1, 4096) ** gamma)


def space_of(profile: bytes | None, channels: int, unprofiled: MatrixSpace = SRGB) -> Space:
    """The space that stored values of 1 or 3 channels are in.

    A grey file with an RGB matrix profile takes that profile's green curve. A profile for another kind of picture than
    the file holds (CMYK, or grey in a colour file) says nothing about it and counts as none: `unprofiled`.

    Raises
    ------
    PhotoError
        The profile is damaged, or of a kind that cannot be evaluated.
    """
    if profile is None:
        return unprofiled
    kind = icc.color_space(profile)
    try:
        if kind == "RGB":
            return _rgb_space(profile) if channels == 3 else _grey_of(_rgb_space(profile))
        if kind == "GRAY" and channels == 1:
            return _grey_space(profile)
    except (struct.error, ValueError, np.linalg.LinAlgError) as error:
        if isinstance(error, PhotoError):
            raise
        raise PhotoError(
            "the embedded colour profile is damaged; wanted an ICC profile; assign one and save again"
        ) from error
    return unprofiled


def _rgb_space(profile: bytes) -> Space:
    found = icc.tags(profile)
    has_tables = any(f"{kind}{intent}" in found for kind in ("A2B", "D2B") for intent in range(4))
    if has_tables or not {"rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC"} <= found.keys():
        return TableSpace(profile, "rgb")  # a matrix beside tables is for programs that cannot read tables
    matrix = icc.colorants(found)
    curves = tuple(_snapped(icc.curve(found[f"{name}TRC"])) for name in "rgb")
    if np.abs(matrix - _TO_D50 @ SRGB_TO_XYZ).max() < _SRGB_MATRIX_TOLERANCE:
        to_xyz = SRGB_TO_XYZ
    else:
        to_xyz = _TO_D65 @ matrix
        to_xyz *= (D65 / to_xyz.sum(axis=1))[:, None]  # the profile's rounding must not tint or dim its own white
    return MatrixSpace(curves, to_xyz, profile)


def _grey_space(profile: bytes) -> Space:
    found = icc.tags(profile)
    if "kTRC" not in found:
        return TableSpace(profile, "gray")
    tone = icc.curve(found["kTRC"])
    if icc.connection_space(profile) == "Lab":  # there the curve gives L*, not luminance

        def by_lightness(v: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(luminance_from_lightness(100 * tone(v)), np.float64)  # type: ignore[arg-type]

        return MatrixSpace((by_lightness,), SRGB_TO_XYZ, profile)
    return MatrixSpace((_snapped(tone),), SRGB_TO_XYZ, profile)


def _grey_of(space: Space) -> Space:
    if isinstance(space, TableSpace):
        raise PhotoError(
            "a grey file with a table-based RGB profile is ambiguous; assign a grey profile and save again"
        )
    return MatrixSpace(space.curves[1:2], SRGB_TO_XYZ, space.profile)


def _snapped(tone: icc.Curve) -> icc.Curve:
    """sRGB's own curve for a table of it, so that equal codes stay equal codes."""
    return _srgb_decode if np.abs(tone(_PROBE) - _srgb_decode(_PROBE)).max() < _SRGB_CURVE_TOLERANCE else tone
