"""Networks: lightness and hints in, logits over colour bins out."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from hybrid.models.lite import LiteColorizer

MODELS: dict[str, Callable[[int], nn.Module]] = {"lite": LiteColorizer}
"""Name -> constructor from the number of bins. Adding a model is one file and one row."""
