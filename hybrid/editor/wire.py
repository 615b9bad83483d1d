"""Pictures on the way to the browser: a header of 24 bytes, then the samples, all little-endian."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

MAGIC = 0x42594831
"""The bytes 1HYB."""
HEADER = struct.Struct("<IIHHHHII")
"""Magic, revision, kind, zero, width, height, and two numbers of the kind."""
QUICK, SETTLED, TILE = 0, 1, 2


def packed_chroma(revision: int, kind: int, chroma: NDArray[np.floating]) -> bytes:
    """Relative chroma (h, w, 2) as half floats, a and b interleaved: 4 bytes a working pixel."""
    height, width = chroma.shape[:2]
    return HEADER.pack(MAGIC, revision, kind, 0, width, height, 0, 0) + chroma.astype("<f2", copy=False).tobytes()


def packed_tile(revision: int, column: int, row: int, codes: NDArray[np.uint8]) -> bytes:
    """A full-size tile (h, w, 3), 8-bit sRGB."""
    height, width = codes.shape[:2]
    return HEADER.pack(MAGIC, revision, TILE, 0, width, height, column, row) + codes.tobytes()
