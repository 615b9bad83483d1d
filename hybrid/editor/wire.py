"""Pictures on the way to the browser: a header of 36 bytes, then the samples, all little-endian.

What a tab has already is not sent again: a picture says which part of it differs from the one before.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hybrid.scale import spanning

MAGIC = 0x42594832
"""The bytes 2HYB."""
HEADER = struct.Struct("<IIHHHHHHIIII")
"""Magic, revision, kind, zero, left, top, width and height of the samples, column and row of a tile, edition, base."""
QUICK, SETTLED, TILE = 0, 1, 2
NONE = 0xFFFFFFFF
"""Base of a picture that is sent whole."""
Part = tuple[slice, slice]
NOWHERE: Part = slice(0, 0), slice(0, 0)


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture as it is to be seen, and in which part it differs from the one before.

    Parameters
    ----------
    revision : of the document
    kind : QUICK, SETTLED or TILE
    samples : (H, W, C) all of it, as it is sent: half floats, a and b, or 8-bit sRGB
    part : rows and columns that differ from the picture before, with their ends given
    edition : its own number, never used again for others of its kind and place
    base : edition of the picture before; NONE where there is none, and the part is all of it
    place : column and row of a tile
    """

    revision: int
    kind: int
    samples: NDArray[np.generic]
    part: Part
    edition: int
    base: int = NONE
    place: tuple[int, int] = (0, 0)

    def whole(self) -> Picture:
        """The same for who has none before."""
        rows, columns = self.samples.shape[:2]
        return replace(self, part=(slice(0, rows), slice(0, columns)), base=NONE)

    def since(self, older: Picture) -> Picture:
        """The same for who has not got the older one either, but what that one was made from."""
        if self.base != older.edition:
            return self
        return replace(self, part=spanned(older.part, self.part), base=older.base)

    def packed(self) -> bytes:
        """Header and samples of the part."""
        rows, columns = self.part
        size = columns.stop - columns.start, rows.stop - rows.start
        numbers = (self.kind, 0, columns.start, rows.start, *size, *self.place, self.edition, self.base)
        return HEADER.pack(MAGIC, self.revision, *numbers) + self.samples[self.part].tobytes()


def spanned(one: Part, other: Part) -> Part:
    """The smallest part that holds two."""
    if is_nowhere(one) or is_nowhere(other):
        return other if is_nowhere(one) else one
    rows, columns = (slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one, other, strict=True))
    return rows, columns


def is_nowhere(part: Part) -> bool:
    """Whether nothing is in it."""
    return any(side.stop <= side.start for side in part)


def part_of(is_other: NDArray[np.bool_]) -> Part:
    """The smallest part that holds all that is True, (H, W)."""
    return spanning(is_other) or NOWHERE


def chroma_picture(before: Picture | None, revision: int, kind: int, chroma: NDArray[np.floating]) -> Picture:
    """Relative chroma (h, w, 2) as half floats, a and b interleaved: 4 bytes for each working pixel that changes."""
    samples = np.ascontiguousarray(chroma, "<f2")
    if before is None or before.samples.shape != samples.shape:
        return Picture(revision, kind, samples, NOWHERE, 0 if before is None else before.edition + 1).whole()
    pairs, old = (each.view("<u4")[..., 0] for each in (samples, before.samples))
    part = NOWHERE if samples is before.samples else part_of(pairs != old)
    return Picture(revision, kind, samples, part, before.edition + 1, before.edition)
