"""Where a picture is written: checked before the work, replaced in one step after it."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hybrid.photo.photo import WriteError

TIFF, PNG, JPEG = (".tif", ".tiff"), (".png",), (".jpg", ".jpeg")


def check_writable(path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Find out, before any heavy work, whether a picture can be written to `path`.

    Raises
    ------
    WriteError
        Unknown ending, missing or unwritable folder, a folder of that name, or an existing file without `overwrite`.
    """
    target = Path(path)
    if target.suffix.lower() not in (*TIFF, *PNG, *JPEG):
        raise WriteError(f"cannot write {target}: the ending is {target.suffix or 'missing'}; use .tif, .png or .jpg")
    if target.is_dir():
        raise WriteError(f"cannot write {target}: it is a folder; add a file name")
    if not target.parent.is_dir():
        raise WriteError(f"cannot write {target}: there is no folder {target.parent}; make it first")
    if target.exists() and not overwrite:
        raise WriteError(f"cannot write {target}: the file exists; choose another name or allow overwriting")
    part = _part(target)
    try:
        part.touch(exist_ok=False)
        part.unlink()
    except OSError as error:
        reason = error.strerror or error
        raise WriteError(f"cannot write {target}: {reason} ({target.parent}); choose another folder") from error


@contextmanager
def replacing(target: Path, overwrite: bool) -> Iterator[Path]:
    """Give a path beside `target` to write to; it becomes `target` when the block ends well and vanishes when not.

    Raises
    ------
    WriteError
        The disk refuses, or `target` appeared meanwhile and may not be overwritten.
    """
    check_writable(target, overwrite)
    part = _part(target)
    try:
        yield part
        if target.exists() and not overwrite:
            raise WriteError(f"cannot write {target}: the file appeared while working; choose another name")
        part.replace(target)
    except OSError as error:
        raise WriteError(f"cannot write {target}: {error.strerror or error}; choose another folder") from error
    finally:
        part.unlink(missing_ok=True)


def _part(target: Path) -> Path:
    return target.with_name(f".{secrets.token_hex(6)}.part")
