"""Colour: sRGB, luminance, CIELAB and OKLab, and a gamut mapping that keeps luminance.

Everywhere in `hybrid`:

- *linear RGB* is unit-range light, white = (1, 1, 1); without another matrix its primaries are Rec. 709's;
- *luminance* Y is relative to white, 0..1, and *lightness* L* is 0..100;
- *ab* is CIELAB a*b* with the 2° observer and white D65.

All functions are vectorised over leading axes and keep float32 arrays float32, so a caller may work in bands of rows.
"""

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

# IEC 61966-2-1:1999, linear sRGB -> XYZ, as printed there: the middle row is the 0.2126, 0.7152, 0.0722 all check with.
SRGB_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
D65 = SRGB_TO_XYZ.sum(axis=1)

_DELTA = 6 / 29  # CIE 15:2004, where the cube root gives way to a straight line
_GAMUT_SLACK = 1e-6  # linear light; below 0.1 of a 16-bit step, so only rounding noise passes


def srgb_decode(encoded: NDArray[np.floating]) -> Float:
    """Turn sRGB values 0..1 into linear light 0..1, any shape (IEC 61966-2-1)."""
    v = np.asarray(encoded)
    return np.where(v <= 0.04045, v / 12.92, (np.maximum(v, 0.04045) + 0.055) ** 2.4 / 1.055**2.4).astype(v.dtype)


def srgb_encode(linear: Float) -> Float:
    """Turn linear light 0..1 into sRGB values 0..1, any shape; the inverse of `srgb_decode`."""
    v = np.asarray(linear)
    return np.where(v <= 0.04045 / 12.92, v * 12.92, 1.055 * np.maximum(v, 0.001) ** (1 / 2.4) - 0.055).astype(v.dtype)


def _cie_root(t: Float) -> Float:
    return np.where(t > _DELTA**3, np.cbrt(t), t * np.float32(1 / (3 * _DELTA**2)) + np.float32(4 / 29))


def _cie_cube(f: Float) -> Float:
    return np.where(f > _DELTA, f * f * f, (f - np.float32(4 / 29)) * np.float32(3 * _DELTA**2))


def lightness_from_luminance(luminance: Float) -> Float:
    """L* 0..100 of luminance 0..1, any shape (CIE 15:2004)."""
    return 116 * _cie_root(np.asarray(luminance)) - 16


def luminance_from_lightness(lightness: Float) -> Float:
    """Luminance 0..1 of L* 0..100, any shape; the inverse of `lightness_from_luminance`."""
    return _cie_cube((np.asarray(lightness) + 16) * np.float32(1 / 116))


def luminance(rgb: Float, to_xyz: NDArray[np.float64] = SRGB_TO_XYZ) -> Float:
    """Luminance of linear RGB.

    Parameters
    ----------
    rgb : (..., 3) linear RGB.
    to_xyz : (3, 3) matrix of the RGB space, white of luminance 1; default Rec. 709 primaries.
    """
    return rgb @ to_xyz[1].astype(rgb.dtype)


def lab_from_linear(rgb: Float, to_xyz: NDArray[np.float64] = SRGB_TO_XYZ) -> tuple[Float, Float]:
    """CIELAB (D65) of linear RGB.

    Parameters
    ----------
    rgb : (..., 3) linear RGB.
    to_xyz : (3, 3) matrix of the RGB space to XYZ with white D65.

    Returns
    -------
    lightness : (...) L* 0..100 for rgb in gamut.
    ab : (..., 2) a*, b*.
    """
    f = _cie_root(rgb @ (to_xyz.T / D65).astype(rgb.dtype))
    ab = np.stack([500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)
    return 116 * f[..., 1] - 16, ab


def linear_from_lab(lightness: Float, ab: Float, to_xyz: NDArray[np.float64] = SRGB_TO_XYZ) -> Float:
    """Linear RGB of CIELAB (D65), not limited to the gamut; the inverse of `lab_from_linear`.

    Parameters
    ----------
    lightness : (...) L* 0..100.
    ab : (..., 2) a*, b*.
    to_xyz : (3, 3) matrix of the wanted RGB space to XYZ with white D65.

    Returns
    -------
    (..., 3) linear RGB, below 0 or above 1 where the colour is outside the gamut.
    """
    fy = (lightness + 16) * np.float32(1 / 116)
    f = np.stack([fy + ab[..., 0] * np.float32(1 / 500), fy, fy - ab[..., 1] * np.float32(1 / 200)], axis=-1)
    return _cie_cube(f) @ (np.linalg.inv(to_xyz) * D65).T.astype(f.dtype)


# OKLab, B. Ottosson 2020, "A perceptual color space for image processing": XYZ (D65) -> LMS, cube roots of LMS -> Lab.
_XYZ_TO_LMS = np.array(
    [
        [0.8189330101, 0.3618667424, -0.1288597137],
        [0.0329845436, 0.9293118715, 0.0361456387],
        [0.0482003018, 0.2643662691, 0.6338517070],
    ]
)
ROOTS_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
OKLAB_TO_ROOTS = np.linalg.inv(ROOTS_TO_OKLAB)


def lms_matrix(to_xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear RGB to OKLab's LMS, (3, 3), of an RGB space."""
    lms = _XYZ_TO_LMS @ to_xyz
    return lms / lms.sum(axis=1, keepdims=True)  # so that white is (1, 1, 1) and grey has no chroma at all


def oklab_from_linear(rgb: Float, to_xyz: NDArray[np.float64] = SRGB_TO_XYZ) -> Float:
    """OKLab of linear RGB: (..., 3) to (..., 3) of L 0..1, a, b."""
    roots = np.cbrt(rgb @ lms_matrix(to_xyz).T.astype(rgb.dtype))
    return roots @ ROOTS_TO_OKLAB.T.astype(rgb.dtype)


def linear_from_oklab(oklab: Float, to_xyz: NDArray[np.float64] = SRGB_TO_XYZ) -> Float:
    """Linear RGB of OKLab, both (..., 3); the inverse of `oklab_from_linear`."""
    roots = oklab @ OKLAB_TO_ROOTS.T.astype(oklab.dtype)
    return (roots * roots * roots) @ np.linalg.inv(lms_matrix(to_xyz)).T.astype(oklab.dtype)


def is_outside(rgb: Float) -> NDArray[np.bool_]:
    """Which colours lie outside the gamut: (..., 3) linear RGB to (...) bool."""
    high = np.maximum(np.maximum(rgb[..., 0], rgb[..., 1]), rgb[..., 2])
    low = np.minimum(np.minimum(rgb[..., 0], rgb[..., 1]), rgb[..., 2])
    return ~((high <= 1 + _GAMUT_SLACK) & (low >= -_GAMUT_SLACK))


def toward_grey(rgb: Float, y: Float) -> Float:
    """Move colours straight toward the grey of the same luminance, in linear RGB, until they are in the gamut.

    Parameters
    ----------
    rgb : (..., 3) linear RGB.
    y : (...) their luminance, 0..1, which stays.
    """
    grey = np.asarray(y)[..., None]
    step = rgb - grey
    room = np.where(step > 0, 1 - grey, grey)
    # The share of the step each channel has room for; the slack keeps 0/0 of a grey pixel out.
    share = np.min(room / np.maximum(np.abs(step), np.maximum(room, np.float32(1e-12))), axis=-1, keepdims=True)
    return grey + step * share


def into_gamut(rgb: Float, y: Float, to_xyz: NDArray[np.float64] = SRGB_TO_XYZ) -> tuple[Float, NDArray[np.bool_]]:
    """Bring colours into the gamut, keeping luminance exactly and OKLab hue closely, by giving up chroma.

    Parameters
    ----------
    rgb : (..., 3) linear RGB, any values.
    y : (...) luminance to keep, 0..1.
    to_xyz : (3, 3) matrix of the RGB space.

    Returns
    -------
    mapped : (..., 3) linear RGB in 0..1; colours already inside are returned as they were.
    outside : (...) bool, which colours were changed.
    """
    outside = is_outside(rgb)
    if not outside.any():
        return rgb, outside
    mapped = rgb.copy()
    mapped[outside] = _hold_hue(rgb[outside], y[outside], to_xyz)
    return mapped, outside


def _hold_hue(rgb: Float, y: Float, to_xyz: NDArray[np.float64]) -> Float:
    """Bisect on the share of OKLab chroma kept; (N, 3), (N,) -> (N, 3) in the gamut."""
    lms = lms_matrix(to_xyz)
    from_lms = np.linalg.inv(lms).T.astype(rgb.dtype)
    weights = (to_xyz[1] @ np.linalg.inv(lms)).astype(rgb.dtype)  # luminance of LMS
    chroma = oklab_from_linear(rgb, to_xyz)[:, 1:] @ OKLAB_TO_ROOTS[:, 1:].T.astype(rgb.dtype)  # in cube roots of LMS
    # At OKLab lightness L and chroma share s the luminance is sum w (L + s c)^3, a cubic in L with these moments.
    first, second, third = (chroma**power @ weights for power in (1, 2, 3))

    def lightness_at(share: Float, light: Float) -> Float:
        """OKLab L with luminance y at a share of the chroma: two Newton steps from a near one."""
        a, b, c = 3 * share * first, 3 * share**2 * second, share**3 * third - y
        for _ in range(2):
            value = ((light + a) * light + b) * light + c
            light = light - value / np.maximum((3 * light + 2 * a) * light + b, np.float32(1e-4))
        return light

    def at(share: Float, light: Float) -> Float:
        roots = light[:, None] + share[:, None] * chroma
        return (roots * roots * roots) @ from_lms

    low, high = np.zeros_like(y), np.ones_like(y)
    light: Float = np.cbrt(y)  # that of the grey
    for _ in range(8):
        middle = (low + high) * np.float32(0.5)
        found = lightness_at(middle, light)
        inside = ~is_outside(at(middle, found))
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
        light = np.where(inside, found, light)
    colour = at(high, lightness_at(high, light))
    return toward_grey(colour + (y - luminance(colour, to_xyz))[:, None], y)
