"""One photo: every method's colours, their scores, and a sheet."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.compare.filters import Unavailable
from hybrid.compare.intent import intent_scores, intents
from hybrid.compare.methods import METHODS, chosen_methods
from hybrid.compare.scene import Scene, read_scene
from hybrid.compare.scores import judge_of, scores
from hybrid.compare.sheet import sheet, write_sheet
from hybrid.compare.sources import SOURCES
from hybrid.compare.spread import at_full_size
from hybrid.photo import WriteError
from hybrid.predict import Predictor
from solvers.resident import peak_bytes, reset_peak, resident_bytes

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Plan:
    """What is compared.

    Parameters
    ----------
    source : a name of SOURCES
    grid : cells on the photo's long side; source "model" has its network's own
    megapixels : size at which photos are compared, at most
    grain : standard deviation of the grain added, as a share of the range of lightness
    methods : names of METHODS, with the reference
    predictor : for source "model"
    out : folder for sheets, or None

    Raises
    ------
    ValueError
        An unknown source, or "model" without a predictor.
    """

    source: str = "oracle"
    grid: int = 128
    megapixels: float = 1.0
    grain: float = 0.0
    methods: Sequence[str] = field(default_factory=lambda: chosen_methods(None))
    predictor: Predictor | None = None
    out: Path | None = None

    def __post_init__(self) -> None:
        checked_source(self.source)


def checked_source(name: str) -> str:
    """The name of a source; a ValueError that says which there are, of anything else."""
    if name not in SOURCES:
        raise ValueError(f"source {name!r}; wanted one of {', '.join(SOURCES)}")
    return name


def compare_photo(path: Path, plan: Plan, progress: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Compare on one photo: a report that JSON can hold, and a sheet in the plan's folder.

    Raises
    ------
    PhotoError
        An unreadable or grey photo.
    MemoryShort
        It does not fit.
    """
    progress("read")
    scene = read_scene(path, plan.megapixels, plan.grain)
    report, pictures = compared(scene, plan, progress)
    report = {"input": str(path), **report}
    if plan.out is not None:
        progress("sheet")
        kind = f"{plan.source}-{'own' if plan.source == 'model' else plan.grid}"
        target = plan.out / f"{path.stem}.compare-{kind}.png"
        figures = " · ".join(
            f"{name} {row['edge_p95']:.1f}" for name, row in report["scores"].items() if row["edge_p95"]
        )
        write_sheet(target, sheet(scene, pictures, judge_of(scene).band, f"{path.name}, {kind}; edge p95: {figures}"))
        report["sheet"] = str(target)
    return report


def compared(
    scene: Scene, plan: Plan, progress: Callable[[str], None] = lambda _: None
) -> tuple[dict[str, Any], dict[str, NDArray[np.float16]]]:
    """Scores of every method on a scene, and its colours (H, W, 2) in half precision."""
    progress("source")
    source = SOURCES[plan.source](scene, plan.grid, plan.predictor)
    judge = judge_of(scene)
    meant = intents(scene, source.colors.ab) if plan.source == "model" else {}
    rows: dict[str, dict[str, float | None]] = {}
    skipped: dict[str, str] = {}
    pictures: dict[str, NDArray[np.float16]] = {}
    most = 0
    for name in plan.methods:
        progress(name)
        most = max(most, peak_bytes())
        reset_peak()
        held, began = resident_bytes(), time.perf_counter()
        try:
            ab = METHODS[name](scene.seen, source)
        except Unavailable as reason:
            skipped[name] = str(reason)
            continue
        cost = {"seconds": time.perf_counter() - began, "bytes_per_pixel": (peak_bytes() - held) / ab[..., 0].size}
        figures = scores(ab, judge) | intent_scores(ab, meant, judge.band)
        rows[name] = {key: _rounded(value) for key, value in (figures | cost).items()}
        pictures[name] = ab.astype(np.float16)
    height, width = scene.lightness.shape
    cells = source.colors.confidence.shape
    return {
        "width": width,
        "height": height,
        "source": plan.source,
        "cells": [cells[1], cells[0]],
        "grain": plan.grain,
        "edge_share": round(float(judge.band.mean()), 4),
        "truth_colorfulness": _rounded(scores(scene.ab, judge)["colorfulness"]),
        "network_input": _network_input(scene, plan.predictor if "network_full_size" in rows else None),
        "scores": rows,
        "skipped": skipped,
        "peak_memory": max(most, peak_bytes()),
    }, pictures


def _network_input(scene: Scene, predictor: Predictor | None) -> list[int] | None:
    """Width and height at which the network at full size looked at the photo."""
    if predictor is None:
        return None
    shape = scene.lightness.shape
    return list(at_full_size(predictor, shape).input_shape(shape)[::-1])


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def make_folder(path: Path | None) -> Path | None:
    """The folder, made if it is not there.

    Raises
    ------
    WriteError
        It cannot be made.
    """
    if path is not None:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WriteError(f"cannot write to folder {path}: {error.strerror}; choose another --out") from None
    return path


def write_reports(path: Path, reports: Sequence[dict[str, Any]]) -> None:
    """Write reports as JSON, one a line, whole or not at all."""
    temporary = path.with_name(path.name + ".part")
    temporary.write_text("".join(json.dumps(report) + "\n" for report in reports), encoding="utf-8")
    temporary.replace(path)
