"""Runs functions as tasks in real children."""

import time
from pathlib import Path

from kerasmatrix.harness import batch
from kerasmatrix.harness.child_process import Settings

MEMORY = 512


class Task:
    """A function with the attributes that `batch.run` reads."""

    stage = folder = None

    def __init__(self, function, deadline=20, group="all"):
        self.function = function
        self.deadline = deadline
        self.group = group

    def __call__(self):
        return self.function()


class FakeState:
    """The state of a process in which ``change`` cannot be undone."""

    change = None

    def restore(self):
        return FakeState.change


SETTINGS = Settings(MEMORY, state=FakeState())


def run(function, settings=None, watch=None, **options):
    (result,) = batch.run([Task(function, **options)], settings or Settings(MEMORY), watch)
    return result


def run_batch(*tasks, settings=SETTINGS):
    """Run tasks in one batch; each may be a function."""
    tasks = [task if isinstance(task, Task) else Task(task) for task in tasks]
    return list(batch.run(tasks, settings))


def endings(results):
    return [result["ended"] for result in results]


def is_gone(pid):
    """Whether the process has ended, asked until the kernel has had time to end it."""
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
    return False
