"""A project on disk: what is written comes back, a death at any moment loses nothing that was confirmed, refusals."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from hybrid.hints import sha256_of
from hybrid.project import Project, ProjectError, held, open_project

ROOT = Path(__file__).parents[2]


def hint(x: float = 10.0) -> dict[str, Any]:
    return {"type": "stroke", "mode": "color", "points": [[x, 5], [x + 8, 9]], "radius": 3, "ab": [20, -30]}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    photo = tmp_path / "scan.tif"
    tifffile.imwrite(photo, np.arange(48 * 64, dtype=np.uint16).reshape(48, 64))
    made = Project(tmp_path / "scan.hyb", photo, sha256_of(photo), {"name": "none", "sha256": ""})
    made.thumbnail = b"a picture"
    made.save()
    return made


def draw(project: Project, x: float = 10.0) -> None:
    change = project.document.change(project.document.add([hint(x)]))
    project.note({"do": "change", "change": change.as_json()})


def undo(project: Project) -> None:
    project.document.undo()
    project.note({"do": "undo"})


def same(one: Project, other: Project) -> bool:
    return json.dumps(one.document.as_json()) == json.dumps(other.document.as_json())


def test_what_is_saved_comes_back_and_the_photo_is_found_where_both_have_moved(
    project: Project, tmp_path: Path
) -> None:
    for x in (10.0, 20.5, 30.25):
        draw(project, x)
    undo(project)
    project.thumbnail = b"another"
    project.save()
    assert not project.journal.exists()
    assert same(open_project(project.path), project)
    with zipfile.ZipFile(project.path) as archive:
        assert archive.read("thumbnail.jpg") == b"another" == open_project(project.path).thumbnail
        assert json.loads(archive.read("project.json"))["photo"]["path"] == "scan.tif"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for path in (project.path, project.photo):
        path.rename(elsewhere / path.name)
    assert same(open_project(elsewhere / "scan.hyb"), project)


def test_what_the_journal_holds_is_made_again(project: Project) -> None:
    draw(project)
    draw(project, 40)
    undo(project)
    opened = open_project(project.path)
    assert same(opened, project)
    assert opened.document.revision == 3
    assert opened.saved == 0


def test_a_line_that_was_being_written_is_left_out_and_does_not_spoil_the_next(project: Project) -> None:
    draw(project)
    draw(project, 40)
    whole = project.journal.read_bytes()
    for cut in range(len(whole.splitlines(keepends=True)[0]), len(whole) - 1, 7):
        project.journal.write_bytes(whole[:cut])
        opened = open_project(project.path)
        assert list(opened.document.hints) == [1]
        draw(opened, 77)
        again = open_project(project.path)
        assert same(again, opened)
        assert list(again.document.hints) == [1, 2]
        project.journal.write_bytes(whole)


def test_a_death_between_saving_and_emptying_the_journal_makes_no_change_twice(project: Project) -> None:
    draw(project)
    draw(project, 40)
    journal = project.journal.read_bytes()
    project.save()
    project.journal.write_bytes(journal)
    opened = open_project(project.path)
    assert same(opened, project)
    draw(opened, 50)
    assert list(open_project(project.path).document.hints) == [1, 2, 3]


WRITER = """
import sys
from pathlib import Path
from hybrid.project import open_project
project = open_project(Path(sys.argv[1]))
x = 0
while True:
    x += 1
    change = project.document.change(project.document.add([{"points": [[x, x]], "radius": 2, "ab": [1, 2]}]))
    project.note({"do": "change", "change": change.as_json()})
    print(x, flush=True)
    if x % 5 == 0:
        project.save()
"""


def test_a_program_killed_while_it_writes_loses_nothing_that_it_confirmed(project: Project) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(project.path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        confirmed = [int(writer.stdout.readline()) for _ in range(23)]
        writer.send_signal(signal.SIGKILL)
        confirmed += [int(line) for line in writer.stdout]
    opened = open_project(project.path)
    assert set(confirmed) <= set(opened.document.hints)
    assert len(opened.document.hints) <= len(confirmed) + 1


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda p: p.path.write_bytes(b"PK nonsense"), "not a readable project"),
        (lambda p: p.path.unlink(), "no such file"),
        (lambda p: p.photo.unlink(), r"its photo .* is not there; give the photo"),
        (lambda p: p.photo.write_bytes(p.photo.read_bytes() + b"x"), "made on another photo"),
        (lambda p: rewrite(p, version=9), "version 9; this program reads version 1"),
        (lambda p: rewrite(p, strokes={"1": {"points": [[1, 1]], "ab": [999, 0]}}), "damaged .ValueError"),
        (lambda p: rewrite(p, done=[[1]]), "damaged"),
        (lambda p: rewrite(p, photo=None), "damaged"),
    ],
)
def test_a_project_that_cannot_be_used_is_refused_in_one_line(project: Project, spoil: Any, complaint: str) -> None:
    spoil(project)
    with pytest.raises(ProjectError, match=complaint) as refusal:
        open_project(project.path)
    assert "\n" not in str(refusal.value)


def rewrite(project: Project, **changes: Any) -> None:
    with zipfile.ZipFile(project.path) as archive:
        content = json.loads(archive.read("project.json"))
    with zipfile.ZipFile(project.path, "w") as archive:
        archive.writestr("project.json", json.dumps({**content, **changes}))


def test_a_change_that_cannot_be_noted_is_told(project: Project) -> None:
    project.journal.mkdir()
    with pytest.raises(ProjectError, match="the last change is not on the disk"):
        draw(project)


def test_a_project_is_held_by_one_program_at_a_time(project: Project, tmp_path: Path) -> None:
    with held(project.path), pytest.raises(ProjectError, match="another editor has it open"), held(project.path):
        pass
    with held(project.path):
        pass
    assert not list(tmp_path.glob(".*lock"))
    with pytest.raises(ProjectError, match="cannot write beside"), held(tmp_path / "no" / "where.hyb"):
        pass
