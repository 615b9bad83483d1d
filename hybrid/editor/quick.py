"""What strokes will do, quickly: a preview that is drawn before the colours are spread properly.

A screened membership of the strokes is solved on a small copy of the photo, with a hierarchy that is kept. What it says
since the last proper answer is lifted along the photo's edges and added to that answer, so what no new stroke reaches
stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from hybrid.reach import CLAIMED, FREE, HARD, reaching, screened
from hybrid.scale import FITTED_FROM, apply_lines, enlarge, line_field, shading, shrink, spanning, working_shape
from hybrid.strokes import MarkedPixels, Paint, Stroke, covered, paint
from solvers import Seeds
from solvers.problem import Watch

Float = NDArray[np.float32]
Half = NDArray[np.float16]
MEGAPIXELS = 0.06
TOLERANCE = 0.06
"""Of the membership, 0 to 1: a preview."""
UNSEEN = 5e-4
"""Change of relative chroma that is not drawn: .03 of a or b on middle grey."""


class QuickSpread:
    """The preview of one photo.

    Parameters
    ----------
    guide : (h, w) float32, L* at working size
    cells : how many cells the prediction has, the unit of how far a stroke reaches
    plain : (h, w, 2) float32, relative chroma without strokes
    corrected : ab that marks on a lightness change in each cell, (rows, columns, 2); None where they change none
    """

    def __init__(
        self,
        guide: Float,
        cells: int,
        plain: Float,
        corrected: Callable[[Paint, Float], Float | None] = lambda *_: None,
    ) -> None:
        self._corrected = corrected
        self._guide = guide
        shape = working_shape(guide.shape, MEGAPIXELS)
        self._small = shrink(guide, shape)
        self._plain = np.stack([shrink(np.ascontiguousarray(plain[..., c]), shape) for c in range(2)], -1)
        self._solver = reaching(self._small)
        self._cells = min(cells, self._small.size)
        self._marks: dict[int, tuple[Stroke, MarkedPixels]] = {}
        self._field: Float | None = None
        self.share = np.zeros(shape, np.float32)
        first = Seeds(np.zeros(1, np.int64), np.zeros((1, 1), np.float32), np.ones(1, np.float32))
        self._solver.solve(first, tolerance=1.0)  # builds the hierarchy, so that no stroke waits for it

    def change(self, strokes: Mapping[int, Stroke], shape: tuple[int, int], watch: Watch | None = None) -> Float:
        """Relative chroma that the strokes add to the plain answer, (h, w, 2) at the preview's own small size.

        Parameters
        ----------
        strokes : by number, in the order in which they were made
        shape : (H, W) of the photo
        watch : as of `ChromaSolver.solve`; may cancel
        """
        marks = [self._mark(number, stroke, shape) for number, stroke in strokes.items()]
        self._marks = {number: self._marks[number] for number in strokes}
        light = shading(self._small).reshape(-1, 1)
        plain = self._plain.reshape(-1, 2)
        painted = paint(marks, self._small.shape)
        if not len(painted):
            self.share = np.zeros_like(self._small)
            return np.zeros_like(self._plain)
        added = painted.ab / light[painted.index] - plain[painted.index]
        belonging = Seeds(painted.index, np.insert(added, 0, 1, axis=1), np.full(len(painted), HARD, np.float32))
        seeds = screened(belonging, self._small.shape, self._cells)
        field = self._solver.solve(seeds, start=self._field, tolerance=TOLERANCE, watch=watch).chroma
        self._field = field
        member = field[..., :1]
        share = np.clip((member - FREE) / (CLAIMED - FREE), 0, 1)
        share = share * share * (3 - 2 * share)
        self.share = share[..., 0]
        change = share * field[..., 1:] / np.maximum(member, FREE)
        cells = self._corrected(painted, self._small)
        if cells is not None:
            alike = np.stack([enlarge(np.ascontiguousarray(cells[..., c]), self._small.shape) for c in range(2)], -1)
            change += (1 - share) * alike / light.reshape(*self._small.shape, 1)
        change.reshape(-1, 2)[painted.index] = added
        return change.astype(np.float32)

    def shown(self, base: Float, codes: Half, change: Float) -> Half:
        """What is to be seen of a picture at working size once it has changed, as half floats, (h, w, 2).

        Only the window that changes is drawn anew, along the photo's edges.

        Parameters
        ----------
        base : (h, w, 2) float32, relative chroma
        codes : the same as half floats
        change : (h, w, 2) of it, at the preview's small size
        """
        window = self._window(np.abs(change).max(-1) > UNSEEN)
        if window is None:
            return codes
        if self._small.shape == self._guide.shape:
            added = change[window]
        else:
            lines = line_field(change, self._small)
            added = apply_lines(lines, self._guide, window) / shading(self._guide[window])[..., None]
        codes = codes.copy()
        codes[window] = base[window] + added
        return codes

    def _window(self, is_seen: NDArray[np.bool_]) -> tuple[slice, slice] | None:
        """The window at working size that True at the small size spans, with what is interpolated and fitted to it."""
        span = spanning(is_seen, FITTED_FROM + 1)
        if span is None:
            return None
        rows, columns = (
            slice(side.start * full // small, -(-side.stop * full // small))
            for side, full, small in zip(span, self._guide.shape, is_seen.shape, strict=True)
        )
        return rows, columns

    def _mark(self, number: int, stroke: Stroke, shape: tuple[int, int]) -> MarkedPixels:
        """The pixels of the small copy that a stroke covers, kept as long as the stroke is the same."""
        known = self._marks.get(number)
        if known is not None and known[0] is stroke:
            return known[1]
        rows, columns = self._small.shape
        scale = np.array([columns / shape[1], rows / shape[0]], np.float32)
        radius = np.maximum(np.asarray(stroke.radius, np.float32) * scale.mean(), 0.75)
        small = Stroke(stroke.points * scale, radius, stroke.ab, stroke.mode, stroke.strength, stroke.is_region)
        index = covered(small, (rows, columns))
        light = shading(self._small).reshape(-1, 1)[index]
        predicted = self._plain.reshape(-1, 2)[index] * light
        asked = np.asarray(stroke.ab if stroke.mode == "color" else (0.0, 0.0), np.float32)
        share = np.float32(0.0 if stroke.mode == "keep" else stroke.strength)
        ab = share * asked + (1 - share) * predicted
        if stroke.mode == "erase":
            ab = np.full_like(ab, np.nan)
        mark = MarkedPixels(index, ab.astype(np.float32), (rows, columns))
        self._marks[number] = (stroke, mark)
        return mark
