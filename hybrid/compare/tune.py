"""`python -m hybrid.compare.tune PHOTO...`: search the baselines' settings on every second photo."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from hybrid.compare.filters import FILTERS, Unavailable
from hybrid.compare.interpolate import bicubic
from hybrid.compare.scene import Scene, read_scene
from hybrid.compare.scores import band_scores, judge_of
from hybrid.compare.sources import SOURCES

Float = NDArray[np.float32]
SEARCHED: dict[str, dict[str, tuple[float, ...]]] = {
    "joint_bilateral": {"near": (0.35, 0.5, 0.7, 1, 1.4, 2), "like": (3, 6, 12)},
    "guided": {"radius": (0.25, 0.5, 1, 2, 3), "ridge": (1, 3, 10, 30)},
    "bilateral_solver": {"reach": (0.25, 0.5, 1, 2), "like": (2, 4, 8), "smooth": (16, 64, 256)},
    "wls": {"smooth": (0.1, 0.3, 1, 3, 10, 30), "like": (0.5, 1, 2, 4)},
    "wls_relative": {"smooth": (0.1, 0.3, 1, 3, 10, 30), "like": (0.5, 1, 2, 4)},
}
"""Method -> the values that are tried for each of its settings.

On degraded colours ever wider windows and firmer smoothing go on lowering the 95th percentile, by taking chroma away;
that is no better edge, so the ranges end where they do, and the chroma kept is printed beside.
"""


def settings_of(name: str) -> Iterator[dict[str, float]]:
    """Every combination of a method's settings."""
    searched = SEARCHED[name]
    return (dict(zip(searched, values, strict=True)) for values in product(*searched.values()))


def tried(scene: Scene, cells: Float, name: str) -> dict[str, tuple[float, float]]:
    """For all settings of a method, as text, ratios to bicubic of edge p95 and of mean chroma; none without edges."""
    judge, enlarged = judge_of(scene), bicubic(cells, scene.lightness.shape)
    base, chroma = band_scores(enlarged, scene.ab, judge.band)["edge_p95"], np.linalg.norm(enlarged, axis=-1).mean()
    if base is None:
        return {}
    found = {}
    for settings in settings_of(name):
        ab = FILTERS[name](scene.seen, cells, **settings)
        own = band_scores(ab, scene.ab, judge.band)["edge_p95"]
        assert own is not None
        found[str(settings)] = own / base, float(np.linalg.norm(ab, axis=-1).mean() / chroma)
    return found


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
    found: dict[str, dict[str, list[tuple[float, float]]]] = {name: {} for name in methods.split(",")}
    unknown = [name for name in found if name not in SEARCHED]
    if unknown or source not in ("oracle", "degraded"):
        raise typer.BadParameter(f"{(*unknown, source)[0]!r}; wanted {', '.join(SEARCHED)}; source oracle or degraded")
    for path in photos[::2]:
        try:
            scene = read_scene(path, megapixels)
            cells = SOURCES[source](scene, grid, None).colors.ab
            for name, rows in found.items():
                for settings, figures in tried(scene, cells, name).items():
                    rows.setdefault(settings, []).append(figures)
        except (ValueError, Unavailable) as error:
            raise typer.BadParameter(str(error)) from None
        typer.echo(f"{path.name} …", err=True)
    for name, rows in found.items():
        means = {settings: np.mean(figures, axis=0) for settings, figures in rows.items()}
        for settings, (ratio, kept) in sorted(means.items(), key=lambda row: float(row[1][0]))[:5]:
            typer.echo(f"{name} {settings}: {ratio:.4f}, chroma {kept:.3f}")


if __name__ == "__main__":
    typer.run(main)
