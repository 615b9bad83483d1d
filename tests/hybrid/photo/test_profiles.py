"""Profiles: against lcms2 in float, and against the published curves."""

import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile

from hybrid.color import SRGB_TO_XYZ, lightness_from_luminance, luminance, luminance_from_lightness, srgb_decode
from hybrid.photo import PhotoError, icc, read_photo
from hybrid.photo.profiles import SRGB, MatrixSpace, TableSpace, gamma_profile, space_of

STEP = 1 / 65535
CODES = np.random.default_rng(0).integers(0, 65536, (64, 64, 3), dtype=np.uint16)
PROFILES = {
    "srgb": imagecodecs.cms_profile("srgb"),
    "adobe": imagecodecs.cms_profile("adobergb"),
    "ours": SRGB.profile,
    "p3 gamma 2.6": imagecodecs.cms_profile(
        "rgb", whitepoint=[0.3127, 0.329], primaries=[0.68, 0.32, 0.265, 0.69, 0.15, 0.06], gamma=2.6
    ),
}


def lcms_xyz(codes: np.ndarray, profile: bytes, kind: str = "rgb") -> np.ndarray:
    """XYZ under D50 as lcms2 finds it in float."""
    return imagecodecs.cms_transform(
        codes.astype(np.float32) / 65535,
        profile,
        imagecodecs.cms_profile("xyz"),
        colorspace=kind,
        outcolorspace="xyz",
        outdtype="float32",
        intent=imagecodecs.CMS.INTENT.RELATIVE_COLORIMETRIC,
        flags=imagecodecs.CMS.FLAGS.NOOPTIMIZE,
    )


def read_grey(tmp_path: Path, codes: np.ndarray, profile: bytes) -> np.ndarray:
    tifffile.imwrite(tmp_path / "a.tif", codes, photometric="minisblack", iccprofile=profile)
    return luminance_from_lightness(read_photo(tmp_path / "a.tif").lightness)


@pytest.mark.parametrize("name", PROFILES)
def test_rgb_profiles_agree_with_lcms(name: str) -> None:
    space = space_of(PROFILES[name], 3)
    assert isinstance(space, MatrixSpace)
    ours = space.linear(CODES, space.tables(16)) @ space.to_xyz.T
    theirs = lcms_xyz(CODES, PROFILES[name]) @ icc.adaptation(icc.D50, SRGB_TO_XYZ.sum(axis=1)).T
    # Profiles hold colorants to 1/65536, and ours are scaled to sum to white: a few steps for saturated colours.
    assert np.abs(ours - theirs)[..., 1].max() < 6 * STEP
    assert np.abs(ours - theirs).max() < 20 * STEP


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2])
def test_grey_gamma(tmp_path: Path, gamma: float) -> None:
    codes = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    profile = imagecodecs.cms_profile("gray", gamma=gamma)
    y = read_grey(tmp_path, codes, profile)
    assert np.abs(y - lcms_xyz(codes, profile, "gray")[..., 1]).max() < 1.5 * STEP
    assert np.abs(y - (codes / 65535) ** gamma).max() < 20 * STEP  # profiles hold gamma to 1/256 or 1/65536


def test_grey_dot_gain(tmp_path: Path) -> None:
    """A 20 % dot gain: a table far from any gamma."""
    paper = np.linspace(0, 1, 256)
    ink = (1 - paper) + 0.8 * paper * (1 - paper)
    profile = icc.build("Dot Gain 20%", None, 1 - ink)
    imagecodecs.cms_profile_validate(profile)
    codes = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    y = read_grey(tmp_path, codes, profile)
    assert np.abs(y - lcms_xyz(codes, profile, "gray")[..., 1]).max() < 1.5 * STEP
    assert np.abs(y - srgb_decode(codes / 65535)).max() > 0.05


def test_grey_curve_to_lightness(tmp_path: Path) -> None:
    """With connection space Lab a grey profile's curve gives L*."""
    profile = bytearray(icc.build("L*", None, np.linspace(0, 1, 2)))
    profile[20:24] = b"Lab "
    codes = np.array([[0, 6554, 32768, 65535]], np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", codes, photometric="minisblack", iccprofile=bytes(profile))
    np.testing.assert_allclose(read_photo(tmp_path / "a.tif").lightness, codes / 655.35, atol=1e-3)


def scanner_profile(channels: int, gamma: float) -> bytes:
    """A version 2 profile with nothing but an A2B0 table: curves, then a 2-point grid, linear between, in XYZ."""
    matrix = icc.adaptation(SRGB_TO_XYZ.sum(axis=1), icc.D50) @ SRGB_TO_XYZ
    corners = np.array(list(np.ndindex(*(2,) * channels)), float)
    grid = corners @ matrix.T if channels == 3 else corners * icc.D50
    curves = [np.linspace(0, 1, 1024) ** gamma] * channels
    identity = [np.linspace(0, 1, 2)] * 3
    lut = b"mft2\0\0\0\0" + bytes([channels, 3, 2, 0]) + struct.pack(">9i", *(np.eye(3).astype(int) * 65536).ravel())
    lut += struct.pack(">HH", 1024, 2) + np.rint(np.concatenate(curves) * 65535).astype(">u2").tobytes()
    lut += (
        np.rint(grid * 32768).astype(">u2").tobytes()
        + np.rint(np.concatenate(identity) * 65535).astype(">u2").tobytes()
    )
    plain = icc.build("Scanner", matrix if channels == 3 else None, np.linspace(0, 1, 2))
    table = struct.pack(">I4sII", 1, b"A2B0", 144, len(lut))
    profile = plain[:128] + table + lut
    return struct.pack(">I", len(profile)) + profile[4:12] + b"scnr" + profile[16:]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_table_profiles_of_scanners(tmp_path: Path, channels: int, dtype: type) -> None:
    profile = scanner_profile(channels, 1.9)
    assert isinstance(space_of(profile, channels), TableSpace)
    values = CODES[..., :channels] / 65535
    codes = values.astype(dtype) if dtype is np.float32 else np.rint(values * np.iinfo(dtype).max).astype(dtype)
    exact = codes if dtype is np.float32 else codes / np.iinfo(dtype).max
    y = exact**1.9 @ (SRGB_TO_XYZ[1] if channels == 3 else np.ones(1))
    tifffile.imwrite(
        tmp_path / "a.tif", codes.squeeze(), photometric="rgb" if channels == 3 else "minisblack", iccprofile=profile
    )
    found = luminance_from_lightness(read_photo(tmp_path / "a.tif", keep_color=True).lightness)
    assert np.abs(found - y).max() < 6 * STEP


def test_grey_in_a_matrix_rgb_profile(tmp_path: Path) -> None:
    codes = np.array([[0, 1000, 32768, 65535]], np.uint16)
    y = read_grey(tmp_path, codes, PROFILES["adobe"])
    assert np.abs(y - (codes / 65535) ** (563 / 256)).max() < STEP


def test_every_curve_kind() -> None:
    x = np.linspace(0, 1, 101)

    def para(kind: int, *values: float) -> np.ndarray:
        data = (
            b"para\0\0\0\0"
            + struct.pack(">HH", kind, 0)
            + struct.pack(f">{len(values)}i", *(round(v * 65536) for v in values))
        )
        return icc.curve(data)(x)

    srgb = srgb_decode(x)
    np.testing.assert_allclose(para(0, 2.2), x**2.2, atol=1e-5)
    np.testing.assert_allclose(para(1, 2.0, 1.25, -0.25), np.clip(1.25 * x - 0.25, 0, None) ** 2, atol=1e-4)
    np.testing.assert_allclose(para(2, 2.0, 1.0, -0.5, 0.25), np.clip(x - 0.5, 0, None) ** 2 + 0.25, atol=1e-4)
    np.testing.assert_allclose(para(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045), srgb, atol=5e-5)
    np.testing.assert_allclose(para(4, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045, 0, 0), srgb, atol=5e-5)
    np.testing.assert_allclose(icc.curve(b"curv\0\0\0\0\0\0\0\0")(x), x)
    np.testing.assert_allclose(icc.curve(b"curv\0\0\0\0\0\0\0\1\2\x33")(x), x ** (0x233 / 256))


def test_our_srgb_profile() -> None:
    imagecodecs.cms_profile_validate(SRGB.profile)
    assert SRGB.profile[8:12] == b"\2\x10\0\0"
    assert len(SRGB.profile) < 3000
    assert struct.unpack(">I", SRGB.profile[:4])[0] == len(SRGB.profile)
    y = lcms_xyz(CODES, SRGB.profile)[..., 1]
    theirs = lcms_xyz(CODES, imagecodecs.cms_profile("srgb"))[..., 1]
    assert np.abs(y - theirs).max() < 6 * STEP


def test_srgb_in_any_dress_is_srgb() -> None:
    for name in ("srgb", "ours"):
        space = space_of(PROFILES[name], 3)
        assert isinstance(space, MatrixSpace)
        assert space.to_xyz is SRGB_TO_XYZ
        assert space.curves == SRGB.curves
    assert luminance(np.array([1.0, 1, 1])) == pytest.approx(1, abs=1e-12)
    assert lightness_from_luminance(np.array(1.0)) == pytest.approx(100)
    assert gamma_profile(2.2) == gamma_profile(2.2)


def test_a_damaged_profile_is_refused(tmp_path: Path) -> None:
    whole = PROFILES["srgb"]
    for bad in (b"junk", whole[:150], whole[:128] + bytes(200)):
        tifffile.imwrite(tmp_path / "a.tif", CODES, photometric="rgb", iccprofile=bad)
        with pytest.raises(PhotoError, match="colour profile"):
            read_photo(tmp_path / "a.tif")


def test_png_gamma_counts_for_grey(tmp_path: Path) -> None:
    content = imagecodecs.png_encode(np.array([[0, 32768, 65535]], np.uint16))
    chunk = b"gAMA" + (100000).to_bytes(4, "big")
    chunk = b"\0\0\0\4" + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(content[:33] + chunk + content[33:])
    y = luminance_from_lightness(read_photo(tmp_path / "a.png").lightness)
    np.testing.assert_allclose(y, [[0, 0.5, 1]], atol=2 * STEP)


def test_a_profile_for_another_kind_of_picture_says_nothing(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", CODES, photometric="rgb")
    plain = read_photo(tmp_path / "a.tif").lightness
    tifffile.imwrite(tmp_path / "a.tif", CODES, photometric="rgb", iccprofile=gamma_profile(1.0))
    np.testing.assert_array_equal(read_photo(tmp_path / "a.tif").lightness, plain)
