"""Reading and writing photographs: the only place of the program that touches image files."""

from hybrid.photo.formats import ENDINGS
from hybrid.photo.header import count_pages, read_size
from hybrid.photo.output import check_output
from hybrid.photo.overlay import overlay_png
from hybrid.photo.photo import Photo, PhotoError, WriteError
from hybrid.photo.provenance import Provenance
from hybrid.photo.read import read_overlay, read_photo
from hybrid.photo.spaces import SPACES, output_space
from hybrid.photo.target import check_writable
from hybrid.photo.write import WriteReport, write_chroma, write_photo, write_picture

__all__ = [
    "ENDINGS",
    "SPACES",
    "Photo",
    "PhotoError",
    "Provenance",
    "WriteError",
    "WriteReport",
    "check_output",
    "check_writable",
    "count_pages",
    "output_space",
    "overlay_png",
    "read_overlay",
    "read_photo",
    "read_size",
    "write_chroma",
    "write_photo",
    "write_picture",
]
