"""What strokes tell of places that look alike: all where they are, less the less alike, nothing where it is little."""

import numpy as np
import pytest

from hybrid.kriging import MOST_SAMPLES, OWN, TAIL, Likeness, Reach, carried, likeness
from hybrid.predict import Prediction
from hybrid.scribbles import CellColors
from hybrid.strokes import Paint

GRID, SHAPE = (6, 8), (24, 32)
ASKED = np.array([40.0, -30.0], np.float32)
UNIT = Reach(near=1, lightness=25, answer=1, unmoved=0.06, moved=0.15)
SURE = UNIT.moved * 50
"""Length of a correction that is taken whole where 50 is asked for."""


def flat(lightness: float = 50.0) -> np.ndarray:
    return np.full(SHAPE, lightness, np.float32)


def colors() -> CellColors:
    return CellColors(np.zeros((*GRID, 2), np.float32), np.ones(GRID, np.float32))


def same(deviation: float = 1.0, light: float = 50.0) -> Likeness:
    """Cells that differ in nothing."""
    count = GRID[0] * GRID[1]
    place, answer = (np.zeros((count, n), np.float32) for n in (2, 3))
    return Likeness(place, answer, *(np.full(count, value, np.float32) for value in (light, deviation)))


def at(*pixels: tuple[int, int], ab: np.ndarray = ASKED) -> Paint:
    index = np.array([y * SHAPE[1] + x for y, x in pixels], np.int64)
    return Paint(index, np.broadcast_to(ab, (len(index), 2)).astype(np.float32))


def test_one_sample_is_the_textbook_formula() -> None:
    """Of one observation z: mean = s(x) s(0) k(x, 0) z / (s(0)^2 + noise)."""
    like = same(deviation=0.8)
    like.place[:, 0] = np.linspace(0, 2, len(like.place))
    found = carried(colors(), like, UNIT, at((0, 0)), flat()).ab.reshape(-1, 2)
    correlation = (1 + like.place[:, 0] ** 2 / (2 * TAIL)) ** -TAIL
    wanted = (0.64 * correlation / (0.64 + OWN))[:, None] * ASKED
    is_large = np.linalg.norm(wanted, axis=1) >= SURE
    assert is_large.sum() > 10
    np.testing.assert_allclose(found[is_large], wanted[is_large], rtol=1e-4)


def test_it_is_what_conditioning_a_normal_distribution_gives() -> None:
    """Against the general formula for jointly normal variables, at several samples and deviations."""
    random = np.random.default_rng(0)
    count = GRID[0] * GRID[1]
    place, answer = (random.uniform(0.2, 1.5, (count, n)).astype(np.float32) for n in (2, 3))
    like = Likeness(place, answer, same().lightness, random.uniform(0.5, 1.5, count).astype(np.float32))
    marks = at((1, 1), (9, 13), (22, 30))
    cell = np.array([0, 2 * 8 + 3, 5 * 8 + 7])
    square = sum(((plane[:, None] - plane) ** 2).sum(-1) for plane in (place, answer))
    joint = (1 + square / (2 * TAIL)) ** -TAIL * np.outer(like.deviation, like.deviation)
    wanted = joint[:, cell] @ np.linalg.inv(joint[np.ix_(cell, cell)] + OWN * np.eye(3)) @ np.tile(ASKED, (3, 1))
    found = carried(colors(), like, UNIT, marks, flat()).ab.reshape(-1, 2)
    is_large = np.linalg.norm(wanted, axis=1) >= SURE
    np.testing.assert_allclose(found[is_large], wanted[is_large], rtol=1e-3)
    assert is_large.mean() > 0.5


def test_small_corrections_are_left_away() -> None:
    like = same()
    like.place[1:] = 100
    found = carried(colors(), like, UNIT, at((0, 0)), flat()).ab.reshape(-1, 2)
    assert np.linalg.norm(found[0]) > 40
    assert (found[1:] == 0).all()
    assert (carried(colors(), same(), UNIT, at((0, 0), ab=np.array([1.0, 1.0])), flat()).ab == 0).all()


def test_what_is_lighter_is_less_alike() -> None:
    like = same()
    like.lightness[24:] = 50 + UNIT.lightness
    found = np.linalg.norm(carried(colors(), like, UNIT, at((0, 0)), flat()).ab.reshape(-1, 2), axis=1)
    assert found[30] == pytest.approx((1 + 1 / (2 * TAIL)) ** -TAIL * found[0], rel=1e-4)


def test_a_prediction_that_is_right_is_not_corrected_in_shade_or_light() -> None:
    """A cell's colour at another lightness than its mean is the same chroma relative to its shading."""
    own = CellColors(np.broadcast_to(ASKED, (*GRID, 2)).astype(np.float32), np.ones(GRID, np.float32))
    dark = ASKED * np.sqrt(np.float32(30 + 16) / (50 + 16))
    assert (carried(own, same(), UNIT, at((4, 4), ab=dark), flat(30)).ab == own.ab).all()


def test_no_stroke_leaves_the_colours_as_they_are() -> None:
    before = colors()
    nothing = Paint(np.empty(0, np.int64), np.empty((0, 2), np.float32))
    assert carried(before, same(), UNIT, nothing, flat()) is before


def test_a_large_painted_area_is_thinned() -> None:
    grid, shape = (60, 60), (60, 60)
    count = 3600
    assert count > 4 * MOST_SAMPLES
    y, x = np.divmod(np.arange(count), 60)
    place = np.column_stack([y, x]).astype(np.float32) / 18
    like = Likeness(place, place[:, :0], np.full(count, 50, np.float32), np.ones(count, np.float32))
    before = CellColors(np.zeros((*grid, 2), np.float32), np.ones(grid, np.float32))
    paint = Paint(np.arange(count), np.broadcast_to(ASKED, (count, 2)).astype(np.float32))
    found = carried(before, like, UNIT, paint, np.full(shape, 50, np.float32)).ab
    np.testing.assert_allclose(found, np.broadcast_to(ASKED, found.shape), rtol=0.06)


def predicted(shape: tuple[int, int], random: np.random.Generator) -> Prediction:
    logits = random.normal(0, 1, (30, *shape)).astype(np.float32)
    log_probability = logits - np.log(np.exp(logits).sum(0))
    bins = random.uniform(-60, 60, (30, 2)).astype(np.float32)
    return Prediction(log_probability, bins, np.full(30, 1 / 30, np.float32), np.ones(shape, np.float32))


@pytest.mark.parametrize("shape", [(24, 32), (5, 40), (1, 1), (300, 2)])
def test_distances_between_answers_are_those_of_hellinger(shape: tuple[int, int]) -> None:
    prediction = predicted((6, 4), np.random.default_rng(0))
    like = likeness(prediction, np.full(shape, 40, np.float32))
    assert like.place.shape[0] == like.lightness.size == like.deviation.size == 24
    roots = np.exp(prediction.log_probability.reshape(30, -1) / 2)
    wanted = ((roots[:, :, None] - roots[:, None]) ** 2).sum(0)
    found = ((like.answer[:, None] - like.answer) ** 2).sum(-1)
    np.testing.assert_allclose(found, wanted, atol=2e-3)


def test_a_sure_answer_moves_less() -> None:
    prediction = predicted((6, 4), np.random.default_rng(0))
    prediction.log_probability[:, 0, 0] = np.log(1e-6)
    prediction.log_probability[3, 0, 0] = 0
    deviation = likeness(prediction, np.full((24, 16), 40, np.float32)).deviation
    assert deviation[0] < 0.2 * deviation[1:].min()
