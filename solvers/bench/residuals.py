"""Residuals in double precision, straight from the stencil: what no solver has had a hand in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solvers import Stencil
from solvers.bench.cases import Case
from solvers.cells import CellOperator


def residual(
    stencil: Stencil, case: Case, cells: CellOperator | None, chroma: NDArray[np.floating], channel: int
) -> NDArray[np.float64]:
    """A u - b of one channel, in float64; one at a time since a photo of 100 MP has to fit."""
    u = chroma.astype(np.float64)
    residual = np.asarray(stencil.apply(u), np.float64)
    if case.seeds is not None:
        index = case.seeds.index
        residual.ravel()[index] += case.seeds.weight * (u.ravel()[index] - case.seeds.chroma[:, channel])
    if cells is not None:
        taken = cells.take(slice(channel, channel + 1))
        asked = taken.asked(taken.sums(u[None]), wanted=True)[0]
        residual += asked[taken.row[:, None], taken.column]
    return residual
