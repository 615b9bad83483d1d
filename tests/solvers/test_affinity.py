"""The weights' formulas, said a second time pixel by pixel, and what is refused."""

import numpy as np
import pytest

from solvers import Stencil, affinity, reweight
from solvers.gallery import constant, grain

STEPS = {"east": (0, 1), "south": (1, 0), "southeast": (1, 1), "southwest": (1, -1)}
SHAPES = [(1, 1), (1, 7), (6, 1), (2, 2), (9, 70), (131, 5)]


def links(image, weigh):
    """Planes from ``weigh(y, x, row, column)``."""
    planes = {name: np.zeros(image.shape) for name in STEPS}
    for name, (down, right) in STEPS.items():
        for y, x in np.ndindex(image.shape):
            row, column = y + down, x + right
            if row < image.shape[0] and 0 <= column < image.shape[1]:
                planes[name][y, x] = weigh(y, x, row, column)
    return planes


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["power", "gaussian"])
def test_weights_are_the_formula(kind, shape):
    image = grain(shape).astype(float)

    def power(y, x, row, column):
        share = 0.5 if row != y and column != x else 1.0
        return share / (abs(100 * (image[y, x] - image[row, column])) ** 1.2 + 0.3)

    def gaussian(y, x, row, column):
        return np.exp(-((image[y, x] - image[row, column]) ** 2) / (2 * 0.03**2)) + 1e-4

    if kind == "power":
        stencil, wanted = affinity(image), links(image, power)
        positive = np.concatenate([plane[plane > 0] for plane in wanted.values()])
        scale = np.median(positive) if positive.size else 1
    else:
        stencil, wanted, scale = affinity(image, kind, sigma=0.03, floor=1e-4), links(image, gaussian), 1
    for name in STEPS:
        np.testing.assert_allclose(getattr(stencil, name), wanted[name] / scale, rtol=2e-4, atol=1e-9)


def test_levin_weights_are_symmetric_means_and_do_not_vanish():
    image = constant((5, 5)).copy()
    image[2, 2] = 1.0
    stencil = affinity(image, "levin", floor=1e-6)
    # Window of the lone bright pixel: 0.6 * 2/81 = 0.0148, but its most similar neighbour must keep 0.01 of the weight,
    # so 0.25/ln(100); its neighbour's window lies inside the image, has the same variance, and a twin nearby.
    toward, back = 0.01, np.exp(-0.25 / (0.6 * 0.25 * (1 / 9 - 1 / 81)))
    assert stencil.east[2, 2] == pytest.approx((toward + back) / 2 + 1e-6, rel=1e-3)
    assert stencil.east[0, 0] == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_operator_and_its_matrix_agree(shape):
    stencil = affinity(grain(shape), "gaussian")
    u = np.random.default_rng(0).random((*shape, 2)).astype(np.float32)
    matrix = stencil.to_csr()
    wanted = (matrix @ u.reshape(-1, 2)).reshape(u.shape)
    np.testing.assert_allclose(stencil.apply(u), wanted, atol=5e-6)
    np.testing.assert_allclose(stencil.diagonal().ravel(), matrix.diagonal(), rtol=1e-6)
    assert abs(matrix - matrix.T).max() == 0
    assert abs(matrix.sum(axis=1)).max() < 1e-12
    assert not stencil.apply(np.full(shape, 3.7, np.float32)).any()


def test_reweighting_is_the_formula():
    stencil = affinity(grain((8, 9)))
    field = np.random.default_rng(1).random((8, 9, 3))
    wanted = links(field[..., 0], lambda y, x, r, c: 0.2 / np.sqrt(((field[y, x] - field[r, c]) ** 2).sum() + 0.04))
    weaker = reweight(stencil, field, 0.2)
    for name in STEPS:
        np.testing.assert_allclose(getattr(weaker, name), getattr(stencil, name) * wanted[name], rtol=1e-5)
    floor = float(np.quantile(stencil.east[:, :-1], 0.3))
    bounded = reweight(stencil, field, 0.2, floor)
    for name in STEPS:
        weight, weakened = getattr(stencil, name), getattr(weaker, name)
        assert (weakened < floor).any()
        np.testing.assert_allclose(getattr(bounded, name), np.maximum(weakened, np.minimum(weight, floor)), rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: affinity(np.zeros((2, 3, 4))), r"luminance: shape \(2, 3, 4\); wanted \(H, W\)"),
        (lambda: affinity(np.zeros((0, 3))), r"luminance: shape \(0, 3\); wanted"),
        (lambda: affinity([[0.5, np.nan]]), r"luminance: holds NaN"),
        (lambda: affinity([[0.5, 50]]), r"luminance: values from 0.5 to 50; wanted \[0, 1\]"),
        (lambda: affinity([[0.5]], "cubic"), r"affinity: 'cubic' is unknown; wanted one of power, gaussian, levin"),
        (lambda: affinity([[0.5]], "gaussian", sigma=0), r"sigma 0, floor 1e-05; wanted sigma above 0"),
        (lambda: affinity([[0.5]], "levin", floor=-1), r"floor -1; wanted 0 or more"),
        (lambda: affinity([[0.5]], "power", alpha=-1), r"alpha -1, .* wanted numbers above 0"),
        (lambda: reweight(affinity([[0.5]]), np.zeros((2, 1, 2)), 1), r"field \(2, 1, 2\); wanted \(H, W, C\)"),
        (lambda: reweight(affinity([[0.5]]), np.zeros((1, 1, 2)), 0), r"scale 0; wanted a number above 0"),
        (lambda: reweight(affinity([[0.5]]), np.zeros((1, 1, 2)), 1, -1), r"floor -1; wanted a number from 0"),
        (lambda: Stencil(*[np.ones((2, 2))] * 4), r"east links leave the image"),
        (lambda: Stencil(*[-np.zeros((2, 2)) - 1] * 4), r"east holds weights -1 to -1; wanted"),
        (lambda: Stencil(np.ones((2, 2)), *[np.ones((3, 2))] * 3), r"planes of shapes .*; wanted four of one shape"),
    ],
)
def test_refusals_say_what_was_got_and_what_wanted(call, message):
    with pytest.raises(ValueError, match=message):
        call()
