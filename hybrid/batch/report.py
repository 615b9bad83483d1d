"""What a batch says: data on stdout, progress and failures on stderr, and what it came to in the end."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn
from rich.progress import Task as Row
from rich.text import Text

from hybrid.batch.outlook import Outlook


class _TimeLeft(ProgressColumn):
    """What the outlook of the batch says, twice a second."""

    max_refresh = 0.5
    outlook: Outlook | None = None

    def render(self, task: Row) -> Text:
        left = None if self.outlook is None or task.finished else self.outlook.left()
        return Text(str(left) if left else "")


class Report:
    """Counts photos and tells of them as they end; a context manager.

    Parameters
    ----------
    console : on stderr. On a terminal it shows a bar and the time left, elsewhere a line a photo, unless `as_json`
    as_json : whether stdout gets one JSON object a photo and one at the end, rather than a summary for a person
    """

    def __init__(self, console: Console, as_json: bool) -> None:
        self._console = console
        self._as_json = as_json
        self._began = time.perf_counter()
        self._done = self._skipped = 0
        self._pixels = 0
        self._failures: list[dict[str, Any]] = []
        self._left = _TimeLeft()
        shown = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), self._left
        self._bar = Progress(*shown, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
        self._task = self._bar.add_task("photos", total=None)

    def __enter__(self) -> Report:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop()

    @property
    def has_failures(self) -> bool:
        """Whether any photo failed."""
        return bool(self._failures)

    def expect(self, photos: Sequence[Path], outlook: Outlook | None = None) -> None:
        """These photos there are, those to be skipped included; the outlook says what time they take."""
        self._left.outlook = outlook
        self._bar.update(self._task, total=len(photos))

    def begun(self, photo: Path) -> None:
        """A worker has been given a photo."""
        if self._left.outlook is not None:
            self._left.outlook.begun(photo)

    def done(self, photo: Path, report: dict[str, Any], seconds: float) -> None:
        """A photo was coloured, in so many seconds of a worker's."""
        self._done += 1
        pixels = report.get("width", 0) * report.get("height", 0)
        self._pixels += pixels
        self._advance({"status": "ok", **report}, photo, pixels, seconds)
        if not (self._as_json or self._console.is_terminal):
            left = self._left.outlook.left() if self._left.outlook and not self._is_over else None
            self._say(f"{self._count}: {report['output']}, {pixels / 1e6:.2f} MP{f'; {left}' if left else ''}")
        for warning in report.get("warnings", []):
            self._say(f"hybrid: {warning}")

    def skipped(self, photo: Path, target: Path) -> None:
        """A photo was done before."""
        self._skipped += 1
        self._advance({"input": str(photo), "status": "skipped", "output": str(target)}, photo)

    def failed(self, photo: Path, code: int, error: str, trace: str = "") -> None:
        """A photo failed."""
        row = {"input": str(photo), "status": "failed", "exit": code, "error": error}
        self._failures.append(row)
        self._advance(row, photo)
        if trace:
            self._say(trace.rstrip())
        self._say(f"hybrid: {error}", style="red" if self._console.is_terminal else None)

    def note(self, text: str) -> None:
        """Something that is about no photo."""
        self._say(f"hybrid: {text}")

    def summary(self) -> dict[str, Any]:
        """What the batch came to."""
        return {
            "status": "summary",
            "photos": self._ended,
            "done": self._done,
            "skipped": self._skipped,
            "failed": len(self._failures),
            "megapixels": round(self._pixels / 1e6, 3),
            "seconds": round(time.perf_counter() - self._began, 3),
            "failures": self._failures,
        }

    def conclude(self) -> None:
        """Print the summary on stdout."""
        self._stop()
        found = self.summary()
        if self._as_json:
            print(json.dumps(found), flush=True)
            return
        lines = [
            f"{found['photos']} photos: {found['done']} done, {found['skipped']} done before, "
            f"{found['failed']} failed; {found['megapixels']:.2f} MP in {found['seconds']:.1f} s"
        ]
        lines += [f"  failed, exit {row['exit']}: {row['error']}" for row in self._failures]
        print(_printable("\n".join(lines)), flush=True)

    @property
    def _count(self) -> str:
        total = self._bar.tasks[0].total
        return f"{self._ended} of {total:.0f}" if total else "1"

    @property
    def _ended(self) -> int:
        return self._done + self._skipped + len(self._failures)

    @property
    def _is_over(self) -> bool:
        return self._ended == self._bar.tasks[0].total

    def _stop(self) -> None:
        if self._console.is_terminal:  # elsewhere the bar was never shown, and would end with an empty line
            self._bar.stop()

    def _advance(self, row: dict[str, Any], photo: Path, pixels: int = 0, seconds: float = 0.0) -> None:
        if self._left.outlook is not None:
            self._left.outlook.ended(photo, pixels, seconds)
        self._bar.advance(self._task)
        if self._as_json:
            print(json.dumps(row), flush=True)

    def _say(self, text: str, style: str | None = None) -> None:
        self._console.print(_printable(text), style=style, markup=False, highlight=False, soft_wrap=True)


def _printable(text: str) -> str:
    """File names that are not UTF-8 made so."""
    return text.encode(errors="backslashreplace").decode()
