"""A user's marks, and painting them onto the pixels of the full-size photo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from skimage.draw import polygon

Float = NDArray[np.float32]
Index = NDArray[np.int64]
Mode = Literal["color", "gray", "keep", "erase"]
MODES: tuple[Mode, ...] = ("color", "gray", "keep", "erase")


@dataclass(frozen=True)
class Stroke:
    """One mark of a round brush, or of a filled outline.

    Parameters
    ----------
    points : (N, 2) float
        x, y in pixels of the upright full-size photo; the centre of the first pixel is (.5, .5).
    radius : float or (N,) float
        Of the brush, in pixels; one a point where a pen gave pressure. Not used where `is_region`.
    ab : (2,) float or None
        Colour asked for, CIELAB units. Needed by mode "color" only.
    mode : "color" gives `ab`; "gray" gives (0, 0); "keep" holds what is predicted; "erase" takes earlier marks away.
    strength : float in (0, 1]
        Share of the asked colour in the mix with the predicted one; 1 is obeyed exactly.
    is_region : bool
        The points are the outline of an area to fill.
    label : who or what drew it; says nothing to the program
    confidence : float in [0, 1] or None
        How sure the program was of a colour that it drew; only to be looked at.

    Raises
    ------
    ValueError
        Anything outside the ranges above.
    """

    points: Float
    radius: float | Float = 4.0
    ab: tuple[float, float] | None = None
    mode: Mode = "color"
    strength: float = 1.0
    is_region: bool = False
    label: str = ""
    confidence: float | None = None

    def __post_init__(self) -> None:
        points = np.asarray(self.points, np.float32)
        if points.ndim != 2 or points.shape[1] != 2 or not len(points) or not np.isfinite(points).all():
            raise ValueError(f"stroke points {points.shape}; wanted (N, 2) finite numbers, N >= 1")
        radius = np.asarray(self.radius, np.float32)
        if radius.shape not in ((), (len(points),)):
            raise ValueError(
                f"stroke radius of shape {radius.shape}; wanted one number, or one a point ({len(points)})"
            )
        radius = np.broadcast_to(radius, len(points))
        if not (np.isfinite(radius).all() and (radius > 0).all()):
            raise ValueError(f"stroke radius {self.radius}; wanted pixels, above 0")
        if self.mode not in MODES:
            raise ValueError(f"stroke mode {self.mode!r}; wanted one of {', '.join(MODES)}")
        if not 0 < self.strength <= 1:
            raise ValueError(f"stroke strength {self.strength}; wanted above 0, at most 1")
        if self.mode == "color" and not _is_color(self.ab):
            raise ValueError(f"stroke colour ab {self.ab}; wanted two numbers from -150 to 150")
        if self.is_region and len(points) < 3:
            raise ValueError(f"region of {len(points)} points; wanted an outline of at least 3")
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "radius", radius)


def _is_color(ab: object) -> bool:
    values = np.asarray(ab if ab is not None else [], np.float32)
    return values.shape == (2,) and bool(np.isfinite(values).all()) and float(np.abs(values).max()) <= 150


@dataclass(frozen=True)
class MarkedPixels:
    """Pixels painted over in another program, each with a colour of its own.

    Parameters
    ----------
    index : (N,) int64, flat, each once
    ab : (N, 2) float32, CIELAB units
    shape : (H, W) of the photo they belong to
    strength : (N,) float32 in (0, 1], of each pixel; below 1 its colour is mixed with the predicted one; None: all 1
    """

    index: Index
    ab: Float
    shape: tuple[int, int]
    strength: Float | None = None


Mark = Stroke | MarkedPixels


@dataclass(frozen=True, eq=False)
class Paint:
    """What the marks come to: at which pixels which colour.

    Parameters
    ----------
    index : (N,) int64, flat, ascending, each once
    ab : (N, 2) float32, CIELAB units
    """

    index: Index
    ab: Float

    def __len__(self) -> int:
        return len(self.index)

    def is_like(self, other: Paint) -> bool:
        """Whether it comes to the same pixels and colours."""
        return np.array_equal(self.index, other.index) and np.array_equal(self.ab, other.ab)


def paint(marks: Sequence[Mark], shape: tuple[int, int], predicted: Callable[[Index], Float] | None = None) -> Paint:
    """Paint the marks one after another; later ones cover earlier ones.

    Parameters
    ----------
    marks : in the order in which they were made
    shape : (H, W) of the full-size photo
    predicted : flat indices (N,) -> (N, 2) ab without any mark, for mode "keep" and strengths below 1

    Raises
    ------
    ValueError
        Marked pixels of a photo of another size; mode "keep" or a strength below 1 where nothing is predicted.
    """
    indices, colors = [], []
    for mark in marks:
        if isinstance(mark, MarkedPixels):
            if mark.shape != shape:
                raise ValueError(f"marked pixels belong to a photo of {mark.shape}; this one is {shape}")
            index, ab = mark.index, _mixed(mark, predicted)
        else:
            index = covered(mark, shape)
            ab = _color_of(mark, index, predicted)
        indices.append(index)
        colors.append(np.broadcast_to(ab, (len(index), 2)))
    if not indices:
        return Paint(np.zeros(0, np.int64), np.zeros((0, 2), np.float32))
    reversed_index = np.concatenate(indices)[::-1]
    index, last = np.unique(reversed_index, return_index=True)
    ab = np.concatenate(colors)[::-1][last].astype(np.float32)
    is_kept = np.isfinite(ab[:, 0])
    return Paint(index[is_kept], ab[is_kept])


def _mixed(marks: MarkedPixels, predicted: Callable[[Index], Float] | None) -> Float:
    """(N, 2) ab of marked pixels, mixed with what is predicted where they are not at full strength."""
    if marks.strength is None or bool((marks.strength == 1).all()):
        return marks.ab
    if predicted is None:
        raise ValueError("marks that are partly transparent need a prediction to mix in")
    share = marks.strength[:, None]
    return share * marks.ab + (1 - share) * predicted(marks.index)


def _color_of(stroke: Stroke, index: Index, predicted: Callable[[Index], Float] | None) -> Float:
    """(N, 2) or (2,) ab of a stroke's pixels; NaN where it erases."""
    if stroke.mode == "erase":
        return np.full(2, np.nan, np.float32)
    asked = np.asarray(stroke.ab if stroke.mode == "color" else (0, 0), np.float32)
    share = 0.0 if stroke.mode == "keep" else stroke.strength
    if share == 1:
        return asked
    if predicted is None:
        raise ValueError(
            f"a stroke of mode {stroke.mode!r} and strength {stroke.strength:g} needs a prediction to mix in"
        )
    return np.float32(share) * asked + np.float32(1 - share) * predicted(index)


def covered(stroke: Stroke, shape: tuple[int, int]) -> Index:
    """Flat indices of the pixels whose centre the stroke covers, ascending; at least the one it starts in.

    Pixels outside the photo are left out.
    """
    height, width = shape
    points = stroke.points
    if stroke.is_region:
        rows, columns = polygon(points[:, 1] - 0.5, points[:, 0] - 0.5, shape)
        return np.unique(rows.astype(np.int64) * width + columns)
    radius = np.asarray(stroke.radius, np.float32)
    ends = range(1, len(points)) if len(points) > 1 else [0]
    parts = [
        _capsule(points[max(i - 1, 0)], points[i], float(radius[max(i - 1, 0)]), float(radius[i]), shape) for i in ends
    ]
    x, y = np.floor(points[0]).astype(np.int64)
    if 0 <= x < width and 0 <= y < height:
        parts.append(np.array([y * width + x]))
    return np.unique(np.concatenate(parts))


def _capsule(start: Float, end: Float, radius: float, last_radius: float, shape: tuple[int, int]) -> Index:
    """Pixels within the brush on its way from `start` to `end`, its radius changing evenly."""
    widest = max(radius, last_radius)
    low = np.maximum(np.floor(np.minimum(start, end) - widest - 1), 0).astype(np.int64)
    high = np.minimum(np.ceil(np.maximum(start, end) + widest + 1), shape[::-1]).astype(np.int64)
    if (high <= low).any():
        return np.zeros(0, np.int64)
    x = np.arange(low[0], high[0]) + 0.5 - start[0]
    y = (np.arange(low[1], high[1]) + 0.5 - start[1])[:, None]
    step = (end - start).astype(np.float64)
    length = max(float(step @ step), 1e-12)
    along = np.clip((x * step[0] + y * step[1]) / length, 0.0, 1.0)
    squared = (x - along * step[0]) ** 2 + (y - along * step[1]) ** 2
    rows, columns = np.nonzero(squared <= (radius + (last_radius - radius) * along) ** 2)
    return (rows + low[1]) * shape[1] + columns + low[0]
