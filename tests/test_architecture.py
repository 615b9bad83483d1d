"""Imports go one way: who may import whom, planted violations that are reported, and what loads no torch."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORDER = [
    "color",
    "bins",
    "metrics",
    "photo",
    "grain",
    "scale",
    "strokes",
    "marked",
    "hints",
    "segments",
    "models",
    "predict",
]
ORDER += [
    "scribbles",
    "contrast",
    "register",
    "agreement",
    "picture",
    "draw",
    "reach",
    "kriging",
    "finish",
    "memory",
    "settings",
    "colorized",
    "pace",
    "spreading",
    "session",
    "document",
    "project",
    "batch",
    "compare",
    "editor",
    "cli",
    "__main__",
    "demo",
    "train",
    "measure",
]
"""Parts of `hybrid`; a module imports only what stands before its own part, or is in it."""

HEAVY = ("torch", "skimage")
ONLY = {
    "torch": ("hybrid.models", "hybrid.predict", "hybrid.train"),
    "safetensors": ("hybrid.models",),
    "onnxruntime": ("hybrid.models",),
    "imagecodecs": ("hybrid.photo",),
    "rawpy": ("hybrid.photo.raw",),
    "pillow_heif": ("hybrid.photo.heic",),
    "tifffile": ("hybrid.photo", "hybrid.demo", "hybrid.measure.enlarged"),
    "psdtags": ("hybrid.photo",),
    "ray": ("hybrid.batch.ray_link",),
    "PIL": ("hybrid.photo", "hybrid.scale", "hybrid.compare", "hybrid.editor.tiles", "hybrid.train"),
    "cv2": ("hybrid.compare",),
    "starlette": ("hybrid.editor", "hybrid.cli.edit"),
    "uvicorn": ("hybrid.editor.server", "hybrid.cli.edit"),
    "playwright": ("hybrid.editor.measure",),
    "pyamg": ("solvers.peers",),
    "pymatting": ("solvers.peers",),
    "matplotlib": ("hybrid.train",),
    "typer": (
        "hybrid.cli",
        "hybrid.compare.tune",
        "hybrid.compare.altered",
        "hybrid.compare.ablate",
        "hybrid.compare.fused",
        "hybrid.compare.failures",
        "hybrid.editor.measure",
        "hybrid.train",
        "hybrid.measure",
    ),
    "rich": ("hybrid.batch", "hybrid.cli", "hybrid.compare"),
}
"""Library -> the only modules that may import it."""
SOLVERS_USE = {"numpy", "scipy", "numba"}
SOLVERS_MAY = {
    "solvers.peers": {"petsc4py", "pyamg", "pyamgcl", "pymatting", "pypardiso", "sksparse"},
    "solvers.bench": {"PIL", "matplotlib"},
    "solvers.device": {"torch"},
    "solvers.device.measure": {"PIL"},
}
"""Libraries of `solvers`, and what single modules of it may import besides."""
LATE = {
    "hybrid.cli": ("hybrid", "solvers"),
    "hybrid.cli.bench": ("solvers.bench",),
    "solvers.bench": ("solvers.bench",),
    "solvers.solve": ("solvers.device",),
}
"""Modules that may import packages of this project inside functions, and which."""


def is_in(name: str, part: str) -> bool:
    """Whether a dotted name is `part` or lies under it."""
    return name == part or name.startswith(part + ".")


def may_be_late(module: str, name: str) -> bool:
    return any(is_in(name, part) for place, parts in LATE.items() if is_in(module, place) for part in parts)


def imported(source: str, module: str, is_package: bool) -> Iterator[tuple[int, str, bool]]:
    """Line, dotted name and "inside a function" of every import; `from a import b` is both a and a.b.

    A name under `if TYPE_CHECKING` counts like any other.
    """
    package = module if is_package else module.rpartition(".")[0]
    tree = ast.parse(source)
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)]
    inside = {id(node) for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, id(node) in inside
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            base = ".".join(filter(None, (base, node.module)))
            yield node.lineno, base, id(node) in inside
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}", id(node) in inside


def part_of(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def broken_rule(module: str, name: str, is_inside: bool) -> str | None:
    """The rule that `module` breaks by importing `name`, if any."""
    library = name.partition(".")[0]
    if library == "tests":
        return "nobody imports the tests"
    if is_in(module, "solvers"):
        extra = set().union(*(libraries for place, libraries in SOLVERS_MAY.items() if is_in(module, place)))
        allowed = SOLVERS_USE | extra | {"solvers"} | sys.stdlib_module_names
        if library not in allowed:
            return f"solvers imports {', '.join(sorted(SOLVERS_USE))} alone"
        return broken_rule_of_solvers(module, name, is_inside)
    if library in ONLY and not any(is_in(module, place) for place in ONLY[library]):
        return f"{library} belongs to {', '.join(ONLY[library])}"
    if is_in(name, "solvers.peers"):
        return "peers are for tests and bench"
    if library != "hybrid" or name == "hybrid":
        return None
    if is_in(module, "hybrid.cli") and is_inside:
        return None
    own, other = part_of(module), part_of(name)
    if own not in ORDER or other not in ORDER:
        return None if other == own else f"part {own if own not in ORDER else other!r} has no place in the order"
    return None if ORDER.index(other) <= ORDER.index(own) else f"{own} comes before {other}"


def broken_rule_of_solvers(module: str, name: str, is_inside: bool) -> str | None:
    """The rule among the parts of `solvers` that an import breaks: what is heavy or optional stays apart."""
    for part in ("solvers.device", "solvers.peers", "solvers.bench"):
        is_near = is_in(module, part) or is_in(module, "solvers.bench")
        if is_in(name, part) and not (is_near or (is_inside and may_be_late(module, name))):
            return f"{part} is for the bench and tests, or imported late"
    return None


def violations(source: str, module: str, is_package: bool = False) -> list[str]:
    """Lines that break a rule, each as "module:line imports name: rule"."""
    found = []
    for line, name, is_inside in imported(source, module, is_package):
        if is_in(name, "hybrid") and name.count(".") == 1 and not is_module(name) and is_in(module, "hybrid"):
            continue  # `from hybrid import something` that is no module
        rule = broken_rule(module, name, is_inside)
        if rule is not None:
            found.append(f"{module}:{line} imports {name}: {rule}")
    return found


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return part_of(name) in ORDER or path.is_dir() or path.with_suffix(".py").is_file()


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted((*ROOT.glob("hybrid/**/*.py"), *ROOT.glob("solvers/**/*.py"))):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def test_every_import_goes_one_way() -> None:
    found = [
        line
        for module, path in modules()
        for line in violations(path.read_text(encoding="utf-8"), module, path.name == "__init__.py")
    ]
    assert not found, "\n".join(found)


def test_every_part_of_hybrid_has_a_place_in_the_order() -> None:
    parts = {part_of(module) for module, _ in modules() if is_in(module, "hybrid")} - {""}
    assert parts <= set(ORDER), f"no place in the order: {sorted(parts - set(ORDER))}"


def test_only_what_the_table_names_is_imported_inside_functions() -> None:
    found = [
        f"{module}:{line} imports {name} inside a function"
        for module, path in modules()
        for line, name, is_inside in imported(path.read_text(encoding="utf-8"), module, path.name == "__init__.py")
        if is_inside and (is_in(name, "hybrid") or is_in(name, "solvers")) and not may_be_late(module, name)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("module", "source", "expected"),
    [
        ("solvers.seeds", "import torch", "solvers imports"),
        ("solvers.seeds", "from hybrid.color import luminance", "solvers imports"),
        ("solvers.seeds", "def f():\n    import skimage.draw", "solvers imports"),
        ("solvers.solve", "import pyamg", "solvers imports"),
        ("solvers.solve", "def f():\n    import torch", "solvers imports"),
        ("solvers.device.solve", "from PIL import Image", "solvers imports"),
        ("solvers.bench.runs", "import torch", "solvers imports"),
        ("solvers.multigrid", "import sksparse", "solvers imports"),
        ("solvers.solve", "from solvers.device import DeviceMultigrid", "solvers.device is for"),
        ("solvers.multigrid", "def f():\n    from solvers.device import grid", "solvers.device is for"),
        ("solvers.krylov", "from solvers.peers import PEERS", "solvers.peers is for"),
        ("hybrid.bins", "import torch", "torch belongs to"),
        ("hybrid.session", "from torch import nn", "torch belongs to"),
        ("hybrid.session", "import tifffile", "tifffile belongs to"),
        ("hybrid.hints", "def f():\n    from imagecodecs import png_decode", "imagecodecs belongs to"),
        ("hybrid.session", "from PIL import Image", "PIL belongs to"),
        ("hybrid.bins", "from hybrid import session", "bins comes before session"),
        ("hybrid.strokes", "def f():\n    from hybrid.session import Session", "strokes comes before session"),
        ("hybrid.color", "if TYPE_CHECKING:\n    from hybrid.photo import Photo", "color comes before photo"),
        ("hybrid.photo.light", "from ..scale import shrink", "photo comes before scale"),
        ("hybrid.photo.light", "from .. import session", "photo comes before session"),
        ("hybrid.session", "from hybrid.cli import app", "session comes before cli"),
        ("hybrid.cli.colorize", "import hybrid.train.loop", "cli comes before train"),
        ("hybrid.cli.colorize", "def f():\n    import torch", "torch belongs to"),
        ("hybrid.session", "from solvers.peers import PEERS", "peers are for tests"),
    ],
)
def test_a_planted_violation_is_reported(module: str, source: str, expected: str) -> None:
    found = violations(source, module)
    assert len({line.split(" imports ")[0] for line in found}) == 1
    assert expected in found[0]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("solvers.peers", "def f():\n    import pyamg"),
        ("solvers.peers", "def f():\n    from sksparse import cholmod\n    import pyamgcl"),
        ("solvers.device.grid", "import torch\nfrom torch import Tensor\nfrom solvers.stencil import OFFSETS"),
        ("solvers.device.measure", "import torch\ndef f():\n    from PIL import Image"),
        ("solvers.solve", "def f():\n    from solvers.device import DeviceMultigrid"),
        ("solvers.bench.runs", "from solvers.peers import PEERS"),
        ("solvers.bench.photos", "from PIL import Image\nimport matplotlib"),
        ("hybrid.train.loop", "import torch\nfrom hybrid.train.losses import SoftCrossEntropy"),
        ("hybrid.photo.light", "from .. import color\nfrom . import icc\nimport imagecodecs"),
        ("hybrid.cli.colorize", "def f():\n    from hybrid.train.loop import train"),
        ("hybrid.session", "from hybrid.strokes import paint\nfrom solvers import Seeds"),
    ],
)
def test_what_the_table_allows_is_not_reported(module: str, source: str) -> None:
    assert violations(source, module) == []


def loaded_by(code: str) -> list[str]:
    """Heavy libraries in sys.modules after `code` ran in an interpreter of its own."""
    code += f"\nimport sys\nprint('LOADED', *[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1].split()[1:]


def test_solvers_alone_load_neither_torch_nor_skimage() -> None:
    assert loaded_by("import solvers") == []


def test_help_loads_neither_torch_nor_skimage() -> None:
    code = (
        "import sys\nfrom hybrid.cli import main\n"
        "for sys.argv in (['hybrid', '--help'], ['hybrid', 'colorize', '--help']):\n"
        "    try:\n        main()\n    except SystemExit as end:\n        assert not end.code, end.code"
    )
    assert loaded_by(code) == []
