"""A contract over every kind of file: what the header says is what is read, upright, with what stands beside it."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from samples import DPI, HEIGHT, LIGHT, MAKERS, RGB8, RGB16, WIDTH, XMP, heic, jpeg2000, jpegxl, raw, tiff
from skimage.color import rgb2lab

from hybrid.color import lightness_from_luminance, luminance_from_lightness
from hybrid.photo import ENDINGS, PhotoError, cicp, count_pages, read_overlay, read_photo, read_size
from hybrid.photo.formats import FORMATS

EXPECTED = rgb2lab(LIGHT)[..., 0]
TURNED = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: np.swapaxes(p, 0, 1),
    6: lambda p: np.swapaxes(p, 0, 1)[:, ::-1],
    7: lambda p: np.swapaxes(p, 0, 1)[::-1, ::-1],
    8: lambda p: np.swapaxes(p, 0, 1)[::-1],
}
"""What undoes each orientation: EXIF 2.32, tag 0x0112, drawn out by hand."""
TURNABLE = sorted(MAKERS.keys() - {"heic"})  # the library that writes HEIC here turns nothing
ADOBE = cicp.rgb_space(((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), cicp.D65_WHITE, cicp.power(563 / 256))
AT_MOST = {"jpegxl": 1.2, "jpeg": 1.0, "avif": 0.7, "raw": 0.3, "heic": 0.1}
"""Error of L* from coding, as it is with these files; of others, from rounding to 8 bits."""


AVIF12 = bytes(imagecodecs.avif_encode(RGB16 >> 4, level=100, bitspersample=12, pixelformat="444"))


def put(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def test_every_format_has_a_sample() -> None:
    assert MAKERS.keys() == FORMATS.keys()


@pytest.mark.parametrize(("name", "orientation"), [("heic", 1), *itertools.product(TURNABLE, range(1, 9))])
def test_size_said_is_size_read_and_upright(tmp_path: Path, name: str, orientation: int) -> None:
    path = put(tmp_path, "a", MAKERS[name](orientation) if name in TURNABLE else MAKERS[name]())
    photo = read_photo(path)
    assert photo.lightness.shape == read_size(path) == ((WIDTH, HEIGHT) if orientation > 4 else (HEIGHT, WIDTH))
    expected = EXPECTED
    if name == "raw":
        expected = lightness_from_luminance((LIGHT @ [0.2126, 0.7152, 0.0722]).astype(np.float32))
    inside = np.s_[4:-4, 4:-4]  # demosaicing has less to go by at the borders
    error = np.abs(photo.lightness - TURNED[orientation](expected))
    assert error[inside if name == "raw" else ...].max() < AT_MOST.get(name, 0.3)


@pytest.mark.parametrize("name", MAKERS)
def test_one_page_each_and_no_second(tmp_path: Path, name: str) -> None:
    path = put(tmp_path, "a", MAKERS[name]())
    assert count_pages(path) == 1
    np.testing.assert_array_equal(read_photo(path, page=1).lightness, read_photo(path).lightness)
    assert read_size(path, 2) == (0, 0)
    with pytest.raises(PhotoError, match="page 2 was asked for, and there is 1 page; count from 1"):
        read_photo(path, page=2)


@pytest.mark.parametrize("name", sorted(MAKERS.keys() - {"raw"}))
def test_resolution_exif_and_xmp_are_kept(tmp_path: Path, name: str) -> None:
    photo = read_photo(put(tmp_path, "a", MAKERS[name]()))
    assert photo.dpi == pytest.approx((DPI, DPI), abs=0.02)
    assert photo.metadata.get("xmp", b"") == (XMP if name != "png" else b"")
    assert b"a ramp" in photo.metadata["exif"]


@pytest.mark.parametrize("name", ["png", "jpeg", "webp", "avif", "jpeg2000"])
def test_the_profile_is_honoured_in_every_container(tmp_path: Path, name: str) -> None:
    """As the same pixels with the same profile in a TIFF."""
    photo = read_photo(put(tmp_path, "a", MAKERS[name](profile=ADOBE.profile)), keep_color=True)
    wanted = read_photo(put(tmp_path, "b", tiff(profile=ADOBE.profile)), keep_color=True)
    plain = read_photo(put(tmp_path, "c", tiff()), keep_color=True)
    assert photo.profile == ADOBE.profile
    assert photo.ab is not None
    assert wanted.ab is not None
    assert plain.ab is not None
    assert np.abs(photo.ab - wanted.ab).max() < 3.5
    assert np.abs(plain.ab - wanted.ab).max() > 10


def test_heic_keeps_its_profile(tmp_path: Path) -> None:
    photo = read_photo(put(tmp_path, "a", heic(icc_profile=ADOBE.profile, icc_profile_type="prof")))
    assert photo.profile == ADOBE.profile
    wanted = read_photo(put(tmp_path, "b", tiff(profile=ADOBE.profile)))
    np.testing.assert_allclose(photo.lightness, wanted.lightness, atol=0.1)


@pytest.mark.parametrize(
    ("content", "bits", "steps"),
    [
        (jpeg2000(), 16, 0),
        (jpeg2000(pixels=RGB16 >> 4, bits=12), 12, 16),
        (jpeg2000(pixels=RGB16[..., 0].copy()), 16, 0),
        (bytes(imagecodecs.jpeg2k_encode(RGB16, level=0, codecformat="j2k")), 16, 0),
        (bytes(imagecodecs.avif_encode(RGB16 >> 6, level=100, bitspersample=10, pixelformat="444")), 10, 64),
        (AVIF12, 12, 16),
        (AVIF12.replace(b"pixi", b"free"), 12, 16),
        (bytes(imagecodecs.avif_encode(RGB8[..., 0].copy(), level=100)), 8, 257),
        (bytes(imagecodecs.jpegxl_encode(RGB8, lossless=True)), 8, 257),
        (heic(10), 10, 64),
        (heic(8), 8, 257),
        (bytes(imagecodecs.jpeg8_encode(RGB16, bitspersample=16, lossless=True)), 16, 0),
        (bytes(imagecodecs.jpeg8_encode(RGB16 >> 4, bitspersample=12, lossless=True)), 12, 16),
        (bytes(imagecodecs.webp_encode(RGB8, lossless=True)), 8, 257),
    ],
)
def test_every_depth_is_read_to_its_last_step(tmp_path: Path, content: bytes, bits: int, steps: int) -> None:
    path = put(tmp_path, "a", content)
    photo = read_photo(path)
    assert photo.bits == bits
    rgb, _ = read_overlay(path)
    stored = RGB16[..., :1] if np.ptp(rgb, axis=-1).max() == 0 else RGB16
    assert np.abs(rgb * 65535 - stored).max() <= steps + 0.01
    assert float(rgb.max()) <= 1


def test_lossy_jpeg_of_12_bits(tmp_path: Path) -> None:
    content = bytes(imagecodecs.jpeg8_encode(RGB16 >> 4, level=100, bitspersample=12))
    photo = read_photo(put(tmp_path, "a.jpg", content))
    assert photo.bits == 12
    np.testing.assert_allclose(photo.lightness, EXPECTED, atol=0.9)


def test_float_and_16_bit_jpegxl_say_that_they_are_linear(tmp_path: Path) -> None:
    """As libjxl's encoder does by default; read as sRGB they would be far too dark."""
    for pixels in (RGB16, (RGB16 / 65535).astype(np.float32)):
        photo = read_photo(put(tmp_path, "a.jxl", bytes(imagecodecs.jpegxl_encode(pixels, lossless=True))))
        luminance = LIGHT @ [0.2126, 0.7152, 0.0722]
        np.testing.assert_allclose(luminance_from_lightness(photo.lightness), luminance, atol=2e-4)
        assert photo.profile is None  # in linear light nothing should be written


P3 = ((0, 1), (0, 1), (0, 2), (1, 2), (2, 2), (9, 4), (0, 1), (2, 2), (11, 4), (0, 2))
"""Fields of a colour encoding: not default, no ICC, RGB, D65, P3 (11 = 2 + 9), no gamma, sRGB's curve (13 = 2 + 11)."""


def test_jpegxl_in_display_p3(tmp_path: Path) -> None:
    """The decoder gives P3 codes of the same colours, and read as P3 they are these again."""
    in_p3, plain = (read_photo(put(tmp_path, "a.jxl", jpegxl(1, c)), keep_color=True) for c in (P3, ((1, 1),)))
    assert in_p3.ab is not None
    assert plain.ab is not None
    assert np.abs(in_p3.ab - plain.ab).max() < 2
    assert in_p3.profile is not None
    assert cicp.space_of_codes(12, 13, 3).profile == in_p3.profile  # type: ignore[union-attr]
    rgb, _ = read_overlay(tmp_path / "a.jxl")
    assert np.abs(rgb * 255 - RGB8).max() < 4


@pytest.mark.parametrize(
    ("color", "text"),
    [
        (((0, 1), (1, 1), (0, 2)), "the JPEG XL has an ICC profile of its own kind; wanted a plain space"),
        ((*P3[:-3], (2, 2), (14, 4), (0, 2)), "the picture is of high dynamic range (PQ); wanted a standard one"),
        ((*P3[:-3], (3, 2), (0, 6), (0, 2)), "the picture is of high dynamic range (HLG)"),
    ],
)
def test_jpegxl_that_cannot_be_read_rightly_is_refused(tmp_path: Path, color: tuple, text: str) -> None:
    path = put(tmp_path, "a.jxl", jpegxl(1, color))
    with pytest.raises(PhotoError) as caught:
        read_photo(path)
    assert text in str(caught.value)


@pytest.mark.parametrize("transfer", [1, 4, 5, 8, 13])
def test_curves_of_code_points_are_the_standard_s(transfer: int) -> None:
    """Against the standard's formulas at black, near black, middle and white (H.273, table 3)."""
    codes = np.array([0, 0.05, 0.5, 1])
    wanted = {
        1: [0, 0.05 / 4.5, ((0.5 + 0.0993) / 1.0993) ** (1 / 0.45), 1],
        4: codes**2.2,
        5: codes**2.8,
        8: codes,
        13: [0, ((0.05 + 0.055) / 1.055) ** 2.4, ((0.5 + 0.055) / 1.055) ** 2.4, 1],
    }[transfer]
    np.testing.assert_allclose(cicp.curve_of(transfer)(codes), wanted, atol=1e-4)


@pytest.mark.parametrize("kind", ["avif", "heic"])
def test_code_points_in_boxes_are_honoured(tmp_path: Path, kind: str) -> None:
    if kind == "avif":
        how = {"level": 100, "bitspersample": 10, "pixelformat": "444", "primaries": 12, "transfer": 13}
        content = bytes(imagecodecs.avif_encode(RGB16 >> 6, **how))
    else:
        content = heic(10, color_primaries=12, transfer_characteristics=13)
    p3 = cicp.space_of_codes(12, 13, 3)
    assert p3 is not None
    photo = read_photo(put(tmp_path, "a", content), keep_color=True)
    wanted = read_photo(put(tmp_path, "b", tiff(profile=p3.profile)), keep_color=True)
    assert photo.profile == p3.profile
    assert photo.ab is not None
    assert wanted.ab is not None
    assert np.abs(photo.ab - wanted.ab).max() < 0.6


def test_png_s_code_points_rule_over_its_profile(tmp_path: Path) -> None:
    content = MAKERS["png"]()
    chunk = b"\0\0\0\x04cICP\x0c\x0d\0\1"
    chunk += imagecodecs.zlib_crc32(chunk[4:]).to_bytes(4, "big")
    photo = read_photo(put(tmp_path, "a.png", content[:33] + chunk + content[33:]), keep_color=True)
    p3 = cicp.space_of_codes(12, 13, 3)
    assert p3 is not None
    assert photo.profile == p3.profile
    wanted = read_photo(put(tmp_path, "b.tif", tiff(profile=p3.profile)), keep_color=True)
    assert photo.ab is not None
    assert wanted.ab is not None
    assert np.abs(photo.ab - wanted.ab).max() < 1


@pytest.mark.parametrize(("name", "maker", "module"), [("heif", heic, "pillow_heif"), ("raw", raw, "rawpy")])
def test_a_missing_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, maker: object, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    path = put(tmp_path, "a", maker())  # type: ignore[operator]
    assert read_size(path) == (0, 0)
    with pytest.raises(PhotoError, match=rf"needs the extra {name}: pip install 'hybrid-colorizer\[{name}\]'"):
        read_photo(path)


@pytest.mark.parametrize("name", sorted(MAKERS))
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_cut_files_are_refused_in_one_line(tmp_path: Path, name: str, share: float) -> None:
    content = MAKERS[name]()
    path = put(tmp_path, "a", content[: max(12, int(len(content) * share))])
    with pytest.raises(PhotoError) as caught:
        read_photo(path)
    message = str(caught.value)
    assert message.startswith(f"cannot read {path}: ")
    assert "\n" not in message
    assert "cut short" in message or "TIFF, PNG, JPEG" in message, message


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (jpeg2000().replace(b"\1\0\0\0\0\0\x10", b"\1\0\0\0\0\0\x12"), "the JPEG 2000's pixels are YCbCr; wanted grey"),
        (jpeg2000().replace(b"\1\0\0\0\0\0\x10", b"\1\0\0\0\0\0\x0c"), "the JPEG 2000's pixels are CMYK; wanted grey"),
        (
            bytes(imagecodecs.jpeg2k_encode(RGB16.astype(np.int16) >> 1, level=0)),
            "the JPEG 2000 has signed samples; wanted 1 to 16 bits unsigned",
        ),
        (
            bytes(imagecodecs.avif_encode(RGB16 >> 6, level=100, bitspersample=10, primaries=9, transfer=16)),
            "the picture is of high dynamic range (PQ)",
        ),
    ],
)
def test_refusals_of_contents(tmp_path: Path, content: bytes, text: str) -> None:
    path = put(tmp_path, "a", content)
    with pytest.raises(PhotoError) as caught:
        read_photo(path)
    assert text in str(caught.value)


def test_a_raw_file_is_known_by_name_too(tmp_path: Path) -> None:
    """Cameras' own TIFFs hold a thumbnail first and nothing that says what they are."""
    content = tiff()
    assert read_photo(put(tmp_path, "a.tif", content)).lightness.shape == (HEIGHT, WIDTH)
    with pytest.raises(
        PhotoError, match="the raw file is damaged, cut short, or of a camera that LibRaw does not know"
    ):
        read_photo(put(tmp_path, "a.nef", tiff(photometric="minisblack", planarconfig="contig")))


def test_endings_are_small_and_known_once() -> None:
    assert len(set(ENDINGS)) == len(ENDINGS) > 15
    assert all(ending == ending.lower() and ending.startswith(".") for ending in ENDINGS)
