"""The journal of a run: what was recorded, what need not be done again, and a line on the terminal for each record."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from solvers.bench.machine import description, source_hash
from solvers.bench.records import Record, append, identity, last_run, mend
from solvers.bench.report import totals


class Journal:
    """Where records go: a file that every record is added to at once, or stdout.

    Parameters
    ----------
    path : Path or None
    resume : bool
        Whether to go on with the run that the file ends with.
    total : int
        Records that are expected, for the progress.

    Raises
    ------
    ValueError
        The run to go on with was made by another machine or another source.
    """

    def __init__(self, path: Path | None, resume: bool = False, total: int = 0) -> None:
        self.path, self.total, self._count = path, total, 0
        self.origin: Record = {"run": time.strftime("%Y%m%dT%H%M%S"), "machine": description()}
        self.before: list[Record] = []
        if path is not None:
            mend(path)
        if resume and path is not None:
            self.before = last_run(path)
        if self.before:
            _check_same(self.before, self.origin["machine"], path)
            self.origin["run"] = self.before[0]["run"]
        self._failed = {
            identity({**record, "round": 0})
            for record in self.before
            if record["status"] not in ("ok", "crashed", "missing")
        }
        self._done = {identity(record) for record in self.before if record["status"] not in ("crashed", "missing")}

    def has(self, record: Record) -> bool:
        """Whether the run that is gone on with has a record of that identity."""
        return identity(record) in self._done

    def has_failed(self, record: Record) -> bool:
        """Whether another round of it came out wrong or over a limit: a further one need not be tried."""
        return identity({**record, "round": 0}) in self._failed

    def passed(self, count: int = 1) -> None:
        """Count what need not be done again."""
        self._count += count

    def write(self, record: Record) -> None:
        """Add a record, and say on the terminal how it went."""
        record = {**self.origin, **record}
        if self.path is None:
            print(json.dumps(record), flush=True)
            return
        append(self.path, record)
        if record["kind"] == "measure" and record["status"] != "missing":
            self._count += 1
            print(f"[{self._count}/{self.total}]", end=" ")
        print(summary(record), flush=True)


def _check_same(before: Sequence[Record], machine: Record, path: Path | None) -> None:
    sources = {record["source"] for record in before if "source" in record}
    if before[0]["machine"]["cpu"] != machine["cpu"] or not sources <= {source_hash()}:
        raise ValueError(
            f"{path}: its last run was made on another machine or by another version of the solver; leave --resume out"
        )


class Cut:
    """What was over a limit need not be tried on larger images of the same kind."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._largest: dict[tuple[Any, ...], float] = {}
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        if record["kind"] == "measure" and record["status"] == "over the limit":
            self._largest.setdefault(self._key(record), record["megapixels"])

    def reason(self, record: Record) -> str | None:
        """Why not to try it; None for no reason."""
        size = self._largest.get(self._key(record))
        return None if size is None or size >= record["megapixels"] else f"not tried: it was at {size:g} MP already"

    @staticmethod
    def _key(record: Record) -> tuple[Any, ...]:
        return tuple(record[key] for key in ("solver", "pattern", "weights", "threads"))


def summary(record: Record) -> str:
    """One line on a record."""
    keys = ("image", "megapixels", "pattern", "weights", "solver", "editor", "threads")
    forms = {"megapixels": "{:g} MP", "threads": "{} threads", "pattern": "pattern {}", "weights": "weights {}"}
    words = [forms.get(key, "{}").format(record[key]) for key in keys if record.get(key, 1) != 1]
    if record["status"] != "ok":
        return f"{', '.join(words)}: {record['status']}: {record['reason']}"
    if record["kind"] == "stream":
        return f"{', '.join(words)}: memory {record['median_gb_per_s']:.1f} GB/s"
    if record["kind"] == "edits":
        slow = (f"{kind} {1000 * median(every):.0f} ms" for kind, every in record["seconds"].items())
        return f"{', '.join(words)}: {', '.join(slow)}"
    stroke = record.get("stroke", {})
    more = f", {median(stroke['seconds']):.3f} s after a stroke" if stroke.get("status") == "ok" else ""
    return f"{', '.join(words)}: {median(totals(record)):.3f} s, error {record['error']:.2f} of the bound{more}"
