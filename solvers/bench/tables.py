"""Tables of the report's page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from statistics import median
from typing import Any

import numpy as np

from solvers.bench.lead import Duel, Repeat, Seconds, stroke_seconds, work
from solvers.bench.records import Record
from solvers.bench.report import OURS, fitted_exponent, grouped, span, totals

DASH = "–"


def table(head: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]], text: Sequence[int] = ()) -> str:
    """A table; each row has a class, and the columns in `text` are set as text."""

    def cells(tag: str, values: Sequence[str]) -> str:
        kinds = [' class="text"' if place in text else "" for place in range(len(values))]
        return "".join(f"<{tag}{kind}>{escape(value)}</{tag}>" for kind, value in zip(kinds, values, strict=True))

    body = "".join(f'<tr class="{name}">{cells("td", values)}</tr>' for name, values in rows)
    return f'<div class="wide"><table><thead><tr>{cells("th", head)}</tr></thead><tbody>{body}</tbody></table></div>'


def seconds_text(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.3g} s"


def ratio_text(middle: float, least: float, most: float) -> str:
    return f"{_figures(middle)} ({_figures(least)}–{_figures(most)})"


def _figures(value: float) -> str:
    return f"{value:.1f}" if 1.95 <= value < 99.5 else f"{value:.2f}" if value < 1.95 else f"{value:.0f}"


def duel_table(found: Sequence[Duel]) -> str:
    head = ["marks", "weights", "threads", "MP", "cases", "ours", "fastest other", "took", "times ours (spread)"]
    has_work = any(duel.processor is not None for duel in found)
    head += ["in processor time"] * has_work
    rows = []
    for duel in found:
        megapixels, pattern, weights, threads = duel.problem
        names = ", ".join(duel.names[:3])
        values = [pattern, weights, str(threads), f"{megapixels:g}", str(duel.images), seconds_text(duel.own), names]
        values += [seconds_text(duel.other), ratio_text(duel.ratio, duel.least, duel.most)]
        values += [DASH if duel.processor is None else _figures(duel.processor)] * has_work
        rows.append(("lost" if duel.ratio < 1 else "", values))
    return table(head, rows)


def loss_table(found: Sequence[tuple[Record, Record, float]], seconds: Seconds) -> str:
    """The worst loss of every problem."""
    head = ["image", "MP", "marks", "weights", "threads", "ours", "faster", "took", "ours took times as long (spread)"]
    head += ["in processor time"] * (seconds is totals)
    rows, seen = [], set()
    for ours, other, factor in found:
        place = (ours["run"], ours["hash"], ours["threads"])
        if place in seen:
            continue
        seen.add(place)
        own, their = seconds(ours), seconds(other)
        values = [ours["image"], f"{ours['megapixels']:g}", ours["pattern"], ours["weights"], str(ours["threads"])]
        values += [seconds_text(median(own)), other["solver"], seconds_text(median(their))]
        values.append(ratio_text(factor, min(own) / max(their), max(own) / min(their)))
        rows.append(("", [*values, *[_figures(work(ours) / work(other))] * (seconds is totals)]))
    return table(head, rows)


def repeat_table(found: Sequence[Repeat]) -> str:
    head = ["image", "MP", "marks", "weights", "threads", "solver", "first run", "second run"]
    rows = []
    for one in found:
        values = [*(f"{part:g}" if isinstance(part, float) else str(part) for part in one.problem), one.solver]
        rows.append(("", [*values, ratio_text(*one.first), ratio_text(*one.second)]))
    return table(head, rows)


def solver_table(group: Sequence[Record], everything: Sequence[Record]) -> str:
    """Every solver on problems of a kind, the fastest first."""
    head = ["solver", "set-up ns/px", "solve ns/px", "total ns/px", "× ours", "iter.", "ns/px each"]
    head += ["B/px", "error", "residual", "after a stroke, ms", "× ours"]
    rows = []
    for (solver,), own in grouped(group, "solver"):
        right = [record for record in own if record["status"] == "ok"]
        if right:
            rows.append((_nanoseconds(right, totals)[0], solver, _solver_row(solver, own, right, everything)))
        else:
            status = ", ".join(sorted({record["status"] for record in own}))
            rows.append((float("inf"), solver, [solver, status, *[DASH] * 10]))
    rows.sort(key=lambda row: row[0])
    marked = [("ours" if name == OURS else "lost" if np.isinf(key) else "", cells) for key, name, cells in rows]
    return table(head, marked)


def _solver_row(solver: str, own: Sequence[Record], right: Sequence[Record], everything: Sequence[Record]) -> list[str]:
    setup = _nanoseconds(right, lambda record: _steps(record, ("weights", "setup")))[0]
    solve = _nanoseconds(right, lambda record: _steps(record, ("solve",)))[0]
    total, least, most = _nanoseconds(right, totals)
    iterations = [record["iterations"] for record in right]
    lost = f", {len(own) - len(right)} of {len(own)} failed" if len(right) < len(own) else ""
    memory = median((record["peak_bytes"] - record["baseline_bytes"]) / record["pixels"] for record in right)
    residuals = [value for record in right if (value := residual_at_bound(record)) is not None]
    each = f"{solve / median(iterations):.1f}" if min(iterations) else DASH
    stroke = [seconds for record in right for seconds in stroke_seconds(record)]
    states = sorted({record["stroke"]["status"] for record in right if "stroke" in record} - {"ok"})
    return [
        solver + (" (ours)" if solver == OURS else ""),
        f"{setup:.0f}",
        f"{solve:.0f}",
        f"{total:.0f} ({least:.0f}–{most:.0f}{lost})",
        _times_ours(right, everything, totals),
        span(iterations),
        each,
        f"{memory:.0f}",
        f"{max(record['error'] for record in right):.2f}",
        f"{median(residuals):.0e}" if residuals else DASH,
        f"{1000 * median(stroke):.0f} ({1000 * min(stroke):.0f}–{1000 * max(stroke):.0f})"
        if stroke
        else ", ".join(states) or DASH,
        _times_ours(right, everything, stroke_seconds),
    ]


def residual_at_bound(record: Record) -> float | None:
    """Relative residual of the first traced iterate that is within the bound."""
    trace = record.get("trace", {})
    pairs = zip(trace.get("errors", ()), trace.get("residuals", ()), strict=False)
    return next((residual for error, residual in pairs if error <= 1), None)


def _steps(record: Record, steps: Sequence[str]) -> list[float]:
    return [sum(repeat.get(step, 0.0) for step in steps) for repeat in record["seconds"]]


def _nanoseconds(records: Sequence[Record], seconds: Seconds) -> tuple[float, float, float]:
    """Median over images of the median over repeats, the least and the most, a pixel."""
    every = [[1e9 * each / record["pixels"] for each in seconds(record)] for record in records]
    return median(median(one) for one in every), min(min(one) for one in every), max(max(one) for one in every)


def _times_ours(records: Sequence[Record], everything: Sequence[Record], seconds: Seconds) -> str:
    keys = ("run", "hash", "threads")
    ours = {
        tuple(r[key] for key in keys): seconds(r)
        for r in everything
        if r["solver"] == OURS and r["status"] == "ok" and seconds(r)
    }
    found = []
    for record in records:
        own, their = ours.get(tuple(record[key] for key in keys)), seconds(record)
        if own and their and record["solver"] != OURS:
            found.append((median(their) / median(own), min(their) / max(own), max(their) / min(own)))
    if not found:
        return "1" if records[0]["solver"] == OURS else DASH
    middle, least, most = zip(*found, strict=True)
    return ratio_text(median(middle), min(least), max(most))


def growth_table(records: Sequence[Record]) -> str:
    """Fitted exponents, a row a solver, a column a kind of problem; nothing where there are no sizes to fit to."""
    right = [record for record in records if record["status"] == "ok"]
    kinds = sorted({tuple(record[key] for key in ("pattern", "weights", "threads")) for record in right}, key=str)
    found: dict[str, dict[Any, str]] = {}
    for (solver, *kind), own in grouped(right, "solver", "pattern", "weights", "threads"):
        sizes = [record["pixels"] for record in own]
        exponent = fitted_exponent(sizes, [median(totals(record)) for record in own])
        if exponent is not None:
            span_of_sizes = f"{min(sizes) / 1e6:.2g}–{max(sizes) / 1e6:.3g} MP"
            found.setdefault(solver, {})[tuple(kind)] = f"{exponent:.2f} ({span_of_sizes})"
    head = ["solver", *(f"{pattern}, {weights}, {threads} thr." for pattern, weights, threads in kinds)]
    rows = [
        ("ours" if solver == OURS else "", [solver, *(cells.get(kind, DASH) for kind in kinds)])
        for solver, cells in found.items()
    ]
    return table(head, rows) if rows else ""


def stroke_table(records: Sequence[Record]) -> str:
    head = ["image", "MP", "marks", "weights", "editor", "threads", "edit", "edits", "median", "95 %", "first", "error"]
    rows = []
    for record in records:
        for kind, seconds in record.get("seconds", {}).items():
            labels = [record["image"], f"{record['megapixels']:g}"]
            labels += [str(record[key]) for key in ("pattern", "weights", "editor", "threads")]
            late = [seconds_text(float(np.percentile(seconds, share))) for share in (50, 95)]
            if record["status"] != "ok":
                late = [record["status"]] * 2
            error = f"{record['error']:.2f}"
            rows.append(("", [*labels, kind, str(len(seconds)), *late, seconds_text(record["first"]), error]))
    return table(head, rows)


def trouble_table(records: Sequence[Record]) -> str:
    """What has no time and why, the gravest first; nothing if all went well."""
    grave = ["wrong", "crashed", "failed", "over the limit", "missing"]
    found: dict[tuple[str, str, str], list[str]] = {}
    for record in records:
        parts: list[tuple[Record, str, str]] = [(record, record["status"], record.get("reason", ""))]
        stroke: dict[str, Any] = record.get("stroke", {})
        if stroke.get("status") not in (None, "ok"):
            parts.append((record, f"{stroke['status']}", f"after a stroke: {stroke['reason']}"))
        for one, status, reason in parts:
            if status != "ok":
                size = f" {one['megapixels']:g} MP" if "megapixels" in one else ""
                where = " ".join(str(one[key]) for key in ("image", "pattern", "weights") if key in one)
                name = str(one.get("solver", one.get("editor", "problem")))
                found.setdefault((status, name, reason), []).append((where + size).strip())
    order = sorted(found.items(), key=lambda item: (grave.index(item[0][0]) if item[0][0] in grave else 9, item[0][1]))
    rows = [("", [name, status, reason, "; ".join(places)]) for (status, name, reason), places in order]
    return table(["solver", "what", "why", "where"], rows, text=(1, 2, 3)) if rows else ""
