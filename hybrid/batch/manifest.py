"""`manifest.jsonl` beside a batch's outputs: a line for every photo done or failed, so that a rerun knows.

A shard writes `manifest-2-of-4.jsonl`, so that machines never write to one file; all of them are read. Lines are added,
never changed: the last one of an output counts. A line goes to the disk before the next photo is put in its place. What
is not a line of ours is passed over, and a last line that was cut off is taken away before the next is added.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any

from hybrid.batch.error import BatchError
from hybrid.batch.shard import Shard


@dataclass(frozen=True)
class Row:
    """One photo's line.

    Parameters
    ----------
    input, output : paths relative to the manifest's folder
    status : "ok" or "failed"
    settings_sha256 : of `settings_hash`
    input_sha256, input_bytes, input_mtime_ns : of the photo's file; "" and 0 where it could not be read
    output_sha256, output_bytes : of the picture's file; "" and 0 where there is none
    seconds : of work
    exit, error : exit code and one line on what went wrong; 0 and ""
    finished : when, in UTC, ISO 8601
    """

    input: str
    output: str
    status: str
    settings_sha256: str
    input_sha256: str
    input_bytes: int
    input_mtime_ns: int
    output_sha256: str
    output_bytes: int
    seconds: float
    exit: int
    error: str
    finished: str


def row_of(line: str | bytes) -> Row | None:
    """A line's row, or None if it is none of ours."""
    try:
        found: Any = json.loads(line)
        row = Row(**{field.name: found[field.name] for field in fields(Row)})
    except (ValueError, KeyError, TypeError):
        return None
    wanted = {"str": str, "int": int, "float": int | float}
    return row if all(isinstance(getattr(row, f.name), wanted[str(f.type)]) for f in fields(Row)) else None


def line_of(row: Row) -> bytes:
    """The line of a row, its end included."""
    return json.dumps(asdict(row)).encode() + b"\n"


class History:
    """What earlier batches did in a folder.

    Parameters
    ----------
    rows : in any order
    """

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._last: dict[str, Row] = {}
        self._written: dict[str, set[str]] = {}
        for row in sorted(rows, key=lambda row: row.finished):
            self.add(row)

    def add(self, row: Row) -> None:
        """What was done last."""
        self._last[row.output] = row
        if row.status == "ok":
            self._written.setdefault(row.output, set()).add(row.output_sha256)

    def last(self, output: str) -> Row | None:
        """The row that counts for an output."""
        return self._last.get(output)

    def written(self, output: str) -> set[str]:
        """Hashes of all that batches ever wrote to an output."""
        return self._written.get(output, set())

    @property
    def outputs(self) -> list[str]:
        """Outputs that batches wrote."""
        return list(self._written)


def read_history(folder: Path) -> History:
    """All manifests of a folder; an empty history if there is none."""
    rows = []
    for path in (folder / "manifest.jsonl", *sorted(folder.glob("manifest-*-of-*.jsonl"))):
        if path.is_file():
            rows += [row for line in path.read_bytes().splitlines() if (row := row_of(line)) is not None]
    return History(rows)


class Manifest:
    """A batch's or a shard's manifest, open for adding lines; a context manager.

    Raises
    ------
    BatchError
        It cannot be opened or written to.
    """

    def __init__(self, folder: Path, shard: Shard) -> None:
        self.path = folder / ("manifest.jsonl" if shard.count == 1 else f"manifest-{shard.label}.jsonl")
        try:
            self._file = self.path.open("a+b", buffering=0)
            self._repair()
        except OSError as error:
            raise self._refusal(error) from error

    def __enter__(self) -> Manifest:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def add(self, row: Row) -> None:
        """Add a row; it is on the disk when this returns."""
        try:
            self._file.write(line_of(row))
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._refusal(error) from error

    def _repair(self) -> None:
        """Take away a last line that was cut off, or end it if only its end is missing."""
        self._file.seek(0)
        content = self._file.read()
        whole = content.rfind(b"\n") + 1
        if whole == len(content):
            return
        if row_of(content[whole:]) is None:
            self._file.truncate(whole)
        else:
            self._file.write(b"\n")

    def _refusal(self, error: OSError) -> BatchError:
        return BatchError(f"cannot write {self.path}: {error.strerror or error}; what is done so far stands in it")
