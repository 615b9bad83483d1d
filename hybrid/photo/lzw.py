"""LZW as TIFF packs it (TIFF 6.0, section 13): damage that must not reach the decoder.

imagecodecs' decoder follows a wild pointer when the code after a clear is no literal.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hybrid.photo.photo import PhotoError

_CLEAR, _END, _FIRST, _FULL = 256, 257, 258, 4098


def check_lzw(packed: NDArray[np.uint8]) -> None:
    """Refuse a packed strip or tile in which something else than a literal follows a clear.

    Raises
    ------
    PhotoError
        It does.
    """
    if packed.size > 2 and not _compiled()(packed, packed[0] == 0 and packed[1] & 1 == 1):
        raise PhotoError("its LZW data is damaged; copy or scan it again")


@cache
def _compiled() -> Callable[[NDArray[np.uint8], bool], bool]:
    import numba  # here, since few files need it

    return numba.njit(cache=True, nogil=True)(_is_sound)


def _is_sound(packed: NDArray[np.uint8], is_low_first: bool) -> bool:
    """Whether a literal follows every clear, up to the end or a full table, where the decoder stops.

    Codes are packed from the highest bit down, as TIFF 6.0 has it, or as older programs did from the lowest up; then
    they also grow one code later.
    """
    early = 0 if is_low_first else 1
    place, width, size, is_fresh = 9, 9, _FIRST, True  # what does not begin with a clear the decoder refuses itself
    while place + width <= 8 * packed.size:
        byte, bit = place >> 3, place & 7
        third = int(packed[byte + 2]) if byte + 2 < packed.size else 0
        if is_low_first:
            window = int(packed[byte]) | int(packed[byte + 1]) << 8 | third << 16
            code = window >> bit & ((1 << width) - 1)
        else:
            window = int(packed[byte]) << 16 | int(packed[byte + 1]) << 8 | third
            code = window >> (24 - width - bit) & ((1 << width) - 1)
        place += width
        if code == _END or size >= _FULL:
            return True
        if code == _CLEAR:
            width, size, is_fresh = 9, _FIRST, True
        elif is_fresh:
            if code >= _FIRST:
                return False
            is_fresh = False
        else:
            size += 1
            width = 9 + (size + early >= 512) + (size + early >= 1024) + (size + early >= 2048)
    return True
