"""The first matching pass on the finest level: neighbouring pixels become pairs by handshake.

Every free pixel points at the neighbour it is tied to most strongly; two that point at each other are a pair. All
pixels of a row are looked at together, so the work vectorises, and no order of visits decides: strips of rows can be
paired by different threads. Links get a random factor near 1, or equal links would all point the same way.
"""

from __future__ import annotations

import numpy as np
from numba import njit

HEAVIER = np.float32(4)  # a pixel joins a neighbour's pair if that link beats its best free one by this factor
ROUNDS = 2
FREE, ALONE = 8, 9  # beside the directions 0..3 (east, south, southeast, southwest) and 4..7, their opposites
DOWN = np.array([0, 1, 1, 1, 0, -1, -1, -1], np.int64)
RIGHT = np.array([1, 0, 1, -1, -1, 0, -1, 1], np.int64)
PERIOD = 1021


def jitter(width: int) -> np.ndarray:
    """Factors for the links of a row of `width` pixels, read from PERIOD different places."""
    return (1 - 0.3 * np.random.default_rng(1).random(width + PERIOD)).astype(np.float32)


@njit(cache=True, nogil=True)
def diagonals(planes, low, high, result):  # type: ignore[no-untyped-def]
    """result = sum of the weights of each pixel's links, for rows low..high."""
    last = result.shape[1] - 1
    for y in range(low, high):
        row = result[y]
        row[:] = 0
        for k in range(4):
            _add(row, planes[k][y])
        _add(row[1:], planes[0][y, :last])
        if y > 0:
            _add(row, planes[1][y - 1])
            _add(row[1:], planes[2][y - 1, :last])
            _add(row[:last], planes[3][y - 1, 1:])


@njit(cache=True)
def _add(row, values):  # type: ignore[no-untyped-def]
    for x in range(row.size):
        row[x] += values[x]


@njit(cache=True, fastmath={"nnan", "nsz", "contract"})
def _consider(best, choice, any_best, weight, factor, here, there, free, quality, code):  # type: ignore[no-untyped-def]
    for x in range(best.size):
        w = weight[x]
        strong = w if w >= quality * min(here[x], there[x]) else np.float32(0)
        any_best[x] = max(any_best[x], strong)
        value = strong * factor[x] * free[x]
        better = value > best[x]
        choice[x] = code if better else choice[x]
        best[x] = max(best[x], value)


@njit(cache=True)
def _choose(planes, diagonal, whole, free, factors, y, low, high, quality, best, choice, any_best):  # type: ignore[no-untyped-def]
    """Strongest admissible free neighbour of each pixel of row y within the strip low..high.

    whole is the largest diagonal of the group that a neighbour would bring along.
    """
    width = diagonal.shape[1]
    best[:] = 0
    any_best[:] = 0
    choice[:] = FREE
    for k in range(8):
        row = y + DOWN[k]
        if row < low or row >= high:
            continue
        right = RIGHT[k]
        a, b = max(0, -right), width - max(0, right)
        if a >= b:
            continue
        stored = y if k < 4 else row
        shift = 0 if k < 4 else right
        place = (stored * 7919 + (k % 4) * 263) % PERIOD
        _consider(
            best[a:b],
            choice[a:b],
            any_best[a:b],
            planes[k % 4][stored, a + shift : b + shift],
            factors[place + a + shift : place + b + shift],
            diagonal[y, a:b],
            whole[row, a + right : b + right],
            free[row, a + right : b + right],
            quality,
            np.int32(k),
        )


@njit(cache=True, nogil=True)
def pair_strip(planes, diagonal, factors, low, high, quality, partner):  # type: ignore[no-untyped-def]
    """partner (H, W) uint8 of rows low..high = direction of the pixel each is paired with, or ALONE.

    A direction that is not returned by its target is that of a pair's member which this pixel joins.
    """
    width = diagonal.shape[1]
    best, any_best = np.empty(width, np.float32), np.empty(width, np.float32)
    choice = np.empty(width, np.int32)
    free = np.ones((high - low, width), np.float32)
    pointing = np.empty((high - low, width), np.uint8)
    planes_here = (planes[0][low:high], planes[1][low:high], planes[2][low:high], planes[3][low:high])
    here, height = diagonal[low:high], high - low
    mates = partner[low:high]
    mates[:] = FREE
    for _ in range(ROUNDS):
        for y in range(height):
            _choose(planes_here, here, here, free, factors, y, 0, height, quality, best, choice, any_best)
            for x in range(width):
                is_weak = any_best[x] > HEAVIER * best[x]
                pointing[y, x] = FREE if is_weak else choice[x]
        for y in range(height):
            for x in range(width):
                k = pointing[y, x]
                if k != FREE and mates[y, x] == FREE and pointing[y + DOWN[k], x + RIGHT[k]] == (k + 4) % 8:
                    mates[y, x] = k
        for y in range(height):
            for x in range(width):
                free[y, x] = np.float32(1) if mates[y, x] == FREE else np.float32(0)
    _join(planes_here, here, free, factors, quality, mates)


@njit(cache=True)
def _join(planes, diagonal, free, factors, quality, mates):  # type: ignore[no-untyped-def]
    """What stayed free joins the pair it is tied to most strongly."""
    height, width = mates.shape
    best, any_best = np.empty(width, np.float32), np.empty(width, np.float32)
    choice, whole = np.empty(width, np.int32), np.empty_like(diagonal)
    for y in range(height):
        for x in range(width):
            free[y, x] = 1 - free[y, x]
            k = mates[y, x]
            whole[y, x] = diagonal[y, x] if k == FREE else max(diagonal[y, x], diagonal[y + DOWN[k], x + RIGHT[k]])
    for y in range(height):
        _choose(planes, diagonal, whole, free, factors, y, 0, height, quality, best, choice, any_best)
        for x in range(width):
            joined = choice[x] if choice[x] != FREE else ALONE
            # Stored whether it changes or not: LLVM 22 loses lanes of masked 8-bit stores where there is AVX-512.
            mates[y, x] = joined if mates[y, x] == FREE else mates[y, x]
