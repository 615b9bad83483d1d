"""What a coloured file kept of its photo: luminance, size, metadata. Measured by the writer, and by `hybrid verify`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.color import Float
from hybrid.photo import exif
from hybrid.photo.photo import Photo, PhotoError
from hybrid.photo.profiles import MatrixSpace
from hybrid.photo.provenance import OURS, mark_of
from hybrid.photo.quantize import STEP
from hybrid.photo.xmp import Packet, qualified

DARKEST, BRIGHTEST = 2e-6, 1 - 1.5e-5
"""Linear light of a channel below or above which a colour lies at the border of its space: less than a 16-bit code from
it, more than what float32 makes of it."""
_READING = 0.05  # steps that two float32 readings may differ by
_JPEG_CODES = 32.0
_UPRIGHT = qualified("tiff:Orientation")


@dataclass(frozen=True)
class Tally:
    """What was measured on some pixels.

    Attributes
    ----------
    largest, total : of |Y_out - Y_in|, in steps of 1/65535.
    mapped : pixels whose chroma was reduced; unknown (0) where files are compared.
    border : coloured pixels with a channel at either end.
    pixels : how many.
    """

    largest: float = 0.0
    total: float = 0.0
    mapped: int = 0
    border: int = 0
    pixels: int = 0


def summed(tallies: Sequence[Tally]) -> Tally:
    """The tally of all rows."""
    return Tally(
        max(t.largest for t in tallies),
        sum(t.total for t in tallies),
        sum(t.mapped for t in tallies),
        sum(t.border for t in tallies),
        sum(t.pixels for t in tallies),
    )


def at_border(rgb: Float) -> int:
    """How many of (..., 3) linear RGB are coloured and at the border of their space; black and white are not."""
    low, high = rgb.min(axis=-1), rgb.max(axis=-1)
    is_coloured = high - low > np.float32(1e-5) + np.float32(1e-3) * high
    return int(np.count_nonzero(is_coloured & ((low <= DARKEST) | (high >= BRIGHTEST))))


def tolerance_of(space: MatrixSpace, bits: int, is_jpeg: bool) -> float:
    """Largest |Y_out - Y_in| that writing may cause, in steps of 1/65535.

    One step at 16 bits. At 8, where each channel is rounded alone, half the widest step between two codes; a JPEG may
    be 32 such rounding errors off (noise at quality 95 was seen to be off by up to 19).
    """
    if bits > 8:
        return 1.0
    widest = [float(np.diff(table).max()) for table in space.tables(8)]
    return float(np.dot(widest, space.to_xyz[1])) / 2 / STEP * (_JPEG_CODES if is_jpeg else 1.0)


@dataclass(frozen=True)
class Fidelity:
    """A coloured file against its photo.

    Attributes
    ----------
    largest, mean : of |Y_out - Y_in|, in steps of 1/65535.
    tolerance : largest one that counts as kept.
    size, photo_size : width and height of both, upright.
    border : share of coloured pixels at the border of the file's colour space.
    kept : what is carried over, see `carried`.
    provenance : the mark inside the file, see `mark_of`; empty where there is none.
    """

    largest: float
    mean: float
    tolerance: float
    size: tuple[int, int]
    photo_size: tuple[int, int]
    border: float
    kept: dict[str, Any]
    provenance: dict[str, str]

    @property
    def holds(self) -> bool:
        """Whether size and luminance are the photo's."""
        return self.size == self.photo_size and self.largest <= self.tolerance + _READING

    def document(self) -> dict[str, Any]:
        """The block of a report."""
        return {
            "holds": self.holds,
            "luminance": {
                "largest": None if np.isnan(self.largest) else round(self.largest, 3),
                "mean": None if np.isnan(self.mean) else round(self.mean, 3),
                "tolerance": round(self.tolerance, 3),
            },
            "size": list(self.size),
            "photo_size": list(self.photo_size),
            "gamut_border": round(self.border, 4),
            "kept": self.kept,
            "provenance": self.provenance,
        }


def fidelity(photo: Photo, written: Photo, tally: Tally, tolerance: float) -> Fidelity:
    """Put together what was measured and what a file carries; of `written` only size and metadata count."""
    size, wanted = ((p.lightness.shape[1], p.lightness.shape[0]) for p in (written, photo))
    pixels = max(tally.pixels, 1)
    mark = mark_of(written.metadata.get("xmp", b""))
    kept = carried(photo, written)
    return Fidelity(tally.largest, tally.total / pixels, tolerance, size, wanted, tally.border / pixels, kept, mark)


def carried(photo: Photo, written: Photo) -> dict[str, Any]:
    """What of a photo's metadata a file carries.

    Returns
    -------
    "profile" and "dpi": "same", "other", "none" in the photo, "lost"; "exif_tags", "xmp_properties" and "iptc_bytes":
    [in the photo, kept of them]. What says how pixels are stored, and what the mark changes, is not counted.
    """
    before, after = (exif.read(p.metadata.get("exif", b"")) for p in (photo, written))
    old, new = (_properties(p.metadata.get("xmp", b"")) for p in (photo, written))
    iptc, kept_iptc = (p.metadata.get("iptc", b"") for p in (photo, written))
    close = photo.dpi is not None and written.dpi is not None and np.allclose(photo.dpi, written.dpi, atol=0.5, rtol=0)
    return {
        "profile": _compared(photo.profile, written.profile, photo.profile == written.profile),
        "dpi": _compared(photo.dpi, written.dpi, bool(close)),
        "exif_tags": exif.count_kept(before, after),
        "xmp_properties": [len(old), sum(path in new and text in new[path] for path, text in old.items())],
        "iptc_bytes": [len(iptc), len(iptc) if iptc and iptc == kept_iptc else 0],
    }


def _compared(before: object, after: object, is_same: bool) -> str:
    if before is None:
        return "none"
    return "same" if is_same else "lost" if after is None else "other"


def _properties(packet: bytes) -> dict[str, str]:
    try:
        found = Packet(packet).properties()
    except PhotoError:
        return {"damaged": ""}
    changed = tuple(f"/{name}" for name in (*OURS, _UPRIGHT))
    return {path: text for path, text in found.items() if not path.startswith(changed)}


def measured(error: NDArray[np.floating], border: int, mapped: int = 0) -> Tally:
    """The tally of luminance errors (...), in steps of 1/65535."""
    size = np.abs(error)
    return Tally(float(size.max()), float(size.sum(dtype=np.float64)), mapped, border, size.size)
