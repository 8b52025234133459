"""The interface for progress of a run."""

from __future__ import annotations

from typing import Protocol

from kerasmatrix.environments.uv_command import Download
from kerasmatrix.execution.jobs import Job

__all__ = ["Countable", "Listener"]


class Countable(Protocol):
    """A run, as far as a listener needs it."""

    @property
    def pending(self) -> int:
        """How many jobs have not ended, as far as is known."""

    def downloaded(self, environment: str) -> Download | None:
        """Return how much is downloaded of an environment that is being installed, if known."""


class Listener:
    """Gets the progress of a run, and ignores it: subclasses override what they show.

    Called from several threads, one at a time.
    """

    def begins(self, run: Countable) -> None:
        """A run is about to begin."""

    def ends(self) -> None:
        """The run has ended, for whatever reason."""

    def opening(self, environment: str) -> None:
        """A worker is being opened; the environment may have to be created first."""

    def started(self, environment: str, job: Job) -> None:
        """A task is under way."""

    def ended(self, environment: str, job: Job) -> None:
        """A job is done."""

    def left(self, environment: str) -> None:
        """An environment has no more tasks for now."""

    def lost(self, environment: str, reason: str) -> None:
        """A worker died and is opened again, or an environment is unavailable."""
