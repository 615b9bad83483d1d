"""`hybrid edit`: correct a photo's colours by hand, in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hybrid.cli.console import EXIT_USAGE, EXITS, MODEL_HELP, app, fail, notes, reported

if TYPE_CHECKING:
    from hybrid.photo import Photo
    from hybrid.project import Project

PROJECT_HELP = "Where strokes, settings and history are kept; FILE.hyb beside the photo if left out."
EDIT_HINTS_HELP = "Strokes to begin with: *.hints.json, a marked copy of the photo, or a transparent picture of them."
EDIT_MODEL_HELP = f"{MODEL_HELP} Left out: that of the project, lite for a new one."


@app.command(epilog=EXITS)
def edit(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="A photo, or a project FILE.hyb to go on with.")],
    hints: Annotated[Path | None, typer.Option(help=EDIT_HINTS_HELP)] = None,
    project: Annotated[Path | None, typer.Option(metavar="FILE.hyb", help=PROJECT_HELP)] = None,
    model: Annotated[str | None, typer.Option(help=EDIT_MODEL_HELP)] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of this machine; 0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the editor in the browser.")] = True,
) -> None:
    """Correct a photo's colours with strokes, in the browser; every change is saved at once.

    The editor answers this machine alone, at the address that it prints. The picture is written beside the photo.
    """
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ModuleNotFoundError as error:
        raise fail(f"the editor needs {error.name}: pip install 'hybrid-colorizer[editor]'", EXIT_USAGE) from None
    with reported():
        from hybrid.project import SUFFIX, held

        if photo.suffix.lower() == SUFFIX:
            if project is not None:
                raise ValueError(f"{photo} is a project already; leave --project out, or name the photo")
            photo, project = Path(), photo
        place = project or photo.with_suffix(SUFFIX)
        with held(place):
            _edit(photo, place, hints, model, device, port, browser)


def _edit(
    path: Path, place: Path, hints: Path | None, wanted: str | None, device: str, port: int, browser: bool
) -> None:
    """Open or begin the project and serve it until interrupted."""
    from hybrid.editor.desk import Desk, Material
    from hybrid.editor.export import clear_unfinished
    from hybrid.editor.server import serve
    from hybrid.memory import check_fits
    from hybrid.models.weights import load_model
    from hybrid.photo import read_photo, read_size
    from hybrid.predict import Predictor
    from hybrid.project import open_project
    from hybrid.settings import Settings

    known = open_project(place, path if path.name else None) if place.exists() else None
    photo_path = known.photo if known else path
    height, width = read_size(photo_path)
    check_fits(height * width, has_strokes=True)
    photo = read_photo(photo_path)
    model = wanted or (known.model.get("name") if known else None) or "lite"
    source = None if model == "none" else Predictor(load_model(model), device)
    project = known or _begun(place, photo_path)
    if hints is not None:
        _imported(project, hints, photo)
    if known is not None:
        notes.print(f"going on with {place}: {len(project.document.hints)} strokes", markup=False)
    named = {"name": model, "sha256": model_hash(model)}
    if project.model.get("sha256") not in (None, named["sha256"]):
        notes.print(f"{place}: made with model {project.model['name']}; colours now follow {model}", markup=False)
    project.model = named
    project.save()
    if left := clear_unfinished(photo_path.parent, photo_path.stem):
        notes.print(f"removed {left} unfinished export{'s' * (left > 1)}", markup=False)
    name = source.model.name if source else "strokes alone"
    serve(Desk(Material(photo, source, name, project, Settings())), port, _announce, browser)


def _announce(address: str) -> None:
    print(f"{address}\nThe editor is at this address, for this machine alone. Ctrl+C ends it.", flush=True)


def _begun(place: Path, photo: Path) -> Project:
    from hybrid.hints import sha256_of
    from hybrid.project import Project, replay

    project = Project(place, photo, sha256_of(photo), {})
    if project.journal.exists():
        replay(project)
    return project


def _imported(project: Project, hints: Path, photo: Photo) -> None:
    """Add the strokes of a file as one change."""
    from hybrid.hints import hint_of, read_hints
    from hybrid.marked import outlined
    from hybrid.strokes import MarkedPixels

    if project.document.hints:
        raise ValueError(f"{project.path} has strokes already; name another --project to begin with {hints}")
    marks = read_hints(hints, photo, project.sha256)
    strokes = [part for mark in marks for part in (outlined(mark) if isinstance(mark, MarkedPixels) else [mark])]
    if strokes:
        change = project.document.change(project.document.add([hint_of(stroke) for stroke in strokes]))
        project.note({"do": "change", "change": change.as_json()})


def model_hash(model: str) -> str:
    """sha256 of a model's file, "" where there is none."""
    from hybrid.hints import sha256_of
    from hybrid.models.weights import SHIPPED

    for path in (Path(model), SHIPPED / f"{model}.safetensors"):
        if path.is_file():
            return sha256_of(path)
    return ""
