"""Exact tiles: rendered where something changed, and then as if rendered for the first time."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from hybrid.color import into_gamut, linear_from_lab, luminance_from_lightness, srgb_encode
from hybrid.editor import exact
from hybrid.editor.codes import codes_of_lab
from hybrid.editor.exact import ExactTiles, Tile
from hybrid.editor.wire import NONE, NOWHERE, is_nowhere
from hybrid.photo import Photo
from hybrid.scribbles import CellColors
from hybrid.session import Session, Spread
from hybrid.settings import Settings
from hybrid.strokes import Stroke, paint

SHAPE, SIDE = (400, 520), 128
PLACES = [(column, row) for row in range(4) for column in range(5)]


def dab(x: float, y: float, ab: tuple[float, float]) -> Stroke:
    return Stroke([[x, y], [x + 20, y + 12]], 4.0, ab)


DABS = [dab(60, 60, (40, 30)), dab(300, 330, (-30, 20)), dab(420, 80, (0, -40))]
EDITS = [DABS[:1], DABS[:2], DABS[1:2], [DABS[1], dab(300, 330, (30, 20))], DABS, []]


@pytest.fixture(scope="module", params=[0.052, 1.0], ids=["lifted", "full size"])
def session(request: pytest.FixtureRequest) -> Session:
    """Surfaces of several lightnesses, with grain; memberships end at their edges."""
    random = np.random.default_rng(0)
    steps = random.uniform(20, 80, (5, 6)).repeat(80, 0).repeat(90, 1)[: SHAPE[0], : SHAPE[1]]
    photo = Photo((steps + random.normal(0, 0.5, SHAPE)).astype(np.float32))
    cells = np.random.default_rng(1).normal(0, 20, (20, 24, 2)).astype(np.float32)
    settings = Settings(megapixels=request.param, firmness=2.0, reweightings=2)
    return Session(photo, CellColors(cells, np.ones(cells.shape[:2], np.float32)), settings)


class Viewer:
    """A tab: the editions that it has, its pixels put together of the parts it is sent."""

    def __init__(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("hybrid.editor.exact.SIDE", SIDE)
        self.session, self.editions = session, count()
        self.tiles = ExactTiles(session, self.editions)
        self.has: dict[tuple[int, int], int] = {}
        self.pixels = np.zeros((*SHAPE, 3), np.uint8)

    def see(self, spread: Spread, places: list[tuple[int, int]] = PLACES) -> dict[tuple[int, int], Tile]:
        self.tiles.take(spread)
        found = self.tiles.prepared(spread, places)
        sent = {}
        for place in places:
            has = self.has.get(place, NONE)
            tile = self.tiles.rendered(spread, place, found, has)
            assert tile.base in (NONE, has)
            window = self.tiles.window(place)
            self.pixels[window][tile.part] = tile.codes[tile.part]
            assert np.array_equal(self.pixels[window], tile.codes)
            self.has[place], sent[place] = tile.edition, tile
        return sent


def off_by(one: np.ndarray, other: np.ndarray) -> tuple[int, float]:
    """The largest difference, and at which share of the samples there is one."""
    difference = np.abs(one.astype(int) - other)
    return int(difference.max()), float((difference > 0).mean())


def test_the_parts_that_are_sent_make_up_what_a_fresh_render_shows(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("solvers.windows.LARGEST", 0.8)
    viewer, spread, sizes = Viewer(session, monkeypatch), session.spread(), []
    viewer.see(spread)
    for number, strokes in enumerate(EDITS):
        spread = session.spread(strokes, before=spread)
        places = PLACES[:7] if number == 1 else PLACES  # what was not looked at for a while catches up
        sent = viewer.see(spread, places)
        sizes.append(sum(0 if is_nowhere(tile.part) else tile.codes[tile.part].size for tile in sent.values()))
        if number == 1:
            continue
        fresh = Viewer(session, monkeypatch)
        fresh.see(spread)
        largest, share = off_by(viewer.pixels, fresh.pixels)
        assert largest <= 1
        assert share < 2e-3
    assert 0 < min(sizes) < max(sizes) < 0.8 * viewer.pixels.size


def test_what_did_not_change_is_neither_rendered_nor_sent_again(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, plain = Viewer(session, monkeypatch), session.spread()
    viewer.see(plain)
    spread = session.spread(DABS[:1], before=plain)
    rendered = []
    monkeypatch.setattr(exact, "codes_of_lab", lambda *words: rendered.append(words) or codes_of_lab(*words))
    sent = viewer.see(spread)
    same = [place for place, tile in sent.items() if tile.part == NOWHERE]
    assert len(rendered) == len(PLACES) - len(same)
    assert (0, 0) not in same
    assert len(same) >= 4
    assert all(sent[place].base == sent[place].edition for place in same)
    rendered.clear()
    assert all(tile.part == NOWHERE for tile in viewer.see(session.spread(DABS[:1], before=spread)).values())
    viewer.has.pop((4, 3))
    again = viewer.see(spread)[4, 3]
    assert (again.base, again.codes[again.part].shape) == (NONE, again.codes.shape), "to who has none it goes whole"
    assert not rendered


def test_paint_alone_is_seen_too_and_what_is_corrected_around_it(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, plain = Viewer(session, monkeypatch), session.spread()
    viewer.see(plain)
    for number in (1, 3, 2):
        other = Spread(paint(DABS[:number], SHAPE), plain.chroma, plain.answers, {})
        viewer.see(other)
        fresh = Viewer(session, monkeypatch)
        fresh.see(other)
        assert np.array_equal(viewer.pixels, fresh.pixels)


def test_small_changes_never_add_up(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer, spread = Viewer(session, monkeypatch), session.spread()
    viewer.see(spread)
    total = 0
    for number in range(1, 5):
        other = Spread(spread.painted, spread.chroma + np.float32(number * 4e-6), spread.answers, {})
        total += sum(tile.part != NOWHERE for tile in viewer.see(other, PLACES[:1]).values())
    assert total == 1


def test_codes_are_those_of_the_file() -> None:
    random = np.random.default_rng(0)
    lightness = random.uniform(-1, 101, (300, 400)).astype(np.float32)
    ab = random.normal(0, 40, (300, 400, 2)).astype(np.float32)
    ab[:100] = 0
    rgb, outside = into_gamut(linear_from_lab(lightness, ab), luminance_from_lightness(lightness.clip(0, 100)))
    assert 0.1 < outside.mean() < 0.9
    wanted = np.round(srgb_encode(rgb.clip(0, 1)) * 255)
    largest, share = off_by(codes_of_lab(lightness, ab), wanted)
    assert largest <= 1
    assert share < 1e-4
