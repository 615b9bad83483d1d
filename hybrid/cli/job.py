"""One photo from file to file: what all commands and batches that colour do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybrid.cli.scribbles import write_scribbles

if TYPE_CHECKING:
    from hybrid.photo import Photo
    from hybrid.picture import Matched
    from hybrid.predict import Predictor
    from hybrid.scribbles import CellColors
    from hybrid.settings import Settings


@dataclass(frozen=True)
class Job:
    """What all photos of one call share."""

    network: Predictor | None
    picture: Photo | None
    as_is: bool
    settings: Settings
    hints: Path | None
    output: dict[str, Any]
    overwrite: bool
    colors: Path | None = None
    chroma: Path | None = None
    scribbles: Path | None = None
    page: int | None = None


def work(
    path: Path,
    target: Path,
    job: Job,
    progress: Callable[[str], None],
    expect: Callable[[dict[str, float]], None] = lambda _: None,
) -> dict[str, Any]:
    """Read, colour, write; the report.

    Parameters
    ----------
    path, target : files
    job : how
    progress : is told the name of each stage as it begins
    expect : is told before what seconds the stages took on another machine
    """
    import time

    from hybrid.hints import read_hints, sha256_of
    from hybrid.memory import check_fits
    from hybrid.pace import plan_seconds
    from hybrid.photo import check_writable, read_photo, read_size
    from hybrid.session import Session
    from solvers.resident import peak_bytes

    check_writable(target, job.overwrite)
    height, width = read_size(path, job.page)
    check_fits(height * width, job.hints is not None, job.output["layers"], job.settings.megapixels)
    expect(plan_seconds(height * width, job.settings.megapixels, job.output["layers"], job.network is not None))
    began = time.perf_counter()
    progress("read")
    photo = read_photo(path, page=job.page)
    reading = time.perf_counter() - began
    strokes = read_hints(job.hints, photo, sha256_of(path)) if job.hints else []
    progress("match")
    picture, found = colors_for(photo, job)
    session = Session(photo, job.network, job.settings, progress, picture)
    colorized = session.edit(strokes)
    progress("write")
    files = {"hints-sha256": job.hints, "colors-sha256": job.colors}
    details = {name: sha256_of(file) for name, file in files.items() if file is not None}
    if job.chroma is not None:
        options = {name: value for name, value in job.output.items() if name != "layers"}
        colorized.write_chroma(job.chroma, details=details, overwrite=job.overwrite, **options)
    report = colorized.write(target, details=details, overwrite=job.overwrite, **job.output)
    if job.scribbles and session.colors:
        report["scribbles"] = write_scribbles(job.scribbles, colorized, session.colors, strokes)
    report["seconds"] = {"read": round(reading, 3), **report["seconds"]}
    model = job.network.model if job.network else None
    report["model"] = {"name": model.name, "card": model.card} if model else None
    report["colors"] = found.report if found else None
    report["warnings"] = [f"{path}: {found.doubt}"] if found and found.doubt else []
    return {**report, "peak_memory": peak_bytes()}


def check_outputs(target: Path, chroma: Path | None, how_written: dict[str, Any], overwrite: bool) -> None:
    """Find out before any work whether what is asked for can be written.

    Raises
    ------
    WriteError
        With what does not go together.
    """
    from hybrid.photo import check_output, check_writable

    check_output(target, **how_written)
    if chroma is not None:
        check_writable(chroma, overwrite)
        check_output(chroma, **{**how_written, "layers": False}, is_chroma=True)
        if chroma.absolute() == target.absolute():
            raise ValueError(f"--chroma-out {chroma}: it is the output itself; choose another name")


def sources_of(
    model: str, colors: Path | None, as_is: bool, device: str
) -> tuple[Predictor | None, Photo | None, bool]:
    """Where colours come from: a network, a picture, or neither, for strokes alone."""
    from hybrid.models.weights import load_model
    from hybrid.photo import read_photo
    from hybrid.predict import Predictor

    picture = read_photo(colors, keep_color=True) if colors else None
    return None if model == "none" else Predictor(load_model(model), device), picture, as_is


def colors_for(photo: Photo, job: Job) -> tuple[CellColors | None, Matched | None]:
    """Colours that the picture has for a photo, if it has any, and how it was matched."""
    from hybrid.picture import as_it_is, matched

    if job.picture is None:
        return None, None
    if job.as_is:
        return as_it_is(job.picture, photo.lightness), None
    found = matched(job.picture, photo.lightness)
    return found.colors if found.is_used else None, found


def summary(report: dict[str, Any]) -> str:
    """The report in a few lines for a person."""
    pixels = report["width"] * report["height"]
    seconds = report["seconds"]
    spent = " · ".join(f"{name} {value:.2f}" for name, value in seconds.items() if value >= 0.005)
    peak = report["peak_memory"]
    return "\n".join(
        [
            f"{report['output']}: {report['width']}×{report['height']} ({pixels / 1e6:.1f} MP), "
            f"{report['bytes'] / 1e6:.1f} MB in {sum(seconds.values()):.1f} s",
            f"  seconds             {spent}",
            f"  luminance change    {report['luminance_change']:.2f} of 65535 at most",
            f"  hints kept          {report['hints_kept']:.1%} of {report['hint_pixels']} painted pixels; "
            "the rest is out of gamut",
            f"  out of gamut        {report['gamut_mapped']:.2%} of the pixels, chroma reduced",
            *_matching(report.get("colors")),
            f"  peak memory         {peak / 1e9:.2f} GB ({peak / pixels:.0f} bytes a pixel)",
        ]
    )


def _matching(colors: dict[str, Any] | None) -> list[str]:
    """Lines of the summary on the picture that colours came from."""
    if colors is None:
        return []
    place = "as it is"
    if colors["moved"]:
        (right, down), (before, after) = colors["shift"], colors["correlation"]
        place = (
            f"off by {right:+.1f} cells across, {down:+.1f} down, turned {colors['rotation']:+.2f}°, "
            f"{colors['scale']:.3f} of the size; correlation {before:.2f} before, {after:.2f} after"
        )
    shares = f"{colors['rejected']:.1%} rejected, {colors['outside']:.1%} of the photo outside"
    return [f"  picture             {place}; {shares}"]
