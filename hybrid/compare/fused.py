"""`python -m hybrid.compare.fused PHOTO...`: objects before and after their cells agree on a colour, at 100 %."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from skimage.segmentation import find_boundaries

from hybrid.compare.inconsistent import flips
from hybrid.compare.interpolate import nearest
from hybrid.compare.scene import Scene, picture_of, read_scene
from hybrid.compare.sheet import GAP, LINE, check_sheet, write_sheet
from hybrid.compare.sources import Source, degraded, inconsistent, model
from hybrid.compare.spread import recipe, recipe_unfused
from hybrid.metrics import ab_distance
from hybrid.models.weights import load_model
from hybrid.photo import WriteError
from hybrid.predict import Predictor
from hybrid.scale import shrink, working_shape
from hybrid.segments import regions
from hybrid.settings import Settings

Float = NDArray[np.float32]
Mask = NDArray[np.bool_]
CROP = 240
"""Side of a crop, pixels of the photo and of the sheet."""
EACH = 2
"""Objects of one photo at most."""
LEAST_SHARE = 0.005
"""Of the photo: smaller regions are not looked at."""
NOTICED = 1.0
"""Mean change of the error in CIELAB units below which an object counts as the same."""
OUTLINE = (255, 60, 60)


@dataclass(frozen=True, eq=False)
class Object:
    """An object with its colours, cut out of a photo.

    Parameters
    ----------
    photo : name of the file
    window : (rows, columns) that are shown
    mask : (h, w) bool in the window
    tiles : name -> (h, w, 3) uint8 sRGB
    before, after : mean distance in ab from the truth over the whole object, without and with fusion
    """

    photo: str
    window: tuple[slice, slice]
    mask: Mask
    tiles: dict[str, NDArray[np.uint8]]
    before: float
    after: float


def flipped_objects(scene: Scene, source: Source, change: Float) -> Iterator[tuple[float, Mask]]:
    """The objects that `inconsistent` flipped in part: flipped share of the photo, and (H, W) where they are."""
    del change
    cells = degraded(scene, max(source.colors.confidence.shape)).colors.ab
    owner, flipped, _ = flips(scene.lightness, scene.ab, cells)
    for label in np.unique(owner[flipped]):
        own = nearest((owner == label).astype(np.float32)[..., None], scene.lightness.shape)[..., 0] > 0.5
        yield float(flipped[owner == label].sum() / owner.size), own


def changed_regions(scene: Scene, source: Source, change: Float) -> Iterator[tuple[float, Mask]]:
    """The regions that fusion fuses: mean change of ab, and (H, W) where they are."""
    del source
    labels = regions(shrink(scene.seen, working_shape(scene.seen.shape, Settings().megapixels)))
    rows, columns = ((2 * np.arange(n) + 1) * k // (2 * n) for n, k in zip(scene.seen.shape, labels.shape, strict=True))
    large = labels[rows[:, None], columns]
    sizes = np.bincount(large.ravel())
    means = np.bincount(large.ravel(), change.ravel()) / np.maximum(sizes, 1)
    for label in np.flatnonzero(sizes >= LEAST_SHARE * large.size):
        yield float(means[label]), large == label


CHOICES: dict[str, Callable[[Scene, Source, Float], Iterator[tuple[float, Mask]]]] = {
    "inconsistent": flipped_objects,
    "model": changed_regions,
}
"""Source -> where its objects are, each with what it is ranked by."""


def objects_of(
    name: str, scene: Scene, kind: str, grid: int, predictor: Predictor | None
) -> list[tuple[float, Object]]:
    """The EACH first objects of a photo with their ranks."""
    source = inconsistent(scene, grid) if kind == "inconsistent" else model(scene, grid, predictor)
    before, after = recipe_unfused(scene.seen, source), recipe(scene.seen, source)
    ranked = sorted(CHOICES[kind](scene, source, ab_distance(after, before)), key=lambda pair: -pair[0])
    return [(rank, _cut(name, scene, mask, before, after)) for rank, mask in ranked[:EACH]]


def _cut(name: str, scene: Scene, mask: Mask, before: Float, after: Float) -> Object:
    centre = [int(np.median(places)) for places in np.nonzero(mask)]
    sides = [min(CROP, side) for side in mask.shape]
    firsts = [min(max(c - s // 2, 0), n - s) for c, s, n in zip(centre, sides, mask.shape, strict=True)]
    rows, columns = (slice(first, first + side) for first, side in zip(firsts, sides, strict=True))
    window = rows, columns
    grey = picture_of(scene.seen[window], np.zeros_like(scene.ab[window]))
    grey[find_boundaries(mask)[window]] = OUTLINE
    tiles = {"outlined": grey}
    for title, ab in (("every cell by itself", before), ("fused", after)):
        tiles[title] = picture_of(scene.seen[window], ab[window])
    tiles["truth"] = picture_of(scene.lightness[window], scene.ab[window])
    errors = [float(ab_distance(ab, scene.ab)[mask].mean()) for ab in (before, after)]
    return Object(name, window, mask[window], tiles, *errors)


def drawn(objects: list[Object], columns: int = 2) -> Image.Image:
    """A sheet of objects, so many side by side, each as its tiles with their names and errors above."""
    width, height = len(objects[0].tiles) * (CROP + GAP) + GAP, CROP + GAP + LINE
    canvas = Image.new("RGB", (columns * width, GAP + -(-len(objects) // columns) * height), "white")
    draw = ImageDraw.Draw(canvas)
    for number, found in enumerate(objects):
        line, column = divmod(number, columns)
        errors = {"every cell by itself": f": off by {found.before:.1f}", "fused": f": {found.after:.1f}"}
        for place, (title, tile) in enumerate(found.tiles.items()):
            left, top = GAP + column * width + place * (CROP + GAP), GAP + line * height
            words = f"{number + 1}  {found.photo}" if not place else title + errors.get(title, "")
            draw.text((left, top), words, fill="black")
            canvas.paste(Image.fromarray(tile), (left, top + LINE))
    return canvas


def told(objects: list[Object]) -> str:
    """A line for each object, and how many came nearer to the truth."""
    lines = [
        f"{number:2} {found.photo} at {found.window[1].start}, {found.window[0].start}: "
        f"off by {found.before:.1f} before, {found.after:.1f} after"
        for number, found in enumerate(objects, 1)
    ]
    gains = np.array([found.before - found.after for found in objects])
    better, worse = int((gains > NOTICED).sum()), int((gains < -NOTICED).sum())
    rest = len(objects) - better - worse
    return "\n".join([*lines, f"{better} better, {worse} worse, {rest} within {NOTICED:g}; mean {gains.mean():+.1f}"])


def main(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="Colour photos, whose own colours judge.")],
    out: Annotated[Path, typer.Option(help="The sheet, a PNG or a JPEG.")],
    source: Annotated[
        str, typer.Option(help="inconsistent: objects flipped in part on purpose; model: what changed most.")
    ] = "inconsistent",
    count: Annotated[int, typer.Option(min=1, help="Objects, two of a photo at most.")] = 10,
    grid: Annotated[int, typer.Option(min=2, max=1024, help="Cells on the long side; a model has its own.")] = 128,
    megapixels: Annotated[float, typer.Option(min=0.01, help="Photos are averaged down to this size.")] = 1.0,
    model: Annotated[str, typer.Option(help="For source model: a shipped model, or a FILE.")] = "lite",
) -> None:
    """Write a sheet of objects outlined in grey, without and with fusion, and as they are; print their errors."""
    if source not in CHOICES:
        raise typer.BadParameter(f"source {source!r}; wanted one of {', '.join(CHOICES)}")
    found: list[tuple[float, Object]] = []
    try:
        check_sheet(out)
        predictor = Predictor(load_model(model)) if source == "model" else None
        for path in photos:
            found += objects_of(path.name, read_scene(path, megapixels), source, grid, predictor)
            typer.echo(f"{path.name} …", err=True)
        if not found:
            raise ValueError("no object was found; try more photos, with larger objects")
        chosen = [one for _, one in sorted(found, key=lambda pair: -pair[0])[:count]]
        write_sheet(out, drawn(chosen))
    except (ValueError, WriteError) as error:
        raise typer.BadParameter(str(error)) from None
    typer.echo(told(chosen))


if __name__ == "__main__":
    typer.run(main)
