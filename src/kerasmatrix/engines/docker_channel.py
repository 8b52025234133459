"""The connection to a container: starts it, and reads and writes its standard streams."""

from __future__ import annotations

import contextlib
import datetime
import struct
import threading
import time
from typing import Any

import docker.errors
import requests
from docker.models.containers import Container

import docker
from kerasmatrix.engines.protocol import ChannelClosed, ChannelTimeout
from kerasmatrix.harness import protocol

__all__ = ["DOCKER_ERRORS", "DockerChannel", "Frames"]

DOCKER_ERRORS = (docker.errors.DockerException, requests.RequestException, OSError)
STDOUT = 1  # its number in the header of a frame
# Bytes of the other output that the message about a dead worker repeats: the end says why.
LOG_TAIL = 2000
KILLED = 137  # 128 + SIGKILL, as Docker reports it
# The Docker Engine removes an ended container by itself; if it takes longer, it is asked to.
REMOVAL_SECONDS = 30.0


class Frames:
    """Decodes the stream of a container without a terminal.

    Each frame is a byte that names the stream, three of padding, the length in four bytes (big
    endian), and the data (Docker Engine API, "Attach to a container").
    """

    HEADER = struct.Struct(">BxxxL")

    def __init__(self) -> None:
        self._header = bytearray()
        self._stream, self._left = 0, 0

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return the parts of streams in ``data``, as (stream, content)."""
        parts = []
        position = 0
        while position < len(data):
            if self._left:
                content = data[position : position + self._left]
                parts.append((self._stream, content))
                self._left -= len(content)
                position += len(content)
                continue
            missing = self.HEADER.size - len(self._header)
            self._header += data[position : position + missing]
            position += missing
            if len(self._header) == self.HEADER.size:
                self._stream, self._left = self.HEADER.unpack(self._header)
                self._header.clear()
        return parts


class DockerChannel:
    """The standard streams of a container, which the constructor starts."""

    def __init__(self, client: docker.DockerClient, container: Container) -> None:
        self._client = client
        self._container = container
        self.is_removed = False
        self._frames = Frames()
        self._output = protocol.Buffer()
        self._errors = b""
        streams = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        attached = container.attach_socket(params=streams)
        # The SDK returns a reader around the socket, but both directions are needed.
        self._keep = attached
        self._socket: Any = getattr(attached, "_sock", attached)
        self._removal = threading.Thread(target=self._await_removal, daemon=True)
        self._removal.start()
        container.start()

    def write(self, data: bytes) -> None:
        """Send ``data``."""
        try:
            self._socket.sendall(data)
        except (OSError, ValueError):
            raise ChannelClosed from None

    def read_line(self, seconds: float) -> bytes:
        """Return the next line of the container's standard output."""
        deadline = time.monotonic() + seconds
        while (line := self._output.take()) is None:
            if self._output.overflowed:
                raise ChannelClosed  # the harness itself keeps to the limit
            try:
                if not self._is_readable(deadline - time.monotonic()):
                    raise ChannelTimeout
                data = self._socket.recv(65536)
            except (OSError, ValueError):
                raise ChannelClosed from None
            if not data:
                raise ChannelClosed
            for stream, content in self._frames.feed(data):
                if stream == STDOUT:
                    self._output.feed(content)
                else:
                    self._errors = (self._errors + content)[-LOG_TAIL:]
        return line

    def _is_readable(self, seconds: float) -> bool:
        """Return whether there is data to read within ``seconds``."""
        # The descriptor is not readable for data that TLS has decrypted already.
        pending = getattr(self._socket, "pending", None)
        if pending is not None and pending():
            return True
        return protocol.readable(self._socket.fileno(), seconds)

    def close(self) -> None:
        """Kill the container and wait until it is removed."""
        if not self.is_removed:
            with contextlib.suppress(*DOCKER_ERRORS):
                self._container.kill()
            self._removal.join(REMOVAL_SECONDS)
        if not self.is_removed:
            with contextlib.suppress(*DOCKER_ERRORS):
                self._container.remove(force=True)
        for stream in (self._keep, self._socket):
            with contextlib.suppress(*DOCKER_ERRORS):
                stream.close()

    def exit_reason(self) -> tuple[str, bool]:
        """Return how the container ended, with the end of its output."""
        self._removal.join(REMOVAL_SECONDS)
        code, memory = self._ending()
        if code is None:
            return "the Docker Engine does not say how its container ended", False
        tail = self._errors.decode("utf-8", "replace").strip()
        reason = f"exit code {code}"
        if code == KILLED:
            reason += " (killed, out of memory)" if memory else " (killed)"
        return (f"{reason}\n{tail}" if tail else reason), memory

    def _ending(self) -> tuple[int | None, bool]:
        """Return the exit code, and whether the container ran out of memory.

        A removed container cannot be inspected, but the Docker Engine still knows its events.
        """
        created = datetime.datetime.fromisoformat(self._container.attrs["Created"])
        code, shortage = None, False
        with contextlib.suppress(*DOCKER_ERRORS, ValueError):
            # By the Docker Engine's clock: it waits until the end of the period has come.
            now = datetime.datetime.fromisoformat(self._client.info()["SystemTime"])
            for event in self._client.events(
                # Whole seconds: others are refused, and the SDK does not report that.
                since=int(created.timestamp()),
                until=int(now.timestamp()) + 1,
                filters={"container": self._container.id, "event": ["oom", "die"]},
                decode=True,
            ):
                if event["Action"] == "die":
                    code = int(event["Actor"]["Attributes"]["exitCode"])
                else:
                    shortage = True
        # A child may have run out of memory before, and a container can be killed from outside.
        return code, shortage and code == KILLED

    def _await_removal(self) -> None:
        try:
            self._container.wait(timeout=None, condition="removed")
        except docker.errors.NotFound:
            pass  # it is removed already
        except DOCKER_ERRORS:
            return
        self.is_removed = True
