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
from hybrid.cli.scribbles import check_scribbles, write_scribbles

if TYPE_CHECKING:
    from hybrid.batch.worker import Colorize
    from hybrid.photo import Photo
    from hybrid.picture import Matched
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
PROFILE_HELP = """Colour space of the output: srgb, adobe-rgb, prophoto (16 bits only), p3, or FILE.icc; the photo's \
own RGB profile, or sRGB, if left out."""
LAYERS_HELP = """Of a 16-bit TIFF: also layers for Photoshop and Krita: exact colours, colours alone, strokes, the \
grey photo (needs the extra psd)."""
CHROMA_HELP = """Also write the colours alone, to lay over the photo in blend mode Color: LCh Color in GIMP, Color in \
Photoshop's Lab mode. A .tif or .png."""
COLORS_HELP = """Take colours from this colour picture of the scene, small or large: put in place by its luminance, \
and where that is not the photo's rejected."""
SCRIBBLES_HELP = """Write the colours chosen as a few hundred points, a *.hints.json to look at, edit and give back by \
--hints, with --model none say."""
AS_IS_HELP = "Neither move the picture of --colors nor judge it: it covers the photo exactly, and is right."
NETWORK_HELP = " Default: lite; none with --colors, where a network named fills in for what is rejected."
VERIFY_HELP = "Of a batch: read all files again to see what is done, rather than trust sizes and dates."


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


@app.command(epilog=EXITS)
def colorize(
    inputs: Annotated[list[Path], typer.Argument(metavar="IN...", help=INPUTS_HELP)],
    output: Annotated[str, typer.Option("-o", "--output", metavar="OUT", help=OUTPUT_HELP)],
    hints: Annotated[Path | None, typer.Option(help="Strokes: *.hints.json, or a marked copy of the photo.")] = None,
    model: Annotated[str | None, typer.Option(help=MODEL_HELP + NETWORK_HELP)] = None,
    colors: Annotated[Path | None, typer.Option(help=COLORS_HELP)] = None,
    colors_as_is: Annotated[bool, typer.Option("--colors-as-is", help=AS_IS_HELP)] = False,
    temperature: Annotated[float, typer.Option(min=0, max=1, help="0 most likely colour, 1 mean colour.")] = 0.38,
    vividness: Annotated[float, typer.Option(min=0, max=1, help="0 as predicted; more favours rare colours.")] = 0.1,
    saturation: Annotated[float, typer.Option(min=0, max=4, help="Factor on predicted colours.")] = 1.0,
    reach: Annotated[Literal["local", "object", "wide"], typer.Option(help=REACH_HELP)] = "object",
    scribbles_out: Annotated[Path | None, typer.Option(metavar="FILE", help=SCRIBBLES_HELP)] = None,
    depth: Annotated[int | None, typer.Option(help="8 or 16 bits; default 16, for JPEG 8.")] = None,
    profile: Annotated[str | None, typer.Option(help=PROFILE_HELP)] = None,
    compression: Annotated[str, typer.Option(help="Of a TIFF: none, deflate, lzw or zstd.")] = "deflate",
    dpi: Annotated[float | None, typer.Option(help="Pixels an inch to note in the file; default the photo's.")] = None,
    layers: Annotated[bool, typer.Option("--layers", help=LAYERS_HELP)] = False,
    chroma_out: Annotated[Path | None, typer.Option(metavar="FILE", help=CHROMA_HELP)] = None,
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

    if colors_as_is and colors is None:
        raise fail("--colors-as-is says how to take --colors; give that too", EXIT_USAGE)
    model = model or ("lite" if colors is None else "none")
    if hints is not None and len(inputs) > 1:
        raise fail(f"--hints belongs to one photo; got {len(inputs)} photos", EXIT_USAGE)
    choices: dict[str, Any] = {
        "temperature": temperature,
        "vividness": vividness,
        "saturation": saturation,
        "reach": reach,
    }
    how_written: dict[str, Any] = {
        "bits": depth,
        "profile": profile,
        "compression": compression,
        "dpi": dpi,
        "layers": layers,
    }
    is_many = is_batch(inputs, output)
    for name, file in (("--chroma-out", chroma_out), ("--scribbles-out", scribbles_out)):
        if is_many and file is not None:
            raise fail(f"{name} belongs to one photo; colour it alone, to a file", EXIT_USAGE)
    with reported():
        check_outputs(Path("photo.tif" if is_many else output), chroma_out, how_written, overwrite)
    if is_many:
        from hybrid.batch.command import colorize_batch
        from hybrid.batch.error import BatchError
        from hybrid.batch.identity import settings_hash

        of_colors = {"as_is": colors_as_is} if colors else {}
        made_with = settings_hash(
            {**choices, **how_written, **of_colors}, model, colors, hints, Path(profile) if profile else None
        )
        opener = partial(open_colorizer, (model, colors, colors_as_is, device), choices, hints, how_written, colors)
        how = {"workers": workers, "redo": redo, "verify": verify, "overwrite": overwrite}
        how |= {"has_hints": bool(hints), "has_layers": layers}
        try:
            done = colorize_batch(inputs, output, shard, notes, as_json, opener, exit_code_of, made_with, **how)
        except BatchError as error:
            raise fail(str(error), error.code) from None
        raise typer.Exit(0 if done else EXIT_BATCH)
    with reported():
        from hybrid.session import Settings

        check_scribbles(scribbles_out, model == "none" and colors is None, overwrite)
        sources = sources_of(model, colors, colors_as_is, device)
        job = Job(*sources, Settings(**choices), hints, how_written, overwrite, colors, chroma_out, scribbles_out)
    if code := colorize_one(inputs[0], Path(output), job, as_json):
        raise typer.Exit(code)


def open_colorizer(
    sources: tuple[str, Path | None, bool, str],
    choices: dict[str, Any],
    hints: Path | None,
    how_written: dict[str, Any],
    colors: Path | None,
) -> Colorize:
    """Load what the photos of a batch share; gives what a worker does with each."""
    from hybrid.session import Settings

    job = Job(*sources_of(*sources), Settings(**choices), hints, how_written, False, colors)

    def colorize_photo(photo: Path, target: Path) -> dict[str, Any]:
        return work(photo, target, job, lambda _: None)

    return colorize_photo


def colorize_one(photo: Path, target: Path, job: Job, as_json: bool) -> int:
    """Colour one photo and print its report; the exit code of what went wrong, 0 if nothing did."""
    try:
        with stages(photo.name) as progress:
            report = work(photo, target, job, progress)
    except Exception as error:
        return failed(photo, error, as_json)
    for warning in report["warnings"]:
        notes.print(f"hybrid: {warning}", markup=False, soft_wrap=True)
    print(json.dumps({"status": "ok", **report}) if as_json else summary(report), flush=True)
    return 0


def work(path: Path, target: Path, job: Job, progress: Callable[[str], None]) -> dict[str, Any]:
    """Read, colour, write; the report."""
    import time

    from hybrid.hints import read_hints, sha256_of
    from hybrid.memory import check_fits, peak_bytes
    from hybrid.photo import check_writable, read_photo, read_size
    from hybrid.session import Session

    check_writable(target, job.overwrite)
    height, width = read_size(path)
    check_fits(height * width, job.hints is not None, job.output["layers"])
    began = time.perf_counter()
    progress("read")
    photo = read_photo(path)
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
