"""The file of `hybrid colorize --scribbles-out`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hybrid.colorized import Colorized
    from hybrid.scribbles import CellColors
    from hybrid.strokes import Mark


def check_scribbles(path: Path | None, is_empty: bool, overwrite: bool) -> None:
    """Refuse a file of scribbles that could not be written, before anything is done.

    Raises
    ------
    WriteError
        Of another kind, there already, in no folder, or of a photo that is given no colours but by hand.
    """
    from hybrid.photo import WriteError

    if path is None:
        return
    if is_empty:
        raise WriteError("--scribbles-out writes what a network or --colors chose; got neither")
    if path.suffix.lower() != ".json":
        raise WriteError(f"cannot write scribbles to {path}; wanted a name that ends in .hints.json")
    if path.exists() and not overwrite:
        raise WriteError(f"{path} exists; choose another name, or --overwrite")
    if not path.parent.is_dir():
        raise WriteError(f"cannot write {path}: no folder {path.parent}")


def write_scribbles(path: Path, colorized: Colorized, colors: CellColors, strokes: Sequence[Mark]) -> int:
    """Write scribbles for a coloured photo, a person's strokes last so that they cover the others; how many."""
    from hybrid.draw import drawn
    from hybrid.hints import PhotoIdentity, sha256_of, write_hints
    from hybrid.strokes import Stroke

    photo = colorized.photo
    assert photo.path is not None
    sure = colors.confidence if colors.weight is None else colors.confidence * colors.weight
    marks = drawn(photo.lightness, colorized.ab, sure) + [mark for mark in strokes if isinstance(mark, Stroke)]
    height, width = photo.lightness.shape
    write_hints(path, marks, PhotoIdentity(width, height, sha256_of(photo.path)))
    return len(marks)
