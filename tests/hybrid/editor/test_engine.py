"""The thread that colours: what it keeps between edits, and what it makes good while nobody waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from unittest import mock

import numpy as np
import pytest

from hybrid.editor import engine as module
from hybrid.editor import exact
from hybrid.editor.engine import Engine, Listener, Wanted
from hybrid.editor.wire import NONE, is_nowhere
from hybrid.photo import Photo
from hybrid.scribbles import CellColors
from hybrid.settings import Settings
from hybrid.strokes import Stroke

SHAPE = (200, 260)
STROKES = {1: Stroke([[60, 60], [80, 70]], 3.0, (40.0, 30.0)), 2: Stroke([[200, 150], [210, 160]], 3.0, (-30.0, 20.0))}


def until(is_so: Callable[[], object]) -> None:
    end = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def told() -> list[tuple[object, ...]]:
    return []


@pytest.fixture
def engine(told: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """At work on an even photo whose window may be all of it."""
    monkeypatch.setattr("solvers.windows.LARGEST", 1.0)
    random = np.random.default_rng(0)
    photo = Photo((random.uniform(30, 70, SHAPE) / 8 + 40).astype(np.float32))
    cells = CellColors(np.full((20, 26, 2), 10, np.float32), np.ones((20, 26), np.float32))
    listener = Listener(
        lambda *news: told.append(("chroma", *news)),
        lambda *news: told.append(("tile", *news)),
        lambda *news: told.append(("stage", *news)),
        lambda *news: told.append(("failed", *news)),
    )
    engine = Engine(photo, cells, Settings(megapixels=0.013), listener)
    engine.start()
    yield engine
    engine.close()


def test_worn_colours_are_solved_anew_while_nobody_waits_and_nobody_is_told(
    engine: Engine, told: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_most_worn", 0.0)
    monkeypatch.setattr(module, "PAUSE", 1.0)
    engine.show(Wanted(1, STROKES, {}))
    worn = engine.wait_settled(1, lambda: False).spread
    assert worn.drift > 0
    until(lambda: told[-1] == ("stage", 1, ""))
    said = len(told)
    until(lambda: engine.wait_settled(1, lambda: False).spread.is_fresh)
    assert len(told) == said
    fresh = engine.wait_settled(1, lambda: False)
    assert fresh.spread.chroma.tobytes() == fresh.session.spread(list(STROKES.values())).chroma.tobytes()


def test_a_tile_under_which_nothing_changes_is_not_coded_again(engine: Engine, told: list[tuple[object, ...]]) -> None:
    with mock.patch.object(exact, "codes_of_lab", wraps=exact.codes_of_lab) as coded:
        for revision, strokes, times in ((1, STROKES, 1), (2, dict(reversed(STROKES.items())), 1), (3, {}, 2)):
            engine.show(Wanted(revision, strokes, {}))
            engine.wait_settled(revision, lambda: False)
            engine.look_at({(0, 0): NONE})
            until(lambda revision=revision: any(news[:2] == ("tile", revision) for news in told))  # type: ignore[misc]
            assert coded.call_count == times
    tiles = {news[1]: news[3].codes for news in told if news[0] == "tile"}  # type: ignore[attr-defined]
    assert np.array_equal(tiles[1], tiles[2])
    assert not np.array_equal(tiles[2], tiles[3])


def test_what_is_looked_at_is_told_whenever_colours_settle(engine: Engine, told: list[tuple[object, ...]]) -> None:
    """And only what is new of it, to who has the edition that was told last."""
    engine.look_at({(0, 0): NONE})
    editions = []
    for revision, strokes in ((1, STROKES), (2, dict(reversed(STROKES.items()))), (3, {})):
        engine.show(Wanted(revision, strokes, {}))
        until(lambda revision=revision: any(news[:2] == ("tile", revision) for news in told))  # type: ignore[misc]
        tile = told[-1][3]
        editions.append((tile.base, tile.edition, is_nowhere(tile.part)))  # type: ignore[attr-defined]
    (first, one, _), (second, two, is_same), (third, three, is_same_again) = editions
    assert (first, second, third) == (NONE, one, two)
    assert (is_same, is_same_again) == (True, False)
    assert one == two != three
    engine.look_at({})
    engine.show(Wanted(4, STROKES, {}))
    engine.wait_settled(4, lambda: False)
    until(lambda: told[-1] == ("stage", 4, ""))
    time.sleep(0.2)
    assert told[-1] == ("stage", 4, "")
