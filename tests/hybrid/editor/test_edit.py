"""An edit through the server: the picture is that of the command line and of Python, tabs follow, nothing is lost."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from starlette.testclient import TestClient
from typer.testing import CliRunner
from websockets.sync.client import connect

from hybrid.cli import app as command
from hybrid.color import lab_from_linear, srgb_decode
from hybrid.editor.api import application
from hybrid.editor.desk import Desk, Material
from hybrid.editor.guard import Guard
from hybrid.editor.tiles import SIDE
from hybrid.editor.wire import HEADER, NONE, QUICK, SETTLED, TILE
from hybrid.hints import read_hints, sha256_of, stroke_of
from hybrid.models.weights import load_model
from hybrid.photo import read_photo
from hybrid.predict import Predictor
from hybrid.project import Project, open_project
from hybrid.scale import shading
from hybrid.session import Session
from hybrid.settings import Settings
from hybrid.strokes import paint

HEIGHT, WIDTH = 100, 140
Program = Callable[..., AbstractContextManager[tuple[subprocess.Popen[str], str]]]
ADDRESS = "127.0.0.1:4321"
SMALL = Settings(megapixels=0.0035)
"""A working size of a quarter of the pixels."""
BLUE = {"type": "stroke", "mode": "color", "points": [[30.123456, 40, 0.5], [90, 60.5, 1]], "radius": 5, "ab": [4, -22]}
GREY = {"type": "stroke", "mode": "gray", "points": [[110, 20], [130, 90]], "radius": 3}
SOFT = {"type": "point", "mode": "color", "points": [[40, 85]], "radius": 9, "ab": [30, 20], "strength": 0.5}
KEEP = {"type": "stroke", "mode": "keep", "points": [[75, 70], [90, 95]], "radius": 4}
ERASE = {"type": "stroke", "mode": "erase", "points": [[85, 50], [85, 70]], "radius": 4}
ALL = [BLUE, GREY, SOFT, KEEP, ERASE]


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor(load_model("lite"), "cpu")


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    random = np.random.default_rng(3)
    light = 0.45 + random.normal(0, 0.06, (HEIGHT, WIDTH)).cumsum(1) / 5
    light[:, WIDTH // 2 :] += 0.2
    path = tmp_path / "scan.tif"
    tifffile.imwrite(path, np.round(light.clip(0.02, 0.98) * 65535).astype(np.uint16))
    return path


class Tab:
    """A browser tab, of which a test is the person."""

    def __init__(self, client: TestClient, talk: Any) -> None:
        self.client, self.talk = client, talk
        self.pictures: dict[tuple[int, ...], tuple[int, np.ndarray]] = {}
        """Edition and samples of the chroma, (), and of tiles, by their place."""
        self.parts: list[tuple[int, int, int]] = []
        """Kind, revision and bytes of every picture that came."""
        self.state = self.hear("state")

    def letter(self) -> Any:
        """The next message: words as they are, a picture as (kind, revision, place, samples)."""
        message = self.talk.receive()
        if message.get("text") is not None:
            return json.loads(message["text"])
        head = HEADER.unpack(message["bytes"][: HEADER.size])
        _, revision, kind, _, left, top, width, height, *place, edition, base = head
        dtype, channels, key = ("u1", 3, tuple(place)) if kind == TILE else ("<f2", 2, ())
        part = np.frombuffer(message["bytes"], dtype, offset=HEADER.size).reshape(height, width, channels)
        self.parts.append((kind, revision, len(message["bytes"])))
        if base == NONE:
            whole = part
        else:
            known, whole = self.pictures[key]
            assert known == base, "what it changes is here"
            whole = whole.copy()
            whole[top : top + height, left : left + width] = part
        self.pictures[key] = edition, whole
        return kind, revision, tuple(place), whole.shape[:2], whole.tobytes()

    def hear(self, kind: str, **like: Any) -> Any:
        """The next words of a kind."""
        while True:
            letter = self.letter()
            if isinstance(letter, dict) and letter["type"] == kind and like.items() <= letter.items():
                return letter

    def see(self, kind: int, revision: int) -> Any:
        """The next picture of a kind, of a revision."""
        while True:
            letter = self.letter()
            if not isinstance(letter, dict) and letter[:2] == (kind, revision):
                return letter[2:]

    def ask(self, **words: Any) -> None:
        self.talk.send_text(json.dumps(words))

    def get(self, path: str) -> Any:
        return self.client.get(f"/t/{path}")

    def export(self, **wish: Any) -> Path:
        assert self.client.post("/t/export", json=wish).status_code == 200
        done = self.hear("export", state="done")
        return Path(done["folder"]) / done["file"]


@contextmanager
def tabs(project: Project, source: Predictor | None, settings: Settings, count: int = 1) -> Iterator[list[Tab]]:
    photo = read_photo(project.photo)
    desk = Desk(Material(photo, source, "lite", project, settings))
    headers = {"origin": f"http://{ADDRESS}", "host": ADDRESS}
    with (
        TestClient(Guard(application(desk), 4321, "t"), base_url=f"http://{ADDRESS}") as client,
        ExitStack() as open_tabs,
    ):
        talks = [client.websocket_connect(f"ws://{ADDRESS}/t/talk", headers=headers) for _ in range(count)]
        yield [Tab(client, open_tabs.enter_context(talk)) for talk in talks]


def begun(scan: Path) -> Project:
    return Project(scan.with_suffix(".hyb"), scan, sha256_of(scan), {"name": "lite", "sha256": ""})


def test_the_same_strokes_give_the_same_file_by_editor_command_line_and_python(
    scan: Path, predictor: Predictor, tmp_path: Path
) -> None:
    with tabs(begun(scan), predictor, Settings()) as [tab]:
        for number, hint in enumerate(ALL, 1):
            tab.ask(do="add", strokes=[hint])
            tab.hear("changed", revision=number)
        exported = tab.export(format="tif", bits=16)
        (tmp_path / "own.hints.json").write_bytes(tab.get("hints").content)
    assert exported == tmp_path / "scan-colour.tif"
    words = ["colorize", str(scan), "-o", str(tmp_path / "cli.tif"), "--hints", str(tmp_path / "own.hints.json")]
    done = CliRunner().invoke(command, words)
    assert done.exit_code == 0, done.output
    photo = read_photo(scan)
    marks = read_hints(tmp_path / "own.hints.json", photo, sha256_of(scan))
    Session(photo, predictor).edit(marks).write(tmp_path / "python.tif")
    assert exported.read_bytes() == (tmp_path / "python.tif").read_bytes()
    assert (
        tifffile.imread(exported) == tifffile.imread(tmp_path / "cli.tif")
    ).all()  # its mark names the file of hints


def test_preview_exact_tiles_and_file_agree_and_hard_strokes_are_exact(scan: Path, predictor: Predictor) -> None:
    with tabs(begun(scan), predictor, SMALL) as [tab]:
        tab.see(SETTLED, 0)
        tab.ask(do="add", strokes=ALL)
        _, shape, quick = tab.see(QUICK, 1)
        _, _, settled = tab.see(SETTLED, 1)
        tab.ask(do="look", tiles=[[0, 0], [7, 7], [0]])
        place, size, codes = tab.see(TILE, 1)
        at_stroke = tab.get("color?x=60&y=50.3").json()
        exported = tab.export(format="tif", bits=16)
    assert (place, size) == ((0, 0), (HEIGHT, WIDTH))
    assert max(size) < SIDE
    picture = tifffile.imread(exported).astype(float) / 257
    tile = np.frombuffer(codes, np.uint8).reshape(HEIGHT, WIDTH, 3)
    assert np.abs(tile - picture).max() < 1.01
    session = Session(read_photo(scan), predictor, SMALL)
    marks = [stroke_of(hint) for hint in ALL]
    expected = session.spread(marks)
    light = shading(session.guide)[..., None]
    found = [np.frombuffer(plane, "<f2").astype(np.float32).reshape(*shape, 2) for plane in (quick, settled)]
    np.testing.assert_allclose(found[1] * light, expected.chroma * light, atol=0.06)
    change = np.abs(expected.chroma - session.spread().chroma) * light
    assert (np.abs(found[0] - expected.chroma) * light).mean() < 0.5 * change.mean(), (
        "the quick preview goes most of the way"
    )
    reread = read_photo(exported, keep_color=True)
    assert reread.ab is not None
    np.testing.assert_allclose(reread.ab[50, 60], BLUE["ab"], atol=0.5)  # type: ignore[arg-type]
    assert at_stroke["ab"] == BLUE["ab"]
    assert at_stroke["suggestions"][-1]["ab"] == [0, 0]
    assert 0.3 < sum(each["probability"] for each in at_stroke["suggestions"]) <= 1.001


def test_the_newest_stroke_supersedes_and_undo_brings_back_the_same_picture(scan: Path, predictor: Predictor) -> None:
    with tabs(begun(scan), predictor, SMALL) as [tab]:
        first = tab.see(SETTLED, 0)[-1]
        for _ in range(6):
            tab.ask(do="add", strokes=[BLUE])
        tab.see(SETTLED, 6)
        for _ in range(6):
            tab.ask(do="undo")
        assert tab.see(SETTLED, 12)[-1] == first
        tab.ask(do="redo")
        assert tab.see(SETTLED, 13)[-1] != first
        assert tab.get("state").json()["strokes"].keys() == {"1"}


def test_settings_are_those_of_the_command_line(scan: Path, predictor: Predictor) -> None:
    with tabs(begun(scan), predictor, SMALL) as [tab]:
        plain = tab.see(SETTLED, 0)[-1]
        tab.ask(do="replace", settings={"saturation": 0.5})
        half = tab.see(SETTLED, 1)[-1]
        assert tab.get("state").json()["settings"] == {"saturation": 0.5}
        tab.ask(do="replace", settings={"saturation": None})
        assert tab.see(SETTLED, 2)[-1] == plain
    before, after = (np.frombuffer(plane, "<f2").astype(float) for plane in (plain, half))
    assert np.abs(after - before / 2).mean() < 0.03 * np.abs(before).mean()


def test_two_tabs_draw_on_one_document_and_both_see_everything(scan: Path) -> None:
    project = begun(scan)
    with tabs(project, None, SMALL, count=2) as [one, other]:
        one.ask(do="add", strokes=[BLUE], by="one")
        for tab in (one, other):
            assert tab.hear("changed")["strokes"].keys() == {"1"}
        other.ask(do="add", strokes=[GREY], by="other")
        one.ask(do="add", strokes=[KEEP], by="one")
        heard = [[tab.hear("changed") for _ in range(2)] for tab in (one, other)]
        assert heard[0] == heard[1]
        assert [words["revision"] for words in heard[0]] == [2, 3]
        assert len(one.get("state").json()["strokes"]) == 3
        other.ask(do="save")
        assert one.hear("saved", revision=3)
    assert len(open_project(project.path).document.hints) == 3


def test_a_project_reopened_shows_the_same_picture_to_the_bit(scan: Path, predictor: Predictor) -> None:
    project = begun(scan)
    with tabs(project, predictor, SMALL) as [tab]:
        tab.ask(do="add", strokes=ALL)
        before = tab.see(SETTLED, 1)[-1]
    with tabs(open_project(project.path), predictor, SMALL) as [tab]:
        assert tab.see(SETTLED, 1)[-1] == before
        assert tab.state["can_undo"]


def test_an_export_is_cancelled_and_leaves_nothing(scan: Path) -> None:
    with tabs(begun(scan), None, SMALL) as [tab]:
        tab.ask(do="add", strokes=[BLUE])
        before = set(scan.parent.iterdir())
        for _ in range(3):
            assert tab.client.post("/t/export", json={}).status_code == 200
            tab.client.request("DELETE", "/t/export")
            while (news := tab.hear("export"))["state"] == "running":
                pass
            if news["state"] == "done":  # it was quicker
                (scan.parent / news["file"]).unlink()
        time.sleep(0.05)
        left = {path for path in set(scan.parent.iterdir()) - before if "hyb" not in path.suffixes[0]}
        assert not left


def talk_to(address: str) -> Any:
    origin = address.rsplit("/", 2)[0]
    return connect(address.replace("http", "ws", 1) + "talk", origin=origin, max_size=None)  # type: ignore[arg-type]


def until(talk: Any, kind: str, **like: Any) -> Any:
    for letter in talk:
        if isinstance(letter, str) and {"type": kind, **like}.items() <= (words := json.loads(letter)).items():
            return words
    raise AssertionError("the connection ended")


def test_killed_in_the_middle_of_an_edit_nothing_that_was_shown_is_lost(scan: Path, program: Program) -> None:
    with program(str(scan), "--model", "none") as (process, address), talk_to(address) as talk:
        for number in range(1, 6):
            talk.send(json.dumps({"do": "add", "strokes": [BLUE]}))
            until(talk, "changed", revision=number)
        process.send_signal(signal.SIGKILL)
        process.wait()
    refused = CliRunner().invoke(command, ["edit", str(scan), "--project", str(scan.with_name("no") / "x.hyb")])
    assert refused.exit_code == 2
    with program(str(scan.with_suffix(".hyb")), "--model", "none") as (process, address), talk_to(address) as talk:
        assert until(talk, "state")["strokes"].keys() == {"1", "2", "3", "4", "5"}
        taken = CliRunner().invoke(command, ["edit", str(scan), "--no-browser"])
        assert (taken.exit_code, "another editor has it open" in taken.output) == (2, True)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    assert not list(scan.parent.glob("*.journal"))


def test_an_edit_may_begin_with_what_was_painted_in_another_program(scan: Path, program: Program) -> None:
    painted = scan.with_suffix(".png")
    copy = np.round(tifffile.imread(scan)[..., None].repeat(3, -1) / 257).astype(np.uint8)
    copy[20:30, 20:30] = [200, 30, 30]
    copy[40:43, 50:70] = [30, 30, 200]
    Image.fromarray(copy).save(painted)
    with program(str(scan), "--model", "none", "--hints", str(painted)) as (_, address), talk_to(address) as talk:
        strokes = until(talk, "state")["strokes"]
    assert [(hint["type"], hint["strength"]) for hint in strokes.values()] == [("region", 1.0)] * 2
    _, ab = lab_from_linear(srgb_decode(np.array([[200, 30, 30], [30, 30, 200]], np.float32) / 255))
    np.testing.assert_allclose([hint["ab"] for hint in strokes.values()], ab, atol=0.01)


def test_strokes_can_be_taken_as_a_transparent_picture(scan: Path, tmp_path: Path) -> None:
    with tabs(begun(scan), None, SMALL) as [tab]:
        tab.ask(do="add", strokes=[BLUE])
        tab.hear("changed", revision=1)
        answer = tab.get("overlay")
    assert answer.headers["content-type"] == "image/png"
    assert "scan.strokes.png" in answer.headers["content-disposition"]
    (tmp_path / "strokes.png").write_bytes(answer.content)
    photo = read_photo(scan)
    (marks,) = read_hints(tmp_path / "strokes.png", photo)
    found, asked = (paint([mark], photo.lightness.shape) for mark in (marks, stroke_of(BLUE)))
    assert (found.index == asked.index).all()


def test_what_cannot_be_edited_is_refused_in_one_line(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hints = scan.with_suffix(".hints.json")
    hints.write_text(json.dumps({"version": 1, "image": {}, "hints": [BLUE]}))
    project = begun(scan)
    project.document.change(project.document.add([BLUE]))
    project.save()
    cases = [
        ([scan.with_name("none.tif")], 3, "there is no such file"),
        ([project.path, "--project", "other.hyb"], 2, "is a project already"),
        ([scan, "--hints", hints], 2, "has strokes already"),
        ([scan, "--model", "unheard-of"], 5, "unheard-of"),
        ([scan, "--port", "70000"], 2, "--port"),
    ]
    before = sorted(scan.parent.iterdir())
    for words, code, reason in cases:
        done = CliRunner().invoke(
            command, ["edit", *map(str, words), *([] if "--model" in words else ["--model", "none"])]
        )
        assert (done.exit_code, reason in done.output) == (code, True), done.output
        assert sorted(scan.parent.iterdir()) == before, words
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    done = CliRunner().invoke(command, ["edit", str(scan)])
    assert (done.exit_code, "hybrid-colorizer[editor]" in done.output) == (2, True)


@pytest.mark.slow
def test_killed_in_the_middle_of_an_export_no_half_of_it_is_left(tmp_path: Path, program: Program) -> None:
    scan = tmp_path / "large.tif"
    tifffile.imwrite(scan, np.random.default_rng(0).integers(0, 65535, (3000, 4000), np.uint16))
    with program(str(scan), "--model", "none") as (process, address), talk_to(address) as talk:
        talk.send(json.dumps({"do": "add", "strokes": [{**BLUE, "radius": 40}]}))
        request = urllib.request.Request(address + "export", data=b'{"format": "png"}', method="POST")
        assert urllib.request.urlopen(request).status == 200
        while until(talk, "export")["share"] < 0.5:
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert list(tmp_path.glob(".hybrid-export-*")), "it was killed while it wrote"
    with program(str(scan), "--model", "none") as (process, address), talk_to(address) as talk:
        assert until(talk, "state")["strokes"].keys() == {"1"}
        assert not list(tmp_path.glob(".hybrid-export-*"))
        assert not list(tmp_path.glob("*colour*"))


def resident_bytes() -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc")
def test_two_hundred_strokes_and_as_many_undos_leave_memory_as_it_was(scan: Path, predictor: Predictor) -> None:
    random = np.random.default_rng(0)
    with tabs(begun(scan), predictor, Settings()) as [tab]:
        revision, held = 0, []
        for _ in range(3):
            for wish in ["add"] * 200 + ["undo"] * 200:
                revision += 1
                points = random.uniform(5, 95, (40, 2)).round(2).tolist()
                tab.ask(do=wish, **({"strokes": [{**BLUE, "points": points}]} if wish == "add" else {}))
                tab.hear("changed", revision=revision)
            tab.see(SETTLED, revision)
            held.append(resident_bytes())
    assert held[2] < 1.1 * held[0], f"{held} bytes after 200, 400 and 600 strokes"
