"""What a Dask worker's plugin says of an order, without a cluster."""

import types
from pathlib import Path

import pytest

from kerasmatrix.config.matrix import Environment, Limits
from kerasmatrix.engines.base import Task, WorkerLost
from kerasmatrix.engines.dask import worker_plugin as module
from kerasmatrix.engines.dask.messages import Order, Place
from kerasmatrix.engines.dask.worker_plugin import Machine
from kerasmatrix.environments.locks import Lock

TASK = Task("1", "load", "first", "h5", None, 10, 100)
PLACE = Place(
    Environment(name="tf2.4", tensorflow="2.4.0", python="3.8", as_of="2021-01-01"),
    Lock(Path("tf2.4.txt"), ""),
    Limits(),
    scenarios="",
)
KEY = "the key of Dask's task"


class Process:
    """As much of a Dask worker as the plugin asks for."""

    address = "tcp://here"

    def get_current_task(self):
        return KEY

    def log_event(self, topic, message):
        pass


class DyingWorker:
    """Its only task ends with the worker's death, after its order was called off in ``machine``."""

    def __init__(self, machine):
        self.machine = machine
        self.closed = False

    def close(self):
        self.closed = True

    def run(self, tasks):
        if self.machine:
            self.machine._labours[KEY].call_off()
        raise WorkerLost("the worker died: killed by signal 9")
        yield


@pytest.mark.parametrize(("calls_off", "how"), [(False, "lost"), (True, "trouble")])
def test_order_called_off_is_not_a_lost_worker(tmp_path, monkeypatch, calls_off, how):
    machine = Machine("one", recipe=None, artifacts=str(tmp_path / "parcels"))
    machine._process, machine._labours, machine._idle = Process(), {}, {}
    machine._lock, machine._folder = module.threading.Lock(), tmp_path
    machine._shelf = module.Shelf(tmp_path / "artifacts", module.Parcels(str(tmp_path / "p")))
    worker = DyingWorker(machine if calls_off else None)
    sight = types.SimpleNamespace(turn_to=lambda _: None)
    crew = module._Crew(worker, sight, tmp_path / "crew", apart=False)
    monkeypatch.setattr(machine, "_hire", lambda *_: crew)
    ending = machine.work(Order("an order", "one", PLACE, (TASK,)))
    assert (ending.how, worker.closed) == (how, True)
