"""Local contrast: none on even ground, whatever its lightness; both shoulders of an edge; one texture from another."""

import numpy as np
import pytest

from hybrid.contrast import local_contrast


@pytest.mark.parametrize("level", [0.0, 50.0, 100.0])
def test_even_ground_has_none(level: float) -> None:
    assert local_contrast(np.full((9, 13), level, np.float32)).max() < 1e-2


def test_a_ramp_has_the_same_everywhere() -> None:
    ramp = np.tile(np.arange(20, dtype=np.float32) * 3, (12, 1))
    wanted = np.log1p(3 * np.sqrt(2 / 3))
    np.testing.assert_allclose(local_contrast(ramp)[2:-2, 2:-2], wanted, rtol=1e-4)


def test_it_does_not_depend_on_the_lightness_around() -> None:
    grain = np.random.default_rng(0).normal(0, 3, (40, 40)).astype(np.float32)
    np.testing.assert_allclose(local_contrast(grain + 90), local_contrast(grain + 10), atol=2e-3)


def test_it_tells_textures_of_one_mean_apart() -> None:
    grain = np.random.default_rng(0).normal(0, 1, (40, 80)).astype(np.float32)
    grain[:, 40:] *= 6
    contrast = local_contrast(50 + grain)
    assert contrast[:, 45:].mean() > 1.5 * contrast[:, :35].mean()
