"""How long a person waits: strokes recoloured, drawn and erased on a photo whose solver is kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers import CellMeans, ChromaSolver, Seeds
from solvers.bench.cases import WARM_UP_MEGAPIXELS, Case, make_case, span_of, stroke_pixels
from solvers.bench.guides import Float, Guide, gallery_guide
from solvers.bench.references import largest_error
from solvers.bench.solves import solver_options

Pixels = NDArray[np.int64]
Stroke = tuple[Pixels, NDArray[np.float32]]
Editor = Callable[[ChromaSolver, Seeds, CellMeans | None, Float, Pixels, float], Float]
"""(solver, all seeds after the edit, cells, chroma before, pixels that the edit touched, bound) -> chroma after."""
KINDS = ("new", "recolour", "erase")
STROKES = 12
WEIGHT = 1e6


def solve_again(
    solver: ChromaSolver, seeds: Seeds, cells: CellMeans | None, before: Float, touched: Pixels, bound: float
) -> Float:
    """The whole image, from the chroma before."""
    del touched
    return solver.solve(seeds, cells, start=before, tolerance=bound).chroma


EDITORS: dict[str, Editor] = {"solve": solve_again}
"""Ways to edit; a faster one is a row here."""


def measured_edits(
    guide: Guide, pattern: str, weights: str, editor: str, edits: int, threads: int = 1
) -> dict[str, Any]:
    """Latencies of `edits` edits of each kind, after a warm-up on a tiny image.

    Returns
    -------
    dict
        "seconds": kind -> list; "first": seconds of the first solve; "error": the largest of the last edit of each
        kind, in bounds, against a fresh solve 100 times as exact; "status" as in `runs.measured`.
    """
    _edited(gallery_guide("grain", WARM_UP_MEGAPIXELS), pattern, weights, EDITORS[editor], 1, threads)
    result = _edited(guide, pattern, weights, EDITORS[editor], edits, threads)
    is_right = result["error"] <= 1
    reason = "" if is_right else f"largest error {result['error']:.3g} bounds"
    return {"status": "ok" if is_right else "wrong", "reason": reason, "pixels": guide.luminance.size, **result}


def _edited(guide: Guide, pattern: str, weights: str, edit: Editor, edits: int, threads: int) -> dict[str, Any]:
    random = np.random.default_rng(0)
    case = make_case(guide, pattern, weights)
    strokes = [_stroke(guide.shape, random) for _ in range(STROKES)]
    solver = ChromaSolver(case.luminance, **solver_options(weights, threads))
    began = time.perf_counter()
    chroma = solver.solve(merged(case, strokes), case.cells, tolerance=case.bound).chroma
    first = time.perf_counter() - began
    seconds: dict[str, list[float]] = {name: [] for name in KINDS}
    worst = 0.0
    for number in range(edits):
        for name in KINDS:
            touched = _change(name, strokes, guide.shape, random)
            began = time.perf_counter()
            seeds = merged(case, strokes)
            chroma = edit(solver, seeds, case.cells, chroma, touched, case.bound)
            seconds[name].append(time.perf_counter() - began)
            if number == edits - 1:
                exact = solver.solve(seeds, case.cells, chroma, case.bound / 100, max_iterations=1000).chroma
                worst = max(worst, largest_error(chroma, exact) / case.bound)
    return {"seconds": seconds, "first": first, "error": worst}


def _stroke(shape: tuple[int, int], random: np.random.Generator) -> Stroke:
    middle = random.random(2) * (shape[0] - 1, shape[1] - 1)
    return stroke_pixels(shape, middle, random.random() * math.pi, *span_of(shape)), _colour(random)


def _colour(random: np.random.Generator) -> NDArray[np.float32]:
    return random.random(2).astype(np.float32)


def _change(kind: str, strokes: list[Stroke], shape: tuple[int, int], random: np.random.Generator) -> Pixels:
    """Change the list of strokes; the pixels of the stroke that was drawn, recoloured or erased."""
    if kind == "new":
        strokes.append(_stroke(shape, random))
        return strokes[-1][0]
    which = int(random.integers(len(strokes)))
    pixels = strokes[which][0]
    if kind == "recolour":
        strokes[which] = (pixels, _colour(random))
    else:
        del strokes[which]
    return pixels


def merged(case: Case, strokes: list[Stroke]) -> Seeds:
    """The case's seeds under the strokes, later strokes over earlier ones."""
    base = case.seeds if case.seeds is not None else Seeds.none()
    index = np.concatenate([base.index, *(pixels for pixels, _ in strokes)])
    chroma = np.concatenate([base.chroma, *(np.broadcast_to(colour, (len(p), 2)) for p, colour in strokes)])
    weight = np.full(len(index), WEIGHT, np.float32)
    weight[: len(base)] = base.weight
    kept, last = np.unique(index[::-1], return_index=True)
    place = len(index) - 1 - last
    return Seeds(kept, chroma[place], weight[place])
