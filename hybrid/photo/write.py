"""Writing a photo with colours: its luminance kept to the last 16-bit step."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid.photo import exif, jpeg, png, tiff
from hybrid.photo.bands import bands, each_band
from hybrid.photo.fidelity import Fidelity, Tally, fidelity, summed, tolerance_of
from hybrid.photo.layers import layers_tag
from hybrid.photo.metadata import Embedded, upright_xmp
from hybrid.photo.output import check_colors, check_output, check_space, default_depth
from hybrid.photo.photo import Photo, WriteError
from hybrid.photo.profiles import SRGB, MatrixSpace
from hybrid.photo.provenance import Provenance, marked
from hybrid.photo.render import Marks, Render, chroma_renderer, exact_renderer
from hybrid.photo.spaces import output_space
from hybrid.photo.target import PNG, TIFF, check_writable, replacing


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
    fidelity : the same luminance error and what else was kept.
    """

    luminance_error: float
    gamut_mapped: float
    bytes_written: int
    seconds: float
    fidelity: Fidelity


def write_photo(
    path: str | os.PathLike[str],
    photo: Photo,
    ab: NDArray[np.float32],
    *,
    bits: int | None = None,
    profile: str | Path | None = None,
    dpi: float | tuple[float, float] | None = None,
    compression: str = "deflate",
    layers: bool = False,
    marks: Marks | None = None,
    provenance: Provenance | None = None,
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
    profile : "srgb", "adobe-rgb", "prophoto", "p3" or an ICC file; default the photo's own RGB profile, else sRGB.
    dpi : pixels an inch, one number or (x, y); default the photo's.
    compression : of a TIFF: "deflate", "none", "lzw" or "zstd".
    layers : whether a 16-bit TIFF also gets layers for Photoshop and Krita; see `hybrid.photo.layers`.
    marks : the user's strokes for a layer: (N,) flat pixels and (N, 2) a*b*.
    provenance : the mark to put into the file's XMP; None for none.
    overwrite : whether an existing file may be replaced.

    Raises
    ------
    WriteError
        The place cannot be written to, or the arguments do not fit the format. The target is then as it was.
    """
    started = time.perf_counter()
    target = Path(path)
    check_writable(target, overwrite)
    check_output(target, bits=bits, profile=profile, dpi=dpi, compression=compression, layers=layers)
    check_colors(target, photo, ab)
    depth, space = bits or default_depth(target), output_space(photo, profile)
    check_space(target, space, depth)
    content = _embedded(photo, space, dpi, provenance)
    render = exact_renderer(photo.lightness, ab, space, depth)
    with replacing(target, overwrite) as part:
        if layers:
            pixels, tallies = _whole(render, photo.lightness.shape, depth)
            tag = layers_tag(pixels, photo.lightness, ab, space, marks)
            _write_tiff(part, _stored(pixels), pixels.shape[:2], depth, compression, content, [tag])
        else:
            tallies = _write(part, target.suffix.lower(), render, photo.lightness.shape, depth, compression, content)
    tally = summed(tallies)
    blocks = {"exif": exif.blob(content.directories), "xmp": content.xmp, "iptc": content.iptc}
    written = Photo(photo.lightness, None, depth, content.profile, content.dpi, blocks)
    kept = fidelity(photo, written, tally, tolerance_of(space, depth, is_jpeg=False))
    seconds = time.perf_counter() - started
    return WriteReport(tally.largest, tally.mapped / tally.pixels, target.stat().st_size, seconds, kept)


def write_chroma(
    path: str | os.PathLike[str],
    photo: Photo,
    ab: NDArray[np.float32],
    *,
    bits: int | None = None,
    profile: str | Path | None = None,
    dpi: float | tuple[float, float] | None = None,
    compression: str = "deflate",
    provenance: Provenance | None = None,
    overwrite: bool = False,
) -> None:
    """Write the colours alone, as a TIFF or PNG to be laid over the photo in blend mode Color; see `colour_alone`.

    Parameters and errors are those of `write_photo`.
    """
    target = Path(path)
    check_writable(target, overwrite)
    check_output(target, bits=bits, profile=profile, dpi=dpi, compression=compression, is_chroma=True)
    check_colors(target, photo, ab)
    depth, space = bits or default_depth(target), output_space(photo, profile)
    check_space(target, space, depth)
    render = chroma_renderer(photo.lightness, ab, space, depth)
    with replacing(target, overwrite) as part:
        content = _embedded(photo, space, dpi, provenance)
        _write(part, target.suffix.lower(), render, photo.lightness.shape, depth, compression, content)


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


def _embedded(
    photo: Photo, space: MatrixSpace, dpi: float | tuple[float, float] | None, provenance: Provenance | None
) -> Embedded:
    height, width = photo.lightness.shape
    resolution = (float(dpi), float(dpi)) if isinstance(dpi, int | float) else dpi or photo.dpi
    carried = exif.cleaned(exif.read(photo.metadata.get("exif", b"")))
    xmp = upright_xmp(photo.metadata.get("xmp", b""))
    return Embedded(
        space.profile,
        resolution,
        exif.for_picture(carried, width, height, space is SRGB, resolution),
        marked(xmp, provenance) if provenance else xmp,
        photo.metadata.get("iptc", b""),
    )


def _write(
    part: Path, ending: str, render: Render, shape: tuple[int, ...], bits: int, compression: str, content: Embedded
) -> list[Tally]:
    if ending in TIFF:
        return _write_tiff(part, render, shape, bits, compression, content)
    container = png if ending in PNG else jpeg
    chunks = container.embedded(content)
    pixels, tallies = _whole(render, shape, bits)
    container.write(part, pixels, chunks)
    return tallies


def _write_tiff(
    part: Path,
    render: Render,
    shape: tuple[int, ...],
    bits: int,
    compression: str,
    content: Embedded,
    tags: Sequence[tiff.Tag] = (),
) -> list[Tally]:
    tallies: list[Tally] = []
    height, width = shape

    def strip(rows: slice) -> tuple[bytes, Tally]:
        codes, tally = render(rows)
        return tiff.encode_strip(codes, compression), tally

    def strips() -> Iterator[bytes]:
        for data, tally in each_band(strip, height, width):
            tallies.append(tally)
            yield data

    rows = bands(height, width)[0].stop
    tiff.write(part, strips(), rows, (height, width), bits, compression, content, tags)
    return tallies


def _stored(pixels: NDArray[np.unsignedinteger]) -> Render:
    return lambda rows: (pixels[rows], Tally())


def _whole(render: Render, shape: tuple[int, ...], bits: int) -> tuple[NDArray[np.unsignedinteger], list[Tally]]:
    height, width = shape
    pixels = np.empty((height, width, 3), f"uint{bits}")

    def place(rows: slice) -> Tally:
        pixels[rows], tally = render(rows)
        return tally

    return pixels, list(each_band(place, height, width))
