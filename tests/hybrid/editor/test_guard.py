"""Who is not answered: other hosts, other pages, no token, too much, and paths that lead elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from hybrid.editor.api import application
from hybrid.editor.desk import Desk, Material
from hybrid.editor.guard import Guard
from hybrid.photo import Photo
from hybrid.project import Project
from hybrid.settings import Settings

TOKEN = "aSecretOfThisRun"
HOST, ORIGIN = "127.0.0.1:4321", "http://127.0.0.1:4321"
ROUTES = ["", "static/main.js", "state", "tile/0/0/0", "color?x=1&y=1", "hints", "doubt"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    place = tmp_path_factory.mktemp("guard")
    (place / "secret.txt").write_text("not for the browser")
    photo = Photo(np.full((40, 60), 50, np.float32), path=place / "scan.tif")
    project = Project(place / "scan.hyb", place / "scan.tif", "", {})
    app = Guard(application(Desk(Material(photo, None, "none", project, Settings()))), 4321, TOKEN, most_bytes=10_000)
    with TestClient(app, base_url=ORIGIN) as made:
        yield made


def talking(client: TestClient, token: str = TOKEN, headers: dict[str, str] | None = None) -> Any:
    """A WebSocket as the browser opens it, but for what `headers` say."""
    headers = {"origin": ORIGIN} if headers is None else headers
    return client.websocket_connect(f"ws://{HOST}/{token}/talk", headers={"host": HOST, **headers})


def heard(talk: Any, kind: str) -> Any:
    """The next words of a kind; pictures and other words are passed over."""
    while True:
        text = talk.receive().get("text")
        if text is not None and json.loads(text)["type"] == kind:
            return json.loads(text)


def refused(response: Any, status: int, words: str) -> None:
    body = response.json()
    assert response.status_code == status, response.text
    assert set(body) == {"ok", "error", "status"}
    assert (body["ok"], body["status"]) == (False, status)
    assert words in body["error"]
    assert "default-src 'self'" in response.headers["content-security-policy"]


@pytest.mark.parametrize("route", ROUTES)
def test_the_editors_own_page_is_answered(client: TestClient, route: str) -> None:
    response = client.get(f"/{TOKEN}/{route}", headers={"origin": ORIGIN})
    assert response.status_code in (200, 422), response.text  # 422: no network was asked, so there is no doubt
    assert response.headers["content-security-policy"].startswith("default-src 'self'")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(
    "host", ["evil.example:4321", "127.0.0.1", "127.0.0.1:4322", "127.0.0.1.evil.example:4321", ""]
)
@pytest.mark.parametrize("route", ROUTES)
def test_another_host_is_refused(client: TestClient, route: str, host: str) -> None:
    refused(client.get(f"/{TOKEN}/{route}", headers={"host": host}), 421, "not the address")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:4321", "http://127.0.0.1:4322"])
@pytest.mark.parametrize("route", ROUTES)
def test_another_page_is_refused(client: TestClient, route: str, origin: str) -> None:
    refused(client.get(f"/{TOKEN}/{route}", headers={"origin": origin}), 403, "other pages")


def test_a_browser_that_says_it_comes_from_elsewhere_is_refused(client: TestClient) -> None:
    for site in ("cross-site", "same-site"):
        refused(client.get(f"/{TOKEN}/state", headers={"sec-fetch-site": site}), 403, "other pages")
    assert client.get(f"/{TOKEN}/", headers={"sec-fetch-site": "none"}).status_code == 200


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN.lower(), "ü", "%00"])
def test_no_or_a_wrong_token_is_refused(client: TestClient, route: str, token: str) -> None:
    refused(client.get(f"/{token}/{route}" if token else f"/{route or 'x'}"), 403, "token")


@pytest.mark.parametrize(
    ("token", "headers", "words"),
    [
        ("", {"origin": ORIGIN}, "token"),
        ("wrong", {"origin": ORIGIN}, "token"),
        (TOKEN, {"origin": "http://evil.example"}, "other pages"),
        (TOKEN, {"origin": ORIGIN, "host": "evil.example:4321"}, "not the address"),
        (TOKEN, {}, "own page"),
    ],
)
def test_a_websocket_without_token_or_of_another_page_is_refused(
    client: TestClient, token: str, headers: dict[str, str], words: str
) -> None:
    with pytest.raises(WebSocketDisconnect) as closed, talking(client, token, headers):
        pass
    assert closed.value.code == 1008
    assert words in closed.value.reason


def test_a_websocket_of_the_editors_own_page_is_answered(client: TestClient) -> None:
    with talking(client) as talk:
        assert json.loads(talk.receive_text())["type"] == "state"


def test_too_large_a_body_is_refused_whatever_it_says_of_its_length(client: TestClient) -> None:
    address = f"/{TOKEN}/export"
    refused(client.post(address, content=b"x" * 10_001), 413, "10001 bytes; at most 10000")
    refused(client.post(address, content=b"x" * 9_000), 413, "4096")
    for length in ("-1", "1e9", "0x10"):
        refused(client.post(address, content=b"{}", headers={"content-length": length}), 413, "body")

    refused(client.post(address, content=(b"x" * 1000 for _ in range(20))), 413, "more than")


def test_a_body_is_counted_as_it_comes_whatever_is_behind() -> None:
    async def swallow(_scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    guarded = TestClient(Guard(swallow, 4321, TOKEN, most_bytes=1000), base_url=ORIGIN)
    for count in (10, 11):
        response = guarded.post(f"/{TOKEN}/any", content=(b"x" * 100 for _ in range(count)))
        if count == 10:
            assert response.status_code == 200
        else:
            refused(response, 413, "more than 1000 bytes")


WAYS = [
    "../secret.txt",
    "..%2fsecret.txt",
    "%2e%2e/secret.txt",
    "..\\secret.txt",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "....//x",
    "\x00",
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("route", ["", "static/", "tile/", "tile/0/0/", "hints/", "state/", "color/", "export/"])
def test_no_path_leads_out(client: TestClient, route: str, way: str) -> None:
    response = client.get(f"/{TOKEN}/{route}{way.replace(chr(0), '%00')}")
    assert response.status_code in (403, 404, 405), response.text
    assert "not for the browser" not in response.text
    assert "root:" not in response.text


@pytest.mark.parametrize("place", ["9/0/0", "0/1/0", "0/0/1", "0/99999999999/0"])
def test_a_tile_that_does_not_exist_is_refused(client: TestClient, place: str) -> None:
    refused(client.get(f"/{TOKEN}/tile/{place}"), 404, "no such tile")


def test_words_that_make_no_sense_are_refused_and_the_next_are_heard(client: TestClient) -> None:
    wrong = [
        "{",
        "[]",
        '{"do": "format"}',
        '{"do": "add", "strokes": []}',
        '{"do": "add", "strokes": [{"points": [[1]]}]}',
    ]
    wrong += ['{"do": "look", "tiles": 3}', '{"do": "undo"}', '{"do": "replace"}', "[" * 100_000]
    with talking(client) as talk:
        talk.receive_text()
        for words in wrong:
            talk.send_text(words)
            answer = heard(talk, "refused")
            assert (answer["ok"], answer["status"]) == (False, 422)
        refused(client.get(f"/{TOKEN}/color?x=1e9&y=0"), 422, "outside the photo")
        refused(client.get(f"/{TOKEN}/color?x=nan&y=0"), 422, "outside the photo")
        refused(client.get(f"/{TOKEN}/color"), 422, "wanted a number")
        refused(client.post(f"/{TOKEN}/export", content=b'{"format": "../x"}'), 422, "wanted tif")
        refused(client.post(f"/{TOKEN}/export", content=b'{"format": "jpg", "bits": 16}'), 422, "wanted tif")
        assert client.get(f"/{TOKEN}/state").json()["revision"] == 0


def test_files_are_found_when_the_program_starts_and_no_others_are_given(client: TestClient) -> None:
    given = {path.name for path in (Path(__file__).parents[3] / "hybrid/editor/static").iterdir()}
    assert {"index.html", "main.js", "style.css"} <= given
    for name in given:
        assert client.get(f"/{TOKEN}/static/{name}").status_code == 200
    assert client.get(f"/{TOKEN}/static/server.py").status_code == 404
