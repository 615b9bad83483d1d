"""The editor as a program of its own, a photo for it and a browser."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from person import CHROMIUM, FLAGS, Program
from skimage import data

from hybrid.color import luminance, srgb_decode, srgb_encode

ROOT = Path(__file__).parents[3]
ADDRESS_LINE = re.compile(r"http://127\.0\.0\.1:\d+/[\w-]+/")


@pytest.fixture(scope="session")
def program() -> Program:
    """`with program(PHOTO, ...) as (process, address)`: the editor runs until the block ends."""
    return running


@contextmanager
def running(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    line = [sys.executable, "-m", "hybrid", "edit", *words, "--no-browser"]
    with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            found = ADDRESS_LINE.search(process.stdout.readline())
            assert found, process.communicate(timeout=10)
            yield process, found[0]
        finally:
            process.kill()


@pytest.fixture(scope="module")
def grey_photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("work") / "coffee.tif"
    grey = luminance(srgb_decode(data.coffee().astype(np.float32) / 255))
    tifffile.imwrite(path, np.round(srgb_encode(grey) * 65535).astype(np.uint16))
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()
