"""`hybrid compare`: ways of spreading colours, side by side on photos of the user's own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from hybrid.cli.console import EXIT_BATCH, EXITS, app, failed, notes, reported, stages

if TYPE_CHECKING:
    from hybrid.compare.run import Plan

TABLE_WIDTH = 110


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
