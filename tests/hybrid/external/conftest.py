"""Both kinds of files."""

from pathlib import Path

import pytest
from external_files import Writer, as_onnx, as_script


@pytest.fixture(params=["onnx", "pt"])
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Writer:
    """Writes the 1 × 1 convolution as a file of either kind."""
    by_kind = {"onnx": as_onnx, "pt": as_script}[request.param]
    return lambda *words, **named: by_kind(tmp_path / f"own.{request.param}", *words, **named)
