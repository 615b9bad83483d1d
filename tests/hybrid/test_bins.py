"""Colour bins: encoding and decoding against their definitions, and against skimage's colours."""

import numpy as np
import pytest
from skimage.color import rgb2lab

from hybrid.bins import BINS as TABLES
from hybrid.bins import ab_bins, annealed_mean, hull_bins, named_bins, soft_encode, spread, vividness_weight

BINS = ab_bins()


def distributions(count: int = 50, seed: int = 0) -> np.ndarray:
    """(Q, count) log-probabilities, not normalised, from broad to sharp."""
    random = np.random.default_rng(seed)
    return (random.normal(0, 1, (len(BINS), count)) * np.linspace(0.2, 6, count)).astype(np.float32)


def test_the_bins_hold_neutral_and_lie_close_to_every_srgb_colour() -> None:
    assert (BINS == 0).all(1).sum() == 1
    assert len(np.unique(BINS, axis=0)) == len(BINS)
    assert BINS.dtype == np.float32
    assert (BINS % 10 == 0).all()
    rgb = np.random.default_rng(1).random((4000, 1, 3))
    ab = rgb2lab(rgb)[:, 0, 1:]
    nearest = np.linalg.norm(ab[:, None] - BINS, axis=-1).min(1)
    assert nearest.max() <= 5 * np.sqrt(2) + 0.5
    assert not BINS.flags.writeable


@pytest.mark.parametrize(("nbins", "count"), [(15, 136), (20, 247), (25, 383), (30, 552)])
def test_the_hull_holds_as_many_bins_as_counted_in_the_published_code(nbins: int, count: int) -> None:
    bins = hull_bins(nbins)
    assert bins.shape == (count, 2)
    assert bins.dtype == np.float32
    assert not bins.flags.writeable
    for axis, low, high in ((0, -84.899, 96.770), (1, -106.251, 93.071)):
        places = np.unique(bins[:, axis])
        np.testing.assert_allclose(np.diff(places), (high - low) / nbins, atol=2e-4)
        steps = (places - low) / ((high - low) / nbins)
        np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)


def test_the_published_bins_have_their_steps_and_none_for_neutral() -> None:
    bins = hull_bins()
    assert np.diff(np.unique(bins[:, 0]))[0] == pytest.approx(9.083, abs=1e-3)
    assert np.diff(np.unique(bins[:, 1]))[0] == pytest.approx(9.966, abs=1e-3)
    assert (np.lexsort((bins[:, 1], bins[:, 0])) == np.arange(247)).all()
    nearest = bins[np.argsort((bins**2).sum(1))[:4]]
    np.testing.assert_allclose(nearest, [(-3.15, 3.38), (5.94, 3.38), (-3.15, -6.59), (5.94, -6.59)], atol=0.01)


def test_bins_go_by_name() -> None:
    assert {name: len(named_bins(name)) for name in TABLES} == {"grid10": 261, "hage247": 247}
    assert named_bins("grid10") is BINS
    with pytest.raises(ValueError, match=r"^bins 'lab'; wanted one of grid10, hage247$"):
        named_bins("lab")


def test_soft_encoding_is_a_gaussian_on_the_nearest_bins() -> None:
    ab = np.random.default_rng(2).uniform(-60, 60, (6, 7, 2)).astype(np.float32)
    index, weight = soft_encode(ab, BINS)
    assert index.shape == weight.shape == (6, 7, 5)
    np.testing.assert_allclose(weight.sum(-1), 1, atol=1e-6)
    distance = np.linalg.norm(ab[2, 3] - BINS.astype(float), axis=-1)
    nearest = np.argsort(distance)[:5]
    gauss = np.exp(-(distance[nearest] ** 2) / (2 * 5.0**2))
    order = np.argsort(-weight[2, 3])
    assert index[2, 3][order].tolist() == nearest.tolist()
    np.testing.assert_allclose(weight[2, 3][order], gauss / gauss.sum(), rtol=1e-4)


def test_each_bin_has_itself_as_its_heaviest_neighbour_even_far_out() -> None:
    index, weight = soft_encode(BINS, BINS)
    heaviest = np.take_along_axis(index, weight.argmax(-1)[:, None], -1)[:, 0]
    assert (heaviest == np.arange(len(BINS))).all()
    index, weight = soft_encode(np.array([[127.0, -128.0]], np.float32), BINS)
    np.testing.assert_allclose(weight.sum(-1), 1, atol=1e-6)


def test_annealing_goes_from_the_mean_to_the_mode() -> None:
    log_probability = distributions()
    probability = np.exp(log_probability.astype(float))
    probability /= probability.sum(0)
    np.testing.assert_allclose(annealed_mean(log_probability, BINS, 1.0), probability.T @ BINS, atol=1e-3)
    assert (annealed_mean(log_probability, BINS, 0.0) == BINS[log_probability.argmax(0)]).all()
    near = annealed_mean(log_probability[:, -10:], BINS, 1e-3)
    np.testing.assert_allclose(near, BINS[log_probability[:, -10:].argmax(0)], atol=1e-2)


def test_annealing_between_two_colours_moves_evenly_to_the_likelier() -> None:
    log_probability = np.full(len(BINS), -1e4, np.float32)
    here, there = BINS.tolist().index([40, 20]), BINS.tolist().index([-20, 0])
    log_probability[here], log_probability[there] = np.log(0.6), np.log(0.4)
    distances = [
        np.linalg.norm(annealed_mean(log_probability, BINS, t) - BINS[here]) for t in (1, 0.8, 0.6, 0.4, 0.2, 0.05, 0)
    ]
    assert distances == sorted(distances, reverse=True)
    share = 0.4**2 / (0.4**2 + 0.6**2)  # T = 1/2 squares the probabilities
    middle = annealed_mean(log_probability, BINS, 0.5)
    np.testing.assert_allclose(middle, BINS[here] + share * (BINS[there] - BINS[here]), atol=1e-3)


@pytest.mark.parametrize("temperature", [0.0, 0.38, 1.0])
def test_annealing_needs_no_normalised_input_and_keeps_the_grid(temperature: float) -> None:
    log_probability = distributions(12).reshape(len(BINS), 3, 4)
    ab = annealed_mean(log_probability, BINS, temperature)
    assert ab.shape == (3, 4, 2)
    assert ab.dtype == np.float32
    np.testing.assert_allclose(annealed_mean(log_probability + 500, BINS, temperature), ab, atol=1e-2)
    np.testing.assert_allclose(annealed_mean(log_probability - 500, BINS, temperature), ab, atol=1e-2)


def test_vividness_weight_averages_to_one_and_lifts_the_rare() -> None:
    prior = np.random.default_rng(4).dirichlet(np.full(len(BINS), 0.1)).astype(np.float32)
    order = np.argsort(prior)
    for vividness in (0.0, 0.2, 0.5, 0.99):
        weight = vividness_weight(prior, vividness)
        assert weight.dtype == np.float32
        assert float((weight * prior).sum()) == pytest.approx(1, abs=1e-4)
        assert (np.diff(weight[order]) <= 1e-6).all()
    np.testing.assert_allclose(vividness_weight(prior, 0.0), 1, rtol=1e-5)
    half = 1 / (0.5 * prior + 0.5 / len(prior))
    np.testing.assert_allclose(vividness_weight(prior, 0.5), half / (half * prior).sum(), rtol=1e-4)


def test_full_vividness_is_finite_where_a_colour_never_occurs() -> None:
    prior = np.zeros(len(BINS), np.float32)
    prior[:20] = 0.05
    assert np.isfinite(vividness_weight(prior, 1.0)).all()


def test_spread_of_known_distributions() -> None:
    log_probability = np.full((len(BINS), 3), -1e4, np.float32)
    here, there = BINS.tolist().index([40, 20]), BINS.tolist().index([10, -20])
    log_probability[here] = 7.0, 0.0, np.log(0.9)
    log_probability[there, 1:] = 0.0, np.log(0.1)
    # two points a distance d apart with probability p: d * sqrt(p (1 - p)); d = 50
    np.testing.assert_allclose(spread(log_probability, BINS), [0, 25, 15], atol=1e-3)
    uniform = np.zeros((len(BINS), 2, 2), np.float32)
    np.testing.assert_allclose(spread(uniform, BINS), np.sqrt(BINS.var(0).sum()), rtol=1e-5)


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan")])
def test_settings_out_of_range_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"temperature .*; wanted a number from 0 \(most likely colour\) to 1"):
        annealed_mean(distributions(2), BINS, value)
    with pytest.raises(ValueError, match=r"vividness .*; wanted a number from 0 \(as predicted\) to 1"):
        vividness_weight(np.full(4, 0.25, np.float32), value)
