"""A photo being coloured: what is slow is done once, every edit starts from it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.color import into_gamut, lab_from_linear, linear_from_lab, luminance_from_lightness
from hybrid.finish import finish
from hybrid.hints import sha256_of
from hybrid.kriging import REACHES, Likeness, carried, likeness
from hybrid.photo import Photo, Provenance, output_space, write_chroma, write_photo
from hybrid.photo.provenance import Source
from hybrid.picture import completed
from hybrid.predict import Predictor
from hybrid.reach import membership, seeds_of, yielding
from hybrid.scale import L_OFFSET, enlarge, lift, shrink, working_shape
from hybrid.scribbles import CellColors, cell_means, colors_of_prediction, limited, noise_of, trust_of
from hybrid.segments import regions
from hybrid.strokes import Mark, Paint, paint
from solvers import CellMeans, ChromaSolver, Solution, reweight

Float = NDArray[np.float32]
AB_RANGE = 255.0
HALF_STEP = 0.5 / 255 * AB_RANGE
"""Half an 8-bit step of a or b, in CIELAB units."""
MOST_L = 100 + L_OFFSET
LOOSER = 4.0
"""Tolerance of an answer that is weighed by, against that of the last: moves ab by <= .012/255 at 99.9 % of pixels."""
NETWORK_TRUST = 2.0, 2
"""Firmness and reweightings for a network, whose cells are smooth and yet often wrong."""
REACH_MEGAPIXELS = 0.25
"""Size at which it is found out how far strokes reach; a cell has some 100 pixels then."""
LEAST_LINK = 1e-3
"""Links are weakened no further, the median being 1: what islands in a cell exchange by less is left undetermined, and
the solver does not settle."""
CLAIM_SOFTNESS = 0.03
"""Change of membership between neighbours at which a link is weakened to 0.7."""


@dataclass(frozen=True)
class Settings:
    """How a photo is coloured.

    Parameters
    ----------
    temperature : of the annealed mean, 0 (most likely colour) .. 1 (mean colour)
    vividness : 0 takes the network's distribution as it is; towards 1 rare, vivid colours count more
    saturation : factor on the predicted ab; strokes keep theirs
    firmness : weight of a cell's mean against affinities whose median is 1; None: 2 for a network, for a picture by
        its noise
    megapixels : size at which colours are spread before they are lifted to full size
    reweightings : how often links are weakened where chroma changes; None: twice for a network or a noisy picture
    softness : change of ab, CIELAB units, at which a link is weakened to 0.7
    fusion : share of a region's joint answer where a cell differs much from it; 0 leaves cells to themselves
    reach : of strokes, besides what they reach along the photo's edges: a name in `hybrid.kriging.REACHES`
    """

    temperature: float = 0.38
    vividness: float = 0.1
    saturation: float = 1.0
    firmness: float | None = None
    megapixels: float = 1.0
    reweightings: int | None = None
    softness: float = 1.0
    fusion: float = 0.8
    reach: str = "local"


@dataclass(frozen=True, eq=False)
class Colorized:
    """A photo with its colours. Lightness is the photo's own.

    Parameters
    ----------
    photo : the grey photo
    ab : (H, W, 2) float32, CIELAB units
    painted : the user's marks, at full size
    solution : of the last solve at working size, or None where there was nothing to spread
    report : figures of how it came about
    source, settings : that the session has; every file tells them
    """

    photo: Photo
    ab: Float
    painted: Paint
    solution: Solution | None
    report: dict[str, Any] = field(default_factory=dict)
    source: Predictor | CellColors | None = None
    settings: Settings = field(default_factory=Settings)

    def write(self, path: Path, *, details: Mapping[str, str] | None = None, **options: Any) -> dict[str, Any]:
        """Write the picture, marked as a colorization.

        Parameters
        ----------
        path : .tif, .png or .jpg
        details : more that the mark should tell, such as the hash of a file of strokes
        options : as of `hybrid.photo.write_photo`

        Returns
        -------
        The report, completed.
        """
        marks = (self.painted.index, self.painted.ab)
        written = write_photo(path, self.photo, self.ab, marks=marks, provenance=self._mark(details), **options)
        seconds = {**self.report["seconds"], "write": round(written.seconds, 3)}
        kept = hints_kept(self.photo, self.painted, self.ab, options.get("profile"))
        return {
            **self.report,
            "hints_kept": round(kept, 4),
            "output": str(path),
            "seconds": seconds,
            "luminance_change": round(written.luminance_error, 3),
            "gamut_mapped": round(written.gamut_mapped, 4),
            "bytes": written.bytes_written,
            "verify": written.fidelity.document(),
        }

    def write_chroma(self, path: Path, *, details: Mapping[str, str] | None = None, **options: Any) -> None:
        """Write the colours alone; arguments as of `write`, options as of `hybrid.photo.write_chroma`."""
        write_chroma(path, self.photo, self.ab, provenance=self._mark(details), **options)

    def _mark(self, details: Mapping[str, str] | None) -> Provenance:
        found: dict[str, str] = {}
        if self.photo.path is not None and self.photo.path.is_file():
            found["input-sha256"] = sha256_of(self.photo.path)
        name = ""
        if isinstance(self.source, Predictor):
            name = self.source.model.name
            found |= {"model": name, "model-sha256": self.source.model.sha256}
        if len(self.painted):
            painting = self.painted.index.astype("<i8").tobytes() + self.painted.ab.astype("<f4").tobytes()
            found["painted-sha256"] = hashlib.sha256(painting).hexdigest()
        found |= {key: str(value) for key, value in asdict(self.settings).items() if value is not None}
        kind: Source = (
            "model" if name else "picture" if self.source is not None else "strokes" if len(self.painted) else "none"
        )
        return Provenance(kind, {**found, **(details or {})}, name)


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
        self._shape = working_shape(photo.lightness.shape, self.settings.megapixels)
        with self._stage("shrink"):
            self._guide = shrink(photo.lightness, self._shape)
        choice = self.settings
        self._source = picture if source is None else source
        self._regions = 0
        self._like: Likeness | None = None
        self._picture = source if isinstance(source, CellColors) else picture
        self._guess = self._predicted(source) if isinstance(source, Predictor) else None
        given = self._picture
        self.noise = 0.0 if given is None else noise_of(given.ab, self._guide, given.weight)
        firmness, reweightings = NETWORK_TRUST if self._guess and given is None else trust_of(self.noise)
        self._firmness = choice.firmness or firmness
        self.colors = self._completed(self._guess)
        self._reweightings = reweightings if choice.reweightings is None else choice.reweightings
        self._cells = self._means(self.colors) if self.colors is not None else None
        self._solver = ChromaSolver(np.clip(self._guide / 100, 0, 1))
        self._unpainted: Float | None = None

    def edit(self, strokes: Sequence[Mark] = ()) -> Colorized:
        """Colour the photo with these strokes; the list is the whole list, so that undo needs nothing special.

        Raises
        ------
        ValueError
            A stroke that cannot be painted on this photo.
        SolverError
            The colours did not settle to half an 8-bit step.
        """
        began = dict(self._seconds)
        painted = paint(strokes, self.photo.lightness.shape, self._predicted_at)
        chroma, solution = self._spread(painted)
        with self._stage("lift"):
            ab = lift(chroma, self._guide, self.photo.lightness)
        with self._stage("finish"):
            finished = finish(ab, painted, self.photo.lightness, self._shape, HALF_STEP / MOST_L)
            ab.reshape(-1, 2)[painted.index] = painted.ab
        report = self._report(painted, ab, solution, finished)
        self._seconds = began
        return Colorized(self.photo, ab, painted, solution, report, self._source, self.settings)

    def _predicted(self, network: Predictor) -> CellColors:
        """Colours of the cells by the network."""
        choice = self.settings
        with self._stage("predict"):
            labels = regions(self._guide) if choice.fusion else None
            self._regions = 0 if labels is None else int(labels.max()) + 1
            prediction = network.predict(self._guide)
            self._like = likeness(prediction, self._guide)
            return colors_of_prediction(prediction, labels, choice.temperature, choice.vividness, choice.fusion)

    def _completed(self, guess: CellColors | None) -> CellColors | None:
        """The picture's colours with a network's where they are not believed; the one there is, of one alone."""
        return guess if self._picture is None else completed(self._picture, guess, self._firmness)

    def _means(self, colors: CellColors) -> CellMeans:
        return cell_means(colors, self._guide, self._firmness, self.settings.saturation)

    def _spread(self, painted: Paint) -> tuple[Float, Solution | None]:
        """Relative chroma at working size."""
        with self._stage("seeds"):
            seeds = seeds_of(painted, self.photo.lightness, self._shape)
            cells, solver = self._cells, self._solver
            reach = REACHES[self.settings.reach]
            if len(seeds) and self._guess and self._like and reach:
                heard = self._completed(carried(self._guess, self._like, reach, painted, self.photo.lightness))
                assert heard is not None
                cells = self._means(heard)
            if len(seeds) and cells is not None:
                cells, solver = self._claimed(cells, painted)
        if not len(seeds) and cells is None:
            return np.zeros((*self._shape, 2), np.float32), None
        with self._stage("solve"):
            tolerance = HALF_STEP / MOST_L
            looser = [LOOSER] * self._reweightings + [1.0]  # answers that only decide on links need not be exact
            solution = solver.solve(seeds, cells, tolerance=looser[0] * tolerance)
            for factor in looser[1:]:
                change = solution.chroma * (self._guide + np.float32(L_OFFSET))[..., None]
                sharper = _weakened(solver, change, self.settings.softness)
                solution = sharper.solve(seeds, cells, start=solution.chroma, tolerance=factor * tolerance)
        chroma = solution.chroma if cells is None else limited(solution.chroma, cells, self._firmness)
        return chroma, solution

    def _claimed(self, cells: CellMeans, painted: Paint) -> tuple[CellMeans, ChromaSolver]:
        """Cells that yield to the strokes, and a solver whose links are weak around what the strokes claim."""
        coarse = working_shape(self._shape, REACH_MEGAPIXELS)
        seeds = seeds_of(painted, self.photo.lightness, coarse)
        share, tint = membership(seeds, shrink(self._guide, coarse), cells.weight.shape)
        solver = _weakened(self._solver, enlarge(share, self._shape)[..., None], CLAIM_SOFTNESS)
        return yielding(cells, share, tint), solver

    def _predicted_at(self, index: NDArray[np.int64]) -> Float:
        """ab without any stroke, at flat pixels."""
        if self._unpainted is None:
            self._unpainted = self.edit().ab
        return self._unpainted.reshape(-1, 2)[index]

    def _report(self, painted: Paint, ab: Float, solution: Solution | None, finished: int) -> dict[str, Any]:
        height, width = self.photo.lightness.shape
        return {
            "input": str(self.photo.path),
            "width": width,
            "height": height,
            "working": list(self._shape[::-1]),
            "regions": self._regions,
            "source_noise": round(self.noise, 2),
            "recolored_cells": round(self.colors.recolored, 4) if self.colors else 0.0,
            "iterations": solution.iterations if solution else 0,
            "estimated_error": round(solution.estimated_error * MOST_L / HALF_STEP, 3) if solution else 0.0,
            "hint_pixels": len(painted),
            "hints_kept": round(hints_kept(self.photo, painted, ab), 4),
            "finished_pixels": finished,
            "seconds": {stage: round(seconds, 3) for stage, seconds in self._seconds.items()},
        }

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        self._progress(name)
        began = time.perf_counter()
        yield
        self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - began


def hints_kept(photo: Photo, painted: Paint, ab: Float, profile: str | Path | None = None) -> float:
    """Share of the painted pixels that show the asked a and b to half an 8-bit step once they are in gamut.

    Parameters
    ----------
    ab : (H, W, 2), the photo's colours
    profile : that the picture is written in, as of `hybrid.photo.write_photo`
    """
    if not len(painted):
        return 1.0
    lightness = photo.lightness.ravel()[painted.index]
    to_xyz = output_space(photo, profile).to_xyz
    wanted = linear_from_lab(lightness, ab.reshape(-1, 2)[painted.index], to_xyz)
    shown, _ = into_gamut(wanted, luminance_from_lightness(lightness), to_xyz)
    off = np.abs(lab_from_linear(shown, to_xyz)[1] - painted.ab).max(-1)
    return float((off <= HALF_STEP).mean())


def _weakened(solver: ChromaSolver, change: Float, softness: float) -> ChromaSolver:
    """A solver with links weakened where `change` (h, w, C) varies by more than about `softness`."""
    assert solver.stencil is not None
    return ChromaSolver.from_stencil(reweight(solver.stencil, change, softness, LEAST_LINK))


def colorize(
    photo: Photo,
    source: Predictor | CellColors | None,
    strokes: Sequence[Mark] = (),
    settings: Settings | None = None,
) -> Colorized:
    """Colour a photo once: `Session(photo, source, settings).edit(strokes)`."""
    return Session(photo, source, settings).edit(strokes)
