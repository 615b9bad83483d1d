"""The quick preview: near the proper answer, quiet elsewhere, and steady from stroke to stroke."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.editor.quick import QuickSpread
from hybrid.photo import Photo
from hybrid.scale import lift, shading, shrink
from hybrid.scribbles import CellColors
from hybrid.session import Session
from hybrid.settings import Settings
from hybrid.strokes import Stroke
from solvers import Cancelled

HEIGHT, WIDTH = 120, 160
BLUE, RED = (10.0, -40.0), (55.0, 35.0)


@pytest.fixture(scope="module")
def session() -> Session:
    lightness = np.full((HEIGHT, WIDTH), 35, np.float32)
    lightness[:, WIDTH // 2 :] = 70
    lightness += np.random.default_rng(0).normal(0, 0.3, lightness.shape).astype(np.float32)
    cells = CellColors(np.broadcast_to(np.float32(BLUE), (15, 20, 2)).copy(), np.ones((15, 20), np.float32))
    return Session(Photo(lightness), cells, Settings(megapixels=0.01))


def stroke(x: float = 30, mode: str = "color", **more: object) -> Stroke:
    ab = RED if mode == "color" else None
    return Stroke([[x, 40], [x + 8, 80]], 3.0, ab, mode, **more)  # type: ignore[arg-type]


def quick(session: Session) -> QuickSpread:
    return QuickSpread(session.guide, 300, session.spread().chroma)


def ab_of(session: Session, chroma: np.ndarray) -> np.ndarray:
    return chroma * shading(session.guide)[..., None]


@pytest.mark.parametrize(
    "strokes",
    [
        [stroke()],
        [stroke(), stroke(120)],
        [stroke(mode="gray")],
        [stroke(), stroke(60, "keep")],
        [stroke(strength=0.5)],
    ],
    ids=["one", "two", "grey", "keep", "soft"],
)
def test_it_goes_most_of_the_way_that_the_proper_answer_goes(session: Session, strokes: list[Stroke]) -> None:
    plain, proper = session.spread().chroma, session.spread(strokes).chroma
    preview = quick(session)
    change = preview.change(dict(enumerate(strokes)), (HEIGHT, WIDTH))
    shown = preview.shown(plain, plain.astype(np.float16), change).astype(np.float32)
    missing, whole = np.abs(ab_of(session, shown - proper)), np.abs(ab_of(session, plain - proper))
    assert whole.mean() > 1
    assert missing.mean() < 0.3 * whole.mean()
    assert preview.share.max() <= 1


def test_only_the_window_that_changes_is_drawn_anew_and_as_the_whole_would_be(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hybrid.editor.quick.MEGAPIXELS", 0.003)
    plain, preview = session.spread().chroma, quick(session)
    small = preview.share.shape
    assert small != session.shape
    random = np.random.default_rng(0)
    for top, left in ((20, 30), (0, 0), (small[0] - 6, small[1] - 9)):
        change = np.zeros((*small, 2), np.float32)
        change[top : top + 6, left : left + 9] = random.uniform(-0.5, 0.5, (6, 9, 2))
        codes = plain.astype(np.float16)
        shown = preview.shown(plain, codes, change)
        light = shading(session.guide)[..., None]
        whole = plain + lift(change, shrink(session.guide, small), session.guide) / light
        np.testing.assert_allclose(shown.astype(np.float32), whole, atol=2e-3)
        assert 0 < (shown != codes).any(-1).mean() < 0.5
        assert preview.shown(plain, codes, 0 * change) is codes


def test_what_is_erased_or_never_painted_changes_nothing(session: Session) -> None:
    preview = quick(session)
    assert not preview.change({}, (HEIGHT, WIDTH)).any()
    erased = {1: stroke(), 2: stroke(mode="erase")}
    assert not preview.change(erased, (HEIGHT, WIDTH)).any()
    assert not preview.share.any()


def test_a_start_from_the_last_preview_changes_the_answer_by_little(session: Session) -> None:
    one, both = {1: stroke()}, {1: stroke(), 2: stroke(120)}
    warm, cold = quick(session), quick(session)
    warm.change(one, (HEIGHT, WIDTH))
    difference = warm.change(both, (HEIGHT, WIDTH)) - cold.change(both, (HEIGHT, WIDTH))
    assert np.abs(difference * 80).max() < 5


def test_it_can_be_cancelled(session: Session) -> None:
    with pytest.raises(Cancelled):
        quick(session).change({1: stroke()}, (HEIGHT, WIDTH), watch=lambda _chroma, _estimate: True)
