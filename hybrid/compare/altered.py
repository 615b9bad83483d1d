"""`python -m hybrid.compare.altered PHOTO...`: what `--colors` makes of pictures that do not fit; a Markdown table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from hybrid.compare.alter import ALTERATIONS, CELLS, Altered, altered
from hybrid.compare.scene import Scene, read_scene
from hybrid.compare.scores import band_scores, edge_band
from hybrid.metrics import ab_distance
from hybrid.models.weights import load_model
from hybrid.photo import Photo
from hybrid.picture import Matched, matched
from hybrid.predict import Predictor
from hybrid.register import Placement, positions
from hybrid.scale import shrink
from hybrid.scribbles import CellColors, colors_of_picture
from hybrid.session import Session

COLUMNS = {
    "ab_before": "ab error as it is",
    "ab_after": "ab error",
    "edge_before": "edge p95 as it is",
    "edge_after": "edge p95",
    "ab_painted_before": "painted over, as it is",
    "ab_painted_after": "painted over",
    "bad_rejected": "bad rejected",
    "good_lost": "good lost",
    "rejected": "rejected",
    "off": "off by, cells",
}
"""Figure -> heading; errors are means over the photo, or over what is painted over."""


def measured(scene: Scene, kind: str, other: Scene, seed: int, predictor: Predictor | None) -> dict[str, Any]:
    """Figures of one altered picture of a scene; see COLUMNS. None where there is nothing to measure."""
    made = altered(scene, ALTERATIONS[kind], other, seed)
    found = matched(made.picture, scene.seen)
    assert made.picture.ab is not None
    before = _colored(scene, colors_of_picture(made.picture.ab), None)
    after = _colored(scene, found.colors if found.is_used else None, predictor)
    band, painted = edge_band(scene.ab), made.painted > 0.5
    figures: dict[str, Any] = {}
    for name, ab in (("before", before), ("after", after)):
        distance = ab_distance(ab, scene.ab)
        figures[f"ab_{name}"] = float(distance.mean())
        figures[f"edge_{name}"] = band_scores(ab, scene.ab, band)["edge_p95"]
        figures[f"ab_painted_{name}"] = float(distance[painted].mean()) if painted.any() else None
    figures |= cell_shares(found, made)
    figures |= {"rejected": found.rejected, "outside": found.outside, "off": misplaced(found.placement, made)}
    return figures


def _colored(scene: Scene, picture: CellColors | None, predictor: Predictor | None) -> np.ndarray:
    return Session(Photo(scene.seen), predictor, picture=picture).edit().ab


def cell_shares(found: Matched, made: Altered) -> dict[str, float | None]:
    """Share of the cells wholly painted over that are rejected, and of those not painted over at all that are lost."""
    weight = found.colors.weight
    grid = found.colors.confidence.shape
    is_refused = np.zeros(grid, bool) if weight is None else weight < 0.5
    share = shrink(made.painted, grid)
    bad, good = share > 0.99, share < 0.01
    return {
        "bad_rejected": float(is_refused[bad].mean()) if bad.any() else None,
        "good_lost": float(is_refused[good].mean()) if good.any() else None,
    }


def misplaced(placement: Placement, made: Altered) -> float:
    """Root mean square distance of where the photo's cells were looked for from where they are, in CELLS of a side."""
    side = np.array(made.picture.lightness.shape)
    grid = tuple((side * CELLS / side.max()).round().astype(int))
    scene = np.stack(np.meshgrid(*((np.arange(n) + 0.5) / n for n in grid), indexing="ij"))
    truth = np.tensordot(made.matrix[:, :2], scene, axes=1) + made.matrix[:, 2, None, None]
    looked = (positions(placement.on(grid), grid) + 0.5) / np.array(grid)[:, None, None]
    off = (looked - truth) * np.array(grid)[:, None, None]
    return float(np.sqrt((off**2).sum(0).mean()))


def table(rows: dict[str, list[dict[str, Any]]]) -> str:
    """Means over photos as a Markdown table, a row for each alteration."""
    lines = ["| picture | " + " | ".join(COLUMNS.values()) + " |", "|" + "---|" * (len(COLUMNS) + 1)]
    for kind, figures in rows.items():
        cells = []
        for key in COLUMNS:
            values = [row[key] for row in figures if row[key] is not None]
            mean = float(np.mean(values)) if values else None
            is_share = key in ("bad_rejected", "good_lost", "rejected")
            cells.append("" if mean is None else f"{mean:.1%}" if is_share else f"{mean:.2f}")
        lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(
    photos: Annotated[
        list[Path], typer.Argument(metavar="PHOTO...", help="Colour photos; each is painted over by the next.")
    ],
    kinds: Annotated[str, typer.Option(help="Names, separated by commas.")] = ",".join(ALTERATIONS),
    megapixels: Annotated[float, typer.Option(min=0.01, help="Photos are averaged down to this size.")] = 1.0,
    model: Annotated[
        str, typer.Option(help="Network for what is rejected; none leaves it to what is around.")
    ] = "none",
    out: Annotated[Path | None, typer.Option(help="A file for all figures, one JSON object a line.")] = None,
) -> None:
    """Print mean errors with a picture taken as it is and as matched, and what was rejected."""
    wanted = kinds.split(",")
    if unknown := [kind for kind in wanted if kind not in ALTERATIONS]:
        raise typer.BadParameter(f"{unknown[0]!r}; wanted some of {', '.join(ALTERATIONS)}")
    predictor = None if model == "none" else Predictor(load_model(model))
    rows: dict[str, list[dict[str, Any]]] = {kind: [] for kind in wanted}
    lines = []
    for number, path in enumerate(photos):
        try:
            scene, other = (read_scene(p, megapixels) for p in (path, photos[(number + 1) % len(photos)]))
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        for kind in wanted:
            figures = measured(scene, kind, other, number, predictor)
            rows[kind].append(figures)
            lines.append(json.dumps({"photo": path.name, "picture": kind, **figures}))
        typer.echo(f"{path.name} …", err=True)
    if out is not None:
        out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    typer.echo(table(rows))


if __name__ == "__main__":
    typer.run(main)
