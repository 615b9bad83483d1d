"""The page's mathematics, run by node: colours as the program has them, views that keep their place, points thinned."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid.color import linear_from_lab, luminance_from_lightness, srgb_encode, toward_grey

STATIC = Path(__file__).parents[3] / "hybrid/editor/static"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="needs node")


def run(code: str, given: Any = None) -> Any:
    """What a module's code prints as JSON; the page's modules are imported by their names."""
    script = f"const given = {json.dumps(given)};\n{code}"
    for name in ("color", "view", "model", "tools"):
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
