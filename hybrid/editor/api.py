"""What the browser may ask for over HTTP and the WebSocket. No path of the file system is ever taken from a request."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from hybrid.editor.desk import Desk
from hybrid.editor.guard import Refused, error_body
from hybrid.hints import VERSION
from hybrid.marked import overlay

STATIC = Path(__file__).parent / "static"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
SMALL_BODY = 4096
"""Bytes of a request that carries a few words."""
TILE_CACHE = {"cache-control": "private, max-age=3600"}


def application(desk: Desk) -> Starlette:
    """The ASGI application of one edit; `hybrid.editor.guard` belongs in front of it."""
    files = {path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in TYPES}

    async def page(request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        if name not in files:
            raise HTTPException(404, "there is no such file")
        return Response(files[name], media_type=TYPES[Path(name).suffix])

    async def state(_: Request) -> Response:
        return JSONResponse({"ok": True, **desk.state()})

    async def tile(request: Request) -> Response:
        place = [request.path_params[name] for name in ("level", "column", "row")]
        if not desk.pyramid.has(*place):
            raise HTTPException(404, "the photo has no such tile")
        picture = await run_in_threadpool(desk.pyramid.tile, *place)
        return Response(picture, media_type="image/jpeg", headers=TILE_CACHE)

    async def color(request: Request) -> Response:
        x, y = (_number(request.query_params.get(name)) for name in ("x", "y"))
        return JSONResponse({"ok": True, **desk.color_at(x, y)})

    async def doubt(_: Request) -> Response:
        return JSONResponse({"ok": True, **desk.doubt()})

    async def hints(_: Request) -> Response:
        photo, document = desk.material.photo, desk.document
        height, width = photo.lightness.shape
        image = {"width": width, "height": height, "sha256": desk.material.project.sha256}
        shown = [hint for _, hint in sorted(document.hints.items()) if not hint.get("is_hidden")]
        return JSONResponse({"version": VERSION, "image": image, "hints": shown}, headers=download(".hints.json"))

    async def drawn(_: Request) -> Response:
        strokes = list(desk.document.strokes().values())
        picture = await run_in_threadpool(overlay, strokes, desk.material.photo.lightness)
        return Response(picture, media_type="image/png", headers=download(".strokes.png"))

    def download(ending: str) -> dict[str, str]:
        name = _quoted(desk.material.project.path.stem + ending)
        return {"content-disposition": f"attachment; filename=strokes{ending}; filename*=UTF-8''{name}"}

    async def export(request: Request) -> Response:
        if request.method == "DELETE":
            desk.cancel_export()
        else:
            wish = await _json(request)
            desk.export(wish.get("format", "tif"), wish.get("bits", 16))
        return JSONResponse({"ok": True})

    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        tab = desk.join()
        sending = asyncio.create_task(_send_all(socket, tab.letters()))
        try:
            while True:
                text = await socket.receive_text()
                try:
                    await desk.ask(json.loads(text), tab)
                except (ValueError, RecursionError) as error:
                    tab.say(json.dumps({"type": "refused", **error_body(422, str(error).lstrip(": "))}))
        except (WebSocketDisconnect, KeyError):  # KeyError: bytes came instead of text
            pass
        finally:
            desk.leave(tab)
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError, RuntimeError, WebSocketDisconnect):
                await sending

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await desk.open()
        yield
        await desk.close()

    routes: list[Route | WebSocketRoute] = [
        Route("/", page),
        Route("/static/{name}", page),
        Route("/state", state),
        Route("/tile/{level:int}/{column:int}/{row:int}", tile),
        Route("/color", color),
        Route("/doubt", doubt),
        Route("/hints", hints),
        Route("/overlay", drawn),
        Route("/export", export, methods=["POST", "DELETE"]),
        WebSocketRoute("/talk", talk),
    ]
    handlers: Any = {HTTPException: _http_error, ValueError: _value_error, Refused: _refused, Exception: _unexpected}
    return Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)


async def _send_all(socket: WebSocket, letters: AsyncIterator[str | bytes]) -> None:
    async for letter in letters:
        if isinstance(letter, str):
            await socket.send_text(letter)
        else:
            await socket.send_bytes(letter)


async def _json(request: Request) -> dict[str, Any]:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > SMALL_BODY:
            raise HTTPException(413, f"a body of more than {SMALL_BODY} bytes")
    content = json.loads(body or b"{}")
    if not isinstance(content, dict):
        raise ValueError("wanted a JSON object")
    return content


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        raise ValueError(f"{text!r}: wanted a number") from None


def _quoted(name: str) -> str:
    return "".join(
        c if c.isascii() and (c.isalnum() or c in "-_.") else "".join(f"%{b:02X}" for b in c.encode()) for c in name
    )


def _error(status: int, reason: str) -> JSONResponse:
    return JSONResponse(error_body(status, reason), status)


async def _http_error(_: Request, error: HTTPException) -> Response:
    return _error(error.status_code, error.detail)


async def _value_error(_: Request, error: ValueError) -> Response:
    return _error(422, str(error))


async def _refused(_: Request, refused: Refused) -> Response:
    return _error(refused.status, refused.reason)


async def _unexpected(_: Request, error: Exception) -> Response:
    return _error(500, type(error).__name__)
