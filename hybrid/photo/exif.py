"""EXIF blocks: read, cleaned for a new picture, and laid out again, alone or inside a TIFF.

The blob kept in `Photo.metadata["exif"]` is a small little-endian TIFF without pixels, as JPEG and PNG embed it.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

EXIF_POINTER, GPS_POINTER = 0x8769, 0x8825
ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x0112, 0x011A, 0x011B, 0x0128
_WIDTH, _HEIGHT, _COLOR_SPACE, _INTEROPERABILITY = 0xA002, 0xA003, 0xA001, 0xA005
DIMENSIONS = (_WIDTH, _HEIGHT)
"""Entries about the size of compressed data, which a TIFF must not have."""
_YCBCR_POSITIONING, _VERSION, _COMPONENTS, _FLASHPIX, _GPS_VERSION = 0x0213, 0x9000, 0x9101, 0xA000, 0

# What the first directory says about the photo and not about how its pixels are stored: description, make, model,
# software, date, artist, host, rating, copyright, and Windows' title, comment, author, keywords, subject.
DESCRIPTION = 0x010E
DESCRIPTIVE = (
    DESCRIPTION,
    0x010F,
    0x0110,
    0x0131,
    0x0132,
    0x013B,
    0x013C,
    0x4746,
    0x4749,
    0x8298,
    *range(0x9C9B, 0x9CA0),
)

_LAYOUTS = (b'{"shape":', b"ImageJ=")  # descriptions by which programs tell themselves how the pixels are stored

_MOST_BYTES = 1 << 24
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_SWAP_UNITS = {3: 2, 8: 2, 4: 4, 9: 4, 5: 4, 10: 4, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}


@dataclass(frozen=True)
class Field:
    """One entry of a directory: TIFF type, number of values, the values as little-endian bytes."""

    kind: int
    count: int
    data: bytes

    def integer(self) -> int | None:
        """The first value if it is a whole number."""
        size = {1: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8}.get(self.kind)
        return int.from_bytes(self.data[:size], "little") if size and self.count else None

    def ratio(self) -> float | None:
        """The first value if it is a fraction."""
        if self.kind != 5 or not self.count:
            return None
        above, below = struct.unpack_from("<II", self.data)
        return above / below if below else None


Directory = Mapping[int, Field]


@dataclass(frozen=True)
class Exif:
    """The three directories worth carrying. Thumbnails and interoperability pointers are left behind."""

    main: Directory = field(default_factory=dict)
    camera: Directory = field(default_factory=dict)
    gps: Directory = field(default_factory=dict)


def read(data: bytes | memoryview, first: int | None = None) -> Exif:
    """Read the directories of an EXIF blob, or of a whole TIFF file (classic or BigTIFF); damaged parts are left out.

    So are values beyond 16 MB a directory: none is of use here, and a hostile file lets a thousand entries point to the
    same large place. `first` is where the main directory stands, if not where the header says.
    """
    try:
        order = {b"II": "<", b"MM": ">"}[bytes(data[:2])]
        big = struct.unpack_from(order + "H", data, 2)[0] == 43
        (header,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    except (KeyError, struct.error):
        return Exif()
    main = _directory(data, header if first is None else first, order, big)

    def pointed(tag: int) -> Directory:
        offset = main[tag].integer() if tag in main else None
        return _directory(data, offset, order, big) if offset else {}

    return Exif(main, pointed(EXIF_POINTER), pointed(GPS_POINTER))


def _directory(data: bytes | memoryview, offset: int, order: str, big: bool) -> Directory:
    if not 0 <= offset <= len(data):
        return {}  # places beyond what a computer counts among them
    found: dict[int, Field] = {}
    room = _MOST_BYTES
    head, entry = ("Q", "HHQ8s") if big else ("H", "HHI4s")
    try:
        (count,) = struct.unpack_from(order + head, data, offset)
        at = offset + struct.calcsize(order + head)
        for _ in range(min(count, 1000)):
            tag, kind, values, inline = struct.unpack_from(order + entry, data, at)
            at += struct.calcsize(order + entry)
            size = _SIZES.get(kind, 0) * values
            if size > len(inline):
                (where,) = struct.unpack(order + ("Q" if big else "I"), inline)
                raw = bytes(data[where : where + size]) if size <= room else b""
                room -= len(raw)
            else:
                raw = inline[:size]
            if size and len(raw) == size:
                found[tag] = Field(kind, values, _little(raw, kind) if order == ">" else raw)
    except struct.error:
        pass  # cut short: keep what was whole
    return found


def _little(raw: bytes, kind: int) -> bytes:
    unit = _SWAP_UNITS.get(kind, 1)
    return np.frombuffer(raw, f"u{unit}").byteswap().tobytes() if unit > 1 else raw


def cleaned(exif: Exif) -> Exif:
    """Only what stays true of an upright copy with other pixels: description, camera data, place."""
    main = {tag: value for tag, value in exif.main.items() if tag in DESCRIPTIVE}
    if DESCRIPTION in main and main[DESCRIPTION].data.startswith(_LAYOUTS):
        del main[DESCRIPTION]
    camera = {tag: value for tag, value in exif.camera.items() if tag != _INTEROPERABILITY}
    return Exif(main, camera, exif.gps)


def for_picture(exif: Exif, width: int, height: int, is_srgb: bool, dpi: tuple[float, float] | None) -> Exif:
    """The directories for a picture of this size, upright; with the versions that Exif wants in each that is there."""
    main = {**exif.main, ORIENTATION: Field(3, 1, struct.pack("<H", 1))}
    if dpi is not None:
        main |= {X_RESOLUTION: _ratio(dpi[0]), Y_RESOLUTION: _ratio(dpi[1])}
        main[RESOLUTION_UNIT] = Field(3, 1, struct.pack("<H", 2))
    camera = dict(exif.camera)
    if camera:
        camera |= {_WIDTH: Field(4, 1, struct.pack("<I", width)), _HEIGHT: Field(4, 1, struct.pack("<I", height))}
        camera[_COLOR_SPACE] = Field(3, 1, struct.pack("<H", 1 if is_srgb else 0xFFFF))
        camera = {_VERSION: Field(7, 4, b"0232"), _FLASHPIX: Field(7, 4, b"0100"), **camera}
    return Exif(main, camera, {_GPS_VERSION: Field(1, 4, b"\2\3\0\0"), **exif.gps} if exif.gps else {})


def for_jpeg(exif: Exif) -> Exif:
    """The directories with what Exif 2.32 (CIPA DC-008) wants in a JPEG besides."""
    if not (exif.main or exif.camera or exif.gps):
        return exif
    unknown = {X_RESOLUTION: _ratio(72), Y_RESOLUTION: _ratio(72), RESOLUTION_UNIT: Field(3, 1, struct.pack("<H", 1))}
    main = {**unknown, **exif.main, _YCBCR_POSITIONING: Field(3, 1, struct.pack("<H", 1))}
    return Exif(main, {_COMPONENTS: Field(7, 4, b"\1\2\3\0"), **exif.camera} if exif.camera else {}, exif.gps)


def count_kept(before: Exif, after: Exif) -> list[int]:
    """How many entries there were, and how many of them are still there; those about size and colour space left out."""
    pairs = [(before.main, after.main), (before.camera, after.camera), (before.gps, after.gps)]
    own = (*DIMENSIONS, _COLOR_SPACE, EXIF_POINTER, GPS_POINTER)
    same = [new.get(tag) == field for old, new in pairs for tag, field in old.items() if tag not in own]
    return [len(same), sum(same)]


def _ratio(value: float) -> Field:
    return Field(5, 1, struct.pack("<II", round(value * 10000), 10000))


def blob(exif: Exif) -> bytes:
    """The directories as a little-endian EXIF blob, b"" when there is nothing in them."""
    main = dict(exif.main)
    parts = [(tag, part) for tag, part in ((EXIF_POINTER, exif.camera), (GPS_POINTER, exif.gps)) if part]
    if not main and not parts:
        return b""
    main |= {tag: Field(4, 1, bytes(4)) for tag, _ in parts}
    at = 8 + len(directory_bytes(main, 0))
    rest = b""
    for tag, part in parts:
        main[tag] = Field(4, 1, struct.pack("<I", at + len(rest)))
        rest += directory_bytes(part, at + len(rest))
    return b"II*\0\x08\0\0\0" + directory_bytes(main, 8) + rest


def directory_bytes(directory: Directory, offset: int, big: bool = False) -> bytes:
    """A directory and its values as they stand at `offset` of a little-endian TIFF, of even length."""
    head, entry, pointer = ("<Q", "<HHQ", "<Q") if big else ("<H", "<HHI", "<I")
    room = struct.calcsize(pointer)
    values_at = offset + struct.calcsize(head) + len(directory) * (struct.calcsize(entry) + room) + room
    table, values = struct.pack(head, len(directory)), b""
    for tag in sorted(directory):
        item = directory[tag]
        table += struct.pack(entry, tag, item.kind, item.count)
        if len(item.data) <= room:
            table += item.data.ljust(room, b"\0")
        else:
            table += struct.pack(pointer, values_at + len(values))
            values += item.data + bytes(len(item.data) % 2)
    return table + bytes(room) + values
