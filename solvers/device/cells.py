"""The operator of CellMeans, ``M' B' W B M``, on split tensors of a device; C channels first."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from solvers.cells import CellOperator
from solvers.device.graph import coalesced, compressed
from solvers.device.grid import COLOURS, Colour, Layout


class DeviceCells:
    """What `CellOperator` holds, as tensors.

    Means are taken by two products with matrices of zeros and ones, down and across: sums in a fixed order, without
    atomics.
    """

    def __init__(self, cells: CellOperator, layout: Layout, device: torch.device) -> None:
        self.layout = layout
        self.weight, self.area, self.wanted, self.bound = (
            torch.from_numpy(np.ascontiguousarray(part, dtype=np.float32)).to(device)
            for part in (cells.weight, cells.area, cells.wanted, cells.bound())
        )
        rows, columns = cells.area.shape
        self.blur: tuple[Tensor, Tensor] | None = None
        if cells.is_blurred:
            # B is a product of two one-dimensional blurs whose rows sum to 1: what it makes of stripes shows each.
            down = cells.blurred(np.repeat(np.eye(rows)[:, :, None], columns, 2))[:, :, 0].T
            across = cells.blurred(np.repeat(np.eye(columns)[:, None, :], rows, 1))[:, 0, :].T
            self.blur = torch.tensor(down).float().to(device), torch.tensor(across).float().to(device)
        _, _, high, wide = layout.planes
        self._row = [_padded(cells.row[parity::2], high - 2, rows, device) for parity in (0, 1)]
        self._column = [_padded(cells.column[parity::2], wide - 2, columns, device) for parity in (0, 1)]
        self._rows = [_indicator(index, rows) for index in self._row]
        self._columns = [_indicator(index, columns) for index in self._column]

    def means(self, u: Tensor) -> Tensor:
        """M u, (C, h, w), of u split."""
        total = torch.zeros((len(u), *self.area.shape), dtype=u.dtype, device=u.device)
        for colour in COLOURS:
            total += self.sums(self.layout.seen(u, colour), colour)
        return total / self.area

    def sums(self, part: Tensor, colour: Colour) -> Tensor:
        """Sums over the cells, (C, h, w), of the pixels of one colour."""
        return self._rows[colour[0]].T @ (part @ self._columns[colour[1]])

    def blurred(self, means: Tensor) -> Tensor:
        """B means."""
        if self.blur is None:
            return means
        down, across = self.blur
        return down @ means @ across.T

    def turned(self, means: Tensor) -> Tensor:
        """B' means."""
        if self.blur is None:
            return means
        down, across = self.blur
        return down.T @ means @ across

    def weighed(self, means: Tensor) -> Tensor:
        """B' W B means, (C, h, w)."""
        return self.turned(self.weight * self.blurred(means))

    def weighed_rows(self, means: Tensor) -> Tensor:
        """The same for means (hw, C) float64."""
        planes = means.T.float().reshape(-1, *self.area.shape)
        return self.weighed(planes).reshape(len(planes), -1).T.double()

    def misfit(self, u: Tensor) -> Tensor:
        """B' W (wanted - B M u), (C, h, w)."""
        return self.turned(self.weight * (self.wanted - self.blurred(self.means(u))))

    def at(self, values: Tensor, colour: Colour) -> Tensor:
        """M' values at the pixels of a colour, (C, h, w), of values (C, h, w) of the cells."""
        spread = torch.nn.functional.pad(values / self.area, (0, 1, 0, 1))  # pixels outside the image: cell of zeros
        return spread[:, self._row[colour[0]]][:, :, self._column[colour[1]]]

    def spread(self, values: Tensor) -> Tensor:
        """M' values, split."""
        result = values.new_zeros((len(values), *self.layout.planes))
        for colour in COLOURS:
            self.layout.seen(result, colour)[...] = self.at(values, colour)
        return result

    def lumped(self) -> Tensor:
        """Row sums of M' B' W B M, (2, 2, h + 2, w + 2)."""
        return self.spread(self.bound[None])[0]

    def lumped_by_colour(self) -> Tensor:
        """For each pixel, the row sum over the pixels of its own colour alone: what relaxing that colour can change."""
        result = torch.zeros(self.layout.planes, dtype=torch.float32, device=self.area.device)
        for colour in COLOURS:
            here = self.layout.seen(result, colour)
            share = self.sums(torch.ones_like(here)[None], colour) / self.area
            here[...] = self.at(self.weighed(share), colour)[0]
        return result

    def averages(self, owner: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """M P and its transpose, (hw, count) and (count, hw), for owner (2, 2, h + 2, w + 2), negative for none."""
        cell, node = [], []
        rows, columns = self.area.shape
        for colour in COLOURS:
            row, column = self._row[colour[0]][:, None], self._column[colour[1]]
            here = self.layout.seen(owner, colour)
            inside = (here >= 0) & (row < rows) & (column < columns)
            cell.append((row * columns + column)[inside])
            node.append(here[inside])
        place = torch.cat(cell)
        return pair(place, torch.cat(node).long(), 1 / self.area.reshape(-1)[place].double(), (rows * columns, count))


def pair(row: Tensor, column: Tensor, value: Tensor, shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """A sparse matrix from entries in any order, and its transpose."""
    row, column, value = coalesced(row, column, value, shape[1])
    matrix = compressed(row, column, value, shape)
    column, order = torch.sort(column, stable=True)
    return matrix, compressed(column, row[order], value[order], (shape[1], shape[0]))


def _padded(index: np.ndarray, size: int, cells: int, device: torch.device) -> Tensor:
    """Cell of each row or column of a plane; `cells`, one too many, where the image ends before the plane does."""
    result = torch.full((size,), cells, dtype=torch.int64, device=device)
    result[: len(index)] = torch.from_numpy(np.ascontiguousarray(index)).to(device)
    return result


def _indicator(index: Tensor, cells: int) -> Tensor:
    """(len(index), cells) matrix of ones where an index names a cell."""
    return (index[:, None] == torch.arange(cells, device=index.device)).float()
