"""`hybrid info` and `hybrid models`: what a photo is, and what the networks are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from hybrid.cli.console import EXITS, PAGE_HELP, app, reported


@app.command(epilog=EXITS)
def info(
    path: Annotated[Path, typer.Argument(metavar="IN", help="A photo.")],
    page: Annotated[int | None, typer.Option(min=1, metavar="N", help=PAGE_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say what a photo is, how large it prints, and what colouring it needs."""
    with reported():
        from hybrid.memory import available_bytes, plan_bytes
        from hybrid.photo import count_pages, read_photo

        photo = read_photo(path, page=page)
        pages = count_pages(path)
    height, width = photo.lightness.shape
    facts = {
        "input": str(path),
        "pages": pages,
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
