"""The page's mathematics, run by node: colours as the program has them, views that keep their place, points thinned,
palettes of other programs."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid.color import (
    lab_from_linear,
    linear_from_lab,
    luminance_from_lightness,
    srgb_decode,
    srgb_encode,
    toward_grey,
)

STATIC = Path(__file__).parents[3] / "hybrid/editor/static"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="needs node")


def run(code: str, given: Any = None) -> Any:
    """What a module's code prints as JSON; the page's modules are imported by their names."""
    script = f"const given = {json.dumps(given)};\n{code}"
    for name in ("color", "view", "model", "tools", "swatches", "reference", "damage"):
        script = script.replace(f'from "{name}"', f"from {json.dumps((STATIC / f'{name}.js').as_uri())}")
    done = subprocess.run(
        [str(NODE), "--input-type=module", "-e", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_colours_are_those_of_the_program_and_exist_where_they_do_there() -> None:
    random = np.random.default_rng(0)
    lab = random.uniform([1, -90, -90], [99, 90, 90], (400, 3))
    found = run(
        'import { codes, exists } from "color";\n'
        "console.log(JSON.stringify(given.map((lab) => [codes(...lab), exists(...lab)])))",
        lab.tolist(),
    )
    y = luminance_from_lightness(lab[:, 0])
    linear = linear_from_lab(lab[:, 0], lab[:, 1:])
    wanted = srgb_encode(toward_grey(linear, y)) * 255
    assert np.abs(np.array([codes for codes, _ in found]) - wanted).max() < 0.6
    inside = ((linear >= -1e-4) & (linear <= 1.0001)).all(-1)
    assert [exists for _, exists in found] == inside.tolist()
    assert 50 < inside.sum() < 350


def test_zooming_keeps_what_is_under_the_cursor_and_tiles_cover_what_is_seen() -> None:
    found = run(
        """import { fitted, levelOf, tilesSeen, toPhoto, toScreen, zoomed } from "view";
        const photo = { width: 6000, height: 4000 }, screen = { width: 1200, height: 900 };
        const fit = fitted(photo, screen), before = toPhoto(fit, screen, 700, 420);
        const near = zoomed(fit, screen, photo, 2.5, 700, 420), after = toPhoto(near, screen, 700, 420);
        const corners = [toScreen(fit, screen, 0, 0), toScreen(fit, screen, 6000, 4000)];
        const levels = [2, 1, 0.99, 0.5, 0.3, 0.01].map((scale) => levelOf(scale, 5));
        const all = tilesSeen(fit, screen, photo, 2, 512), few = tilesSeen(near, screen, photo, 0, 512);
        const first = toPhoto(near, screen, 0, 0), last = toPhoto(near, screen, 1200, 900);
        const away = tilesSeen({ x: -9000, y: 0, scale: 1 }, screen, photo, 0, 512);
        console.log(JSON.stringify({ before, after, corners, levels, all, few, first, last, away }))"""
    )
    assert found["before"] == pytest.approx(found["after"])
    (low, high) = found["corners"]
    assert min(low.values()) >= 0
    assert (high["x"] <= 1200, high["y"] <= 900) == (True, True)
    assert found["levels"] == [0, 0, 0, 1, 1, 4]
    assert sorted(found["all"]) == [[column, row] for column in range(3) for row in range(2)]
    first, last = found["first"], found["last"]
    columns, rows = (range(int(first[k] // 512), int(last[k] // 512) + 1) for k in "xy")
    assert sorted(found["few"]) == [[column, row] for column in columns for row in rows]
    assert found["away"] == []


def test_damage_is_what_reads_the_part_that_changed_and_where_that_is_seen() -> None:
    found = run(
        """import { meets, onScreen, spanned, underChroma } from "damage";
        const photo = { width: 3000, height: 2000 }, chroma = { width: 300, height: 100 };
        const box = { left: 10, top: 20, right: 30, bottom: 50 }, other = { ...box, left: 30, right: 40 };
        const view = { x: 100, y: 80, scale: 2 }, screen = { width: 200, height: 100 };
        console.log(JSON.stringify({
            under: underChroma({ left: 30, top: 10, width: 20, height: 5 }, chroma, photo),
            none: underChroma({ left: 3, top: 3, width: 0, height: 0 }, chroma, photo),
            both: [spanned(box, other), spanned(null, box), spanned(box, null), spanned(null, null)],
            meets: [meets(box, other), meets(box, { ...other, left: 29 })],
            seen: onScreen({ left: 90.2, top: 70, right: 110, bottom: 75.1 }, view, screen, 1),
            beyond: onScreen({ left: 60, top: 70, right: 1000, bottom: 75 }, view, screen, 1),
            away: onScreen({ left: 600, top: 70, right: 1000, bottom: 75 }, view, screen, 1) }))"""
    )
    assert found["under"] == {"left": 290, "top": 180, "right": 510, "bottom": 320}
    assert found["none"] is None
    assert found["both"] == [
        {"left": 10, "top": 20, "right": 40, "bottom": 50},
        *[{"left": 10, "top": 20, "right": 30, "bottom": 50}] * 2,
        None,
    ]
    assert found["meets"] == [False, True]
    assert found["seen"] == {"left": 79, "top": 29, "right": 121, "bottom": 42}
    assert found["beyond"] == {"left": 19, "top": 29, "right": 200, "bottom": 41}
    assert found["away"] is None


def test_strokes_are_found_moved_and_thinned() -> None:
    found = run(
        """import { Model, distance, moved, newHint, strokeAt } from "model";
        import { addPoint } from "tools";
        const model = new Model();
        const line = { type: "stroke", mode: "color", ab: [9, 9], points: [[10, 10], [110, 10]], radius: 4 };
        const strokes = { 1: line, 2: { ...line, is_locked: true }, 3: { ...line, is_hidden: true } };
        strokes[4] = moved(line, 0, 50);
        model.apply({ revision: 1, settings: {}, strokes });
        const hits = [[60, 13], [60, 20], [60, 58], [115, 10]].map(([x, y]) => strokeAt(model, x, y, 2));
        const hint = newHint(model);
        hint.points.push([5, 5]);
        for (const point of [[5.1, 5], [9, 5], [9.2, 5, 0.5], [30, 5, 0.5]]) addPoint(hint, point, 1);
        model.tool = "area";
        const area = newHint(model);
        model.tool = "eraser";
        console.log(JSON.stringify({ area, hits, far: distance(line, 60, 30), points: hint.points,
            recent: model.recent(), erase: newHint(model) }))"""
    )
    assert found["hits"] == [1, None, 4, 1]
    assert found["far"] == 16
    assert found["points"] == [[5, 5, 1], [9, 5, 1], [30, 5, 0.5]]
    assert found["recent"] == [[9, 9]]
    assert (found["erase"]["mode"], "ab" in found["erase"]) == ("erase", False)
    assert (found["area"]["type"], found["area"]["mode"]) == ("region", "color")


def block(kind: int, body: bytes) -> bytes:
    return struct.pack(">HI", kind, len(body)) + body


def swatch(model: bytes, *values: float, name: str = "x") -> bytes:
    letters = (name + "\0").encode("utf-16-be")
    numbers = struct.pack(f">{len(values)}fH", *values, 0)
    return block(0x0001, struct.pack(">H", len(letters) // 2) + letters + model + numbers)


def ase(*blocks: bytes, count: int | None = None) -> bytes:
    head = struct.pack(">4sHHI", b"ASEF", 1, 0, len(blocks) if count is None else count)
    return head + b"".join(blocks)


READ = """import { ase, gpl, read } from "swatches";
    const outcome = (data) => { try { return read(data); } catch (error) { return error.message; } };
    const of = (bytes) => outcome(new Uint8Array(bytes).buffer);
"""


def outcomes(*files: bytes) -> Any:
    """Colours or the error of each file."""
    return run(READ + "console.log(JSON.stringify(given.map(of)))", [list(file) for file in files])


def test_colours_of_adobe_s_swatches_are_read() -> None:
    """sRGB's red and blue in Lab for D50 are those that B. Lindbloom's calculator gives."""
    swatches = [
        (swatch(b"RGB ", 1, 0, 0, name="rouge \u2665"), [80.09, 67.20]),
        (swatch(b"RGB ", 0, 0, 1), [79.19, -107.86]),
        (swatch(b"LAB ", 0.542917, 80.8125, 69.8851), [80.09, 67.20]),
        (swatch(b"LAB ", 0.295676, 68.2986, -112.0294), [79.19, -107.86]),
        (swatch(b"LAB ", 0.5, 0, 0), [0, 0]),
        (swatch(b"CMYK", 0, 1, 1, 0), [80.09, 67.20]),
        (swatch(b"CMYK", 0.2, 0.7, 0.4, 1), [0, 0]),
        (swatch(b"Gray", 0.3), [0, 0]),
        (swatch(b"GRAY", 0.9), [0, 0]),
        (swatch(b"RGB ", 1, 1, 1, name="a -3.5 b 12.0"), [-3.5, 12]),
    ]
    blocks = [each for each, _ in swatches]
    group = block(0xC001, struct.pack(">H", 3) + "hi\0".encode("utf-16-be"))
    flat, grouped = outcomes(
        ase(*blocks), ase(group, *blocks[:4], block(0xC002, b""), block(0x7777, b"?"), *blocks[4:]) + b"more"
    )
    assert flat == grouped
    np.testing.assert_allclose(flat, [wanted for _, wanted in swatches], atol=0.06)


def test_palettes_come_back_from_both_kinds_of_file() -> None:
    colors = [[20, -30], [-4.5, 8.1], [0, 0], [90, 90]]
    found = run(
        READ
        + """const files = [ase(given), new TextEncoder().encode(gpl(given)).buffer];
        console.log(JSON.stringify({ back: files.map(outcome), bytes: [...new Uint8Array(files[0])] }))""",
        colors,
    )
    assert found["back"] == [colors, colors]
    rgb = run('import { codes } from "color"; console.log(JSON.stringify(given.map((ab) => codes(60, ...ab))))', colors)
    names = [f"a {a:.1f} b {b:.1f}" for a, b in colors]
    wanted = [swatch(b"RGB ", *np.divide(each, 255), name=name) for each, name in zip(rgb, names, strict=True)]
    normal = [each[:-1] + b"\x02" for each in wanted]
    assert bytes(found["bytes"]) == ase(*normal)


def test_what_is_no_palette_is_refused_in_one_line() -> None:
    red = swatch(b"RGB ", 1, 0, 0)
    whole = ase(red, red)
    cases = {
        b"": "not a palette; wanted GIMP's (.gpl) or Adobe's Swatch Exchange (.ase)",
        b"\x89PNG\r\n": "not a palette",
        b"GIMP Palette\nName: none\n": "no colours in it",
        ase(): "no colours in it",
        whole[:9]: "the .ase file is cut short (9 bytes, no whole head); copy or save it again",
        whole[:-1]: f"the .ase file is cut short ({len(whole) - 1} bytes, in block 2 of 2)",
        ase(red, count=2): "block 2 of 2 is missing",
        ase(red, swatch(b"HSB ", 1, 0, 0)): 'block 2 of the .ase file: a colour of kind "HSB"; wanted RGB, LAB, CMYK',
        ase(swatch(b"CMYK", 1, 0)): "block 1 of the .ase file: CMYK with too few numbers",
        ase(swatch(b"RGB ", 1, float("nan"), 0)): "block 1 of the .ase file: RGB 1 NaN 0; wanted",
        ase(block(1, b"\xff\xff")): "block 1 of the .ase file: no colour in it",
        ase(block(1, b"")): "block 1 of the .ase file: no colour in it",
    }
    for found, wanted in zip(outcomes(*cases), cases.values(), strict=True):
        assert wanted in found
        assert "\n" not in found


def test_an_adobe_palette_cut_anywhere_is_refused_or_read_as_far_as_it_says() -> None:
    whole = ase(swatch(b"RGB ", 1, 0, 0), swatch(b"LAB ", 0.5, 9, 9), block(0xC002, b""))
    *cut, full = outcomes(*(whole[:size] for size in range(4, len(whole) + 1)))
    assert len(full) == 2
    assert all("cut short" in each for each in cut)


def test_a_place_of_the_reference_picture_has_the_mean_colour_of_its_pixels() -> None:
    random = np.random.default_rng(1)
    rgba = random.integers(0, 256, (5, 4), np.uint8)
    rgba[1, 3] = 0
    found = run(
        """import { footprint, meanAb } from "reference";
        const size = { width: 40, height: 30 };
        const places = [[0, 0, 1], [12.7, 29.99, 3], [20.5, 10.5, 1 / 3], [0.2, 29, 0.2], [39, 15, 0.01],
            [-0.1, 5, 1], [40, 5, 1]];
        console.log(JSON.stringify({ mean: meanAb(given), none: meanAb([9, 9, 9, 0]),
            pixels: places.map(([x, y, scale]) => footprint(size, x, y, scale)) }))""",
        rgba.ravel().tolist(),
    )
    mean = np.average(srgb_decode(rgba[:, :3].astype(np.float32) / 255), axis=0, weights=rgba[:, 3].astype(float))
    _, ab = lab_from_linear(mean[None, None].astype(np.float32))
    np.testing.assert_allclose(found["mean"], ab[0, 0], atol=0.01)
    assert found["none"] is None
    assert found["pixels"] == [
        [0, 0, 1, 1], [12, 29, 1, 1], [19, 9, 3, 3], [0, 25, 5, 5], [0, 0, 40, 30], None, None
    ]  # fmt: skip
