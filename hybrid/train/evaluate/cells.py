"""Single cells of many photos: what the network said there and what was true."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from hybrid.bins import soft_encode
from hybrid.predict import Prediction
from hybrid.train.evaluate.pictures import Float

Index = NDArray[np.int64]
Array = NDArray[Any]
A_SIDE = 16
"""Cells of a photo that are kept, each way."""
GROUPS = 15
TOP = 5


@dataclass(frozen=True, eq=False)
class CellSample:
    """Cells on an even lattice over many photos.

    Parameters
    ----------
    logits : (N, Q) float32, before any calibration, up to a constant a cell
    ab : (N, 2) float32, true mean colour, CIELAB units
    target, weight : (N, K) soft encoding of it: bins and their shares
    photo : (N,) number of the photo
    """

    logits: Float
    ab: Float
    target: Index
    weight: Float
    photo: Index

    def of(self, chosen: NDArray[np.bool_]) -> CellSample:
        """The cells chosen by an (N,) mask."""
        return CellSample(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    def nearest(self) -> Index:
        """(N,) the bin that each true colour rounds to."""
        return np.take_along_axis(self.target, self.weight.argmax(1)[:, None], 1)[:, 0]

    def as_nearest(self) -> CellSample:
        """The same cells with all of the target's weight on the nearest bin."""
        return replace(self, target=self.nearest()[:, None], weight=np.ones((len(self.ab), 1), np.float32))


def sample_cells(prediction: Prediction, true_ab: Float, photo: int, temperature: float) -> CellSample:
    """Up to 16 × 16 cells of one photo.

    Parameters
    ----------
    prediction : of the photo
    true_ab : (h, w, 2) mean colour of its cells
    photo : its number
    temperature : by which the prediction's logits were divided; undone here
    """
    rows, columns = (_lattice(cells) for cells in true_ab.shape[:2])
    logits = prediction.log_probability[:, rows][:, :, columns] * np.float32(temperature)
    ab = true_ab[rows][:, columns].reshape(-1, 2)
    target, weight = soft_encode(ab, prediction.bins)
    number = np.full(len(ab), photo, np.int64)
    return CellSample(np.ascontiguousarray(logits.reshape(len(logits), -1).T), ab, target, weight, number)


def _lattice(cells: int) -> Index:
    count = min(A_SIDE, cells)
    return (2 * np.arange(count) + 1) * cells // (2 * count)


def joined(samples: list[CellSample]) -> CellSample:
    """Several samples as one."""
    parts = ([getattr(sample, name) for sample in samples] for name in CellSample.__dataclass_fields__)
    return CellSample(*(np.concatenate(part) for part in parts))


def log_softmax(logits: Array, temperature: float = 1.0) -> Array:
    """Log-probabilities (N, Q) of logits divided by a temperature."""
    scaled = logits / np.float32(temperature)
    return scaled - logsumexp(scaled, axis=1, keepdims=True).astype(np.float32)


def cross_entropy(log_probability: Array, sample: CellSample) -> float:
    """-sum_q t_q log p_q against the softly encoded truth, mean over cells, in nats."""
    chosen = np.take_along_axis(log_probability, sample.target, 1)
    return float(-(chosen * sample.weight).sum(1).mean())


def top_hits(log_probability: Array, nearest: Index, count: int) -> NDArray[np.bool_]:
    """(N,) whether the true bin is among the `count` most probable ones."""
    above = (log_probability > np.take_along_axis(log_probability, nearest[:, None], 1)).sum(1)
    return above < count


def reliability(stated: Array, hit: Array, groups: int = GROUPS) -> tuple[Array, Array, Array]:
    """Stated probability against how often it came true, in groups of equal mass.

    Parameters
    ----------
    stated : (N,) in [0, 1]
    hit : (N,) bool, or shares in [0, 1]

    Returns
    -------
    Mean stated, mean observed and share of all cells, each (groups,), by rising stated probability.
    """
    order = np.argsort(stated, kind="stable")
    parts = np.array_split(order, min(groups, len(order)))
    means = [(stated[part].mean(), hit[part].mean(), len(part) / len(order)) for part in parts]
    said, seen, share = np.array(means, np.float64).T
    return said, seen, share


def calibration_error(stated: Array, hit: Array, groups: int = GROUPS) -> float:
    """Expected calibration error (Guo et al. 2017, equation 3; groups of equal mass instead of equal width)."""
    said, seen, share = reliability(stated, hit, groups)
    return float((np.abs(said - seen) * share).sum())


def distribution_scores(log_probability: Array, sample: CellSample) -> dict[str, float]:
    """How good a distribution over the bins is.

    Parameters
    ----------
    log_probability : (N, Q), normalised
    sample : the N cells

    Returns
    -------
    cross_entropy : in nats, against the softly encoded truth
    top1, top5 : how often the true colour's bin is the most probable one, or among the five
    ece : expected calibration error of the most probable bin's probability against how often it is the true one
    ece_soft : the same against the truth's softly encoded share in that bin, which is what training asks for. Soft
        encoding gives no bin more than about 0.65, so a network can be true to it and too modest by `ece`.
    """
    nearest = sample.nearest()
    hit = top_hits(log_probability, nearest, 1)
    stated = np.exp(log_probability.max(1))
    share = (sample.weight * (sample.target == log_probability.argmax(1)[:, None])).sum(1)
    return {
        "cross_entropy": cross_entropy(log_probability, sample),
        "top1": float(hit.mean()),
        "top5": float(top_hits(log_probability, nearest, TOP).mean()),
        "ece": calibration_error(stated, hit),
        "ece_soft": calibration_error(stated, share),
    }
