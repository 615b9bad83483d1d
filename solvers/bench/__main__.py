"""`python -m solvers.bench run | edits | report`."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from solvers.bench.campaign import edits, run
from solvers.bench.cases import PATTERNS, WEIGHTS
from solvers.bench.edits import EDITORS
from solvers.bench.records import read_records
from solvers.bench.report import report
from solvers.gallery import GALLERY

ABOUT = """Measures solvers that spread colour over a photo, ours and everybody else's that is installed, each until the
largest colour error of any pixel is below half an 8-bit step (0.5/255). A solver that does not get there, crashes
or takes too long is recorded as that, never as fast."""
PATH = """A first look, some minutes: `run`, then `report`, and open bench.html.

--patterns  A       4096 small dots, as a network gives them
            B       a dozen strokes, as a person draws them
            one     a single stroke
            recipe  a grid of means in three solves, as the product makes them
--weights   s02     Gaussian of the luminance's difference, sigma 0.02: the hard case
            s05     the same, sigma 0.05
            levin   by the local variance, as in Levin, Lischinski and Weiss (2004)
            power   the product's own"""
DEFAULT_OUT = Path("bench.jsonl")


def main(arguments: list[str] | None = None, name: str = "python -m solvers.bench") -> int:
    """Run a command; 0, or 2 after one line on stderr for input that makes no sense."""
    options = parser(name).parse_args(arguments)
    try:
        options.command(options)
    except (ValueError, OSError) as failure:
        print(f"solvers.bench: {failure}", file=sys.stderr)
        return 2
    return 0


def parser(name: str = "python -m solvers.bench") -> argparse.ArgumentParser:
    top = _Parser(prog=name, description=ABOUT, epilog=PATH)
    commands = top.add_subparsers(required=True, metavar="run | edits | report")
    _add(commands, "run", "measure solvers on photos or made-up images; records are added to a file", _run_options)
    _add(
        commands,
        "edits",
        "measure how long our solver takes for many strokes, drawn one after the other",
        _edit_options,
    )
    _add(commands, "report", "make a page with figures and tables of the records", _report_options)
    return top


def _add(commands: Any, name: str, about: str, options: Callable[[argparse.ArgumentParser], None]) -> None:
    options(commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".", epilog=PATH))


def _run_options(running: argparse.ArgumentParser) -> None:
    _image_options(running, [0.06, 0.25])
    photos = "folder of photos, or one photo; those of scikit-image if neither this nor --gallery is given"
    running.add_argument("--photos", type=Path, metavar="PATH", help=photos)
    images = "photos of each size, of those that are large enough; if none is, all side by side (default: %(default)s)"
    running.add_argument("--images", type=_count, default=1, metavar="N", help=images)
    _problem_options(running, ["A", "B"])
    solvers = "names, all (what is installed; the default), or module:factory for one of your own"
    running.add_argument("--solvers", nargs="+", default=["all"], metavar="NAME", help=solvers)
    repeats = "timed runs of each solver, less where time is short (default: %(default)s)"
    running.add_argument("--repeats", type=_count, default=3, metavar="N", help=repeats)
    rounds = "times that all solvers have their turn, so that a busy moment falls on all (default: %(default)s)"
    running.add_argument("--rounds", type=_count, default=1, metavar="N", help=rounds)
    running.add_argument(
        "--no-stroke", dest="stroke", action="store_false", help="leave out solving again after a stroke"
    )
    running.add_argument("--resume", action="store_true", help="go on with the last run of the file, where it ended")
    running.add_argument("--scratch", type=Path, metavar="FOLDER", help="for temporary files, 40 bytes a pixel")
    running.set_defaults(command=run)


def _edit_options(editing: argparse.ArgumentParser) -> None:
    _image_options(editing, [1.0])
    photo = "a photo, or a folder whose first is taken; those of scikit-image if left out"
    editing.add_argument("--photo", type=Path, dest="photos", metavar="PATH", help=photo)
    editing.set_defaults(images=1, command=edits)
    _problem_options(editing, ["A"])
    editing.add_argument("--edits", type=_count, default=50, metavar="N", help="of each kind (default: %(default)s)")
    editing.add_argument("--editor", choices=list(EDITORS), default="solve", help="way to edit (default: %(default)s)")


def _report_options(reporting: argparse.ArgumentParser) -> None:
    files = "records, of one run or of several (default: bench.jsonl)"
    reporting.add_argument("files", type=Path, nargs="*", default=[DEFAULT_OUT], metavar="FILE", help=files)
    page = "the page; its figures as PNG beside it (default: the first file's name with .html)"
    reporting.add_argument("--out", type=Path, metavar="FILE.html", help=page)
    reporting.add_argument("--markdown", action="store_true", help="print tables instead of making a page")
    reporting.set_defaults(command=_report)


def _report(options: argparse.Namespace) -> None:
    records = read_records(options.files)
    if options.markdown:
        print(report(records))
        return
    try:
        from solvers.bench.page import write_page
    except ModuleNotFoundError as missing:
        raise ValueError(
            f"report: the page needs {missing.name}: pip install 'hybrid-colorizer[bench]'; or add --markdown"
        ) from missing

    path = options.out or options.files[0].with_suffix(".html")
    for written in write_page(records, path):
        print(written)


class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def error(self, message: str) -> Any:
        """One line, where argparse prints the usage as well."""
        self.exit(2, f"solvers.bench: {message}\n")


def _image_options(command: argparse.ArgumentParser, megapixels: list[float]) -> None:
    sizes = f"sizes; photos are cut to them, not resampled (default: {' '.join(map(str, megapixels))})"
    command.add_argument("--megapixels", type=_size, nargs="+", default=megapixels, metavar="MP", help=sizes)
    gallery = f"made-up images, besides --photos or alone: {', '.join(GALLERY)}"
    command.add_argument("--gallery", nargs="+", choices=list(GALLERY), metavar="NAME", help=gallery)


def _problem_options(command: argparse.ArgumentParser, patterns: list[str]) -> None:
    marks = f"what is given in colour: {', '.join(PATTERNS)}; see below (default: {' '.join(patterns)})"
    command.add_argument("--patterns", nargs="+", choices=PATTERNS, default=patterns, metavar="NAME", help=marks)
    weights = f"how alike neighbours are: {', '.join(WEIGHTS)}; see below (default: s02)"
    command.add_argument("--weights", nargs="+", choices=list(WEIGHTS), default=["s02"], metavar="NAME", help=weights)
    threads = "threads that a solver may use; each number is measured (default: 1)"
    command.add_argument("--threads", type=_count, nargs="+", default=[1], metavar="N", help=threads)
    seconds = "a solver may take for one problem, all its repeats together (default: %(default)g)"
    command.add_argument("--time-limit", type=_size, default=30.0, metavar="SECONDS", help=seconds)
    memory = "a solver may hold (default: %(default)g)"
    command.add_argument("--memory-limit", type=_size, default=12.0, metavar="GB", help=memory)
    out = "records are added to it as JSON lines; - prints them (default: %(default)s)"
    command.add_argument("--out", type=Path, default=DEFAULT_OUT, metavar="FILE", help=out)


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
