"""Reading and writing photographs: the only place of the program that touches image files."""

from .header import read_size
from .photo import Photo, PhotoError, WriteError
from .read import read_overlay, read_photo
from .target import check_writable
from .write import WriteReport, write_photo, write_picture

__all__ = [
    "Photo",
    "PhotoError",
    "WriteError",
    "WriteReport",
    "check_writable",
    "read_overlay",
    "read_photo",
    "read_size",
    "write_photo",
    "write_picture",
]
