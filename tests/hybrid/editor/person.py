"""Somebody who works at the editor in a real browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest

from hybrid.color import lab_from_linear, srgb_decode

Program = Callable[..., AbstractContextManager[tuple[subprocess.Popen[str], str]]]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
IN_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (apt-get install chromium)"),
]
SETTLED = "editor.picture.kind === 1 && editor.picture.revision === editor.model.revision && !editor.waiting.length"


class Person:
    """Somebody at the editor, who tells places in pixels of the small photo."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.factor = 1.0
        """Pixels of the photo at hand for one of the small photo."""

    def until(self, what: str, seconds: float = 90) -> None:
        """Wait for a JavaScript expression; the page's policy forbids Playwright's own way of waiting."""
        end = time.monotonic() + seconds * self.factor
        while not self.page.evaluate(f"Boolean({what})"):
            assert time.monotonic() < end, f"not within {seconds} s: {what}"
            time.sleep(0.03)

    def settled(self, revision: int) -> None:
        self.until(f"editor.model.revision === {revision} && {SETTLED}")

    def exact(self) -> None:
        """Wait until the exact tiles of what is seen are here, and drawn."""
        self.until("editor.picture.missingExact(editor.view, editor.model.state, editor.ratio).length === 0")

    def at(self, x: float, y: float) -> tuple[int, int]:
        """The photo's pixel at a place in the small photo."""
        return int(x * self.factor), int(y * self.factor)

    def look(self, x: float, y: float, scale: float = 1.0) -> None:
        """Bring a place into the middle of the window, pixel on pixel; at 100 % wait for what is exact there."""
        move = """([x, y, scale]) => {
            const { width, height } = editor.screen();
            editor.setView({ ...editor.view, x: x + (width % 2) / 2, y: y + (height % 2) / 2, scale });
        }"""
        self.page.evaluate(move, [*self.at(x, y), scale])
        if scale == 1:
            self.exact()

    def color(self, x: float, y: float) -> list[int]:
        """Code values on the screen at a place."""
        look = """([x, y]) => {
            editor.draw();
            const { gl } = editor.picture, screen = editor.screen(), view = editor.view, code = new Uint8Array(4);
            const middle = [screen.width / 2 - view.x * view.scale, screen.height / 2 - view.y * view.scale];
            const at = [(x + 0.5) * view.scale + middle[0], (y + 0.5) * view.scale + middle[1]];
            const from = [Math.floor(at[0]), gl.drawingBufferHeight - 1 - Math.floor(at[1])];
            gl.readPixels(...from, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, code);
            return Array.from(code.slice(0, 3));
        }"""
        return self.page.evaluate(look, [*self.at(x, y)])

    def ab(self, x: float, y: float) -> list[float]:
        _, ab = lab_from_linear(srgb_decode(np.float32([self.color(x, y)]) / 255))
        return ab[0].tolist()

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a place is in the window."""
        found = self.page.evaluate(
            """([x, y]) => {
                const box = editor.canvas.getBoundingClientRect(), { x: left, y: top, scale } = editor.view;
                return [box.x + (x - left) * scale + box.width / 2, box.y + (y - top) * scale + box.height / 2];
            }""",
            [*self.at(x, y)],
        )
        return found[0], found[1]

    def drag(self, *places: tuple[float, float]) -> None:
        mouse = self.page.mouse
        mouse.move(*self.place(*places[0]))
        mouse.down()
        for place in places[1:]:
            mouse.move(*self.place(*place), steps=6)
        mouse.up()

    def key(self, keys: str) -> None:
        self.page.keyboard.press(keys)


def opened(browser: Any, address: str, complaints: list[str]) -> Person:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda words: words.type in ("error", "warning") and complaints.append(words.text))
    page.goto(address)
    person = Person(page)
    person.until("globalThis.editor?.model.state")
    return person
