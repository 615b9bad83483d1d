"""Figures of pictures against answers known beforehand."""

import json

import numpy as np
import pytest
from known_colors import GREY, QUARTERS, knowing, quarters, smooth

from hybrid.metrics import ciede2000
from hybrid.models.weights import load_model
from hybrid.predict import Predictor
from hybrid.train.evaluate import evaluate, pictures
from hybrid.train.evaluate.artifacts import SIGMA, SPURIOUS, even_places, over_all, spurious_edges
from hybrid.train.evaluate.cells import distribution_scores, log_softmax
from hybrid.train.evaluate.pictures import picture_of, scene_of
from hybrid.train.evaluate.scores import constant_color, flat_answers, frontier, means, picture_scores, rounded
from hybrid.train.evaluate.survey import DECODINGS, MAIN, survey, table


def test_the_truth_is_without_error_and_grey_has_that_of_the_colours() -> None:
    scene = scene_of(quarters(32))
    same = picture_scores(scene.rgb, scene)
    assert same["psnr_db"] == np.inf
    assert same["ab_error"] == same["delta_e"] == same["colorfulness_off"] == 0
    grey = picture_scores(picture_of(scene.lightness, np.zeros_like(scene.ab)), scene)
    assert grey["ab_error"] == pytest.approx(np.linalg.norm(scene.ab, axis=-1).mean(), abs=0.1)
    assert grey["colorfulness"] < 1
    assert grey["colorfulness_off"] == pytest.approx(same["colorfulness"], abs=1)
    assert means([same, grey])["psnr_db"] is None
    assert means([grey, grey])["ab_error"] == rounded(grey["ab_error"])


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_colour_difference_is_the_published_one(one: tuple, other: tuple, wanted: float) -> None:
    """Pairs of table 1 of Sharma, Wu & Dalal 2005."""
    (lightness, ab), (true_lightness, true_ab) = ((np.array(v[0]), np.array(v[1:])) for v in (one, other))
    assert float(ciede2000(lightness, ab, true_lightness, true_ab)) == pytest.approx(wanted, abs=1e-4)


def test_a_predictor_that_knows_the_colours_makes_no_error() -> None:
    found = survey(knowing(), [quarters()], GREY)
    rows = table(found)
    for decoding in DECODINGS:
        assert rows[str(decoding)]["psnr_db"] is None, decoding
    for decoding in MAIN:
        assert rows[str(decoding)]["ab_error"] == rows[str(decoding)]["delta_e"] == 0
    assert float(found.distance.max()) < 1e-3
    assert len(found.distance) == 256 * 256
    assert len(found.sample.ab) == 16 * 16
    scores = distribution_scores(log_softmax(found.sample.logits), found.sample)
    assert (scores["top1"], scores["top5"]) == (1, 1)
    assert scores["ece"] == pytest.approx(0, abs=1e-6)
    assert rows["grey"]["psnr_db"] is not None
    assert rows["grey"]["psnr_db"] < 20


def test_cells_of_any_size_are_compared_with_the_mean_of_their_truth() -> None:
    found = survey(knowing(cell=8), [quarters()], GREY)
    assert len(found.distance) == 32 * 32
    assert float(found.distance.max()) < 1e-3
    wide = np.arange(2 * 3 * 2, dtype=np.float32).reshape(2, 3, 2)
    assert pictures.averaged(wide, (1, 1)).ravel().tolist() == [5, 6]
    assert pictures.averaged(wide, (4, 6)).shape == (4, 6, 2)


def test_a_card_gets_every_decoding_beside_grey_and_sepia() -> None:
    photos = [smooth(n) for n in range(2)]
    scores = evaluate(Predictor(load_model("lite"), "cpu", 64), photos)
    json.dumps(scores, allow_nan=False)
    assert scores["photos"] == 2
    assert scores["truth"]["psnr_db"] is None
    assert scores["sepia"]["ab_error"] < scores["grey"]["ab_error"]
    assert {str(decoding) for decoding in DECODINGS} <= scores.keys()
    assert scores["T 0.38 vividness 0.5"]["colorfulness"] > scores["T 0.38 vividness 0.0"]["colorfulness"]
    assert list(scores["ab_error_of_surest"]) == ["0.1", "0.2", "0.5", "1.0"]
    assert scores["distribution"].keys() == {"cross_entropy", "top1", "top5", "ece", "ece_soft"}


def test_the_frontier_is_read_between_decodings_and_not_beyond() -> None:
    assert frontier([(40, 21.0), (10, 25.0), (25, 24.0)]) == {"20": rounded(24 + 1 / 3), "30": 23.0, "38": 21.4}
    assert frontier([(22, 24.0), (31, 23.0)]) == {"20": None, "30": rounded(24 - 8 / 9), "38": None}


def test_the_constant_colour_has_the_least_mean_distance() -> None:
    photos = [smooth(n, (320, 320)) for n in range(4)]
    ab = np.concatenate([scene_of(photo[::16, ::16]).ab.reshape(-1, 2) for photo in photos])
    best = constant_color(photos)

    def error(x: np.ndarray) -> float:
        return float(np.linalg.norm(ab - x, axis=1).mean())

    steps = [(dx, dy) for dx in (-2, 0, 2) for dy in (-2, 0, 2) if (dx, dy) != (0, 0)]
    assert all(error(best) < error(best + np.array(step)) for step in steps)
    assert error(best) < error(ab.mean(0))
    mostly = [np.full((64, 64, 3), QUARTERS[i], np.uint8) for i in (1, 1, 1, 0)]
    np.testing.assert_allclose(constant_color(mostly), scene_of(QUARTERS[None]).ab[0, 1], atol=0.5)
    flat = flat_answers((2, 3), best)
    assert (flat["grey"] == 0).all()
    assert (flat["sepia"] == best).all()


def half_and_half(left: float, right: float, shape: tuple[int, int] = (80, 80)) -> np.ndarray:
    plane = np.full(shape, left, np.float32)
    plane[:, shape[1] // 2 :] = right
    return plane


def test_artifacts_are_chroma_edges_that_neither_truth_nor_lightness_has() -> None:
    noise = np.random.default_rng(0).normal(0, 0.3, (80, 80)).astype(np.float32)
    flat = np.full((80, 80), 50, np.float32) + noise
    true_ab = np.stack([np.full((80, 80), 20, np.float32), noise], -1)
    step = np.stack([half_and_half(0, 30), np.zeros((80, 80), np.float32)], -1)
    even = even_places(flat, true_ab)
    assert even.all()
    planted = spurious_edges(true_ab + step, even)
    peak = 30 / (SIGMA * np.sqrt(2 * np.pi))
    columns = 2 * SIGMA * np.sqrt(2 * np.log(peak / SPURIOUS))  # where a Gaussian of that height is above the threshold
    assert planted["spurious_share"] == pytest.approx(columns / 80, abs=1 / 80)
    assert planted["spurious_excess"] > 0.1
    assert spurious_edges(true_ab + 2 * step, even)["spurious_excess"] > 2 * planted["spurious_excess"]
    for answer in (true_ab, np.zeros_like(true_ab), true_ab + 30):
        assert spurious_edges(answer, even) == {"even_share": 1, "spurious_share": 0, "spurious_excess": 0}
    by_light = even_places(half_and_half(30, 70) + noise, true_ab)
    by_truth = even_places(flat, true_ab + step)
    moved = [true_ab + np.pad(step, ((0, 0), (by, 0), (0, 0)))[:, :80] for by in (2, 20)]
    for is_even in (by_light, by_truth):
        assert 0.7 < is_even.mean() < 0.95
        assert spurious_edges(true_ab + step, is_even)["spurious_share"] == 0, "an edge that is called for"
        assert spurious_edges(moved[0], is_even)["spurious_share"] == 0, "or a pixel or two beside its place"
        assert spurious_edges(moved[1], is_even)["spurious_share"] > 0, "and one that is not"
    nowhere = spurious_edges(step, np.zeros((80, 80), bool))
    assert nowhere == {"even_share": 0, "spurious_share": 0, "spurious_excess": 0}
    half = {"even_share": 0.5, "spurious_share": 0.0, "spurious_excess": 0.0}
    total = over_all([{"even_share": 1.0, "spurious_share": 0.3, "spurious_excess": 0.6}, half, nowhere])
    assert total == {"even_share": 0.5, "spurious_share": 0.2, "spurious_excess": 0.4}
    assert over_all([nowhere]) == {"even_share": 0, "spurious_share": None, "spurious_excess": None}
