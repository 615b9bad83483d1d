"""Files of marks: what is written is read, marked copies give exactly their marks, another photo's are refused."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from hybrid.hints import SCHEMA, PhotoIdentity, read_hints, sha256_of, write_hints
from hybrid.marked import HintsError
from hybrid.photo import Photo, PhotoError
from hybrid.strokes import Stroke, paint

VALIDATOR = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
HEIGHT, WIDTH = 30, 44
PHOTO = Photo(np.full((HEIGHT, WIDTH), 50, np.float32), path=Path("grey.tif"))
RED_AB = (80.09, 67.20)
"""sRGB red in CIELAB (D65), as colour science references print it."""


def document(*hints: Any, **image: Any) -> dict[str, Any]:
    return {"version": 1, "image": {"width": WIDTH, "height": HEIGHT, **image}, "hints": list(hints)}


def written(folder: Path, content: Any) -> Path:
    path = folder / "marks.hints.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_strokes_come_back_as_they_were_written(tmp_path: Path) -> None:
    strokes = [
        Stroke(points=[[3.25, 4.5]], radius=2.5, ab=(40.5, -20.25)),
        Stroke(points=[[1, 2], [30, 5], [40, 28]], radius=np.array([1.5, 6.0, 3.0]), ab=(-7, 8), strength=0.5),
        Stroke(points=[[1, 1], [20, 1], [20, 20]], ab=(1, 2), is_region=True),
        Stroke(points=[[9, 9], [12, 12]], mode="gray"),
        Stroke(points=[[9, 20]], mode="keep", strength=0.25),
        Stroke(points=[[30, 20]], radius=1.0, mode="erase"),
    ]
    path = tmp_path / "marks.hints.json"
    write_hints(path, strokes, PhotoIdentity(WIDTH, HEIGHT, "ab" * 32))
    assert [p.name for p in tmp_path.iterdir()] == ["marks.hints.json"]
    back = read_hints(path, PHOTO, "ab" * 32)
    assert len(back) == len(strokes)
    for one, two in zip(strokes, back, strict=True):
        assert isinstance(two, Stroke)
        assert (one.mode, one.ab, one.strength, one.is_region) == (two.mode, two.ab, two.strength, two.is_region)
        np.testing.assert_allclose(one.points, two.points, atol=1e-3)
        np.testing.assert_allclose(one.radius, two.radius, rtol=1e-3)

    def predicted(index: np.ndarray) -> np.ndarray:
        return np.ones((len(index), 2), np.float32)

    before, after = (paint(marks, (HEIGHT, WIDTH), predicted) for marks in (strokes, back))
    assert (before.index == after.index).all()
    assert (before.ab == after.ab).all()


@pytest.mark.parametrize(
    ("color", "ab"),
    [("#ff0000", RED_AB), ("FF0000", RED_AB), ("#0000ff", (79.19, -107.86)), ("#808080", (0, 0)), ("#000000", (0, 0))],
)
def test_hex_colours_are_srgb(tmp_path: Path, color: str, ab: tuple[float, float]) -> None:
    (stroke,) = read_hints(written(tmp_path, document({"points": [[2, 2]], "color": color})), PHOTO)
    assert isinstance(stroke, Stroke)
    assert stroke.ab == pytest.approx(ab, abs=0.1)


def test_what_a_hint_leaves_out_has_its_usual_value(tmp_path: Path) -> None:
    path = written(tmp_path, {"hints": [{"points": [[2, 2], [3, 3, 0.5]], "ab": [1, 2]}]})
    (stroke,) = read_hints(path, PHOTO, "00" * 32)
    assert isinstance(stroke, Stroke)
    assert (stroke.mode, stroke.strength, stroke.is_region) == ("color", 1.0, False)
    np.testing.assert_allclose(stroke.radius, [4, 2])


@pytest.mark.parametrize(
    ("hint", "message"),
    [
        ({"ab": [1, 2]}, "hint 2 has no 'points'"),
        ({"points": [[1, 1]]}, "hint 2 has no 'color'"),
        ({"points": [[1, 1]], "color": "red"}, "hint 2: color 'red'; wanted #rrggbb"),
        ({"points": [[1, 1]], "color": "#gggggg"}, "hint 2: "),
        ({"points": [[1, 1]], "ab": [500, 0]}, "hint 2: stroke colour ab"),
        ({"points": [[1, 1]], "ab": [5]}, "hint 2: stroke colour ab"),
        ({"points": [[1, 1]], "ab": [5, 6, 7]}, "hint 2: stroke colour ab"),
        ({"points": [[1, 1]], "mode": "magic"}, "hint 2: mode 'magic'; wanted one of color, gray, keep, erase"),
        ({"points": [], "ab": [1, 2]}, "hint 2: stroke points"),
        ({"points": [[1]], "ab": [1, 2]}, "hint 2: stroke points"),
        ({"points": [[1, 1], [2]], "ab": [1, 2]}, "hint 2: "),
        ({"points": 7, "ab": [1, 2]}, "hint 2: "),
        ({"points": [["x", 1]], "ab": [1, 2]}, "hint 2: "),
        ({"points": [[1, 1]], "ab": [1, 2], "radius": -1}, "hint 2: stroke radius"),
        ({"points": [[1, 1]], "ab": [1, 2], "radius": None}, "hint 2: "),
        ({"points": [[1, 1]], "ab": [1, 2], "strength": 2}, "hint 2: stroke strength 2.0; wanted above 0, at most 1"),
        ({"points": [[1, 1]], "ab": [1, 2], "type": "region"}, "hint 2: region of 1 points"),
        ("a stroke, please", "hint 2: "),
        (None, "hint 2: "),
    ],
)
def test_a_malformed_hint_is_named_by_its_number(tmp_path: Path, hint: Any, message: str) -> None:
    content = document({"points": [[1, 1]], "ab": [1, 2]}, hint)
    path = written(tmp_path, content)
    assert not VALIDATOR.is_valid(content)
    with pytest.raises(HintsError, match="^" + re.escape(f"{path}: {message}")) as caught:
        read_hints(path, PHOTO)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not readable as JSON"),
        ("", "not readable as JSON"),
        ("[]", 'no list "hints" in it'),
        ({"hints": {}}, 'no list "hints" in it'),
        ({"version": 2, "hints": []}, "version 2; this program reads version 1"),
        ({"image": "photo.tif", "hints": []}, "\"image\" is 'photo.tif'; wanted"),
    ],
)
def test_a_file_that_is_no_list_of_hints_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    assert not VALIDATOR.is_valid(content)
    with pytest.raises(HintsError, match=re.escape(message)):
        read_hints(written(tmp_path, content), PHOTO)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HintsError, match=r"none\.json: no such file; wanted a \.hints\.json file or a marked copy"):
        read_hints(tmp_path / "none.json", PHOTO)
    with pytest.raises(PhotoError, match=r"none\.png"):
        read_hints(tmp_path / "none.png", PHOTO)


def test_marks_of_another_photo_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HintsError, match=re.escape("made for a photo of 45×30 pixels; grey.tif has 44×30")):
        read_hints(written(tmp_path, document(width=WIDTH + 1)), PHOTO)
    path = written(tmp_path, document(sha256="ab" * 32))
    with pytest.raises(HintsError, match=r"made for another photo \(sha256 abababababab…, grey\.tif has cdcdcdcdcdcd…"):
        read_hints(path, PHOTO, "cd" * 32)
    assert read_hints(path, PHOTO, "ab" * 32) == []
    assert read_hints(path, PHOTO) == []  # the photo's own is not known


def test_sha256_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")  # FIPS 180-4, appendix example
    assert sha256_of(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
