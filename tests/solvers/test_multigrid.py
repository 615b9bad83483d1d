"""The hierarchy and its solves: symmetry, seeds that come and go, threads, iteration counts, the stop rule."""

import itertools
from unittest import mock

import numpy as np
import pytest
from random_problems import exact, random_problem

from solvers import CellMeans, ChromaSolver, Seeds, SolverError, affinity, multigrid
from solvers.cells import CellOperator
from solvers.gallery import GALLERY, constant, grain, scattered, strokes
from solvers.krylov import Spectrum, Stop, conjugate_gradients
from solvers.method import Multigrid
from solvers.multigrid import Hierarchy
from solvers.system import System
from solvers.team import Team

BOUND = 0.5 / 255


@pytest.mark.parametrize("name", GALLERY)
def test_levels_shrink_fast_enough(name):
    """White noise is islands of a few pixels at floor-level ties, which quality keeps apart: it shrinks less."""
    hierarchy = Hierarchy(affinity(GALLERY[name]((150, 171)), "gaussian", sigma=0.02, floor=1e-6))
    sizes = [150 * 171, *np.diff(hierarchy.levels.base)]
    assert sizes[1] < sizes[0] / (3.8 if name == "noise" else 9)
    assert all(below < above / 3.6 for above, below in itertools.pairwise(sizes[1:]))
    assert len(sizes) > 2
    assert sizes[-1] <= multigrid.COARSEST < sizes[-2]
    assert str(sizes[-1]) in repr(hierarchy)


def test_a_hierarchy_of_nothing_but_ties_ends():
    """Where no pair passes the quality test it is relaxed until levels shrink."""
    stencil = affinity(np.indices((120, 120)).sum(axis=0) % 2 * 0.5, "gaussian", sigma=0.01, floor=1e-6)
    sizes = np.diff(Hierarchy(stencil).levels.base)
    assert (sizes[1:] <= 0.7 * sizes[:-1]).all()


@pytest.mark.parametrize("cells", [None, CellMeans(np.zeros((5, 6, 2)), np.full((5, 6), 30.0), 0.8)])
def test_cycle_is_symmetric_enough_and_forgets_earlier_seeds(cells):
    """Pinned pixels leave their aggregates and come back; what is kept in between must not show, bit for bit."""
    stencil = affinity(grain((50, 61)))
    operator = cells and CellOperator(cells, stencil.shape)
    fresh, used = Hierarchy(stencil), Hierarchy(stencil)
    before = used.owner.copy()
    for number in range(3):
        seeds = strokes(stencil.shape, 4 * number + 1, seed=number)
        used.reseed(seeds, None if number else operator)
        assert used.pinned(seeds).all()
        assert ((used.owner < -1).sum()) == len(seeds)
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
    used.reseed(scattered(stencil.shape, 5, weight=1e-2), operator)
    assert (used.owner == before).all()


@pytest.mark.parametrize("cells", [None, CellMeans(np.zeros((5, 6, 2)), np.full((5, 6), 30.0))])
def test_a_cycle_goes_up_through_strips_in_the_reverse_order(cells):
    """Without aggregates nothing is left of it but the sweeps, down and up: a symmetric operator."""
    stencil = affinity(grain((200, 31)))
    hierarchy = Hierarchy(stencil)
    hierarchy.reseed(strokes(stencil.shape, 5, weight=0.1), cells and CellOperator(cells, stencil.shape))
    hierarchy.owner[:] = -1
    f = np.random.default_rng(0).standard_normal((2, *stencil.shape)).astype(np.float32)
    out = np.empty_like(f)
    hierarchy.cycle(f, out)
    (a, b), (za, zb) = f.astype(float), out.astype(float)
    assert abs((za * b).sum() - (zb * a).sum()) < 1e-5 * np.sqrt((za * a).sum() * (zb * b).sum())


def test_precondition_returns_its_dot_products():
    stencil, seeds = affinity(grain((150, 61))), strokes((150, 61), 5)
    hierarchy = Hierarchy(stencil, Team(2))
    hierarchy.reseed(seeds)
    f, q = np.random.default_rng(0).standard_normal((2, 2, 150, 61)).astype(np.float32)
    out = np.empty_like(f)
    dots = hierarchy.precondition(System(stencil, seeds, None, Team(2)), f, out, q)
    wanted = [(out.astype(float) * other).sum(axis=(1, 2)) for other in (f, q)]
    np.testing.assert_allclose(dots, wanted, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("cells", [None, CellMeans(np.full((9, 4, 2), 0.5), np.full((9, 4), 10.0), 0.8)])
def test_threads_change_no_aggregate_and_hardly_the_answer(cells):
    """Strips are what they are; only the sharing out differs, and the order of sums with it."""
    shape = (330, 70)
    stencil, seeds = affinity(grain(shape)), strokes(shape, 6)
    answers, owners, graphs = [], [], []
    with mock.patch.object(multigrid, "SHARED", 500):  # so that threads share the first coarse level here, too
        for threads in (1, 2, 3):
            method = Multigrid(stencil, threads=threads)
            solver = ChromaSolver.from_stencil(stencil, lambda _, method=method: method)
            answers.append(solver.solve(seeds, cells))
            assert (solver.solve(seeds, cells).chroma == answers[-1].chroma).all()
            hierarchy = method._hierarchy
            assert len(hierarchy.bounds[0]) >= 5
            seeds_of_none = np.where(hierarchy.owner < -1, -2 - hierarchy.owner, hierarchy.owner)
            owners.append(seeds_of_none)
            graphs.append(hierarchy.levels)
        fresh = ChromaSolver.from_stencil(stencil, lambda s: Multigrid(s, threads=3)).solve(seeds, cells)
    assert (fresh.chroma == answers[-1].chroma).all()
    for answer, owner, levels in zip(answers[1:], owners[1:], graphs[1:], strict=True):
        assert (owner == owners[0]).all()
        assert (levels.base == graphs[0].base).all()
        for one, other in zip(levels.graph.arrays, graphs[0].graph.arrays, strict=True):
            assert (one == other).all()
        assert np.abs(answer.chroma - answers[0].chroma).max() < 1e-4
        assert abs(answer.iterations - answers[0].iterations) <= 1


def test_levels_are_made_anew_only_for_other_weights(monkeypatch):
    """And what is solved on kept ones is what is solved on fresh ones."""
    shape = (60, 70)
    stencil, seeds, random = affinity(grain(shape)), strokes(shape, 5), np.random.default_rng(0)
    cells = [CellMeans(random.random((6, 7, 2)), np.full((6, 7), weight)) for weight in (2.0, 2.0, 3.0)]
    other = Seeds(seeds.index, random.random(seeds.chroma.shape), seeds.weight)
    firmer = Seeds(seeds.index, seeds.chroma, 2 * seeds.weight)
    fewer = Seeds(seeds.index[1:], seeds.chroma[1:], seeds.weight[1:])
    made, inverse = [], multigrid.inverse
    monkeypatch.setattr(multigrid, "inverse", lambda matrix: made.append(matrix) or inverse(matrix))
    kept, count = ChromaSolver.from_stencil(stencil, threads=1), 0
    for asked, mean, is_new in [
        (seeds, cells[0], True),
        (other, cells[1], False),
        (other, cells[2], True),
        (firmer, cells[2], True),
        (fewer, cells[2], True),
        (fewer, None, True),
        (fewer, None, False),
        (seeds, None, True),
    ]:
        found = kept.solve(asked, mean).chroma
        count += is_new
        assert len(made) == count
        fresh = ChromaSolver.from_stencil(stencil, threads=1).solve(asked, mean).chroma
        made.pop()
        assert np.array_equal(found, fresh)


def test_channels_solved_at_once_are_those_solved_one_pair_after_the_other():
    """Beside each other they must share no room to work in."""
    shape = (200, 210)
    seeds, random = strokes(shape, 9), np.random.default_rng(0)
    seeds = Seeds(seeds.index, random.random((len(seeds), 5)), seeds.weight)
    stencil = affinity(grain(shape))
    one, both = (ChromaSolver.from_stencil(stencil, threads=threads) for threads in (1, 2))
    for tolerance in (BOUND / 10, BOUND / 100):
        answers = [solver.solve(seeds, tolerance=tolerance) for solver in (one, both)]
        assert np.abs(answers[0].chroma - answers[1].chroma).max() < tolerance
        assert answers[0].iterations == answers[1].iterations


@pytest.mark.parametrize("threads", [0, -1])
def test_too_few_threads(threads):
    with pytest.raises(ValueError, match=rf"threads: {threads}; wanted 1 or more"):
        Multigrid(affinity(constant((2, 2))), threads=threads)


def test_odd_sizes_and_larger_images_cost_no_more_iterations():
    def iterations(shape, image):
        return ChromaSolver(image(shape)).solve(strokes(shape, 8)).iterations

    for image in (constant, grain):
        even = iterations((128, 128), image)
        # Three, since the stop rule asks for one estimate or for two.
        assert iterations((129, 129), image) <= even + 3
        assert iterations((127, 131), image) <= even + 3
        assert iterations((384, 512), image) <= even + 4


BUDGET = {
    "constant": (8, 9),
    "two halves": (9, 9),
    "checkerboard": (9, 10),
    "stripes": (20, 22),
    "diagonals": (16, 17),
    "noise": (22, 14),
    "grain": (10, 10),
}


@pytest.mark.parametrize("name", GALLERY)
def test_iteration_budget(name):
    """Recorded counts plus two; they are what the smoother, the aggregates and the K-cycle are worth."""
    solver = ChromaSolver(GALLERY[name]((200, 233)), affinity="gaussian", sigma=0.02, floor=1e-6)
    seeds = scattered((200, 233), 500), strokes((200, 233), 10)
    counts = [solver.solve(some).iterations for some in seeds]
    assert all(count <= most + 2 for count, most in zip(counts, BUDGET[name], strict=True)), counts


def largest_error(number, with_cells):
    """In bounds; NaN for a problem that is refused, which is no wrong answer."""
    stencil, seeds, cells = random_problem(number, with_cells)
    try:
        answer = ChromaSolver.from_stencil(stencil, lambda s: Multigrid(s, threads=1)).solve(seeds, cells)
    except (SolverError, ValueError):
        return np.nan
    return np.abs(answer.chroma - exact(stencil, seeds, cells)).max() / BOUND


def test_random_problems_are_solved_within_the_bound():
    errors = {number: largest_error(number, False) for number in range(500)}
    assert not {number: error for number, error in errors.items() if not error <= 1}


def test_a_problem_solved_by_one_step_is_not_spoilt_by_the_next():
    """3×1 pixels with one unknown beside a seed of weight 1e5: what is left after the first step is rounding."""
    assert largest_error(1929, False) <= 1


@pytest.mark.xfail(reason="modes of weak links below firm cells fool the stop rule, numbers 6, 56, 86, 101, 106 here")
def test_random_problems_with_cells_are_solved_within_the_bound_or_refused():
    """Links of 1e-6 under firm cells are more than float32 can tell apart: some of these problems may be refused."""
    errors = {number: largest_error(number, True) for number in range(120)}
    assert not {number: error for number, error in errors.items() if error > 1}
    assert np.isfinite(list(errors.values())).mean() > 0.3


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

    def useless(r, z, q):
        z[:] = scale * flip
        return np.array([(z * other).sum(axis=(1, 2)) for other in (r, q)], float)

    x = np.zeros((2, 30, 40), np.float32)
    progress = conjugate_gradients(System(stencil, seeds, None), useless, x, BOUND, 30)
    assert not progress.converged


def test_the_spectrum_is_that_of_the_preconditioned_system():
    """Plain conjugate gradients on diag(1..9) see its condition number after nine steps."""
    diagonal, spectrum = np.arange(1.0, 10), Spectrum()
    r = np.ones(9)
    p, work, rate = r.copy(), r @ r, 0.0
    for _ in range(9):
        energy = p @ (diagonal * p)
        rate = spectrum.rate(work, energy)
        r = r - work / energy * diagonal * p
        p, work = r + (r @ r) / work * p, r @ r
    assert rate == pytest.approx((3 - 1) / (3 + 1), rel=1e-6)
