"""Strokes and settings that change, and go back: equivalence with making them anew, bounds, refusals."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid.document import HISTORY, Change, Document, checked_hint


def hint(x: float = 10.0, **more: Any) -> dict[str, Any]:
    return {"type": "stroke", "mode": "color", "points": [[x, 5], [x + 8, 9]], "radius": 3, "ab": [20, -30], **more}


def content(document: Document) -> Any:
    return json.loads(json.dumps([document.hints, document.settings]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["add", "replace", "remove", "set", "undo", "redo"]), max_size=30), st.randoms())
def test_undo_gives_back_what_was_there_and_redo_what_was_made(steps: list[str], random: Any) -> None:
    document, past, future = Document(), [], []  # type: ignore[var-annotated]
    for step in steps:
        before, numbers = content(document), sorted(document.hints)
        if step == "undo":
            if not past:
                with pytest.raises(ValueError, match="nothing to undo"):
                    document.undo()
                continue
            future.append(before)
            document.undo()
            assert content(document) == past.pop()
            continue
        if step == "redo":
            if not future:
                with pytest.raises(ValueError, match="nothing to redo"):
                    document.redo()
                continue
            past.append(before)
            document.redo()
            assert content(document) == future.pop()
            continue
        if step in ("replace", "remove") and numbers:
            new = None if step == "remove" else hint(random.uniform(0, 90))
            change = document.replacing({str(random.choice(numbers)): new}, {})
        elif step == "set":
            change = document.replacing({}, {"saturation": random.choice([None, 0.5, 2.0])})
        else:
            change = document.add([hint(random.uniform(0, 90))])
        document.change(change)
        past.append(before)
        future.clear()
    again = Document.from_json(json.loads(json.dumps(document.as_json())))
    assert content(again) == content(document)
    assert (again.can_undo, again.can_redo) == (document.can_undo, document.can_redo)
    while past:
        again.undo()
        assert content(again) == past.pop()


def test_strokes_that_did_not_change_are_the_same_objects_and_hidden_ones_are_left_out() -> None:
    document = Document()
    document.change(document.add([hint(), hint(30), hint(50)]))
    first = document.strokes()
    document.change(document.replacing({"2": hint(31), "3": hint(50, is_hidden=True)}, {}))
    second = document.strokes()
    assert list(second) == [1, 2]
    assert second[1] is first[1]
    assert second[2] is not first[2]
    np.testing.assert_allclose(second[2].points[0], [31, 5])


def test_a_number_is_never_given_twice() -> None:
    document = Document()
    document.change(document.add([hint(), hint()]))
    document.change(document.replacing({"2": None}, {}))
    assert list(document.add([hint()]).strokes) == [3]
    assert list(Document.from_json(document.as_json()).add([hint()]).strokes) == [3]


def test_history_is_bounded() -> None:
    document = Document()
    for i in range(HISTORY + 50):
        document.change(document.replacing({}, {"saturation": (i % 40) / 10}))
    undone = 0
    while document.can_undo:
        document.undo()
        undone += 1
    assert undone == HISTORY


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"points": [[1, 2]], "mode": "paint"}, "mode 'paint'"),
        ({"points": [], "ab": [0, 0]}, "points"),
        ({"points": [[1, float("nan")]], "ab": [0, 0]}, "finite"),
        ({"points": [[1, 2]] * 20_001, "ab": [0, 0]}, "at most 20000"),
        ({"points": [[1, 2]], "ab": [0, 0], "radius": 1e6}, "at most 20000"),
        ({"points": [[1, 2]], "ab": [0, 900]}, "from -150 to 150"),
        ({"points": [[1, 2]], "ab": [0, 0], "label": "x" * 500}, "200 characters"),
        ({"points": "all"}, "list of points"),
        ([1], "list of points"),
    ],
)
def test_a_stroke_that_cannot_be_is_refused(asked: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        checked_hint(asked)


@pytest.mark.parametrize(
    ("settings_asked", "complaint"),
    [
        ({"saturation": 9}, "0 to 4"),
        ({"hue": 1}, "setting 'hue'"),
        ({"reach": "far"}, "wanted local, object, wide"),
        ({"vividness": True}, "vividness"),
        ({"temperature": "hot"}, "hot"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(settings_asked: dict[str, Any], complaint: str) -> None:
    document = Document()
    with pytest.raises(ValueError, match=complaint):
        document.replacing({}, settings_asked)
    with pytest.raises(ValueError, match="there is none"):
        document.replacing({"7": None}, {})
    with pytest.raises(ValueError, match=complaint):
        Change.from_json({"strokes": {}, "settings": settings_asked})
    assert document.revision == 0
