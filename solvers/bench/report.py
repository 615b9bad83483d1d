"""Markdown tables of records: seconds a megapixel, ratios within a run, growth with size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

import numpy as np

Record = dict[str, Any]
OURS = "multigrid"
COUNTED = ("weights", "setup", "solve")
"""Steps that make the total; the assembly of a peer's matrix is not held against it."""


def report(records: Sequence[Record]) -> str:
    """All tables, and what they were measured with."""
    runs = [record for record in records if record["kind"] == "measure" and record["status"] != "missing"]
    parts = [_origin(records)]
    for (pattern, weights), group in grouped(runs, "pattern", "weights"):
        parts.append(f"### Pattern {pattern}, weights {weights}\n\n{_table(group)}")
        growth = _growth(group)
        if growth:
            parts.append(growth)
    edits = [record for record in records if record["kind"] == "edits"]
    if edits:
        parts.append(f"### Edits\n\n{_edit_table(edits)}")
    failures = _failures(records)
    if failures:
        parts.append(failures)
    return "\n\n".join(parts)


def totals(record: Record) -> list[float]:
    """Seconds of every repeat, luminance in and chroma out."""
    return [sum(repeat.get(step, 0.0) for step in COUNTED) for repeat in record["seconds"]]


def ratio(peer: Record, ours: Record) -> tuple[float, float, float]:
    """How many times as long a peer takes: of the medians, and the least and most of any two repeats."""
    theirs, own = totals(peer), totals(ours)
    return median(theirs) / median(own), min(theirs) / max(own), max(theirs) / min(own)


def fitted_exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float | None:
    """k of time ~ size^k by least squares of logarithms; None without two sizes 1.5 times apart."""
    if len(sizes) < 2 or max(sizes) < 1.5 * min(sizes):
        return None
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def grouped(records: Iterable[Record], *keys: str) -> list[tuple[tuple[Any, ...], list[Record]]]:
    """Records by the values of keys, in order of first appearance."""
    groups: dict[tuple[Any, ...], list[Record]] = defaultdict(list)
    for record in records:
        groups[tuple(record[key] for key in keys)].append(record)
    return list(groups.items())


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _table(records: Sequence[Record]) -> str:
    threads = sorted({record["threads"] for record in records})
    head = ["MP", "images", "solver", "weights s/MP", "set-up s/MP", "iterations", "solve s/MP"]
    head += [f"total s/MP, {_threads(count)}" for count in threads]
    head += [f"times {OURS}, {_threads(count)}" for count in threads]
    head += ["CPU s/MP", "growth B/px", "process B/px", "error / bound"]
    rows = []
    for (size, solver), group in sorted(grouped(records, "megapixels", "solver"), key=lambda item: item[0][0]):
        rows.append([f"{size:g}", *_row(solver, group, records, threads)])
    return markdown(head, rows)


def _row(solver: str, group: Sequence[Record], records: Sequence[Record], threads: Sequence[int]) -> list[str]:
    images = str(len({record["hash"] for record in group}))
    right = [record for record in group if record["status"] == "ok"]
    if not right:
        said = ", ".join(sorted({record["status"] for record in group}))
        return [images, solver, *["–"] * 3, said, *["–"] * (2 * len(threads) + 3), _errors(group)]
    fewest = [record for record in right if record["threads"] == min(r["threads"] for r in right)]
    cells = [images, solver]
    cells += [f"{_per_megapixel(fewest, ['weights']):.3f}", f"{_per_megapixel(fewest, ['setup']):.3f}"]
    cells += [span([record["iterations"] for record in right]), f"{_per_megapixel(fewest, ['solve']):.3f}"]
    by_threads = {count: [record for record in group if record["threads"] == count] for count in threads}
    cells += [_total(by_threads[count]) for count in threads]
    cells += [_ratios(by_threads[count], records) for count in threads]
    cells.append(f"{_per_megapixel(fewest, ['cpu']):.3f}")
    pixels = [record["pixels"] for record in right]
    growth = [(record["peak_bytes"] - record["baseline_bytes"]) / n for record, n in zip(right, pixels, strict=True)]
    process = [record["peak_bytes"] / n for record, n in zip(right, pixels, strict=True)]
    return [*cells, f"{median(growth):.0f}", f"{median(process):.0f}", _errors(group)]


def _per_megapixel(records: Sequence[Record], steps: Sequence[str]) -> float:
    """Median over images of the median over repeats."""
    return median(
        median(sum(repeat.get(step, 0.0) for step in steps) for repeat in record["seconds"]) / (record["pixels"] / 1e6)
        for record in records
    )


def _total(records: Sequence[Record]) -> str:
    """Median, and the range over images and repeats; how many images failed is said, not hidden."""
    right = [record for record in records if record["status"] == "ok"]
    if not right:
        return ", ".join(sorted({record["status"] for record in records})) or "–"
    every = [seconds / (record["pixels"] / 1e6) for record in right for seconds in totals(record)]
    lost = f", {len(records) - len(right)} failed" if len(right) < len(records) else ""
    return f"{_per_megapixel(right, COUNTED):.3f} ({min(every):.3f}–{max(every):.3f}{lost})"


def _ratios(records: Sequence[Record], everything: Sequence[Record]) -> str:
    """Against ours on the same problem, in the same run, with the same threads."""
    keys = ("run", "hash", "threads")
    ours = {tuple(r[key] for key in keys): r for r in everything if r["solver"] == OURS and r["status"] == "ok"}
    pairs = [
        ratio(record, ours[place])
        for record in records
        if record["status"] == "ok" and record["solver"] != OURS and (place := tuple(record[k] for k in keys)) in ours
    ]
    if not pairs:
        return "–"
    middle, least, most = zip(*pairs, strict=True)
    return f"{median(middle):.1f} ({min(least):.1f}–{max(most):.1f})"


def _growth(records: Sequence[Record]) -> str:
    rows = []
    for (solver, threads), group in grouped(records, "solver", "threads"):
        right = [record for record in group if record["status"] == "ok"]
        sizes = [record["pixels"] for record in right]
        exponent = fitted_exponent(sizes, [median(totals(record)) for record in right])
        if exponent is not None:
            rows.append([solver, str(threads), f"{min(sizes) / 1e6:.2g}–{max(sizes) / 1e6:.3g}", f"{exponent:.2f}"])
    return markdown(["solver", "threads", "MP", "time grows as size to the"], rows) if rows else ""


def _edit_table(records: Sequence[Record]) -> str:
    head = ["MP", "image", "pattern", "weights", "editor", "threads", "edit", "edits", "median ms", "95 % ms"]
    head += ["first solve ms", "error / bound"]
    rows = []
    for record in records:
        labels = [record[key] for key in ("image", "pattern", "weights", "editor", "threads")]
        for kind, seconds in record.get("seconds", {}).items():
            late = [f"{1000 * np.percentile(seconds, share):.0f}" for share in (50, 95)]
            if record["status"] != "ok":
                late = [record["status"]] * 2
            row = [f"{record['megapixels']:g}", *labels, kind, len(seconds), *late]
            rows.append([*map(str, row), f"{1000 * record['first']:.0f}", _errors([record])])
    return markdown(head, rows)


def _errors(records: Sequence[Record]) -> str:
    found = [record["error"] for record in records if "error" in record]
    return span(found, "{:.2f}") if found else "–"


def span(values: Sequence[float], form: str = "{:g}") -> str:
    low, high = form.format(min(values)), form.format(max(values))
    return low if low == high else f"{low}–{high}"


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def _failures(records: Sequence[Record]) -> str:
    lines = []
    for record in records:
        if record["status"] != "ok":
            named = (record.get(key) for key in ("solver", "pattern", "weights", "image"))
            where = ", ".join(str(part) for part in named if part)
            size = f", {record['megapixels']:g} MP" if "megapixels" in record else ""
            threads = f", {_threads(record['threads'])}" if "threads" in record else ""
            lines.append(f"- {where}{size}{threads}: {record['status']}: {record['reason']}")
    return "Not measured:\n\n" + "\n".join(dict.fromkeys(lines)) if lines else ""


def _origin(records: Sequence[Record]) -> str:
    lines = []
    for (run,), group in grouped(records, "run"):
        machine = group[0]["machine"]
        versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
        found, sources = (
            "; ".join(sorted({record[key] for record in group if key in record})) or "–"
            for key in ("reference", "source")
        )
        lines.append(
            f"Run {run}: {machine['cpu']}, {machine['cores']} cores, {machine['ram_gb']:g} GB; commit "
            f"{machine['commit']}, source {sources}; {versions}. Errors against: {found}."
        )
    return "\n\n".join(lines)
