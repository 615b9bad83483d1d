"""Colours at working size: solved, then solved again with links weakened where chroma changes.

After an edit only the window that it changes is solved again, once for every time that the whole was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hybrid.reach import Membership
from hybrid.scale import enlarge, spanning
from solvers import CellMeans, ChromaSolver, Seeds, Solution, Stencil, reweight
from solvers.cells import CellOperator
from solvers.edits import Window, changed_pixels, part_of_links, window_around
from solvers.problem import Watch
from solvers.windows import EXACT, MARGIN, STILL, Asked, patched

Float = NDArray[np.float32]
LOOSER = 4.0
"""Tolerance of an answer that is weighed by, against that of the last: moves ab by <= .012/255 at 99.9 % of pixels."""
EXACT_ENOUGH = 0.25
"""Share of its tolerance to which the window of an answer that is only weighed by is solved."""
LEAST_LINK = 1e-3
"""Links are weakened no further, the median being 1: what islands in a cell exchange by less is left undetermined, and
the solver does not settle."""
CLAIM_SOFTNESS = 0.03
"""Change of membership between neighbours at which a link is weakened to 0.7."""
SAME_SHARE = 0.004
"""Change of a membership, and of a cell's weight by itself, that is taken for none; such changes never add up."""
SAME_COLOR = 0.3
"""Change of a cell's chroma that is taken for none, in tolerances; nor do these."""
MOST_DRIFT = 0.5
"""Share of the tolerance by which windows may have taken the colours from those of a whole solve, added up over edits,
for one more: it adds .3 at most, and links weakened otherwise than there as much again."""


@dataclass(frozen=True, eq=False)
class Wishes:
    """What is asked of the colours.

    Parameters
    ----------
    seeds : of the strokes, at working size
    cells : yielding to the strokes; None without a prediction
    claims : of the strokes on the cells; None without either
    """

    seeds: Seeds
    cells: CellMeans | None
    claims: Membership | None


@dataclass(frozen=True, eq=False)
class Answers:
    """What was found, with all that an edit starts from.

    Parameters
    ----------
    wishes : that were given
    share : (h', w') of the claims as the links know them, or None
    cells : as they were solved for
    chroma : (h, w, 2) float32 of each solve, the colours last
    solution : of the last solve
    drift : of each solve, by how much windows may have taken the colours from a whole solve, in tolerances
    """

    wishes: Wishes
    share: Float | None
    cells: CellMeans | None
    chroma: tuple[Float, ...]
    solution: Solution
    drift: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Spreading:
    """How colours are spread over one photo at working size.

    Parameters
    ----------
    solver : of the photo, links as without strokes
    light : (h, w, 1) float32, what chroma is multiplied by to be ab
    softness : change of ab at which a link is weakened to 0.7
    reweightings : how often
    tolerance : of the relative chroma
    """

    solver: ChromaSolver
    light: Float
    softness: float
    reweightings: int
    tolerance: float

    def whole(self, wishes: Wishes, watch: Watch | None = None, is_last: bool = False) -> Answers:
        """Colours from nothing; raises what `ChromaSolver.solve` does.

        `is_last`: no edit is to begin from them, and what only that needs is let go.
        """
        share = None if wishes.claims is None else wishes.claims.share
        first = self.solver
        if share is not None:
            first = weakened(first, enlarge(share, self._shape)[..., None], CLAIM_SOFTNESS)
        seeds, cells, found = wishes.seeds, wishes.cells, list[Float]()
        for number, looser in enumerate(self._looser):
            solver = weakened(first, found[-1] * self.light, self.softness) if number else first
            start = found[-1] if number else None
            solution = solver.solve(seeds, cells, start, looser * self.tolerance, watch=watch)
            found = [solution.chroma] if is_last else [*found, solution.chroma]
        return Answers(wishes, share, cells, tuple(found), solution, (0.0,) * len(found))

    def after(self, before: Answers, wishes: Wishes, watch: Watch | None = None) -> Answers:
        """The same to the tolerance, in windows around what is asked otherwise than before if they will do."""
        cells, share = _kept_cells(before.cells, wishes.cells, self.tolerance), _kept_share(before.share, wishes.claims)
        core = self._core(before, wishes.seeds, cells, share)
        if core is None:
            return replace(before, wishes=wishes)
        is_partial = len(before.chroma) < len(self._looser)
        if is_partial or sum(before.drift) > MOST_DRIFT or (cells is not None and cells.blur):
            return self.whole(wishes, watch)
        operators = [None if each is None else CellOperator(each, self._shape) for each in (before.cells, cells)]
        claims = [None if each is None else enlarge(each, self._shape)[..., None] for each in (before.share, share)]
        found, drift = list[Float](), list[float]()
        guess, margin = np.zeros(before.chroma[0].shape, np.float32), (MARGIN,) * 4
        tolerances = [looser * self.tolerance for looser in self._looser]
        for number, (looser, tolerance) in enumerate(zip(self._looser, tolerances, strict=True)):
            weighed = (before.chroma[number - 1], found[-1]) if number else (None, None)
            asked = [
                Asked(partial(self._links, claimed, chroma), seeds, operator)
                for claimed, chroma, seeds, operator in zip(
                    claims, weighed, (before.wishes.seeds, wishes.seeds), operators, strict=True
                )
            ]
            old, exact = before.chroma[number], EXACT_ENOUGH if looser > 1 else EXACT
            limits = STILL * tolerance, exact * tolerance
            patch = core and patched(old, asked[0], asked[1], core, *limits, margin, guess, threads=None, watch=watch)
            if patch is None:
                core = None
                whole = Window(0, old.shape[0], 0, old.shape[1])
                solver = ChromaSolver.from_stencil(asked[1].links(whole))
                solution = solver.solve(wishes.seeds, cells, old + guess, tolerance, watch=watch)
                guess = solution.chroma - old
                drift.append(0.0)
            else:
                chroma = old.copy()
                chroma[patch.window.slices] = patch.chroma
                solution = Solution(chroma, patch.iterations, (), tolerance, {})
                drift.append(before.drift[number] + (patch.moved + patch.estimated_error) / tolerance / looser)
                core, margin = patch.window, patch.margins(STILL * min(tolerances[number + 1 :], default=tolerance))
                guess[core.slices] = patch.chroma - old[core.slices]
            found.append(solution.chroma)
        return Answers(wishes, share, cells, tuple(found), solution, tuple(drift))

    @property
    def _shape(self) -> tuple[int, int]:
        return self.light.shape[0], self.light.shape[1]

    @property
    def _looser(self) -> list[float]:
        """Answers that only decide on links need not be exact."""
        return [LOOSER] * self.reweightings + [1.0]

    def _links(self, claimed: Float | None, chroma: Float | None, window: Window) -> Stencil:
        """The links of a window as the whole has them, by the claims and the answer before."""
        assert self.solver.stencil is not None
        stencil = part_of_links(self.solver.stencil, window)
        if claimed is not None:
            stencil = reweight(stencil, claimed[window.slices], CLAIM_SOFTNESS, LEAST_LINK)
        if chroma is not None:
            stencil = reweight(stencil, chroma[window.slices] * self.light[window.slices], self.softness, LEAST_LINK)
        return stencil

    def _core(self, before: Answers, seeds: Seeds, cells: CellMeans | None, share: Float | None) -> Window | None:
        """The smallest window that holds all that is asked otherwise; None if nothing is."""
        shape = self._shape
        windows = []
        changed = changed_pixels(before.wishes.seeds, seeds)
        if len(changed):
            windows.append(window_around(changed, shape))
        if cells is not None and before.cells is not None:
            is_other = (cells.weight != before.cells.weight) | (cells.chroma != before.cells.chroma).any(-1)
            windows += _spanned(is_other, shape, 0)
        if share is not None:
            windows += _spanned(share != (np.zeros_like(share) if before.share is None else before.share), shape, 1)
        if not windows:
            return None
        top, _, left, _ = np.min(windows, 0)
        _, bottom, _, right = np.max(windows, 0)
        return Window(int(top), int(bottom), int(left), int(right))


def weakened(solver: ChromaSolver, change: Float, softness: float) -> ChromaSolver:
    """A solver with links weakened where `change` (h, w, C) varies by more than about `softness`."""
    assert solver.stencil is not None
    return ChromaSolver.from_stencil(reweight(solver.stencil, change, softness, LEAST_LINK))


def _kept_cells(before: CellMeans | None, after: CellMeans | None, tolerance: float) -> CellMeans | None:
    """The cells after, but as before where that is as good as the same."""
    if before is None or after is None:
        return after
    is_same = np.abs(after.weight - before.weight) <= SAME_SHARE * before.weight
    is_same &= (np.abs(after.chroma - before.chroma) <= SAME_COLOR * tolerance).all(-1)
    chroma = np.where(is_same[..., None], before.chroma, after.chroma)
    return CellMeans(chroma, np.where(is_same, before.weight, after.weight), after.blur)


def _kept_share(before: Float | None, claims: Membership | None) -> Float | None:
    if claims is None:
        return None
    share = claims.share
    old = np.zeros_like(share) if before is None else before
    return np.where(np.abs(share - old) <= SAME_SHARE, old, share)


def _spanned(is_other: NDArray[np.bool_], shape: tuple[int, ...], more: int) -> list[Window]:
    """The window of the photo that the True of a coarser grid span, and `more` of its rows and columns around."""
    span = spanning(is_other, more)
    if span is None:
        return []
    (top, bottom), (left, right) = (
        (side.start * full // count, -(-side.stop * full // count))
        for side, full, count in zip(span, shape[:2], is_other.shape, strict=True)
    )
    return [Window(top, bottom, left, right)]
