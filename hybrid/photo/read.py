"""Reading image files: what they hold, upright, as lightness and colour."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid.photo.bands import each_band
from hybrid.photo.decoded import upright, upright_dpi
from hybrid.photo.formats import decode
from hybrid.photo.light import Light
from hybrid.photo.photo import Photo, PhotoError


def read_photo(path: str | os.PathLike[str], *, keep_color: bool = False, page: int | None = None) -> Photo:
    """Read a photo, upright, as the lightness of its luminance.

    TIFF and BigTIFF (1 to 16 bits or float; grey, RGB, palette, CIELAB, CMYK with a profile; any layout and compression
    imagecodecs knows), PNG, JPEG, WebP, JPEG 2000, JPEG XL, AVIF; with the extras HEIC and camera raw. The embedded
    profile is honoured; integer samples without one are sRGB's, float samples of a TIFF without one are linear light.
    Alpha is dropped: the colour under it counts. Of a toned picture the luminance of its colours counts.

    Parameters
    ----------
    path : the file.
    keep_color : also fill `Photo.ab` (for tests, comparisons, small colour pictures: 8 bytes a pixel more).
    page : of a TIFF of several, from 1; the first that is no thumbnail if left out.

    Raises
    ------
    PhotoError
        Missing, empty, damaged or unsupported files, NaN or infinity, float samples outside 0..1. One line.
    """
    source = Path(path)
    with _naming(source):
        decoded = decode(source, page)
        light = Light(decoded)
        height, width = decoded.values.shape[:2]
        lightness = np.empty((height, width), np.float32)
        ab = np.empty((height, width, 2), np.float32) if keep_color else None

        def work(rows: slice) -> None:
            if ab is None:
                lightness[rows] = light.lightness(rows)
            else:
                lightness[rows], ab[rows] = light.lab(rows)

        for _ in each_band(work, height, width):
            pass
    turn = decoded.orientation
    return Photo(
        lightness=upright(lightness, turn),
        ab=None if ab is None else upright(ab, turn),
        bits=decoded.bits,
        profile=decoded.profile,
        dpi=upright_dpi(decoded.dpi, turn),
        metadata=decoded.metadata,
        path=source,
        page=page,
    )


def read_overlay(
    path: str | os.PathLike[str], *, page: int | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Read a small colour picture, such as a marked copy of a photo, upright, as sRGB values.

    Values stored as sRGB come back as they are, so that two copies can be compared code by code; another profile is
    converted, clipped to sRGB's gamut. Grey counts as R = G = B.

    Returns
    -------
    rgb : (H, W, 3) float32 sRGB values 0..1.
    alpha : (H, W) float32 0..1, or None.

    Raises
    ------
    PhotoError
        As `read_photo`.
    """
    source = Path(path)
    with _naming(source):
        decoded = decode(source, page)
        light = Light(decoded)
        rgb = np.empty((*decoded.values.shape[:2], 3), np.float32)

        def work(rows: slice) -> None:
            rgb[rows] = light.srgb(rows)

        for _ in each_band(work, *rgb.shape[:2]):
            pass
        alpha = light.alpha()
    turn = decoded.orientation
    return upright(rgb, turn), None if alpha is None else upright(alpha, turn)


@contextmanager
def _naming(source: Path) -> Iterator[None]:
    """Put the file's name before what is wrong with it, and the machine's own complaints into the same words."""
    try:
        yield
    except PhotoError as error:
        raise PhotoError(f"cannot read {source}: {' '.join(str(error).split())}") from error
    except FileNotFoundError as error:
        raise PhotoError(f"cannot read {source}: there is no such file; check the path") from error
    except MemoryError as error:
        raise PhotoError(f"cannot read {source}: it does not fit in memory; use a smaller copy") from error
    except OSError as error:
        raise PhotoError(
            f"cannot read {source}: {error.strerror or error}; check the file and its permissions"
        ) from error
