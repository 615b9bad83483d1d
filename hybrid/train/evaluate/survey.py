"""One pass over the photos: the network is asked once a photo, and everything is measured from its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid.bins import vividness_weight
from hybrid.metrics import ab_distance, risk_coverage
from hybrid.predict import Predictor
from hybrid.train.evaluate.artifacts import even_places, spurious_edges
from hybrid.train.evaluate.cells import CellSample, distribution_scores, joined, log_softmax, sample_cells
from hybrid.train.evaluate.pictures import (
    PLAIN,
    PRODUCT,
    SIDE,
    Decoding,
    Float,
    Pixels,
    averaged,
    cell_colors,
    enlarged,
    picture_of,
    stretched,
)
from hybrid.train.evaluate.scores import (
    constant_color,
    flat_answers,
    frontier,
    means,
    picture_scores,
    quick_scores,
    rounded,
)

MEAN, MODE = Decoding(1.0, 0.0), Decoding(0.0, 0.0)
MAIN = (MEAN, MODE, PLAIN, PRODUCT, Decoding(0.38, 0.5))
"""Decodings that get every figure."""
SWEEP = tuple(Decoding(0.38, v) for v in (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7))
"""Decodings between which the frontier is drawn; those not in MAIN get the quick figures."""
DECODINGS = (MEAN, MODE, *SWEEP, PRODUCT)
SURE = (0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, eq=False)
class Survey:
    """What one pass found.

    Parameters
    ----------
    rows : decoding or baseline -> figures of every photo
    artifacts : decoding or baseline -> figures of every photo
    sample : some cells of every photo, with the network's logits
    distance : (N,) of every cell: how far the mean colour is from the true one, CIELAB units
    true_ab : (N, 2) of every cell
    confidence : (N,) of every cell
    """

    rows: dict[str, list[dict[str, float]]]
    artifacts: dict[str, list[dict[str, float]]]
    sample: CellSample
    distance: Float
    true_ab: Float
    confidence: Float


def survey(predictor: Predictor, photos: Sequence[Pixels], sepia: Float) -> Survey:
    """Measure everything that one answer a photo is enough for.

    Parameters
    ----------
    predictor : network and input size
    photos : (H, W, 3) uint8 sRGB each; stretched to 256 × 256
    sepia : (2,) ab of the constant baseline
    """
    rows: dict[str, list[dict[str, float]]] = {}
    artifacts: dict[str, list[dict[str, float]]] = {}
    samples, distances, truths, confidences = [], [], [], []
    for number, photo in enumerate(photos):
        scene = stretched(photo)
        is_even = even_places(scene.lightness, scene.ab)
        rows.setdefault("truth", []).append(picture_scores(scene.rgb, scene))
        artifacts.setdefault("truth", []).append(spurious_edges(scene.ab, is_even))
        for name, ab in flat_answers(scene.lightness.shape, sepia).items():
            rows.setdefault(name, []).append(picture_scores(picture_of(scene.lightness, ab), scene))
            artifacts.setdefault(name, []).append(spurious_edges(ab, is_even))
        prediction = predictor.predict(scene.lightness)
        for decoding in DECODINGS:
            ab = enlarged(cell_colors(prediction, decoding), scene.lightness.shape)
            scores_of = picture_scores if decoding in MAIN else quick_scores
            rows.setdefault(str(decoding), []).append(scores_of(picture_of(scene.lightness, ab), scene))
            if decoding in MAIN:
                artifacts.setdefault(str(decoding), []).append(spurious_edges(ab, is_even))
        true_ab = averaged(scene.ab, prediction.confidence.shape)
        samples.append(sample_cells(prediction, true_ab, number, predictor.temperature))
        distances.append(ab_distance(cell_colors(prediction, MEAN), true_ab).ravel())
        truths.append(true_ab.reshape(-1, 2))
        confidences.append(prediction.confidence.ravel())
    every = (np.concatenate(parts) for parts in (distances, truths, confidences))
    return Survey(rows, artifacts, joined(samples), *every)


def table(found: Survey) -> dict[str, Any]:
    """Means over the photos: the truth, grey, sepia and every decoding; then the frontier."""
    names = ("truth", "grey", "sepia", *map(str, DECODINGS))
    rows = {name: means(found.rows[name]) for name in names}
    points = [(rows[str(d)]["colorfulness"], rows[str(d)]["psnr_db"]) for d in SWEEP]
    known = [(vivid, db) for vivid, db in points if vivid is not None and db is not None]
    return {**rows, "frontier_db": frontier(known) if known else {}}


def distributions(found: Survey, predictor: Predictor) -> dict[str, dict[str, float | None]]:
    """Scores of the distributions themselves: the prior's alone, as stated, and as sharpened or weighted for decoding.

    At T = 0 all the probability is on one bin: the cross-entropy is infinite and the ECE is one less the hit rate.
    """
    model, sample = predictor.model, found.sample
    prior = np.log(np.maximum(model.prior, 1e-12)).astype(np.float32)
    scores = {"prior": distribution_scores(np.broadcast_to(prior, sample.logits.shape), sample)}
    calibrated = sample.logits / np.float32(predictor.temperature)
    for decoding in (MEAN, PLAIN, PRODUCT._replace(temperature=1.0), PRODUCT):
        lift = np.log(vividness_weight(model.prior, decoding.vividness))
        scores[str(decoding)] = distribution_scores(log_softmax(calibrated + lift, decoding.temperature), sample)
    return {name: {key: rounded(v, 4) for key, v in row.items()} for name, row in scores.items()}


def evaluate(predictor: Predictor, photos: Sequence[Pixels]) -> dict[str, Any]:
    """Score the network's own answer, enlarged bilinearly, on colour photos stretched to 256 × 256: for a card.

    Parameters
    ----------
    predictor : network and input size
    photos : (H, W, 3) uint8 sRGB each

    Returns
    -------
    Means over the photos for the truth, grey, the best constant colour of these very photos ("sepia") and every
    decoding; PSNR at fixed colourfulness; the distribution's own scores; mean ab error among the surest share of cells
    over all photos together.
    """
    found = survey(predictor, photos, constant_color(photos))
    risk = risk_coverage(found.distance, found.confidence, SURE)
    return {
        "photos": len(photos),
        "side": SIDE,
        **table(found),
        "distribution": distributions(found, predictor)[str(MEAN)],
        "ab_error_of_surest": {str(share): rounded(value, 2) for share, value in zip(SURE, risk, strict=True)},
    }
