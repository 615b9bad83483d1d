"""Layers for Photoshop and Krita inside a TIFF: the tag ImageSourceData, made by psdtags (the extra `psd`).

From top to bottom: "Colorized (exact)", visible, the same codes as the flat picture; "Colour only", hidden, in blend
mode Color; "Strokes", hidden, transparent where nothing was painted; "Original grey", locked. The exact picture is a
layer of its own because blend modes are not the same everywhere: Photoshop's Color in RGB does not keep L*, Krita's
differs again. Programs that know no layers, such as GIMP 2.10, open the flat picture.

Channels are compressed by ZIP without prediction: with it Krita 5.1 garbles 16-bit layers.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybrid.color import Float
from hybrid.photo.bands import each_band
from hybrid.photo.photo import WriteError
from hybrid.photo.profiles import MatrixSpace
from hybrid.photo.render import Marks, Render, chroma_renderer, exact_renderer
from hybrid.photo.target import TIFF

if TYPE_CHECKING:
    from psdtags import PsdBlendMode, PsdLayer

Pixels = NDArray[np.uint16]
NAMES = ("Colorized (exact)", "Colour only", "Strokes", "Original grey")
"""From top to bottom."""
_BITS = 16
_ROOM = (1 << 32) - (1 << 26)  # bytes of a TIFF with 32-bit offsets, some left for metadata
_OPAQUE = 65535
_LOCK_ALL = -0x7FFFFFF9  # 0x80000007: transparency, pixels and position, as Photoshop's padlock


def check_layers(target: Path, depth: int) -> None:
    """Find out before any work whether layers can be written.

    Raises
    ------
    WriteError
        Not a 16-bit TIFF, or psdtags is missing.
    """
    if target.suffix.lower() not in TIFF or depth != _BITS:
        raise WriteError(f"cannot write {target} with layers: they need a TIFF of 16 bits; use .tif, or no layers")
    try:
        import psdtags  # noqa: F401
    except ImportError:
        raise WriteError("layers need psdtags; install it: pip install 'hybrid-colorizer[psd]'") from None


def layers_tag(
    exact: Pixels, lightness: Float, ab: Float, space: MatrixSpace, marks: Marks | None
) -> tuple[int, int, int, bytes, bool]:
    """The tag, as tifffile takes it.

    Parameters
    ----------
    exact : (H, W, 3) codes of the flat picture.
    lightness, ab : (H, W) and (H, W, 2), of the picture.
    space : that all layers are in.
    marks : what was painted, or None.

    Raises
    ------
    WriteError
        Flat picture and layers are more than a TIFF of 4 GB holds.
    """
    from psdtags import PsdBlendMode, PsdFormat, PsdKey, PsdLayers, PsdUserMask, TiffImageSourceData

    shape = lightness.shape
    colour = _drawn(chroma_renderer(lightness, ab, space, _BITS), shape)
    grey = _drawn(exact_renderer(lightness, np.broadcast_to(np.float32(0), ab.shape), space, _BITS), shape)
    layers = [
        _layer(NAMES[3], grey, is_locked=True),
        *_strokes(lightness, space, marks),
        _layer(NAMES[1], colour, is_visible=False, blend=PsdBlendMode.COLOR),
        _layer(NAMES[0], exact),
    ]
    block = TiffImageSourceData(
        psdformat=PsdFormat.LE32BIT,
        layers=PsdLayers(key=PsdKey.LAYER_16, layers=layers, has_transparency=False),
        usermask=PsdUserMask(),
    )
    tag = block.tifftag(maxworkers=min(4, os.cpu_count() or 1))
    if len(tag[3]) + exact.nbytes > _ROOM:
        megapixels = shape[0] * shape[1] / 1e6
        raise WriteError(
            f"layers of {megapixels:.0f} MP take {(len(tag[3]) + exact.nbytes) / 1e9:.1f} GB, and a layered TIFF holds "
            "4: write it without layers, and the colours alone beside it"
        )
    return tag


def _drawn(render: Render, shape: tuple[int, ...]) -> Pixels:
    pixels = np.empty((*shape, 3), np.uint16)

    def place(rows: slice) -> None:
        pixels[rows] = render(rows)[0]

    for _ in each_band(place, *shape):
        pass
    return pixels


def _strokes(lightness: Float, space: MatrixSpace, marks: Marks | None) -> list[PsdLayer]:
    """A layer as large as what was painted; one transparent pixel if nothing was."""
    index, colors = marks if marks is not None and len(marks[0]) else (np.zeros(0, np.int64), np.zeros((0, 2)))
    rows, columns = np.divmod(index, lightness.shape[1])
    top, left = (int(place.min()) if len(place) else 0 for place in (rows, columns))
    bottom, right = (int(place.max()) + 1 if len(place) else 1 for place in (rows, columns))
    ab = np.zeros((bottom - top, right - left, 2), np.float32)
    alpha = np.zeros(ab.shape[:2], np.uint16)
    ab[rows - top, columns - left] = colors
    alpha[rows - top, columns - left] = _OPAQUE
    pixels = _drawn(exact_renderer(lightness[top:bottom, left:right], ab, space, _BITS), alpha.shape)
    return [_layer(NAMES[2], pixels, alpha, (top, left), is_visible=False)]


def _layer(
    name: str,
    pixels: Pixels,
    alpha: Pixels | None = None,
    corner: tuple[int, int] = (0, 0),
    *,
    is_visible: bool = True,
    is_locked: bool = False,
    blend: PsdBlendMode | None = None,
) -> PsdLayer:
    from psdtags import (
        PsdBlendMode,
        PsdChannel,
        PsdChannelId,
        PsdCompressionType,
        PsdInteger,
        PsdKey,
        PsdLayer,
        PsdLayerFlag,
        PsdRectangle,
        PsdString,
    )

    height, width = pixels.shape[:2]
    opacity = np.full((height, width), _OPAQUE, np.uint16) if alpha is None else alpha
    planes = {PsdChannelId.TRANSPARENCY_MASK: opacity}
    planes |= {PsdChannelId(number): pixels[..., number] for number in range(3)}
    # Photoshop's bit for "visible" is set where a layer is hidden; psdtags names it as the specification does.
    hidden = PsdLayerFlag.BASE if is_visible else PsdLayerFlag.VISIBLE
    info: list[Any] = [PsdString(PsdKey.UNICODE_LAYER_NAME, name)]
    if is_locked:
        info.append(PsdInteger(PsdKey.PROTECTED_SETTING, _LOCK_ALL))
    return PsdLayer(
        name=name,
        channels=[PsdChannel(number, PsdCompressionType.ZIP, plane) for number, plane in planes.items()],
        rectangle=PsdRectangle(*corner, corner[0] + height, corner[1] + width),
        blendmode=blend or PsdBlendMode.NORMAL,
        flags=PsdLayerFlag.PHOTOSHOP5 | hidden,
        info=info,
    )
