"""Contract over SOLVERS and PEERS, and the accuracy of the stop rule against direct solves."""

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import spsolve

from solvers import SOLVERS, CellMeans, ChromaSolver, Seeds, SolverError, affinity, reweight
from solvers.gallery import GALLERY, grain, scattered, strokes
from solvers.peers import PEERS

BOUND = 0.5 / 255
KINDS = {"power": {}, "gaussian": {"sigma": 0.02, "floor": 1e-6}, "levin": {}}


def cell_matrix(cells, shape):
    """B M by the definition in CellMeans, pixel by pixel and column by column."""
    from scipy.ndimage import gaussian_filter

    (height, width), (rows, columns) = shape, cells.weight.shape
    mean = np.zeros((rows, columns, height * width))
    for y in range(height):
        for x in range(width):
            mean[(2 * y + 1) * rows // (2 * height), (2 * x + 1) * columns // (2 * width), y * width + x] = 1
    mean /= mean.sum(axis=2, keepdims=True)
    if cells.blur:
        mean = gaussian_filter(mean, (cells.blur, cells.blur, 0), mode="nearest")
    return mean.reshape(rows * columns, -1)


def exact(stencil, seeds=None, cells=None):
    """The minimiser by a direct float64 solve of equations put together here."""
    matrix = stencil.to_csr()
    channels = seeds.chroma.shape[1] if seeds else cells.chroma.shape[2]
    diagonal, right = np.zeros(matrix.shape[0]), np.zeros((matrix.shape[0], channels))
    if seeds:
        diagonal[seeds.index] = seeds.weight
        right[seeds.index] = seeds.weight[:, None] * seeds.chroma
    matrix = (matrix + sparse.diags_array(diagonal)).tocsc()
    if cells is None:
        return spsolve(matrix, right).reshape(*stencil.shape, channels)
    average, weight = cell_matrix(cells, stencil.shape), cells.weight.astype(float).ravel()
    right += average.T @ (weight[:, None] * cells.chroma.reshape(-1, channels))
    dense = matrix.toarray() + average.T @ (weight[:, None] * average)
    return np.linalg.solve(dense, right).reshape(*stencil.shape, channels)


def some_cells(shape=(4, 6), weight=10.0, blur=0.0, seed=0):
    random = np.random.default_rng(seed)
    weights = (weight * random.random(shape)).astype(np.float32)
    weights[0, 0] = 0
    return CellMeans(random.random((*shape, 2)), weights, blur)


def stencil_methods():
    rows = {**SOLVERS, **PEERS}
    return [name for name, build in rows.items() if getattr(build, "guide", "stencil") == "stencil"]


@pytest.mark.parametrize("method", stencil_methods())
@pytest.mark.parametrize("data", ["seeds", "cells", "both"])
def test_every_method_finds_the_minimum(method, data):
    stencil = affinity(grain((30, 41)), "power")
    seeds = None if data == "cells" else strokes(stencil.shape, 5)
    cells = None if data == "seeds" else some_cells(blur=0.8)
    solver = ChromaSolver.from_stencil(stencil, {**SOLVERS, **PEERS}[method])
    answer = solver.solve(seeds, cells, max_iterations=5000)
    assert answer.chroma.dtype == np.float32
    assert np.abs(answer.chroma - exact(stencil, seeds, cells)).max() < BOUND


@pytest.mark.parametrize("method", [*SOLVERS, *PEERS])
def test_every_method_paints_all_from_one_seed_and_keeps_a_hard_stroke(method):
    image = grain((21, 34))
    solver = ChromaSolver(image, {**SOLVERS, **PEERS}[method])
    one = solver.solve(Seeds([100], [[0.25, -0.75]], [1e6]), max_iterations=5000)
    assert np.abs(one.chroma - [0.25, -0.75]).max() < BOUND
    seeds = strokes(image.shape, 6)
    hard = solver.solve(seeds, max_iterations=5000)
    assert np.abs(hard.chroma.reshape(-1, 2)[seeds.index] - seeds.chroma).max() < 1e-4


@pytest.mark.parametrize("method", ["multigrid", "jacobi", "ruge-stuben", "smoothed-aggregation"])
def test_too_few_iterations_raise(method):
    solver = ChromaSolver(GALLERY["noise"]((40, 50)), {**SOLVERS, **PEERS}[method])
    with pytest.raises(SolverError, match=r"not converged after 1 iterations.*max_iterations"):
        solver.solve(strokes((40, 50), 3), max_iterations=1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", GALLERY)
def test_true_error_at_the_stop_is_below_the_bound(name, kind):
    shape = (83, 122)
    stencil = affinity(GALLERY[name](shape), kind, **KINDS[kind])
    solver = ChromaSolver.from_stencil(stencil)
    for seeds in (scattered(shape, 60, seed=1), strokes(shape, 7, seed=2), scattered(shape, 5, weight=0.01, seed=3)):
        answer = solver.solve(seeds)
        error = np.abs(answer.chroma - exact(stencil, seeds)).max()
        assert error < BOUND, f"{name}, {kind}: error {error / BOUND:.2f} bounds"
        assert answer.estimated_error < BOUND
        assert answer.iterations <= 35
        low, high = seeds.chroma.min(axis=0) - BOUND, seeds.chroma.max(axis=0) + BOUND
        assert ((answer.chroma >= low) & (answer.chroma <= high)).all()


@pytest.mark.parametrize("weight", [1.0, 100.0, 1000.0])
@pytest.mark.parametrize("blur", [0.0, 0.8, 2.0])
@pytest.mark.parametrize("name", ["grain", "two halves", "noise"])
def test_true_error_with_cells(name, blur, weight):
    stencil = affinity(GALLERY[name]((25, 34)), "power")
    cells = some_cells((6, 8), weight, blur)
    for seeds in (None, strokes(stencil.shape, 3)):
        answer = ChromaSolver.from_stencil(stencil).solve(seeds, cells)
        assert np.abs(answer.chroma - exact(stencil, seeds, cells)).max() < BOUND
        assert answer.iterations <= 20
    sharper = reweight(stencil, answer.chroma, 0.02)
    answer = ChromaSolver.from_stencil(sharper).solve(seeds, cells, start=answer.chroma)
    assert np.abs(answer.chroma - exact(sharper, seeds, cells)).max() < BOUND
    assert answer.iterations <= (20 if weight <= 100 else 80)
