"""The local engine as an engine of Dask workers, one of which is killed where it is told.

It is pickled by name, so it is here and not in a test module.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasmatrix.engines.base import Task, Worker
from kerasmatrix.engines.dask.inner_engine import LocalRecipe
from kerasmatrix.engines.local import LocalEngine
from tests.dask.fake import note, noted

__all__ = ["NotingLocalRecipe", "noted"]


@dataclass(frozen=True)
class NotingLocalRecipe(LocalRecipe):
    """How to make it. A file ``kill`` in ``notes`` kills the process that has the next answer."""

    notes: Path = Path()

    def build(self, folder: Path) -> NotingLocalEngine:
        return NotingLocalEngine(self.notes)


class NotingLocalEngine(LocalEngine):
    def __init__(self, notes: Path) -> None:
        super().__init__()
        self.notes = notes

    def open(self, environment, lock, workplace, limits) -> Worker:
        note(self.notes, "opened", environment=environment.name)
        worker = super().open(environment, lock, workplace, limits)
        ask = worker.run

        def run(tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
            for answer in ask(tasks):
                try:
                    (self.notes / "kill").unlink()
                except FileNotFoundError:
                    yield answer
                else:
                    note(self.notes, "killed")
                    os.kill(os.getpid(), signal.SIGKILL)

        worker.run = run
        return worker
