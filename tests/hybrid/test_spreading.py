"""Edits begun from the colours before: those of a fresh start, found in windows; and what full size keeps of them."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest

from hybrid import finish
from hybrid.colorized import HALF_STEP
from hybrid.finish import Corrections, corrections, pieces
from hybrid.photo import Photo
from hybrid.scale import enlarge, shading
from hybrid.scribbles import CellColors
from hybrid.session import Kept, Session, Spread
from hybrid.settings import Settings
from hybrid.strokes import Paint, Stroke, paint
from solvers import SolverError

SHAPE = (400, 520)
LIKE_A_NETWORK = Settings(megapixels=0.052, firmness=2.0, reweightings=2)
"""A working size of a quarter of the pixels, cells as firm and links as often weakened as a network has them."""


def made_photo() -> Photo:
    """Surfaces of several lightnesses, with grain."""
    random = np.random.default_rng(0)
    steps = random.uniform(20, 80, (5, 6)).repeat(80, 0).repeat(90, 1)[: SHAPE[0], : SHAPE[1]]
    return Photo((steps + random.normal(0, 0.5, SHAPE)).astype(np.float32))


def made_cells() -> CellColors:
    coarse = np.random.default_rng(1).normal(0, 20, (5, 6, 2)).repeat(4, 0).repeat(4, 1)
    return CellColors(coarse.astype(np.float32), np.ones(coarse.shape[:2], np.float32))


def dab(x: float, y: float, ab: tuple[float, float] = (40.0, 30.0)) -> Stroke:
    return Stroke([[x, y], [x + 20, y + 12]], 4.0, ab)


@pytest.fixture(scope="module")
def session() -> Session:
    session = Session(made_photo(), made_cells(), LIKE_A_NETWORK)
    session.spread()
    return session


ORDER = [[0], [0, 1], [1], [1, 4], [1]]
"""Added, taken from below another, changed, changed back."""
DABS = [dab(60, 60), dab(300, 330, (-30.0, 20.0)), dab(420, 80, (0.0, -40.0)), dab(200, 200), dab(320, 310)]


def difference(one: Spread, other: Spread, session: Session) -> float:
    return float((np.abs(one.chroma - other.chroma) * shading(session.guide)[..., None]).max())


def test_edits_in_windows_equal_fresh_ones_whatever_their_order(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("solvers.windows.LARGEST", 0.8)  # the photo is small
    spread, windows = session.spread(), 0
    for chosen in ORDER:
        marks = [DABS[number] for number in chosen]
        before, spread = spread, session.spread(marks, before=spread)
        fresh = session.spread(marks)
        assert difference(spread, fresh, session) < HALF_STEP
        windows += spread.drift > before.drift
        assert (fresh.is_fresh, fresh.drift, spread.is_fresh) == (True, 0, False)
    assert windows >= 4
    renewed = session.renewed(spread)
    assert renewed.chroma.tobytes() == fresh.chroma.tobytes()
    assert session.renewed(renewed) is renewed


def test_what_no_stroke_reaches_stays_as_it_was_to_the_bit(session: Session) -> None:
    plain, spread = session.spread(), session.spread(DABS[:2])
    assert spread.answers is not None
    assert spread.answers.wishes.claims is not None
    is_beyond = enlarge(spread.answers.wishes.claims.reached, session.shape) == 0
    assert 0.5 < is_beyond.mean() < 0.99
    assert (spread.chroma[is_beyond] == plain.chroma[is_beyond]).all()
    assert np.abs(spread.chroma - plain.chroma)[~is_beyond].max() > 0.1
    solved = np.abs(spread.answers.chroma[-1] - plain.chroma)[is_beyond]
    assert solved.max() > HALF_STEP / 116, "else there was nothing to hold back"


def test_the_tally_only_grows_and_is_paid_by_a_whole_solve(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solvers.windows.LARGEST", 0.8)
    first = session.spread(DABS[:1], before=session.spread())
    second = session.spread(DABS[:2], before=first)
    assert 0 < first.drift < second.drift < 0.5
    monkeypatch.setattr("hybrid.spreading.MOST_DRIFT", first.drift / 2)
    whole = session.spread(DABS[:2], before=first)
    assert whole.drift == 0
    assert difference(whole, second, session) < HALF_STEP


def test_the_same_marks_in_another_order_are_not_solved_again(session: Session) -> None:
    spread = session.spread(DABS[:2], before=session.spread())
    assert session.spread(DABS[1::-1], before=spread) is spread
    assert session.spread(DABS[:1], before=spread) is not spread


def test_a_start_that_does_not_settle_is_left_for_none(session: Session) -> None:
    before = session.spread([DABS[0]])
    with mock.patch("hybrid.session.Spreading.after", side_effect=SolverError("not converged")) as begun:
        after = session.spread([DABS[1]], before=before)
    begun.assert_called_once()
    assert difference(after, session.spread([DABS[1]]), session) < HALF_STEP


def test_a_window_that_would_be_most_of_the_photo_is_solved_whole(session: Session) -> None:
    everywhere = [dab(x, y) for x in (40, 250, 470) for y in (40, 200, 350)]
    spread = session.spread(everywhere, before=session.spread())
    assert spread.drift == 0
    assert difference(spread, session.spread(everywhere), session) < HALF_STEP


def test_strokes_without_a_prediction_begin_from_those_before() -> None:
    session = Session(made_photo(), None, LIKE_A_NETWORK)
    spread = session.spread(DABS[:1], before=session.spread())
    spread = session.spread(DABS[:2], before=spread)
    assert difference(spread, session.spread(DABS[:2]), session) < HALF_STEP


def test_tiles_are_finished_anew_only_where_something_else_is_asked(session: Session) -> None:
    kept, whole = Kept(), (slice(0, SHAPE[0]), slice(0, SHAPE[1]))
    spread = session.spread(DABS[:2], before=session.spread())
    with mock.patch("hybrid.finish.ChromaSolver", wraps=finish.ChromaSolver) as solver:
        for strokes, solved in ((2, 2), (3, 1), (3, 0), (2, 0)):
            spread = session.spread(DABS[:strokes], before=spread)
            ab = session.window(spread, whole, kept)
            assert solver.call_count == solved, f"with {strokes} strokes"
            solver.reset_mock()
            np.testing.assert_allclose(ab, session.rendered(spread).ab, atol=0.2 * HALF_STEP)
            solver.reset_mock()


def test_few_corrections_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    photo, working = made_photo(), (200, 260)
    painted = paint(DABS[:3], SHAPE)
    found = list(pieces(painted, SHAPE, working))
    assert len(found) == 3
    monkeypatch.setattr("hybrid.finish.MOST_KEPT", 3 * max(np.prod([c.stop - c.start for c in p.core]) for p in found))
    known, lifted = Corrections(), lambda window: np.zeros((*photo.lightness[window].shape, 2), np.float32)
    for piece in found:
        corrections(lifted, painted, photo.lightness, working, 0.004, piece.core, None, known)
    held = [known.find(piece, piece.task(lifted, painted, photo.lightness), 0.0) for piece in found]
    assert [each is None for each in held] == [True, True, False]


def test_another_task_of_a_tile_begins_from_the_last_and_comes_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    photo, working, whole = made_photo(), (200, 260), (slice(0, SHAPE[0]), slice(0, SHAPE[1]))

    def found(ab: float, known: Corrections) -> np.ndarray:
        added = np.zeros((*SHAPE, 2), np.float32)

        def lifted(window: finish.Window) -> np.ndarray:
            return np.full((*photo.lightness[window].shape, 2), ab, np.float32)

        painted = paint(DABS[:3], SHAPE)
        tiles = corrections(lifted, painted, photo.lightness, working, 0.004, whole, None, known)
        finish.add_corrections(added, whole, tiles)
        return added

    known = Corrections()
    found(5.0, known)
    with mock.patch("hybrid.finish.ChromaSolver", wraps=finish.ChromaSolver) as solver:
        again = found(9.0, known)
        assert solver.call_count == 0
        monkeypatch.setattr("hybrid.finish.MOST_BEGUN", 0)
        np.testing.assert_allclose(again, found(9.0, Corrections()), atol=HALF_STEP)
        assert solver.call_count == 3
        found(5.0, known)
        found(9.0, known)
        assert solver.call_count == 6, "no more is kept than may be"


def test_groups_of_strokes_are_finished_apart_and_without_overlap() -> None:
    """Every painted pixel has a margin of its own piece around it, as far as the photo goes; cores never overlap."""
    working = (200, 260)
    random = np.random.default_rng(2)
    for count in (1, 4, 60):
        marks = [dab(*random.uniform((0, 0), SHAPE[::-1])) for _ in range(count)]
        painted: Paint = paint(marks, SHAPE)
        times = np.zeros(SHAPE, int)
        for piece in pieces(painted, SHAPE, working):
            times[piece.core] += 1
        assert times.max() == 1
        rows, columns = np.divmod(painted.index, SHAPE[1])
        for down, across in ((0, 0), (10, 10), (-10, 10), (10, -10), (-10, -10)):
            y, x = np.clip(rows + down, 0, SHAPE[0] - 1), np.clip(columns + across, 0, SHAPE[1] - 1)
            assert times[y, x].all()
        if count == 4:
            assert times.mean() < 0.4
