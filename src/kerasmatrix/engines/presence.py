"""Whether there is a Docker Engine to work with."""

from __future__ import annotations

import contextlib
import os
import socket

__all__ = ["docker_trouble"]

# Where the SDK looks for a Docker Engine if nothing else is named.
SOCKET = "/var/run/docker.sock"
PING_SECONDS = 5


def docker_trouble() -> str | None:
    """Say in a line why no Docker Engine can be used here; None if one can."""
    if "DOCKER_HOST" not in os.environ and _answers(SOCKET):
        return None
    import docker.errors  # noqa: PLC0415 - it takes a tenth as long as a run that knows all
    import requests  # noqa: PLC0415 - as above

    import docker  # noqa: PLC0415 - as above

    try:
        client = docker.from_env(timeout=PING_SECONDS)
        try:
            client.ping()
        finally:
            client.close()
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        return str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
    return None


def _answers(path: str) -> bool:
    """Ask what the SDK's `ping` asks; where the answer is another, the SDK says what is wrong."""
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX) as engine,
    ):
        engine.settimeout(PING_SECONDS)
        engine.connect(path)
        engine.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
        protocol, _, rest = engine.recv(1024).partition(b" ")
        return protocol.startswith(b"HTTP/1.") and rest.startswith(b"200 ")
    return False
