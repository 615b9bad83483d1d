"""Suggested colours: what the distribution says at a place, and where it says least."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from hybrid.bins import ab_bins
from hybrid.editor.suggest import distribution_at, doubt, suggestions
from hybrid.predict import Prediction

BINS = ab_bins()


def prediction(shares: dict[tuple[float, float], float], shape: tuple[int, int] = (3, 4)) -> Prediction:
    """The same distribution in every cell, over the bins named and a little over all."""
    probability = np.full(len(BINS), 1e-6)
    for ab, share in shares.items():
        probability[np.flatnonzero((np.array(ab) == BINS).all(1))[0]] += share
    probability /= probability.sum()
    log = np.broadcast_to(np.log(probability)[:, None, None], (len(BINS), *shape)).astype(np.float32)
    return Prediction(log.copy(), BINS, np.full(len(BINS), 1 / len(BINS), np.float32), np.ones(shape, np.float32))


def test_neighbouring_bins_are_one_colour_and_grey_is_last() -> None:
    found = suggestions(prediction({(40, 30): 0.3, (40, 40): 0.1, (-20, -30): 0.35, (0, 0): 0.25}), 0.5, 0.5)
    assert [round(each.probability, 2) for each in found] == [0.4, 0.35, 0.25]
    np.testing.assert_allclose([each.ab for each in found], [(40, 32.5), (-20, -30), (0, 0)], atol=0.02)


def test_there_are_nine_at_most_and_grey_is_always_among_them() -> None:
    far = [(a, b) for a in range(-60, 61, 20) for b in range(-60, 61, 20) if a or b]
    known = {tuple(ab) for ab in BINS.tolist()}
    spread = {(a, b): 1.0 for a, b in far if (a, b) in known}
    assert len(spread) > 20
    found = suggestions(prediction(spread), 0.1, 0.9)
    assert len(found) <= 9
    assert found[-1].ab == (0, 0)
    assert all(one.probability >= other.probability for one, other in pairwise(found[:-1]))


def test_a_place_between_cells_is_a_mixture_of_them() -> None:
    left, right = prediction({(40, 30): 1.0}), prediction({(-20, -30): 1.0})
    left.log_probability[:, :, 2:] = right.log_probability[:, :, 2:]
    middle = suggestions(left, 0.5, 0.5)
    assert [each.probability for each in middle[:2]] == pytest.approx([0.5, 0.5], abs=0.01)
    assert suggestions(left, 0.0, 0.0)[0].probability > 0.99
    for x, y in [(0, 0), (1, 1), (0.5, 0.99)]:
        assert distribution_at(left, x, y).sum() == pytest.approx(1, abs=1e-5)


def test_doubt_is_the_width_of_the_distribution_and_ends_where_strokes_reach() -> None:
    sure, unsure = prediction({(40, 30): 1.0}), prediction({(40, 30): 0.5, (-40, 30): 0.5})
    sure.log_probability[:, 1, 2] = unsure.log_probability[:, 1, 2]
    width = doubt(sure)
    assert np.unravel_index(width.argmax(), width.shape) == (1, 2)
    assert width[1, 2] == pytest.approx(40, rel=0.02)
    assert width[0, 0] < 2
    assert doubt(sure, np.ones((6, 8), np.float32)).max() == 0
