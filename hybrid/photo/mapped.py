"""A file's bytes, read only where they are looked at."""

import mmap
from pathlib import Path


def mapped(path: Path) -> memoryview:
    """The whole file as bytes that are fetched when touched; b"" for an empty file."""
    with path.open("rb") as file:
        try:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except ValueError:  # nothing to map
            return memoryview(b"")
