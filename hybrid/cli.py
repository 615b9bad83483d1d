"""The `hybrid` command: parse, call, print. Heavy imports happen inside functions, so that --help is quick."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch loads: threads that spin starve other programs

if TYPE_CHECKING:
    from hybrid.batch.worker import Colorize
    from hybrid.compare.run import Plan
    from hybrid.predict import Predictor
    from hybrid.scribbles import CellColors
    from hybrid.session import Settings

EXIT_UNEXPECTED, EXIT_USAGE, EXIT_UNREADABLE, EXIT_BATCH, EXIT_MODEL, EXIT_MEMORY = 1, 2, 3, 4, 5, 6
EXITS = """Exit codes: 0 done · 1 unexpected · 2 usage, or an output that cannot be written · 3 unreadable input ·
4 part of a batch failed · 5 model missing · 6 does not fit into memory · 130 interrupted"""

TABLE_WIDTH = 110
MODEL_HELP = """A shipped model, none for strokes alone, or a FILE: .safetensors as trained here, or another colorizer \
from L* (1, 1, H, W) to a*, b* or logits over bins, as .onnx (needs the extra onnx; runs on the CPU) or as TorchScript \
.pt (this is code: run only files that you trust)."""
INPUTS_HELP = """Photos: TIFF, PNG or JPEG, 8 or 16 bit; folders, searched through all levels; patterns such as \
'scans/**/*.tif'."""
OUTPUT_HELP = """A file; or a folder, for a batch: 16-bit TIFFs, each where its photo is in the folder given, and a \
manifest by which a rerun goes on where the last one ended."""
WORKERS_HELP = "Of a batch: processes at most; two if left out, where cores and memory allow."
VERIFY_HELP = "Of a batch: read all files again to see what is done, rather than trust sizes and dates."

app = typer.Typer(help="Black-and-white photographs to colour at print resolution.", epilog=EXITS, no_args_is_help=True)
notes = Console(stderr=True, highlight=False)


def fail(message: str, code: int) -> typer.Exit:
    """Print one line on stderr; the exit to raise."""
    notes.print(f"hybrid: {message}", style="red" if notes.is_terminal else None, markup=False, soft_wrap=True)
    return typer.Exit(code)


def exit_code_of(error: Exception) -> int:
    """Exit code of an error that has something to say to the user; 1 for any other."""
    from hybrid.hints import HintsError
    from hybrid.memory import MemoryShort
    from hybrid.models.weights import ModelError
    from hybrid.photo import PhotoError, WriteError
    from solvers import SolverError

    codes: list[tuple[type[Exception], int]] = [
        (WriteError, EXIT_USAGE),
        (PhotoError, EXIT_UNREADABLE),
        (HintsError, EXIT_UNREADABLE),
        (ModelError, EXIT_MODEL),
        (MemoryShort, EXIT_MEMORY),
        (SolverError, EXIT_UNEXPECTED),
        (ValueError, EXIT_USAGE),
    ]
    return next((code for kind, code in codes if isinstance(error, kind)), EXIT_UNEXPECTED)


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
    hint_network: Annotated[
        bool, typer.Option("--hint-network", help="Give hints to the network too: for points, not for long strokes.")
    ] = False,
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
        "hint_network": hint_network,
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


def failed(photo: Path, error: Exception, as_json: bool) -> int:
    """Print what went wrong with a photo; its exit code."""
    from solvers import SolverError

    code = exit_code_of(error)
    if code == EXIT_UNEXPECTED and not isinstance(error, SolverError):
        notes.print_exception()
    message = str(error) if str(photo) in str(error) else f"{photo}: {error}"
    fail(message, code)
    if as_json:
        print(json.dumps({"input": str(photo), "status": "failed", "exit": code, "error": message}), flush=True)
    return code


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


@contextlib.contextmanager
def reported() -> Iterator[None]:
    """Turn an error with something to say into one line and its exit code."""
    try:
        yield
    except ValueError as error:
        raise fail(str(error), exit_code_of(error)) from None


@contextlib.contextmanager
def stages(name: str) -> Iterator[Callable[[str], None]]:
    """Show the stage that a photo is in, on a terminal; quiet elsewhere."""
    if not notes.is_terminal:
        yield lambda _: None
        return
    with notes.status(name) as status:
        yield lambda stage: status.update(f"{name}: {stage}")


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


@app.command(epilog=EXITS)
def info(
    path: Annotated[Path, typer.Argument(metavar="IN", help="A photo.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say what a photo is, how large it prints, and what colouring it needs."""
    with reported():
        from hybrid.memory import available_bytes, plan_bytes
        from hybrid.photo import read_photo

        photo = read_photo(path)
    height, width = photo.lightness.shape
    facts = {
        "input": str(path),
        "width": width,
        "height": height,
        "megapixels": round(width * height / 1e6, 2),
        "bits": photo.bits,
        "profile_bytes": len(photo.profile or b""),
        "dpi": photo.dpi,
        "metadata": sorted(photo.metadata),
        "print_cm_at_300_dpi": [round(width / 300 * 2.54, 1), round(height / 300 * 2.54, 1)],
        "memory_needed": round(plan_bytes(width * height, has_strokes=False)),
        "memory_free": round(available_bytes()),
    }
    print(json.dumps(facts) if as_json else "\n".join(f"{name:<20} {value}" for name, value in facts.items()))


@app.command(epilog=EXITS)
def models(as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False) -> None:
    """List the shipped models with what they were trained on and what they score."""
    from hybrid.models.weights import shipped_models

    for name, card in shipped_models().items():
        if as_json:
            print(json.dumps({"name": name, **card}))
            continue
        print(f"{name}: {card['architecture']}; {card['training']['photos_seen']} photos seen; {card['data']}")
        for decoding, score in card["scores"].items():
            if isinstance(score, dict) and "psnr_db" in score:
                print(f"    {decoding:<26} {score['psnr_db']} dB, colourfulness {score['colorfulness']}")
        print(f"    {card['limits']}")


@app.command(epilog=EXITS)
def compare(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="Colour photos, whose own colours judge.")],
    source: Annotated[
        str, typer.Option(help="Colours of the cells: oracle (true), degraded, inconsistent or model.")
    ] = "oracle",
    grid: Annotated[
        int, typer.Option(min=2, max=1024, help="Cells on the long side, 64, 128 or 256 say; a model has its own.")
    ] = 128,
    megapixels: Annotated[float, typer.Option(min=0.001, help="Photos are averaged down to this size.")] = 1.0,
    grain: Annotated[float, typer.Option(min=0, max=0.5, help="Film grain to add, as a share of white.")] = 0.0,
    methods: Annotated[str | None, typer.Option(help="Names separated by commas; all if left out.")] = None,
    model: Annotated[str, typer.Option(help="For source model: a shipped model, or a FILE.")] = "lite",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    out: Annotated[Path | None, typer.Option(help="Folder for a sheet of crops a photo, and compare.jsonl.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a photo and line, then a summary.")] = False,
) -> None:
    """Compare ways of spreading colours from a small grid of cells over a photo."""
    with reported():
        from hybrid.compare.methods import chosen_methods
        from hybrid.compare.run import Plan, make_folder

        plan = Plan(source, grid, megapixels, grain, chosen_methods(methods), out=make_folder(out))
        if source == "model":
            from hybrid.models.weights import load_model
            from hybrid.predict import Predictor

            plan = replace(plan, predictor=Predictor(load_model(model), device))
    failures = compare_all(photos, plan, as_json)
    if failures:
        raise typer.Exit(failures[0] if len(photos) == 1 else EXIT_BATCH)


def compare_all(photos: list[Path], plan: Plan, as_json: bool) -> list[int]:
    """Compare on each photo and print what comes of it; the exit codes of those that failed."""
    from hybrid.compare.run import compare_photo, write_reports
    from hybrid.compare.table import summary, table_of

    reports: list[dict[str, Any]] = []
    failures = []
    for path in photos:
        try:
            with stages(path.name) as progress:
                report = compare_photo(path, plan, progress)
        except Exception as error:
            failures.append(failed(path, error, as_json))
            continue
        reports.append(report)
        if plan.out is not None:
            write_reports(plan.out / "compare.jsonl", reports)
        if as_json:
            print(json.dumps({"status": "ok", **report}), flush=True)
    if as_json:
        print(json.dumps({"status": "summary", "photos": len(reports), "methods": summary(reports)}))
    elif reports:
        about = (
            f"{plan.source}, {len(reports)} of {len(photos)} photos; errors are ratios to bicubic, medians over photos"
        )
        Console(highlight=False, width=max(notes.width, TABLE_WIDTH)).print(table_of(summary(reports), about))
        for name, reason in reports[0]["skipped"].items():
            print(f"skipped {name}: {reason}")
    return failures


def main() -> None:
    """Run the command."""
    app()
