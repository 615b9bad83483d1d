"""A coloured file compared with the photo it was made from, both read again."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from hybrid import color
from hybrid.photo.bands import each_band
from hybrid.photo.fidelity import Fidelity, Tally, at_border, fidelity, measured, summed, tolerance_of
from hybrid.photo.quantize import STEP
from hybrid.photo.read import read_photo
from hybrid.photo.spaces import output_space

_JPEG_START = b"\xff\xd8\xff"


def verify_file(
    path: str | os.PathLike[str],
    against: str | os.PathLike[str],
    tolerance: float | None = None,
    page: int | None = None,
) -> Fidelity:
    """Measure what a coloured file kept of its photo; beyond the two photos it takes memory for some rows only.

    Parameters
    ----------
    path : the coloured file.
    against : the photo.
    tolerance : steps of 1/65535 that luminance may differ by; default what the file's depth and format allow.
    page : of a photo of several pages, as of `read_photo`; the coloured file has one.

    Returns
    -------
    What `write_photo` measured on the codes, now on the files; `largest` and `mean` are NaN where the sizes differ.

    Raises
    ------
    PhotoError
        As `read_photo`.
    """
    written, photo = read_photo(path, keep_color=True), read_photo(against, page=page)
    space = output_space(written)
    with Path(path).open("rb") as file:
        is_jpeg = file.read(len(_JPEG_START)) == _JPEG_START
    allowed = tolerance_of(space, written.bits, is_jpeg) if tolerance is None else tolerance
    if written.lightness.shape != photo.lightness.shape:
        unknown = fidelity(photo, written, Tally(), allowed)
        return replace(unknown, largest=np.nan, mean=np.nan)
    ab = written.ab
    assert ab is not None

    def compare(rows: slice) -> Tally:
        ours, theirs = (color.luminance_from_lightness(p.lightness[rows].astype(np.float64)) for p in (written, photo))
        rgb = color.linear_from_lab(written.lightness[rows], ab[rows], space.to_xyz)
        return measured((ours - theirs) / STEP, at_border(rgb))

    return fidelity(photo, written, summed(list(each_band(compare, *photo.lightness.shape))), allowed)
