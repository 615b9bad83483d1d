"""How large a picture is and how many pages a file has, without decoding it."""

import os
from pathlib import Path

from hybrid.photo import formats
from hybrid.photo.photo import PhotoError


def read_size(path: str | os.PathLike[str], page: int | None = None) -> tuple[int, int]:
    """Height and width of the upright picture that `read_photo` gives; (0, 0) where the header does not say.

    Meant for plans made before the file is read; a file that is no picture is refused by `read_photo`.
    """
    try:
        return formats.size(Path(path), page)
    except (OSError, PhotoError):
        return 0, 0


def count_pages(path: str | os.PathLike[str]) -> int:
    """How many pages a file has: 1 but for a TIFF; 0 where the header does not say."""
    try:
        return formats.pages(Path(path))
    except (OSError, PhotoError):
        return 0
