"""The JSON Schema of hint files: what is written is of it, what is of it is read, what is refused is not of it."""

from __future__ import annotations

import json
import tempfile
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from hybrid.document import Document
from hybrid.hints import SCHEMA, VERSION, HintsError, PhotoIdentity, read_hints, write_hints
from hybrid.photo import Photo
from hybrid.strokes import MODES, Stroke

ROOT = Path(__file__).parents[2]
CONTENT = json.loads(SCHEMA.read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(CONTENT)
PHOTO = Photo(np.full((30, 44), 50, np.float32), path=Path("grey.tif"))

places = st.floats(-1e6, 1e6, width=32)
radii = st.floats(1e-4, 1e5)


@st.composite
def strokes(draw: st.DrawFn) -> Stroke:
    points = draw(st.lists(st.tuples(places, places), min_size=1, max_size=6))
    count = len(points)
    return Stroke(
        points=np.array(points),
        radius=draw(st.one_of(radii, st.lists(radii, min_size=count, max_size=count).map(np.array))),
        ab=draw(st.tuples(st.floats(-150, 150), st.floats(-150, 150))),
        mode=draw(st.sampled_from(MODES)),
        strength=draw(st.floats(1e-6, 1)),
        is_region=count > 2 and draw(st.booleans()),
        label=draw(st.text(max_size=8)),
        confidence=draw(st.none() | st.floats(0, 1)),
    )


def read_of(document: Any) -> list[Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "marks.hints.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        return read_hints(path, PHOTO)


@settings(max_examples=150, deadline=None)
@given(st.lists(strokes(), max_size=4), st.sampled_from(["", "ab" * 32]))
def test_what_is_written_is_of_the_schema_and_is_read(made: list[Stroke], sha256: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "marks.hints.json"
        write_hints(path, made, PhotoIdentity(44, 30, sha256))
        VALIDATOR.validate(json.loads(path.read_text(encoding="utf-8")))
        back = read_hints(path, PHOTO)
    for one, two in zip(made, back, strict=True):
        assert isinstance(two, Stroke)
        np.testing.assert_allclose(two.radius, one.radius, rtol=1e-6, atol=0.0011 * float(np.max(one.radius)))


def test_what_the_editor_keeps_is_of_the_schema() -> None:
    document = Document()
    drawn = {"type": "stroke", "mode": "color", "points": [[1, 2, 1], [9, 9, 0.4]], "radius": 3, "ab": [20, -30]}
    document.change(document.add([{**drawn, "is_locked": True, "label": "sky"}, {**drawn, "mode": "erase"}]))
    VALIDATOR.validate({"version": VERSION, "image": {}, "hints": list(document.hints.values())})


GOOD: dict[str, list[Any]] = {
    "type": ["stroke", "point"],
    "points": [[[1, 2]], [[0.5, -7], [9, 9, 0.25]], [[1, 1], [20, 1], [20, 20]]],
    "radius": [4, 0.5],
    "mode": list(MODES),
    "color": ["#2f6fb4", "FF0000"],
    "ab": [[20, -30.5], [0, 150]],
    "strength": [1, 0.01],
    "label": ["", "sky"],
    "confidence": [None, 0, 0.5],
    "is_locked": [True],
    "made_by": [{"some": "program"}],
}
BAD: dict[str, list[Any]] = {
    "type": ["region"],
    "points": [[], [[1]], [[1, 2], [3]], [["x", 1]], 7, None, [[1, 2, 0]], [[1, 2, -1]], {"x": 1}, [[1, None]]],
    "radius": [0, -1, None, [4]],
    "mode": ["magic", None, 1],
    "color": ["red", "#gggggg", "#fff", 7],
    "ab": [[5], [5, 6, 7], [151, 0], None, ["a", 1], 3],
    "strength": [0, 1.5, None, "much"],
    "confidence": ["sure", [1]],
}
"""With the other members good and given, most are refused by the reader; a region of too few points is too."""


def hints_of(values: dict[str, list[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    chosen = {name: st.sampled_from(some) for name, some in values.items()}
    needed = ("points",) if "points" in chosen else ()
    return st.fixed_dictionaries(
        {name: chosen[name] for name in needed},
        optional={name: each for name, each in chosen.items() if name not in needed},
    )


def is_colored(hint: dict[str, Any]) -> bool:
    return hint.get("mode", "color") != "color" or "ab" in hint or "color" in hint


@settings(max_examples=150, deadline=None)
@given(hints_of(GOOD).filter(is_colored))
def test_what_the_readme_allows_is_of_the_schema_and_is_read(hint: dict[str, Any]) -> None:
    for document in ({"hints": [hint]}, {"version": 1, "image": {"width": 44, "height": 30}, "hints": [hint, hint]}):
        VALIDATOR.validate(document)
        assert len(read_of(document)) == len(document["hints"])


@settings(max_examples=300, deadline=None)
@given(st.builds(lambda good, bad: {**good, **bad}, hints_of(GOOD), hints_of(BAD)) | hints_of(GOOD))
def test_what_the_reader_refuses_is_not_of_the_schema(hint: dict[str, Any]) -> None:
    document = {"hints": [hint]}
    try:
        read_of(document)
    except HintsError:
        assert not VALIDATOR.is_valid(document)


@pytest.mark.parametrize(
    "document",
    [
        {"hints": [{"points": [[1, 1]], "ab": [1, 2], "type": "regoin"}]},
        {"hints": [{"points": [[1, 1]], "color": "#12345\u0661"}]},
        {"hints": [{"points": [[1, 1], [2, 2]], "ab": [1, 2], "type": "region"}]},
        {"hints": [{"points": [[1, 1]]}]},
        {"image": {"width": 0}, "hints": []},
        {"image": {"sha256": "abc"}, "hints": []},
        {"version": 2, "hints": []},
        {},
        [],
    ],
)
def test_what_is_amiss_is_not_of_the_schema(document: Any) -> None:
    assert not VALIDATOR.is_valid(document)


def test_the_schema_is_sound_says_what_everything_is_and_is_installed() -> None:
    Draft202012Validator.check_schema(CONTENT)
    assert CONTENT["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert CONTENT["properties"]["version"]["const"] == VERSION
    parts = CONTENT["$defs"]
    assert parts["hint"]["properties"]["mode"]["enum"] == list(MODES)
    members = [*parts["image"]["properties"].values(), *parts["hint"]["properties"].values()]
    assert [each for each in members if "description" not in each] == [parts["hint"]["properties"]["points"]]
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["hybrid"]
    assert any(fnmatch(SCHEMA.name, pattern) for pattern in wanted)
