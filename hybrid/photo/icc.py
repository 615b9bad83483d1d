"""ICC profiles as bytes: tone curves and colorants out, a small sRGB profile in (ICC.1:2001-04 and ICC.1:2010)."""

import struct
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from hybrid.photo.photo import PhotoError

Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]

D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def adaptation(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bradford's (3, 3) matrix that takes XYZ under one white to XYZ under another."""
    return np.linalg.inv(_BRADFORD) @ np.diag((_BRADFORD @ target) / (_BRADFORD @ source)) @ _BRADFORD


def color_space(profile: bytes) -> str:
    """The profile's device space: "GRAY", "RGB", "CMYK", ... ; `PhotoError` when the bytes are no ICC profile."""
    if len(profile) < 132 or profile[36:40] != b"acsp":
        raise PhotoError("the embedded colour profile is damaged; wanted an ICC profile; assign one and save again")
    return profile[16:20].decode("latin-1").strip()


def connection_space(profile: bytes) -> str:
    """The profile's connection space, "XYZ" or "Lab"."""
    return profile[20:24].decode("latin-1").strip()


def tags(profile: bytes) -> dict[str, bytes]:
    """The profile's tags by signature, as raw bytes."""
    (count,) = struct.unpack_from(">I", profile, 128)
    entries = [struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(min(count, 100))]
    return {name.decode("latin-1"): profile[start : start + size] for name, start, size in entries}


def colorants(found: Mapping[str, bytes]) -> NDArray[np.float64]:
    """(3, 3) matrix of linear device RGB to XYZ under D50, from a profile's tags."""
    columns = [struct.unpack_from(">3i", found[name], 8) for name in ("rXYZ", "gXYZ", "bXYZ")]
    return np.array(columns).T / 65536


def curve(tag: bytes) -> Curve:
    """The tone curve in a `curv` or `para` tag: device 0..1 to linear 0..1.

    Raises
    ------
    PhotoError
        The tag is neither.
    """
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        table = np.frombuffer(tag, ">u2", count, 12).astype(np.float64)
        if count == 0:
            return lambda v: v
        if count == 1:
            gamma = float(table[0]) / 256
            return lambda v: np.maximum(v, 0) ** gamma
        return lambda v: np.interp(v, np.linspace(0, 1, count), table / 65535)
    if tag[:4] == b"para":
        (kind,) = struct.unpack_from(">H", tag, 8)
        if kind <= 4:
            return _parametric(kind, np.frombuffer(tag, ">i4", (1, 3, 4, 5, 7)[kind], 12) / 65536)
    raise PhotoError(f"the embedded profile has a tone curve of kind {tag[:4]!r}; convert the file to sRGB or Gray 2.2")


def _parametric(kind: int, values: NDArray[np.float64]) -> Curve:
    g = values[0]
    a, b = (values[1], values[2]) if kind else (1.0, 0.0)
    c = e = f = 0.0
    d = -b / a if kind in (1, 2) and a else 0.0
    if kind == 2:
        e = f = values[3]
    if kind >= 3:
        c, d = values[3:5]
    if kind == 4:
        e, f = values[5:]
    return lambda v: np.clip(np.where(v >= d, np.maximum(a * v + b, 0) ** g + e, c * v + f), 0, 1)


def build(description: str, to_xyz: NDArray[np.float64] | None, tone_curve: NDArray[np.float64] | float) -> bytes:
    """A version 2 profile: RGB when `to_xyz` is given (linear RGB to XYZ under D50), else grey.

    The bytes depend on the arguments only. `tone_curve` is (n,) linear values 0..1 at equal steps of the device value,
    or a gamma, which is stored in steps of 1/256.
    """
    if isinstance(tone_curve, float):
        entries = np.array([round(tone_curve * 256)], ">u2")
    else:
        entries = np.rint(tone_curve * 65535).astype(">u2")
    tone = b"curv\0\0\0\0" + struct.pack(">I", len(entries)) + entries.tobytes()
    text = description.encode("ascii") + b"\0"
    described = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)
    content = {"desc": described, "cprt": b"text\0\0\0\0No copyright, use freely\0", "wtpt": _xyz(D50)}
    if to_xyz is None:
        content["kTRC"] = tone
    else:
        content |= {f"{name}XYZ": _xyz(column) for name, column in zip("rgb", _white_kept(to_xyz).T, strict=True)}
        content |= dict.fromkeys(("rTRC", "gTRC", "bTRC"), tone)
    start = 132 + 12 * len(content)
    table, body, placed = b"", b"", dict[bytes, int]()
    for name, data in content.items():
        if data not in placed:  # the three tone curves share one place
            placed[data] = start + len(body)
            body += data + bytes(-len(data) % 4)
        table += struct.pack(">4sII", name.encode(), placed[data], len(data))
    space = b"GRAY" if to_xyz is None else b"RGB "
    date = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
    header = struct.pack(
        ">I4s4s4s4s4s12s4s", start + len(body), bytes(4), b"\2\x10\0\0", b"mntr", space, b"XYZ ", date, b"acsp"
    )
    header += bytes(28) + np.rint(D50 * 65536).astype(">i4").tobytes()
    return header.ljust(128, b"\0") + struct.pack(">I", len(content)) + table + body


def _white_kept(to_xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    """The matrix in steps of 1/65536, rounded so that its columns add up to the white of the profile."""
    steps = np.rint(to_xyz * 65536)
    over = steps.sum(axis=1) - np.rint(D50 * 65536)
    if np.abs(over).max() <= 3:  # more is no matter of rounding
        steps[np.arange(3), to_xyz.argmax(axis=1)] -= over
    return steps / 65536


def _xyz(values: NDArray[np.float64]) -> bytes:
    return b"XYZ \0\0\0\0" + np.rint(values * 65536).astype(">i4").tobytes()
