"""Output spaces: luminance and hue by the profile in the file, as lcms2 reads it; what is refused."""

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from light_by_lcms import D65, xyz_of_codes

from hybrid.photo import SPACES, Photo, PhotoError, WriteError, check_output, icc, read_photo, spaces, write_photo
from hybrid.photo.profiles import SRGB, TableSpace, gamma_profile, space_of
from hybrid.photo.spaces import is_wide, named_space, output_space, space_of_file

STEP = 1 / 65535
# B. Ottosson, "A perceptual color space for image processing": XYZ to LMS, its roots to OKLab.
LMS = np.array([[0.8189330101, 0.3618667424, -0.1288597137], [0.0329845436, 0.9293118715, 0.0361456387]])
LMS = np.vstack([LMS, [0.0482003018, 0.2643662691, 0.6338517070]])
OKLAB_AB = np.array([[1.9779984951, -2.4285922050, 0.4505937099], [0.0259040371, 0.7827717662, -0.8086757660]])


def xyz_of_file(path: Path) -> np.ndarray:
    """XYZ under D65 of a TIFF, by the profile in it."""
    with tifffile.TiffFile(path) as file:
        return xyz_of_codes(file.asarray(), file.pages[0].aspage().tags.valueof(34675))


def xyz_of_lab(lightness: np.ndarray, ab: np.ndarray) -> np.ndarray:
    f = (lightness.astype(np.float64) + 16) / 116
    f = np.stack([f + ab[..., 0] / 500, f, f - ab[..., 1] / 200], axis=-1)
    return D65 * np.where(f > 6 / 29, f**3, (f - 4 / 29) * 3 * (6 / 29) ** 2)


def oklab_hue(xyz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hue in degrees, and chroma."""
    a, b = np.moveaxis(np.cbrt(xyz @ LMS.T) @ OKLAB_AB.T, -1, 0)
    return np.degrees(np.arctan2(b, a)), np.hypot(a, b)


def colourful(height: int = 120, width: int = 160) -> tuple[Photo, np.ndarray]:
    """Every lightness with every hue; chroma from none to far outside of every space."""
    rng = np.random.default_rng(3)
    lightness = rng.uniform(0, 100, (height, width)).astype(np.float32)
    hue, chroma = rng.uniform(0, 2 * np.pi, (height, width)), rng.uniform(0, 130, (height, width))
    return Photo(lightness), np.dstack([chroma * np.cos(hue), chroma * np.sin(hue)]).astype(np.float32)


@pytest.mark.parametrize("name", SPACES)
def test_luminance_is_exact_in_every_space(tmp_path: Path, name: str) -> None:
    photo, ab = colourful()
    report = write_photo(tmp_path / "a.tif", photo, ab, profile=name)
    assert report.luminance_error <= 1
    wanted = xyz_of_lab(photo.lightness, 0 * ab)[..., 1]
    off = np.abs(xyz_of_file(tmp_path / "a.tif")[..., 1] - wanted).max() / STEP
    # Besides the writer's own step there is what 16 bits do to the tables of sRGB's curve and to the colorants.
    assert off < (1.3 if name in ("srgb", "p3") else 0.6)
    again = read_photo(tmp_path / "a.tif", keep_color=True)
    assert again.profile == named_space(name).profile
    assert np.abs(xyz_of_lab(again.lightness, 0 * ab)[..., 1] - wanted).max() / STEP < 1.05


@pytest.mark.parametrize("name", SPACES)
def test_hue_is_kept_and_only_chroma_is_given_up(tmp_path: Path, name: str) -> None:
    """Clipping instead would turn hues by 10 degrees on average and change luminance by hundreds of steps."""
    photo, ab = colourful()
    report = write_photo(tmp_path / "a.tif", photo, ab, profile=name)
    wanted, chroma_wanted = oklab_hue(xyz_of_lab(photo.lightness, ab))
    found, chroma = oklab_hue(xyz_of_file(tmp_path / "a.tif"))
    is_seen = (chroma > 0.02) & (xyz_of_lab(photo.lightness, ab).min(axis=-1) > 0)
    turned = np.abs((found - wanted + 180) % 360 - 180)[is_seen]
    assert is_seen.mean() > 0.5
    assert turned.mean() < 0.1
    assert np.quantile(turned, 0.99) < 0.5
    assert (chroma <= chroma_wanted + 4e-3)[is_seen].all()
    is_kept = np.abs(chroma - chroma_wanted) < 1e-3
    assert is_kept[is_seen].mean() == pytest.approx(1 - report.gamut_mapped, abs=0.1)


def test_wider_spaces_hold_more(tmp_path: Path) -> None:
    photo, ab = colourful(40, 50)
    lost = {name: write_photo(tmp_path / f"{name}.tif", photo, ab, profile=name).gamut_mapped for name in SPACES}
    assert lost["prophoto"] < lost["p3"] < lost["srgb"]
    assert lost["prophoto"] < lost["adobe-rgb"] < lost["srgb"]


@pytest.mark.parametrize(
    ("name", "primaries", "white"),
    [
        ("adobe-rgb", [0.64, 0.33, 0.21, 0.71, 0.15, 0.06], [0.3127, 0.3290]),
        ("prophoto", [0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001], [0.3457, 0.3585]),
        ("p3", [0.68, 0.32, 0.265, 0.69, 0.15, 0.06], [0.3127, 0.3290]),
    ],
)
def test_primaries_are_those_published(name: str, primaries: list[float], white: list[float]) -> None:
    """Against profiles that lcms2 makes of the same numbers."""
    theirs = imagecodecs.cms_profile("rgb", whitepoint=white, primaries=primaries, gamma=2.2)
    ours = named_space(name).profile
    imagecodecs.cms_profile_validate(ours)
    np.testing.assert_allclose(icc.colorants(icc.tags(ours)), icc.colorants(icc.tags(theirs)), atol=2e-4)
    np.testing.assert_allclose(icc.colorants(icc.tags(ours)).sum(axis=1), icc.D50, atol=0.6 / 65536)
    curve = icc.curve(icc.tags(ours)["gTRC"])
    published = {"adobe-rgb": 0.5**2.19921875, "prophoto": 0.5**1.80078125, "p3": ((0.5 + 0.055) / 1.055) ** 2.4}
    assert curve(np.array([0.5]))[0] == pytest.approx(published[name], abs=2e-5)
    assert len(ours) < 3000
    assert named_space(name) is named_space(name)


def test_a_file_of_a_working_space_is_taken(tmp_path: Path) -> None:
    profile = imagecodecs.cms_profile(
        "rgb", whitepoint=[0.3127, 0.329], primaries=[0.708, 0.292, 0.17, 0.797, 0.131, 0.046], gamma=2.4
    )
    (tmp_path / "rec2020.icc").write_bytes(profile)
    photo, ab = colourful(40, 50)
    write_photo(tmp_path / "a.tif", photo, ab, profile=tmp_path / "rec2020.icc")
    assert read_photo(tmp_path / "a.tif").profile == profile
    wanted = xyz_of_lab(photo.lightness, 0 * ab)[..., 1]
    assert np.abs(xyz_of_file(tmp_path / "a.tif")[..., 1] - wanted).max() / STEP < 2
    assert not is_wide(output_space(photo, tmp_path / "rec2020.icc"))


def with_table(profile: bytes, name: bytes) -> bytes:
    """The profile with one tag more, of no use."""
    count = int.from_bytes(profile[128:132], "big")
    moved = [
        profile[at : at + 4]
        + (int.from_bytes(profile[at + 4 : at + 8], "big") + 12).to_bytes(4, "big")
        + profile[at + 8 : at + 12]
        for at in range(132, 132 + 12 * count, 12)
    ]
    entry = name + (len(profile) + 12).to_bytes(4, "big") + (8).to_bytes(4, "big")
    body = profile[132 + 12 * count :] + b"mft2\0\0\0\0"
    made = profile[:128] + (count + 1).to_bytes(4, "big") + b"".join(moved) + entry + body
    return len(made).to_bytes(4, "big") + made[4:]


def test_a_matrix_beside_tables_does_not_count() -> None:
    """ICC.1:2010, 9.2: tables come first wherever a program can read them."""
    assert isinstance(space_of(with_table(SRGB.profile, b"A2B0"), 3), TableSpace)
    assert not isinstance(space_of(with_table(SRGB.profile, b"zzzz"), 3), TableSpace)


REFUSED_FILES = {
    "grey": (gamma_profile(2.2), "it is for GRAY; wanted RGB"),
    "CMYK": (SRGB.profile[:16] + b"CMYK" + SRGB.profile[20:], "it is for CMYK; wanted RGB: convert to CMYK after"),
    "tables": (with_table(SRGB.profile, b"A2B0"), "it is made of tables; wanted a matrix and tone curves"),
    "text": (b"Dear Sir or Madam,\n" * 20, "it is no ICC profile, or damaged"),
    "cut": (SRGB.profile[:200], "it is no ICC profile, or damaged"),
    "falling": (icc.build("x", icc.colorants(icc.tags(SRGB.profile)), np.linspace(1, 0, 9)), "it is made of tables"),
}


@pytest.mark.parametrize("kind", REFUSED_FILES)
def test_other_profiles_are_refused(tmp_path: Path, kind: str) -> None:
    content, text = REFUSED_FILES[kind]
    path = tmp_path / "bad.icc"
    path.write_bytes(content)
    with pytest.raises(WriteError) as caught:
        space_of_file(path)
    assert str(caught.value).startswith(f"profile {path}: ")
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_profile_is_refused_with_the_names_there_are(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="wanted one of srgb, adobe-rgb, prophoto, p3, or an ICC file"):
        check_output(tmp_path / "a.tif", profile="rec709")


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
def test_prophoto_never_has_8_bits(tmp_path: Path, name: str) -> None:
    photo, ab = colourful(5, 6)
    text = "with 8 bits in ProPhoto or a space as wide: smooth skies would show bands; use 16 bits"
    with pytest.raises(WriteError, match=text):
        check_output(tmp_path / name, bits=8, profile="prophoto")
    own = Photo(photo.lightness, profile=named_space("prophoto").profile)
    with pytest.raises(WriteError, match=text):
        write_photo(tmp_path / name, own, ab, bits=8)
    assert list(tmp_path.iterdir()) == []
    assert [name for name in SPACES if is_wide(named_space(name))] == ["prophoto"]


def test_a_colour_photo_keeps_its_space_unless_another_is_asked_for(tmp_path: Path) -> None:
    photo, ab = colourful(5, 6)
    own = Photo(photo.lightness, profile=named_space("adobe-rgb").profile)
    write_photo(tmp_path / "own.tif", own, ab)
    write_photo(tmp_path / "srgb.tif", own, ab, profile="srgb")
    assert read_photo(tmp_path / "own.tif").profile == own.profile
    assert read_photo(tmp_path / "srgb.tif").profile == SRGB.profile
    assert spaces.output_space(own, "srgb") is SRGB
    with pytest.raises(PhotoError):
        output_space(Photo(photo.lightness, profile=b"junk"))
