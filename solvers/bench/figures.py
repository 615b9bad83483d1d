"""The figures of the report, each from records alone. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter

from solvers.bench.lead import measures, passes, profiles, stroke_seconds
from solvers.bench.records import Record
from solvers.bench.report import OURS, fitted_exponent, grouped, totals

COLOURS = {
    "direct": ("superlu", "cholmod", "pardiso"),
    "simple": ("jacobi", "incomplete-cholesky", "pymatting-ichol", "pymatting-vcycle"),
    "pyamg": ("ruge-stuben", "smoothed-aggregation"),
    "amgcl": ("amgcl-ruge-stuben", "amgcl-smoothed-aggregation"),
    "petsc": ("petsc-gamg", "petsc-hypre"),
}
PALETTE = {"direct": "#4c78a8", "simple": "#8a8f98", "pyamg": "#e08b2c", "amgcl": "#7b5ea7", "petsc": "#3a9278"}
OUR_COLOUR, OTHER_COLOUR = "#c8102e", "#222222"
MARKERS = "os^D"
LINES = {"o": "-", "s": "--", "^": ":", "D": "-.", "x": "-"}
LOWEST = 1e-2
"""Lower edge of plots of errors, in bounds."""
PATTERN_NAMES = {"A": "4096 dots", "B": "a dozen strokes", "one": "one stroke", "recipe": "the product's recipe"}


def style_of(solver: str) -> dict[str, Any]:
    """Colour by family, marker by member; ours thick and red."""
    if solver == OURS:
        return {"color": OUR_COLOUR, "marker": "o", "linewidth": 2.4, "markersize": 6, "zorder": 5}
    for family, members in COLOURS.items():
        if solver in members:
            marker = MARKERS[members.index(solver)]
            return {"color": PALETTE[family], "marker": marker, "linewidth": 1.1, "markersize": 4.5, "zorder": 3}
    return {"color": OTHER_COLOUR, "marker": "x", "linewidth": 1.1, "markersize": 5, "zorder": 4}


def label_of(solver: str) -> str:
    return f"{solver} (ours)" if solver == OURS else solver


def _order(solvers: set[str]) -> list[str]:
    known = [OURS, *(name for members in COLOURS.values() for name in members)]
    return [name for name in known if name in solvers] + sorted(solvers - set(known))


def _panels(records: Sequence[Record]) -> list[tuple[tuple[Any, ...], list[Record]]]:
    """Records by pattern, weights and threads; at most six panels, the fullest."""
    groups = grouped(records, "pattern", "weights", "threads")
    return sorted(groups, key=lambda group: -len(group[1]))[:6]


def _title(key: tuple[Any, ...]) -> str:
    pattern, weights, threads = key
    more = "" if threads == 1 else f", {threads} threads"
    return f"{PATTERN_NAMES.get(pattern, pattern)}, weights {weights}{more}"


def _figure(panels: int, rows: int = 1, height: float = 4.3) -> tuple[Figure, Any]:
    figure = Figure(figsize=(min(3.9 * panels + 2.4, 13), height * rows), layout="constrained", dpi=110)
    axes = figure.subplots(rows, panels, squeeze=False, sharey="row")
    for axis in axes.ravel():
        axis.grid(True, which="major", color="#dddddd", linewidth=0.7)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    return figure, axes


def _plain(axis: Any) -> None:
    """Logarithmic axes with plain numbers, 1, 2 and 5 of every decade if there are few."""
    for side in (axis.xaxis, axis.yaxis):
        if side.get_scale() == "log":
            low, high = side.get_view_interval()
            if side is axis.yaxis or not isinstance(side.get_major_locator(), FixedLocator):
                side.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 300 * low else (1,)))
            side.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            side.set_minor_formatter(NullFormatter())


def _legend(figure: Figure, axes: Any) -> None:
    shown: dict[str, Any] = {}
    for axis in axes.ravel():
        handles, labels = axis.get_legend_handles_labels()
        shown |= {label: handle for handle, label in zip(handles, labels, strict=True) if label not in shown}
    order = {label_of(name): number for number, name in enumerate(_order({label.split(" (")[0] for label in shown}))}
    labels = sorted(shown, key=lambda label: order.get(label, 99))
    figure.legend([shown[label] for label in labels], labels, loc="outside right upper", fontsize=8, frameon=False)


def _right(records: Sequence[Record]) -> list[Record]:
    return [record for record in measures(records) if record["status"] == "ok"]


def _against_size(
    records: Sequence[Record], value: Callable[[Record], Sequence[float]], what: str, has_exponents: bool
) -> Figure | None:
    """Medians over images with the range of everything as a bar, log-log, a panel a kind of problem."""
    panels = _panels(_right(records))
    if not panels:
        return None
    figure, axes = _figure(len(panels))
    for axis, (key, group) in zip(axes[0], panels, strict=True):
        for solver in _order({record["solver"] for record in group}):
            by_size = grouped(
                sorted((r for r in group if r["solver"] == solver), key=lambda r: r["megapixels"]), "megapixels"
            )
            x = [size for (size,), _ in by_size]
            middle = [median(median(value(record)) for record in own) for _, own in by_size]
            every = [[each for record in own for each in value(record)] for _, own in by_size]
            bars = [
                [m - min(e) for m, e in zip(middle, every, strict=True)],
                [max(e) - m for m, e in zip(middle, every, strict=True)],
            ]
            axis.errorbar(x, middle, yerr=bars, label=label_of(solver), elinewidth=0.7, capsize=1.5, **style_of(solver))
            exponent = fitted_exponent(x, middle)
            if has_exponents and solver == OURS and exponent is not None:
                text = f"ours grows as the size to the {exponent:.2f}"
                style = {"fontsize": 8, "color": OUR_COLOUR, "ha": "right", "va": "bottom"}
                axis.text(0.99, 0.01, text, transform=axis.transAxes, **style)
        axis.set(xscale="log", yscale="log", xlabel="megapixels")
        axis.set_title(_title(key), fontsize=10)
        sizes = sorted({record["megapixels"] for record in group})
        axis.set_xlim(sizes[0] / 1.5, sizes[-1] * 1.5)
        axis.set_xticks(sizes)
        _plain(axis)
    axes[0][0].set_ylabel(what)
    _legend(figure, axes)
    return figure


def draw_time(records: Sequence[Record]) -> Figure | None:
    return _against_size(records, totals, "seconds, luminance in to chroma out", has_exponents=True)


def draw_memory(records: Sequence[Record]) -> Figure | None:
    return _against_size(
        records,
        lambda record: [max(record["peak_bytes"] - record["baseline_bytes"], 1e6) / 1e9],
        "GB beyond the start",
        False,
    )


def _largest_traced(group: Sequence[Record]) -> list[Record]:
    """Traced records of the largest size that ours was traced at, of the first image there."""
    traced = [record for record in group if record.get("trace", {}).get("errors")]
    ours = [record for record in traced if record["solver"] == OURS] or traced
    if not ours:
        return []
    best = max(ours, key=lambda record: record["megapixels"])
    keys = ("run", "image", "megapixels")
    return [record for record in traced if all(record[key] == best[key] for key in keys)]


def draw_precision(records: Sequence[Record]) -> Figure | None:
    """Error against seconds; a step a marker, set-up included."""
    panels = [(key, traced) for key, group in _panels(_right(records)) if (traced := _largest_traced(group))]
    if not panels:
        return None
    figure, axes = _figure(len(panels))
    for axis, (key, group) in zip(axes[0], panels, strict=True):
        for solver in _order({record["solver"] for record in group}):
            record = next(record for record in group if record["solver"] == solver)
            before = median(r.get("weights", 0.0) + r.get("setup", 0.0) for r in record["seconds"])
            x = before + np.array(record["trace"]["seconds"])
            y = np.maximum(record["trace"]["errors"], 1.3 * LOWEST if len(x) == 1 else 1e-4)
            style = style_of(solver) | {"markersize": 6 if len(x) == 1 else 2.5}
            axis.plot(x, y, label=label_of(solver), **style)
        axis.axhline(1, color="#000000", linewidth=0.9, linestyle="--")
        axis.set(xscale="log", yscale="log", xlabel="seconds, weights and set-up included")
        axis.set_ylim(LOWEST, 300)
        axis.set_title(f"{_title(key)}\n{group[0]['image']}, {group[0]['megapixels']:g} MP", fontsize=9)
        _plain(axis)
    axes[0][0].set_ylabel("largest error of any pixel, in half 8-bit steps")
    _legend(figure, axes)
    return figure


def draw_convergence(records: Sequence[Record]) -> Figure | None:
    panels = [(key, traced) for key, group in _panels(_right(records)) if (traced := _largest_traced(group))]
    panels = [(key, [r for r in group if len(r["trace"]["errors"]) > 1]) for key, group in panels]
    panels = [panel for panel in panels if panel[1]]
    if not panels:
        return None
    figure, axes = _figure(len(panels), rows=2, height=3.5)
    for column, (key, group) in enumerate(panels):
        for solver in _order({record["solver"] for record in group}):
            trace = next(record for record in group if record["solver"] == solver)["trace"]
            style = style_of(solver) | {"markersize": 2.5}
            axes[0][column].plot(
                trace["iterations"], np.maximum(trace["errors"], 1e-4), label=label_of(solver), **style
            )
            if trace.get("residuals"):
                axes[1][column].plot(trace["iterations"], trace["residuals"], label=label_of(solver), **style)
        for row in range(2):
            axes[row][column].set(xscale="log", yscale="log")
        axes[0][column].axhline(1, color="#000000", linewidth=0.9, linestyle="--")
        axes[0][column].set_ylim(LOWEST, 300)
        axes[0][column].set_title(_title(key), fontsize=10)
        axes[1][column].set_xlabel("iteration")
        axes[0][column].xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes[1][column].xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes[0][0].set_ylabel("largest error, in half 8-bit steps")
    axes[1][0].set_ylabel("relative residual |b - Ax| / |b|")
    _legend(figure, axes)
    return figure


def draw_profile(records: Sequence[Record]) -> Figure | None:
    found = profiles(records)
    if len(found) < 2:
        return None
    figure, axes = _figure(1, height=4.6)
    axis = axes[0][0]
    finite = [value for values in found.values() for value in values if np.isfinite(value)]
    most = 1.5 * max(finite, default=2)
    for solver in _order(set(found)):
        values = found[solver]
        x = [1.0, *(value for value in values if np.isfinite(value)), most]
        solved = len(x) - 2
        y = [sum(value <= 1 for value in values) / len(values), *((k + 1) / len(values) for k in range(solved))]
        style = style_of(solver) | {"marker": "", "linestyle": LINES[style_of(solver)["marker"]]}
        axis.step(x, [*y, solved / len(values)], where="post", label=label_of(solver), **style)
    axis.set(xscale="log", xlabel="times as long as the fastest, at most", ylim=(0, 1.03), xlim=(1, most))
    axis.set_ylabel("share of the problems solved")
    _plain(axis)
    _legend(figure, axes)
    return figure


def draw_passes(records: Sequence[Record]) -> Figure | None:
    """Set-up, solve and an iteration in multiples of one pass over memory, at each kind's largest size."""
    return _rows(
        records,
        {
            "set-up": ("s", lambda record: passes(record, records, ("weights", "setup"))),
            "solve": ("o", lambda record: passes(record, records, ("solve",))),
            "one iteration": ("|", lambda record: _per_iteration(record, records)),
        },
        "times as long as streaming 32 bytes a pixel once",
    )


def _per_iteration(record: Record, records: Sequence[Record]) -> float | None:
    whole = passes(record, records, ("solve",))
    return whole / record["iterations"] if whole is not None and record["iterations"] else None


def draw_stroke(records: Sequence[Record]) -> Figure | None:
    def later(record: Record) -> float | None:
        return 1000 * median(stroke_seconds(record)) if stroke_seconds(record) else None

    def first(record: Record) -> float | None:
        return 1000 * median(totals(record)) if stroke_seconds(record) else None

    return _rows(records, {"after one stroke more": ("o", later), "the first time": ("|", first)}, "milliseconds")


def _rows(
    records: Sequence[Record], series: dict[str, tuple[str, Callable[[Record], float | None]]], what: str
) -> Figure | None:
    """A row a solver, a mark a quantity, at the largest size where ours and another were measured."""
    panels = []
    for key, group in _panels(_right(records)):
        sizes = [r["megapixels"] for r in group if r["solver"] == OURS and any(f(r) for _, f in series.values())]
        shown = [r for r in group if sizes and r["megapixels"] == max(sizes)]
        if shown:
            panels.append((key, shown))
    if not panels:
        return None
    solvers = _order({record["solver"] for _, group in panels for record in group})[::-1]
    figure, axes = _figure(len(panels), height=1.6 + 0.24 * len(solvers))
    for axis, (key, group) in zip(axes[0], panels, strict=True):
        for place, solver in enumerate(solvers):
            for name, (marker, value) in series.items():
                found = [v for r in group if r["solver"] == solver and (v := value(r)) is not None]
                if found:
                    style = {"color": style_of(solver)["color"], "marker": marker, "linestyle": "", "markersize": 7}
                    hollow = {"markerfacecolor": "none"} if marker == "s" else {}
                    axis.plot([median(found)], [place], **style, **hollow, label=name if solver == OURS else None)
        axis.set(xscale="log", xlabel=what, yticks=range(len(solvers)))
        axis.set_yticklabels([label_of(name) for name in solvers], fontsize=8)
        axis.set_title(f"{_title(key)}, {group[0]['megapixels']:g} MP", fontsize=9)
        _plain(axis)
    _legend(figure, axes)
    return figure
