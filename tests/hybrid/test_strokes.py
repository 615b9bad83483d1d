"""Strokes: which pixels they cover, against the plain distance; the order of paint; what is refused, in words."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from hybrid.strokes import MarkedPixels, Stroke, covered, paint

SHAPE = (40, 57)
RED, BLUE = (60.0, 40.0), (20.0, -60.0)


def distances(stroke: Stroke, shape: tuple[int, int], steps: int = 4000) -> np.ndarray:
    """Distance of every pixel centre to the edge of a brush moved in small steps, negative inside; brute force."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    points, radius = stroke.points.astype(float), np.asarray(stroke.radius, float)
    best = np.hypot(x - points[0, 0], y - points[0, 1]) - radius[0]
    share = np.linspace(0, 1, steps // max(len(points) - 1, 1))
    for i in range(len(points) - 1):
        for t in share:
            at, wide = points[i] + t * (points[i + 1] - points[i]), radius[i] + t * (radius[i + 1] - radius[i])
            best = np.minimum(best, np.hypot(x - at[0], y - at[1]) - wide)
    return best


def mask(stroke: Stroke, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    index = covered(stroke, shape)
    assert index.dtype == np.int64
    assert (np.diff(index) > 0).all(), "ascending, each once"
    is_covered = np.zeros(shape, bool)
    is_covered.ravel()[index] = True
    return is_covered


@pytest.mark.parametrize(
    "stroke",
    [
        Stroke(points=[[20.3, 11.8]], radius=6.2, ab=RED),
        Stroke(points=[[5.1, 30.2], [50.7, 8.9]], radius=3.3, ab=RED),
        Stroke(points=[[5, 5], [40, 5], [40, 33], [12, 20]], radius=2.6, ab=RED),
        Stroke(points=[[-8, -3], [70, 50]], radius=4.1, ab=RED),  # begins and ends outside
        Stroke(points=[[0.5, 20], [0.5, 20]], radius=5.3, ab=RED),  # stands still at the border
        Stroke(points=[[-3, 12]], radius=7.7, ab=RED),  # centre outside, brush reaches in
    ],
    ids=["dot", "line", "bends", "across", "still", "from outside"],
)
def test_covered_is_every_pixel_within_the_brush_and_none_beyond(stroke: Stroke) -> None:
    distance, is_covered = distances(stroke, SHAPE), mask(stroke)
    assert is_covered[distance < -0.02].all()
    assert not is_covered[distance > 0.02].any()
    assert is_covered.any()


def test_pressure_makes_the_brush_wider_evenly_along_the_way() -> None:
    stroke = Stroke(points=[[8.5, 20.5], [48.5, 20.5]], radius=np.array([1.0, 9.0]), ab=RED)
    heights = mask(stroke).sum(0)
    assert heights[8] == 3  # radius 1: the pixel itself, one above, one below
    assert heights[28] == 11  # half way: radius 5
    assert heights[48] == 19
    assert (np.diff(heights[8:49]) >= 0).all()


def test_pressure_counts_for_each_piece_of_a_longer_stroke() -> None:
    thin, wide = 1.2, 6.4
    stroke = Stroke(points=[[6, 8], [30, 8], [30, 30]], radius=np.array([thin, thin, wide]), ab=RED)
    is_covered = mask(stroke)
    assert is_covered[:, 12].sum() == pytest.approx(2 * thin, abs=1)
    assert is_covered[30].sum() == pytest.approx(2 * wide, abs=1)


def test_the_thinnest_brush_covers_the_pixel_it_starts_in() -> None:
    assert covered(Stroke(points=[[17.01, 9.99]], radius=1e-3, ab=RED), SHAPE).tolist() == [9 * SHAPE[1] + 17]


@pytest.mark.parametrize("point", [[-30.0, 5.0], [90.0, 5.0], [5.0, -30.0], [5.0, 80.0]])
def test_a_stroke_wholly_outside_covers_nothing(point: list[float]) -> None:
    assert covered(Stroke(points=[point], radius=3.0, ab=RED), SHAPE).size == 0
    assert len(paint([Stroke(points=[point], radius=3.0, ab=RED)], SHAPE)) == 0


@settings(max_examples=60, deadline=None)
@given(
    some.lists(some.tuples(some.floats(-60, 120), some.floats(-60, 120)), min_size=1, max_size=5),
    some.floats(0.01, 80),
    some.tuples(some.integers(1, 40), some.integers(1, 40)),
    some.booleans(),
)
def test_no_stroke_leaves_the_photo(
    points: list[tuple[float, float]], radius: float, shape: tuple[int, int], is_region: bool
) -> None:
    is_region = is_region and len(points) >= 3
    index = covered(Stroke(points=np.array(points), radius=radius, ab=RED, is_region=is_region), shape)
    assert ((index >= 0) & (index < shape[0] * shape[1])).all()
    assert (np.diff(index) > 0).all()


def test_a_region_fills_its_outline_by_pixel_centres() -> None:
    square = Stroke(points=[[10, 6], [22, 6], [22, 19], [10, 19]], ab=RED, is_region=True)
    wanted = np.zeros(SHAPE, bool)
    wanted[6:19, 10:22] = True
    assert (mask(square) == wanted).all()


def test_a_region_is_concave_where_its_outline_is_and_clipped_at_the_border() -> None:
    ell = Stroke(points=[[-9, -9], [30, -9], [30, 8], [10, 8], [10, 90], [-9, 90]], ab=RED, is_region=True)
    wanted = np.zeros(SHAPE, bool)
    wanted[:8, :30] = wanted[:, :10] = True
    assert (mask(ell) == wanted).all()


def dot(x: float, ab: tuple[float, float] | None = RED, **options: object) -> Stroke:
    return Stroke(points=[[x, 20.5]], radius=5.0, ab=ab, **options)  # type: ignore[arg-type]


def test_later_paint_covers_earlier_and_the_rest_stays() -> None:
    below, above = dot(20.5), dot(24.5, BLUE, strength=0.5)
    painted = paint([below, above], SHAPE, lambda index: np.zeros((len(index), 2), np.float32))
    is_above = np.isin(painted.index, covered(above, SHAPE))
    assert (painted.index == np.union1d(covered(below, SHAPE), covered(above, SHAPE))).all()
    np.testing.assert_allclose(painted.ab[is_above], np.broadcast_to(np.array(BLUE) / 2, (is_above.sum(), 2)))
    assert (painted.ab[~is_above] == RED).all()
    assert is_above.any()
    assert (~is_above).any()


def test_erase_takes_away_what_came_before_and_nothing_that_comes_after() -> None:
    first, rubber, after = dot(20.5), dot(24.5, None, mode="erase"), dot(28.5, BLUE)
    painted = paint([first, rubber, after], SHAPE)
    left = np.setdiff1d(covered(first, SHAPE), covered(rubber, SHAPE))
    assert set(painted.index) == set(left) | set(covered(after, SHAPE))
    assert len(paint([first, dot(20.5, None, mode="erase")], SHAPE)) == 0


def test_gray_asks_for_no_chroma_and_keep_for_what_is_predicted() -> None:
    gray, keep = dot(12.5, None, mode="gray"), dot(40.5, None, mode="keep", strength=0.7)
    painted = paint([gray, keep], SHAPE, lambda index: np.stack([index, -index], -1).astype(np.float32))
    is_gray = np.isin(painted.index, covered(gray, SHAPE))
    assert (painted.ab[is_gray] == 0).all()
    assert (painted.ab[~is_gray, 0] == painted.index[~is_gray]).all()


def test_marked_pixels_keep_a_colour_each() -> None:
    pixels = MarkedPixels(np.array([3, 60, 61]), np.array([[1, 2], [3, 4], [5, 6]], np.float32), SHAPE)
    painted = paint([pixels], SHAPE)
    assert painted.index.tolist() == [3, 60, 61]
    assert painted.ab.tolist() == [[1, 2], [3, 4], [5, 6]]


def test_nothing_painted_is_empty_paint() -> None:
    painted = paint([], SHAPE)
    assert len(painted) == 0
    assert painted.ab.shape == (0, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"points": [[1, 2, 3]]}, "stroke points (1, 3); wanted (N, 2) finite numbers, N >= 1"),
        ({"points": np.zeros((0, 2))}, "stroke points (0, 2); wanted (N, 2)"),
        ({"points": [[np.nan, 2]]}, "wanted (N, 2) finite numbers"),
        ({"radius": 0.0}, "stroke radius 0.0; wanted pixels, above 0"),
        ({"radius": np.array([np.inf])}, "wanted pixels, above 0"),
        ({"mode": "colour"}, "stroke mode 'colour'; wanted one of color, gray, keep, erase"),
        ({"strength": 0.0}, "stroke strength 0.0; wanted above 0, at most 1"),
        ({"strength": float("nan")}, "stroke strength nan; wanted above 0, at most 1"),
        ({"strength": 1.5}, "stroke strength 1.5; wanted above 0, at most 1"),
        ({"ab": None}, "stroke colour ab None; wanted two numbers from -150 to 150"),
        ({"ab": (151.0, 0.0)}, "wanted two numbers from -150 to 150"),
        ({"ab": (np.nan, 0.0)}, "wanted two numbers from -150 to 150"),
        ({"ab": (1.0, 2.0, 3.0)}, "wanted two numbers from -150 to 150"),
        ({"is_region": True}, "region of 1 points; wanted an outline of at least 3"),
        ({"points": [[1, 2], [3, 4]], "radius": np.array([1.0, 2.0, 3.0])}, "stroke radius"),
    ],
)
def test_a_stroke_out_of_range_is_refused_in_words(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Stroke(**{"points": [[5.0, 5.0]], "ab": RED, **options})  # type: ignore[arg-type]


def test_paint_refuses_keep_without_a_prediction_and_pixels_of_another_photo() -> None:
    with pytest.raises(ValueError, match="'keep' and strength 1 needs a prediction to mix in"):
        paint([dot(20.5, None, mode="keep")], SHAPE)
    pixels = MarkedPixels(np.array([3]), np.zeros((1, 2), np.float32), (40, 58))
    with pytest.raises(ValueError, match=re.escape("belong to a photo of (40, 58); this one is (40, 57)")):
        paint([pixels], SHAPE)
