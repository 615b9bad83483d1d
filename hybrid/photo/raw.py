"""Camera raw, by LibRaw through rawpy (an extra): demosaiced to linear light, 16 bits, upright."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from hybrid.color import SRGB_TO_XYZ
from hybrid.photo import exif
from hybrid.photo.decoded import Decoded, checked_size, checked_values
from hybrid.photo.mapped import mapped
from hybrid.photo.photo import PhotoError
from hybrid.photo.profiles import LINEAR, MatrixSpace

_CAMERAS = "3fr arw cr2 cr3 crw dng erf fff iiq mef mos mrw nef nrw orf pef raf rw2 rwl sr2 srf srw x3f"
ENDINGS = tuple(f".{name}" for name in _CAMERAS.split())
SIGNATURES = (
    b"FUJIFILMCCD-RAW",
    b"IIU\0",
    b"IIRO",
    b"IIRS",
    b"MMOR",
    b"FOVb",
    b"\0MRM",
    b"\0\0\0\x18ftypcrx ",
    b"II\x1a\0\0\0HEAPCCDR",
)
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_DNG_VERSION, _PHOTOMETRIC, _MAKER_NOTE = 50706, 262, 37500
_OF_SENSORS = (32803, 34892)  # colour filter array, linear raw

# LibRaw's "ProPhoto D65", from linear sRGB (dcraw's constant). Wide, so that hardly a colour is clipped.
_PROPHOTO_OF_SRGB = np.array(
    [[0.529317, 0.330092, 0.140588], [0.098368, 0.873465, 0.028169], [0.016879, 0.117663, 0.865457]]
)
_SPACE = MatrixSpace(LINEAR.curves, SRGB_TO_XYZ @ np.linalg.inv(_PROPHOTO_OF_SRGB), LINEAR.profile)


def is_raw(path: Path, start: bytes) -> bool:
    """Whether a file is a camera's: by its signature, its tags, or as a TIFF by its name's ending."""
    if start.startswith(SIGNATURES):
        return True
    if not start.startswith(_TIFF):
        return False
    if path.suffix.lower() in ENDINGS or start[8:10] == b"CR":
        return True
    main = exif.read(mapped(path)).main
    photometric = main.get(_PHOTOMETRIC)
    return _DNG_VERSION in main or (photometric is not None and photometric.integer() in _OF_SENSORS)


def read(path: Path) -> Decoded:
    """Develop with the camera's white balance, no other change of tone.

    Raises
    ------
    PhotoError
        The extra is missing; the file is damaged or of an unknown camera.
    """
    library = _library()
    with _developing(), library.imread(str(path)) as raw:
        height, width = _size(raw)
        checked_size(height, width)
        values = raw.postprocess(
            use_camera_wb=True,
            no_auto_bright=True,
            adjust_maximum_thr=0,  # the brightest pixel is not made white
            gamma=(1, 1),
            output_bps=16,
            output_color=library.ColorSpace.ProPhoto,
        )
    values = checked_values(values, height, width, "raw file")
    directories = exif.cleaned(exif.read(mapped(path)))
    camera = {tag: item for tag, item in directories.camera.items() if tag != _MAKER_NOTE}  # its pointers would dangle
    block = exif.blob(exif.Exif(directories.main, camera, directories.gps))
    return Decoded(values, values.shape[2], 16, metadata={"exif": block} if block else {}, space=_SPACE)


def size(path: Path) -> tuple[int, int]:
    """Height and width of the upright picture."""
    library = _library()
    with _developing(), library.imread(str(path)) as raw:
        return _size(raw)


@contextmanager
def _developing() -> Iterator[None]:
    try:
        yield
    except (PhotoError, MemoryError):
        raise
    except Exception as error:
        text = error.args[0] if error.args else ""
        text = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
        raise PhotoError(
            f"the raw file is damaged, cut short, or of a camera that LibRaw does not know ({text}); "
            "develop it to 16-bit TIFF"
        ) from error


def _library() -> ModuleType:
    try:
        import rawpy
    except ImportError as error:
        raise PhotoError("camera raw needs the extra raw: pip install 'hybrid-colorizer[raw]'") from error
    return rawpy


def _size(raw: Any) -> tuple[int, int]:
    """Height and width of the developed picture."""
    sizes = raw.sizes
    return (sizes.iwidth, sizes.iheight) if sizes.flip & 4 else (sizes.iheight, sizes.iwidth)
