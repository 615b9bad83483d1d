"""`python -m hybrid.editor.measure PHOTO...`: how long a person waits for ink, preview and exact colours."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from playwright.sync_api import Page, sync_playwright

FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
VIEWPORT = {"width": 1600, "height": 1000}
KINDS = ("ink", "quick", "settled", "exact", "viewport")
"""Ink under the pen; from the end of a stroke: quick preview, settled colours, exact tiles of all the window;
and exact tiles of a window of another part of the photo."""
COLUMNS = ("photo", "MP", "strokes", *(f"{kind} p50 / p95, ms" for kind in KINDS), "MB at first / after")


@contextmanager
def running(photo: Path, project: Path, model: str) -> Iterator[tuple[int, str]]:
    """The editor as a process of its own: its number and its address."""
    words = ["edit", str(photo), "--project", str(project), "--model", model, "--no-browser"]
    with subprocess.Popen([sys.executable, "-m", "hybrid", *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            found = re.search(r"http://\S+", process.stdout.readline())
            if found is None:
                raise SystemExit(f"{photo}: the editor did not start")
            yield process.pid, found[0]
        finally:
            process.kill()


def resident_megabytes(pid: int) -> float:
    """Memory that a process holds now; NaN where the system does not say."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return float("nan")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else float("nan")


def wait(page: Page, what: str, seconds: float = 300) -> None:
    """Until a JavaScript expression is true; the page forbids the usual way of waiting."""
    end = time.monotonic() + seconds
    while not page.evaluate(f"Boolean({what})"):
        if time.monotonic() > end:
            raise SystemExit(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def draw(page: Page, chance: random.Random, revision: int, pause: bool) -> None:
    """One stroke across a part of the window, and wait until all of it has been drawn."""
    x, y = chance.uniform(200, 1000), chance.uniform(150, 800)
    page.evaluate("ab => editor.choose(ab)", [chance.uniform(-30, 30), chance.uniform(-30, 30)])
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + chance.uniform(-120, 120), y + chance.uniform(-90, 90), steps=8)
    page.mouse.up()
    wait(page, f"editor.model.revision === {revision} && (editor.clock.awaited.size === 0 || {str(not pause).lower()})")


def look_elsewhere(page: Page, chance: random.Random) -> float:
    """Milliseconds from showing another part of the photo until all of the window is exact."""
    began = time.monotonic()
    move = """([x, y]) => {
        const { width, height } = editor.model.state.photo;
        editor.setView({ x: width * x, y: height * y, scale: 1 / editor.ratio });
    }"""
    page.evaluate(move, [chance.uniform(0.2, 0.8), chance.uniform(0.2, 0.8)])
    wait(page, "!editor.picture.missingExact(editor.view, editor.model.state, editor.ratio).length && !editor.frame")
    return 1000 * (time.monotonic() - began)


def measured(photo: Path, strokes: int, many: int, model: str, chromium: str) -> dict[str, Any]:
    """Times in milliseconds and memory of one photo."""
    chance = random.Random(0)
    with (
        tempfile.TemporaryDirectory() as scratch,
        running(photo, Path(scratch) / "measure.hyb", model) as (pid, address),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport=VIEWPORT)  # type: ignore[arg-type]
        page.goto(address)
        wait(page, "globalThis.editor?.picture.kind === 1")
        size = page.evaluate("editor.model.state.photo")
        page.keyboard.press("1")
        revision = 0
        for _ in range(strokes):
            revision += 1
            draw(page, chance, revision, pause=True)
        times = page.evaluate("editor.clock.times")
        times["viewport"] = [look_elsewhere(page, chance) for _ in range(strokes)]
        memory = [resident_megabytes(pid)]
        for _ in range(many):
            revision += 1
            draw(page, chance, revision, pause=False)
        for _ in range(many):
            revision += 1
            page.keyboard.press("Control+z")
            wait(page, f"editor.model.revision === {revision}")
        wait(page, "editor.picture.kind === 1 && editor.picture.revision === editor.model.revision")
        memory.append(resident_megabytes(pid))
        browser.close()
    return {"photo": photo.name, "megapixels": size["width"] * size["height"] / 1e6, "times": times, "memory": memory}


def row(report: dict[str, Any]) -> list[str]:
    """Cells of a table row."""
    times = report["times"]
    cells = [f"{np.quantile(times[kind], 0.5):.0f} / {np.quantile(times[kind], 0.95):.0f}" for kind in KINDS]
    before, after = report["memory"]
    return [
        report["photo"],
        f"{report['megapixels']:.1f}",
        str(len(times["settled"])),
        *cells,
        f"{before:.0f} / {after:.0f}",
    ]


def main(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="Photos to draw on.")],
    strokes: Annotated[int, typer.Option(min=1, help="Strokes that are waited for and timed.")] = 30,
    many: Annotated[int, typer.Option(min=0, help="Strokes and undos after them, for the memory they leave.")] = 0,
    model: Annotated[str, typer.Option(help="As of `hybrid edit`.")] = "lite",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with every time.")] = False,
) -> None:
    """Print a Markdown table: times from the end of a stroke to its being drawn, at 100 % of a 1600 × 1000 window."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("no chromium found; install it, or name it in the variable CHROMIUM")
    if not as_json:
        print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    for photo in photos:
        report = measured(photo, strokes, many, model, chromium)
        print(json.dumps(report) if as_json else "| " + " | ".join(row(report)) + " |", flush=True)


if __name__ == "__main__":
    typer.run(main)
