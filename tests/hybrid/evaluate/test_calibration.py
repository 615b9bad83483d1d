"""Stated confidence against what came true."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from known_colors import GREY, knowing, quarters

from hybrid.bins import ab_bins, soft_encode
from hybrid.train.evaluate import pictures
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
from hybrid.train.evaluate.pictures import stretched
from hybrid.train.evaluate.risk import SHARES, risk_curve
from hybrid.train.losses import SoftCrossEntropy


def synthetic(count: int = 20000, scale: float = 1.0, seed: int = 0, bins: int = 8) -> CellSample:
    """Cells whose true bins are drawn from softmax(logits); the logits are then multiplied by `scale`."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 1.5, (count, bins)).astype(np.float32)
    drawn = (logits + random.gumbel(size=logits.shape)).argmax(1)
    ones = np.ones((count, 1), np.float32)
    photo = np.arange(count) * 10 // count
    return CellSample(logits * np.float32(scale), np.zeros((count, 2), np.float32), drawn[:, None], ones, photo)


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
