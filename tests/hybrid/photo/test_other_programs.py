"""Files that other programs wrote are read as those programs see them (`pytest -m slow`; needs the programs)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from other_programs import ROWS, Row, compared, make, missing, pictures

from hybrid.photo import read_photo


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_luminance_is_what_the_other_program_says(tmp_path: Path, row: Row) -> None:
    if absent := missing(row):
        pytest.skip(f"not installed: {', '.join(absent)}")
    told, largest, _ = compared(row, tmp_path, pictures(tmp_path))
    if row.refused:
        assert row.refused in told
    else:
        assert largest <= row.steps, told


@pytest.mark.slow
def test_what_exiftool_stamps_is_found(tmp_path: Path) -> None:
    for row in (row for row in ROWS if row.turn):
        if absent := missing(row):
            pytest.skip(f"not installed: {', '.join(absent)}")
        assert read_photo(make(row, tmp_path, pictures(tmp_path))).dpi == (600, 600)


def test_the_pictures_given_use_all_of_their_sixteen_bits(tmp_path: Path) -> None:
    given = read_photo(pictures(tmp_path)["grey"])
    assert given.bits == 16
    assert np.unique(given.lightness).size > 15000
    assert len({row.name for row in ROWS}) == len(ROWS) > 30
