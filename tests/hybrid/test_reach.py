"""How far strokes reach: memberships between 0 and 1, an analytic decay, the same from whatever they begin."""

from unittest import mock

import numpy as np
import pytest

from hybrid.reach import HARD, RESTING, TOLERANCE, Membership, membership, reaching, screened
from solvers import ChromaSolver, Seeds, SolverError

SHAPE, GRID = (60, 80), (6, 8)


def grainy(seed: int = 0) -> np.ndarray:
    """Surfaces of several lightnesses, with grain."""
    random = np.random.default_rng(seed)
    steps = random.uniform(10, 90, (3, 4)).repeat(20, 0).repeat(20, 1)
    return (steps + random.normal(0, 1.5, SHAPE)).astype(np.float32)


def dabs(count: int, seed: int = 0) -> Seeds:
    """Squares of 3 × 3 pixels, each in a colour of its own."""
    random = np.random.default_rng(seed)
    corner = random.permutation(np.stack(np.mgrid[0:56:5, 0:76:5], -1).reshape(-1, 2))[:count]
    pixel = corner[:, None] + np.stack(np.mgrid[:3, :3], -1).reshape(-1, 2)
    chroma = random.uniform(-0.5, 0.5, (count, 1, 2)).repeat(9, 1).reshape(-1, 2).astype(np.float32)
    return Seeds(
        np.ravel_multi_index(tuple(pixel.reshape(-1, 2).T), SHAPE), chroma, np.full(9 * count, HARD, np.float32)
    )


@pytest.mark.parametrize("seed", range(4))
def test_memberships_lie_between_0_and_1_and_chroma_between_that_of_the_strokes(seed: int) -> None:
    seeds = dabs(7, seed)
    field = membership(reaching(grainy(seed)), seeds, GRID).field
    for channel, painted in zip(np.moveaxis(field, -1, 0), (np.ones(63), *seeds.chroma.T), strict=True):
        assert min(0, painted.min()) - TOLERANCE <= channel.min() <= channel.max() <= max(0, painted.max()) + TOLERANCE
        np.testing.assert_allclose(channel.ravel()[seeds.index], painted, atol=TOLERANCE)
    assert field[..., 0].min() < 0.1 < 0.9 < field[..., 0].max()


def test_over_an_even_surface_it_falls_by_a_constant_factor() -> None:
    """On a sheet painted along its left edge u(k+1) + u(k-1) - 2 u(k) = m u(k) / g: the ratio is a root of that."""
    solver, edge = reaching(np.full(SHAPE, 50, np.float32)), np.arange(SHAPE[0]) * SHAPE[1]
    seeds = Seeds(edge, np.ones((len(edge), 2), np.float32), np.full(len(edge), HARD, np.float32))
    found = solver.solve(screened(seeds, SHAPE, 2400), tolerance=1e-5).chroma
    assert solver.stencil is not None
    along = float(solver.stencil.east[30, 40] + solver.stencil.southeast[30, 40] + solver.stencil.southwest[30, 40])
    half = 1 + RESTING * 2400 / found[..., 0].size / (2 * along)
    row = found[30, :20, 0].astype(float)
    np.testing.assert_allclose(row[1:] / row[:-1], half - np.sqrt(half**2 - 1), rtol=1e-3)


def test_begun_from_other_strokes_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    solver, before = reaching(grainy()), None
    starts = []
    solve = ChromaSolver.solve

    def spied(self: ChromaSolver, *words: object, **more: object) -> object:
        starts.append(more.get("start"))
        return solve(self, *words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(ChromaSolver, "solve", spied)
    for count in (1, 5, 12, 11, 2):
        before = membership(solver, dabs(count), GRID, before=before)
        fresh = membership(solver, dabs(count), GRID)
        np.testing.assert_allclose(before.field, fresh.field, atol=2 * TOLERANCE)
    assert [start is None for start in starts] == [True, True] + [False, True] * 4


def test_a_start_that_does_not_settle_is_left_for_none() -> None:
    solver, seeds = reaching(grainy()), dabs(3)
    wanted = membership(solver, seeds, GRID).field
    solve = solver.solve

    def failing(*words: object, start: object = None, **more: object) -> object:
        if start is not None:
            raise SolverError("not converged")
        return solve(*words, **more)  # type: ignore[arg-type]

    with mock.patch.object(solver, "solve", failing):
        found = membership(solver, seeds, GRID, before=Membership(np.ones((*SHAPE, 3), np.float32)))
    np.testing.assert_array_equal(found.field, wanted)
