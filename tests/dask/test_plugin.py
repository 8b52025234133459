"""The plugin of Dask workers, without a cluster."""

import types
from pathlib import Path

from kerasmatrix.config.matrix import Environment, Limits
from kerasmatrix.engines.base import Handshake, Task, WorkerDied
from kerasmatrix.engines.dask.messages import WorkerSpec
from kerasmatrix.engines.dask.worker_plugin import EnvironmentPlugin
from kerasmatrix.environments.locks import Lock
from kerasmatrix.errors import InfrastructureError

TASK = Task("1", "load", "first", "h5", None, 10, 100)
SPEC = WorkerSpec(
    Environment(name="tf2.4", tensorflow="2.4.0", python="3.8", as_of="2021-01-01"),
    Lock(Path("tf2.4.txt"), ""),
    Limits(),
    scenarios="",
    cache_name="",
)
KEY = "the key of the Dask task"


class Process:
    """The part of a Dask worker that the plugin uses."""

    address = "tcp://here"

    def __init__(self):
        self.task = types.SimpleNamespace(state="executing")
        self.state = types.SimpleNamespace(tasks={KEY: self.task}, nthreads=1)

    def get_current_task(self):
        return KEY


class Inner:
    """An inner engine with one worker."""

    sandbox = False

    def __init__(self, worker):
        self.worker = worker

    def create(self, folder):
        return self

    def prepare(self, environment, lock):
        pass

    def open(self, environment, lock, dirs, limits):
        return self.worker

    def close(self):
        pass


class DyingWorker:
    """Dies under its only task, after its job was cancelled if ``cancels`` says so."""

    hello = Handshake("2.4.0", "2.4.0", "3.8.1", 1.0)

    def __init__(self, process, cancels):
        self.process = process
        self.cancels = cancels
        self.closed = False

    def close(self):
        self.closed = True

    def run(self, tasks):
        if self.cancels:
            self.process.task.state = "cancelled"
        raise WorkerDied("the worker died: killed by signal 9")
        yield


class DyingOnce(DyingWorker):
    """Dies under the second task."""

    tasks = 0

    def run(self, tasks):
        for _ in tasks:
            self.tasks += 1
            if self.tasks == 2:
                raise WorkerDied("the worker died: killed by signal 9")
            yield {"ended": "returned"}


class AnsweringWorker(DyingWorker):
    """Answers each task; after the first, its job was cancelled."""

    def run(self, tasks):
        for self.answered, _ in enumerate(tasks, 1):
            yield {"ended": "returned"}
            self.process.task.state = "cancelled"


def run_job(folder, kind, tasks, *, cancels):
    """Run a job on a worker of some kind; return the worker and the result."""
    process = Process()
    worker = kind(process, cancels)
    plugin = EnvironmentPlugin("one", Inner(worker), str(folder / "remote"))
    plugin.open(process, folder)
    return worker, plugin.run_job(SPEC, tasks, {})


def test_worker_death_is_the_result_of_its_task(tmp_path):
    worker, result = run_job(tmp_path, DyingOnce, (TASK,) * 4, cancels=False)
    assert [type(each.result) for each in result.results] == [dict, WorkerDied, dict, dict]
    assert result.handshake
    assert worker.closed


def test_job_cancelled_is_not_a_dead_worker(tmp_path):
    worker, result = run_job(tmp_path, DyingWorker, (TASK,), cancels=True)
    assert type(result.error) is InfrastructureError
    assert worker.closed


def test_job_cancelled_ends_after_its_present_task(tmp_path):
    worker, result = run_job(tmp_path, AnsweringWorker, (TASK,) * 4, cancels=True)
    assert worker.answered == 2
    assert isinstance(result.error, InfrastructureError)
    assert worker.closed
