"""Kernels for one row of the image, in the photo's own pixel order; what passes over the image are made of.

A row is relaxed red-black. Both colours are computed for all its pixels and masked, so that every loop runs over
neighbouring memory and vectorises. The first and the last pixel, which lack neighbours, are done apart.

Everything is in difference form, ``sum w (u_s - u_r) + f - c u_r``: a region tied outward only by tiny weights keeps
its residual in float32.
"""

from __future__ import annotations

import numpy as np
from numba import njit

FAST = {"contract", "nsz", "arcp"}


@njit(cache=True)
def links_of(planes, y, zero):  # type: ignore[no-untyped-def]
    """Weights of row y's links: east, three up (south, southeast, southwest of the row above), three down."""
    east, south, southeast, southwest = planes
    if y == 0:
        return east[y], zero, zero, zero, south[y], southeast[y], southwest[y]
    return east[y], south[y - 1], southeast[y - 1], southwest[y - 1], south[y], southeast[y], southwest[y]


@njit(cache=True)
def held_row(held, y, row):  # type: ignore[no-untyped-def]
    """row = what seeds add to the diagonal in row y; held is (first, column, weight), compressed by rows."""
    first, column, weight = held
    row[:] = 0
    for k in range(first[y], first[y + 1]):
        row[column[k]] = weight[k]


@njit(cache=True)
def pivots(links, held, more, result):  # type: ignore[no-untyped-def]
    """result = 1 / (sum of links + held + more), 0 where that is 0."""
    east, n, nw, ne, s, se, sw = links
    last = result.size - 1
    for x in range(result.size):
        result[x] = held[x] + more[x] + east[x] + n[x] + s[x] + se[x] + sw[x]
    _add(result[1:], east[:last])
    _add(result[1:], nw[:last])
    _add(result[:last], ne[1:])
    _invert(result)


@njit(cache=True)
def _add(result, values):  # type: ignore[no-untyped-def]
    for x in range(result.size):
        result[x] += values[x]


@njit(cache=True, fastmath=FAST)
def _invert(result):  # type: ignore[no-untyped-def]
    for x in range(result.size):
        d = result[x]
        result[x] = np.float32(1) / d if d > 0 else np.float32(0)


@njit(cache=True, fastmath=FAST)
def _pull(line, f, c, u, n, nw, ne, s, se, sw, al, a, ar, bl, b, br):  # type: ignore[no-untyped-def]
    for x in range(line.size):
        here = u[x]
        line[x] = (
            f[x]
            - c[x] * here
            + n[x] * (a[x] - here)
            + nw[x] * (al[x] - here)
            + ne[x] * (ar[x] - here)
            + s[x] * (b[x] - here)
            + se[x] * (br[x] - here)
            + sw[x] * (bl[x] - here)
        )


@njit(cache=True, fastmath={"contract"})
def pull_vertical(links, f, c, above, u, below, line):  # type: ignore[no-untyped-def]
    """line = f - c u + what the six neighbours above and below pull."""
    _, n, nw, ne, s, se, sw = links
    last = line.size - 1
    if last > 1:
        _pull(
            line[1:last],
            f[1:last],
            c[1:last],
            u[1:last],
            n[1:last],
            nw[: last - 1],
            ne[2:],
            s[1:last],
            se[1:last],
            sw[1:last],
            above[: last - 1],
            above[1:last],
            above[2:],
            below[: last - 1],
            below[1:last],
            below[2:],
        )
    for x in (0, last):
        here = u[x]
        total = f[x] - c[x] * here + n[x] * (above[x] - here) + s[x] * (below[x] - here)
        if x > 0:
            total += nw[x - 1] * (above[x - 1] - here) + sw[x] * (below[x - 1] - here)
        if x < last:
            total += ne[x + 1] * (above[x + 1] - here) + se[x] * (below[x + 1] - here)
        line[x] = total


@njit(cache=True, fastmath=FAST)
def _pull_sideways(line, left, u, right, w, e):  # type: ignore[no-untyped-def]
    for x in range(line.size):
        here = u[x]
        line[x] += w[x] * (left[x] - here) + e[x] * (right[x] - here)


@njit(cache=True, fastmath={"contract"})
def pull_horizontal(east, u, line):  # type: ignore[no-untyped-def]
    """line += what the neighbours within the row pull."""
    last = line.size - 1
    if last > 1:
        _pull_sideways(line[1:last], u[: last - 1], u[1:last], u[2:], east[: last - 1], east[1:last])
    if last > 0:
        line[0] += east[0] * (u[1] - u[0])
        line[last] += east[last - 1] * (u[last - 1] - u[last])


@njit(cache=True)
def pull_row(links, f, c, u, y, line):  # type: ignore[no-untyped-def]
    """line = f - c u + what all neighbours of row y of u (H, W) pull: the residual of that row."""
    pull_vertical(links, f, c, u[max(y - 1, 0)], u[y], u[min(y + 1, u.shape[0] - 1)], line)
    pull_horizontal(links[0], u[y], line)


@njit(cache=True, fastmath=FAST)
def _half(out, line, pivot, mask, left, u, right, w, e):  # type: ignore[no-untyped-def]
    for x in range(out.size):
        here = u[x]
        out[x] = here + mask[x] * pivot[x] * (line[x] + w[x] * (left[x] - here) + e[x] * (right[x] - here))


@njit(cache=True, fastmath={"contract"})
def relax_half(east, line, pivot, mask, u, out):  # type: ignore[no-untyped-def]
    """out = u with the pixels of one colour relaxed, mask 1 on these and 0 on the others."""
    last = out.size - 1
    if last > 1:
        _half(
            out[1:last],
            line[1:last],
            pivot[1:last],
            mask[1:last],
            u[: last - 1],
            u[1:last],
            u[2:],
            east[: last - 1],
            east[1:last],
        )
    for x in (0, last):
        total = line[x]
        if x > 0:
            total += east[x - 1] * (u[x - 1] - u[x])
        if x < last:
            total += east[x] * (u[x + 1] - u[x])
        out[x] = u[x] + mask[x] * pivot[x] * total


@njit(cache=True)
def parities(width):  # type: ignore[no-untyped-def]
    """Masks of the even and of the odd pixels of a row."""
    even, odd = np.zeros(width, np.float32), np.zeros(width, np.float32)
    even[::2] = 1
    odd[1::2] = 1
    return even, odd


@njit(cache=True, fastmath={"reassoc", "contract", "nsz"})
def dot_row(a, b):  # type: ignore[no-untyped-def]
    total = 0.0
    for x in range(a.size):
        total += np.float64(a[x]) * np.float64(b[x])
    return total
