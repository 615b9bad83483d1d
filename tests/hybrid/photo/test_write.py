"""Writing: luminance to the last step, depth, grey, profiles, and a place left clean."""

from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from hybrid import color
from hybrid.photo import Photo, WriteError, bands, check_writable, read_photo, tiff, write_photo, write_picture
from hybrid.photo.profiles import SRGB, MatrixSpace, gamma_profile, space_of

STEP = 1 / 65535
ADOBE = imagecodecs.cms_profile("adobergb")
P3 = imagecodecs.cms_profile(
    "rgb", whitepoint=[0.3127, 0.329], primaries=[0.68, 0.32, 0.265, 0.69, 0.15, 0.06], gamma=2.6
)


def wild(height: int = 300, width: int = 400) -> tuple[Photo, np.ndarray]:
    """Every lightness with every colour, in gamut and far out, the darkest and brightest often."""
    rng = np.random.default_rng(0)
    lightness = rng.uniform(0, 100, (height, width)).astype(np.float32)
    lightness[: height // 4] = rng.choice([0, 1e-4, 1e-2, 0.1, 1, 99, 99.9, 99.999, 100], (height // 4, width))
    ab = rng.normal(0, 1, (height, width, 2)) * rng.choice([0, 0.01, 1, 10, 40, 90], (height, width, 1))
    return Photo(lightness), ab.astype(np.float32)


def luminance_of(codes: np.ndarray, space: MatrixSpace = SRGB) -> np.ndarray:
    """Luminance of stored codes in double precision, by the definition and none of the writer's tables."""
    top = np.iinfo(codes.dtype).max
    linear = np.stack([curve(codes[..., c] / top) for c, curve in enumerate(space.curves)], axis=-1)
    return linear @ space.to_xyz[1]


def expected(photo: Photo) -> np.ndarray:
    return color.luminance_from_lightness(photo.lightness.astype(np.float64))


@pytest.mark.parametrize("name", ["a.tif", "a.png"])
@pytest.mark.parametrize("profile", [None, ADOBE, P3], ids=["srgb", "adobe", "p3"])
def test_16_bit_luminance_is_kept_to_one_step(tmp_path: Path, name: str, profile: bytes | None) -> None:
    photo, ab = wild()
    photo = Photo(photo.lightness, profile=profile)
    report = write_photo(tmp_path / name, photo, ab)
    codes = tifffile.imread(tmp_path / name) if name == "a.tif" else imagecodecs.imread(tmp_path / name)
    space = space_of(profile, 3)
    assert isinstance(space, MatrixSpace)
    assert codes.dtype == np.uint16
    error = np.abs(luminance_of(codes, space) - expected(photo)).max() / STEP
    assert error <= 1
    assert report.luminance_error == pytest.approx(error, abs=0.05)
    assert 0.2 < report.gamut_mapped < 0.9
    assert report.bytes_written == (tmp_path / name).stat().st_size
    again = read_photo(tmp_path / name)
    assert again.bits == 16
    assert np.abs(expected(again) - expected(photo)).max() <= 1 * STEP + 1e-7


def test_every_16_bit_grey_comes_back_as_itself(tmp_path: Path) -> None:
    codes = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    tifffile.imwrite(tmp_path / "a.tif", codes, photometric="minisblack")
    report = write_photo(tmp_path / "b.tif", read_photo(tmp_path / "a.tif"), np.zeros((256, 256, 2), np.float32))
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "b.tif"), np.repeat(codes[..., None], 3, axis=2))
    assert report.luminance_error < 0.05


def test_grey_of_another_curve_stays_grey_where_luminance_allows(tmp_path: Path) -> None:
    codes = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    tifffile.imwrite(tmp_path / "a.tif", codes, photometric="minisblack", iccprofile=gamma_profile(1.8))
    photo = read_photo(tmp_path / "a.tif")
    report = write_photo(tmp_path / "b.tif", photo, np.zeros((256, 256, 2), np.float32))
    out = tifffile.imread(tmp_path / "b.tif").astype(int)
    is_grey = np.ptp(out, axis=2) == 0
    assert report.luminance_error <= 1
    assert is_grey[expected(photo) < 0.78].all()  # above, neighbouring sRGB greys lie 2 steps and more apart
    assert is_grey.mean() > 0.97
    assert np.ptp(out, axis=2).max() <= 12  # of 65535


def test_8_bit_is_rounded_and_grey_stays_grey(tmp_path: Path) -> None:
    photo, ab = wild()
    report = write_photo(tmp_path / "a.png", photo, ab, bits=8)
    codes = imagecodecs.imread(tmp_path / "a.png")
    assert codes.dtype == np.uint8
    assert np.abs(luminance_of(codes) - expected(photo)).max() / STEP == pytest.approx(report.luminance_error, abs=0.1)
    assert report.luminance_error < 0.5 * 2.3 / 255 / STEP * 1.01  # half a code at its steepest
    assert np.ptp(codes[(ab == 0).all(axis=-1)].astype(int), axis=-1).max() == 0


def test_colours_in_gamut_are_kept(tmp_path: Path) -> None:
    rgb = np.random.default_rng(1).uniform(0, 1, (50, 60, 3)).astype(np.float32)
    lightness, ab = color.lab_from_linear(rgb)
    write_photo(tmp_path / "a.tif", Photo(lightness), ab)
    back = color.srgb_decode(tifffile.imread(tmp_path / "a.tif") / 65535)
    assert np.abs(back - rgb).max() < 8 * STEP


def test_jpeg(tmp_path: Path) -> None:
    y, x = np.mgrid[:80, :120].astype(np.float32)
    photo, ab = Photo(40 + y / 4), np.dstack([x / 6, 10 - y / 8])
    report = write_photo(tmp_path / "a.JPG", photo, ab)
    again = read_photo(tmp_path / "a.JPG", keep_color=True)
    assert again.bits == 8
    assert np.abs(again.lightness - photo.lightness).max() < 1.5
    assert again.ab is not None
    assert np.abs(again.ab - ab).mean() < 1
    assert report.bytes_written == (tmp_path / "a.JPG").stat().st_size


@pytest.mark.parametrize("compression", ["none", "deflate", "lzw", "zstd"])
def test_tiff_compressions_hold_the_same_pixels(
    tmp_path: Path, compression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bands, "BAND_PIXELS", 1000)
    photo, ab = wild(61, 83)
    write_photo(tmp_path / "a.tif", photo, ab, compression=compression)
    write_photo(tmp_path / "a.png", photo, ab)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert len(file.pages[0].dataoffsets) == 6
        assert not file.is_bigtiff
        np.testing.assert_array_equal(file.asarray(), imagecodecs.imread(tmp_path / "a.png"))
    if compression != "zstd":
        with Image.open(tmp_path / "a.tif") as image:
            assert image.size == (83, 61)


def test_bands_equal_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo, ab = wild(70, 90)
    write_photo(tmp_path / "whole.png", photo, ab)
    monkeypatch.setattr(bands, "BAND_PIXELS", 90 * 3)
    write_photo(tmp_path / "bands.png", photo, ab)
    assert (tmp_path / "whole.png").read_bytes() == (tmp_path / "bands.png").read_bytes()


def test_bigtiff_when_it_must_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff, "_CLASSIC_ROOM", 1000)
    photo, ab = wild(20, 30)
    write_photo(tmp_path / "a.tif", photo, ab)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.is_bigtiff
    assert read_photo(tmp_path / "a.tif").lightness.shape == (20, 30)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (3, 5000), (2, 1)])
@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg"])
def test_odd_sizes(tmp_path: Path, shape: tuple[int, int], name: str) -> None:
    photo, ab = wild(*shape)
    write_photo(tmp_path / name, photo, ab)
    assert read_photo(tmp_path / name).lightness.shape == shape


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg"])
@pytest.mark.parametrize(
    ("profile", "kept"),
    [(None, SRGB.profile), (gamma_profile(2.2), SRGB.profile), (ADOBE, ADOBE)],
    ids=["none", "grey", "adobe"],
)
def test_profile_of_the_output(tmp_path: Path, name: str, profile: bytes | None, kept: bytes) -> None:
    photo, ab = wild(20, 30)
    write_photo(tmp_path / name, Photo(photo.lightness, profile=profile), ab)
    assert read_photo(tmp_path / name).profile == kept
    with Image.open(tmp_path / name) as image:
        assert image.info["icc_profile"] == kept


def test_same_bytes_every_time(tmp_path: Path) -> None:
    photo, ab = wild(20, 30)
    for name in ("tif", "png", "jpg"):
        write_photo(tmp_path / f"a.{name}", photo, ab)
        write_photo(tmp_path / f"b.{name}", photo, ab)
        assert (tmp_path / f"a.{name}").read_bytes() == (tmp_path / f"b.{name}").read_bytes()


def test_picture(tmp_path: Path) -> None:
    rgb = np.random.default_rng(2).integers(0, 256, (11, 13, 3), dtype=np.uint8)
    write_picture(tmp_path / "a.png", rgb[:, ::-1])
    with Image.open(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), rgb[:, ::-1])
    with pytest.raises(WriteError, match=r"a picture to look at is a PNG; use \.png"):
        write_picture(tmp_path / "a.tif", rgb)


REFUSED = {
    "16-bit JPEG": ("a.jpg", {"bits": 16}, "a JPEG holds 8; use .tif or .png, or ask for 8 bits"),
    "depth": ("a.tif", {"bits": 12}, "with 12 bits; use 8 or 16"),
    "compression": ("a.tif", {"compression": "zip"}, "no TIFF compression 'zip'; use one of none, deflate, lzw, zstd"),
    "dpi": ("a.tif", {"dpi": 0}, "dpi is not possible; use a number above 0"),
    "ending": ("a.bmp", {}, "the ending is .bmp; use .tif, .png or .jpg"),
    "no ending": ("a", {}, "the ending is missing; use .tif, .png or .jpg"),
    "folder": ("sub.tif", {}, "it is a folder; add a file name"),
    "no folder": ("none/a.tif", {}, "there is no folder"),
    "exists": ("old.tif", {}, "the file exists; choose another name or allow overwriting"),
    "itself": ("photo.png", {"overwrite": True}, "it is the photo itself; choose another name"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(tmp_path: Path, case: str) -> None:
    name, options, text = REFUSED[case]
    (tmp_path / "sub.tif").mkdir()
    (tmp_path / "old.tif").write_bytes(b"old")
    photo, ab = wild(5, 6)
    write_photo(tmp_path / "photo.png", photo, ab)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(WriteError) as caught:
        write_photo(tmp_path / name, read_photo(tmp_path / "photo.png"), ab, **options)
    assert text in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before


def test_refusals_of_colours(tmp_path: Path) -> None:
    photo, ab = wild(5, 6)
    with pytest.raises(WriteError, match=r"colours of shape \(5, 5, 2\) do not fit a photo of \(5, 6\)"):
        write_photo(tmp_path / "a.tif", photo, ab[:, :5])
    ab[3, 3, 0] = np.nan
    with pytest.raises(WriteError, match="the colours hold NaN or infinity; nothing was written"):
        write_photo(tmp_path / "a.tif", photo, ab)
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_folder_is_found_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refuse)  # tests may run as root, whom no folder refuses
    with pytest.raises(WriteError, match=r"Permission denied \(.*\); choose another folder"):
        check_writable(tmp_path / "a.tif")


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg"])
@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError("bug")])
def test_nothing_is_left_when_writing_fails_in_the_middle(
    tmp_path: Path, name: str, failure: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_bytes(b"old")
    photo, ab = wild(40, 50)
    monkeypatch.setattr(bands, "BAND_PIXELS", 500)
    seen: list[list[str]] = []

    def failing(work: object, *_: object) -> Iterator[object]:
        yield work(slice(0, 10))  # type: ignore[operator]
        seen.append([path.name for path in tmp_path.iterdir()])
        raise failure

    monkeypatch.setattr("hybrid.photo.write.each_band", failing)
    with pytest.raises(WriteError if isinstance(failure, OSError) else type(failure)) as caught:
        write_photo(tmp_path / name, photo, ab, overwrite=True)
    if isinstance(failure, OSError):
        assert "No space left on device; choose another folder" in str(caught.value)
    assert seen
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"old"


def test_overwriting(tmp_path: Path) -> None:
    photo, ab = wild(5, 6)
    (tmp_path / "a.png").write_bytes(b"old")
    write_photo(tmp_path / "a.png", photo, ab, overwrite=True)
    assert read_photo(tmp_path / "a.png").lightness.shape == (5, 6)
    assert len(list(tmp_path.iterdir())) == 1
