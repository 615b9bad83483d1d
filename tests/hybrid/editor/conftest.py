"""The editor as a program of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ADDRESS_LINE = re.compile(r"http://127\.0\.0\.1:\d+/[\w-]+/")
Program = Callable[..., AbstractContextManager[tuple[subprocess.Popen[str], str]]]


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
