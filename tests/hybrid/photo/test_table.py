"""A table of files that we write, read again by ourselves and by ImageMagick, exiftool and lcms2 (run with -s)."""

import json
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from light_by_lcms import xyz_of_codes
from PIL import ExifTags, Image

from hybrid.photo import SPACES, Photo, Provenance, read_photo, write_photo
from hybrid.photo.verification import verify_file

STEP = 1 / 65535
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:p="http://ns.adobe.com/photoshop/1.0/" p:City="Kiel" p:Country="D"/>'
    b"</rdf:RDF></x:xmpmeta>"
)
KNOWN = ("0x0103 Compression", "IFD0:Compression", "0x935c ImageSourceData")
"""What exiftool says of every TIFF with deflate, zstd or layers: they are younger than TIFF 6.0."""


@dataclass(frozen=True)
class Row:
    """A file to write."""

    ending: str
    bits: int
    profile: str
    size: tuple[int, int]
    compression: str = "lzw"
    layers: bool = False


def rows() -> Iterator[Row]:
    for size in ((37, 53), (300, 401)):
        for profile in SPACES:
            for ending, bits in (("tif", 16), ("png", 16), ("tif", 8), ("png", 8), ("jpg", 8)):
                if bits == 16 or profile != "prophoto":
                    yield Row(ending, bits, profile, size)
    for compression in ("none", "deflate", "zstd"):
        yield Row("tif", 16, "srgb", (200, 301), compression)
    for profile in ("srgb", "prophoto"):
        yield Row("tif", 16, profile, (200, 301), "none", layers=True)
    yield Row("tif", 16, "adobe-rgb", (1, 1))
    yield Row("png", 16, "p3", (3, 2000))


def scan(path: Path, size: tuple[int, int]) -> Photo:
    """A scan on its side, with EXIF, XMP and a resolution."""
    values = np.random.default_rng(5).integers(0, 65536, size[::-1], dtype=np.uint16)
    block = Image.Exif()
    block[ExifTags.Base.Orientation], block[ExifTags.Base.Make], block[ExifTags.Base.Artist] = 6, "Plaubel", "A. N."
    block.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "1936:05:04 12:30:00"
    Image.fromarray(values).save(path, exif=block, dpi=(300, 300), xmp=XMP)
    chunk = b"XML:com.adobe.xmp" + bytes(5) + XMP
    content = path.read_bytes()
    if b"XML:com.adobe.xmp" not in content:
        named = b"iTXt" + chunk
        made = len(chunk).to_bytes(4, "big") + named + zlib.crc32(named).to_bytes(4, "big")
        path.write_bytes(content[:33] + made + content[33:])
    return read_photo(path)


def luminance_by_others(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Codes by ImageMagick, the profile by exiftool, light by lcms2."""
    raw = subprocess.run(["convert", f"{path}[0]", "-depth", "16", "rgb:-"], capture_output=True, check=True).stdout
    profile = subprocess.run(["exiftool", "-b", "-icc_profile", path], capture_output=True, check=True).stdout
    return xyz_of_codes(np.frombuffer(raw, "<u2").reshape(*size, 3), profile)[..., 1]


def exiftool(path: Path) -> tuple[dict[str, str], list[str]]:
    """What it reads, and its warnings but for those known."""
    words = ["exiftool", "-j", "-a", "-G0", "-validate", "-warning", "-error"]
    words += ["-EXIF:Make", "-EXIF:DateTimeOriginal", "-XMP:City", "-XMP:DigitalSourceType", "-EXIF:Orientation#"]
    found = json.loads(subprocess.run([*words, path], capture_output=True, check=True).stdout)[0]
    warnings = subprocess.run(
        ["exiftool", "-validate", "-warning", "-error", "-a", "-s3", path], capture_output=True, text=True, check=True
    ).stdout.splitlines()[1:]
    return found, [line for line in warnings if not any(text in line for text in KNOWN)]


@pytest.mark.slow
@pytest.mark.skipif(any(shutil.which(p) is None for p in ("exiftool", "convert")), reason="needs exiftool, ImageMagick")
def test_every_file_is_read_rightly_by_us_and_by_others(tmp_path: Path) -> None:
    lines = [
        "| file | size | ours | others | allowed | EXIF | XMP | dpi | marked | exiftool |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    every = list(rows())
    assert len(every) >= 30
    for number, row in enumerate(every):
        source, target = tmp_path / f"{number}.png", tmp_path / f"out{number}.{row.ending}"
        photo = scan(source, row.size)
        assert photo.lightness.shape == row.size
        ab = np.random.default_rng(number).normal(0, 25, (*row.size, 2)).astype(np.float32)
        options = {"bits": row.bits, "profile": row.profile, "compression": row.compression, "layers": row.layers}
        write_photo(target, photo, ab, provenance=Provenance("model", {}, "lite"), **options)  # type: ignore[arg-type]
        ours = verify_file(target, source)
        wanted = (photo.lightness.astype(np.float64) + 16) / 116
        wanted = np.where(wanted > 6 / 29, wanted**3, (wanted - 4 / 29) * 3 * (6 / 29) ** 2)
        others = float(np.abs(luminance_by_others(target, row.size) - wanted).max() / STEP)
        found, warnings = exiftool(target)
        name = f"{row.ending} {row.bits} bit {row.profile} {row.compression if row.ending == 'tif' else ''}".strip()
        counts = ["{1}/{0}".format(*ours.kept[kind]) for kind in ("exif_tags", "xmp_properties")]
        lines.append(
            f"| {name}{' layers' if row.layers else ''} | {row.size[1]}×{row.size[0]} "
            f"| {ours.largest:.2f} | {others:.2f} "
            f"| {ours.tolerance:.0f} | {counts[0]} | {counts[1]} | {ours.kept['dpi']} "
            f"| {ours.provenance['source_type'][:13]}… | {warnings or 'clean'} |"
        )
        assert ours.holds, lines[-1]
        assert others <= ours.tolerance + (0.3 if row.bits == 16 else 2), lines[-1]
        assert counts == ["3/3", "2/2"], lines[-1]
        assert ours.kept["dpi"] == "same", lines[-1]
        assert warnings == [], lines[-1]
        values = [found[name] for name in ("EXIF:Make", "EXIF:DateTimeOriginal", "XMP:City")]
        assert values == ["Plaubel", "1936:05:04 12:30:00", "Kiel"]
        assert found.get("EXIF:Orientation", 1) == 1
        assert found["XMP:DigitalSourceType"].endswith("compositeWithTrainedAlgorithmicMedia")
    print("\n".join(["", *lines]))
