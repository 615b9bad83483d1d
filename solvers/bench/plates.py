"""The figures that a report has, in order, and how each is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from solvers.bench.figures import (
    draw_convergence,
    draw_memory,
    draw_passes,
    draw_precision,
    draw_profile,
    draw_stroke,
    draw_time,
)
from solvers.bench.records import Record


@dataclass(frozen=True)
class Plate:
    """A figure with its file name, title, and how to read it."""

    name: str
    title: str
    text: str
    draw: Callable[[Sequence[Record]], Figure | None]


PLATES = (
    Plate(
        "time",
        "Time against size",
        "Each point is the median over repeats and images of all the time from a luminance to two channels of "
        "colour: link weights, set-up and solve. Bars reach from the fastest to the slowest repeat. Lower is "
        "better. Straight lines are powers of the size; the exponents are fitted, and 1.00 means that twice the "
        "pixels take twice as long. Where a line ends, the solver failed or was over the limit of time or memory: "
        "see the list at the end.",
        draw_time,
    ),
    Plate(
        "precision",
        "Error against time",
        "How far off the worst pixel still is, as the seconds go by; set-up counts, so lines begin late. The "
        "dashed line is half an 8-bit step: below it nobody can see a difference, and there the clock stops. "
        "Direct solvers are single points, at the lower edge. Further left is better.",
        draw_precision,
    ),
    Plate(
        "profile",
        "On how many problems is a solver how far from the best?",
        "Performance profile after Dolan and Moré: at 1 on the horizontal axis the share of problems on which a "
        "solver was the fastest; at 10, the share on which it took at most ten times as long as the fastest. A "
        "line that never reaches 1 belongs to a solver that failed on some problem. Higher and further left is "
        "better.",
        draw_profile,
    ),
    Plate(
        "stroke",
        "After one stroke more",
        "The photo is solved, then one stroke is drawn: how long until the colours are right again? Ours edits as "
        "the product does, in a window where that is enough. The others start from the exact old colours, with "
        "the set-up of the old matrix or a new one, whichever is faster. The upright mark is the first solve.",
        draw_stroke,
    ),
    Plate(
        "memory",
        "Memory against size",
        "The most that the process held beyond what it held before the solve, by the system's accounting. The "
        "assembled matrix that the others need (about 110 bytes a pixel) is counted from the moment it is there, "
        "its making is not.",
        draw_memory,
    ),
    Plate(
        "convergence",
        "Error and residual by iteration",
        "Above the true error of the worst pixel, below the relative residual on which solvers usually stop, over "
        "the same iterations. An iteration of one solver may cost ten of another, so this is no race. Compare the "
        "two rows: the residual that a solver has when its error crosses the dashed line differs by orders of "
        "magnitude.",
        draw_convergence,
    ),
    Plate(
        "passes",
        "Against the speed of memory",
        "Reading four link weights and two channels and writing two, in single precision, is 32 bytes a pixel: "
        "nothing that looks at every pixel can be faster than that at the bandwidth that STREAM's triad reached "
        "in the same run. Marks say how many times as long set-up, solve and one iteration took. Further left is "
        "better; 1 is the limit.",
        draw_passes,
    ),
)
