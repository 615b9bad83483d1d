"""How fast memory is: the triad of STREAM (McCalpin, 1995), measured beside the solvers that it is to judge."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np
from numba import njit

PASS_BYTES = 32
"""Bytes a pixel that an iteration moves at least: four link weights and two channels read, two written, in float32."""
MEGABYTES = 96
"""Size of each of the three arrays; far beyond any cache here, and STREAM wants four times the last one."""


@njit(nogil=True, fastmath=True)
def _triad(a, b, c, scale, first, last):  # type: ignore[no-untyped-def]
    for i in range(first, last):
        a[i] = b[i] + scale * c[i]


def triad(threads: int = 1, repeats: int = 9, megabytes: int = MEGABYTES) -> dict[str, Any]:
    """Bandwidth of a = b + s c over doubles, in GB/s, counted as STREAM does: 24 bytes an element.

    Returns
    -------
    dict
        "gb_per_s" of every repeat, without the first; "median_gb_per_s".
    """
    count = megabytes * 1_000_000 // 8
    a, b, c = (np.full(count, value) for value in (0.0, 1.0, 2.0))
    edges = np.linspace(0, count, threads + 1).astype(int)
    parts = list(pairwise(edges))
    _triad(a, b, c, 3.0, 0, 1)
    rates = []
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(repeats + 1):
            began = time.perf_counter()
            list(pool.map(lambda part: _triad(a, b, c, 3.0, *part), parts))
            rates.append(24e-9 * count / (time.perf_counter() - began))
    if a[0] != 7 or a[-1] != 7:
        raise ArithmeticError(f"triad: got {a[0]} and {a[-1]}; wanted 7")
    return {"status": "ok", "reason": "", "gb_per_s": rates[1:], "median_gb_per_s": median(rates[1:])}
