"""`python -m solvers.bench run | edits | report`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import Any

from solvers.bench.campaign import edits, run
from solvers.bench.cases import PATTERNS, WEIGHTS
from solvers.bench.edits import EDITORS
from solvers.bench.report import report
from solvers.gallery import GALLERY

DEFAULT_PHOTOS = Path("../shared/data/hires")


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0, or 2 after one line on stderr for input that makes no sense."""
    options = parser().parse_args(arguments)
    try:
        options.command(options)
    except (ValueError, OSError) as failure:
        print(f"solvers.bench: {failure}", file=sys.stderr)
        return 2
    return 0


def parser() -> argparse.ArgumentParser:
    top = _Parser(prog="python -m solvers.bench", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="run | edits | report")
    running = commands.add_parser("run", help="measure solvers to the same colour error")
    _image_options(running, [0.25, 1.0])
    running.add_argument("--photos", type=Path, default=DEFAULT_PHOTOS, help="folder of photos, or one photo")
    running.add_argument("--images", type=_count, default=1, help="photos of each size, if so many are large enough")
    _problem_options(running, ["A", "B"])
    running.add_argument("--solvers", nargs="+", default=["multigrid", "ruge-stuben"], help="names, or all")
    running.add_argument("--repeats", type=_count, default=3)
    running.add_argument("--scratch", type=Path, help="folder for temporary files; 30 bytes a pixel")
    running.set_defaults(command=run)
    editing = commands.add_parser("edits", help="measure how long an edit takes")
    _image_options(editing, [1.0])
    editing.add_argument("--photo", type=Path, default=DEFAULT_PHOTOS, dest="photos", help="a photo, or a folder")
    editing.set_defaults(images=1, command=edits)
    _problem_options(editing, ["A"])
    editing.add_argument("--edits", type=_count, default=50, help="of each kind")
    editing.add_argument("--editor", choices=list(EDITORS), default="solve")
    reporting = commands.add_parser("report", help="print tables of records")
    reporting.add_argument("files", type=Path, nargs="+", metavar="FILE")
    reporting.set_defaults(command=lambda options: print(report(records_of(options.files))))
    return top


def records_of(paths: list[Path]) -> list[dict[str, Any]]:
    """All records of some files.

    Raises
    ------
    ValueError
        A line that is no record, or no record at all.
    """
    records = []
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                record = json.loads(line)
                record["kind"], record["run"], record["status"], record["machine"]
            except (ValueError, TypeError, KeyError) as failure:
                raise ValueError(f"{path}, line {number}: no record of this bench ({failure!r})") from failure
            records.append(record)
    if not records:
        raise ValueError(f"{', '.join(map(str, paths))}: no record; wanted JSON lines written by run or edits")
    return records


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        """One line, where argparse prints the usage as well."""
        self.exit(2, f"solvers.bench: {message}\n")


def _image_options(command: argparse.ArgumentParser, megapixels: list[float]) -> None:
    command.add_argument("--megapixels", type=_size, nargs="+", default=megapixels)
    command.add_argument("--gallery", nargs="+", choices=list(GALLERY), help="images of the gallery instead of photos")


def _problem_options(command: argparse.ArgumentParser, patterns: list[str]) -> None:
    command.add_argument("--patterns", nargs="+", choices=PATTERNS, default=patterns)
    command.add_argument("--weights", nargs="+", choices=list(WEIGHTS), default=["s02"])
    command.add_argument("--threads", type=_count, nargs="+", default=[1])
    command.add_argument("--time-limit", type=_size, default=300.0, help="seconds a worker may take, all repeats")
    command.add_argument("--memory-limit", type=_size, default=12.0, help="GB that a worker may hold")
    command.add_argument("--out", type=Path, help="file to append JSON lines to; stdout without")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}; wanted 1 or more")
    return number


def _size(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text}; wanted a number above 0")
    return number


if __name__ == "__main__":
    # As an exception, so that a worker does not outlive a bench that is told to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
