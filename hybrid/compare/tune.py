"""`python -m hybrid.compare.tune PHOTO...`: search the baselines' settings on every second photo."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from hybrid.compare.filters import FILTERS, Unavailable
from hybrid.compare.interpolate import bicubic
from hybrid.compare.scene import read_scene
from hybrid.compare.scores import band_scores, judge_of
from hybrid.compare.sources import SOURCES

SEARCHED: dict[str, dict[str, tuple[float, ...]]] = {
    "joint_bilateral": {"near": (0.35, 0.5, 0.7, 1, 1.4, 2), "like": (3, 6, 12)},
    "guided": {"radius": (0.25, 0.5, 1, 2, 3, 4.5), "ridge": (1, 3, 10, 30)},
    "bilateral_solver": {"reach": (0.25, 0.5, 1, 2), "like": (2, 4, 8), "smooth": (16, 64, 256)},
    "wls": {"smooth": (0.1, 0.3, 1, 3, 10, 30), "like": (0.5, 1, 2, 4)},
    "wls_relative": {"smooth": (0.1, 0.3, 1, 3, 10, 30), "like": (0.5, 1, 2, 4)},
}
"""Method -> the values that are tried for each of its settings."""


def settings_of(name: str) -> Iterator[dict[str, float]]:
    """Every combination of a method's settings."""
    searched = SEARCHED[name]
    return (dict(zip(searched, values, strict=True)) for values in product(*searched.values()))


def main(
    photos: Annotated[
        list[Path], typer.Argument(metavar="PHOTO...", help="Colour photos; those at even places count.")
    ],
    source: Annotated[str, typer.Option(help="oracle for the clean settings, degraded for the noisy ones.")] = "oracle",
    grid: Annotated[int, typer.Option(min=2, help="Cells on the long side.")] = 128,
    megapixels: Annotated[float, typer.Option(min=0.01, help="Size at which photos are compared.")] = 0.2,
    methods: Annotated[str, typer.Option(help="Names, separated by commas.")] = ",".join(SEARCHED),
) -> None:
    """Print the settings with the least mean ratio of edge p95 to bicubic, best first, five of each method."""
    found: dict[str, dict[str, list[float]]] = {name: {} for name in methods.split(",")}
    for path in photos[::2]:
        scene = read_scene(path, megapixels)
        judge = judge_of(scene)
        cells = SOURCES[source](scene, grid, None).colors.ab
        base = band_scores(bicubic(cells, scene.lightness.shape), scene.ab, judge.band)["edge_p95"]
        if base is None:
            continue
        for name, rows in found.items():
            for settings in settings_of(name):
                try:
                    ab = FILTERS[name](scene.seen, cells, **settings)
                except Unavailable as reason:
                    raise typer.BadParameter(f"{name}: {reason}") from None
                own = band_scores(ab, scene.ab, judge.band)["edge_p95"]
                assert own is not None
                rows.setdefault(str(settings), []).append(own / base)
        typer.echo(f"{path.name} …", err=True)
    for name, rows in found.items():
        for settings_text, ratios in sorted(rows.items(), key=lambda row: float(np.mean(row[1])))[:5]:
            typer.echo(f"{name} {settings_text}: {np.mean(ratios):.4f}")


if __name__ == "__main__":
    typer.run(main)
