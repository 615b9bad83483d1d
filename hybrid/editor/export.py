"""Writing the picture at full size beside the editing, with progress and cancel."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.editor.engine import Engine
from hybrid.photo import check_writable
from solvers import Cancelled

FORMATS = {"tif": (8, 16), "png": (8, 16), "jpg": (8,)}
"""Ending -> bits that a file may have."""
HIDDEN = ".hybrid-export-"
Tell = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Order:
    """What to write.

    Parameters
    ----------
    folder : where; the name follows from the photo's
    stem : of the photo
    ending : a key of FORMATS
    bits : a sample
    """

    folder: Path
    stem: str
    ending: str = "tif"
    bits: int = 16

    def __post_init__(self) -> None:
        if self.ending not in FORMATS or self.bits not in FORMATS[self.ending]:
            known = ", ".join(f"{ending} with {' or '.join(map(str, bits))} bits" for ending, bits in FORMATS.items())
            raise ValueError(f"export as {self.ending!r} with {self.bits!r} bits; wanted {known}")

    def target(self) -> Path:
        """A name that is free."""
        name, number = f"{self.stem}-colour.{self.ending}", 2
        while (self.folder / name).exists():
            name, number = f"{self.stem}-colour-{number}.{self.ending}", number + 1
        return self.folder / name


class Watched(np.ndarray):
    """Colours that tell how far the writer has come with them; where `tick` raises, the writer stops."""

    tick: Callable[[int], None] | None = None

    def __array_finalize__(self, source: Any) -> None:
        self.tick = None  # parts of it are plain

    def __getitem__(self, key: Any) -> Any:
        if self.tick is not None and isinstance(key, slice) and key.start is not None:
            self.tick(key.start)
        return super().__getitem__(key)


def watched(ab: NDArray[np.float32], tick: Callable[[int], None]) -> Watched:
    """A view of the colours that calls `tick` with the first row of each band that is read."""
    view = ab.view(Watched)
    view.tick = tick
    return view


class Export:
    """One export in a thread of its own.

    Parameters
    ----------
    engine : whose colours are written, once they have settled
    revision : of the document, at least
    order : what to write
    tell : called with what there is to say: {"state": "running" | "done" | "failed" | "cancelled", ...}
    """

    def __init__(self, engine: Engine, revision: int, order: Order, tell: Tell) -> None:
        self._engine, self._revision, self._order, self._tell = engine, revision, order, tell
        self._cancel = Event()
        self._share = 0.0
        self._is_over = False
        self._thread = Thread(target=self._run, name="export", daemon=True)

    @property
    def is_running(self) -> bool:
        return not self._is_over and self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def cancel(self, wait: bool = False) -> None:
        """Stop at the next band or iteration; nothing of the file is left."""
        self._cancel.set()
        if wait and self._thread.is_alive():
            self._thread.join(timeout=60)

    def _run(self) -> None:
        try:
            self._say("running", stage="colours settle", share=0.0)
            settled = self._engine.wait_settled(self._revision, self._cancel.is_set)
            self._say("running", stage="full size", share=0.05)
            session, watch = settled.session, lambda _chroma, _estimate: self._cancel.is_set()
            colorized = session.rendered(session.renewed(settled.spread, watch), watch)
            height = len(colorized.ab)

            def tick(row: int) -> None:
                if self._cancel.is_set():
                    raise Cancelled("export cancelled")
                share = round(0.4 + 0.6 * row / height, 2)
                if share != self._share:
                    self._share = share
                    self._say("running", stage="writing", share=share)

            tick(0)
            view = watched(colorized.ab, tick)
            report = written(replace(colorized, ab=view).write, self._order)
            self._say("done", share=1.0, **report)
        except Cancelled:
            self._say("cancelled")
        except Exception as error:  # whatever it is, the person is told
            self._say("failed", error=str(error) or type(error).__name__)

    def _say(self, state: str, **more: Any) -> None:
        self._is_over = state != "running"  # before it is told: whoever hears it may begin the next
        self._tell({"state": state, **more})


def written(write: Callable[..., dict[str, Any]], order: Order) -> dict[str, Any]:
    """Write into a hidden folder beside the target and rename; a program killed meanwhile leaves only that folder.

    Returns what there is to say of the file.
    """
    check_writable(order.folder / f"x.{order.ending}", overwrite=True)
    hidden = order.folder / f"{HIDDEN}{order.stem}-{secrets.token_hex(6)}"
    hidden.mkdir()
    try:
        part = hidden / f"picture.{order.ending}"
        report = write(part, bits=order.bits)
        target = order.target()
        part.rename(target)
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(hidden)
    kept = ("bytes", "luminance_change", "gamut_mapped", "hints_kept", "hint_pixels")
    return {"file": target.name, "folder": str(order.folder), **{name: report[name] for name in kept}}


def clear_unfinished(folder: Path, stem: str) -> int:
    """Remove what exports of a photo left unfinished when the program was killed; how many there were."""
    left = [path for path in folder.glob(f"{HIDDEN}*") if path.is_dir() and _stem_of(path) == stem]
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
    return len(left)


def _stem_of(hidden: Path) -> str:
    return hidden.name.removeprefix(HIDDEN).rpartition("-")[0]
