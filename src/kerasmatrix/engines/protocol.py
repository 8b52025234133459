"""The conversation with a harness, in lines of JSON over a channel.

A channel carries bytes: the pipes of a process, or the streams of a container.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from kerasmatrix.config.backend import BACKENDS, TENSORFLOW
from kerasmatrix.config.matrix import Environment
from kerasmatrix.engines.base import Handshake, Task, WorkerDied, WorkerStartFailed, unavailable
from kerasmatrix.harness import protocol
from kerasmatrix.harness.deadline import PATIENCE

__all__ = ["SILENT", "Channel", "ChannelClosed", "ChannelTimeout", "ConversingWorker"]

# The harness enforces deadlines itself, in processor time. It hangs if it has not answered so long
# after the latest time at which it should.
GRACE_SECONDS = 30.0
# A task that hangs in a shared child is run again in its own child.
CHILDREN = 2
SILENT = "the worker did not answer after the deadline"


class ChannelClosed(Exception):
    """The other side is gone."""


class ChannelTimeout(Exception):
    """No line arrived in time."""


class Channel(Protocol):
    """A two-way stream of lines to a harness."""

    def write(self, data: bytes) -> None:
        """Send ``data``; raises `ChannelClosed`."""

    def read_line(self, seconds: float) -> bytes:
        """Return the next line; raises `ChannelClosed` or `ChannelTimeout`."""

    def close(self) -> None:
        """End the other side. May be called twice, and from any thread."""

    def exit_reason(self) -> tuple[str, bool]:
        """Return how the other side ended, and whether it ran out of memory."""


class ConversingWorker:
    """A worker at the other end of a channel."""

    def __init__(self, channel: Channel, environment: Environment, open_seconds: float) -> None:
        """Wait for the first message of the harness.

        Raises:
            InfrastructureError: TensorFlow cannot be imported, in time or at all.
        """
        self._channel = channel
        try:
            self.hello = self._handshake(environment, open_seconds)
        except BaseException:
            self.close()
            raise

    def run(self, tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
        """Send ``tasks`` together, and yield their results as they arrive."""
        with self._as_death():
            request = {
                "kind": "batch",
                "protocol": protocol.PROTOCOL,
                "tasks": [dataclasses.asdict(task) for task in tasks],
            }
            self._channel.write(protocol.encode(request))
        for task in tasks:
            # The harness answers in the order of the tasks; a model may forge another answer.
            with self._as_death():
                line = self._channel.read_line(CHILDREN * PATIENCE * task.deadline + GRACE_SECONDS)
                message = protocol.decode(line)
            if message.get("kind") != "result" or message.get("id") != task.id:
                raise WorkerDied("the worker answered another question")
            yield message

    @contextlib.contextmanager
    def _as_death(self) -> Iterator[None]:
        """Turn every fault of the channel into `WorkerDied`."""
        try:
            yield
        except ChannelTimeout:
            raise WorkerDied(SILENT) from None
        except ChannelClosed:
            reason, memory = self._channel.exit_reason()
            raise WorkerDied(f"the worker died: {reason}", memory=memory) from None
        except ValueError:
            raise WorkerDied("the worker answered with something that is not JSON") from None

    def close(self) -> None:
        """End the worker."""
        self._channel.close()

    def _handshake(self, environment: Environment, open_seconds: float) -> Handshake:
        try:
            message = protocol.decode(self._channel.read_line(open_seconds))
        except ChannelTimeout:
            raise unavailable(
                environment, f"{_imports(environment)} was not imported within {open_seconds:g} s"
            ) from None
        except ChannelClosed:
            reason, _ = self._channel.exit_reason()
            raise WorkerStartFailed(
                f"{environment.name}: the worker did not start: {reason}"
            ) from None
        except (ValueError, json.JSONDecodeError):
            raise unavailable(environment, "the first message of the worker is not JSON") from None
        if message.get("protocol") != protocol.PROTOCOL:
            raise unavailable(
                environment,
                f"the harness speaks protocol {message.get('protocol')}, not {protocol.PROTOCOL}",
            )
        if message.get("kind") != "hello":
            error = message.get("error", {})
            raise unavailable(
                environment,
                f"{_imports(environment)} cannot be imported: "
                f"{error.get('type')}: {error.get('message')}",
            )
        names = [field.name for field in dataclasses.fields(Handshake)]
        return Handshake(**{name: message[name] for name in names if name in message})


def _imports(environment: Environment) -> str:
    """Return what a worker imports, as messages call it."""
    title = BACKENDS[environment.backend].title
    return title if environment.backend == TENSORFLOW else f"Keras with the backend {title}"
