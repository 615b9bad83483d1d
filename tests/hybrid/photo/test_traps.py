"""Traps that other readers fall into: sixteen bits, tones, inks, CIELAB, alpha, tiny pictures; many file to file."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image
from samples import ink_profile, lab_of_inks
from skimage import color as reference
from typer.testing import CliRunner

from hybrid.cli import app
from hybrid.color import luminance_from_lightness
from hybrid.photo import cicp, icc, read_overlay, read_photo, read_size
from hybrid.photo.profiles import SRGB

STEP = 1 / 65535
RNG = np.random.default_rng(7)
ADOBE = cicp.rgb_space(((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), cicp.D65_WHITE, cicp.power(563 / 256))


def colorize(photo: Path, target: Path, *words: object) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["colorize", *map(str, (photo, "-o", target, "--json", *words))])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def luminance(path: Path) -> np.ndarray:
    return luminance_from_lightness(read_photo(path).lightness)


def test_sixteen_bits_of_rgb_are_sixteen_bits(tmp_path: Path) -> None:
    """Every single step of a dark and a bright stretch; Pillow would give 4 levels for these 1024."""
    codes = np.concatenate([np.arange(3000, 3512), np.arange(60000, 60512)]).astype(np.uint16)
    rgb = np.repeat(codes[None, :, None], 3, axis=2)
    tifffile.imwrite(tmp_path / "a.tif", rgb, photometric="rgb")
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(rgb))
    exact = np.where(codes / 65535 <= 0.04045, codes / 65535 / 12.92, ((codes / 65535 + 0.055) / 1.055) ** 2.4)
    for name in ("a.tif", "a.png"):
        found = luminance(tmp_path / name)[0]
        assert np.abs(found - exact).max() < 0.1 * STEP
        assert np.unique(found).size == codes.size


def sepia(gray: np.ndarray) -> np.ndarray:
    """A toned print: warm in the middle tones, as 16-bit codes."""
    tone = gray[..., None] ** np.array([0.8, 1.0, 1.35])
    return np.rint(tone * 65535).astype(np.uint16)


@pytest.mark.parametrize("profile", [None, ADOBE.profile], ids=["srgb", "adobe rgb"])
def test_a_toned_scan_keeps_its_luminance_and_loses_its_tone(tmp_path: Path, profile: bytes | None) -> None:
    """File to file: Y by the profile's own formula before, and by lcms2 after."""
    codes = sepia(np.linspace(0.02, 0.98, 40 * 60).reshape(40, 60))
    tifffile.imwrite(tmp_path / "a.tif", codes, photometric="rgb", iccprofile=profile)
    shares = codes / 65535
    if profile:
        y = (shares ** (563 / 256)) @ ADOBE.to_xyz[1]
    else:
        y = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
    assert np.abs(luminance(tmp_path / "a.tif") - y).max() < 4 * STEP
    report = colorize(tmp_path / "a.tif", tmp_path / "b.tif", "--model", "none")
    assert report["luminance_change"] <= 1
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        page = file.pages[0].aspage()
        written, kept = page.asarray(), page.tags.valueof(34675)
    apart = written.astype(int) - written[..., 1:2]  # single steps are how Y is met exactly
    assert np.abs(apart).max() <= 3
    assert np.abs(apart.mean(axis=(0, 1))).max() < 0.2, "a cast was left"
    xyz = imagecodecs.cms_transform(
        written.astype(np.float32) / 65535,
        kept,
        imagecodecs.cms_profile("xyz"),
        colorspace="rgb",
        outcolorspace="xyz",
        outdtype="float32",
        flags=imagecodecs.CMS.FLAGS.NOOPTIMIZE,
    )
    assert np.abs(xyz[..., 1] - y).max() < 8 * STEP


INKS = RNG.random((12, 16, 4)) * [0.6, 0.6, 0.8, 0.7]


def lab_read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    photo = read_photo(path, keep_color=True)
    assert photo.ab is not None
    return photo.lightness, photo.ab


def under_d65(lab: np.ndarray) -> np.ndarray:
    """CIELAB under D50 to CIELAB under D65, by scikit-image's conversions and Bradford's adaptation."""
    white50, white65 = (
        reference.lab2xyz(np.array([[[100.0, 0, 0]]]), illuminant=name)[0, 0] for name in ("D50", "D65")
    )
    return reference.xyz2lab(reference.lab2xyz(lab, illuminant="D50") @ icc.adaptation(white50, white65).T)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_cmyk_tiff_by_its_profile(tmp_path: Path, dtype: type) -> None:
    top = np.iinfo(dtype).max
    inks = np.rint(INKS * top).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", inks, photometric="separated", iccprofile=ink_profile())
    lightness, ab = lab_read(tmp_path / "a.tif")
    wanted = under_d65(lab_of_inks(inks / top))
    np.testing.assert_allclose(lightness, wanted[..., 0], atol=0.02)
    np.testing.assert_allclose(ab, wanted[..., 1:], atol=0.1)
    assert read_overlay(tmp_path / "a.tif")[0].shape == (12, 16, 3)


def test_lcms_works_in_float_and_not_by_its_default_of_sixteen_bits(tmp_path: Path) -> None:
    inks = np.rint(INKS * 65535).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", inks, photometric="separated", iccprofile=ink_profile())
    d50, d65 = (lab_of_inks(inks / 65535), under_d65(lab_of_inks(inks / 65535)))
    exact, wanted = (luminance_from_lightness(lab[..., 0].astype(np.float32)) for lab in (d50, d65))
    default = imagecodecs.cms_transform(
        inks, ink_profile(), imagecodecs.cms_profile("xyz"), colorspace="cmyk", outcolorspace="xyz", outdtype="uint16"
    )
    assert np.abs(default[..., 1] / 32768 - exact).max() > 40 * STEP
    assert np.abs(luminance(tmp_path / "a.tif") - wanted).max() < 4 * STEP


@pytest.mark.parametrize(("transform", "is_adobe"), [("cmyk", True), ("ycck", True), ("cmyk", False)])
def test_cmyk_jpeg_is_inverted_where_adobe_s_marker_says_so(tmp_path: Path, transform: str, is_adobe: bool) -> None:
    inks = np.full((16, 16, 4), (0.2, 0.3, 0.1, 0.4))
    codes = np.rint(inks * 255).astype(np.uint8)
    stored = 255 - codes if is_adobe else codes
    content = bytes(imagecodecs.jpeg8_encode(stored, level=100, colorspace="cmyk", outcolorspace=transform))
    marker = content.index(b"\xff\xee")
    length = 2 + int.from_bytes(content[marker + 2 : marker + 4], "big")
    if not is_adobe:
        content = content[:marker] + content[marker + length :]
    body = b"ICC_PROFILE\0\1\1" + ink_profile()
    content = content[:2] + b"\xff\xe2" + (len(body) + 2).to_bytes(2, "big") + body + content[2:]
    (tmp_path / "a.jpg").write_bytes(content)
    lightness, _ = lab_read(tmp_path / "a.jpg")
    np.testing.assert_allclose(lightness, under_d65(lab_of_inks(inks))[..., 0], atol=0.5)


def test_a_cmyk_scan_file_to_file(tmp_path: Path) -> None:
    inks = np.rint(INKS * 65535).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", inks, photometric="separated", iccprofile=ink_profile())
    assert colorize(tmp_path / "a.tif", tmp_path / "b.tif", "--model", "none")["luminance_change"] <= 1
    assert read_photo(tmp_path / "b.tif").profile == SRGB.profile
    assert np.abs(luminance(tmp_path / "b.tif") - luminance(tmp_path / "a.tif")).max() < 1.1 * STEP


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("kind", ["cielab", "icclab"])
def test_lab_tiff(tmp_path: Path, bits: int, kind: str) -> None:
    lab = np.stack([np.linspace(0, 95, 192).reshape(12, 16), *RNG.uniform(-0.4, 0.4, (2, 12, 16))], axis=-1)
    lab[..., 1:] *= lab[..., :1]
    lab[:6, :, 1:] = 0
    unit, dtype = 1 << (bits - 8), f"u{bits // 8}"
    white = {("cielab", 8): 255, ("cielab", 16): 65535, ("icclab", 8): 255, ("icclab", 16): 0xFF00}[kind, bits]
    lightness = np.rint(lab[..., :1] / 100 * white).astype(dtype)
    steps = np.rint(lab[..., 1:] * unit).astype(np.int64)
    ab = (steps + (128 * unit if kind == "icclab" else 0)) % (1 << bits)
    codes = np.concatenate([lightness, ab.astype(dtype)], axis=-1)
    tifffile.imwrite(tmp_path / "a.tif", codes, photometric=kind)
    found, found_ab = lab_read(tmp_path / "a.tif")
    stored = np.concatenate([lightness / white * 100, steps / unit], axis=-1)
    np.testing.assert_allclose(found[:6], stored[:6, :, 0], atol=2e-3)  # of greys, L* is what the file says
    wanted = under_d65(stored)
    np.testing.assert_allclose(found, wanted[..., 0], atol=0.02)
    np.testing.assert_allclose(found_ab, wanted[..., 1:], atol=0.1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_premultiplied_alpha_is_divided_out(tmp_path: Path, dtype: type) -> None:
    top = 1 if dtype is np.float32 else np.iinfo(dtype).max
    alpha = np.linspace(0.25, 1, 30).reshape(5, 6, 1)
    rgb = RNG.random((5, 6, 3))
    codes = (np.concatenate([rgb * alpha, alpha], axis=-1) * top).round(0 if top > 1 else 7).astype(dtype)
    codes[0, 0] = 0
    tifffile.imwrite(tmp_path / "a.tif", codes, photometric="rgb", extrasamples=["assocalpha"])
    tifffile.imwrite(tmp_path / "b.tif", (rgb * top).astype(dtype), photometric="rgb")
    found, plain = (read_photo(tmp_path / name).lightness for name in ("a.tif", "b.tif"))
    assert found[0, 0] == 0
    assert np.abs(found - plain)[1:].max() < (1.5 if dtype is np.uint8 else 0.01)


@pytest.mark.parametrize(
    ("shape", "ending"),
    [((1, 1), "tif"), ((1, 7), "png"), ((9, 1), "jpg"), ((2, 2), "tif"), ((1, 1, 3), "png"), ((3, 1, 3), "tif")],
)
def test_tiny_pictures_file_to_file(tmp_path: Path, shape: tuple[int, ...], ending: str) -> None:
    pixels = RNG.integers(0, 65536, shape, dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb" if len(shape) == 3 else "minisblack")
    report = colorize(tmp_path / "a.tif", tmp_path / f"b.{ending}", "--device", "cpu")
    assert (report["height"], report["width"]) == shape[:2] == read_size(tmp_path / f"b.{ending}")
    if ending != "jpg":
        assert np.abs(luminance(tmp_path / f"b.{ending}") - luminance(tmp_path / "a.tif")).max() < 1.1 * STEP


@pytest.mark.parametrize("kind", ["1-bit TIFF", "fax TIFF", "1-bit PNG"])
def test_one_bit_file_to_file(tmp_path: Path, kind: str) -> None:
    image = Image.fromarray(RNG.random((20, 33)) > 0.5)
    path = tmp_path / ("a.png" if "PNG" in kind else "a.tif")
    image.save(path, **({"compression": "group4"} if "fax" in kind else {}))
    np.testing.assert_array_equal(read_photo(path).lightness, np.asarray(image) * np.float32(100))
    assert colorize(path, tmp_path / "b.tif", "--device", "cpu")["luminance_change"] <= 1


@pytest.mark.parametrize("compression", ["jpeg", "lzma", "jpeg2000", "webp", "jpegxl", "png", "jpegxr", "lerc"])
@pytest.mark.parametrize("layout", [{"rowsperstrip": 16}, {"tile": (16, 32)}], ids=["strips", "tiles"])
def test_tiff_by_other_codecs(tmp_path: Path, compression: str, layout: dict[str, Any]) -> None:
    y, x = np.mgrid[0:40, 0:60]
    rgb = np.stack([60 + 2 * x, 50 + 3 * y, 200 - x - y], axis=-1).astype(np.uint8)
    level = {"compressionargs": {"level": 98}} if compression in ("jpeg", "jpeg2000") else {}
    tifffile.imwrite(tmp_path / "a.tif", rgb, photometric="rgb", compression=compression, **layout, **level)
    np.testing.assert_allclose(read_photo(tmp_path / "a.tif").lightness, reference.rgb2lab(rgb)[..., 0], atol=3)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
@pytest.mark.parametrize("compression", ["deflate", "lzw", "zstd"])
@pytest.mark.parametrize("is_planar", [False, True])
def test_tiff_predictors(tmp_path: Path, dtype: type, compression: str, is_planar: bool) -> None:
    rgb = (RNG.random((20, 30, 3)) * (65535 if dtype is np.uint16 else 1)).astype(dtype)
    stored = np.moveaxis(rgb, -1, 0) if is_planar else rgb
    how = {"planarconfig": "separate" if is_planar else "contig", "tile": (16, 16), "predictor": True}
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", compression=compression, **how)
    tifffile.imwrite(tmp_path / "b.tif", rgb, photometric="rgb")
    np.testing.assert_array_equal(*(read_photo(tmp_path / name).lightness for name in ("a.tif", "b.tif")))


def test_white_is_zero_with_a_profile_and_alpha(tmp_path: Path) -> None:
    grey = RNG.integers(0, 65536, (9, 11), dtype=np.uint16)
    dark = icc.build("Dot gain", None, np.linspace(0, 1, 256) ** 1.7)
    stored = np.dstack([65535 - grey, grey])
    how: dict[str, Any] = {"photometric": "miniswhite", "planarconfig": "contig", "extrasamples": ["unassalpha"]}
    tifffile.imwrite(tmp_path / "a.tif", stored, iccprofile=dark, **how)
    # the profile speaks of light, whichever way the codes run
    assert np.abs(luminance(tmp_path / "a.tif") - (grey / 65535) ** 1.7).max() < 30 * STEP


def test_a_palette_counts_in_sixteen_bits(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (9, 11), dtype=np.uint8)).convert("P").save(file, "TIFF")
    (tmp_path / "a.tif").write_bytes(file.getvalue())
    assert read_photo(tmp_path / "a.tif").bits == 16
