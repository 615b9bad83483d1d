"""Records as JSON lines: appended one by one, whole or not at all; read back, also after a run that was killed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Record = dict[str, Any]
IDENTITY = ("kind", "image", "megapixels", "pattern", "weights", "solver", "threads", "editor", "round")
"""What tells the records of one run apart."""


def read_records(paths: Iterable[Path]) -> list[Record]:
    """All records of some files; a last line without an end, from a run that was killed, does not count.

    Raises
    ------
    ValueError
        A line that is no record, or no record at all.
    OSError
        A file that cannot be read.
    """
    names = list(paths)
    records = [record for path in names for record in _records_of(path)]
    if not records:
        raise ValueError(f"{', '.join(map(str, names))}: no record; wanted JSON lines written by run or edits")
    return merged_rounds(records)


def merged_rounds(records: Iterable[Record]) -> list[Record]:
    """Records with the rounds of a run put together: all their repeats, the worst of their errors and peaks.

    What is not right in one round is not right.
    """
    found: dict[tuple[Any, ...], Record] = {}
    for number, record in enumerate(records):
        is_round = record["kind"] == "measure" and "round" in record
        key = (record["run"], *identity(record)[:-1]) if is_round else (number,)
        found[key] = _joined(found[key], record) if key in found else record
    return list(found.values())


def _joined(one: Record, other: Record) -> Record:
    for record in (one, other):
        if record["status"] != "ok":
            return record
    worst = {key: max(one[key], other[key]) for key in ("error", "iterations", "peak_bytes")}
    whole = {**one, **worst, "seconds": one["seconds"] + other["seconds"]}
    strokes = [record["stroke"] for record in (one, other) if "stroke" in record]
    wrong = [stroke for stroke in strokes if stroke["status"] != "ok"]
    if wrong or len(strokes) < 2:
        return whole | ({"stroke": (wrong or strokes)[0]} if strokes else {})
    first, second = strokes
    error = max(first["error"], second["error"])
    return whole | {"stroke": {**first, "error": error, "seconds": first["seconds"] + second["seconds"]}}


def _records_of(path: Path) -> list[Record]:
    records = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(keepends=True), 1):
        try:
            record = json.loads(line)
            record["kind"], record["run"], record["status"], record["machine"]
        except (ValueError, TypeError, KeyError) as failure:
            if not line.endswith("\n"):
                break
            raise ValueError(f"{path}, line {number}: no record of this bench ({failure!r})") from failure
        records.append(record)
    return records


def append(path: Path, record: Record) -> None:
    """Add a record and wait until it is on the disk."""
    with path.open("ab") as file:
        file.write(json.dumps(record).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def mend(path: Path) -> None:
    """Cut off the piece of a line that a killed run left, so that what is appended is read."""
    if not path.exists():
        return
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        os.truncate(path, whole)


def last_run(path: Path) -> list[Record]:
    """Records of the run that a file ends with; none of a file that is not there.

    Raises
    ------
    ValueError
        A line that is no record.
    """
    records = _records_of(path) if path.exists() else []
    return [record for record in records if record["run"] == records[-1]["run"]]


def identity(record: Record) -> tuple[Any, ...]:
    return tuple(record.get(key) for key in IDENTITY)
