"""Boxes of the ISO base media format (ISO/IEC 14496-12, clause 4.2): the wrapping of JPEG 2000, AVIF and others."""

import struct
from collections.abc import Iterator

_MOST_BOXES = 10_000


def boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Name and content of every box, in order; stops where the bytes are cut short or make no sense."""
    at = 0
    for _ in range(_MOST_BOXES):
        if at + 8 > len(data):
            return
        size, name = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            if at + 16 > len(data):
                return
            (size,) = struct.unpack_from(">Q", data, at + 8)
            head = 16
        elif size == 0:  # to the end of the file
            size = len(data) - at
        if size < head or at + size > len(data):
            return
        yield name, data[at + head : at + size]
        at += size


def box(data: memoryview, *path: bytes) -> memoryview:
    """Content of the first box of these nested names, empty if there is none."""
    for name in path:
        data = next((content for found, content in boxes(data) if found == name), memoryview(b""))
    return data
