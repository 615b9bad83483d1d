"""Temperature calibration: one number that makes the stated confidence true (after Guo et al. 2017, section 4.2).

Softly encoded targets spread what is known exactly, and a network true to them is too modest: neither the probability
of its likeliest colour nor the width of its distributions fits what is seen. So the temperature is fitted to the true
colours' own bins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from hybrid.metrics import ab_distance
from hybrid.models.weights import TrainedModel, save_model
from hybrid.predict import Predictor
from hybrid.train.evaluate.cells import (
    Array,
    CellSample,
    calibration_error,
    cross_entropy,
    distribution_scores,
    joined,
    log_softmax,
    reliability,
    sample_cells,
    top_hits,
)
from hybrid.train.evaluate.pictures import Float, Pixels, averaged, stretched
from hybrid.train.evaluate.scores import rounded

RANGE = (0.2, 5.0)
"""Temperatures that are searched."""
TENTHS = 10


def fit_temperature(sample: CellSample) -> float:
    """Temperature to divide logits by, at which the likeliest bin's probability is most nearly how often it is true."""
    nearest = sample.nearest()
    hit = top_hits(sample.logits, nearest, 1)

    def miscalibration(log_probability: Array) -> float:
        return calibration_error(np.exp(log_probability.max(1)), hit)

    return _least(miscalibration, sample)


def likeliest_temperature(sample: CellSample) -> float:
    """Temperature to divide logits by, at which their cross-entropy against the softly encoded truth is least."""
    return _least(lambda log_probability: cross_entropy(log_probability, sample), sample)


def _least(loss: Callable[[Array], float], sample: CellSample) -> float:
    """The temperature in RANGE at which `loss` of the log-probabilities is least."""

    def at(log_temperature: float) -> float:
        return loss(log_softmax(sample.logits, float(np.exp(log_temperature))))

    found = minimize_scalar(at, bounds=tuple(np.log(RANGE)), method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x))


def temperature_on(predictor: Predictor, photos: Sequence[Pixels]) -> float:
    """`fit_temperature` on photos (H, W, 3) uint8, undoing what the predictor's card divides by."""
    samples = []
    for number, photo in enumerate(photos):
        scene = stretched(photo)
        prediction = predictor.predict(scene.lightness)
        true_ab = averaged(scene.ab, prediction.confidence.shape)
        samples.append(sample_cells(prediction, true_ab, number, predictor.temperature))
    return fit_temperature(joined(samples))


def spread_reliability(log_probability: Array, bins: Float, ab: Float) -> dict[str, list[float | None]]:
    """Root mean square error that the distributions state, against the true one, by tenths of rising spread.

    Parameters
    ----------
    log_probability : (N, Q), normalised
    bins : (Q, 2) CIELAB units
    ab : (N, 2) true colours

    Returns
    -------
    predicted_rms, true_rms : of the distance from the distribution's mean, CIELAB units
    """
    probability = np.exp(log_probability)
    mean = probability @ bins
    variance = np.maximum(probability @ (bins**2).sum(1) - (mean**2).sum(1), 0)
    squared = ab_distance(ab, mean) ** 2
    said, seen, _ = reliability(variance, squared, TENTHS)
    return {"predicted_rms": [rounded(v) for v in np.sqrt(said)], "true_rms": [rounded(v) for v in np.sqrt(seen)]}


def stated_and_true(sample: CellSample, bins: Float, temperature: float) -> dict[str, Any]:
    """Scores of the distributions at one temperature, with the data of both reliability curves."""
    log_probability = log_softmax(sample.logits, temperature)
    hit = top_hits(log_probability, sample.nearest(), 1)
    said, seen, _ = reliability(np.exp(log_probability.max(1)), hit)
    return {
        **{name: rounded(value, 4) for name, value in distribution_scores(log_probability, sample).items()},
        "reliability": {"stated": [rounded(v) for v in said], "observed": [rounded(v) for v in seen]},
        "spread": spread_reliability(log_probability, bins, sample.ab),
    }


def calibrate(sample: CellSample, bins: Float, photos: int, stated: float) -> dict[str, Any]:
    """Fit on the first half of the photos, report on the second.

    Parameters
    ----------
    sample : cells of all photos, logits as the network gives them
    bins : (Q, 2) CIELAB units
    photos : how many there are
    stated : temperature that the model's card names today

    Returns
    -------
    The fitted temperature; those that are likeliest for the nearest bins and for their soft encoding; the card's; and
    what the second half says of the raw logits (before) and of the fitted temperature (after).
    """
    is_first = sample.photo < photos // 2
    first = sample.of(is_first)
    temperature = fit_temperature(first)
    second = sample.of(~is_first)
    return {
        "temperature": rounded(temperature),
        "nearest_temperature": rounded(likeliest_temperature(first.as_nearest())),
        "soft_temperature": rounded(likeliest_temperature(first)),
        "card_temperature": stated,
        "fitted_on": photos // 2,
        "reported_on": photos - photos // 2,
        "before": stated_and_true(second, bins, 1.0),
        "after": stated_and_true(second, bins, temperature),
    }


def save_calibrated(path: Path, model: TrainedModel, temperature: float, scores: dict[str, Any]) -> None:
    """Write a copy of a model whose card holds a new temperature, and scores taken with it."""
    card = {**model.card, "temperature": temperature, "scores": scores}
    save_model(path, model.network, model.bins, model.prior, card)
