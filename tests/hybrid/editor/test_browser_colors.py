"""Colours of other programs and pictures, in a real browser: palettes kept, read and written, a reference picture."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from person import IN_BROWSER, Program, opened
from PIL import Image

from hybrid.color import lab_from_linear, srgb_decode

pytestmark = IN_BROWSER


@pytest.fixture(scope="module")
def strokes_alone(grey_photo: Path, program: Program) -> Iterator[str]:
    """Address of an editor without a network."""
    with program(str(grey_photo), "--project", str(grey_photo.with_name("alone.hyb")), "--model", "none") as (
        _,
        address,
    ):
        yield address


def test_a_palette_is_kept_and_goes_by_files(browser: Any, grey_photo: Path, strokes_alone: str) -> None:
    complaints: list[str] = []
    theirs = grey_photo.with_name("theirs.gpl")
    theirs.write_text("GIMP Palette\nName: theirs\nColumns: 4\n# two\n255   0   0 red\n10 20 30\ta -3.5 b 12.0\n")
    person = opened(browser, strokes_alone, complaints)
    page = person.page
    for ab in ([20, -30], [-4, 8], [20, -30]):
        page.evaluate("ab => editor.choose(ab)", ab)
        page.locator("#palette-keep").click()
    assert page.locator("#palette .chip").count() == 2, "one colour is kept once"
    page.locator("#palette-file").set_input_files(theirs)
    person.until("document.querySelectorAll('#palette .chip').length === 4")
    page.locator("#palette .chip").nth(2).click()
    np.testing.assert_allclose(page.evaluate("editor.model.ab"), [80.09, 67.2], atol=0.05)
    page.locator("#palette .chip").nth(3).click()
    assert page.evaluate("editor.model.ab") == [-3.5, 12]
    page.locator("#palette .chip").nth(1).click(modifiers=["Shift"])
    page.reload()
    person.until("document.querySelectorAll('#palette .chip').length === 3")
    with page.expect_download() as download:
        page.locator("#palette-gpl").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0] == "GIMP Palette"
    assert [line.split("\t")[1] for line in lines[4:]] == ["a 20.0 b -30.0", "a 80.1 b 67.2", "a -3.5 b 12.0"]
    with page.expect_download() as download:
        page.locator("#palette-ase").click()
    assert download.value.suggested_filename == "palette.ase"
    page.locator("#palette .chip").first.click(modifiers=["Shift"])
    person.until("document.querySelectorAll('#palette .chip').length === 2")
    page.locator("#palette-file").set_input_files(download.value.path())
    person.until("document.querySelectorAll('#palette .chip').length === 3")
    page.locator("#palette-file").set_input_files(grey_photo)
    person.until("document.getElementById('toast').textContent.includes('not a palette')")
    assert not complaints


def test_colours_are_picked_from_a_reference_picture_that_stays_in_the_browser(
    browser: Any, tmp_path: Path, strokes_alone: str
) -> None:
    colors = np.uint8([[[200, 40, 40], [40, 160, 60]], [[30, 60, 200], [230, 200, 40]]])
    wanted = lab_from_linear(srgb_decode(colors.astype(np.float32) / 255))[1]
    picture = tmp_path / "their colours.png"
    Image.fromarray(np.kron(colors, np.ones((60, 90, 1), np.uint8))).save(picture)
    complaints: list[str] = []
    asked: list[str] = []
    person = opened(browser, strokes_alone, complaints)
    page, canvas = person.page, person.page.locator("#reference")

    def in_hand(row: int, column: int) -> None:
        np.testing.assert_allclose(page.evaluate("editor.model.ab"), wanted[row, column], atol=0.1)

    page.on("filechooser", lambda _: None)  # before the key: from then on the dialog is caught
    person.settled(0)
    page.on("request", lambda request: asked.append(f"{request.method} /{request.url.removeprefix(strokes_alone)}"))
    page.evaluate("""() => {
        globalThis.sent = [];
        const send = WebSocket.prototype.send;
        WebSocket.prototype.send = function (words) { sent.push(words); send.call(this, words); };
    }""")
    with page.expect_file_chooser() as chooser:
        person.key("r")
    chooser.value.set_files(picture)
    canvas.wait_for()
    box = canvas.bounding_box()
    for row, column in ((0, 0), (1, 1), (0, 1)):
        canvas.click(position={"x": box["width"] * (0.25 + column / 2), "y": box["height"] * (0.25 + row / 2)})
        in_hand(row, column)
    if os.environ.get("SCREENSHOT"):
        page.screenshot(path=os.environ["SCREENSHOT"])

    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.9 * box["height"])
    page.mouse.wheel(0, -240)
    canvas.click(position={"x": box["width"] * 0.5, "y": box["height"] * 0.7})
    in_hand(1, 1)  # was a place of another colour before the wheel
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"], box["y"] + 0.5 * box["height"], steps=3)
    page.mouse.up()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.7 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.45 * box["width"], box["y"] + 0.7 * box["height"])
    page.mouse.up()
    in_hand(1, 1)  # a drag moves the picture and picks nothing
    canvas.click(position={"x": box["width"] * 0.5, "y": box["height"] * 0.7})
    in_hand(1, 0)

    for keys in ["-"] * 6 + ["Shift+ArrowRight"] * 12 + ["Shift+ArrowUp"] * 12 + ["Enter"]:
        canvas.press(keys)
    in_hand(0, 1)
    canvas.press("Escape")
    assert not canvas.is_visible()
    assert page.evaluate("document.activeElement.id") == "reference-open"

    drop = """([name, bytes]) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([new Uint8Array(bytes)], name));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    }"""
    page.evaluate(drop, ["notes.txt", list(b"not a picture")])
    person.until("document.getElementById('toast').textContent.startsWith('notes.txt: not a picture that')")
    assert not canvas.is_visible()
    page.evaluate(drop, [picture.name, list(picture.read_bytes())])
    canvas.wait_for()
    page.locator("#reference-close").click()
    assert not canvas.is_visible()
    assert not complaints
    assert not [path for path in asked if "GET /tile/" not in path], "nothing of it goes to the server"
    assert {json.loads(words)["do"] for words in page.evaluate("sent")} <= {"look"}
