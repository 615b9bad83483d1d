"""`python -m hybrid.demo OUT`: colour a photograph that every installation has, and show grey and colour side by side.

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

from hybrid.cli import Job, summary, work
from hybrid.color import luminance, srgb_decode, srgb_encode
from hybrid.models.weights import load_model
from hybrid.photo import read_overlay, write_picture
from hybrid.predict import Predictor
from hybrid.session import Settings

ENLARGED = 4


def grey_photograph() -> np.ndarray:
    """scikit-image's cup of coffee (600 × 400, CC0), enlarged, as (H, W) uint16 sRGB grey."""
    photo = data.coffee().astype(np.float32) / 255
    height, width = photo.shape[:2]
    large = resize(luminance(srgb_decode(photo)), (height * ENLARGED, width * ENLARGED), order=3)
    return np.round(srgb_encode(large.clip(0, 1).astype(np.float32)) * 65535).astype(np.uint16)


def main(folder: Path) -> None:
    """Colour the photograph into `folder`, and print the report."""
    folder.mkdir(parents=True, exist_ok=True)
    grey, colored, beside = (folder / name for name in ("coffee-grey.tif", "coffee.tif", "coffee-side-by-side.png"))
    tifffile.imwrite(grey, grey_photograph(), photometric="minisblack", resolution=(300, 300), resolutionunit=2)
    print(f"{grey}: a 600×400 photograph enlarged {ENLARGED} times to 3.8 MP, for the demonstration's size only")
    job = Job(Predictor(load_model("lite"), "cpu"), Settings(), None, None, overwrite=True)
    print(summary(work(grey, colored, job, lambda stage: print(f"  {stage} …", file=sys.stderr))))
    pair = np.concatenate([read_overlay(grey)[0], read_overlay(colored)[0]], axis=1)
    write_picture(beside, np.round(pair[::2, ::2] * 255).astype(np.uint8), overwrite=True)
    print(f"{beside}: to look at; {colored} is the 16-bit picture")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out"))
