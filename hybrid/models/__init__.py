"""Networks: lightness and hints in, logits over colour bins out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hybrid.models.colorizer import Colorizer
from hybrid.models.compact import (
    Compact,
    CompactClassifier,
    CompactDilation,
    CompactDilationConcat,
    CompactWide,
    DahlZhangSmall,
)
from hybrid.models.lite import LiteColorizer
from hybrid.models.vgg import Dahl, DahlClassifier, DahlZhang, Zhang

MODELS: dict[str, Callable[[int], Colorizer]] = {
    "lite": LiteColorizer,
    "compact": Compact,
    "compact_wide": CompactWide,
    "compact_classifier": CompactClassifier,
    "compact_dilation": CompactDilation,
    "compact_dilation_concat": CompactDilationConcat,
    "dahl": Dahl,
    "dahl_classifier": DahlClassifier,
    "dahl_zhang": DahlZhang,
    "dahl_zhang_small": DahlZhangSmall,
    "zhang": Zhang,
}
"""Name -> constructor from the number of bins. Adding a model is one file and one row."""


def build(name: str, bins: NDArray[np.float32]) -> Colorizer:
    """The network `name` of MODELS with random weights, answering over `bins`, (Q, 2) CIELAB units."""
    network = MODELS[name](len(bins))
    network.use_bins(bins)
    return network
