"""Reading: every kind of file to the same lightness, and refusals in words."""

import io
import warnings
from contextlib import suppress
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage import color as reference

from hybrid.photo import PhotoError, read_overlay, read_photo

GREY16 = np.random.default_rng(0).integers(0, 65536, (37, 53), dtype=np.uint16)
RGB16 = np.random.default_rng(1).integers(0, 65536, (37, 53, 3), dtype=np.uint16)
RGB8 = (RGB16 >> 8).astype(np.uint8)


def lab(rgb: np.ndarray) -> np.ndarray:
    """scikit-image's Lab of stored sRGB codes."""
    values = rgb / np.iinfo(rgb.dtype).max
    return reference.rgb2lab(values if values.ndim == 3 else np.repeat(values[..., None], 3, axis=2))


def assert_reads(path: Path, rgb: np.ndarray, bits: int) -> None:
    photo = read_photo(path, keep_color=True)
    assert photo.bits == bits
    assert photo.lightness.dtype == np.float32
    assert photo.lightness.flags.c_contiguous
    expected = lab(rgb)
    np.testing.assert_allclose(photo.lightness, expected[..., 0], atol=0.02)
    assert photo.ab is not None
    np.testing.assert_allclose(photo.ab, expected[..., 1:], atol=0.06)
    np.testing.assert_array_equal(read_photo(path).lightness, photo.lightness)


@pytest.mark.parametrize("compression", [None, "deflate", "lzw", "zstd", "packbits"])
@pytest.mark.parametrize("pixels", [GREY16, RGB16, RGB8, RGB8[..., 0]], ids=["grey16", "rgb16", "rgb8", "grey8"])
@pytest.mark.parametrize("layout", [{}, {"rowsperstrip": 5}, {"tile": (16, 32)}], ids=["whole", "strips", "tiles"])
def test_tiff(tmp_path: Path, compression: str | None, pixels: np.ndarray, layout: dict) -> None:
    kind = "rgb" if pixels.ndim == 3 else "minisblack"
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, photometric=kind, compression=compression, **layout)
    assert_reads(path, pixels, pixels.dtype.itemsize * 8)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_tiff_byte_orders_and_bigtiff(tmp_path: Path, order: str, big: bool) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, RGB16, photometric="rgb", byteorder=order, bigtiff=big)
    assert_reads(path, RGB16, 16)


def test_tiff_planar(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.moveaxis(RGB16, -1, 0), photometric="rgb", planarconfig="separate")
    assert_reads(path, RGB16, 16)


def test_tiff_white_is_zero(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, 65535 - GREY16, photometric="miniswhite")
    assert_reads(path, GREY16, 16)


@pytest.mark.parametrize("white_is_zero", [False, True])
def test_tiff_bilevel(tmp_path: Path, white_is_zero: bool) -> None:
    dots = GREY16 > 30000
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, dots, photometric="miniswhite" if white_is_zero else "minisblack")
    np.testing.assert_array_equal(read_photo(path).lightness, np.where(dots != white_is_zero, 100, 0))


def test_tiff_palette(tmp_path: Path) -> None:
    index = np.random.default_rng(2).integers(0, 256, (20, 30), dtype=np.uint8)
    colors = np.random.default_rng(3).integers(0, 65536, (3, 256), dtype=np.uint16)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, index, photometric="palette", colormap=colors)
    assert_reads(path, colors.T[index], 16)


@pytest.mark.parametrize("pixels", [GREY16, RGB16], ids=["grey", "rgb"])
def test_alpha_is_dropped_from_photos_and_given_with_overlays(tmp_path: Path, pixels: np.ndarray) -> None:
    alpha = GREY16[::-1]
    with_alpha = np.dstack([pixels, alpha])
    tifffile.imwrite(
        tmp_path / "a.tif",
        with_alpha,
        photometric="rgb" if pixels.ndim == 3 else "minisblack",
        planarconfig="contig",
        extrasamples=["unassalpha"],
    )
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(with_alpha))
    for name in ("a.tif", "a.png"):
        assert_reads(tmp_path / name, pixels, 16)
        rgb, found = read_overlay(tmp_path / name)
        np.testing.assert_allclose(rgb, np.broadcast_to(np.atleast_3d(pixels), RGB16.shape) / 65535, atol=1e-7)
        np.testing.assert_allclose(found, alpha / 65535, atol=1e-7)


def test_first_full_size_page(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(GREY16[::4, ::4], subfiletype=1)
        file.write(GREY16, photometric="minisblack", resolution=(300, 300), resolutionunit="inch")
        file.write(GREY16[::-1])
    assert_reads(path, GREY16, 16)
    assert read_photo(path).dpi == (300, 300)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_float_without_profile_is_linear_light(tmp_path: Path, dtype: type) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.array([[0, 0.18, 1.0, 1.0004]], dtype), photometric="minisblack")
    assert read_photo(path).lightness == pytest.approx(np.array([[0, 49.496, 100, 100]]), abs=0.02)


@pytest.mark.parametrize("pixels", [GREY16, RGB16, RGB8, RGB8[..., 0]], ids=["grey16", "rgb16", "rgb8", "grey8"])
def test_png(tmp_path: Path, pixels: np.ndarray) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(pixels)))
    assert_reads(path, pixels, pixels.dtype.itemsize * 8)


@pytest.mark.parametrize("mode", ["1", "P", "L", "RGBA"])
def test_png_as_pillow_writes_it(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(RGB8).convert(mode)
    image.save(tmp_path / "a.png")
    assert_reads(tmp_path / "a.png", np.asarray(image.convert("RGB")), 8)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg(tmp_path: Path, mode: str, progressive: bool) -> None:
    Image.fromarray(RGB8).convert(mode).save(tmp_path / "a.jpg", progressive=progressive)
    with Image.open(tmp_path / "a.jpg") as image:
        assert_reads(tmp_path / "a.jpg", np.asarray(image.convert("RGB")), 8)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5000), (5000, 3), (1, 2, 3), (2, 1, 3), (1, 1, 3)])
def test_odd_sizes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(4).integers(0, 65536, shape, dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb" if len(shape) == 3 else "minisblack")
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(pixels))
    assert_reads(tmp_path / "a.tif", pixels, 16)
    assert_reads(tmp_path / "a.png", pixels, 16)


def test_huge_pictures_are_neither_refused_nor_warned_about(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", shape=(10_000, 10_000), dtype=np.uint8, photometric="minisblack")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_photo(tmp_path / "a.tif").lightness.shape == (10_000, 10_000)


def damaged(tmp_path: Path, name: str, content: bytes) -> Path:
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


def tiff(pixels: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)  # type: ignore[arg-type]
    return file.getvalue()


def tiff_of_no_rows() -> bytes:
    content = bytearray(tiff(GREY16))
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        at = file.pages[0].aspage().tags["ImageLength"].valueoffset
    content[at : at + 2] = b"\0\0"
    return bytes(content)


def saved(mode: str, kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.tile(RGB8, (4, 4, 1))).convert(mode).save(file, kind)
    return file.getvalue()


BAD = {
    "empty": (b"", "the file is empty; wanted a TIFF, PNG, JPEG, WebP, JPEG 2000, JPEG XL, AVIF, HEIC or camera raw"),
    "text": (
        b"not a photo at all",
        "its content is no TIFF, PNG, JPEG, WebP, JPEG 2000, JPEG XL, AVIF, HEIC or camera raw, whatever its name says",
    ),
    "gif": (saved("P", "GIF"), "its content is no TIFF, PNG, JPEG"),
    "tiff header only": (b"II*\0\x08\0\0\0", "the TIFF is damaged or cut short"),
    "tiff cut": (tiff(GREY16)[:2000], "the TIFF is cut short: its pixels end before the file should"),
    "tiff deflate cut": (
        tiff(RGB16, photometric="rgb", compression="deflate", rowsperstrip=4)[:9000],
        "the TIFF is damaged or cut short",
    ),
    "png cut": (saved("RGB", "PNG")[:5000], "the PNG is damaged or cut short"),
    "png header only": (b"\x89PNG\r\n\x1a\n", "the PNG is damaged or cut short"),
    "png broken inside": (saved("RGB", "PNG").replace(b"IDAT", b"IDAT\1\2", 1), "the PNG is damaged or cut short"),
    "jpeg cut": (saved("RGB", "JPEG")[:5000], "the JPEG is damaged or cut short"),
    "jpeg header only": (b"\xff\xd8\xff\xe0", "the JPEG is damaged or cut short"),
    "cmyk jpeg": (
        saved("CMYK", "JPEG"),
        "the JPEG is CMYK without a profile of its inks; assign one, or convert it to RGB first",
    ),
    "cmyk tiff": (
        saved("CMYK", "TIFF"),
        "the TIFF is CMYK without a profile of its inks; assign one, or convert it to RGB first",
    ),
    "lab tiff of 32 bits": (
        tiff(np.zeros((4, 5, 3), np.float32), photometric="cielab"),
        "the TIFF is CIELAB of 32 bits; wanted 8 or 16 bits; convert it to RGB",
    ),
    "tiff of many channels": (
        tiff(np.zeros((4, 5, 20), np.uint8), photometric="minisblack", planarconfig="contig"),
        "the TIFF has 20 channels; wanted 1, and alpha; save the picture alone",
    ),
    "signed": (tiff(GREY16.astype(np.int16)), "16-bit samples of kind INT; wanted 1 to 16 bits unsigned, or float"),
    "32 bit": (tiff(GREY16.astype(np.uint32)), "32-bit samples of kind UINT; wanted 1 to 16 bits unsigned"),
    "nan": (tiff(np.array([[0.5, np.nan]], np.float32)), "the samples hold NaN or infinity; wanted numbers 0..1"),
    "infinity": (tiff(np.array([[0.5, np.inf]], np.float32)), "the samples hold NaN or infinity"),
    "float 255": (tiff(np.array([[0, 255]], np.float32)), "the float samples reach 0..255; wanted 0..1; scale them"),
    "float below 0": (
        tiff(np.array([[-0.5, 1]], np.float32)),
        "the float samples reach -0.5..1; wanted 0..1; scale them",
    ),
    "zero size": (tiff_of_no_rows(), "the picture is 53 × 0; wanted at least one pixel"),
}


@pytest.mark.parametrize("name", BAD)
def test_refusals(tmp_path: Path, name: str) -> None:
    content, text = BAD[name]
    path = damaged(tmp_path, "a.tif", content)
    for read in (read_photo, read_overlay):
        with pytest.raises(PhotoError) as caught:
            read(path)
        message = str(caught.value)
        assert message.startswith(f"cannot read {path}: ")
        assert text in message
        assert "\n" not in message


def test_refusals_of_places(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="there is no such file; check the path"):
        read_photo(tmp_path / "none.tif")
    with pytest.raises(PhotoError, match="it is a folder; wanted an image file"):
        read_photo(tmp_path)


def test_any_cut_or_flipped_byte_is_refused_or_read(tmp_path: Path) -> None:
    """Damage never shows as another exception, a warning or a crash."""
    rng = np.random.default_rng(5)
    sources = [
        saved("RGB", "PNG"),
        saved("RGB", "JPEG"),
        tiff(RGB8, photometric="rgb", compression="deflate"),
        tiff(GREY16),
    ]
    for source in sources:
        for _ in range(40):
            content = bytearray(source[: rng.integers(4, len(source) + 1)] if rng.random() < 0.5 else source)
            for _ in range(rng.integers(0, 4)):
                content[rng.integers(4, min(len(content), 400))] = rng.integers(256)
            with suppress(PhotoError):
                read_photo(damaged(tmp_path, "a", bytes(content)))
