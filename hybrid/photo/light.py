"""From stored values to light: linear RGB, lightness and colour of some rows of a decoded picture."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid import color
from hybrid.color import SRGB_TO_XYZ, Float
from hybrid.photo import icc
from hybrid.photo.decoded import Decoded
from hybrid.photo.lab import LabSpace
from hybrid.photo.photo import PhotoError
from hybrid.photo.profiles import LINEAR, SRGB, MatrixSpace, Space, TableSpace, space_of

_FLOAT_SLACK = (
    1e-3  # how far float samples may leave 0..1, as resampling makes them, before they count as another scale
)


class Light:
    """The light of a decoded picture, asked for in bands of rows.

    Parameters
    ----------
    decoded : integer samples without a profile are sRGB's, float samples without one are linear light.

    Raises
    ------
    PhotoError
        The profile cannot be used; and later, from every method, float samples that are not finite or not 0..1.
    """

    def __init__(self, decoded: Decoded) -> None:
        self.decoded = decoded
        self.is_float = decoded.values.dtype.kind == "f"
        self.space = decoded.space or _space(decoded, LINEAR if self.is_float else SRGB)
        if not isinstance(self.space, MatrixSpace):
            self.tables, self.to_xyz = None, np.eye(3)  # its light is XYZ itself
        else:
            self.tables = None if self.is_float else self.space.tables(decoded.bits)
            self.to_xyz = self.space.to_xyz

    def lightness(self, rows: slice) -> Float:
        """L* 0..100, (rows, W)."""
        return self._lightness(self.linear(rows))

    def lab(self, rows: slice) -> tuple[Float, Float]:
        """L* (rows, W) and a*, b* (rows, W, 2)."""
        light = self.linear(rows)
        if light.shape[-1] == 1:
            return self._lightness(light), np.zeros((*light.shape[:2], 2), np.float32)
        return self._lightness(light), color.lab_from_linear(light, self.to_xyz)[1]

    def srgb(self, rows: slice) -> Float:
        """(rows, W, 3) sRGB values 0..1: as stored where the picture is in sRGB, else converted and clipped."""
        if self.space is SRGB or self._is_srgb():
            return np.broadcast_to(self._values(rows) / np.float32(self._top), (*self._values(rows).shape[:2], 3))
        light = self.linear(rows)
        if light.shape[-1] == 3:
            light = light @ (np.linalg.inv(SRGB_TO_XYZ) @ self.to_xyz).T.astype(np.float32)
        return np.broadcast_to(color.srgb_encode(np.clip(light, 0, 1)), (*light.shape[:2], 3))

    def linear(self, rows: slice) -> Float:
        """Linear light, (rows, W, 1) for grey, (rows, W, 3) of RGB or XYZ as `to_xyz` says for colour."""
        values = self._values(rows)
        if isinstance(self.space, TableSpace):
            if values.dtype.kind != "f" and self.decoded.bits not in (8, 16):
                values = values / np.float32(self._top)
            return self.space.xyz(np.ascontiguousarray(values))
        if isinstance(self.space, LabSpace):
            return self.space.xyz(np.ascontiguousarray(values))
        try:
            return self.space.linear(values, self.tables)
        except IndexError as error:
            raise PhotoError(
                f"samples reach {values.max()}, above the {self.decoded.bits} bits that the file says; it is damaged"
            ) from error

    def alpha(self) -> Float | None:
        """(H, W) alpha 0..1, or None."""
        values = self.decoded.values
        if values.shape[2] <= self.decoded.channels:
            return None
        return values[..., self.decoded.channels].astype(np.float32) / np.float32(self._top)

    @property
    def _top(self) -> int:
        return 1 if self.is_float else (1 << self.decoded.bits) - 1

    def _is_srgb(self) -> bool:
        space = self.space
        return isinstance(space, MatrixSpace) and space.to_xyz is SRGB_TO_XYZ and set(space.curves) <= set(SRGB.curves)

    def _lightness(self, light: Float) -> Float:
        y = light[..., 0] if light.shape[-1] == 1 else color.luminance(light, self.to_xyz)
        return color.lightness_from_luminance(np.clip(y, 0, 1))

    def _values(self, rows: slice) -> NDArray[Any]:
        """Stored values without alpha, not multiplied by it, black is zero; floats checked and limited to 0..1."""
        values = self.decoded.values[rows, :, : self.decoded.channels]
        if self.is_float:
            values = values.astype(np.float32)
            if not np.isfinite(values).all():
                raise PhotoError("the samples hold NaN or infinity; wanted numbers 0..1; repair the file first")
            low, high = float(values.min()), float(values.max())
            if low < -_FLOAT_SLACK or high > 1 + _FLOAT_SLACK:
                raise PhotoError(f"the float samples reach {low:g}..{high:g}; wanted 0..1; scale them first")
            values = np.clip(values, 0, 1)
        elif values.dtype == np.bool_:
            values = values.view(np.uint8)
        values = self._top - values if self.decoded.white_is_zero else values
        return self._unmultiplied(values, rows) if self.decoded.is_premultiplied else values

    def _unmultiplied(self, values: NDArray[Any], rows: slice) -> NDArray[Any]:
        """Colours before they were multiplied by alpha; black where alpha is zero."""
        if self.decoded.values.shape[2] <= self.decoded.channels:
            return values
        alpha = self.decoded.values[rows, :, self.decoded.channels, None].astype(np.float32) / np.float32(self._top)
        divided = np.divide(values, alpha, out=np.zeros(values.shape, np.float32), where=alpha > 0)
        divided = np.minimum(divided, self._top)
        return divided if self.is_float else np.rint(divided).astype(values.dtype)


def _space(decoded: Decoded, unprofiled: MatrixSpace) -> Space:
    if decoded.channels != 4:
        return space_of(decoded.profile, decoded.channels, unprofiled)
    if decoded.profile is None or icc.color_space(decoded.profile) != "CMYK":
        raise PhotoError("the picture is CMYK without a profile of its inks; assign one, or convert it to RGB first")
    return TableSpace(decoded.profile, "cmyk")
