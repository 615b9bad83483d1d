"""`hybrid info` and `hybrid models`: what a photo is, and the plan: bytes, seconds, what would fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner, Result

from hybrid.cli import app
from hybrid.memory import plan_bytes
from hybrid.pace import plan_seconds, spoken

HEIGHT, WIDTH = 48, 64


def run(*words: Any) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def told(*words: Any) -> dict[str, Any]:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return json.loads(result.stdout)


def grey_tiff(path: Path, height: int = HEIGHT, width: int = WIDTH) -> Path:
    """A 16-bit scan at 300 dpi."""
    values = np.linspace(5000, 60000, height * width).reshape(height, width).astype(np.uint16)
    tifffile.imwrite(path, values, photometric="minisblack", resolution=(300, 300), resolutionunit=2)
    return path


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    return grey_tiff(tmp_path / "grey.tif")


def test_info_and_models_say_what_there_is(grey: Path) -> None:
    facts = told("info", grey)
    assert (facts["width"], facts["height"], facts["bits"], facts["dpi"]) == (WIDTH, HEIGHT, 16, [300, 300])
    assert told("models")["name"] == "lite"
    for words in (("info", grey), ("models",)):
        result = run(*words)
        assert result.exit_code == 0, result.output
        assert result.stderr == ""


def test_info_plans_memory_and_time(grey: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hybrid.memory.available_bytes", lambda: 8e9)
    monkeypatch.setattr("hybrid.pace.machine_factor", lambda: 2.0)
    large = grey_tiff(tmp_path / "large.tif", 2000, 3000)
    facts, small = told("info", large), told("info", grey)
    assert facts["memory_needed"] == round(plan_bytes(6_000_000))
    assert facts["memory_with_strokes"] == round(plan_bytes(6_000_000, has_strokes=True))
    assert (facts["fits"], facts["solve_at_most"], facts["print_cm_at_300_dpi"]) == (True, 6.0, [25.4, 16.9])
    wanted = {stage: 2 * seconds for stage, seconds in plan_seconds(6_000_000).items()}
    seconds = facts["seconds_about"]
    assert 0 < seconds["read"] < 5, "as it was measured"
    assert {**seconds, "read": 0} == pytest.approx({**wanted, "read": 0}, abs=0.05)
    assert sum(small["seconds_about"].values()) < sum(seconds.values())
    finer, layered = told("info", large, "--solve-at", 4), told("info", large, "--layers")
    assert finer["seconds_about"]["solve"] > 2 * seconds["solve"]
    assert finer["memory_needed"] == round(plan_bytes(6_000_000, megapixels=4))
    assert layered["memory_needed"] == round(plan_bytes(6_000_000, has_layers=True))
    assert layered["seconds_about"]["write"] > seconds["write"]
    text = run("info", large).stdout
    for line in ("print      25.4 × 16.9 cm at 300 dpi; the file says 300 dpi", "memory     1.1 GB", "8.0 GB are free"):
        assert line in text
    assert "fits       --solve-at 6 at most" in text
    assert (
        f"time       about {spoken(sum(wanted.values()) - wanted['read'] + seconds['read'])} at --solve-at 1:" in text
    )
    assert "an estimate: reading as it took just now" in " ".join(run("info", "--help").stdout.split())


def test_info_says_what_would_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = grey_tiff(tmp_path / "large.tif", 2000, 3000)
    for free, most, text in ((1.6e9, 2.9, "--solve-at 2.9 at most"), (1.0e9, 0, "not even --solve-at 1")):
        monkeypatch.setattr("hybrid.memory.available_bytes", lambda free=free: free)
        facts = told("info", large, "--solve-at", 6)
        assert (facts["fits"], facts["solve_at_most"]) == (False, most)
        result = run("info", large, "--solve-at", 6)
        assert "IT DOES NOT FIT" in result.stdout
        assert text in result.stdout
        code = run("colorize", large, "-o", tmp_path / "a.tif", "--model", "none", "--solve-at", 6).exit_code
        assert code == 6
    monkeypatch.setattr("hybrid.memory.available_bytes", lambda: float("inf"))
    assert told("info", large)["memory_free"] is None, "infinity is no JSON"
    assert "are free" not in run("info", large).stdout
