"""`hybrid verify`: whether a coloured file kept its photo's luminance and size, and what of its metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from hybrid.cli.console import EXIT_DIFFERS, EXITS, app, reported

TOLERANCE_HELP = """Steps of 1/65535 that luminance may differ by; default 1 at 16 bits, half a code at 8, and 32 \
times that for a JPEG."""
VERIFY_PAGE_HELP = (
    "Of a photo of several pages: which was coloured, from 1; the first that is no thumbnail if left out."
)


@app.command(epilog=EXITS)
def verify(
    output: Annotated[Path, typer.Argument(metavar="OUT", help="A coloured file.")],
    against: Annotated[Path, typer.Option("--against", metavar="IN", help="The photo it was made from.")],
    tolerance: Annotated[float | None, typer.Option(min=0, help=TOLERANCE_HELP)] = None,
    page: Annotated[int | None, typer.Option(min=1, metavar="N", help=VERIFY_PAGE_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say whether a coloured file has its photo's luminance and size, and what else it kept; exit code 7 if not."""
    with reported():
        from hybrid.photo.verification import verify_file

        found = verify_file(output, against, tolerance, page)
    named = {"page": page} if page else {}
    facts = {"output": str(output), "against": str(against), **named, **found.document()}
    print(json.dumps(facts) if as_json else summary(facts))
    if not found.holds:
        raise typer.Exit(EXIT_DIFFERS)


def summary(facts: dict[str, Any]) -> str:
    """The facts in a few lines for a person."""
    kept, light = facts["kept"], facts["luminance"]
    size, wanted = ("×".join(map(str, facts[name])) for name in ("size", "photo_size"))
    if light["largest"] is None:
        luminance = "not compared"
    else:
        luminance = (
            f"{light['largest']:.2f} of 65535 at most, {light['mean']:.2f} on average; allowed {light['tolerance']:.2f}"
        )
    counts = {"exif_tags": "EXIF tags", "xmp_properties": "XMP properties", "iptc_bytes": "IPTC bytes"}
    lines = {
        "size": size if size == wanted else f"{size}, but the photo has {wanted}",
        "luminance change": luminance,
        "at gamut's border": f"{facts['gamut_border']:.2%} of the pixels",
        "profile": {"none": "the photo has none"}.get(kept["profile"], kept["profile"]),
        "resolution": {"none": "the photo has none"}.get(kept["dpi"], kept["dpi"]),
        **{label: f"{kept[name][1]} of {kept[name][0]} kept" for name, label in counts.items()},
        "marked as": facts["provenance"].get("source_type") or "not marked as a colorization",
        "made from": facts["provenance"].get("made_from", ""),
    }
    verdict = "luminance and size are the photo's" if facts["holds"] else "DIFFERS from the photo"
    return "\n".join([f"{facts['output']}: {verdict}", *(f"  {name:<19} {text}" for name, text in lines.items())])
