"""`python -m hybrid.measure PHOTO...`: colour photos, each in a process of its own; a table of what it took."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from hybrid.measure.enlarged import write_enlarged
from hybrid.measure.run import Run, RunError, colored
from hybrid.measure.table import COLUMNS, LARGE_COLUMNS, growth, head, large_row, line, row
from hybrid.photo import ENDINGS, PhotoError

ENLARGE_HELP = """Megapixels, separated by commas, 24,48,100,200 say: of each photo grey 16-bit TIFFs of these sizes \
are made, with grain, and coloured in its place; a table of large pictures, and how seconds and memory grow."""


def main(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="Photos to colour, or folders of them.")],
    enlarge: Annotated[str, typer.Option(metavar="MP,MP...", help=ENLARGE_HELP)] = "",
    solve_at: Annotated[float, typer.Option(min=0.01, metavar="MP", help="As of hybrid colorize.")] = 1.0,
    keep: Annotated[Path | None, typer.Option(help="Folder for the coloured photos; thrown away without it.")] = None,
) -> None:
    """Print a Markdown table, one row a photo, or with --enlarge a photo and size; stages in seconds a megapixel."""
    options = "--solve-at", f"{solve_at:g}"
    try:
        sizes = [float(word) for word in enlarge.split(",")] if enlarge else []
    except ValueError:
        raise typer.BadParameter(f"--enlarge {enlarge!r}; wanted megapixels, such as 24,48,100") from None
    if any(size <= 0 for size in sizes):
        raise typer.BadParameter(f"--enlarge {enlarge!r}; wanted megapixels above 0")
    found = photos_of(photos)
    with tempfile.TemporaryDirectory() as scratch:
        place = keep or Path(scratch)
        place.mkdir(parents=True, exist_ok=True)
        try:
            if sizes:
                measure_large(found, sizes, Path(scratch), place, options)
                return
            print(head(COLUMNS))
            for photo in found:
                print(line(row(colored(photo, place / f"{photo.stem}.tif", *options))), flush=True)
        except (RunError, PhotoError) as error:
            raise SystemExit(f"hybrid.measure: {error}") from None


def photos_of(given: list[Path]) -> list[Path]:
    """Files as given, and the photos in folders in order of their names."""
    found: list[Path] = []
    for path in given:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        found += [photo for photo in inside if not path.is_dir() or photo.suffix.lower() in ENDINGS]
    if not found:
        raise typer.BadParameter(f"no photo found in {', '.join(map(str, given))}")
    return found


def measure_large(photos: list[Path], sizes: list[float], scratch: Path, keep: Path, options: tuple[str, ...]) -> None:
    """Print the table of large pictures, and under it how each photo's figures grow."""
    print(head(LARGE_COLUMNS))
    lines = []
    for photo in photos:
        runs: list[Run] = []
        for size in sizes:
            scan, target = scratch / f"{photo.stem}-{size:g}-grey.tif", keep / f"{photo.stem}-{size:g}.tif"
            write_enlarged(photo, scan, size)
            runs.append(colored(scan, target, *options))
            scan.unlink()
            if keep == scratch:
                target.unlink()
            print(line(large_row(photo.stem, runs[-1])), flush=True)
        if len({run.pixels for run in runs}) > 1:
            lines.append(f"{photo.stem}: {growth(runs)}")
    print("\n" + "\n".join(lines) if lines else "")


if __name__ == "__main__":
    typer.run(main)
