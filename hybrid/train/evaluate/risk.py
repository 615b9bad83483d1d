"""Risk and coverage: how wrong the surest share of places is."""

from __future__ import annotations

import numpy as np

from hybrid.metrics import ab_distance, risk_coverage
from hybrid.train.evaluate.pictures import Float
from hybrid.train.evaluate.scores import rounded

SHARES = tuple(round(share, 2) for share in np.arange(0.05, 1.001, 0.05))


def risk_curve(distance: Float, true_ab: Float, confidence: Float, sepia: Float) -> dict[str, list[float | None]]:
    """Mean ab error among the most confident share of places.

    Parameters
    ----------
    distance : (N,) of the mean colour to the true one, CIELAB units
    true_ab : (N, 2)
    confidence : (N,)
    sepia : (2,) ab of the constant baseline

    Returns
    -------
    shares, ab_error, grey_error and sepia_error (what the baselines err by at the same places) and best_order (places
    ordered by the error itself), each of the same length.
    """
    curves = {
        "ab_error": risk_coverage(distance, confidence, SHARES),
        "grey_error": risk_coverage(np.linalg.norm(true_ab, axis=-1), confidence, SHARES),
        "sepia_error": risk_coverage(ab_distance(true_ab, sepia), confidence, SHARES),
        "best_order": risk_coverage(distance, -distance, SHARES),
    }
    return {"shares": list(SHARES), **{name: [rounded(v) for v in curve] for name, curve in curves.items()}}
