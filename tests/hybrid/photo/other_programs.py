"""Files written by other programs, and the luminance those programs see in them, against ours.

`python -m tests.hybrid.photo.other_programs` prints a table. Every file is made by ImageMagick, libtiff's tools, GIMP,
libjxl's, OpenJPEG's, libavif's or libwebp's from ramps with text; exiftool stamps orientation and resolution. The
luminance said is ImageMagick's own (`-colorspace XYZ`), which has other builds of the codecs than ours; where a file
has a profile, ImageMagick decodes, exiftool takes the profile out, and lcms2 turns codes into light in float.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image, ImageDraw

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from samples import ink_profile  # noqa: E402

from hybrid.color import luminance_from_lightness  # noqa: E402
from hybrid.photo import PhotoError, cicp, icc, read_photo, read_size  # noqa: E402

HEIGHT, WIDTH = 96, 160
MAGICK = "convert"
GIMP = """(let* ((image (car (gimp-file-load RUN-NONINTERACTIVE "{source}" "a")))
  (layer (car (gimp-image-get-active-layer image))))
  ({saver} RUN-NONINTERACTIVE image layer "{target}" "a" {how}))"""


@dataclass(frozen=True)
class Row:
    """A file to make.

    Attributes
    ----------
    name : of the file; its ending says what it is.
    made : commands, words apart by spaces; {grey}, {rgb}, {icc}, {inks}, {folder}, {file} stand for paths.
    steps : of 1/65535 that luminance may differ by; ImageMagick rounds to 16 bits, with other digits in its matrix.
    shown : a command that turns the file into {shown}, where ImageMagick cannot read it.
    turn : what ImageMagick is told where the file has an orientation.
    refused : what our reader says, where it is not to read the file.
    """

    name: str
    made: tuple[str, ...]
    steps: float = 2
    shown: str = ""
    turn: str = ""
    refused: str = ""


TURN = "exiftool -q -overwrite_original -Orientation#={0} -XResolution=600 -YResolution=600 {{file}}"
IN_INCHES = "exiftool -q -overwrite_original -ResolutionUnit=inches {file}"
ROWS = (
    Row("grey16-deflate.tif", ("convert {grey} -compress Zip {file}",)),
    Row("rgb16-lzw.tif", ("convert {rgb} -compress LZW {file}",)),
    Row("rgb16-adobe.tif", ("convert {rgb} -profile {icc} {file}",)),
    Row("grey12.tif", ("convert {grey} -depth 12 -compress None {file}",)),
    Row("grey4.tif", ("convert {grey} -depth 4 {file}",)),
    Row("bilevel-fax.tif", ("convert {grey} -threshold 50% -type bilevel -compress Group4 {file}",)),
    Row("white-is-zero.tif", ("convert {grey} -define quantum:polarity=min-is-white -compress LZW {file}",)),
    Row("float32.tif", ("convert {grey} -profile {grayicc} -define quantum:format=floating-point -depth 32 {file}",)),
    Row("jpeg-in.tif", ("convert {rgb} -depth 8 -compress JPEG -quality 95 {file}",)),
    Row("lab16.tif", ("convert {grey} -colorspace Lab -depth 16 {file}",), 3),
    Row("lab8.tif", ("convert {grey} -colorspace Lab -depth 8 {file}",), 400),  # written with a cast, shown clipped
    Row("cmyk16.tif", ("convert {rgb} -colorspace CMYK -profile {inks} {file}",)),
    Row("cmyk-bare.tif", ("convert {rgb} -colorspace CMYK {file}",), refused="is CMYK without a profile of its inks"),
    Row("palette.tif", ("convert {rgb} -colors 64 -type palette {file}",)),
    Row("alpha.tif", ("convert {rgb} -alpha on -channel A -evaluate set 50% +channel {file}",)),
    Row("premultiplied.tif", ("convert {rgb} -alpha on -channel A -evaluate set 50% +channel "
        "-define tiff:alpha=associated {file}",), 5),  # half the codes are lost
    Row("pyramid.tif", ("convert {rgb} -define tiff:tile-geometry=64x64 ptif:{file}",)),
    Row("tiled.tif", ("convert {rgb} {folder}/t.tif", "tiffcp -t -w 32 -l 48 -c zip:2 {folder}/t.tif {file}")),
    Row("planes.tif", ("convert {rgb} -interlace plane -compress LZW {file}",)),
    Row("big-zstd.tif", ("convert {rgb} {folder}/p.tif", "tiffcp -8 -c zstd:2 {folder}/p.tif {file}")),
    Row("bits-reversed.tif", ("convert {rgb} {folder}/f.tif", "tiffcp -f lsb2msb -B -c lzw {folder}/f.tif {file}")),
    Row("gimp16.tif", ("gimp:file-tiff-save {grey} 1",)),
    Row("gimp16.png", ("gimp:file-png-save {rgb} 0 6 0 0 0 1 1",)),
    Row("turned.tif", ("convert {rgb} {file}", TURN.format(6), IN_INCHES), turn=" -auto-orient"),
    Row("turned.jpg", ("convert {grey} -quality 98 {file}", TURN.format(8), IN_INCHES), turn=" -auto-orient"),
    Row("grey16.png", ("convert {grey} -define png:bit-depth=16 {file}",)),
    Row("palette.png", ("convert {rgb} -colors 100 png8:{file}",)),
    Row("linear.png", ("convert {grey} -set gamma 1 -define png:bit-depth=16 {file}",)),
    Row("cmyk.jpg", ("convert {rgb} -colorspace CMYK -profile {inks} -quality 98 {file}",)),
    Row("lossless.webp", ("cwebp -quiet -lossless {rgb8} -o {file}",)),
    Row("grey16.jp2", ("opj_compress -i {grey} -o {file}",), shown="opj_decompress -i {file} -o {shown}"),
    Row("rgb16.j2k", ("opj_compress -i {rgb} -o {file}",), shown="opj_decompress -i {file} -o {shown}"),
    Row("grey16.jxl", ("cjxl --quiet -d 0 {grey} {file}",), shown="djxl --quiet {file} {shown}"),
    Row("lossy.jxl", ("cjxl --quiet -d 1 {rgb} {file}",), 4, "djxl --quiet {file} {shown}"),
    Row("p3.jxl", ("convert {rgb} {folder}/p3.ppm",
        "cjxl --quiet -d 0 -x color_space=RGB_D65_DCI_Rel_SRG {folder}/p3.ppm {file}"),
        shown="djxl --quiet {file} {shown}"),
    Row("profile.jxl", ("convert {rgb} -profile {icc} {folder}/j.png", "cjxl --quiet -d 0 {folder}/j.png {file}"),
        refused="has an ICC profile of its own kind"),
    Row("rgb10.avif", ("avifenc -l -d 10 -y 444 {rgb} {file}",), 3, "avifdec -d 16 {file} {shown}"),
)  # fmt: skip


def pictures(folder: Path) -> dict[str, Path]:
    """The ramps that the other programs are given, and the profiles."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    letters = Image.new("L", (WIDTH, HEIGHT), 0)
    ImageDraw.Draw(letters).text((20, 40), "HYBRID 16 bit", fill=255)
    grey = (x + WIDTH * y) / (HEIGHT * WIDTH - 1)
    grey = np.where(np.asarray(letters) > 127, 1 - grey, grey)
    toned = grey[..., None] ** np.array([0.8, 1.0, 1.3]) * np.array([1, 0.97, 0.9])
    for name, pixels in (("grey", grey), ("rgb", toned)):
        (folder / f"{name}.png").write_bytes(imagecodecs.png_encode(np.rint(pixels * 65535).astype(np.uint16)))
    (folder / "rgb8.png").write_bytes(imagecodecs.png_encode(np.rint(toned * 255).astype(np.uint8)))
    adobe = cicp.rgb_space(((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), cicp.D65_WHITE, cicp.power(563 / 256))
    (folder / "icc.icc").write_bytes(adobe.profile)
    (folder / "grayicc.icc").write_bytes(icc.build("Gray", None, np.linspace(0, 1, 4096) ** 2.2))
    (folder / "inks.icc").write_bytes(ink_profile())
    names = {name: folder / f"{name}.png" for name in ("grey", "rgb", "rgb8")}
    return names | {name: folder / f"{name}.icc" for name in ("icc", "grayicc", "inks")}


def missing(row: Row) -> list[str]:
    """Programs that a row needs and the machine has not."""
    words = {command.split()[0].partition(":")[0] for command in (*row.made, row.shown, MAGICK, "exiftool") if command}
    return sorted(word for word in words if shutil.which(word) is None)


def call(command: str, places: dict[str, Path]) -> bytes:
    words = [word.format(**places) for word in command.split()]
    done = subprocess.run(words, capture_output=True, timeout=120, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.decode(errors='replace')[-300:]}")
    return done.stdout


def make(row: Row, folder: Path, places: dict[str, Path]) -> Path:
    """Have the row's file written."""
    here = places | {"folder": folder, "file": folder / row.name}
    for command in row.made:
        if command.startswith("gimp:"):
            saver, source, *how = command.removeprefix("gimp:").split()
            script = GIMP.format(saver=saver, source=source.format(**here), target=here["file"], how=" ".join(how))
            words = ["gimp", "-i", "-d", "-f", "-s", "-b", script, "-b", "(gimp-quit 0)"]
            subprocess.run(words, capture_output=True, timeout=300, check=True)
        else:
            call(command, here)
    return folder / row.name


def said(row: Row, file: Path) -> np.ndarray:
    """Luminance 0..1 as other programs see it."""
    places = {"file": file, "shown": file.with_name(f"{file.stem}-shown.png")}
    if row.shown:
        call(row.shown, places)
        places["file"] = places["shown"]
    profile = call("exiftool -b -icc_profile {file}", places)
    if not profile:
        codes = call(f"convert {{file}}[0]{row.turn} -colorspace XYZ -channel G -separate -depth 16 gray:-", places)
        return np.frombuffer(codes, "<u2").reshape(read_size(file)) / 65535
    kind = {"GRAY": "gray", "RGB": "rgb", "CMYK": "cmyk"}[icc.color_space(profile)]
    codes = np.frombuffer(call(f"convert {{file}}[0]{row.turn} -depth 16 {kind}:-", places), "<u2")
    xyz = imagecodecs.cms_transform(
        codes.reshape(*read_size(file), *([] if kind == "gray" else [-1])).astype(np.uint16),
        profile,
        imagecodecs.cms_profile("xyz"),
        colorspace=kind,
        outcolorspace="xyz",
        outdtype="float32",
        intent=imagecodecs.CMS.INTENT.RELATIVE_COLORIMETRIC,
        flags=imagecodecs.CMS.FLAGS.NOOPTIMIZE,
    )
    return xyz @ icc.adaptation(icc.D50, np.array([0.95047, 1, 1.08883]))[1]


def compared(row: Row, folder: Path, places: dict[str, Path]) -> tuple[str, float, float]:
    """What our reader says of the file, and the largest and the mean difference of luminance in steps of 1/65535."""
    file = make(row, folder, places)
    try:
        photo = read_photo(file)
    except PhotoError as error:
        return str(error), 0.0, 0.0
    apart = np.abs(luminance_from_lightness(photo.lightness) - said(row, file)) * 65535
    height, width = photo.lightness.shape
    dpi = f", {photo.dpi[0]:.0f} dpi" if photo.dpi else ""
    told = f"{width}×{height}, {photo.bits} bits, profile of {len(photo.profile or b'')} bytes{dpi}"
    return told, float(apart.max()), float(apart.mean())


def table() -> Iterator[str]:
    """A line for every row."""
    yield "| file | read as | largest ΔY | mean ΔY | allowed |\n|---|---|---|---|---|"
    with tempfile.TemporaryDirectory() as name:
        places = pictures(Path(name))
        for row in ROWS:
            if absent := missing(row):
                yield f"| {row.name} | not made: no {', '.join(absent)} | | | |"
                continue
            told, largest, mean = compared(row, Path(name), places)
            told = told.partition(f"{row.name}: ")[2] or told
            yield f"| {row.name} | {told} | " + (
                "| | |" if row.refused else f"{largest:.2f} | {mean:.2f} | {row.steps} |"
            )


if __name__ == "__main__":
    for line in table():
        print(line, flush=True)
