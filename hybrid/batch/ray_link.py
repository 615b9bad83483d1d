"""Being connected to a Ray cluster that runs already: refused in one line and in bounded time if it does not answer."""

from __future__ import annotations

import io
import logging
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO

from hybrid.batch.error import BatchError

KNOCK, ANSWER = 5.0, 40.0
"""Seconds to wait for the port, and for Ray behind it; a connection takes 2 to 5."""

QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""What keeps Ray from reporting home, and from advice on versions to come."""

_TRIAL = """
import logging, sys, ray
try:
    ray.init(address=sys.argv[1], log_to_driver=False, logging_level=logging.CRITICAL)
except Exception as error:
    sys.exit("REFUSED " + " ".join(str(error).split()))
print("CONNECTED")
"""


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """The module `ray`, connected to a cluster, until the context ends.

    Parameters
    ----------
    address : HOST:PORT of the cluster's head, or "auto" for the cluster that this machine is a node of

    Raises
    ------
    BatchError
        Ray is not installed, the address is none, or no cluster answers there.
    """
    _check_address(address)
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)  # read when it is loaded
    try:
        import ray
    except ImportError:
        raise BatchError("--cluster needs Ray; install it: pip install 'hybrid-colorizer[cluster]'") from None
    _knock(address)
    _try(address)
    with redirect_stdout(_WithoutRay(sys.stdout)):
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
            yield ray
        finally:
            with redirect_stdout(io.StringIO()):  # it prints what it had kept back, in this thread
                ray.shutdown()


class _WithoutRay(io.TextIOBase):
    """A stream that drops what Ray's own threads print: they have no other place for news of nodes than stdout."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Pass a text on, unless one of Ray's threads has it."""
        return len(text) if threading.current_thread().name.startswith("ray_") else self._stream.write(text)

    def flush(self) -> None:
        """As the stream's own."""
        self._stream.flush()


def _check_address(address: str) -> None:
    if address != "auto" and not re.fullmatch(r"[\w.-]+:\d{1,5}", address):
        raise BatchError(
            f"--cluster {address!r}; wanted HOST:PORT of a running Ray cluster's head, such as 10.0.0.1:6379, or auto"
        )


def _knock(address: str) -> None:
    """Refuse a port that nobody listens at: Ray itself would try for minutes."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=KNOCK).close()
    except (OSError, OverflowError) as error:
        raise _silent(address, getattr(error, "strerror", None) or str(error) or "no answer") from None


def _try(address: str) -> None:
    """Connect in a process of its own first: if what listens is no Ray, it does not come back for minutes."""
    command = [sys.executable, "-c", _TRIAL, address]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER)
    except subprocess.TimeoutExpired:
        raise _silent(address, f"no answer from Ray in {ANSWER:.0f} s") from None
    if "CONNECTED" not in done.stdout:
        said = [line.removeprefix("REFUSED ") for line in done.stderr.splitlines() if line.startswith("REFUSED ")]
        raise _silent(address, said[0][:300] if said else f"Ray ended with exit code {done.returncode}")


def _silent(address: str, why: str) -> BatchError:
    return BatchError(
        f"--cluster {address}: no Ray cluster answers ({why.rstrip('.')}); `ray start` makes this machine a node "
        "of one, `ray status` says whether it is"
    )
