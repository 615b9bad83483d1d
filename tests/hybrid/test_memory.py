"""The plan of memory: what does not fit is refused before any work, and what is advised does fit."""

import re
from pathlib import Path
from unittest import mock

import imagecodecs
import numpy as np
import pytest
from typer.testing import CliRunner

from hybrid.cli import app
from hybrid.memory import FIXED, MemoryShort, check_fits, plan_bytes


def free(gigabytes: float) -> mock._patch:
    return mock.patch("hybrid.memory.available_bytes", return_value=gigabytes * 1e9)


def test_what_fits_is_let_through_to_the_byte() -> None:
    needed = plan_bytes(100_000_000, has_strokes=True, megapixels=4)
    with free(needed / 1e9):
        check_fits(100_000_000, has_strokes=True, megapixels=4)
    with free(needed / 1e9 - 1e-6), pytest.raises(MemoryShort):
        check_fits(100_000_000, has_strokes=True, megapixels=4)


def test_the_plan_grows_with_all_that_takes_memory() -> None:
    plain = plan_bytes(50_000_000, has_strokes=False)
    assert plain > FIXED + 16 * 50_000_000, "16 bytes a pixel were measured"
    assert plan_bytes(50_000_000, has_strokes=True) > plain
    assert plan_bytes(50_000_000, has_strokes=False, has_layers=True) > plain
    assert plan_bytes(50_000_000, has_strokes=False, megapixels=9) - plain > 8e6 * 200, "200 a solved pixel were"
    assert plan_bytes(500_000, False, megapixels=9) == plan_bytes(500_000, False), "no photo is enlarged to be solved"


def test_100_megapixels_fit_into_16_gigabytes() -> None:
    with free(16):
        check_fits(100_000_000, has_strokes=True, has_layers=True)


def test_the_size_advised_fits() -> None:
    with free(3), pytest.raises(MemoryShort) as refused:
        check_fits(200_000_000)
    most = int(re.search(r"about (\d+) MP would fit", str(refused.value))[1])  # type: ignore[index]
    assert 30 < most < 200
    with free(3):
        check_fits(most * 1_000_000 - 500_000)
    assert str(refused.value).startswith("200 MP need 8.1 GB of memory, 3.0 GB are free; ")


def test_a_smaller_solve_is_advised_where_that_is_enough() -> None:
    with free(6), pytest.raises(MemoryShort, match=r"24 MP solved at 24 MP need .* --solve-at") as refused:
        check_fits(24_000_000, megapixels=24)
    advised = float(re.search(r"--solve-at (\S+)", str(refused.value))[1])  # type: ignore[index]
    assert 4 < advised < 24
    with free(6):
        check_fits(24_000_000, megapixels=advised)


def test_a_photo_too_large_is_one_line_and_exit_6(tmp_path: Path) -> None:
    grey, out = tmp_path / "grey.png", tmp_path / "colour.tif"
    grey.write_bytes(imagecodecs.png_encode(np.full((40, 60), 120, np.uint8)))
    with free(0.5):
        result = CliRunner().invoke(app, ["colorize", str(grey), "-o", str(out), "--model", "none"])
    assert result.exit_code == 6
    assert re.fullmatch(r"hybrid: .*grey\.png: 0 MP need 0\.9 GB of memory, 0\.5 GB are free; .*\n", result.stderr)
    assert not out.exists()
