"""A session: what strokes do to a photo and what they leave alone, at one size and through the working size."""

from unittest import mock

import numpy as np
import pytest
from halves import BLUE, HEIGHT, RED, SMALL, WIDTH, cells, painted, settled, stroke, two_halves, way
from scipy.ndimage import distance_transform_edt

from hybrid.photo import Photo
from hybrid.scribbles import CellColors
from hybrid.session import Kept, Session, colorize
from hybrid.settings import Settings
from hybrid.strokes import MarkedPixels, Stroke, covered
from solvers import Cancelled


@pytest.fixture(scope="module", params=[Settings(), SMALL], ids=["full size", "working size"])
def session(request: pytest.FixtureRequest) -> Session:
    return Session(two_halves(), cells(), request.param)


def test_without_strokes_colours_are_the_cells_and_lightness_is_untouched(session: Session) -> None:
    before = session.photo.lightness.copy()
    result = settled(session.edit())
    assert result.photo is session.photo
    assert (session.photo.lightness == before).all()
    inside = np.abs(np.arange(WIDTH) - WIDTH / 2 + 0.5) > 6
    np.testing.assert_allclose(result.ab[:, inside], np.broadcast_to(BLUE, result.ab[:, inside].shape), atol=3)
    np.testing.assert_allclose(result.ab.mean((0, 1)), BLUE, atol=2)
    assert (result.report["hint_pixels"], result.report["finished_pixels"]) == (0, 0)


def test_cells_of_two_colours_meet_at_the_photos_edge_and_not_at_their_own() -> None:
    """The grid's border lies 3 pixels beside the edge; colours follow the photo, not the grid."""
    photo = two_halves()
    grid = np.broadcast_to(BLUE, (6, 9, 2)).copy()  # borders at 8.9 px: the fifth cell spans 35.6..44.4
    grid[:, 5:] = RED
    grid[:, 4] = (BLUE + np.array(RED)) / 2
    share = way(Session(photo, CellColors(grid, np.ones((6, 9), np.float32))).edit())
    assert share[:, 37].mean() < 0.2
    assert share[:, 42].mean() > 0.8


def test_a_hard_stroke_is_exact_and_wins_its_object_and_no_other(session: Session) -> None:
    mark = stroke()
    result = settled(session.edit([mark]))
    assert (result.ab[painted(mark)] == np.float32(RED)).all()
    share, plain = way(result), session.edit().ab
    assert share[:, : WIDTH // 2 - 3].min() > 0.9
    assert np.abs(result.ab - plain)[:, WIDTH // 2 + 3 :].max() < 3
    assert result.report["hints_kept"] == 1.0
    assert result.report["hint_pixels"] == painted(mark).sum()


def test_a_colour_that_does_not_exist_is_reported_as_not_kept(session: Session) -> None:
    points = stroke().points
    impossible = session.edit([Stroke(points=points, radius=3.0, ab=(120.0, -140.0))])
    assert impossible.report["hints_kept"] == 0


def test_gray_is_exactly_gray_and_takes_its_object(session: Session) -> None:
    mark = stroke(60.5, mode="gray")
    result = settled(session.edit([mark]))
    assert (result.ab[painted(mark)] == 0).all()
    chroma = np.linalg.norm(result.ab, axis=-1)
    assert chroma[:, WIDTH // 2 + 3 :].max() < 0.1 * np.linalg.norm(BLUE)
    assert np.abs(result.ab - session.edit().ab)[:, : WIDTH // 2 - 3].max() < 3


def test_taking_a_stroke_back_gives_what_was_there(session: Session) -> None:
    fresh = Session(session.photo, cells(), session.settings)
    first = fresh.edit().ab
    for marks in ([stroke()], [stroke(60.5, mode="keep")], [stroke(), stroke(60.5, mode="gray")]):
        fresh.edit(marks)
    assert np.abs(fresh.edit().ab - first).max() < 1e-3
    again = Session(session.photo, cells(), session.settings).edit([stroke()]).ab
    assert np.abs(fresh.edit([stroke()]).ab - again).max() < 1e-3


def test_an_erased_stroke_never_was(session: Session) -> None:
    result = session.edit([stroke(), stroke(mode="erase", radius=3.0)])
    assert len(result.painted) == 0
    assert np.abs(result.ab - session.edit().ab).max() < 1e-3


def test_keep_holds_what_is_predicted_against_a_stroke_in_the_same_object(session: Session) -> None:
    kept, predicted = stroke(33.5, 30.5, mode="keep"), session.edit().ab
    result = settled(session.edit([stroke(6.5), kept]))
    assert np.abs(result.ab - predicted)[painted(kept)].max() < 1e-3
    share = way(result)
    assert share[25:36, :8].min() > 0.85
    assert share[25:36, 32:36].max() < 0.15


def test_a_soft_stroke_is_weighed_against_the_prediction() -> None:
    session = Session(two_halves(), cells())
    shares = [way(session.edit([stroke(strength=s)]))[painted(stroke())].mean() for s in (0.05, 0.5, 1.0)]
    assert shares == sorted(shares)
    assert shares[0] < 0.9
    assert shares[2] == pytest.approx(1, abs=1e-5)


def test_at_working_size_a_stroke_is_finished_without_seam_or_far_effect() -> None:
    """One even surface, small cells held by the prediction: the correction ends within a few working pixels."""
    photo = Photo(two_halves(50, 50).lightness.repeat(2, 0).repeat(2, 1))
    session = Session(photo, cells(), SMALL)
    scale = 2 * HEIGHT / session.edit().report["working"][1]
    mark = Stroke(points=[[40.3, 60.7], [90.2, 30.1]], radius=1.0, ab=RED)
    plain, result = session.edit(), settled(session.edit([mark]))
    index = covered(mark, photo.lightness.shape)
    assert (result.ab.reshape(-1, 2)[index] == np.float32(RED)).all()
    assert 0 < result.report["finished_pixels"] < photo.lightness.size
    is_painted = np.zeros(photo.lightness.shape, bool)
    is_painted.ravel()[index] = True
    far = distance_transform_edt(~is_painted)
    without = Session(photo, cells(), SMALL)
    lifted = _lifted(without, mark)
    assert np.abs(result.ab - lifted)[far > 10 * scale].max() < 0.5  # finishing itself acts nearby only
    assert way(result)[far < 2].min() > 0.9
    assert way(result).min() > -0.1
    assert way(result).max() < 1.1
    step = np.abs(np.diff(way(result), axis=0)).max(), np.abs(np.diff(way(result), axis=1)).max()
    assert max(step) < 0.2
    assert np.isfinite(plain.ab).all()


def _lifted(session: Session, mark: Stroke) -> np.ndarray:
    """The picture before it is finished at full size."""
    with mock.patch("hybrid.session.finish", return_value=0):
        return session.edit([mark]).ab


def test_tiles_of_finishing_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    photo = Photo(two_halves().lightness.repeat(2, 0).repeat(2, 1))
    mark = Stroke(points=[[4, 20], [156, 100]], radius=1.5, ab=RED)
    whole = Session(photo, cells(), SMALL).edit([mark]).ab
    monkeypatch.setattr("hybrid.finish.TILE", 9)
    tiles = Session(photo, cells(), SMALL).edit([mark]).ab
    assert np.abs(tiles - whole).max() < 1.5
    assert np.abs(tiles - whole).mean() < 0.1


@pytest.mark.parametrize("settings", [Settings(), SMALL], ids=["full size", "working size"])
def test_a_window_is_the_part_of_the_picture(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several tiles, so that a window meets some and not others; what is kept between windows changes nothing."""
    monkeypatch.setattr("hybrid.finish.TILE", 9)
    session = Session(two_halves(), cells(), settings)
    spread = session.spread([stroke(), stroke(60.5, mode="keep")])
    whole, kept = session.rendered(spread).ab, Kept()
    for rows, columns in [
        (slice(0, HEIGHT), slice(0, WIDTH)),
        (slice(20, 41), slice(11, 33)),
        (slice(0, 1), slice(79, 80)),
    ]:
        for part in (session.window(spread, (rows, columns)), session.window(spread, (rows, columns), kept)):
            np.testing.assert_allclose(part, whole[rows, columns], atol=2e-3)


@pytest.mark.parametrize("settings", [Settings(), SMALL], ids=["full size", "working size"])
def test_an_edit_that_is_watched_can_be_cancelled_and_done_again(settings: Settings) -> None:
    session = Session(two_halves(), cells(), settings)
    before = session.edit([stroke()]).ab
    with pytest.raises(Cancelled):
        session.edit([stroke(), stroke(60.5)], watch=lambda _chroma, _estimate: True)
    assert np.abs(session.edit([stroke()], watch=lambda _chroma, _estimate: None).ab - before).max() < 1e-3


def test_strokes_alone_colour_everything_they_reach_and_nothing_at_all_is_grey() -> None:
    for settings in (Settings(), SMALL):
        session = Session(two_halves(), None, settings)
        plain = settled(session.edit())
        assert (plain.ab == 0).all()
        assert plain.solution is None
        result = settled(session.edit([stroke()]))
        assert np.linalg.norm(result.ab[:, : WIDTH // 2 - 3] - RED, axis=-1).max() < 0.1 * np.linalg.norm(RED)
        assert (session.edit([stroke(mode="gray")]).ab == 0).all()


def test_pixels_marked_in_another_program_are_obeyed() -> None:
    index = np.flatnonzero(painted(stroke()))
    ab = np.tile(np.float32(RED), (len(index), 1)) + np.arange(len(index), dtype=np.float32)[:, None] / 100
    result = settled(Session(two_halves(), cells(), SMALL).edit([MarkedPixels(index, ab, (HEIGHT, WIDTH))]))
    assert (result.ab.reshape(-1, 2)[index] == ab).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 3), (3, 300)])
def test_tiny_and_narrow_photos_work(shape: tuple[int, int]) -> None:
    photo = Photo(np.random.default_rng(0).uniform(0, 100, shape).astype(np.float32))
    mark = Stroke(points=[[0.5, 0.5]], radius=1.0, ab=RED)
    for source in (None, cells()):
        for marks in ([], [mark]):
            result = settled(Session(photo, source, Settings(megapixels=0.0001)).edit(marks))
            assert not marks or (result.ab[0, 0] == np.float32(RED)).all()


def test_black_and_white_photos_of_one_value_work() -> None:
    for value in (0.0, 100.0):
        photo = Photo(np.full((30, 40), value, np.float32))
        settled(Session(photo, cells(), SMALL).edit([Stroke(points=[[9, 9]], ab=RED)]))


def test_the_report_says_what_was_done(session: Session) -> None:
    stages: list[str] = []
    told = Session(session.photo, cells(), session.settings, stages.append)
    result = told.edit([stroke()])
    report = result.report
    assert set(report) == {
        *("input", "width", "height", "working", "regions", "recolored_cells", "iterations", "estimated_error"),
        *("hint_pixels", "hints_kept", "finished_pixels", "seconds", "source_noise"),
    }
    assert (report["width"], report["height"]) == (WIDTH, HEIGHT)
    assert report["working"][0] * report["working"][1] <= max(session.settings.megapixels * 1.1e6, WIDTH * HEIGHT / 3.9)
    assert report["iterations"] >= 1
    assert report["estimated_error"] <= 1
    assert set(report["seconds"]) == set(stages) == {"shrink", "seeds", "solve", "lift", "finish"}
    shrunk = told.edit([stroke()]).report["seconds"]["shrink"]
    assert shrunk == report["seconds"]["shrink"], "what is done once is counted once"


def test_one_call_is_a_session_with_one_edit() -> None:
    photo = two_halves()
    once = colorize(photo, cells(), [stroke()], SMALL).ab
    assert (once == Session(photo, cells(), SMALL).edit([stroke()]).ab).all()
