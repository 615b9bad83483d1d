"""A finished picture is put in its place and into the manifest: both, whenever the program is killed.

Before a picture moves from the workplace to its place, its row is kept aside, on the disk. Only then it moves, and the
row goes into the manifest. Killed before the move, the photo is not done and is done again; killed after it, the next
batch finds the picture at its place, knows it by its hash, and adds the row.
"""

from __future__ import annotations

import os
from collections.abc import Set
from pathlib import Path

from hybrid.batch.lock import HIDDEN
from hybrid.batch.manifest import Manifest, Row, line_of, read_history, row_of
from hybrid.batch.shard import Shard
from hybrid.hints import sha256_of
from hybrid.photo import WriteError, check_writable


def pending_path(folder: Path, shard: Shard) -> Path:
    """Where the row of the picture that is about to move is kept."""
    return folder / HIDDEN / f"{shard.label}.pending"


def place(staged: Path, folder: Path, row: Row, manifest: Manifest, pending: Path) -> None:
    """Move a finished picture to its place in `folder` and add its row.

    Raises
    ------
    WriteError
        It cannot be moved there; neither file nor manifest has changed.
    BatchError
        The manifest cannot be written.
    """
    target = folder / row.output
    try:
        _write_whole(pending, line_of(row))
        staged.replace(target)
    except OSError as error:
        pending.unlink(missing_ok=True)
        raise WriteError(f"cannot write {target}: {error.strerror or error}; choose another folder") from error
    manifest.add(row)
    pending.unlink()


def pending_outputs(folder: Path) -> list[str]:
    """Outputs that had perhaps moved when their batches were killed, and are in no manifest yet."""
    return [row.output for path in _pending(folder) if (row := row_of(path.read_bytes())) is not None]


def recover(folder: Path, shard: Shard, manifest: Manifest) -> None:
    """Add the row of a picture that had moved when its batch was killed or interrupted, if no manifest has it.

    Also those of batches that were split otherwise, which cannot be at work now; other shards see to their own.
    """
    for pending in _pending(folder):
        is_others = pending.stem.rpartition("-")[2] == str(shard.count) and pending != pending_path(folder, shard)
        if is_others:
            continue
        row = row_of(pending.read_bytes())
        if row is not None and read_history(folder).last(row.output) != row:
            target = folder / row.output
            if target.is_file() and sha256_of(target) == row.output_sha256:
                manifest.add(row)
        pending.unlink()


def _pending(folder: Path) -> list[Path]:
    return sorted((folder / HIDDEN).glob("*.pending"))


def check_place(target: Path, folder: Path, written: Set[str], overwrite: bool) -> None:
    """Make a target's folder, and find out whether a batch may write there.

    Parameters
    ----------
    target : the picture
    folder : of all outputs
    written : hashes of what batches wrote to it before; that may be replaced
    overwrite : whether any file may be

    Raises
    ------
    WriteError
        It lies outside `folder`, cannot be written, or has a content that no batch wrote.
    """
    if not target.parent.resolve().is_relative_to(folder.resolve()):
        raise WriteError(f"cannot write {target}: a link leads out of {folder}; remove the link {target.parent}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"cannot write {target}: {error.strerror or error}; choose another folder") from error
    check_writable(target, overwrite=True)
    if not overwrite and os.path.lexists(target) and not (target.is_file() and sha256_of(target) in written):
        raise WriteError(
            f"cannot write {target}: the file exists and is not as this batch wrote it; "
            "move it away or allow overwriting"
        )


def _write_whole(path: Path, content: bytes) -> None:
    temporary = path.with_name(path.name + ".part")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
