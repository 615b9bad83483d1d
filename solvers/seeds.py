"""What the colours are asked to be: at single pixels, and on the average over cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Seeds:
    """Chroma asked for at single pixels.

    Parameters
    ----------
    index : (N,) int64
        Flat pixel indices, row-major, each at most once.
    chroma : (N, C) float32
        Wanted chroma; any unit, the solution comes in the same.
    weight : (N,) float32, > 0
        How firmly: the c in ``c (u - s)^2``, against affinities of at most about 1.

    Raises
    ------
    ValueError
        Shapes that do not fit, NaN or infinite values, weights not positive, an index twice or negative.
    """

    index: NDArray[np.int64]
    chroma: NDArray[np.float32]
    weight: NDArray[np.float32]

    def __post_init__(self) -> None:
        index = np.ascontiguousarray(self.index, dtype=np.int64)
        chroma = np.ascontiguousarray(self.chroma, dtype=np.float32)
        weight = np.ascontiguousarray(self.weight, dtype=np.float32)
        if index.ndim != 1 or chroma.ndim != 2 or weight.shape != index.shape or len(chroma) != len(index):
            raise ValueError(
                f"seeds: index {index.shape}, chroma {chroma.shape}, weight {weight.shape}; wanted (N,), (N, C), (N,)"
            )
        if not np.isfinite(chroma).all():
            raise ValueError("seeds: chroma holds NaN or infinite values; wanted finite numbers")
        if not (np.isfinite(weight).all() and (weight > 0).all()):
            raise ValueError("seeds: every weight must be finite and above 0; leave a pixel out to give it none")
        if index.size and (index.min() < 0 or _is_repeating(index)):
            raise ValueError("seeds: every index must be >= 0 and occur once; average repeated pixels first")
        object.__setattr__(self, "index", index)
        object.__setattr__(self, "chroma", chroma)
        object.__setattr__(self, "weight", weight)

    @classmethod
    def none(cls, channels: int = 2) -> Seeds:
        """No seed at all, for a problem that cells alone determine."""
        return cls(np.zeros(0, np.int64), np.zeros((0, channels), np.float32), np.zeros(0, np.float32))

    def __len__(self) -> int:
        return len(self.index)


@dataclass(frozen=True)
class CellMeans:
    """Chroma asked for on the average over the cells of a coarse grid laid over the image.

    The data term is ``sum_k weight_k |(B M u)_k - chroma_k|^2`` with M the mean over the pixels of each cell and B a
    Gaussian blur of the cell grid, for sources whose answer at a cell has seen its neighbours too.
    Pixel (y, x) of an H×W image lies in cell ``((2y+1) h // (2H), (2x+1) w // (2W))``.

    Parameters
    ----------
    chroma : (h, w, C) float32
    weight : (h, w) float32, >= 0
        0 leaves a cell free. Invariant to the photo's resolution.
    blur : float
        Standard deviation of B in cells; 0 for none.

    Raises
    ------
    ValueError
        Shapes that do not fit, NaN or infinite values, a negative weight or blur.
    """

    chroma: NDArray[np.float32]
    weight: NDArray[np.float32]
    blur: float = 0.0

    def __post_init__(self) -> None:
        chroma = np.ascontiguousarray(self.chroma, dtype=np.float32)
        weight = np.ascontiguousarray(self.weight, dtype=np.float32)
        if chroma.ndim != 3 or weight.shape != chroma.shape[:2] or not chroma.size:
            raise ValueError(f"cells: chroma {chroma.shape}, weight {weight.shape}; wanted (h, w, C) and (h, w)")
        if not np.isfinite(chroma).all():
            raise ValueError("cells: chroma holds NaN or infinite values; wanted finite numbers")
        if not (np.isfinite(weight).all() and (weight >= 0).all()):
            raise ValueError("cells: every weight must be finite and not negative")
        if not (np.isfinite(self.blur) and self.blur >= 0):
            raise ValueError(f"cells: blur {self.blur}; wanted a number of cells, 0 or more")
        object.__setattr__(self, "chroma", chroma)
        object.__setattr__(self, "weight", weight)


def _is_repeating(index: NDArray[np.int64]) -> bool:
    is_ascending = bool((index[1:] > index[:-1]).all())  # as most are, and far quicker to see
    return not is_ascending and np.unique(index).size != index.size
