"""What the rest of the program may know of a network, whichever it is."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import nn


class Colorizer(nn.Module):
    """A network of MODELS: its constructor takes the number of bins, Q.

    Its `forward(lightness (B, 1, H, W) L* 0..100, hints (B, 3, H, W) or None)` answers logits
    (B, Q, ceil(H / CELL), ceil(W / CELL)) for any H and W.

    Attributes
    ----------
    CELL : pixels a side of a cell of the answer
    HINT_CHANNELS : planes of hints that the network looks at; 0 where it ignores hints
    SIDE : the network looks at about this many pixels squared
    """

    CELL: ClassVar[int]
    HINT_CHANNELS: ClassVar[int]
    SIDE: ClassVar[int]

    def use_bins(self, bins: NDArray[np.float32]) -> None:
        """Take over where the bins lie, (Q, 2) CIELAB units; most networks know bins by number alone."""
