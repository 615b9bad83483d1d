"""Valid files that the fuzzer damages: every kind, and within a kind every path of its reader."""

from __future__ import annotations

import io

import imagecodecs
import numpy as np
import tifffile
from PIL import Image
from samples import MAKERS, RGB8, RGB16, heic, ink_profile, jpegxl_stream, saved, tiff

from hybrid.photo import cicp


def seeds() -> dict[str, bytes]:
    """Content by file name."""
    grey16, grey8 = RGB16[..., 0].copy(), RGB8[..., 0].copy()
    picture = Image.fromarray(RGB8)
    inks = np.dstack([RGB8, 255 - grey8])
    profile = cicp.rgb_space(((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), cicp.D65_WHITE, cicp.power(2.2)).profile
    grey = {"photometric": "minisblack"}
    files = {f"{name}.{name}": make() for name, make in MAKERS.items()}
    files |= {f"{kind}.tif": _compressed(RGB16, kind) for kind in ("deflate", "lzw", "zstd", "packbits", "lzma")}
    files |= {
        "jpeg.tif": _compressed(RGB8, "jpeg"),
        "jxl.tif": _compressed(RGB8, "jpegxl"),
        "tiled.tif": tiff(tile=(16, 16), compression="deflate", predictor=True),
        "big.tif": tiff(bigtiff=True, byteorder=">"),
        "profile.tif": tiff(profile=profile),
        "planar.tif": _written(np.moveaxis(RGB16, -1, 0), photometric="rgb", planarconfig="separate"),
        "float.tif": _written(
            (RGB16 / 65535).astype(np.float32), photometric="rgb", compression="deflate", predictor=True
        ),
        "bilevel.tif": _written(grey8 > 99, photometric="miniswhite"),
        "fax.tif": saved(picture.convert("1"), "TIFF", compression="group4"),
        "palette.tif": saved(picture.convert("P"), "TIFF"),
        "lab.tif": _written(RGB16, photometric="cielab"),
        "cmyk.tif": _written(inks, photometric="separated", iccprofile=ink_profile()),
        "alpha.tif": _written(np.dstack([RGB16, grey16]), photometric="rgb", extrasamples=["assocalpha"]),
        "pages.tif": _written(np.stack([grey16] * 3), **grey),
        "grey.png": bytes(imagecodecs.png_encode(grey16)),
        "alpha.png": bytes(imagecodecs.png_encode(np.dstack([RGB16, grey16]))),
        "bilevel.png": saved(picture.convert("1"), "PNG"),
        "palette.png": saved(picture.convert("P"), "PNG", icc_profile=profile),
        "grey.jpg": saved(picture.convert("L"), "JPEG"),
        "progressive.jpg": saved(picture, "JPEG", progressive=True, icc_profile=profile),
        "cmyk.jpg": saved(Image.fromarray(inks, "CMYK"), "JPEG", icc_profile=ink_profile()),
        "12.jpg": bytes(imagecodecs.jpeg8_encode(RGB16 >> 4, bitspersample=12)),
        "lossless.jpg": bytes(imagecodecs.jpeg8_encode(RGB16, bitspersample=16, lossless=True)),
        "lossy.webp": saved(picture, "WEBP", quality=80),
        "alpha.webp": bytes(imagecodecs.webp_encode(np.dstack([RGB8, grey8]), lossless=True)),
        "moving.webp": saved(picture, "WEBP", save_all=True, append_images=[picture.rotate(90)]),
        "bare.j2k": bytes(imagecodecs.jpeg2k_encode(grey16, level=0, codecformat="j2k")),
        "lossy.jp2": bytes(imagecodecs.jpeg2k_encode(RGB8, level=40)),
        "bare.jxl": jpegxl_stream(1, (1, 1)),
        "lossless.jxl": bytes(imagecodecs.jpegxl_encode(RGB16, lossless=True)),
        "alpha.jxl": bytes(imagecodecs.jpegxl_encode(np.dstack([RGB8, grey8]), lossless=True)),
        "grey.avif": bytes(imagecodecs.avif_encode(grey8, level=80)),
        "10.avif": bytes(imagecodecs.avif_encode(RGB16 >> 6, level=90, bitspersample=10)),
        "8.heic": heic(8),
    }
    return files


def _written(pixels: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)  # type: ignore[arg-type]
    return file.getvalue()


def _compressed(pixels: np.ndarray, kind: str) -> bytes:
    return _written(pixels, photometric="rgb", compression=kind, rowsperstrip=8)
