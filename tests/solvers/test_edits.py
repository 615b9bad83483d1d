"""Edits: the same answer as a fresh solve, found in a window where it can be; previews, cancelling, refusals."""

import numpy as np
import pytest

from solvers import Cancelled, CellMeans, ChromaSolver, Seeds, affinity
from solvers.edits import Window, changed_pixels, cut_out, rim_movement, window_around
from solvers.gallery import GALLERY, constant, grain, scattered, strokes

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


def test_a_window_held_at_its_border_repeats_the_photo():
    """With the exact answer held around it, a window's own system has the same answer inside."""
    shape = (50, 61)
    stencil, seeds = affinity(grain(shape)), strokes(shape, 6)
    whole = ChromaSolver.from_stencil(stencil).solve(seeds, tolerance=2e-5).chroma
    for window in (Window(10, 31, 20, 44), Window(0, 20, 0, 61), Window(30, 50, 40, 61), Window(25, 26, 30, 31)):
        part, held = cut_out(stencil, seeds, whole, window)
        answer = ChromaSolver.from_stencil(part).solve(held, tolerance=2e-5).chroma
        assert np.abs(answer - whole[window.slices]).max() < 1e-4


def test_windows_and_rims():
    assert window_around(np.array([0, 105]), (20, 100), 3) == Window(0, 5, 0, 9)
    old = np.zeros((4, 5, 2), np.float32)
    new = old.copy()
    new[0, 2], new[:, -1], new[1, 1] = 1, 2, 9
    assert rim_movement(old, new, Window(0, 4, 0, 5), (4, 5)) == 0
    assert rim_movement(old, new, Window(1, 5, 0, 5), (9, 5)) == 2
    assert rim_movement(old, new, Window(0, 4, 0, 5), (4, 9)) == 2
    assert rim_movement(old, new, Window(0, 4, 3, 8), (4, 8)) == 0


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
