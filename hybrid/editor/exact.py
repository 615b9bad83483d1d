"""Exact tiles: pixels as they will be written, rendered where they differ from what was shown last.

A tile is made of the chroma under it, of corrections near strokes, and of painted pixels. What of these changes from
one picture to the next is noted for every tile that is known, and only that part of it is rendered and sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hybrid.editor.codes import codes_of_lab
from hybrid.editor.tiles import SIDE
from hybrid.editor.wire import NONE, NOWHERE, Part, is_nowhere, part_of, spanned
from hybrid.finish import Correction, shared
from hybrid.scale import FITTED_FROM
from hybrid.session import Kept, Session, Spread
from hybrid.strokes import Paint

Float = NDArray[np.float32]
Codes = NDArray[np.uint8]
Place = tuple[int, int]
"""Column and row of a full-size tile."""
MOST_KEPT = 64
"""Tiles that are kept, up to 0.8 MB each."""
UNSEEN = 1e-5
"""Change of relative chroma, .001 of a or b, below which a tile stays as it is; such changes never add up."""


@dataclass(frozen=True, eq=False)
class Tile:
    """A tile, and what a tab lacks of it.

    Parameters
    ----------
    codes : (rows, columns, 3) 8-bit sRGB, all of it
    part : rows and columns that differ from the edition `base`
    edition, base : as of `wire.Picture`; equal where nothing differs
    """

    codes: Codes
    part: Part
    edition: int
    base: int


@dataclass(eq=False)
class _Known:
    """A tile as it was rendered last; `stale` is the part under which chroma or paint have changed since."""

    codes: Codes
    edition: int
    corrections: list[Correction]
    stale: Part = NOWHERE


class ExactTiles:
    """The exact tiles of one session.

    Parameters
    ----------
    session : whose pictures they show
    editions : numbers for what is rendered, none of them used before
    """

    def __init__(self, session: Session, editions: Iterator[int]) -> None:
        self._session, self._editions = session, editions
        self._kept = Kept()
        self._tiles: dict[Place, _Known] = {}
        self._seen: Float | None = None
        self._painted: Paint | None = None
        self._taken: Spread | None = None

    def take(self, spread: Spread) -> None:
        """Note where a picture differs from what the tiles show."""
        if spread is self._taken:
            return
        before, painted = self._seen, self._painted
        self._taken, self._painted = spread, spread.painted
        if before is None or painted is None or not self._tiles:
            self._seen = spread.chroma.copy()
            return
        is_other = np.zeros(before.shape[:2], np.bool_)
        _follow(spread.chroma, np.float32(UNSEEN), before, is_other)
        repainted = _repainted(painted, spread.painted, self._session.photo.lightness.shape[1])
        for place, known in self._tiles.items():
            window = self.window(place)
            known.stale = spanned(known.stale, self._under(window, is_other))
            known.stale = spanned(known.stale, _within(window, *repainted))

    def prepared(
        self, spread: Spread, places: list[Place], watch: Callable[[Any, float], bool] | None = None
    ) -> list[Correction]:
        """Corrections near strokes of all of these tiles, solved beside each other where they have changed."""
        rows, columns = zip(*(self.window(place) for place in places), strict=True)
        within = tuple(slice(min(s.start for s in side), max(s.stop for s in side)) for side in (rows, columns))
        return self._session.corrections(spread, (within[0], within[1]), self._kept, watch)

    def rendered(self, spread: Spread, place: Place, found: list[Correction], has: int = NONE) -> Tile:
        """A tile of the picture taken last, and what of it is new to who has one of its editions.

        Parameters
        ----------
        spread : the one taken last
        place : of the tile
        found : corrections there, from `prepared`
        has : edition that is there already
        """
        window = self.window(place)
        whole = slice(0, window[0].stop - window[0].start), slice(0, window[1].stop - window[1].start)
        own = [each for each in found if shared(each[0], window)]
        known = self._tiles.pop(place, None)
        if known is None:
            part, codes, before = whole, np.empty((whole[0].stop, whole[1].stop, 3), np.uint8), NONE
        else:
            part = spanned(known.stale, _recorrected(window, known.corrections, own))
            codes, before = known.codes, known.edition
        edition = before
        if not is_nowhere(part):
            edition = next(self._editions)
            rows, columns = (slice(p.start + w.start, p.stop + w.start) for p, w in zip(part, window, strict=True))
            ab = self._session.window(spread, (rows, columns), self._kept, found=own)
            codes = codes.copy()
            codes[part] = codes_of_lab(self._session.photo.lightness[rows, columns], ab)
        self._tiles[place] = _Known(codes, edition, own)
        if len(self._tiles) > MOST_KEPT:
            del self._tiles[next(iter(self._tiles))]
        return Tile(codes, part, edition, before) if has == before != NONE else Tile(codes, whole, edition, NONE)

    def window(self, place: Place) -> tuple[slice, slice]:
        """Rows and columns of the photo in a tile."""
        rows, columns = (
            slice(index * SIDE, min((index + 1) * SIDE, edge))
            for index, edge in zip(place[::-1], self._session.photo.lightness.shape, strict=True)
        )
        return rows, columns

    def _under(self, window: Part, is_other: NDArray[np.bool_]) -> Part:
        """The part of a tile that changed chroma, True at working size, has a share in."""
        shape = self._session.photo.lightness.shape
        more = 0 if is_other.shape == shape else FITTED_FROM + 2
        read = tuple(
            slice(max(side.start * small // full - more, 0), min(-(-side.stop * small // full) + more, small))
            for side, small, full in zip(window, is_other.shape, shape, strict=True)
        )
        found = part_of(is_other[read])
        if is_nowhere(found):
            return NOWHERE
        reached = tuple(
            slice((f.start + r.start - more) * full // small, -(-(f.stop + r.start + more) * full // small))
            for f, r, small, full in zip(found, read, is_other.shape, shape, strict=True)
        )
        return _inside(window, (reached[0], reached[1]))


@njit(cache=True, nogil=True)
def _follow(chroma, least, seen, is_other):  # type: ignore[no-untyped-def]
    """What was seen becomes the chroma where that is another by more than `least`, and only there."""
    for y in range(chroma.shape[0]):
        for x in range(chroma.shape[1]):
            if max(abs(chroma[y, x, 0] - seen[y, x, 0]), abs(chroma[y, x, 1] - seen[y, x, 1])) > least:
                is_other[y, x] = True
                seen[y, x, 0], seen[y, x, 1] = chroma[y, x, 0], chroma[y, x, 1]


def _repainted(before: Paint, after: Paint, width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the pixels that are painted otherwise."""
    if before is after:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    _, here, there = np.intersect1d(before.index, after.index, assume_unique=True, return_indices=True)
    is_same = (before.ab[here] == after.ab[there]).all(1)
    changed = [np.delete(paint.index, kept[is_same]) for paint, kept in ((before, here), (after, there))]
    rows, columns = np.divmod(np.concatenate(changed), width)
    return rows, columns


def _within(window: Part, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Part:
    """The part of a tile that pixels span."""
    is_in = (rows >= window[0].start) & (rows < window[0].stop)
    is_in &= (columns >= window[1].start) & (columns < window[1].stop)
    if not is_in.any():
        return NOWHERE
    spans = tuple(slice(int(place[is_in].min()), int(place[is_in].max()) + 1) for place in (rows, columns))
    return _inside(window, (spans[0], spans[1]))


def _recorrected(window: Part, before: list[Correction], after: list[Correction]) -> Part:
    """The part of a tile whose corrections are others, or lie elsewhere."""
    old, new = ({(id(each), str(core)): core for core, each in found} for found in (before, after))
    part = NOWHERE
    for key in old.keys() ^ new.keys():
        part = spanned(part, _inside(window, old.get(key) or new[key]))
    return part


def _inside(window: Part, other: Part) -> Part:
    """What another window has of a tile, counted from the tile's first pixel."""
    both = shared(window, other)
    if both is None:
        return NOWHERE
    rows, columns = (slice(b.start - w.start, b.stop - w.start) for b, w in zip(both, window, strict=True))
    return rows, columns
