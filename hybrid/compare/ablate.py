"""`python -m hybrid.compare.ablate PHOTO...`: what every ingredient of the recipe is worth and costs; a table."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from hybrid.compare.ingredients import ABLATIONS, colored, way_of
from hybrid.compare.intent import intent_scores, intents
from hybrid.compare.interpolate import bicubic
from hybrid.compare.run import checked_source
from hybrid.compare.scene import Scene, read_scene
from hybrid.compare.scores import judge_of, scores
from hybrid.compare.sources import SOURCES, Source
from hybrid.models.weights import load_model
from hybrid.predict import Predictor
from hybrid.settings import Settings

RATIOS = {
    "edge_p95": "edge p95",
    "edge_mean": "edge mean",
    "delta_e": "mean ΔE",
    "intent_plain": "intent",
    "intent_relative": "rel. intent",
}
"""Figure -> heading; its median over photos as a ratio to bicubic."""
RECIPE = "recipe"
FEW = 96
"""Pixels a side of the corner of a photo that everything is done on once before it is timed."""


def measured(scene: Scene, source: Source, megapixels: float, names: Sequence[str], repeats: int) -> dict[str, Any]:
    """Figures of the recipe with each ingredient left out, on one photo.

    Parameters
    ----------
    scene, source : the photo and the colours of its cells
    megapixels : size at which colours are spread
    names : of ABLATIONS
    repeats : how often each is done, all taking turns; the least processor time counts

    Returns
    -------
    name -> figures of `hybrid.compare.scores`, for a network's colours those of `hybrid.compare.intent` too, each of
    RATIOS divided by that of bicubic; colorfulness; seconds of processor time a megapixel. None where an ingredient
    plays no part.
    """
    judge, meant = judge_of(scene), intents(scene, source.colors.ab) if source.predictor else {}

    def figures(ab: np.ndarray) -> dict[str, float | None]:
        return scores(ab, judge) | intent_scores(ab, meant, judge.band)

    way = way_of(source, scene.seen, megapixels)
    ways = {name: ABLATIONS[name](way) for name in names}
    for own in ways.values():  # so that no compiled loop is loaded while it is timed
        colored(scene.seen[:FEW, :FEW], source, own)
    base = figures(bicubic(source.colors.ab, scene.seen.shape))
    found: dict[str, Any] = dict.fromkeys(names)
    for _ in range(repeats):
        for name, own in ways.items():
            if own == way and name != RECIPE:
                continue
            began = time.process_time()
            ab = colored(scene.seen, source, own)
            spent = (time.process_time() - began) / scene.seen.size * 1e6
            if found[name] is None:
                row = figures(ab)
                found[name] = {key: a / b for key in RATIOS if (a := row.get(key)) and (b := base.get(key))}
                found[name] |= {"colorfulness": row["colorfulness"], "seconds": spent}
            found[name]["seconds"] = min(found[name]["seconds"], spent)
    return found


def table(reports: Sequence[dict[str, Any]]) -> str:
    """What reports of several photos come to, as a Markdown table: medians of ratios, photos on which edges are worse
    than the whole recipe's, seconds a megapixel and what is saved of them."""
    keys = [key for key in RATIOS if any(key in (report[RECIPE] or {}) for report in reports)]
    heads = ["left out", *(RATIOS[key] for key in keys), "CF", "edges worse on", "s/MP", "saved"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for name in reports[0]:
        pairs = [(report[name], report[RECIPE]) for report in reports if report[name] is not None]
        if not pairs:
            lines.append(f"| {name} |" + " |" * (len(heads) - 1))
            continue
        cells = []
        for key in keys:
            ratios = [row[key] for row, _ in pairs if key in row]
            cells.append(f"{np.median(ratios):.3f}" if ratios else "")
        cells.append(f"{np.mean([row['colorfulness'] for row, _ in pairs]):.1f}")
        judged = [row["edge_p95"] > whole["edge_p95"] for row, whole in pairs if "edge_p95" in row]
        cells.append("" if name == RECIPE else f"{sum(judged)} of {len(judged)}")
        spent = float(np.mean([row["seconds"] for row, _ in pairs]))
        saved = float(np.mean([whole["seconds"] - row["seconds"] for row, whole in pairs]))
        cells += [f"{spent:.2f}", "" if name == RECIPE else f"{saved:+.2f}"]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="Colour photos, whose own colours judge.")],
    source: Annotated[str, typer.Option(help="oracle, degraded, inconsistent or model.")] = "oracle",
    grid: Annotated[int, typer.Option(min=2, max=1024, help="Cells on the long side; a model has its own.")] = 128,
    megapixels: Annotated[float, typer.Option(min=0.001, help="Photos are averaged down to this size.")] = 1.0,
    solve_at: Annotated[
        float, typer.Option(min=0.001, metavar="MP", help="Size at which colours are spread; then they are lifted.")
    ] = Settings().megapixels,
    grain: Annotated[float, typer.Option(min=0, max=0.5, help="Film grain to add, as a share of white.")] = 0.0,
    ablations: Annotated[str, typer.Option(help="Names, separated by commas.")] = ",".join(ABLATIONS),
    repeats: Annotated[int, typer.Option(min=1, help="Least time of so many counts.")] = 1,
    model: Annotated[str, typer.Option(help="For source model: a shipped model, or a FILE.")] = "lite",
    out: Annotated[Path | None, typer.Option(help="A file for all figures, one JSON object a photo and line.")] = None,
) -> None:
    """Print the recipe's figures with each ingredient left out in turn; an empty row where it plays no part."""
    named = ablations.split(",")
    wanted = [RECIPE, *(name for name in ABLATIONS if name in named and name != RECIPE)]
    reports: list[dict[str, Any]] = []
    lines = []
    try:
        if unknown := [name for name in named if name not in ABLATIONS]:
            raise ValueError(f"{unknown[0]!r}; wanted some of {', '.join(ABLATIONS)}")
        checked_source(source)
        predictor = Predictor(load_model(model)) if source == "model" else None
        for path in photos:
            scene = read_scene(path, megapixels, grain)
            reports.append(measured(scene, SOURCES[source](scene, grid, predictor), solve_at, wanted, repeats))
            lines.append(json.dumps({"photo": path.name, "source": source, "ablations": reports[-1]}))
            typer.echo(f"{path.name} …", err=True)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if out is not None:
        out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    typer.echo(table(reports))


if __name__ == "__main__":
    typer.run(main)
