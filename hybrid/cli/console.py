"""What all commands share: the application, its exit codes, and one line for an error."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import typer
from rich.console import Console

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch loads: threads that spin starve other programs

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


@contextlib.contextmanager
def stages(name: str) -> Iterator[Callable[[str], None]]:
    """Show the stage that a photo is in, on a terminal; quiet elsewhere."""
    if not notes.is_terminal:
        yield lambda _: None
        return
    with notes.status(name) as status:
        yield lambda stage: status.update(f"{name}: {stage}")
