"""The hierarchy: its algebra, its kernels against plain ones, its iteration counts."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse.linalg import spsolve, spsolve_triangular

from solvers import CellMeans, ChromaSolver, affinity, smoothers
from solvers.cells import CellOperator
from solvers.gallery import GALLERY, constant, grain, scattered, strokes
from solvers.krylov import Stop, System, conjugate_gradients
from solvers.matching import aggregate_graph, aggregate_grid
from solvers.multigrid import Hierarchy
from solvers.transfer import prolongation


def laplacian(graph):
    links = sparse.csr_array((graph.weight.astype(float), graph.column, graph.start), shape=(len(graph),) * 2)
    return sparse.diags_array(links.sum(axis=1)) - links


@pytest.mark.parametrize("name", GALLERY)
@pytest.mark.parametrize("shape", [(40, 51), (1, 90), (2, 2), (1, 1)])
def test_coarse_levels_are_galerkin_products(name, shape):
    stencil = affinity(GALLERY[name](shape), "gaussian", sigma=0.02, floor=1e-6)
    owner, graph = aggregate_grid(stencil)
    fine = stencil.to_csr()
    for _ in range(2):
        assert (owner[fine.diagonal() > 0] >= 0).all()  # P's rows sum to 1 wherever there is a link
        p = prolongation(owner, len(graph))
        coarse = laplacian(graph)
        difference = abs(p.T @ fine @ p - coarse)
        assert difference.nnz == 0 or difference.max() <= 1e-5 * fine.diagonal().max()
        row = np.repeat(np.arange(len(graph)), np.diff(graph.start))
        below = np.arange(len(graph.column)) < graph.middle[row]
        assert ((graph.column < row) == below).all()
        fine, (owner, graph) = coarse, aggregate_graph(graph)


@pytest.mark.parametrize("name", GALLERY)
def test_levels_shrink_fast_enough(name):
    hierarchy = Hierarchy(affinity(GALLERY[name]((150, 171)), "gaussian", sigma=0.02, floor=1e-6))
    sizes = [150 * 171, *(len(level.graph) for level in hierarchy.levels)]
    assert sizes[1] < sizes[0] / 4
    assert all(below < above / 3 for above, below in itertools.pairwise(sizes))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.booleans(), st.integers(0, 99))
def test_grid_sweep_equals_its_plain_twin(height, width, backward, seed):
    random = np.random.default_rng(seed)
    stencil = affinity(random.random((height, width)), "gaussian", sigma=0.2)
    extra, f, u = random.random((3, height, width)).astype(np.float32)
    inverse = 1 / (stencil.diagonal() + extra)
    swept = np.stack([u, -u])
    smoothers.relax_grid(stencil.planes, extra, inverse, np.stack([f, -f]), swept, backward)
    plain = smoothers.relax_grid_plain(stencil, extra, f, u, backward)
    np.testing.assert_allclose(swept, np.stack([plain, -plain]), atol=2e-6)


def test_transfers_and_graph_sweeps_equal_their_matrices():
    random = np.random.default_rng(4)
    stencil = affinity(grain((30, 37)))
    owner, graph = aggregate_grid(stencil)
    plane = owner.reshape(stencil.shape)
    f, u = random.random((2, 2, *stencil.shape)).astype(np.float32)
    extra = random.random(stencil.shape).astype(np.float32)
    p = prolongation(owner, len(graph))
    coarse = np.empty((len(graph), 2), np.float32)
    smoothers.restrict_grid(stencil.planes, extra, plane, f, u, coarse)
    operator = stencil.to_csr() + sparse.diags_array(extra.ravel())
    np.testing.assert_allclose(coarse, p.T @ (f.reshape(2, -1).T - operator @ u.reshape(2, -1).T), atol=2e-3)
    lifted = u.copy()
    smoothers.prolong_grid(plane, coarse, lifted)
    np.testing.assert_allclose((lifted - u).reshape(2, -1).T, p @ coarse, atol=1e-4)

    extra = random.random(len(graph)).astype(np.float32)
    inverse = 1 / (graph.degree() + extra)
    operator = (laplacian(graph) + sparse.diags_array(extra)).tocsr()
    f = random.random((len(graph), 2)).astype(np.float32)
    u = np.empty_like(f)
    smoothers.relax_graph_from_zero(graph.start, graph.middle, graph.column, graph.weight, inverse, f, u)
    lower = sparse.tril(operator).tocsr()
    np.testing.assert_allclose(u, spsolve_triangular(lower, f.astype(float)), rtol=1e-4)
    owner, below = aggregate_graph(graph)
    coarse = np.empty((len(below), 2), np.float32)
    smoothers.restrict_graph_after(graph.start, graph.middle, graph.column, graph.weight, owner, u, coarse)
    np.testing.assert_allclose(coarse, prolongation(owner, len(below)).T @ (f - operator @ u), atol=1e-4)
    image = np.empty_like(u)
    smoothers.apply_graph(graph.start, graph.column, graph.weight, extra, u, image)
    np.testing.assert_allclose(image, operator @ u, atol=1e-4)
    swept = u.copy()
    smoothers.relax_graph_backward(graph.start, graph.column, graph.weight, extra, inverse, f, swept)
    correction = spsolve_triangular(sparse.triu(operator).tocsr(), f - operator @ u, lower=False)
    np.testing.assert_allclose(swept, u + correction, atol=1e-4)


def test_sweeps_with_cells_are_exact_gauss_seidel():
    """On a graph against triangular solves; on the grid, where a row of a cell moves at once, by convergence."""
    random = np.random.default_rng(5)
    stencil = affinity(grain((30, 37)))
    cells = CellOperator(CellMeans(np.zeros((4, 5, 2)), 50 * random.random((4, 5))), stencil.shape)
    owner, graph = aggregate_grid(stencil)
    average = cells.averages(owner.reshape(stencil.shape), len(graph))
    held, bound = random.random(len(graph)).astype(np.float32), cells.bound().ravel().astype(np.float32)
    matrix = laplacian(graph).toarray() + np.diag(held) + average.T @ (bound[:, None] * average.toarray())
    inverse = (1 / np.diag(matrix)).astype(np.float32)
    spread = average.T.tocsr()
    f, u = random.random((2, len(graph), 2)).astype(np.float32)
    for backward, half in ((False, np.tril(matrix)), (True, np.triu(matrix))):
        swept, means = u.copy(), (average @ u).astype(np.float32)
        offset = random.random((20, 2))
        rows = (spread.indptr, spread.indices, spread.data)
        smoothers.relax_graph_cells(
            graph.start, graph.column, graph.weight, held, inverse, rows, bound, means, offset, f, swept, backward
        )
        np.testing.assert_allclose(swept, u + np.linalg.solve(half, f + spread @ offset - matrix @ u), atol=1e-4)
        np.testing.assert_allclose(means, average @ swept, atol=1e-5)

    held = np.full(stencil.shape, 0.3, np.float32)
    factor = (cells.bound() / cells.area**2).astype(np.float32)
    inverse = 1 / (
        stencil.diagonal() + held + (factor * np.diff(cells.edges))[np.ix_(cells.row, cells.column)].astype(np.float32)
    )
    f, u = random.random((2, 2, *stencil.shape)).astype(np.float32)
    sums, offset = cells.sums(u), random.random((2, 4, 5))
    for number in range(1500):
        smoothers.relax_grid_cells(
            stencil.planes, held, inverse, cells.row, cells.edges, factor, sums, offset, f, u, number % 2 == 1
        )
    np.testing.assert_allclose(sums, cells.sums(u), atol=1e-2)
    right = f + offset[:, cells.row[:, None], cells.column]
    mean = cells.to_csr()
    matrix = stencil.to_csr() + sparse.diags_array(held.ravel()) + mean.T @ sparse.diags_array(bound) @ mean
    np.testing.assert_allclose(u.reshape(2, -1).T, spsolve(matrix.tocsc(), right.reshape(2, -1).T), atol=1e-3)


@pytest.mark.parametrize("cells", [None, CellMeans(np.zeros((5, 6, 2)), np.full((5, 6), 30.0), 0.8)])
def test_cycle_is_symmetric_enough_and_forgets_earlier_seeds(cells):
    stencil = affinity(grain((50, 61)))
    operator = cells and CellOperator(cells, stencil.shape)
    fresh, used = Hierarchy(stencil), Hierarchy(stencil)
    for number in range(3):
        used.reseed(strokes(stencil.shape, 4 * number + 1, seed=number), None if number else operator)
    last = scattered(stencil.shape, 300, weight=1e6)
    for hierarchy in (fresh, used):
        hierarchy.reseed(last, operator)
    f = np.random.default_rng(0).standard_normal((2, *stencil.shape)).astype(np.float32)
    answers = np.empty((2, *f.shape), np.float32)
    fresh.cycle(f, answers[0])
    used.cycle(f, answers[1])
    assert (answers[0] == answers[1]).all()
    a, b = f
    za, zb = answers[0]
    assert (za * a).sum() > 0
    assert abs((za * b).sum() - (zb * a).sum()) < 0.05 * np.sqrt((za * a).sum() * (zb * b).sum())


def test_odd_sizes_and_larger_images_cost_no_more_iterations():
    def iterations(shape, image):
        return ChromaSolver(image(shape)).solve(strokes(shape, 8)).iterations

    for image in (constant, grain):
        even = iterations((128, 128), image)
        assert iterations((129, 129), image) <= even + 2
        assert iterations((127, 131), image) <= even + 2
        assert iterations((384, 512), image) <= even + 4


@pytest.mark.parametrize("name", GALLERY)
def test_iteration_budget(name):
    """Recorded counts plus a little; they are what the smoother, the aggregates and the K-cycle are worth."""
    solver = ChromaSolver(GALLERY[name]((200, 233)), affinity="gaussian", sigma=0.02, floor=1e-6)
    budget = {"grain": 24, "noise": 24}.get(name, 22)
    assert solver.solve(scattered((200, 233), 500)).iterations <= budget
    assert solver.solve(strokes((200, 233), 10)).iterations <= budget


def test_the_stop_bounds_a_slow_geometric_series():
    stop = Stop(1e-3)
    error = 1.0
    while not stop.reached(error * 0.2):
        error *= 0.8
    assert error * 0.8 < 1e-3
    assert stop.estimate < 1e-3


@pytest.mark.parametrize("scale", [0.0, 1e-7])
def test_a_preconditioner_that_does_nothing_is_not_taken_for_convergence(scale):
    """Steps of no length look like the end; the residual says otherwise."""
    stencil, seeds = affinity(grain((30, 40))), strokes((30, 40), 3)
    flip = np.where(np.indices((30, 40)).sum(axis=0) % 2, 1, -1).astype(np.float32)

    def useless(_, z):
        z[:] = scale * flip

    x = np.zeros((2, 30, 40), np.float32)
    hierarchy = Hierarchy(stencil)
    hierarchy.reseed(seeds)
    progress = conjugate_gradients(System(stencil, seeds, None), useless, x, hierarchy.diagonal(), 0.5 / 255, 30)
    assert not progress.converged
