"""One order as its coordinator knows it: what is unanswered, who has it, whose word counts.

What a machine said before it was lost stays; what it still says afterwards does not count, so a
task has one answer, whoever comes back from the dead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from distributed import Client, Future

from kerasmatrix.engines.base import Task
from kerasmatrix.engines.dask.messages import Ending

__all__ = ["Answer", "Errand"]

# A task, its result, and the digest of what it has made.
Answer = tuple[Task, dict[str, Any], str | None]


class Errand:
    """An order of several tasks, in order, or of none. Used by one thread."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self.rest = {task.id: task for task in tasks}
        # Machines that were lost under the same task, or could not do it, and what was said last.
        self.failures = 0
        self.said = ""
        self.hint: str | None = None
        self.avoided: Counter[str] = Counter()
        self.sent_again: set[str] = set()
        self.future: Future[Ending] | None = None
        self.client: Client | None = None
        self.key = ""
        self.candidates: frozenset[str] = frozenset()
        self.preferred: frozenset[str] = frozenset()
        self.where: str | None = None
        self._attempt = ""
        self._answered = 0
        self.ending: Ending | None = None

    def given(
        self,
        key: str,
        client: Client,
        future: Future[Ending],
        candidates: Iterable[str],
        preferred: frozenset[str] = frozenset(),
    ) -> None:
        """Note that the order was given, anew or for the first time, and whom it was to go to."""
        self.preferred = preferred
        self.key, self.client, self.future = key, client, future
        self.candidates = frozenset(candidates)
        self.where, self.ending = None, None
        self._attempt, self._answered = "", 0

    def hear(self, message: Mapping[str, Any]) -> Answer | None:
        """Take in a message of the machine that has the order.

        Returns:
            The answer, if it is one and the first to its task.
        """
        if message["kind"] == "began":
            # Dask gives a task to another machine by itself when one is lost.
            self._attempt, self.where, self._answered = message["attempt"], message["where"], 0
            return None
        if message["attempt"] != self._attempt:
            return None
        self._answered += 1
        task = self.rest.pop(message["task"], None)
        if task is None:
            return None
        self.failures = 0
        return task, message["result"], message["artifact"]

    @property
    def ended(self) -> bool:
        """Whether it has come to its end and all that was said on the way has arrived."""
        ending = self.ending
        if ending is None:
            return False
        return not ending.attempt or (
            ending.attempt == self._attempt and self._answered >= ending.answered
        )

    def failed(self, where: str | None, why: str, hint: str | None = None) -> None:
        """Note that a machine did not do it."""
        self.failures += 1
        self.said, self.hint = why, hint
        if where:
            self.avoided[where] += 1
