"""A photo with its colours: figures of how it came about, and files of it that say so."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.color import into_gamut, lab_from_linear, linear_from_lab, luminance_from_lightness
from hybrid.hints import sha256_of
from hybrid.photo import Photo, Provenance, output_space, write_chroma, write_photo
from hybrid.photo.provenance import Source
from hybrid.predict import Predictor
from hybrid.scribbles import CellColors
from hybrid.settings import Settings
from hybrid.strokes import Paint
from solvers import Solution

Float = NDArray[np.float32]
AB_RANGE = 255.0
HALF_STEP = 0.5 / 255 * AB_RANGE
"""Half an 8-bit step of a or b, in CIELAB units."""


@dataclass(frozen=True, eq=False)
class Colorized:
    """A photo with its colours. Lightness is the photo's own.

    Parameters
    ----------
    photo : the grey photo
    ab : (H, W, 2) float32, CIELAB units
    painted : the user's marks, at full size
    solution : of the last solve at working size, or None where there was nothing to spread
    report : figures of how it came about
    source, settings : that the session has; every file tells them
    """

    photo: Photo
    ab: Float
    painted: Paint
    solution: Solution | None
    report: dict[str, Any] = field(default_factory=dict)
    source: Predictor | CellColors | None = None
    settings: Settings = field(default_factory=Settings)

    def write(self, path: Path, *, details: Mapping[str, str] | None = None, **options: Any) -> dict[str, Any]:
        """Write the picture, marked as a colorization.

        Parameters
        ----------
        path : .tif, .png or .jpg
        details : more that the mark should tell, such as the hash of a file of strokes
        options : as of `hybrid.photo.write_photo`

        Returns
        -------
        The report, completed.
        """
        marks = (self.painted.index, self.painted.ab)
        written = write_photo(path, self.photo, self.ab, marks=marks, provenance=self._mark(details), **options)
        seconds = {**self.report["seconds"], "write": round(written.seconds, 3)}
        kept = hints_kept(self.photo, self.painted, self.ab, options.get("profile"))
        return {
            **self.report,
            "hints_kept": round(kept, 4),
            "output": str(path),
            "seconds": seconds,
            "luminance_change": round(written.luminance_error, 3),
            "gamut_mapped": round(written.gamut_mapped, 4),
            "bytes": written.bytes_written,
            "verify": written.fidelity.document(),
        }

    def write_chroma(self, path: Path, *, details: Mapping[str, str] | None = None, **options: Any) -> None:
        """Write the colours alone; arguments as of `write`, options as of `hybrid.photo.write_chroma`."""
        write_chroma(path, self.photo, self.ab, provenance=self._mark(details), **options)

    def _mark(self, details: Mapping[str, str] | None) -> Provenance:
        found: dict[str, str] = {}
        if self.photo.path is not None and self.photo.path.is_file():
            found["input-sha256"] = sha256_of(self.photo.path)
        name = ""
        if isinstance(self.source, Predictor):
            name = self.source.model.name
            found |= {"model": name, "model-sha256": self.source.model.sha256}
        if len(self.painted):
            painting = self.painted.index.astype("<i8").tobytes() + self.painted.ab.astype("<f4").tobytes()
            found["painted-sha256"] = hashlib.sha256(painting).hexdigest()
        found |= {key: str(value) for key, value in asdict(self.settings).items() if value is not None}
        kind: Source = (
            "model" if name else "picture" if self.source is not None else "strokes" if len(self.painted) else "none"
        )
        return Provenance(kind, {**found, **(details or {})}, name)


def hints_kept(photo: Photo, painted: Paint, ab: Float, profile: str | Path | None = None) -> float:
    """Share of the painted pixels that show the asked a and b to half an 8-bit step once they are in gamut.

    Parameters
    ----------
    ab : (H, W, 2), the photo's colours
    profile : that the picture is written in, as of `hybrid.photo.write_photo`
    """
    if not len(painted):
        return 1.0
    lightness = photo.lightness.ravel()[painted.index]
    to_xyz = output_space(photo, profile).to_xyz
    wanted = linear_from_lab(lightness, ab.reshape(-1, 2)[painted.index], to_xyz)
    shown, _ = into_gamut(wanted, luminance_from_lightness(lightness), to_xyz)
    off = np.abs(lab_from_linear(shown, to_xyz)[1] - painted.ab).max(-1)
    return float((off <= HALF_STEP).mean())
