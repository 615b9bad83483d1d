"""The evaluator: figures against answers known beforehand, protocols, and the whole program from photos to files."""

import io
import json
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from PIL import Image
from torch import Tensor, nn

from hybrid.bins import ab_bins, soft_encode
from hybrid.color import lab_from_linear, srgb_decode
from hybrid.metrics import ciede2000
from hybrid.models.weights import TrainedModel, load_model, save_model
from hybrid.photo import Photo
from hybrid.predict import Prediction, Predictor
from hybrid.session import Session
from hybrid.strokes import MarkedPixels
from hybrid.train.dataset import read_archive
from hybrid.train.evaluate import __main__ as program
from hybrid.train.evaluate import evaluate, pictures, sheets, variants
from hybrid.train.evaluate.artifacts import SIGMA, SPURIOUS, even_places, over_all, spurious_edges
from hybrid.train.evaluate.calibration import calibrate, fit_temperature, likeliest_temperature, spread_reliability
from hybrid.train.evaluate.cells import (
    CellSample,
    calibration_error,
    cross_entropy,
    distribution_scores,
    joined,
    log_softmax,
    sample_cells,
    top_hits,
)
from hybrid.train.evaluate.hint_sweep import PATCH, hint_sweep, hints_at, network_picture, places
from hybrid.train.evaluate.old import is_true_color, small_scene, small_shape
from hybrid.train.evaluate.pictures import Decoding, Scene, decoded, picture_of, scene_of, stretched
from hybrid.train.evaluate.risk import SHARES, risk_curve
from hybrid.train.evaluate.scores import constant_color, flat_answers, frontier, means, picture_scores, rounded
from hybrid.train.evaluate.sheets import TILE, Row, extremes, sheet
from hybrid.train.evaluate.survey import DECODINGS, MAIN, survey, table
from hybrid.train.losses import SoftCrossEntropy
from solvers import SolverError

QUARTERS = np.array([[200, 40, 30], [60, 150, 60], [40, 60, 170], [235, 210, 60]], np.uint8)
"""Colours of four different lightnesses: L* 44, 55, 31 and 84."""
GREY = np.zeros(2, np.float32)


def quarters(side: int = 256) -> np.ndarray:
    """A picture of four flat colours, (side, side, 3) uint8."""
    half = side // 2
    return QUARTERS.reshape(2, 2, 3).repeat(half, 0).repeat(half, 1)


def smooth(seed: int, shape: tuple[int, int] = (70, 90), size: tuple[int, int] = (4, 3)) -> np.ndarray:
    """Random colours, smoothly joined, uint8."""
    small = np.random.default_rng(seed).integers(0, 256, (*size, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(small).resize(shape[::-1], Image.Resampling.BICUBIC))


class ByLightness(nn.Module):
    """A network that knows a few colours by their lightness; where a hint is, it knows nothing."""

    def __init__(self, lightness: np.ndarray, cell: int, sharpness: float) -> None:
        super().__init__()
        self.known = torch.from_numpy(lightness).float().view(1, -1, 1, 1)
        self.cell, self.sharpness = cell, sharpness

    def forward(self, lightness: Tensor, hints: Tensor | None = None) -> Tensor:
        """(B, 1, H, W) -> (B, Q, H / cell, W / cell) logits."""
        logits = -self.sharpness * (nn.functional.avg_pool2d(lightness, self.cell) - self.known) ** 2
        return logits if hints is None else logits * (1 - nn.functional.max_pool2d(hints[:, 2:], self.cell))


def knowing(cell: int = 1, sharpness: float = 5.0, temperature: float = 1.0, side: int = 256) -> Predictor:
    """A predictor whose first bins are the very colours of `quarters`, one cell for `cell` pixels.

    Four more bins are of colours beyond white that no picture has.
    """
    scene = scene_of(QUARTERS[None])
    lightness = np.concatenate([scene.lightness[0], [400, 500, 600, 700]])
    bins = np.concatenate([scene.ab[0], np.array([[120, 120], [-120, 120], [120, -120], [-120, -120]], np.float32)])
    prior = np.full(8, 1 / 8, np.float32)
    network = ByLightness(lightness, cell, sharpness).eval()
    return Predictor(TrainedModel(network, bins, prior, {"temperature": temperature}, "known"), "cpu", side)


def synthetic(count: int = 20000, scale: float = 1.0, seed: int = 0, bins: int = 8) -> CellSample:
    """Cells whose true bins are drawn from softmax(logits); the logits are then multiplied by `scale`."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 1.5, (count, bins)).astype(np.float32)
    drawn = (logits + random.gumbel(size=logits.shape)).argmax(1)
    ones = np.ones((count, 1), np.float32)
    photo = np.arange(count) * 10 // count
    return CellSample(logits * np.float32(scale), np.zeros((count, 2), np.float32), drawn[:, None], ones, photo)


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


def test_cross_entropy_is_the_one_of_training_and_hits_are_counted() -> None:
    bins = ab_bins()
    random = np.random.default_rng(3)
    ab = random.integers(-60, 60, (50, 2)).astype(np.float32)
    logits = random.normal(0, 2, (50, len(bins))).astype(np.float32)
    sample = CellSample(logits, ab, *soft_encode(ab, bins), np.zeros(50, np.int64))
    planes, colors = torch.from_numpy(logits.T.copy())[None, ..., None], torch.from_numpy(ab.T.copy())[None, ..., None]
    assert cross_entropy(log_softmax(logits), sample) == pytest.approx(float(SoftCrossEntropy(bins)(planes, colors)))
    nearest = ((ab[:, None] - bins) ** 2).sum(-1).argmin(1)
    distance = np.linalg.norm(bins[sample.nearest()] - ab, axis=1)
    np.testing.assert_allclose(distance, np.linalg.norm(bins[nearest] - ab, axis=1))
    order = np.argsort(-logits, axis=1)
    for count in (1, 5, 40):
        expected = (order[:, :count] == sample.nearest()[:, None]).any(1)
        assert (top_hits(log_softmax(logits), sample.nearest(), count) == expected).all()


def test_a_sample_holds_the_logits_before_calibration() -> None:
    scene = stretched(quarters())
    samples = []
    for temperature in (1.0, 2.5):
        prediction = knowing(cell=32, sharpness=0.01, temperature=temperature).predict(scene.lightness)
        true_ab = pictures.averaged(scene.ab, (8, 8))
        samples.append(sample_cells(prediction, true_ab, 7, temperature))
    raw, undone = (log_softmax(sample.logits) for sample in samples)
    np.testing.assert_allclose(raw, undone, atol=1e-4)
    assert len(joined(samples).ab) == 2 * 64
    assert set(samples[0].photo) == {7}
    assert abs(raw - log_softmax(samples[0].logits, 2.5)).max() > 0.1


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.5])
def test_calibration_finds_the_known_temperature(scale: float) -> None:
    assert likeliest_temperature(synthetic(scale=scale)) == pytest.approx(scale, rel=0.03)
    assert fit_temperature(synthetic(scale=scale)) == pytest.approx(scale, rel=0.03)


def test_what_soft_targets_make_too_modest_is_calibrated_to_the_true_bins() -> None:
    sample = synthetic(20000)
    target = np.stack([sample.target[:, 0], (sample.target[:, 0] + 1) % 8], 1)
    soft = replace(sample, target=target, weight=np.tile(np.float32([0.7, 0.3]), (len(target), 1)))
    assert fit_temperature(soft) == pytest.approx(1, rel=0.03)
    assert likeliest_temperature(soft) > 1.2


def test_calibration_is_fitted_on_the_first_half_and_reported_on_the_second() -> None:
    parts = synthetic(scale=2.0), synthetic(scale=3.0, seed=1)
    sample = joined([parts[0].of(parts[0].photo < 5), parts[1].of(parts[1].photo >= 5)])
    bins = np.random.default_rng(0).normal(0, 30, (8, 2)).astype(np.float32)
    report = calibrate(sample, bins, 10, 1.0)
    assert report["temperature"] == pytest.approx(2, rel=0.05)
    assert report["nearest_temperature"] == pytest.approx(report["temperature"], rel=0.05)
    assert report["soft_temperature"] == report["nearest_temperature"], "targets are single bins here"
    second = sample.of(sample.photo >= 5)
    for name, temperature in (("before", 1.0), ("after", report["temperature"])):
        expected = distribution_scores(log_softmax(second.logits, temperature), second)
        assert report[name]["ece"] == pytest.approx(expected["ece"], abs=1e-4)
    assert report["after"]["ece"] < report["before"]["ece"] / 1.5
    assert report["after"]["cross_entropy"] < report["before"]["cross_entropy"]


def test_the_calibration_error_is_none_for_the_calibrated_and_the_gap_for_the_overconfident() -> None:
    sample = synthetic(60000)
    scores = distribution_scores(log_softmax(sample.logits), sample)
    assert scores["ece"] < 0.015
    assert scores["ece_soft"] == pytest.approx(scores["ece"], abs=1e-6), "targets are single bins here"
    assert distribution_scores(log_softmax(sample.logits, 1 / 3), sample)["ece"] > 0.15
    hit = np.arange(1500) % 5 < 3
    assert calibration_error(np.full(1500, 0.9), hit) == pytest.approx(0.3)
    stated = np.repeat([0.9, 0.6], 750)
    assert calibration_error(stated, hit) == pytest.approx(0.15)
    assert calibration_error(stated - 0.1, hit, 2) == pytest.approx(0.15), "too sure and not sure enough do not cancel"


def test_the_stated_width_is_compared_with_the_true_error() -> None:
    bins = np.array([[-10, 0], [10, 0], [30, 0]], np.float32)
    ab = bins[np.arange(1000) % 2]
    halves = np.log(np.broadcast_to(np.array([0.5, 0.5, 1e-30]), (1000, 3)))
    assert spread_reliability(halves, bins, ab) == {"predicted_rms": [10.0] * 10, "true_rms": [10.0] * 10}
    assert spread_reliability(halves, bins, 2 * ab)["true_rms"] == [20.0] * 10


def test_risk_falls_with_confidence_and_has_its_baselines() -> None:
    distance = np.linspace(0, 20, 1000, dtype=np.float32)
    true_ab = np.stack([np.full(1000, 3.0), np.full(1000, 4.0)], -1).astype(np.float32)
    curve = risk_curve(distance, true_ab, -distance, np.array([3, 0], np.float32))
    np.testing.assert_allclose(curve["ab_error"], 10 * np.array(SHARES), atol=0.02)
    assert curve["ab_error"] == curve["best_order"]
    assert set(curve["grey_error"]) == {5.0}
    assert set(curve["sepia_error"]) == {4.0}
    worst_first = risk_curve(distance, true_ab, distance, GREY)
    assert worst_first["ab_error"][0] == pytest.approx(19.5, abs=0.1)
    assert worst_first["best_order"] == curve["best_order"]


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


def test_hints_lie_around_the_middle_and_inside() -> None:
    corners = places((256, 256), 20000, np.random.default_rng(0))
    assert (corners.min(), corners.max()) == (0, 256 - PATCH)
    np.testing.assert_allclose(corners.mean(0), 125, atol=1.5)
    is_inside = ((corners > 0) & (corners < 250)).all(1)
    assert 0.885 < is_inside.mean() < 0.915, "within 125 of 64 px, both ways: .949²"
    middle = np.abs(corners - 125) < 64
    np.testing.assert_allclose(middle.mean(0), 0.683, atol=0.02)
    assert (places((256, 256), 5, np.random.default_rng(1)) == places((256, 256), 5, np.random.default_rng(1))).all()


def test_a_hint_is_a_patch_of_its_mean_true_colour() -> None:
    true_ab = np.random.default_rng(0).normal(0, 20, (64, 64, 2)).astype(np.float32)
    hints = hints_at(np.array([[8, 16], [12, 16]]), true_ab)
    assert len(hints.index) == 36 + 24
    picture = np.zeros((64, 64, 2), np.float32)
    picture.reshape(-1, 2)[hints.index] = hints.ab
    np.testing.assert_allclose(picture[13, 17], true_ab[12:18, 16:22].mean((0, 1)), rtol=1e-5)
    np.testing.assert_allclose(picture[9, 17], true_ab[8:14, 16:22].mean((0, 1)), rtol=1e-5)
    assert hints.shape == (64, 64)
    assert len(hints_at(np.zeros((0, 2), np.int64), true_ab).index) == 0


def test_the_network_is_told_the_hints_at_their_places() -> None:
    scene = stretched(quarters())
    predictor = knowing(sharpness=0.002)
    bare, told = (
        network_picture(scene, predictor, hints_at(np.array(corners, np.int64).reshape(-1, 2), scene.ab))
        for corners in ([], [64, 64])
    )
    rows, columns = np.nonzero((bare != told).any(-1))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (64, 69, 64, 69)
    assert len(rows) == 36


def test_hints_of_a_sweep_are_worth_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "SIDE", 64)
    predictor, sepia = knowing(cell=4, side=64), np.array([5, 10], np.float32)
    result = hint_sweep(predictor, [quarters(64)], sepia, counts=(0, 3, 50, 60))
    assert result["counts"] == [0, 3, 50, 60]
    assert result["siggraph17"] == [24.43, None, 30.42, None]
    alone = result["solver"]
    assert alone[0] == result["baselines"]["grey"]
    assert result["given_up"] == []
    assert alone[2] > alone[1] + 3
    assert alone[1] > alone[0] + 1
    assert result["local"][2] > result["network"][2]
    assert hint_sweep(predictor, [quarters(64)], sepia, counts=(3,))["solver"] == [alone[1]], "of the same places"


def test_photos_at_which_the_solver_gives_up_are_named_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(scene: Scene, session: Session, hints: MarkedPixels) -> np.ndarray:
        if session.colors is None and len(hints.index) and scene.ab[0, 0, 0] > 30:
            raise SolverError("not converged")
        return np.clip(scene.rgb, 1, None) - np.uint8(1)

    monkeypatch.setattr("hybrid.train.evaluate.hint_sweep.session_picture", answer)
    red, green = (np.full((8, 8, 3), color, np.uint8) for color in QUARTERS[:2])
    predictor = knowing(side=64)
    monkeypatch.setattr(pictures, "SIDE", 64)
    result = hint_sweep(predictor, [red, green], GREY, counts=(0, 2))
    assert result["given_up"] == [[0, "solver", 2]]
    assert result["photos"] == 1
    assert result["solver"] == result["network_solver"] == [48.13, 48.13]
    none_left = hint_sweep(predictor, [red], GREY, counts=(2,))
    assert (none_left["photos"], none_left["network"], none_left["baselines"]["grey"]) == (0, [None], None)


def test_variants_are_what_film_and_time_do() -> None:
    scene = scene_of(quarters(64))
    damaged = {name: make(scene, np.random.default_rng(0)) for name, make in variants.VARIANTS.items()}
    assert (damaged["clean"] == scene.lightness).all()
    red, blue = (slice(0, 32), slice(0, 32)), (slice(32, 64), slice(0, 32))
    change = damaged["orthochromatic"] - scene.lightness
    assert change[red].mean() < -10 < 10 < change[blue].mean()
    assert damaged["faded"].min() >= 22
    assert damaged["faded"].max() <= 82
    noise = (damaged["grainy"] - scene.lightness)[4:28, 4:28]
    assert float(noise.std()) == pytest.approx(variants.GRAIN, rel=0.1)
    assert np.abs(np.diff(damaged["blurred"])).max() < np.abs(np.diff(scene.lightness)).max() / 3
    np.testing.assert_allclose(damaged["blurred"].mean(), scene.lightness.mean(), rtol=1e-3)
    white = scene_of(np.full((4, 4, 3), 255, np.uint8))
    np.testing.assert_allclose(variants.orthochromatic(white), 100, atol=1e-3)


def test_damage_costs_what_the_network_no_longer_recognises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "SIDE", 64)
    scores = variants.variant_scores(knowing(side=64), [quarters(64)], GREY)
    assert scores["clean"]["psnr_db"] is None  # type: ignore[index]
    assert scores["faded"]["ab_error"] > scores["clean"]["ab_error"]  # type: ignore[index]
    unsure = [variants.variant_scores(knowing(sharpness=0.002, side=64), [quarters(64)], GREY) for _ in range(2)]
    assert unsure[0]["clean"]["cost_db"] == 0  # type: ignore[index]
    assert unsure[0]["orthochromatic"]["cost_db"] > 0.5  # type: ignore[index]
    assert unsure[0] == unsure[1]


def test_decoding_keeps_the_lightness_and_takes_the_most_likely_colour() -> None:
    scene = stretched(quarters())
    prediction = knowing().predict(scene.lightness)
    assert (decoded(prediction, Decoding(0.0, 0.0), scene.lightness) == scene.rgb).all()
    certain = np.log(np.array([1e-30, 1], np.float32)).reshape(2, 1, 1)
    red = Prediction(certain, np.array([[0, 0], [50, 30]], np.float32), np.full(2, 0.5, np.float32), np.ones((1, 1)))  # type: ignore[arg-type]
    shown = scene_of(decoded(red, Decoding(1.0, 0.0), np.full((4, 4), 50, np.float32)))
    np.testing.assert_allclose(shown.lightness, 50, atol=0.4)
    np.testing.assert_allclose(shown.ab, np.broadcast_to([50, 30], (4, 4, 2)), atol=0.6)


def test_sheets_hold_their_pictures_and_extremes_are_in_order() -> None:
    wide = np.full((20, 40, 3), (10, 200, 30), np.uint8)
    image = np.asarray(sheet(("left", "right"), [Row([wide, wide[:, ::-1]], "first"), Row([wide, wide], "second")]))
    green = (image == (10, 200, 30)).all(-1)
    assert green.sum() == 4 * TILE * (TILE // 2)
    assert (image[:20] < 100).any(), "the headings are written"
    best, worst = extremes([5.0, 1.0, 9.0, 3.0, 2.0, 8.0, 7.0])
    assert best == [1, 4, 3, 0, 6, 5]
    assert worst == [2, 5, 6, 0, 3, 4]


def test_colours_of_a_scene_are_told_from_the_tone_of_paper() -> None:
    assert is_true_color(scene_of(smooth(3)))
    assert not is_true_color(scene_of(sepia_print()))
    assert small_shape((2000, 3000)) == (256, 384)
    assert small_shape((100, 300)) == (100, 300)
    lightness, ab = lab_from_linear(srgb_decode(quarters(64) / np.float32(255)))
    assert (small_scene(Photo(lightness, ab)).rgb == quarters(64)).all()
    with pytest.raises(ValueError, match="read without its colours; use"):
        small_scene(Photo(lightness))


def sepia_print() -> np.ndarray:
    tone = smooth(9, (60, 80)).mean(-1, keepdims=True) / 255
    return (tone * (250, 225, 180) + (1 - tone) * (30, 15, 5)).astype(np.uint8)


def data_folder(folder: Path, count: int) -> Path:
    (folder / "bw").mkdir(parents=True)
    with zipfile.ZipFile(folder / "val.zip", "w") as archive:
        for number in range(count):
            file = io.BytesIO()
            Image.fromarray(smooth(number)).save(file, "PNG")
            archive.writestr(f"{number}.png", file.getvalue())
    Image.fromarray(smooth(20)).save(folder / "bw" / "plate.jpg", quality=95)
    Image.fromarray(sepia_print()).save(folder / "bw" / "street.jpg", quality=95)
    return folder


def quick_model(path: Path) -> str:
    """A copy of the shipped model that looks at photos very small."""
    model = load_model("lite")
    save_model(path, model.network, model.bins, model.prior, {**model.card, "input_side": 48})
    return str(path)


def test_the_whole_program_from_photos_to_report_and_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "SIDE", 48)
    monkeypatch.setattr(sheets, "EXTREMES", 2)
    monkeypatch.setattr(program, "hint_sweep", partial(hint_sweep, counts=(0, 5)))
    data, out, copy = data_folder(tmp_path / "data", 7), tmp_path / "out", tmp_path / "new" / "own.safetensors"
    model = quick_model(tmp_path / "quick.safetensors")
    program.main(data, model, out, 6, hints=1, variants=2, out_model=copy, device="cpu")
    report = json.loads((out / "report.json").read_text())
    assert (report["photos"], report["hints"]["photos"], report["variants"]["photos"]) == (6, 1, 2)
    for part in ("table", "artifacts"):
        assert {"truth", "grey", "sepia", "T 0.0 vividness 0.0", "T 0.5 vividness 0.15"} <= report[part].keys()
    assert report["artifacts"]["truth"] == report["artifacts"]["grey"]
    assert report["old"].keys() == {"plate"}
    assert (report["calibration"]["fitted_on"], report["calibration"]["reported_on"]) == (3, 3)
    assert {"grey", "sepia"} <= report["variants"].keys() & report["old"]["plate"].keys()
    assert (out / "report.md").read_text().count("|---|") >= 10
    for name in ("fixed", "best", "worst", "old", "plates", "curves"):
        with Image.open(out / f"{name}.png") as picture:
            assert np.asarray(picture.convert("L")).std() > 10, name
    assert not list(tmp_path.rglob("*.part"))
    fitted = report["calibration"]["temperature"]
    calibrated = load_model(str(copy))
    assert calibrated.card["temperature"] == fitted
    assert calibrated.card["scores"]["photos"] == 3
    again, _ = program.measured(Predictor(calibrated, "cpu"), read_archive(data / "val.zip")[:6], {})
    assert again["calibration"]["card_temperature"] == fitted
    assert again["calibration"]["temperature"] == pytest.approx(fitted, rel=5e-3), "it is fitted to the raw logits"
    for name in ("before", "after"):
        old, new = report["calibration"][name], again["calibration"][name]
        assert new["cross_entropy"] == pytest.approx(old["cross_entropy"], rel=1e-3)
    assert again["distribution"]["T 1.0 vividness 0.0"] != report["distribution"]["T 1.0 vividness 0.0"]


def test_what_cannot_be_measured_is_refused(tmp_path: Path) -> None:
    data = data_folder(tmp_path / "data", 3)
    with pytest.raises(typer.BadParameter, match=r"no val\.zip in it; wanted a folder with an archive"):
        program.main(tmp_path)
    with pytest.raises(typer.BadParameter, match="3 photos; wanted at least 4, half of them to fit on"):
        program.main(data, out=tmp_path / "out")
    with pytest.raises(typer.BadParameter, match="model 'none': not found; shipped are"):
        program.main(data, "none")
    with pytest.raises(typer.BadParameter, match=r"wanted a name that ends in \.safetensors"):
        program.main(data, out_model=tmp_path / "copy.pt")
    assert not (tmp_path / "out").exists()
