"""Who may talk to the editor: this machine's browser with the token, no other page, and nothing larger than agreed."""

from __future__ import annotations

import hmac
import json
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAMES = ("127.0.0.1", "localhost")
MOST_BYTES = 1 << 20
"""Of a request's body; a request carries a few words."""
HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}


class Refused(Exception):
    """A request that is not answered, with its HTTP status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


def error_body(status: int, reason: str) -> dict[str, Any]:
    """The one shape of errors."""
    return {"ok": False, "error": reason, "status": status}


class Guard:
    """ASGI middleware: checks Host, Origin, token and size of every request and WebSocket, and adds the headers.

    Paths are /TOKEN/...; the application behind sees /... alone.

    Parameters
    ----------
    app : behind it
    port : that the server listens at; 0 allows any, for tests without a socket
    token : the first part of every path
    most_bytes : of a body
    """

    def __init__(self, app: ASGIApp, port: int, token: str, most_bytes: int = MOST_BYTES) -> None:
        self._app, self._token, self._most_bytes = app, token, most_bytes
        self._hosts = {f"{name}:{port}" for name in NAMES}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            inner = self._checked(scope)
            await self._app(inner, self._limited(receive), _with_headers(send))
        except Refused as refused:
            await _refuse(scope, receive, send, refused)

    def _checked(self, scope: Scope) -> Scope:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            raise Refused(421, "this is not the address of the editor")
        origins = headers.getlist("origin")
        allowed = {f"http://{host}" for host in self._hosts}
        if any(origin.lower() not in allowed for origin in origins) or len(origins) > 1:
            raise Refused(403, "requests of other pages are not answered")
        if scope["type"] == "websocket" and not origins:
            raise Refused(403, "a WebSocket needs the editor's own page")
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise Refused(403, "requests of other pages are not answered")
        _, token, *rest = scope["path"].split("/", 2)
        if not hmac.compare_digest(token.encode(), self._token.encode()) or not rest:
            raise Refused(403, "no or a wrong token; open the address that the editor printed")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._most_bytes:
            raise Refused(413, f"a body of {length} bytes; at most {self._most_bytes}")
        path = "/" + rest[0]
        return {**scope, "path": path, "raw_path": path.encode(), "root_path": ""}

    def _limited(self, receive: Receive) -> Receive:
        """Count a body as it comes: a length that was not declared, or was too small, does not get by."""
        total = 0

        async def limited() -> Message:
            nonlocal total
            message = await receive()
            if message["type"] == "http.request":
                total += len(message.get("body", b""))
                if total > self._most_bytes:
                    raise Refused(413, f"a body of more than {self._most_bytes} bytes")
            return message

        return limited


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name.lower() for name, _ in message.get("headers", [])}
            more = [(k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in own]
            message = {**message, "headers": [*message.get("headers", []), *more]}
        await send(message)

    return sending


async def _refuse(scope: Scope, receive: Receive, send: Send, refused: Refused) -> None:
    if scope["type"] == "websocket":
        await receive()  # the handshake; closing before it is accepted answers 403
        await send({"type": "websocket.close", "code": 1008, "reason": refused.reason})
        return
    body = json.dumps(error_body(refused.status, refused.reason)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    sending = _with_headers(send)
    await sending({"type": "http.response.start", "status": refused.status, "headers": headers})
    await sending({"type": "http.response.body", "body": body})
