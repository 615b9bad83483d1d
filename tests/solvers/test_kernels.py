"""The compiled kernels against plain NumPy twins and against matrices, all in float64."""

from unittest import mock

import numpy as np
import pytest
from random_problems import KINDS, matrix_of, random_stencil
from scipy import sparse
from scipy.sparse.linalg import spsolve

from solvers import CellMeans, Seeds, Stencil, coarse, coarse_cells, multigrid, passes, system
from solvers.cells import CellOperator
from solvers.gallery import scattered, strokes
from solvers.matching import aggregate_grid
from solvers.multigrid import Hierarchy
from solvers.system import System
from solvers.team import Team, phases
from solvers.transfer import prolongation

SHAPES = [
    ((1, 1), (0, 1)),
    ((1, 17), (0, 1)),
    ((19, 1), (0, 19)),
    ((2, 2), (0, 2)),
    ((15, 9), (0, 15)),
    ((19, 1), (0, 7, 12, 19)),
    ((17, 12), (0, 5, 17)),
    ((23, 7), (0, 3, 6, 12, 16, 23)),
]
"""Shapes, and the rows at which strips are made to begin."""


NO_CELLS = np.zeros(0, np.int32), np.zeros(1, np.int64), np.zeros((0, 0), np.float32), *np.zeros((2, 1, 1, 1))
"""What passes take for cells where there are none."""


def seeded(random, shape, count=None):
    size = shape[0] * shape[1]
    index = random.permutation(size)[: max(size // 5, 1) if count is None else count]
    return Seeds(index, random.random((len(index), 2)), 10 ** random.uniform(-2, 1, len(index)))


def system_of(stencil, seeds, cells, bounds):
    with mock.patch.object(system, "cut", return_value=np.array(bounds)):
        return System(stencil, seeds, cells)


def cells_of(random, shape, weight, blur=0.0):
    grid = min(8, shape[0]), min(4, shape[1])  # none taller than a strip, as System sees to
    return CellMeans(random.random((*grid, 2)), weight * random.random(grid), blur)


def flat(u):
    """(HW, C) in float64, of (C, H, W)."""
    return u.reshape(len(u), -1).T.astype(float)


def swept(matrix, cells, offset, f, u, shape, bounds, backward):
    """Plain twin: SWEEPS sweeps on each strip, rows in order, the even pixels of a row before the odd ones.

    What a cell pulls at a row is taken before the row moves and counts all of its pixels in the row in the diagonal.
    Cells see the second sweep follow the first one row behind; to links that is the same as one after the other.
    """
    u = u.copy()
    number = np.arange(len(u)).reshape(shape)
    if cells is not None:
        grid = cells.row[:, None].astype(int) * cells.area.shape[1] + cells.column
        factor = (cells.bound() / cells.area**2).ravel()
    turn = -1 if backward else 1
    for strips in phases(len(bounds) - 1)[::turn]:
        for strip in strips:
            low, high = bounds[strip], bounds[strip + 1]
            visits = [*range(low, high)] * passes.SWEEPS
            if cells is not None:
                late = range(passes.SWEEPS)
                visits = [step - n for step in range(low, high + len(late)) for n in late if low <= step - n < high]
            for y in visits[::turn]:
                diagonal, pull = matrix.diagonal()[number[y]], np.zeros((shape[1], u.shape[1]))
                if cells is not None:
                    here, count = grid[y], np.bincount(grid[y], minlength=factor.size)
                    sums = np.stack([np.bincount(grid.ravel(), column, factor.size) for column in u.T], axis=1)
                    pull = (factor[:, None] * sums - offset.reshape(len(offset), -1).T)[here]
                    diagonal = diagonal + (factor * count)[here]
                for colour in (0, 1)[::turn]:
                    pixels = number[y, colour::2]
                    rest = f[pixels] - pull[colour::2] - matrix[pixels] @ u
                    d = diagonal[colour::2, None]
                    u[pixels] += np.divide(rest, d, out=np.zeros_like(rest), where=d > 0)
    return u


@pytest.fixture(params=["", "cells", "blurred cells"])
def extra(request):
    return request.param


@pytest.mark.parametrize(("shape", "bounds"), SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_descent_and_ascent_are_their_plain_twins(shape, bounds, kind, extra):
    random = np.random.default_rng(len(bounds) + shape[0])
    stencil, seeds = random_stencil(random, shape, kind), seeded(random, shape)
    cells = CellOperator(cells_of(random, shape, 5, 0.8 * (extra == "blurred cells")), shape) if extra else None
    matrix = matrix_of(stencil, seeds)[0]
    problem = system_of(stencil, seeds, cells, bounds)
    f, u, q = random.standard_normal((3, 2, *shape)).astype(np.float32)
    owner, count = random.integers(-2, 6, shape).astype(np.int32), 6
    p = prolongation(owner.ravel(), count)
    parts, offset = NO_CELLS, None
    if cells is not None:
        offset = random.standard_normal((2, *cells.area.shape))
        factor = (cells.bound() / cells.area**2).astype(np.float32)
        parts = cells.row, cells.edges, factor, cells.sums(u), offset
    common = (stencil.planes, problem.held, parts, owner, f)

    right, down = np.zeros((count, 2), np.float32), u.copy()
    for strips in problem.phases:
        passes.descend(*common, down, right, problem.bounds, strips)
    plain = swept(matrix, cells, offset, flat(f), flat(u), shape, bounds, backward=False)
    np.testing.assert_allclose(flat(down), plain, rtol=2e-4, atol=1e-4)
    np.testing.assert_allclose(right, p.T @ (flat(f) - matrix @ flat(down)), atol=1e-4)
    if cells is not None:
        np.testing.assert_allclose(parts[3], cells.sums(down), rtol=1e-4, atol=1e-4)

    error, up = random.standard_normal((count, 2)).astype(np.float32), u.copy()
    if cells is not None:
        parts[3][:] = cells.sums(u + (p @ error).T.reshape(u.shape))
    dots = np.full((len(bounds) - 1, 2, 2), np.nan)
    for strips in problem.phases[::-1]:
        passes.ascend(*common, up, error, q, dots, problem.bounds, strips)
    plain = swept(matrix, cells, offset, flat(f), flat(u) + p @ error, shape, bounds, backward=True)
    np.testing.assert_allclose(flat(up), plain, rtol=2e-4, atol=1e-4)
    wanted = [(flat(up) * flat(f)).sum(axis=0), (flat(up) * flat(q)).sum(axis=0)]
    np.testing.assert_allclose(dots.sum(axis=0), wanted, rtol=1e-5, atol=1e-4)


def test_one_channel_is_the_first_of_two():
    random = np.random.default_rng(1)
    shape, bounds = (17, 12), np.array([0, 5, 11, 17])
    stencil, seeds = random_stencil(random, shape), seeded(random, shape)
    hold = system_of(stencil, seeds, None, bounds).held
    owner = random.integers(-2, 6, shape).astype(np.int32)
    f, start = random.standard_normal((2, 2, *shape)).astype(np.float32)
    error = random.standard_normal((6, 2)).astype(np.float32)
    answers = []
    for channels in (2, 1):
        g, u = f[:channels].copy(), start[:channels].copy()
        right, dots = np.zeros((6, 2), np.float32), np.zeros((3, 2, channels))
        for strips in phases(3):
            passes.descend(stencil.planes, hold, NO_CELLS, owner, g, u, right, bounds, strips)
        for strips in phases(3)[::-1]:
            passes.ascend(stencil.planes, hold, NO_CELLS, owner, g, u, error, g, dots, bounds, strips)
        answers.append((u[0], right[:, 0], dots[:, :, 0]))
    for two, one in zip(*answers, strict=True):
        assert (two == one).all()


@pytest.mark.parametrize("extra", ["", "cells"])
@pytest.mark.parametrize(("shape", "bounds"), SHAPES)
def test_ascent_is_the_adjoint_of_descent(shape, bounds, extra):
    """Without a coarse correction, down and up from zero is a symmetric operator; with blur that takes coarse means."""
    random = np.random.default_rng(len(bounds))
    stencil, seeds = random_stencil(random, shape), seeded(random, shape)
    cells = CellOperator(cells_of(random, shape, 5), shape) if extra else None
    problem = system_of(stencil, seeds, cells, bounds)
    f, out = random.standard_normal((2, 2, *shape)).astype(np.float32)
    out[:] = 0
    parts = NO_CELLS
    if cells is not None:
        factor = (cells.bound() / cells.area**2).astype(np.float32)
        parts = cells.row, cells.edges, factor, *np.zeros((2, 2, *cells.area.shape))
    nobody, zero = np.full(shape, -1, np.int32), np.zeros((1, 2), np.float32)
    dots = np.zeros((len(bounds) - 1, 2, 2))
    for strips in problem.phases:
        passes.descend(stencil.planes, problem.held, parts, nobody, f, out, zero, problem.bounds, strips)
    for strips in problem.phases[::-1]:
        passes.ascend(stencil.planes, problem.held, parts, nobody, f, out, zero, f, dots, problem.bounds, strips)
    (a, b), (ma, mb) = flat(f).T, flat(out).T
    assert ma @ b == pytest.approx(a @ mb, abs=1e-5 * np.sqrt((ma @ a) * (mb @ b)))
    assert ma @ a > 0


@pytest.mark.parametrize(("shape", "bounds"), SHAPES)
def test_passes_of_conjugate_gradients_are_their_matrices(shape, bounds, extra):
    random = np.random.default_rng(7)
    stencil, seeds = random_stencil(random, shape), seeded(random, shape)
    means = cells_of(random, shape, 5, 0.8 * (extra == "blurred cells")) if extra else None
    cells = None if means is None else CellOperator(means, shape)
    matrix, right = matrix_of(stencil, seeds, means)
    problem = system_of(stencil, seeds, cells, bounds)
    x, r, z = random.standard_normal((3, 2, *shape)).astype(np.float32)
    before = z
    p, q = np.full((2, *z.shape), np.nan, np.float32)

    np.testing.assert_allclose(problem.misfit(x, r), (flat(r) ** 2).sum(axis=0), rtol=1e-6)
    np.testing.assert_allclose(flat(r), right - matrix @ flat(x), atol=1e-4)

    for share in np.array([[0, 0], [0.3, -1.7]], np.float32):  # the first direction owes nothing to what p holds
        z = random.standard_normal(z.shape).astype(np.float32)
        wanted = z if not share.any() else z + share[:, None, None] * before
        dots = problem.search(z, share, p, q)
        np.testing.assert_allclose(p, wanted, atol=1e-5)
        np.testing.assert_allclose(flat(q), matrix @ flat(p), atol=2e-4)
        np.testing.assert_allclose(dots, (flat(p) * flat(q)).sum(axis=0), rtol=1e-5, atol=1e-5)
        before = p.copy()

    step, old, rest = np.array([0.4, -0.9], np.float32), x.copy(), r.copy()
    largest, square = problem.advance(p, q, step, x, r)
    change = step[:, None, None] * p
    np.testing.assert_allclose(x, old + change, atol=1e-5)
    np.testing.assert_allclose(r, rest - step[:, None, None] * q, atol=1e-4)
    assert largest == pytest.approx(np.abs(change).max(), rel=1e-5)
    np.testing.assert_allclose(square, (flat(r) ** 2).sum(axis=0), rtol=1e-6)

    diagonal = stencil.diagonal().ravel().astype(float)
    diagonal[seeds.index] += seeds.weight
    if cells is not None:
        diagonal += cells.lumped()[cells.row[:, None], cells.column].ravel()
    ratio = np.divide(np.abs(flat(r)).max(axis=1), 2 * diagonal, out=np.zeros_like(diagonal), where=diagonal > 0)
    assert problem.least_error(r) == pytest.approx(ratio.max(), rel=1e-5)
    assert ratio.max() <= np.abs(spsolve(matrix.tocsc(), flat(r))).max() * (1 + 1e-6)  # a lower bound indeed


def test_the_misfit_keeps_what_float32_would_cancel():
    """A region tied outward by 1e-6 alone, 1e-6 off its colour, beside a seed of weight 1e6."""
    planes = [np.zeros((1, 8), np.float32) for _ in range(4)]
    planes[0][0, :7] = [1, 1, 1, 1e-6, 1, 1, 1]
    stencil, seeds = Stencil(*planes), Seeds([0], [[0.7]], [1e6])
    u = np.full((1, 1, 8), 0.7, np.float32)
    u[..., 4:] += np.float32(1e-4)
    r = np.empty_like(u)
    System(stencil, seeds, None).misfit(u, r)
    flow = 1e-6 * (float(u[0, 0, 4]) - float(u[0, 0, 3]))
    np.testing.assert_allclose(r[0, 0], [0, 0, 0, flow, -flow, 0, 0, 0], rtol=1e-5, atol=0)


def coarse_graph(shape=(30, 37)):
    stencil = random_stencil(np.random.default_rng(4), shape)
    owner, graph, _ = aggregate_grid(stencil, np.array([0, shape[0]]), Team(1))
    links = graph.to_csr()
    return owner, graph, (sparse.diags_array(links.sum(axis=1)) - links).toarray()


def test_coarse_kernels_are_their_matrices():
    random = np.random.default_rng(4)
    _, graph, matrix = coarse_graph()
    n = len(graph)
    assert graph.far.size  # some nodes have more links than the table holds
    held = random.random(n).astype(np.float32)
    matrix += np.diag(held)
    inverse = (1 / np.diag(matrix)).astype(np.float32)
    f, start = random.standard_normal((2, n, 2)).astype(np.float32)
    cuts = ((0, n // 3), (n // 3, n))
    for backward, half in ((False, np.tril(matrix)), (True, np.triu(matrix))):
        u = start.copy()
        for low, high in cuts[::-1] if backward else cuts:
            coarse.relax(low, high, graph.arrays, held, inverse, f, u, backward)
        np.testing.assert_allclose(u, start + np.linalg.solve(half, f - matrix @ start), rtol=1e-4, atol=1e-4)
    owner = random.integers(-3, 20, n).astype(np.int32)
    p = prolongation(owner, 20)
    right, image, up = np.zeros((20, 2), np.float32), np.empty_like(f), start.copy()
    for low, high in cuts:
        coarse.restrict(low, high, graph.arrays, held, owner, f, start, right)
        coarse.apply(low, high, graph.arrays, held, start, image)
        coarse.prolong(low, high, owner, right, up)
    np.testing.assert_allclose(image, matrix @ start, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(right, p.T @ (f - matrix @ start), rtol=1e-4, atol=1e-3)
    u = start.copy()
    coarse.prolong(0, n, owner, right, u)
    np.testing.assert_allclose(u, start + p @ right, rtol=1e-5)


@pytest.mark.parametrize("blur", [0.0, 0.8, 3.0])
@pytest.mark.parametrize("grid", [(1, 1), (4, 5), (7, 2)])
def test_cells_weigh_means_alike_compiled_and_not(blur, grid):
    random = np.random.default_rng(0)
    cells = CellOperator(CellMeans(np.zeros((*grid, 2)), random.random(grid), blur), (20, 21))
    means = random.standard_normal((grid[0] * grid[1], 2)).astype(np.float32)
    out = np.empty_like(means)
    coarse_cells.weigh(cells.blur_bands(), np.repeat(cells.weight.astype(np.float32), 2, axis=1), means, out)
    np.testing.assert_allclose(out, cells.weighed(means), atol=1e-6)
    mean = cells.to_csr()
    lifted = means.T.reshape(2, *grid)[:, cells.row[:, None], cells.column]
    asked = mean.T @ (cells.weight.reshape(-1, 1) * (mean @ flat(lifted)))
    found = cells.asked(cells.sums(lifted))[:, cells.row[:, None], cells.column]
    np.testing.assert_allclose(flat(found), asked, atol=1e-6)


def test_coarse_sweeps_with_cells_are_exact_gauss_seidel():
    random = np.random.default_rng(5)
    owner, graph, matrix = coarse_graph()
    cells = CellOperator(CellMeans(np.zeros((4, 5, 2)), 50 * random.random((4, 5)), 0.8), (30, 37))
    average = cells.averages(owner, len(graph))
    held, bound = random.random(len(graph)).astype(np.float32), cells.bound().ravel().astype(np.float32)
    matrix += np.diag(held) + average.T @ (bound[:, None] * average.toarray())
    inverse = (1 / np.diag(matrix)).astype(np.float32)
    spread = average.T.tocsr()
    rows = (spread.indptr.astype(np.int64), spread.indices.astype(np.int32), spread.data.astype(np.float32))
    f, u = random.random((2, len(graph), 2)).astype(np.float32)
    for backward, half in ((False, np.tril(matrix)), (True, np.triu(matrix))):
        moved, offset = u.copy(), random.random((20, 2)).astype(np.float32)
        means = (average @ u).astype(np.float32)
        coarse_cells.relax_cells(
            0, len(graph), graph.arrays, held, inverse, rows, bound, means, offset, f, moved, backward
        )
        np.testing.assert_allclose(moved, u + np.linalg.solve(half, f + spread @ offset - matrix @ u), atol=1e-4)
        np.testing.assert_allclose(means, average @ moved, atol=1e-5)
        again = np.zeros_like(means)
        coarse_cells.average_nodes(rows, moved, again)
        np.testing.assert_allclose(means, again, atol=1e-5)


def plain_k_cycle(levels, depth, f, enough):
    """levels holds (A, what sweeps relax, P); the last one A alone."""
    matrix = levels[depth][0]
    if depth == len(levels) - 1:
        return np.linalg.solve(matrix, f)
    relaxed, p = levels[depth][1:]

    def cycle(right):
        u = np.linalg.solve(np.tril(relaxed), right)
        u = u + p @ plain_k_cycle(levels, depth + 1, p.T @ (right - matrix @ u), enough)
        return u + np.linalg.solve(np.triu(relaxed), right - matrix @ u)

    first = cycle(f)
    step = (first * f).sum(axis=0) / (first * (matrix @ first)).sum(axis=0)
    rest = f - step * (matrix @ first)
    if (np.linalg.norm(rest, axis=0) / np.linalg.norm(f, axis=0)).max() <= enough:
        return step * first
    both = np.stack([first, cycle(rest)])
    result = np.empty_like(f)
    for k in range(f.shape[1]):
        basis = both[:, :, k].T
        result[:, k] = basis @ np.linalg.solve(basis.T @ matrix @ basis, basis.T @ f[:, k])
    return result


@pytest.mark.parametrize("enough", [0.0, multigrid.ENOUGH, 10.0])
@pytest.mark.parametrize(
    ("extra", "threads"), [("", 1), ("", 2), ("cells", 1), ("cells", 2), ("blurred cells", 1), ("blurred cells", 2)]
)
def test_k_cycle_is_its_plain_twin(enough, threads, extra):
    """Four levels; with threads, the first is swept in strips: in the same order, so with the same result."""
    shape = (200, 21) if threads > 1 else (52, 61)
    stencil = random_stencil(np.random.default_rng(1), shape, "power")
    seeds = strokes(shape, 3)
    cells = None
    if extra:
        weight = 30 * np.random.default_rng(1).random((8, 6))
        cells = CellOperator(CellMeans(np.zeros((8, 6, 2)), weight, 0.8 * (extra == "blurred cells")), shape)
    with mock.patch.multiple(multigrid, COARSEST=20, SHARED=100, ENOUGH=enough):
        hierarchy = Hierarchy(stencil, Team(threads))
        hierarchy.reseed(seeds, cells)
        levels = hierarchy.levels
        assert len(levels) >= 3
        assert threads == 1 or len(hierarchy.bounds[0]) >= 4
        assert (levels.owner < -1).any() or extra  # some nodes are held by seeds alone
        average = None if cells is None else cells.averages(hierarchy.owner, levels.nodes(0).stop).toarray()
        plain = []
        for depth in range(len(levels)):
            nodes, graph = levels.nodes(depth), levels.graph_of(depth).to_csr().toarray()
            matrix = np.diag(graph.sum(axis=1) + levels.held[nodes]) - graph
            relaxed = matrix
            if cells is not None:
                relaxed = matrix + average.T @ (cells.bound().reshape(-1, 1) * average)
                matrix = matrix + average.T @ cells.weighed(average)
            if depth < len(levels) - 1:
                below = levels.nodes(depth + 1)
                p = prolongation(levels.owner[nodes], below.stop - below.start).toarray()
                plain.append((matrix, relaxed, p))
                average = None if cells is None else average @ p
            else:
                plain.append((matrix,))
        nodes = levels.nodes(0)
        f = np.random.default_rng(2).standard_normal((nodes.stop, 2)).astype(np.float32)
        hierarchy._work[0, nodes] = f
        assert (hierarchy._top is not None) == (threads > 1)
        hierarchy._solve_coarse()
        wanted = plain_k_cycle(plain, 0, f.astype(float), enough)
    np.testing.assert_allclose(hierarchy._work[1, nodes], wanted, atol=2e-3 * np.abs(wanted).max())


def test_what_seeds_add_to_the_first_coarse_level_is_a_galerkin_product():
    """Held weights are the row sums of P' A P: members' seeds, and the links to pixels pinned and so left out of P."""
    stencil = random_stencil(np.random.default_rng(3), (40, 41))
    hierarchy = Hierarchy(stencil)
    weak, strong = (scattered((40, 41), 90, weight=weight) for weight in (0.1, 1000))
    for seeds, pinned in ((weak, 0), (strokes((40, 41), 4), 1), (strong, 1)):
        hierarchy.reseed(seeds)
        assert hierarchy.pinned(seeds).mean() == pytest.approx(pinned, abs=0.3)
        levels, nodes = hierarchy.levels, hierarchy.levels.nodes(0)
        p = prolongation(hierarchy.owner.ravel(), nodes.stop)
        wanted = (p.T @ matrix_of(stencil, seeds)[0] @ p).sum(axis=1)
        alive = p.sum(axis=0) > 0
        np.testing.assert_allclose(levels.held[nodes][alive], wanted[alive], rtol=1e-5, atol=1e-9)
        assert (levels.held[nodes][~alive] > 10 * levels.links[nodes][~alive]).all()
