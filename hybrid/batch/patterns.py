"""Patterns such as scans/**/*.tif, expanded here so that they work where no shell does it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

_WILD = re.compile(r"[*?[]")


def is_pattern(given: Path) -> bool:
    """Whether a path is to be expanded: it has a wildcard and is no file or folder as it stands."""
    return _WILD.search(str(given)) is not None and not given.exists()


def fixed_part(pattern: Path) -> Path:
    """The folder before the first part with a wildcard."""
    parts = pattern.parts
    return Path(*parts[: next(k for k, part in enumerate(parts) if _WILD.search(part))])


def expand(pattern: Path) -> Iterator[Path]:
    """Files and folders that a pattern stands for, in order of their names; some perhaps twice.

    * and ? and [...] match within a name, ** any number of folders, none included. Hidden names are matched only by a
    part that begins with a dot. Folders that are links are followed, each folder once under a **.
    """
    root = fixed_part(pattern)
    return _expand(root, pattern.parts[len(root.parts) :])


def _expand(place: Path, parts: tuple[str, ...]) -> Iterator[Path]:
    if not parts:
        yield place
    elif parts[0] == "**":
        for folder in _folders(place, set()):
            yield from _expand(folder, parts[1:])
    elif not _WILD.search(parts[0]):
        if (place / parts[0]).exists():
            yield from _expand(place / parts[0], parts[1:])
    elif place.is_dir():
        for entry in sorted(place.iterdir()):
            is_hidden = entry.name.startswith(".") and not parts[0].startswith(".")
            if not is_hidden and fnmatchcase(entry.name, parts[0]):
                yield from _expand(entry, parts[1:])


def _folders(place: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    """A folder and all under it that are not hidden, each real one once, so that links in a circle come to an end."""
    if not place.is_dir():
        return
    status = place.stat()
    if (status.st_dev, status.st_ino) in seen:
        return
    seen.add((status.st_dev, status.st_ino))
    yield place
    for entry in sorted(place.iterdir(), key=lambda path: (path.is_symlink(), path)):  # as folders are searched
        if not entry.name.startswith("."):
            yield from _folders(entry, seen)
