"""A photo being coloured: what is slow is done once, every edit starts from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.colorized import HALF_STEP, Colorized, hints_kept
from hybrid.contrast import local_contrast
from hybrid.finish import Correction, Corrections, Lifted, Window, add_corrections, corrections, finish
from hybrid.grain import without_grain
from hybrid.kriging import REACHES, Likeness, carried, likeness
from hybrid.photo import Photo
from hybrid.picture import completed
from hybrid.predict import Prediction, Predictor
from hybrid.reach import Membership, membership, reaching, seeds_of, yielding
from hybrid.scale import (
    MOST_SHADING,
    apply_lines,
    enlarge,
    lift,
    line_field,
    line_field_again,
    shading,
    shrink,
    working_shape,
)
from hybrid.scribbles import CellColors, cell_means, colors_of_prediction, limited, noise_of, trust_of
from hybrid.segments import regions
from hybrid.settings import Settings
from hybrid.spreading import Answers, Spreading, Wishes, weakened
from hybrid.strokes import Mark, Paint, paint
from solvers import CellMeans, ChromaSolver, Seeds, Solution, SolverError
from solvers.problem import Watch

Float = NDArray[np.float32]
NETWORK_TRUST = 2.0, 2
"""Firmness and reweightings for a network, whose cells are smooth and yet often wrong."""
CONTRAST = 0.15
"""Softness of the cue of local contrast, for pictures without noise. With noisy or a network's cells it spreads what is
wrong in one of them."""
REACH_MEGAPIXELS = 0.25
"""Size at which it is found out how far strokes reach; a cell has some 100 pixels then."""


@dataclass(frozen=True, eq=False)
class Spread:
    """Colours at working size, from which any part of the picture follows.

    Parameters
    ----------
    painted : the user's marks, at full size
    chroma : (h, w, 2) float32, ab / shading(L*)
    answers : that they come from, or None where there was nothing to spread
    seconds : stage -> wall time
    is_fresh : whether no spread before this one was begun from
    """

    painted: Paint
    chroma: Float
    answers: Answers | None
    seconds: dict[str, float]
    is_fresh: bool = True

    @property
    def drift(self) -> float:
        """How far it may be from a fresh one, in shares of half an 8-bit step: the tally of the edits it came by."""
        return 0.0 if self.answers is None else sum(self.answers.drift)


@dataclass(eq=False)
class Kept:
    """What full-size windows share, and what of it stays from one spread to the next.

    Parameters
    ----------
    chroma, lines : at working size, of the spread asked for last, and the lines that lift it
    corrections : of tiles near strokes
    """

    chroma: Float | None = None
    lines: Float | None = None
    corrections: Corrections = field(default_factory=Corrections)


class Session:
    """Colours one photo, again and again as strokes come and go.

    Parameters
    ----------
    photo : from `read_photo`
    source : a network, the colours of a small picture, or None for strokes alone
    settings : how
    progress : called with the name of each stage as it begins
    picture : colours of a small picture that go before the network's wherever they are believed
    """

    def __init__(
        self,
        photo: Photo,
        source: Predictor | CellColors | None,
        settings: Settings | None = None,
        progress: Callable[[str], None] = lambda _: None,
        picture: CellColors | None = None,
    ) -> None:
        self.photo = photo
        self.settings = settings or Settings()
        self._progress = progress
        self._seconds: dict[str, float] = {}
        self.shape = working_shape(photo.lightness.shape, self.settings.megapixels)
        with self._stage("shrink", self._seconds):
            self.guide = shrink(photo.lightness, self.shape)
        choice = self.settings
        self._source = picture if source is None else source
        self.prediction: Prediction | None = None
        self._regions = 0
        self._like: Likeness | None = None
        self._picture = source if isinstance(source, CellColors) else picture
        self._guess = self._predicted(source) if isinstance(source, Predictor) else None
        given = self._picture
        self.noise = 0.0 if given is None else noise_of(given.ab, self.guide, given.weight)
        firmness, reweightings = NETWORK_TRUST if self._guess and given is None else trust_of(self.noise)
        self._firmness = choice.firmness or firmness
        self.colors = self._completed(self._guess)
        self._reweightings = reweightings if choice.reweightings is None else choice.reweightings
        self._cells = self._means(self.colors) if self.colors is not None else None
        solver = self._linked(CONTRAST if given is not None and not reweightings else 0.0)
        light = shading(self.guide)[..., None]
        self._spreading = Spreading(solver, light, choice.softness, self._reweightings, HALF_STEP / MOST_SHADING)
        self._reaching: ChromaSolver | None = None
        self._claiming = Lock()  # its hierarchy is for one at a time, and an export spreads in a thread of its own
        self._plain: Float | None = None
        self._plain_lines: Float | None = None

    def edit(self, strokes: Sequence[Mark] = (), watch: Watch | None = None) -> Colorized:
        """Colour the photo with these strokes; the list is the whole list, so that undo needs nothing special.

        `watch` is that of `ChromaSolver.solve`, given to every solve; where it returns True the edit is cancelled.

        Raises
        ------
        ValueError
            A stroke that cannot be painted on this photo.
        SolverError
            The colours did not settle to half an 8-bit step.
        Cancelled
            By watch.
        """
        return self.rendered(self.spread(strokes, watch, is_last=True), watch)

    def spread(
        self,
        strokes: Sequence[Mark] = (),
        watch: Watch | None = None,
        before: Spread | None = None,
        is_last: bool = False,
    ) -> Spread:
        """The part of `edit` that is done at working size; raises what `edit` does.

        `before` is of this session, with any strokes: what they leave as it was is not solved again, and the colours
        are those of a spread without it to half an 8-bit step. `is_last`: it takes less memory, and no other is to
        begin from it.
        """
        seconds = dict(self._seconds)
        painted = paint(strokes, self.photo.lightness.shape, self._predicted_at)
        if before is not None and before.painted.is_like(painted):
            return before
        spread = self._spread(painted, seconds, watch, before.answers if before else None, is_last)
        if not strokes:
            self._plain = spread.chroma
        return spread

    def renewed(self, spread: Spread, watch: Watch | None = None) -> Spread:
        """The same, to the bit what a spread of its strokes alone gives; the spread itself if it is that."""
        return spread if spread.is_fresh else self._spread(spread.painted, dict(self._seconds), watch)

    def rendered(self, spread: Spread, watch: Watch | None = None) -> Colorized:
        """The part of `edit` that is done at full size; may run beside a `spread`."""
        seconds, painted = dict(spread.seconds), spread.painted
        with self._stage("lift", seconds):
            ab = lift(spread.chroma, self.guide, self.photo.lightness)
        with self._stage("finish", seconds):
            finished = finish(ab, painted, self.photo.lightness, self.shape, HALF_STEP / MOST_SHADING, watch)
            ab.reshape(-1, 2)[painted.index] = painted.ab
        solution = spread.answers.solution if spread.answers else None
        report = self._report(painted, ab, solution, finished, seconds)
        return Colorized(self.photo, ab, painted, solution, report, self._source, self.settings)

    def window(
        self,
        spread: Spread,
        within: Window,
        kept: Kept | None = None,
        watch: Watch | None = None,
        found: list[Correction] | None = None,
    ) -> Float:
        """The colours of a full-size window, as `rendered` gives them: (rows, columns, 2) ab.

        Parameters
        ----------
        spread : from this session
        within : slices of rows and columns, with their ends given
        kept : a new one at first, then the same for all windows of this session; what they share is then done once
        watch : as of `edit`
        found : `corrections` of this window or of a larger one, if they are known
        """
        kept = Kept() if kept is None else kept
        if found is None:
            found = self.corrections(spread, within, kept, watch)
        ab = self._lifted(spread, kept)(within)
        add_corrections(ab, within, found)
        painted, width = spread.painted, self.photo.lightness.shape[1]
        first, last = np.searchsorted(painted.index, (within[0].start * width, within[0].stop * width))
        rows, columns = np.divmod(painted.index[first:last], width)
        is_in = (columns >= within[1].start) & (columns < within[1].stop)
        ab[rows[is_in] - within[0].start, columns[is_in] - within[1].start] = painted.ab[first:last][is_in]
        return ab

    def corrections(self, spread: Spread, within: Window, kept: Kept, watch: Watch | None = None) -> list[Correction]:
        """What is added to the lifted colours near strokes, of a full-size window; parameters as of `window`."""
        lightness, tolerance = self.photo.lightness, HALF_STEP / MOST_SHADING
        lifted = self._lifted(spread, kept)
        return corrections(lifted, spread.painted, lightness, self.shape, tolerance, within, watch, kept.corrections)

    def _lifted(self, spread: Spread, kept: Kept) -> Lifted:
        """The colours of full-size windows before they are corrected near strokes."""
        lightness = self.photo.lightness
        if self.shape != lightness.shape and kept.chroma is not spread.chroma:
            if kept.chroma is None or kept.lines is None:
                kept.lines = line_field(spread.chroma, self.guide)
            else:
                line_field_again(kept.lines, kept.chroma, spread.chroma, self.guide)
            kept.chroma = spread.chroma

        def lifted(part: Window) -> Float:
            if kept.lines is None:
                return spread.chroma[part] * shading(lightness[part])[..., None]
            return apply_lines(kept.lines, lightness, part)

        return lifted

    def corrected(self, painted: Paint, lightness: Float) -> CellColors | None:
        """Colours of the cells, as what is painted corrects them as far as it is to reach.

        Parameters
        ----------
        painted : marks on `lightness`
        lightness : (h, w) float32, L* of the photo, at any size
        """
        reach = REACHES[self.settings.reach]
        if self._guess is None or self._like is None or reach is None:
            return self.colors
        return self._completed(carried(self._guess, self._like, reach, painted, lightness))

    def _predicted(self, network: Predictor) -> CellColors:
        """Colours of the cells by the network."""
        choice = self.settings
        with self._stage("predict", self._seconds):
            labels = regions(self.guide) if choice.fusion else None
            self._regions = 0 if labels is None else int(labels.max()) + 1
            self.prediction = network.predict(self.guide)
            self._like = likeness(self.prediction, self.guide)
            return colors_of_prediction(self.prediction, labels, choice.temperature, choice.vividness, choice.fusion)

    def _completed(self, guess: CellColors | None) -> CellColors | None:
        """The picture's colours with a network's where they are not believed; the one there is, of one alone."""
        return guess if self._picture is None else completed(self._picture, guess, self._firmness)

    def _means(self, colors: CellColors) -> CellMeans:
        choice = self.settings
        return cell_means(colors, self.guide, self._firmness, choice.saturation, choice.warmth)

    def _linked(self, softness: float) -> ChromaSolver:
        """The solver of colours: links weak where lightness but for its grain changes, local contrast by `softness`."""
        even = without_grain(self.guide)
        solver = ChromaSolver(np.clip(even / 100, 0, 1))
        softness = softness if self.settings.contrast is None else self.settings.contrast
        return weakened(solver, local_contrast(even)[..., None], softness) if softness else solver

    def _spread(
        self,
        painted: Paint,
        seconds: dict[str, float],
        watch: Watch | None,
        before: Answers | None = None,
        is_last: bool = False,
    ) -> Spread:
        with self._stage("seeds", seconds):
            seeds = seeds_of(painted, self.photo.lightness, self.shape)
            wishes, is_local = Wishes(seeds, self._cells, None), False
            if len(seeds) and self._cells is not None:
                colors = self.corrected(painted, self.photo.lightness)
                is_local = colors is self.colors
                cells = self._cells if colors is None or is_local else self._means(colors)
                claims = self._claims(painted, cells, watch, before.wishes.claims if before else None)
                wishes = Wishes(seeds, yielding(cells, claims.share, claims.tint), claims)
        if not len(seeds) and self._cells is None:
            return Spread(painted, np.zeros((*self.shape, 2), np.float32), None, seconds)
        with self._stage("solve", seconds):
            answers = self._begun(before, wishes, watch) if before is not None and len(seeds) else None
            answers = answers or self._spreading.whole(wishes, watch, is_last)
            chroma = answers.chroma[-1]
            if answers.cells is not None:
                chroma = limited(chroma, answers.cells, self._firmness)
            if wishes.claims is not None and is_local:
                plain = self._without_strokes(watch)
                chroma = plain + enlarge(wishes.claims.reached, self.shape)[..., None] * (chroma - plain)
        return Spread(painted, chroma, answers, seconds, is_fresh=before is None)

    def _begun(self, before: Answers, wishes: Wishes, watch: Watch | None) -> Answers | None:
        """Colours begun from others; None where those are a start too far off to settle from."""
        try:
            return self._spreading.after(before, wishes, watch)
        except SolverError:
            return None

    def _claims(self, painted: Paint, cells: CellMeans, watch: Watch | None, before: Membership | None) -> Membership:
        """What the strokes claim of the cells."""
        coarse = working_shape(self.shape, REACH_MEGAPIXELS)
        seeds = seeds_of(painted, self.photo.lightness, coarse)
        with self._claiming:
            if self._reaching is None:
                self._reaching = reaching(shrink(self.guide, coarse))
            return membership(self._reaching, seeds, cells.weight.shape, watch, before)

    def _without_strokes(self, watch: Watch | None = None) -> Float:
        """Relative chroma at working size without any stroke, kept."""
        if self._plain is None:
            if self._cells is None:
                self._plain = np.zeros((*self.shape, 2), np.float32)
            else:
                answers = self._spreading.whole(Wishes(Seeds.none(), self._cells, None), watch, is_last=True)
                self._plain = limited(answers.chroma[-1], self._cells, self._firmness)
        return self._plain

    def _predicted_at(self, index: NDArray[np.int64]) -> Float:
        """ab without any stroke, at flat pixels."""
        plain = self._without_strokes()
        lightness, shape = self.photo.lightness, self.photo.lightness.shape
        if self.shape == shape:
            return (plain * shading(lightness)[..., None]).reshape(-1, 2)[index]
        rows, columns = np.divmod(index, shape[1])
        if not len(index):
            return np.zeros((0, 2), np.float32)
        part = slice(int(rows.min()), int(rows.max()) + 1), slice(int(columns.min()), int(columns.max()) + 1)
        if self._plain_lines is None:
            self._plain_lines = line_field(plain, self.guide)
        return apply_lines(self._plain_lines, lightness, part)[rows - part[0].start, columns - part[1].start]

    def _report(
        self, painted: Paint, ab: Float, solution: Solution | None, finished: int, seconds: dict[str, float]
    ) -> dict[str, Any]:
        height, width = self.photo.lightness.shape
        return {
            "input": str(self.photo.path),
            "width": width,
            "height": height,
            "working": list(self.shape[::-1]),
            "regions": self._regions,
            "source_noise": round(self.noise, 2),
            "recolored_cells": round(self.colors.recolored, 4) if self.colors else 0.0,
            "iterations": solution.iterations if solution else 0,
            "estimated_error": round(solution.estimated_error * MOST_SHADING / HALF_STEP, 3) if solution else 0.0,
            "hint_pixels": len(painted),
            "hints_kept": round(hints_kept(self.photo, painted, ab), 4),
            "finished_pixels": finished,
            "seconds": {stage: round(spent, 3) for stage, spent in seconds.items()},
        }

    @contextmanager
    def _stage(self, name: str, seconds: dict[str, float]) -> Iterator[None]:
        """Tell what begins, and add its wall time to `seconds`."""
        self._progress(name)
        began = time.perf_counter()
        yield
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began


def colorize(
    photo: Photo,
    source: Predictor | CellColors | None,
    strokes: Sequence[Mark] = (),
    settings: Settings | None = None,
) -> Colorized:
    """Colour a photo once: `Session(photo, source, settings).edit(strokes)`."""
    return Session(photo, source, settings).edit(strokes)
