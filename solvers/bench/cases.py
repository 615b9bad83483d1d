"""What is solved: a guide, its link weights, and one of four patterns of seeds. All repeatable."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from solvers.bench.guides import Float, Guide
from solvers.cells import cell_of_pixel
from solvers.seeds import CellMeans, Seeds

WEIGHTS: dict[str, tuple[str, dict[str, float]]] = {
    "power": ("power", {}),
    "s05": ("gaussian", {"sigma": 0.05, "floor": 1e-5}),
    "s02": ("gaussian", {"sigma": 0.02, "floor": 1e-6}),
    "levin": ("levin", {}),
}
"""Name -> kind and options of `solvers.affinity`."""
PATTERNS = ("A", "B", "one", "recipe")
HALF_STEP = 0.5 / 255
"""The bound: half an 8-bit step of colours that span 1."""
L_OFFSET = 16
MOST_SHADING = 100 + L_OFFSET
"""The recipe carries ab over the square root of L* + 16, which is scaled to this at the brightest; its bound is half of
one of 255 steps of ab there."""
SOFTNESS = 1.0
CELLS = 48 * 72
WARM_UP_MEGAPIXELS = 0.006
"""Size of the image on which a worker compiles and loads everything."""


@dataclass(frozen=True)
class Case:
    """One problem; the recipe is solved in stages, the others once.

    Attributes
    ----------
    luminance : (H, W)
    weights : a name in WEIGHTS
    pattern : one of PATTERNS
    seeds, cells : either may be None
    start : constant first guess of every channel, or None for the solver's own
    """

    luminance: Float
    weights: str
    pattern: str
    seeds: Seeds | None
    cells: CellMeans | None
    start: float | None = None

    @property
    def bound(self) -> float:
        """The largest error allowed at any pixel."""
        return 0.5 / MOST_SHADING if self.pattern == "recipe" else HALF_STEP

    @property
    def stages(self) -> int:
        """Solves that make one answer; links are weakened by the first two answers of a recipe."""
        return 3 if self.pattern == "recipe" else 1

    def field(self, chroma: Float) -> Float:
        """What links are weakened by after a stage: ab of its chroma."""
        return chroma * _shading(100 * self.luminance)[..., None]

    def first_guess(self) -> Float | None:
        if self.start is None:
            return None
        return np.full((*self.luminance.shape, 2), self.start, np.float32)

    def hash(self) -> str:
        """Of everything that makes the problem."""
        digest = hashlib.sha256(repr((self.weights, WEIGHTS[self.weights], self.pattern, self.start)).encode())
        for array in (self.luminance, *_arrays(self.seeds, self.cells).values()):
            digest.update(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:12]

    def save(self, folder: Path) -> None:
        np.save(folder / "luminance.npy", self.luminance)
        np.savez(folder / "data.npz", **_arrays(self.seeds, self.cells))

    @classmethod
    def load(cls, folder: Path, weights: str, pattern: str) -> Case:
        with np.load(folder / "data.npz") as data:
            seeds = Seeds(data["index"], data["chroma"], data["weight"]) if "index" in data else None
            cells = None
            if "cell_chroma" in data:
                cells = CellMeans(data["cell_chroma"], data["cell_weight"], float(data["cell_blur"]))
        return cls(np.load(folder / "luminance.npy"), weights, pattern, seeds, cells, _start(pattern))


def make_case(guide: Guide, pattern: str, weights: str) -> Case:
    """The problem of a pattern on a guide.

    Raises
    ------
    ValueError
        An unknown pattern or weights.
    """
    if pattern not in PATTERNS:
        raise ValueError(f"patterns: {pattern!r} is unknown; wanted some of {', '.join(PATTERNS)}")
    if weights not in WEIGHTS:
        raise ValueError(f"weights: {weights!r} is unknown; wanted some of {', '.join(WEIGHTS)}")
    if pattern == "recipe":
        return Case(guide.luminance, weights, pattern, None, _cells(guide))
    seeds = _dots(guide) if pattern == "A" else strokes(guide, 12 if pattern == "B" else 1)
    return Case(guide.luminance, weights, pattern, seeds, None, _start(pattern))


def strokes(guide: Guide, count: int, seed: int = 0, weight: float = 1e6) -> Seeds:
    """Lines of 2 % of the longer side with a round brush, each of the photo's colour at its middle, spanning 1."""
    random = np.random.default_rng(seed)
    span = [span_of(guide.shape) for _ in range(count)]
    height, width = guide.shape
    middle = random.random((count, 2)) * (height - 1, width - 1)
    angle = random.random(count) * math.pi
    pixels = [stroke_pixels(guide.shape, m, a, *s) for m, a, s in zip(middle, angle, span, strict=True)]
    index = np.concatenate(pixels)
    owner = np.repeat(np.arange(count), [len(part) for part in pixels])
    index, first = np.unique(index, return_index=True)
    chroma = _spanning(guide.colours(*middle.T))[owner[first]]
    return Seeds(index, chroma, np.full(len(index), weight, np.float32))


def span_of(shape: tuple[int, int]) -> tuple[float, float]:
    """Length of a stroke and radius of its brush: at 1 MP some 24 and 3 pixels."""
    side = max(shape)
    return 0.02 * side, max(1.0, 0.0025 * side)


def stroke_pixels(
    shape: tuple[int, int], middle: NDArray[np.floating], angle: float, length: float, radius: float
) -> NDArray[np.int64]:
    """Flat indices of the pixels under a straight stroke, inside the image."""
    along = np.linspace(-length / 2, length / 2, max(2, math.ceil(2 * length)))
    reach = np.arange(-math.ceil(radius), math.ceil(radius) + 1)
    down, right = (axis.ravel() for axis in np.meshgrid(reach, reach, indexing="ij"))
    disc = down**2 + right**2 <= radius**2
    y = np.rint(middle[0] + along * math.sin(angle))[:, None] + down[disc]
    x = np.rint(middle[1] + along * math.cos(angle))[:, None] + right[disc]
    inside = (y >= 0) & (y < shape[0]) & (x >= 0) & (x < shape[1])
    return np.unique(y[inside].astype(np.int64) * shape[1] + x[inside].astype(np.int64))


def _dots(guide: Guide, count: int = 4096, weight: float = 1000.0, seed: int = 0) -> Seeds:
    """Some `count` dots of 3×3 pixels, one at a random place in each square of a grid."""
    random = np.random.default_rng(seed)
    height, width = guide.shape
    rows, columns = _grid(guide.shape, max(1, min(count, height * width // 64)))
    square = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), -1).reshape(-1, 2)
    place = (square + random.random(square.shape)) * (height / rows, width / columns)
    centre = np.clip(place.astype(np.int64), 0, (height - 1, width - 1))
    around = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1], indexing="ij"), -1).reshape(-1, 2)
    pixel = np.clip(centre[:, None] + around, 0, (height - 1, width - 1))
    index, first = np.unique(pixel[..., 0] * width + pixel[..., 1], return_index=True)
    chroma = _spanning(guide.colours(*centre.T))[first // len(around)]
    return Seeds(index, chroma, np.full(len(index), weight, np.float32))


def _cells(guide: Guide, weight: float = 2.0, blur: float = 0.8, seed: int = 0) -> CellMeans:
    """The photo's own chroma, relative as the recipe's is, averaged over cells, with a smooth random confidence."""
    height, width = guide.shape
    rows, columns = (min(n, pixels) for n, pixels in zip(_grid(guide.shape, CELLS), guide.shape, strict=True))
    middles = ((np.arange(n) + 0.5) * pixels / n - 0.5 for n, pixels in ((rows, height), (columns, width)))
    y, x = (axis.ravel() for axis in np.meshgrid(*middles, indexing="ij"))
    ab = guide.colours(y, x).reshape(rows, columns, 2)
    down, across = cell_of_pixel(height, rows), cell_of_pixel(width, columns)
    sums = np.add.reduceat(guide.luminance, np.searchsorted(down, np.arange(rows)), axis=0, dtype=np.float64)
    sums = np.add.reduceat(sums, np.searchsorted(across, np.arange(columns)), axis=1)
    mean = 100 * sums / np.outer(np.bincount(down), np.bincount(across))
    noise = gaussian_filter(np.random.default_rng(seed).random((rows, columns)), 2, mode="nearest")
    confidence = 0.2 + 0.8 * (noise - noise.min()) / max(float(np.ptp(noise)), 1e-9)
    chroma = ab / _shading(mean.astype(np.float32))[..., None]
    return CellMeans(chroma.astype(np.float32), (weight * confidence).astype(np.float32), blur)


def _shading(lightness: Float) -> Float:
    """What the recipe divides ab by."""
    return np.sqrt(np.float32(MOST_SHADING) * (lightness + np.float32(L_OFFSET)))


def _grid(shape: tuple[int, int], count: int) -> tuple[int, int]:
    columns = max(1, round(math.sqrt(count * shape[1] / shape[0])))
    return max(1, round(count / columns)), columns


def _spanning(ab: Float) -> Float:
    """Colours scaled to span 1 over both channels; a single colour is (0.5, 1)."""
    if len(ab) == 1:
        return np.array([[0.5, 1.0]], np.float32)
    low, high = ab.min(), ab.max()
    return (ab - low) / max(high - low, np.float32(1e-6))


def _start(pattern: str) -> float | None:
    # The mean of one colour is the answer already; from zero, the whole image has to move.
    return 0.0 if pattern == "one" else None


def _arrays(seeds: Seeds | None, cells: CellMeans | None) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    if seeds is not None:
        arrays |= {"index": seeds.index, "chroma": seeds.chroma, "weight": seeds.weight}
    if cells is not None:
        arrays |= {"cell_chroma": cells.chroma, "cell_weight": cells.weight, "cell_blur": np.array(cells.blur)}
    return arrays
