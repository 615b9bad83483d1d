"""What a person sees while a photo is coloured, that data stays apart from it, and what Ctrl-C leaves: nothing."""

from __future__ import annotations

import io
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from rich.console import Console
from typer.testing import CliRunner

from hybrid.cli import app, console
from hybrid.pace import Pace
from hybrid.photo import tiff

STAGES = ["read", "shrink", "predict", "seeds", "solve", "lift", "finish", "write"]


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    values = np.random.default_rng(0).normal(20000, 300, (40, 60)) + 20000 * (np.arange(60) > 30)
    tifffile.imwrite(tmp_path / "grey [a].tif", values.astype(np.uint16), photometric="minisblack")
    return tmp_path / "grey [a].tif"


def words_for(grey: Path, *more: str) -> list[str]:
    return ["colorize", str(grey), "-o", str(grey.parent / "out" / "color.tif"), "--device", "cpu", *more]


@pytest.fixture
def long(monkeypatch: pytest.MonkeyPatch, grey: Path) -> None:
    """A tiny photo's stages count as long, and as planned."""
    (grey.parent / "out").mkdir()
    monkeypatch.setattr(console, "LONG", 0.0)
    monkeypatch.setattr("hybrid.pace.LEAST", 1e-9)


@pytest.mark.usefixtures("long")
def test_where_there_is_no_terminal_long_stages_get_a_line_on_stderr(grey: Path) -> None:
    result = CliRunner().invoke(app, words_for(grey))
    assert result.exit_code == 0, result.output
    lines = result.stderr.splitlines()
    assert [re.sub(r";.*", "", line) for line in lines] == [
        f"{grey.name}: {stage}" for stage in ("read", "match", *STAGES[1:])
    ]
    assert re.fullmatch(r".*: solve; (about|at least) \d+ s left", lines[5])
    assert "left" not in lines[0], "nothing is known before anything was measured"
    assert "left" not in result.stdout
    quiet = CliRunner().invoke(app, words_for(grey, "--overwrite", "--json"))
    assert quiet.stderr == ""
    assert len(quiet.stdout.splitlines()) == 1


def test_short_stages_get_no_line(grey: Path) -> None:
    (grey.parent / "out").mkdir()
    assert CliRunner().invoke(app, words_for(grey)).stderr == ""


@pytest.mark.usefixtures("long")
@pytest.mark.parametrize("as_json", [False, True])
def test_on_a_terminal_the_stage_and_the_time_left_are_drawn(
    grey: Path, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    shown = io.StringIO()
    notes = Console(file=shown, force_terminal=True, width=100, highlight=False)
    monkeypatch.setattr(console, "notes", notes)
    now = [100.0]
    with console.stages(grey.name, is_quiet=as_json) as progress:
        progress.pace = Pace(lambda: now[0])
        progress.expect(dict.fromkeys(STAGES, 60.0))
        for stage in ("shrink", "predict", "solve", "lift"):
            progress(stage)
            now[0] += 60
        now[0] -= 45
        time.sleep(0.6)  # the time left is drawn twice a second
    assert f"{grey.name}: lift" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.getvalue())
    assert "about 4 min left" in shown.getvalue()


@pytest.mark.parametrize("options", [(), ("--layers",), ("--json",)])
def test_ctrl_c_while_a_file_is_written_leaves_nothing(
    grey: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    (grey.parent / "out").mkdir()
    written: list[int] = []

    def strips_then_interrupt(path: Path, strips: Iterator[bytes], *_: Any) -> None:
        path.write_bytes(next(strips))
        written.append(path.stat().st_size)
        raise KeyboardInterrupt

    monkeypatch.setattr(tiff, "write", strips_then_interrupt)
    result = CliRunner().invoke(app, words_for(grey, *options))
    assert written[0] > 0, "the file was begun"
    assert result.exit_code == 130
    assert result.stdout == ""
    assert "Traceback" not in result.output
    assert not list((grey.parent / "out").iterdir())


def test_ctrl_c_as_the_system_sends_it_ends_with_130_and_leaves_nothing(grey: Path) -> None:
    out = grey.parent / "out"
    out.mkdir()
    code = (
        "import sys, time, pathlib\nfrom hybrid.photo import tiff\nfrom hybrid.cli import main\n"
        "def slow(path, strips, *_):\n"
        "    path.write_bytes(next(strips))\n    print('begun', flush=True)\n    time.sleep(60)\n"
        f"tiff.write = slow\nsys.argv = ['hybrid', *{words_for(grey, '--model', 'none')!r}]\nmain()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    assert list(out.iterdir()), "a file under way has another name"
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130, stderr
    assert stdout == ""
    assert "Traceback" not in stderr
    assert not list(out.iterdir())
