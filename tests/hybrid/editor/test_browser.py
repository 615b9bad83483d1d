"""A person at work in a real browser: what is seen, painted, taken back, chosen, saved and written."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from person import IN_BROWSER, Program, opened

from hybrid.color import lab_from_linear, srgb_decode
from hybrid.measure.enlarged import write_enlarged
from hybrid.photo import read_overlay, read_photo

pytestmark = IN_BROWSER
BLUE = [-3, -14]


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
