"""`hybrid info` and `hybrid models`: what a photo is, and what the networks are."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hybrid.cli.console import EXITS, PAGE_HELP, app, reported

if TYPE_CHECKING:
    from hybrid.photo import Photo


INFO_HELP = """Say what a photo is, how large it prints, and what colouring it needs of memory and time.

The time is an estimate: reading as it took just now; the other stages as measured on two processor cores without a GPU,
scaled by how long this machine, with what else it does, takes to render one megapixel. Loading the program is not in
it, nor are strokes, nor compiling the solver, which the first photo of all waits for."""


@app.command(epilog=EXITS, help=INFO_HELP)
def info(
    path: Annotated[Path, typer.Argument(metavar="IN", help="A photo.")],
    page: Annotated[int | None, typer.Option(min=1, metavar="N", help=PAGE_HELP)] = None,
    solve_at: Annotated[float, typer.Option(min=0.01, metavar="MP", help="Plan for this --solve-at.")] = 1.0,
    layers: Annotated[bool, typer.Option("--layers", help="Plan for a file with layers.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    with reported():
        from hybrid.photo import count_pages, read_photo

        began = time.perf_counter()
        photo = read_photo(path, page=page)
        reading = time.perf_counter() - began
        pages = count_pages(path)
    facts = {"input": str(path), "pages": pages, **facts_of(photo), **plan_of(photo, solve_at, layers, reading)}
    print(json.dumps(facts) if as_json else plan_text(facts))


def facts_of(photo: Photo) -> dict[str, Any]:
    """What a photo is."""
    height, width = photo.lightness.shape
    return {
        "width": width,
        "height": height,
        "megapixels": round(width * height / 1e6, 2),
        "bits": photo.bits,
        "profile_bytes": len(photo.profile or b""),
        "dpi": photo.dpi,
        "metadata": sorted(photo.metadata),
        "print_cm_at_300_dpi": [round(width / 300 * 2.54, 1), round(height / 300 * 2.54, 1)],
    }


def plan_of(photo: Photo, solve_at: float, layers: bool, reading: float) -> dict[str, Any]:
    """What colouring takes: bytes, about how many seconds by stage, and the largest --solve-at that fits.

    `reading` are the seconds that reading it took.
    """
    from hybrid.memory import available_bytes, most_solved, plan_bytes
    from hybrid.pace import machine_factor, plan_seconds

    pixels, free, factor = photo.lightness.size, available_bytes(), machine_factor()
    stages = {stage: spent * factor for stage, spent in plan_seconds(pixels, solve_at, layers).items()}
    stages["read"] = reading
    needed, painted = (plan_bytes(pixels, has_strokes, layers, solve_at) for has_strokes in (False, True))
    return {
        "memory_needed": round(needed),
        "memory_with_strokes": round(painted),
        "memory_free": round(free) if free < float("inf") else None,
        "fits": needed <= free,
        "solve_at": solve_at,
        "solve_at_most": most_solved(pixels, free, has_layers=layers),
        "seconds_about": {stage: round(spent, 2) for stage, spent in stages.items()},
        "machine_factor": round(factor, 2),
    }


def plan_text(facts: dict[str, Any]) -> str:
    """The facts for a person."""
    from hybrid.pace import spoken

    dpi = facts["dpi"]
    noted = (
        "" if dpi is None else f"; the file says {dpi[0]:g}" + (f" × {dpi[1]:g}" if dpi[0] != dpi[1] else "") + " dpi"
    )
    free = "" if facts["memory_free"] is None else f"; {facts['memory_free'] / 1e9:.1f} GB are free"
    seconds = facts["seconds_about"]
    spent = " · ".join(f"{stage} {value:.1f}" for stage, value in seconds.items() if value >= 0.05)
    most = facts["solve_at_most"]
    finest = f"--solve-at {most:g} at most" if most else "not even --solve-at 1; close other programs, or scan smaller"
    lines = {
        "pages": facts["pages"],
        "size": f"{facts['width']} × {facts['height']} pixels, {facts['megapixels']:g} MP, {facts['bits']} bits",
        "profile": f"{facts['profile_bytes']} bytes" if facts["profile_bytes"] else "none",
        "metadata": ", ".join(facts["metadata"]) or "none",
        "print": "{} × {} cm at 300 dpi".format(*facts["print_cm_at_300_dpi"]) + noted,
        "memory": f"{facts['memory_needed'] / 1e9:.1f} GB, with strokes up to "
        f"{facts['memory_with_strokes'] / 1e9:.1f}{free}" + ("" if facts["fits"] else ": IT DOES NOT FIT"),
        "fits": finest,
        "time": f"about {spoken(sum(seconds.values()))} at --solve-at {facts['solve_at']:g}: {spent}",
    }
    return "\n".join([facts["input"], *(f"  {name:<10} {text}" for name, text in lines.items())])


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
