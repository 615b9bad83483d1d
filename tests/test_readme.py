"""What every README says is so: its commands parse, its examples run, its files, pictures and links are there."""

from __future__ import annotations

import json
import os
import re
import shlex
from importlib import import_module
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
import typer
from jsonschema import Draft202012Validator
from typer.main import get_command
from typer.testing import CliRunner

from hybrid.cli import app
from hybrid.hints import SCHEMA, read_hints
from hybrid.photo import Photo
from hybrid.train.__main__ import main as train_main
from hybrid.train.evaluate.__main__ import main as evaluate_main

ROOT = Path(__file__).parents[1]
FOLDERS = ("data", "hybrid", "solvers", "tests")
TEXTS = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", *sorted(path for name in FOLDERS for path in (ROOT / name).rglob("README.md")))
}
"""Every README of the tree, by its path from the root."""
each_readme = pytest.mark.parametrize("name", TEXTS)
FILE = re.compile(r"(?:\.ci|data|hybrid|solvers|tests)/[\w./-]*\w\.\w+")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def prose(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def code_spans(text: str) -> list[str]:
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose(text))]


def command_lines(text: str) -> list[str]:
    """Lines of its shell blocks, and what stands between backticks in its prose and may be a command."""
    return [line for block in blocks(text, "sh") for line in block.splitlines()] + code_spans(text)


def links(text: str) -> list[str]:
    """Targets of its links and pictures that are relative."""
    targets = re.findall(r"\]\(([^()\s]+)\)", prose(text))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def anchors(text: str) -> set[str]:
    """What may stand after # to reach one of its headings, made as GitHub makes it."""
    headings = re.findall(r"^#+ (.+)$", prose(text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def target_of(name: str, link: str) -> tuple[str, str]:
    """Path from the root, and anchor, of a link in the README `name`."""
    path, _, anchor = link.partition("#")
    return (os.path.normpath(Path(name).parent / path) if path else name).replace(os.sep, "/"), anchor


def broken_links(texts: dict[str, str]) -> list[str]:
    """Links of READMEs that lead to no file, or to no heading of the README that they name."""
    found = []
    for name, text in texts.items():
        for link in links(text):
            path, anchor = target_of(name, link)
            if path not in texts and not (ROOT / path).exists():
                found.append(f"{name}: {link}: no such file")
            elif anchor and anchor not in anchors(texts.get(path, "")):
                found.append(f"{name}: {link}: no such heading")
    return found


def options_of(module: str) -> set[str] | None:
    """Options of `python -m module`; None if it is none of the project's programs that typer reads options for."""
    if not module.startswith("hybrid."):
        assert module == "pytest" or (ROOT / module.replace(".", "/")).with_suffix(".py").is_file(), module
        return None
    own = import_module(f"{module}.__main__" if (ROOT / module.replace(".", "/")).is_dir() else module)
    reader = typer.Typer()
    reader.command()(own.main)
    return {option for parameter in get_command(reader).params for option in parameter.opts}


def test_all_readmes_are_looked_at() -> None:
    assert {"README.md", "data/README.md", "solvers/README.md", "hybrid/compare/README.md"} <= set(TEXTS)


@each_readme
def test_every_hybrid_command_line_in_it_parses(name: str) -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for line in (line for block in blocks(TEXTS[name], "sh") for line in block.splitlines()):
        if line.startswith("hybrid "):
            _, command, *words = shlex.split(line, comments=True)
            commands[command].make_context(command, words)


def test_the_first_one_shows_the_commands() -> None:
    assert (
        sum(line.startswith("hybrid ") for block in blocks(TEXTS["README.md"], "sh") for line in block.split("\n")) >= 7
    )


@each_readme
def test_every_command_in_its_prose_has_the_options_it_is_given(name: str) -> None:
    for line in code_spans(TEXTS[name]):
        given = set(re.findall(r"(?<= )--[a-z-]+", line))
        if line.startswith("hybrid "):
            words = [word for word in line.split()[1:3] if word in ("bench", "run", "edits", "report")] or [
                line.split()[1]
            ]
            shown = CliRunner().invoke(app, [*words, "--help"], terminal_width=200)
            assert shown.exit_code == 0, line
            assert given <= set(re.findall(r"--[a-z-]+", shown.output)), line
        elif match := re.match(r"python -m (\S+)", line):
            options = options_of(match[1])
            assert options is None or given <= options, line


@each_readme
def test_every_option_it_names_alone_is_in_the_help(name: str) -> None:
    helps = "".join(
        CliRunner().invoke(app, [*command.split(), "--help"], terminal_width=200).output
        for command in ("colorize", "edit", "info", "verify", "compare", "bench run")
    )
    of_training = {
        f"--{parameter.replace('_', '-')}"
        for main in (train_main, evaluate_main)
        for parameter in signature(main).parameters
    }
    options = set(re.findall(r"`(--[a-z-]+)", prose(TEXTS[name])))
    assert options <= of_training | set(re.findall(r"--[a-z-]+", helps))


def test_the_options_that_matter_are_named() -> None:
    named = {option for text in TEXTS.values() for option in re.findall(r"`(--[a-z-]+)", prose(text))}
    assert {"--vividness", "--temperature", "--saturation", "--model", "--start", "--out-model"} <= named


def test_its_strokes_are_read(tmp_path: Path) -> None:
    examples = [block for text in TEXTS.values() for block in blocks(text, "json")]
    assert examples
    for example in examples:
        path = tmp_path / "readme.hints.json"
        path.write_text(example)
        marks = read_hints(path, Photo(np.zeros((1600, 2400), np.float32), path=tmp_path / "scan.tif"))
        assert [mark.mode for mark in marks] == ["color", "gray"]  # type: ignore[union-attr]
        assert json.loads(example)["version"] == 1
        Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(json.loads(example))


@pytest.mark.parametrize("name", [name for name, text in TEXTS.items() if blocks(text, "python")])
def test_its_python_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tifffile

    tifffile.imwrite(tmp_path / "scan.tif", np.linspace(0, 65535, 60 * 90).reshape(60, 90).astype(np.uint16))
    monkeypatch.chdir(tmp_path)
    for example in blocks(TEXTS[name], "python"):
        given: dict[str, object] = {
            "luminance": np.tile(np.linspace(0, 1, 20, dtype=np.float32), (20, 1)),
            "index": np.array([0, 399]),
            "chroma": np.array([[0.2, 0.1], [-0.3, 0.0]], np.float32),
            "weight": np.array([1e3, 1e3], np.float32),
        }
        exec(compile(example.replace("[[400, 780], [620, 1330]]", "[[10, 20], [40, 30]]"), name, "exec"), given)
        for written in re.findall(r'write\("(.*?)"\)', example):
            assert (tmp_path / written).stat().st_size
        if "solution" in given:
            assert given["solution"].chroma.shape == (20, 20, 2)  # type: ignore[attr-defined]


def test_the_product_and_the_solver_are_shown_from_python() -> None:
    assert len(blocks(TEXTS["README.md"], "python")) == len(blocks(TEXTS["solvers/README.md"], "python")) == 1


def test_every_link_leads_somewhere() -> None:
    assert not broken_links(TEXTS)


@pytest.mark.parametrize("broken", ["../nowhere.md", "../README.md#one-two", "#top", "../data/no.jpg"])
def test_a_planted_broken_link_is_seen(broken: str) -> None:
    top = "[a](b/README.md#one-two)\n# Top"
    assert not broken_links({"README.md": top, "b/README.md": "# One, two?\n[up](../README.md#top) [here](#one-two)"})
    found = broken_links({"README.md": top, "b/README.md": f"# One, two?\n[up]({broken})"})
    assert [line.rpartition(": ")[0] for line in found] == [f"b/README.md: {broken}"]


def test_every_readme_is_reached_from_the_first() -> None:
    reached, new = set(), {"README.md"}
    while new:
        reached |= new
        new = {target_of(name, link)[0] for name in new for link in links(TEXTS[name])} & set(TEXTS) - reached
    assert reached == set(TEXTS)


@each_readme
def test_its_pictures_are_there(name: str) -> None:
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", TEXTS[name], flags=re.DOTALL)
    assert pictures or name != "README.md"
    assert all((ROOT / target_of(name, picture)[0]).is_file() for picture in pictures)


@each_readme
def test_files_of_the_project_that_it_names_exist(name: str) -> None:
    named = {path for line in command_lines(TEXTS[name]) for path in FILE.findall(line)}
    assert not [path for path in named if not (ROOT / path).is_file()]


@each_readme
def test_its_make_targets_exist(name: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {target for line in command_lines(TEXTS[name]) for target in re.findall(r"^make ([a-z]+)", line)}
    assert {"demo", "test"} <= targets or name != "README.md"
    assert all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in targets)
