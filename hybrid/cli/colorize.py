"""`hybrid colorize`: one photo from file to file, or a batch."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hybrid.cli.console import (
    EXIT_BATCH,
    EXIT_USAGE,
    EXITS,
    MODEL_HELP,
    app,
    exit_code_of,
    fail,
    failed,
    notes,
    reported,
    stages,
)

if TYPE_CHECKING:
    from hybrid.batch.worker import Colorize
    from hybrid.predict import Predictor
    from hybrid.scribbles import CellColors
    from hybrid.session import Settings

INPUTS_HELP = """Photos: TIFF, PNG or JPEG, 8 or 16 bit; folders, searched through all levels; patterns such as \
'scans/**/*.tif'."""
OUTPUT_HELP = """A file; or a folder, for a batch: 16-bit TIFFs, each where its photo is in the folder given, and a \
manifest by which a rerun goes on where the last one ended."""
REACH_HELP = """Of strokes: local, along the photo's edges alone; object, also to what looks much alike to the \
network; wide, to all it may concern, for many points all over the photo."""
WORKERS_HELP = "Of a batch: processes at most; two if left out, where cores and memory allow."
VERIFY_HELP = "Of a batch: read all files again to see what is done, rather than trust sizes and dates."


@dataclass(frozen=True)
class Job:
    """What all photos of one call share."""

    source: Predictor | CellColors | None
    settings: Settings
    hints: Path | None
    depth: int | None
    overwrite: bool


@app.command(epilog=EXITS)
def colorize(
    inputs: Annotated[list[Path], typer.Argument(metavar="IN...", help=INPUTS_HELP)],
    output: Annotated[str, typer.Option("-o", "--output", metavar="OUT", help=OUTPUT_HELP)],
    hints: Annotated[Path | None, typer.Option(help="Strokes: *.hints.json, or a marked copy of the photo.")] = None,
    model: Annotated[str, typer.Option(help=MODEL_HELP)] = "lite",
    colors: Annotated[
        Path | None, typer.Option(help="Take colours from this small colour picture of the scene.")
    ] = None,
    temperature: Annotated[float, typer.Option(min=0, max=1, help="0 most likely colour, 1 mean colour.")] = 0.38,
    vividness: Annotated[float, typer.Option(min=0, max=1, help="0 as predicted; more favours rare colours.")] = 0.1,
    saturation: Annotated[float, typer.Option(min=0, max=4, help="Factor on predicted colours.")] = 1.0,
    reach: Annotated[Literal["local", "object", "wide"], typer.Option(help=REACH_HELP)] = "object",
    depth: Annotated[int | None, typer.Option(help="8 or 16 bits; default 16, for JPEG 8.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Report as one JSON object a line.")] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace files that exist; a batch replaces its own anyway.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help=WORKERS_HELP)] = None,
    shard: Annotated[str, typer.Option(metavar="I/N", help="Of a batch: the I-th of N shares, from 1.")] = "1/1",
    redo: Annotated[bool, typer.Option("--redo", help="Of a batch: colour again what is done.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help=VERIFY_HELP)] = False,
) -> None:
    """Colour photographs; their luminance stays as it is."""
    from hybrid.batch.inputs import is_batch

    if hints is not None and len(inputs) > 1:
        raise fail(f"--hints belongs to one photo; got {len(inputs)} photos", EXIT_USAGE)
    choices: dict[str, Any] = {
        "temperature": temperature,
        "vividness": vividness,
        "saturation": saturation,
        "reach": reach,
    }
    if is_batch(inputs, output):
        from hybrid.batch.command import colorize_batch
        from hybrid.batch.error import BatchError
        from hybrid.batch.identity import settings_hash

        made_with = settings_hash({**choices, "depth": depth}, model, colors, hints)
        opener = partial(open_colorizer, model, colors, device, choices, hints, depth)
        how = {"workers": workers, "redo": redo, "verify": verify, "overwrite": overwrite, "has_hints": bool(hints)}
        try:
            done = colorize_batch(inputs, output, shard, notes, as_json, opener, exit_code_of, made_with, **how)
        except BatchError as error:
            raise fail(str(error), error.code) from None
        raise typer.Exit(0 if done else EXIT_BATCH)
    with reported():
        from hybrid.session import Settings

        job = Job(source_of(model, colors, inputs[0], device), Settings(**choices), hints, depth, overwrite)
    if code := colorize_one(inputs[0], Path(output), job, as_json):
        raise typer.Exit(code)


def open_colorizer(
    model: str, colors: Path | None, device: str, choices: dict[str, Any], hints: Path | None, depth: int | None
) -> Colorize:
    """Load what the photos of a batch share; gives what a worker does with each."""
    from hybrid.session import Settings

    network = None if colors else source_of(model, None, Path(), device)
    settings = Settings(**choices)

    def colorize_photo(photo: Path, target: Path) -> dict[str, Any]:
        source = source_of(model, colors, photo, device) if colors else network
        return work(photo, target, Job(source, settings, hints, depth, overwrite=False), lambda _: None)

    return colorize_photo


def colorize_one(photo: Path, target: Path, job: Job, as_json: bool) -> int:
    """Colour one photo and print its report; the exit code of what went wrong, 0 if nothing did."""
    try:
        with stages(photo.name) as progress:
            report = work(photo, target, job, progress)
    except Exception as error:
        return failed(photo, error, as_json)
    print(json.dumps({"status": "ok", **report}) if as_json else summary(report), flush=True)
    return 0


def work(path: Path, target: Path, job: Job, progress: Callable[[str], None]) -> dict[str, Any]:
    """Read, colour, write; the report."""
    import time

    from hybrid.hints import read_hints, sha256_of
    from hybrid.memory import check_fits, peak_bytes
    from hybrid.photo import check_writable, read_photo, read_size
    from hybrid.predict import Predictor
    from hybrid.session import Session

    check_writable(target, job.overwrite)
    height, width = read_size(path)
    check_fits(height * width, job.hints is not None)
    began = time.perf_counter()
    progress("read")
    photo = read_photo(path)
    reading = time.perf_counter() - began
    strokes = read_hints(job.hints, photo, sha256_of(path)) if job.hints else []
    colorized = Session(photo, job.source, job.settings, progress).edit(strokes)
    progress("write")
    report = colorized.write(target, bits=job.depth, overwrite=job.overwrite)
    report["seconds"] = {"read": round(reading, 3), **report["seconds"]}
    model = job.source.model if isinstance(job.source, Predictor) else None
    report["model"] = {"name": model.name, "card": model.card} if model else None
    return {**report, "peak_memory": peak_bytes()}


def source_of(model: str, colors: Path | None, photo: Path, device: str) -> Predictor | CellColors | None:
    """Where colours come from: a small picture, a network, or strokes alone."""
    if colors is not None:
        from hybrid.photo import PhotoError, read_photo, read_size
        from hybrid.scribbles import colors_of_picture

        picture = read_photo(colors, keep_color=True)
        height, width = read_size(photo)
        rows, columns = picture.lightness.shape
        shapes = sorted([(rows / columns), columns / rows])
        if height and min(abs(height / width / s - 1) for s in shapes) > 0.03:
            raise PhotoError(
                f"{colors}: {columns}×{rows} pixels, of another shape than {photo} ({width}×{height}); crop it alike"
            )
        assert picture.ab is not None
        return colors_of_picture(picture.ab)
    if model == "none":
        return None
    from hybrid.models.weights import load_model
    from hybrid.predict import Predictor

    return Predictor(load_model(model), device)


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
            f"  peak memory         {peak / 1e9:.2f} GB ({peak / pixels:.0f} bytes a pixel)",
        ]
    )
