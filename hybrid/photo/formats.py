"""The kinds of image files: how each is known, how its size is found, and who decodes it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hybrid.photo import avif, heic, jpeg, jpeg2000, jpegxl, png, raw, tiff_page, webp
from hybrid.photo.decoded import Decoded, checked_size
from hybrid.photo.photo import PhotoError

NAMES = "TIFF, PNG, JPEG, WebP, JPEG 2000, JPEG XL, AVIF, HEIC or camera raw"
_LONGEST_SIGNATURE = 64


@dataclass(frozen=True)
class Format:
    """A kind of image file.

    Attributes
    ----------
    endings : of files' names; content decides, not they, but for camera raw.
    is_it : whether a file is of this kind, from its path and its first bytes.
    read : decode it; where `pages` is given, a page from 1 may be asked for.
    size : height and width of the upright picture, from the header.
    pages : counts pages; None where there is one.
    """

    endings: tuple[str, ...]
    is_it: Callable[[Path, bytes], bool]
    read: Callable[..., Decoded]
    size: Callable[..., tuple[int, int]]
    pages: Callable[[Path], int] | None = None


def _starts(*signatures: bytes) -> Callable[[Path, bytes], bool]:
    return lambda _, start: start.startswith(signatures)


def _branded(*brands: bytes) -> Callable[[Path, bytes], bool]:
    """Whether one of these brands is among those in a file's first box."""

    def is_it(_: Path, start: bytes) -> bool:
        known = (start[8:12], *(start[at : at + 4] for at in range(16, min(int.from_bytes(start[:4], "big"), 64), 4)))
        return start[4:8] == b"ftyp" and any(brand in known for brand in brands)

    return is_it


FORMATS = {
    "raw": Format(raw.ENDINGS, raw.is_raw, raw.read, raw.size),
    "tiff": Format(
        (".tif", ".tiff"),
        _starts(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
        tiff_page.read,
        tiff_page.size,
        tiff_page.pages,
    ),
    "png": Format((".png",), _starts(png.SIGNATURE), png.read, png.size),
    "jpeg": Format((".jpg", ".jpeg"), _starts(b"\xff\xd8\xff"), jpeg.read, jpeg.size),
    "webp": Format((".webp",), lambda _, start: start[:4] + start[8:12] == b"RIFFWEBP", webp.read, webp.size),
    "jpeg2000": Format(
        (".jp2", ".j2k", ".jpx", ".j2c", ".jpf"), _starts(*jpeg2000.SIGNATURES), jpeg2000.read, jpeg2000.size
    ),
    "jpegxl": Format((".jxl",), _starts(*jpegxl.SIGNATURES), jpegxl.read, jpegxl.size),
    "avif": Format((".avif",), _branded(b"avif", b"avis"), avif.read, avif.size),
    "heic": Format(
        (".heic", ".heif", ".hif"), _branded(b"heic", b"heix", b"heim", b"heis", b"mif1"), heic.read, heic.size
    ),
}
"""In the order in which they are asked whether a file is theirs."""

ENDINGS = tuple(ending for name in sorted(FORMATS, key="raw".__eq__) for ending in FORMATS[name].endings)
"""Endings of files that are photos, in small letters; camera raw last."""


def format_of(path: Path) -> Format:
    """The kind of a file.

    Raises
    ------
    PhotoError
        A folder, an empty file, or content of no known kind.
    OSError
        It cannot be read.
    """
    if path.is_dir():
        raise PhotoError("it is a folder; wanted an image file; name one inside it")
    with path.open("rb") as file:
        start = file.read(_LONGEST_SIGNATURE)
    if not start:
        raise PhotoError(f"the file is empty; wanted a {NAMES}; copy it again")
    for kind in FORMATS.values():
        if kind.is_it(path, start):
            return kind
    raise PhotoError(f"its content is no {NAMES}, whatever its name says; convert it to 16-bit TIFF")


def decode(path: Path, page: int | None = None) -> Decoded:
    """Decode a file, or one of its pages, from 1.

    Raises
    ------
    PhotoError
        As the file's kind, and for a page that is not there.
    """
    kind = format_of(path)
    return kind.read(path, *_page(kind, path, page))


def size(path: Path, page: int | None = None) -> tuple[int, int]:
    """Height and width of the upright picture that `decode` finds.

    Raises
    ------
    PhotoError
        The header is damaged.
    """
    kind = format_of(path)
    height, width = kind.size(path, *_page(kind, path, page))
    checked_size(height, width)
    return height, width


def pages(path: Path) -> int:
    """How many pages a file has."""
    kind = format_of(path)
    return kind.pages(path) if kind.pages else 1


def _page(kind: Format, path: Path, page: int | None) -> tuple[int, ...]:
    if page is None:
        return ()
    found = kind.pages(path) if kind.pages else 1
    if not 1 <= page <= found:
        count = "1 page" if found == 1 else f"{found} pages"
        raise PhotoError(f"page {page} was asked for, and there {'is' if found == 1 else 'are'} {count}; count from 1")
    return (page,) if kind.pages else ()
