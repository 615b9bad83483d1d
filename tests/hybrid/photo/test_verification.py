"""`verify_file`: the same figures as the writer's, and every kind of difference found."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from hybrid.photo import Photo, PhotoError, bands, read_photo, write_photo
from hybrid.photo.fidelity import carried, tolerance_of
from hybrid.photo.profiles import SRGB
from hybrid.photo.verification import verify_file

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:p="http://ns.adobe.com/photoshop/1.0/" p:City="Kiel" p:Country="D"/>'
    b"</rdf:RDF></x:xmpmeta>"
)
IPTC = b"\x1c\x02\x69\x00\x08Headline"


def scan(path: Path, height: int = 60, width: int = 80) -> Photo:
    values = np.random.default_rng(0).integers(0, 65536, (height, width), dtype=np.uint16)
    tags = [(700, "B", len(XMP), XMP, True), (33723, 7, len(IPTC), IPTC, True), (271, "s", 0, "Plaubel", True)]
    tifffile.imwrite(
        path, values, photometric="minisblack", resolution=(300, 300), resolutionunit=2, extratags=tags, software=False
    )
    return read_photo(path)


def colours(photo: Photo) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 30, (*photo.lightness.shape, 2)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.tif", {}),
        ("a.tif", {"profile": "adobe-rgb"}),
        ("a.tif", {"profile": "prophoto"}),
        ("a.png", {"profile": "p3"}),
        ("a.tif", {"bits": 8}),
        ("a.png", {"bits": 8}),
    ],
)
def test_the_writer_and_the_reader_agree(
    tmp_path: Path, name: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bands, "BAND_PIXELS", 700)  # several bands
    photo = scan(tmp_path / "scan.tif")
    written = write_photo(tmp_path / name, photo, colours(photo), **options).fidelity
    found = verify_file(tmp_path / name, tmp_path / "scan.tif")
    assert found.largest == pytest.approx(written.largest, abs=0.04 if written.tolerance == 1 else 1)
    assert found.mean == pytest.approx(written.mean, abs=0.02)
    assert found.border == pytest.approx(written.border, abs=1e-3)
    assert 0.05 < found.border < 0.95
    assert found.tolerance == written.tolerance
    assert found.kept == written.kept
    assert found.holds
    assert written.holds
    assert found.kept == {
        "profile": "none",
        "dpi": "same",
        "exif_tags": [1, 1],
        "xmp_properties": [2, 2],
        "iptc_bytes": [13, 13],
    }


def test_a_jpeg_is_allowed_more(tmp_path: Path) -> None:
    photo = scan(tmp_path / "scan.tif")
    write_photo(tmp_path / "a.jpg", photo, colours(photo))
    found = verify_file(tmp_path / "a.jpg", tmp_path / "scan.tif")
    assert 500 < found.largest < found.tolerance
    assert not verify_file(tmp_path / "a.jpg", tmp_path / "scan.tif", tolerance=500).holds


@pytest.mark.parametrize(("steps", "holds"), [(0, True), (3, False)])
def test_one_pixel_that_is_brighter_is_found(tmp_path: Path, steps: int, holds: bool) -> None:
    values = np.full((40, 50), 40000, np.uint16)
    tifffile.imwrite(tmp_path / "scan.tif", values, photometric="minisblack")
    rgb = np.repeat(values[..., None], 3, -1)
    rgb[33, 44] += steps
    tifffile.imwrite(tmp_path / "a.tif", rgb, photometric="rgb", iccprofile=SRGB.profile)
    found = verify_file(tmp_path / "a.tif", tmp_path / "scan.tif")
    assert found.holds == holds
    slope = 2.4 / 1.055 * ((40000 / 65535 + 0.055) / 1.055) ** 1.4
    assert found.largest == pytest.approx(steps * slope, abs=0.03)
    assert found.mean == pytest.approx(steps * slope / 2000, abs=0.02)


def test_another_size_is_found(tmp_path: Path) -> None:
    photo = scan(tmp_path / "scan.tif")
    scan(tmp_path / "turned.tif", 80, 60)
    write_photo(tmp_path / "a.tif", photo, colours(photo))
    found = verify_file(tmp_path / "a.tif", tmp_path / "turned.tif")
    assert not found.holds
    assert (found.size, found.photo_size) == ((80, 60), (60, 80))
    assert found.document()["luminance"]["largest"] is None
    assert found.document()["luminance"]["mean"] is None


def test_what_was_lost_is_counted(tmp_path: Path) -> None:
    photo = scan(tmp_path / "scan.tif")
    write_photo(tmp_path / "a.tif", Photo(photo.lightness, profile=SRGB.profile), colours(photo))
    found = verify_file(tmp_path / "a.tif", tmp_path / "scan.tif")
    assert found.holds  # luminance and size are what counts
    assert found.provenance == {}
    assert found.kept["dpi"] == "lost"
    assert found.kept["exif_tags"] == [1, 0]
    assert found.kept["xmp_properties"] == [2, 0]
    assert found.kept["iptc_bytes"] == [13, 0]
    other = Photo(photo.lightness, profile=b"x", dpi=(72, 72), metadata={"xmp": XMP.replace(b"Kiel", b"Bonn")})
    kept = carried(photo, other)
    assert (kept["dpi"], kept["xmp_properties"]) == ("other", [2, 1])
    assert carried(other, other)["profile"] == "same"


def test_tolerances_are_what_rounding_can_do() -> None:
    assert tolerance_of(SRGB, 16, is_jpeg=False) == 1
    half_code = (1 - ((254 / 255 + 0.055) / 1.055) ** 2.4) / 2 * 65535
    assert tolerance_of(SRGB, 8, is_jpeg=False) == pytest.approx(half_code, rel=1e-4)


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    scan(tmp_path / "scan.tif")
    with pytest.raises(PhotoError, match="there is no such file"):
        verify_file(tmp_path / "a.tif", tmp_path / "scan.tif")
