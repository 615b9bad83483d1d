"""In a real browser: a screen of which only parts were sent and drawn is the one that is sent and drawn whole."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
from person import IN_BROWSER, Person, Program, opened

pytestmark = IN_BROWSER
PIXELS = """() => {
    editor.draw();
    const { gl } = editor.picture, size = [gl.drawingBufferWidth, gl.drawingBufferHeight];
    const codes = new Uint8Array(4 * size[0] * size[1]);
    gl.readPixels(0, 0, ...size, gl.RGBA, gl.UNSIGNED_BYTE, codes);
    return [...size, btoa(Array.from(codes, (code) => String.fromCharCode(code)).join(""))];
}"""
SPY = """() => {
    globalThis.came = [];
    globalThis.held = null;
    const see = editor.link.onPicture;
    editor.link.onPicture = (picture) => {
        came.push([picture.kind, picture.width * picture.height, picture.base]);
        if (held && picture.kind === 2) held.push(picture);
        else see(picture);
    };
    globalThis.hold = () => (held = []);
    globalThis.release = () => {
        const all = held;
        held = null;
        all.forEach(see);
    };
}"""
"""What comes is noted; exact tiles wait between `hold` and `release`."""
WHOLE = 0xFFFFFFFF


def screen(person: Person) -> np.ndarray:

    width, height, codes = person.page.evaluate(PIXELS)
    return np.frombuffer(b64decode(codes), np.uint8).reshape(height, width, 4)[..., :3].astype(int)


def drawn_whole(person: Person) -> np.ndarray:
    person.page.evaluate("editor.picture.drawnAs = ''")
    return screen(person)


def test_parts_that_are_sent_and_drawn_make_up_the_whole_screen(
    browser: Any, grey_photo: Path, program: Program
) -> None:
    complaints: list[str] = []
    with program(str(grey_photo), "--project", str(grey_photo.with_name("parts.hyb"))) as (_, address):
        person = opened(browser, address, complaints)
        person.settled(0)
        person.look(300, 200)
        person.until("!editor.picture.tiles.isBusy")
        screen(person)
        whole = person.page.evaluate("editor.picture.pixelsDrawn")
        person.page.evaluate(SPY)
        person.page.evaluate("editor.model.setRadius(5)")
        for number, y in enumerate((275, 285), 1):
            person.page.evaluate("hold()")
            person.drag((120, y), (140, y + 5))
            person.settled(number)
            shown = screen(person)
            assert person.page.evaluate("editor.picture.pixelsDrawn") < whole
            assert np.array_equal(shown, drawn_whole(person)), "before the exact tiles are here"
            person.page.evaluate("release()")
            person.exact()
            shown = screen(person)
            assert np.array_equal(shown, drawn_whole(person))
        kinds, pixels, bases = np.array(person.page.evaluate("came")).T
        assert {0, 1, 2} <= set(kinds)
        assert not (bases == WHOLE).any()
        photo = person.page.evaluate("editor.model.state.photo.width * editor.model.state.photo.height")
        assert pixels.max() < photo
        person.page.evaluate("editor.picture.forgetExact(); editor.look()")
        person.exact()
        assert np.abs(screen(person) - shown).max() <= 1
        person.look(300, 200, 0.5)
        person.until("!editor.picture.tiles.isBusy")
        small = screen(person)
        person.page.reload()
        person.until("globalThis.editor?.model.state")
        person.settled(2)
        person.look(300, 200, 0.5)
        person.until("!editor.picture.tiles.isBusy")
        assert np.array_equal(screen(person), small), "the chroma is the same as sent whole"
        person.look(300, 200)
        person.until("!editor.picture.tiles.isBusy")
        assert np.abs(screen(person) - shown).max() <= 1
    assert not complaints


def test_ink_stays_as_it_is_drawn_on(browser: Any, grey_photo: Path, program: Program) -> None:
    """Drawn point by point or at once, on a canvas that grows with it, it covers the same pixels."""
    draw = """(isAtOnce) => {
        const ink = editor.ink, hint = { type: "stroke", mode: "color", ab: [30, 20], radius: 12, points: [] };
        const points = Array.from({ length: 60 }, (_, i) => [300 + 4 * i, 150 + 60 * Math.sin(i / 9)]);
        ink.begun ??= ink.begin.bind(ink);
        let begun = 0;
        ink.begin = (...words) => { begun++; ink.begun(...words); };
        ink.draw([], 1, editor.view, editor.screen(), 60);
        for (const point of points) {
            hint.points.push(point);
            if (!isAtOnce) ink.draw([hint], 1, { x: 400, y: 200, scale: 1 }, editor.screen(), 60);
        }
        ink.draw([hint], 1, { x: 400, y: 200, scale: 1 }, editor.screen(), 60);
        const all = new OffscreenCanvas(editor.size.width, editor.size.height).getContext("2d");
        all.drawImage(ink.canvas, ink.box.left, ink.box.top);
        const alpha = all.getImageData(0, 0, editor.size.width, editor.size.height).data.filter((_, i) => i % 4 === 3);
        const area = ink.canvas.width * ink.canvas.height / (editor.size.width * editor.size.height);
        return { begun, area, alpha: Array.from(alpha) };
    }"""
    complaints: list[str] = []
    with program(str(grey_photo), "--project", str(grey_photo.with_name("ink.hyb")), "--model", "none") as (_, address):
        person = opened(browser, address, complaints)
        person.until("editor.size.width > 500")
        grown, once = (person.page.evaluate(draw, is_at_once) for is_at_once in (False, True))
    assert 1 < grown["begun"] < 8
    assert once["begun"] == 1
    assert grown["area"] < 0.5
    alphas = [np.array(each["alpha"]) for each in (grown, once)]
    assert (alphas[1] > 250).sum() > 1000
    assert np.abs(alphas[0] - alphas[1]).max() < 100, "rims where two stretches meet are a little firmer"
    assert (np.abs(alphas[0] - alphas[1]) > 8).sum() < 0.02 * (alphas[1] > 0).sum()
    assert not complaints
