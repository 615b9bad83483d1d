"""What the package asks to be installed: open lower bounds, so that it goes with other Pythons' newest libraries."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ASKED = [*PROJECT["dependencies"], *(text for extra in PROJECT["optional-dependencies"].values() for text in extra)]


def versions() -> dict[str, str]:
    """Those that are tested with, by name."""
    lines = (ROOT / ".ci" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {canonicalize_name(name): version.strip() for name, version in pairs}


def fault_of(text: str) -> str:
    """What is wrong with a requirement of the package, "" if nothing."""
    asked = Requirement(text)
    if [part.operator for part in asked.specifier] != [">="]:
        return f"{text}: wanted one lower bound; a version fixed or capped is missing for some Python"
    tested = versions().get(canonicalize_name(asked.name))
    if tested is None:
        return f"{text}: no version to test with in .ci/constraints.txt"
    return "" if asked.specifier.contains(tested) else f"{text}: tested with {tested}"


@pytest.mark.parametrize("text", sorted(set(ASKED)))
def test_a_library_is_asked_for_by_a_lower_bound_that_what_is_tested_with_meets(text: str) -> None:
    assert not fault_of(text)


def test_planted_faults_are_seen() -> None:
    for text in ("numpy", "numpy==2.4.6", "numpy>=1.26,<3", "numpy~=2.0", "numpy>=99", "no-such-library>=1"):
        assert fault_of(text), text
    assert not fault_of("numpy>=1.26")


def test_every_python_from_the_least_on_is_welcome() -> None:
    least = SpecifierSet(PROJECT["requires-python"])
    assert [part.operator for part in least] == [">="]
    assert all(least.contains(version) for version in ("3.11", "3.14", "3.20"))
    assert not least.contains("3.10")
    assert re.search(r"Python 3\.11 or newer", (ROOT / "README.md").read_text(encoding="utf-8"))
