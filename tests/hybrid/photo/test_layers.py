"""Layers and the colours alone: what other programs make of them, and that the flat picture is the plain one."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import psdtags
import pytest
import tifffile
from skimage.color import deltaE_ciede2000

from hybrid import color
from hybrid.color import D65, SRGB_TO_XYZ
from hybrid.photo import Photo, PhotoError, WriteError, icc, layers, read_photo, write_chroma, write_photo

HEIGHT, WIDTH = 90, 120
UNDER_D50 = (D65 / icc.D50)[:, None] * (icc.adaptation(D65, icc.D50) @ SRGB_TO_XYZ)
NAMES = ["Colorized (exact)", "Colour only", "Strokes", "Original grey"]


def painting() -> tuple[Photo, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Hills of lightness under drifts of colour, some out of gamut; and a square painted red."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    lightness = 50 + 45 * np.sin(x / 12) * np.cos(y / 15)
    ab = np.dstack([60 * np.sin(x / 21 + y / 18), 60 * np.cos(x / 16 - y / 24)]) * (y / HEIGHT)[..., None]
    index = (np.arange(20, 30)[:, None] * WIDTH + np.arange(40, 50)).ravel()
    ab.reshape(-1, 2)[index] = (50, 30)
    return Photo(lightness), ab, (index, ab.reshape(-1, 2)[index])


@pytest.fixture
def layered(tmp_path: Path) -> Path:
    photo, ab, marks = painting()
    write_photo(tmp_path / "layered.tif", photo, ab, layers=True, marks=marks)
    return tmp_path / "layered.tif"


def layers_of(path: Path) -> dict[str, psdtags.PsdLayer]:
    """From top to bottom, by name."""
    return {layer.name: layer for layer in reversed(psdtags.TiffImageSourceData.fromtiff(path).layers.layers)}


def pixels_of(layer: psdtags.PsdLayer) -> np.ndarray:
    """(h, w, 4) codes, alpha first."""
    return np.dstack([channel.data for channel in layer.channels])


def test_the_flat_picture_is_what_the_plain_output_has(layered: Path, tmp_path: Path) -> None:
    photo, ab, _ = painting()
    report = write_photo(tmp_path / "plain.tif", photo, ab)
    flat = tifffile.imread(layered)
    np.testing.assert_array_equal(flat, tifffile.imread(tmp_path / "plain.tif"))
    assert report.luminance_error <= 1
    top = next(iter(layers_of(layered).values()))
    np.testing.assert_array_equal(pixels_of(top), np.dstack([np.full(flat.shape[:2], 65535), flat]))


def test_order_visibility_modes_and_lock(layered: Path) -> None:
    found = layers_of(layered)
    assert list(found) == NAMES
    is_hidden = {name: bool(layer.flags & 2) for name, layer in found.items()}  # bit 1 of Adobe's layer record
    assert is_hidden == {"Colorized (exact)": False, "Colour only": True, "Strokes": True, "Original grey": False}
    modes = [layer.blendmode.value for layer in found.values()]
    assert modes == [b"norm", b"colr", b"norm", b"norm"]
    locks = {name: [tag.value & 0xFFFFFFFF for tag in layer.info if tag.key == psdtags.PsdKey.PROTECTED_SETTING]
             for name, layer in found.items()}  # fmt: skip
    assert locks == {"Colorized (exact)": [], "Colour only": [], "Strokes": [], "Original grey": [0x80000007]}


def test_krita_can_read_it(layered: Path) -> None:
    """Krita 5.1 garbles ZIP with prediction at 16 bits, shows files without a profile washed out; GIMP fails on Lab."""
    kinds = {channel.compression for layer in layers_of(layered).values() for channel in layer.channels}
    assert kinds == {psdtags.PsdCompressionType.ZIP}
    with tifffile.TiffFile(layered) as file:
        page = file.pages[0].aspage()
        assert page.photometric == tifffile.PHOTOMETRIC.RGB
        assert page.tags[34675].count > 400
        assert len(file.pages) == 1
    assert read_photo(layered).lightness.shape == (HEIGHT, WIDTH)


def test_strokes_and_the_grey_photo(layered: Path, tmp_path: Path) -> None:
    photo, ab, marks = painting()
    found = layers_of(layered)
    assert found["Strokes"].offset == (20, 40)
    alpha, *stroke = np.moveaxis(pixels_of(found["Strokes"]), -1, 0)
    assert alpha.shape == (10, 10)
    assert (alpha == 65535).all()
    flat = tifffile.imread(layered)
    np.testing.assert_array_equal(np.dstack(stroke), flat[20:30, 40:50])
    write_photo(tmp_path / "grey.tif", photo, 0 * ab)
    np.testing.assert_array_equal(pixels_of(found["Original grey"])[..., 1:], tifffile.imread(tmp_path / "grey.tif"))
    both = np.append(marks[0], 0), np.vstack([marks[1], ab[0, :1]])
    write_photo(tmp_path / "two.tif", photo, ab, layers=True, marks=both)
    assert (pixels_of(layers_of(tmp_path / "two.tif")["Strokes"])[..., 0] > 0).sum() == 101
    write_photo(tmp_path / "none.tif", photo, ab, layers=True)
    assert pixels_of(layers_of(tmp_path / "none.tif")["Strokes"])[..., 0].tolist() == [[0]]


def lab(codes: np.ndarray) -> np.ndarray:
    """CIELAB under D50, as GIMP and Photoshop use it, of sRGB codes."""
    return np.dstack(color.lab_from_linear(color.srgb_decode(codes / 65535), UNDER_D50))


@pytest.mark.parametrize("name", ["colours.tif", "colours.png"])
def test_colours_alone_over_the_photo_give_the_result(tmp_path: Path, name: str) -> None:
    """With a blend that takes L* from below and a*b* from above; plain colours at L* 50 would not all exist."""
    photo, ab, _ = painting()
    write_photo(tmp_path / "exact.tif", photo, ab)
    write_photo(tmp_path / "grey.tif", photo, 0 * ab)
    write_chroma(tmp_path / name, photo, ab)
    exact, grey = (lab(tifffile.imread(tmp_path / f"{n}.tif")) for n in ("exact", "grey"))
    again = read_photo(tmp_path / name, keep_color=True)
    rgb = color.linear_from_lab(again.lightness, again.ab)  # type: ignore[arg-type]
    alone = np.dstack(color.lab_from_linear(np.clip(rgb, 0, 1), UNDER_D50))
    blended = np.dstack([grey[..., :1], alone[..., 1:]])
    off = deltaE_ciede2000(exact, blended)
    assert off.mean() < 0.25
    assert off.max() < 1
    assert np.abs(exact - alone)[..., 1:].max() < 0.05
    is_middle = np.abs(alone[..., 0] - 50) < 0.05
    assert 0.9 < is_middle.mean() < 1
    assert (np.abs(alone[..., 0] - 50) <= np.abs(exact[..., 0] - 50) + 0.05).all()


def test_colour_layer_and_colours_alone_are_the_same(layered: Path, tmp_path: Path) -> None:
    photo, ab, _ = painting()
    write_chroma(tmp_path / "colours.tif", photo, ab)
    np.testing.assert_array_equal(
        pixels_of(layers_of(layered)["Colour only"])[..., 1:], tifffile.imread(tmp_path / "colours.tif")
    )


def test_what_cannot_be_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo, ab, marks = painting()
    for name, options in (("a.png", {}), ("a.tif", {"bits": 8}), ("a.jpg", {})):
        with pytest.raises(WriteError, match=r"with layers: they need a TIFF of 16 bits; use \.tif"):
            write_photo(tmp_path / name, photo, ab, layers=True, **options)
    with pytest.raises(WriteError, match=r"colours alone are for further work; use \.tif or \.png"):
        write_chroma(tmp_path / "a.jpg", photo, ab)
    monkeypatch.setattr(layers, "_ROOM", 100_000)
    with pytest.raises(WriteError, match="a layered TIFF holds 4: write it without layers"):
        write_photo(tmp_path / "a.tif", photo, ab, layers=True, marks=marks)
    monkeypatch.setitem(sys.modules, "psdtags", None)
    with pytest.raises(PhotoError, match=r"pip install 'hybrid-colorizer\[psd\]'"):
        write_photo(tmp_path / "a.tif", photo, ab, layers=True)
    assert list(tmp_path.iterdir()) == []


def needs(*programs: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(any(shutil.which(p) is None for p in programs), reason=f"needs {', '.join(programs)}")


def run(folder: Path, *words: str | Path) -> None:
    settings = {"HOME": str(folder), "QT_QPA_PLATFORM": "offscreen", "XDG_RUNTIME_DIR": str(folder)}
    subprocess.run(list(words), env={**os.environ, **settings}, check=True, capture_output=True, timeout=300)


@pytest.mark.slow
@needs("gimp")
def test_gimp_opens_the_flat_picture_and_blends_the_colours_alone(layered: Path, tmp_path: Path) -> None:
    photo, ab, _ = painting()
    write_photo(tmp_path / "grey.tif", photo, 0 * ab)
    write_chroma(tmp_path / "colours.tif", photo, ab)
    opened, blended = tmp_path / "opened.tif", tmp_path / "blended.tif"
    load = "(car (gimp-file-load RUN-NONINTERACTIVE {0} {0}))"
    save = "(file-tiff-save RUN-NONINTERACTIVE image (car (gimp-image-flatten image)) {0} {0} 0)"

    def quoted(path: Path) -> str:
        return json.dumps(str(path))

    flat = f"(let* ((image {load.format(quoted(layered))})) {save.format(quoted(opened))})"
    above = f"(car (gimp-file-load-layer RUN-NONINTERACTIVE image {quoted(tmp_path / 'colours.tif')}))"
    blend = (
        f"(let* ((image {load.format(quoted(tmp_path / 'grey.tif'))}) (layer {above}))"
        " (gimp-image-insert-layer image layer 0 0) (gimp-layer-set-mode layer LAYER-MODE-LCH-COLOR)"
        f" {save.format(quoted(blended))})"
    )
    run(tmp_path, "gimp", "-i", "-d", "-f", "-b", flat, "-b", blend, "-b", "(gimp-quit 0)")
    wanted = lab(tifffile.imread(layered))
    assert deltaE_ciede2000(wanted, lab(tifffile.imread(opened)[..., :3])).max() < 0.1
    assert deltaE_ciede2000(wanted, lab(tifffile.imread(blended)[..., :3])).max() < 1


@pytest.mark.slow
@needs("krita", "xvfb-run")
def test_krita_opens_all_layers_and_shows_the_exact_picture(layered: Path, tmp_path: Path) -> None:
    for name in ("out.tif", "out.kra"):
        run(tmp_path, "xvfb-run", "-a", "krita", "--export", "--export-filename", tmp_path / name, layered)
    wanted, found = tifffile.imread(layered), tifffile.imread(tmp_path / "out.tif")[..., :3]
    assert deltaE_ciede2000(lab(wanted), lab(found)).max() < 0.1
    document = ElementTree.fromstring(zipfile.ZipFile(tmp_path / "out.kra").read("maindoc.xml"))
    space = "{http://www.calligra.org/DTD/krita}"
    seen = [
        (layer.get("name"), layer.get("visible"), layer.get("compositeop")) for layer in document.iter(f"{space}layer")
    ]
    assert [name for name, _, _ in seen] == NAMES
    assert [is_visible for _, is_visible, _ in seen] == ["1", "0", "0", "1"]
    assert [mode for _, _, mode in seen] == ["normal", "color", "normal", "normal"]
