"""A grey photo."""

from pathlib import Path

import pytest
from commands import grey_tiff


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    return grey_tiff(tmp_path / "in" / "grey.tif")
