"""The header of a JPEG XL codestream, read bit by bit (ISO/IEC 18181-1, annexes A and B)."""

from dataclasses import dataclass

from hybrid.photo import cicp
from hybrid.photo.photo import PhotoError
from hybrid.photo.profiles import MatrixSpace

_RATIOS = ((1, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_ENUM = ((0, 0), (1, 0), (2, 4), (18, 6))
_ALPHA, _SPOT, _FILTER = 0, 2, 5
_GREY, _RGB = 1, 0
_WHITES = {1: cicp.D65_WHITE, 10: (1 / 3, 1 / 3), 11: (0.314, 0.351)}
_PRIMARIES = {
    1: ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
_CUSTOM = 2


@dataclass(frozen=True)
class Header:
    """What a codestream says before its pixels.

    Attributes
    ----------
    height, width : as stored, before turning by `orientation` (1..8).
    bits : a sample; `is_float` where they are floats.
    is_grey : one colour channel, else three.
    is_premultiplied : the alpha channel is already in the colours.
    space : of the pixels, None for sRGB.
    """

    height: int
    width: int
    orientation: int = 1
    bits: int = 8
    is_float: bool = False
    is_grey: bool = False
    is_premultiplied: bool = False
    space: MatrixSpace | None = None


class _Bits:
    """Takes bits from the lowest of the first byte upwards."""

    def __init__(self, data: bytes) -> None:
        self.value, self.left = int.from_bytes(data, "little"), 8 * len(data)

    def take(self, count: int) -> int:
        if count > self.left:
            raise PhotoError("the JPEG XL is damaged or cut short; copy it again")
        value = self.value & ((1 << count) - 1)
        self.value >>= count
        self.left -= count
        return value

    def flag(self) -> bool:
        return bool(self.take(1))

    def choice(self, *cases: tuple[int, int]) -> int:
        """One of four (offset, bits): the offset plus so many bits."""
        offset, count = cases[self.take(2)]
        return offset + self.take(count)


@dataclass(frozen=True)
class Basics:
    """What a codestream says before its colours.

    Attributes
    ----------
    height, width, orientation, bits, is_float : as of `Header`.
    is_animation : it may have many frames.
    extra : of each channel beside the colours, whether it is alpha that is already in them.
    """

    height: int
    width: int
    orientation: int = 1
    bits: int = 8
    is_float: bool = False
    is_animation: bool = False
    extra: tuple[bool, ...] = ()


def read_basics(codestream: bytes) -> Basics:
    """The first part of the header at the start of a codestream; its first kilobytes are enough.

    Raises
    ------
    PhotoError
        Cut short.
    """
    return _basics(_Bits(codestream[2:4096]))[0]


def read_header(codestream: bytes) -> Header:
    """The header at the start of a codestream; its first kilobytes are enough.

    Raises
    ------
    PhotoError
        Cut short, or with an ICC profile, which is packed as only libjxl unpacks it, or of high dynamic range.
    """
    bits = _Bits(codestream[2:4096])
    found, is_default = _basics(bits)
    if is_default:
        return Header(found.height, found.width)
    bits.flag()  # whether the pixels are stored as XYB
    is_grey, space = _color(bits)
    known = found.height, found.width, found.orientation, found.bits, found.is_float
    return Header(*known, is_grey, any(found.extra), space)


def _basics(bits: _Bits) -> tuple[Basics, bool]:
    """And whether all else is as it usually is, and left out."""
    height, width = _size(bits)
    if bits.flag():
        return Basics(height, width), True
    orientation, is_animation = 1, False
    if bits.flag():  # further fields
        orientation = 1 + bits.take(3)
        if bits.flag():
            _size(bits)
        if bits.flag():
            _preview(bits)
        is_animation = bits.flag()
        if is_animation:
            _animation(bits)
    depth, is_float = _depth(bits)
    bits.flag()  # whether 16-bit buffers are enough
    extra = tuple(_extra_channel(bits) for _ in range(bits.choice((0, 0), (1, 0), (2, 4), (1, 12))))
    return Basics(height, width, orientation, depth, is_float, is_animation, extra), False


def _size(bits: _Bits) -> tuple[int, int]:
    is_small = bits.flag()

    def side() -> int:
        return 8 * (1 + bits.take(5)) if is_small else bits.choice((1, 9), (1, 13), (1, 18), (1, 30))

    height = side()
    ratio = bits.take(3)
    above, below = _RATIOS[ratio]
    return height, height * above // below if ratio else side()


def _preview(bits: _Bits) -> None:
    cases = ((16, 0), (32, 0), (1, 5), (33, 9)) if bits.flag() else ((1, 6), (65, 8), (321, 10), (1345, 12))
    bits.choice(*cases)
    if bits.take(3) == 0:
        bits.choice(*cases)


def _animation(bits: _Bits) -> None:
    bits.choice((100, 0), (1000, 0), (1, 10), (1, 30))
    bits.choice((1, 0), (1001, 0), (1, 8), (1, 10))
    bits.choice((0, 0), (0, 3), (0, 16), (0, 32))
    bits.flag()


def _depth(bits: _Bits) -> tuple[int, bool]:
    if bits.flag():
        depth = bits.choice((32, 0), (16, 0), (24, 0), (1, 6))
        bits.take(4)
        return depth, True
    return bits.choice((8, 0), (10, 0), (12, 0), (1, 6)), False


def _extra_channel(bits: _Bits) -> bool:
    """Step over a channel beside the colours; whether it is alpha that is already in them."""
    if bits.flag():
        return False
    kind = bits.choice(*_ENUM)
    _depth(bits)
    bits.choice((0, 0), (3, 0), (4, 0), (1, 3))
    bits.take(8 * bits.choice((0, 0), (0, 4), (16, 5), (48, 10)))
    if kind == _SPOT:
        bits.take(64)
    if kind == _FILTER:
        bits.choice((1, 0), (0, 2), (3, 4), (19, 8))
    return kind == _ALPHA and bits.flag()


def _color(bits: _Bits) -> tuple[bool, MatrixSpace | None]:
    """Whether the picture is grey, and its space."""
    if bits.flag():
        return False, None
    has_profile = bits.flag()
    kind = bits.choice(*_ENUM)
    if has_profile:
        raise PhotoError("the JPEG XL has an ICC profile of its own kind; wanted a plain space; convert it to TIFF")
    if kind not in (_RGB, _GREY):
        raise PhotoError("the JPEG XL is neither grey nor RGB; convert it to 16-bit TIFF")
    code = bits.choice(*_ENUM)
    white = _place(bits) if code == _CUSTOM else _WHITES.get(code)
    primaries = None
    if kind == _RGB:
        code = bits.choice(*_ENUM)
        primaries = tuple(_place(bits) for _ in range(3)) if code == _CUSTOM else _PRIMARIES.get(code)
    if white is None or (kind == _RGB and primaries is None):
        raise PhotoError("the JPEG XL's colour space is unknown; convert it to 16-bit TIFF")
    if bits.flag():
        exponent = bits.take(24) / 1e7
        transfer, tone = 0, cicp.power(1 / exponent) if exponent > 0.01 else None
    else:
        transfer = bits.choice(*_ENUM)
        tone = cicp.power(2.6) if transfer == 17 else cicp.curve_of(transfer)
    if tone is None:
        raise PhotoError("the JPEG XL's tone curve makes no sense; convert it to 16-bit TIFF")
    if primaries is None:
        return True, None if transfer == cicp.SRGB_CURVE else cicp.grey_space(tone)
    if transfer == cicp.SRGB_CURVE and primaries == _PRIMARIES[1] and white == cicp.D65_WHITE:
        return False, None
    return False, cicp.rgb_space(primaries, white, tone)


def _place(bits: _Bits) -> tuple[float, float]:
    """A custom chromaticity."""

    def coordinate() -> float:
        packed = bits.choice((0, 19), (524288, 19), (1048576, 20), (2097152, 21))
        return (packed >> 1 ^ -(packed & 1)) / 1e6

    return coordinate(), coordinate()
