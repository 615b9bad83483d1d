"""`python -m hybrid.demo OUT`: colour a photograph that every installation has; grey, colour and strokes side by side.

The photograph comes with scikit-image and is smaller than a print: it is enlarged four times, for the demonstration's
size only. Its own colours are thrown away before the program sees it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import tifffile
from skimage import data
from skimage.transform import resize

from hybrid.cli.job import summary
from hybrid.color import luminance, srgb_decode, srgb_encode
from hybrid.colorized import Colorized
from hybrid.models.weights import load_model
from hybrid.photo import read_overlay, read_photo, write_picture
from hybrid.predict import Predictor
from hybrid.session import Session
from hybrid.strokes import Stroke
from solvers.resident import peak_bytes

ENLARGED = 4
BLUE = (4.0, -28.0)
SAUCER = [
    [540, 560],
    [460, 780],
    [460, 1000],
    [620, 1310],
    [1000, 1460],
    [1430, 1420],
    [1690, 1180],
    [1760, 900],
    [1690, 660],
]
CUP = [[760, 640], [850, 860], [1020, 1010], [1200, 960]]
STROKES = tuple(Stroke(np.array(points), 14, BLUE) for points in (SAUCER, CUP))
"""Two strokes as a user would draw them: the saucer and the cup's outside are blue."""


def grey_photograph() -> np.ndarray:
    """scikit-image's cup of coffee (600 × 400, CC0), enlarged, as (H, W) uint16 sRGB grey."""
    photo = data.coffee().astype(np.float32) / 255
    height, width = photo.shape[:2]
    large = resize(luminance(srgb_decode(photo)), (height * ENLARGED, width * ENLARGED), order=3)
    return np.round(srgb_encode(large.clip(0, 1).astype(np.float32)) * 65535).astype(np.uint16)


def main(folder: Path) -> None:
    """Colour the photograph into `folder`, then again with two strokes, and print the reports."""
    folder.mkdir(parents=True, exist_ok=True)
    grey = folder / "coffee-grey.tif"
    tifffile.imwrite(grey, grey_photograph(), photometric="minisblack", resolution=(300, 300), resolutionunit=2)
    print(f"{grey}: a 600×400 photograph enlarged {ENLARGED} times to 3.8 MP, for the demonstration's size only")
    session = Session(read_photo(grey), Predictor(load_model("lite"), "cpu"), progress=_say)
    colored = _written(session.edit(), folder / "coffee.tif")
    corrected = _written(session.edit(STROKES), folder / "coffee-strokes.tif")
    panels = np.concatenate([read_overlay(path)[0] for path in (grey, colored, corrected)], axis=1)
    beside = folder / "coffee-side-by-side.png"
    write_picture(beside, np.round(panels[::2, ::2] * 255).astype(np.uint8), overwrite=True)
    print(f"{beside}: grey, coloured, and corrected with two strokes; the .tif files are the 16-bit pictures")


def _say(stage: str) -> None:
    print(f"  {stage} …", file=sys.stderr)


def _written(colorized: Colorized, path: Path) -> Path:
    print(summary({**colorized.write(path, overwrite=True), "peak_memory": peak_bytes()}))
    return path


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out"))
