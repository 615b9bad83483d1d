"""What a model scores on photos that it has never seen, beside a grey picture's score on the same photos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hybrid.bins import annealed_mean, vividness_weight
from hybrid.color import (
    into_gamut,
    lab_from_linear,
    linear_from_lab,
    luminance_from_lightness,
    srgb_decode,
    srgb_encode,
)
from hybrid.metrics import ab_distance, colorfulness, psnr, risk_coverage
from hybrid.predict import Predictor
from hybrid.scale import enlarge, shrink

SIDE = 256
SHARES = (0.1, 0.2, 0.5, 1.0)
DECODINGS = ((1.0, 0.0), (0.38, 0.0), (0.38, 0.1), (0.38, 0.2), (0.38, 0.3), (0.38, 0.5))
"""Temperature and vividness pairs that are scored."""


def evaluate(predictor: Predictor, photos: Sequence[NDArray[np.uint8]]) -> dict[str, Any]:
    """Score the network's own answer, enlarged bilinearly, on colour photos stretched to 256 × 256.

    Parameters
    ----------
    predictor : network and input size
    photos : (H, W, 3) uint8 sRGB each

    Returns
    -------
    Means over the photos: for grey, for the truth, and for every decoding PSNR in dB and colourfulness; mean ab error
    among the surest share of places over all photos together.
    """
    rows: dict[str, list[tuple[float, float]]] = {}
    distances, confidences = [], []
    for photo in photos:
        picture = Image.fromarray(photo).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        truth = np.asarray(picture)
        lightness, true_ab = lab_from_linear(srgb_decode(truth / np.float32(255)))
        rows.setdefault("truth", []).append((float("inf"), colorfulness(truth)))
        grey = _rgb(lightness, np.zeros_like(true_ab))
        rows.setdefault("grey", []).append((psnr(grey, truth), colorfulness(grey)))
        prediction = predictor.predict(lightness)
        for temperature, vividness in DECODINGS:
            weight = np.log(vividness_weight(prediction.prior, vividness))[:, None, None]
            cells = annealed_mean(prediction.log_probability + weight, prediction.bins, temperature)
            ab = np.stack([enlarge(cells[..., c], (SIDE, SIDE)) for c in range(2)], -1)
            rgb = _rgb(lightness, ab)
            rows.setdefault(f"T {temperature} vividness {vividness}", []).append((psnr(rgb, truth), colorfulness(rgb)))
        cell_truth = np.stack([shrink(true_ab[..., c], cells.shape[:2]) for c in range(2)], -1)
        mean = annealed_mean(prediction.log_probability, prediction.bins, 1.0)
        distances.append(ab_distance(mean, cell_truth).ravel())
        confidences.append(prediction.confidence.ravel())
    risk = risk_coverage(np.concatenate(distances), np.concatenate(confidences), SHARES)
    scores: dict[str, Any] = {
        name: {
            "psnr_db": round(float(np.mean([p for p, _ in values])), 2) if name != "truth" else None,
            "colorfulness": round(float(np.mean([c for _, c in values])), 1),
        }
        for name, values in rows.items()
    }
    scores["ab_error_of_surest"] = {str(share): round(value, 2) for share, value in zip(SHARES, risk, strict=True)}
    return {"photos": len(photos), "side": SIDE, **scores}


def _rgb(lightness: NDArray[np.float32], ab: NDArray[np.float32]) -> NDArray[np.uint8]:
    linear, _ = into_gamut(linear_from_lab(lightness, ab), luminance_from_lightness(lightness))
    return np.round(srgb_encode(linear.clip(0, 1)) * 255).astype(np.uint8)
