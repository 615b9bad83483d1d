"""Edits: the same answer as a fresh solve, found in a window where it can be; previews, cancelling, refusals."""

from functools import partial

import numpy as np
import pytest

from solvers import Cancelled, CellMeans, ChromaSolver, Seeds, affinity
from solvers.cells import CellOperator
from solvers.edits import Window, changed_pixels, leaving, part_of_links, rim_movement, window_around
from solvers.gallery import GALLERY, constant, grain, scattered, strokes
from solvers.method import Multigrid
from solvers.windows import Asked, patched, widened

BOUND = 0.5 / 255
KINDS = {"power": {}, "gaussian": {"sigma": 0.05, "floor": 1e-4}}


def painted(seeds, index, chroma, weight=1e4):
    """Seeds with a stroke of one colour over these pixels."""
    keep = ~np.isin(seeds.index, index)
    return Seeds(
        np.concatenate([seeds.index[keep], index]),
        np.concatenate([seeds.chroma[keep], np.tile(np.float32(chroma), (len(index), 1))]),
        np.concatenate([seeds.weight[keep], np.full(len(index), weight, np.float32)]),
    )


def stroke_at(shape, y, x, length=12):
    return (y + np.arange(2))[:, None] * shape[1] + x + np.arange(length)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["grain", "noise", "constant"])
def test_an_edit_equals_a_fresh_solve(name, kind):
    shape = (420, 450)
    solver = ChromaSolver(GALLERY[name](shape), affinity=kind, **KINDS[kind])
    seeds = scattered(shape, 4000)
    answer = solver.solve(seeds, tolerance=BOUND / 2)
    random = np.random.default_rng(0)
    windows = 0
    for number in range(4):
        index = stroke_at(shape, *random.integers(0, 400, 2)).ravel()
        after = seeds if number == 3 else painted(seeds, index, random.random(2))
        edited = solver.edit(answer, seeds, after)
        windows += edited.seconds["reseed"] == 0
        exact = solver.solve(after, tolerance=BOUND / 20).chroma
        assert np.abs(edited.chroma - exact).max() < BOUND
        assert edited.estimated_error < BOUND
        answer, seeds = edited, after
    assert windows >= (0 if name == "constant" else 2)


def test_an_edit_that_reaches_everywhere_is_solved_everywhere():
    shape = (90, 110)
    solver = ChromaSolver(grain(shape))
    one = Seeds([100], [[0.2, 0.3]], [1e6])
    answer = solver.solve(one)
    other = Seeds([100], [[0.7, 0.1]], [1e6])
    assert np.abs(solver.edit(answer, one, other).chroma - [0.7, 0.1]).max() < BOUND
    assert np.abs(answer.chroma - [0.2, 0.3]).max() < BOUND  # what came before is left as it was


def test_many_edits_in_windows_do_not_drift():
    shape = (300, 300)
    solver = ChromaSolver(grain(shape))
    seeds = scattered(shape, 4000)
    answer = solver.solve(seeds, tolerance=BOUND / 2)
    for number in range(25):
        after = painted(seeds, stroke_at(shape, 150, 40 + 7 * number).ravel(), [number % 2, 0.5])
        answer = solver.edit(answer, seeds, after)
        seeds = after
        assert answer.estimated_error < BOUND
    assert np.abs(answer.chroma - solver.solve(seeds, tolerance=BOUND / 20).chroma).max() < BOUND


def test_an_edit_with_cells_and_one_that_changes_nothing():
    image = grain((60, 70))
    cells = CellMeans(np.random.default_rng(0).random((5, 6, 2)), np.full((5, 6), 5.0))
    solver, seeds = ChromaSolver(image), strokes(image.shape, 2)
    answer = solver.solve(seeds, cells)
    assert solver.edit(answer, seeds, seeds, cells) is answer
    after = painted(seeds, stroke_at(image.shape, 20, 20).ravel(), [1, 0])
    edited = solver.edit(answer, seeds, after, cells)
    assert np.abs(edited.chroma - solver.solve(after, cells, tolerance=BOUND / 10).chroma).max() < BOUND


def test_what_changed():
    before = Seeds([5, 1, 9], [[0, 0], [1, 1], [2, 2]], [1, 1, 1])
    after = Seeds([9, 7, 1], [[2, 2], [3, 3], [1, 1]], [1, 1, 2])
    assert changed_pixels(before, after).tolist() == [1, 5, 7]  # weight changed, gone, new
    assert changed_pixels(before, before).size == 0
    assert changed_pixels(Seeds.none(), before).tolist() == [1, 5, 9]
    assert changed_pixels(before, Seeds.none()).tolist() == [1, 5, 9]


def cells_of(shape, blur=0.0):
    random = np.random.default_rng(5)
    return CellMeans(random.random((*shape, 2)), random.uniform(0.5, 5, shape).astype(np.float32), blur)


@pytest.mark.parametrize("kind", KINDS)
def test_edits_with_cells_equal_fresh_solves_while_strokes_come_and_go(kind):
    """Strokes on a jittered way, each third one taken back; the estimated error tells no less than there is."""
    shape = (300, 330)
    solver, cells = ChromaSolver(grain(shape), affinity=kind, **KINDS[kind]), cells_of((23, 25))
    random = np.random.default_rng(1)
    stack = [Seeds.none()]
    seeds, answer = stack[0], solver.solve(None, cells, tolerance=BOUND / 2)
    windows = 0
    for number in range(9):
        if number % 3 == 2:
            after = stack.pop()
        else:
            stack.append(seeds)
            after = painted(seeds, stroke_at(shape, *random.integers(0, 280, 2)).ravel(), random.random(2))
        answer = solver.edit(answer, seeds, after, cells)
        windows += answer.residuals == ()
        seeds = after
        error = np.abs(answer.chroma - solver.solve(seeds, cells, tolerance=BOUND / 20).chroma).max()
        assert error < min(answer.estimated_error + BOUND / 20, BOUND)
    assert windows >= 5


def test_cells_with_a_blur_are_solved_as_a_whole():
    shape = (90, 100)
    solver, cells = ChromaSolver(grain(shape)), cells_of((9, 10), blur=0.8)
    answer = solver.solve(None, cells)
    after = painted(Seeds.none(), stroke_at(shape, 40, 40).ravel(), [1, 0])
    edited = solver.edit(answer, Seeds.none(), after, cells)
    assert edited.residuals
    assert np.abs(edited.chroma - solver.solve(after, cells, tolerance=BOUND / 10).chroma).max() < BOUND
    with pytest.raises(ValueError, match="wanted cells without blur for a window"):
        CellOperator(cells, shape).cut(slice(0, 20), slice(0, 20))


def asked(stencil, seeds, cells=None):
    return Asked(partial(part_of_links, stencil), seeds, cells)


def test_a_window_in_which_nothing_changes_stands_still():
    """Though the answer before is a rough one, and though the links that leave the window are missing."""
    shape = (120, 131)
    stencil, seeds, cells = affinity(grain(shape)), strokes(shape, 6), CellOperator(cells_of((11, 12)), shape)
    rough = ChromaSolver.from_stencil(stencil).solve(seeds, cells_of((11, 12)), tolerance=0.1).chroma
    same = asked(stencil, seeds, cells)
    for core in (Window(40, 45, 50, 60), Window(0, 5, 0, 9)):
        patch = patched(rough, same, same, core, BOUND, BOUND, margin=10)
        assert np.abs(patch.chroma - rough[patch.window.slices]).max() < 1e-6


def test_a_rim_moves_as_far_as_the_photo_would_there():
    """A stroke on an even surface reaches far: were the rim held, it would seem to stand still at any margin."""
    shape = (240, 240)
    stencil, rest = affinity(constant(shape)), CellMeans(np.zeros((24, 24, 2)), np.full((24, 24), 0.3))
    before, after = Seeds.none(), Seeds(stroke_at(shape, 120, 115).ravel(), np.ones((24, 2)), np.full(24, 1e4))
    whole = ChromaSolver.from_stencil(stencil).solve(after, rest, tolerance=1e-4).chroma
    assert whole[120, 85].min() > 0.1
    start, cells = np.zeros((*shape, 2), np.float32), CellOperator(rest, shape)
    core = window_around(changed_pixels(before, after), shape)
    pair = asked(stencil, before, cells), asked(stencil, after, cells)
    patch = patched(start, *pair, core, still=0.2, tolerance=1e-3, margin=30)
    inside = np.zeros(shape, bool)
    inside[patch.window.slices] = True
    assert 0 < np.abs(whole[~inside]).max() <= patch.moved < 0.2
    assert np.abs(patch.chroma - whole[patch.window.slices]).max() <= patch.moved
    assert patched(start, *pair, core, still=1e-4, tolerance=1e-4) is None


def test_links_and_cells_of_a_window_are_those_of_the_photo():
    shape = (50, 61)
    stencil, cells = affinity(grain(shape)), CellOperator(cells_of((7, 9)), shape)
    window = Window(11, 30, 20, 41).filled(cells)
    assert window.filled(cells) == window
    rows, columns = window.slices
    u = np.random.default_rng(0).random((2, *shape)).astype(np.float32)
    part = cells.cut(rows, columns)
    down, across = cells.row[rows], cells.column[columns]
    own = np.s_[:, down[0] : down[-1] + 1, across[0] : across[-1] + 1]
    np.testing.assert_allclose(part.means(u[:, rows, columns]), cells.means(u)[own], rtol=1e-6)
    np.testing.assert_allclose(part.bound(), cells.bound()[own[1:]])
    links = part_of_links(stencil, window)
    inner = np.moveaxis(u, 0, -1)[rows, columns]
    alone = np.zeros((*shape, 2), np.float32)
    alone[rows, columns] = inner  # all around is 0: what leaves the window pulls to it
    leaves = leaving(stencil, links, window)
    np.testing.assert_allclose(
        links.apply(inner) + leaves[..., None] * inner, stencil.apply(alone)[rows, columns], atol=1e-5
    )


def test_windows_and_rims():
    window = window_around(np.array([0, 105]), (20, 100))
    assert window == Window(0, 2, 0, 6)
    assert window.grown((3, 3, 3, 3), (20, 100)) == Window(0, 5, 0, 9)
    assert Window(3, 9, 4, 9).grown((1, 0, 9, 2), (20, 10)) == Window(2, 9, 0, 10)
    assert Window(3, 9, 4, 9).seen_from(Window(2, 10, 4, 9)) == Window(1, 7, 0, 5)
    change = np.zeros((4, 5, 2), np.float32)
    change[0, 2], change[:, -1], change[1, 1] = -1, 2, 9
    assert rim_movement(change, Window(0, 4, 0, 5), (4, 5)) == (0, 0, 0, 0)
    assert rim_movement(change, Window(1, 5, 0, 5), (9, 5)) == (2, 2, 0, 0)
    assert rim_movement(change, Window(0, 4, 0, 5), (4, 9)) == (0, 0, 0, 2)
    assert rim_movement(change, Window(0, 4, 3, 8), (4, 8)) == (0, 0, 0, 0)


def test_a_margin_grows_where_its_rim_moves_and_as_the_change_has_died_away():
    assert widened((40, 40, 40, 10), (0.0, 0.02, 1.0, 0.02), 1.0, 0.01) == (40, 60, 160, 48)


def even_pair(shape, y, x, weight):
    """What is asked before and after one stroke on an even surface, and where."""
    cells = CellOperator(CellMeans(np.zeros((24, 24, 2)), np.full((24, 24), weight)), shape)
    before, after = Seeds.none(), Seeds(stroke_at(shape, y, x).ravel(), np.ones((24, 2)), np.full(24, 1e4))
    stencil = affinity(constant(shape))
    core = window_around(changed_pixels(before, after), shape)
    return asked(stencil, before, cells), asked(stencil, after, cells), core


def test_a_window_that_had_to_grow_begins_from_what_the_smaller_one_found(monkeypatch):
    shape = (240, 240)
    old, new, core = even_pair(shape, 120, 115, 20.0)
    solved, solve = [], Multigrid.solve

    def spied(self, problem):
        solution = solve(self, problem)
        solved.append((problem.start, solution.chroma))
        return solution

    monkeypatch.setattr(Multigrid, "solve", spied)
    patch = patched(np.zeros((*shape, 2), np.float32), old, new, core, 0.02, 1e-3, margin=10)
    (_, first), (start, _) = solved
    is_begun = start.any(-1)
    assert np.array_equal(start[is_begun.any(1)][:, is_begun.any(0)], first)
    assert first.all()
    assert patch.moved < 0.02


def test_rims_tell_which_margins_a_solve_of_the_same_change_needs():
    shape = (240, 240)
    old, new, core = even_pair(shape, 120, 20, 3.0)
    patch = patched(np.zeros((*shape, 2), np.float32), old, new, core, 0.1, 1e-3, margin=20)
    top, bottom, left, right = patch.rims
    assert left == 0, "there the photo ends"
    assert max(patch.rims) == patch.moved
    assert patch.margins(0.1) == (0, 0, 0, 0)
    still = (min(top, bottom) + right) / 2
    assert [margin > 0 for margin in patch.margins(still)] == [rim >= still for rim in patch.rims]
    assert min(patch.margins(patch.moved / 10)[:2]) >= 16


def test_a_watcher_sees_previews_and_can_cancel():
    image = grain((80, 90))
    solver, seeds = ChromaSolver(image), strokes(image.shape, 5)
    seen = []
    answer = solver.solve(seeds, watch=lambda chroma, estimate: seen.append((chroma.copy(), estimate)))
    assert len(seen) == answer.iterations
    errors = [np.abs(np.moveaxis(chroma, 0, -1) - answer.chroma).max() for chroma, _ in seen]
    assert errors[-1] == 0
    assert errors[2] < 0.3  # a useful preview after three iterations
    calls = iter([False, True])
    with pytest.raises(Cancelled, match="cancelled after 2 iterations"):
        solver.solve(seeds, watch=lambda *_: next(calls))
    assert np.array_equal(solver.solve(seeds).chroma, answer.chroma)


def test_memory_is_looked_at_before_work(monkeypatch):
    monkeypatch.setattr("solvers.memory.available_bytes", lambda: 1e5)
    with pytest.raises(MemoryError, match=r"multigrid: 0 MP need 0.0 GB of memory beyond .* about 0 MP would fit"):
        ChromaSolver(constant((64, 64))).solve(strokes((64, 64), 1))


def test_threads_and_device_are_for_multigrid():
    image = grain((40, 50))
    with pytest.raises(ValueError, match="levin: threads and device are for"):
        ChromaSolver(image, "levin", threads=2)
    with pytest.raises(ValueError, match="threads are for the CPU"):
        ChromaSolver(image, threads=2, device="cpu")
    with pytest.raises(ValueError, match="threads: 0; wanted 1 or more"):
        ChromaSolver(image, threads=0)
    seeds = strokes(image.shape, 3)
    answers = [ChromaSolver(image, **options).solve(seeds).chroma for options in ({"threads": 1}, {"device": "cpu"})]
    assert np.abs(answers[0] - answers[1]).max() < BOUND
