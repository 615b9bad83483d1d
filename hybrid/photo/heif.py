"""What an AVIF or HEIC file says of its main picture in boxes (ISO/IEC 23008-12): size, turning, colours, metadata."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from hybrid.photo.boxes import box, boxes
from hybrid.photo.photo import PhotoError

DAMAGED = "the file's boxes are damaged or cut short; copy it again"
_TURNS = {  # (quarter turns anticlockwise, then mirrored top to bottom (0) or left to right (1)): EXIF's orientation
    (0, None): 1,
    (0, 1): 2,
    (2, None): 3,
    (0, 0): 4,
    (1, 0): 5,
    (3, None): 6,
    (3, 0): 7,
    (1, None): 8,
    (2, 1): 4,
    (2, 0): 2,
    (1, 1): 7,
    (3, 1): 5,
}


@dataclass(frozen=True)
class Main:
    """The main picture.

    Attributes
    ----------
    height, width : as stored.
    orientation : EXIF's 1..8, from the file's own turning; its EXIF says nothing about it.
    profile : ICC, or None.
    codes : colour primaries and transfer (H.273), or None.
    bits : a sample, 0 where it is not said.
    metadata : "exif" and "xmp" as stored.
    """

    height: int
    width: int
    orientation: int = 1
    profile: bytes | None = None
    codes: tuple[int, int] | None = None
    bits: int = 0
    metadata: dict[str, bytes] = field(default_factory=dict)


def main_picture(data: memoryview) -> Main:
    """Read the boxes about the main picture.

    Raises
    ------
    PhotoError
        They are damaged, or there is none.
    """
    try:
        meta = box(data, b"meta")[4:]
        main = _number(box(meta, b"pitm")[4:], 2 if box(meta, b"pitm")[0] == 0 else 4)
        properties = list(_properties_of(meta, main))
        sides = next(content for name, content in properties if name == b"ispe")
        width, height = struct.unpack_from(">II", sides, 4)
        profile, codes, bits, turns, axis = None, None, 0, 0, None
        for name, content in properties:
            if name == b"colr" and bytes(content[:4]) in (b"prof", b"rICC"):
                profile = bytes(content[4:])
            elif name == b"colr" and bytes(content[:4]) == b"nclx":
                codes = struct.unpack_from(">HH", content, 4)
            elif name == b"pixi" and content[4]:
                bits = bits or content[5]
            elif name == b"av1C":
                bits = 8 + 2 * (content[2] >> 6 & 1) + 2 * (content[2] >> 5 & 1)
            elif name == b"irot":
                turns = content[0] & 3
            elif name == b"imir":
                axis = content[0] & 1
        metadata = dict(_metadata(data, meta))
    except (struct.error, IndexError, StopIteration) as error:
        raise PhotoError(DAMAGED) from error
    return Main(height, width, _TURNS[turns, axis], profile, codes, bits, metadata)


def _number(data: memoryview, size: int) -> int:
    return int.from_bytes(data[:size], "big")


def _properties_of(meta: memoryview, item: int) -> Iterator[tuple[bytes, memoryview]]:
    properties = list(boxes(box(meta, b"iprp", b"ipco")))
    table = box(meta, b"iprp", b"ipma")
    name_size = 2 if table[0] == 0 else 4
    is_wide = table[3] & 1
    at = 8
    for _ in range(_number(table[4:], 4)):
        found, count = _number(table[at:], name_size), table[at + name_size]
        at += name_size + 1
        for _ in range(count):
            index = _number(table[at:], 2) & 0x7FFF if is_wide else table[at] & 0x7F
            at += 2 if is_wide else 1
            if found == item and 1 <= index <= len(properties):
                yield properties[index - 1]


def _metadata(data: memoryview, meta: memoryview) -> Iterator[tuple[str, bytes]]:
    """EXIF (as a TIFF-like blob) and XMP, each from the first item of its kind."""
    names = {b"Exif": "exif", b"mime": "xmp"}
    kinds: dict[int, str] = {}
    items = box(meta, b"iinf")
    for _, entry in boxes(items[6 if items and items[0] == 0 else 8 :]):
        size = 2 if entry[0] == 2 else 4
        kind, rest = bytes(entry[6 + size : 10 + size]), bytes(entry[10 + size :])
        if (
            entry[0] >= 2
            and kind in names
            and names[kind] not in kinds.values()
            and (kind == b"Exif" or b"xml" in rest)
        ):
            kinds[_number(entry[4:], size)] = names[kind]
    for item, content in _locations(data, meta):
        if kinds.get(item) == "exif":
            yield "exif", content[4 + _number(memoryview(content), 4) :].removeprefix(b"Exif\0\0")
        elif kinds.get(item) == "xmp":
            yield "xmp", content


def _locations(data: memoryview, meta: memoryview) -> Iterator[tuple[int, bytes]]:
    """Number and content of every item, but those of several pieces: metadata is in one."""
    table = box(meta, b"iloc")
    if not table:
        return
    version = table[0]
    offset_size, length_size, base_size = table[4] >> 4, table[4] & 15, table[5] >> 4
    index_size = table[5] & 15 if version else 0
    wide = 4 if version == 2 else 2
    at = 6

    def take(size: int) -> int:
        nonlocal at
        if at + size > len(table):
            raise IndexError
        at += size
        return _number(table[at - size :], size)

    for _ in range(take(wide)):
        item = take(wide)
        method = take(2) & 15 if version else 0
        take(2)
        base, pieces = take(base_size), take(2)
        places = [(take(index_size), take(offset_size), take(length_size))[1:] for _ in range(pieces)]
        if pieces == 1 and method in (0, 1):
            source = box(meta, b"idat") if method == 1 else data
            start, length = base + places[0][0], places[0][1]
            if length < 1 << 26:
                yield item, bytes(source[start : start + length])
