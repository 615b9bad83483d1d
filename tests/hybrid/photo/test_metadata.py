"""What a file says beside its pixels: orientation, resolution, EXIF, XMP and IPTC, from and to every container."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageOps, IptcImagePlugin, TiffImagePlugin

from hybrid.photo import Photo, read_overlay, read_photo, tiff, write_photo
from hybrid.photo.metadata import iptc_from_photoshop, photoshop_from_iptc, upright_xmp

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
XMP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
IPTC = b"\x1c\x02\x69\x00\x08Headline\x1c\x02\x78\x00\x07Caption"
NAMES = ["tif", "png", "jpg"]


def exif(orientation: int = 1) -> Image.Exif:
    block = Image.Exif()
    block[ExifTags.Base.Orientation] = orientation
    block[ExifTags.Base.Make] = "Plaubel"
    block[ExifTags.Base.Artist] = "A. Nonymous"
    block[ExifTags.Base.ImageDescription] = "Harbour, 1936"
    camera = block.get_ifd(ExifTags.IFD.Exif)
    camera[ExifTags.Base.DateTimeOriginal] = "1936:05:04 12:30:00"
    camera[ExifTags.Base.FNumber] = 5.6
    camera[ExifTags.Base.ExifImageWidth] = 9
    camera[ExifTags.Base.ExifImageHeight] = 6
    place = block.get_ifd(ExifTags.IFD.GPSInfo)
    place[ExifTags.GPS.GPSLatitudeRef] = "N"
    place[ExifTags.GPS.GPSLatitude] = (53.0, 32.0, 30.0)
    return block


def make(path: Path, orientation: int = 1) -> Path:
    """A file as other programs write it, with everything."""
    image = Image.fromarray(PIXELS)
    if path.suffix == ".tif":
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags.tagtype |= {700: 1, 33723: 7}
        tags[700], tags[33723] = XMP, IPTC
        block = exif(orientation)
        for tag, value in block.items():
            tags[tag] = value
        for part in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            tags[part] = block.get_ifd(part)
        image.save(path, dpi=(300, 200), tiffinfo=tags)
    elif path.suffix == ".png":
        image.save(path, exif=exif(orientation), dpi=(300, 200))
    else:
        image.save(path, exif=exif(orientation), dpi=(300, 200), xmp=XMP, quality=100, subsampling=0)
        content = path.read_bytes()
        segment = b"Photoshop 3.0\0" + photoshop_from_iptc(IPTC)
        path.write_bytes(content[:2] + b"\xff\xed" + (len(segment) + 2).to_bytes(2, "big") + segment + content[2:])
    return path


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_and_reset(tmp_path: Path, kind: str, orientation: int) -> None:
    path = make(tmp_path / f"a.{kind}", orientation)
    with Image.open(path) as image:
        upright = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    rgb, _ = read_overlay(path)
    np.testing.assert_allclose(rgb * 255, upright, atol=1e-4)
    photo = read_photo(path, keep_color=True)
    assert photo.lightness.shape == upright.shape[:2]
    assert photo.ab is not None
    assert photo.ab.shape == (*upright.shape[:2], 2)
    assert photo.dpi == pytest.approx((300, 200) if orientation < 5 else (200, 300), abs=0.01)
    write_photo(tmp_path / f"b.{kind}", photo, photo.ab)
    with Image.open(tmp_path / f"b.{kind}") as image:
        assert image.getexif().get(ExifTags.Base.Orientation, 1) == 1
        assert image.size == upright.shape[1::-1]
        width = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ExifImageWidth)
        assert width == (None if kind == "tif" else image.size[0])  # of compressed data only, says Exif
    np.testing.assert_allclose(
        read_photo(tmp_path / f"b.{kind}").lightness, photo.lightness, atol=4 if kind == "jpg" else 0.01
    )


@pytest.mark.parametrize("source", NAMES)
@pytest.mark.parametrize("target", NAMES)
def test_exif_and_resolution_in_every_direction(tmp_path: Path, source: str, target: str) -> None:
    photo = read_photo(make(tmp_path / f"a.{source}", 3), keep_color=True)
    assert photo.ab is not None
    write_photo(tmp_path / f"b.{target}", photo, photo.ab)
    with Image.open(tmp_path / f"b.{target}") as image:
        found, given = image.getexif(), exif()
        for tag in (ExifTags.Base.Make, ExifTags.Base.Artist, ExifTags.Base.ImageDescription):
            assert found[tag] == given[tag]
        camera = found.get_ifd(ExifTags.IFD.Exif)
        assert camera[ExifTags.Base.DateTimeOriginal] == "1936:05:04 12:30:00"
        assert camera[ExifTags.Base.FNumber] == pytest.approx(5.6)
        assert camera[ExifTags.Base.ColorSpace] == 1
        assert found.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] == (53.0, 32.0, 30.0)
        assert tuple(map(float, image.info["dpi"])) == pytest.approx((300, 200), abs=0.01)
    again = read_photo(tmp_path / f"b.{target}")
    assert again.metadata["exif"] == read_photo(tmp_path / f"b.{target}").metadata["exif"]
    assert again.dpi == pytest.approx((300, 200))


@pytest.mark.parametrize("target", NAMES)
def test_xmp_and_iptc_reach_every_container(tmp_path: Path, target: str) -> None:
    photo = read_photo(make(tmp_path / "a.jpg", 6), keep_color=True)
    assert photo.metadata["xmp"] == XMP
    assert photo.metadata["iptc"] == IPTC
    assert photo.ab is not None
    path = tmp_path / f"b.{target}"
    write_photo(path, photo, photo.ab)
    again = read_photo(path)
    assert again.metadata["xmp"] == XMP.replace(b'Orientation="6"', b'Orientation="1"')
    assert again.metadata["iptc"] == IPTC
    with Image.open(path) as image:
        info = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp", "").encode()
        assert info == again.metadata["xmp"]
        if target != "png":
            assert IptcImagePlugin.getiptcinfo(image) == {(2, 105): b"Headline", (2, 120): b"Caption"}


def test_bigtiff_carries_exif(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff, "_CLASSIC_ROOM", 10)
    photo = read_photo(make(tmp_path / "a.jpg"), keep_color=True)
    assert photo.ab is not None
    write_photo(tmp_path / "b.tif", photo, photo.ab)
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.is_bigtiff
        assert file.pages[0].aspage().tags["ExifTag"].value["FNumber"] == pytest.approx(5.6)
    again = read_photo(tmp_path / "b.tif").metadata["exif"]
    assert b"1936:05:04" in again
    assert b"Plaubel" in again


def test_dpi_can_be_given(tmp_path: Path) -> None:
    photo = Photo(np.full((4, 5), 50, np.float32))
    ab = np.zeros((4, 5, 2), np.float32)
    for name in NAMES:
        write_photo(tmp_path / f"a.{name}", photo, ab)
        assert read_photo(tmp_path / f"a.{name}").dpi is None
        write_photo(tmp_path / f"b.{name}", photo, ab, dpi=600)
        assert read_photo(tmp_path / f"b.{name}").dpi == (600, 600)
        write_photo(tmp_path / f"c.{name}", photo, ab, dpi=(300, 150))
        assert read_photo(tmp_path / f"c.{name}").dpi == (300, 150)


def test_centimetres_become_inches(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, photometric="rgb", resolution=(100, 100), resolutionunit="centimeter")
    assert read_photo(tmp_path / "a.tif").dpi == pytest.approx((254, 254))


def test_xmp_orientation_in_both_spellings() -> None:
    assert upright_xmp(b"<tiff:Orientation>8</tiff:Orientation>") == b"<tiff:Orientation>1</tiff:Orientation>"
    assert upright_xmp(b"tiff:Orientation='3'") == b"tiff:Orientation='1'"
    assert upright_xmp(b"dc:title='Orientation 3'") == b"dc:title='Orientation 3'"


def test_iptc_among_other_resources() -> None:
    other = b"8BIM\x03\xed\x03abc" + (3).to_bytes(4, "big") + b"xyz\0"
    assert iptc_from_photoshop(other + photoshop_from_iptc(IPTC)) == IPTC
    assert iptc_from_photoshop(other) == b""
    assert iptc_from_photoshop(b"8BIM\x04") == b""
