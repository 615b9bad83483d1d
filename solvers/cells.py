"""The operator of CellMeans: ``M' B' W B M`` with M the mean over cells, B a blur of the cell grid, W the weights."""

from __future__ import annotations

from copy import copy

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage, sparse

from solvers.seeds import CellMeans
from solvers.team import Team


class CellOperator:
    """M, B and their transposes for an image of a given shape; channel-first arrays.

    Parameters
    ----------
    cells : CellMeans
    shape : (H, W) of the image

    Raises
    ------
    ValueError
        A cell grid with more rows or columns than the image.
    """

    def __init__(self, cells: CellMeans, shape: tuple[int, int]) -> None:
        grid = cells.weight.shape
        if grid[0] > shape[0] or grid[1] > shape[1]:
            raise ValueError(
                f"cells: a grid of {grid[0]}×{grid[1]} cells on {shape[0]}×{shape[1]} pixels; "
                "wanted at least one pixel a cell in both directions"
            )
        self.weight = cells.weight.astype(np.float64)
        self.wanted = np.moveaxis(cells.chroma, -1, 0).astype(np.float64)
        self.row, self.column = (cell_of_pixel(n, k) for n, k in zip(shape, grid, strict=True))
        self.edges = np.searchsorted(self.column, np.arange(grid[1] + 1))
        rows, columns = np.bincount(self.row, minlength=grid[0]), np.bincount(self.column, minlength=grid[1])
        self.area = np.outer(rows, columns).astype(np.float64)
        self.is_blurred = cells.blur > 0
        self._blur = [_blur_matrix(size, cells.blur) for size in grid]

    def take(self, channels: slice) -> CellOperator:
        """The same cells, some of the channels."""
        taken = copy(self)
        taken.wanted = self.wanted[channels]
        return taken

    def cut(self, rows: slice, columns: slice) -> CellOperator:
        """The cells of a window of pixels that whole cells fill; without blur, which would join it to others."""
        if self.is_blurred:
            raise ValueError("cells: those with a blur hang together; wanted cells without blur for a window")
        down, across = self.row[rows], self.column[columns]
        part = slice(int(down[0]), int(down[-1]) + 1), slice(int(across[0]), int(across[-1]) + 1)
        taken = copy(self)
        taken.weight, taken.wanted, taken.area = self.weight[part], self.wanted[:, *part], self.area[part]
        taken.row, taken.column = down - down[0], across - across[0]
        taken.edges = np.searchsorted(taken.column, np.arange(taken.area.shape[1] + 1))
        taken._blur = [_blur_matrix(size, 0.0) for size in taken.area.shape]
        return taken

    def means(self, u: NDArray[np.floating]) -> NDArray[np.float64]:
        """B M u, (C, h, w), of u (C, H, W)."""
        return self.blurred(self.sums(u) / self.area)

    def sums(self, u: NDArray[np.floating], team: Team | None = None) -> NDArray[np.float64]:
        """Sums over the cells, (C, h, w), of u (C, H, W)."""
        sums = np.zeros((len(u), *self.area.shape))
        rows = np.searchsorted(self.row, np.arange(self.area.shape[0] + 1))
        (team or Team(1)).run(lambda strips: _sum_cells(u, rows, self.edges, strips, sums), [np.arange(len(rows) - 1)])
        return sums

    def asked(self, sums: NDArray[np.float64], wanted: bool = False) -> NDArray[np.float64]:
        """``M' B' W (B M u - wanted)``, (C, h, w), equal for all pixels of a cell, from the sums of u over cells."""
        means = self.blurred(sums / self.area)
        if wanted:
            means -= self.wanted
        return self.blurred(self.weight * means, transposed=True) / self.area

    @property
    def tallest(self) -> int:
        """Most rows of pixels in a cell."""
        return int(np.bincount(self.row).max())

    def bound(self) -> NDArray[np.float64]:
        """Row sums of B' W B, (h, w): a diagonal that bounds it from above, and equals it without blur."""
        return self.blurred(self.weight[None], transposed=True)[0]

    def blurred(self, values: NDArray[np.float64], transposed: bool = False) -> NDArray[np.float64]:
        """B values, or B' values."""
        down, across = (matrix.T if transposed else matrix for matrix in self._blur)
        return np.stack([(across @ (down @ plane).T).T for plane in values])

    def weighed(self, means: NDArray[np.floating]) -> NDArray[np.floating]:
        """B' W B means, for means (hw, C) of the cells in row-major order."""
        (rows, columns), channels = self.area.shape, means.shape[1]
        if not self.is_blurred:
            return self.weight.reshape(-1, 1) * means
        down, across = self._blur
        turned = (down @ means.reshape(rows, -1)).reshape(rows, columns, channels).swapaxes(0, 1)
        turned = (across @ turned.reshape(columns, -1)).reshape(columns, rows, channels)
        turned *= self.weight.T[:, :, None]
        back = (across.T @ turned.reshape(columns, -1)).reshape(columns, rows, channels).swapaxes(0, 1)
        return (down.T @ back.reshape(rows, -1)).reshape(means.shape)

    def blur_bands(self) -> tuple[NDArray[np.float32], ...]:
        """B along columns and rows of cells, and its transposes, as `coarse_cells.weigh` takes them."""
        down, across = (matrix.toarray() for matrix in self._blur)
        pairs = [np.ascontiguousarray(np.repeat(_band(m).T, 2, axis=1)) for m in (across, across.T)]
        return _band(down), pairs[0], _band(down.T), pairs[1]

    def averages(self, owner: NDArray[np.int32], count: int) -> sparse.csr_array:
        """M P, (hw, n), for the P of aggregates: owner (H, W) of each pixel, negative for none."""
        room = owner.size
        cell, node, share = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.float32)
        used = _runs(owner, self.row, self.column, self.area, cell, node, share)
        entries = (share[:used], (cell[:used], node[:used]))
        return sparse.coo_array(entries, shape=(self.area.size, count)).tocsr()

    def lumped(self) -> NDArray[np.float64]:
        """Row sums of M' B' W B M, (h, w), equal for all pixels of a cell: a diagonal that bounds it from above."""
        return self.bound() / self.area

    def to_csr(self) -> sparse.csr_array:
        """B M as an (hw, HW) matrix, for peers and tests."""
        height, width = self.area.shape
        cell = (self.row[:, None].astype(np.int64) * width + self.column).ravel()
        share = 1 / self.area.ravel()[cell]
        mean = sparse.csr_array((share, (cell, np.arange(cell.size))), shape=(height * width, cell.size))
        return sparse.kron(*self._blur).tocsr() @ mean


def cell_of_pixel(pixels: int, cells: int) -> NDArray[np.int32]:
    """Cell of each pixel along one axis: the one its centre lies in."""
    return ((2 * np.arange(pixels, dtype=np.int64) + 1) * cells // (2 * pixels)).astype(np.int32)


def _blur_matrix(size: int, sigma: float) -> sparse.csr_array:
    """A Gaussian along one axis of the cell grid, cut off at 4 sigma, edge cells repeated outward; rows sum to 1."""
    if sigma == 0:
        return sparse.eye_array(size).tocsr()
    matrix = ndimage.gaussian_filter1d(np.eye(size), sigma, axis=0, mode="nearest")
    return sparse.csr_array(matrix / matrix.sum(axis=1, keepdims=True))


def _band(matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    """Diagonals of a square matrix, (n, 2 reach + 1), entry (i, i + k - reach) at (i, k)."""
    row, column = np.nonzero(matrix)
    reach = int(np.abs(row - column).max())
    band = np.zeros((len(matrix), 2 * reach + 1), np.float32)
    band[row, column - row + reach] = matrix[row, column]
    return band


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _sum_cells(u, rows, edges, strips, sums):  # type: ignore[no-untyped-def]
    for channel in range(u.shape[0]):
        for strip in strips:
            totals = sums[channel, strip]
            for y in range(rows[strip], rows[strip + 1]):
                line = u[channel, y]
                for k in range(totals.size):
                    total = np.float32(0)
                    for x in range(edges[k], edges[k + 1]):
                        total += line[x]
                    totals[k] += total


@njit(cache=True)
def _runs(owner, row, column, area, cell, node, share):  # type: ignore[no-untyped-def]
    """Entries (cell, node, pixels / area) of M P, one for every run of pixels of one node and cell along a row."""
    used = 0
    width = area.shape[1]
    for y in range(owner.shape[0]):
        last_cell, last_node = -1, -1
        for x in range(owner.shape[1]):
            group = owner[y, x]
            if group < 0:
                continue
            here = row[y] * width + column[x]
            if here != last_cell or group != last_node:
                cell[used], node[used], share[used] = here, group, 0
                last_cell, last_node = here, group
                used += 1
            share[used - 1] += np.float32(1 / area[row[y], column[x]])
    return used
