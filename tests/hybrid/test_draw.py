"""Scribbles for a coloured photo: where they lie, what colour they have, how they are written."""

from pathlib import Path

import numpy as np
import pytest

from hybrid.draw import LABEL, MOST_POINTS, drawn
from hybrid.hints import PhotoIdentity, read_hints, write_hints
from hybrid.marked import HintsError
from hybrid.photo import Photo
from hybrid.scale import shading
from hybrid.session import Session
from hybrid.strokes import Stroke

SHAPE = (90, 120)
BLUE, ORANGE = (5.0, -35.0), (30.0, 40.0)


def two_surfaces(column: int = 50) -> tuple[np.ndarray, np.ndarray]:
    lightness = np.full(SHAPE, 40, np.float32)
    lightness[:, column:] = 70
    ab = np.empty((*SHAPE, 2), np.float32)
    ab[:, :column], ab[:, column:] = BLUE, ORANGE
    return lightness, ab


def test_points_lie_well_inside_of_surfaces_and_have_their_colour() -> None:
    lightness, ab = two_surfaces()
    marks = drawn(lightness, ab, np.ones((9, 12), np.float32))
    assert 2 <= len(marks) <= 2 * MOST_POINTS
    for mark in marks:
        x, _ = mark.points[0]
        assert abs(x - 50) > 1.5
        assert mark.ab == pytest.approx(BLUE if x < 50 else ORANGE, abs=0.02)
        assert (mark.label, mark.strength, mark.confidence) == (LABEL, 1, 1)
    assert {mark.ab[0] > 10 for mark in marks if mark.ab} == {True, False}


def test_strokes_alone_give_the_picture_again() -> None:
    lightness, ab = two_surfaces()
    again = Session(Photo(lightness), None).edit(drawn(lightness, ab, np.ones(SHAPE, np.float32))).ab
    distance = np.linalg.norm(again - ab, axis=-1)
    assert distance.mean() < 1.5
    assert distance[:, np.abs(np.arange(120) - 49.5) > 15].max() < 5


def test_the_first_points_are_where_confidence_is_and_none_where_there_is_none() -> None:
    lightness, ab = two_surfaces()
    sure = np.full((9, 12), 0.3, np.float32)
    sure[:, 7:10], sure[:, :5] = 0.9, 0
    marks = drawn(lightness, ab, sure)
    assert [mark.confidence or 0 for mark in marks] == sorted((mark.confidence or 0 for mark in marks), reverse=True)
    assert 70 < marks[0].points[0, 0] < 100
    assert all(mark.points[0, 0] > 48 for mark in marks)
    assert drawn(lightness, ab, np.zeros((9, 12), np.float32)) == []


def test_one_surface_has_one_colour_under_shading_and_another_where_it_really_changes() -> None:
    lightness = np.tile(np.linspace(50, 60, 120, dtype=np.float32), (90, 1))
    chroma = np.float32([0.3, -0.2])
    marks = drawn(lightness, chroma * shading(lightness)[..., None], np.ones(SHAPE, np.float32))
    assert len(marks) > 3
    for mark in marks:
        x, y = mark.points[0].astype(int)
        assert mark.ab == pytest.approx(chroma * shading(lightness[y, x]), abs=0.05)
    even = np.full(SHAPE, 50, np.float32)
    _, ab = two_surfaces(60)
    found = {tuple(np.sign(mark.ab)) for mark in drawn(even, ab, np.ones(SHAPE, np.float32)) if mark.ab}
    assert found == {(1, 1), (1, -1)}


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (2, 3)])
def test_tiny_photos_get_a_point_or_none(shape: tuple[int, int]) -> None:
    light = np.full(shape, 50, np.float32)
    marks = drawn(light, np.full((*shape, 2), 9, np.float32), np.ones(shape, np.float32))
    assert len(marks) <= MOST_POINTS
    got = Session(Photo(light), None).edit(marks).ab
    assert np.isfinite(got).all()


def test_who_drew_and_how_surely_is_kept_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.hints.json"
    marks = [Stroke([[3, 4]], ab=BLUE, label=LABEL, confidence=0.25), Stroke([[5, 6], [7, 8]], ab=ORANGE)]
    write_hints(path, marks, PhotoIdentity(120, 90))
    read = read_hints(path, Photo(np.zeros(SHAPE, np.float32), path=tmp_path / "a.tif"))
    assert [(mark.label, mark.confidence) for mark in read] == [(LABEL, 0.25), ("", None)]  # type: ignore[union-attr]
    path.write_text('{"hints": [{"points": [[1, 1]], "ab": [1, 2], "confidence": "much"}]}')
    with pytest.raises(HintsError, match="hint 1: could not convert"):
        read_hints(path, Photo(np.zeros(SHAPE, np.float32), path=tmp_path / "a.tif"))
