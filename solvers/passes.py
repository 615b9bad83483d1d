"""Passes over the finest level: each goes through memory once and does all that is due at a row while it is in cache.

The image is cut into strips of rows. Strips of even number are worked on first, each by one thread, then those of odd
number: a multiplicative Schwarz order, whose result does not depend on the number of threads and whose reverse is its
adjoint. What a pass needs of the rows beyond its strip it leaves to the odd strips, which come when those are done.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from solvers.rows import (
    dot_row,
    held_row,
    links_of,
    parities,
    pivots,
    pull_row,
    pull_vertical,
    relax_half,
)

SWEEPS = 2


@njit(cache=True)
def ask_row(cells, asked, channel, y, f, out):  # type: ignore[no-untyped-def]
    """out = f minus what the cells of row y pull down: asked (C, h, w), equal for the pixels of a cell."""
    row, edges = cells
    values = asked[channel, row[y]]
    for k in range(values.size):
        value = np.float32(values[k])
        for x in range(edges[k], edges[k + 1]):
            out[x] = f[x] - value


@njit(cache=True, fastmath={"contract"})
def _relax_row(planes, cells, f, u, y, backward, buffers):  # type: ignore[no-untyped-def]
    """Relax row y of both channels; buffers hold its pivots already."""
    zero, even, odd, hold, pivot, line, turned, target = buffers
    row, edges, factor, sums, offset = cells
    height = u.shape[1]
    links = links_of(planes, y, zero)
    slot = y % hold.shape[0]
    first, second = (odd, even) if backward else (even, odd)
    for channel in range(u.shape[0]):
        here = u[channel, y]
        above, below = u[channel, max(y - 1, 0)], u[channel, min(y + 1, height - 1)]
        if factor.size:
            share, total, shift = factor[row[y]], sums[channel, row[y]], offset[channel, row[y]]
            for k in range(share.size):
                pull = np.float32(share[k] * total[k] - shift[k])
                for x in range(edges[k], edges[k + 1]):
                    target[x] = f[channel, y, x] - pull
            pull_vertical(links, target, hold[slot], above, here, below, line)
            for k in range(share.size):
                total[k] -= _sum(here[edges[k] : edges[k + 1]])
        else:
            pull_vertical(links, f[channel, y], hold[slot], above, here, below, line)
        relax_half(links[0], line, pivot[slot], first, here, turned)
        relax_half(links[0], line, pivot[slot], second, turned, here)
        if factor.size:
            total = sums[channel, row[y]]
            for k in range(total.size):
                total[k] += _sum(here[edges[k] : edges[k + 1]])


@njit(cache=True, fastmath={"reassoc", "contract"})
def _sum(values):  # type: ignore[no-untyped-def]
    total = np.float32(0)
    for x in range(values.size):
        total += values[x]
    return np.float64(total)


@njit(cache=True)
def _prepare_row(planes, held, cells, y, buffers):  # type: ignore[no-untyped-def]
    zero, _, _, hold, pivot, line, _, _ = buffers
    row, edges, factor, _, _ = cells
    slot = y % hold.shape[0]
    held_row(held, y, hold[slot])
    line[:] = 0
    if factor.size:
        # The pixels of a cell in one row move at once, unseen by each other: Jacobi, for which their number makes up.
        for k in range(edges.size - 1):
            line[edges[k] : edges[k + 1]] = factor[row[y], k] * (edges[k + 1] - edges[k])
    pivots(links_of(planes, y, zero), hold[slot], line, pivot[slot])


@njit(cache=True)
def _buffers(width):  # type: ignore[no-untyped-def]
    even, odd = parities(width)
    ring = SWEEPS + 1
    return (
        np.zeros(width, np.float32),
        even,
        odd,
        np.zeros((ring, width), np.float32),
        np.zeros((ring, width), np.float32),
        np.zeros(width, np.float32),
        np.zeros(width, np.float32),
        np.zeros(width, np.float32),
    )


@njit(cache=True)
def _reach(strip, bounds, height):  # type: ignore[no-untyped-def]
    """Rows whose neighbours are known once this strip is done: its own without its rim, or with one row beyond."""
    low, high = bounds[strip], bounds[strip + 1]
    if strip % 2:
        return low - 1, min(high + 1, height)
    return (low + 1 if low else 0), (high - 1 if high < height else height)


@njit(cache=True, nogil=True)
def descend(planes, held, cells, owner, f, u, coarse, bounds, strips):  # type: ignore[no-untyped-def]
    """SWEEPS forward sweeps on u and coarse (n, 2) += P' (f - (Q + diag(held)) u), for the given strips."""
    buffers = _buffers(u.shape[2])
    for strip in strips:
        low, high = bounds[strip], bounds[strip + 1]
        first, last = _reach(strip, bounds, u.shape[1])
        done = first
        for step in range(low, high + SWEEPS):
            if step < high:
                _prepare_row(planes, held, cells, step, buffers)
            for sweep in range(SWEEPS):
                if low <= step - sweep < high:
                    _relax_row(planes, cells, f, u, step - sweep, False, buffers)
            while done < min(step - SWEEPS, high - 1) and done < last:
                _restrict_row(planes, held, owner, f, u, done, coarse, buffers)
                done += 1
        while done < last:
            _restrict_row(planes, held, owner, f, u, done, coarse, buffers)
            done += 1


@njit(cache=True, fastmath={"contract"})
def _restrict_row(planes, held, owner, f, u, y, coarse, buffers):  # type: ignore[no-untyped-def]
    zero, _, _, _, _, line, hold, other = buffers
    links = links_of(planes, y, zero)
    held_row(held, y, hold)
    group = owner[y]
    for channel in range(u.shape[0]):
        pull_row(links, f[channel, y], hold, u[channel], y, line if channel == 0 else other)
    if u.shape[0] == 2:
        for x in range(group.size):
            if group[x] >= 0:
                coarse[group[x], 0] += line[x]
                coarse[group[x], 1] += other[x]
    else:
        for x in range(group.size):
            if group[x] >= 0:
                coarse[group[x], 0] += line[x]


@njit(cache=True)
def _prolong_row(owner, coarse, u, y):  # type: ignore[no-untyped-def]
    group = owner[y]
    if u.shape[0] == 2:
        one, two = u[0, y], u[1, y]
        for x in range(group.size):
            if group[x] >= 0:
                one[x] += coarse[group[x], 0]
                two[x] += coarse[group[x], 1]
    else:
        one = u[0, y]
        for x in range(group.size):
            if group[x] >= 0:
                one[x] += coarse[group[x], 0]


@njit(cache=True, nogil=True)
def ascend(planes, held, cells, owner, f, u, coarse, q, dots, bounds, strips):  # type: ignore[no-untyped-def]
    """u += P coarse, SWEEPS backward sweeps, and dots[strip] (2, C) = u'f and u'q over the strip's rows."""
    buffers = _buffers(u.shape[2])
    for strip in strips:
        low, high = bounds[strip], bounds[strip + 1]
        first, last = _reach(strip, bounds, u.shape[1])
        dots[strip] = 0
        ready = last
        for step in range(high - 1, low - 1 - SWEEPS, -1):
            while ready > max(step - 1, first) or (step <= low and ready > first):
                ready -= 1
                _prolong_row(owner, coarse, u, ready)
            if step >= low:
                _prepare_row(planes, held, cells, step, buffers)
            for sweep in range(SWEEPS):
                if low <= step + sweep < high:
                    _relax_row(planes, cells, f, u, step + sweep, True, buffers)
            y = step + SWEEPS - 1
            if low <= y < high:
                for channel in range(u.shape[0]):
                    dots[strip, 0, channel] += dot_row(u[channel, y], f[channel, y])
                    dots[strip, 1, channel] += dot_row(u[channel, y], q[channel, y])


@njit(cache=True, nogil=True, fastmath={"contract"})
def search(planes, held, cells, asked, z, share, p, q, dots, bounds, strips):  # type: ignore[no-untyped-def]
    """p = z + share p and q = A p, with dots[strip] (2, C) = p'q over the rows whose q is set with this strip."""
    width, height = z.shape[2], z.shape[1]
    zero, hold = np.zeros(width, np.float32), np.zeros(width, np.float32)
    for strip in strips:
        low, high = bounds[strip], bounds[strip + 1]
        first, last = _reach(strip, bounds, height)
        dots[strip] = 0
        done = first
        for y in range(low, high):
            for channel in range(z.shape[0]):
                _direct_row(z[channel, y], share[channel], p[channel, y])
            while done < y and done < last:
                _apply_row(planes, held, cells, asked, p, q, done, zero, hold, dots[strip])
                done += 1
        while done < last:
            _apply_row(planes, held, cells, asked, p, q, done, zero, hold, dots[strip])
            done += 1


@njit(cache=True, fastmath={"contract"})
def _direct_row(z, share, p):  # type: ignore[no-untyped-def]
    if share == 0:
        p[:] = z
    else:
        for x in range(z.size):
            p[x] = z[x] + share * p[x]


@njit(cache=True, fastmath={"contract"})
def _apply_row(planes, held, cells, asked, p, q, y, zero, hold, dots):  # type: ignore[no-untyped-def]
    links = links_of(planes, y, zero)
    held_row(held, y, hold)
    for channel in range(p.shape[0]):
        here, result = p[channel, y], q[channel, y]
        pull_row(links, zero, hold, p[channel], y, result)
        if asked.size:
            ask_row(cells, asked, channel, y, result, result)
        for x in range(result.size):
            result[x] = -result[x]
        dots[0, channel] += dot_row(here, result)


@njit(cache=True, nogil=True, fastmath={"contract"})
def advance(p, q, step, x, r, largest, dots, bounds, strips):  # type: ignore[no-untyped-def]
    """x += step p, r -= step q; largest[strip] = the largest change, dots[strip, 0] = r'r."""
    for strip in strips:
        most = np.float32(0)
        dots[strip] = 0
        for y in range(bounds[strip], bounds[strip + 1]):
            for channel in range(p.shape[0]):
                most = max(
                    most, _advance_row(p[channel, y], q[channel, y], step[channel], x[channel, y], r[channel, y])
                )
                dots[strip, 0, channel] += dot_row(r[channel, y], r[channel, y])
        largest[strip] = most


@njit(cache=True, fastmath={"contract", "nnan", "reassoc", "nsz"})
def _advance_row(p, q, step, x, r):  # type: ignore[no-untyped-def]
    most = np.float32(0)
    for k in range(p.size):
        change = step * p[k]
        x[k] += change
        r[k] -= step * q[k]
        most = max(most, abs(change))
    return most


@njit(cache=True, nogil=True, fastmath={"contract"})
def misfit(planes, held, wanted, cells, asked, u, r, dots, bounds, strips):  # type: ignore[no-untyped-def]
    """r = b - A u, every term as a difference, with dots[strip, 0] = r'r; wanted (N, C) goes with held."""
    zero = np.zeros(u.shape[2], np.float32)
    first, column, weight = held
    for strip in strips:
        dots[strip] = 0
        for y in range(bounds[strip], bounds[strip + 1]):
            links = links_of(planes, y, zero)
            for channel in range(u.shape[0]):
                here, result = u[channel, y], r[channel, y]
                pull_row(links, zero, zero, u[channel], y, result)
                for k in range(first[y], first[y + 1]):
                    result[column[k]] += weight[k] * (wanted[k, channel] - here[column[k]])
                if asked.size:
                    ask_row(cells, asked, channel, y, result, result)
                dots[strip, 0, channel] += dot_row(result, result)


@njit(cache=True)
def least_error(planes, held, cells, more, r):  # type: ignore[no-untyped-def]
    """The largest |r| / (2 d), d a pixel's links, its seed's weight and its cell's share."""
    height, width = r.shape[1], r.shape[2]
    row, edges = cells
    zero, hold, line, pivot = np.zeros((4, width), np.float32)
    largest = np.float32(0)
    for y in range(height):
        held_row(held, y, hold)
        for k in range(edges.size - 1):
            line[edges[k] : edges[k + 1]] = np.float32(more[row[y], k])
        pivots(links_of(planes, y, zero), hold, line, pivot)
        for channel in range(r.shape[0]):
            for x in range(width):
                largest = max(largest, abs(r[channel, y, x]) * pivot[x])
    return largest / 2
