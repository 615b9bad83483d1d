"""Files of marks: `*.hints.json`, whose JSON Schema lies beside this file; pictures of marks are `hybrid.marked`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hybrid.color import lab_from_linear, srgb_decode
from hybrid.marked import HintsError, read_marked
from hybrid.photo import Photo
from hybrid.strokes import MODES, Mark, Stroke

VERSION = 1
SCHEMA = Path(__file__).with_name("hints.schema.json")
"""JSON Schema (draft 2020-12) of the files; it may refuse what is read all the same, such as a number in quotes."""
LEAST_PRESSURE = 0.001
"""That is written: points have three decimals, and none may become 0."""


@dataclass(frozen=True)
class PhotoIdentity:
    """Which photo the marks were made on.

    Parameters
    ----------
    width, height : pixels, upright
    sha256 : of the photo's file, or "" where it is not known
    """

    width: int
    height: int
    sha256: str = ""


def sha256_of(path: Path) -> str:
    """sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_hints(path: Path, photo: Photo, sha256: str = "") -> list[Mark]:
    """Read marks made on `photo`.

    Parameters
    ----------
    path : a `.json` file of strokes, a copy of the photo with colours painted on it, or a transparent picture of them
    photo : the photo they are for
    sha256 : of the photo's file; compared where the marks name one

    Raises
    ------
    HintsError
        Unreadable, of another photo, or with values out of range; the message names the hint.
    PhotoError
        A marked picture that cannot be read.
    """
    if path.suffix.lower() != ".json":
        return [read_marked(path, photo)]
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HintsError(f"{path}: no such file; wanted a .hints.json file or a marked copy of the photo") from None
    except (OSError, ValueError) as error:
        raise HintsError(f"{path}: not readable as JSON ({error})") from None
    if not isinstance(document, dict) or not isinstance(document.get("hints"), list):
        raise HintsError(f'{path}: no list "hints" in it; wanted {{"version": 1, "image": {{...}}, "hints": [...]}}')
    if document.get("version", VERSION) != VERSION:
        raise HintsError(f"{path}: version {document['version']!r}; this program reads version {VERSION}")
    _check_identity(path, document.get("image", {}), photo, sha256)
    return [_stroke(path, number, hint) for number, hint in enumerate(document["hints"], 1)]


def write_hints(path: Path, strokes: Sequence[Stroke], identity: PhotoIdentity) -> None:
    """Write strokes so that `read_hints` gives them back; whole or not at all."""
    image = {"width": identity.width, "height": identity.height, "sha256": identity.sha256}
    document = {"version": VERSION, "image": image, "hints": [hint_of(stroke) for stroke in strokes]}
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(json.dumps(document, indent=1), encoding="utf-8")
    temporary.replace(path)


def hint_of(stroke: Stroke) -> dict[str, Any]:
    """The entry of "hints" that describes a stroke; `stroke_of` gives it back."""
    kind = "region" if stroke.is_region else "stroke" if len(stroke.points) > 1 else "point"
    radius = np.asarray(stroke.radius, float)
    widest = float(radius.max())
    hint: dict[str, Any] = {"type": kind, "mode": stroke.mode, "strength": stroke.strength, "radius": widest}
    pressure = np.maximum(radius / widest, LEAST_PRESSURE)
    points = np.column_stack([stroke.points, pressure]) if (radius != widest).any() else stroke.points
    hint["points"] = np.round(np.asarray(points, float), 3).tolist()
    if stroke.ab is not None:
        hint["ab"] = [float(value) for value in stroke.ab]
    if stroke.label:
        hint["label"] = stroke.label
    if stroke.confidence is not None:
        hint["confidence"] = stroke.confidence
    return hint


def _check_identity(path: Path, image: Any, photo: Photo, sha256: str) -> None:
    height, width = photo.lightness.shape
    if not isinstance(image, dict):
        raise HintsError(f'{path}: "image" is {image!r}; wanted {{"width": ..., "height": ...}}')
    got = (image.get("width", width), image.get("height", height))
    if got != (width, height):
        raise HintsError(
            f"{path}: made for a photo of {got[0]}×{got[1]} pixels; {photo.path} has {width}×{height}: another photo?"
        )
    wanted = image.get("sha256") or sha256
    if sha256 and wanted != sha256:
        raise HintsError(
            f"{path}: made for another photo (sha256 {str(wanted)[:12]}…, {photo.path} has {sha256[:12]}…); "
            'remove "sha256" from it if the marks are meant for this one'
        )


def _stroke(path: Path, number: int, hint: Any) -> Stroke:
    try:
        return stroke_of(hint)
    except ValueError as error:
        raise HintsError(f"{path}: hint {number}{error}") from None


def stroke_of(hint: Any) -> Stroke:
    """The stroke that one entry of "hints" describes.

    Raises
    ------
    ValueError
        Something is missing (" has no ...") or out of range (": ...").
    """
    try:
        mode = hint.get("mode", "color")
        if mode not in MODES:
            raise ValueError(f"mode {mode!r}; wanted one of {', '.join(MODES)}")
        points = np.array([point[:2] for point in hint["points"]], np.float32)
        pressure = np.array([point[2] if len(point) > 2 else 1.0 for point in hint["points"]], np.float32)
        ab = tuple(map(float, hint["ab"])) if "ab" in hint else _ab_of_hex(hint["color"]) if mode == "color" else None
        return Stroke(
            points=points,
            radius=float(hint.get("radius", 4.0)) * pressure,
            ab=ab,  # type: ignore[arg-type]
            mode=mode,
            strength=float(hint.get("strength", 1.0)),
            is_region=hint.get("type", "stroke") == "region",
            label=str(hint.get("label", "")),
            confidence=None if hint.get("confidence") is None else float(hint["confidence"]),
        )
    except KeyError as error:
        raise ValueError(f" has no {error}") from None
    except (ValueError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f": {error}") from None


def _ab_of_hex(text: str) -> tuple[float, float]:
    """ab of "#rrggbb".

    Raises
    ------
    ValueError
        Anything else.
    """
    digits = str(text).removeprefix("#")
    if len(digits) != 6:
        raise ValueError(f"color {text!r}; wanted #rrggbb")
    code = np.frombuffer(bytes.fromhex(digits), np.uint8) / np.float32(255)
    _, ab = lab_from_linear(srgb_decode(code[None, None]))
    return float(ab[0, 0, 0]), float(ab[0, 0, 1])
