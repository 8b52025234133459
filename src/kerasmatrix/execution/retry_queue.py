"""What is to be done again, and nothing else: the agenda of a run that settles doubts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from kerasmatrix.execution.attempts import Causes
from kerasmatrix.execution.evaluate import Observed
from kerasmatrix.execution.plan import Plan
from kerasmatrix.execution.work_queue import Again, Agenda, Job

__all__ = ["Repetition"]


class Repetition(Agenda):
    """Jobs to do again, by environment. What is not known is left as it is."""

    def __init__(
        self, plan: Plan, causes: Causes, again: Iterable[Again], *, room: Callable[[], int]
    ) -> None:
        """Queue ``again``; ``room`` says how many workers may stay open."""
        self._again: dict[str, list[Again]] = {}
        for job in again:
            self._again.setdefault(job.environment, []).append(job)
        # A plan without rows has nothing else to queue.
        super().__init__(dataclasses.replace(plan, rows=()), Observed(), causes, room=room)

    @property
    def pending(self) -> int:
        """How many jobs are still to be done."""
        return sum(map(len, self._again.values()))

    @property
    def environments(self) -> int:
        """How many environments have something to do."""
        return len(self._again)

    def jobs(self) -> list[tuple[str, Job]]:
        """Return what would be done, each with its environment."""
        return [(name, job) for name, batch in self._again.items() for job in batch]

    def take(self) -> tuple[str, list[Job]] | None:
        """Return a free environment, which is busy from now on, and its jobs; None if none has."""
        free = [name for name in self._again if name not in self._busy]
        if not free:
            return None
        name = max(free, key=lambda each: len(self._again[each]))
        self._busy.add(name)
        return name, list(self._again.pop(name))

    def drop(self, environment: str) -> None:
        """Give up what an environment had to do: it cannot be had."""
        self._again.pop(environment, None)
