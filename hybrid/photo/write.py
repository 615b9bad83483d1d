"""Writing a photo with colours: its luminance kept to the last 16-bit step."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid import color
from hybrid.color import Float
from hybrid.photo import exif, icc, jpeg, png, tiff
from hybrid.photo.bands import bands, each_band
from hybrid.photo.metadata import Embedded, upright_xmp
from hybrid.photo.photo import Photo, WriteError
from hybrid.photo.profiles import SRGB, MatrixSpace, space_of
from hybrid.photo.quantize import quantizer
from hybrid.photo.target import JPEG, PNG, TIFF, check_writable, replacing


@dataclass(frozen=True)
class WriteReport:
    """What writing did.

    Attributes
    ----------
    luminance_error : largest |Y_out - Y_in|, in steps of 1/65535, measured on the codes written (for a JPEG: before
        compression).
    gamut_mapped : share 0..1 of pixels whose chroma had to be reduced to fit the output space.
    bytes_written : size of the file.
    seconds : wall time.
    """

    luminance_error: float
    gamut_mapped: float
    bytes_written: int
    seconds: float


Tally = tuple[float, int]  # of one band: largest luminance error, pixels gamut mapped


def output_space(photo: Photo) -> MatrixSpace:
    """The space `write_photo` encodes in: the photo's own RGB profile if it is of matrix and curves, else sRGB."""
    if photo.profile is None or icc.color_space(photo.profile) != "RGB":
        return SRGB
    space = space_of(photo.profile, channels=3)
    return space if isinstance(space, MatrixSpace) and space.is_invertible else SRGB


def write_photo(
    path: str | os.PathLike[str],
    photo: Photo,
    ab: NDArray[np.float32],
    *,
    bits: int | None = None,
    dpi: float | tuple[float, float] | None = None,
    compression: str = "deflate",
    overwrite: bool = False,
) -> WriteReport:
    """Write a photo with colours, atomically, as the path's ending says: .tif, .tiff, .png, .jpg or .jpeg.

    The file has the photo's pixel count, its luminance, resolution, EXIF (orientation 1, without thumbnail), XMP and
    IPTC, whatever container each came from, and the output space's ICC profile. Alpha, extended XMP beyond 64 KB and
    Photoshop's other image resources are not carried.

    Parameters
    ----------
    path : the file to write; never the photo's own.
    photo : lightness (H, W), 0..100.
    ab : (H, W, 2) float32 CIELAB a*b* (D65).
    bits : 8 or 16; default 16, and 8 for JPEG.
    dpi : pixels an inch, one number or (x, y); default the photo's.
    compression : of a TIFF: "deflate", "none", "lzw" or "zstd".
    overwrite : whether an existing file may be replaced.

    Raises
    ------
    WriteError
        The place cannot be written to, or the arguments do not fit the format. The target is then as it was.
    """
    started = time.perf_counter()
    target = Path(path)
    check_writable(target, overwrite)
    depth = _depth(target, photo, ab, bits, compression)
    height, width = photo.lightness.shape
    space = output_space(photo)
    content = _embedded(photo, space, dpi)

    def render(rows: slice) -> tuple[NDArray[np.unsignedinteger], Tally]:
        return _render(photo.lightness[rows], ab[rows], space, depth)

    with replacing(target, overwrite) as part:
        if target.suffix.lower() in TIFF:
            tallies = _write_tiff(part, render, (height, width), depth, compression, content)
        else:
            write = png.write if target.suffix.lower() in PNG else jpeg.write
            chunks = (png if target.suffix.lower() in PNG else jpeg).embedded(content)
            pixels, tallies = _whole(render, (height, width), depth)
            write(part, pixels, chunks)
    error, mapped = max(t[0] for t in tallies), sum(t[1] for t in tallies) / (height * width)
    return WriteReport(error, mapped, target.stat().st_size, time.perf_counter() - started)


def write_picture(path: str | os.PathLike[str], rgb: NDArray[np.uint8], *, overwrite: bool = False) -> None:
    """Write (H, W, 3) uint8 sRGB as a PNG, atomically, for looking at.

    Raises
    ------
    WriteError
        The place cannot be written to, or the ending is not .png.
    """
    target = Path(path)
    if target.suffix.lower() not in PNG:
        raise WriteError(f"cannot write {target}: a picture to look at is a PNG; use .png")
    with replacing(target, overwrite) as part:
        png.write(part, np.ascontiguousarray(rgb), png.embedded(Embedded(SRGB.profile)))


def _depth(target: Path, photo: Photo, ab: NDArray[np.float32], bits: int | None, compression: str) -> int:
    is_jpeg = target.suffix.lower() in JPEG
    depth = bits or (8 if is_jpeg else 16)
    if depth not in (8, 16):
        raise WriteError(f"cannot write {target} with {depth} bits; use 8 or 16")
    if is_jpeg and depth == 16:
        raise WriteError(f"cannot write {target} with 16 bits: a JPEG holds 8; use .tif or .png, or ask for 8 bits")
    if is_jpeg and max(photo.lightness.shape) > jpeg.LONGEST_SIDE:
        raise WriteError(f"cannot write {target}: a JPEG's side is at most {jpeg.LONGEST_SIDE} pixels; use .tif")
    if compression not in tiff.COMPRESSIONS:
        raise WriteError(f"no TIFF compression {compression!r}; use one of {', '.join(tiff.COMPRESSIONS)}")
    if ab.shape != (*photo.lightness.shape, 2):
        raise WriteError(f"colours of shape {ab.shape} do not fit a photo of {photo.lightness.shape}; wanted (H, W, 2)")
    if photo.path is not None and target.exists() and photo.path.exists() and target.samefile(photo.path):
        raise WriteError(f"cannot write {target}: it is the photo itself; choose another name")
    return depth


def _embedded(photo: Photo, space: MatrixSpace, dpi: float | tuple[float, float] | None) -> Embedded:
    height, width = photo.lightness.shape
    resolution = (float(dpi), float(dpi)) if isinstance(dpi, int | float) else dpi or photo.dpi
    if resolution is not None and not min(resolution) > 0:
        raise WriteError(f"a resolution of {resolution} dpi is not possible; use a number above 0")
    carried = exif.cleaned(exif.read(photo.metadata.get("exif", b"")))
    return Embedded(
        space.profile,
        resolution,
        exif.for_picture(carried, width, height, space is SRGB, resolution),
        upright_xmp(photo.metadata.get("xmp", b"")),
        photo.metadata.get("iptc", b""),
    )


def _render(lightness: Float, ab: Float, space: MatrixSpace, bits: int) -> tuple[NDArray[np.unsignedinteger], Tally]:
    """Codes of some rows, (rows, W, 3), and what was measured on them."""
    if not (np.isfinite(ab).all() and np.isfinite(lightness).all()):
        raise WriteError("the colours hold NaN or infinity; nothing was written")
    y = color.luminance_from_lightness(np.clip(lightness, 0, 100))
    rgb, outside = color.into_gamut(color.linear_from_lab(lightness, ab, space.to_xyz), y, space.to_xyz)
    codes, error = quantizer(space, bits)(rgb, y)
    return codes, (float(np.abs(error).max()), int(np.count_nonzero(outside)))


Render = Callable[[slice], tuple[NDArray[np.unsignedinteger], Tally]]


def _write_tiff(
    part: Path, render: Render, shape: tuple[int, int], bits: int, compression: str, content: Embedded
) -> list[Tally]:
    tallies: list[Tally] = []

    def strip(rows: slice) -> tuple[bytes, Tally]:
        codes, tally = render(rows)
        return tiff.encode_strip(codes, compression), tally

    def strips() -> Iterator[bytes]:
        for data, tally in each_band(strip, *shape):
            tallies.append(tally)
            yield data

    tiff.write(part, strips(), bands(*shape)[0].stop, shape, bits, compression, content)
    return tallies


def _whole(render: Render, shape: tuple[int, int], bits: int) -> tuple[NDArray[np.unsignedinteger], list[Tally]]:
    pixels = np.empty((*shape, 3), f"uint{bits}")

    def place(rows: slice) -> Tally:
        pixels[rows], tally = render(rows)
        return tally

    return pixels, list(each_band(place, *shape))
