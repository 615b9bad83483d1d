"""What a network file of another program says of itself: the card and the bins that it carries as texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.bins import BINS, named_bins
from hybrid.models.graphs import Graph
from hybrid.models.trained import ModelError

SIDE, MULTIPLE = 256, 32
"""A free input has about SIDE² pixels unless the card says otherwise, and edges of a multiple of MULTIPLE."""
MOST_AB = 200.0
"""A colour further from grey is not in CIELAB units."""


def card_of(graph: Graph) -> dict[str, Any]:
    """The file's card, with what `Predictor` heeds: input_side, input_multiple, and input_size where that is fixed.

    Raises
    ------
    ModelError
        The card is no JSON object, or says what cannot be.
    """
    card = _json(graph, "card") if "card" in graph.texts else {}
    if not isinstance(card, dict):
        raise ModelError(f"model {graph.path}: its card is {card!r}; wanted a JSON object")
    card = {"input_side": SIDE, **card}
    _check(graph, card, "input_side", _is_edge, "a number of pixels")
    _check(graph, card, "input_size", _is_size, "[rows, columns]")
    _check(graph, card, "temperature", _is_temperature, "a number above 0")
    said = card.pop("input_size", (None, None))
    fixed = [own or edge for own, edge in zip(graph.size, said, strict=True)]
    if any(fixed):
        card["input_size"] = [edge or card["input_side"] for edge in fixed]
    return {**card, "architecture": graph.kind, "hints": graph.takes_hints, "input_multiple": MULTIPLE}


def bins_of(graph: Graph, shape: tuple[int, ...]) -> NDArray[np.float32] | None:
    """Bins that an answer of this shape ranges over, (Q, 2) float32; None if it is colours.

    Raises
    ------
    ModelError
        Neither two channels nor as many as the file's bins, or as one of our tables, has.
    """
    channels = shape[1] if len(shape) == 4 else 0
    if "ab_bins" in graph.texts:
        bins = _own_bins(graph)
        if len(bins) != channels:
            raise ModelError(
                f"model {graph.path}: answers {shape}; wanted (1, {len(bins)}, h, w), one for each of its ab_bins"
            )
        return bins
    if channels == 2:
        return None
    tables = {len(table): table for table in map(named_bins, BINS)}
    if channels not in tables:
        counts = " or ".join(str(count) for count in sorted(tables))
        raise ModelError(
            f"model {graph.path}: answers {shape}; wanted (1, C, h, w), C 2 for a*b* or {counts} for logits over our "
            'bins; other bins go into the file as "ab_bins"'
        )
    return tables[channels]


def _own_bins(graph: Graph) -> NDArray[np.float32]:
    try:
        bins = np.array(_json(graph, "ab_bins"), np.float32)
    except (TypeError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        bins = np.zeros(0, np.float32)
    if bins.ndim != 2 or bins.shape[1] != 2 or not (np.abs(bins) <= MOST_AB).all():
        raise ModelError(f"model {graph.path}: its ab_bins are no list of pairs [a, b] within ±{MOST_AB:.0f}")
    return bins


def _json(graph: Graph, key: str) -> Any:
    try:
        return json.loads(graph.texts[key])
    except ValueError as error:
        raise ModelError(f"model {graph.path}: its {key} is no JSON ({error})") from None


def _check(graph: Graph, card: dict[str, Any], key: str, is_right: Callable[[Any], bool], wanted: str) -> None:
    if key in card and not is_right(card[key]):
        raise ModelError(f"model {graph.path}: its card says {key} {card[key]!r}; wanted {wanted}")


def _is_edge(value: Any) -> bool:
    return type(value) is int and 1 <= value <= 4096


def _is_size(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_edge, value))


def _is_temperature(value: Any) -> bool:
    return type(value) in (int, float) and 0 < value < 100
