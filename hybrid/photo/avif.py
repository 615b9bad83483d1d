"""AVIF: 8, 10 and 12 bits, its pixels by libavif."""

from pathlib import Path

import imagecodecs

from hybrid.photo import exif
from hybrid.photo.cicp import profile_of, space_of_codes
from hybrid.photo.decoded import Decoded, checked_size, checked_values, decoding, dpi_of, upright_size
from hybrid.photo.heif import main_picture
from hybrid.photo.mapped import mapped


def read(path: Path) -> Decoded:
    """Decode an AVIF; of a sequence the first frame.

    Raises
    ------
    PhotoError
        Damaged, cut short, or of high dynamic range.
    """
    data = path.read_bytes()
    main = main_picture(memoryview(data))
    checked_size(main.height, main.width)
    with decoding("AVIF"):
        values = imagecodecs.avif_decode(data, index=0)
    values = checked_values(values, main.height, main.width, "AVIF")
    channels = 3 if values.shape[2] >= 3 else 1
    space = space_of_codes(*main.codes, channels) if main.codes and main.profile is None else None
    directories = exif.read(main.metadata.get("exif", b""))
    blocks = {"exif": exif.blob(exif.cleaned(directories)), "xmp": main.metadata.get("xmp", b"")}
    return Decoded(
        values,
        channels,
        8 if values.dtype.itemsize == 1 else main.bits,
        main.orientation,
        profile=main.profile or profile_of(space),
        dpi=dpi_of(directories),
        metadata={name: block for name, block in blocks.items() if block},
        space=space,
    )


def size(path: Path) -> tuple[int, int]:
    """Height and width of the upright picture."""
    main = main_picture(mapped(path))
    return upright_size((main.height, main.width), main.orientation)
