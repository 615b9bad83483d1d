"""What the README says is so: its commands parse, its examples run, its files exist."""

from __future__ import annotations

import json
import re
import shlex
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from typer.main import get_command
from typer.testing import CliRunner

from hybrid.cli import app
from hybrid.hints import SCHEMA, read_hints
from hybrid.photo import Photo
from hybrid.train.__main__ import main as train_main
from hybrid.train.evaluate.__main__ import main as evaluate_main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_every_hybrid_command_line_in_it_parses() -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("hybrid ")]
    assert len(lines) >= 7
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for line in lines:
        _, name, *words = shlex.split(line, comments=True)
        commands[name].make_context(name, words)


def test_every_option_it_names_is_in_the_help() -> None:
    helps = "".join(
        CliRunner().invoke(app, [*name.split(), "--help"], terminal_width=200).output
        for name in ("colorize", "edit", "info", "verify", "bench run")
    )
    prose = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    options = set(re.findall(r"`(--[a-z-]+)", prose))
    assert {"--vividness", "--temperature", "--saturation", "--model", "--start", "--out-model"} <= options
    parameters = {name for main in (train_main, evaluate_main) for name in signature(main).parameters}
    of_training = {f"--{name.replace('_', '-')}" for name in parameters}
    assert all(option in helps or option in of_training for option in options)


def test_its_strokes_are_read(tmp_path: Path) -> None:
    path = tmp_path / "readme.hints.json"
    path.write_text(blocks("json")[0])
    marks = read_hints(path, Photo(np.zeros((1600, 2400), np.float32), path=tmp_path / "scan.tif"))
    assert [mark.mode for mark in marks] == ["color", "gray"]  # type: ignore[union-attr]
    assert json.loads(blocks("json")[0])["version"] == 1
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(json.loads(blocks("json")[0]))


def test_its_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tifffile

    tifffile.imwrite(tmp_path / "scan.tif", np.linspace(0, 65535, 60 * 90).reshape(60, 90).astype(np.uint16))
    monkeypatch.chdir(tmp_path)
    product, solver = blocks("python")
    product = product.replace("[[400, 780], [620, 1330]]", "[[10, 20], [40, 30]]")
    exec(compile(product, "README.md", "exec"), {})
    assert (tmp_path / "colour.tif").stat().st_size
    assert (tmp_path / "corrected.tif").stat().st_size
    given = {
        "luminance": np.tile(np.linspace(0, 1, 20, dtype=np.float32), (20, 1)),
        "index": np.array([0, 399]),
        "chroma": np.array([[0.2, 0.1], [-0.3, 0.0]], np.float32),
        "weight": np.array([1e3, 1e3], np.float32),
    }
    exec(compile(solver, "README.md", "exec"), given)
    assert given["solution"].chroma.shape == (20, 20, 2)  # type: ignore[attr-defined]


def test_its_pictures_are_there() -> None:
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", README, flags=re.DOTALL)
    assert pictures
    assert all((ROOT / picture).is_file() for picture in pictures)


def test_its_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"\bmake ([a-z]+)", README))
    assert {"demo", "test"} <= targets
    assert all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in targets if target != "that")
