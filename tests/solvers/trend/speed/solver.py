"""What airspeed velocity measures of every commit: the solver on a quarter of a megapixel, to the usual bound."""

import numpy as np

from solvers import ChromaSolver, Seeds
from solvers.bench.cases import WEIGHTS, make_case, strokes
from solvers.bench.guides import gallery_guide

MEGAPIXELS = 0.25


class Solving:
    """One photo-like image with grain; one thread, since machines differ most in the second."""

    params = (("A", "B"), ("s02", "power"))
    param_names = ("marks", "weights")
    number, repeat, warmup_time, timeout = 1, (3, 5, 6.0), 0, 600

    def setup(self, marks: str, weights: str) -> None:
        self.guide = gallery_guide("grain", MEGAPIXELS)
        self.case = make_case(self.guide, marks, weights)
        kind, options = WEIGHTS[weights]
        self.options = {"affinity": kind, "threads": 1, **options}
        self.solver = ChromaSolver(self.case.luminance, **self.options)
        self.before = self.solver.solve(self.case.seeds, tolerance=self.case.bound / 2)  # compiles, and sets up
        self.drawn = with_stroke(self.case.seeds, strokes(self.guide, 1, seed=7).index)

    def time_set_up_and_solve(self, *_: str) -> None:
        ChromaSolver(self.case.luminance, **self.options).solve(self.case.seeds, tolerance=self.case.bound)

    def time_solve_again(self, *_: str) -> None:
        self.solver.solve(self.case.seeds, tolerance=self.case.bound)

    def time_one_stroke_more(self, *_: str) -> None:
        self.solver.edit(self.before, self.case.seeds, self.drawn, tolerance=self.case.bound)

    def track_iterations(self, *_: str) -> int:
        return self.solver.solve(self.case.seeds, tolerance=self.case.bound).iterations


def with_stroke(seeds: Seeds, stroke: np.ndarray) -> Seeds:
    """Seeds, and a stroke of one colour on the pixels that have none."""
    free = np.setdiff1d(stroke, seeds.index)
    colour, weight = np.tile(np.float32([0.9, 0.1]), (len(free), 1)), np.full(len(free), 1e6, np.float32)
    return Seeds(
        np.concatenate([seeds.index, free]),
        np.concatenate([seeds.chroma, colour]),
        np.concatenate([seeds.weight, weight]),
    )
