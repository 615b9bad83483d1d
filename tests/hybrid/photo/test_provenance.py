"""The mark inside a file: merged into the scan's own XMP, in every container, and true of how it was made."""

import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hybrid.photo import Photo, PhotoError, Provenance, read_photo, write_photo
from hybrid.photo.provenance import mark_of, marked, program
from hybrid.photo.xmp import NAMES, Packet, qualified

SCAN = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core 5.6"><!-- kept -->'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    b' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"'
    b' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:archive="http://archive.example/ns/"'
    b' Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/negativeFilm"'
    b' xmp:CreatorTool="Scanner 9" xmpMM:DocumentID="xmp.did:scan" photoshop:City="Hamburg" tiff:Orientation="6"'
    b' archive:shelf="12 &amp; 13"><xmpMM:History><rdf:Seq>'
    b'<rdf:li xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#" stEvt:action="created"'
    b' stEvt:softwareAgent="Scanner 9"/></rdf:Seq></xmpMM:History></rdf:Description>'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>'
    b'<rdf:li xml:lang="de">Hafen</rdf:li><rdf:li xml:lang="x-default">Harbour, 1936</rdf:li></rdf:Alt>'
    b"</dc:description><dc:subject><rdf:Bag><rdf:li>sea</rdf:li><rdf:li>ship</rdf:li></rdf:Bag></dc:subject>"
    b'</rdf:Description></rdf:RDF></x:xmpmeta>          <?xpacket end="w"?>'
)
HASHES = {"input-sha256": "ab" * 32, "model": "lite", "model-sha256": "cd" * 32, "painted-sha256": "ef" * 32}
MODEL = Provenance("model", HASHES, "lite")
CODES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
needs_exiftool = pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")


def description(packet: bytes) -> dict[str, str]:
    """Language -> text of dc:description."""
    language = "{http://www.w3.org/XML/1998/namespace}lang"
    items = ElementTree.fromstring(packet.strip(b"\xef\xbb\xbf")).iter(qualified("dc:description"))
    return {li.get(language, ""): li.text or "" for element in items for li in element.iter(qualified("rdf:li"))}


def test_everything_the_scan_said_is_still_there() -> None:
    packet = marked(SCAN, MODEL)
    before, after = Packet(SCAN).properties(), Packet(packet).properties()
    changed = {path for path, text in before.items() if after.get(path) != text}
    space = {prefix: f"/{{{uri}}}" for prefix, uri in NAMES.items()}
    assert changed == {
        space["xmpMM"] + "DocumentID",
        space["Iptc4xmpExt"] + "DigitalSourceType",
        space["dc"] + "description[1]",
    }
    assert after["/{http://archive.example/ns/}shelf"] == "12 & 13"
    assert b"<!-- kept -->" in packet
    assert b'x:xmptk="Adobe XMP Core 5.6"' in packet
    assert b'photoshop:City="Hamburg"' in packet  # under the prefix it had
    assert b"archive:shelf" in packet
    assert description(packet)["de"] == "Hafen"
    assert description(packet)["x-default"] == f"Harbour, 1936\n{MODEL.statement}"
    assert packet.count(b"DigitalSourceType") == 2  # once, with its end tag


def test_the_mark_says_what_the_colours_are_made_from() -> None:
    xmp = Packet(marked(SCAN, MODEL))
    assert xmp.text("Iptc4xmpExt:DigitalSourceType") == CODES + "compositeWithTrainedAlgorithmicMedia"
    assert "colorization, guessed by a trained model" in MODEL.statement
    event = xmp.last_structure("xmpMM:History")
    assert event["action"] == "edited"
    assert event["softwareAgent"] == program()
    assert all(f"{name}={value}" in event["parameters"] for name, value in HASHES.items())
    assert event["instanceID"] == xmp.text("xmpMM:InstanceID")
    assert xmp.text("xmpMM:OriginalDocumentID") == "xmp.did:scan"
    derived = {path: text for path, text in xmp.properties().items() if "DerivedFrom" in path}
    assert list(derived.values()) == ["xmp.did:scan"]
    assert mark_of(bytes(xmp))["source_type"] == "compositeWithTrainedAlgorithmicMedia"
    assert mark_of(SCAN) == {}
    history = [text for path, text in xmp.properties().items() if path.endswith("softwareAgent")]
    assert history == ["Scanner 9", program()]


@pytest.mark.parametrize(
    ("source", "code", "word"),
    [
        ("model", "compositeWithTrainedAlgorithmicMedia", "trained model"),
        ("picture", "composite", "another picture"),
        ("strokes", "humanEdits", "painted by hand"),
    ],
)
def test_the_source_type_is_true_of_where_colours_came_from(source: Any, code: str, word: str) -> None:
    packet = marked(b"", Provenance(source, {}))
    assert mark_of(packet)["source_type"] == code
    assert word in description(packet)["x-default"]
    assert (b"AISystemUsed" in packet) == (source == "model")


def test_where_nothing_was_coloured_nothing_is_claimed() -> None:
    packet = marked(SCAN, Provenance("none", {}))
    assert Packet(packet).text("Iptc4xmpExt:DigitalSourceType") == CODES + "negativeFilm"
    assert description(packet)["x-default"] == "Harbour, 1936"


def test_the_same_work_gives_the_same_bytes_and_other_work_another_identity() -> None:
    assert marked(SCAN, MODEL) == marked(SCAN, MODEL)
    other = Provenance("model", {**HASHES, "input-sha256": "00" * 32}, "lite")
    names = [Packet(marked(SCAN, p)).text("xmpMM:InstanceID") for p in (MODEL, other)]
    assert names[0] != names[1]


def test_coloured_again_it_is_said_once_and_remembered_twice() -> None:
    packet = marked(marked(SCAN, MODEL), MODEL)
    assert description(packet)["x-default"].count("colorization") == 1
    agents = [text for path, text in Packet(packet).properties().items() if path.endswith("softwareAgent")]
    assert agents == ["Scanner 9", program(), program()]


DEEP = 5000
DAMAGED = {
    "an encoding that is none": b'<?xml version="1.0" encoding="utf-99"?><x:xmpmeta xmlns:x="adobe:ns:meta/"/>',
    "deep": SCAN.replace(b"sea", b"<a>" * DEEP + b"</a>" * DEEP),
    "cut": SCAN[:500],
    "no RDF": b"<a/>",
    "entities": b'<!DOCTYPE x [<!ENTITY a "ha">]><x:xmpmeta xmlns:x="adobe:ns:meta/">&a;</x:xmpmeta>',
    "bytes": bytes(range(256)),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_packet_is_replaced(kind: str) -> None:
    with pytest.raises(PhotoError, match="the XMP"):
        Packet(DAMAGED[kind])
    assert mark_of(DAMAGED[kind]) == {}
    assert mark_of(marked(DAMAGED[kind], MODEL))["program"] == program()


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(SCAN)), st.integers(0, 40), st.binary(max_size=12))
def test_whatever_the_bytes_the_mark_is_made(start: int, length: int, inserted: bytes) -> None:
    packet = marked(SCAN[:start] + inserted + SCAN[start + length :], MODEL)
    assert mark_of(packet)["source_type"] == "compositeWithTrainedAlgorithmicMedia"
    assert Packet(packet).properties()


def test_plain_rdf_and_odd_prefixes_are_fine() -> None:
    bare = SCAN[SCAN.index(b"<rdf:RDF") : SCAN.index(b"</x:xmpmeta>")]
    bare = bare.replace(b"xmlns:archive=", b"xmlns:ns0=").replace(b"archive:shelf", b"ns0:shelf")
    after = Packet(marked(bare, MODEL)).properties()
    assert after["/{http://archive.example/ns/}shelf"] == "12 & 13"


def scan(folder: Path) -> Photo:
    values = np.random.default_rng(0).integers(5000, 60000, (30, 40), dtype=np.uint16)
    tags = [(700, "B", len(SCAN), SCAN, True), (315, "s", 0, "A. Nonymous", True)]
    tifffile.imwrite(folder / "scan.tif", values, photometric="minisblack", resolution=(300, 300), extratags=tags)
    return read_photo(folder / "scan.tif")


def coloured(photo: Photo) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 15, (*photo.lightness.shape, 2)).astype(np.float32)


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg"])
def test_every_container_carries_it(tmp_path: Path, name: str) -> None:
    photo = scan(tmp_path)
    report = write_photo(tmp_path / name, photo, coloured(photo), provenance=MODEL)
    packet = read_photo(tmp_path / name).metadata["xmp"]
    assert mark_of(packet) == report.fidelity.provenance
    assert report.fidelity.provenance["source_type"] == "compositeWithTrainedAlgorithmicMedia"
    assert Packet(packet).text("tiff:Orientation") == "1"
    with Image.open(tmp_path / name) as image:
        text = image.info.get("xmp") or image.info["XML:com.adobe.xmp"].encode()
        assert b"trainedAlgorithmicMedia" in text or b"TrainedAlgorithmicMedia" in text


@needs_exiftool
@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg"])
def test_exiftool_finds_nothing_wrong_and_reads_the_mark(tmp_path: Path, name: str) -> None:
    """Of compressions it knows only those of TIFF 6.0, so the TIFF is written with LZW."""
    photo = scan(tmp_path)
    write_photo(tmp_path / name, photo, coloured(photo), provenance=MODEL, compression="lzw", dpi=300)

    def exiftool(*words: str) -> str:
        return subprocess.run(["exiftool", *words, tmp_path / name], capture_output=True, text=True, check=True).stdout

    assert exiftool("-validate", "-warning", "-error", "-a").split(":")[1].strip() == "OK"
    lines = exiftool("-s3", "-XMP:City", "-XMP:DigitalSourceType", "-HistorySoftwareAgent", "-XMP:Subject", "-Artist")
    assert [line for line in lines.splitlines() if line] == [
        "Hamburg",
        CODES + "compositeWithTrainedAlgorithmicMedia",
        f"Scanner 9, {program()}",
        "sea, ship",
        "A. Nonymous",
    ]
