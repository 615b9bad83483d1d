"""Compiled Gauss-Seidel sweeps for the finest level (image rows) and the coarse ones (graph rows).

Cells add a term that ties all pixels of a cell together. Its sweeps carry every cell's sum along while they change its
pixels, so that they relax ``M' diag(bound) M`` itself; what the blur makes different is
added to the right-hand side by the caller, as it was before the sweep.

Everything is in difference form, ``sum w (u_s - u_r) + f - c u_r``: a region tied outward only by tiny weights keeps
its residual in float32. Chroma has two channels, so the coarse kernels carry two values a node.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solvers.stencil import Stencil, pull_horizontal, pull_vertical


@njit(cache=True, fastmath={"contract"})
def relax_grid(planes, extra, inverse, f, u, backward):  # type: ignore[no-untyped-def]
    """One sweep over the rows of u (C, H, W), red-black within a row; backward is the exact reverse order.

    extra is the diagonal c beyond the links, inverse is 1 / (sum of links + c).
    """
    east = planes[0]
    channels, height, width = u.shape
    line = np.empty(width, u.dtype)
    for step in range(height):
        y = height - 1 - step if backward else step
        weight, pivot = east[y], inverse[y]
        for channel in range(channels):
            row = u[channel, y]
            target = f[channel, y]
            for x in range(width):
                line[x] = target[x] - extra[y, x] * row[x]
            pull_vertical(planes, y, u[channel], line)
            for half in range(2):
                _relax_half(weight, pivot, line, row, 1 - half if backward else half)


@njit(cache=True, fastmath={"contract"})
def _relax_half(weight, pivot, line, row, first):  # type: ignore[no-untyped-def]
    """Update every other pixel of a row from its two neighbours within the row."""
    width = row.size
    last = width - 1
    if first == 0:
        pull_east = weight[0] * (row[1] - row[0]) if width > 1 else line[0] * 0
        row[0] += pivot[0] * (line[0] + pull_east)
    for x in range(2 - first, last, 2):
        here = row[x]
        row[x] = here + pivot[x] * (line[x] + weight[x - 1] * (row[x - 1] - here) + weight[x] * (row[x + 1] - here))
    if last > 0 and last % 2 == first:
        row[last] += pivot[last] * (line[last] + weight[last - 1] * (row[last - 1] - row[last]))


@njit(cache=True, fastmath={"reassoc", "contract"})
def relax_grid_cells(planes, held, inverse, row_cell, edges, factor, sums, offset, f, u, backward):  # type: ignore[no-untyped-def]
    """relax_grid with cells: factor (h, w) is bound / area^2, sums (C, h, w) the sums of u over cells, kept up to date.

    Cell column k covers the pixels from edges[k] to edges[k + 1]. They see their sum change only after the whole row,
    for which inverse must allow: 1 / (links + held + factor * their number). offset (C, h, w) is added to f in a cell.
    """
    east = planes[0]
    channels, height, width = u.shape
    line, before = np.empty(width, u.dtype), np.empty(width, u.dtype)
    for step in range(height):
        y = height - 1 - step if backward else step
        weight, pivot, share = east[y], inverse[y], factor[row_cell[y]]
        for channel in range(channels):
            row, target, total = u[channel, y], f[channel, y], sums[channel, row_cell[y]]
            shift = offset[channel, row_cell[y]]
            for k in range(share.size):
                pull = np.float32(share[k] * total[k] - shift[k])
                for x in range(edges[k], edges[k + 1]):
                    before[x] = row[x]
                    line[x] = target[x] - held[y, x] * row[x] - pull
            pull_vertical(planes, y, u[channel], line)
            for half in range(2):
                _relax_half(weight, pivot, line, row, 1 - half if backward else half)
            for k in range(share.size):
                change = np.float32(0)
                for x in range(edges[k], edges[k + 1]):
                    change += row[x] - before[x]
                total[k] += change


@njit(cache=True, fastmath={"contract"})
def restrict_grid(planes, extra, owner, f, u, coarse):  # type: ignore[no-untyped-def]
    """coarse (n, 2) = P' (f - (Q + diag(extra)) u): residual and restriction in one pass over memory."""
    channels, height, width = u.shape
    line = np.empty(width, u.dtype)
    coarse[:] = 0
    for y in range(height):
        for channel in range(channels):
            row, target = u[channel, y], f[channel, y]
            for x in range(width):
                line[x] = target[x] - extra[y, x] * row[x]
            pull_vertical(planes, y, u[channel], line)
            pull_horizontal(planes, y, u[channel], line)
            for x in range(width):
                group = owner[y, x]
                if group >= 0:
                    coarse[group, channel] += line[x]


@njit(cache=True)
def prolong_grid(owner, coarse, u):  # type: ignore[no-untyped-def]
    """u += P coarse."""
    for y in range(owner.shape[0]):
        for channel in range(u.shape[0]):
            for x in range(owner.shape[1]):
                group = owner[y, x]
                if group >= 0:
                    u[channel, y, x] += coarse[group, channel]


@njit(cache=True, fastmath={"contract"})
def relax_graph_from_zero(start, middle, column, weight, inverse, f, u):  # type: ignore[no-untyped-def]
    """One forward sweep on (n, 2) values from u = 0, for which only the links to lower columns count."""
    for i in range(inverse.size):
        a, b = f[i, 0], f[i, 1]
        for k in range(start[i], middle[i]):
            j, w = column[k], weight[k]
            a += w * u[j, 0]
            b += w * u[j, 1]
        u[i, 0] = inverse[i] * a
        u[i, 1] = inverse[i] * b


@njit(cache=True, fastmath={"contract"})
def restrict_graph_after(start, middle, column, weight, owner, u, coarse):  # type: ignore[no-untyped-def]
    """coarse = P' residual after that sweep, which left ``r_i = sum w_ij u_j`` over the higher columns only."""
    coarse[:] = 0
    for i in range(owner.size):
        group = owner[i]
        if group < 0:
            continue
        for k in range(middle[i], start[i + 1]):
            j, w = column[k], weight[k]
            coarse[group, 0] += w * u[j, 0]
            coarse[group, 1] += w * u[j, 1]


@njit(cache=True)
def restrict_graph(owner, residual, coarse):  # type: ignore[no-untyped-def]
    """coarse = P' residual."""
    coarse[:] = 0
    for i in range(owner.size):
        if owner[i] >= 0:
            coarse[owner[i], 0] += residual[i, 0]
            coarse[owner[i], 1] += residual[i, 1]


@njit(cache=True)
def prolong_graph(owner, coarse, u):  # type: ignore[no-untyped-def]
    """u += P coarse."""
    for i in range(owner.size):
        if owner[i] >= 0:
            u[i, 0] += coarse[owner[i], 0]
            u[i, 1] += coarse[owner[i], 1]


@njit(cache=True, fastmath={"contract"})
def relax_graph_backward(start, column, weight, extra, inverse, f, u):  # type: ignore[no-untyped-def]
    """One backward sweep on (n, 2) values."""
    for step in range(inverse.size):
        i = inverse.size - 1 - step
        here, there = u[i, 0], u[i, 1]
        a, b = f[i, 0] - extra[i] * here, f[i, 1] - extra[i] * there
        for k in range(start[i], start[i + 1]):
            j, w = column[k], weight[k]
            a += w * (u[j, 0] - here)
            b += w * (u[j, 1] - there)
        u[i, 0] = here + inverse[i] * a
        u[i, 1] = there + inverse[i] * b


@njit(cache=True, fastmath={"contract"})
def relax_graph_cells(start, column, weight, held, inverse, cells, bound, means, offset, f, u, backward):  # type: ignore[no-untyped-def]
    """One sweep on (n, 2) values with cells: (first, cell, share) are the rows of M', means = M u is kept up to date.

    M' offset is added to f.
    """
    first, cell, share = cells
    for step in range(inverse.size):
        i = inverse.size - 1 - step if backward else step
        here, there = u[i, 0], u[i, 1]
        a, b = f[i, 0] - held[i] * here, f[i, 1] - held[i] * there
        for k in range(start[i], start[i + 1]):
            j, w = column[k], weight[k]
            a += w * (u[j, 0] - here)
            b += w * (u[j, 1] - there)
        for k in range(first[i], first[i + 1]):
            a -= share[k] * (bound[cell[k]] * means[cell[k], 0] - offset[cell[k], 0])
            b -= share[k] * (bound[cell[k]] * means[cell[k], 1] - offset[cell[k], 1])
        a *= inverse[i]
        b *= inverse[i]
        u[i, 0] = here + a
        u[i, 1] = there + b
        for k in range(first[i], first[i + 1]):
            means[cell[k], 0] += share[k] * a
            means[cell[k], 1] += share[k] * b


@njit(cache=True, fastmath={"contract"})
def apply_graph(start, column, weight, extra, u, out):  # type: ignore[no-untyped-def]
    """out = (L + diag(extra)) u on (n, 2) values, L the graph's Laplacian."""
    for i in range(extra.size):
        here, there = u[i, 0], u[i, 1]
        a, b = extra[i] * here, extra[i] * there
        for k in range(start[i], start[i + 1]):
            j, w = column[k], weight[k]
            a += w * (here - u[j, 0])
            b += w * (there - u[j, 1])
        out[i, 0] = a
        out[i, 1] = b


def relax_grid_plain(
    stencil: Stencil,
    extra: NDArray[np.floating],
    f: NDArray[np.floating],
    u: NDArray[np.floating],
    backward: bool = False,
) -> NDArray[np.floating]:
    """What relax_grid does, said in NumPy for one channel (H, W), in the arrays' precision: slow, for tests."""
    u = u.copy()
    pivot = stencil.diagonal() + extra
    height, width = stencil.shape
    for y in range(height)[:: -1 if backward else 1]:
        for half in (1, 0) if backward else (0, 1):
            residual = f - extra * u - stencil.apply(u)
            columns = np.arange(half, width, 2)
            u[y, columns] += np.divide(
                residual[y, columns],
                pivot[y, columns],
                where=pivot[y, columns] > 0,
                out=np.zeros(len(columns), u.dtype),
            )
    return u
