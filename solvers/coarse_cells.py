"""The K-cycle of `solvers.coarse` for problems with cells, whose term is carried through all levels exactly.

M P, the mean over cells of what a coarse node stands for, is kept for every level. Sweeps carry the means along while
they change nodes, so that they relax ``M' diag(bound) M`` itself; what the blur makes different is added to the
right-hand side, as it was before the sweep.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from solvers.coarse import apply, combine, first_step, graph_of, prolong, pulled, restrict, second_step, solve_dense


@njit(cache=True, nogil=True, fastmath={"contract"})
def relax_cells(low, high, graph, held, inverse, average, bound, means, offset, f, u, backward):  # type: ignore[no-untyped-def]
    """One sweep over the nodes low..high: average = (first, cell, share) are the rows of M', means = M u is kept.

    M' offset is added to f.
    """
    near, weight, links, far, far_weight = graph
    first, cell, share = average
    for step in range(high - low):
        i = np.uint32(high - 1 - step if backward else low + step)
        a, b = pulled(
            near, weight, links, far, far_weight, i, u, f[i, 0] - held[i] * u[i, 0], f[i, 1] - held[i] * u[i, 1]
        )
        for k in range(first[i], first[i + 1]):
            c, s = cell[k], share[k]
            a -= s * (bound[c] * means[c, 0] - offset[c, 0])
            b -= s * (bound[c] * means[c, 1] - offset[c, 1])
        a *= inverse[i]
        b *= inverse[i]
        u[i, 0] += a
        u[i, 1] += b
        for k in range(first[i], first[i + 1]):
            means[cell[k], 0] += share[k] * a
            means[cell[k], 1] += share[k] * b


@njit(cache=True, nogil=True, fastmath={"contract"})
def average_nodes(average, u, means):  # type: ignore[no-untyped-def]
    """means (hw, 2) += M u."""
    first, cell, share = average
    for i in range(u.shape[0]):
        for k in range(first[i], first[i + 1]):
            means[cell[k], 0] += share[k] * u[i, 0]
            means[cell[k], 1] += share[k] * u[i, 1]


@njit(cache=True, nogil=True, fastmath={"contract"})
def spread_cells(low, high, average, values, sign, out):  # type: ignore[no-untyped-def]
    """out (n, 2) += sign M' values for the nodes low..high."""
    first, cell, share = average
    for i in range(low, high):
        for k in range(first[i], first[i + 1]):
            out[i, 0] += sign * share[k] * values[cell[k], 0]
            out[i, 1] += sign * share[k] * values[cell[k], 1]


@njit(cache=True, nogil=True, fastmath={"contract"})
def _along(band, source, target):  # type: ignore[no-untyped-def]
    """target = a banded matrix times source (n, x) along the first axis; band (n, 2 reach + 1) holds its diagonals."""
    reach = band.shape[1] // 2
    target[:] = 0
    for i in range(target.shape[0]):
        for k in range(max(0, i - reach), min(target.shape[0], i + reach + 1)):
            factor, line, out = band[i, k - i + reach], source[k], target[i]
            for x in range(out.size):
                out[x] += factor * line[x]


@njit(cache=True, nogil=True, fastmath={"contract"})
def _across(band, source, target):  # type: ignore[no-untyped-def]
    """The same along the second axis, for rows of pairs; band (2 reach + 1, 2 n) has each entry twice."""
    reach, size = band.shape[0] // 2, source.shape[1]
    target[:] = 0
    for y in range(source.shape[0]):
        for k in range(band.shape[0]):
            shift = 2 * (k - reach)
            low, high = max(0, -shift), min(size, size - shift)
            if low < high:
                factor, line, out = band[k, low:high], source[y, low + shift : high + shift], target[y, low:high]
                for x in range(out.size):
                    out[x] += factor[x] * line[x]


@njit(cache=True, nogil=True)
def weigh(blur, weight, means, out):  # type: ignore[no-untyped-def]
    """out = B' W B means, both (hw, 2); blur = bands of (down, across, down', across'), weight (h, 2 w)."""
    down, across, down_back, across_back = blur
    shape = weight.shape
    one, two = np.empty(shape, np.float32), np.empty(shape, np.float32)
    _along(down, means.reshape(shape), one)
    _across(across, one, two)
    two *= weight
    _across(across_back, two, one)
    _along(down_back, one, out.reshape(shape))


@njit(cache=True, nogil=True)
def means_pull(grid, means, out):  # type: ignore[no-untyped-def]
    """out = B' W B means, grid = (blur, weight, bound, is_blurred)."""
    blur, weight, _, is_blurred = grid
    if is_blurred:
        weigh(blur, weight, means, out)
    else:
        flat = weight.reshape(means.shape)
        for k in range(means.shape[0]):
            out[k, 0] = flat[k, 0] * means[k, 0]
            out[k, 1] = flat[k, 1] * means[k, 1]


@njit(cache=True, nogil=True)
def means_offset(grid, means, out):  # type: ignore[no-untyped-def]
    """out = (diag(bound) - B' W B) means: what a sweep relaxes beyond the cells' term."""
    bound = grid[2]
    means_pull(grid, means, out)
    for k in range(bound.size):
        out[k, 0] = bound[k] * means[k, 0] - out[k, 0]
        out[k, 1] = bound[k] * means[k, 1] - out[k, 1]


@njit(cache=True, nogil=True)
def k_cycle_cells(top, levels, held, inverse, owner, averages, grid, work, dense, enough):  # type: ignore[no-untyped-def]
    """As `coarse.k_cycle`, with averages of all levels and grid = (blur, weight, bound, is_blurred)."""
    base = levels[0]
    first, cell, share_of = averages
    bound = grid[2]
    last = base.size - 2
    step, energy, share = np.zeros((last + 1, 2)), np.zeros((last + 1, 2)), np.zeros((last + 1, 2))
    is_second = np.zeros(last + 1, np.bool_)
    all_means, pull = np.zeros((last, bound.size, 2), np.float32), np.zeros((bound.size, 2), np.float32)
    depth = top
    while True:
        while depth < last:
            low, high = base[depth], base[depth + 1]
            n, graph, h = high - low, graph_of(levels, depth), held[low:high]
            average, means = (first[low : high + 1], cell, share_of), all_means[depth]
            f, u = work[0, low:high], work[3 if is_second[depth] else 2, low:high]
            u[:] = 0
            means[:] = 0
            pull[:] = 0
            relax_cells(0, n, graph, h, inverse[low:high], average, bound, means, pull, f, u, False)
            means_pull(grid, means, pull)
            depth += 1
            right = work[0, high : base[depth + 1]]
            right[:] = 0
            restrict(0, n, graph, h, owner[low:high], f, u, right)
            spread_cells(
                0, len(right), (first[high : base[depth + 1] + 1], cell, share_of), pull, np.float32(-1), right
            )
            is_second[depth] = False
        low = base[last]
        solve_dense(dense, work[0, low:], work[1, low:])
        while depth > top:
            depth -= 1
            low, high = base[depth], base[depth + 1]
            n, graph, h = high - low, graph_of(levels, depth), held[low:high]
            average, means = (first[low : high + 1], cell, share_of), all_means[depth]
            f, u = work[0, low:high], work[3 if is_second[depth] else 2, low:high]
            image = work[5 if is_second[depth] else 4, low:high]
            error = work[1, high : base[depth + 2]]
            prolong(0, n, owner[low:high], error, u)
            average_nodes((first[high : base[depth + 2] + 1], cell, share_of), error, means)
            means_offset(grid, means, pull)
            relax_cells(0, n, graph, h, inverse[low:high], average, bound, means, pull, f, u, True)
            means_pull(grid, means, pull)
            apply(0, n, graph, h, u, image)
            spread_cells(0, n, average, pull, np.float32(1), image)
            if is_second[depth]:
                second_step(f, u, work[4, low:high], image, step[depth], energy[depth], share[depth])
            elif first_step(f, u, image, step[depth], energy[depth]) > enough[depth]:
                is_second[depth] = True
                break
            else:
                share[depth] = 0
            combine(step[depth], work[2, low:high], share[depth], work[3, low:high], work[1, low:high])
        else:
            return
