"""Weighted graphs of the coarse levels: eight links of every node in a table, the few further ones in a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse

NEAR = 8
"""Links in the table: loops of fixed length vectorise and are never mispredicted, and 19 of 20 nodes have no more."""


@dataclass(frozen=True)
class Graph:
    """Links of n nodes, each in the rows of both its ends.

    Attributes
    ----------
    near : (n, 8) uint32
        Columns; a row that has fewer links is filled up with itself, at weight 0.
    weight : (n, 8) float32
    first : (n + 1,) uint32
        Where the further links of each row begin in far and far_weight.
    far : (m,) uint32
    far_weight : (m,) float32
    """

    near: NDArray[np.uint32]
    weight: NDArray[np.float32]
    first: NDArray[np.uint32]
    far: NDArray[np.uint32]
    far_weight: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.near)

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        return self.near, self.weight, self.first, self.far, self.far_weight

    def degree(self) -> NDArray[np.float32]:
        """Sum of the weights of each node's links."""
        result = self.weight.sum(axis=1)
        _add_far(self.first, self.far_weight, result)
        return result

    def to_csr(self) -> sparse.csr_array:
        """Weights as an (n, n) float64 matrix, for tests and the coarsest level."""
        row = np.repeat(np.arange(len(self)), NEAR)
        begin = self.first.astype(np.int64)
        far_row = np.repeat(np.arange(len(self)), begin[1:] - begin[:-1])
        part = slice(int(self.first[0]), int(self.first[-1]))
        column = np.concatenate([self.near.ravel(), self.far[part]]).astype(np.int64)
        value = np.concatenate([self.weight.ravel(), self.far_weight[part]]).astype(np.float64)
        both = sparse.coo_array((value, (np.concatenate([row, far_row]), column)), shape=(len(self), len(self))).tocsr()
        both.eliminate_zeros()
        return both


@njit(cache=True)
def _add_far(first, weight, result):  # type: ignore[no-untyped-def]
    for i in range(result.size):
        for k in range(first[i], first[i + 1]):
            result[i] += weight[k]
