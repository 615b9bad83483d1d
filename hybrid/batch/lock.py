"""One batch at a time in a folder, or one a shard; the machine forgets the lock of a process that has died."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hybrid.batch.error import BatchError
from hybrid.batch.shard import Shard

HIDDEN = ".hybrid-batch"
"""Folder within the outputs' for what a batch needs while it works; gone afterwards."""


@contextmanager
def workplace(folder: Path, shard: Shard) -> Iterator[Path]:
    """Hold `folder` for one batch and give an empty folder in it, on the same disk, for files not finished yet.

    Shards of one number may work at a time, each on its own. What a killed batch left unfinished is removed.

    Raises
    ------
    BatchError
        Another batch is at work there, or the folder cannot be written to.
    """
    hidden = folder / HIDDEN
    try:
        descriptor = _held(hidden / f"{shard.label}.lock", folder)
    except OSError as error:
        raise BatchError(f"cannot write to {folder}: {error.strerror or error}; choose another folder") from error
    try:
        _check_others(hidden, folder, shard)
        for left in hidden.glob(f"{shard.label}.*.work"):
            shutil.rmtree(left, ignore_errors=True)
        place = hidden / f"{shard.label}.{secrets.token_hex(6)}.work"
        place.mkdir()
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)
    finally:
        (hidden / f"{shard.label}.lock").unlink(missing_ok=True)
        os.close(descriptor)
        with contextlib.suppress(OSError):
            hidden.rmdir()  # refused as long as another shard works in it


def _held(path: Path, folder: Path) -> int:
    """Descriptor of the lock's file, held; the file names the process for those who are refused."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            continue  # another shard ended and took the folder with it
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise _at_work(path, folder) from None
        if path.exists() and os.path.samestat(path.stat(), os.fstat(descriptor)):
            break
        os.close(descriptor)  # its last holder removed it in between
    os.truncate(descriptor, 0)
    os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
    return descriptor


def _check_others(hidden: Path, folder: Path, shard: Shard) -> None:
    """Refuse to work beside a batch that is split otherwise: both would have the same photos."""
    for path in hidden.glob("*.lock"):
        if path.stem.rpartition("-")[2] == str(shard.count):
            continue
        with contextlib.suppress(FileNotFoundError), path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                raise _at_work(path, folder) from None


def _at_work(path: Path, folder: Path) -> BatchError:
    who = path.read_text(errors="replace") if path.exists() else ""
    return BatchError(
        f"{folder}: another batch is at work there ({who or 'just begun'}, {path.stem}); "
        "wait for it, or choose another folder"
    )
