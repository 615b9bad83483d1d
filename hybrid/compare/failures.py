"""`python -m hybrid.compare.failures OUT`: three photographs that every installation has, where the colours are wrong.

For each a crop at 100 %: grey, coloured, coloured with what helps, and the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from skimage import data

from hybrid.color import lab_from_linear, srgb_decode
from hybrid.compare.scene import picture_of
from hybrid.compare.sheet import GAP, LINE, check_sheet, write_sheet
from hybrid.models.weights import load_model
from hybrid.photo import Photo, WriteError
from hybrid.predict import Predictor
from hybrid.scribbles import CellColors, colors_of_picture
from hybrid.session import Session
from hybrid.strokes import Mark, Stroke

SIDE = 192
"""Of a crop, pixels of the photo and of the sheet."""


@dataclass(frozen=True)
class Failure:
    """A photograph with a place where the colours are wrong.

    Parameters
    ----------
    photo : name of a function of `skimage.data`
    corner : x, y of the crop
    helps : what helps, in a few words
    strokes : that help
    sides : cells along of the true colours' small picture, before and after it helps; None for the network's colours
    """

    photo: str
    corner: tuple[int, int]
    helps: str
    strokes: tuple[Stroke, ...] = ()
    sides: tuple[int, int] | None = None

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the crop."""
        return slice(self.corner[1], self.corner[1] + SIDE), slice(self.corner[0], self.corner[0] + SIDE)


ORANGE, VIOLET, LAMP = (52.0, 52.0), (32.0, -48.0), (22.0, 62.0)
FAILURES = (
    Failure(
        "astronaut",
        (110, 300),
        "three strokes",
        (
            Stroke(np.array([[125, 310], [135, 400], [150, 480]]), 4, ORANGE),
            Stroke(np.array([[225, 320], [228, 400], [215, 470]]), 4, ORANGE),
            Stroke(np.array([[170, 397], [176, 399]]), 3, VIOLET),
        ),
    ),
    Failure(
        "rocket",
        (290, 235),
        "a dot on each lamp",
        tuple(Stroke(np.array([place]), 5, LAMP) for place in ([366, 397], [432, 395])),
    ),
    Failure("astronaut", (0, 0), "from 256 cells", sides=(64, 256)),
)
"""A wrong guess; small coloured things in a large even one; fringes where a cell holds two strong colours."""


def panels(failure: Failure, predictor: Predictor) -> dict[str, NDArray[np.uint8]]:
    """Crops of a photograph with what stands above them: (SIDE, SIDE, 3) sRGB."""
    rgb = getattr(data, failure.photo)()
    lightness, ab = lab_from_linear(srgb_decode(rgb.astype(np.float32) / 255))
    named = [(failure.photo, np.zeros_like(ab))]
    if failure.sides is None:
        session = Session(Photo(lightness), predictor)
        named += [("the network's colours", _ab(session)), (failure.helps, _ab(session, failure.strokes))]
    else:
        of_cells: list[CellColors] = [colors_of_picture(ab, side) for side in failure.sides]
        titles = f"true colours, {failure.sides[0]} cells", failure.helps
        named += [(title, _ab(Session(Photo(lightness), c))) for title, c in zip(titles, of_cells, strict=True)]
    return {title: picture_of(lightness[failure.window], own[failure.window]) for title, own in (*named, ("truth", ab))}


def _ab(session: Session, strokes: tuple[Mark, ...] = ()) -> NDArray[np.float32]:
    return session.edit(strokes).ab


def drawn(rows: list[dict[str, NDArray[np.uint8]]]) -> Image.Image:
    """A sheet, a row for each failure."""
    width = max(len(row) for row in rows)
    canvas = Image.new("RGB", (GAP + width * (SIDE + GAP), GAP + len(rows) * (SIDE + GAP + LINE)), "white")
    draw = ImageDraw.Draw(canvas)
    for line, row in enumerate(rows):
        for column, (title, panel) in enumerate(row.items()):
            left, top = GAP + column * (SIDE + GAP), GAP + line * (SIDE + GAP + LINE)
            draw.text((left, top), title, fill="black")
            canvas.paste(Image.fromarray(panel), (left, top + LINE))
    return canvas


def main(out: Annotated[Path, typer.Argument(help="The sheet, a PNG or a JPEG.")]) -> None:
    """Colour three photographs and write crops of where that fails."""
    try:
        check_sheet(out)
        predictor = Predictor(load_model("lite"), "cpu")
        write_sheet(out, drawn([panels(failure, predictor) for failure in FAILURES]))
    except WriteError as error:
        raise typer.BadParameter(str(error)) from None


if __name__ == "__main__":
    typer.run(main)
