"""An edit solved where it matters: in a window around what changed, grown until its rim stands still.

Outside a window that holds everything that changed nothing asks for change: what moves there follows the window's rim.
So chroma is kept outside, the window is solved, and if the pixels along its rim, almost free as they are, then move by
less than a share of the tolerance the window was large enough. If they move more, it grows; if it nears the photo's
size, the whole photo is to be solved.

Solved for is the change alone: the residual that the answer before has in the window, by its own tolerance and by the
links that leave the window, is left as it is. Else the window would move by that too, and no rim would stand still.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from solvers.cells import CellOperator
from solvers.edits import (
    Margins,
    Sides,
    Window,
    changed_pixels,
    leaving,
    part_of_links,
    part_of_seeds,
    rim_movement,
)
from solvers.method import Multigrid
from solvers.problem import Problem, SolverError, Watch
from solvers.seeds import Seeds
from solvers.stencil import Stencil
from solvers.system import System
from solvers.team import Team, standing_team

MARGIN = 40
"""Pixels around the changed ones that a window begins with."""
STILL = 0.1
"""Share of the tolerance by which the rim may move."""
EXACT = 0.1
"""Share of the tolerance to which a window is solved."""
HOLD = 0.01
"""Share of their weight by which the links that leave a window hold its rim. Held in full, the rim would stand still
wherever it is; so it moves at least as far as it would in the whole photo."""
LEAST_MARGIN = 32
"""That is counted on where the window began without any."""
LARGEST = 0.4
"""Share of the photo above which the whole of it is solved: a window, and those tried before it, would cost as much."""
LEAST_GROWTH, MOST_GROWTH = 1.5, 4.0
"""By what a margin grows at once, as how fast the change dies away tells."""
SHARED = 400_000
"""Pixels of a window below which one thread solves it as fast as two do, and leaves the other to who draws."""
LEAST_AHEAD = 1.5
"""The least of it where nothing has been solved in vain yet."""


@dataclass(frozen=True, eq=False)
class Asked:
    """What a solve is given.

    Parameters
    ----------
    links : the stencil of a window of the photo, as `part_of_links` gives it
    seeds : of the whole photo
    cells : of the whole photo, without blur, or None
    """

    links: Callable[[Window], Stencil]
    seeds: Seeds
    cells: CellOperator | None


@dataclass(frozen=True, eq=False)
class Patch:
    """A window solved anew.

    Parameters
    ----------
    window : of whole cells
    chroma : (h, w, C) float32, its new chroma
    rims : how far each side of it moved
    largest : how far any pixel moved
    estimated_error, iterations : of its solve
    """

    window: Window
    chroma: NDArray[np.float32]
    rims: Sides
    largest: float
    estimated_error: float
    iterations: int

    @property
    def moved(self) -> float:
        """How far its rim moved, at most."""
        return max(self.rims)

    def margins(self, still: float) -> Margins:
        """Around it, for a solve of much the same change whose rim is to move by less than `still`."""
        wider = widened((LEAST_MARGIN,) * 4, self.rims, self.largest, still, LEAST_AHEAD)
        top, bottom, left, right = (margin - LEAST_MARGIN for margin in wider)
        return top, bottom, left, right


def patched(
    chroma: NDArray[np.float32],
    before: Asked,
    after: Asked,
    core: Window,
    still: float,
    tolerance: float,
    margin: int | Margins = MARGIN,
    guess: NDArray[np.float32] | None = None,
    max_iterations: int = 100,
    threads: int | None = 1,
    watch: Watch | None = None,
) -> Patch | None:
    """Solve a window around a change, or None where it would take too large a part of the photo.

    Parameters
    ----------
    chroma : (H, W, C) float32, answer to `before`; left as it is
    before, after : differ within the core alone
    core : holds all that changed
    still : largest movement of the rim, in the chroma's unit
    tolerance : largest error of the window's own solve
    margin : pixels around the core that the window begins with, the same or each side's own
    guess : (H, W, C), a first guess of the change; None for none
    max_iterations, watch : as of `ChromaSolver.solve`
    threads : as of `ChromaSolver`
    """
    shape = chroma.shape[0], chroma.shape[1]
    touched = changed_pixels(before.seeds, after.seeds)
    team = Team(1) if threads == 1 else standing_team()
    margins = (margin, margin, margin, margin) if isinstance(margin, int) else margin
    smaller: tuple[Window, NDArray[np.float32]] | None = None
    while True:
        window = core.grown(margins, shape)
        if after.cells is not None:
            window = window.filled(after.cells)
        if window.pixels > LARGEST * shape[0] * shape[1]:
            return None
        old, alone = chroma[window.slices], threads if window.pixels > SHARED else 1
        rest, (method, seeds, cells) = team.map(
            lambda work: work(),
            [partial(_rest, before, chroma, window, touched), partial(_prepared, after, chroma, window, alone)],
        )
        start = old if guess is None else old + guess[window.slices]
        if smaller is not None:
            start = old.copy() if guess is None else start
            start[smaller[0].seen_from(window).slices] = smaller[1]
        problem = Problem(old.shape[:2], seeds, cells, start, tolerance, max_iterations, watch, rest)
        try:
            local = method.solve(problem)
        except SolverError:
            return None
        change = local.chroma - old
        rims, largest = rim_movement(change, window, shape), float(np.abs(change).max())
        if max(rims) < still:
            return Patch(window, local.chroma, rims, largest, local.estimated_error, local.iterations)
        margins = widened(margins, rims, largest, still)
        smaller = window, local.chroma


def widened(
    margins: Margins, moved: Sides, largest: float, still: float, least_growth: float = LEAST_GROWTH
) -> Margins:
    """Margins at which the rim should stand still, if the change dies away as fast as it has so far."""
    found = []
    for margin, rim in zip(margins, moved, strict=True):
        if rim < still:
            found.append(margin)
            continue
        faded = np.log(max(largest / rim, 1.0))
        needed = np.log(2 * largest / still) / faded if faded > 0 else MOST_GROWTH
        found.append(int(max(margin, LEAST_MARGIN) * np.clip(needed, least_growth, MOST_GROWTH)))
    top, bottom, left, right = found
    return top, bottom, left, right


def _cut(asked: Asked, chroma: NDArray[np.float32], window: Window) -> tuple[Stencil, Seeds, CellOperator | None]:
    """The system of a window, its rim held lightly at the chroma that it has."""
    shape = chroma.shape[0], chroma.shape[1]
    wide = window.grown((1, 1, 1, 1), shape)
    around, inner = asked.links(wide), window.seen_from(wide)
    stencil = part_of_links(around, inner)
    weight = HOLD * leaving(around, stencil, inner).ravel()
    pull = weight[:, None] * chroma[window.slices].reshape(weight.size, -1)
    own = part_of_seeds(asked.seeds, shape, window)
    weight[own.index] += own.weight
    pull[own.index] += own.weight[:, None] * own.chroma
    index = np.flatnonzero(weight)
    seeds = Seeds(index, pull[index] / weight[index, None], weight[index])
    return stencil, seeds, None if asked.cells is None else asked.cells.cut(*window.slices)


def _rest(
    before: Asked, chroma: NDArray[np.float32], window: Window, touched: NDArray[np.int64]
) -> NDArray[np.float32]:
    """b - A u of the answer before in a window, (C, h, w)."""
    u = np.ascontiguousarray(np.moveaxis(chroma[window.slices], -1, 0))
    rest = np.empty_like(u)
    System(*_cut(before, chroma, window)).misfit(u, rest)
    own = np.zeros(chroma.shape[:2], np.bool_)
    own.ravel()[touched] = True
    rest[:, own[window.slices]] = 0  # a seed that has gone held its pixel so firmly that rounding alone is a pull
    return rest


def _prepared(
    after: Asked, chroma: NDArray[np.float32], window: Window, threads: int | None
) -> tuple[Multigrid, Seeds, CellOperator | None]:
    """What solves a window, and the seeds and cells to solve it for."""
    stencil, seeds, cells = _cut(after, chroma, window)
    method = Multigrid(stencil, threads)
    method.prepare()
    return method, seeds, cells
