"""A photo without its grain: flat ground gets even, edges stay, bands leave no seam, clean photos are not touched."""

import numpy as np
import pytest

from hybrid import grain
from hybrid.grain import deviation, without_grain
from hybrid.reach import reaching
from solvers import Seeds


def halves(shape=(120, 160)) -> np.ndarray:
    lightness = np.full(shape, 35, np.float32)
    lightness[:, shape[1] // 2 :] = 65
    return lightness


def grainy(lightness: np.ndarray, amount: float) -> np.ndarray:
    return lightness + np.random.default_rng(0).normal(0, amount, lightness.shape).astype(np.float32)


@pytest.mark.parametrize("amount", [0.5, 2.0, 5.0])
def test_deviation_is_that_of_noise(amount: float) -> None:
    assert np.median(deviation(grainy(halves(), amount))) == pytest.approx(amount, rel=0.03)


@pytest.mark.parametrize("amount", [1.0, 4.0])
def test_grain_goes_and_the_edge_stays(amount: float) -> None:
    clean = halves()
    smooth = without_grain(grainy(clean, amount))
    assert smooth.dtype == np.float32
    assert np.sqrt(((smooth - clean) ** 2).mean()) < 0.35 * amount
    step = smooth[:, 80].mean() - smooth[:, 79].mean()
    assert step > 0.95 * 30, "the step, which any blur would lower"


@pytest.mark.parametrize("shape", [(1, 1), (4, 90), (90, 4), (31, 17)])
def test_small_ones_and_clean_ones_stay_as_they_are(shape: tuple[int, int]) -> None:
    lightness = halves(shape)
    assert without_grain(lightness) is lightness
    if min(shape) < grain.PATCH:
        noisy = grainy(lightness, 3)
        assert without_grain(noisy) is noisy


def test_bands_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    noisy = grainy(halves((97, 60)), 3)
    whole = without_grain(noisy)
    for rows in (1, 40, 96):
        monkeypatch.setattr(grain, "BAND", rows)
        np.testing.assert_allclose(without_grain(noisy), whole, atol=1e-3)


def reached(lightness: np.ndarray) -> float:
    """Membership on the far side of the half that a stroke of one pixel is on."""
    count, place = lightness.size, 30 * 80 + 6
    weight, chroma = np.full(count, 1e-4, np.float32), np.zeros((count, 1), np.float32)
    weight[place], chroma[place] = 1e4, 1
    found = reaching(lightness).solve(Seeds(np.arange(count), chroma, weight), tolerance=1e-3).chroma[..., 0]
    assert found[:, 42:].mean() < 0.1, "beyond the edge"
    return float(found[:, 30:39].mean())


def test_a_stroke_reaches_as_far_through_grain_as_without() -> None:
    lightness = halves((60, 80))
    assert reached(grainy(lightness, 5)) == pytest.approx(reached(lightness), rel=0.02)
