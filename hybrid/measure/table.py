"""Tables of what was measured, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hybrid.measure.run import Run

STAGES = ("read", "predict", "solve", "lift", "write")
COLUMNS = ("photo", "MP", "seconds", "s/MP", *STAGES, "B/px", "largest ΔY", "out of gamut")
LARGE_COLUMNS = ("photo", "MP", *STAGES, "whole, s", "peak, GB", "B/px", "file, GB", "largest ΔY")


def head(columns: Sequence[str]) -> str:
    """The first two lines of a table."""
    return f"{line(columns)}\n|{'---|' * len(columns)}"


def line(cells: Sequence[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"


def row(run: Run) -> list[str]:
    """Cells of `COLUMNS`: stages in seconds a megapixel, luminance in steps of 1/65535."""
    report, megapixels = run.report, run.pixels / 1e6
    seconds = report["seconds"]
    total = sum(seconds.values())
    return [
        Path(report["input"]).stem,
        f"{megapixels:.1f}",
        f"{total:.1f}",
        f"{total / megapixels:.2f}",
        *(f"{seconds.get(stage, 0.0) / megapixels:.2f}" for stage in STAGES),
        f"{run.peak / run.pixels:.0f}",
        f"{report['luminance_change']:.2f}",
        f"{report['gamut_mapped']:.1%}",
    ]


def large_row(name: str, run: Run) -> list[str]:
    """Cells of `LARGE_COLUMNS`: stages in seconds, and of the whole process with its start and the hashes of files."""
    report = run.report
    return [
        name,
        f"{run.pixels / 1e6:.1f}",
        *(f"{report['seconds'].get(stage, 0.0):.1f}" for stage in STAGES),
        f"{run.seconds:.1f}",
        f"{run.peak / 1e9:.2f}",
        f"{run.peak / run.pixels:.0f}",
        f"{report['bytes'] / 1e9:.2f}",
        f"{report['luminance_change']:.2f}",
    ]


def growth(runs: Sequence[Run]) -> str:
    """How seconds and memory grow from the smallest to the largest of several sizes: as which power, and a megapixel.

    The power is the slope of a line through the logarithms, the rest that of a line through the values, both by least
    squares.
    """
    sizes = np.array([run.pixels for run in runs], float)
    seconds, peaks = (
        np.array(values, float) for values in zip(*((run.seconds, run.peak) for run in runs), strict=True)
    )
    powers = [np.polyfit(np.log(sizes), np.log(values), 1)[0] for values in (seconds, peaks)]
    each = [np.polyfit(sizes, values, 1)[0] for values in (seconds, peaks)]
    return (
        f"from {sizes.min() / 1e6:.0f} to {sizes.max() / 1e6:.0f} MP seconds grow as pixels to the power "
        f"{powers[0]:.2f}, by {each[0] * 1e6:.2f} s a megapixel, memory to the power {powers[1]:.2f}, "
        f"by {each[1]:.0f} bytes a pixel"
    )
