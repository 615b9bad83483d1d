"""What reports of several photos come to: ratios to the reference, photos won, seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.box import SIMPLE
from rich.table import Table

from hybrid.compare.methods import METHODS, OURS, REFERENCE

RATIOS = ("edge_p95", "edge_mean", "delta_e", "intent_plain", "intent_relative")
PLAIN = ("bleed", "psnr_ab_db", "colorfulness", "seconds", "bytes_per_pixel")
HEADINGS = {
    "edge_p95": "edge p95",
    "edge_mean": "edge mean",
    "delta_e": "mean ΔE",
    "intent_plain": "intent",
    "intent_relative": "rel. int.",
    "wins": "wins",
    "bleed": "bleed",
    "psnr_ab_db": "ab dB",
    "colorfulness": "CF",
    "seconds": "s",
    "bytes_per_pixel": "B/px",
}
"""Figure -> heading of its column."""


def summary(reports: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """For every method what its figures come to over photos.

    Parameters
    ----------
    reports : of `compare_photo`

    Returns
    -------
    name -> for each of RATIOS {"median", "mean", "worst"} of the ratio to the reference over photos; for each of PLAIN
    the mean; wins, the photos on which its edge_p95 is the least of all; photos, how many it has figures for; and for
    the product's ways ahead, the photos on which its edge_p95 is below that of every baseline
    """
    names = [name for name in METHODS if any(name in report["scores"] for report in reports)]
    rows: dict[str, dict[str, Any]] = {}
    for name in names:
        scores = [report["scores"] for report in reports if name in report["scores"]]
        row: dict[str, Any] = {"photos": len(scores)}
        for key in RATIOS:
            found = [s[name][key] / s[REFERENCE][key] for s in scores if s[name].get(key) and s[REFERENCE].get(key)]
            if found:
                figures = {"median": np.median(found), "mean": np.mean(found), "worst": np.max(found)}
                row[key] = {kind: round(float(value), 4) for kind, value in figures.items()}
        for key in PLAIN:
            values = [s[name][key] for s in scores if s[name].get(key) is not None]
            row[key] = round(float(np.mean(values)), 4) if values else None
        row["wins"] = sum(_winner(s, list(s)) == name for s in scores)
        if name in OURS:
            row["ahead"] = sum(_winner(s, [n for n in s if n not in OURS or n == name]) == name for s in scores)
        rows[name] = row
    return rows


def _winner(scores: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> str | None:
    """The one of `names` with the least edge_p95; None without strong edges."""
    known = {name: scores[name]["edge_p95"] for name in names if scores[name]["edge_p95"] is not None}
    return min(known, key=lambda name: known[name]) if known else None


def table_of(rows: Mapping[str, Mapping[str, Any]], title: str) -> Table:
    """The summary for a person; ratios are medians over photos, the rest means."""
    columns = [key for key in HEADINGS if any(row.get(key) is not None for row in rows.values())]
    table = Table(title=title, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("method", no_wrap=True)
    for key in columns:
        table.add_column(HEADINGS[key], justify="right", no_wrap=True)
    for name, row in rows.items():
        table.add_row(name, *(_cell(key, row.get(key)) for key in columns))
    return table


def _cell(key: str, value: Any) -> str:
    if value is None:
        return ""
    if key in RATIOS:
        return f"{value['median']:.3f}"
    return str(value) if key == "wins" else f"{value:.2f}"
