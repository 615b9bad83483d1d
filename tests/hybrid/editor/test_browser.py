"""A person at work in a real browser: what is seen, painted, taken back, chosen, saved and written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage import data

from hybrid.color import lab_from_linear, luminance, srgb_decode, srgb_encode
from hybrid.measure.enlarged import write_enlarged
from hybrid.photo import read_overlay, read_photo

sync_api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (apt-get install chromium)"),
]
Program = Callable[..., AbstractContextManager[tuple[subprocess.Popen[str], str]]]
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
BLUE = [-3, -14]
SETTLED = "editor.picture.kind === 1 && editor.picture.revision === editor.model.revision && !editor.waiting.length"


@pytest.fixture(scope="module")
def grey_photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("work") / "coffee.tif"
    grey = luminance(srgb_decode(data.coffee().astype(np.float32) / 255))
    tifffile.imwrite(path, np.round(srgb_encode(grey) * 65535).astype(np.uint16))
    return path


@pytest.fixture(
    scope="module",
    params=[None, pytest.param(24, marks=pytest.mark.slow), pytest.param(100, marks=pytest.mark.slow)],
    ids=["small", "24 MP", "100 MP"],
)
def any_photo(request: pytest.FixtureRequest, grey_photo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same photo as it is and as large scans of it, with grain of their own."""
    if request.param is None:
        return grey_photo
    path = tmp_path_factory.mktemp("large") / "coffee.tif"
    write_enlarged(grey_photo, path, request.param)
    return path


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


def opened(browser: Any, address: str, complaints: list[str]) -> Person:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda words: words.type in ("error", "warning") and complaints.append(words.text))
    page.goto(address)
    person = Person(page)
    person.until("globalThis.editor?.model.state")
    return person


def test_a_day_at_the_editor(browser: Any, grey_photo: Path, any_photo: Path, program: Program) -> None:
    complaints: list[str] = []
    height, width = read_photo(any_photo).lightness.shape
    with program(str(any_photo)) as (_, address):
        person = opened(browser, address, complaints)
        person.factor = width / read_photo(grey_photo).lightness.shape[1]
        person.settled(0)
        person.look(300, 100)
        column, row = person.at(300, 100)
        grey, _ = lab_from_linear(srgb_decode(np.float32([person.color(300, 100)]) / 255))
        assert grey[0] == pytest.approx(float(read_photo(any_photo).lightness[row, column]), abs=2)
        person.key("1")
        assert person.page.evaluate("editor.view.scale") == 1

        saucer, far = (150, 275), 1 / person.factor

        def radius(pixels: float) -> None:
            person.page.evaluate(f"editor.model.setRadius({pixels * person.factor})")

        def seen(place: tuple[int, int]) -> list[float]:
            person.look(*place)
            return person.ab(*place)

        before = seen(saucer)
        radius(6)
        person.page.evaluate(f"editor.choose({BLUE})")
        person.look(*saucer, far)
        person.drag((130, 260), saucer, (170, 290))
        person.settled(1)
        assert np.abs(np.subtract(seen(saucer), BLUE)).max() < 2.5, "the colour asked for is on the screen"
        assert min(len(person.page.evaluate(f"editor.clock.times.{what}")) for what in ("ink", "settled", "exact")) > 0
        assert seen((150, 300))[1] < before[1] - 5, "and it has spread over the saucer"

        person.look(*saucer)
        person.page.keyboard.down("\\")
        shown = person.color(*saucer)
        assert max(shown) - min(shown) <= 1, "grey while the key is held"
        person.page.keyboard.up("\\")

        person.key("Control+z")
        person.settled(2)
        assert np.abs(np.subtract(seen(saucer), before)).max() < 1
        person.key("Control+Shift+z")
        person.settled(3)

        person.key("c")
        person.page.locator("#split").fill("1000")
        shown = person.color(*saucer)
        assert max(shown) - min(shown) <= 1, "left of the line it is grey"
        person.key("c")

        person.key("e")
        radius(30)
        person.look(*saucer, far)
        person.drag((120, 255), saucer, (180, 295))
        radius(6)
        person.settled(4)
        assert np.abs(np.subtract(seen(saucer), BLUE)).max() > 8, "what was painted there is erased"
        person.key("Control+z")
        person.settled(5)

        person.key("b")
        person.look(415, 60)
        person.page.mouse.move(*person.place(415, 60))
        time.sleep(0.5)
        person.page.evaluate("editor.model.suggestions = []; editor.model.tell('place')")
        person.page.mouse.move(*person.place(420, 60))
        person.until("document.querySelectorAll('#suggested .chip').length > 1")
        chosen = person.page.evaluate("editor.model.suggestions[0].ab.map(v => Math.round(v * 10) / 10)")
        person.key("Shift+1")
        assert person.page.evaluate("editor.model.ab") == chosen
        person.key("p")
        person.page.mouse.click(*person.place(420, 60))
        person.settled(6)

        person.key("v")
        person.look(*saucer, far)
        person.page.mouse.click(*person.place(*saucer))
        assert person.page.evaluate("editor.model.selected") == 1
        person.page.locator("#a").fill("30")
        person.page.locator("#a").press("Enter")
        person.settled(7)
        assert seen(saucer)[0] == pytest.approx(30, abs=3)
        person.key("Control+s")
        person.until("editor.model.state.is_saved")
        places = [saucer, (150, 300), (420, 60)]

        def codes() -> list[list[int]]:
            found = []
            for place in places:
                person.look(*place)
                found.append(person.color(*place))
            return found

        last = codes()
        person.page.reload()
        person.until("globalThis.editor?.model.state")
        person.settled(7)
        assert person.page.evaluate("editor.model.strokes.size") == 2
        again = codes()
        assert np.abs(np.subtract(again, last)).max() <= 1

        person.page.locator("#format").select_option("png 8")
        person.key("Control+e")
        person.until("document.getElementById('toast').textContent.startsWith('Written')")
        person.page.screenshot(path=os.environ.get("SCREENSHOT") or any_photo.with_name("seen.png"))
        columns, rows = np.transpose([person.at(*place) for place in places])
    exported = png(any_photo.with_name("coffee-colour.png"))
    assert exported.shape == (height, width, 3)
    assert np.abs(exported[rows, columns] - again).max() <= 1, "the screen shows what is written"
    assert not complaints


def png(path: Path) -> np.ndarray:
    return np.round(read_overlay(path)[0] * 255)


def test_a_second_tab_follows_and_every_control_has_a_name(browser: Any, grey_photo: Path, program: Program) -> None:
    complaints: list[str] = []
    project = grey_photo.with_name("tabs.hyb")
    with program(str(grey_photo), "--project", str(project), "--model", "none") as (_, address):
        one, other = opened(browser, address, complaints), opened(browser, address, complaints)
        one.drag((100, 100), (140, 120))
        for person in (one, other):
            person.until("editor.model.strokes.size === 1")
        other.key("Control+z")
        one.until("editor.model.strokes.size === 0 && editor.model.state.can_redo")
        one.key("a")
        one.drag((100, 100), (160, 100), (160, 140), (100, 140))
        other.until("editor.model.strokes.size === 1")
        assert other.page.evaluate("[...editor.model.strokes.values()][0].type") == "region"
        one.key("?")
        assert one.page.locator("#sheet").is_visible()
        nameless = """[...document.querySelectorAll('button, input, select, canvas[tabindex]')].filter((each) =>
            !(each.ariaLabel || each.title || each.textContent.trim() || each.labels?.length)).map(c => c.outerHTML)"""
        assert other.page.evaluate(nameless) == []
        state = json.loads(other.page.evaluate("fetch('state').then(answer => answer.text())"))
        assert state["revision"] == 3
    assert not complaints


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
    sent: list[str] = []
    person = opened(browser, strokes_alone, complaints)
    page, canvas = person.page, person.page.locator("#reference")

    def in_hand(row: int, column: int) -> None:
        np.testing.assert_allclose(page.evaluate("editor.model.ab"), wanted[row, column], atol=0.1)

    page.on("request", lambda request: sent.append(request.url))
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
    assert not sent, "nothing of it goes to the server"
