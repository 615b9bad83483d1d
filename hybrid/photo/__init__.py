"""Reading and writing photographs: the only place of the program that touches image files."""

from hybrid.photo.header import read_size
from hybrid.photo.photo import Photo, PhotoError, WriteError
from hybrid.photo.read import read_overlay, read_photo
from hybrid.photo.target import check_writable
from hybrid.photo.write import WriteReport, output_space, write_photo, write_picture

__all__ = [
    "Photo",
    "PhotoError",
    "WriteError",
    "WriteReport",
    "check_writable",
    "output_space",
    "read_overlay",
    "read_photo",
    "read_size",
    "write_photo",
    "write_picture",
]
