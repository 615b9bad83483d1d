"""`python -m hybrid.train.evaluate --model NAME --data FOLDER`: measure a model; tables, curves and contact sheets."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch loads: threads that spin starve other programs

from hybrid.models import MODELS
from hybrid.models.weights import TrainedModel, load_model
from hybrid.predict import Predictor
from hybrid.train.dataset import read_archive
from hybrid.train.evaluate.artifacts import over_all
from hybrid.train.evaluate.calibration import calibrate, save_calibrated
from hybrid.train.evaluate.curves import write_curves
from hybrid.train.evaluate.hint_sweep import hint_sweep
from hybrid.train.evaluate.old import old_photos
from hybrid.train.evaluate.pictures import PLAIN, SIDE, Pixels, stretched
from hybrid.train.evaluate.risk import risk_curve
from hybrid.train.evaluate.scores import constant_color, rounded
from hybrid.train.evaluate.sheets import FIXED, extremes, scenes_sheet, write_png
from hybrid.train.evaluate.survey import Survey, distributions, evaluate, survey, table
from hybrid.train.evaluate.tables import report_lines
from hybrid.train.evaluate.variants import variant_scores

FEWEST = 4


@contextmanager
def stage(name: str, seconds: dict[str, float]) -> Iterator[None]:
    """Say that a part of the work begins, and note its seconds."""
    typer.echo(f"{name} …", err=True)
    began = time.perf_counter()
    yield
    seconds[name] = round(time.perf_counter() - began, 1)


def main(
    data: Annotated[Path, typer.Option(help="Folder with val.zip, and bw/ with old photographs if there are any.")],
    model: Annotated[str, typer.Option(help="A shipped model's name, or a .safetensors file.")] = "lite",
    out: Annotated[Path, typer.Option(help="Folder for the report, curves and sheets.")] = Path("runs/evaluate"),
    photos: Annotated[int, typer.Option(min=FEWEST, help="How many photos of val.zip, from its beginning.")] = 400,
    hints: Annotated[
        int, typer.Option(min=0, help="Photos of the hint sweep, the slowest part; 0 leaves it out.")
    ] = 40,
    variants: Annotated[int, typer.Option(min=0, help="Photos that are damaged; 0 leaves them out.")] = 100,
    out_model: Annotated[
        Path | None, typer.Option(help="A copy of the model with the fitted temperature: FILE.safetensors.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[int, typer.Option(min=0, help="CPU threads of torch; 0 leaves it to torch.")] = 0,
) -> None:
    """Measure a model on photos that it has never seen."""
    if threads:
        torch.set_num_threads(threads)
    predictor = opened(model, device, out_model)
    archive = data / "val.zip"
    if not archive.is_file():
        raise typer.BadParameter(f"--data {data}: no val.zip in it; wanted a folder with an archive of colour photos")
    chosen = read_archive(archive)[:photos]
    if len(chosen) < FEWEST:
        raise typer.BadParameter(f"{archive}: {len(chosen)} photos; wanted at least {FEWEST}, half of them to fit on")
    out.mkdir(parents=True, exist_ok=True)
    seconds: dict[str, float] = {}
    report, found = measured(predictor, chosen, seconds)
    report["seconds"] = seconds
    sepia = np.array(report["sepia_ab"], np.float32)
    if variants:
        with stage("variants", seconds):
            report["variants"] = variant_scores(predictor, chosen[:variants], sepia)
    with stage("sheets", seconds):
        draw_sheets(out, predictor, chosen, found)
    old = sorted((data / "bw").glob("*.jpg"))
    if old:
        with stage("old", seconds):
            report["old"], sheets = old_photos(predictor, old, sepia)
            for name, picture in sheets.items():
                write_png(out / f"{name}.png", picture)
    if out_model is not None:
        with stage("out-model", seconds):
            write_calibrated(out_model, predictor.model, report["calibration"]["temperature"], chosen)
    if hints:
        write_report(out, report)  # what there is so far: the sweep takes longer than all the rest
        with stage("hints", seconds):
            report["hints"] = hint_sweep(predictor, chosen[:hints], sepia)
    write_report(out, report)
    typer.echo("\n".join(report_lines(report)))


def write_report(out: Path, report: dict[str, Any]) -> None:
    """Write the report as JSON, as tables and as curves."""
    write_curves(out / "curves.png", report)
    write_text(out / "report.json", json.dumps(report, indent=1, allow_nan=False) + "\n")
    write_text(out / "report.md", "\n".join(report_lines(report)))


def opened(model: str, device: str, out_model: Path | None) -> Predictor:
    """The model to measure, and whether a calibrated copy of it can be written to `out_model`.

    Raises
    ------
    typer.BadParameter
        In one line, what was got and what was wanted.
    """
    try:
        trained = load_model(model)
        predictor = Predictor(trained, device)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if out_model is not None and out_model.suffix != ".safetensors":
        raise typer.BadParameter(f"--out-model {out_model}: wanted a name that ends in .safetensors")
    if out_model is not None and trained.card.get("architecture") not in MODELS:
        raise typer.BadParameter(f"--out-model: {model} is no network of ours; wanted one of {', '.join(MODELS)}")
    return predictor


def measured(
    predictor: Predictor, photos: Sequence[Pixels], seconds: dict[str, float]
) -> tuple[dict[str, Any], Survey]:
    """The parts of the report that one answer of the network a photo is enough for."""
    half = len(photos) // 2
    with stage("pictures", seconds):
        sepia = constant_color(photos[:half])
        found = survey(predictor, photos, sepia)
    with stage("calibration", seconds):
        calibration = calibrate(found.sample, predictor.model.bins, len(photos), predictor.temperature)
        scores = distributions(found, predictor)
    return {
        "model": predictor.model.name,
        "photos": len(photos),
        "side": SIDE,
        "input_side": predictor.side,
        "sepia_ab": [rounded(value, 2) for value in sepia],
        "table": table(found),
        "distribution": scores,
        "calibration": calibration,
        "risk_coverage": risk_curve(found.distance, found.true_ab, found.confidence, sepia),
        "artifacts": {name: over_all(rows) for name, rows in found.artifacts.items()},
    }, found


def draw_sheets(out: Path, predictor: Predictor, photos: Sequence[Pixels], found: Survey) -> None:
    """Sheets of fixed photos, and of the best and the worst by mean ab error at temperature .38."""
    scores = found.rows[str(PLAIN)]
    best, worst = extremes([row["ab_error"] for row in scores])
    fixed = [number for number in FIXED if number < len(photos)]
    for name, numbers in (("fixed", fixed), ("best", best), ("worst", worst)):
        scenes = [stretched(photos[number]) for number in numbers]
        captions = [
            f"photo {number}: {scores[number]['psnr_db']:.2f} dB (grey {found.rows['grey'][number]['psnr_db']:.2f}), "
            f"ab error {scores[number]['ab_error']:.1f}"
            for number in numbers
        ]
        write_png(out / f"{name}.png", scenes_sheet(predictor, scenes, captions))


def write_calibrated(path: Path, model: TrainedModel, temperature: float, photos: Sequence[Pixels]) -> None:
    """Write the calibrated copy, scored anew on the second half of the photos, which the fit has not seen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_calibrated(path, model, temperature, model.card.get("scores", {}))
    scores = evaluate(Predictor(load_model(str(path)), "cpu"), photos[len(photos) // 2 :])
    save_calibrated(path, model, temperature, scores)


def write_text(path: Path, text: str) -> None:
    """Write a text whole or not at all."""
    temporary = path.with_suffix(".part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


if __name__ == "__main__":
    typer.run(main)
