"""Levin's published method: its formula, its accuracy against a direct solve, edits, edges, refusals."""

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import splu

from solvers import ChromaSolver, Seeds, SolverError
from solvers.gallery import GALLERY, constant, grain, scattered, strokes
from solvers.levin import STEPS, balanced_links, directed_links, pull, symmetric_part

BOUND = 0.5 / 255
SHAPE = (83, 122)


def published_weights(image):
    """The paper's eq. 2 and the published bounds on its variance, pixel by pixel: (HW, HW), rows with a sum of 1."""
    height, width = image.shape
    rows, columns, values = [], [], []
    for y, x in np.ndindex(image.shape):
        window = [
            (a, b) for a in range(y - 1, y + 2) for b in range(x - 1, x + 2) if 0 <= a < height and 0 <= b < width
        ]
        lightness = np.array([image[a, b] for a, b in window], float)
        others = [(a, b) for a, b in window if (a, b) != (y, x)]
        if not others:
            continue
        squares = np.array([(float(image[a, b]) - float(image[y, x])) ** 2 for a, b in others])
        variance = max(0.6 * lightness.var(), -squares.min() / np.log(0.01), 2e-6)
        row = np.exp(-squares / variance)
        rows += [y * width + x] * len(others)
        columns += [a * width + b for a, b in others]
        values += list(row / row.sum())
    return sparse.coo_array((values, (rows, columns)), shape=(image.size, image.size)).tocsr()


def exact(weights, seeds, shape):
    """Direct float64 solve with the seeds fixed."""
    chroma = np.zeros((weights.shape[0], seeds.chroma.shape[1]))
    chroma[seeds.index] = seeds.chroma
    free = np.setdiff1d(np.arange(len(chroma)), seeds.index)
    if free.size:
        matrix = (sparse.eye_array(free.size) - weights[free][:, free]).tocsc()
        chroma[free] = splu(matrix).solve(weights[free] @ chroma)
    return chroma.reshape(*shape, -1)


@pytest.mark.parametrize("name", GALLERY)
def test_weights_are_the_published_formula(name):
    image = GALLERY[name]((9, 11))
    links = directed_links(image).astype(float)
    links /= links.sum(axis=0)
    wanted = published_weights(image).toarray().reshape(9, 11, 9, 11)
    for k, (down, right) in enumerate(STEPS):
        for y, x in np.ndindex(image.shape):
            row, column = y + down, x + right
            inside = 0 <= row < 9 and 0 <= column < 11
            assert links[k, y, x] == pytest.approx(wanted[y, x, row, column] if inside else 0, rel=2e-5)


@pytest.mark.parametrize("name", GALLERY)
def test_true_error_at_the_stop_is_below_the_bound(name):
    image = GALLERY[name](SHAPE)
    weights, solver = published_weights(image), ChromaSolver(image, "levin")
    for seeds in (scattered(SHAPE, 60, seed=1), strokes(SHAPE, 7, seed=2), scattered(SHAPE, 2, seed=3)):
        answer = solver.solve(seeds)
        error = np.abs(answer.chroma - exact(weights, seeds, SHAPE)).max()
        assert error < BOUND, f"{name}: error {error / BOUND:.2f} bounds"
        assert answer.estimated_error < BOUND
        assert answer.iterations <= 60
        assert len(answer.residuals) == answer.iterations + 1
        assert (answer.chroma.reshape(-1, 2)[seeds.index] == seeds.chroma).all()
        low, high = seeds.chroma.min(axis=0), seeds.chroma.max(axis=0)
        assert ((answer.chroma >= low) & (answer.chroma <= high)).all()


def test_pull_is_the_matrix_and_keeps_constants():
    image = grain((9, 70))
    links = directed_links(image)
    u = np.random.default_rng(0).random((2, *image.shape)).astype(np.float32)
    out = np.empty_like(u)
    pull(links, u, out)
    flat = u.reshape(2, -1).T.astype(float)
    wanted = (published_weights(image) @ flat - flat) * links.sum(axis=0).reshape(-1, 1)
    np.testing.assert_allclose(out.reshape(2, -1).T, wanted, atol=2e-5)
    pull(links, np.full_like(u, 3.7), out)
    assert not out.any()


def test_balanced_rows_let_as_much_in_as_out():
    image = grain((12, 15))
    links = balanced_links(image, sweeps=3000).astype(float)
    inflow = np.zeros(image.shape)
    for k, (down, right) in enumerate(STEPS):
        for y, x in np.ndindex(image.shape):
            if links[k, y, x]:
                inflow[y + down, x + right] += links[k, y, x]
    np.testing.assert_allclose(inflow, links.sum(axis=0), rtol=1e-3)
    original = directed_links(image)
    factor = links.sum(axis=0) / original.sum(axis=0)
    np.testing.assert_allclose(links, factor * original, rtol=1e-5)
    np.testing.assert_allclose(symmetric_part(links.astype(np.float32)).diagonal(), links.sum(axis=0), rtol=1e-3)


@pytest.mark.parametrize("name", GALLERY)
def test_one_seed_reaches_every_pixel(name):
    """The bound that makes a check for lost regions needless."""
    image = GALLERY[name]((40, 50))
    weight = directed_links(image)
    assert (weight[:, 1:-1, 1:-1] >= np.exp(-30.01)).all()
    lonely = constant((40, 50)).copy()
    lonely[20, 20] = 1.0
    answer = ChromaSolver(lonely, "levin").solve(Seeds([0], [[0.25, -0.75]], [1.0]))
    assert np.abs(answer.chroma - [0.25, -0.75]).max() < BOUND


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (1, 90), (90, 1), (2, 2), (3, 5), (3, 400), (17, 300), (40, 1000)])
def test_any_size(shape):
    image = grain(shape)
    solver = ChromaSolver(image, "levin")
    ends = Seeds([0, image.size - 1], [[0, 1], [1, 0]], [1, 1]) if image.size > 1 else Seeds([0], [[0, 1]], [1])
    wanted = exact(published_weights(image), ends, shape)
    assert np.abs(solver.solve(ends).chroma - wanted).max() < BOUND
    every = Seeds(np.arange(image.size), np.random.default_rng(0).random((image.size, 2)), np.ones(image.size))
    assert (solver.solve(every).chroma.reshape(-1, 2) == every.chroma).all()


def test_more_than_a_million_pixels_are_taken():
    ChromaSolver(np.zeros((1001, 1000)), "levin")


@pytest.mark.parametrize("channels", [1, 3])
def test_edits_from_any_start_and_any_number_of_channels(channels):
    image = grain(SHAPE)
    weights, solver = published_weights(image), ChromaSolver(image, "levin")
    start = np.full((*SHAPE, channels), 7.0)
    for number in range(3):
        seeds = strokes(SHAPE, 3 + 2 * number, seed=number)
        chroma = np.random.default_rng(number).random((len(seeds), channels))
        seeds = Seeds(seeds.index, chroma, np.geomspace(1e-3, 1e6, len(seeds)))  # weights mean nothing here
        start = solver.solve(seeds, start=start).chroma
        assert np.abs(start - exact(weights, seeds, SHAPE)).max() < BOUND
    again = solver.solve(seeds, start=start)
    assert again.iterations <= 5
    assert again.seconds["setup"] < 0.01
    assert set(again.seconds) == {"setup", "reseed", "solve"}


def test_a_smaller_tolerance_is_met():
    image = grain(SHAPE)
    seeds = strokes(SHAPE, 7)
    answer = ChromaSolver(image, "levin").solve(seeds, tolerance=BOUND / 20)
    assert np.abs(answer.chroma - exact(published_weights(image), seeds, SHAPE)).max() < BOUND / 20


def test_too_few_iterations_raise():
    solver = ChromaSolver(GALLERY["noise"]((40, 50)), "levin")
    with pytest.raises(SolverError, match=r"levin: not converged after 2 iterations.*max_iterations"):
        solver.solve(strokes((40, 50), 3), max_iterations=2)
