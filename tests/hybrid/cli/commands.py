"""The command run in this process, and pictures for it."""

import json
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from typer.testing import CliRunner, Result

from hybrid.cli import app

HEIGHT, WIDTH = 48, 64
RED = (50.0, 30.0)


def run(*words: Any) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def report_of(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    (line,) = result.stdout.splitlines()
    return json.loads(line)


def grey_tiff(path: Path, height: int = HEIGHT, width: int = WIDTH, seed: int = 0) -> Path:
    """A 16-bit scan at 300 dpi: two surfaces and film grain."""
    values = np.full((height, width), 14000.0)
    values[:, width // 2 :] = 40000
    values += np.random.default_rng(seed).normal(0, 300, values.shape)
    tifffile.imwrite(path, values.astype(np.uint16), photometric="minisblack", resolution=(300, 300), resolutionunit=2)
    return path


def color_png(path: Path, height: int, width: int) -> Path:
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[:, : width // 2], rgb[:, width // 2 :] = (40, 60, 140), (220, 180, 90)
    path.write_bytes(imagecodecs.png_encode(rgb))
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
