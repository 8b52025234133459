"""Jobs that fail in some way, and their tasks, without a cluster."""

import types
from pathlib import Path

import pytest
from distributed import CancelledError
from distributed.scheduler import KilledWorker

from kerasmatrix.config.matrix import Environment, Limits
from kerasmatrix.engines.base import EngineDisconnected, Handshake, Task, WorkDirs, WorkerDied
from kerasmatrix.engines.dask.engine import MOST_LOSSES, DaskWorker
from kerasmatrix.engines.dask.messages import (
    EnvironmentUnavailable,
    JobResult,
    TaskResult,
    WorkerSpec,
)
from kerasmatrix.engines.dask.transfer import ArtifactMissing
from kerasmatrix.environments.locks import Lock
from kerasmatrix.errors import InfrastructureError

HELLO = Handshake("2.4.0", "2.4.0", "3.8.1", 1.0)
SPEC = WorkerSpec(
    Environment(name="tf2.4", tensorflow="2.4.0", python="3.8", as_of="2021-01-01"),
    Lock(Path("tf2.4.txt"), ""),
    Limits(),
    scenarios="",
    cache_name="",
)
FIRST, SECOND = (Task(name, "load", "first", "h5", None, 10, 100) for name in ("1", "2"))


LOST = "lost"


class Future:
    """A future that has ended, or whose workers were lost."""

    def __init__(self, outcome):
        self.outcome = outcome

    def done(self):
        return self.outcome != LOST

    def result(self, timeout):
        return self.outcome

    def exception(self, timeout):
        if isinstance(self.outcome, CancelledError):
            raise self.outcome
        return self.outcome if isinstance(self.outcome, Exception) else None


class Cluster:
    """Ends each job as ``ends`` says, which is called with its tasks."""

    patience = 1.0

    def __init__(self, ends):
        self.ends = ends
        self.submitted = []

    def slots(self, task_mb):
        return 1

    def submit(self, job, spec, scenarios):
        self.submitted.append(job.tasks)
        job.future = Future(self.ends(job.tasks) if job.tasks else JobResult(handshake=HELLO))

    def wait(self, jobs):
        pass

    def has_lost_workers(self, job):
        return not job.future.done()

    def add_cached(self, name, address):
        pass

    def release(self, job):
        pass


class Transfer:
    """Sends nothing, and fetches nothing that is in ``missing``."""

    def __init__(self, missing=()):
        self.missing = missing
        self.again = []

    def send(self, folders):
        pass

    def send_again(self, digest):
        self.again.append(digest)

    def fetch(self, folders):
        for digest in folders.values():
            if digest in self.missing:
                raise ArtifactMissing(digest, "is not there")


def open_worker(ends, transfer=None):
    engine = types.SimpleNamespace(
        cluster=Cluster(ends), transfer=transfer or Transfer(), tasks_per_job=2,
        handshakes={}, results={}, active=set(),
    )  # fmt: skip
    dirs = WorkDirs(Path("scenarios"), Path("artifacts"), Path("scratch"))
    return engine, DaskWorker(engine, SPEC, dirs, {"first": "digest"})


def done(tasks, artifact=None):
    return JobResult(
        "here", tuple(TaskResult(task, {"of": task.id}, artifact) for task in tasks), HELLO
    )


def once(outcome):
    """Return a function that ends the first job so, and each later one well."""
    outcomes = [outcome]
    return lambda tasks: outcomes.pop() if outcomes else done(tasks)


def test_job_killing_its_workers_is_split():
    def ends(tasks):
        return KilledWorker("key", None, 3) if FIRST in tasks else done(tasks)

    engine, worker = open_worker(ends)
    with pytest.raises(WorkerDied, match="4 Dask workers in a row were lost") as death:
        next(worker.run((FIRST, SECOND)))
    assert death.value.machine
    assert engine.cluster.submitted[1:] == [(FIRST, SECOND), (FIRST,), (SECOND,)]
    assert list(worker.run((SECOND,))) == [{"of": "2"}]
    assert len(engine.cluster.submitted) == 4  # its result had arrived


@pytest.mark.parametrize(("losses", "dies"), [(MOST_LOSSES - 1, False), (MOST_LOSSES, True)])
def test_job_lost_with_others_is_tried_often(losses, dies):
    outcomes = [LOST] * losses
    _, worker = open_worker(lambda tasks: outcomes.pop() if outcomes else done(tasks))
    if dies:
        with pytest.raises(WorkerDied, match="Dask workers in a row were lost") as death:
            list(worker.run((FIRST,)))
        assert death.value.machine
    else:
        assert list(worker.run((FIRST,))) == [{"of": "1"}]


def test_job_cancelled_by_the_scheduler_is_submitted_again():
    engine, worker = open_worker(once(CancelledError("its scheduler is gone")))
    assert list(worker.run((FIRST, SECOND))) == [{"of": "1"}, {"of": "2"}]
    assert engine.cluster.submitted[1:] == [(FIRST, SECOND)] * 2


def test_artifact_missing_there_is_sent_again():
    missing = JobResult("here", error=ArtifactMissing("abc", "is damaged"))
    engine, worker = open_worker(once(missing))
    assert list(worker.run((FIRST,))) == [{"of": "1"}]
    assert engine.transfer.again == ["abc"]


def test_artifact_missing_here_is_a_fault_of_the_machine():
    transfer = Transfer(missing={"abc"})
    _, worker = open_worker(lambda tasks: done(tasks, "abc"), transfer)
    with pytest.raises(WorkerDied, match="artifact abc is not there") as death:
        list(worker.run((FIRST,)))
    assert death.value.machine


def test_environment_unavailable_later_is_opened_again():
    unavailable = JobResult("here", error=EnvironmentUnavailable("tf2.4: no space"))
    engine, worker = open_worker(lambda _: unavailable)
    with pytest.raises(WorkerDied, match="no space") as death:
        list(worker.run((FIRST, SECOND)))
    assert death.value.machine
    assert engine.handshakes == {}


def test_worker_death_is_the_result_of_its_task():
    death = WorkerDied("killed by signal 9", memory=True)
    first = TaskResult(FIRST, death)
    engine, worker = open_worker(lambda tasks: JobResult("", (first, *done((SECOND,))[1]), HELLO))
    with pytest.raises(WorkerDied, match="signal 9") as caught:
        next(worker.run((FIRST, SECOND)))
    assert (caught.value.memory, caught.value.machine) == (True, False)
    assert list(worker.run((SECOND,))) == [{"of": "2"}]
    assert engine.cluster.submitted[1:] == [(FIRST, SECOND)]


def test_job_failing_on_three_workers_disconnects():
    error = InfrastructureError("the place cannot be read", hint="make it readable")
    engine, worker = open_worker(lambda _: JobResult("here", error=error))
    with pytest.raises(EngineDisconnected, match="3 Dask workers in a row") as caught:
        list(worker.run((FIRST,)))
    assert caught.value.hint == "make it readable"
    assert len(engine.cluster.submitted) == 1 + 3
