"""A report as Markdown tables, for reading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

FIGURES = {
    "psnr_db": ("PSNR dB", ".2f"),
    "ab_error": ("ab error", ".2f"),
    "delta_e": ("ΔE00", ".2f"),
    "colorfulness": ("CF", ".1f"),
    "colorfulness_off": ("CF off by", ".1f"),
    "cost_db": ("cost dB", ".2f"),
    "cross_entropy": ("cross-entropy", ".3f"),
    "top1": ("top 1", ".3f"),
    "top5": ("top 5", ".3f"),
    "ece": ("ECE", ".3f"),
    "ece_soft": ("ECE, soft", ".3f"),
    "even_share": ("even places", ".1%"),
    "spurious_share": ("spurious share", ".2%"),
    "spurious_excess": ("spurious excess", ".4f"),
}
"""Key in a report -> heading of its column and how it is written, in this order."""


def table_of(title: str, rows: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Lines of one table, a row a name; a figure that a row lacks is left empty."""
    names = [name for name in FIGURES if any(name in row for row in rows.values())]
    yield f"| {title} | " + " | ".join(FIGURES[name][0] for name in names) + " |"
    yield "|" + "---|" * (len(names) + 1)
    for key, row in rows.items():
        yield f"| {key} | " + " | ".join(_cell(row.get(name), FIGURES[name][1]) for name in names) + " |"
    yield ""


def wide_table(title: str, heads: Sequence[object], rows: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """Lines of a table whose columns are the points of curves."""
    yield f"| {title} | " + " | ".join(map(str, heads)) + " |"
    yield "|" + "---|" * (len(heads) + 1)
    for key, values in rows.items():
        yield f"| {key} | " + " | ".join(map(_cell, values)) + " |"
    yield ""


def _cell(value: Any, style: str = ".2f") -> str:
    return "" if value is None else format(value, style)


def report_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """The whole report as Markdown, one line at a time."""
    yield f"Model {report['model']}, {report['photos']} photos at {report['side']} × {report['side']}"
    yield ""
    table = report["table"]
    yield from table_of("pictures", {name: row for name, row in table.items() if name != "frontier_db"})
    yield from wide_table(
        "frontier", [f"CF {cf}" for cf in table["frontier_db"]], {"dB": [*table["frontier_db"].values()]}
    )
    yield from table_of("distribution", report["distribution"])
    calibration = report["calibration"]
    title = f"calibration, temperature {calibration['temperature']}"
    yield from table_of(title, {name: calibration[name] for name in ("before", "after")})
    for name in ("before", "after"):
        spread = calibration[name]["spread"]
        yield from wide_table(f"width by tenths, {name}", range(1, len(spread["true_rms"]) + 1), spread)
    risk = report["risk_coverage"]
    yield from wide_table("surest share", risk["shares"], {k: v for k, v in risk.items() if k != "shares"})
    yield from table_of("artifacts", report["artifacts"])
    if "hints" in report:
        hints = report["hints"]
        curves = {k: v for k, v in hints.items() if k not in ("photos", "given_up", "counts", "baselines")}
        curves |= {name: [db] * len(hints["counts"]) for name, db in hints["baselines"].items()}
        yield from wide_table(f"hints, dB, {hints['photos']} photos", hints["counts"], curves)
        if hints["given_up"]:
            yield f"The solver gave up, photos left out: {hints['given_up']}"
            yield ""
    if "variants" in report:
        variants = report["variants"]
        rows = {k: v for k, v in variants.items() if k != "photos"}
        yield from table_of(f"damaged, {variants['photos']} photos", rows)
    for name, rows in report.get("old", {}).items():
        yield from table_of(name, rows)
    yield from wide_table("seconds", list(report["seconds"]), {"": list(report["seconds"].values())})
