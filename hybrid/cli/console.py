"""What all commands share: the application, its exit codes, and one line for an error."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import Progress, ProgressColumn, SpinnerColumn, TextColumn
from rich.progress import Task as Row
from rich.text import Text

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch loads: threads that spin starve other programs
os.environ.setdefault(
    "OPENBLAS_NUM_THREADS", "1"
)  # before NumPy loads: its matrices are small here, and waiting is dear

EXIT_UNEXPECTED, EXIT_USAGE, EXIT_UNREADABLE, EXIT_BATCH, EXIT_MODEL, EXIT_MEMORY, EXIT_DIFFERS = 1, 2, 3, 4, 5, 6, 7
EXITS = """Exit codes: 0 done · 1 unexpected · 2 usage, or an output that cannot be written · 3 unreadable input ·
4 part of a batch failed · 5 model missing · 6 does not fit into memory · 7 verify: size or luminance differ ·
130 interrupted"""

MODEL_HELP = """A shipped model, none for strokes alone, or a FILE: .safetensors as trained here, or another colorizer \
from L* (1, 1, H, W) to a*, b* or logits over bins, as .onnx (needs the extra onnx; runs on the CPU) or as TorchScript \
.pt (this is code: run only files that you trust)."""

PAGE_HELP = "Of a TIFF of several pages: which, from 1; the first that is no thumbnail if left out."

app = typer.Typer(help="Black-and-white photographs to colour at print resolution.", epilog=EXITS, no_args_is_help=True)
notes = Console(stderr=True, highlight=False)
LONG = 1.0
"""Seconds that a stage has to take on the reference machine to get a line where there is no terminal."""


def fail(message: str, code: int) -> typer.Exit:
    """Print one line on stderr; the exit to raise."""
    notes.print(f"hybrid: {message}", style="red" if notes.is_terminal else None, markup=False, soft_wrap=True)
    return typer.Exit(code)


def exit_code_of(error: Exception) -> int:
    """Exit code of an error that has something to say to the user; 1 for any other."""
    from hybrid.marked import HintsError
    from hybrid.memory import MemoryShort
    from hybrid.models.weights import ModelError
    from hybrid.photo import PhotoError, WriteError
    from solvers import SolverError

    codes: list[tuple[type[Exception], int]] = [
        (WriteError, EXIT_USAGE),
        (PhotoError, EXIT_UNREADABLE),
        (HintsError, EXIT_UNREADABLE),
        (ModelError, EXIT_MODEL),
        (MemoryShort, EXIT_MEMORY),
        (SolverError, EXIT_UNEXPECTED),
        (ValueError, EXIT_USAGE),
    ]
    return next((code for kind, code in codes if isinstance(error, kind)), EXIT_UNEXPECTED)


def failed(photo: Path, error: Exception, as_json: bool) -> int:
    """Print what went wrong with a photo; its exit code."""
    from solvers import SolverError

    code = exit_code_of(error)
    if code == EXIT_UNEXPECTED and not isinstance(error, SolverError):
        notes.print_exception()
    message = str(error) if str(photo) in str(error) else f"{photo}: {error}"
    fail(message, code)
    if as_json:
        print(json.dumps({"input": str(photo), "status": "failed", "exit": code, "error": message}), flush=True)
    return code


@contextlib.contextmanager
def reported() -> Iterator[None]:
    """Turn an error with something to say into one line and its exit code."""
    try:
        yield
    except ValueError as error:
        raise fail(str(error), exit_code_of(error)) from None


class Stages:
    """Shows the stage that a photo is in and the time left: live on a terminal, elsewhere a line a long stage.

    Parameters
    ----------
    name : of the photo
    bar : on a terminal; None elsewhere
    is_quiet : says nothing where there is no terminal
    """

    def __init__(self, name: str, bar: Progress | None, is_quiet: bool) -> None:
        from hybrid.pace import Pace

        self._name, self._bar, self._is_quiet = name, bar, is_quiet
        self.pace = Pace()
        self._plan: dict[str, float] = {}

    def expect(self, plan: dict[str, float]) -> None:
        """Seconds by stage, as of `hybrid.pace.plan_seconds`."""
        self._plan = plan
        self.pace.expect(plan)

    def __call__(self, stage: str) -> None:
        """A stage begins."""
        self.pace.begin(stage)
        text = f"{self._name}: {stage}"
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], description=text)
        elif not self._is_quiet and self._plan.get(stage, 0.0) >= LONG:
            left = self.pace.left()
            notes.print(f"{text}; {left}" if left else text, markup=False, soft_wrap=True)


class _TimeLeft(ProgressColumn):
    """What a photo's pace says, twice a second."""

    max_refresh = 0.5
    stages: Stages

    def render(self, _: Row) -> Text:
        left = self.stages.pace.left()
        return Text(str(left) if left else "")


@contextlib.contextmanager
def stages(name: str, is_quiet: bool = False) -> Iterator[Stages]:
    """Show the stages of a photo on stderr; where that is no terminal `is_quiet` shows none."""
    if not notes.is_terminal:
        yield Stages(name, None, is_quiet)
        return
    left = _TimeLeft()
    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), left
    with Progress(*columns, console=notes, transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        left.stages = Stages(name, bar, is_quiet)
        bar.add_task(name, total=None)
        yield left.stages
