"""Serving one edit to this machine's browser."""

from __future__ import annotations

import contextlib
import secrets
import socket
import webbrowser
from collections.abc import Callable

import uvicorn

from hybrid.editor.api import application
from hybrid.editor.desk import Desk
from hybrid.editor.guard import Guard

LOCAL = "127.0.0.1"
MOST_MESSAGE = 4 << 20
"""Bytes of one message over the WebSocket: a stroke of the most points has less than 1 MB."""


def listening(port: int) -> socket.socket:
    """A socket on this machine's own address, at a free port if `port` is 0.

    Raises
    ------
    ValueError
        The port is taken or not allowed.
    """
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((LOCAL, port))
        found.listen(64)
    except (OSError, OverflowError) as error:
        found.close()
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"--port {port}: {reason}; leave it out for a free one") from None
    return found


def serve(desk: Desk, port: int, said: Callable[[str], None], with_browser: bool) -> None:
    """Serve until interrupted.

    Parameters
    ----------
    desk : the edit
    port : 0 for a free one
    said : told the address, with its token, once it answers
    with_browser : open it in the browser
    """
    with listening(port) as place:
        number, token = place.getsockname()[1], secrets.token_urlsafe(24)
        address = f"http://{LOCAL}:{number}/{token}/"
        config = uvicorn.Config(
            Guard(application(desk), number, token),
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="websockets-sansio",
            ws_max_size=MOST_MESSAGE,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=2,
            lifespan="on",
        )

        class Announced(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                if self.started:
                    said(address)
                    if with_browser:
                        webbrowser.open(address)

        with contextlib.suppress(KeyboardInterrupt):  # the usual end, after everything was saved
            Announced(config).run(sockets=[place])
