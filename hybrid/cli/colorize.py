"""`hybrid colorize`: one photo from file to file, or a batch."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hybrid.cli.console import (
    EXIT_BATCH,
    EXIT_USAGE,
    EXITS,
    MODEL_HELP,
    PAGE_HELP,
    app,
    exit_code_of,
    fail,
    failed,
    notes,
    reported,
    stages,
)
from hybrid.cli.job import Job, check_outputs, sources_of, summary, work
from hybrid.cli.scribbles import check_scribbles

if TYPE_CHECKING:
    from hybrid.batch.worker import Colorize

INPUTS_HELP = """Photos: TIFF, PNG, JPEG, WebP, JPEG 2000, JPEG XL, AVIF; with the extras heif and raw, HEIC and \
camera raw; folders, searched through all levels; patterns such as 'scans/**/*.tif'."""
OUTPUT_HELP = """A file; or a folder, for a batch: 16-bit TIFFs, each where its photo is in the folder given, and a \
manifest by which a rerun goes on where the last one ended."""
WARMTH_HELP = "Of predicted colours: towards blue (-1) or amber (1), as if in another light."
HINTS_HELP = "Strokes: *.hints.json, a copy of the photo with colours painted on it, or a transparent picture of them."
REACH_HELP = """Of strokes: local, along the photo's edges alone; object, also to what is near and looks much \
alike to the network, for a dot on a thing; wide, to all it may concern, for many points all over the photo."""
SOLVE_HELP = "Megapixels at which colours are spread, before they are lifted to full size along its edges."
WORKERS_HELP = """Of a batch: processes at most; two if left out, where cores and memory allow. With --cluster: on \
each node; one a GPU if left out."""
CLUSTER_HELP = """Of a batch: work on all nodes of the Ray cluster at HOST:PORT, or of the one this machine belongs to \
(auto). All nodes need this program and the same folders at the same paths (needs the extra cluster)."""
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


@app.command(epilog=EXITS)
def colorize(
    inputs: Annotated[list[Path], typer.Argument(metavar="IN...", help=INPUTS_HELP)],
    output: Annotated[str, typer.Option("-o", "--output", metavar="OUT", help=OUTPUT_HELP)],
    hints: Annotated[Path | None, typer.Option(help=HINTS_HELP)] = None,
    model: Annotated[str | None, typer.Option(help=MODEL_HELP + NETWORK_HELP)] = None,
    colors: Annotated[Path | None, typer.Option(help=COLORS_HELP)] = None,
    colors_as_is: Annotated[bool, typer.Option("--colors-as-is", help=AS_IS_HELP)] = False,
    temperature: Annotated[float, typer.Option(min=0, max=1, help="0 most likely colour, 1 mean colour.")] = 0.5,
    vividness: Annotated[float, typer.Option(min=0, max=1, help="0 as predicted; more favours rare colours.")] = 0.15,
    saturation: Annotated[float, typer.Option(min=0, max=4, help="Factor on predicted colours.")] = 1.0,
    warmth: Annotated[float, typer.Option(min=-1, max=1, help=WARMTH_HELP)] = 0.0,
    reach: Annotated[Literal["local", "object", "wide"], typer.Option(help=REACH_HELP)] = "local",
    solve_at: Annotated[float, typer.Option(min=0.01, metavar="MP", help=SOLVE_HELP)] = 1.0,
    scribbles_out: Annotated[Path | None, typer.Option(metavar="FILE", help=SCRIBBLES_HELP)] = None,
    page: Annotated[int | None, typer.Option(min=1, metavar="N", help=PAGE_HELP)] = None,
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
    cluster: Annotated[str, typer.Option(metavar="ADDRESS", help=CLUSTER_HELP)] = "",
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
        "warmth": warmth,
        "reach": reach,
        "megapixels": solve_at,
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
    if cluster and not is_many:
        raise fail("--cluster is for a batch; name a folder as the output, such as colour/", EXIT_USAGE)
    with reported():
        check_outputs(Path("photo.tif" if is_many else output), chroma_out, how_written, overwrite)
    if is_many:
        from hybrid.batch.command import colorize_batch
        from hybrid.batch.error import BatchError
        from hybrid.batch.identity import settings_hash

        extra: dict[str, Any] = ({"as_is": colors_as_is} if colors else {}) | ({"page": page} if page else {})
        made_with = settings_hash(
            {**choices, **how_written, **extra}, model, colors, hints, Path(profile) if profile else None
        )
        given = {"hints": hints, "output": how_written, "colors": colors, "page": page}
        opener = partial(open_colorizer, (model, colors, colors_as_is, device), choices, given)
        how: dict[str, Any] = {"workers": workers, "redo": redo, "verify": verify, "overwrite": overwrite}
        how |= {"cluster": cluster, "device": device}
        how |= {"has_hints": bool(hints), "has_layers": layers, "megapixels": solve_at, "page": page}
        try:
            done = colorize_batch(inputs, output, shard, notes, as_json, opener, exit_code_of, made_with, **how)
        except BatchError as error:
            raise fail(str(error), error.code) from None
        raise typer.Exit(0 if done else EXIT_BATCH)
    with reported():
        from hybrid.settings import Settings

        check_scribbles(scribbles_out, model == "none" and colors is None, overwrite)
        sources = sources_of(model, colors, colors_as_is, device)
        job = Job(*sources, Settings(**choices), hints, how_written, overwrite, colors, chroma_out, scribbles_out, page)
    if code := colorize_one(inputs[0], Path(output), job, as_json):
        raise typer.Exit(code)


def open_colorizer(
    sources: tuple[str, Path | None, bool, str], choices: dict[str, Any], given: dict[str, Any]
) -> Colorize:
    """Load what the photos of a batch share; gives what a worker does with each."""
    from hybrid.settings import Settings

    job = Job(*sources_of(*sources), Settings(**choices), overwrite=False, **given)

    def colorize_photo(photo: Path, target: Path) -> dict[str, Any]:
        return work(photo, target, job, lambda _: None)

    return colorize_photo


def colorize_one(photo: Path, target: Path, job: Job, as_json: bool) -> int:
    """Colour one photo and print its report; the exit code of what went wrong, 0 if nothing did."""
    try:
        with stages(photo.name, is_quiet=as_json) as progress:
            report = work(photo, target, job, progress, progress.expect)
    except Exception as error:
        return failed(photo, error, as_json)
    for warning in report["warnings"]:
        notes.print(f"hybrid: {warning}", markup=False, soft_wrap=True)
    print(json.dumps({"status": "ok", **report}) if as_json else summary(report), flush=True)
    return 0
