"""The plugin of Dask workers, without a cluster."""

import types
from pathlib import Path

import pytest

from kerasmatrix.config.matrix import Environment, Limits
from kerasmatrix.engines.base import Task, WorkerDied
from kerasmatrix.engines.dask import worker_plugin as module
from kerasmatrix.engines.dask.messages import JobRequest, WorkerSpec
from kerasmatrix.engines.dask.worker_plugin import EnvironmentPlugin
from kerasmatrix.environments.locks import Lock

TASK = Task("1", "load", "first", "h5", None, 10, 100)
SPEC = WorkerSpec(
    Environment(name="tf2.4", tensorflow="2.4.0", python="3.8", as_of="2021-01-01"),
    Lock(Path("tf2.4.txt"), ""),
    Limits(),
    scenarios="",
)
KEY = "the key of the Dask task"


class Process:
    """The part of a Dask worker that the plugin uses."""

    address = "tcp://here"

    def get_current_task(self):
        return KEY


class DyingWorker:
    """Dies under its only task, after ``plugin`` cancelled the job, if there is one."""

    def __init__(self, plugin):
        self.plugin = plugin
        self.closed = False

    def close(self):
        self.closed = True

    def run(self, tasks):
        if self.plugin:
            self.plugin._jobs[KEY].cancel()
        raise WorkerDied("the worker died: killed by signal 9")
        yield


@pytest.mark.parametrize(("cancels", "status"), [(False, "died"), (True, "error")])
def test_job_cancelled_is_not_a_dead_worker(tmp_path, monkeypatch, cancels, status):
    plugin = EnvironmentPlugin("one", inner=None, artifacts=str(tmp_path / "remote"))
    plugin._process, plugin._jobs, plugin._idle = Process(), {}, []
    plugin._lock, plugin._folder = module.threading.Lock(), tmp_path
    transfer = module.ArtifactTransfer(str(tmp_path / "remote"))
    plugin._cache = module.ArtifactCache(tmp_path / "artifacts", transfer)
    worker = DyingWorker(plugin if cancels else None)
    view = types.SimpleNamespace(expose=lambda _: None)
    opened = module._OpenWorker(worker, view, tmp_path / "opened")
    monkeypatch.setattr(plugin, "_acquire", lambda *_: opened)
    result = plugin.run_job(JobRequest("one", SPEC, (TASK,)))
    assert (result.status, worker.closed) == (status, True)
