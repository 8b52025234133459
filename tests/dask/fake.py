"""The fake engine of the unit tests as an engine of Dask workers, with faults on demand.

It is pickled by name, so it is not in a test module. It runs in other processes, so events are
recorded in the files of a folder.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasmatrix.config.matrix import Environment
from kerasmatrix.engines.base import Task
from kerasmatrix.environments.locks import Lock
from tests.unit.fakes import FakeEngine

HELD_SECONDS = 60.0
# An environment variable that a nanny and all its processes share: a slow worker is replaced by
# another process, on the same machine.
MACHINE = "KERASMATRIX_TEST_MACHINE"


def what(task: Task) -> str:
    """A task's name that is the same in every run."""
    artifact = (task.artifact or "")[:6]
    return "-".join([task.kind, task.scenario, task.format, artifact, *task.remedies])


@dataclass(frozen=True)
class FakeConfig:
    """The fake engine on Dask workers.

    ``notes`` is the folder of records. A file ``kill-NAME`` in it kills the process that starts
    that task, and is removed; ``kill-always-NAME`` stays. ``hold`` makes tasks wait until it is
    removed.
    """

    notes: Path
    name: str = "fake"
    sandbox: bool = True
    trouble_in: str | None = None
    recipe: str = ""

    def trouble(self) -> str | None:
        return self.trouble_in

    def create(self, folder: Path) -> NotingEngine:
        return NotingEngine(self.notes)

    def cached(self) -> tuple[str, ...]:
        return ()

    def cache_name(self, environment: Environment, lock: Lock) -> str:
        return environment.name


class NotingEngine(FakeEngine):
    def __init__(self, notes: Path) -> None:
        super().__init__()
        self.notes = notes
        self.before_task = self._before

    def first_time(self, name: str) -> bool:
        try:
            (self.notes / f"first-{name}").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def prepare(self, environment: Environment, lock: Lock) -> None:
        note(self.notes, "prepared", environment=environment.name)
        super().prepare(environment, lock)

    def open(self, environment, lock, work_dirs, limits):
        note(self.notes, "opened", environment=environment.name)
        worker = super().open(environment, lock, work_dirs, limits)
        ask = worker.run

        def run(tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
            note(
                self.notes, "sees", environment=environment.name, tasks=len(tasks),
                of=sorted({task.scenario for task in tasks}),
                scenarios=sorted(path.name for path in work_dirs.scenarios.iterdir()),
                artifacts=sorted(path.name for path in work_dirs.artifacts.iterdir()),
            )  # fmt: skip
            return ask(tasks)

        worker.run = run
        return worker

    def close(self) -> None:
        note(self.notes, "closed", open=sum(not worker.closed for worker in self.workers))
        super().close()

    def _before(self, task: Task) -> None:
        note(self.notes, "task", task=what(task), id=task.id)
        if (self.notes / f"kill-always-{what(task)}").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            (self.notes / f"kill-{what(task)}").unlink()
        except FileNotFoundError:
            pass
        else:
            os.kill(os.getpid(), signal.SIGKILL)
        until(lambda: not (self.notes / "hold").exists(), "the task may go on", HELD_SECONDS)


def note(folder: Path, kind: str, **more: object) -> None:
    """Record an event in a file of this process."""
    machine = os.environ.get(MACHINE)
    line = json.dumps({"kind": kind, "process": os.getpid(), "machine": machine, **more})
    with (folder / f"notes-{os.getpid()}").open("a") as handle:
        handle.write(line + "\n")


def noted(folder: Path, kind: str) -> list[dict]:
    """Return the recorded events of one kind, of all processes."""
    lines = [
        json.loads(line)
        for path in sorted(folder.glob("notes-*"))
        for line in path.read_text().splitlines()
        if line.endswith("}")
    ]
    return [line for line in lines if line["kind"] == kind]


def until(condition, words: str, seconds: float = 60.0) -> None:
    """Poll a condition; fail if it does not become true in time."""
    deadline = time.monotonic() + seconds
    waiting = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {words}"
        waiting.wait(0.02)
