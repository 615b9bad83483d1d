"""The grid Laplacian of an image: four planes of link weights, and what can be done with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Planes = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
OFFSETS = {"east": (0, 1), "south": (1, 0), "southeast": (1, 1), "southwest": (1, -1)}


@dataclass(frozen=True)
class Stencil:
    """Symmetric link weights of the 8-neighbour grid graph; each link is stored once.

    As an operator it is the graph Laplacian Q: ``(Q u)_r = sum_s w_rs (u_r - u_s)``.

    Parameters
    ----------
    east, south, southeast, southwest : (H, W) float32, >= 0
        Weight of the link from a pixel to the neighbour of that name; 0 where that neighbour is outside the image.

    Raises
    ------
    ValueError
        Planes of different shapes, NaN, infinite or negative weights, a link that leaves the image.
    """

    east: NDArray[np.float32]
    south: NDArray[np.float32]
    southeast: NDArray[np.float32]
    southwest: NDArray[np.float32]

    def __post_init__(self) -> None:
        for name in OFFSETS:
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=np.float32))
        shapes = [plane.shape for plane in self.planes]
        if len(shapes[0]) != 2 or not self.east.size or len(set(shapes)) > 1:
            raise ValueError(f"stencil: planes of shapes {shapes}; wanted four of one shape (H, W), not empty")
        for name, plane in zip(OFFSETS, self.planes, strict=True):
            low, high = float(plane.min()), float(plane.max())
            if not (low >= 0 and np.isfinite(high)):
                raise ValueError(f"stencil: {name} holds weights {low:g} to {high:g}; wanted finite numbers, 0 or more")
        outside = {
            "east": self.east[:, -1],
            "south": self.south[-1],
            "southeast": np.concatenate([self.southeast[-1], self.southeast[:, -1]]),
            "southwest": np.concatenate([self.southwest[-1], self.southwest[:, 0]]),
        }
        for name, edge in outside.items():
            if edge.any():
                raise ValueError(f"stencil: {name} links leave the image; wanted 0 where the neighbour is outside")

    @property
    def planes(self) -> Planes:
        return self.east, self.south, self.southeast, self.southwest

    @property
    def shape(self) -> tuple[int, int]:
        height, width = self.east.shape
        return height, width

    def apply(self, u: NDArray[np.floating]) -> NDArray[np.floating]:
        """Q u, in difference form so that float32 keeps what a nearly constant u has left.

        Parameters
        ----------
        u : (H, W) or (H, W, C) float32 or float64

        Returns
        -------
        array of u's shape and type
        """
        result = np.zeros_like(u)
        for name, plane in zip(OFFSETS, self.planes, strict=True):
            here, there = ends(self.shape, *OFFSETS[name])
            weight = plane[here].reshape(plane[here].shape + (1,) * (u.ndim - 2))
            flow = weight * (u[here] - u[there])
            result[here] += flow
            result[there] -= flow
        return result

    def diagonal(self) -> NDArray[np.float32]:
        """Sum of the weights of each pixel's links, (H, W)."""
        result = np.zeros(self.shape, np.float32)
        for name, plane in zip(OFFSETS, self.planes, strict=True):
            here, there = ends(self.shape, *OFFSETS[name])
            result[here] += plane[here]
            result[there] += plane[here]
        return result

    def to_csr(self) -> sparse.csr_array:
        """Q as an (HW, HW) float64 matrix, for peers and tests; about 110 bytes a pixel."""
        number = np.arange(self.east.size, dtype=np.int32).reshape(self.shape)
        rows, columns, values = [], [], []
        for name, plane in zip(OFFSETS, self.planes, strict=True):
            here, there = ends(self.shape, *OFFSETS[name])
            rows.append(number[here].ravel())
            columns.append(number[there].ravel())
            values.append(plane[here].ravel().astype(np.float64))
        row, column, value = np.concatenate(rows), np.concatenate(columns), np.concatenate(values)
        upper = sparse.coo_array((value, (row, column)), shape=(number.size, number.size)).tocsr()
        links = upper + upper.T
        return (sparse.diags_array(links.sum(axis=1)) - links).tocsr()


def ends(shape: tuple[int, int], down: int, right: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices of the pixels that have the neighbour (down, right), and of those neighbours."""
    height, width = shape
    left = max(-right, 0)
    stop = width - max(right, 0)
    here = (slice(0, height - down), slice(left, max(stop, left)))
    there = (slice(down, height), slice(left + right, max(stop, left) + right))
    return here, there
