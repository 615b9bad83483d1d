"""Work through a picture in bands of rows, several at once, so that temporaries stay small."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

BAND_PIXELS = 1 << 16  # the fastest measured: temporaries stay in cache, and a 16-bit RGB strip of a TIFF is 0.4 MB


def bands(height: int, width: int) -> list[slice]:
    """Row slices of about `BAND_PIXELS` pixels each that cover a (height, width) picture from the top."""
    rows = min(height, max(1, BAND_PIXELS // width))
    return [slice(top, min(top + rows, height)) for top in range(0, height, rows)]


def each_band(work: Callable[[slice], Result], height: int, width: int, threads: int | None = None) -> Iterator[Result]:
    """Yield `work(rows)` for every band in order.

    NumPy and the codecs let go of the interpreter lock, so threads pay; at most two bands a thread are in flight.
    `threads` defaults to the processor's cores, at most 8.
    """
    threads = threads or min(8, os.cpu_count() or 1)
    if threads == 1:
        yield from map(work, bands(height, width))
        return
    with ThreadPoolExecutor(threads) as pool:
        flying: deque[Future[Result]] = deque()
        try:
            for rows in bands(height, width):
                flying.append(pool.submit(work, rows))
                if len(flying) >= 2 * threads:
                    yield flying.popleft().result()
            while flying:
                yield flying.popleft().result()
        finally:
            for future in flying:
                future.cancel()
