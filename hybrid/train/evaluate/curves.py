"""Curves of a report, drawn into one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hybrid.train.evaluate.survey import SWEEP


def write_curves(path: Path, report: dict[str, Any]) -> None:
    """Draw the report's curves as a PNG, whole or not at all.

    Parameters
    ----------
    path : of the PNG
    report : as `python -m hybrid.train.evaluate` writes it; "hints" may be missing
    """
    figure = Figure(figsize=(15, 9), layout="constrained")
    axes = figure.subplots(2, 3).ravel()
    _frontier(axes[0], report["table"])
    _risk(axes[1], report["risk_coverage"])
    _reliability(axes[2], report["calibration"])
    _spread(axes[3], report["calibration"])
    if "hints" in report:
        _hints(axes[4], report["hints"])
    else:
        axes[4].axis("off")
    if "variants" in report:
        _variants(axes[5], report["variants"])
    else:
        axes[5].axis("off")
    temporary = path.with_suffix(".part")
    figure.savefig(temporary, format="png", dpi=90)
    temporary.replace(path)


def _frontier(axes: Axes, table: dict[str, Any]) -> None:
    rows = [table[str(decoding)] for decoding in SWEEP]
    axes.plot([row["colorfulness"] for row in rows], [row["psnr_db"] for row in rows], "o-", label="T .38, vividness")
    for row, decoding in zip(rows, SWEEP, strict=True):
        axes.annotate(f"{decoding.vividness:g}", (row["colorfulness"], row["psnr_db"]), fontsize=7)
    for name in ("grey", "sepia"):
        axes.plot(table[name]["colorfulness"], table[name]["psnr_db"], "s", label=name)
    axes.axvline(table["truth"]["colorfulness"], color="grey", linestyle=":", label="truth")
    axes.set(xlabel="colourfulness", ylabel="PSNR, dB", title="Frontier")
    axes.legend()


def _risk(axes: Axes, risk: dict[str, Any]) -> None:
    axes.plot(risk["shares"], risk["ab_error"], "o-", label="by stated confidence")
    axes.plot(risk["shares"], risk["grey_error"], label="grey at the same places")
    axes.plot(risk["shares"], risk["best_order"], ":", label="by true error")
    axes.set(xlabel="share of cells, surest first", ylabel="mean ab error", title="Risk and coverage", ylim=(0, None))
    axes.legend()


def _reliability(axes: Axes, calibration: dict[str, Any]) -> None:
    for name in ("before", "after"):
        data = calibration[name]
        curve = data["reliability"]
        axes.plot(curve["stated"], curve["observed"], "o-", label=f"{name}: ECE {data['ece']:.3f}")
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
    axes.set(xlabel="stated probability of the first bin", ylabel="how often true", title="Calibration, second half")
    axes.legend()


def _spread(axes: Axes, calibration: dict[str, Any]) -> None:
    for name in ("before", "after"):
        spread = calibration[name]["spread"]
        axes.plot(spread["predicted_rms"], spread["true_rms"], "o-", label=name)
    axes.axline((0, 0), slope=1, color="grey", linestyle=":")
    axes.set(xlabel="stated rms ab error", ylabel="true rms ab error", title="Width of the distribution, by tenths")
    axes.legend()


def _hints(axes: Axes, hints: dict[str, Any]) -> None:
    names = (
        ("siggraph17", "SIGGRAPH17, published"),
        ("network_solver", "product, reach wide"),
        ("object", "product, reach object"),
        ("network", "network alone"),
        ("solver", "solver alone"),
    )
    for name, label in names:
        db = [np.nan if value is None else value for value in hints[name]]
        axes.plot([max(count, 0.5) for count in hints["counts"]], db, "o-", label=label)
    axes.set_xscale("log")
    axes.set_xticks([max(count, 0.5) for count in hints["counts"]], [str(count) for count in hints["counts"]])
    axes.minorticks_off()
    axes.set(xlabel="hints", ylabel="PSNR, dB", title=f"Hints, {hints['photos']} photos")
    axes.legend(loc="lower right", fontsize=7)


def _variants(axes: Axes, variants: dict[str, Any]) -> None:
    rows = {name: row["psnr_db"] for name, row in variants.items() if name != "photos"}
    axes.barh(list(rows)[::-1], list(rows.values())[::-1])
    low = min(rows.values())
    axes.set(xlabel="PSNR, dB", title=f"Damaged photos, {variants['photos']}", xlim=(low - 0.5, None))
