"""What every source of a network comes to, wherever it was loaded from, and the error of those that cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn


class ModelError(ValueError):
    """A model that is not there or does not fit, and what to try."""


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A network ready to answer.

    Parameters
    ----------
    network : in evaluation mode, on the CPU
    bins : (Q, 2) float32, the colours that its answers range over
    prior : (Q,) float32, how often each occurs in the photos it learnt from
    card : what it was trained on, what it scored, its limits, and the size it wants to look at
    name : as asked for
    sha256 : of its file, in hexadecimal
    """

    network: nn.Module
    bins: NDArray[np.float32]
    prior: NDArray[np.float32]
    card: dict[str, Any]
    name: str
    sha256: str = ""


def on_one_line(text: str) -> str:
    """What another program says, on one line of at most 200 characters."""
    line = " ".join(text.split())
    return line if len(line) < 200 else line[:200] + "…"
