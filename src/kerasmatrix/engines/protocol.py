"""Talks JSON lines with a harness over a channel; both real engines use it.

The channel is whatever carries bytes: pipes of a process, the stream of a container.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from kerasmatrix.config.matrix import Environment
from kerasmatrix.engines.base import Hello, NotStarted, Task, WorkerLost, unavailable
from kerasmatrix.harness import protocol
from kerasmatrix.harness.child import PATIENCE

__all__ = ["SILENT", "Channel", "ChannelClosed", "ChannelTimeout", "ConversingWorker"]

# The harness keeps deadlines itself, in processor time; if it does not answer this long after the
# longest it can take for that, it hangs.
GRACE_SECONDS = 30.0
# What hangs in a child that had done other tasks is done again in one of its own.
CHILDREN = 2
SILENT = "the worker did not answer after the deadline"


class ChannelClosed(Exception):
    """The other side is gone."""


class ChannelTimeout(Exception):
    """Nothing came in time."""


class Channel(Protocol):
    """A two-way stream of lines to a harness."""

    def write(self, data: bytes) -> None:
        """Send ``data``; raises `ChannelClosed`."""

    def read_line(self, seconds: float) -> bytes:
        """Return the next line; raises `ChannelClosed` or `ChannelTimeout`."""

    def close(self) -> None:
        """End the other side. May be called twice, and from any thread."""

    def epitaph(self) -> tuple[str, bool]:
        """Say how the other side ended, and whether memory was the reason."""


class ConversingWorker:
    """A worker at the other end of a channel."""

    def __init__(self, channel: Channel, environment: Environment, open_seconds: float) -> None:
        """Wait for the harness's hello.

        Raises:
            InfrastructureError: TensorFlow cannot be imported, in time or at all.
        """
        self._channel = channel
        try:
            self.hello = self._greet(environment, open_seconds)
        except BaseException:
            self.close()
            raise

    def run(self, tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
        """Send ``tasks`` in one go and yield their results as they come."""
        with self._losses():
            request = {
                "kind": "batch",
                "protocol": protocol.PROTOCOL,
                "tasks": [dataclasses.asdict(task) for task in tasks],
            }
            self._channel.write(protocol.encode(request))
        for task in tasks:
            with self._losses():
                line = self._channel.read_line(CHILDREN * PATIENCE * task.deadline + GRACE_SECONDS)
                message = protocol.decode(line)
            if message.get("kind") != "result" or message.get("id") != task.id:
                raise WorkerLost("the worker answered another question")
            yield message

    @contextlib.contextmanager
    def _losses(self) -> Iterator[None]:
        """Turn what can go wrong with the channel into `WorkerLost`."""
        try:
            yield
        except ChannelTimeout:
            raise WorkerLost(SILENT) from None
        except ChannelClosed:
            how, memory = self._channel.epitaph()
            raise WorkerLost(f"the worker died: {how}", memory=memory) from None
        except ValueError:
            raise WorkerLost("the worker answered with something that is not JSON") from None

    def close(self) -> None:
        """End the worker."""
        self._channel.close()

    def _greet(self, environment: Environment, open_seconds: float) -> Hello:
        try:
            message = protocol.decode(self._channel.read_line(open_seconds))
        except ChannelTimeout:
            raise unavailable(
                environment, f"TensorFlow was not imported within {open_seconds:g} s"
            ) from None
        except ChannelClosed:
            how, _ = self._channel.epitaph()
            raise NotStarted(f"{environment.name}: the worker did not start: {how}") from None
        except (ValueError, json.JSONDecodeError):
            raise unavailable(environment, "the worker's hello is not JSON") from None
        if message.get("protocol") != protocol.PROTOCOL:
            raise unavailable(
                environment,
                f"the harness speaks protocol {message.get('protocol')}, not {protocol.PROTOCOL}",
            )
        if message.get("kind") != "hello":
            error = message.get("error", {})
            raise unavailable(
                environment,
                f"TensorFlow cannot be imported: {error.get('type')}: {error.get('message')}",
            )
        names = [field.name for field in dataclasses.fields(Hello)]
        return Hello(**{name: message[name] for name in names if name in message})
