"""Colour: against scikit-image and published numbers, and the promise of the gamut mapping."""

import numpy as np
import pytest
from skimage import color as reference

from hybrid import color


@pytest.fixture
def rgb() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 1, (200, 50, 3)).astype(np.float32)


def hue(rgb: np.ndarray) -> np.ndarray:
    lab = color.oklab_from_linear(rgb)
    return np.degrees(np.arctan2(lab[..., 2], lab[..., 1]))


def wild(count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    lightness = rng.uniform(0, 100, count).astype(np.float32)
    lightness[: count // 4] = rng.choice([0, 1e-3, 0.1, 1, 99, 99.9, 99.999, 100], count // 4)
    return lightness, rng.uniform(-130, 130, (count, 2)).astype(np.float32)


def test_lab_agrees_with_scikit_image(rgb: np.ndarray) -> None:
    lightness, ab = color.lab_from_linear(color.srgb_decode(rgb))
    expected = reference.rgb2lab(rgb)
    # scikit-image derives its matrix from the primaries, IEC 61966-2-1 rounds it to four places.
    assert np.abs(lightness - expected[..., 0]).max() < 0.02
    assert np.abs(ab - expected[..., 1:]).max() < 0.05
    assert lightness.dtype == ab.dtype == np.float32


def test_published_values() -> None:
    # CIE 15: L* of 18 % grey; B. Lindbloom's calculator: sRGB red and blue (D65); B. Ottosson: OKLab of sRGB red.
    assert color.lightness_from_luminance(np.float32(0.18)) == pytest.approx(49.496, abs=1e-3)
    lightness, ab = color.lab_from_linear(np.array([[1, 0, 0], [0, 0, 1]], np.float32))
    assert lightness == pytest.approx([53.24, 32.30], abs=0.03)
    assert ab == pytest.approx(np.array([[80.09, 67.20], [79.19, -107.86]]), abs=0.08)
    assert color.oklab_from_linear(np.array([1, 0, 0], np.float32)) == pytest.approx([0.628, 0.225, 0.126], abs=1e-3)
    assert color.srgb_decode(np.float32(0.5)) == pytest.approx(0.21404, abs=1e-5)


def test_round_trips(rgb: np.ndarray) -> None:
    assert np.abs(color.srgb_encode(color.srgb_decode(rgb)) - rgb).max() < 1e-6
    assert np.abs(color.linear_from_lab(*color.lab_from_linear(rgb)) - rgb).max() < 5e-6
    assert np.abs(color.linear_from_oklab(color.oklab_from_linear(rgb)) - rgb).max() < 5e-6
    y = np.linspace(0, 1, 10001, dtype=np.float32)
    rounding = 4 * np.finfo(np.float32).eps  # of a cube root, cubed: 0.03 steps of 65535; processors differ in the root
    assert np.abs(color.luminance_from_lightness(color.lightness_from_luminance(y)) - y).max() < rounding


def test_grey_has_no_colour() -> None:
    grey = np.repeat(np.linspace(0, 1, 1001, dtype=np.float32)[:, None], 3, axis=1)
    assert np.abs(color.lab_from_linear(grey)[1]).max() < 2e-4
    assert np.abs(color.oklab_from_linear(grey)[:, 1:]).max() < 1e-6


@pytest.mark.parametrize(
    "to_xyz", [color.SRGB_TO_XYZ, np.diag(color.D65) @ np.array([[0.7, 0.2, 0.1], [0.3, 0.65, 0.05], [0, 0.1, 0.9]])]
)
def test_gamut_mapping_keeps_luminance(to_xyz: np.ndarray) -> None:
    lightness, ab = wild(50_000)
    y = color.luminance_from_lightness(lightness)
    before = color.linear_from_lab(lightness, ab, to_xyz)
    after, outside = color.into_gamut(before, y, to_xyz)
    assert 0.3 < outside.mean() < 1
    assert after.min() > -2e-6
    assert after.max() < 1 + 2e-6
    assert np.abs(color.luminance(after, to_xyz) - y).max() < 0.05 / 65535
    np.testing.assert_array_equal(after[~outside], before[~outside])


def test_gamut_mapping_holds_hue_better_than_the_closed_form() -> None:
    rng = np.random.default_rng(2)
    lightness = rng.uniform(10, 95, 20_000).astype(np.float32)
    ab = rng.uniform(-100, 100, (20_000, 2)).astype(np.float32)
    y = color.luminance_from_lightness(lightness)
    before = color.linear_from_lab(lightness, ab)
    after, outside = color.into_gamut(before, y)

    def shift(rgb: np.ndarray) -> np.ndarray:
        turn = np.abs((hue(rgb) - hue(before) + 180) % 360 - 180)
        return turn[outside & (np.hypot(*np.moveaxis(color.oklab_from_linear(rgb)[:, 1:], -1, 0)) > 0.02)]

    assert shift(after).mean() < 0.5
    assert shift(color.toward_grey(before, y)).mean() > 3


def test_gamut_mapping_keeps_most_of_the_chroma_there_is() -> None:
    """What is returned lies on the gamut's border: a little more chroma would leave it."""
    lightness, ab = wild(20_000, seed=3)
    lightness = np.clip(lightness, 5, 95)
    y = color.luminance_from_lightness(lightness)
    after, outside = color.into_gamut(color.linear_from_lab(lightness, ab), y)
    room = np.minimum(after, 1 - after).min(axis=1)[outside]
    assert np.abs(room).max() < 2e-5


def test_bands_equal_the_whole() -> None:
    lightness, ab = wild(6_000)
    lightness, ab = lightness.reshape(60, 100), ab.reshape(60, 100, 2)
    y = color.luminance_from_lightness(lightness)
    whole, _ = color.into_gamut(color.linear_from_lab(lightness, ab), y)
    parts = [
        color.into_gamut(color.linear_from_lab(lightness[i : i + 7], ab[i : i + 7]), y[i : i + 7])[0]
        for i in range(0, 60, 7)
    ]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)
