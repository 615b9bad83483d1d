"""Shrinking and lifting: means kept, edges kept, the compiled lift against a plain NumPy one."""

import numpy as np
import pytest
from scipy.ndimage import maximum_filter, minimum_filter

from hybrid.scale import (
    MOST_SHADING,
    _line_fit,
    enlarge,
    lift,
    line_field,
    line_field_again,
    shading,
    shrink,
    working_shape,
)

SIZES = [((9, 7), (61, 40)), ((7, 13), (33, 90)), ((1, 1), (5, 9)), ((1, 6), (4, 31)), ((6, 1), (41, 3))]


def plane(shape: tuple[int, ...], low: float = 5, high: float = 95, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


def test_the_working_size_keeps_the_aspect_and_the_limit() -> None:
    assert working_shape((4000, 6000), 1.0) == (816, 1225)
    assert working_shape((300, 500), 1.0) == (300, 500)
    assert working_shape((1, 40000), 0.01) == (1, 20000)
    assert min(working_shape((1, 4_000_000), 0.01)) >= 1


@pytest.mark.parametrize("small", [(1, 1), (7, 5), (20, 30), (13, 31), (40, 60)])
def test_shrinking_keeps_the_mean_even_of_parts_of_pixels(small: tuple[int, int]) -> None:
    image = plane((40, 60))
    result = shrink(image, small)
    assert result.shape == small
    assert result.dtype == np.float32
    assert float(result.astype(float).mean()) == pytest.approx(float(image.astype(float).mean()), abs=2e-3)
    np.testing.assert_allclose(shrink(np.full((40, 60), 37.5, np.float32), small), 37.5, rtol=1e-6)


def test_shrinking_counts_parts_of_pixels() -> None:
    """Three pixels to two: each takes one whole pixel and half of the middle one."""
    row = np.array([[6.0, 3.0, 0.0]], np.float32)
    np.testing.assert_allclose(shrink(row, (1, 2)), [[5.0, 1.0]], atol=1e-5)


def test_shrinking_by_whole_numbers_is_the_mean_of_blocks() -> None:
    image = plane((40, 60))
    np.testing.assert_allclose(shrink(image, (8, 15)), image.reshape(8, 5, 15, 4).mean((1, 3)), rtol=1e-5)
    assert shrink(image, image.shape) is image


def test_enlarging_is_bilinear_between_pixel_centres() -> None:
    ramp = np.arange(8, dtype=np.float32)[None].repeat(3, 0)
    wanted = np.clip((np.arange(40) + 0.5) / 5 - 0.5, 0, 7)
    np.testing.assert_allclose(enlarge(ramp, (9, 40)), np.tile(wanted, (9, 1)), atol=1e-5)


@pytest.mark.parametrize(("small", "large"), SIZES)
def test_even_chroma_is_lifted_in_proportion_to_lightness(small: tuple[int, int], large: tuple[int, int]) -> None:
    lightness, relative = plane(large), np.array([0.4, -0.25], np.float32)
    chroma = np.broadcast_to(relative, (*small, 2)).copy()
    result = lift(chroma, plane(small), lightness)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, relative * shading(lightness)[..., None], rtol=1e-3, atol=1e-3)


def test_shading_is_the_root_of_what_ab_goes_with_under_light() -> None:
    light = plane((6, 7))
    assert shading(np.float32([100])) == pytest.approx(MOST_SHADING)
    np.testing.assert_allclose(shading(light) ** 2, MOST_SHADING * (light + 16), rtol=1e-6)
    assert shading(light).dtype == np.float32


def test_lifting_to_the_same_size_changes_nothing() -> None:
    lightness, chroma = plane((21, 34)), plane((21, 34, 2), -0.5, 0.5)
    assert (lift(chroma, lightness, lightness) == chroma * shading(lightness)[..., None]).all()


def bilinear(field: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(h, w, K) sampled at the pixel centres of a larger image, edges repeated; float64."""
    for axis, size in enumerate(shape):
        count = field.shape[axis]
        at = np.clip((np.arange(size) + 0.5) * count / size - 0.5, 0, count - 1)
        first = np.floor(at).astype(int)
        second = np.minimum(first + 1, count - 1)
        share = (at - first).reshape([-1 if i == axis else 1 for i in range(field.ndim)])
        field = field.take(first, axis) * (1 - share) + field.take(second, axis) * share
    return field


@pytest.mark.parametrize(("small", "large"), SIZES)
def test_the_compiled_lift_is_the_plain_one(small: tuple[int, int], large: tuple[int, int]) -> None:
    lightness, guide, chroma = plane(large), plane(small, seed=1), plane((*small, 2), -0.5, 0.5, seed=2)
    slope, offset = (part.astype(float) for part in _line_fit(chroma, guide, 2, 1.0))
    low, high = minimum_filter(chroma, (3, 3, 1), mode="nearest"), maximum_filter(chroma, (3, 3, 1), mode="nearest")
    value = bilinear(slope, large) * lightness[..., None] + bilinear(offset, large)
    value = np.clip(value, bilinear(low, large), bilinear(high, large))
    np.testing.assert_allclose(lift(chroma, guide, lightness), value * shading(lightness)[..., None], atol=5e-3)


def test_the_line_fit_finds_a_line() -> None:
    guide = plane((15, 18))
    chroma = np.stack([0.01 * guide - 0.2, -0.004 * guide + 0.3], -1)
    slope, offset = _line_fit(chroma, guide, 2, 1e-6)
    np.testing.assert_allclose(slope, np.broadcast_to([0.01, -0.004], slope.shape), atol=1e-5)
    np.testing.assert_allclose(offset, np.broadcast_to([-0.2, 0.3], offset.shape), atol=1e-3)


@pytest.mark.parametrize("edge", [117, 121, 124])
def test_an_edge_stays_sharp_where_plain_interpolation_blurs_it(edge: int) -> None:
    """The working pixel on the edge is a mixture: the lift tells its two sides apart by their lightness."""
    lightness = np.full((160, 240), 30, np.float32)
    lightness[:, edge:] = 75
    relative = np.full((160, 240, 2), (0.5, 0.3), np.float32)
    relative[:, edge:] = (-0.1, -0.4)
    small = (20, 30)
    guide = shrink(lightness, small)
    chroma = np.stack([shrink(relative[..., c], small) for c in range(2)], -1)
    light = shading(lightness)[..., None]
    plain = np.stack([enlarge(chroma[..., c], lightness.shape) for c in range(2)], -1) * light
    errors = [np.abs(result - relative * light).mean() for result in (lift(chroma, guide, lightness), plain)]
    assert errors[0] < 0.25 * errors[1]
    assert np.abs(lift(chroma, guide, lightness) - relative * light).max() < 6


def test_lifted_chroma_stays_within_what_is_found_nearby() -> None:
    """A highlight as bright as nothing at working size must not be given more chroma than its surroundings have."""
    guide, chroma = plane((12, 12), 40, 60), plane((12, 12, 2), -0.3, 0.3, seed=1)
    lightness = np.full((96, 96), 50, np.float32)
    lightness[40:44, 40:44] = 100
    relative = lift(chroma, guide, lightness) / shading(lightness)[..., None]
    assert relative.min() >= chroma.min() - 1e-5
    assert relative.max() <= chroma.max() + 1e-5


def test_lines_fitted_anew_where_chroma_changed_are_those_of_the_whole() -> None:
    guide, random = plane((40, 50)), np.random.default_rng(3)
    chroma = random.uniform(-0.5, 0.5, (40, 50, 2)).astype(np.float32)
    lines = line_field(chroma, guide)
    before = lines.copy()
    assert (line_field_again(lines, chroma, chroma.copy(), guide) == before).all()
    for rows, columns in (
        (slice(20, 22), slice(30, 31)),
        (slice(0, 1), slice(0, 3)),
        (slice(38, 40), slice(10, 50)),
    ):
        other = chroma.copy()
        other[rows, columns] += 0.3
        np.testing.assert_allclose(
            line_field_again(before.copy(), chroma, other, guide), line_field(other, guide), rtol=1e-4, atol=1e-5
        )
