"""`python -m hybrid.measure PHOTO...`: colour photos, each in a process of its own; a table of what it took."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

COLUMNS = (
    "photo",
    "MP",
    "seconds",
    "s/MP",
    "read",
    "predict",
    "solve",
    "lift",
    "write",
    "B/px",
    "largest ΔY",
    "out of gamut",
)


def measured(photo: Path, folder: Path) -> dict[str, Any]:
    """Report of one photo coloured to a 16-bit TIFF in `folder`.

    Raises
    ------
    subprocess.CalledProcessError
        It could not be coloured.
    """
    target = folder / f"{photo.stem}.tif"
    command = [sys.executable, "-m", "hybrid", "colorize", str(photo), "-o", str(target), "--json", "--overwrite"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def row(report: dict[str, Any]) -> list[str]:
    """Cells of a table row: seconds a megapixel, memory in bytes a pixel, luminance in steps of 1/65535."""
    pixels, seconds = report["width"] * report["height"], report["seconds"]
    megapixels, total = pixels / 1e6, sum(seconds.values())
    stages = [seconds.get(stage, 0.0) / megapixels for stage in ("read", "predict", "solve", "lift", "write")]
    return [
        Path(report["input"]).stem,
        f"{megapixels:.1f}",
        f"{total:.1f}",
        f"{total / megapixels:.2f}",
        *(f"{value:.2f}" for value in stages),
        f"{report['peak_memory'] / pixels:.0f}",
        f"{report['luminance_change']:.2f}",
        f"{report['gamut_mapped']:.1%}",
    ]


def main(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="Photos to colour.")],
    keep: Annotated[Path | None, typer.Option(help="Folder for the coloured photos; thrown away without it.")] = None,
) -> None:
    """Print a Markdown table, one row a photo; stages in seconds a megapixel."""
    print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    with tempfile.TemporaryDirectory() as scratch:
        for photo in photos:
            print("| " + " | ".join(row(measured(photo, keep or Path(scratch)))) + " |", flush=True)


if __name__ == "__main__":
    typer.run(main)
