"""The thread that colours: the newest strokes supersede what is being worked on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from threading import Condition, Thread, current_thread
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hybrid.editor.exact import ExactTiles, Place, Tile
from hybrid.editor.quick import Half, QuickSpread
from hybrid.photo import Photo
from hybrid.predict import Predictor
from hybrid.scale import enlarge
from hybrid.scribbles import CellColors, toned
from hybrid.session import Session, Spread
from hybrid.settings import Settings
from hybrid.strokes import Paint, Stroke
from solvers import Cancelled, SolverError
from solvers.team import Team

TILES_AT_ONCE = 2
PAUSE = 2.0
"""Seconds without work after which the whole is solved anew, if edits in windows have worn its tolerance."""
WORN = 0.25
"""Share of that tolerance."""
Float = NDArray[np.float32]
Kind = Literal["quick", "settled"]


@dataclass(frozen=True, eq=False)
class Wanted:
    """What the picture is to be made of.

    Parameters
    ----------
    revision : of the document
    strokes : by number, in the order in which they were made
    settings : that differ from the defaults
    """

    revision: int
    strokes: Mapping[int, Stroke]
    settings: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Settled:
    """A picture at working size that only full size is missing of.

    Parameters
    ----------
    revision : of the document
    session, spread : from which any window follows
    """

    revision: int
    session: Session
    spread: Spread


@dataclass(frozen=True)
class Listener:
    """Where the engine tells what it has; called in its own thread.

    Parameters
    ----------
    chroma : revision, kind, (h, w, 2) relative chroma at working size, as half floats if they are at hand
    tile : revision, place, the tile and what of it is new
    stage : revision, what is being done, or "" where nothing is left to do
    failed : revision, one line
    """

    chroma: Callable[[int, Kind, Float | Half], None]
    tile: Callable[[int, Place, Tile], None]
    stage: Callable[[int, str], None]
    failed: Callable[[int, str], None]


class Engine:
    """Colours one photo in a thread of its own, as strokes and settings change.

    Parameters
    ----------
    photo : from `read_photo`
    source : as of `Session`
    defaults : settings that a change starts from
    listener : told of what there is to see
    """

    def __init__(
        self, photo: Photo, source: Predictor | CellColors | None, defaults: Settings, listener: Listener
    ) -> None:
        self._photo, self._source, self._defaults, self._listener = photo, source, defaults, listener
        self._news = Condition()
        self._wanted: Wanted | None = None
        self._current: Wanted | None = None
        self._tiles: dict[Place, int] = {}
        self._watched: dict[Place, int] = {}
        self._is_closed = False
        self._session: Session | None = None
        self._quick: QuickSpread | None = None
        self._plain: Spread | None = None
        self._base, self._base_codes = np.zeros((0, 0, 2), np.float32), np.zeros((0, 0, 2), np.float16)
        self._exact: ExactTiles | None = None
        self._editions = count()
        self._settled: Settled | None = None
        self._settled_change: Float | None = None
        self._failed = -1
        self._most_worn = WORN
        self._team = Team(TILES_AT_ONCE)
        self._thread = Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def close(self) -> None:
        """Stop what is being worked on and wait for the thread to end."""
        with self._news:
            self._is_closed = True
            self._news.notify_all()
        self._thread.join(timeout=30)

    def show(self, wanted: Wanted) -> None:
        """Colour this next; whatever older is being worked on is given up."""
        with self._news:
            self._wanted = wanted
            self._tiles = {}
            self._news.notify_all()

    def look_at(self, tiles: Mapping[Place, int]) -> None:
        """Render these full-size tiles as they will be written, in this order, whenever the colours have settled.

        Each with the edition that is there already, NONE for none: only what is new is told.
        """
        with self._news:
            self._tiles, self._watched = dict(tiles), dict(tiles)
            self._news.notify_all()

    def settled(self) -> Settled | None:
        """The newest picture that has settled."""
        return self._settled

    def reached(self) -> Float | None:
        """How far the strokes have settled each place, (h, w) in [0, 1] at a small size; None before the first."""
        return None if self._quick is None else self._quick.share

    def wait_settled(self, revision: int, give_up: Callable[[], bool]) -> Settled:
        """Wait until the colours of a revision, or of a later one, have settled.

        Raises
        ------
        Cancelled
            `give_up` said so.
        SolverError
            They will not.
        """
        with self._news:
            while True:
                if self._settled is not None and self._settled.revision >= revision:
                    return self._settled
                if self._failed >= revision:
                    raise SolverError("these strokes cannot be coloured; undo the last one")
                if give_up() or self._is_closed:
                    raise Cancelled("given up while the colours were settling")
                self._news.wait(0.1)

    def _run(self) -> None:
        while True:
            with self._news:
                has_work = self._news.wait_for(self._has_work, PAUSE if self._is_worn() else None)
                if self._is_closed:
                    return
                wanted = self._wanted
                assert wanted is not None
                is_settled = self._is_settled(wanted)
                tiles = dict[Place, int]()
                if is_settled:
                    tiles, self._tiles = self._tiles, tiles
            try:
                if not has_work:
                    self._renew(wanted)
                elif tiles:
                    self._render(wanted, tiles)
                else:
                    self._color(wanted)
            except Cancelled:
                continue
            except Exception as error:  # the thread goes on with the next change, whatever this one led to
                if not tiles:
                    self._failed = wanted.revision  # tiles alone keep no other from being made
                reason = str(error) if isinstance(error, ValueError | SolverError | MemoryError) else ""
                self._listener.failed(wanted.revision, reason or f"cannot be coloured ({type(error).__name__})")

    def _is_settled(self, wanted: Wanted) -> bool:
        return self._settled is not None and self._settled.revision == wanted.revision

    def _has_work(self) -> bool:
        wanted = self._wanted
        if self._is_closed:
            return True
        if wanted is None or self._failed == wanted.revision:
            return False
        return not self._is_settled(wanted) or bool(self._tiles)

    def _is_worn(self) -> bool:
        """Whether edits in windows have added up to what a whole solve would soon have to be done for."""
        return self._settled is not None and self._settled.spread.drift > self._most_worn

    def _is_superseded(self, wanted: Wanted) -> bool:
        return self._is_closed or self._wanted is not wanted

    def _watch(self, wanted: Wanted) -> Callable[[Any, float], bool]:
        return lambda _chroma, _estimate: self._is_superseded(wanted)

    def _color(self, wanted: Wanted) -> None:
        """Quick preview, then the colours themselves."""
        self._current = wanted
        revision, watch = wanted.revision, self._watch(wanted)
        session = self._session_for(wanted)
        if self._plain is None:
            self._plain = session.spread((), watch)
            self._listener.chroma(revision, "quick", self._plain.chroma)
            self._quick = None
        if self._quick is None:
            cells = session.colors.confidence.size if session.colors else session.guide.size
            self._quick = QuickSpread(session.guide, cells, self._plain.chroma, partial(correction, session))
        change: Float | None = None
        if wanted.strokes or self._settled_change is not None:
            change = self._quick.change(wanted.strokes, self._photo.lightness.shape, watch)
            base, before = self._plain.chroma, np.zeros_like(change)
            if self._settled is not None and self._settled.session is session and self._settled_change is not None:
                base, before = self._settled.spread.chroma, self._settled_change
            if self._base is not base:
                self._base, self._base_codes = base, base.astype(np.float16)
            self._listener.chroma(revision, "quick", self._quick.shown(base, self._base_codes, change - before))
        last = self._plain
        if self._settled is not None and self._settled.session is session:
            last = self._settled.spread
        spread = session.spread(list(wanted.strokes.values()), watch, last) if wanted.strokes else self._plain
        with self._news:
            self._settled, self._settled_change = Settled(revision, session, spread), change
            self._tiles = self._tiles or dict(self._watched)
            self._news.notify_all()
        self._base, self._base_codes = spread.chroma, spread.chroma.astype(np.float16)
        self._listener.chroma(revision, "settled", self._base_codes)
        self._listener.stage(revision, "")

    def _renew(self, wanted: Wanted) -> None:
        """Solve the whole anew while nobody waits, so that nobody has to later; it looks the same."""
        settled = self._settled
        assert settled is not None
        self._current = None
        try:
            spread = settled.session.renewed(
                settled.spread, lambda *_: self._is_superseded(wanted) or bool(self._tiles)
            )
        except (SolverError, MemoryError):
            self._most_worn = np.inf  # it is tried no more, and goes on as it is
            return
        with self._news:
            if self._settled is settled:
                self._settled = replace(settled, spread=spread)
        self._base, self._base_codes = spread.chroma, spread.chroma.astype(np.float16)

    def _session_for(self, wanted: Wanted) -> Session:
        """The session of these settings; the prediction is made anew only where they differ."""
        settings = replace(self._defaults, **wanted.settings)
        if self._session is None or self._session.settings != settings:
            self._listener.stage(wanted.revision, "predict")
            self._session = Session(self._photo, self._source, settings, self._told)
            self._plain, self._quick, self._settled_change = None, None, None
            self._exact = ExactTiles(self._session, self._editions)
            if self._session.colors is not None:
                self._listener.chroma(wanted.revision, "quick", chroma_of_cells(self._session))
        return self._session

    def _told(self, stage: str) -> None:
        """Pass on what the engine's session begins, or end it there if something newer is wanted."""
        wanted = self._current
        if wanted is None or stage not in ("seeds", "solve") or current_thread() is not self._thread:
            return  # of an export, which goes on in a thread of its own
        if self._is_superseded(wanted):
            raise Cancelled("something newer is wanted")
        self._listener.stage(wanted.revision, stage)

    def _render(self, wanted: Wanted, tiles: Mapping[Place, int]) -> None:
        """Tell of these tiles, two at a time, until others are looked at."""
        settled, exact = self._settled, self._exact
        assert settled is not None
        assert exact is not None
        exact.take(settled.spread)
        places = list(tiles)
        found = exact.prepared(settled.spread, places, self._watch(wanted))
        for first in range(0, len(places), TILES_AT_ONCE):
            some = places[first : first + TILES_AT_ONCE]
            rendered = self._team.map(lambda place: exact.rendered(settled.spread, place, found, tiles[place]), some)
            for place, tile in zip(some, rendered, strict=True):
                self._listener.tile(wanted.revision, place, tile)
                with self._news:
                    if place in self._watched:
                        self._watched[place] = tile.edition
            if self._tiles or self._is_superseded(wanted):
                return


def correction(session: Session, painted: Paint, lightness: Float) -> Float | None:
    """How the session's cells change where they look like what is painted, (rows, columns, 2) ab; None: not at all."""
    colors = session.corrected(painted, lightness)
    if colors is None or session.colors is None or colors is session.colors:
        return None
    return (colors.ab - session.colors.ab) * np.float32(session.settings.saturation)


def chroma_of_cells(session: Session) -> Float:
    """The cells' own colours at working size, smoothly enlarged, (h, w, 2) relative chroma: the first thing to see."""
    assert session.colors is not None
    planes = [enlarge(np.ascontiguousarray(session.colors.ab[..., c]), session.shape) for c in range(2)]
    settings = session.settings
    return toned(np.stack(planes, -1), session.guide, settings.saturation, settings.warmth)
